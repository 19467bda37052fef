# SMTP and LMTP servers that keep what they are given: Barid::Receivers->new(NAME,
# ...) opens a port for each name.  One whose name begins with LMTP speaks LMTP.
# Recipients whose name begins with "reject" are refused, with "later" put off.
package Barid::Receivers;

use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(_exit);

use Barid::Test;

sub new
{
	my ($class, @names) = @_;
	my $self = bless { dir => tempdir('/tmp/cp.XXXXXX', CLEANUP => 1),
		port => {} }, $class;
	my %listeners;

	for my $name (@names) {
		$self->{port}{$name} = free_port();
		$listeners{$name} = IO::Socket::INET->new(Proto => 'tcp',
			LocalAddr => '127.0.0.1', Listen => 100, ReuseAddr => 1,
			LocalPort => $self->{port}{$name})
		    or die "listen: $!\n";
	}
	$self->{pid} = start_peer(sub { $self->serve(\%listeners) });
	return $self;
}

sub stop { stop_peer($_[0]{pid}) }

# In the order of their coming: {name, from and to as they were said, content
# with CRLF}.
sub messages
{
	my ($self) = @_;

	return map {
		my ($head, $content) = split /\n\n/, read_file($_), 2;
		my ($name, $from, @to) = split /\n/, $head;

		{ name => $name, from => $from, to => \@to,
			content => $content };
	} sort glob "$self->{dir}/*.eml";
}

sub serve
{
	my ($self, $listeners) = @_;
	my %name = map { fileno($listeners->{$_}) => $_ } keys %$listeners;
	my $select = IO::Select->new(values %$listeners);
	my $count = 0;

	$SIG{CHLD} = 'IGNORE';
	while (1) {
		for my $listener ($select->can_read) {
			my $client = $listener->accept or next;
			my $child = fork;

			$count++;
			next if !defined $child || $child != 0;
			$self->{name} = $name{ fileno $listener };
			$self->{file} = sprintf '%s/%06d', $self->{dir}, $count;
			eval { $self->talk($client) };
			_exit(0);
		}
	}
}

sub talk
{
	my ($self, $client) = @_;
	my $say = sub { print $client map { "$_\r\n" } @_; $client->flush };
	my $is_lmtp = $self->{name} =~ /^LMTP/;
	my ($from, @to, $n);

	alarm(300);
	$say->('220 capture.test ESMTP');
	while (my $line = <$client>) {
		$line =~ s/\r\n$//;
		if ($line =~ /^(?:EHLO|LHLO) /i) {
			$say->(qw(250-capture.test 250-PIPELINING 250-8BITMIME),
				'250-DSN', '250 ENHANCEDSTATUSCODES');
		} elsif ($line =~ /^MAIL FROM:(.*)/i) {
			($from, @to) = $1;
			$say->('250 2.1.0 Ok');
		} elsif ($line =~ /^RCPT TO:<?later/i) {
			$say->('450 4.2.1 not now');
		} elsif ($line =~ /^RCPT TO:<?reject/i) {
			$say->('550 5.1.1 nobody here');
		} elsif ($line =~ /^RCPT TO:(.*)/i) {
			push @to, $1;
			$say->('250 2.1.5 Ok');
		} elsif ($line eq 'DATA' && !@to) {
			$say->('554 5.5.1 no recipients');
		} elsif ($line eq 'DATA') {
			$say->('354 go ahead');
			$self->keep(++$n, $from, \@to, read_content($client));
			$say->(('250 2.0.0 Ok: queued as C1') x
				($is_lmtp ? @to : 1));
			@to = ();
		} elsif ($line =~ /^QUIT/i) {
			$say->('221 2.0.0 Bye');
			return;
		} else {
			$say->('250 2.0.0 Ok');
		}
	}
}

sub read_content
{
	my ($client) = @_;
	my $content = '';

	while (defined(my $line = <$client>)) {
		return $content if $line eq ".\r\n";
		$content .= $line =~ s/^\.//r;
	}
	die "the content does not end\n";
}

# Under its last name only when it is whole.
sub keep
{
	my ($self, $n, $from, $to, $content) = @_;
	my $path = "$self->{file}.$n";

	write_file("$path.tmp", join("\n", $self->{name}, $from, @$to) .
		"\n\n$content");
	rename("$path.tmp", "$path.eml") or die "rename: $!\n";
}

1;
