#!/usr/bin/perl
# design.md section 5, rule 3, under load: master, qmgr and all at once are
# killed while mail is taken and delivered.  What was accepted is found; children
# leave when master is gone; no two processes deliver the same message at the
# same time.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;
use Time::HiRes qw(time sleep);

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/qmgr',
	'libexec/barid/local');

my $SUBMITTERS = 10;
my $EACH = is_checks_build() ? 30 : 60;
my @rcpts = map { "$_\@example.test" } qw(user other);

# Is this process, seen earlier, still there?
sub is_there
{
	my ($process) = @_;
	my $stat = read_file("/proc/$process->{pid}/stat") // '';

	return $stat =~ /^\d+ \(\Q$process->{name}\E\) [^ZX]/;
}

# What was accepted is in both mailboxes; returns the number of second copies.
sub check_found
{
	my ($t, @submits) = @_;
	my $acked = acked(@submits);
	my $n_extra = 0;

	for my $place (qw(user other)) {
		my $n = marks_delivered($t, $place);

		is(delete $n->{broken} // 0, 0,
			"$place: nothing that is not whole");
		is(scalar(grep { !$n->{$_} } keys %$acked), 0, "$place: all "
		    . keys(%$acked) . ' that were accepted are there');
		$n_extra += $n->{$_} - 1 for keys %$n;
	}
	return $n_extra;
}

# Load, and something happens when a part of it is delivered.
sub under_load
{
	my ($t, $happen, @options) = @_;

	$t->start(wait => 0);
	wait_ready($t);
	my $load = start_submit($t, '-n', $EACH, '-j', $SUBMITTERS, '-t', 20,
		'-R', @options, \@rcpts);
	my $some = wait_until(30, sub {
		my $n = marks_delivered($t);
		return keys %$n > $SUBMITTERS * $EACH / 5;
	});
	ok($some, 'mail flows');
	$happen->();
	return collect_submit($load);
}

subtest 'master is killed', sub {
	my $t = durable_instance();
	my ($processes, $slowest);
	my @submits = under_load($t, sub {
		my $begun = time;

		$processes = $t->processes;
		kill('KILL', $t->{pid});
		my $left = wait_until(30, sub {
			!$t->is_running &&
			    !grep { is_there($_) } values %$processes;
		});
		$slowest = time - $begun;
		ok($left, 'its children left') or
		    diag(join ' ', map { "$_->{name}[$_->{pid}]" }
			grep { is_there($_) } values %$processes);
		$t->start(wait => 0);
		wait_ready($t);
	});
	cmp_ok($slowest, '<', 31, sprintf('within %.1f s', $slowest));
	is(scalar keys %{ acked(@submits) }, $SUBMITTERS * $EACH,
		'clients that came again were served');
	ok(wait_settled($t, 60), 'nothing stays in the queue');
	my $n_extra = check_found($t, @submits);
	note("$n_extra second copies");
	# What was in flight: at most what each client had not heard of, and
	# what the agents had, of which there may be 20 for a destination.
	cmp_ok($n_extra, '<=', 2 * ($SUBMITTERS * 3 + 20),
		'second copies are few');
	is(join(' ', $t->queue_ids('corrupt')), '', 'nothing is damaged');
	ok($t->stop, 'it stops');
};

subtest 'all are killed at once', sub {
	my $t = durable_instance();
	my @submits = under_load($t, sub {
		$t->crash;
		$t->start(wait => 0);
		wait_ready($t);
	});

	is(scalar keys %{ acked(@submits) }, $SUBMITTERS * $EACH,
		'clients that came again were served');
	ok(wait_settled($t, 60), 'nothing stays in the queue');
	my $n_extra = check_found($t, @submits);
	note("$n_extra second copies");
	is(join(' ', $t->queue_ids('corrupt')), '', 'nothing is damaged');
	ok($t->stop, 'it stops');
};

