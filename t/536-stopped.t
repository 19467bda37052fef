#!/usr/bin/perl
# A process that stands still (SIGSTOP): a delivery agent, bounce, dial.  Other mail
# flows on meanwhile; what needed it waits, is neither lost nor returned, and is
# delivered once when it goes on, or when another one has taken its place.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Lmtp;
use Barid::Sink;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/smtp',
	'libexec/barid/local', 'libexec/barid/bounce', 'libexec/barid/dial');

my $sink = Barid::Sink->new;
# An LMTP server on a Unix socket, which dial connects to; it notes the marks.
my $folder = File::Temp::tempdir('/tmp/bl.XXXXXX', CLEANUP => 1);
chmod(0755, $folder);
my $lmtp = Barid::Lmtp->new("$folder/socket");

# Marks by where they arrived.
my %arrived = (
	mailbox => sub { marks_delivered($_[0]) },
	server => sub {
		my %n;
		$n{ $_->{mark} }++ for $sink->accepted;
		return \%n;
	},
	lmtp => sub { return $lmtp->marks },
	report => sub {
		my %n;
		/^X-Mark: (\S+)/m and $n{$1}++
		    for $_[0]->read_maildir('third');
		return \%n;
	},
);
my %address = (mailbox => 'user@example.test', server => 'x@server.test',
	lmtp => 'x@lmtp.test', report => 'nobody@example.test');

# The program that stands still, what needs it, what does not.
for my $row ([ 'local', 'mailbox', 'server' ], [ 'smtp', 'server', 'mailbox' ],
	[ 'bounce', 'report', 'mailbox', 'server' ],
	[ 'dial', 'lmtp', 'mailbox', 'server' ]) {
	my ($program, $needs, @others) = @$row;

	subtest "$program stands still" => sub {
		# lmtp keeps its connections: none, so that each needs dial.
		my $t = durable_instance(main => {
			transport_maps => 'inline:{ server.test=smtp:[127.0.0.1]:' .
			    $sink->port . " lmtp.test=lmtp:unix:$folder/socket }",
			lmtp_connection_cache_on_demand => 'no',
		});

		$t->start(wait => 0);
		wait_ready($t);
		my $submit = sub {
			my ($mark, $where) = @_;
			my @done = submit_marks($t, '-m', "$program-$mark", '-f',
				'third@example.test', [ $address{$where} ]);

			is($done[0]{code}, 250, "$mark: accepted");
			return "$program-$mark-0-0";
		};
		my $wait = sub {
			my ($mark, $where) = @_;

			ok(wait_until(90, sub { $arrived{$where}->($t)->{$mark} }),
				"$mark: arrives");
		};
		# So that it is there.
		$wait->($submit->('before', $needs), $needs);
		my @pids = $t->pids_of($program);
		cmp_ok(scalar @pids, '>', 0, "there is $program");
		kill('STOP', @pids);
		my $mark = $submit->('needs', $needs);
		$wait->($submit->("beside-$_", $_), $_) for @others;
		ok(!$arrived{$needs}->($t)->{$mark}, 'what needs it waits');
		kill('CONT', @pids);
		$wait->($mark, $needs);
		ok(wait_settled($t, 90), 'nothing stays in the queue');
		is($arrived{$needs}->($t)->{$mark}, 1, 'once');
		# Now it is killed where it stands.
		@pids = $t->pids_of($program);
		kill('STOP', @pids);
		$mark = $submit->('dies', $needs);
		kill('KILL', @pids);
		$wait->($mark, $needs);
		ok(wait_settled($t, 90), 'nothing stays in the queue');
		ok($t->stop, 'it stops');
	};
}
done_testing();
