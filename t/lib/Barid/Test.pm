# The end-to-end harness: an instance of Barid in a folder of its own, on
# loopback and high ports, as whoever runs the test; a player for SMTP
# dialogues; commands with a time limit.  Core modules only.
#
# Nothing sleeps: whoever waits polls for what an operator could see (a port, a
# log line, a file), with a limit.  Limits are stretched for builds with
# sanitizers.
package Barid::Test;

use strict;
use warnings;

use Cwd qw(abs_path);
use Errno qw(EEXIST ENOENT ESRCH);
use Exporter qw(import);
use Fcntl qw(O_RDONLY O_WRONLY O_CREAT O_EXCL);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir tempfile);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h _exit setpgid);
use Socket qw(AF_UNIX SOCK_STREAM pack_sockaddr_un);
use Test::More ();
use Time::HiRes qw(time sleep);

our @EXPORT = qw(
	append_file free_port have_peer installed is_checks_build peer_ended
	plan_installed read_file run_command smtp_connect smtp_script start_peer stop_peer
	top_folder wait_until write_file
);

my $POLL = 0.02;    # seconds between two looks
my $top = abs_path(__FILE__ =~ s{t/lib/Barid/Test\.pm$}{}r || '.');
my @instances;      # all that were made here; END looks after them
my %peers;          # pid => 1: of start_peer
my $owner = $$;     # a forked child must not clean up

# A test that hangs, or is ended, cleans up all the same.
$SIG{ALRM} = sub { Test::More::diag('the test took too long'); exit(1) };
$SIG{TERM} = $SIG{INT} = $SIG{HUP} = sub { exit(1) };
alarm(limit(300));
# Daemons with other identities read what we write.
umask(022);

# --- The build under test -----------------------------------------------------

sub top_folder { return $top }

sub is_checks_build { return ($ENV{BARID_FLAVOUR} || '') eq 'checks' }

# Seconds, stretched for a slow build.
sub limit
{
	my ($seconds) = @_;

	return $seconds * (is_checks_build() ? 4 : 1);
}

# The path of an installed file: installed('sbin/barid').
sub installed
{
	my ($path) = @_;
	my $prefix = $ENV{BARID_PREFIX}
	    or die "BARID_PREFIX: where Barid is installed, is not set\n";

	return "$prefix/$path";
}

# Skip the whole file unless all of these are installed.
sub plan_installed
{
	for my $path (@_) {
		Test::More::plan(skip_all => "$path is not installed")
		    unless -e installed($path);
	}
}

# The path of a program that plays the other side, or undef, with a note that
# says why what follows is skipped.  Looks where ./dev unpacks packages first.
sub have_peer
{
	my ($name) = @_;

	for my $folder ("$top/build/peers/bin", split(/:/, $ENV{PATH}),
		'/usr/sbin', '/sbin') {
		return "$folder/$name" if -x "$folder/$name" && !-d _;
	}
	Test::More::note("skipped: there is no $name on this machine");
	return undef;
}

# --- Small things -------------------------------------------------------------

# Calls look() until it returns something true, which is returned; false when
# the time is up.
sub wait_until
{
	my ($seconds, $look) = @_;
	my $end = time + limit($seconds);
	my $pause = $POLL / 16;

	# What takes a moment only is seen soon.
	while (1) {
		my $seen = $look->();

		return $seen if $seen;
		return 0 if time >= $end;
		sleep $pause;
		$pause *= 2 if $pause < $POLL;
	}
}

# The file's bytes; undef if there is none.
sub read_file
{
	my ($path) = @_;

	open(my $in, '<:raw', $path) or do {
		# The second for what /proc has of a process that ends.
		return undef if $! == ENOENT || $! == ESRCH;
		die "open $path: $!\n";
	};
	local $/ = undef;
	my $text = <$in>;
	return defined $text ? $text : '';
}

sub put_file
{
	my ($mode, $path, $text) = @_;

	open(my $out, "$mode:raw", $path) or die "open $path: $!\n";
	print {$out} $text or die "write $path: $!\n";
	close($out) or die "write $path: $!\n";
}

sub write_file { put_file('>', @_) }
sub append_file { put_file('>>', @_) }

# A TCP port on loopback that nobody uses and no other test will be given:
# claimed by a name in the abstract namespace, which the kernel frees with us.
# Below the ephemeral range, so that no connection takes it meanwhile.
my @claims;