# An agent that takes its time, and tells when it began and ended: an SMTP
# server that answers late, and notes the marks.
sub slow_server
{
	my ($port, $notes, $seconds) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		LocalPort => $port, Listen => 100, ReuseAddr => 1)
	    or die "listen: $!\n";
	my $pid = fork // die "fork: $!\n";

	if ($pid != 0) {
		close($listener);
		return $pid;
	}
	setpgrp(0, 0);
	$SIG{CHLD} = 'IGNORE';
	$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP ALRM);
	alarm(0);
	while (my $client = $listener->accept) {
		my $child = fork // next;

		next if $child != 0;
		serve_slowly($client, $notes, $seconds);
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

sub note_event
{
	my ($notes, $what, $mark) = @_;

	open(my $out, '>>', $notes) or return;
	syswrite($out, sprintf("%.6f %s %s\n", time, $what, $mark));
}

sub serve_slowly
{
	my ($client, $notes, $seconds) = @_;
	my ($mark, $in_data) = ('?', 0);

	print $client "220 slow.test ESMTP\r\n";
	$client->flush;
	while (my $line = <$client>) {
		if ($in_data) {
			$mark = $1 if $line =~ /^X-Mark: (\S+)/;
			next if $line ne ".\r\n";
			$in_data = 0;
			note_event($notes, 'begin', $mark);
			select(undef, undef, undef, $seconds);
			note_event($notes, 'end', $mark);
			print $client "250 2.0.0 stored\r\n";
		} elsif ($line =~ /^DATA/i) {
			$in_data = 1;
			print $client "354 go on\r\n";
		} elsif ($line =~ /^QUIT/i) {
			print $client "221 bye\r\n";
			last;
		} else {
			print $client "250 ok\r\n";
		}
		$client->flush;
	}
}

subtest 'qmgr is killed with deliveries in flight', sub {
	plan(skip_all => 'smtp is not installed')
	    unless -e installed('libexec/barid/smtp');
	my $port = free_port();
	my $t = durable_instance(main => {
		relayhost => "[127.0.0.1]:$port",
		default_destination_concurrency_limit => 50,
		initial_destination_concurrency => 50,
	});
	my $notes = "$t->{dir}/notes";
	my $server = slow_server($port, $notes, 4);
	my $N = 40;

	$t->start(wait => 0);
	wait_ready($t);
	my @submits = submit_marks($t, '-n', $N / 4, '-j', 4,
		['somebody@elsewhere.test']);
	my $in_flight = 0;
	my $begun = wait_until(20, sub {
		$in_flight = () = (read_file($notes) // '') =~ / begin /g;
		return $in_flight >= 20;
	});
	ok($begun, "$in_flight deliveries are in flight");
	my @qmgr = $t->pids_of('qmgr');
	kill('KILL', @qmgr);
	ok($t->wait_log(qr/qmgr pid \d+ killed by signal 9/), 'qmgr died');
	ok(wait_settled($t, 40), 'nothing stays in the queue');
	my (%n, %open, @twice);
	for my $line (split /\n/, read_file($notes) // '') {
		my (undef, $what, $mark) = split / /, $line;

		if ($what eq 'begin') {
			push @twice, $mark if $open{$mark}++;
		} else {
			$open{$mark}--;
			$n{$mark}++;
		}
	}
	my $acked = acked(@submits);
	my @missing = grep { !$n{$_} } keys %$acked;
	my $n_extra = 0;

	$n_extra += $n{$_} - 1 for keys %n;
	is(scalar @missing, 0, 'all that were accepted are there');
	# The lock on the file: what an agent still delivers is not begun again.
	is(join(' ', @twice), '', 'no message was under way twice');
	note("$n_extra second copies of $in_flight in flight");
	cmp_ok($n_extra, '<=', $N, 'second copies only of what was in flight');
	ok($t->stop, 'it stops');
	kill('KILL', -$server);
	waitpid($server, 0);
};

done_testing();
