#!/usr/bin/perl
# Every account connects to every socket of the instance and sends what it may
# not: garbage, half a frame, a length of 4 GiB, a message that is another's.
# The peer is put out, the daemon stays, and serves who may ask.
use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use POSIX qw();
use Socket qw(SOCK_DGRAM SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time sleep);

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd');

# Frames as lib/ipc/type.h has them.
sub frame
{
	my ($name, $number, $attributes) = @_;
	my $body = pack('C N C/a*', 0, $number, $name) . $attributes;

	return pack('N', 4 + length $body) . $body;
}

my $end = "\0";
my %bytes = (
	garbage  => join('', map { chr(int(rand(256))) } 1 .. 200),
	zeros    => "\0" x 4096,
	text     => "GET / HTTP/1.0\r\n\r\n",
	'partial frame' => substr(frame('flush', 1, 'x' x 100), 0, 20),
	'partial length' => "\0\0",
	'4 GiB'  => "\xff\xff\xff\xff" . 'x' x 1000,
	'2 GiB'  => "\x7f\xff\xff\xff" . 'x' x 1000,
	'too short' => "\0\0\0\1" . 'x' x 10,
	'another\'s message' => frame('hello', 7, $end),
	'unknown message' => frame('no_such_message', 7, $end),
	'no end' => frame('flush', 7, 'S'),
	'long name' => frame('x' x 255, 7, $end),
);

# Everything that arrives at once, and what does not end by itself is closed by
# us: nothing is held.  Runs as that user.
sub attack
{
	my ($path) = @_;
	my ($refused, $reached) = (0, 0);

	local $SIG{PIPE} = 'IGNORE';
	for my $what (sort keys %bytes) {
		my $s = IO::Socket::UNIX->new(Peer => $path,
			Type => SOCK_STREAM);
		if (!$s) {
			$s = IO::Socket::UNIX->new(Peer => $path,
				Type => SOCK_DGRAM);
			if (!$s) {
				$refused++;
				next;
			}
			$s->blocking(0);
			syswrite($s, $bytes{$what});
			syswrite($s, $bytes{$what}) for 1 .. 3;
			$reached++;
			next;
		}
		$reached++;
		syswrite($s, $bytes{$what});
		shutdown($s, 1);
		# Half closed: the other end goes too, or says something first.
		my $until = time + 5;
		while (time < $until) {
			IO::Select->new($s)->can_read(1) or next;
			sysread($s, my $said, 65536) or last;
		}
		close($s);
	}
	# Many that say nothing.
	my @flood = map { IO::Socket::UNIX->new(Peer => $path,
		Type => SOCK_STREAM) } 1 .. 50;
	return ($reached, $refused);
}

# Runs it as uid and gid, with the supplementary groups; its two numbers.
sub as_user
{
	my ($uid, $gid, $groups, $path) = @_;

	pipe(my $read, my $write) or die;
	my $pid = fork // die;
	if ($pid == 0) {
		close($read);
		if ($> == 0) {
			$) = join(' ', $gid, $gid, @$groups);
			$( = $gid;
			POSIX::setuid($uid) or POSIX::_exit(9) if $uid;
		}
		my @n = attack($path);
		syswrite($write, "@n\n");
		POSIX::_exit(0);
	}
	close($write);
	my ($reached, $refused) = split ' ', readline($read) // '0 0';
	waitpid($pid, 0);
	return ($reached, $refused, $?);
}

my $t = Barid::Test->new;
$t->start;
ok($t->wait_log(qr/daemon started/), 'it runs');

my $queue = "$t->{dir}/queue";
my @sockets = sort glob("$queue/private/* $queue/public/*");
my @accounts;

if ($> == 0) {
	my $gid = getgrnam('barid');
	my $setgid = getgrnam('postdrop') // getgrnam('barid-drop') // 0;

	for my $name (qw(barid barid-smtpd barid-smtp barid-rewrite
	    barid-lookup barid-resolve barid-anvil barid-log)) {
		my $uid = getpwnam($name) // next;
		push @accounts, [ $name, $uid, $gid, [] ];
	}
	push @accounts, [ 'nobody', 65534, 65534, [], 'outside' ];
	push @accounts, [ 'root', 0, 0, [] ];
} else {
	push @accounts, [ 'the user', $>, $) + 0, [] ];
}

cmp_ok(scalar @sockets, '>', 10, 'there are sockets');

sub greets
{
	my $d = $t->connect;
	my $reply = $d->read_reply;

	$d->send('QUIT');
	$d->close;
	return $reply =~ /^220 /;
}

# The programs that run, by process.
sub programs { return map { $_->{pid} => $_->{name} } values %{ $t->processes } }

# All sockets of one account at a time; several accounts side by side would
# only be slower to understand.
for my $account (@accounts) {
	my ($name, $uid, $gid, $groups, $outside) = @$account;
	my (@wrong, @ended);

	$t->mark_log;
	my @jobs;
	for my $path (grep { !$uid || $> != 0 || !m{/master$} } @sockets) {
		my ($reached, $refused, $status) =
		    as_user($uid, $gid, $groups, $path);

		push @ended, "$path: $status" if $status != 0;
		push @wrong, $path if $outside && $reached > 0;
		push @wrong, $path if !$outside && $reached == 0 &&
		    $path =~ m{/private/};
	}
	is("@ended", '', "$name: the attack ran");
	is("@wrong", '', $outside ? "$name reaches no socket" :
		"$name reaches all in private/");
	ok(greets(), "$name: mail is served afterwards");
	my $log = substr($t->log_text, $t->{mark});
	unlike($log, qr/killed by signal|exit status [^0]|Assertion|throttling/,
		"$name: no daemon died");
	ok($t->wait_log(qr/connection ended|refused|connection from uid/),
		"$name: it is in the log") unless $outside;
}

# What nobody reads must not wait for ever.
subtest 'one that sends nothing holds nobody up' => sub {
	my @silent = map { my $path = $_; map { IO::Socket::UNIX->new(
		Peer => $path, Type => SOCK_STREAM) // () } 1 .. 20 }
	    grep { /private/ && !m{/(local|virtual|log|master)$} } @sockets;

	ok(greets(), 'mail is served');
	is($t->tool('barid', 'status')->{exit}, 0, 'status is told');
	ok($t->reload, 'reload');
	ok(greets(), 'mail is served after it');
};

ok($t->stop(seconds => 40), 'stop');
done_testing();