sub free_port
{
	for (1 .. 1000) {
		my $port = 20000 + int(rand(12000));

		socket(my $claim, AF_UNIX, SOCK_STREAM, 0)
		    or die "socket: $!\n";
		bind($claim, pack_sockaddr_un("\0barid-test-port-$port"))
		    or next;
		my $try = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
			LocalPort => $port, Proto => 'tcp', Listen => 1,
			ReuseAddr => 1) or next;
		close($try);
		push @claims, $claim;
		return $port;
	}
	die "no free port found\n";
}

# --- Commands -----------------------------------------------------------------

# run_command([\%options,] PROGRAM, ARGUMENT...)
#   stdin => TEXT, timeout => SECONDS (30), env => {NAME => VALUE},
#   folder => where it runs
# Returns {out, err, exit, signal, timed_out}.  What outlives its time is
# killed, with its children.
sub run_command
{
	my %options = ref $_[0] ? %{ shift() } : ();
	my @command = @_;
	my %files = map { $_ => scalar tempfile() } qw(in out err);

	print { $files{in} } $options{stdin} // '';
	$files{in}->flush;
	seek($files{in}, 0, 0);
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		setpgid(0, 0);
		%ENV = (%ENV, %{ $options{env} || {} });
		chdir($options{folder}) or _exit(126)
		    if defined $options{folder};
		open(STDIN, '<&', $files{in}) or _exit(126);
		open(STDOUT, '>&', $files{out}) or _exit(126);
		open(STDERR, '>&', $files{err}) or _exit(126);
		{ no warnings 'exec'; exec { $command[0] } @command; }
		print STDERR "exec $command[0]: $!\n";
		STDERR->flush;
		_exit(127);
	}
	setpgid($pid, $pid);
	my $ended = wait_until($options{timeout} // 30,
		sub { waitpid($pid, WNOHANG) == $pid });
	if (!$ended) {
		kill('KILL', -$pid);
		waitpid($pid, 0);
	}
	my %result = (exit => $? >> 8, signal => $? & 127,
		timed_out => !$ended);
	for my $name (qw(out err)) {
		my $handle = $files{$name};

		seek($handle, 0, 0);
		local $/ = undef;
		$result{$name} = <$handle> // '';
	}
	return \%result;
}

# Start a program in the background, to be killed at the end at the latest:
# start_peer({port => N}, PROGRAM, ARGUMENT...) waits until that port of
# loopback answers; out => FILE gets what it prints.  Instead of a program, a
# sub: what it returns is the exit status.  Returns its pid; dies if it does not
# come up.
sub start_peer
{
	my %options = ref $_[0] eq 'HASH' ? %{ shift() } : ();
	my @command = @_;
	my $pid = fork // die "fork: $!\n";

	if ($pid == 0) {
		setpgid(0, 0);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', $options{out} // '/dev/null');
		open(STDERR, '>&', \*STDOUT);
		_exit($command[0]->()) if ref $command[0];
		{ no warnings 'exec'; exec { $command[0] } @command; }
		_exit(127);
	}
	setpgid($pid, $pid);
	$peers{$pid} = 1;
	return $pid unless $options{port};
	my $up = wait_until($options{seconds} // 10, sub {
		return -1 if peer_ended($pid);
		IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $options{port}, Timeout => 1) ? 1 : 0;
	});
	return $pid if $up == 1;
	stop_peer($pid);
	die "$command[0] did not start\n";
}

# Has it left by itself?  Then it is forgotten as well: its number may be that of
# somebody else's group soon.
sub peer_ended
{
	my ($pid) = @_;

	return 0 if waitpid($pid, WNOHANG) == 0;
	delete $peers{$pid};
	return 1;
}

sub stop_peer
{
	my ($pid) = @_;

	delete $peers{$pid} or return;
	kill('TERM', -$pid);
	wait_until(2, sub { waitpid($pid, WNOHANG) != 0 }) and return;
	kill('KILL', -$pid);
	waitpid($pid, 0);
}

# --- SMTP dialogues -----------------------------------------------------------

# A connection to HOST, PORT (or to a Unix socket: PATH), from an address of
# ours if that is given.  Dies if there is none.
sub smtp_connect
{
	my ($host, $port, $from) = @_;

	return Barid::Test::Dialogue->new($host, $port, $from);
}

