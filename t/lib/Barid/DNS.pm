# A name server on loopback for tests, with a zone of the test's own:
#
#	my $dns = Barid::DNS->new(
#		'example.test' => { MX => ['10 mx.example.test'] },
#		'mx.example.test' => { A => ['127.0.0.1'], AAAA => ['::1'] },
#		'alias.test' => { CNAME => ['example.test'] },
#		'null.test' => { MX => ['0 .'] },
#		'broken.test' => 'servfail',	# or refused, drop, truncate,
#						# garbage
#	);
#	$dns->port, $dns->server (for dns_test_server), $dns->stop
#
# `local $Barid::DNS::port = 53` chooses the port.
#
# Names that are not there are NXDOMAIN.  "truncate" with records: written
# { do => 'truncate', A => [...] }; UDP answers are cut off, TCP ones whole.
package Barid::DNS;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX qw(_exit);
use Socket qw(AF_INET AF_INET6 inet_pton);

our $port;

my %number = (A => 1, NS => 2, CNAME => 5, SOA => 6, PTR => 12, MX => 15,
	TXT => 16, AAAA => 28, SRV => 33, TLSA => 52);
my %type = reverse %number;
my %rcode = (servfail => 2, refused => 5);

sub new
{
	my ($class, %zone) = @_;

	my ($udp, $tcp) = open_sockets();
	my $pid = fork();

	die "fork: $!\n" unless defined $pid;
	if ($pid == 0) {
		$SIG{CHLD} = 'IGNORE';
		$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP ALRM);
		serve($udp, $tcp, { map { lc $_ => $zone{$_} } keys %zone },
		    getppid());
		_exit(0);
	}
	return bless { pid => $pid, port => $udp->sockport, owner => $$ },
	    $class;
}

sub port { return $_[0]{port} }
sub server { return "127.0.0.1:$_[0]{port}" }

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;

	kill('KILL', $pid);
	waitpid($pid, 0);
}

sub DESTROY
{
	my ($self) = @_;

	local ($?, $!);
	$self->stop if $self->{owner} == $$;
}

# One port for both.
sub open_sockets
{
	for (1 .. 50) {
		my $tcp = IO::Socket::INET->new(Listen => 50,
			LocalAddr => '127.0.0.1', LocalPort => $port // 0)
		    or next;
		my $udp = IO::Socket::INET->new(Proto => 'udp',
			LocalAddr => '127.0.0.1',
			LocalPort => $tcp->sockport) or next;
		return ($udp, $tcp);
	}
	die "name server: no port: $!\n";
}

sub serve
{
	my ($udp, $tcp, $zone, $parent) = @_;

	my $select = IO::Select->new($udp, $tcp);

	while (getppid() == $parent) {
		for my $socket ($select->can_read(1)) {
			if ($socket == $tcp) {
				my $client = $tcp->accept or next;

				serve_tcp($client, $zone) if fork() == 0;
				next;
			}
			defined(my $from = recv($udp, my $query, 4096, 0))
			    or next;
			my $answer = answer($zone, $query, 1);

			send($udp, $answer, 0, $from) if defined $answer;
		}
	}
}

sub serve_tcp
{
	my ($client, $zone) = @_;

	alarm(60);
	my ($head, $query);

	while ((read($client, $head, 2) // 0) == 2) {
		last unless read($client, $query, unpack('n', $head));
		my $answer = answer($zone, $query, 0);

		last unless defined $answer;
		syswrite($client, pack('n/a*', $answer));
	}
	_exit(0);
}

sub wire_name
{
	my ($name) = @_;

	return join('', map { pack('C/a*', $_) } grep { $_ ne '' }
	    split(/\./, $name)) . "\0";
}

sub wire_data
{
	my ($type, $text) = @_;

	return inet_pton(AF_INET, $text) if $type eq 'A';
	return inet_pton(AF_INET6, $text) if $type eq 'AAAA';
	return join('', map { pack('C/a*', $_) } unpack('(a255)*', $text))
	    if $type eq 'TXT';
	if ($type eq 'TLSA') {
		my ($usage, $selector, $matching, $hex) = split(' ', $text);

		return pack('CCCH*', $usage, $selector, $matching, $hex);
	}
	return join('', map { /^\d+$/ ? pack('n', $_) : wire_name($_) }
	    split(' ', $text));
}

# The answer to a query; undef for none.
sub answer
{
	my ($zone, $query, $udp) = @_;

	return undef if length($query) < 17;
	my ($id, $at, @labels) = (unpack('n', $query), 12);

	while ((my $len = unpack('C', substr($query, $at, 1)) // 0) > 0) {
		push @labels, substr($query, $at + 1, $len);
		$at += $len + 1;
		return undef if $at + 5 > length $query;
	}
	my $question = substr($query, 12, $at + 5 - 12);
	my $type = $type{unpack('n', substr($query, $at + 1, 2))} // '';
	my $entry = $zone->{lc join('.', @labels)};
	my $do = ref $entry ? $entry->{do} // '' : $entry // '';
	my ($rcode, $cut, @records) = ($rcode{$do} // 0, 0);

	return undef if $do eq 'drop';
	return "\xff" x 9 if $do eq 'garbage';
	if (!defined $entry) {
		$rcode = 3;
	} elsif ($do eq 'truncate' && $udp) {
		$cut = 0x0200;
	} elsif (ref $entry) {
		my $have = $entry->{$type} ? $type : 'CNAME';

		@records = map { "\xc0\x0c" . pack('nnNn/a*', $number{$have},
			1, 300, wire_data($have, $_)) }
		    @{$entry->{$have} // []};
	}
	return pack('nnnnnn', $id, 0x8180 | $cut | $rcode, 1,
		scalar @records, 0, 0) . join('', $question, @records);
}

1;
