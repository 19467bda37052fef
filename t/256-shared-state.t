#!/usr/bin/perl
# Two hosts that share one Redis: what one has learnt the other knows, what both
# count is counted once, and when the server is gone mail waits.
use strict;
use warnings;

use IO::Socket::INET;
use Test::More;

use Barid::Databases;
use Barid::Hostile;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/state',
	'libexec/barid/lookup');

my $certs = make_certificates(database_folder(),
	server => [ 'DNS:localhost', 30 ]);
my $stranger = make_certificates(database_folder());
my $tls_port = free_port();
my $db = start_redis('', '--tls-port', $tls_port, '--tls-cert-file',
	"$certs/server.pem", '--tls-key-file', "$certs/server.key",
	'--tls-ca-cert-file', "$certs/ca.pem", '--tls-auth-clients', 'no',
	'--user', 'barid', 'on', '>se-cret', '~mail:*', '+get', '+set', '+del',
	'+eval', '+time')
    or plan(skip_all => 'there is no Redis');

my $server = Barid::Hostile->new(ip => '127.0.0.1', cases => {
	far => { rcpt => sub {
		return $_[0]{line} =~ /<bad/ ? "550 5.1.1 no such user\r\n"
		    : undef;
	} },
});

my %main = (
	mynetworks => '127.0.0.1/32', lookup_processes => 2,
	smtpd_processes => 2,
	smtpd_authorized_xclient_hosts => '127.0.0.1',
	smtpd_sasl_auth_enable => 'yes',
	smtpd_client_event_limit_exceptions => '127.0.0.0/8',
	smtpd_relay_restrictions => 'permit_mynetworks, reject_unauth_destination',
	smtpd_recipient_restrictions =>
	    'check_recipient_access pcre:{{/@far\.test$$/ reject_unverified_recipient}}, ' .
	    'check_greylist',
	transport_maps => 'inline:{ ' . $server->transports('test') . ' }',
	address_verify_poll_delay => '1s', address_verify_poll_count => 60,
	unverified_recipient_reject_code => 550,
	disable_dns_lookups => 'yes', smtp_host_lookup => 'native',
	greylist_delay => '2s', greylist_auto_allow_count => 2,
	volume_limit_time => '7d', volume_limit_login_messages => 50,
	volume_limit_maps => 'inline:{ {login:boss = 100000 0} }',
	postscreen_greet_wait => '1s', postscreen_greet_action => 'enforce',
);
my @maps = qw(greylist_map volume_limit_map address_verify_map
    postscreen_cache_map);

# A host; its state file, and a port with the screen.
sub host
{
	my ($file) = @_;
	my $t = Barid::Test->new(main => \%main);

	$t->{screen} = free_port();
	$t->{cf} = $t->etc('state.cf', $file);
	chmod(0600, $t->{cf});
	$t->configure({ map { $_ => "redis:$t->{cf}" } @maps },
		{ "127.0.0.1:$t->{screen}" =>
		    'inet n - n - - smtpd -o smtpd_screen_enable=yes' });
	return $t;
}

# One speaks to it with TLS and an account, the other by a socket.
my $by_tls = "hosts = localhost:$tls_port\nuser = barid\n" .
    "password = se-cret\ntls_CAfile = $certs/ca.pem\nkey_prefix = mail:\n";
my $left = host($by_tls);
my $right = host("hosts = unix:$db->{socket}\nkey_prefix = mail:\n");
my @hosts = ($left, $right);
$_->start for @hosts;

# The reply to the last of these lines.
sub say_to
{
	my ($t, $ip, @lines) = @_;
	my $d = smtp_connect('127.0.0.1', $t->{port}, $ip);
	my $reply = $d->read_reply(60);

	for my $line ('EHLO c.test', @lines) {
		$d->send($line);
		$reply = $d->read_reply(120);
	}
	$d->close;
	return $reply // '';
}

