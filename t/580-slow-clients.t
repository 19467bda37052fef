#!/usr/bin/perl
# Attack cases 75 and 76: slow clients at every phase of a session, one byte at a
# time; floods of connections from a few networks.  A client that behaves is
# served meanwhile, and about as fast.
#
# BARID_SCALE multiplies the number of slow clients and connections (by hand: 25
# for a thousand at each phase and ten thousand connections).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use IO::Socket::INET;
use Socket;
use Test::More;
use Time::HiRes qw(time sleep);

$SIG{PIPE} = 'IGNORE';
plan_installed(qw(sbin/barid libexec/barid/smtpd libexec/barid/cleanup
	libexec/barid/qmgr));

my $SCALE = $ENV{BARID_SCALE} || 1;
my $N_SLOW = 40 * $SCALE;      # at each phase
my $N_FLOOD = 400 * $SCALE;    # connections
my $N_GOOD = $SCALE > 1 ? 300 : 40;

alarm(900) if $SCALE > 1;

# How many descriptors we, and what we start, may have.
sub descriptor_limit
{
	my ($soft) = (read_file('/proc/self/limits') // '') =~
	    /^Max open files\s+(\d+)/m;
	return $soft // 1024;
}

my $limit = descriptor_limit();
if ($limit < $N_SLOW + 100 || $limit < $N_FLOOD + 100) {
	my $at_most = $limit - 200;
	note("only $limit descriptors: fewer clients (ulimit -n)");
	$N_SLOW = $at_most if $N_SLOW > $at_most;
	$N_FLOOD = $at_most if $N_FLOOD > $at_most;
}

my $t = durable_instance(main => {
	smtpd_timeout => '300s',
	default_session_limit => 20000,
	anvil_rate_time_unit => '600s',
	smtpd_peername_lookup => 'no',
});
$t->start(wait => 0);
wait_ready($t);
my $port = $t->{port};

# --- One who behaves -----------------------------------------------------------------

my $heard = ''; # what was said last

sub say_and_hear
{
	my ($s, $text, $code) = @_;

	print $s $text;
	while (defined(my $line = <$s>)) {
		next if $line =~ /^\d\d\d-/;
		$heard = $line;
		return $line =~ /^$code/;
	}
	$heard = "nothing after $heard";
	return 0;
}

# A whole session from this address; true if the message was taken.
sub behave
{
	my ($from, $mark) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $port, LocalAddr => $from, Timeout => 60)
	    or return 0;

	$s->autoflush(1);
	my $ok = say_and_hear($s, '', 220) &&
	    say_and_hear($s, "EHLO good.test\r\n", 250) &&
	    say_and_hear($s, "MAIL FROM:<a\@good.test>\r\n", 250) &&
	    say_and_hear($s, "RCPT TO:<user\@example.test>\r\n", 250) &&
	    say_and_hear($s, "DATA\r\n", 354) &&
	    say_and_hear($s, "X-Mark: $mark\r\n\r\nend of $mark\r\n.\r\n", 250);
	say_and_hear($s, "QUIT\r\n", 221) if $ok;
	return $ok;
}

my $n_marks = 0;

# Latencies in ms of $N_GOOD sessions, sorted; undef if one was not served.
sub measure
{
	my @ms;

	for (1 .. $N_GOOD) {
		my $begun = time;

		behave('127.0.0.1', 'good-' . ++$n_marks) or return undef;
		push @ms, 1000 * (time - $begun);
	}
	return [sort { $a <=> $b } @ms];
}

