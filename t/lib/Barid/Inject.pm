# System calls of running daemons that fail, or take long: strace, attached to
# them, tampers with the calls.
#
# The kernel looks at a daemon's list of permitted calls after strace has; so the
# call that fails is replaced by a harmless one that every daemon may make.
package Barid::Inject;

use strict;
use warnings;

use Barid::Test;
use Exporter qw(import);

our @EXPORT = qw(can_inject inject_count inject_delay inject_error
	inject_start inject_stop inject_text);

# The calls by the names that they may have.
my %names = (
	open => 'open,openat,openat2', write => 'writev,pwrite64,pwritev',
	store => 'write',
	'start of sync' => 'sync_file_range',
	sync => 'fsync,fdatasync', remove => 'unlink,unlinkat',
	move => 'rename,renameat,renameat2,link,linkat',
	mkdir => 'mkdir,mkdirat', stat => 'fstat,newfstatat',
	cut => 'ftruncate', lock => 'flock', time => 'utimensat',
	list => 'getdents64', fork => 'fork,vfork,clone,clone3',
);

# Why it cannot be done here; undef if it can.
sub can_inject
{
	my $strace = have_peer('strace') or return 'no strace here';
	my $try = run_command($strace, '-qq', '-o', '/dev/null', '-e',
		'inject=getppid:error=EIO:syscall=getpid', 'true');

	return $try->{exit} == 0 ? undef : 'processes may not be traced here';
}

# inject_error(CALLS, ERROR, [WHEN]): CALLS are names above, WHEN as strace has it
# (for each thread): "2" the second, "2+" from the second on; default all.
sub inject_error
{
	my ($calls, $error, $when) = @_;

	return "inject=$names{$calls}:error=$error:syscall=getpid:when=" .
	    ($when // '1+');
}

# They take that many seconds more.
sub inject_delay
{
	my ($calls, $seconds, $when) = @_;

	return "inject=$names{$calls}:delay_enter=" . int($seconds * 1e6) .
	    'us:when=' . ($when // '1+');
}

# Attached to all threads of these processes when it returns; undef if that
# cannot be.
sub inject_start
{
	my ($t, $pids, @what) = @_;
	my $out = "$t->{dir}/inject." . ++$t->{n_injected};
	my $pid = start_peer('strace', '-f', '-qq', '-y', '-o', $out, '-e',
		'trace=' . join(',', map { /^inject=([^:]*)/ } @what),
		(map { ('-e', $_) } @what), map { ('-p', $_) } @$pids);
	my $attached = wait_until(10, sub {
		return -1 if peer_ended($pid);
		for my $task (map { glob "/proc/$_/task/*/status" } @$pids) {
			return 0 unless (eval { read_file($task) } // '') =~
			    /^TracerPid:\s*[1-9]/m;
		}
		return 1;
	});

	return undef if $attached != 1;
	return { pid => $pid, out => $out };
}

# No more of it, and what was traced.
sub inject_stop
{
	my ($x) = @_;

	kill('INT', $x->{pid});
	wait_until(5, sub { peer_ended($x->{pid}) }) or stop_peer($x->{pid});
	return inject_text($x);
}

sub inject_text { return read_file($_[0]{out}) // '' }

# How many calls failed until now.
sub inject_count
{
	my $n = () = inject_text($_[0]) =~ /\((?:INJECTED|DELAYED)/g;

	return $n;
}

1;