# Play a dialogue, one "ok" line of TAP for each "expect" and "closed":
#
#   expect 220                 the reply's code
#   send MAIL FROM:<a@b>       a line; \r \n \t \0 \\ \xNN are bytes
#   expect 250 2.1.0           code, and how the text of one line starts
#   expect /5[05]0 .*relay/    a regex over the whole reply
#   raw QUIT\n                 bytes as they are, nothing added
#   closed                     the server hangs up
#   close                      we do
#   # a comment
#
# Returns the last reply.  After a failure the rest fails at once.
sub smtp_script
{
	my ($host, $port, $text) = @_;
	my $line = 0;
	my $dialogue = eval { smtp_connect($host, $port) };

	if (!$dialogue) {
		Test::More::fail("connect to $host" .
			(defined $port ? " port $port" : ''));
		Test::More::diag($@);
		return '';
	}
	for my $step (split /\n/, $text) {
		$line++;
		next if $step =~ /^\s*(#|$)/;
		my ($verb, $rest) = $step =~ /^\s*(\w+) ?(.*)$/;
		my $play = $dialogue->can("play_" . ($verb // ''))
		    or die "script line $line: no such step: $step\n";
		$play->($dialogue, $rest, $line);
	}
	return $dialogue->{last};
}

# --- An instance ----------------------------------------------------------------

my %main_defaults = (
	compatibility_level    => '3.6',
	maillog_file_prefixes  => '/',
	inet_interfaces        => '127.0.0.1',
	inet_protocols         => 'ipv4',
	myhostname             => 'mx.example.test',
	mydestination          => '',
	mynetworks             => '127.0.0.0/8',
	alias_maps             => '',
	alias_database         => '',
	biff                   => 'no',
	append_dot_mydomain    => 'no',
	# A session with 452 or 451 would lead to mail of its own.
	notify_classes         => '',
	virtual_mailbox_domains => 'example.test',
	virtual_mailbox_maps   => 'inline:{ user@example.test=user/ }',
);

# Service names to lines of master.cf after the name.
my %master_defaults = (
	pickup  => 'unix n - n 60 1 pickup',
	cleanup => 'unix n - n - 0 cleanup',
	qmgr    => 'unix n - n 300 1 qmgr',
	rewrite => 'unix - - n - - trivial-rewrite',
	bounce  => 'unix - - n - 0 bounce',
	defer   => 'unix - - n - 0 bounce',
	trace   => 'unix - - n - 0 bounce',
	verify  => 'unix - - n - 1 verify',
	flush   => 'unix n - n 1000? 0 flush',
	smtp    => 'unix - - n - - smtp',
	relay   => 'unix - - n - - smtp',
	lmtp    => 'unix - - n - - lmtp',
	showq   => 'unix n - n - - showq',
	error   => 'unix - - n - - error',
	retry   => 'unix - - n - - error',
	discard => 'unix - - n - - discard',
	local   => 'unix - n n - - local',
	virtual => 'unix - n n - - virtual',
	anvil   => 'unix - - n - 1 anvil',
	postlog => 'unix-dgram n - n - 1 postlogd',
);

# Barid::Test->new(main => {name => value}, master => {service => rest of its
# line, or undef for none}, port => of smtpd, mail_uid => N).  Writes the files;
# starts nothing.
#
# Folders below {dir}: etc, queue, data, mail (virtual mailboxes).
sub new
{
	my ($class, %options) = @_;
	# Short: the path of a Unix socket has at most 107 bytes.
	my $dir = tempdir('/tmp/bt.XXXXXX');
	my $self = bless {
		dir => $dir, port => $options{port} // free_port(),
		log => "$dir/log", mark => 0,
		mail_uid => $options{mail_uid} // ($> == 0 ? 65534 : $>),
		mail_gid => $options{mail_gid} // ($> == 0 ? 65534 : $) + 0),
	}, $class;

	push @instances, $self;
	# As root, daemons with other identities pass through.
	chmod(0755, $dir);
	for my $folder (qw(etc queue data mail)) {
		mkdir("$dir/$folder", 0755) or die "mkdir $folder: $!\n";
	}
	chown($self->{mail_uid}, $self->{mail_gid}, "$dir/mail") if $> == 0;
	$self->configure($options{main} || {}, $options{master} || {});
	return $self;
}

# (Re)write main.cf and master.cf: the defaults above, then what earlier calls
# changed, then this.
sub configure
{
	my ($self, $main, $master) = @_;
	my $dir = $self->{dir};

	$self->{main} = {
		%main_defaults,
		queue_directory => "$dir/queue", data_directory => "$dir/data",
		maillog_file => $self->{log},
		virtual_mailbox_base => "$dir/mail",
		virtual_uid_maps => "static:$self->{mail_uid}",
		virtual_gid_maps => "static:$self->{mail_gid}",
		$> == 0 ? () : (mail_owner => scalar getpwuid($>),
			setgid_group => scalar getgrgid($) + 0)),
		%{ $self->{main} || {} }, %{ $main || {} },
	};
	$self->{master} = {
		%master_defaults,
		"127.0.0.1:$self->{port}" => 'inet n - n - - smtpd',
		%{ $self->{master} || {} }, %{ $master || {} },
	};
	write_file("$dir/etc/main.cf", join '', map { "$_ = $self->{main}{$_}\n" }
		grep { defined $self->{main}{$_} } sort keys %{ $self->{main} });
	write_file("$dir/etc/master.cf",
		join '', map { "$_ $self->{master}{$_}\n" }
		grep { defined $self->{master}{$_} }
		sort keys %{ $self->{master} });
	return $self;
}

# A file in etc; returns its path.
sub etc
{
	my ($self, $name, $text) = @_;

	write_file("$self->{dir}/etc/$name", $text);
	return "$self->{dir}/etc/$name";
}

# A table: etc/NAME compiled by postmap; returns "TYPE:PATH".
sub table
{
	my ($self, $type, $name, $text) = @_;
	my $path = $self->etc($name, $text);
	my $done = $self->tool('postmap', "$type:$path");

	die "postmap $type:$path: $done->{err}" if $done->{exit} != 0;
	return "$type:$path";
}

# Run one of our commands on this instance: tool([\%options,] NAME, ARGUMENT...).
sub tool
{
	my $self = shift;
	my @options = ref $_[0] ? shift : ();
	my ($name, @arguments) = @_;
	my $path = installed("sbin/$name");

	$path = installed("bin/$name") unless -e $path;
	return run_command(@options, $path,
		($name =~ /^(sendmail|mailq|newaliases)$/ ? '-C' : '-c'),
		"$self->{dir}/etc", @arguments);
}

# What starts it, in the foreground.
sub start_command
{
	my ($self) = @_;

	return (installed('sbin/barid'), '-c', "$self->{dir}/etc", 'start-fg');
}

# Start, and wait until smtpd's port answers.  Dies, with the log, if it does
# not; wait => 0 only starts.
sub start
{
	my ($self, %options) = @_;
	my $setup = $self->tool('barid', 'set-permissions');

	die "set-permissions: $setup->{out}$setup->{err}\n"
	    if $setup->{exit} != 0;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		setpgid(0, 0);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$self->{dir}/console");
		open(STDERR, '>&', \*STDOUT);
		{ no warnings 'exec'; exec $self->start_command; }
		print STDERR "exec: $!\n";
		STDERR->flush;
		_exit(127);
	}
	setpgid($pid, $pid);
	$self->{pid} = $pid;
	return $self if exists $options{wait} && !$options{wait};
	my $up = wait_until($options{seconds} // 15, sub {
		return -1 if !$self->is_running;
		IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $options{port} // $self->{port},
			Timeout => 1) ? 1 : 0;
	});
	if ($up != 1) {
		$self->show_log;
		die "barid did not start\n";
	}
	return $self;
}

