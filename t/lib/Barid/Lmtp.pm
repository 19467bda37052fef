# An LMTP server on a Unix socket, which takes everything and notes the marks
# (X-Mark) of what it took.
#
#	my $lmtp = Barid::Lmtp->new("$folder/socket");
#	$lmtp->path; $lmtp->marks;	# {mark => how often}
package Barid::Lmtp;

use strict;
use warnings;

use Barid::Test;
use IO::Socket::UNIX;
use POSIX qw(_exit);

sub new
{
	my ($class, $path) = @_;
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 20) or
	    die "$path: $!\n";
	my $self = bless { path => $path, notes => "$path.notes" }, $class;

	chmod(0666, $path);
	$self->{pid} = start_peer(sub {
		$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
		$SIG{PIPE} = 'IGNORE';
		alarm(0);
		while (my $c = $listener->accept) {
			$self->serve($c);
			close($c);
		}
		return 0;
	});
	return $self;
}

sub path { return $_[0]{path} }

sub marks
{
	my ($self) = @_;
	my %n;

	$n{$_}++ for split /\n/, read_file($self->{notes}) // '';
	return \%n;
}

sub serve
{
	my ($self, $c) = @_;
	my $in_data = 0;

	print $c "220 lmtp.test\r\n";
	while (defined(my $line = <$c>)) {
		if ($in_data) {
			append_file($self->{notes}, "$1\n")
			    if $line =~ /^X-Mark: (\S+)/;
			next unless $line =~ /^\.\r?$/;
			$in_data = 0;
		} elsif ($line =~ /^DATA/i) {
			print $c "354 go\r\n";
			$in_data = 1;
			next;
		}
		print $c $line =~ /^QUIT/i ? "221 bye\r\n" : "250 2.0.0 ok\r\n";
		last if $line =~ /^QUIT/i;
	}
}

1;
