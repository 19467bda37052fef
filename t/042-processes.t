#!/usr/bin/perl
# The processes of services: started when they are needed, replaced when they
# die, are used up or their tables change; limits; and what each begins with.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw();
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time);

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/pickup');

# An instance with programs of its own: links, each of which can be replaced.
sub instance
{
	my (%options) = @_;
	my $t = Barid::Test->new(%options);

	mkdir("$t->{dir}/libexec") or die;
	for my $path (glob(installed('libexec/barid/*'))) {
		my ($name) = $path =~ m{([^/]+)$};
		symlink($path, "$t->{dir}/libexec/$name") or die;
	}
	$t->configure({ daemon_directory => "$t->{dir}/libexec" });
	return $t;
}

sub script
{
	my ($t, $program, $text) = @_;
	my $path = "$t->{dir}/libexec/$program";

	unlink($path);
	write_file($path, "#!/bin/sh\n$text\n");
	chmod(0755, $path);
}

sub put_back
{
	my ($t, $program) = @_;

	unlink("$t->{dir}/libexec/$program");
	symlink(installed("libexec/barid/$program"),
		"$t->{dir}/libexec/$program") or die;
}

sub status
{
	my ($t, $program) = @_;
	my @all;

	for my $line (split /\n/, $t->tool('barid', 'status')->{out}) {
		my ($service, $name) = $line =~ /^(\S+)\s+(\S+)/;
		next if defined $program && $name ne $program;
		push @all, { $line =~ /(\w+)=(\S+)/g, service => $service,
			program => $name,
			state => $line =~ /generation=\S+\s+(\w+)/ };
	}
	return @all;
}

sub serving
{
	my ($t, $program, $n) = @_;

	return wait_until(15, sub {
		my @all = grep { $_->{state} eq 'serving' }
		    status($t, $program);
		return @all >= $n ? \@all : 0;
	});
}

sub greeted
{
	my ($port) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $port, Timeout => 5) or return;

	return IO::Select->new($s)->can_read(10) &&
	    (readline($s) // '') =~ /^220 / ? $s : undef;
}

# Somebody whom the service lets in: the queue's owner.
sub connect_as_owner
{
	my ($path) = @_;
	my ($uid, $gid) = (getpwnam('barid'))[2, 3];
	my @old = ($>, $));

	if ($old[0] == 0) {
		$) = "$gid $gid";
		$> = $uid;
	}
	my $s = IO::Socket::UNIX->new(Peer => $path, Type => SOCK_STREAM);
	my $why = $!;
	($>, $)) = @old if $old[0] == 0;
	die "$path: $why\n" unless $s;
	return $s;
}

subtest 'a program that is not there, and one that is no use' => sub {
	my $t = instance(main => { service_throttle_time => '2s' });
	my $times = sub { scalar(() = $t->log_text =~ /$_[0]/g) };

	unlink("$t->{dir}/libexec/pickup");
	script($t, 'qmgr', 'exit 3');
	script($t, 'showq', 'exit 0');
	my $begun = time;
	$t->start;
	ok($t->wait_log(qr/error: .*master\.cf, line \d+: service pickup: exec .*\/pickup: No such file/),
		'a missing program is named, with its line');
	ok($t->wait_log(qr/warning: process .*\/qmgr pid \d+ exit status 3/),
		'so is a failing one');
	ok($t->wait_log(qr/warning: .*\/qmgr: bad command startup -- throttling/),
		'and throttled');
	ok($t->wait_log(qr/warning: .*\/showq: bad command startup -- throttling/),
		'even if it calls its end a success');
	ok(greeted($t->{port}), 'others serve');
	ok(wait_until(20, sub { $times->('exit status 3') >= 4 }),
		'it is tried again');
	my $took = time - $begun;
	cmp_ok($took, '>', 4.5, "more and more seldom ($took s)");
	put_back($t, $_) for qw(pickup qmgr showq);
	ok(serving($t, $_, 1), "$_ comes back") for qw(pickup qmgr showq);
	ok($t->stop, 'stop');
};

