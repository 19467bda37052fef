#!/usr/bin/perl
# The program `resolve` as master would start it, in its sandbox, with a name
# server of ours; the questions go over its socket.
use strict;
use warnings;

use Fcntl qw(F_DUPFD);
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use POSIX qw(dup2 _exit WNOHANG);
use Socket qw(AF_UNIX SOCK_SEQPACKET SOCK_STREAM PF_UNSPEC);
use Test::More;
use Time::HiRes qw(time);

use Barid::DNS;
use Barid::Test;

my $program = 'libexec/barid/resolve';

plan_installed($program);

my %type = (A => 1, MX => 15, TXT => 16, AAAA => 28);
my @status = qw(ok nodata nxdomain temp bogus invalid);

# --- frames (lib/ipc/type.h) ----------------------------------------------------

sub attribute
{
	my ($kind, $name, $value) = @_;

	return $kind . pack('C/a* N/a*', $name,
	    $kind eq 'I' ? pack('q>', $value) : $value);
}

sub frame
{
	my ($number, $name, @attributes) = @_;
	my $body = pack('C N C/a*', 0, $number, $name) .
	    join('', @attributes) . "\0";

	return pack('N', 4 + length $body) . $body;
}

sub attributes
{
	my ($bytes) = @_;
	my %found;

	while (length $bytes && substr($bytes, 0, 1) ne "\0") {
		my ($kind, $name, $value, $rest) =
		    unpack('a C/a* N/a* a*', $bytes);

		$found{$name} = $kind eq 'I' ? unpack('q>', $value) : $value;
		$bytes = $rest;
	}
	return \%found;
}

sub read_exactly
{
	my ($socket, $n) = @_;
	my $got = '';

	while (length $got < $n) {
		sysread($socket, $got, $n - length $got, length $got)
		    or die "connection to resolve lost\n";
	}
	return $got;
}

sub read_frame
{
	my ($socket) = @_;
	my $len = unpack('N', read_exactly($socket, 4));
	my ($n_fds, $number, $name, $rest) =
	    unpack('C N C/a* a*', read_exactly($socket, $len - 4));

	return ($number, $name, attributes($rest));
}

# --- the daemon -----------------------------------------------------------------

my $folder = tempdir(CLEANUP => 1);
my $path = "$folder/resolve";
my $pid;

# As root: the instance of an ordinary user all the same.
my $user = $> == 0 ? 'nobody' : undef;

