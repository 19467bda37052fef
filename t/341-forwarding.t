#!/usr/bin/perl
# Mail that aliases send on to a foreign domain gets a sender of ours (SRS), and
# what comes back to that sender goes to the author; nothing else changes.
use strict;
use warnings;

use Test::More;

use Barid::Capture;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp',
	'libexec/barid/local');

my $sink = Barid::Capture->new;
my $t = Barid::Test->new(main => {
	relayhost => '[127.0.0.1]:' . $sink->port,
	myhostname => 'mx.fwd.test', mydestination => 'fwd.test',
	myorigin => 'fwd.test', append_dot_mydomain => 'no',
	virtual_alias_domains => 'va.test', virtual_mailbox_domains => 'vm.test',
	virtual_mailbox_maps => 'inline:{ user@vm.test=user/ }',
	virtual_alias_maps => 'inline:{ {out@va.test = u@far.test} ' .
	    '{both@va.test = u@far.test, user@vm.test} ' .
	    '{in@va.test = user@vm.test} {two@va.test = u@far.test, ' .
	    'v@far.test, plain@else.test} {back@va.test = u@vm.test} ' .
	    '{user@vm.test = user@vm.test}}',
	alias_maps => 'inline:{ {joe = joe@far.test} {list = a@far.test, ' .
	    'b@far.test} {owner-list = boss@far.test} }',
	local_recipient_maps => '', srs_domain => 'srs.fwd.test',
	srs_exclude_domains => 'friend.test',
	smtpd_relay_restrictions => 'permit_inet_interfaces reject',
});
my $keys = $t->etc('srs.keys', "0123456789abcdefghijklmnopqrstuv\n");

chmod(0600, $keys);
$t->start;

# One message; the last reply.
sub submit
{
	my ($from, @to) = @_;
	my $s = smtp_connect('127.0.0.1', $t->{port});
	my $say = sub { $s->send($_[0]); $s->read_reply(60) };

	$s->read_reply(60);
	$say->('EHLO client.test');
	my $reply = $say->("MAIL FROM:<$from>");
	for my $to (@to) {
		$reply = $say->("RCPT TO:<$to>");
		return $reply if $reply !~ /^250/;
	}
	$say->('DATA');
	$reply = $say->("From: $from\r\nTo: $to[0]\r\nSubject: x\r\n\r\nbody\r\n.");
	$say->('QUIT');
	return $reply;
}

my $n_seen = 0;

# The senders by recipient of what arrived since the last call, once there are
# as many recipients.
sub arrived
{
	my ($n) = @_;
	my (@all, %sender);

	wait_until(60, sub {
		@all = $sink->messages;
		return $n <= map { @{ $_->{to} } } @all[$n_seen .. $#all];
	});
	for my $m (@all[$n_seen .. $#all]) {
		$sender{$_} = $m->{from} for @{ $m->{to} };
	}
	$n_seen = @all;
	return \%sender;
}

my $srs = qr/^SRS0=[A-Z2-7]{8}=[A-Z2-7]{2}=author\.test=ann\@srs\.fwd\.test$/;
my $made;

subtest 'mail that leaves by an alias' => sub {
	like(submit('ann@author.test', 'out@va.test'), qr/^250/, 'is taken');
	my $got = arrived(1);
	like($got->{'u@far.test'}, $srs, 'has a sender of ours');
	$made = $got->{'u@far.test'};
	ok($t->wait_log(qr/from=<ann\@author\.test>/, 60),
		'the log has the author');

	submit('ann@author.test', 'two@va.test', 'x@other.test');
	$got = arrived(4);
	like($got->{$_}, $srs, "to $_")
	    for qw(u@far.test v@far.test plain@else.test);
	is($got->{'x@other.test'}, 'ann@author.test',
		'not to a recipient of the same message without alias');
};

subtest 'mail that leaves by a local alias' => sub {
	submit('ann@author.test', 'joe@fwd.test');
	like(arrived(1)->{'joe@far.test'}, $srs, 'has a sender of ours');
	submit('ann@author.test', 'list@fwd.test');
	my $got = arrived(2);
	is($got->{'a@far.test'}, 'owner-list@fwd.test',
		'a list has its owner, who is ours');
};

subtest 'senders that stay' => sub {
	for my $case (['', 'null sender'], ['me@fwd.test', 'local'],
		['me@vm.test', 'hosted'], ['me@va.test', 'of a domain of aliases'],
		['x@friend.test', 'excluded']) {
		submit($case->[0], 'out@va.test');
		is(arrived(1)->{'u@far.test'}, $case->[0], $case->[1]);
	}
	submit('ann@author.test', 'x@far.test');
	is(arrived(1)->{'x@far.test'}, 'ann@author.test', 'mail that is relayed');
	submit('ann@author.test', 'both@va.test');
	like(arrived(1)->{'u@far.test'}, $srs, 'what leaves has ours,');
	my ($mail) = $t->wait_maildir('user', 1);
	like($mail, qr/^Return-Path: <ann\@author\.test>/m, 'what stays not');
};

subtest 'mail that comes back' => sub {
	like(submit('', $made), qr/^250/, 'is taken');
	is_deeply([keys %{ arrived(1) }], ['ann@author.test'],
		'goes to the author');
	like(submit('', lc $made), qr/^250/, 'in lower case too');
	arrived(1);
	ok($t->wait_log(qr/to=<ann\@author\.test>, orig_to=<SRS0=/, 60),
		'is logged with both addresses');
	(my $bad = $made) =~ s/ann/bob/;
	like(submit('', $bad), qr/^550 5\.1\.1 /, 'attack: a forged one');
	like(submit('', 'SRS0=AAAAAAAA=AA=b.test=a@srs.fwd.test'),
		qr/^550 5\.1\.1 /, 'attack: one without a key');
	like(submit('', 'SRS0=AAAAAAAA=AA=b.test=a@fwd.test'), qr/^250/,
		'in another domain it is a name like others');
	like(submit('', 'other@srs.fwd.test'), qr/^550 5\.1\.1 /,
		'other names of the domain are unknown');
};

subtest 'mail of another forwarder' => sub {
	submit('SRS0=HHHH=TT=b.test=a@one.test', 'out@va.test');
	my $got = arrived(1)->{'u@far.test'};
	like($got, qr/^SRS1=[A-Z2-7]{8}=one\.test==HHHH=TT=b\.test=a\@srs\.fwd\.test$/,
		'names that one');
	like(submit('', $got), qr/^250/, 'and comes back');
	is_deeply([keys %{ arrived(1) }], ['SRS0=HHHH=TT=b.test=a@one.test'],
		'to that one');
};

subtest 'keys roll over' => sub {
	$t->etc('srs.keys', "another-key-of-enough-letters\n" .
	    "0123456789abcdefghijklmnopqrstuv\n");
	$t->mark_log;
	ok($t->reload, 'reload');
	my $ok = wait_until(60, sub {
		submit('ann@author.test', 'out@va.test');
		my $now = arrived(1)->{'u@far.test'} // '';
		return $now =~ $srs && $now ne $made;
	});
	ok($ok, 'the first key signs');
	like(submit('', $made), qr/^250/, 'the second still counts');
};

ok($t->wait_queue_empty(60), 'nothing stays') or diag($t->log_text);

done_testing;