sub grey
{
	my ($t, $ip, $from) = @_;

	return substr(say_to($t, $ip, "MAIL FROM:<$from>",
		'RCPT TO:<user@example.test>'), 0, 3);
}

sub volume
{
	my ($t, $login) = @_;

	return substr(say_to($t, '127.0.0.1', "XCLIENT LOGIN=$login",
		'EHLO c.test', 'MAIL FROM:<a@a.test>',
		'RCPT TO:<user@example.test>'), 0, 3);
}

sub verify { return say_to($_[0], '127.0.0.1', 'MAIL FROM:<>', "RCPT TO:<$_[1]>") }

sub get { return $db->{tell}->(qq{GET "$_[0]"\n}) =~ s/\n\z//r }

# --- greylisting ---------------------------------------------------------------------

is(grey($left, '127.0.1.1', 'a@b.test'), 450, 'a client is new on one host');
my $triplet = 'mail:grey:t 127.0.1.0/24 a@b.test user@example.test';
like(get($triplet), qr/^1 \d+:0$/, 'which the server knows');
my ($first) = get($triplet) =~ /(\d+):/;
like($db->{tell}->(qq{TTL "$triplet"\n}), qr/^17\d{4}$/m,
	'for greylist_retry_window');
ok(wait_until(60, sub { grey($right, '127.0.1.77', 'a@b.test') eq '250' }),
	'it comes again, to the other host');
like(get($triplet), qr/^1 $first:\d{5,}$/, 'when it came first is what it was');
is(get('mail:grey:n 127.0.1.0/24'), get($triplet) =~ s/.*:/1 1:/r,
	'and its network has one');
is(grey($left, '127.0.1.1', 'a@b.test'), 250, 'the first host knows it too');
ok(wait_until(60, sub { grey($right, '127.0.1.1', 'c@d.test') eq '250' }),
	'a second sender of it');
is(grey($left, '127.0.1.9', 'x@y.test'), 250, 'then it need not wait anywhere');

sub all_at_once
{
	my ($n, $run) = @_;
	my @pids = map {
		my $i = $_;
		start_peer(sub { $run->($i); return 0 });
	} 1 .. $n;

	for my $pid (@pids) {
		wait_until(120, sub { waitpid($pid, 1) != 0 });
	}
}

# Both hosts have read and want to write: the server lets nobody write until both
# wait for it.  Their replies, with a space; tried again if one did not come to
# wait in time.
sub both_at_once
{
	my ($run) = @_;

	for my $try (1 .. 5) {
		my $folder = database_folder();
		my $both;

		$db->{tell}->("CLIENT PAUSE 60000 WRITE\n");
		my @pids = map {
			my $i = $_;
			start_peer(sub {
				write_file("$folder/$i", $run->($hosts[$i], $try));
				return 0;
			});
		} 0 .. 1;
		wait_until(4, sub {
			my $n = () = $db->{tell}->("CLIENT LIST\n") =~
			    / flags=\w*b/g;
			return $both = $n >= 2;
		});
		$db->{tell}->("CLIENT UNPAUSE\n");
		for my $pid (@pids) {
			wait_until(120, sub { waitpid($pid, 1) != 0 });
		}
		next unless $both;
		my @said = map { substr(read_file("$folder/$_"), 0, 3) } 0 .. 1;
		return ("@said", $try) unless grep { /^451/ } @said;
	}
	return ('never', 0);
}

my ($said, $try) = both_at_once(sub {
	my ($t, $n) = @_;

	return grey($t, '127.0.3.1', "new$n\@b.test");
});
is($said, '450 450', 'new to both at once');
$triplet = "mail:grey:t 127.0.3.0/24 new#\@b.test user\@example.test";
($first) = get($triplet) =~ /^1 (\d+):0$/;
ok($first, 'it is seen first once');
ok(wait_until(60, sub { time > $first + 2 }), 'it waits');
($said, $try) = both_at_once(sub { grey($_[0], '127.0.3.1', 'new1@b.test') });
is($said, '250 250', 'and comes again to both at once');
like(get($triplet), qr/^1 $first:\d{5,}$/, 'when it came first is what it was');
like(get('mail:grey:n 127.0.3.0/24'), qr/^1 1:/, 'which counts once');

# --- volume ----------------------------------------------------------------------------

# The codes of n messages of each of so many processes.
sub codes
{
	my ($login, $processes, $n) = @_;
	my $folder = database_folder();
	my %count;

	all_at_once($processes, sub {
		append_file("$folder/$_[0]", volume($hosts[($_[0] + $_) % 2],
			$login) . "\n") for 1 .. $n;
	});
	$count{$_}++ for map { split /\n/, read_file($_) } glob("$folder/*");
	return \%count;
}

is_deeply(codes('alice', 8, 10), { 250 => 50, 450 => 30 },
	'what two hosts count together is exactly the limit');
like(get('mail:volume:messages login alice'), qr/^1 604800:\d+:50:0$/,
	'and stands in the server');
is_deeply(codes('boss', 10, 10), { 250 => 100 }, 'below a limit');
like(get('mail:volume:messages login boss'), qr/:100:0$/, 'none is lost');

# --- the screen ----------------------------------------------------------------------

for my $t (@hosts) {
	my $d = smtp_connect('127.0.0.1', $t->{screen}, '127.0.0.11');

	like($d->read_reply(60) // '', qr/^220/, 'screened');
	$d->send($_), $d->read_reply(60) for 'EHLO c.test', 'QUIT';
	$d->close;
	if ($t == $left) {
		ok($t->wait_log(qr{PASS NEW \[127\.0\.0\.11\]}), 'it passes');
		ok(wait_until(60, sub { get('mail:screen:127.0.0.11') =~ /^1 / }),
			'which is kept');
	} else {
		ok($t->wait_log(qr{PASS OLD \[127\.0\.0\.11\]}),
			'the other host knows it');
	}
}

# --- addresses -----------------------------------------------------------------------

sub probes
{
	return scalar grep { /^RCPT TO:<\Q$_[0]\E>/m } map { split /^/m }
	    $server->received('far');
}

like(verify($left, 'good@far.test'), qr/^250/, 'an address is probed');
like(verify($right, 'good@far.test'), qr/^250/, 'for both hosts');
like(verify($right, 'bad@far.test'), qr/^550 5\.1\.1 .*no such user/,
	'one that is refused');
like(verify($left, 'bad@far.test'), qr/^550 5\.1\.1 .*no such user/,
	'for both too');
is(probes('good@far.test') . probes('bad@far.test'), '11', 'by one probe each');
($said, $try) = both_at_once(sub { verify($_[0], "both$_[1]\@far.test") });
is($said, '250 250', 'one that both want to know at once');
is(probes("both$try\@far.test"), 1, 'is probed by one of them');

# --- the server is gone ----------------------------------------------------------------

$db->{tell}->("SAVE\n");
stop_peer($db->{pid});
for my $t (@hosts) {
	is(grey($t, '127.0.1.1', 'a@b.test'), 451, 'down: the greylist: later');
	is(volume($t, 'boss'), 451, 'down: limits: later');
	like(verify($t, 'bad@far.test'), qr/^450 4\.1\.1 .*Address verification problem/,
		'down: an address: later, also one that was refused');
	is(grey($t, '127.0.1.1', "down$_\@b.test"), 451, 'down: and again')
	    for 1 .. 4;
	# Three tables; more only if this took minutes.
	my $n;
	ok(wait_until(60, sub {
		$n = () = $t->log_text =~
		    /warning: redis:\S+ cannot be asked: shared redis/g;
		return $n >= 3;
	}) && $n <= 8, 'down: which state says once for each table') or
	    diag($n);
}
my $d = smtp_connect('127.0.0.1', $left->{screen}, '127.0.0.11');
like($d->read_reply(60) // '', qr/^220/, 'down: the screen makes its tests again');
$d->close;
$db->{start}->();
for my $t (@hosts) {
	ok(wait_until(60, sub { grey($t, '127.0.1.1', 'a@b.test') eq '250' }),
		'back: as it was');
	like(verify($t, 'bad@far.test'), qr/^550/, 'back: addresses');
	is(volume($t, 'alice'), 450, 'back: limits');
}
unlike(join('', map { $_->log_text } @hosts),
	qr/se-cret|killed by signal|SIGSYS|panic/, 'no password is logged, nobody died');

# --- one that must not be trusted ----------------------------------------------------

my @lies = ('$999999999', '*2', ':-9223372036854775808', ':99999999999999',
	':7', '+OK', '-READONLY x', '-ERR x', '$-5', '', "\0\xff", '$3',
	"\$2\r\n1 ", "\$9\r\n1 x\0\xff\r\n:9", "\$23\r\n1 99999999999:9999999999",
	"\$8\r\n1 9:9:9:", "\$2\r\n2 ", '*1', '_', '~', "+1\r\n+2\r\n+3",
	':' . '9' x 5000, 'x' x 100_000);
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 50)
    or die "listen: $!\n";
my $liar = start_peer(sub {
	my $n = 0;

	while (1) {
		my $c = $listener->accept or next;
		my $end = $n + 2;

		while ($n < $end && sysread($c, my $got, 65536)) {
			print $c $lies[$n++ % @lies] . "\r\n";
			$c->flush;
		}
	}
});
$right->etc('state.cf', 'hosts = 127.0.0.1:' . $listener->sockport .
	"\nretry_interval = 1ms\ntimeout = 300ms\n");
$right->reload;
my %heard;
for my $i (1 .. @lies) {
	$heard{grey($right, '127.0.1.1', "lie$i\@b.test")}++;
	$heard{volume($right, 'mallory')}++;
	$heard{substr(verify($right, "l$i\@example.test"), 0, 3)}++;
}
is_deeply([ grep { !/^(?:250|45\d|550)$/ } keys %heard ], [],
	'lies: each command is answered') or diag(join(' ', %heard));
ok($heard{451}, 'lies: most of them is no answer');
unlike($right->log_text, qr/killed by signal|SIGSYS|panic/,
	'lies: nobody died');
stop_peer($liar);

# --- one that is somebody else -------------------------------------------------------

for my $is ([ 'a wrong authority', $by_tls =~ s/\Q$certs\E/$stranger/r ],
	[ 'a wrong name', $by_tls . "tls_name = other.test\n" ],
	[ 'a wrong password', $by_tls =~ s/se-cret/no/r ]) {
	$right->etc('state.cf', $is->[1]);
	$right->reload;
	ok(wait_until(60, sub { grey($right, '127.0.1.1', 'a@b.test') eq '451' }),
		"$is->[0]: mail waits");
}
$right->etc('state.cf', $by_tls);
ok(wait_until(60, sub { grey($right, '127.0.1.1', 'a@b.test') eq '250' }),
	'the right one: the file was read anew without a word');

# --- who may change it, and what cannot be ------------------------------------------

$right->configure({ greylist_map => 'redis:/nowhere/state.cf' });
like($right->tool('barid', 'check')->{err} . $right->tool('barid', 'check')->{out},
	qr{redis:/nowhere/state\.cf: .*No such file}, 'barid check: no such file');
$right->configure({ greylist_map => 'memcache:/nowhere/state.cf' });
$said = $right->tool('barid', 'check');
like($said->{err} . $said->{out}, qr{greylist_map.*memcache.*memory},
	'barid check: a type that hosts cannot share');
$right->etc('state.cf', "hosts = x:y:z\n");
$right->configure({ greylist_map => "redis:$right->{cf}" });
$said = $right->tool('barid', 'check');
like($said->{err} . $said->{out}, qr{state\.cf.*bad host}, 'barid check: a bad host');
$_->stop for @hosts;
done_testing();
