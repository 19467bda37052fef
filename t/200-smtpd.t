#!/usr/bin/perl
# smtpd from outside: dialogues, what lies in the mailbox, what is logged, and
# what many idle clients cost.
use strict;
use warnings;

use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/cleanup');

my $t = Barid::Test->new(main => {
	virtual_mailbox_maps => 'inline:{ user@example.test=user/ }',
	smtpd_error_sleep_time => '0',
	smtpd_authorized_xclient_hosts => '127.0.0.1',
	smtpd_client_connection_count_limit => '0',
	smtpd_peername_lookup => 'no',
	drain_time => '1s',
});
my $me = 'unknown\[127\.0\.0\.1\]';

$t->start;

subtest 'a message' => sub {
	$t->mark_log;
	$t->script(<<'PLAY');
expect 220
send EHLO client.test
expect 250
send MAIL FROM:<a@client.test>
expect 250 2.1.0 Ok
send RCPT TO:<user@example.test>
expect 250 2.1.5 Ok
send DATA
expect 354 End data with <CR><LF>.<CR><LF>
send Subject: one\r\n\r\n..dot\r\n.
expect 250 2.0.0 Ok: queued as
send QUIT
expect 221 2.0.0 Bye
closed
PLAY
	my ($mail) = $t->wait_maildir('user', 1);
	like($mail // '', qr/^\.dot\n\z/m, 'arrives');
	like($mail // '', qr/^Received: from client\.test \(unknown \[127\.0\.0\.1\]\)\n\tby mx\.example\.test \(\w+\) with ESMTP id \w+\n\tfor <user\@example\.test>; /m,
		'with a Received header');
	ok($t->wait_log(qr/connect from $me$/), 'connect is logged');
	ok($t->wait_log(qr/: client=$me$/), 'and the client');
	ok($t->wait_log(qr/disconnect from $me ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5$/),
		'and the end');
};

subtest 'chunks, and a large message' => sub {
	my $body = 'x' x 70 . "\n";
	my $large = $body x 30000;

	(my $wire = $large) =~ s/\n/\r\n/g;
	my $c = $t->connect;
	$c->play_expect('220', 0);
	$c->send('EHLO client.test');
	$c->play_expect('250', 0);
	$c->send_raw("MAIL FROM:<>\r\nRCPT TO:<user\@example.test>\r\n" .
		'BDAT ' . (length($wire) + 2) . " LAST\r\n\r\n$wire");
	$c->play_expect('250 2.1.0', 0);
	$c->play_expect('250 2.1.5', 0);
	$c->play_expect('250 2.0.0 Ok: 2160002 bytes queued as', 0);
	$c->send('QUIT');
	$c->play_expect('221', 0);
	my @mail = $t->wait_maildir('user', 2, 30);
	ok((grep { /\n\n\Q$body\E/ && length > length $large } @mail),
		'arrives whole');
};

subtest 'refusals' => sub {
	$t->mark_log;
	$t->script(<<'PLAY');
expect 220
send EHLO client.test
expect 250
send MAIL FROM:<a@client.test>
expect 250
send RCPT TO:<no@example.test>
expect 550 5.1.1 <no@example.test>: Recipient address rejected: User unknown in virtual mailbox table
send DATA
expect 554 5.5.1 Error: no valid recipients
send RSET
expect 250
send XCLIENT ADDR=192.0.2.1 NAME=out.example
expect 220
send EHLO out.example
expect 250
send MAIL FROM:<a@client.test>
expect 250
send RCPT TO:<x@elsewhere.test>
expect 454 4.7.1 <x@elsewhere.test>: Relay access denied
send QUIT
expect 221
PLAY
	ok($t->wait_log(qr/NOQUEUE: reject: RCPT from $me: 550 5\.1\.1 <no\@example\.test>: Recipient address rejected: User unknown in virtual mailbox table; from=<a\@client\.test> to=<no\@example\.test> proto=ESMTP helo=<client\.test>$/),
		'an unknown recipient is logged');
	ok($t->wait_log(qr/NOQUEUE: reject: RCPT from out\.example\[192\.0\.2\.1\]: 454 4\.7\.1 <x\@elsewhere\.test>: Relay access denied; /),
		'and a relay attempt');
};

subtest 'smuggling' => sub {
	my $c = $t->connect;

	$c->play_expect('220', 0);
	$c->send('EHLO client.test');
	$c->play_expect('250', 0);
	$c->send('XCLIENT ADDR=192.0.2.1');
	$c->play_expect('220', 0);
	$c->send('EHLO client.test');
	$c->play_expect('250', 0);
	$c->send_raw("MAIL FROM:<>\r\nRCPT TO:<user\@example.test>\r\nDATA\r\n");
	$c->play_expect('250', 0);
	$c->play_expect('250', 0);
	$c->play_expect('354', 0);
	$c->send_raw("a\n.\nMAIL FROM:<evil\@x.test>\r\n" .
		"RCPT TO:<user\@example.test>\r\nDATA\r\nb\r\n.\r\n");
	$c->play_expect('250 2.0.0 Ok: queued', 0);
	$c->send('QUIT');
	$c->play_expect('221', 0);
	my @mail = $t->wait_maildir('user', 3);
	is(scalar @mail, 3, 'one message, not two');
};

# Resident kilobytes of all smtpd processes.
sub resident
{
	my $sum = 0;

	for my $pid ($t->pids_of('smtpd')) {
		$sum += (read_file("/proc/$pid/smaps_rollup") // '') =~
		    /^Pss_Anon:\s+(\d+)/m ? $1 : 0;
	}
	return $sum;
}

subtest 'idle clients are cheap' => sub {
	plan(skip_all => 'not with sanitizers') if is_checks_build;
	my $before = resident();
	my @clients = map { $t->connect } 1 .. 1000;

	$_->play_expect('220', 0) for $clients[0], $clients[-1];
	ok(wait_until(10, sub { (resident() - $before) / @clients <= 6 }),
		'6 KiB each at most') or
	    diag((resident() - $before) / @clients, ' KiB each');
	note((resident() - $before) / @clients, ' KiB each');
};

subtest 'a session outlives a reload, and is told to go' => sub {
	my $c = $t->connect;

	$c->play_expect('220', 0);
	$c->send('EHLO client.test');
	$c->play_expect('250', 0);
	ok($t->reload, 'reload');
	$c->play_expect('421 4.3.2 mx.example.test', 0);
	$c->play_closed('', 0);
	my $new = $t->connect;
	$new->play_expect('220', 0);
};

done_testing;
