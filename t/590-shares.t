#!/usr/bin/perl
# Of several processes of a service none gets much more than its share of
# sessions that come slowly, one after the other: the kernel alone would wake the
# same process again and again.  BARID_SCALE: by hand 10, for a thousand.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep);

plan_installed(qw(sbin/barid libexec/barid/smtpd libexec/barid/qmgr));

my $SCALE = $ENV{BARID_SCALE} || 1;
my $N = 100 * $SCALE;
my $PROCESSES = 4;

alarm(600) if $SCALE > 1;

my $t = durable_instance(main => {
	default_service_processes => $PROCESSES,
	smtpd_client_connection_count_limit => 0,
	smtpd_peername_lookup => 'no', smtpd_client_port_logging => 'yes',
});
$t->start(wait => 0);
wait_ready($t);
my @sessions;
for (1 .. $N) {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $t->{port}, Timeout => 60) or next;
	my $greeting = <$s>;

	push @sessions, $s if defined $greeting && $greeting =~ /^220/;
	sleep(.005);
}
is(scalar(@sessions), $N, "$N sessions, one after the other");

my %server; # of each client's port
wait_until(20, sub {
	%server = reverse((read_file("$t->{dir}/log") // '') =~
	    /smtpd\[(\d+)\]: connect from \S+:(\d+)$/mg);
	return keys(%server) >= $N;
});
my %n;
$n{$_}++ for values %server;
is(scalar(keys %n), $PROCESSES, "$PROCESSES processes serve them");
my ($most) = sort { $b <=> $a } values %n;
my $share = $N / $PROCESSES;
note(join ', ', sort { $a <=> $b } values %n);
# With few sessions the slack of four weighs more.
cmp_ok($most, '<=', 1.2 * $share + 4, "the most is $most, a share is $share");

# One that has more than its share, since all the others have nobody left, waits for
# better times without much looking.
my ($busiest) = sort { $n{$b} <=> $n{$a} } keys %n;
my ($last) = grep { $server{$_->sockport} == $busiest } @sessions;
$_->close for grep { $server{$_->sockport} != $busiest } @sessions;
sleep(1);
# It looks when one of its own ends.
$last->close;

sub wakings
{
	my $text = join '', map { read_file($_) // '' }
	    glob "/proc/$busiest/task/*/status";
	my $n = 0;

	$n += $_ for $text =~ /^voluntary_ctxt_switches:\s*(\d+)/mg;
	return $n;
}

my $before = 0;
ok(wait_until(60, sub {
	my $now = wakings();
	my $woke = $now - $before;

	$before = $now;
	sleep(2);
	return $woke < 20;
}), 'an idle process with many sessions sleeps');
ok($t->stop, 'it stops');
done_testing();
