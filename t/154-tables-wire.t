#!/usr/bin/perl
# Tables whose protocol we speak ourselves: redis: and memcache: with real
# servers; socketmap:, tcp: and all of them with servers that lie, are silent or
# leave.
use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More;

use Barid::Databases;
use Barid::Test;

plan_installed('sbin/barid', 'sbin/postmap', 'libexec/barid/lookup');

my $t = Barid::Test->new(main => { lookup_cache_time => 0,
	mydestination => '', virtual_alias_domains => 'example.test' });
my $etc = "$t->{dir}/etc";
my $n = 0;

# A table of these parameters ("type:/file"), or one whose name says all.
sub spec
{
	my ($type, %is) = @_;
	my $name = 'ask' . $n++ . '.cf';

	return $is{''} if exists $is{''};
	$t->etc($name, join('', map { "$_ = $is{$_}\n" } sort keys %is));
	return "$type:$etc/$name";
}

# -u: what is no UTF-8 is asked for as well.
sub ask
{
	return run_command(installed('sbin/postmap'), '-c', $etc, '-u', '-q', @_);
}

sub answers
{
	my ($what, $key, $want, @spec) = @_;
	my $ran = ask($key, spec(@spec));

	is($ran->{out}, defined $want ? "$want\n" : '', "$spec[0]: $what") or
	    diag($ran->{err});
	is($ran->{exit}, defined $want ? 0 : 1, "$spec[0]: $what: exit");
	unlike($ran->{err}, qr/fatal/, "$spec[0]: $what: no error");
}

sub fails
{
	my ($what, $key, $want, @spec) = @_;
	my $ran = ask($key, spec(@spec));

	is($ran->{exit}, 1, "$spec[0]: $what: exit");
	is($ran->{out}, '', "$spec[0]: $what: no answer");
	like($ran->{err}, $want, "$spec[0]: $what");
}

# --- A server that says what it is told to ----------------------------------------

# A question that matches gets that answer; undef hangs up, '' is silence.  What
# it was asked stands in a file.  One process for each connection.
sub start_liar
{
	my ($get, @answers) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		Listen => 50) or die "listen: $!\n";
	my $heard = "$t->{dir}/heard" . $n++;
	my $pid = start_peer(sub {
		local $SIG{CHLD} = 'IGNORE';
		while (1) {
			my $c = $listener->accept or next;

			next if fork;
			while (defined(my $question = $get->($c))) {
				append_file($heard, "$question\n");
				my ($hit) = grep { $question =~ $_->[0] }
				    @answers;
				my $answer = ref $hit->[1]
				    ? $hit->[1]->($question) : $hit->[1];

				exit 0 unless defined $answer;
				sleep 100 if $answer eq '';
				print $c $answer;
				$c->flush;
			}
			exit 0;
		}
	});
	return ($listener->sockport, $heard, $pid);
}

sub read_some
{
	my ($c) = @_;

	my $got;

	return sysread($c, $got, 65536) ? $got : undef;
}

sub netstring { return length($_[0]) . ":$_[0]," }

# --- socketmap ----------------------------------------------------------------------

my @evil = ('with space', "tab\there", '3:abc,', 'x NOTFOUND', "\xff\xfe",
	'%s', 'a' x 3000);
my ($port, $heard, $liar) = start_liar(\&read_some,
	[ qr/ found,$/, netstring('OK the value') ],
	[ qr/ empty,$/, netstring('OK ') ],
	[ qr/ none,$/, netstring('NOTFOUND ') ],
	[ qr/ bare,$/, netstring('NOTFOUND') ],
	[ qr/ temp,$/, netstring('TEMP come back') ],
	[ qr/ timeout,$/, netstring('TIMEOUT behind') ],
	[ qr/ perm,$/, netstring('PERM never') ],
	[ qr/ huge,$/, netstring('OK ' . 'x' x 200_000) ],
	[ qr/ declared,$/, '99999999999:' ],
	[ qr/ nolength,$/, ':OK x,' ], [ qr/ noend,$/, '4:OK xy' ],
	[ qr/ garbage,$/, "\0\xff\r\n" ], [ qr/ cut,$/, undef ],
	[ qr/ word,$/, netstring('MAYBE x') ],
	[ qr/ twice,$/, netstring('OK one') . netstring('OK two') ],
	[ qr/ after,$/, netstring('OK after') ],
	[ qr/^\d+:mine (.*),$/s, sub {
		$_[0] =~ /^\d+:mine (.*),$/s;
		return netstring("OK <$1>");
	} ]);