# Wait until each process that master has started says that it serves: what looks
# for them by their names finds all.  True if so.
sub wait_serving
{
	my ($self, $seconds) = @_;

	return wait_until($seconds // 15, sub {
		my $status = $self->tool('barid', 'status')->{out};

		return $status =~ / serving / && $status !~ / starting /;
	});
}

# Is the master there?  Reaps it when it ended; its status is in {status}.
sub is_running
{
	my ($self) = @_;

	return 0 unless $self->{pid};
	return 1 if waitpid($self->{pid}, WNOHANG) == 0;
	$self->{status} = $?;
	delete $self->{pid};
	return 0;
}

# The master's descendants: {pid => {pid, parent, name, exe}}.
sub processes
{
	my ($self) = @_;
	my (%all, %ours);

	return {} unless $self->{pid};
	for my $stat (glob '/proc/[0-9]*/stat') {
		my $text = eval { read_file($stat) } // next;
		my ($pid, $name, $parent) =
		    $text =~ /^(\d+) \((.*)\) \S (\d+)/s or next;
		$all{$pid} = { pid => $pid, name => $name, parent => $parent,
			exe => readlink("/proc/$pid/exe") // '' };
	}
	for my $process (values %all) {
		my $up = $process;

		$up = $all{ $up->{parent} }
		    while $up && $up->{pid} != $self->{pid};
		$ours{ $process->{pid} } = $process if $up;
	}
	return \%ours;
}

# The process ids of one program: pids_of('qmgr').
sub pids_of
{
	my ($self, $name) = @_;
	my $all = $self->processes;

	return sort { $a <=> $b } grep { $all->{$_}{name} eq $name } keys %$all;
}

# End it, orderly.  True if all of its processes left in time; those that did
# not are killed, and named.
sub stop
{
	my ($self, %options) = @_;
	my $processes = $self->processes;
	my @left;

	return 1 unless $self->is_running;
	kill($options{signal} // 'TERM', $self->{pid});
	wait_until($options{seconds} // 15, sub {
		my $running = $self->is_running;

		@left = grep { is_same_process($_) } values %$processes;
		return !$running && !@left;
	});
	for my $process (@left) {
		Test::More::diag("$process->{name} [$process->{pid}] stayed");
		kill('KILL', $process->{pid});
	}
	if ($self->{pid}) {
		kill('KILL', $self->{pid});
		waitpid($self->{pid}, 0);
		$self->{status} = $?;
		delete $self->{pid};
	}
	return !@left;
}

# Still there, and not another one with its number?
sub is_same_process
{
	my ($process) = @_;
	my $text = eval { read_file("/proc/$process->{pid}/stat") } // return 0;

	return 0 if $text =~ /\) [ZX] /;
	return $text =~ /^\d+ \(\Q$process->{name}\E\) /;
}

