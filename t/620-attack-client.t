#!/usr/bin/perl
# Servers that do what no server should, and our client: what it makes of each,
# that it ends in time, and that mail for others flows meanwhile.  The numbers
# are those of the list of attacks.
use strict;
use warnings;

use Test::More;

use Barid::Hostile;
use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp');

my $ip = '127.0.0.3';
my $host = quotemeta("$ip\[$ip]");
my $limit = is_checks_build() ? 14 : 8;    # of each reply, in seconds

my $said = "host $host said: %s \\(in reply to %s\\)";
my $malformed = "host $host sent a malformed reply while %s: ";
my $timeout = "conversation with $host timed out while %s";
my $lost = "lost connection with $host while %s";
my $early = "host $host sent a reply before the command";
my $leave = "421 4.3.2 going down\r\n";
my %doing = (
	greeting => 'receiving the initial server greeting',
	hello => 'performing the EHLO handshake', mail => 'sending MAIL FROM',
	rcpt => 'sending RCPT TO', data => 'sending DATA command',
	end => 'sending end of data -- message may be sent more than once',
);

# More than the client can hold or wait for.
sub endless
{
	my ($bytes) = @_;

	return sub { my ($c) = @_; $c->say($bytes) while 1 };
}

# Name, number, what the server does, status, dsn, the reason.
my @cases = (
	[ 'good', 23, {}, 'sent', '2.0.0', '250 2.0.0 Ok' ],
	# Replies to what nobody has said yet.
	[ 'early-hello', 23, { greeting => "220 x ESMTP\r\n250 x\r\n" },
		'deferred', '4.5.0', $early ],
	[ 'early-mail', 23, { hello => "250-x\r\n250 DSN\r\n250 2.1.0 Ok\r\n" },
		'deferred', '4.5.0', $early ],
	[ 'early-end', 23, { data => "354 go\r\n250 2.0.0 Ok\r\n" },
		'deferred', '4.5.0', $early ],
	[ 'early-no', 23, { data => "354 go\r\n554 5.7.1 no\r\n" },
		'bounced', '5.7.1',
		sprintf($said, '554 5.7.1 no', 'end of DATA command') ],
	[ 'data-250', 23, { data => "250 2.0.0 Ok\r\n" }, 'deferred', '4.5.0',
		sprintf($said, '250 2.0.0 Ok', 'DATA command') ],
	[ 'data-220', 23, { data => "220 2.0.0 Ok\r\n" }, 'deferred', '4.5.0',
		sprintf($said, '220 2.0.0 Ok', 'DATA command') ],
	[ 'end-354', 23, { end => "354 more\r\n" }, 'deferred', '4.5.0',
		sprintf($said, '354 more', 'end of DATA command') ],
	[ 'mail-354', 23, { mail => "354 go\r\n" }, 'deferred', '4.5.0',
		sprintf($said, '354 go', 'MAIL FROM command') ],
	# Replies that are none.
	[ 'lines', 23, { mail => ("250-x\r\n" x 100_000) . "250 x\r\n" },
		'deferred', '4.5.0', sprintf($malformed, $doing{mail}) .
		'.*too many lines' ],
	[ 'hello-lines', 23, { hello => ("250-X\r\n" x 100_000) . "250 x\r\n" },
		'deferred', '4.5.0', sprintf($malformed, $doing{hello}) .
		'.*too many lines' ],
	[ 'endless-lines', 23, { rcpt => endless("250-x\r\n" x 1000) },
		'deferred', '4.5.0', sprintf($malformed, $doing{rcpt}) .
		'.*too many lines' ],
	[ 'long', 12, { mail => '250 ' . 'x' x 30_000 . "\r\n" },
		'deferred', '4.5.0', sprintf($malformed, $doing{mail}) .
		'.*line too long' ],
	[ 'endless-line', 12, { mail => endless('x' x 65536) },
		'deferred', '4.4.2', sprintf($lost, $doing{mail}) ],
	[ 'endless-nul', 12, { greeting => endless("\0" x 65536) },
		'deferred', '4.4.2', sprintf($lost, $doing{greeting}) ],
	[ 'nul', 10, { mail => "250 2.1.0 O\0k\r\n" }, 'deferred', '4.5.0',
		sprintf($malformed, $doing{mail}) . '.*NUL' ],
	[ 'cr', 23, { mail => "250 2.1.0 Ok\r250 2.1.5 Ok\r\n" },
		'deferred', '4.5.0', sprintf($malformed, $doing{mail}) .
		'.*CR' ],
	# One that writes CRLF in text mode.
	[ 'cr-end', 23, { mail => "250 2.1.0 Ok\r\r\n" }, 'sent', '2.0.0',
		'250 2.0.0 Ok' ],
	[ 'change', 23, { mail => "250-2.1.0 Ok\r\n550 5.0.0 no\r\n" },
		'deferred', '4.5.0', sprintf($malformed, $doing{mail}) .
		'.*another code' ],
	[ 'change-end', 23, { end => "250-2.0.0 Ok\r\n550 5.0.0 no\r\n" },
		'deferred', '4.5.0', sprintf($malformed, $doing{end}) .
		'.*another code' ],
	(map { [ "code-$_->[0]", 23, { rcpt => "$_->[1]\r\n" }, 'deferred',
		'4.5.0', sprintf($malformed, $doing{rcpt}) ] }
	    [ empty => '' ], [ word => 'Ok' ], [ 999 => '999 what' ],
	    [ 100 => '100 wait' ], [ 600 => '600 no' ], [ short => '25' ],
	    [ joined => '250ok' ], [ four => '2500 Ok' ], [ minus => '-250' ],
	    [ blank => ' 250 Ok' ], [ hex => '0x2 Ok' ]),
	# Replies with little in them.
	[ 'bare', 23, { rcpt => "550\r\n" }, 'bounced', '5.0.0',
		sprintf($said, '550', 'RCPT TO command') ],
	[ 'status-only', 23, { rcpt => "550 5.7.2\r\n" }, 'bounced', '5.7.2',
		sprintf($said, '550 5.7.2', 'RCPT TO command') ],
	[ 'bare-blank', 23, { rcpt => "450 \r\n" }, 'deferred', '4.0.0',
		sprintf($said, '450 ?', 'RCPT TO command') ],
	[ 'status-lies', 23, { rcpt => "450 5.1.1 no\r\n" }, 'deferred',
		'4.0.0', sprintf($said, '450 5.1.1 no', 'RCPT TO command') ],
	[ 'status-long', 23, { rcpt => "550 5.1111111.9999999999 no\r\n" },
		'bounced', '5.0.0', sprintf($said,
		'550 5.1111111.9999999999 no', 'RCPT TO command') ],
	[ 'lf', 23, { mail => "250 2.1.0 Ok\n" }, 'sent', '2.0.0',
		'250 2.0.0 Ok' ],
	# What is offered is nonsense.
	(map { [ "size-$_->[0]", 23, { hello => "250-x\r\n250 SIZE $_->[1]\r\n" },
		'sent', '2.0.0', '250 2.0.0 Ok' ] }
	    [ zero => 0 ], [ none => '' ], [ word => 'big' ], [ minus => -1 ],
	    [ huge => '9' x 40 ]),
	[ 'size-small', 23, { hello => "250-x\r\n250 SIZE 10\r\n" },
		'bounced', '5.3.4', '' ],
	[ 'hello-empty', 23, { hello => "250\r\n" }, 'sent', '2.0.0',
		'250 2.0.0 Ok' ],
	[ 'hello-5', 23, { hello => [ "500 5.5.1 no\r\n" ] }, 'sent', '2.0.0',
		'250 2.0.0 Ok' ],
	# 421 anywhere, and an end anywhere.
	[ 'leave-greeting', 23, { greeting => \$leave }, 'deferred', '4.3.2',
		"host $host refused to talk to me: 421 4.3.2 going down" ],
	[ 'leave-hello', 23, { hello => \$leave }, 'deferred', '4.3.2',
		"host $host refused to talk to me: 421 4.3.2 going down" ],
	(map { my ($step, $command) = @$_;
		[ "leave-$step", 23, { $step => \$leave }, 'deferred', '4.3.2',
		sprintf($said, '421 4.3.2 going down', $command) ],
		[ "stay-$step", 23, { $step => $leave }, 'deferred', '4.3.2',
		sprintf($said, '421 4.3.2 going down', $command) ] }
	    [ mail => 'MAIL FROM command' ], [ rcpt => 'RCPT TO command' ],
	    [ data => 'DATA command' ], [ end => 'end of DATA command' ]),
	(map { [ "lost-$_", 23, { $_ => \'' }, 'deferred', '4.4.2',
		sprintf($lost, $doing{$_}) ],
		[ "half-$_", 23, { $_ => \'25' }, 'deferred', '4.4.2',
		sprintf($lost, $doing{$_}) ],
		[ "reset-$_", 23, { $_ => sub { $_[0]->reset } }, 'deferred',
		'4.4.2', "(?:lost connection|Connection reset).*" ] }
	    sort keys %doing),
	# Time: a whole reply has one limit.
	(map { [ "mute-$_", 23, { $_ => '', offers => '8BITMIME' }, 'deferred',
		'4.4.2', sprintf($timeout, $doing{$_}) ],
		[ "slow-$_", 75, { $_ => sub { $_[0]->say_slowly(
		"250-slow\r\n" x 1000, $limit / 6); '' } }, 'deferred', '4.4.2',
		sprintf($timeout, $doing{$_}) ] } sort keys %doing),
	[ 'deaf', 23, { data => sub { my ($c) = @_;
		$c->say("354 go\r\n"); sleep 1000 }, big => 1 },
		'deferred', '4.4.2',
		sprintf($timeout, '(?:sending message body|sending end of data.*)') ],
	# One that never stops to talk, and never listens.
	[ 'flood', 23, { data => sub { my ($c) = @_;
		$c->say("354 go\r\n"); $c->say("250 2.0.0 Ok\r\n" x 1000)
		while 1 }, big => 1 }, 'deferred', '4\.[45]\.[02]', '' ],
);