subtest 'a daemon that is killed' => sub {
	my $t = instance(main => { service_throttle_time => '1s' });

	$t->start;
	my @first = @{ serving($t, 'smtpd', 2) };
	my $d = $t->connect;
	$d->expect(220);
	my ($mine) = grep { $_->{sessions} > 0 } status($t, 'smtpd');
	my ($other) = grep { $_->{pid} != $mine->{pid} } @first;
	$t->mark_log;
	kill('KILL', $other->{pid});
	ok($t->wait_log(
		qr/warning: process .*\/smtpd pid $other->{pid} killed by signal 9$/),
		'master says so');
	ok(wait_until(5, sub {
		grep { $_->{process} eq $other->{process} &&
			$_->{pid} != $other->{pid} } status($t, 'smtpd') }),
		'another one takes its place at once');
	$d->send('NOOP');
	$d->expect(250, 'sessions of others go on');
	$d->close;

	# A crash loop.
	my $killed = 0;
	my $begun = time;
	wait_until(5, sub {
		for my $p (status($t, 'smtpd')) {
			next if $p->{process} eq '2/2' || $killed >= 5;
			$killed += kill('KILL', $p->{pid});
		}
		return $killed >= 5;
	});
	cmp_ok(time - $begun, '>', 1, 'a crash loop is slowed down');
	ok(serving($t, 'smtpd', 2), 'and over when it is over');
	ok($t->stop, 'stop');
};

subtest 'used up' => sub {
	my $t = instance(main => { process_max_sessions => 5,
		smtpd_processes => 1 });

	$t->start;
	my ($first) = @{ serving($t, 'smtpd', 1) };
	my $held = greeted($t->{port});
	my $bad = 0;
	for (1 .. 40) {
		greeted($t->{port}) or $bad++;
	}
	is($bad, 0, 'all are served');
	my @now;
	ok(wait_until(10, sub {
		@now = status($t, 'smtpd');
		return grep { $_->{pid} == $first->{pid} &&
			$_->{state} eq 'draining' } @now;
	}), 'the first is to leave');
	ok(scalar(grep({ $_->{pid} != $first->{pid} } @now)),
		'others serve');
	is($_->{generation}, $first->{generation}, 'of the same generation')
	    for @now;
	syswrite($held, "QUIT\r\n");
	ok(wait_until(10, sub {
		!grep { $_->{pid} == $first->{pid} } status($t, 'smtpd') }),
		'it leaves after its last session');
	ok($t->stop, 'stop');
	unlike($t->log_text, qr/throttling|killed|exit status/,
		'nothing to complain of');
};

subtest 'limits of sessions' => sub {
	my ($three, $each) = (free_port(), free_port());
	my $t = instance(master => {
		"127.0.0.1:$three" => 'inet n - n - 3 smtpd' });

	$t->start;
	my @in = map { greeted($three) } 1 .. 3;
	is(scalar(grep { $_ } @in), 3, 'three are served');
	my $fourth = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $three, Timeout => 5);
	ok($fourth, 'the fourth may connect');
	ok(!IO::Select->new($fourth)->can_read(0.3), 'and has to wait');
	close(pop @in);
	ok(IO::Select->new($fourth)->can_read(10), 'until one leaves');
	ok($t->stop, 'stop');

	$t = instance(main => { smtpd_sessions_per_process => 1 },
		master => { "127.0.0.1:$each" => 'inet n - n - 4 smtpd' });
	$t->start;
	@in = map { greeted($each) } 1 .. 4;
	is(scalar(grep { $_ } @in), 4, 'four with a process each');
	my @all = grep { $_->{service} eq "127.0.0.1:$each" }
	    status($t, 'smtpd');
	is(join(' ', map { $_->{sessions} } @all), '1 1 1 1',
		'one session in each');
	ok($t->stop, 'stop');
};

