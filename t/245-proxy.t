#!/usr/bin/perl
# Behind a proxy that says who the client is (smtpd_upstream_proxy_protocol,
# postscreen_upstream_proxy_protocol): beside Debian's Postfix, and behind
# Debian's haproxy.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd');

my %main = (
	myhostname => 'mx.test', mydestination => '', alias_maps => '',
	mynetworks => '192.0.2.1/32', inet_protocols => 'all',
	smtpd_peername_lookup => 'no', smtpd_client_port_logging => 'yes',
	smtpd_relay_restrictions => 'permit_mynetworks, reject',
	smtpd_upstream_proxy_protocol => 'haproxy',
	smtpd_upstream_proxy_timeout => '3s',
	postscreen_upstream_proxy_protocol => 'haproxy',
	postscreen_upstream_proxy_timeout => '3s',
	postscreen_greet_wait => '1s',
	postscreen_access_list => 'permit_mynetworks, cidr:ETC/access',
	postscreen_denylist_action => 'drop',
);
my $etc = tempdir('/tmp/bt-proxy.XXXXXX', CLEANUP => 1);
chmod(0755, $etc);
write_file("$etc/access", "192.0.2.66 reject\n192.0.2.0/24 permit\n" .
	"2001:db8::/32 permit\n");
$main{$_} =~ s/ETC/$etc/ for keys %main;
my %services = (smtpd => 'pass - - n - - smtpd',
	dnsblog => 'unix - - n - 0 dnsblog',
	tlsproxy => 'unix - - n - 0 tlsproxy');

my $screen = free_port();
my $t = Barid::Test->new(main => { %main },
	master => { "127.0.0.1:$screen" => 'inet n - n - 1 postscreen',
		%services });
$t->start;
my $ours = { port => $t->{port}, screen => $screen, log => $t->{log} };

# --- headers ------------------------------------------------------------------

sub v1 { return "PROXY $_[0]\r\n" }
sub v2
{
	my ($command, $kind, $body) = @_;

	return "\r\n\r\n\0\r\nQUIT\n" . pack('CCn', $command, $kind,
		length($body)) . $body;
}
sub tcp4 { return pack('C4C4nn', 192, 0, 2, $_[0], 198, 51, 100, 1, 4711, 25) }
my $tcp6 = pack('H32H32nn', '20010db8000000000000000000000001',
	'20010db8000000000000000000000002', 4711, 25);
my $mapped = pack('H32H32nn', '00000000000000000000ffffc0000209',
	'00000000000000000000ffffc000020a', 4711, 25);

my @cases = (
	v1('TCP4 192.0.2.2 198.51.100.1 4711 25'),
	"PROXY TCP4 192.0.2.3 198.51.100.1 4711 25\n",
	v1('TCP6 2001:db8::3 2001:db8::2 4711 25'),
	v1('TCP6 ::ffff:192.0.2.4 ::ffff:192.0.2.8 4711 25'),
	v1(' TCP4  192.0.2.5 198.51.100.1 4711 25'),
	v1('TCP4 192.0.2.6 198.51.100.1 4711 25 and more'),
	v1('TCP4 192.0.2.66 198.51.100.1 4711 25'),
	v1('TCP4 192.0.2.1 198.51.100.1 4711 25'),
	v1('TCP4 192.0.2.7 198.51.100.1 0 25'),
	v1('TCP4 192.0.2.66 198.51.100.1 0 25'),
	v2(0x21, 0x11, tcp4(8)), v2(0x21, 0x21, $tcp6),
	v2(0x21, 0x21, $mapped), v2(0x21, 0x11, tcp4(10) . 'more of it'),
	v2(0x21, 0x11, tcp4(66)),
	# Wrong ones.
	map({ v1($_) } 'TCP4 192.0.2.300 198.51.100.1 4711 25',
		'TCP4 2001:db8::1 198.51.100.1 4711 25',
		'TCP6 192.0.2.7 2001:db8::2 4711 25',
		'TCP4 192.0.2.7 198.51.100.300 4711 25',
		'TCP4 192.0.2.7 198.51.100.1 65536 25',
		'TCP4 192.0.2.7 198.51.100.1 4711 70000',
		'TCP4 192.0.2.7 198.51.100.1 -1 25',
		'TCP4 192.0.2.7 198.51.100.1 smtp 25',
		'TCP4 192.0.2.7 198.51.100.1 04711 25',
		'TCP4 192.0.2.7 198.51.100.1 4711',
		'TCP4 192.0.2.7 198.51.100.1',
		'TCP4 192.0.2.7 ', 'TCP4      ', 'TCP5 192.0.2.7 x 1 2'),
	"PROXY\r\n", "EHLO me.example\r\n", "GET / HTTP/1.0\r\n",
	"proxy tcp4 192.0.2.7 198.51.100.1 4711 25\r\n",
	v2(0x21, 0x12, tcp4(7)), v2(0x22, 0x11, tcp4(7)),
	v2(0x31, 0x11, tcp4(7)), v2(0x21, 0x21, tcp4(7)),
	v2(0x21, 0x11, substr(tcp4(7), 0, 11)), '',
);

