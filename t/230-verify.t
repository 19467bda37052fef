#!/usr/bin/perl
# Address verification: a client's command waits until a probe has found out
# whether mail could be delivered.  Nothing is delivered, one probe serves many
# questions, results outlive the process that has them, and a damaged file is
# begun anew.
use strict;
use warnings;

use Test::More;

use Barid::Hostile;
use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/state');

# By the recipient's name.
sub by_name
{
	my ($c) = @_;

	return "550 5.1.1 no such user\r\n" if $c->{line} =~ /<bad/i;
	return "451 4.2.1 come back\r\n" if $c->{line} =~ /<later/i;
	return '' if $c->{line} =~ /<slow/i;
	return undef;
}

my $server = Barid::Hostile->new(ip => '127.0.0.1', cases => {
	far => { rcpt => \&by_name },
	other => { rcpt => "550 5.1.1 not here either\r\n" },
});
my $t = Barid::Test->new(main => {
	mydestination => 'mx.example.test', local_recipient_maps => '',
	smtpd_relay_restrictions => 'permit_mynetworks, reject',
	smtpd_recipient_restrictions => 'reject_unverified_recipient, permit',
	smtpd_reject_unlisted_recipient => 'no',
	transport_maps => 'inline:{ ' . $server->transports('test') . ' }',
	unverified_recipient_reject_code => 550,
	unverified_sender_reject_code => 550,
	address_verify_poll_delay => '1s', address_verify_poll_count => 60,
	disable_dns_lookups => 'yes', smtp_host_lookup => 'native',
});

# The server is ours: the data folder belongs to whom state is.
$t->start;

