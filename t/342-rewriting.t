#!/usr/bin/perl
# What becomes of addresses on the way into the queue, and what an operator sees
# of it: tables that change and fail, long expansions, local submission.
use strict;
use warnings;

use Test::More;

use Barid::Capture;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/local',
	'sbin/sendmail');

my $N_LONG = 3000; # more than a queue file has at its end

my $sink = Barid::Capture->new;
my $t = Barid::Test->new(main => {
	relayhost => '[127.0.0.1]:' . $sink->port, myorigin => 'example.test',
	recipient_delimiter => '+', smtp_destination_recipient_limit => 1000,
	virtual_alias_expansion_limit => $N_LONG,
	sender_canonical_maps => 'inline:{ {local@example.test = me@example.test} }',
	recipient_bcc_maps => 'inline:{ {copied@far.test = user+bcc@example.test} }',
	smtpd_relay_restrictions => 'permit_mynetworks reject',
	virtual_mailbox_maps => 'inline:{ user@example.test=user/ }',
});

# The table with these lines.
sub aliases
{
	return $t->table('hash', 'virtual', join '', map { "$_\n" } @_);
}

$t->configure({ virtual_alias_maps => aliases('a@example.test user+x',
	'long@example.test ' . join(', ', map { "u$_\@far.test" } 1 .. $N_LONG),
	'over@example.test long@example.test, one@far.test') .
	' regexp:{ {/^down@/ down} }' });
$t->start;

# With what was configured: a reload would let old processes end in their time.
sub restart
{
	$t->stop;
	$t->start;
}

# One message; the last reply.
sub submit
{
	my ($from, $to, $text) = @_;
	my $s = smtp_connect('127.0.0.1', $t->{port});
	my $say = sub { $s->send($_[0]); $s->read_reply(60) };

	$s->read_reply(60);
	$say->('EHLO client.test');
	my $reply = $say->("MAIL FROM:<$from>");
	$reply = $say->("RCPT TO:<$to>");
	return $reply if $reply !~ /^250/;
	$say->('DATA');
	$reply = $say->("From: $from\r\nTo: $to\r\nSubject: x\r\n\r\n" .
	    ($text // 'body') . "\r\n.");
	$say->('QUIT');
	return $reply;
}

# The addresses that were delivered to, once there are as many.
sub arrived
{
	my ($n) = @_;
	my @to;

	wait_until(60, sub {
		@to = map { @{ $_->{to} } } $sink->messages;
		return @to >= $n;
	});
	return sort @to;
}

subtest 'an alias of a mailbox' => sub {
	like(submit('x@far.test', 'a+e@example.test'), qr/^250/, 'is taken');
	my ($mail) = $t->wait_maildir('user', 1);
	like($mail, qr/^X-Original-To: a\+e\@example\.test$/m,
		'the mailbox is told of it');
	like($mail, qr/^Delivered-To: user\+x\+e\@example\.test$/m,
		'and of the address that it stands for');
	like($t->wait_log(qr/to=<user\+x/),
		qr/to=<user\+x\+e\@example\.test>, orig_to=<a\+e\@example\.test>/,
		'so is the log');
};

subtest 'a long expansion' => sub {
	my @want = sort map { "u$_\@far.test" } 1 .. $N_LONG;

	like(submit('x@far.test', 'long@example.test'), qr/^250/, 'is taken');
	is_deeply([arrived($N_LONG)], \@want, 'goes to each, once');
	like(submit('x@far.test', 'long@example.test',
		join("\r\n", ('x' x 70) x 3000)), qr/^250/,
		'with streamed content too');
	is(scalar(my @all = arrived(2 * $N_LONG)), 2 * $N_LONG, 'all of it');
	like(submit('x@far.test', 'over@example.test'),
		qr/^451 4\.6\.0 Alias expansion error/, 'attack: beyond the limit');
	like($t->wait_log(qr/unreasonable/),
		qr/unreasonable virtual_alias_maps map expansion size for over\@example\.test -- message not accepted, try again later/,
		'the log says why');
	like(submit('x@far.test', 'over@example.test',
		join("\r\n", ('x' x 70) x 3000)), qr/^451 4\.6\.0 /,
		'also when content is streamed');
	is(scalar(@all = arrived(0)), 2 * $N_LONG, 'nobody gets that');
};

subtest 'local submission' => sub {
	my $sent = $t->tool({ stdin => "From: local\nTo: copied\@far.test\n" .
		"Subject: by hand\n\nbody\n" }, 'sendmail', '-i', '-t', '-f',
		'local');

	is($sent->{exit}, 0, 'is taken') or diag($sent->{err});
	my @mails = $t->wait_maildir('user', 2);
	my ($mail) = grep { /by hand/ } @mails;
	like($mail, qr/^Return-Path: <me\@example\.test>/m,
		'the sender is mapped');
	like($mail, qr/^From: me\@example\.test/m, 'in the header as well');
	like($mail, qr/^Delivered-To: user\+bcc\@example\.test/m,
		'a blind copy comes');
	unlike($mail, qr/^(Bcc|To):.*user/m, 'and nobody sees it');
};

subtest 'a table that changes' => sub {
	my $table = aliases('c@example.test user');

	$t->configure({ virtual_alias_maps => $table,
		virtual_mailbox_maps => 'static:user/' });
	restart();
	like(submit('x@far.test', 'c@example.test'), qr/^250/, 'as it is');
	$t->wait_log(qr/to=<user\@example\.test>, orig_to=<c\@example\.test>/);
	$t->mark_log;
	aliases('c@example.test other');
	ok(wait_until(100, sub {
		submit('x@far.test', 'c@example.test');
		$t->log_text =~ /to=<other\@example\.test>, orig_to=<c\@/ }),
		'is seen without a reload');
};

subtest 'a table that fails' => sub {
	$t->configure({ virtual_alias_maps => 'fail:x',
		virtual_alias_domains => '',
		smtpd_reject_unlisted_recipient => 'no' });
	restart();
	$t->mark_log;
	like(submit('x@far.test', 'user@example.test'),
		qr/^451 4\.3\.0 Error: queue file write error/,
		'makes the client try again');
	like($t->wait_log(qr/lookup problem/),
		qr/virtual_alias_maps map lookup problem for user\@example\.test -- message not accepted, try again later/,
		'and the log tells the table');
	my $sent = $t->tool({ stdin => "Subject: later\n\nbody\n" }, 'sendmail',
		'-i', 'user@example.test');
	is($sent->{exit}, 0, 'local submission is kept');
	$t->configure({ virtual_alias_maps => '' });
	restart();
	ok(wait_until(100, sub {
		grep { /^Subject: later/m } $t->read_maildir('user') }),
		'and comes when the table is well again');
};

ok($t->wait_queue_empty(60), 'nothing stays');

done_testing;
