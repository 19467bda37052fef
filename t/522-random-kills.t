#!/usr/bin/perl
# design.md section 5, rule 3, in earnest: processes, master included, are killed
# at random while mail is taken by SMTP for mailboxes, for a server that drops
# connections and answers 4xx at random, and for nobody (so that reports are
# due).  Nothing that was accepted is missing; second copies are counted.
#
# BARID_SCALE=N is N times as many messages (100: 10,000 of each kind),
# BARID_SEED=N another course of events.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Load;
use Barid::Test;
use Test::More;
use Time::HiRes qw(time sleep);

plan_installed('sbin/barid', map { "libexec/barid/$_" } qw(smtpd cleanup qmgr
	local smtp bounce));

my $scale = $ENV{BARID_SCALE} // 1;
my $seed = $ENV{BARID_SEED} // 1;
my $CLIENTS = 4;
my $EACH = 25 * $scale;
my $CONCURRENCY = 20;    # deliveries at once, to each destination
my $LONG = 300 + 60 * $scale;

alarm($LONG * 4);
srand($seed);
note("seed $seed, " . $CLIENTS * $EACH . ' messages of each kind');

my $port = free_port();
my $t = durable_instance(main => {
	relayhost => "[127.0.0.1]:$port", notify_classes => '',
	default_process_limit => $CONCURRENCY,
	default_destination_concurrency_limit => $CONCURRENCY,
	# One destination that fails often stays in use.
	default_destination_concurrency_failed_cohort_limit => 0,
	# A client may fail as often as it likes.
	smtpd_hard_error_limit => 1000, smtpd_soft_error_limit => 1000,
	smtpd_recipient_restrictions => 'permit_mynetworks, reject',
});
my $notes = "$t->{dir}/notes";

start_fickle_server(port => $port, notes => $notes, drop => 0.03,
	refuse => 0.05, seed => $seed);
$t->start;

my %kinds = (
	mailbox => 'user@example.test',
	relay => 'somebody@elsewhere.test',
	bounce => 'nobody@elsewhere.test',
);
my %load = map { $_ => start_clients($t, name => $_, clients => $CLIENTS,
	each => $EACH, from => 'third@example.test', to => $kinds{$_}) }
    sort keys %kinds;

# --- Killing -----------------------------------------------------------------------------

my %killed;

sub kill_one
{
	my @victims = grep { $_->{name} ne 'log' } values %{ $t->processes };
	my $victim = $victims[rand @victims] // return;

	# Each program as often as any other, master as one of them.
	my %names = map { $_->{name} => 1 } @victims;
	my @names = sort keys %names;
	my $name = $names[rand @names];
	($victim) = sort { rand() <=> 0.5 } grep { $_->{name} eq $name } @victims;
	$killed{$name}++;
	kill('KILL', $victim->{pid});
	return if $victim->{pid} != ($t->{pid} // 0);
	wait_until(10, sub { !$t->is_running });
	$t->start;
}

sub kills
{
	my $n = 0;

	$n += $_ for values %killed;
	return $n;
}

sub clients_are_done
{
	for my $load (values %load) {
		my $text = read_file($load->{out}) // '';
		my $n = () = $text =~ /^taken /mg;

		return 0 if $n < $CLIENTS * $EACH;
	}
	return 1;
}

my $end = time + $LONG;
until ((clients_are_done() && kills() > 3) || time > $end) {
	sleep(rand($scale > 1 ? 1.5 : 0.5));
	kill_one();
}
my %sent = map { $_ => join_clients($load{$_}, 60) } keys %load;
my $n_killed = kills();
note("$n_killed kills: " . join(', ', map { "$_ $killed{$_}" }
	sort keys %killed));
cmp_ok($n_killed, '>', 3, "$n_killed processes were killed");

ok(wait_settled($t, 60 + 3 * $scale), 'nothing stays in the queue');
ok($t->stop, 'it stops');

# --- What became of it -------------------------------------------------------------------------

my $unheard = count_server_notes($notes, 'unheard');
my %found = (
	mailbox => marks_delivered($t),
	relay => count_server_notes($notes, 'stored'),
	bounce => count_reports($t, 'third'),
);

# Second copies: what was in flight to each destination when somebody died.
for my $kind (sort keys %kinds) {
	my $n = $found{$kind};
	my $taken = $sent{$kind}{taken};
	my $broken = delete $n->{broken} // 0;
	my @lost = grep { !$n->{$_} && !($kind eq 'relay' && $unheard->{$_}) }
	    sort keys %$taken;
	my ($extra, $unacked) = (0, 0);

	$extra += $n->{$_} - 1 for keys %$n;
	$unacked += !$taken->{$_} for keys %$n;
	is($broken, 0, "$kind: nothing that is not whole");
	is(scalar keys %$taken, $CLIENTS * $EACH, "$kind: all were accepted");
	is(scalar @lost, 0, "$kind: none is lost") or
	    diag(join ' ', @lost[0 .. ($#lost > 9 ? 9 : $#lost)]);
	cmp_ok($extra, '<=', $n_killed * $CONCURRENCY,
		"$kind: $extra second copies");
	note(sprintf('%s: sent %d, accepted %d, found %d, not accepted but ' .
		'found %d, second copies %d, lost %d', $kind,
		$sent{$kind}{tries}, scalar keys %$taken, scalar keys %$n,
		$unacked, $extra, scalar @lost));
}
is(join(' ', $t->queue_ids('corrupt')), '', 'nothing is damaged');

done_testing();