# kill -9 for all of it at once, as a power cut would.
sub crash
{
	my ($self) = @_;
	my $processes = $self->processes;

	kill('KILL', $self->{pid}, keys %$processes) if $self->{pid};
	wait_until(5, sub {
		return !$self->is_running &&
		    !grep { is_same_process($_) } values %$processes;
	});
	return $self;
}

sub reload
{
	my ($self) = @_;

	return $self->tool('barid', 'reload')->{exit} == 0;
}

# --- What an operator sees ------------------------------------------------------

# A dialogue with smtpd, or a script (see smtp_script) played to it.
sub connect { return smtp_connect('127.0.0.1', $_[0]{port}) }
sub script { return smtp_script('127.0.0.1', $_[0]{port}, $_[1]) }

sub log_text { return read_file($_[0]{log}) // '' }

# From here on, wait_log sees only what is logged later.
sub mark_log
{
	my ($self) = @_;

	$self->{mark} = length($self->log_text);
	return $self;
}

# Wait for a log line; returns it ('' if it did not come).
sub wait_log
{
	my ($self, $regex, $seconds) = @_;

	return wait_until($seconds // 10, sub {
		my $text = substr($self->log_text, $self->{mark});

		for my $line ($text =~ /^(.*)\n/mg) {
			return $line if $line =~ $regex;
		}
		return undef;
	}) || '';
}

