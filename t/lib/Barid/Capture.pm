# An SMTP server that takes everything and keeps it, to be compared: for each
# message the sender, the recipients in their order, the parameters of both, and
# the content with CRLF as LF.
#
#	my $sink = Barid::Capture->new;
#	... relayhost => '[127.0.0.1]:' . $sink->port ...
#	$_->{from}, $_->{to}[0], $_->{content} for $sink->messages;
package Barid::Capture;

use strict;
use warnings;

use IO::Socket::INET;
use File::Temp qw(tempdir);
use POSIX qw(_exit);
use Time::HiRes ();

use Barid::Test;

my $N_SERVERS = 2;

# {dsn => 1} offers DSN.
sub new
{
	my ($class, %self) = @_;
	my $self = bless {%self}, $class;

	$self->{dir} = tempdir('barid-capture.XXXXXX', TMPDIR => 1,
		CLEANUP => 1);
	$self->{owner} = $$;
	$self->{listener} = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		Listen => 200) or die "listen: $!\n";
	$self->{port} = $self->{listener}->sockport;
	$self->{pids} = [map { $self->spawn($_) } 1 .. $N_SERVERS];
	return $self;
}

sub port { return $_[0]{port} }

# What was taken until now, in the order in which it came.
sub messages
{
	my ($self) = @_;
	my @messages;

	for my $path (glob("$self->{dir}/*.mail")) {
		my ($head, $content) = split /\n\n/, read_file($path), 2;
		my ($time, $from, @to) = split /\n/, $head;
		my %message = (time => $time, content => $content);

		($message{from}, $message{mail}) = $from =~ /^<(.*)>(.*)$/;
		for my $rcpt (@to) {
			my ($address, $with) = $rcpt =~ /^<(.*)>(.*)$/;
			push @{ $message{to} }, $address;
			push @{ $message{rcpt} }, $with;
		}
		push @messages, \%message;
	}
	@messages = sort { $a->{time} <=> $b->{time} } @messages;
	return @messages;
}

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
		eval { $self->serve($client, "$n-$count") };
		_exit(0);
	}
}

sub serve
{
	my ($self, $client, $name) = @_;
	my @envelope;
	my $n = 0;
	my $say = sub { syswrite($client, "$_[0]\r\n") };

	$say->('220 capture.test ESMTP');
	while (my $line = <$client>) {
		if ($line =~ /^EHLO/i) {
			$say->("250-capture.test\r\n250-PIPELINING\r\n" .
			    ($self->{dsn} ? "250-DSN\r\n" : '') .
			    "250-SMTPUTF8\r\n250 8BITMIME");
		} elsif ($line =~ /^MAIL FROM:(.*?)\r\n/is) {
			@envelope = ($1);
			$say->('250 ok');
		} elsif ($line =~ /^RCPT TO:(.*?)\r\n/is) {
			push @envelope, $1;
			$say->('250 ok');
		} elsif ($line =~ /^DATA/i) {
			$say->('354 go on');
			$self->take_content($client, "$name-" . $n++,
				@envelope) or return;
			$say->('250 stored');
		} elsif ($line =~ /^QUIT/i) {
			$say->('221 bye');
			return;
		} else {
			$say->('250 ok');
		}
	}
}

sub take_content
{
	my ($self, $client, $name, @envelope) = @_;
	my ($content, $ended) = ('', 0);

	while (my $line = <$client>) {
		$ended = $line eq ".\r\n" and last;
		$line =~ s/^\.//;
		$line =~ s/\r\n$/\n/;
		$content .= $line;
	}
	return 0 if !$ended;
	my ($seconds, $micros) = Time::HiRes::gettimeofday();
	my $path = "$self->{dir}/$name";
	write_file("$path.new", join("\n",
		sprintf('%d.%06d', $seconds, $micros), @envelope, '', $content));
	rename("$path.new", "$path.mail") or die "rename: $!\n";
	return 1;
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
}

1;
