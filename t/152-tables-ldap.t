#!/usr/bin/perl
# ldap: tables against a real slapd: filters and names that a key cannot leave,
# groups that name their members, fail-over, logging in, StartTLS that verifies,
# and a server that is gone, by way of lookup too.
use strict;
use warnings;

use IO::Socket::INET;
use MIME::Base64;
use Test::More;

use Barid::Databases;
use Barid::Test;

plan_installed('sbin/barid', 'sbin/postmap',
	'libexec/barid/modules/ldap.so');

my $tls = database_folder();
# libldap takes "localhost" for the machine's name.
chomp(my $hostname = `hostname`);

for my $name (qw(good other)) {
	my $made = run_command('openssl', 'req', '-x509', '-newkey', 'ec',
		'-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
		"$tls/$name.key", '-out', "$tls/$name.pem", '-days', 2,
		'-subj', '/CN=localhost', '-addext',
		"subjectAltName=DNS:localhost,DNS:$hostname");

	is($made->{exit}, 0, "a certificate, $name");
	chown((getpwnam('nobody'))[2, 3], "$tls/$name.key") if $> == 0;
}

# Attack 44: what would be more than a value in a filter.
my @evil = ('*', 'a*', '*)(mail=*', ')(|(mail=*', '\\2a', '\\', 'a(b)c',
	"t\tab", 'x)(&', "\xc3\xa4");
my $base = 'dc=example,dc=test';
my $ldif = <<"END";
dn: $base
objectClass: domain
dc: example

dn: ou=people,$base
objectClass: organizationalUnit
ou: people

dn: uid=user,ou=people,$base
objectClass: inetOrgPerson
objectClass: mailThing
cn: user
sn: user
uid: user
mail: user\@example.test
maildrop: mailbox\@host.test
maildrop: second\@host.test
userPassword: secret

dn: uid=other,ou=people,$base
objectClass: inetOrgPerson
objectClass: mailThing
cn: other
sn: other
uid: other
mail: other\@example.test
maildrop: other\@host.test

dn: cn=group,$base
objectClass: groupOfNames
objectClass: mailThing
cn: group
mail: group\@example.test
maildrop: leaf\@host.test
member: uid=user,ou=people,$base
member: uid=other,ou=people,$base

dn: cn=loop,$base
objectClass: groupOfNames
objectClass: mailThing
cn: loop
mail: loop\@example.test
member: cn=loop,$base

dn: cn=dynamic,$base
objectClass: domainRelatedObject
objectClass: applicationProcess
objectClass: mailThing
associatedDomain: x
cn: dynamic
mail: dynamic\@example.test
memberUrl: ldap:///ou=people,$base?mail?one?(uid=*)

END
my $n_evil = 0;

for my $evil (@evil) {
	$n_evil++;
	# LDIF has rules of its own.
	my $base64 = encode_base64($evil, '');

	$ldif .= <<"END";
dn: uid=evil$n_evil,ou=people,$base
objectClass: inetOrgPerson
objectClass: mailThing
cn:: $base64
sn: x
uid: evil$n_evil
maildrop: evil$n_evil

END
}

my $db = start_slapd($ldif, "TLSCertificateFile $tls/good.pem\n" .
	"TLSCertificateKeyFile $tls/good.key\n")
    or plan(skip_all => 'there is no slapd on this machine');

my $t = Barid::Test->new(main => { lookup_cache_time => 0 });
my $etc = "$t->{dir}/etc";
my $n = 0;

sub source
{
	my %is = (server_host => "127.0.0.1:$db->{port}",
		search_base => $base, query_filter => '(mail=%s)', bind => 'no',
		@_);

	return join('', map { defined $is{$_} ? "$_ = $is{$_}\n" : '' }
		sort keys %is);
}

sub ask
{
	my ($key, @more) = @_;
	my $name = 'ask' . $n++ . '.cf';

	$t->etc($name, source(@more));
	return run_command(installed('sbin/postmap'), '-c', $etc, '-q', $key,
		"ldap:$etc/$name");
}

sub answers
{
	my ($what, $key, $want, @more) = @_;
	my $ran = ask($key, @more);

	is($ran->{out}, defined $want ? "$want\n" : '', $what) or
	    diag($ran->{err});
	is($ran->{exit}, defined $want ? 0 : 1, "$what: exit");
	unlike($ran->{err}, qr/fatal/, "$what: no error");
}

sub fails
{
	my ($what, $key, $want, @more) = @_;
	my $ran = ask($key, @more);

	is($ran->{exit}, 1, "$what: exit");
	is($ran->{out}, '', "$what: no answer");
	like($ran->{err}, $want, $what);
}

my $user = 'user@example.test';

# --- What the parameters do -----------------------------------------------------------

answers('found', $user, 'mailbox@host.test,second@host.test');
answers('not found', 'none@example.test', undef);
fails('no such base', $user, qr/query error.*No such object/i,
	search_base => "ou=nowhere,$base");
answers('no such base of the key', $user, undef,
	search_base => "ou=%u,$base");
answers('a base of the key', 'user', 'mailbox@host.test,second@host.test',
	search_base => "uid=%u,ou=people,$base", scope => 'base',
	query_filter => '(objectClass=*)');