# Wait for a file; true when it is there.
sub wait_file
{
	my ($self, $path, $seconds) = @_;

	return wait_until($seconds // 10, sub { -e $path });
}

# The messages of a maildir, as bytes, in the order of their names (time).  A
# relative path is one below {dir}/mail.
sub read_maildir
{
	my ($self, $path) = @_;
	my @files;

	$path = "$self->{dir}/mail/$path" unless $path =~ m{^/};
	for my $folder ('new', 'cur') {
		opendir(my $handle, "$path/$folder") or next;
		push @files, map { "$path/$folder/$_" }
		    sort grep { !/^\./ } readdir($handle);
	}
	return map { read_file($_) // () } @files;
}

# Wait until a maildir has at least N messages; returns all.
sub wait_maildir
{
	my ($self, $path, $n, $seconds) = @_;

	wait_until($seconds // 10,
		sub { scalar(my @all = $self->read_maildir($path)) >= $n });
	return $self->read_maildir($path);
}

# The queue IDs in these queue directories (default: all that hold messages),
# sorted.
sub queue_ids
{
	my ($self, @names) = @_;
	my @ids;
	my @folders = map { "$self->{dir}/queue/$_" } @names ? @names :
	    qw(maildrop incoming active deferred hold);

	while (defined(my $folder = shift @folders)) {
		opendir(my $handle, $folder) or next;
		for my $name (readdir $handle) {
			next if $name =~ /^\./;
			my $path = "$folder/$name";

			lstat($path);
			push @folders, $path if -d _;
			push @ids, $name if -f _ && $name =~ /^\w+$/;
		}
	}
	return sort @ids;
}

# Wait until nothing is queued; true if so.
sub wait_queue_empty
{
	my ($self, $seconds) = @_;

	return wait_until($seconds // 10,
		sub { !scalar(my @ids = $self->queue_ids) });
}

# The last lines of the log and of what was printed, for a failed test.
sub show_log
{
	my ($self) = @_;

	for my $path ($self->{log}, "$self->{dir}/console") {
		my @lines = split /\n/, read_file($path) // '';

		next unless @lines;
		splice(@lines, 0, @lines - 50) if @lines > 50;
		Test::More::diag("--- the end of $path:");
		Test::More::diag(join "\n", @lines);
	}
}

# What the sanitizers printed.
sub sanitizer_report
{
	my ($self) = @_;
	my $text = (read_file("$self->{dir}/console") // '') . $self->log_text;

	return $text =~ /((?:ERROR: \w+Sanitizer|runtime error:).*)/ ? $1 : '';
}

sub clean_up
{
	my ($self, $status) = @_;
	my $good = Test::More->builder->is_passing && $status == 0;

	$good = 0 if !$self->stop;
	if (my $report = $self->sanitizer_report) {
		Test::More::diag("a daemon: $report");
		$good = 0;
	}
	$self->show_log unless $good;
	if ($ENV{BARID_KEEP}) {
		Test::More::diag("kept: $self->{dir}");
	} else {
		remove_tree($self->{dir}, { safe => 0, error => \my $ignored });
	}
	return $good;
}

END {
	my $status = $?;

	if ($$ == $owner) {
		alarm(0);
		for my $instance (@instances) {
			$status ||= 1 unless $instance->clean_up($status);
		}
		stop_peer($_) for keys %peers;
	}
	$? = $status;
}

# --- One SMTP connection --------------------------------------------------------

package Barid::Test::Dialogue;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

sub new
{
	my ($class, $host, $port, $from) = @_;
	my $socket = defined $port ?
	    IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port,
		defined $from ? (LocalAddr => $from) : (),
		Proto => 'tcp', Timeout => Barid::Test::limit(10)) :
	    IO::Socket::UNIX->new(Peer => $host);

	die "connect to $host" . (defined $port ? " port $port" : '') .
	    ": $!\n" unless $socket;
	binmode($socket);
	return bless { socket => $socket, got => '', last => '', sent => '',
		dead => '' }, $class;
}

# Bytes as they are.  A peer that stopped reading cannot hold us: there is a
# deadline for all of them.
sub send_raw
{
	my ($self, $bytes, $seconds) = @_;
	my $end = time + Barid::Test::limit($seconds // 20);
	my $select = IO::Select->new($self->{socket});

	local $SIG{PIPE} = 'IGNORE';
	$self->{sent} = $bytes;
	$self->{socket}->blocking(0);
	while (length $bytes && !$self->{dead}) {
		my $left = $end - time;

		if ($left <= 0 || !$select->can_write($left)) {
			$self->{dead} = 'peer does not read';
			last;
		}
		my $n = syswrite($self->{socket}, $bytes);
		if (defined $n) {
			substr($bytes, 0, $n, '');
		} elsif (!$!{EAGAIN} && !$!{EINTR}) {
			$self->{dead} = "write: $!";
		}
	}
	$self->{socket}->blocking(1);
	# What the peer said before it left can still be read.
	$self->{dead} = '' if $self->{dead} =~ /^write:/;
	return $self;
}

# A line; CRLF is added.
sub send { return $_[0]->send_raw("$_[1]\r\n") }

# More bytes into {got}; false, and {dead} says why, if none come in time.
sub read_more
{
	my ($self, $end) = @_;
	my $left = $end - time;

	return 0 if $self->{dead};
	if ($left <= 0 || !IO::Select->new($self->{socket})->can_read($left)) {
		$self->{dead} = 'nothing came in time';
		return 0;
	}
	my $n = sysread($self->{socket}, $self->{got}, 65536,
		length $self->{got});
	return 1 if $n;
	$self->{dead} = defined $n ? 'peer closed' : "read: $!";
	return 0;
}

# One line without its end; undef at the end, or if none comes.
sub read_line
{
	my ($self, $seconds) = @_;
	my $end = time + Barid::Test::limit($seconds // 10);

	while ($self->{got} !~ /\n/) {
		$self->read_more($end) or return undef;
	}
	$self->{got} =~ s/^(.*?)\r?\n//s;
	return $1;
}

# A whole reply, its lines joined by "\n"; what there was of it if it breaks
# off.
sub read_reply
{
	my ($self, $seconds) = @_;
	my $end = time + Barid::Test::limit($seconds // 10);
	my @lines;

	while (1) {
		while ($self->{got} !~ /\n/) {
			$self->read_more($end) or
			    return $self->{last} = join "\n", @lines;
		}
		$self->{got} =~ s/^(.*?)\r?\n//s;
		push @lines, $1;
		last unless $1 =~ /^\d{3}-/;
	}
	return $self->{last} = join "\n", @lines;
}

# Does a reply have this code (and does the text of one of its lines start
# so), or match this regex?
sub matches
{
	my ($reply, $want) = @_;

	return $reply =~ $want if ref $want;
	my ($code, $text) = $want =~ /^(\d{3})(?: (.*))?$/
	    or die "expect a code or a regex, not '$want'\n";
	return 0 unless $reply =~ /^\Q$code\E(?:[ -]|$)/;
	return 1 unless defined $text;
	return scalar grep { /^\d{3}[ -]\Q$text\E/ } split /\n/, $reply;
}

# One reply, tested: expect(250), expect('250 2.1.0'), expect(qr/.../).
# Returns it.
sub expect
{
	my ($self, $want, $name, $seconds) = @_;
	my $was_dead = $self->{dead};
	my $reply = $was_dead ? '' : $self->read_reply($seconds);
	my $sent = $self->{sent} =~ s/\r?\n.*//sr;

	$sent = substr($sent, 0, 60) . '...' if length $sent > 63;
	$name //= length $sent ? "$sent: $want" : "greeting: $want";
	if (!Test::More::ok($reply ne '' && matches($reply, $want) || 0,
		$name)) {
		Test::More::diag($reply ne '' ? "got: $reply" :
			"got nothing: " . ($was_dead || $self->{dead}));
		$self->{dead} ||= 'an earlier step failed';
	}
	return $reply;
}

# The peer hangs up, and says nothing more.
sub expect_close
{
	my ($self, $name, $seconds) = @_;
	my $end = time + Barid::Test::limit($seconds // 10);

	1 while $self->{got} eq '' && $self->read_more($end);
	my $good = $self->{got} eq '' &&
	    $self->{dead} =~ /^(peer closed|read: )/;
	Test::More::ok($good || 0, $name // 'the peer hangs up') or
	    Test::More::diag($self->{got} ne '' ? "got: $self->{got}" :
		$self->{dead});
	return $good;
}

sub close
{
	my ($self) = @_;

	close($self->{socket});
	$self->{dead} ||= 'we closed';
	return;
}

# --- The steps of a script

my %escapes = (r => "\r", n => "\n", t => "\t", 0 => "\0", '\\' => '\\');

sub bytes_of
{
	my ($text) = @_;

	$text =~ s{\\(x([0-9A-Fa-f]{2})|[rnt0\\])}
	    {defined $2 ? chr(hex $2) : $escapes{$1}}ge;
	return $text;
}

sub play_send { $_[0]->send(bytes_of($_[1])) }
sub play_raw { $_[0]->send_raw(bytes_of($_[1])) }
sub play_close { $_[0]->close }
sub play_closed { $_[0]->expect_close("line $_[2]: the peer hangs up") }

sub play_expect
{
	my ($self, $want, $line) = @_;
	my $sent = $self->{sent} =~ s/\r?\n.*//sr;

	$sent = substr($sent, 0, 60) . '...' if length $sent > 63;
	# What is sent may hold any byte; TAP is lines of text.
	$sent =~ s/[^ -~]/?/g;
	$sent =~ s/#/?/g;
	my $name = "line $line: " . ($sent ne '' ? "$sent -> " : '') . $want;
	$want = qr/$1/s if $want =~ m{^/(.*)/$};
	$self->expect($want, $name);
}

1;
