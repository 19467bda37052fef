#!/usr/bin/perl
# Cases 91 and 92 of the attacks: files in maildrop that a member of the group
# wrote by hand, and the set-gid commands with a hostile caller: closed
# descriptors, environment, limits, signals at each step, a folder that cannot be
# read, no name.  A message is taken whole, exactly if its caller heard so.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use POSIX qw();
use Socket qw(SOCK_STREAM);
use Test::More;

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'sbin/postdrop',
	'sbin/postqueue');
plan(skip_all => 'users to play are for root') if $> != 0;

my $t = Barid::Test->new(main => { local_recipient_maps => '' });
my $queue = "$t->{dir}/queue";
my $maildrop = "$queue/maildrop";
my $prefix = $ENV{BARID_PREFIX};
my ($uid, $nogroup) = (getpwnam('nobody'))[2, 3];

$t->start;
my $group = (stat "$queue/public")[5];

# --- As nobody ------------------------------------------------------------------

# Runs the code as nobody with this group, before the program takes its place.
sub run_as
{
	my ($gid, $before, $stdin, @command) = @_;
	my $out = "$t->{dir}/out";

	unlink($out);
	write_file("$t->{dir}/in", $stdin);
	write_file($out, '');
	chmod(0666, $out);
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open(STDIN, '<', "$t->{dir}/in");
		open(STDOUT, '>>', $out);
		open(STDERR, '>>', $out);
		$) = "$gid $gid";
		$( = $gid;
		POSIX::setuid($uid);
		my $name = $before->() // $command[0];
		{ no warnings 'exec'; exec { $command[0] } $name,
			@command[1 .. $#command]; }
		POSIX::_exit(126);
	}
	wait_until(20, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }) or do {
		kill('KILL', $pid);
		waitpid($pid, 0);
		return 'it hangs';
	};
	return $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
}

# What postdrop is told by sendmail (lib/mail/drop.h), as frames.
sub attribute
{
	my ($kind, $name, $value) = @_;

	return pack('a1 C/a* N/a*', $kind, $name,
		$kind eq 'I' ? pack('q>', $value) : $value);
}

sub frame
{
	my ($name, @attributes) = @_;
	my $body = pack('C N C/a*', 0, 0, $name) .
	    join('', map { attribute(@$_) } @attributes) . "\0";

	return pack('N', 4 + length $body) . $body;
}

sub rcpt
{
	my ($address) = @_;

	return join('', map { attribute(@$_) } [ 'I', 'number', 0 ],
		[ 'S', 'address', $address ], [ 'S', 'original', '' ],
		[ 'S', 'orcpt', '' ], [ 'I', 'notify', 0 ]) . "\0";
}

