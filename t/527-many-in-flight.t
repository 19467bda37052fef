#!/usr/bin/perl
# qmgr is killed with many deliveries in flight to a server that takes its time:
# they are finished and reported to its successor, none is repeated, counted at
# the server, which is not ours.
#
# BARID_SCALE=N: N times 200; two processes of smtp take 2,000 at once (10).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', map { "libexec/barid/$_" } qw(cleanup qmgr smtp));
my $sink = have_peer('smtp-sink') or plan(skip_all => 'no smtp-sink');

plan(skip_all => 'with sanitizers many take too long; 525 has some')
    if is_checks_build();

my $scale = $ENV{BARID_SCALE} // 1;
my $N = 200 * $scale;
# A message takes so long: all are to be in flight meanwhile.
my $SECONDS = 20 + 4 * $scale;

alarm(1200);
my $port = free_port();
my $t = durable_instance(main => { relayhost => "[127.0.0.1]:$port",
	default_destination_concurrency_limit => $N,
	initial_destination_concurrency => $N,
	qmgr_message_active_limit => 20000 });
my $notes = "$t->{dir}/mails";

# -w: before it answers the end of a message.
mkdir($notes);
chmod(0777, $notes);
start_peer({ port => $port }, $sink, $> == 0 ? ('-u', 'nobody') : (), '-c',
	'-m', 2 * $N, '-w', $SECONDS, '-D', "$notes/%Y.", "127.0.0.1:$port",
	$N + 100);
$t->start(wait => 0);
wait_ready($t);

my $acked = acked(submit_marks($t, '-R', '-n', $N / 10, '-j', 10,
	['somebody@elsewhere.test']));
is(scalar keys %$acked, $N, "$N were accepted");

# The connections that are open to the server.
sub count_connections
{
	my $hex = sprintf('%04X', $port);
	my $n = () = (read_file('/proc/net/tcp') // '') =~
	    /^\s*\d+: \w+:\w+ \w+:$hex 01 /mg;

	return $n;
}

SKIP: {
	my $n = count_connections();

	skip("only $n of $N are in flight at once on this busy machine", 5)
	    if !wait_until(10, sub { count_connections() >= $N * 0.95 }) ||
	    $N != (() = $t->queue_ids('active'));
	check_end_of_flight();
}
ok($t->stop, 'it stops');
done_testing();

sub check_end_of_flight
{
kill('KILL', $t->pids_of('qmgr'));
ok($t->wait_log(qr/qmgr pid \d+ killed by signal 9/), 'qmgr died');
ok(wait_settled($t, 120 + 2 * $SECONDS), 'nothing stays in the queue');

my %n;
for my $file (glob "$notes/*") {
	my $text = read_file($file) // '';

	$n{$_}++ for $text =~ /^X-Mark: (\S+)/mg;
}
my @lost = grep { !$n{$_} } sort keys %$acked;
my $extra = 0;
$extra += $n{$_} - 1 for keys %n;
my $taken = () = $t->log_text =~ /late outcomes of 1 recipients taken/g;

is("@lost", '', 'none is lost');
is($extra, 0, 'none is repeated');
cmp_ok($taken, '>=', $N * 0.9, "$taken were reported to the successor");
}
