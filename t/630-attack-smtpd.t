#!/usr/bin/perl
# Clients that attack smtpd's dialogue: commands out of all order and number,
# chunks, who they say they are, addresses.  The numbers are those of the list
# of attacks; what one session shows is in smtpd's unit tests, here is what takes
# several processes.  BARID_SCALE multiplies the long runs (10 is for a million
# chunks).
use strict;
use warnings;

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd');

my $scale = $ENV{BARID_SCALE} || 1;
alarm(60 * 60) if $scale > 1;

my $strict = free_port();    # where clients are strangers
my $t = Barid::Test->new(main => {
	mydestination => 'local.test', local_recipient_maps => '',
	relay_domains => 'relay.test', transport_maps =>
	    'inline:{ local.test=discard: relay.test=discard: }',
	smtpd_peername_lookup => 'no', smtpd_error_sleep_time => '0',
	smtpd_client_connection_count_limit => '0',
	smtpd_authorized_xclient_hosts => '127.0.0.1',
	message_size_limit => '10000000',
	smtpd_sender_restrictions =>
	    'check_sender_access inline:{ bad@sender.test=REJECT }',
}, master => {
	"127.0.0.1:$strict" => 'inet n - n - - smtpd' .
	    ' -o mynetworks=10.0.0.0/8 -o smtpd_authorized_xclient_hosts=' .
	    ' -o smtpd_forbid_bare_newline_exclusions=' .
	    ' -o smtpd_hard_error_limit=1000' .
	    ' -o smtpd_relay_restrictions=permit_mynetworks,' .
	    'reject_unauth_destination',
});
$t->start;

