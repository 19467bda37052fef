# For the tests of crashes: clients that hand over messages with marks by SMTP
# until they are accepted, as mail servers do; an SMTP server that drops
# connections and refuses for now, as it likes; and what became of each mark.
#
# Each try has a mark of its own, MARK.TRY: so one that was not heard of and came
# again is no second copy of a message, and may be there or not.
package Barid::Load;

use strict;
use warnings;

use Barid::Test;
use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(_exit);
use Test::More ();
use Time::HiRes qw(time sleep);

our @EXPORT = qw(
	append_line count_reports count_server_notes join_clients kill_peers
	start_clients start_fickle_server
);

my @peers;
my $owner = $$;

END {
	my $status = $?;
	kill_peers() if $$ == $owner;
	$? = $status;
}

# Fork, with nothing of the test's own handling of signals.
sub fork_peer
{
	my ($run) = @_;
	my $pid = fork // die "fork: $!\n";

	if ($pid != 0) {
		push @peers, $pid;
		return $pid;
	}
	setpgrp(0, 0);
	$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP ALRM);
	$SIG{PIPE} = 'IGNORE';
	alarm(0);
	eval { $run->(); 1 } or print STDERR "peer: $@";
	_exit(0);
}

sub kill_peers
{
	my @gone = @_ ? @_ : @peers;

	for my $pid (@gone) {
		kill('KILL', -$pid);
		waitpid($pid, 0);
	}
	my %gone = map { $_ => 1 } @gone;
	@peers = grep { !$gone{$_} } @peers;
}

# One write, so that lines of several processes do not mix.
sub append_line
{
	my ($path, $line) = @_;

	open(my $out, '>>', $path) or return;
	syswrite($out, "$line\n");
}

# --- A server ------------------------------------------------------------------------

# start_fickle_server(port => N, notes => FILE, drop => P, refuse => P,
# seconds => S, seed => N): at each step it hangs up with probability P, or
# answers 4xx; it takes S seconds to store a message.  It has no user "nobody".
# While the file that `closed` names is there, it takes mail for nobody, with
# long excuses.
# Notes, a line each:
#   begin MARK    it has the whole message
#   stored MARK   and is about to say so
#   for MARK:RCPT to each of several recipients
#   unheard MARK  it keeps the message, and hangs up without a word: the sender
#                 cannot know (RFC 5321, 4.5.4.1), and sends it again
sub start_fickle_server
{
	my (%o) = (drop => 0, refuse => 0, seconds => 0, seed => 1, @_);
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		LocalPort => $o{port}, Listen => 512, ReuseAddr => 1)
	    or die "listen: $!\n";

	my $pid = fork_peer(sub {
		my $n = 0;

		$SIG{CHLD} = 'IGNORE';
		while (1) {
			my $client = $listener->accept or next;
			my $child = fork // next;

			$n++;
			next if $child != 0;
			close($listener);
			srand($o{seed} * 1_000_003 + $n);
			serve_fickly($client, \%o);
			_exit(0);
		}
	});
	close($listener);
	return $pid;
}

# True: go on; the answer went out, or a refusal instead of it.
sub answer
{
	my ($client, $o, $good, $refused) = @_;

	return 0 if rand() < $o->{drop};
	$$refused = rand() < $o->{refuse};
	print $client $$refused ? "451 4.3.0 not now\r\n" : "$good\r\n";
	return 1;
}

sub serve_fickly
{
	my ($client, $o) = @_;
	my ($refused, @rcpts);

	$client->autoflush(1);
	answer($client, $o, '220 fickle.test ESMTP', \$refused) or return;
	return if $refused;
	while (defined(my $line = <$client>)) {
		if ($line =~ /^QUIT/i) {
			print $client "221 bye\r\n";
			return;
		}
		if ($line =~ /^RCPT TO:<nobody@/i) {
			return if rand() < $o->{drop};
			print $client "550 5.1.1 no such user\r\n";
			next;
		}
		if ($line =~ /^RCPT TO:<([^>]*)>/i) {
			if (defined $o->{closed} && -e $o->{closed}) {
				print $client "451 4.2.0 $1 waits ", 'x' x 350,
				    "\r\n";
				next;
			}
			push @rcpts, $1;
		}
		@rcpts = () if $line =~ /^(?:MAIL|RSET)/i;
		if ($line !~ /^DATA/i) {
			answer($client, $o, '250 ok', \$refused) or return;
			next;
		}
		answer($client, $o, '354 go on', \$refused) or return;
		next if $refused;
		store_fickly($client, $o, @rcpts) or return;
	}
}