# LMTP: name, number, what it does, then status and dsn of each recipient in
# turn.
my @lmtp = (
	[ 'l-good', 22, {}, [ 'sent', '2.0.0' ], [ 'sent', '2.0.0' ],
		[ 'sent', '2.0.0' ] ],
	[ 'l-mixed', 22, { end => [ undef, "452 4.2.2 full\r\n",
		"550 5.2.1 off\r\n" ] }, [ 'sent', '2.0.0' ],
		[ 'deferred', '4.2.2' ], [ 'bounced', '5.2.1' ] ],
	[ 'l-lost-0', 22, { end => \'' }, ([ 'deferred', '4.4.2' ]) x 3 ],
	[ 'l-lost-1', 22, { end => [ undef, \'' ] }, [ 'sent', '2.0.0' ],
		([ 'deferred', '4.4.2' ]) x 2 ],
	[ 'l-lost-2', 22, { end => [ undef, "550 5.2.1 off\r\n", \'' ] },
		[ 'sent', '2.0.0' ], [ 'bounced', '5.2.1' ],
		[ 'deferred', '4.4.2' ] ],
	[ 'l-half', 22, { end => [ undef, \'250-' ] }, [ 'sent', '2.0.0' ],
		([ 'deferred', '4.4.2' ]) x 2 ],
	[ 'l-mute', 22, { end => [ undef, undef, '' ] }, [ 'sent', '2.0.0' ],
		[ 'sent', '2.0.0' ], [ 'deferred', '4.4.2' ] ],
	[ 'l-leave', 22, { end => [ undef, \$leave ] }, [ 'sent', '2.0.0' ],
		[ 'deferred', '4.3.2' ], [ 'deferred', '4.4.2' ] ],
	[ 'l-nul', 22, { end => [ undef, "250 \0\r\n" ] }, [ 'sent', '2.0.0' ],
		([ 'deferred', '4.5.0' ]) x 2 ],
	[ 'l-354', 22, { end => [ undef, "354 more\r\n" ] },
		[ 'sent', '2.0.0' ], [ 'deferred', '4.5.0' ],
		[ 'sent|deferred', '.*' ] ],
	[ 'l-extra', 22, { end => [ undef, undef, "250 2.0.0 Ok\r\n" x 5 ] },
		([ 'sent', '2.0.0' ]) x 3 ],
	[ 'l-rcpt', 22, { rcpt => [ undef, "550 5.1.1 no\r\n" ],
		end => [ undef, "450 4.2.0 later\r\n" ] }, [ 'sent', '2.0.0' ],
		[ 'bounced', '5.1.1' ], [ 'deferred', '4.2.0' ] ],
	# Content is wanted that is for nobody: there will be no reply to it.
	[ 'l-nobody', 22, { rcpt => "550 5.1.1 no\r\n" },
		([ 'bounced', '5.1.1' ]) x 3 ],
	[ 'l-early', 22, { data => "354 go\r\n250 2.0.0 Ok\r\n" },
		([ 'deferred', '4.5.0' ]) x 3 ],
);