sub drop
{
	my (%with) = @_;

	return frame('more_rcpts', [ 'L', 'rcpts',
		rcpt($with{to} // 'user@example.test') ]) .
	    frame('content', [ 'S', 'bytes', "Subject: $with{mark}\n\n" .
		"$with{mark}\n" . ('x' x 60 . "\n") x ($with{lines} // 0) ]) .
	    frame('drop_commit', [ 'S', 'sender', $with{from} // '' ],
		[ 'S', 'full_name', '' ], [ 'S', 'context', 'local' ],
		[ 'S', 'envid', '' ], [ 'I', 'ret', 0 ], [ 'I', 'flags', 0 ]);
}

my @postdrop = (installed('sbin/postdrop'), '-r', '-c', "$t->{dir}/etc");
my $serial = 0;

sub next_mark { return sprintf('M%05dM', $serial++) }

# pickup looks around when somebody connects.
sub look
{
	IO::Socket::UNIX->new(Type => SOCK_STREAM,
		Peer => "$queue/public/pickup");
	return 1;
}

sub arrived
{
	my ($mark) = @_;

	return scalar grep { /^\Q$mark\E\r?$/m } $t->read_maildir('user');
}

sub in_maildrop { return glob "$maildrop/*" }

# Its first bytes are written last; one whose writer was killed before is litter.
sub is_complete { return (read_file($_[0]) // '') =~ /^BARIDQ1\n/ }

# Taken (exit 0) and delivered, or neither.
sub check_promise
{
	my ($name, $mark, $status) = @_;

	if ($status eq '0') {
		ok(wait_until(20, sub { look() && arrived($mark) == 1 }),
			"$name: taken, and delivered");
	} else {
		like($status, qr/^(64|75|signal 9|signal 24)$/,
			"$name: refused ($status)");
	}
	return $status;
}

# --- A hostile caller ---------------------------------------------------------------

subtest 'attack 92: closed descriptors' => sub {
	for my $closed (0 .. 7) {
		my $mark = next_mark();
		my $status = run_as($group, sub {
			POSIX::close($_) for grep { $closed & 1 << $_ } 0 .. 2;
			return undef;
		}, drop(mark => $mark), @postdrop);
		check_promise("closed $closed", $mark, $status);
		is($status, $closed & 1 ? 75 : 0, 'as it should be');
	}
};

# setrlimit by its number: by prlimit, a program of util-linux.
subtest 'attack 92: limits' => sub {
	plan(skip_all => 'there is no prlimit on this machine')
	    unless -x '/usr/bin/prlimit';
	my @limits = ((map { "--fsize=$_" } 0, 1, 100, 200, 4096),
		(map { "--nofile=$_" } 0 .. 5), (map { "--as=$_" } 1 << 20,
		3 << 20, 6 << 20, 16 << 20), (map { "--data=$_" } 0, 65536),
		'--cpu=0', '--stack=16384', '--core=unlimited', '--nproc=0',
		'--memlock=0');
	for my $limit (@limits) {
		my $mark = next_mark();
		# A program that does not come up has done no harm either.
		my $status = run_as($group, sub { undef }, drop(mark => $mark),
			'/usr/bin/prlimit', $limit, @postdrop);

		if ($status =~ /^(?:signal (?:9|24)|1)$/) {
			# It may have had what it needed before that; 1 is how
			# a sanitizer ends that gets no thread at the exit.
			cmp_ok(arrived($mark), '<=', 1,
				"$limit: at most once ($status)");
		} elsif ($status =~ /^(?:127|126|signal (?:6|11)|64|75)$/) {
			is(arrived($mark), 0, "$limit: not taken ($status)");
		} else {
			check_promise($limit, $mark, $status);
		}
	}
	ok(wait_until(20, sub { look() && !grep { is_complete($_) } in_maildrop() }),
		'no complete file stays behind');
};

subtest 'attack 92: a folder that cannot be read, no name' => sub {
	my $dir = "$t->{dir}/closed";

	mkdir($dir, 0700);
	my %ways = (
		'a folder of another' => sub { undef },
		'an empty name' => sub { '' },
		'a long name' => sub { 'x' x 100000 },
		'a name of blanks' => sub { "\n%s%n" },
	);
	for my $way (sort keys %ways) {
		my $mark = next_mark();

		chdir($dir) if $way eq 'a folder of another';
		my $status = run_as($group, $ways{$way}, drop(mark => $mark),
			@postdrop);
		chdir('/');
		is(check_promise($way, $mark, $status), 0, "$way: is no matter");
	}
};

# --- Set-gid in earnest ---------------------------------------------------------------

# In a mount namespace of its own the configuration of this instance is the
# default one.
my $evil = "$t->{dir}/evil";
mkdir($evil);
write_file("$evil/main.cf", "queue_directory = $evil\n");
write_file("$evil/master.cf", '');
mkdir("$evil/maildrop", 0777);
my $script = <<"END";
/bin/mount --make-rprivate / && /bin/mount --bind $t->{dir}/etc $prefix/etc/barid || exit 99
exec /usr/bin/setpriv --reuid $uid --regid $nogroup --clear-groups "\$@"
END
my @outside = ('/usr/bin/unshare', '-m', '/bin/sh', '-c', $script, 'sh');

sub run_set_gid
{
	my ($env, $stdin, @command) = @_;

	return run_command({ stdin => $stdin, env => $env }, @outside,
		@command);
}

SKIP: {
	# They read the environment, and look for leaks by what is forbidden.
	skip('attack 92: set-gid: not with sanitizers', 1) if is_checks_build();
	my $try = run_set_gid({}, '', '/bin/true');
	skip('attack 92: set-gid: no mounts here: ' . $try->{err}, 1)
	    if $try->{exit} != 0;
	skip('attack 92: set-gid: postdrop is not', 1)
	    unless (stat installed('sbin/postdrop'))[2] & 02000;

	subtest 'attack 92: a hostile environment' => sub {
		my %env = (
			LD_PRELOAD => "$evil/x.so", LD_LIBRARY_PATH => $evil,
			LD_AUDIT => "$evil/x.so", GCONV_PATH => $evil,
			MALLOC_TRACE => "$evil/trace", TMPDIR => $evil,
			LOCPATH => $evil, LANG => '../../../etc/shadow',
			TZ => ':/etc/shadow', RES_OPTIONS => 'debug',
			HOSTALIASES => '/etc/shadow', IFS => '/',
			PATH => $evil, HOME => $evil, NLSPATH => '/etc/shadow',
			GLIBC_TUNABLES => 'glibc.malloc.check=3',
			ASAN_OPTIONS => "detect_leaks=0",
		);
		my $mark = next_mark();
		my $done = run_set_gid(\%env, drop(mark => $mark),
			installed('sbin/postdrop'), '-r');
		is(check_promise('all at once', $mark, $done->{exit}), 0,
			'it is of no matter');
		# Of who is set-gid it is not even heard.
		$mark = next_mark();
		$done = run_set_gid({ MAIL_CONFIG => $evil },
			drop(mark => $mark), installed('sbin/postdrop'), '-r');
		is(check_promise('MAIL_CONFIG', $mark, $done->{exit}), 0,
			'is passed over');
		$done = run_set_gid({}, drop(mark => next_mark()),
			installed('sbin/postdrop'), '-r', '-c', $evil);
		is($done->{exit}, 75, '-c: refused');
		like($done->{out}, qr/not in alternate_config_directories/,
			'with the reason');
		$done = run_set_gid({}, '', installed('sbin/postqueue'), '-p',
			'-c', $evil);
		isnt($done->{exit}, 0, '-c: by postqueue too');
		is(join(' ', grep { -e } glob("$evil/maildrop/*"),
			"$evil/trace"), '',
			'nothing is written there');
		is(run_set_gid(\%env, '', installed('sbin/postqueue'),
			'-p')->{exit}, 0, 'postqueue as well');
	};
	subtest 'attack 92: postqueue and its arguments' => sub {
		for my $arguments ([ '-i', '../../x' ], [ '-i', 'x' x 5000 ],
		    [ '-s', "a\nb" ], [ '-s', 'x' x 70000 ], [ '-i', '' ],
		    [ '-s', '' ], [ '-f', '-p' ], [ '-x' ], [],
		    [ '-i', '-' ], [ '-s', "\x1b[2J" ]) {
			my $done = run_set_gid({}, '',
				installed('sbin/postqueue'), @$arguments);

			ok(!$done->{signal} && !$done->{timed_out} &&
				$done->{exit} < 80, substr("@$arguments", 0, 20) =~
				s/[^ -~]/?/gr);
			unlike($done->{err}, qr/[\x1b]/, 'says it cleanly');
		}
	};
}

# --- Signals at each step ----------------------------------------------------------

SKIP: {
	my $strace = have_peer('strace');
	skip('attack 92: signals: there is no strace', 1) unless $strace;
	my $trace = "$t->{dir}/trace";
	my $mark = next_mark();
	# As root it is not set-gid, but makes the same calls.
	my $done = run_command({ stdin => drop(mark => $mark, lines => 10),
		env => { ASAN_OPTIONS => 'detect_leaks=0' } },
		$strace, '-o', $trace, @postdrop);
	skip('attack 92: signals: strace does not work here', 1)
	    if $done->{exit} != 0;
	my @calls = grep { /^\w+\(/ } split /\n/, read_file($trace);
	my ($first) = grep { $calls[$_] =~ /maildrop/ } 0 .. $#calls;
	my $from = ($first // 1) - 1;

	# Beside the litter of those that were killed.
	for my $signal ('KILL', 'TERM', 'XFSZ') {
		subtest "attack 92: SIG$signal at each step" => sub {
			my %litter = map { $_ => 1 } in_maildrop();
			my (%status, %marks, %seen);
			for my $n (0 .. $#calls) {
				# strace counts each call by its name.
				my ($call) = $calls[$n] =~ /^(\w+)/;
				my $times = ++$seen{$call};
				next if $n < $from || $call =~ /^exit/;
				last if $n > $from + 60;
				my $m = next_mark();
				my $run = run_command({
					stdin => drop(mark => $m, lines => 10),
					env => { ASAN_OPTIONS => 'detect_leaks=0' } },
					$strace, '-o', '/dev/null', '-e',
					"inject=$call:signal=SIG$signal:when=$times",
					@postdrop);
				$marks{$m} = $run->{signal} ? "s$run->{signal}" :
				    $run->{exit};
				$status{ $marks{$m} }++;
			}
			note(join(', ', map { "$_: $status{$_}" }
				sort keys %status));
			my @taken = grep { $marks{$_} eq '0' } keys %marks;
			wait_until(30, sub { look() && !grep { !arrived($_) } @taken });
			is(scalar(grep { arrived($_) != 1 } @taken), 0,
				'who was told so is delivered to, once');
			is(scalar(grep { $marks{$_} !~ /^(0|s9|137)$/ &&
				arrived($_) } keys %marks), 0,
				'who was refused is not');
			ok(wait_until(30, sub { look() && !grep {
				!$litter{$_} && ($signal ne 'KILL' ||
				    is_complete($_))
			} in_maildrop() }), 'nothing is left');
			ok(!(grep { arrived($_) > 1 } keys %marks),
				'nobody is delivered to twice');
		};
	}
	# What was killed in the middle is litter: old, without a lock, it goes.
	utime(time - 1000, time - 1000, in_maildrop());
	run_as($group, sub { undef }, drop(mark => next_mark()), @postdrop);
	$t->reload;
	ok(wait_until(30, sub { !(my @f = in_maildrop()) }),
		'attack 92: litter is removed');
}

# --- Files by hand -------------------------------------------------------------------

my @crc = map {
	my $c = $_;
	$c = $c & 1 ? $c >> 1 ^ 0x82f63b78 : $c >> 1 for 1 .. 8;
	$c;
} 0 .. 255;

sub crc32c
{
	my ($bytes) = @_;
	my $crc = 0xffffffff;

	$crc = $crc[($crc ^ $_) & 255] ^ $crc >> 8 for unpack 'C*', $bytes;
	return $crc ^ 0xffffffff;
}

# The numbers of a preamble (lib/mail/queue_file.c), and it with others.
sub numbers_of { return [ unpack('x8 q>13', $_[0]) ] }

sub with_numbers
{
	my ($bytes, %new) = @_;
	my $n = numbers_of($bytes);

	$n->[$_] = $new{$_} for keys %new;
	my $head = substr($bytes, 0, 8) . pack('q>13', @$n);
	$head .= substr($bytes, length $head, 124 - length $head);
	substr($bytes, 0, 128) = $head . pack('N', crc32c($head));
	return $bytes;
}

# The envelope with something else of the same length in it, and its checksums.
sub with_envelope
{
	my ($bytes, $from, $to) = @_;
	my $n = numbers_of($bytes);
	my ($at, $len, $end) = ($n->[4], $n->[5], $n->[9]);
	my $envelope = substr($bytes, $at, $len);

	$envelope =~ s/\Q$from\E/$to/ or die "no $from in it\n";
	substr($bytes, $at, $len) = $envelope;
	my $mark = substr($bytes, $end - 24, 16) . pack('N', crc32c($envelope));
	substr($bytes, $end - 24, 24) = $mark . pack('N', crc32c($mark));
	return $bytes;
}

subtest 'attack 91: files that were written by hand' => sub {
	ok($t->stop(seconds => 40), 'stop');
	my $mark = next_mark();
	is(run_as($group, sub { undef }, drop(mark => $mark,
		from => 'xxsender@here.test', lines => 20), @postdrop), 0,
		'a good file');
	my ($path) = grep { -s } glob "$maildrop/*";
	my $good = read_file($path);
	my $n = numbers_of($good);
	my $size = length $good;
	my %bad;

	unlink($path);
	is(with_numbers($good), $good, 'checksums are ours');
	$bad{"cut at $_"} = substr($good, 0, $_) for
	    grep { $_ > 0 && $_ < $size } map { int($size * $_ / 40) } 1 .. 39;
	$bad{"number $_->[0] is $_->[1]"} =
	    with_numbers($good, $_->[0] => $_->[1]) for map { my $i = $_;
		map { [ $i, $_ ] } -1, $size + 1, $size * 2, 1 << 40,
		9223372036854775807 } 2 .. 9;
	$bad{"a sender with $_->[0]"} =
	    with_envelope($good, 'xxsender', "a$_->[1]Bcc:x") for
	    [ 'a line end', "\r\n" ], [ 'NULs', "\0\0" ],
	    [ 'escapes', "\x1b[" ];
	for my $at (map { int($size * $_ / 60) } 0 .. 59) {
		# Content is the caller's own.
		next if $at >= $n->[2] && $at < $n->[2] + $n->[3];
		my $bytes = $good;
		substr($bytes, $at, 1) ^= "\x04";
		$bad{"a bit at $at"} = $bytes;
	}
	$bad{'a name of the queue'} = $good . "\0" x 50;
	delete $bad{'a name of the queue'};
	my $i = 0;
	my %name;
	for my $what (sort keys %bad) {
		my $name = sprintf('%05XABCDEF000', 0x10000 + $i++);

		write_file("$maildrop/$name", $bad{$what});
		$name{$name} = $what;
	}
	chown($uid, $group, glob "$maildrop/*");
	chmod(0644, glob "$maildrop/*");
	# What is no file.
	symlink('/etc/passwd', "$maildrop/0ABCDEF00001");
	POSIX::mkfifo("$maildrop/0ABCDEF00002", 0666);
	link("$t->{dir}/etc/main.cf", "$maildrop/0ABCDEF00003");
	mkdir("$maildrop/0ABCDEF00004");
	symlink("$queue/pid/qmgr.lock", "$maildrop/0ABCDEF00005");
	my $before = scalar(my @all = $t->read_maildir('user'));
	$t->mark_log;
	$t->start;
	my $fresh = next_mark();
	is(run_as($group, sub { undef }, drop(mark => $fresh), @postdrop), 0,
		'a good one after them');
	ok(wait_until(20, sub { arrived($fresh) }), 'is not held up');
	ok(wait_until(30, sub {
		!grep { -e "$maildrop/$_" && -s _ } keys %name
	}), 'each is dealt with') or diag(join(', ', map { $name{$_} }
		grep { -e "$maildrop/$_" } sort keys %name));
	my @got = $t->read_maildir('user');
	# Numbers that say the same with other words are no lie.
	is(join(', ', grep { !-e "$queue/corrupt/$_" } sort keys %name), '',
		'all are in corrupt') or diag(join(', ', map { $name{$_} }
		grep { !-e "$queue/corrupt/$_" } sort keys %name));
	is(scalar(@got), $before + 1, 'none is delivered');
	ok(wait_until(10, sub { !-e "$maildrop/0ABCDEF00002" &&
		!-l "$maildrop/0ABCDEF00001" }), 'a link and a FIFO go');
	ok(-s "$t->{dir}/etc/main.cf", 'what was linked is there');
	my $log = substr($t->log_text, $t->{mark});
	unlike($log, qr/killed by signal|exit status [^0]|Assertion|throttling|Sanitizer/,
		'no daemon died');
	unlike($log, qr/[^\t\n -~]/, 'nothing odd is in the log');
	is($t->tool('postqueue', '-p')->{exit}, 0, 'the queue can be listed');
};

ok($t->stop(seconds => 40), 'stop');
done_testing();
