#!/usr/bin/perl
# The greylist: who comes again is let in, also after the process that knows it
# was killed.
use strict;
use warnings;

use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/state');

my $t = Barid::Test->new(main => {
	mynetworks => '127.0.0.1/32', greylist_delay => '2s',
	greylist_auto_allow_count => 2,
	smtpd_relay_restrictions => 'reject_unauth_destination',
	smtpd_recipient_restrictions => 'reject_unlisted_recipient, check_greylist',
});
# By LMDB, if that is built in; t/230 has a table of Berkeley DB.
my $types = $t->tool('postconf', '-m')->{out};
my $map = ($types =~ /^lmdb$/m ? 'lmdb' : 'btree') . ":$t->{dir}/data/greylist";
$t->configure({ greylist_map => $map });
$t->start;

# The code of the reply to RCPT.
sub code
{
	my ($ip, $from, $to) = @_;
	my $d = smtp_connect('127.0.0.1', $t->{port}, $ip);

	$d->read_reply(60);
	$d->send($_), $d->read_reply(60)
	    for 'EHLO c.test', "MAIL FROM:<$from>";
	$d->send('RCPT TO:<' . ($to // 'user@example.test') . '>');
	my $reply = $d->read_reply(60);
	$d->close;
	return $reply =~ /^(\d+)/ ? $1 : $reply;
}

is(code('127.0.0.1', 'a@b.test'), 250, 'mynetworks: at once');
is(code('127.0.1.1', 'a@b.test'), 450, 'a new client has to come again');
like($t->wait_log(qr/greylist: new: client=\S*\[127\.0\.1\.1\], network=127\.0\.1\.0\/24, from=<a\@b\.test>, to=<user\@example\.test>, waited=0/) // '',
	qr/NOQUEUE/, 'it is logged');
like($t->wait_log(qr/NOQUEUE: reject: RCPT from \S*\[127\.0\.1\.1\]: 450 4\.2\.0 <user\@example\.test>: Recipient address rejected: Greylisted, please try again later;/) // '',
	qr/reject/, 'and so is the refusal');
is(code('127.0.1.1', 'a@b.test', 'nobody@example.test'), 550,
	'for nobody there is nothing to come again for');
ok(wait_until(60, sub {
	$t->tool('postmap', '-s', $map)->{out} =~
	    /^t 127\.0\.1\.0\/24 a\@b\.test user\@example\.test\s+\d+ \d+:0$/m;
}), 'postmap shows it');
my ($state) = $t->pids_of('state');
kill('KILL', $state);
ok(wait_until(60, sub {
	my ($now) = $t->pids_of('state');
	return $now && $now != $state;
}), 'state is killed');
ok(wait_until(60, sub { code('127.0.1.77', 'a@b.test') eq '250' }),
	'its neighbour comes again later');
like($t->wait_log(qr/greylist: pass: client=\S*\[127\.0\.1\.77\]/) // '',
	qr/waited=\d/, 'which is logged too');
ok(wait_until(60, sub { code('127.0.1.1', 'bounce-17@b.test') eq '250' }),
	'with a second sender');
is(code('127.0.1.5', 'new@c.test'), 250, 'then the network need not wait');
is(code('127.0.2.5', 'new@c.test'), 450, 'but another has to');
$t->stop;
done_testing();
