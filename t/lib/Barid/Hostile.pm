# A mail server that does what no server should.  It is well-behaved, an SMTP or
# LMTP server that takes all mail, but for the steps that a case names: what it
# says there is the case's.  Each case has a port of its own; what clients sent
# is kept, byte by byte.
package Barid::Hostile;

use strict;
use warnings;

use Errno qw(EINTR);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(_exit);
use Time::HiRes qw(sleep);

use Barid::Test;

# The steps of a dialogue.  "end" comes after the content: with LMTP once for
# each recipient that was accepted.
my %good = (
	greeting => "220 hostile.test ESMTP\r\n",
	hello    => "250-hostile.test\r\n%s250 ENHANCEDSTATUSCODES\r\n",
	mail     => "250 2.1.0 Ok\r\n",
	rcpt     => "250 2.1.5 Ok\r\n",
	data     => "354 go ahead\r\n",
	end      => "250 2.0.0 Ok: queued\r\n",
	rset     => "250 2.0.0 Ok\r\n",
	quit     => "221 2.0.0 Bye\r\n",
);

# Barid::Hostile->new(ip => ADDRESS, cases => {NAME => {STEP => WHAT, ...}}).
# WHAT is
#   bytes        said as they are; '' is silence
#   a sub        called with the connection, see say() and below, whose {line}
#                is the command; returns one of the others, or undef: as usual
#   [...]        one of these for the first time, the second time, ...; then
#                the step is as usual
#   \'bytes'     said, then hangs up
# before => a sub that is called with the object before the server is forked.
# A case may also have offers => 'PIPELINING 8BITMIME ...' (by default
# PIPELINING, 8BITMIME and DSN), and lmtp => 1.
sub new
{
	my ($class, %options) = @_;
	my $self = bless { ip => $options{ip}, cases => $options{cases},
		dir => tempdir('/tmp/bh.XXXXXX', CLEANUP => 1), port => {} },
	    $class;
	my %listeners;

	$options{before}->($self) if $options{before};

	for my $name (sort keys %{ $options{cases} }) {
		my $port = free_port();

		$self->{port}{$name} = $port;
		$listeners{$name} = IO::Socket::INET->new(Proto => 'tcp',
			LocalAddr => $options{ip}, LocalPort => $port,
			Listen => 100, ReuseAddr => 1)
		    or die "listen on $options{ip} port $port: $!\n";
	}
	$self->{pid} = start_peer(sub { return $self->serve(\%listeners) });
	return $self;
}

sub stop { stop_peer($_[0]{pid}) }

# A row of transport_maps for each case: mail for anybody in NAME.SUFFIX goes
# there.
sub transports
{
	my ($self, $suffix) = @_;

	return join ' ', map {
		my $kind = $self->{cases}{$_}{lmtp} ? 'lmtp' : 'smtp';
		my $host = $kind eq 'lmtp' ? "inet:$self->{ip}" :
		    "[$self->{ip}]";

		"$_.$suffix=$kind:$host:$self->{port}{$_}";
	} sort keys %{ $self->{port} };
}

# What each client of this case has sent, in the order of their coming.
sub received
{
	my ($self, $name) = @_;

	return map { read_file($_) } sort glob "$self->{dir}/$name.*";
}

# The messages in it: ({rcpts => [...], content => BYTES as they were meant}).
# Dies of what no client may send: an LF without CR, a CR without LF, commands
# that are none.
sub messages
{
	my ($self, $name) = @_;

	return map { messages_of($_) } $self->received($name);
}

sub messages_of
{
	my ($bytes) = @_;
	my (@all, @rcpts, $content);

	die 'a bare LF: ' . substr($bytes, 0, $+[0]) . "\n"
	    if $bytes =~ /(?<!\r)\n/;
	die 'a bare CR: ' . substr($bytes, 0, $+[0]) . "\n"
	    if $bytes =~ /\r(?!\n)/;
	while ($bytes =~ s/^([^\r]*)\r\n//) {
		my $line = $1;

		if ($line =~ /^RCPT TO:<(.*?)>/) {
			push @rcpts, $1;
		} elsif ($line eq 'DATA') {
			# The dot may be the first line.
			"\r\n$bytes" =~ /\r\n\.\r\n/ or last;
			$content = substr($bytes, 0, $-[0], '');
			substr($bytes, 0, 3, '');
			$content =~ s/^\.//mg;
		} elsif ($line =~ /^BDAT (\d+) LAST$/) {
			length $bytes >= $1 or last;
			$content = substr($bytes, 0, $1, '');
		} elsif ($line !~ /^(EHLO |LHLO |MAIL FROM:<|RSET$|QUIT$)/) {
			die "no command: $line\n";
		}
		next unless defined $content;
		push @all, { rcpts => [@rcpts], content => $content };
		@rcpts = ();
		undef $content;
	}
	return @all;
}

# --- In the server's process ---------------------------------------------------

sub serve
{
	my ($self, $listeners) = @_;
	my $select = IO::Select->new(values %$listeners);
	my %name_of = map { fileno($listeners->{$_}) => $_ } keys %$listeners;
	my $n = 0;

	$SIG{CHLD} = 'IGNORE';
	$SIG{$_} = 'DEFAULT' for qw(ALRM TERM INT HUP);
	$SIG{PIPE} = 'IGNORE';
	while (1) {
		for my $listener ($select->can_read) {
			my $socket = $listener->accept or next;
			my $name = $name_of{ fileno $listener };
			my $file = sprintf("%s/%s.%06d", $self->{dir}, $name,
				$n++);
			my $pid = fork // next;

			if ($pid == 0) {
				talk($socket, $file, $self->{cases}{$name});
				_exit(0);
			}
			close($socket);
		}
	}
}

