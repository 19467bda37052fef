# What the servers of tests have in common: processes that wait on one port, and
# for each client a child of theirs, which calls
#
#	$self->serve($client, $n, $count)	the COUNTth client of process N
#
# All of them end with the object.
package Barid::Server;

use strict;
use warnings;

use IO::Socket::INET;
use POSIX qw(_exit);

# With all that serve needs in place.
sub start
{
	my ($self, $n_processes) = @_;

	$self->{owner} = $$;
	$self->{listener} = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		Listen => 200) or die "listen: $!\n";
	$self->{port} = $self->{listener}->sockport;
	$self->{pids} = [map { $self->spawn($_) } 1 .. $n_processes];
	return $self;
}

sub port { return $_[0]{port} }

sub spawn
{
	my ($self, $n) = @_;
	my $pid = fork // die "fork: $!\n";

	return $pid if $pid != 0;
	setpgrp(0, 0);
	$SIG{CHLD} = 'IGNORE';
	$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP ALRM);
	alarm(0);
	my $count = 0;
	while (1) {
		my $client = $self->{listener}->accept or next;
		my $child = fork // next;

		$count++;
		next if $child != 0;
		eval { $self->serve($client, $n, $count) };
		_exit(0);
	}
}

sub DESTROY
{
	my ($self) = @_;

	return if $$ != $self->{owner};
	# The status of a test that ends is not theirs.
	local ($?, $!);
	for my $pid (@{ $self->{pids} }) {
		kill('KILL', -$pid);
		waitpid($pid, 0);
	}
	$self->ended;
}

# For what else is to be cleaned up.
sub ended { }

1;
