#!/usr/bin/perl
# What other programs send by SMTP, compared byte for byte with what lies in
# the mailbox.
use strict;
use warnings;

use Net::SMTP;
use Test::More;

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/local');

my $t = Barid::Test->new(main => {
	virtual_mailbox_maps => 'regexp:{ {/^([a-z0-9]+)@/ $$1/} }',
	# By default $mynetworks, and that is us.
	smtpd_forbid_bare_newline_exclusions => '',
});
my $from = 'from@client.test';

$t->start;
# No configuration of whoever runs this.
$ENV{HOME} = "$t->{dir}/home";
mkdir($ENV{HOME});

# One message for each client: its text is what arrives.
sub arrives
{
	my ($name, $text) = @_;
	my @got = $t->wait_maildir($name, 1);

	is(scalar @got, 1, 'one message arrives');
	is(ends_with($got[0], $text), 'ok', 'as it was sent');
	is(header_of($got[0] // '', 'Return-Path'), "<$from>",
		'from its sender');
	return $got[0];
}

sub text_for { return odd_message($from, "$_[0]\@example.test", $_[0]) }

for my $way ('plain', 'pipeline') {
	subtest "swaks, $way" => sub {
		my $swaks = have_peer('swaks') or plan(skip_all => 'no swaks');
		my $name = "swaks$way";
		my $text = text_for($name);
		my $file = "$t->{dir}/$name";

		# It takes the last line end for its own.
		write_file($file, $text =~ s/\n\z//r);
		my $sent = run_command($swaks, '--server', '127.0.0.1',
			'--port', $t->{port}, '--from', $from, '--to',
			"$name\@example.test", '--data', "\@$file",
			$way eq 'pipeline' ? '--pipeline' : ());
		is($sent->{exit}, 0, 'is content') or
		    diag($sent->{out}, $sent->{err});
		arrives($name, $text);
	};
}

subtest 'msmtp' => sub {
	my $msmtp = have_peer('msmtp') or plan(skip_all => 'no msmtp');
	my $text = text_for('msmtp');
	my $sent = run_command({ stdin => $text }, $msmtp,
		'--host=127.0.0.1', "--port=$t->{port}", '--tls=off',
		'--auth=off', "--from=$from", 'msmtp@example.test');

	is($sent->{exit}, 0, 'is content') or diag($sent->{err});
	arrives('msmtp', $text);
};

subtest "Python's smtplib" => sub {
	my $python = have_peer('python3') or plan(skip_all => 'no python3');
	my $text = text_for('python');
	my $sent = run_command({ stdin => $text }, $python, '-c', <<'END',
import smtplib, sys
text = sys.stdin.buffer.read().replace(b"\n", b"\r\n")
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), "client.test") as s:
    s.sendmail(sys.argv[2], [sys.argv[3]], text, ["BODY=8BITMIME"])
    try:
        s.sendmail(sys.argv[2], ["nobody@nowhere.test", "python@example.test"],
            text.replace(b"python@", b"again@"))
    except smtplib.SMTPRecipientsRefused as e:
        sys.exit("refused: %r" % e.recipients)
END
		$t->{port}, $from, 'python@example.test');

	is($sent->{exit}, 0, 'is content') or diag($sent->{err});
	my @got = $t->wait_maildir('python', 2);
	is(scalar @got, 2, 'two messages in one connection arrive');
	is(scalar(grep { ends_with($_, $text) eq 'ok' } @got), 1,
		'as they were sent');
};

subtest "Python's smtplib, SMTPUTF8" => sub {
	my $python = have_peer('python3') or plan(skip_all => 'no python3');
	my $sent = run_command($python, '-c', <<'END', $t->{port});
import smtplib, sys
from email.message import EmailMessage
import email.policy
m = EmailMessage(policy=email.policy.SMTPUTF8)
m["From"] = "J\u00f6rg <j\u00f6rg@client.test>"
m["To"] = "utf8@example.test"
m["Subject"] = "Gr\u00fc\u00dfe"
m.set_content("\u20ac\n")
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), "client.test") as s:
    s.send_message(m)
END
	is($sent->{exit}, 0, 'is content') or diag($sent->{err});
	my ($got) = $t->wait_maildir('utf8', 1);
	is(header_of($got, 'Return-Path'), "<j\xc3\xb6rg\@client.test>",
		'the sender is UTF-8');
	is(header_of($got, 'Subject'), "Gr\xc3\xbc\xc3\x9fe",
		'and so are the headers');
	like(header_of($got, 'Received'), qr/with UTF8SMTP id/,
		'Received says how');
};

subtest "Perl's Net::SMTP" => sub {
	my $text = text_for('perl');
	my $s = Net::SMTP->new('127.0.0.1', Port => $t->{port},
		Hello => 'client.test', Timeout => 20) or
	    return fail("connect: $@");

	is($s->supports('SIZE'), 10240000, 'reads what is offered');
	ok($s->mail($from, Size => length $text, Bits => '8'), 'MAIL');
	ok($s->to('perl@example.test'), 'RCPT');
	ok(!$s->to('relay@nowhere.invalid.') || 1, 'another RCPT');
	$s->reset;
	ok($s->mail($from) && $s->to('perl@example.test'), 'after RSET');
	ok($s->data($text), 'DATA') or diag($s->message);
	$s->quit;
	arrives('perl', $text);
};

# --- Line ends (RFC 5321 2.3.8, 4.1.1.4) -------------------------------------------

# Send these bytes after DATA, as they are; the mailbox's only message.
sub raw_content
{
	my ($name, $bytes) = @_;
	my $d = $t->connect;

	$d->expect(220);
	$d->send('EHLO client.test');
	$d->expect(250);
	$d->send("MAIL FROM:<$from>");
	$d->expect(250);
	$d->send("RCPT TO:<$name\@example.test>");
	$d->expect(250);
	$d->send('DATA');
	$d->expect(354);
	$d->send_raw($bytes);
	return $d;
}

subtest 'bare LF as line end' => sub {
	my $text = text_for('barelf');
	my $d = raw_content('barelf', $text =~ s/^\./../mgr . "\r\n.\r\n");

	$d->expect(250);
	arrives('barelf', "$text\n");
};

my $smuggled = join "\r\n", 'MAIL FROM:<evil@client.test>',
    'RCPT TO:<smuggled@example.test>', 'DATA', 'Subject: smuggled', '', 'x';
my %ends = (lfdotlf => "\n.\n", lfdotcrlf => "\n.\r\n", crlfdotlf => "\r\n.\n",
	crdotcr => "\r.\r", crlfdotcr => "\r\n.\r", dotcr => "\r\n.\r\r\n",
	nuldot => "\r\n\0.\r\n");

for my $name (sort keys %ends) {
	subtest "no second message after $name" => sub {
		my $d = raw_content($name, "From: <$from>\r\n" .
		    "Subject: first\r\n\r\nfirst" .
		    "$ends{$name}$smuggled\r\n.\r\n");

		$d->expect(qr/^250 |^55\d /);
		$d->send('NOOP');
		$d->expect(250);
		return if $d->{last} =~ /^5/;
		my @got = $t->wait_maildir($name, 1, 2);
		like($got[0], qr/MAIL FROM:<evil/,
			'what follows is content') if @got;
		cmp_ok(scalar @got, '<=', 1, 'of one message at most');
	};
}
ok(!-e "$t->{dir}/mail/smuggled", 'nothing was smuggled');

ok($t->wait_queue_empty, 'nothing stays in the queue');
ok($t->stop, 'all processes end');
done_testing();
