#!/usr/bin/perl
# The harness itself: the script player against a small server, commands with a
# limit, waiting.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use Test::Builder::Tester;
use Test::More;
use Time::HiRes qw(time);

use Barid::Test;

# Serves one connection after the other: a list of [expected line, answer].
sub serve
{
	my ($greeting, %answers) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		LocalPort => free_port(), Listen => 5, ReuseAddr => 1)
	    or die "listen: $!";
	my $pid = fork // die "fork: $!";

	return ($listener->sockport, $pid) if $pid;
	$SIG{ALRM} = 'DEFAULT';
	alarm(60);
	while (my $client = $listener->accept) {
		$client->autoflush(1);
		print {$client} $greeting;
		while (my $line = <$client>) {
			$line =~ s/\r?\n$//;
			last if !defined $answers{$line};
			print {$client} $answers{$line};
			last if $line eq 'QUIT';
		}
		close($client);
	}
	POSIX::_exit(0);
}

my ($port, $server) = serve("220 mx ready\r\n",
	'EHLO me' => "250-mx\r\n250-SIZE 100\r\n250 HELP\r\n",
	'NOOP'    => "250 2.0.0 fine\r\n",
	'odd a'   => "500 what?\r\n",
	'silent'  => '',
	'QUIT'    => "221 bye\r\n");

subtest 'a script that goes well' => sub {
	my $last = smtp_script('127.0.0.1', $port, <<'END');
expect 220
# several lines are one reply
send EHLO me
expect 250 SIZE
send NOOP
expect 250 2.0.0
send odd\x20a
expect /^500 .*\?$/
raw NOOP\r\nQUIT\r\n
expect 250
expect 221
closed
END
	is($last, '221 bye', 'the last reply is returned');
};

# Not a subtest: the tester replaces the builder's output.
my $started = time;
test_out('ok 1 - line 1: 220', 'not ok 2 - line 3: NOOP -> 354',
	'not ok 3 - line 5: QUIT -> 221');
smtp_script('127.0.0.1', $port, <<'END');
expect 220
send NOOP
expect 354
send QUIT
expect 221
END
test_test(title => 'a wrong reply fails, and so does what follows',
	skip_err => 1);
ok(time - $started < 5, 'without waiting');

subtest 'steps one by one' => sub {
	my $d = smtp_connect('127.0.0.1', $port);

	like($d->read_reply, qr/^220 /, 'read_reply');
	$d->send('EHLO me');
	is($d->read_reply, "250-mx\n250-SIZE 100\n250 HELP", 'all its lines');
	my $started = time;
	$d->send('silent');
	is($d->read_reply(0.2), '', 'silence is an empty reply');
	ok(time - $started < 4, 'at its deadline');
	$d->close;
};

subtest 'no server' => sub {
	my $nobody = free_port();

	ok(!eval { smtp_connect('127.0.0.1', $nobody) }, 'connect dies');
	like($@, qr/connect to 127.0.0.1 port $nobody: /, 'and says where');
};

subtest 'run_command' => sub {
	my $r = run_command({ stdin => "in\0put" }, 'sh', '-c',
		'cat; echo oops >&2; exit 3');

	is($r->{out}, "in\0put", 'standard output');
	is($r->{err}, "oops\n", 'standard error');
	is($r->{exit}, 3, 'exit status');
	ok(!$r->{timed_out}, 'in time');

	my $started = time;
	$r = run_command({ timeout => 0.2 }, 'sh', '-c', 'sleep 60; echo late');
	ok($r->{timed_out}, 'what takes too long is ended');
	is($r->{signal}, 9, 'by a signal');
	ok(time - $started < 10, 'and not waited for');
	is(run_command('/nonexistent/program')->{exit}, 127,
		'a missing program is 127');
	is(run_command({ env => { COLOUR => 'red' } },
		'sh', '-c', 'echo $COLOUR')->{out}, "red\n", 'environment');
	is(run_command({ folder => '/' }, 'pwd')->{out}, "/\n", 'folder');
};

