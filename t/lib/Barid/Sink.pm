# An SMTP server that answers as a test wishes: with chances of other replies, or
# of dropping the connection, at each step.  It notes what it accepted before it
# says so: a mark (the header X-Mark) for each recipient.
#
#	Barid::Sink->new(delay => .1, chances => { RCPT => { '450 later' => .1 },
#	    DOT => { DROP => .05 } }, seed => 1)
#
# Steps: CONNECT, MAIL, RCPT, DATA, DOT; `delay` seconds, at random up to twice
# that, before the answer to the last.
package Barid::Sink;

use strict;
use warnings;

use File::Temp qw(tempfile);

use Barid::Test;

use parent qw(Barid::Server);

my $N_SERVERS = 4;

sub new
{
	my ($class, %self) = @_;
	my $self = bless {%self}, $class;
	my (undef, $notes) = tempfile('barid-sink.XXXXXX', TMPDIR => 1);

	$self->{notes} = $notes;
	return $self->start($N_SERVERS);
}

# What was accepted until now: {mark, rcpt} for each.
sub accepted
{
	my ($self) = @_;

	return map { /^(\S+) (\S+)$/ ? { mark => $1, rcpt => $2 } : () }
	    split /\n/, read_file($self->{notes}) // '';
}

# The reply to this step; dies if the connection shall be dropped.
sub chance
{
	my ($self, $step, $usual) = @_;
	my $chances = $self->{chances}{$step} || {};
	my $at = rand;

	for my $reply (sort keys %$chances) {
		$at -= $chances->{$reply};
		next if $at >= 0;
		die "dropped\n" if $reply eq 'DROP';
		return $reply;
	}
	return $usual;
}

sub serve
{
	my ($self, $client, $n, $count) = @_;
	my @rcpts;
	my $say = sub { syswrite($client, "$_[0]\r\n"); $_[0] =~ /^[23]/ };

	srand(($self->{seed} // 0) * 1000003 + $n * 100003 + $count);
	$say->($self->chance('CONNECT', '220 sink.test ESMTP'));
	while (my $line = <$client>) {
		if ($line =~ /^EHLO/i) {
			$say->("250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME");
		} elsif ($line =~ /^MAIL/i) {
			@rcpts = ();
			$say->($self->chance('MAIL', '250 ok'));
		} elsif ($line =~ /^RCPT TO:<([^>]*)>/i) {
			push @rcpts, $1
			    if $say->($self->chance('RCPT', '250 ok'));
		} elsif ($line =~ /^DATA/i) {
			if (!@rcpts) {
				$say->('554 no recipients');
			} elsif ($say->($self->chance('DATA', '354 go on'))) {
				$self->take_content($client, $say, @rcpts);
			}
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
	my ($self, $client, $say, @rcpts) = @_;
	my ($mark, $ended) = ('?', 0);

	while (my $line = <$client>) {
		$mark = $1 if $mark eq '?' && $line =~ /^X-Mark: (\S+)/;
		$ended = $line eq ".\r\n" and last;
	}
	return if !$ended;
	select(undef, undef, undef, rand(2 * ($self->{delay} // 0)));
	my $reply = $self->chance('DOT', '250 stored');
	if ($reply =~ /^2/) {
		open(my $out, '>>', $self->{notes}) or die "notes: $!\n";
		syswrite($out, join('', map { "$mark $_\n" } @rcpts));
	}
	$say->($reply);
}

sub ended { unlink($_[0]{notes}) }

1;
