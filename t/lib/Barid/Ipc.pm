# The frames between Barid's processes (architecture.md, section 4), and a process
# that stands between one of them and who asks it, and tells lies.
#
# Descriptors cannot be passed with Perl's core modules; so only services whose
# questions have none can be stood in for.
package Barid::Ipc;

use strict;
use warnings;

use Barid::Test;
use Exporter qw(import);
use IO::Select;
use IO::Socket::UNIX;
use POSIX qw(_exit);
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(time);

our @EXPORT = qw(
	ipc_attribute ipc_between ipc_cut_frame ipc_frame ipc_is_silent ipc_lie
	ipc_lies ipc_parse ipc_questions
);

my @ours;     # proxies that run
my $owner = $$;

# --- frames -----------------------------------------------------------------------

# One attribute: kind S, I or L; the value is packed unless it is raw.
sub ipc_attribute
{
	my ($kind, $name, $value) = @_;

	return $kind . pack('C/a* N/a*', $name,
	    $kind eq 'I' ? pack('q>', $value) : $value);
}

# A frame of attributes that are packed already.
sub ipc_frame
{
	my ($number, $name, @attributes) = @_;
	my $body = pack('C N C/a*', 0, $number, $name) .
	    join('', @attributes) . "\0";

	return pack('N', 4 + length $body) . $body;
}

# Cuts the first whole frame off the buffer; undef if there is none yet.
sub ipc_cut_frame
{
	my ($buffer) = @_;

	return undef if length $$buffer < 4;
	my $len = unpack('N', $$buffer);
	return undef if length $$buffer < $len;
	return substr($$buffer, 0, $len, '');
}

# {number, name, attributes => [[kind, name, raw value]...]}
sub ipc_parse
{
	my ($frame) = @_;
	my (undef, undef, $number, $name, $rest) =
	    unpack('N C N C/a* a*', $frame);
	my @attributes;

	while (length $rest && substr($rest, 0, 1) ne "\0") {
		my ($kind, $n, $value, $more) = unpack('a C/a* N/a* a*', $rest);

		push @attributes, [$kind, $n, $value];
		$rest = $more;
	}
	return { number => $number, name => $name, attributes => \@attributes };
}

sub build
{
	my ($f) = @_;

	return ipc_frame($f->{number}, $f->{name},
	    map { $_->[0] . pack('C/a* N/a*', $_->[1], $_->[2]) }
	    @{ $f->{attributes} });
}

# The frame with each attribute of one kind replaced.
sub with_each
{
	my ($frame, $kind, $value) = @_;
	my $f = ipc_parse($frame);

	$_->[2] = $value for grep { $_->[0] eq $kind } @{ $f->{attributes} };
	return build($f);
}

sub changed
{
	my ($frame, $change) = @_;
	my $f = ipc_parse($frame);

	$change->($f);
	return build($f);
}

# --- lies -------------------------------------------------------------------------

# Each is given the true answer, and returns what is sent in its place: bytes,
# and what happens then: nothing, 'close', or seconds to wait before.
my %lies = (
	truth => sub { return ($_[0]) },
	# Never a word.
	hangs => sub { return ('') },
	dies => sub { return ('', 'close') },
	'is late' => sub { return ($_[0], 4) },
	'answers twice' => sub { return ($_[0] . $_[0]) },
	'stops in the middle' => sub {
		return (substr($_[0], 0, length($_[0]) / 2));
	},
	'closes in the middle' => sub {
		return (substr($_[0], 0, length($_[0]) / 2), 'close');
	},
	'says a length of 4 GiB' => sub { return ("\xff" x 4 . $_[0]) },
	'says a length of 0' => sub { return ("\0" x 4 . $_[0]) },
	'says noise' => sub {
		return (join '', map { chr(($_ * 7919) & 255) } 1 .. 5000);
	},
	'answers another question' => sub {
		return (changed($_[0], sub { $_[0]{number} += 100000 }));
	},
	'gives another kind of answer' => sub {
		return (changed($_[0], sub { $_[0]{name} = 'dialled' }));
	},
	'leaves out what belongs in' => sub {
		return (changed($_[0], sub { shift @{ $_[0]{attributes} } }));
	},
	'says a thing twice' => sub {
		return (changed($_[0], sub {
			my $all = $_[0]{attributes};
			push @$all, $all->[0];
		}));
	},
	'gets a kind wrong' => sub {
		return (changed($_[0], sub {
			my $first = $_[0]{attributes}[0];
			@$first[0, 2] = $first->[0] eq 'I' ? ('S', 'x') :
			    ('I', pack('q>', 1));
		}));
	},
	'says an integer of 3 bytes' => sub {
		return (with_each($_[0], 'I', 'abc'));
	},
	'counts below zero' => sub {
		return (with_each($_[0], 'I', pack('q>', -77)));
	},
	'counts too far' => sub {
		return (with_each($_[0], 'I', "\x7f" . "\xff" x 7));
	},
	'says too much' => sub {
		return (with_each($_[0], 'S', 'x' x 20000));
	},
	'says NUL' => sub { return (with_each($_[0], 'S', "a\0b\@c.test")) },
	'says lines' => sub {
		return (with_each($_[0], 'S', "a\r\nX-Evil: yes\r\n\@c.test"));
	},
	'says nothing' => sub { return (with_each($_[0], 'S', '')) },
	'has bad lists' => sub {
		return (with_each($_[0], 'L', "S\xff\xff\xff" x 20));
	},
	# Odd, but no lies: the answer is taken.
	'speaks a byte at a time' => sub { return ($_[0], 'slowly') },
	'chats' => sub {
		return (ipc_frame(0, 'gossip', ipc_attribute('S', 'x', 'y')) .
		    changed($_[0], sub {
			push @{ $_[0]{attributes} }, ['S', 'unknown', 'z'];
		}));
	},
);