subtest 'an instance' => sub {
	my $t = Barid::Test->new(main => { myhostname => 'other.test' },
		master => { lmtp => undef });
	my $main = read_file("$t->{dir}/etc/main.cf");
	my $master = read_file("$t->{dir}/etc/master.cf");

	cmp_ok(length("$t->{dir}/queue/private/" . 'x' x 32), '<', 108,
		'leaves room for the names of sockets');
	like($main, qr/^myhostname = other\.test$/m, 'main.cf is overridden');
	like($main, qr/^queue_directory = \Q$t->{dir}\E\/queue$/m,
		'main.cf has the defaults');
	like($master, qr/^127\.0\.0\.1:$t->{port} inet .* smtpd$/m,
		'master.cf has the port');
	unlike($master, qr/^lmtp /m, 'a service can be left out');
	$t->configure({ relayhost => '[127.0.0.1]:9' });
	like(read_file("$t->{dir}/etc/main.cf"),
		qr/^myhostname = other.*^relayhost = \[/ms,
		'a second change keeps the first');

	append_file($t->{log}, "one\n");
	is($t->wait_log(qr/^o/, 1), 'one', 'wait_log finds a line');
	$t->mark_log;
	is($t->wait_log(qr/^o/, 0.1), '', 'and not one before the mark');
	append_file($t->{log}, 'other');
	is($t->wait_log(qr/^o/, 0.1), '', 'nor half of one');

	mkdir("$t->{dir}/queue/deferred");
	mkdir("$t->{dir}/queue/deferred/A");
	write_file("$t->{dir}/queue/deferred/A/ABC", '');
	is_deeply([ $t->queue_ids ], ['ABC'], 'queue_ids looks into hashes');
	is_deeply([ $t->queue_ids('hold') ], [], 'and where it is told');

	mkdir("$t->{dir}/mail/u");
	mkdir("$t->{dir}/mail/u/new");
	write_file("$t->{dir}/mail/u/new/1.x", "a\n");
	is_deeply([ $t->wait_maildir('u', 1, 1) ], ["a\n"], 'a maildir');
};

subtest 'start and stop' => sub {
	# A master with a child, which serves the port.
	my $t = Barid::Test->new;
	my $fake = $t->etc('fake', <<'END');
use IO::Socket::INET;
my $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0],
	Listen => 5, ReuseAddr => 1) or die;
my $child = fork // die;
if ($child == 0) {
	alarm(60);
	while (my $c = $l->accept) { print {$c} "220 hello\r\n" }
	exit;
}
$SIG{TERM} = sub { kill("TERM", $child); waitpid($child, 0); exit(0) };
alarm(60);
waitpid($child, 0);
END
	no warnings 'redefine';
	local *Barid::Test::start_command = sub {
		return ($^X, $fake, $_[0]{port});
	};
	local *Barid::Test::tool = sub { return { exit => 0 } };
	ok($t->start, 'starts');
	# The port answers before the child is there.
	ok(wait_until(10, sub { keys %{ $t->processes } == 2 }),
		'its processes are known');
	$t->script("expect 220 hello\n");
	ok($t->stop, 'stops');
	ok(!$t->is_running, 'is gone');
	is($t->{status}, 0, 'and its status is known');
	$t->start;
	my @pids = wait_until(10, sub { keys %{ $t->processes } == 2 }) ?
	    keys %{ $t->processes } : ();
	is(scalar @pids, 2, 'started again');
	$t->crash;
	is(scalar(grep { kill(0, $_) && -e "/proc/$_/exe" && readlink("/proc/$_/exe") } @pids), 0,
		'crash leaves nothing');
};

subtest 'peers' => sub {
	my $sink = have_peer('smtp-sink');
	my $source = have_peer('smtp-source');

	plan(skip_all => 'no smtp-sink, no smtp-source')
	    unless $sink && $source;
	my $sink_port = free_port();
	my @as_user = $> == 0 ? ('-u', 'nobody') : ();
	my $peer = start_peer({ port => $sink_port }, $sink, @as_user,
		"127.0.0.1:$sink_port", 10);
	my $sent = run_command($source, '-m', 5, '-f', 'a@example.test',
		'-t', 'b@example.test', "127.0.0.1:$sink_port");
	is($sent->{exit}, 0, 'exchange mail') or diag($sent->{err});
	stop_peer($peer);
	ok(!eval { smtp_connect('127.0.0.1', $sink_port) }, 'and are stopped');
	ok(!eval { start_peer({ port => $sink_port }, 'false'); 1 },
		'one that does not start is told');
};

kill('KILL', $server);
waitpid($server, 0);
done_testing();
