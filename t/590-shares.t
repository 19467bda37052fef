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
	smtpd_peername_lookup => 'no',
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

my %n;
wait_until(20, sub {
	%n = ();
	$n{$_}++ for (read_file("$t->{dir}/log") // '') =~
	    /smtpd\[(\d+)\]: connect from/g;
	my $sum = 0;
	$sum += $_ for values %n;
	return $sum >= $N;
});
is(scalar(keys %n), $PROCESSES, "$PROCESSES processes serve them");
my ($most) = sort { $b <=> $a } values %n;
my $share = $N / $PROCESSES;
note(join ', ', sort { $a <=> $b } values %n);
# With few sessions the slack of four weighs more.
cmp_ok($most, '<=', 1.2 * $share + 4, "the most is $most, a share is $share");
ok($t->stop, 'it stops');
done_testing();
