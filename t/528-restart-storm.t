#!/usr/bin/perl
# Attack 94: a daemon that dies as often as it is started is throttled; the
# others go on; when the cause is gone it is back by itself.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;
use Time::HiRes qw(time sleep);

plan_installed('sbin/barid', map { "libexec/barid/$_" } qw(cleanup qmgr local
	smtp bounce));

my $SECONDS = 6;
my $t = durable_instance(main => { service_throttle_time => '4s' });

$t->start(wait => 0);
wait_ready($t);

# Dies as soon as it is there, and the others do not.
sub storm
{
	my ($name, $meanwhile) = @_;
	my $end = time + $SECONDS;
	my (%dead, $seen);

	while (time < $end) {
		for my $pid ($t->pids_of($name)) {
			$dead{$pid}++ or kill('KILL', $pid);
		}
		$meanwhile->() if $meanwhile;
		sleep(0.02);
	}
	return scalar keys %dead;
}

# One at a time; a session program has several processes.
for my $case (['qmgr', 1], ['bounce', 1], ['cleanup', 2]) {
	my ($name, $processes) = @$case;
	my @others = grep { $_ ne $name } qw(pickup showq qmgr cleanup);
	my %before = map { $_ => join(' ', $t->pids_of($_)) } @others;
	my $n_asked = 0;

	$t->mark_log;
	my $n = storm($name, sub {
		# So that somebody wants it, and the others have work.
		start_submit($t, '-t', 1, '-f', 'third@example.test',
			["user\@example.test", "nobody\@example.test"])
		    if $n_asked++ % 20 == 0;
	});
	# At once, then after 1, 2 and 4 seconds: at most so many in that time.
	cmp_ok($n, '>', 0, "attack 94: $name: it died $n times");
	cmp_ok($n, '<=', (2 + $SECONDS) * $processes,
		'attack 94: ... which is not in a loop');
	for my $other (@others) {
		next if $before{$other} eq '';
		is(join(' ', $t->pids_of($other)), $before{$other},
			"attack 94: ... and $other lives");
	}
	is($t->tool('mailq')->{exit}, 0, 'attack 94: ... and mailq answers');
	# No more deaths: it comes back, and all flows.
	my $acked = acked(submit_marks($t, '-R', '-m', "after-$name", '-t', 5,
		'-n', 5, ['other@example.test']));
	ok(wait_until(30, sub {
		my $n = marks_delivered($t, 'other');
		return 5 == grep { $n->{$_} } keys %$acked;
	}), "attack 94: $name: afterwards mail flows by itself");
}
ok(wait_settled($t, 60), 'attack 94: nothing stays in the queue');
ok($t->stop, 'it stops');

done_testing();