answers('one level', $user, undef, scope => 'one');
answers('another attribute', $user, 'user', result_attribute => 'uid');
answers('two attributes', $user, 'user,user@example.test',
	result_attribute => 'uid, mail');
answers('result_format', $user, 'user (example.test)',
	result_attribute => 'uid', result_format => '%s (%D)');
answers('domain', $user, undef, domain => 'other.test');
fails('expansion_limit', $user, qr/expansion_limit/, expansion_limit => 1,
	size_limit => 0);
fails('size_limit', 'x@example.test', qr/query error.*Size limit/i,
	size_limit => 1, query_filter => '(|(uid=user)(uid=other)(mail=%s))');
fails('a bad filter', $user, qr/query error/, query_filter => '(mail=%s');
fails('no base', $user, qr/search_base is not set/, search_base => undef);

# --- Members ----------------------------------------------------------------------------

my @special = (special_result_attribute => 'member, memberUrl');

answers('members', 'group@example.test',
	'leaf@host.test,mailbox@host.test,second@host.test,other@host.test',
	@special);
answers('leaves are left out', 'group@example.test',
	'user@example.test,other@example.test', @special,
	result_attribute => 'uid2', leaf_result_attribute => 'mail');
answers('leaves of who has no members', $user, 'user@example.test', @special,
	result_attribute => 'uid2', leaf_result_attribute => 'mail');
answers('a terminal attribute', 'group@example.test', 'group', @special,
	terminal_result_attribute => 'cn');
answers('a URL', 'dynamic@example.test',
	'user@example.test,other@example.test', @special,
	result_attribute => 'uid', leaf_result_attribute => 'mail');
answers('a URL with none of our attributes', 'dynamic@example.test', undef,
	@special, result_attribute => 'uid');
fails('attack 45: members in a circle', 'loop@example.test',
	qr/recursion_limit/, @special, recursion_limit => 20);

# --- Keys that would be more ------------------------------------------------------------

for my $i (0 .. $#evil) {
	answers("attack 44: $evil[$i]", $evil[$i], 'evil' . ($i + 1),
		query_filter => '(cn=%s)');
	answers("attack 44: no such $evil[$i]", "no $evil[$i]", undef,
		query_filter => '(cn=%s)');
}
answers('attack 44: a name in the base', "user,ou=people", undef,
	search_base => "uid=%u,$base", scope => 'base',
	query_filter => '(objectClass=*)');
for my $key ('x+uid=user', 'user;x', 'us"er', '"user"', "user\\", '<user',
	'#user', '*', "user\\,ou=people,$base") {
	answers("attack 44: $key in the base", $key, undef,
		search_base => "uid=%u,ou=people,$base", scope => 'base',
		query_filter => '(objectClass=*)');
}
answers('attack 43: no text', "\xff*", undef);

# --- Where it is -------------------------------------------------------------------------

my $dead = free_port();
my @to = ($user, 'mailbox@host.test,second@host.test');

answers('fail-over', @to,
	server_host => "127.0.0.1:$dead 127.0.0.1:$db->{port}");
answers('a URL as host', @to, server_host => "ldap://127.0.0.1:$db->{port}");
answers('server_port', @to, server_host => '127.0.0.1',
	server_port => $db->{port});
fails('no server', $user, qr/query error/, server_host => "127.0.0.1:$dead");
my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "listen: $!\n";
fails('attack 45: silence', $user, qr/query error/, bind => 'yes',
	server_host => '127.0.0.1:' . $silent->sockport, timeout => 1);
my @who = (bind => 'yes', bind_dn => "cn=admin,$base");
answers('a login', @to, @who, bind_pw => 'secret');
fails('a wrong password', $user, qr/Invalid credentials/, @who,
	bind_pw => 'wrong');
fails('a way to log in that is not there', $user, qr/not supported/i,
	bind => 'sasl');

# --- TLS ----------------------------------------------------------------------------------

my @tls = (server_host => "localhost:$db->{port}", start_tls => 'yes',
	tls_require_cert => 'yes');

answers('StartTLS that verifies', @to, @tls,
	tls_ca_cert_file => "$tls/good.pem");
fails('attack 45: another authority', $user, qr/query error.*start TLS/, @tls,
	tls_ca_cert_file => "$tls/other.pem");
fails('attack 45: another name', $user, qr/query error.*start TLS/, @tls,
	tls_ca_cert_file => "$tls/good.pem",
	server_host => "127.0.0.1:$db->{port}");

# --- By way of lookup -----------------------------------------------------------------

$t->etc('daemon.cf', source(@tls, tls_ca_cert_file => "$tls/good.pem",
	timeout => 5));
$t->configure({ virtual_alias_domains => 'example.test',
	virtual_alias_maps => "ldap:$etc/daemon.cf", mydestination => '' });
$t->start;

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

is(rcpt($user), 250, 'lookup: found, by StartTLS');
is(rcpt('none@example.test'), 550, 'lookup: not found');
stop_peer($db->{pid});
is(rcpt('down@example.test'), 451, 'attack 97: its server is down');
$db->{start}->();
my $tries = 0;
ok(wait_until(60, sub { rcpt('back' . $tries++ . '@example.test') eq '550' }),
	'attack 97: and back');
unlike($t->log_text, qr/killed by signal/, 'nobody did what it may not');
$t->stop;
done_testing();
