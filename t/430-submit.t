#!/usr/bin/perl
# The sendmail command as other programs call it: with the daemons up and down,
# by its owner and, where we are root, by somebody else.
use strict;
use warnings;

use Test::More;

use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'sbin/sendmail', 'sbin/postdrop',
	'libexec/barid/pickup', 'libexec/barid/local');
is_foreign_setgid(installed('sbin/postdrop')) and
    plan(skip_all => 'postdrop is not ours: it takes no configuration of ours');

my $t = Barid::Test->new(main => {
	virtual_mailbox_maps => 'regexp:{ {/^([a-z0-9]+)@/ $$1/} }',
});
my $from = 'from@client.test';
my @sendmail = (installed('sbin/sendmail'), '-C', "$t->{dir}/etc");

sub text_for { return odd_message($from, "$_[0]\@example.test", $_[0]) }

sub arrives
{
	my ($name, $text) = @_;
	my @got = $t->wait_maildir($name, 1);

	is(scalar @got, 1, 'one message arrives');
	is(ends_with($got[0], $text), 'ok', 'as it was sent');
	return $got[0] // '';
}

$t->start;

subtest 'sendmail' => sub {
	my $text = text_for('plain');
	my $sent = run_command({ stdin => $text }, @sendmail, '-i', '-f', $from,
		'plain@example.test');

	is($sent->{exit}, 0, 'takes it') or diag($sent->{err});
	my $got = arrives('plain', $text);
	is(header_of($got, 'Return-Path'), "<$from>", 'with -f as sender');
	like(header_of($got, 'Received'), qr/\(.*, from userid $>\)/,
		'Received says who');
	like($t->wait_log(qr/pickup\[.*: uid=/),
		qr/: uid=$> from=<\Q$from\E>/, 'and so does the log');
};

subtest 'sendmail -t' => sub {
	my $sent = run_command({ stdin => "From: $from\nTo: t1\@example.test,\n" .
		" \"T two\" <t2\@example.test>\nCc: t3\@example.test\n" .
		"Bcc: t4\@example.test\nSubject: t\n\nhello\n" },
		@sendmail, '-t', '-f', $from);

	is($sent->{exit}, 0, 'takes it') or diag($sent->{err});
	for my $name (qw(t1 t2 t3 t4)) {
		my @got = $t->wait_maildir($name, 1);
		is(scalar @got, 1, "$name gets a copy");
		unlike($got[0] // '', qr/^Bcc:/m, 'without Bcc');
	}
};

subtest 'a dot alone' => sub {
	my $text = "Subject: dot\nFrom: $from\n\nbefore\n.\nafter\n";
	for my $way ([ 'dot' ], [ 'nodot', '-i' ], [ 'nodot2', '-oi' ]) {
		my ($name, @options) = @$way;
		my $sent = run_command({ stdin => $text }, @sendmail, @options,
			'-f', $from, "$name\@example.test");

		is($sent->{exit}, 0, "$name: taken") or diag($sent->{err});
		my ($got) = $t->wait_maildir($name, 1);
		is(body_of($got // ''), @options ? "before\n.\nafter\n" :
			"before\n", @options ? 'is text' : 'is the end');
	}
};

subtest 'sendmail -bs' => sub {
	my $sent = run_command({ stdin => join("\r\n", 'EHLO client.test',
		"MAIL FROM:<$from>", 'RCPT TO:<bs@example.test>', 'DATA',
		"From: $from", 'Subject: bs', '', 'hello', '.', 'QUIT', '') },
		@sendmail, '-bs');

	is($sent->{exit}, 0, 'is a session') or diag($sent->{err});
	like($sent->{out}, qr/^354 .*^250 .*queued as \w+\r\n221 /ms,
		'that takes mail') or diag($sent->{out});
	is(scalar(my @got = $t->wait_maildir('bs', 1)), 1, 'which arrives');
};

subtest 's-nail' => sub {
	my $nail = have_peer('s-nail') or plan(skip_all => 'no s-nail');
	my $wrapper = $t->etc('wrapper', "#!/bin/sh\nexec " .
	    join(' ', map { "'$_'" } @sendmail) . " \"\$@\"\n");

	chmod(0755, $wrapper);
	my $sent = run_command({ stdin => "Hello,\n.\nworld\n",
		env => { HOME => $t->{dir}, MAILRC => '/dev/null' } },
		$nail, '-:/', '-S', "mta=$wrapper", '-S', 'sendwait',
		'-S', "from=$from", '-r', $from, '-s', 'by mail',
		'nail@example.test');
	is($sent->{exit}, 0, 'is content') or diag($sent->{out}, $sent->{err});
	my ($got) = $t->wait_maildir('nail', 1);
	is(header_of($got // '', 'Subject'), 'by mail', 'its mail arrives');
	is(body_of($got // ''), "Hello,\n.\nworld\n", 'whole');
};

subtest "Python's way" => sub {
	my $python = have_peer('python3') or plan(skip_all => 'no python3');
	my $sent = run_command($python, '-c', <<'END', @sendmail);
import subprocess, sys
from email.message import EmailMessage
m = EmailMessage()
m["From"] = "from@client.test"
m["To"] = "snake@example.test"
m["Subject"] = "from a script"
m.set_content("hello\n")
subprocess.run(sys.argv[1:] + ["-t", "-oi"], input=m.as_bytes(), check=True)
END
	is($sent->{exit}, 0, 'is content') or diag($sent->{err});
	is(scalar(my @got = $t->wait_maildir('snake', 1)), 1, 'it arrives');
};

# Its set-gid helper would write wherever that configuration says.
subtest 'another user' => sub {
	plan(skip_all => 'only root can be another user') if $> != 0;
	plan(skip_all => 'postdrop is not set-gid')
	    unless (stat installed('sbin/postdrop'))[2] & 02000;
	my $sent = run_command({ stdin => "Subject: x\n\nx\n" }, $^X, '-e',
		<<'END',
use POSIX;
$( = 65534; $) = '65534 65534';
POSIX::setuid(65534) or die "setuid: $!";
chdir('/');
exec { $ARGV[0] } @ARGV or die "exec: $!";
END
		@sendmail, '-i', '-f', $from, 'other@example.test');
	isnt($sent->{exit}, 0, 'may not name any configuration');
	like($sent->{err}, qr/alternate_config_directories/, 'and is told why');
	is(scalar(my @ids = $t->queue_ids), 0, 'nothing is queued');
};

subtest 'nobody to take it' => sub {
	for my $case ([ 64, '-bogus' ], [ 64 ]) {
		my ($exit, @arguments) = @$case;
		my $sent = run_command({ stdin => "x\n" }, @sendmail,
			@arguments);
		isnt($sent->{exit}, 0, "refused: sendmail @arguments");
		isnt($sent->{err}, '', 'with a message');
	}
};

subtest 'the daemons are down' => sub {
	ok($t->stop, 'stopped');
	my $text = text_for('down');
	my $sent = run_command({ stdin => $text }, @sendmail, '-i', '-f', $from,
		'down@example.test');
	is($sent->{exit}, 0, 'it is taken all the same') or
	    diag($sent->{err});
	is(scalar(my @ids = $t->queue_ids('maildrop')), 1, 'and waits');
	$t->start;
	arrives('down', $text);
};

ok($t->wait_queue_empty, 'nothing stays in the queue');
ok($t->stop, 'all processes end');
done_testing();
