#!/usr/bin/perl
# Attack 72: kill -9 at every system call of receiving and delivering.  Each
# daemon that has a message in hand dies at its N-th call after a message is
# sent; it is sent until it is accepted.  What was acknowledged is there.
#
# Some of the calls are tried; all of them with BARID_ALL=1.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Load;
use Barid::Test;
use Test::More;
use Time::HiRes qw(time);

plan_installed('sbin/barid', map { "libexec/barid/$_" } qw(smtpd cleanup qmgr
	local smtp bounce));
plan(skip_all => 'not root: no process may be traced that is not dumpable')
    if $> != 0;

# The calls that one message takes, at most, and how far apart those are that
# are tried.
my %programs = (smtpd => 40, cleanup => 40, qmgr => 70, virtual => 40,
	smtp => 60, bounce => 50);
my $STEP = $ENV{BARID_ALL} ? 1 : is_checks_build() ? 17 : 9;

alarm($ENV{BARID_ALL} ? 7200 : 1200);

my $port = free_port();
my $t = durable_instance(main => { relayhost => "[127.0.0.1]:$port",
	notify_classes => '', default_process_limit => 1,
	smtpd_recipient_restrictions => 'permit_mynetworks, reject' });
my $notes = "$t->{dir}/notes";
my %to = (mailbox => 'user@example.test', relay => 'somebody@elsewhere.test',
	bounce => 'nobody@elsewhere.test');
my (%acked, %calls, $n_sent, $n_deaths);

start_fickle_server(port => $port, notes => $notes);
$t->start;

# One message of each kind, sent until it is taken.
sub send_round
{
	my ($round) = @_;
	my @loads = map { start_clients($t, name => "$_-$round", clients => 1,
		each => 1, from => 'third@example.test', to => $to{$_}) }
	    sort keys %to;

	for my $load (@loads) {
		my ($kind) = $load->{name} =~ /^(\w+)-/;
		my $done = join_clients($load, 60);

		$acked{$kind}{$_} = 1 for keys %{ $done->{taken} };
		$n_sent++;
	}
}

# A process of this program that has not begun yet with what we send.
sub pid_of
{
	my ($program, $n) = @_;
	my @pids;

	wait_until(20, sub { @pids = $t->pids_of($program =~ s/virtual/local/r) })
	    or return undef;
	# Who of several is asked is not known before: each in turn.
	return $pids[$n % @pids];
}

# True: it died there.
sub die_at
{
	my ($program, $n, $round) = @_;
	my $pid = pid_of($program, $n) or return 0;
	my $out = "$t->{dir}/kill_at";

	unlink($out);
	my $tracer = start_peer({ out => $out }, build_path('t/kill_at'), $pid,
		$n);
	wait_until(10, sub { (read_file($out) // '') =~ /ready|no such/ });
	send_round($round);
	# What it does after the answer, too.
	wait_until(2, sub { (read_file($out) // '') =~ /call|gone|no such/ });
	my ($call) = (read_file($out) // '') =~ /^call (\d+)/m;
	stop_peer($tracer);
	return 0 unless defined $call;
	$calls{$program}{$call}++;
	return 1;
}

my $seed = $ENV{BARID_SEED} // 1;
my $round = 0;

send_round('warm');
wait_settled($t);
for my $program (sort keys %programs) {
	my $died = 0;

	for (my $n = 1 + $seed % $STEP; $n <= $programs{$program};
		$n += $STEP) {
		$died += die_at($program, $n, ++$round);
	}
	$n_deaths += $died;
	cmp_ok($died, '>', 0, "attack 72: $program died $died times, at " .
		scalar(keys %{ $calls{$program} }) . ' different calls');
}

ok(wait_settled($t, 60), 'attack 72: nothing stays in the queue');
my %found = (mailbox => marks_delivered($t),
	relay => count_server_notes($notes, 'stored'),
	bounce => count_reports($t, 'third'));
for my $kind (sort keys %to) {
	my $n = $found{$kind};
	my $broken = delete $n->{broken} // 0;
	my @lost = grep { !$n->{$_} } sort keys %{ $acked{$kind} };
	my $extra = 0;

	$extra += $n->{$_} - 1 for keys %$n;
	is($broken, 0, "attack 72: $kind: nothing that is not whole");
	is(scalar keys %{ $acked{$kind} }, $round + 1,
		"attack 72: $kind: all were accepted");
	is("@lost", '', "attack 72: $kind: nothing is lost");
	# Each death can bring one of each kind again, nothing else can.
	cmp_ok($extra, '<=', $n_deaths,
		"attack 72: $kind: $extra second copies of $n_deaths deaths");
}
is(join(' ', $t->queue_ids('corrupt')), '',
	'attack 72: litter is not taken for damage');
ok($t->stop, 'it stops');

done_testing();
