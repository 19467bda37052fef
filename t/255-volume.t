#!/usr/bin/perl
# Limits of how much mail: of a login, a sender's domain, a client; over all
# processes, and after a reload and a crash.
use strict;
use warnings;

use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/state');

my $t = Barid::Test->new(main => {
	smtpd_authorized_xclient_hosts => '127.0.0.1',
	smtpd_sasl_auth_enable => 'yes',
	smtpd_processes => 2,
	volume_limit_time => '1d', volume_limit_login_messages => 3,
	volume_limit_sender_domain_recipients => 4,
	volume_limit_maps => 'inline:{ {login:boss = 0 0} }',
});
$t->start;

# The replies' codes to this many messages of a login, in one session each.
sub send_as
{
	my ($login, $from, $n) = @_;
	my @codes;

	for (1 .. $n) {
		my $d = smtp_connect('127.0.0.1', $t->{port});
		my $reply = $d->read_reply(60);

		for my $line ('EHLO c.test', "XCLIENT LOGIN=$login", 'EHLO c.test',
		    "MAIL FROM:<$from>", 'RCPT TO:<user@example.test>') {
			$d->send($line);
			$reply = $d->read_reply(60);
		}
		push @codes, $reply =~ /^(\d+ \S+)/ ? $1 : $reply;
		if ($reply =~ /^250/) {
			$d->send('DATA');
			$d->read_reply(60);
			$d->send_raw("Subject: x\r\n\r\nx\r\n.\r\n");
			$d->read_reply(60);
		}
		$d->close;
	}
	return "@codes";
}

is(send_as('alice', 'a@a.test', 4), '250 2.1.5 250 2.1.5 250 2.1.5 450 4.7.1',
	'a login has so many messages');
like($t->wait_log(qr/volume limit exceeded/) // '',
	qr/NOQUEUE: volume limit exceeded: 4 messages in 86400s of login alice \(limit 3\), client=localhost\[127\.0\.0\.1\], action=defer$/,
	'it is logged');
is(send_as('bob', 'a@b.test', 1), '250 2.1.5', 'another is not the worse for it');
is(send_as('bob', 'a@a.test', 2), '250 2.1.5 450 4.7.1',
	'a domain has so many recipients, whoever sends');
is(send_as('boss', 'b@c.test', 4), join(' ', ('250 2.1.5') x 4),
	'a login with limits of its own');
my ($state) = $t->pids_of('state');
# What is counted is in the file a second later.
ok(wait_until(60, sub {
	$t->tool('postmap', '-s', "btree:$t->{dir}/data/volume_limit")->{out} =~
	    /^messages login bob\s/m;
}), 'postmap shows the counters');
kill('KILL', $state);
ok(wait_until(60, sub {
	my ($now) = $t->pids_of('state');
	return $now && $now != $state;
}), 'state is killed');
$t->configure({ volume_limit_action => 'hold' });
$t->reload;
ok(wait_until(60, sub { send_as('alice', 'a@d.test', 1) =~ /^250/ }),
	'after a reload, with action hold');
ok(wait_until(60, sub {
	my @held = $t->queue_ids('hold');
	return @held > 0;
}), 'what is above the limit is held: the counters are as before');
$t->stop;
done_testing();
