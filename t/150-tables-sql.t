#!/usr/bin/perl
# pgsql:, mysql: and sqlite: tables against real servers: what the parameters
# do, that no key is more than a key, fail-over, TLS that verifies, and that a
# server that is gone or slow is a temporary failure, by way of lookup too.
use strict;
use warnings;

use Test::More;

use Barid::Databases;
use Barid::Test;

plan_installed('sbin/barid', 'sbin/postmap', 'libexec/barid/lookup');

# --- The same rows in all of them ---------------------------------------------------

# Names that would be more than a name, if one could get out of the quotes.
my @evil = ("o'hara\@example.test", 'back\\slash@example.test',
	'quo"te@example.test', "' or '1'='1", "'; delete from a; --",
	"\\' or 1=1 -- ", '$$', "x\\", '%s', '%u@example.test', "tab\there",
	"\xc3\xa4\@example.test", 'a;b', "')) union select v from a --");
my @rows = ([ 'user@example.test', 'mailbox/' ], [ 'two@example.test', 'a' ],
	[ 'two@example.test', 'b' ], [ 'null@example.test', undef ],
	[ 'empty@example.test', '' ], [ 'catch', 'x@y.test' ],
	(map { [ $_, "evil$_" ] } map { $evil[$_] } 0 .. $#evil));

sub literal
{
	my ($type, $text) = @_;

	return 'NULL' unless defined $text;
	$text =~ s/'/''/g;
	$text =~ s/\\/\\\\/g if $type eq 'mysql';
	return "'$text'";
}

sub inserts
{
	my ($type) = @_;

	return join('', map {
		sprintf("INSERT INTO a VALUES (%s, %s);\n",
			literal($type, $_->[0]), literal($type, $_->[1]))
	} @rows);
}

# --- Databases ------------------------------------------------------------------------

my %databases;
my $tls = tls_files();

sub tls_files
{
	my $folder = database_folder();

	my %certifies = (good => 'DNS:localhost', other => 'DNS:localhost',
		ip => 'IP:127.0.0.1');

	for my $name (sort keys %certifies) {
		my $made = run_command('openssl', 'req', '-x509', '-newkey',
			'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
			'-keyout', "$folder/$name.key", '-out',
			"$folder/$name.pem", '-days', 2, '-subj',
			'/CN=localhost', '-addext',
			"subjectAltName=$certifies{$name}");

		is($made->{exit}, 0, "a certificate, $name");
		chmod(0600, "$folder/$name.key");
		chown((getpwnam('nobody'))[2, 3], "$folder/$name.key")
		    if $> == 0;
	}
	return $folder;
}

my $t = Barid::Test->new(main => {
	virtual_mailbox_domains => 'pgsql.test mysql.test sqlite.test',
	virtual_mailbox_base => '/nonexistent',
	virtual_mailbox_maps => '',
	virtual_uid_maps => 'static:65534',
	virtual_gid_maps => 'static:65534',
	smtpd_recipient_restrictions => 'permit_mynetworks, reject',
	lookup_cache_time => '0',
});
my $etc = "$t->{dir}/etc";

if (-e installed('libexec/barid/modules/pgsql.so')) {
	my $db = start_postgresql(
		"CREATE ROLE mail LOGIN PASSWORD 's\$cret';\n" .
		"CREATE TABLE a (k text, v text);\n" . inserts('pgsql') .
		"GRANT ALL ON a TO mail;\n" .
		"CREATE FUNCTION f(text) RETURNS SETOF text LANGUAGE sql AS 'SELECT v FROM a WHERE k = \$1';\n",
		settings => "ssl = on\nssl_cert_file = '$tls/good.pem'\n" .
		    "ssl_key_file = '$tls/good.key'\n");

	$databases{pgsql} = $db if $db;
}
if (-e installed('libexec/barid/modules/mysql.so')) {
	my $db = start_mariadb(join("\n", "CREATE DATABASE mail;",
		"USE mail;", "SET NAMES utf8mb4;", "CREATE TABLE a (k text, v text) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;",
		inserts('mysql') .
		"CREATE PROCEDURE one(k text) SQL SECURITY INVOKER BEGIN SELECT 'a'; END;\n" .
		"CREATE PROCEDURE two(k text) SQL SECURITY INVOKER BEGIN SELECT 'a'; SELECT 'b'; END;\n" .
		"GRANT ALL ON mail.* TO mail\@'%' IDENTIFIED BY 's\$cret';\n"),
		"--ssl-cert=$tls/ip.pem", "--ssl-key=$tls/ip.key",
		'--bind-address=127.0.0.1,127.0.0.2');

	$databases{mysql} = $db if $db;
}
if (-e installed('libexec/barid/modules/sqlite.so') && have_peer('sqlite3')) {
	my $folder = database_folder();
	my $made = run_command({
		stdin => "CREATE TABLE a (k text, v text);\n" .
		    inserts('sqlite')
	}, 'sqlite3', "$folder/mail.db");

	is($made->{exit}, 0, 'sqlite: made') or diag($made->{err});
	$databases{sqlite} = { folder => $folder };
}
plan(skip_all => 'there is no database on this machine') unless %databases;

# The text of a table's parameters.
sub source
{
	my ($type, %more) = @_;
	my $db = $databases{$type};
	my %is = (
		$type eq 'sqlite' ? (dbpath => "$db->{folder}/mail.db")
		: (user => 'mail', password => 's$cret',
			dbname => $type eq 'pgsql' ? 'postgres' : 'mail',
			hosts => "127.0.0.1:$db->{port}"),
		query => "SELECT v FROM a WHERE k = '%s'",
		%more);

	return join('', map { defined $is{$_} ? "$_ = $is{$_}\n" : '' }
		sort keys %is);
}

my $n = 0;

# Ask a table of these parameters for keys: what postmap printed, and how it ended.
sub ask
{
	my ($type, $keys, %more) = @_;
	my $name = 'ask' . $n++ . '.cf';

	$t->etc($name, source($type, %more));
	return ref $keys
	    ? run_command({ stdin => join('', map { "$_\n" } @$keys) },
		installed('sbin/postmap'), '-c', $etc, '-q', '-',
		"$type:$etc/$name")
	    : run_command(installed('sbin/postmap'), '-c', $etc, '-q', $keys,
		"$type:$etc/$name");
}

sub answers
{
	my ($what, $type, $key, $want, %more) = @_;
	my $ran = ask($type, $key, %more);

	is($ran->{out}, defined $want ? "$want\n" : '', "$type: $what") or
	    diag($ran->{err});
	is($ran->{exit}, defined $want ? 0 : 1, "$type: $what: exit");
}

sub fails
{
	my ($what, $type, $key, $want, %more) = @_;
	my $ran = ask($type, $key, %more);

	is($ran->{exit}, 1, "$type: $what: exit");
	is($ran->{out}, '', "$type: $what: no answer");
	like($ran->{err}, $want, "$type: $what");
}

my $user = 'user@example.test';

for my $type (sort keys %databases) {
	answers('found', $type, $user, 'mailbox/');
	answers('not found', $type, 'none@example.test', undef);
	answers('folded', $type, 'USER@Example.Test', 'mailbox/');
	answers('two rows', $type, 'two@example.test', 'a,b');
	answers('two columns', $type, $user,
		$type eq 'sqlite' ? $user : "$user,mailbox/",
		query => "SELECT k, v FROM a WHERE k = '%s'");
	answers('NULL', $type, 'null@example.test', undef);
	answers('empty', $type, 'empty@example.test', undef);
	answers('%u and %d', $type, $user, 'mailbox/',
		query => "SELECT v FROM a WHERE k = '%u\@%d'");
	answers('%u without a domain', $type, 'catch', 'x@y.test',
		query => "SELECT v FROM a WHERE k = '%u'");
	answers('%d without a domain', $type, 'catch', undef,
		query => "SELECT 'x' WHERE 'a' <> '%d'")
	    unless $type eq 'mysql';
	answers('%1 and %2', $type, 'x@a.example.test', 'test-example-a',
		query => "SELECT '%1-%2-%3'");
	answers('%4 of three', $type, 'x@a.example.test', undef,
		query => "SELECT '%4'");
	answers('result_format', $type, $user, '[mailbox/] user',
		result_format => '[%s] %U');
	answers('%d of a result', $type, 'catch', 'x at y.test',
		result_format => '%u at %d');
	answers('%d of a result without', $type, $user, undef,
		result_format => '%d');
	answers('a domain', $type, $user, 'mailbox/',
		domain => 'other.test, example.test');
	answers('another domain', $type, $user, undef, domain => 'other.test');
	answers('a domain, and a part of an address', $type, 'catch', undef,
		domain => 'example.test');
	answers('old parameters', $type, $user, 'mailbox/', query => undef,
		select_field => 'v', table => 'a', where_field => 'k',
		additional_conditions => "AND v <> 'no'");
	answers('the limit', $type, 'two@example.test', 'a,b',
		expansion_limit => 2);
	fails('over the limit', $type, 'two@example.test', qr/expansion_limit/,
		expansion_limit => 1);
	fails('a bad statement', $type, $user, qr/query error/,
		query => "SELECT nothing FROM nowhere WHERE k = '%s'");
	fails('a bad template', $type, $user, qr/invalid %-macro/,
		query => "SELECT '%x'");
	fails('no query', $type, $user, qr/parameter query is not set/,
		query => undef);
	fails('two paths', $type, $user, qr/dbpath must be a whole path/,
		dbpath => "$databases{sqlite}{folder}/mail.db other.db")
	    if $type eq 'sqlite';

	# Attack 44: each name is found as that name, and finds nothing else.
	my %forms = (query => [], select_field => [ query => undef,
		select_field => 'v', table => 'a', where_field => 'k' ]);
	$forms{select_function} = [ query => undef, select_function => 'f' ]
	    if $type eq 'pgsql';
	my $ran;
	for my $form (sort keys %forms) {
		$ran = ask($type, \@evil, @{$forms{$form}});
		is($ran->{out}, join('', map { "$_\tevil$_\n" } @evil),
			"attack 44: $type, $form: each key is itself") or
		    diag($ran->{err});
		$ran = ask($type, [ map { "no such $_" } @evil ],
			@{$forms{$form}});
		is($ran->{out}, '',
			"attack 44: $type, $form: and not found beside");
	}
	# Attack 43: what is no text.
	$ran = ask($type, [ "\xff\@example.test", "\xbf'", "\xbf\\' or 1=1 -- ",
		"a\0' or 1=1 --" ]);
	is($ran->{out}, '', "attack 43: $type: no text, not found");
	is($ran->{exit}, 1, "attack 43: $type: and no error");
	answers('the rows are all there', $type, $user, scalar(@rows),
		query => 'SELECT count(*) FROM a');
	like(ask($type, $user, query => 'SELECT v FROM a WHERE k = %s')->{err},
		qr/warning: .*outside of quotes/, "$type: a macro without quotes");
}

# --- Several statements, and none that answers --------------------------------------

answers('the last statement answers', 'pgsql', $user, 'mailbox/',
	query => "SELECT 'no'; SELECT v FROM a WHERE k = '%s'")
    if $databases{pgsql};
answers('the last one that gives rows', 'pgsql', $user, 'mailbox/',
	query => "BEGIN; SELECT v FROM a WHERE k = '%s'; COMMIT")
    if $databases{pgsql};
answers('and says that there is nothing', 'pgsql', $user, undef,
	query => "SELECT v FROM a WHERE k = '%s'; SELECT 'x' WHERE false")
    if $databases{pgsql};
answers('the first statement answers', 'sqlite', $user, 'mailbox/',
	query => "SELECT v FROM a WHERE k = '%s'; SELECT 'no'")
    if $databases{sqlite};
if ($databases{mysql}) {
	answers('a procedure', 'mysql', $user, 'a', query => "CALL one('%s')");
	fails('a procedure with two answers', 'mysql', $user,
		qr/query error.*more than one result set/,
		query => "CALL two('%s')");
	fails('no answer', 'mysql', $user, qr/require_result_set/,
		query => "SET \@x = '%s'");
	answers('no answer, which may be', 'mysql', $user, undef,
		query => "SET \@x = '%s'", require_result_set => 'no');
	fails('neither yes nor no', 'mysql', $user, qr/need yes or no/,
		require_result_set => 'perhaps');
	# Ten servers share the time to connect; a question has all of it.
	is(ask('mysql', [ 'quick', 'slow' ], timeout => 20,
			hosts => join(' ', ("127.0.0.1:$databases{mysql}{port}") x 10),
			query => "SELECT IF('%s' = 'slow', sleep(3), 'x')")->{out},
		"quick\tx\nslow\t0\n",
		'mysql: a question may take longer than to connect');
}

# --- Where parameters stand ---------------------------------------------------------

for my $type (sort keys %databases) {
	my $text = source($type);
	my %main = (relocated_maps =>
		    join(' ', map { "$_:${_}source" } sort keys %databases));
	my @pairs;

	while ($text =~ /^(\w+) = (.*)$/mg) {
		my ($name, $value) = ($1, $2);

		push @pairs, "{ $name = $value }";
		$value =~ s/\$/\$\$/g;
		$main{"${type}source_$name"} = $value;
	}
	$t->configure(\%main);
	is($t->tool('postmap', '-q', $user, "$type:${type}source")->{out},
		"mailbox/\n", "$type: parameters in main.cf");
	is($t->tool('postmap', '-q', $user,
		"proxy:$type:{ @pairs }")->{out},
		"mailbox/\n", "$type: parameters in braces");
	is($t->tool('postmap', '-q', $user,
		"unionmap:{static:x, $type:{ @pairs }}")->{out},
		"x,mailbox/\n", "$type: and those within another table");
	unlike($t->tool('postconf', '-n')->{err}, qr/unused.*${type}source/,
		"$type: postconf does not wonder");
	like($t->tool('postmap', '-q', $user, "$type:/nonexistent/x")->{err},
		qr{fatal: open /nonexistent/x: No such file},
		"$type: no file");
}

$t->configure({ relocated_maps => '' });

# --- Servers that are not there -----------------------------------------------------

my $dead = free_port();

for my $type (grep { $_ ne 'sqlite' } sort keys %databases) {
	my $db = $databases{$type};
	my $socket = $type eq 'pgsql' ? $db->{folder} : $db->{socket};

	answers('fail-over', $type, $user, 'mailbox/',
		hosts => "127.0.0.1:$dead, inet:127.0.0.1:$db->{port}");
	answers('a socket', $type, $user, 'mailbox/', hosts => "unix:$socket")
	    if $type eq 'mysql';
	answers('a socket', $type, $user, 'mailbox/',
		hosts => "postgresql:///postgres?host=$socket&port=$db->{port}")
	    if $type eq 'pgsql';
	fails('no server', $type, $user, qr/query error: table .*connect/,
		hosts => "127.0.0.1:$dead");
	fails('a wrong password', $type, $user, qr/query error/,
		password => 'wrong');
	# Attack 45: silence.
	my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		Listen => 5) or die "listen: $!\n";
	fails('silence', $type, $user, qr/query error/,
		hosts => '127.0.0.1:' . $silent->sockport, timeout => 1);
	answers('silence, and another server', $type, $user, 'mailbox/',
		hosts => '127.0.0.1:' . $silent->sockport .
		    " 127.0.0.1:$db->{port}", timeout => 4);
	fails('a slow answer', $type, $user, qr/query error/, timeout => 1,
		query => $type eq 'pgsql' ? 'SELECT pg_sleep(50)'
		: 'SELECT sleep(50)');
}

# --- TLS ------------------------------------------------------------------------------

if ($databases{mysql}) {
	my @where = (hosts => "127.0.0.1:$databases{mysql}{port}",
		query => "SELECT IF(variable_value = '', 'plain', 'TLS') " .
		    'FROM information_schema.session_status ' .
		    "WHERE variable_name = 'Ssl_cipher'");
	my @elsewhere = (@where, hosts => "127.0.0.2:$databases{mysql}{port}");

	answers('no TLS', 'mysql', $user, 'plain', @where);
	answers('TLS', 'mysql', $user, 'TLS', @elsewhere,
		tls_CAfile => "$tls/ip.pem");
	answers('TLS that verifies', 'mysql', $user, 'TLS', @where,
		tls_CAfile => "$tls/ip.pem", tls_verify_cert => 'yes');
	fails('attack 45: another authority', 'mysql', $user, qr/query error/,
		@where, tls_CAfile => "$tls/other.pem",
		tls_verify_cert => 'yes');
	fails('attack 45: another name', 'mysql', $user, qr/query error/,
		@elsewhere, tls_CAfile => "$tls/ip.pem",
		tls_verify_cert => 'yes');
}
if ($databases{pgsql}) {
	my $at = "localhost:$databases{pgsql}{port}/postgres";
	my $ip = "127.0.0.1:$databases{pgsql}{port}/postgres";
	my $must = 'sslmode=verify-full&sslrootcert=';

	answers('TLS that verifies', 'pgsql', $user, 'mailbox/',
		hosts => "postgresql://$at?$must$tls/good.pem");
	fails('attack 45: another authority', 'pgsql', $user,
		qr/certificate/,
		hosts => "postgresql://$at?$must$tls/other.pem");
	fails('attack 45: another name', 'pgsql', $user, qr/query error/,
		hosts => "postgresql://$ip?$must$tls/good.pem");
}

# --- By way of lookup -----------------------------------------------------------------

# More than can be done in passing.
my $hard = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c ' .
    "WHERE x < 20000) SELECT v FROM a WHERE k = '%s' AND " .
    '(SELECT max(x) FROM c) = 20000';

for my $type (sort keys %databases) {
	$t->etc("daemon-$type.cf", source($type, timeout => 5,
		query => $type eq 'sqlite' ? $hard
		: "SELECT v FROM a WHERE k = '%s' AND v <> 'no'",
		result_format => '/nonexistent/%s'));
}
$t->configure({ virtual_mailbox_maps =>
	    join(' ', map { "proxy:$_:$etc/daemon-$_.cf" } sort keys %databases),
	virtual_mailbox_domains => 'example.test',
	mydestination => '' });
$t->start;

sub rcpt
{
	my ($address, $code, $what) = @_;

	$t->script(<<"END");
expect 220
send EHLO client.example
expect 250
send MAIL FROM:<>
expect 250
send RCPT TO:<$address>
expect $code
send QUIT
expect 221
closed
END
}

rcpt($user, 250);
rcpt('nobody@example.test', 550);
rcpt("o'hara\@example.test", 250);
if ($databases{sqlite}) {
	# The last of them, and found nowhere else.
	is(run_command({ stdin =>
		    "INSERT INTO a VALUES ('only\@example.test', 'x');\n" },
		'sqlite3', "$databases{sqlite}{folder}/mail.db")->{exit}, 0,
		'a row that is in sqlite only');
	rcpt('only@example.test', 250);
}
for my $type (grep { $databases{$_}{start} } sort keys %databases) {
	my $db = $databases{$type};

	# Attack 97: down, and back.  Not there is not "no such user".
	# (smtpd remembers for seconds what it has heard of an address.)
	stop_peer($db->{pid});
	rcpt("down-$type\@example.test", 451);
	$db->{start}->();
	my $n = 0;
	ok(wait_until(60, sub {
		my $answer = $t->connect;
		my $address = "back-$type-" . $n++ . '@example.test';

		$answer->read_reply;
		$answer->send($_), $answer->read_reply for
		    'EHLO client.example', 'MAIL FROM:<>';
		$answer->send("RCPT TO:<$address>");
		($answer->read_reply)[0] =~ /^550/;
	}), "attack 97: $type: its server is back, and so are the answers");
}
unlike($t->log_text, qr/s\$cret/, 'no password is in the log');
unlike($t->log_text, qr/killed by signal/, 'nobody did what it may not');
$t->stop;
done_testing();