my @map = (socketmap => '' => "socketmap:inet:127.0.0.1:$port:mine");

answers('found', 'found', 'the value', @map);
answers('not found', 'none', undef, @map);
answers('not found, and no more', 'bare', undef, @map);
for my $why (qw(temp timeout perm declared nolength noend garbage cut word huge)) {
	fails("attack 45: $why", $why, qr/query error: table .*socketmap/, @map);
}
for my $evil (@evil) {
	my $what = substr($evil, 0, 20);

	is(ask($evil, $map[2])->{out}, "<$evil>\n",
		"attack 43: socketmap: $what: is one key");
}
is(run_command({ stdin => "twice\nafter\nfound\n" },
	installed('sbin/postmap'), '-c', $etc, '-q', '-', $map[2])->{out},
	"twice\tone\nafter\tafter\nfound\tthe value\n",
	'attack 45: socketmap: a second answer is nobody\'s');
like(ask('x', "socketmap:inet:127.0.0.1:$port")->{err}, qr/fatal: .*no port/,
	'socketmap: without a name');
like(ask('x', 'socketmap:nowhere:x')->{err}, qr/fatal: .*need inet:/,
	'socketmap: of no kind');

my $path = "$t->{dir}/s";
my $unix = IO::Socket::UNIX->new(Local => $path, Listen => 5)
    or die "listen: $!\n";
start_peer(sub {
	while (my $c = $unix->accept) {
		read_some($c);
		print $c netstring('OK unix');
	}
});
answers('a socket', 'x', 'unix', socketmap => '' =>
	    "socketmap:unix:$path:mine");

# --- tcp ------------------------------------------------------------------------------

($port, $heard, my $tcp) = start_liar(sub { scalar readline($_[0]) },
	[ qr/^get found$/, "200 the%20value\n" ],
	[ qr/^get none$/, "500 no\n" ], [ qr/^get bad$/, "400 later\n" ],
	[ qr/^get cut$/, undef ],
	[ qr/^get code$/, "299 x\n" ], [ qr/^get percent$/, "200 a%2\n" ],
	[ qr/^get huge$/, '200 ' . 'x' x 100_000 . "\n" ],
	[ qr/^get nothing$/, "\n" ], [ qr/^get bare$/, "200\n" ],
	[ qr/^get /, sub { $_[0] =~ /^get (.*)$/; return "200 $1\n" } ]);
@map = (tcp => '' => "tcp:127.0.0.1:$port");
answers('found', 'found', 'the value', @map);
answers('not found', 'none', undef, @map);
for my $why (qw(bad cut code percent huge nothing bare)) {
	fails("attack 45: $why", $why, qr/query error/, @map);
}
for my $evil ("with space", "tab\there", 'a%20b', "\xff", "x\r") {
	is(ask($evil, $map[2])->{out}, "$evil\n",
		"attack 43: tcp: a key is one word on the wire");
}
unlike(read_file($heard), qr/^get [^\n]*[ \t\r\xff]/m,
	'attack 43: tcp: and nothing but printable bytes');
answers('a key that is too long', 'k' x 5000, undef, @map);

# --- redis ----------------------------------------------------------------------------

