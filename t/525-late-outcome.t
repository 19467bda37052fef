#!/usr/bin/perl
# design.md section 5: an agent whose qmgr is lost finishes its delivery and
# tells the next one, so that nothing is delivered a second time; also when
# master is gone and comes back.
use strict;
use warnings;

use Fcntl qw(:flock);
use FindBin;
use IO::Socket::INET;
use POSIX qw(_exit);
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/qmgr',
	'libexec/barid/smtp', 'libexec/barid/local');

my $N = 50;
my $TAKEN = qr/qmgr\[\d+\]: \w+: late outcomes of 1 recipients taken/;

# --- A server that takes its time -------------------------------------------------

# Notes "begin MARK" when it has a message, and "end MARK" when, that many
# seconds later, it says so.
sub note_event
{
	my ($notes, $what, $mark) = @_;

	open(my $out, '>>', $notes) or return;
	syswrite($out, "$what $mark\n");
}

sub serve
{
	my ($client, $notes, $seconds) = @_;
	my ($mark, $in_data) = ('?', 0);

	$client->autoflush(1);
	print $client "220 slow.test ESMTP\r\n";
	while (my $line = <$client>) {
		if (!$in_data) {
			$in_data = $line =~ /^DATA/i;
			print $client $in_data ? "354 go on\r\n" : "250 ok\r\n";
			last if $line =~ /^QUIT/i;
			next;
		}
		$mark = $1 if $line =~ /^X-Mark: (\S+)/;
		next if $line ne ".\r\n";
		$in_data = 0;
		note_event($notes, 'begin', $mark);
		select(undef, undef, undef, $seconds);
		note_event($notes, 'end', $mark);
		print $client "250 2.0.0 stored\r\n";
	}
}

sub start_server
{
	my ($port, $notes, $seconds) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		LocalPort => $port, Listen => 100, ReuseAddr => 1)
	    or die "listen: $!\n";
	my $pid = fork // die "fork: $!\n";

	return $pid if $pid != 0;
	setpgrp(0, 0);
	$SIG{CHLD} = 'IGNORE';
	$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP ALRM);
	alarm(0);
	while (my $client = $listener->accept) {
		my $child = fork // next;

		next if $child != 0;
		serve($client, $notes, $seconds);
		_exit(0);
	}
	_exit(0);
}

sub stop_server
{
	my ($pid) = @_;

	kill('KILL', -$pid);
	waitpid($pid, 0);
}

