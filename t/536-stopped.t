#!/usr/bin/perl
# A process that stands still (SIGSTOP): a delivery agent, bounce, dial.  Other mail
# flows on meanwhile; what needed it waits, is neither lost nor returned, and is
# delivered once when it goes on, or when another one has taken its place.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Sink;
use Barid::Test;
use IO::Socket::UNIX;
use POSIX qw(_exit);
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/smtp',
	'libexec/barid/local', 'libexec/barid/bounce', 'libexec/barid/dial');

my $sink = Barid::Sink->new;
# An LMTP server on a Unix socket, which dial connects to; it notes the marks.
my $folder = File::Temp::tempdir('/tmp/bl.XXXXXX', CLEANUP => 1);
chmod(0755, $folder);
my $lmtp = start_lmtp("$folder/socket", "$folder/notes");

sub start_lmtp
{
	my ($path, $notes) = @_;
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 20) or
	    die "$path: $!\n";
	my $pid = fork // die "fork: $!\n";

	chmod(0666, $path);
	return $pid if $pid != 0;
	alarm(0);
	$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
	$SIG{PIPE} = 'IGNORE';
	while (my $c = $listener->accept) {
		my $in_data = 0;

		print $c "220 lmtp.test\r\n";
		while (defined(my $line = <$c>)) {
			if ($in_data && $line =~ /^\.\r?$/) {
				$in_data = 0;
			} elsif ($in_data) {
				append_file($notes, "$1\n")
				    if $line =~ /^X-Mark: (\S+)/;
				next;
			} elsif ($line =~ /^DATA/i) {
				print $c "354 go\r\n";
				$in_data = 1;
				next;
			}
			print $c $line =~ /^QUIT/i ? "221 bye\r\n" :
			    "250 2.0.0 ok\r\n";
			last if $line =~ /^QUIT/i;
		}
		close($c);
	}
	_exit(0);
}

END {
	if ($lmtp) {
		my $status = $?;

		kill('TERM', $lmtp);
		waitpid($lmtp, 0);
		$? = $status;
	}
}

# Marks by where they arrived.
my %arrived = (
	mailbox => sub { marks_delivered($_[0]) },
	server => sub {
		my %n;
		$n{ $_->{mark} }++ for $sink->accepted;
		return \%n;
	},
	lmtp => sub {
		my %n;
		$n{$_}++ for split(/\n/, read_file("$folder/notes") // '');
		return \%n;
	},
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