if (my $db = start_redis(<<'END', '--requirepass', 'se cret')) {
END
	my $tell = sub {
		return run_command({ stdin => $_[0],
			env => { REDISCLI_AUTH => 'se cret' } }, 'redis-cli',
			'-p', $db->{port})->{out};
	};
	my @evil = ("o'hara", 'a b', "tab\there", '$5', '*3', '"quoted"', '%s',
		"\xc3\xa4", '\\r\\nflushall', '[x]', '?');
	my %is = (hosts => "127.0.0.1:$db->{port}", password => 'se cret');

	$tell->(qq{SET user\@example.test a\@b.test\nRPUSH list x "" y z\n} .
		qq{HSET h f v\nSADD s one\n} .
		join('', map { 'SET "' . s/([\\"])/\\$1/gr .
			    '" "is ' . s/([\\"])/\\$1/gr . "\"\n" } @evil));
	answers('found', 'user@example.test', 'a@b.test', redis => %is);
	answers('folded', 'User@Example.Test', 'a@b.test', redis => %is);
	answers('not found', 'none', undef, redis => %is);
	answers('a list', 'list', 'x,y,z', redis => %is,
		command => 'LRANGE %s 0 -1');
	answers('a hash', 'f', 'v', redis => %is, command => 'HGET h %s');
	answers('a number', 's', '1', redis => %is, command => 'SCARD %s');
	answers('an empty list', 'nolist', undef, redis => %is,
		command => 'LRANGE %s 0 -1');
	answers('%d of a part', 'user', undef, redis => %is,
		command => 'GET %d');
	answers('result_format', 'user@example.test', '(b.test) user',
		redis => %is, result_format => '(%d) %U');
	fails('expansion_limit', 'list', qr/expansion_limit/, redis => %is,
		command => 'LRANGE %s 0 -1', expansion_limit => 2);
	fails('another type', 'list', qr/query error.*WRONGTYPE/, redis => %is);
	fails('a wrong password', 'f', qr/query error.*WRONGPASS|invalid/i,
		redis => %is, password => 'x');
	fails('TLS, which is not there', 'f',
		qr/query error.*(TLS|closed|timeout)/, redis => %is,
		tls_verify_cert => 'no', timeout => 5);
	answers('another database', 'user@example.test', undef, redis => %is,
		database => 3);
	answers('a socket', 'user@example.test', 'a@b.test', redis => %is,
		hosts => "unix:$db->{socket}");
	answers('fail-over', 'user@example.test', 'a@b.test', redis => %is,
		hosts => '127.0.0.1:' . free_port() . " 127.0.0.1:$db->{port}");
	for my $evil (@evil) {
		answers("attack 43: $evil", $evil, "is $evil", redis => %is);
	}
	answers('attack 43: nothing was done', 'user@example.test', 'a@b.test',
		redis => %is);
	answers('attack 43: no text', "\xff", undef, redis => %is);

	# By way of lookup: attack 97, down and back.
	$t->configure({ virtual_alias_maps =>
		    spec(redis => %is, command => 'GET %s', timeout => 5) });
	$t->start;
	is(rcpt('user@example.test'), 250, 'redis: lookup: found');
	is(rcpt('none@example.test'), 550, 'redis: lookup: not found');
	stop_peer($db->{pid});
	is(rcpt('down@example.test'), 451, 'attack 97: redis is down');
	$db->{start}->();
	my $tries = 0;
	ok(wait_until(60, sub {
		rcpt('back' . $tries++ . '@example.test') eq '550'
	}), 'attack 97: redis is back');
	unlike($t->log_text, qr/se cret|killed by signal/,
		'redis: no password in the log, nobody was killed');
	$t->stop;
}

# With TLS: who the server is, and who we are.
if (my $certs = make_certificates(database_folder(),
		good => [ 'DNS:localhost,IP:127.0.0.1', 30 ],
		other => [ 'DNS:other.test', 30 ],
		ended => [ 'DNS:localhost,IP:127.0.0.1', -1 ],
		client => [ 'DNS:client.test', 30 ])) {
	my $stranger = make_certificates(database_folder());
	my %port;

	for my $cert (qw(good other ended)) {
		$port{$cert} = free_port();
		my $db = start_redis("SET user\@example.test by.$cert\n" .
			"ACL SETUSER mail on >pa\\ss ~* +get\n",
			'--tls-port', $port{$cert}, '--tls-cert-file',
			"$certs/$cert.pem", '--tls-key-file',
			"$certs/$cert.key", '--tls-ca-cert-file',
			"$certs/ca.pem", '--tls-auth-clients',
			$cert eq 'other' ? 'yes' : 'optional') or last;
		$port{clear} = $db->{port};
	}
	my %is = (tls_CAfile => "$certs/ca.pem", timeout => 20);
	my @by = ('user@example.test', 'by.good', redis => %is);
	my @no = ('user@example.test', qr/query error.*certificate/i,
		redis => %is);
	my @who = (tls_cert_file => "$certs/client.pem",
		tls_key_file => "$certs/client.key");

	if ($port{clear}) {
		answers('TLS', @by, hosts => "localhost:$port{good}");
		answers('TLS: an address', @by, hosts => "127.0.0.1:$port{good}");
		answers('TLS: an account', @by, hosts => "localhost:$port{good}",
			user => 'mail', password => 'pa\\ss');
		fails('TLS: an account, a wrong password', 'user@example.test',
			qr/query error.*WRONGPASS/, redis => %is,
			hosts => "localhost:$port{good}", user => 'mail',
			password => 'x');
		fails('TLS: unknown authority', @no, tls_CAfile =>
			"$stranger/ca.pem", hosts => "localhost:$port{good}");
		fails('TLS: the authorities of the system', @no,
			tls_CAfile => '', tls => 'yes',
			hosts => "localhost:$port{good}");
		fails('TLS: it has ended', 'user@example.test',
			qr/query error.*certificate has expired/, redis => %is,
			hosts => "localhost:$port{ended}");
		fails('TLS: a wrong name', 'user@example.test',
			qr/query error.*hostname mismatch/, redis => %is, @who,
			hosts => "localhost:$port{other}");
		fails('TLS: a wrong address', 'user@example.test',
			qr/query error.*IP address mismatch/, redis => %is, @who,
			hosts => "127.0.0.1:$port{other}");
		answers('TLS: the name that is told', 'user@example.test',
			'by.other', redis => %is, @who, tls_name => 'other.test',
			hosts => "localhost:$port{other}");
		fails('TLS: who are we?', 'user@example.test', qr/query error/,
			redis => %is, tls_name => 'other.test',
			hosts => "localhost:$port{other}");
		answers('TLS: nobody looks', 'user@example.test', 'by.ended',
			redis => %is, tls_verify_cert => 'no',
			hosts => "localhost:$port{ended}");
		answers('TLS: the next host is the right one', @by, hosts =>
			"localhost:$port{ended} localhost:$port{good}");
		fails('TLS: a server without', 'user@example.test',
			qr/query error/, redis => %is, timeout => 5,
			hosts => "localhost:$port{clear}");
		answers('TLS: no', 'user@example.test', 'by.ended', redis =>
			tls => 'no', hosts => "localhost:$port{clear}");
		fails('TLS: no such authority', 'x', qr/fatal.*tls_CAfile/,
			redis => tls_CAfile => '/nowhere');
		fails('TLS: no such key', 'x', qr/fatal.*tls_key_file/,
			redis => %is, @who, tls_key_file => '/nowhere');
		fails('TLS: another\'s key', 'x', qr/fatal.*tls_key_file/,
			redis => %is, @who, tls_key_file => "$certs/good.key");

		# A key that root alone may read, by way of lookup; and a trust
		# that is taken back is seen without a word.
		my $mine = database_folder();

		write_file("$mine/$_", read_file("$certs/$_"))
		    for qw(client.pem client.key ca.pem);
		chmod(0600, "$mine/client.key");
		chown(0, 0, "$mine/client.key") if $> == 0;
		$t->configure({ virtual_alias_maps => spec(redis =>
			tls_CAfile => "$mine/ca.pem", tls_name => 'other.test',
			tls_cert_file => "$mine/client.pem",
			tls_key_file => "$mine/client.key",
			hosts => "localhost:$port{other}", timeout => 20) });
		$t->start;
		is(rcpt('user@example.test'), 250, 'TLS: by lookup: found');
		is(rcpt('none@example.test'), 550, 'TLS: by lookup: not found');
		write_file("$mine/ca.pem", read_file("$stranger/ca.pem"));
		my $tries = 0;
		ok(wait_until(60, sub {
			rcpt('t' . $tries++ . '@example.test') eq '451'
		}), 'TLS: another authority is trusted now');
		$t->stop;
	}
}

sub rcpt
{
	my $c = $t->connect;

	$c->read_reply;
	for ('EHLO client.example', 'MAIL FROM:<>') {
		$c->send($_);
		$c->read_reply;
	}
	$c->send("RCPT TO:<$_[0]>");
	return substr($c->read_reply(60), 0, 3);
}

my $crlf = "\r\n";
($port) = start_liar(\&read_some,
	[ qr/huge/, '$999999999' . $crlf ], [ qr/list/, "*2$crlf*1$crlf" ],
	[ qr/many/, "*999999999$crlf" ], [ qr/word/, "hello$crlf" ],
	[ qr/long/, '+' . 'x' x 100_000 ], [ qr/cut/, undef ],
	[ qr/noend/, "\$1${crlf}xyz" ], [ qr/minus/, "\$-5$crlf" ],
	[ qr/early/, "*2$crlf\$1${crlf}a$crlf-ERR half$crlf" ],
	[ qr/deep/, sub { "*1$crlf" x 10_000 } ], [ qr/nothing/, $crlf ]);
for my $why (qw(huge list many word long cut noend minus early deep nothing)) {
	fails("attack 45: $why", $why, qr/query error/, redis =>
		hosts => "127.0.0.1:$port", timeout => 5);
}

# --- memcache -------------------------------------------------------------------------

if (my $db = start_memcached()) {
	my %is = (memcache => "inet:127.0.0.1:$db->{port}");
	my $put = sub {
		my ($key, $value) = @_;
		my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $db->{port}) or die "connect: $!\n";

		print $c "set $key 0 0 ", length($value), "\r\n$value\r\n";
		return scalar readline($c);
	};

	$put->('user@example.test', 'cached value');
	$put->('p:user', 'prefixed');
	answers('found', 'user@example.test', 'cached value', memcache => %is);
	answers('not found', 'none', undef, memcache => %is);
	answers('key_format', 'user@example.test', 'prefixed', memcache => %is,
		key_format => 'p:%u');
	answers('a table behind it', 'b', 'from behind', memcache => %is,
		backup => 'inline:{ { b = from behind } }');
	answers('and its answer is kept', 'b', 'from behind', memcache => %is);
	for my $key ('x y', "x\ty", 'k' x 251, "\xff") {
		answers('attack 43: a key that cannot be', $key, undef,
			memcache => %is);
	}
	answers('attack 43: is asked behind', 'x y', 'spaced', memcache => %is,
		backup => 'static:spaced');
	fails('a value that is too long', 'user@example.test',
		qr/query error/, memcache => %is, data_size_limit => 5);
	answers('the cache is down, what is behind is not', 'b', 'behind',
		memcache => memcache => 'inet:127.0.0.1:' . free_port(),
		backup => 'inline:{b=behind}');
	fails('all is down', 'b', qr/query error/, memcache =>
		memcache => 'inet:127.0.0.1:' . free_port(),
		backup => 'fail:x');
	fails('nothing is behind', 'b', qr/query error/, memcache =>
		memcache => 'inet:127.0.0.1:' . free_port());
}
for my $is ([ backup => 'memcache' ], [ domain => 'memcache' ],
	[ backup => 'unionmap:{memcache' ]) {
	my ($parameter, $table) = @$is;
	my $self = "$table:$etc/ask$n.cf" . ($table =~ /\{/ ? '}' : '');

	fails("attack 45: a circle of $parameter = $table", 'x@y.test',
		qr/more than 10 tables within each other/, memcache =>
		memcache => 'inet:127.0.0.1:' . free_port(),
		$parameter => $self);
}
($port) = start_liar(\&read_some,
	[ qr/get error/, "SERVER_ERROR out of memory\r\n" ],
	[ qr/get neg/, "VALUE neg 0 -1\r\n" ], [ qr/get cut/, undef ],
	[ qr/get huge/, "VALUE huge 0 99999999\r\n" ],
	[ qr/get noend/, "VALUE noend 0 1\r\nx\r\nVALUE y 0 1\r\ny\r\nEND\r\n" ],
	[ qr/get line/, 'x' x 100_000 ], [ qr/get silent/, '' ]);
for my $why (qw(error neg cut huge noend line silent)) {
	fails("attack 45: $why", $why, qr/query error/, memcache =>
		memcache => "inet:127.0.0.1:$port", timeout => 1);
}
done_testing();
