#!/usr/bin/perl
# Starting and stopping: barid's verbs, their messages and exit codes, the pid
# file and its lock, what a container and a service manager need.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(time);

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd');

my $name = 'Barid';

sub barid
{
	my ($t, @verb) = @_;

	return run_command(installed('sbin/barid'), '-c', "$t->{dir}/etc",
		@verb);
}

# A verb with its status and what it says; "" says nothing.
sub verb_is
{
	my ($t, $verb, $exit, $said, $title) = @_;
	my $r = barid($t, $verb);

	is($r->{exit}, $exit, "$title: status $exit");
	like($r->{err}, $said, "$title: what it says")
	    or diag($r->{err});
	return $r;
}

sub answers
{
	my ($port) = @_;

	return wait_until(10, sub {
		my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $port, Timeout => 2) or return 0;
		return IO::Select->new($s)->can_read(5) &&
		    (readline($s) // '') =~ /^220 /;
	});
}

sub pid_of
{
	my ($t) = @_;

	return (read_file("$t->{dir}/queue/pid/master.pid") // '') + 0;
}

# After "barid start" the harness does not know of it.
sub adopt
{
	my ($t) = @_;

	$t->{pid} = pid_of($t);
	return $t->processes;
}

sub all_gone
{
	my ($processes) = @_;

	return wait_until(10, sub {
		return !grep { Barid::Test::is_same_process($_) }
		    values %$processes;
	});
}

my $t = Barid::Test->new;
my $running = qr/^postfix\/postfix-script: the $name mail system is running: PID: (\d+)$/m;
my $already = qr/^postfix\/postfix-script: fatal: the $name mail system is already running$/m;
my $not = qr/^postfix\/postfix-script: fatal: the $name mail system is not running$/m;

subtest 'before it runs' => sub {
	verb_is($t, 'set-permissions', 0, qr/^$/, 'set-permissions');
	verb_is($t, 'set-permissions', 0, qr/^$/, 'set-permissions again');
	verb_is($t, 'check', 0, qr/^$/, 'check');
	verb_is($t, 'status', 1,
		qr/^postfix\/postfix-script: the $name mail system is not running$/m,
		'status');
	verb_is($t, $_, 1, $not, $_) for qw(stop abort reload);
	verb_is($t, 'foo', 1,
		qr/fatal: unknown command: 'foo'\. Usage: /, 'unknown');
	is(barid($t)->{exit}, 1, 'no verb');
	is(barid($t, 'start', 'stop')->{exit}, 1, 'two verbs');
	like(barid($t, 'version')->{out}, qr/^mail_version = \d/, 'version');
};

subtest 'start in the background' => sub {
	write_file("$t->{dir}/queue/pid/master.pid", "     99999\n");
	my $r = verb_is($t, 'start', 0,
		qr/^postfix\/postfix-script: starting the $name mail system$/m,
		'start over a stale pid file');
	ok(answers($t->{port}), 'it serves when the command is back');
	like(read_file("$t->{dir}/queue/pid/master.pid"), qr/^ *\d+\n$/,
		'the pid file has a right-aligned number');
	is(length read_file("$t->{dir}/queue/pid/master.pid"), 11,
		'of ten columns');
	my $pid = pid_of($t);
	verb_is($t, 'status', 0, $running, 'status');
	verb_is($t, 'start', 1, $already, 'a second start');
	verb_is($t, 'start-fg', 1, $already, 'a second start-fg');
	is(pid_of($t), $pid, 'leaves the first alone');
	my $master = run_command(installed('libexec/barid/master'), '-c',
		"$t->{dir}/etc", '-d');
	isnt($master->{exit}, 0, 'a second master does not start');
	like($master->{err}, qr/already running/, 'and says why');
	is(barid($t, 'flush')->{exit}, 0, 'flush')
	    if -e installed('libexec/barid/qmgr');
	ok(!grep({ readlink("/proc/$pid/fd/$_") ne '/dev/null' } 0 .. 2),
		'master holds nothing of who started it') if $> == 0;
	my $processes = adopt($t);
	cmp_ok(scalar keys %$processes, '>', 2, 'daemons run');
	verb_is($t, 'stop', 0,
		qr/^postfix\/postfix-script: stopping the $name mail system$/m,
		'stop');
	ok(all_gone($processes), 'all processes are gone');
	delete $t->{pid};
	verb_is($t, 'stop', 1, $not, 'a second stop');
	like($t->log_text, qr/postfix\/master\[$pid\]: terminating on signal 15/,
		'master says so in the log');
};

subtest 'abort, and a start at once' => sub {
	is(barid($t, 'start')->{exit}, 0, 'start');
	my $old = adopt($t);
	ok(answers($t->{port}), 'serves');
	verb_is($t, 'abort', 0, qr/aborting the $name mail system$/m, 'abort');
	is(barid($t, 'start')->{exit}, 0, 'start right after');
	ok(answers($t->{port}), 'serves');
	my $new = adopt($t);
	ok(all_gone($old), 'the processes of the first are gone');
	ok(answers($t->{port}), 'still serves');
	kill('KILL', $t->{pid});
	ok(all_gone($new), 'without their master all leave');
	delete $t->{pid};
	verb_is($t, 'status', 1, qr/is not running/, 'status sees it');
	is(barid($t, 'start')->{exit}, 0, 'start after that');
	ok(answers($t->{port}), 'serves');
	adopt($t);
	is(barid($t, 'stop')->{exit}, 0, 'stop');
	delete $t->{pid};
};

subtest 'in the foreground' => sub {
	for my $signal (qw(TERM INT)) {
		$t->start;
		my $processes = $t->processes;
		ok($t->stop(signal => $signal), "SIG$signal ends all");
		is($t->{status}, 0, 'status 0');
	}
	$t->start;
	my $d = $t->connect;
	$d->expect(220);
	$d->send('EHLO me');
	$d->expect(250);
	my $started = time;
	ok($t->stop, 'an idle client does not hold it up');
	cmp_ok(time - $started, '<', 8, 'for long');
	$d->close;
};

subtest 'what stops a start' => sub {
	my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
	    or die;
	my $port = $taken->sockport;
	my %mistakes = (
		"127.0.0.1:$port" => [ 'inet n - n - - smtpd',
		    qr/master\.cf, line \d+: service 127\.0\.0\.1:$port: listen on 127\.0\.0\.1 port $port: Address already in use/ ],
		'no-such-host.invalid:25' => [ 'inet n - n - - smtpd',
		    qr/master\.cf, line \d+: service no-such-host\.invalid:25: no-such-host\.invalid port 25: / ],
		'127.0.0.1:no-such-port' => [ 'inet n - n - - smtpd',
		    qr/master\.cf, line \d+: service 127\.0\.0\.1:no-such-port: / ],
		'192.0.2.1:2525' => [ 'inet n - n - - smtpd',
		    qr/listen on 192\.0\.2\.1 port 2525: Cannot assign/ ],
		'broken' => [ 'unix n - n', qr/master\.cf, line \d+: / ],
		"localhost:$t->{port}" => [ 'inet n - n - - smtpd',
		    qr/\[127\.0\.0\.1\]:$t->{port} is that of line \d+, service / ],
	);

	for my $service (sort keys %mistakes) {
		my ($line, $said) = @{ $mistakes{$service} };

		$t->configure({}, { $service => $line });
		verb_is($t, 'start', 1, $said, $service);
		verb_is($t, 'status', 1, qr/not running/, $service);
		$t->configure({}, { $service => undef });
	}
	$t->configure({ drain_time => 'soon' });
	verb_is($t, 'start', 1, qr/main\.cf, line \d+: parameter drain_time/,
		'main.cf');
	$t->configure({ drain_time => undef });
	close($taken);
};

# What is known and not there is said, wherever it is set, drop-in files too.
subtest 'what is not supported' => sub {
	my ($known) = read_file(top_folder() . '/lib/conf/params.h') =~
	    /^ROW\(BOOL, (\w+), "no", 0, 1, KNOWN,/m
	    or plan(skip_all => 'all parameters are there');
	my $t = Barid::Test->new(master => {
		"127.0.0.1:" . free_port() => "inet n - n - - smtpd -o $known=yes" });

	mkdir("$t->{dir}/etc/main.cf.d");
	write_file("$t->{dir}/etc/main.cf.d/10-a.cf", "\n$known = yes\n");
	$t->start;
	ok($t->wait_log(qr{main\.cf\.d/10-a\.cf, line 2: parameter $known is not supported}),
		'in a drop-in file');
	ok($t->wait_log(qr{master\.cf, line \d+: service \S+: parameter $known is not supported}),
		'in a service');
	$t->stop;
};

subtest 'a service manager' => sub {
	my $path = "$t->{dir}/notify";
	my $listener = IO::Socket::UNIX->new(Local => $path,
		Type => SOCK_DGRAM) or die "$path: $!";
	my $said = sub {
		my ($want) = @_;

		return wait_until(10, sub {
			IO::Select->new($listener)->can_read(0) or return 0;
			$listener->recv(my $text, 4096);
			return $text =~ $want;
		});
	};

	chmod(0777, $path);
	{
		local $ENV{NOTIFY_SOCKET} = $path;
		$t->start;
	}
	ok($said->(qr/^READY=1$/m), 'is told when it is ready');
	$t->reload;
	ok($said->(qr/^RELOADING=1\nMONOTONIC_USEC=\d+$/m), 'that it reloads');
	ok($said->(qr/^READY=1$/m), 'and that it has');
	if ($> == 0) {
		for my $process (values %{ $t->processes }) {
			next if $process->{pid} == $t->{pid};
			unlike(read_file("/proc/$process->{pid}/environ") // '',
				qr/NOTIFY/, "$process->{name} is not told of it");
		}
	}
	ok($t->stop, 'stop');
	ok($said->(qr/^STOPPING=1$/m), 'that it stops');
};

subtest 'two side by side' => sub {
	my $other = Barid::Test->new;

	$t->start;
	$other->start;
	ok(answers($t->{port}) && answers($other->{port}), 'both serve');
	ok($t->stop, 'one stops');
	ok(answers($other->{port}), 'the other goes on');
	is(barid($other, 'status')->{exit}, 0, 'as it says');
	ok($other->stop, 'and stops');
};

subtest 'the log is rotated' => sub {
	$t->start;
	ok($t->wait_log(qr/daemon started/), 'it runs');
	is(barid($t, 'logrotate')->{exit}, 0, 'logrotate');
	my @old = glob("$t->{log}.*");
	is(scalar @old, 1, 'the old file is beside it');
	my $d = $t->connect;
	$d->expect(220);
	ok(wait_until(10, sub { $t->log_text =~ /connect from/ }),
		'a new one is written');
	$d->close;
	ok($t->stop, 'stop');
	unlink(@old);
};

SKIP: {
	skip('needs root to make a container', 1) if $> != 0;
	my $probe = run_command('unshare', '--pid', '--fork', '--mount-proc',
		'true');
	skip('no pid namespaces here', 1) if $probe->{exit} != 0;

	subtest 'as the first process of a container' => sub {
		$t->configure({ maillog_file => '/dev/stdout' });
		my $out = "$t->{dir}/stdout";
		my $pid = start_peer({ port => $t->{port}, out => $out },
			'unshare', '--pid', '--fork', '--mount-proc', '--kill-child',
			'sh', '-c',
			# A process whose parent has left becomes ours.
			'(sleep 0.3 &) ; exec "$0" -c "$1" start-fg',
			installed('sbin/barid'), "$t->{dir}/etc");
		my $d = smtp_connect('127.0.0.1', $t->{port});
		$d->expect(220);
		ok(wait_until(10, sub {
			(read_file($out) // '') =~ /smtpd\[\d+\]: connect from/
		}), 'the log is on standard output');
		like(read_file($out), qr/master\[1\]: daemon started/,
			'master is the first process');
		$t->{pid} = $pid;
		my ($first) = grep { $_->{name} eq 'master' }
		    values %{ $t->processes };
		ok($first, 'found from outside');
		my $master = $first->{pid};
		ok(wait_until(10, sub {
			!grep { $_->{parent} == $master &&
				(read_file("/proc/$_->{pid}/stat") // '') =~ /\) Z / }
			    values %{ $t->processes };
		}), 'it reaps processes that are not its own');
		ok(!grep({ $_->{name} eq 'sleep' } values %{ $t->processes }) ||
			wait_until(5, sub {
				!grep { $_->{name} eq 'sleep' }
				    values %{ $t->processes } }), 'they are gone');
		kill('TERM', $master);
		ok(wait_until(15, sub { peer_ended($pid) }),
			'SIGTERM ends it');
		is($?, 0, 'with status 0');
		like(read_file($out), qr/terminating on signal 15/,
			'its last words are on standard output');
		delete $t->{pid};
		$d->close;
		$t->configure({ maillog_file => $t->{log} });
	};
}

done_testing();