sub count
{
	my ($notes, $what) = @_;
	my %n;

	$n{$_}++ for (read_file($notes) // '') =~ /^$what (\S+)$/mg;
	return \%n;
}

sub sum
{
	my ($n) = @_;
	my $sum = 0;

	$sum += $_ for values %$n;
	return $sum;
}

# An instance that sends all to such a server, with $n messages in flight.
sub with_messages_in_flight
{
	my ($n, $seconds) = @_;
	my $port = free_port();
	my $t = durable_instance(main => {
		relayhost => "[127.0.0.1]:$port",
		default_destination_concurrency_limit => $N,
		initial_destination_concurrency => $N,
	});
	my $notes = "$t->{dir}/notes";
	my $server = start_server($port, $notes, $seconds);

	$t->start(wait => 0);
	wait_ready($t);
	my @submits = submit_marks($t, '-n', $n / 5, '-j', 5,
		['somebody@elsewhere.test']);
	is(scalar(keys %{ acked(@submits) }), $n, "$n are accepted");
	my $begun = wait_until(20, sub {
		keys %{ count($notes, 'begin') } == $n
	});
	ok($begun, 'and in flight');
	is(sum(count($notes, 'end')), 0, 'none has ended yet');
	return ($t, $notes, $server, acked(@submits));
}

sub check_once
{
	my ($t, $notes, $acked) = @_;
	my $n = count($notes, 'begin');

	ok(wait_settled($t, 40), 'nothing stays in the queue');
	is(scalar(grep { !$n->{$_} } keys %$acked), 0, 'none is missing');
	is(sum($n) - keys %$n, 0, 'none was delivered twice');
	# Read anew: the queue may have been emptied by a second delivery.
	$n = count($notes, 'begin');
	is(sum($n), scalar keys %$acked, 'not even in the end');
}

sub count_taken
{
	my ($t) = @_;
	my $taken = () = $t->log_text =~ /$TAKEN/g;

	return $taken;
}

# --- Cases ------------------------------------------------------------------------

subtest 'qmgr is killed', sub {
	my ($t, $notes, $server, $acked) = with_messages_in_flight($N, 3);

	kill('KILL', $t->pids_of('qmgr'));
	ok($t->wait_log(qr/qmgr pid \d+ killed by signal 9/), 'it died');
	check_once($t, $notes, $acked);
	is(count_taken($t), $N, 'the next one heard of each');
	ok($t->stop, 'it stops');
	stop_server($server);
};

subtest 'qmgr is killed twice', sub {
	my ($t, $notes, $server, $acked) = with_messages_in_flight(10, 3);
	my @first = $t->pids_of('qmgr');

	kill('KILL', @first);
	ok(wait_until(10, sub {
		my @now = $t->pids_of('qmgr');
		return @now && $now[0] != $first[0];
	}), 'there is another one');
	kill('KILL', $t->pids_of('qmgr'));
	check_once($t, $notes, $acked);
	ok($t->stop, 'it stops');
	stop_server($server);
};

subtest 'master is killed and started again', sub {
	my ($t, $notes, $server, $acked) = with_messages_in_flight($N, 4);
	my @smtp = $t->pids_of('smtp');
	my @others = $t->pids_of('qmgr');

	kill('KILL', $t->{pid});
	ok(wait_until(10, sub {
		!$t->is_running && !grep { kill(0, $_) } @others;
	}), 'qmgr left with it');
	ok(scalar(grep { kill(0, $_) } @smtp), 'smtp is still at work');
	$t->start(wait => 0);
	wait_ready($t);
	check_once($t, $notes, $acked);
	is(count_taken($t), $N, 'the next qmgr heard of each');
	ok(wait_until(10, sub { !grep { kill(0, $_) } @smtp }),
		'the old smtp left when it was done');
	ok($t->stop, 'it stops');
	stop_server($server);
};

subtest 'master is killed for good', sub {
	my ($t, $notes, $server) = with_messages_in_flight(5, 2);
	my @smtp = $t->pids_of('smtp');

	kill('KILL', $t->{pid});
	ok(wait_until(31, sub {
		!$t->is_running && !grep { kill(0, $_) } @smtp;
	}), 'smtp does not wait for ever');
	is(sum(count($notes, 'end')), 5, 'but it has finished');
	stop_server($server);
};

# It dies before it has written what it hears, or before it can say so: the agent
# tells the one after it.
for my $point (qw(qmgr-late qmgr-late-written)) {
	subtest "the next qmgr dies at $point", sub {
		plan(skip_all => 'the build has no checks')
		    unless is_checks_build();
		local $ENV{BARID_TEST_POINT} = "$point:3";
		my ($t, $notes, $server, $acked) = with_messages_in_flight(10,
			3);

		# Not KILL: that would be taken for the death at the point.
		kill('ABRT', $t->pids_of('qmgr'));
		ok($t->wait_log(qr/qmgr pid \d+ killed by signal 6/),
			'the first died');
		ok($t->wait_log(qr/qmgr pid \d+ killed by signal 9/),
			'the second died');
		check_once($t, $notes, $acked);
		ok($t->stop, 'it stops');
		stop_server($server);
	};
}

# A mailbox that somebody has locked: its delivery takes until that ends.
subtest 'virtual', sub {
	my $t = durable_instance(main => {
		virtual_mailbox_maps => 'inline:{ slow@example.test=slow }',
		virtual_mailbox_lock => 'flock',
		deliver_lock_attempts => 100,
	});
	my $path = "$t->{dir}/mail/slow";

	write_file($path, '');
	chown($t->{mail_uid}, $t->{mail_gid}, $path) if $> == 0;
	chmod(0600, $path);
	open(my $mailbox, '+<', $path) or die "$path: $!\n";
	flock($mailbox, LOCK_EX) or die "flock: $!\n";
	$t->start(wait => 0);
	wait_ready($t);
	my $acked = acked(submit_marks($t, '-n', 5, ['slow@example.test']));
	is(scalar(keys %$acked), 5, '5 are accepted');
	ok(wait_until(10, sub {
		my @active = map { /(\w+): from=.* \(queue active\)/ ? $1 : () }
		    split /\n/, $t->log_text;
		return @active == 5;
	}), 'and active');
	# The children have the descriptor and wait for the lock.
	ok(wait_until(10, sub { is_held($t) }), 'their files are locked');
	kill('KILL', $t->pids_of('qmgr'));
	ok($t->wait_log(qr/qmgr pid \d+ killed by signal 9/), 'qmgr died');
	close($mailbox);
	ok(wait_settled($t, 40), 'nothing stays in the queue');
	my %n;
	$n{$_}++ for read_file($path) =~ /^X-Mark: (\S+)$/mg;
	is(scalar(grep { !$n{$_} } keys %$acked), 0, 'none is missing');
	is(sum(\%n), 5, 'none was delivered twice');
	cmp_ok(count_taken($t), '>=', 1, 'the next qmgr heard of some');
	ok($t->stop, 'it stops');
};

# Does anybody hold a lock on a message?
sub is_held
{
	my ($t) = @_;

	for my $file (glob "$t->{main}{queue_directory}/active/*") {
		open(my $in, '<', $file) or next;
		return 1 unless flock($in, LOCK_EX | LOCK_NB);
	}
	return 0;
}

done_testing();