# A session after EHLO.
sub session
{
	my ($port) = @_;
	my $d = smtp_connect('127.0.0.1', $port // $t->{port});

	$d->read_reply;
	$d->send('EHLO client.test');
	$d->read_reply;
	return $d;
}

# Say a line, return the reply.
sub ask
{
	my ($d, $line) = @_;

	$d->send($line);
	return $d->read_reply(20);
}

sub replies
{
	my ($d, $n, $seconds) = @_;
	my %count;

	while ($n-- > 0) {
		my $reply = $d->read_reply($seconds // 60);

		last if $reply eq '';
		$count{ $count{last} = substr($reply, 0, 3) }++;
	}
	return \%count;
}

# Kilobytes at the most, and seconds of CPU, of all processes of smtpd.
sub usage
{
	my ($kib, $cpu) = (0, 0);

	for my $pid ($t->pids_of('smtpd')) {
		my ($peak) = (read_file("/proc/$pid/status") // '') =~
		    /^VmHWM:\s+(\d+)/m or next;
		my ($user, $system) = (read_file("/proc/$pid/stat") // '') =~
		    /\) (?:\S+ ){11}(\d+) (\d+)/ or next;

		$kib = $peak if $peak > $kib;
		$cpu += ($user + $system) / 100;
	}
	return ($kib, $cpu);
}

sub check_usage
{
	my ($name, $seconds) = @_;
	my ($kib, $cpu) = usage();

	note(sprintf('%s: %d KiB, %.1f s of CPU in all', $name, $kib, $cpu));
	cmp_ok($kib, '<', is_checks_build() ? 200_000 : 20_000,
		"$name: memory stays small");
}

# --- Commands without end --------------------------------------------------------

# Each row: what is said again and again, and the code that it ends with.
for my $row ([ 'RSET', 421 ], [ 'NOOP', 554 ], [ 'FOO', 421 ], [ '', 421 ],
	[ 'MAIL FROM:<a@b.test>', 421 ], [ "MAIL FROM:<a\@b.test>\r\nRSET",
	421 ], [ 'RCPT TO:<a@b.test>', 421 ], [ 'DATA', 554 ],
	[ 'VRFY a', 554 ], [ "MAIL FROM:<a\@b.test>\r\nRCPT TO:<x\@local.test>" .
	"\r\nRSET", 421 ], [ 'x' x 5000, '500|421' ], [ "\0" x 100, '221|421' ],
	[ 'EHLO x', 554 ], [ "MAIL FROM:<a\@b.test>\r\nRCPT TO:<x\@local.test>" .
	"\r\nBDAT 0\r\nRSET", 421 ]) {
	my ($line, $code) = @$row;
	my $d = session();
	my $name = 'attack 16: 100,000 of ' .
	    (substr($line, 0, 12) =~ s/[^ -~]/?/gr) . ': ';
	my $n = length $line < 1000 ? 100_000 : 1000;

	$d->send_raw("$line\r\n" x $n, 60);
	my $count = replies($d, 5000);
	my $last = delete $count->{last} // 'none';
	my $sum = 0;
	$sum += $_ for values %$count;
	cmp_ok($sum, '<', 1000, "$name few are answered");
	like($last, qr/^(?:$code)$/, "$name then it ends");
	$d->close;
}
# Our last words must not be destroyed by a reset, however much the client was
# still going to say: it sees a reply and then the end.
for my $row ([ 'GET / HTTP/1.0', 221 ], [ 'BDAT x', 521 ],
	[ "FOO\r\n" x 30, 421 ]) {
	my ($line, $code) = @$row;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $t->{port}) or die("connect: $!");
	my $name = 'last words to ' . substr($line, 0, 5);
	my ($text, $n, $end) = ('');
	my $junk = "$line\r\n" . "junk\r\n" x 100_000;

	local $SIG{PIPE} = 'IGNORE';
	sysread($socket, $text, 65536);
	syswrite($socket, "EHLO x\r\n");
	sysread($socket, $text, 65536);
	while (length $junk) {
		my $sent = syswrite($socket, $junk) or last;

		substr($junk, 0, $sent, '');
	}
	$end = $! if length $junk;
	while (!defined $end) {
		$n = sysread($socket, $text, 65536, length $text);
		$end = defined $n ? '' : "$!" if !$n;
	}
	is($end, '', "$name: no reset");
	like($text, qr/^$code [^\r]*\r\n\z/m, "$name: they arrive");
}
# One command line that never ends.
{
	my $d = session();

	$d->send_raw('x' x 65536) for 1 .. 100;
	$d->expect_close('attack 12: a command without end');
	$d = session();
	$d->send_raw('x' x 900_000 . "\r\n");
	$d->expect('500 5.5.2 Error: line too long',
		'attack 12: a command of 900,000 bytes');
	like(ask($d, 'NOOP'), qr/^250/, 'attack 12: and it goes on');
}
check_usage('attack 16');

# --- Groups with errors in the middle ----------------------------------------------

for my $row (
	# MAIL refused: the rest is for nothing, and no content is taken.
	[ "MAIL FROM:<bad\nRCPT TO:<user\@example.test>\nDATA",
		'501 503 503' ],
	[ "MAIL FROM:<bad\@sender.test>\nRCPT TO:<user\@example.test>\nDATA",
		'250 554 554' ],
	[ "MAIL FROM:<a\@b.test>\nRCPT TO:<no\@example.test>\nDATA",
		'250 550 554' ],
	[ "MAIL FROM:<a\@b.test>\nRCPT TO:<no\@example.test>\n" .
		"RCPT TO:<user\@example.test>\nRCPT TO:<x\nRSET\nDATA",
		'250 550 250 501 250 503' ],
	[ "MAIL FROM:<a\@b.test>\nMAIL FROM:<c\@d.test>\n" .
		"RCPT TO:<user\@example.test>\nFOO\nDATA",
		'250 503 250 500 354' ],
	[ "MAIL FROM:<a\@b.test>\nRCPT TO:<user\@example.test>\nBDAT 2\nRSET\n" .
		"DATA", '250 250 250 250 503' ],
	[ "MAIL FROM:<a\@b.test>\nBDAT 2\nRCPT TO:<user\@example.test>\n" .
		"BDAT 2 LAST\nDATA", '250 554 503 551 503' ],
	[ "RCPT TO:<user\@example.test>\nBDAT 2 LAST\nDATA", '503 503 503' ],
) {
	my ($lines, $codes) = @$row;
	my $d = session();
	my $said = join '', map { "$_\r\n" . (/^BDAT (\d+)/ ? 'x' x $1 : '') }
	    split /\n/, $lines;

	$d->send_raw($said);
	my @got = map { substr($d->read_reply, 0, 3) } split ' ', $codes;
	is("@got", $codes, "attack 16: $lines" =~ s/\n/ /gr);
	$d->close;
}

# --- Chunks -------------------------------------------------------------------------

my @start = ('MAIL FROM:<a@b.test>', 'RCPT TO:<user@example.test>');
for my $row ([ 'BDAT', 521 ], [ 'BDAT -1', 521 ], [ 'BDAT x', 521 ],
	[ 'BDAT 1 FIRST', 521 ], [ 'BDAT 1 LAST x', 521 ], [ 'BDAT +1', 521 ],
	[ 'BDAT 0x1', 521 ], [ 'BDAT 1.0', 521 ], [ 'BDAT ' . '9' x 21, 521 ],
	[ 'BDAT 9223372036854775807', 552 ], [ 'BDAT 9223372036854775808', 552 ],
	[ 'BDAT 18446744073709551617 LAST', 552 ],
	[ 'BDAT 4294967296', 552 ]) {
	my ($line, $code) = @$row;
	my $d = session();

	ask($d, $_) for @start;
	$d->send("$line\r\nMAIL FROM:<evil\@b.test>");
	$d->expect($code, "attack 17: $line: $code");
	$d->expect_close("attack 17: $line: nothing after it is a command");
}
{
	my $d = session();

	ask($d, $_) for @start;
	like(ask($d, 'BDAT 0 LAST'), qr/^250/, 'attack 17: BDAT 0 LAST');
	for my $line ('BDAT 0 LAST', 'DATA', 'BDAT 3 LAST') {
		$d->send_raw("$line\r\n" . ($line =~ /3/ ? 'abc' : ''));
		$d->expect('503', "attack 17: then $line");
	}
	# A chunk too many is read, all of it, and ends the transaction.
	ask($d, $_) for @start;
	$d->send_raw("BDAT 20000000\r\n" . "NOOP\r\n" x 3_333_333 . 'xx', 60);
	$d->expect('552', 'attack 17: a chunk that is too large');
	like(ask($d, 'DATA'), qr/^503/, 'attack 17: error, then DATA');
	like(ask($d, $start[1]), qr/^503/, 'attack 17: error, then RCPT');
	$d->send_raw("BDAT 2 LAST\r\nxx");
	$d->expect('551', 'attack 17: error, then the last chunk');
	like(ask($d, 'RSET'), qr/^250/, 'attack 17: RSET');
	# Without transaction, and again and again: not for ever.
	$d->send_raw("BDAT 30000000\r\n" . 'x' x 30_000_000, 60)
	    for 1 .. 2;
	$d->expect('503', 'attack 17: chunks for nothing') for 1 .. 2;
	$d->send_raw("BDAT 30000000\r\n");
	like($d->read_reply, qr/^503/, 'attack 17: chunks for nothing');
	$d->expect_close('attack 17: but not for ever');
}
# Cut off in the middle: nothing is queued.
for my $how ('close', 'reset') {
	my $d = session();

	ask($d, $_) for @start;
	$d->send_raw("BDAT 100000 LAST\r\n" . 'x' x 70_000);
	setsockopt($d->{socket}, Socket::SOL_SOCKET, Socket::SO_LINGER,
		pack('ii', 1, 0)) if $how eq 'reset';
	$d->close;
}
ok($t->wait_log(qr/lost connection after BDAT \(70000 bytes\)/),
	'attack 17: cut off in a chunk');
is(scalar(my @mail = $t->wait_maildir('user', 1)), 1,
	'attack 17: of all these one message comes');
{
	my $chunks = 100_000 * $scale;
	my ($d, $began, $log) = (session(), time, length $t->log_text);

	ask($d, $_) for @start;
	for (1 .. $chunks / 1000) {
		$d->send_raw("BDAT 1\r\nx" x 1000, 60);
		my $count = replies($d, 1000);
		next if ($count->{250} // 0) == 1000;
		fail("attack 17: 1000 chunks of one byte: $d->{last}");
		last;
	}
	$d->send_raw("BDAT 2 LAST\r\n\r\n");
	$d->expect('250 2.0.0', "attack 17: $chunks chunks of one byte");
	$d->close;
	cmp_ok(length($t->log_text) - $log, '<', 5000,
		'attack 17: the log says little of it');
	note(sprintf('%.1f s', time - $began));
	check_usage('attack 17');
	my $wanted = "\n\n" . 'x' x $chunks . "\n";
	ok((grep { substr($_, -length $wanted) eq $wanted }
		$t->wait_maildir('user', 2)), 'attack 17: and they arrive');
}

# --- Ahead of its time -----------------------------------------------------------------

for my $row (
	[ 'the banner', "EHLO x\r\nMAIL FROM:<a\@b.test>\r\n", '554' ],
	[ 'the reply to EHLO', undef, '554', "EHLO x\r\nMAIL FROM:<a\@b.test>" ],
	[ 'the reply to HELO', undef, '554', "HELO x\r\nMAIL FROM:<a\@b.test>" ],
	[ '354', undef, '554', "DATA\r\nSubject: stuffed\r\n\r\nx\r\n." ],
) {
	my ($what, $first, $code, $later) = @$row;
	my $d = smtp_connect('127.0.0.1', $strict);

	if (defined $first) {
		$d->send_raw($first);
		# Either it was there before the banner, or just behind it.
		my $reply = $d->read_reply;
		$reply = $d->read_reply if $reply =~ /^220/;
		like($reply, qr/^$code/, "attack 19: before $what");
	} else {
		$d->read_reply;
		if ($later =~ /^DATA/) {
			ask($d, $_) for 'EHLO x', @start;
		}
		$d->send($later);
		$d->expect($code, "attack 19: before $what");
	}
	$d->expect_close("attack 19: before $what: it ends there");
}

# --- The second message -----------------------------------------------------------------

# After each way in which a message may end, the next is looked at as the first
# was: nothing is left of sender, recipients, rights.
my @endings = (
	[ 'a message', 'DATA', "x\r\n.", '250' ],
	[ 'a large message', 'DATA', 'x' x 11_000_000 . "\r\n.", '552' ],
	[ 'a chunk', "BDAT 1 LAST\r\nx", undef, '250' ],
	[ 'a large chunk', "BDAT 11000000 LAST\r\n" . 'x' x 11_000_000, undef,
		'552' ],
	[ 'RSET', 'RSET', undef, '250' ], [ 'EHLO', 'EHLO x', undef, '250' ],
	[ 'too many hops', 'DATA', ("Received: x\r\n" x 60) . "\r\nx\r\n.",
		'554' ],
);
for my $ending (@endings) {
	my ($what, $command, $content, $code) = @$ending;
	my $d = session($strict);
	my $name = "attack 20, 21: after $what";

	ask($d, $_) for @start;
	$d->send_raw($command . ($command =~ /^BDAT/ ? '' : "\r\n"), 60);
	my $reply = $d->read_reply(60);
	if (defined $content) {
		$d->send_raw("$content\r\n", 60);
		$reply = $d->read_reply(60);
	}
	like($reply, qr/^$code/, "$name: $code");
	like(ask($d, 'RCPT TO:<user@example.test>'), qr/^503/, "$name: RCPT");
	like(ask($d, 'DATA'), qr/^503/, "$name: DATA");
	$d->send_raw("BDAT 1 LAST\r\nx");
	like($d->read_reply, qr/^(503|551)/, "$name: BDAT");
	# RFC 3030 2: what a refused chunk leaves ends with RSET alone.
	ask($d, 'RSET') if $what eq 'a large chunk';
	like(ask($d, 'MAIL FROM:<bad@sender.test>'), qr/^250/, "$name: MAIL");
	like(ask($d, 'RCPT TO:<user@example.test>'), qr/^554 5\.7\.1/,
		"$name: the sender is looked at");
	ask($d, 'RSET');
	ask($d, 'MAIL FROM:<a@b.test>');
	like(ask($d, 'RCPT TO:<x@far.test>'), qr/^554 5\.7\.1/,
		"$name: and where it goes");
	like(ask($d, 'RCPT TO:<no@example.test>'), qr/^550 5\.1\.1/,
		"$name: and to whom");
	$d->close;
}

# --- Who may say who he is ---------------------------------------------------------------

{
	my $d = session($strict);

	for my $line ('XCLIENT ADDR=10.0.0.1', 'XCLIENT', 'XFORWARD ADDR=10.0.0.1',
		'XCLIENT LOGIN=x', 'XFORWARD SOURCE=LOCAL') {
		like(ask($d, $line), qr/^550 5\.7\.0/, "attack 24: stranger: $line");
	}
	ask($d, 'MAIL FROM:<a@b.test>');
	like(ask($d, 'RCPT TO:<x@far.test>'), qr/^554/,
		'attack 24: a stranger stays one');
	$d->close;
	unlike(ask(session($strict), 'EHLO x'), qr/XCLIENT|XFORWARD/,
		'attack 24: and is not told of it');
}
for my $row ([ 'ADDR=10.0.0.1 ADDR', 501 ], [ 'ADDR=IPV6:fe80::1%lo', 501 ],
	[ 'ADDR=2001:db8::1', 501 ], [ 'ADDR=' . '1' x 300, 501 ],
	[ 'NAME=' . 'a' x 256, 501 ], [ 'NAME=a..b', 501 ], [ 'NAME=-', 501 ],
	[ 'PORT=65536', 501 ], [ 'PORT=-1', 501 ], [ 'HELO=a+0Ab', 501 ],
	[ 'X=y', 501 ], [ '=', 501 ], [ 'ADDR==', 501 ],
	[ 'ADDR=[UNAVAILABLE]', 220 ], [ 'NAME=[TEMPUNAVAIL]', 220 ]) {
	my ($attributes, $code) = @$row;
	my $d = session();
	my $reply = ask($d, "XCLIENT $attributes");

	like($reply, qr/^$code/, 'attack 24: XCLIENT ' .
		substr($attributes, 0, 40));
	# Refused or not, it is no way to get or keep rights.
	next if $code != 220 || $attributes !~ /ADDR/;
	ask($d, 'EHLO x');
	ask($d, 'MAIL FROM:<a@b.test>');
	like(ask($d, 'RCPT TO:<x@far.test>'), qr/^(454|554)/,
		"attack 24: XCLIENT $attributes: no relay");
}

# --- Addresses ---------------------------------------------------------------------------

# Ways to write "far.test" so that it looks like ours.  None is let through by
# the strict port: 501 or 554, never 250.
my @relays = (
	'user@far.test', 'user%far.test@local.test', 'far.test!user@local.test',
	'user%far.test@example.test', 'far.test!user', 'user@far.test@local.test',
	'"user@far.test"@local.test', '"user@far.test"', 'user%far.test',
	'user%far.test@', '@local.test:user@far.test', 'user%far.test@[127.0.0.1]',
	'"user@far.test"@[127.0.0.1]', 'a!b!user%far.test@local.test',
	'user@local.test@far.test', 'user%local.test@far.test',
	'user%far.test@relay.test', 'far.test!user@relay.test',
	'user@far.test@relay.test', '"user%far.test"@relay.test',
	'user\@far.test@relay.test', 'user@[192.0.2.1]', 'user@[IPv6:2001:db8::1]',
	'user@[IPv6:fe80::1%eth0]', 'user@[IPv6:fe80::1%25eth0]',
	'user@[IPv6:::ffff:192.0.2.1]', 'user@[127.1]', 'user@[0177.0.0.1]',
	'user@[2130706433]', 'user@[::1]', 'user@[IPv6:]', 'user@[]',
	'user@far.test.', 'postmaster@far.test', 'postmaster%far.test',
	'"postmaster@far.test"', 'user@local.test,x@far.test',
	'%n%s@local.test', 'user@local.test>,<x@far.test', 'user@xlocal.test', 'user@test',
	'user@.local.test', 'user@local.test..', 'user@local..test',
);
# Odd, and ours.
my @ours = (
	'user@local.test', 'user@LOCAL.TEST', 'user@local.test.',
	'@far.test:user@local.test', '@a.test,@b.test:user@local.test',
	'"a b"@local.test', '"a\"b"@local.test', '"a\\\\b"@local.test',
	'"|/bin/sh"@local.test', '"/etc/passwd"@local.test',
	'|id@local.test', '/etc/passwd@local.test', '"../../x"@local.test',
	'../../x@local.test', 'a..b@local.test', '${user}@local.test',
	'`id`@local.test', '${IFS}|id@local.test',
	'user+x@local.test', 'x' x 64 . '@local.test', 'x' x 256 . '@local.test',
	'postmaster', 'user@relay.test',
);
# Neither.
my @bad = (
	'-f@local.test', '-oQ/tmp@local.test', '--help@local.test',
	'-@local.test', '"-f"@local.test', '""@local.test', '"a', 'a"b@local.test',
	'user @local.test', '$(id)@local.test', 'x' x 1024 . '@local.test',
	"a\x01b\@local.test", "\"a\x0bb\"\@local.test", "a\x7f\@local.test",
	"\"a\\\x01b\"\@local.test", 'user@' . 'x' x 64 . '.test',
	'user@' . 'x.' x 200 . 'test', '<user@local.test>',
);
{
	my $d = session($strict);

	ask($d, 'MAIL FROM:<a@b.test>');
	for my $address (@relays) {
		like(ask($d, "RCPT TO:<$address>"), qr/^5(?:01|5[034])/,
			"attack 37: $address: no relay");
	}
	for my $address (@ours) {
		like(ask($d, "RCPT TO:<$address>"), qr/^250/, 'attack 36, 38: ' .
			substr($address, 0, 40) . ': is taken');
	}
	for my $address (@bad) {
		like(ask($d, "RCPT TO:<$address>"), qr/^5(?:01|5[03])/,
			'attack 35, 36, 38: ' . (substr($address, 0, 40) =~
			s/[^ -~]/?/gr) . ': is refused');
	}
	like(ask($d, 'RCPT TO:<' . 'x' x 65536 . '@local.test>'), qr/^500/,
		'attack 35: a local part of 64 KiB');
	like(ask($d, 'NOOP'), qr/^250/, 'attack 35: and it goes on');
	$d->send('DATA');
	$d->expect('354', 'attack 36: and all that at once');
	$d->send_raw("x\r\n.\r\n");
	$d->expect('250 2.0.0', 'attack 36: is a message');
	ok($t->wait_queue_empty, 'attack 36: that leaves the queue');
}
# Many recipients: as many as are allowed, and errors beyond twice of that.
{
	my $d = session();
	my $n = 10_000;

	ask($d, 'MAIL FROM:<a@b.test>');
	$d->send_raw(join('', map { "RCPT TO:<u$_\@local.test>\r\n" } 1 .. $n),
		60);
	my $count = replies($d, $n);
	is($count->{250}, 1000, 'attack 35: 10,000 recipients: 1,000 are taken');
	cmp_ok($count->{452}, '<', 1100,
		'attack 35: and the rest refused, for a while');
	is($count->{421}, 1, 'attack 35: until it is too much');
}
# Eight bits where none were announced; a second of them changes nothing.
{
	my $d = session();

	like(ask($d, "MAIL FROM:<\xc3\xa9\@b.test>"), qr/^553 5\.6\.7/,
		'attack 11: UTF-8 without SMTPUTF8');
	like(ask($d, "MAIL FROM:<\xe9\@b.test> SMTPUTF8"), qr/^5/,
		'attack 11: no UTF-8 at all');
	ask($d, $_) for @start;
	like(ask($d, "VRFY \xc3\xa9\@local.test"), qr/^5/,
		'attack 11: VRFY in a transaction');
	like(ask($d, "RCPT TO:<\xc3\xa9\@local.test>"), qr/^553 5\.6\.7/,
		'attack 11: RCPT in a transaction');
	like(ask($d, "MAIL FROM:<\xc3\xa9\@b.test> SMTPUTF8"), qr/^503/,
		'attack 11: MAIL in a transaction');
	like(ask($d, 'DATA'), qr/^354/, 'attack 11: which still is there');
	$d->send_raw("Subject: \xe9\r\n\r\n\xff\x80\0\r\n.\r\n");
	$d->expect('250 2.0.0', 'attack 10, 11: with eight bits, and NUL');
	ok($t->wait_queue_empty, 'attack 10, 11: all leave the queue');
	ok((grep { /^Subject: \xe9\n.*\n\n\xff\x80\0\n\z/ms }
		$t->read_maildir('user')), 'attack 10, 11: and arrive');
}
check_usage('attacks on smtpd');

# --- Who means no harm --------------------------------------------------------------------

SKIP: {
	my $swaks = have_peer('swaks') or skip('no swaks', 1);
	my $done = run_command($swaks, '--server', "127.0.0.1:$strict",
		'--pipeline', '--from', 'a@b.test', '--to', 'user@example.test',
		'--body', ".\n..\nFrom x\n");

	is($done->{exit}, 0, 'swaks with pipelining is served') or
	    diag($done->{out});
}
SKIP: {
	have_peer('smtp-source') or skip('no smtp-source', 1);
	my $done = source($strict, '-m', 200, '-s', 20, '-l', 5000, '-d',
		'-f', 'a@b.test', '-t', 'x@local.test', '-r', 5);

	is($done->{exit}, 0, 'smtp-source is served, many messages a session')
	    or diag($done->{err});
}
ok($t->wait_queue_empty, 'all leave the queue');
ok($t->stop, 'all processes end');
done_testing();