# What a connection that begins so hears until the greeting is over, or it is
# closed; and the reply to a recipient.
sub hear
{
	my ($port, @pieces) = @_;
	my $c = smtp_connect('127.0.0.1', $port);

	$c->send_raw($_) for @pieces;
	my $heard = $c->read_reply(60) // '';
	if ($heard =~ /^220/) {
		for my $line ('EHLO me.test', 'MAIL FROM:<>',
			'RCPT TO:<a@far.test>', 'QUIT') {
			$c->send($line);
			my $reply = $c->read_reply(60) // '';
			$heard .= "\n$reply" if $line =~ /^RCPT/;
		}
	}
	$c->close;
	return $heard =~ s/ESMTP \S+.*/ESMTP/r;
}

# The log about connections that came after the one of this address.
sub lines_since
{
	my ($server, $address, $n) = @_;
	my @lines;

	wait_until(60, sub {
		my $text = read_file($server->{log}) // '';

		$text =~ s/.*disconnect from \S+\[\Q$address\E\][^\n]*\n//s;
		@lines = map { s/(?<=\[127\.0\.0\.1\]):\d+/:PORT/r }
		    grep { !/haproxy_protocol|max connection rate|ignoring/ }
		    $text =~ /((?:smtpd|postscreen)\[\d+\]: (?:warning: haproxy|connect|disconnect|CONNECT|PASS|DENY|ALLOW|NOQUEUE).*)$/mg;
		return @lines >= $n;
	});
	return join "\n", sort map { s/\[\d+\]: /: /r } @lines;
}