# All of them; what is odd but true comes at the end.
sub ipc_lies
{
	my @true = ('answers twice', 'chats', 'speaks a byte at a time');
	my %is_true = map { $_ => 1 } @true, 'truth';

	return ((sort grep { !$is_true{$_} } keys %lies), @true);
}

# Nothing comes: who waits for it waits for all of the time that there is.
sub ipc_is_silent { return $_[0] =~ /^(?:hangs|is late|stops in)/ }

# --- between two processes ----------------------------------------------------------

# ipc_between($t, SERVICE, [USER]): the socket's place is ours from now on; what is
# asked there goes on to the socket that master made, as USER if we may.  Says the
# truth until ipc_lie.
sub ipc_between
{
	my ($t, $service, $user) = @_;
	my $private = "$t->{main}{queue_directory}/private";
	my $self = { t => $t, service => $service,
		lie => "$t->{dir}/lie-$service",
		asked => "$t->{dir}/asked-$service" };

	ipc_lie($self, 'truth');
	wait_until(15, sub { -S "$private/$service" })
	    or die "there is no $service\n";
	rename("$private/$service", "$private/$service-true")
	    or die "$service: $!\n";
	my $listener = IO::Socket::UNIX->new(Type => SOCK_STREAM, Listen => 64,
		Local => "$private/$service") or die "$service: $!\n";
	chmod(0666, "$private/$service");
	open(my $asked, '>>', $self->{asked}) or die "$self->{asked}: $!\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		alarm(0);
		$SIG{TERM} = $SIG{INT} = 'DEFAULT';
		local $SIG{PIPE} = 'IGNORE';
		become($user) if defined $user && $> == 0;
		eval { serve($self, $listener, "$private/$service-true", $asked) };
		print STDERR "between $service: $@" if $@;
		_exit(0);
	}
	close($listener);
	$self->{pid} = $pid;
	push @ours, $self;
	return $self;
}


END { if ($$ == $owner) { kill('KILL', $_->{pid}) for @ours } }

# From the next answer on.
sub ipc_lie
{
	my ($self, $lie) = @_;

	die "there is no lie '$lie'\n" unless $lies{$lie};
	write_file("$self->{lie}.new", $lie);
	rename("$self->{lie}.new", $self->{lie});
}

# How many questions have come.
sub ipc_questions { return -s $_[0]{asked} || 0 }

sub become
{
	my ($name) = @_;
	my ($uid, $gid) = (getpwnam($name))[2, 3] or die "no user $name\n";

	$) = "$gid $gid";
	$> = $uid;
}

# A line of a connection: {client, server, to_client, to_server, from_server}.
sub serve
{
	my ($self, $listener, $there, $asked) = @_;
	my $select = IO::Select->new($listener);
	my (%line, @later);

	while (1) {
		my $now = time;

		for my $x (grep { $_->{at} <= $now } @later) {
			syswrite($x->{to}, $x->{bytes}) if $x->{to}->opened;
		}
		@later = grep { $_->{at} > $now } @later;
		for my $handle ($select->can_read(@later ? 0.05 : 1)) {
			if ($handle == $listener) {
				my $client = $listener->accept or next;
				my $server = IO::Socket::UNIX->new(
					Peer => $there);
				my $l = { client => $client,
					server => $server, buffer => '' };

				next unless $server;
				$line{$_} = $l for $client, $server;
				$select->add($client, $server);
				next;
			}
			my $l = $line{$handle} or next;
			my $n = sysread($handle, my $bytes, 65536);
			my $good = $n;

			if ($n && $handle == $l->{client}) {
				syswrite($asked, 'x');
				syswrite($l->{server}, $bytes);
			} elsif ($n) {
				$l->{buffer} .= $bytes;
				$good = pass_on($self, $l, \@later);
			}
			next if $good;
			for my $end (@$l{qw(client server)}) {
				$select->remove($end);
				delete $line{$end};
				close($end);
			}
		}
	}
}

# False: the connection ends.
sub pass_on
{
	my ($self, $l, $later) = @_;
	my $lie = $lies{ read_file($self->{lie}) };

	while (defined(my $frame = ipc_cut_frame(\$l->{buffer}))) {
		my $is_answer = ipc_parse($frame)->{number} != 0;
		my ($bytes, $then) = $is_answer ? $lie->($frame) : ($frame);

		$then //= 0;
		if ($then eq 'slowly') {
			syswrite($l->{client}, $_) for split //, $bytes;
		} elsif ($then =~ /^\d+$/ && $then > 0) {
			push @$later, { at => time + $then,
				to => $l->{client}, bytes => $bytes };
		} else {
			syswrite($l->{client}, $bytes) if length $bytes;
		}
		return 0 if $then eq 'close';
	}
	return 1;
}

1;