sub talk
{
	my ($socket, $file, $case) = @_;
	my $c = bless { socket => $socket, case => $case, in => '',
		at => 0, accepted => [], times => {} }, 'Barid::Hostile::Connection';

	open($c->{record}, '>:raw', $file) or _exit(1);
	$c->{record}->autoflush(1);
	$c->answer('greeting');
	while (defined(my $line = $c->line)) {
		$c->command($line);
	}
	# Silence is heard by a client that waits: stay until it leaves.
	sleep 0.1 while $c->more;
}

# --- One connection ---------------------------------------------------------------

package Barid::Hostile::Connection;

use strict;
use warnings;

use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_LINGER);

# Bytes to the client.
sub say
{
	my ($c, $bytes) = @_;

	while (length $bytes) {
		my $n = syswrite($c->{socket}, $bytes) // POSIX::_exit(0);

		substr($bytes, 0, $n, '');
	}
}

# Every byte in a packet of its own, with so many seconds before it.
sub say_slowly
{
	my ($c, $bytes, $seconds) = @_;

	setsockopt($c->{socket}, IPPROTO_TCP, TCP_NODELAY, 1);
	for my $byte (split //, $bytes) {
		Time::HiRes::sleep($seconds);
		$c->say($byte);
	}
}

sub hang_up
{
	close($_[0]{socket});
	POSIX::_exit(0);
}

# With a reset: what is under way is lost.
sub reset
{
	setsockopt($_[0]{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
	$_[0]->hang_up;
}

sub more
{
	my ($c) = @_;
	my $n = sysread($c->{socket}, $c->{in}, 65536, length $c->{in});

	return 0 unless $n;
	print { $c->{record} } substr($c->{in}, -$n);
	return 1;
}

# A line without its end; undef when the client left.  What was read moves to the
# front now and then only: content is of many lines.
sub line
{
	my ($c) = @_;
	my $end;

	while (($end = index($c->{in}, "\n", $c->{at})) < 0) {
		substr($c->{in}, 0, $c->{at}, '');
		$c->{at} = 0;
		$c->more or return undef;
	}
	my $line = substr($c->{in}, $c->{at}, $end - $c->{at});
	$c->{at} = $end + 1;
	return $line =~ s/\r\z//r;
}

# True if all of it came.
sub skip_content
{
	my ($c) = @_;
	my $line;

	do { $line = $c->line } while defined $line && $line ne '.';
	return defined $line;
}

sub skip_bytes
{
	my ($c, $n) = @_;

	while ((my $left = length($c->{in}) - $c->{at}) < $n) {
		$n -= $left;
		$c->{in} = '';
		$c->{at} = 0;
		$c->more or return 0;
	}
	$c->{at} += $n;
	return 1;
}

# What the case says at this step, or what all say.
sub answer
{
	my ($c, $step) = @_;
	my $what = $c->{case}{$step};
	my $time = $c->{times}{$step}++;

	$what = $what->[$time] if ref $what eq 'ARRAY';
	$what = $what->($c) if ref $what eq 'CODE';
	if (!defined $what) {
		my $offers = $c->{case}{offers} // 'PIPELINING 8BITMIME DSN';
		my $lines = join '', map { "250-$_\r\n" } split ' ', $offers;

		$what = $step eq 'hello' ? sprintf($good{$step}, $lines) :
		    $good{$step};
	}
	if (ref $what) {
		$c->say($$what);
		$c->hang_up;
	} else {
		$c->say($what);
	}
	return !ref $what && $what =~ /^[23]/;
}

sub answer_end
{
	my ($c) = @_;
	my @rcpts = @{ $c->{accepted} };

	for my $rcpt ($c->{case}{lmtp} ? @rcpts : 'all') {
		$c->{rcpt} = $rcpt;
		$c->answer('end');
	}
	$c->{accepted} = [];
}

sub command
{
	my ($c, $line) = @_;
	my ($verb) = $line =~ /^(\w*)/;

	$verb = uc $verb;
	$c->{line} = $line;
	if ($verb =~ /^(EHLO|HELO|LHLO)$/) {
		$c->answer('hello');
	} elsif ($verb eq 'RCPT') {
		push @{ $c->{accepted} }, $line =~ /<(.*)>/ ? $1 : $line
		    if $c->answer('rcpt');
	} elsif ($verb eq 'DATA') {
		$c->answer('data') && $c->skip_content or return;
		$c->answer_end;
	} elsif ($line =~ /^BDAT (\d+)( LAST)?/) {
		my $is_last = defined $2;

		$c->skip_bytes($1) or return;
		$is_last ? $c->answer_end : $c->say("250 2.0.0 Ok\r\n");
	} elsif ($verb eq 'RSET') {
		$c->{accepted} = [];
		$c->answer('rset');
	} elsif ($verb eq 'QUIT') {
		$c->answer('quit');
		$c->hang_up;
	} elsif ($verb eq 'MAIL') {
		$c->{accepted} = [];
		$c->answer('mail');
	} else {
		$c->say("500 5.5.2 what?\r\n");
	}
}

1;
