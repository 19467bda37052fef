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
userPassword: secret
authzTo: dn:uid=user,ou=people,$base

dn: cn=vault,$base
objectClass: applicationProcess
objectClass: mailThing
cn: vault
mail: vault\@example.test
maildrop: vault\@host.test

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

my $db = start_slapd($ldif, <<"END")
TLSCertificateFile $tls/good.pem
TLSCertificateKeyFile $tls/good.key
password-hash {CLEARTEXT}
authz-regexp "^uid=([^,]+),(cn=[^,]+,)?cn=[^,]+,cn=auth\$" "uid=\$1,ou=people,$base"
authz-policy to
sasl-secprops noanonymous
access to dn.base="cn=vault,$base" by dn.base="uid=user,ou=people,$base" read
	by dn.regex="^.*,cn=peercred,cn=external,cn=auth\$" read
access to * by * read
END
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
	# libsasl's plug-in of DIGEST-MD5 loses a context of OpenSSL with each
	# connection.
	my $leaks = grep({ ($_ // '') eq 'DIGEST-MD5' } @more) ? 0 : 1;
	return run_command({ env => { LSAN_OPTIONS => "detect_leaks=$leaks" } },
		installed('sbin/postmap'), '-c', $etc, '-q', $key,
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
# Half of an answer, and then nothing: of a search, and of a login.
my $halting = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "listen: $!\n";
start_peer(sub {
	my @kept;

	while (my $c = $halting->accept) {
		sysread($c, my $question, 4096);
		syswrite($c, "\x30\x7e\x02\x01\x01");
		push @kept, $c;
	}
});
for my $bind ('no', 'yes') {
	fails("attack 45: half an answer, bind = $bind", $user,
		qr/query error/, bind => $bind, timeout => 1,
		server_host => '127.0.0.1:' . $halting->sockport);
}
my @who = (bind => 'yes', bind_dn => "cn=admin,$base");
answers('a login', @to, @who, bind_pw => 'secret');
fails('a wrong password', $user, qr/Invalid credentials/, @who,
	bind_pw => 'wrong');
fails('a way to log in that is not there', $user,
	qr/unsupported parameter value: bind = kerberos/, bind => 'kerberos');

# --- SASL -------------------------------------------------------------------------------

my $local = 'ldapi://' . ("$db->{folder}/ldapi" =~ s{/}{%2F}gr);
my @sasl = (bind => 'sasl', sasl_mechs => 'EXTERNAL', server_host => $local);

if (ask($user, @sasl)->{err} =~ /Authentication method not supported/) {
	note('skipped: built without SASL');
} else {
	test_sasl();
}

# Who we are is told by what is seen: an entry that some may read only.
sub sees_as
{
	my ($what, $sees, @more) = @_;

	answers($what, 'vault@example.test', $sees ? 'vault@host.test' : undef,
		bind => 'sasl', @more);
}

sub test_sasl
{
	sees_as('SASL EXTERNAL', 1, @sasl);
	sees_as('the same without a login', 0, @sasl, bind => 'no');
	fails('SASL: sasl_minssf', $user, qr/query error.*bind/, @sasl,
		sasl_minssf => 4096);
	fails('SASL: a mechanism that is not there', $user,
		qr/query error.*bind/, @sasl, sasl_mechs => 'NONESUCH');
	fails('SASL: an identity that is not ours', $user,
		qr/query error.*bind/, @sasl, sasl_authz_id => 'u:user');
	for my $mech (qw(DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256)) {
		my $plugin = lc($mech =~ s/-.*//r) . ($mech =~ /MD5/ ? 'md5' : '');
		my @is = (sasl_mechs => $mech, bind_pw => 'secret');

		if (!have_plugin($plugin)) {
			note("skipped: there is no $mech on this machine");
			next;
		}
		sees_as("SASL $mech", 1, @is, bind_dn => 'user');
		sees_as("SASL $mech: somebody else", 0, @is,
			bind_dn => 'other');
		sees_as("SASL $mech: somebody else for him", 1, @is,
			bind_dn => 'other', sasl_authz_id => 'u:user');
		fails("SASL $mech: a wrong password", $user,
			qr/query error.*bind/, @is, bind => 'sasl',
			bind_dn => 'user', bind_pw => 'wrong');
		fails("SASL $mech: nobody", $user, qr/query error.*bind/, @is,
			bind => 'sasl');
	}
	# What is said after the login is encrypted, and so are answers.
	sees_as('SASL DIGEST-MD5 with a layer', 1, sasl_mechs => 'DIGEST-MD5',
		bind_dn => 'user', bind_pw => 'secret', sasl_minssf => 1)
	    if have_plugin('digestmd5');
}

sub have_plugin { return scalar(my @found = glob("/usr/lib/*/sasl2/lib$_[0].so")) }

# --- What means nothing here -------------------------------------------------------------

for my $is ([ debuglevel => 1, qr/parameter debuglevel has no effect/ ],
	[ cache => 'yes', qr/parameter cache has no effect/ ],
	[ tls_random_file => '/x', qr/parameter tls_random_file has no effect/ ],
	[ version => 4, qr/unknown version, using 3/ ],
	[ dereference => 9, qr/unrecognized value .* dereference; using 0/ ],
	[ scope => 'tree', qr/unrecognized value tree .* scope; using sub/ ]) {
	my ($name, $value, $want) = @$is;
	my $ran = ask($user, $name => $value);

	is($ran->{out}, "$to[1]\n", "$name = $value: goes on");
	like($ran->{err}, $want, "$name = $value: and is told");
}

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
	timeout => 5, @special));
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
is(rcpt('loop@example.test'), 451,
	'attack 45: lookup: a circle, up to the usual recursion_limit');
stop_peer($db->{pid});
is(rcpt('down@example.test'), 451, 'attack 97: its server is down');
$db->{start}->();
my $tries = 0;
ok(wait_until(60, sub { rcpt('back' . $tries++ . '@example.test') eq '550' }),
	'attack 97: and back');
unlike($t->log_text, qr/killed by signal/, 'nobody did what it may not');
$t->stop;
done_testing();