# The reply to RCPT (or to MAIL, if that is refused).
sub rcpt
{
	my ($to, $from) = @_;
	my $d = smtp_connect('127.0.0.1', $t->{port});

	$d->read_reply(30);
	for my $line ('EHLO client.test', 'MAIL FROM:<' . ($from // '') . '>') {
		$d->send($line);
		$d->read_reply(60);
	}
	$d->send("RCPT TO:<$to>");
	my $reply = $d->read_reply(120);
	$d->close;
	return $reply;
}

sub probes
{
	my ($case, $address) = @_;

	return scalar grep { /^RCPT TO:<\Q$address\E>/m } map { split /^/m }
	    $server->received($case);
}

# --- what a probe finds ---------------------------------------------------------------

is(rcpt('good@far.test') =~ /^(\d+ \S+)/ && $1, '250 2.1.5',
	'an address that the server takes');
$t->wait_log(qr{smtp\[.*to=<good\@far\.test>.*status=deliverable});
like(join('', $server->received('far')),
	qr/MAIL FROM:<double-bounce\@mx\.example\.test>[^\n]*\nRCPT TO:<good\@far\.test>/,
	'the probe comes from the double-bounce address');
is(rcpt('good@far.test') =~ /^(\d+)/ && $1, '250', 'once more');
is(probes('far', 'good@far.test'), 1, 'with one probe for both');
like(rcpt('bad@far.test'),
	qr/^550 5\.1\.1 <bad\@far\.test>: Recipient address rejected: undeliverable address: host 127\.0\.0\.1\[127\.0\.0\.1\] said: 550 5\.1\.1 no such user \(in reply to RCPT TO command\)\s*$/,
	'one that the server refuses');
$t->wait_log(qr{smtp\[.*to=<bad\@far\.test>.*status=undeliverable});
like(rcpt('later@far.test'),
	qr/^450 4\.1\.1 <later\@far\.test>: Recipient address rejected: unverified address: host 127\.0\.0\.1\[127\.0\.0\.1\] said: 451 4\.2\.1 come back/,
	'one that it refuses for now');
like(rcpt('user@example.test'), qr/^250 /, 'a mailbox');
like(rcpt('nobody@example.test'),
	qr/^550 5\.1\.1 .*undeliverable address: unknown user/,
	'a mailbox that is not there');
like(rcpt('good@far.test', 'bad@far.test'), qr/^250/, 'a bad sender');
unlike(join('', $server->received('far')), qr/^DATA/m,
	'no content was ever sent');
is_deeply([$t->read_maildir('user')], [], 'or delivered');

# --- how it is remembered -----------------------------------------------------------------

sub in_table
{
	my ($address) = @_;

	return $t->tool('postmap', '-q', $address,
		"btree:$t->{dir}/data/verify_cache")->{out};
}

# Not before the file has it.
my $cache = "$t->{dir}/data/verify_cache.db";
ok(wait_until(60, sub {
	in_table('nobody@example.test') =~ /^\d+ 2:\d+:\d+:unknown user/;
}), 'results are in the table, for postmap as well');
my ($state) = $t->pids_of('state');
kill('KILL', $state);
ok(wait_until(60, sub {
	my ($now) = $t->pids_of('state');
	return $now && $now != $state;
}), 'state is killed, and there again');
like(rcpt('good@far.test'), qr/^250 /, 'what it knew is known');
is(probes('far', 'good@far.test'), 1, 'without another probe');

$t->stop;
open(my $file, '+<', $cache) or die "$cache: $!\n";
print $file 'x' x 3000;
close($file);
write_file("$cache.use", "1\n");
$t->start;
ok($t->wait_log(qr/cache .*verify_cache\.db: .*moved to .*verify_cache\.db\.damaged and begun anew/),
	'a damaged file is put aside');
like(rcpt('good@far.test'), qr/^250 /, 'after damage it is found out anew');
is(probes('far', 'good@far.test'), 2, 'by another probe');

# --- who waits for it ---------------------------------------------------------------------

$t->configure({ address_verify_poll_count => 2,
	smtpd_sender_restrictions => 'reject_unverified_sender' });
$t->reload;
ok(wait_until(60, sub { rcpt('good@far.test', 'bad@far.test') =~ /^550/ }),
	'a sender is verified as well');
like(rcpt('good@far.test', 'bad@far.test'),
	qr/^550 5\.1\.7 <bad\@far\.test>: Sender address rejected: undeliverable address: host/,
	'and refused');
like(rcpt('good@far.test', ''), qr/^250/, 'the null sender is not asked for');
like(rcpt('good@far.test', 'double-bounce@mx.example.test'), qr/^250/,
	'nor that of probes');
my @d = map { smtp_connect('127.0.0.1', $t->{port}) } 1 .. 20;
for my $d (@d) {
	$d->read_reply(60);
	$d->send($_), $d->read_reply(60) for 'EHLO client.test', 'MAIL FROM:<>';
	$d->send('RCPT TO:<slow@far.test>');
}
like($_->read_reply(60),
	qr/^450 4\.1\.1 <slow\@far\.test>: Recipient address rejected: unverified address: Address verification in progress/,
	'who has waited long enough') for @d[0, 19];
$_->close for @d;
ok(wait_until(60, sub { probes('far', 'slow@far.test') == 1 }),
	'twenty clients lead to one probe');

# --- who may teach it -----------------------------------------------------------------------

$t->tool('sendmail', '-f', 'user@example.test', '-bv', 'bad2@far.test');
ok($t->wait_log(qr{to=<bad2\@far\.test>.*status=undeliverable}),
	'a user has a probe of his own');
# What comes to be known after it is in the file: so would that be.
rcpt('bad3@far.test');
ok(wait_until(60, sub { in_table('bad3@far.test') =~ /no such user/ }),
	'another one is in the table');
is(in_table('bad2@far.test'), '',
	"attack: a user's own probe teaches nothing");

# --- where probes go ----------------------------------------------------------------------

$t->configure({ address_verify_map => '', address_verify_poll_count => 60,
	smtpd_sender_restrictions => '', address_verify_sender => '<>',
	address_verify_transport_maps => 'inline:{ far.test=smtp:[127.0.0.1]:' .
	    $server->{port}{other} . ' }' });
$t->reload;
# Each is replaced when its time has come.
my $n = 0;
ok(wait_until(60, sub {
	rcpt('fresh' . ++$n . '@far.test') =~ /not here either/ &&
	    join('', $server->received('other')) =~ /^MAIL FROM:<>/m;
}), 'address_verify_transport_maps, address_verify_sender');
ok(wait_until(60, sub {
	# The slow one alone is still under way.
	my @ids = $t->queue_ids(qw(active incoming deferred));
	return @ids <= 1;
}), 'no probe stays in the queue');
$server->stop;
$t->stop;
done_testing();