sub become
{
	my ($name) = @_;
	my ($uid, $gid) = (getpwnam($name // return))[2, 3];

	$) = "$gid $gid";
	$( = $gid;
	POSIX::setuid($uid);
}

sub start_resolve
{
	my ($server) = @_;

	mkdir "$folder/$_" for qw(etc empty private);
	chown((getpwnam($user))[2, 3], $folder, glob("$folder/*"))
	    if defined $user;
	write_file("$folder/etc/main.cf", "queue_directory = $folder\n" .
	    "dns_test_server = $server\n");
	write_file("$folder/page", "\0" x 4096);
	chmod(0666, "$folder/page");
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 20)
	    or die "listen: $!\n";

	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_SEQPACKET, PF_UNSPEC)
	    or die "socketpair: $!\n";
	$pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		open(my $page, '+<', "$folder/page") or _exit(71);
		# Clear of 3 to 5 first, then into place.
		my @high = map { fcntl($_, F_DUPFD, 20) } $theirs, $page,
		    $listener;

		dup2($high[$_], 3 + $_) for 0 .. 2;
		become($user);
		open(STDERR, '>>', "$folder/log") or _exit(71);
		no warnings 'exec';
		exec(installed($program), '-n', 'resolve', '-t', 'unix', '-c',
		    "$folder/etc", '-k', '1/1', '-g', 1, '-s', 1, '-l', 1,
		    '-m', 0, '-u');
		_exit(71);
	}
	close $theirs;
	my $ready = '';

	vec($ready, fileno $ours, 1) = 1;
	select($ready, undef, undef, 20);
	plan(skip_all => 'the program cannot be started as ' .
	    ($user // 'this user'))
	    if waitpid($pid, WNOHANG) == $pid && $? >> 8 == 71;
	return $ours;
}

my $connection;
my $number = 0;

sub ask
{
	my ($name, @attributes) = @_;

	$connection //= IO::Socket::UNIX->new(Peer => $path)
	    or die "connect: $!\n";
	syswrite($connection, frame(++$number, $name, @attributes));
	while (1) {
		my ($answered, undef, $found) = read_frame($connection);

		return $found if $answered == $number;
	}
}

sub ask_dns
{
	my ($name, $type, $validate) = @_;

	return ask('dns_ask', attribute('S', 'name', $name),
	    attribute('I', 'type', $type{$type}),
	    attribute('I', 'validate', $validate // 0));
}

sub ask_peer { return ask('peer_name', attribute('S', 'address', $_[0])) }

my @many = map { "10.1.0.$_" } 1 .. 200;
my $dns = Barid::DNS->new(
	'ok.test' => { A => ['192.0.2.1'], MX => ['10 mx.ok.test'] },
	'1.2.0.192.in-addr.arpa' => { PTR => ['ok.test'] },
	'2.2.0.192.in-addr.arpa' => { PTR => ['ok.test'] },
	'4.2.0.192.in-addr.arpa' => 'servfail',
	'alias.test' => { CNAME => ['ok.test'] },
	'loop.test' => { CNAME => ['loop.test'] },
	'fail.test' => 'servfail',
	'garbage.test' => 'garbage',
	'tc.test' => { do => 'truncate', A => \@many },
	'dead.test' => 'drop',
);
my $control = start_resolve($dns->server);

sysread($control, my $told, 8);
is(unpack('L', $told // ''), 1, 'it serves');

for my $case ([ 'ok.test', 'A', 'ok' ], [ 'nx.test', 'A', 'nxdomain' ],
	[ 'ok.test', 'TXT', 'nodata' ], [ 'alias.test', 'MX', 'ok' ],
	[ 'loop.test', 'A', 'temp' ], [ 'fail.test', 'A', 'temp' ],
	[ 'garbage.test', 'A', 'temp' ], [ 'tc.test', 'A', 'ok' ],
	[ 'not a name', 'A', 'invalid' ]) {
	my ($name, $type, $expected) = @$case;
	my $answer = ask_dns($name, $type);

	is($status[$answer->{status}], $expected, "$name $type: $expected");
}
my $mx = ask_dns('alias.test', 'MX');

is($mx->{name}, 'ok.test', 'CNAMEs are followed');
# A list begins with its first message's attributes.
is(attributes($mx->{records})->{data}, 'mx.ok.test', 'the host of an MX');
my $unsigned = ask_dns('ok.test', 'A', 1);

is($status[$unsigned->{status}] . $unsigned->{secure}, 'ok0',
    'without DNSSEC there is an answer, not validated');

is(ask_peer('127.0.0.1')->{name}, 'localhost', 'this machine has its name');
is(ask_peer('192.0.2.1')->{name}, 'ok.test', 'a confirmed name');
is(ask_peer('192.0.2.2')->{name}, 'unknown', 'a name that is not confirmed');
is(ask_peer('192.0.2.2')->{reverse}, 'ok.test', 'what PTR said of it');
is($status[ask_peer('192.0.2.3')->{status}], 'nxdomain', 'no name');
is($status[ask_peer('192.0.2.4')->{status}], 'temp', 'no name for now');

# A question without an answer does not hold up the next.
syswrite($connection, frame(++$number, 'dns_ask',
    attribute('S', 'name', 'dead.test'), attribute('I', 'type', 1),
    attribute('I', 'validate', 0)));
my $began = time;

is($status[ask_dns('ok.test', 'A')->{status}], 'ok', 'others go on');
cmp_ok(time - $began, '<', 5, 'at once');

# What is no question of ours ends that connection and nothing else.
my $bad = IO::Socket::UNIX->new(Peer => $path);

syswrite($bad, "\xff" x 64);
1 while sysread($bad, my $drop, 4096);
is($status[ask_dns('ok.test', 'A')->{status}], 'ok', 'it is still there');

my $status_text = read_file("/proc/$pid/status") // '';

like($status_text, qr/^NoNewPrivs:\s+1$/m, 'it cannot gain privileges');
like($status_text, qr/^Seccomp:\s+2$/m, 'its system calls are filtered')
    unless is_checks_build();

# When master is gone, it leaves.
close $control;
ok(wait_until(10, sub { waitpid($pid, WNOHANG) == $pid }), 'it leaves');
is($?, 0, 'in good order');
$dns->stop;
diag(read_file("$folder/log")) unless Test::More->builder->is_passing;
done_testing();