my $server = Barid::Hostile->new(ip => $ip, cases => {
	(map { $_->[0] => $_->[2] } @cases),
	(map { $_->[0] => { %{ $_->[2] }, lmtp => 1 } } @lmtp),
	# For many at once.
	many => {}, 'l-many' => { lmtp => 1 },
	# Connections that end, or are ended, while nobody uses them.
	closes => { end => \"250 2.0.0 Ok\r\n" },
	leaves => { end => \"250 2.0.0 Ok\r\n421 4.3.2 bye\r\n" },
	again => { end => "250 2.0.0 Ok\r\n250 2.0.0 Ok: another\r\n" },
});
my $t = Barid::Test->new(main => {
	transport_maps => 'inline:{ ' . $server->transports('bad.test') . ' }',
	(map { ("smtp_${_}_timeout" => "${limit}s",
		"lmtp_${_}_timeout" => "${limit}s") }
	    qw(connect mail rcpt data_init data_xfer data_done)),
	smtp_helo_timeout => "${limit}s", lmtp_lhlo_timeout => "${limit}s",
	smtp_quit_timeout => '1s', lmtp_quit_timeout => '1s',
	smtp_rset_timeout => '1s', lmtp_rset_timeout => '1s',
	# Each is tried once.
	minimal_backoff_time => '600s',
});
$t->start;

