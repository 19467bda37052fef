# The order of system calls, as strace saw them in several processes.
package Barid::Trace;

use strict;
use warnings;

use Barid::Test;
use Exporter qw(import);

our @EXPORT = qw(find_call read_trace start_trace stop_trace writes_to);

my $calls = join ',', qw(openat open write writev pwrite64 pwritev fsync
	fdatasync sync_file_range syncfs sendmsg sendto read recvfrom recvmsg rename renameat
	renameat2 link linkat unlink unlinkat ftruncate exit_group);

# Traces these processes; undef if that is not permitted.
sub start_trace
{
	my ($out, @pids) = @_;
	my $pid = start_peer('strace', '-f', '-ttt', '-y', '-s', '300', '-o',
		$out, '-e', "trace=$calls", map { ('-p', $_) } @pids);
	# Attached to all of them, and their threads?
	my $attached = wait_until(10, sub {
		return -1 if peer_ended($pid);
		for my $task (map { glob "/proc/$_/task/*/status" } @pids) {
			return 0 unless (eval { read_file($task) } // '') =~
			    /^TracerPid:\s*[1-9]/m;
		}
		return 1;
	});

	return $attached == 1 ? { pid => $pid, out => $out } : undef;
}

# Its calls: see read_trace.
sub stop_trace
{
	my ($trace) = @_;

	kill('INT', $trace->{pid});
	wait_until(5, sub { peer_ended($trace->{pid}) }) or
	    stop_peer($trace->{pid});
	return read_trace($trace->{out});
}

# The calls in the order of their ends: {pid, name, args, result, first, last};
# first and last are the lines on which it began and ended.
sub read_trace
{
	my ($path) = @_;
	my (@all, %open);
	my $line = 0;

	for my $text (split /\n/, read_file($path) // '') {
		$line++;
		my ($pid, $rest) = $text =~ /^(\d+)\s+[\d.]+ (.*)$/ or next;
		my $first = $line;

		if ($rest =~ /^(\w+)\((.*) <unfinished \.\.\.>$/) {
			$open{$pid} = { first => $line, text => "$1($2" };
			next;
		}
		if ($rest =~ /^<\.\.\. \w+ resumed>(.*)$/) {
			my $begun = delete $open{$pid} or next;

			($first, $rest) = ($begun->{first}, $begun->{text} . $1);
		}
		$rest =~ /^(\w+)\((.*)\)\s+= (-?\d+)/ or next;
		push @all, { pid => $pid, name => $1, args => $2, result => $3,
			first => $first, last => $line };
	}
	return @all;
}

# The first call that matches, is complete after line $from, and succeeded.
sub find_call
{
	my ($all, $from, $name, $args, $pid) = @_;

	for my $call (@$all) {
		return $call if $call->{first} > $from &&
		    $call->{result} >= 0 && $call->{name} =~ /^(?:$name)$/ &&
		    $call->{args} =~ $args &&
		    (!defined $pid || $call->{pid} == $pid);
	}
	return undef;
}

# All that write to this file.
sub writes_to
{
	my ($all, $path) = @_;

	return grep { $_->{name} =~ /^p?writev?(?:64)?$/ &&
		    $_->{args} =~ /^\d+<[^>]*\Q$path\E>/ } @$all;
}

1;