sub quantiles
{
	my ($ms) = @_;

	return sprintf('p50 %.1f p99 %.1f ms', $ms->[@$ms / 2],
		$ms->[$#$ms * .99]);
}

measure();    # processes start
my $idle = measure();
ok($idle, 'idle: served') and note('idle: ' . quantiles($idle));

# Timing depends on what else the machine does; what must not happen is that
# somebody waits for the slow ones, who take minutes.
sub check_served
{
	my ($name) = @_;
	my $ms = measure();

	ok($ms, "$name: a client that behaves is served") or
	    return diag("it heard $heard", grep { /warning|fatal/ }
		$t->log_text =~ /^.*\n/mg);
	note("$name: " . quantiles($ms));
	cmp_ok($ms->[@$ms / 2], '<', 20 * $idle->[@$idle / 2] + 1000,
		"$name: about as fast");
}

# --- Slow ones ------------------------------------------------------------------------

# [name, what they have said; all but the last is answered, the last is cut].
my $hello = ["EHLO slow.test\r\n", 250];
my $mail = ["MAIL FROM:<s\@slow.test>\r\n", 250];
my $rcpt = ["RCPT TO:<user\@example.test>\r\n", 250];
my $data = ["DATA\r\n", 354];
my @phases = (
	['silent'],
	['in EHLO', "EHLO slo"],
	['after EHLO', $hello],
	['after MAIL', $hello, $mail],
	['in RCPT', $hello, $mail, "RCPT TO:<us"],
	['in DATA', $hello, $mail, $rcpt, $data, "Subject: slow\r\n\r\nte"],
	['at the dot', $hello, $mail, $rcpt, $data, "Subject: slow\r\n\r\n."],
	['in a large message', $hello, $mail, $rcpt, $data,
		"Subject: slow\r\n\r\n" . ('x' x 70 . "\r\n") x 1200],
	['in BDAT', $hello, $mail, $rcpt, "BDAT 1000\r\nSubject: slow\r\n"],
	['not reading', $hello, "HELP\r\n" x 2000],
);

sub slow_client
{
	my (@steps) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $port, LocalAddr => '127.2.0.' . (1 + int rand 250),
		Timeout => 60) or return undef;

	say_and_hear($s, '', 220) or return undef if @steps;
	for my $step (@steps) {
		if (ref $step) {
			say_and_hear($s, @$step) or return undef;
		} else {
			# The server may not take it all.
			$s->blocking(0);
			syswrite($s, $step);
		}
	}
	return $s;
}

for my $phase (@phases) {
	my ($name, @steps) = @$phase;
	my @slow = map { slow_client(@steps) } 1 .. $N_SLOW;

	is(scalar(grep { !defined } @slow), 0,
		"attack 75: $N_SLOW clients $name");
	check_served("attack 75: $name");
}

# A byte at a time, on the commands, the content and the dot: it works, and is
# no work to speak of.
my @lines = (["EHLO drip.test\r\n", 250], ["MAIL FROM:<d\@drip.test>\r\n", 250],
	["RCPT TO:<user\@example.test>\r\n", 250], ["DATA\r\n", 354],
	["X-Mark: drip\r\n\r\nend of drip\r\n.\r\n", 250], ["QUIT\r\n", 221]);
my @drips = grep { defined && say_and_hear($_, '', 220) }
    map { slow_client() } 1 .. 10;
my $n_bytes = 0;
for my $line (@lines) {
	my ($text, $code) = @$line;

	for my $byte (split //, $text) {
		syswrite($_, $byte) for @drips;
		next if $n_bytes++ % 25 != 0;
		behave('127.0.0.1', 'good-' . ++$n_marks);
	}
	@drips = grep { say_and_hear($_, '', $code) } @drips;
}
is(scalar(@drips), 10, 'attack 75: clients of a byte at a time are served as well');

# --- A flood ----------------------------------------------------------------------------

# From a few networks, beyond what one client may have (50 by default): those
# are told 421, and the one who behaves is not among them.
my (@flood, $n_full);

for my $n (0 .. $N_FLOOD - 1) {
	my $from = sprintf('127.3.%d.%d', $n % 4, 1 + int($n / 4) % 3);
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $port, LocalAddr => $from, Timeout => 60);

	push @flood, $s if $s;
}
is(scalar @flood, $N_FLOOD, "attack 76: $N_FLOOD connections from 12 addresses");
check_served('attack 76: flood');
@flood = ();

# Over and over, without a word.
my $pid = fork // die "fork: $!\n";
if ($pid == 0) {
	$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP ALRM);
	alarm(300);
	while (1) {
		my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $port, LocalAddr => '127.4.0.1');

		close($s) if $s;
	}
}
check_served('attack 76: connections that come and go');
kill('KILL', $pid);
waitpid($pid, 0);

ok(wait_settled($t, 60), 'what was taken is delivered');
my $n = marks_delivered($t);
is(scalar(grep { /^good-/ } keys %$n), $n_marks, 'all of it');
ok($t->stop, 'it stops');
done_testing();