my $text = "Subject: %s\nFrom: a\@b.test\n\ntext\n";
my $big = "Subject: %s\nFrom: a\@b.test\n\n" .
    ('x' x 70 . "\n") x 120_000;

$t->mark_log;
my $started = time;
for my $case (@cases) {
	my ($name) = @$case;

	send_mail($t->{port}, { from => 'user@example.test',
		to => "to\@$name.bad.test" },
		sprintf($case->[2]{big} ? $big : $text, $name)) =~ /^250/
	    or fail("$name is accepted");
}
for my $case (@lmtp) {
	my ($name) = @$case;

	send_mail($t->{port}, { from => 'user@example.test',
		to => [ map { "to$_\@$name.bad.test" } 1 .. 3 ] },
		sprintf($text, $name)) =~ /^250/
	    or fail("$name is accepted");
}

for my $case (@cases) {
	my ($name, $number, undef, $status, $dsn, $why) = @$case;
	my $line = $t->wait_log(qr/to=<to\@$name\.bad\.test>.*status=/,
		$limit * 3);

	like($line, qr/\bdsn=$dsn, status=$status \(.*$why/,
		"attack $number: $name: $status");
}
for my $case (@lmtp) {
	my ($name, $number, undef, @wanted) = @$case;

	for my $i (1 .. 3) {
		my ($status, $dsn) = @{ $wanted[$i - 1] };
		my $line = $t->wait_log(
			qr/to=<to$i\@$name\.bad\.test>.*status=/, $limit * 3);

		like($line, qr/\bdsn=$dsn, status=(?:$status) \(/,
			"attack $number: $name: recipient $i: $status");
	}
}

# No content for who has not asked for it.
for my $name ('data-250', 'early-end', 'mute-data', 'l-early', 'l-nobody') {
	unlike($_, qr/^Subject:/m, "attack 23: $name: gets no content")
	    for $server->received($name);
}
# The reply that was one too many is not believed of the next message, and a
# connection that has ended meanwhile is no reason to wait.
for my $name ('again', 'closes', 'leaves') {
	for my $n (1 .. 5) {
		$t->mark_log;
		send_mail($t->{port}, { from => 'user@example.test',
			to => "to$n\@$name.bad.test" },
			sprintf($text, "$name $n"));
		like($t->wait_log(qr/to=<to$n\@$name.*status=/),
			qr/status=sent/, "attack 22, 23: $name: $n is sent");
	}
	is(scalar(my @got = $server->messages($name)), 5,
		"attack 22, 23: $name: and all five were");
}

# Recipients of two sites by turns: one copy for each site.
$t->mark_log;
send_mail($t->{port}, { from => 'user@example.test', to => [
	map { ("to$_\@many.bad.test", "to$_\@l-many.bad.test") } 1 .. 20 ] },
	sprintf($text, 'many'));
for my $n (1 .. 20) {
	$t->wait_log(qr/to=<to$n\@$_\.bad\.test>.*status=sent/) or fail($_)
	    for 'many', 'l-many';
}
is(scalar(my @copies = $server->messages($_)), 1,
	"22: $_: a message for 20 recipients is sent once") for 'many', 'l-many';

# A line of 64 KiB, a hundred thousand lines: nothing of it is kept.
for my $pid ($t->pids_of('smtp'), $t->pids_of('lmtp')) {
	my ($kib) = (read_file("/proc/$pid/status") // '') =~ /^VmHWM:\s+(\d+)/m;

	cmp_ok($kib, '<', 40_000, 'attack 12, 23: memory of a client stays small')
	    unless is_checks_build();
}
is(scalar(grep { /^(panic|fatal)|signal|assert/i } split /\n/, $t->log_text =~
	s/^.*?(?:master|smtp|lmtp)\[\d+\]: //mgr), 0, 'nothing died');

ok($t->stop, 'all processes end');
done_testing();