# A connection of this address, until the log tells of its end.
sub mark
{
	my ($server, $address) = @_;
	my $ends = sub {
		return scalar(() = (read_file($server->{log}) // '') =~
			/disconnect from \S+\[\Q$address\E\]/g);
	};
	my $before = $ends->();

	hear($server->{port}, v1("TCP4 $address 198.51.100.1 1 2"));
	wait_until(60, sub { $ends->() > $before });
}

sub play
{
	my ($server, $which, $n) = @_;
	my @heard;

	mark($server, '192.0.2.250');
	push @heard, hear($server->{$which}, $_) for @cases;
	mark($server, '192.0.2.251');
	return (\@heard, lines_since($server, '192.0.2.250', $n // 0));
}

# The lines of the first that the second has not, or not so often.
sub only_in
{
	my ($these, $those) = @_;
	my %n;

	$n{$_}++ for split /\n/, $those;
	return join "\n", grep { --($n{$_} //= 0) < 0 } split /\n/, $these;
}

sub shown { return $_[0] =~ s/([^ -~])/sprintf('\\x%02x', ord($1))/ger }

my $pf_screen = free_port();
my $postfix = start_postfix({ %main }, "127.0.0.1:$pf_screen inet n - n - 1 postscreen",
	map { "$_ $services{$_}" } sort keys %services);
SKIP: {
	skip('there is no Postfix from Debian here', 1) if !$postfix;
	my $theirs = { port => $postfix->{port}, screen => $pf_screen,
		log => $postfix->{log} };

	for my $which (qw(port screen)) {
		my ($their_heard, $their_log) = play($theirs, $which);
		my ($our_heard, $our_log) = play($ours, $which,
			scalar(split /\n/, $their_log));

		is($our_heard->[$_], $their_heard->[$_],
			"$which: " . shown($cases[$_])) for 0 .. $#cases;
		is(only_in($our_log, $their_log), '', "$which: the log");
		is(only_in($their_log, $our_log), '', 'and nothing is missing');
	}
	stop_peer($postfix->{pid});
}

# --- where we are more patient --------------------------------------------------

for my $which (qw(port screen)) {
	my $port = $ours->{$which};

	like(hear($port, 'PROXY TCP4 192.0.2', ".12 198.51.100.1 1 2\r\n"),
		qr/^220 /, "$which: a header in pieces");
	like(hear($port, map { pack('a', $_) } split //,
		v2(0x21, 0x11, tcp4(13))), qr/^220 /, 'a byte at a time');
	like(hear($port, v2(0x21, 0x11, tcp4(14) . ('x' x 2000))),
		qr/^220 /, 'with much about TLS');
	like(hear($port, v2(0x21, 0x11, tcp4(15) . ('x' x 5000))),
		qr/^421 /, 'and too much');
	like(hear($port, 'PROXY TCP4 ' . ('1' x 9000)), qr/^421 /,
		'a line without end');
	for my $local (v1('UNKNOWN'), v1('UNKNOWN ffff::1 ffff::2 1 2'),
		v2(0x20, 0, ''), v2(0x20, 0x11, tcp4(66)), v2(0x21, 0, '')) {
		like(hear($port, $local), qr/^220/,
			'the proxy itself: ' . shown($local));
	}
}
# Its rights are its own: it is not in mynetworks.
like(hear($ours->{port}, v2(0x20, 0, '')), qr/554 5\.7\.1/,
	'which is a client like any other');
like(hear($ours->{port}, v1('TCP4 192.0.2.1 198.51.100.1 1 2')),
	qr/^220.*\n250 2\.1\.5/s, 'unlike one that it names');
$t->mark_log;
hear($ours->{screen}, v1('TCP4 198.51.100.9 203.0.113.5 4711 2525'));
ok($t->wait_log(qr{postscreen\[\d+\]: CONNECT from \[198\.51\.100\.9\]:4711 to \[203\.0\.113\.5\]:2525$}m),
	'both ends are those of the header');

# --- behind haproxy -----------------------------------------------------------------

my $haproxy = Barid::Test::top_folder() .
    '/build/peers/haproxy/usr/sbin/haproxy';

SKIP: {
	skip("Debian's haproxy is not in build/peers", 1) if !-x $haproxy;
	my @front = map { free_port() } 1 .. 3;

	write_file("$etc/haproxy.cfg", <<"END_CONF");
defaults
    mode tcp
    timeout connect 30s
    timeout client 60s
    timeout server 60s
listen one
    bind 127.0.0.1:$front[0]
    server s 127.0.0.1:$t->{port} send-proxy
listen two
    bind 127.0.0.1:$front[1]
    server s 127.0.0.1:$t->{port} send-proxy-v2 proxy-v2-options unique-id,crc32c
    unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
listen screen
    bind 127.0.0.1:$front[2]
    server s 127.0.0.1:$screen send-proxy-v2 check check-send-proxy inter 1s
END_CONF
	my $pid = start_peer({ port => $front[0], out => "$etc/haproxy.out" },
		$haproxy, '-db', '-f', "$etc/haproxy.cfg");

	for my $n (0 .. 2) {
		my $ip = '127.0.7.' . ($n + 1);
		my $c = smtp_connect('127.0.0.1', $front[$n], $ip);

		like($c->read_reply(60), qr/^220/, "$ip, who comes by haproxy");
		for my $line ('EHLO me.test', 'MAIL FROM:<>',
			'RCPT TO:<a@far.test>', 'QUIT') {
			$c->send($line);
			$c->read_reply(60);
		}
		$c->close;
		like($t->wait_log(qr/NOQUEUE: reject: RCPT from \S+\[\Q$ip\E\]:\d+/) // '',
			qr/reject/, 'is told from others');
	}
	like($t->log_text, qr/CONNECT from \[127\.0\.7\.3\]:\d+ to \[127\.0\.0\.1\]:$front[2]$/m,
		'and so is where it came to');
	# haproxy asks each second whether we are there, and says that it is it.
	ok($t->wait_log(qr/HANGUP after \S+ from \[127\.0\.0\.1\]:\d+|CONNECT from \[127\.0\.0\.1\]:\d+/),
		'its own question is one of a client on this machine');
	unlike($t->log_text =~ s/.*\[127\.0\.7\.1\]//sr, qr/haproxy read/,
		'no header was wrong');
	stop_peer($pid);
}
is($t->stop, 1, 'stop');

# --- the configuration ------------------------------------------------------------

my $bad = Barid::Test->new(main => { smtpd_upstream_proxy_protocol => 'v1' });
eval { $bad->start };
ok($bad->wait_log(qr/parameter smtpd_upstream_proxy_protocol: bad value "v1", allowed haproxy/),
	'another protocol is none');
$bad->stop;
done_testing();
