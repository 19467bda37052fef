# An SMTP or LMTP server that takes everything and keeps it, to be compared: for
# each message the sender, the recipients in their order, the parameters of both,
# and the content with CRLF as LF.
#
#	my $sink = Barid::Capture->new(dsn => 1, lmtp => 1, refuses => 1);
#	... relayhost => '[127.0.0.1]:' . $sink->port ...
#	$_->{from}, $_->{to}[0], $_->{content} for $sink->messages;
package Barid::Capture;

use strict;
use warnings;

use File::Temp qw(tempdir);
use Time::HiRes ();

use Barid::Test;

use parent qw(Barid::Server);

my $N_SERVERS = 2;

# `dsn` offers DSN; `lmtp` speaks LMTP; `refuses` refuses recipients whose name
# begins with "reject" and puts "later" off.
sub new
{
	my ($class, %self) = @_;
	my $self = bless {%self}, $class;

	$self->{dir} = tempdir('barid-capture.XXXXXX', TMPDIR => 1,
		CLEANUP => 1);
	return $self->start($N_SERVERS);
}

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

# What a recipient hears who is refused.
my @refusals = ([ qr/^<later/i, '450 4.2.1 not now' ],
	[ qr/^<reject/i, '550 5.1.1 nobody here' ]);

sub answer_rcpt
{
	my ($self, $rcpt) = @_;
	my ($row) = grep { $self->{refuses} && $rcpt =~ $_->[0] } @refusals;

	return $row ? $row->[1] : '250 ok';
}

sub serve
{
	my ($self, $client, @number) = @_;
	my ($from, @to);
	my $n = 0;
	my $say = sub { syswrite($client, join '', map { "$_\r\n" } @_) };

	$say->('220 capture.test ESMTP');
	while (my $line = <$client>) {
		if ($line =~ /^(?:EHLO|LHLO)/i) {
			$say->('250-capture.test', '250-PIPELINING',
				$self->{dsn} ? '250-DSN' : (),
				'250-SMTPUTF8', '250 8BITMIME');
		} elsif ($line =~ /^MAIL FROM:(.*?)\r\n/is) {
			($from, @to) = $1;
			$say->('250 ok');
		} elsif ($line =~ /^RCPT TO:(.*?)\r\n/is) {
			my $rcpt = $1;
			my $reply = $self->answer_rcpt($rcpt);

			push @to, $rcpt if $reply =~ /^2/;
			$say->($reply);
		} elsif ($line =~ /^DATA/i && !@to) {
			$say->('554 5.5.1 no recipients');
		} elsif ($line =~ /^DATA/i) {
			$say->('354 go on');
			$self->take_content($client, join('-', @number, $n++),
				$from, @to) or return;
			$say->(('250 stored') x ($self->{lmtp} ? @to : 1));
			@to = ();
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

1;