subtest 'wakeup' => sub {
	my $t = instance(master => { waked => 'unix - - n 1 - resolve',
		'waked-if-used' => 'unix - - n 1? - resolve' });
	my $runs = sub {
		scalar(grep { $_->{service} eq $_[0] } status($t)) };

	$t->start;
	ok(wait_until(10, sub { $runs->('waked') }), 'without a client');
	is($runs->('waked-if-used'), 0, 'if it was used: not yet');
	ok($t->stop, 'stop');
};

subtest 'what each begins with' => sub {
	my $t = instance();
	my %hostile = (FOO => 'bar', LD_LIBRARY_PATH => '/nonexistent',
		RES_OPTIONS => 'ndots:9', LOCALDOMAIN => 'evil.test',
		HOSTALIASES => '/etc/passwd', OPENSSL_CONF => '/nonexistent',
		SSLKEYLOGFILE => '/tmp/keys', GLIBC_TUNABLES => 'x=y',
		MALLOC_CHECK_ => '3', IFS => 'x', BASH_ENV => '/nonexistent',
		TZ => 'UTC0');
	my $setup = $t->tool('barid', 'set-permissions');
	is($setup->{exit}, 0, 'set-permissions');

	# Without standard descriptors, with another one too many, in another
	# folder, with everything blocked and a wide umask.
	my $r = run_command({ env => \%hostile, folder => '/' }, 'sh', '-c',
		'umask 0; exec 7</etc/passwd; trap "" HUP INT TERM CHLD USR1; '
		. 'exec "$0" -c "$1" start <&- >&- 2>&-',
		installed('sbin/barid'), "$t->{dir}/etc");
	is($r->{exit}, 0, 'start');
	$t->{pid} = read_file("$t->{dir}/queue/pid/master.pid") + 0;
	ok(greeted($t->{port}), 'serves');
	ok(serving($t, $_, 1), "$_ is there") for qw(qmgr log pickup);
	my $mail = connect_as_owner("$t->{dir}/queue/private/local");
	ok(serving($t, 'local', 1), 'local is there');

	for my $p (sort { $a->{pid} <=> $b->{pid} }
	    values %{ $t->processes }) {
		my $proc = "/proc/$p->{pid}";
		my $name = $p->{name};
		my $status = read_file("$proc/status") // next;

		like($status, qr/^Umask:\s+0077$/m, "$name: umask");
		next if $> != 0;
		my $environment = read_file("$proc/environ") // '';
		my @names = $name eq 'master' ? () :
		    grep { !/^(TZ|LANG|PATH|BARID_TEST_POINT|\w+SAN_OPTIONS)$/ }
		    $environment =~ /(?:^|\0)([^=\0]+)=/g;
		is("@names", '', "$name: environment");
		my %fds = map { m{(\d+)$} => readlink($_) // '' }
		    glob("$proc/fd/*");
		is(join(' ', map { $fds{$_} // 'none' } 0 .. 2),
			'/dev/null /dev/null /dev/null',
			"$name: descriptors 0 to 2");
		ok(!grep({ $_ eq '/etc/passwd' } values %fds),
			"$name: none that is not its own");
		my $root = readlink("$proc/root");
		my $folder = readlink("$proc/cwd");
		is($folder, $root eq '/' ? "$t->{dir}/queue" : $root,
			"$name: folder") unless $name eq 'local' &&
			$folder eq '/';
		my ($ignored) = $status =~ /^SigIgn:\s*(\w+)/m;
		# A monitor has its children reaped by the kernel.
		my $passed = 1 << 12 | 1 << 24 | 1 |
		    ($name eq 'local' ? 1 << 16 : 0);
		# Signals 32 and up: the C library keeps two for itself, and
		# no program can set what it inherited of them.
		is(hex(substr($ignored, -8)) & 0x7fffffff & ~$passed, 0,
			"$name: ignores only SIGPIPE, SIGXFSZ, SIGHUP");
		like($status, qr/^SigBlk:\s*0+$/m, "$name: blocks none")
		    if $name !~ /^(master|qmgr|cleanup|rewrite|lookup|pickup|showq)$/;
	}
	close($mail);
	ok($t->stop, 'stop');
};

done_testing();
