#!/usr/bin/perl
# The screen: a master.cf with postscreen's lines.  Clients have addresses of
# their own on loopback.
use strict;
use warnings;

use Test::More;

use Barid::DNS;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/state');
plan(skip_all => 'clients need addresses in 127.0.0.0/8')
    unless $^O eq 'linux';

my $dns = Barid::DNS->new(
	'4.0.0.127.bl.test' => { A => ['127.0.0.2'] },
	'11.0.0.127.bl.test' => { A => ['127.0.0.9'] },
	'11.0.0.127.broken.test' => 'servfail',
	'10.0.0.127.wl.test' => { A => ['127.0.0.1'] },
);
my $port = free_port();
my $t = Barid::Test->new(port => $port, main => {
	dns_test_server => $dns->server, mynetworks => '127.0.0.1/32',
	smtpd_relay_restrictions => 'reject_unauth_destination',
	postscreen_greet_wait => '1s', postscreen_greet_action => 'enforce',
	postscreen_dnsbl_sites => 'bl.test=127.0.0.[2;4..8]*2, broken.test*9, ' .
	    'wl.test*-5',
	postscreen_dnsbl_threshold => 2, postscreen_dnsbl_action => 'enforce',
	postscreen_dnsbl_allowlist_threshold => -5,
	postscreen_dnsbl_reply_map => 'inline:{ bl.test=the-list }',
	postscreen_blacklist_action => 'enforce',
	postscreen_client_connection_count_limit => 3,
}, master => {
	"127.0.0.1:$port" => 'inet n - n - 1 postscreen',
	smtpd => 'pass - - n - - smtpd -o smtpd_banner=screened.test',
	dnsblog => 'unix - - n - 0 dnsblog',
	tlsproxy => 'unix - - n - 0 tlsproxy',
});
$t->configure({ postscreen_access_list => 'permit_mynetworks, cidr:' .
	$t->etc('access', "127.0.0.66 reject\n127.0.0.67 permit\n") });
$t->start;

# A client that behaves.  What it was greeted with, and the reply to RCPT.
sub polite
{
	my ($ip, @more) = @_;
	my $d = smtp_connect('127.0.0.1', $port, $ip);
	my $greeting = $d->read_reply(60) // '';
	my $reply = '';

	for my $line ("EHLO c.test", 'MAIL FROM:<a@b.test>',
		'RCPT TO:<user@example.test>', @more) {
		$d->send($line);
		$reply = $d->read_reply(60) // '';
	}
	$d->send('QUIT');
	$d->read_reply(60);
	$d->close;
	return ($greeting, $reply);
}