sub store_fickly
{
	my ($client, $o, @rcpts) = @_;
	my ($mark, $ended) = ('?', 0);

	while (defined(my $line = <$client>)) {
		$mark = $1 if $line =~ /^X-Mark: (\S+)/;
		last if $ended = $line eq ".\r\n";
		return 0 if rand() < $o->{drop} / 10;
	}
	return 0 unless $ended;
	append_line($o->{notes}, "begin $mark");
	select(undef, undef, undef, $o->{seconds}) if $o->{seconds} > 0;
	my $luck = rand();
	if ($luck < $o->{drop} / 2) {
		append_line($o->{notes}, "unheard $mark");
		return 0;
	}
	return 0 if $luck < $o->{drop};
	if (rand() < $o->{refuse}) {
		print $client "451 4.3.0 not now\r\n";
		return 1;
	}
	append_line($o->{notes}, join("\n", "stored $mark",
		@rcpts > 1 ? map { "for $mark:$_" } @rcpts : ()));
	print $client "250 2.0.0 stored\r\n";
	return 1;
}

# {mark => how many times} of one kind of note.
sub count_server_notes
{
	my ($notes, $what) = @_;
	my %n;

	$n{$_}++ for (read_file($notes) // '') =~ /^\Q$what\E (\S+)$/mg;
	return \%n;
}

# --- Clients -------------------------------------------------------------------------

# start_clients($t, name => NAME, clients => N, each => N, from => ADDRESS,
# to => ADDRESS): each message until it is accepted.
sub start_clients
{
	my ($t, %o) = @_;
	my $out = "$t->{dir}/load.$o{name}";
	my @pids;

	for my $client (1 .. $o{clients}) {
		push @pids, fork_peer(sub {
			my $socket;

			for my $n (1 .. $o{each}) {
				send_until_taken($t->{port}, \$socket,
					"$o{name}-$client-$n", \%o, $out);
			}
		});
	}
	return { pids => \@pids, out => $out, %o };
}

sub send_until_taken
{
	my ($port, $socket, $mark, $o, $out) = @_;

	for my $try (1 .. 1000) {
		my $reply = send_once($port, $socket, "$mark.$try", $o);

		if ($reply =~ /^250/) {
			append_line($out, "taken $mark.$try");
			return;
		}
		append_line($out, "open $mark.$try $reply");
		close($$socket) if $$socket;
		$$socket = undef;
		sleep(0.05 + rand(0.1));
	}
}

sub read_reply
{
	my ($socket) = @_;

	while (defined(my $line = <$socket>)) {
		return $line =~ s/\r\n//r if $line =~ /^\d{3} /;
	}
	return '';
}

sub say_to
{
	my ($socket, $text, $want) = @_;

	print $socket "$text\r\n";
	my $reply = read_reply($socket);
	die "$reply\n" unless $reply =~ /^$want/;
	return $reply;
}

# The last reply; "" if there was none.
sub send_once
{
	my ($port, $socket, $mark, $o) = @_;

	my $reply = eval {
		if (!$$socket) {
			$$socket = IO::Socket::INET->new(
				PeerAddr => '127.0.0.1', PeerPort => $port,
				Timeout => 30) or die "\n";
			$$socket->autoflush(1);
			my $greeting = read_reply($$socket);
			die "$greeting\n" unless $greeting =~ /^220/;
			say_to($$socket, 'EHLO load.test', 250);
		}
		say_to($$socket, "MAIL FROM:<$o->{from}>", 250);
		say_to($$socket, "RCPT TO:<$o->{to}>", 250);
		say_to($$socket, 'DATA', 354);
		say_to($$socket, join("\r\n", "X-Mark: $mark", 'Subject: a test',
			"From: <$o->{from}>", "To: <$o->{to}>", '',
			'x' x 70, "end of $mark", '.'), 250);
	};
	return defined $reply ? $reply : $@ =~ s/\n//gr;
}

# Waits for their end.  {taken => {mark => 1}, tries => N}
sub join_clients
{
	my ($load, $seconds) = @_;
	my @left = @{ $load->{pids} };

	Barid::Test::wait_until($seconds // 120, sub {
		@left = grep { waitpid($_, POSIX::WNOHANG()) == 0 } @left;
		return !@left;
	}) or Test::More::diag(scalar(@left) . ' clients did not end');
	my $text = read_file($load->{out}) // '';
	my %taken = map { $_ => 1 } $text =~ /^taken (\S+)$/mg;
	my $tries = () = $text =~ /\n/g;
	return { taken => \%taken, tries => $tries };
}

# {mark => how many reports of it} in a mailbox, what is not whole under
# "broken".
sub count_reports
{
	my ($t, $mailbox) = @_;
	my %n;

	for my $text ($t->read_maildir($mailbox)) {
		my ($mark) = $text =~ /^X-Mark: (\S+)/m;
		my $whole = $text =~ /^--\S+--$/m;

		$n{ defined $mark && $whole ? $mark : 'broken' }++;
	}
	return \%n;
}

1;
