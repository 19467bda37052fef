# Access policy of Barid and of Debian's Postfix side by side: one configuration
# for both, dialogues with both, and what they said and logged, made comparable.
#
# A case is a class of restrictions that one client (10.A.B.x) meets at one
# stage; XCLIENT tells both servers who the client is.
package Barid::Policy;

use strict;
use warnings;

use Exporter qw(import);
use Socket qw(AF_INET SOCK_DGRAM);
use Test::More ();

use Barid::Peers;
use Barid::Test;

our @EXPORT = qw(
	alone_with_dns policy_address policy_config policy_logs policy_talk
);

# --- A network of the test's own ---------------------------------------------

# Postfix asks the name servers of /etc/resolv.conf, at port 53: so the test
# starts anew in a network and with mounts of its own.  False, with a note, if
# that cannot be.
sub alone_with_dns
{
	if ($ENV{BARID_ALONE}) {
		socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
		my $up = pack('a16 s x22', 'lo', 1);

		# SIOCSIFFLAGS: IFF_UP
		ioctl($socket, 0x8914, $up)
		    or die "lo: $!\n";
		return 1;
	}
	if ($> != 0 || system('unshare -nm true 2>/dev/null') != 0) {
		Test::More::note('skipped: no network of our own (unshare)');
		return 0;
	}
	$ENV{BARID_ALONE} = 1;
	my $resolv = "/tmp/resolv.$$";

	write_file($resolv, "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n");
	exec('unshare', '-nm', 'sh', '-c',
		'mount --bind "$0" /etc/resolv.conf && rm -f "$0" && exec "$@"',
		$resolv, $^X, (map { "-I$_" } @INC), $0)
	    or die "exec unshare: $!\n";
}

# --- The configuration ----------------------------------------------------------

my @stages = qw(client helo sender relay recipient data end_of_data etrn);

sub policy_address
{
	my ($n, $last) = @_;

	return sprintf('10.%d.%d.%d', 1 + int($n / 250), $n % 250, $last // 1);
}

# Parameters for cases ({stage, class => words}), numbered as they come.  Tables
# are written into the folder.
sub policy_config
{
	my ($dir, @cases) = @_;
	my (%main, %table, @classes);

	for my $n (0 .. $#cases) {
		my $stage = $cases[$n]{stage} // 'recipient';

		next unless defined $cases[$n]{class};
		$main{"c$n"} = $cases[$n]{class};
		push @classes, "c$n";
		$table{$stage} .= policy_address($n, 0) . "/24 c$n\n";
	}
	$main{smtpd_restriction_classes} = join(' ', @classes,
		'never', 'always');
	$main{never} = 'reject';
	$main{always} = 'permit';
	for my $stage (@stages) {
		my $text = $table{$stage} // '';

		$text .= "10.0.0.0/8 OK\n" if $stage eq 'relay';
		write_file("$dir/sel_$stage", "$text\n192.0.2.255 DUNNO\n");
		$main{"smtpd_${stage}_restrictions"} =
		    "check_client_access cidr:$dir/sel_$stage";
	}
	$main{smtpd_relay_restrictions} .= ', reject_unauth_destination';
	return %main;
}

# --- Dialogues --------------------------------------------------------------------

# The log's lines about the clients, by address: only those that matter, without
# what differs by nature.  Waits until each of these has gone.
sub policy_logs
{
	my ($server, @addresses) = @_;
	my %lines;

	wait_until(60, sub {
		my $text = read_file($server->{log}) // '';
		my %gone = map { $_ => 1 } $text =~
		    /smtpd\[\d+\]: disconnect from \S+?\[([\d.]+)\]/g;

		return !grep { !$gone{$_} } @addresses;
	}) or Test::More::diag("$server->{log}: not all clients have gone");
	for my $line ((read_file($server->{log}) // '') =~
		/smtpd\[\d+\]: (.*)$/mg) {
		next if $line !~ /^(?:NOQUEUE|\w{9,}): [\w-]+: \S+ from \S+?\[([\d.]+)\]/;
		my $address = $1;

		push @{ $lines{$address} }, $line =~ s/^\w{9,}: /QID: /r;
	}
	return \%lines;
}

# Play the lines with a server {port, log}; bytes by reference are sent as they
# are.  The replies.
sub policy_talk
{
	my ($server, @lines) = @_;
	my $c = smtp_connect('127.0.0.1', $server->{port});
	my @heard = ($c->read_reply(60) =~ /^(\d+)/);

	for my $line (@lines, 'QUIT') {
		ref $line ? $c->send_raw($$line) : $c->send($line);
		my $reply = $c->read_reply(60);

		$reply =~ s/.*\n//s if !ref $line && $line =~ /^EHLO/i &&
		    $reply =~ /^250/;
		$reply =~ s/queued as \w+/queued as QID/;
		# What the server calls itself, and what it offers, is not policy.
		$reply =~ s/^(250|220) .*/$1/ if !ref $line &&
		    $line =~ /^(?:EHLO|HELO|XCLIENT)/i;
		push @heard, $reply;
		last if $reply eq '';
	}
	return @heard;
}

1;
