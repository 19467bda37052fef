#!/usr/bin/perl
# The administrator's commands while deliveries run: random holds, releases,
# deletions, requeues and flushes, of single messages and of all, while mail goes
# to mailboxes and to a server that refuses, puts off and drops at random.
# Every recipient of every message ends in exactly one place: a mailbox, the
# other server, a report, or it was deleted.
#
# BARID_SCALE multiplies the number of messages and commands (by hand: 10 for
# 10,000).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Sink;
use Barid::Test;
use Test::More;

plan_installed(qw(sbin/barid sbin/postqueue sbin/postsuper libexec/barid/smtp
	libexec/barid/cleanup libexec/barid/qmgr libexec/barid/local));

my $SCALE = $ENV{BARID_SCALE} || 1;
my $N_ACTS = 1000 * $SCALE;        # messages acted upon
my $N_SUBMIT = 240 * $SCALE;       # messages, of three kinds
my $SEED = $ENV{BARID_SEED} || $$;

alarm(600 * $SCALE) if $SCALE > 1;
srand($SEED);
note("BARID_SEED=$SEED");

my $sink = Barid::Sink->new(seed => $SEED, delay => .1, chances => {
	MAIL => { '451 4.3.0 not now' => .05 },
	RCPT => { '450 4.2.0 later' => .1, '550 5.1.1 nobody' => .05 },
	DOT => { '451 4.3.0 not now' => .1, '554 5.6.0 never' => .03,
		DROP => .05 },
});
my $t = durable_instance(main => {
	relayhost => "[127.0.0.1]:" . $sink->port,
	default_destination_concurrency_failed_cohort_limit => 100,
	default_destination_concurrency_limit => 4,
	fast_flush_domains => 'elsewhere.test',
});
$t->start(wait => 0);
wait_ready($t);

# Three kinds of messages: to a mailbox, to the server, to both.
my %rcpts = (
	box => ['user@example.test'],
	out => ['x@elsewhere.test'],
	both => ['other@example.test', 'y@elsewhere.test'],
);
my %running = map {
	$_ => start_submit($t, '-f', 'third@example.test', '-m', $_, '-j', 4,
		'-n', $N_SUBMIT / 12, '-w', 60, '-R', $rcpts{$_})
} sort keys %rcpts;

my %deleted;    # queue ID => what postsuper said
my %n_done;

sub postsuper
{
	my ($what, @ids) = @_;
	my $done = $t->tool({ stdin => join('', map { "$_\n" } @ids),
		timeout => 120 }, 'postsuper', $what, @ids ? '-' : 'ALL');
	my @lines = "$done->{out}$done->{err}" =~ /^postsuper: (\S+): \w/mg;

	is($done->{exit}, 0, "postsuper $what") or diag($done->{err})
	    if $done->{exit} != 0;
	$n_done{$what} += @lines;
	$deleted{$_}++ for $what eq '-d' ? @lines : ();
}

sub flush { $t->tool('postqueue', @_); $n_done{"$_[0]"}++ }

# What may be done, and how often.
my @acts = (
	[20, sub { postsuper('-h', @_) }],
	[20, sub { postsuper('-H', @_) }],
	[20, sub { postsuper('-r', @_) }],
	[6, sub { postsuper('-d', @_) }],
	[3, sub { postsuper('-h') }],
	[4, sub { postsuper('-H') }],
	[3, sub { postsuper('-r') }],
	[10, sub { flush('-f') }],
	[5, sub { flush('-s', 'elsewhere.test') }],
	[9, sub { flush('-i', $_[0]) }],
);
my $weights = 0;
$weights += $_->[0] for @acts;

sub random_act
{
	my (@ids) = @_;
	my $at = rand($weights);

	for my $act (@acts) {
		$at -= $act->[0];
		return $act->[1](@ids) if $at < 0;
	}
}

# Messages that are still there, and some that are not.
sub random_ids
{
	my ($n) = @_;
	my @all = map { $_->{id} } map { submits_so_far($_) } values %running;
	my @there = $t->queue_ids(qw(incoming active deferred hold));

	push @all, @there, @there;
	return map { $all[rand @all] } 1 .. (@all ? $n : 0);
}

for (my $acted = 0; $acted < $N_ACTS;) {
	my @ids = random_ids(1 + int rand 12);

	@ids ? random_act(@ids) : select(undef, undef, undef, .02);
	$acted += @ids;
}
my @submits = grep { $_->{code} == 250 }
    map { collect_submit($_) } values %running;
is(scalar(@submits), $N_SUBMIT, 'all were accepted');
note(join ', ', map { "$_ $n_done{$_}" } sort keys %n_done);

# What is held, or becomes held late, goes on.
postsuper('-H');
$t->tool('postqueue', '-f');
my @left;
my $settled = wait_until(60 * ($SCALE > 1 ? 5 : 1), sub {
	$t->tool('postsuper', '-H', 'ALL');
	@left = $t->queue_ids;
	return !@left;
});
ok($settled, 'nothing stays in the queue') or
    diag("stays: @left[0 .. ($#left > 9 ? 9 : $#left)]");

# What was requeued has another name since, and more than one way to be deleted.
my %came_from = $t->log_text =~
    /pickup\[\d+\]: (\w+): uid=.* orig_id=(\w+)$/mg;

for my $id (keys %deleted) {
	my $first = $id;

	$first = $came_from{$first} while $came_from{$first};
	$deleted{$first}++;
}

# --- Where each recipient's copy is ---------------------------------------------

# "MARK RECIPIENT" => [place...]
my %places;

for my $user (qw(user other)) {
	my $n = marks_delivered($t, $user);

	is(delete $n->{broken}, undef, "$user: nothing that is not whole");
	push @{ $places{"$_ $user\@example.test"} }, ('mailbox') x $n->{$_}
	    for keys %$n;
}
push @{ $places{"$_->{mark} $_->{rcpt}"} }, 'server' for $sink->accepted;
for my $report ($t->read_maildir('third')) {
	my ($mark) = $report =~ /^X-Mark: (\S+)/m;

	next if $report !~ /^Action: failed/m;
	push @{ $places{"$mark $_"} }, 'report'
	    for $report =~ /^Final-Recipient: rfc822; ?(\S+)/mg;
}

my (@lost, @twice, %n_places);
for my $s (@submits) {
	my ($kind) = $s->{mark} =~ /^(\w+)-/;

	for my $rcpt (@{ $rcpts{$kind} }) {
		my @at = @{ $places{"$s->{mark} $rcpt"} || [] };

		push @lost, "$s->{id} $s->{mark} $rcpt"
		    if !@at && !$deleted{ $s->{id} };
		push @twice, "$s->{id} $s->{mark} $rcpt: @at" if @at > 1;
		$n_places{ $at[0] // 'deleted' }++;
	}
}
is(scalar(@lost), 0, 'nothing is lost') or diag(join "\n", @lost[0 .. 9]);
is(scalar(@twice), 0, 'nothing is there twice') or
    diag(join "\n", @twice[0 .. 9]);
note(join ', ', map { "$_ $n_places{$_}" } sort keys %n_places);
cmp_ok($n_places{$_} // 0, '>', 0, "some ended: $_")
    for qw(mailbox server report deleted);
is(join(' ', $t->queue_ids('corrupt')), '', 'nothing is damaged');
ok($t->stop, 'it stops');
done_testing();