sub logged
{
	my ($regex, $name) = @_;

	like($t->wait_log($regex) // '', $regex, $name);
}

# --- lists of clients -----------------------------------------------------------------

my ($greeting, $reply) = polite('127.0.0.1');
is($greeting, '220 screened.test', 'mynetworks: greeted at once, with the options of smtpd pass');
like($reply, qr/^250/, 'and served');
logged(qr{postfix/postscreen\[\d+\]: CONNECT from \[127\.0\.0\.1\]:\d+ to \[127\.0\.0\.1\]:$port$}m,
	'CONNECT');
logged(qr{postscreen\[\d+\]: ALLOWLISTED \[127\.0\.0\.1\]:\d+$}m, 'ALLOWLISTED');
logged(qr{smtpd\[\d+\]: connect from \S*\[127\.0\.0\.1\]}, 'it is a client as others');

($greeting, $reply) = polite('127.0.0.67');
is($greeting, '220 screened.test', 'a table that permits');
($greeting, $reply) = polite('127.0.0.66');
like($reply, qr/^550 5\.3\.2 Service currently unavailable/,
	'one that rejects, with the action under its old name');
logged(qr{postscreen\[\d+\]: DENYLISTED \[127\.0\.0\.66\]:\d+$}m, 'DENYLISTED');
logged(qr{postscreen\[\d+\]: NOQUEUE: reject: RCPT from \[127\.0\.0\.66\]:\d+: 550 5\.3\.2 Service currently unavailable; from=<a\@b\.test>, to=<user\@example\.test>, proto=ESMTP, helo=<c\.test>$}m,
	'each recipient is logged');
logged(qr{postscreen\[\d+\]: DISCONNECT \[127\.0\.0\.66\]:\d+$}m, 'DISCONNECT');
unlike($t->log_text, qr{smtpd\[\d+\]: connect from \S*\[127\.0\.0\.66\]},
	'for smtpd it never was there');

# --- who does not wait ------------------------------------------------------------------

# A client that says this at once; again from another address if it was too
# slow to be early.
my $early = 0;
sub early
{
	my ($line) = @_;

	for (1 .. 10) {
		my $ip = '127.0.3.' . ++$early;
		my $c = smtp_connect('127.0.0.1', $port, $ip);

		defined $line ? $c->send($line) : $c->close;
		wait_until(60, sub {
			$t->log_text =~ /(?:PREGREET|HANGUP|PASS NEW).* \[\Q$ip\E\]/;
		});
		return $c if $t->log_text =~ /(?:PREGREET|HANGUP).* \[\Q$ip\E\]/;
		$c->close;
	}
	return undef;
}

my $d = early('EHLO User');
like($d->read_reply(60), qr/^220-screened\.test\r?\n220 screened\.test\z/,
	'the greeting has a first half that says nothing');
$d->read_reply(60);
$d->send($_), $reply = $d->read_reply(60)
    for 'MAIL FROM:<a@b.test>', 'RCPT TO:<user@example.test>';
like($reply, qr/^550 5\.5\.1 Protocol error/, 'who speaks too early is refused');
$d->send('DATA');
like($d->read_reply(60), qr/^5/, 'for its message as well');
$d->close;
logged(qr{postscreen\[\d+\]: PREGREET 11 after [\d.]+ from \[127\.0\.3\.\d+\]:\d+: EHLO User\\r\\n$}m,
	'PREGREET');

early(undef);
logged(qr{postscreen\[\d+\]: HANGUP after [\d.]+ from \[127\.0\.3\.\d+\]:\d+ in tests before SMTP handshake$}m,
	'HANGUP');

# --- DNS lists -----------------------------------------------------------------------------

($greeting, $reply) = polite('127.0.0.4');
like($reply, qr/^550 5\.7\.1 Service unavailable; client \[127\.0\.0\.4\] blocked using the-list/,
	'who is on a list is refused, with the name for it');
logged(qr{dnsblog\[\d+\]: addr 127\.0\.0\.4 listed by domain bl\.test as 127\.0\.0\.2$}m,
	'the list is logged');
logged(qr{postscreen\[\d+\]: DNSBL rank 2 for \[127\.0\.0\.4\]:\d+$}m, 'DNSBL rank');
($greeting, $reply) = polite('127.0.0.11');
like($reply, qr/^250/, 'another answer of it, and a list that is down, say nothing');

# --- who passed ------------------------------------------------------------------------------

logged(qr{postscreen\[\d+\]: PASS NEW \[127\.0\.0\.11\]:\d+$}m, 'PASS NEW');
($greeting, $reply) = polite('127.0.0.11');
is($greeting, '220 screened.test', 'the next time it does not wait');
logged(qr{postscreen\[\d+\]: PASS OLD \[127\.0\.0\.11\]:\d+$}m, 'PASS OLD');
ok(wait_until(60, sub {
	$t->tool('postmap', '-q', '127.0.0.11',
		"btree:$t->{dir}/data/postscreen_cache")->{out} =~
	    /^\d+ \d+;\d+;0;0;0$/;
}), 'postmap shows what is known of it');
my ($state) = $t->pids_of('state');
kill('KILL', $state);
$t->reload;
ok(wait_until(60, sub {
	my ($now) = $t->pids_of('state');
	return $now && $now != $state;
}), 'after a crash and a reload');
$t->mark_log;
($greeting, $reply) = polite('127.0.0.11');
logged(qr{PASS OLD \[127\.0\.0\.11\]}, 'it is still known');

# --- after the greeting ------------------------------------------------------------------------

$t->configure({ postscreen_pipelining_enable => 'yes',
	postscreen_non_smtp_command_enable => 'yes',
	postscreen_bare_newline_enable => 'yes',
	postscreen_bare_newline_action => 'enforce',
	postscreen_greet_action => 'drop' });
$t->reload;
# What came before the reload counts for nobody now: a test of the new kind is
# the sign.
my $new = 200;
ok(wait_until(60, sub {
	my $c = smtp_connect('127.0.0.1', $port, '127.0.0.' . $new++);
	$c->read_reply(60);
	$c->send('EHLO c.test');
	my $offer = $c->read_reply(60);
	$c->close;
	return $offer !~ /PIPELINING/;
}), 'what may not be used is not offered');
$d = smtp_connect('127.0.0.1', $port, '127.0.0.7');
$d->read_reply(60);
$d->send_raw("EHLO c.test\r\nMAIL FROM:<a\@b.test>\r\nRCPT TO:<user\@example.test>\r\n");
$d->read_reply(60);
$d->read_reply(60);
like($d->read_reply(60), qr/^550 5\.5\.1 Protocol error/,
	'who sends commands ahead is refused');
$d->close;
logged(qr{postscreen\[\d+\]: COMMAND PIPELINING from \[127\.0\.0\.7\]:\d+ after EHLO: MAIL FROM:<a\@b\.test>\\r\\nRCPT},
	'COMMAND PIPELINING');
$d = smtp_connect('127.0.0.1', $port, '127.0.0.8');
$d->read_reply(60);
for my $line ('EHLO c.test', 'MAIL FROM:<a@b.test>', 'RCPT TO:<user@example.test>') {
	$d->send_raw("$line\n");
	$reply = $d->read_reply(60);
}
like($reply, qr/^550 5\.5\.1 Protocol error/, 'whose lines end in LF alone, too');
logged(qr{postscreen\[\d+\]: BARE NEWLINE from \[127\.0\.0\.8\]:\d+ after EHLO c\.test},
	'BARE NEWLINE');
$d->close;
$d = smtp_connect('127.0.0.1', $port, '127.0.0.9');
$d->read_reply(60);
$d->send('GET / HTTP/1.1');
like($d->read_reply(60), qr/^521 5\.7\.0/, 'who speaks HTTP has to go');
logged(qr{postscreen\[\d+\]: NON-SMTP COMMAND from \[127\.0\.0\.9\]:\d+ after CONNECT: GET / HTTP/1\.1},
	'NON-SMTP COMMAND');
ok($d->expect_close('the session ends'), 'it is closed');
$d = early('EHLO User');
like($d->read_reply(60), qr/^220-.*\n521 5\.5\.1 Protocol error/s,
	'action drop');
$d->close;
$t->mark_log;
($greeting, $reply) = polite('127.0.0.5');
like($reply, qr/^250/, 'who does none of this is served in the same session');
logged(qr{PASS NEW \[127\.0\.0\.5\]}, 'and passes');
($greeting, $reply) = polite('127.0.0.10');
like($reply, qr/^250/, 'who is on a list of the good');
logged(qr{PASS NEW \[127\.0\.0\.10\]}, 'passes');

# --- limits ----------------------------------------------------------------------------------------

my @many = map { smtp_connect('127.0.0.1', $port, '127.0.0.30') } 1 .. 4;
logged(qr{postscreen\[\d+\]: NOQUEUE: reject: CONNECT from \[127\.0\.0\.30\]:\d+: too many connections},
	'a client has so many connections');
is(scalar(grep { ($_->read_reply(60) // '') =~ /^421 4\.7\.0/ } @many), 1,
	'and no more');
$_->close for @many;

# --- a spare mail host -----------------------------------------------------------------------------

$t->configure({ postscreen_allowlist_interfaces => '!127.0.0.1, static:all',
	respectful_logging => 'no' });
$t->reload;
# A process from before the reload would let it in for long: each is another.
my $n = 40;
ok(wait_until(60, sub {
	$n < 200 && (polite('127.0.0.' . $n++))[1] =~ /^450 4\.3\.2/;
}), 'nobody becomes known there');
logged(qr{postscreen\[\d+\]: WHITELIST VETO \[127\.0\.0\.\d+\]:\d+}, 'WHITELIST VETO');
($greeting, $reply) = polite('127.0.0.5');
like($reply, qr/^250/, 'who is known already is served');

# --- for tests -------------------------------------------------------------------------------------

$t->configure({ postscreen_allowlist_interfaces => undef,
	dnsblog_reply_delay => '60s', postscreen_dnsbl_timeout => '1s' });
$t->reload;
ok(wait_until(60, sub { (polite('127.0.0.4'))[1] =~ /^250/ }),
	'dnsblog_reply_delay: what comes too late says nothing');
is($t->stop, 1, 'stop');
$dns->stop;
done_testing();
