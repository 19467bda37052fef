#!/usr/bin/perl
# Cases 75 and 76 of the attacks: floods of connections and of mail from one
# address and from one network, IPv6 ones included, and the well-behaved client
# meanwhile.  In a network namespace of its own, as root, so that there are
# addresses to come from.
use strict;
use warnings;

use IO::Select;
use IO::Socket::IP;
use POSIX qw();
use Socket qw(inet_pton AF_INET6 AF_INET SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(time);

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/anvil');

# --- Addresses -------------------------------------------------------------------

my %number = (x86_64 => 272, aarch64 => 97);
my $unshare = $number{ (POSIX::uname())[4] };
my @v6 = ('2001:db8::1', (map { "2001:db8:0:1::$_" } 1 .. 5),
	'2001:db8:0:2::1');

# True if lo of a new namespace is up and has them.
sub make_network
{
	return 0 if $> != 0 || !$unshare ||
	    syscall($unshare, 0x40000000) != 0;
	socket(my $s, AF_INET, SOCK_DGRAM, 0) or return 0;
	# SIOCSIFFLAGS: up, running.
	my $up = pack('a16 s x22', 'lo', 0x1 | 0x40);
	ioctl($s, 0x8914, $up) or return 0;
	socket(my $s6, AF_INET6, SOCK_DGRAM, 0) or return 0;
	# SIOCSIFADDR of struct in6_ifreq; lo is number 1.
	for my $address (@v6) {
		my $add = pack('a16 L l', inet_pton(AF_INET6, $address), 128,
			1);
		ioctl($s6, 0x8916, $add) or return 0;
	}
	return 1;
}

plan(skip_all => 'only root makes networks, where the kernel has namespaces')
    unless make_network();

my $port = free_port();
my $t = Barid::Test->new(port => $port, main => {
	inet_protocols => 'all', inet_interfaces => 'all',
	mynetworks => '192.0.2.0/24',
	smtpd_client_event_limit_exceptions => '',
	smtpd_client_connection_count_limit => '3',
	# Names of these addresses nobody knows.
	smtpd_peername_lookup => 'no',
}, master => { "[2001:db8::1]:$port" => 'inet n - n - - smtpd' });

$t->start;

sub client
{
	my ($from) = @_;
	my $to = $from =~ /:/ ? '2001:db8::1' : '127.0.0.1';

	return IO::Socket::IP->new(PeerHost => $to, PeerPort => $port,
		LocalHost => $from, Timeout => 10) // die "connect: $@\n";
}

sub reply
{
	my ($s, $seconds) = @_;
	my $line = '';

	IO::Select->new($s)->can_read(($seconds // 20) *
		(is_checks_build() ? 4 : 1)) or return 'nothing';
	sysread($s, $line, 1000);
	return $line =~ s/\r\n.*//sr;
}

# What clients are told, one after the other, in three digits; those who are
# served stay.
sub told
{
	my ($held, @from) = @_;

	return join(' ', map {
		my $s = client($_);
		my $said = reply($s);

		push @$held, $s if $said =~ /^220/;
		substr($said, 0, 3);
	} @from);
}

# Until anvil has heard that they are gone.
sub leave
{
	my ($held) = @_;
	my $n = @$held;

	$t->mark_log;
	close($_) for splice(@$held);
	wait_until(20, sub {
		my $text = substr($t->log_text, $t->{mark});

		(() = $text =~ /disconnect from/g) >= $n;
	});
}

sub configure
{
	my (%main) = @_;

	$t->configure(\%main);
	$t->stop(seconds => 40);
	$t->start;
}

# --- Connections at a time --------------------------------------------------------

my @held;
is(told(\@held, ('127.0.1.1') x 5), '220 220 220 421 421',
	'attack 76: three at a time from an address');
is(told(\@held, '127.0.1.2'), '220', 'another one is served');
ok($t->wait_log(qr/Connection concurrency limit exceeded: 4 from \S+\[127\.0\.1\.1\] for service /),
	'it is in the log');
leave(\@held);
ok(wait_until(20, sub { told(\@held, '127.0.1.1') eq '220' }),
	'who has left may come again');
leave(\@held);

configure(smtpd_client_ipv4_prefix_length => '24',
	smtpd_client_ipv6_prefix_length => '64');
is(told(\@held, map { "127.0.1.$_" } 1 .. 5), '220 220 220 421 421',
	'attack 76: three at a time from a /24');
is(told(\@held, '127.0.2.1'), '220', 'another one is served');
is(told(\@held, @v6[1 .. 5]), '220 220 220 421 421',
	'attack 76: three at a time from an IPv6 /64');
is(told(\@held, $v6[6]), '220', 'another one is served');

subtest 'attack 76: anvil dies' => sub {
	my ($pid) = $t->pids_of('anvil');

	ok($pid && kill('KILL', $pid), 'killed');
	ok(wait_until(20, sub { my ($p) = $t->pids_of('anvil');
		$p && $p != $pid || told(my $x = [], '127.0.3.1') eq '' }),
		'it comes again');
	# What is open was told to the new one.
	ok(wait_until(20, sub {
		told(my $more = [], '127.0.1.77') eq '421' }),
		'and knows who is there');
	is(told(\@held, '127.0.4.1'), '220', 'others are served');
};
subtest 'attack 76: anvil hangs' => sub {
	my ($pid) = $t->pids_of('anvil');

	ok($pid && kill('STOP', $pid), 'stopped');
	my $s = client('127.0.5.1');
	like(reply($s, 25), qr/^220/, 'clients are served all the same');
	kill('CONT', $pid);
	close($s);
};
leave(\@held);

# --- In a time ----------------------------------------------------------------------

configure(smtpd_client_connection_rate_limit => '5',
	smtpd_client_message_rate_limit => '3',
	smtpd_client_recipient_rate_limit => '4',
	smtpd_client_connection_count_limit => '50',
	anvil_rate_time_unit => '600s');
is(join(' ', map { told([], '127.0.6.1') } 1 .. 7),
	'220 220 220 220 220 421 421',
	'attack 76: five connections in a time from a network');
is(told([], '127.0.7.1'), '220', 'another one is served');

sub dialogue
{
	my ($s, @commands) = @_;

	return join(' ', substr(reply($s), 0, 3), map {
		syswrite($s, "$_\r\n");
		substr(reply($s), 0, 3);
	} @commands);
}

is(dialogue(client('127.0.8.1'), 'HELO x', map { ('MAIL FROM:<>', 'RSET') }
	1 .. 4), '220 250 250 250 250 250 250 250 450 250',
	'attack 76: three messages in a time');
is(dialogue(client('127.0.9.1'), 'HELO x', 'MAIL FROM:<>',
	('RCPT TO:<user@example.test>') x 6),
	'220 250 250 250 250 250 250 450 450',
	'attack 76: four recipients in a time');

# --- A flood, and a good client ------------------------------------------------------

configure(smtpd_client_connection_rate_limit => '0',
	smtpd_client_message_rate_limit => '0',
	smtpd_client_recipient_rate_limit => '0',
	smtpd_client_connection_count_limit => '20');

sub latency
{
	my $began = time;
	my $s = client('127.9.9.9');
	my $said = dialogue($s, 'EHLO good.test', 'MAIL FROM:<>',
		'RCPT TO:<user@example.test>', 'RSET', 'QUIT');

	return ($said, time - $began);
}

my @quiet = sort { $a <=> $b } map { (latency())[1] } 1 .. 20;
my $flooder = fork // die "fork: $!\n";
if ($flooder == 0) {
	my @open;
	local $SIG{ALRM} = sub { POSIX::_exit(0) };
	alarm(120);
	while (1) {
		push @open, eval { client('127.0.10.' . (1 + int(rand(250)))) };
		shift(@open) if @open > 300;
	}
}
my (@said, @busy);
my $refused = 0;
$t->mark_log;
wait_until(30, sub {
	my ($said, $took) = latency();

	push @said, $said;
	push @busy, $took;
	$refused = () = substr($t->log_text, $t->{mark}) =~
	    /concurrency limit exceeded/g;
	return @said >= 20 && $refused > 50;
});
kill('KILL', $flooder);
waitpid($flooder, 0);
@busy = sort { $a <=> $b } @busy;
is(join('; ', grep { $_ ne '220 250 250 250 250 221' } @said), '',
	'attack 76: a good client is served amid a flood');
note(sprintf('a dialogue took %.1f ms (median), amid the flood %.1f',
	1000 * $quiet[@quiet / 2], 1000 * $busy[@busy / 2]));
cmp_ok($refused, '>', 50, "$refused of the flood were put out");
unlike($t->log_text,
	qr/killed by signal (?!9)|exit status [^0]|Assertion|throttling|Sanitizer/,
	'no daemon died');
ok($t->stop(seconds => 40), 'stop');
done_testing();
