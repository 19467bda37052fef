#!/usr/bin/perl
# barid check as an administrator needs it: one configuration for each kind of
# mistake, told with file, line and parameter, in text and in JSON; and none for
# what is right.
use strict;
use warnings;

use JSON::PP;
use POSIX ();
use Test::More;

use Barid::Check;
use Barid::Test;

plan_installed('sbin/barid', 'sbin/postmap', 'libexec/barid/master');

# Nothing of the case before is left.
sub configure_anew
{
	system('rm', '-rf', $etc);
	configure(@_);
}

# "FILE:LINE SEVERITY PARAMETER [SERVICE] TEXT" of each finding.
sub findings
{
	my ($name) = @_;
	my $r = run_command($barid, 'check', '--json', $etc);
	my $json = eval { decode_json($r->{out}) } // { findings => [] };
	my $text = run_command($barid, 'check', $etc);

	is($r->{err} . $text->{err}, '', "$name: all is told in its place");
	is(scalar(@{ $json->{findings} }), scalar(my @lines = split /\n/, $text->{out}),
		"$name: as text and as JSON the same");
	is(run_command($barid, 'check', '--json', $etc)->{out}, $r->{out},
		"$name: a second time the same");
	is($r->{exit}, $json->{errors} ? 1 : 0, "$name: the exit status");
	return map {
		my $f = $_;

		join(' ', ($f->{file} // 'default') =~ s{^\Q$etc\E/}{}r . ':'
		    . ($f->{line} // 0), $f->{severity}, $f->{parameter} // '-',
		    $f->{service} // (), $f->{text})
	} @{ $json->{findings} };
}

sub finds
{
	my ($name, $main, $master, $files, @expected) = @_;

	configure_anew($main, $master, %$files);
	expect_each($name, [ findings($name) ], @expected);
}

# --- tables ---

finds('patterns', "header_checks = regexp:ETC/re\nbody_checks = pcre:ETC/pcre\n", '',
	{ re => "/good/ REJECT\n/(open/ REJECT\nbare REJECT\n/x/ FROBNICATE it\n",
	  pcre => "if /x/\n/y/ WARN\n" },
	qr{^re:2 warning header_checks Unmatched \(},
	qr{^re:3 warning header_checks ignoring unrecognized request},
	qr{^re:4 warning header_checks unknown action "FROBNICATE"},
	qr{^pcre:1 warning body_checks IF has no matching ENDIF});
finds('good patterns', "header_checks = regexp:ETC/re\n" .
	"smtpd_sender_restrictions = check_sender_access pcre:ETC/pcre\n", '',
	{ re => "# x\nif /^Subject:/\n!/x\\/y/ REJECT no / here\n/(x)/i \$1 x\nendif\n",
	  pcre => "/^a/ OK\n/^b/ reject_unknown_sender_domain, permit\n/c/ 550 5.7.1 no\n" });
finds('networks', "mynetworks = 10.0.0.1/8, 192.0.2.0/24, /nosuch/networks\n" .
	"smtpd_client_restrictions = check_client_access cidr:ETC/cidr\n", '',
	{ cidr => "10.0.0.0/8 OK\n10.0.0.1/8 OK\nname OK\n10.1.0.0/16 REFUSE\n" },
	qr{^main\.cf:$line error mynetworks non-null host address bits in "10\.0\.0\.1/8"},
	qr{^main\.cf:$line error mynetworks open /nosuch/networks: No such file},
	qr{^cidr:2 warning smtpd_client_restrictions non-null host address bits},
	qr{^cidr:3 warning smtpd_client_restrictions bad address pattern: "name"},
	qr{^cidr:4 error smtpd_client_restrictions unknown restriction "REFUSE"});
finds('lines', "virtual_alias_maps = texthash:ETC/v\n", '',
	{ v => "a\@x.test b\nonlykey\n" },
	qr{^v:2 warning virtual_alias_maps expected format: key whitespace value});
finds('a table in a circle', "virtual_alias_maps = memcache:ETC/m\n", '',
	{ m => "backup = memcache:ETC/m\nmemcache = inet:127.0.0.1:1\n" },
	qr{^main\.cf:$line error virtual_alias_maps .*more than 10 tables within each other});
finds('members', "virtual_alias_maps = unionmap:{static:x, texthash:ETC/no, regexp:ETC/re}\n", '',
	{ re => "/(x/ y\n" },
	qr{^main\.cf:$line error virtual_alias_maps table unionmap:.*/no: No such file},
	qr{^re:1 warning virtual_alias_maps Unmatched});
finds('a path from nowhere', "virtual_alias_maps = proxy:hash:virtual\n", '', {},
	qr{^main\.cf:$line error virtual_alias_maps table hash:virtual: the path does not begin with /});
finds('servers', "transport_maps = socketmap:inet:127.0.0.1:1:map\n" .
	"virtual_alias_maps = tcp:127.0.0.1:2\n", '', {},
	qr{^main\.cf:$line warning transport_maps connect to inet:127\.0\.0\.1:1: Conn},
	qr{^main\.cf:\d+ warning virtual_alias_maps connect to inet:127\.0\.0\.1:2: Conn});
finds('answers', "transport_maps = texthash:ETC/t\n" .
	"smtpd_sender_restrictions = check_sender_access texthash:ETC/s\n" .
	"smtpd_restriction_classes = strict\nstrict = reject_unknown_sender_domain\n", '',
	{ t => "x.test nosuch:y\ny.test smtp:[z.test]\nz.test :[a.test]\nw.test error:no\n",
	  s => "a.test REJCT\nb.test strict, permit\nc.test 550 no\nd.test 1234567\n"
	      . "e.test check_sender_access\n" },
	qr{^t:1 error transport_maps table texthash:\S+: x\.test: service nosuch/unix is not in master\.cf},
	qr{^s:1 error smtpd_sender_restrictions unknown restriction "REJCT"},
	qr{^s:5 error smtpd_sender_restrictions restriction check_sender_access without});

# To read the text anew for each pair would take minutes.
finds('a class for many', "smtpd_sender_restrictions = check_sender_access texthash:ETC/s\n" .
	"smtpd_restriction_classes = strict\nstrict = reject_unknown_sender_domain\n", '',
	{ s => join('', map { "u$_\@a.test strict\n" } 1 .. 100_000) . "b.test REJCT\n" },
	qr{^s:100001 error smtpd_sender_restrictions unknown restriction "REJCT"});

finds('a transport that waits', "virtual_transport = store\n" .
	"transport_maps = inline:{ {x.test=store:y} }\n", "store unix - n n - - qmqpd\n", {},
	qr{^master\.cf:2 warning - store/unix the program qmqpd is not supported},
	qr{^main\.cf:$line error virtual_transport service store/unix is not started},
	qr{^main\.cf:\d+ error transport_maps table inline:.* x\.test: service store/unix is not});

configure_anew("virtual_alias_maps = unionmap:{static:x, texthash:ETC/pipe}\n" .
	"header_checks = regexp:ETC/pipe\n", '');
POSIX::mkfifo("$etc/pipe", 0600);
is(join("\n", sort map { s/ETC/$etc/gr } findings('a pipe')), join("\n", map { s/ETC/$etc/gr }
	"main.cf:$line error virtual_alias_maps table texthash:ETC/pipe: is no file",
	"main.cf:$line error virtual_alias_maps table unionmap:{static:x, texthash:ETC/pipe}: is no file",
	'main.cf:' . ($line + 1) . ' error header_checks table regexp:ETC/pipe: is no file'),
	'nobody waits for a pipe');
finds('a file that is named', "myorigin = /nosuch/mailname\n", '', {},
	qr{^main\.cf:$line error myorigin no domain in the first line of /nosuch/mailname});

# --- circles ---

finds('parameters', "a = \$b\nb = \$a\nrelayhost = \$a\n", '', {},
	qr{^main\.cf:$line warning a unreasonable macro call nesting},
	qr{^main\.cf:\d+ warning b unreasonable macro call nesting},
	qr{^main\.cf:\d+ error relayhost unreasonable macro call nesting});
finds('classes', "smtpd_restriction_classes = a b c\na = b\nb = sleep 1, a\n" .
	"smtpd_client_restrictions = a, c\n", '', {},
	qr{^main\.cf:\d+ error a the restriction class leads back to itself},
	qr{^main\.cf:\d+ error b the restriction class leads back to itself},
	qr{^main\.cf:$line error smtpd_restriction_classes restriction class c has no definition});
finds('aliases', "virtual_alias_domains = x.test, y.test\n" .
	"virtual_alias_maps = texthash:ETC/v\n", '',
	{ v => "self\@x.test self\@x.test\nup\@x.test down\@x.test\ndown\@x.test end\@z.test\n"
	    . "\@x.test \@y.test\n\@y.test \@x.test\n" },
	qr{^v:4 error virtual_alias_maps user\@x\.test leads back to itself: user\@x\.test user\@y\.test});
finds('behind others', "virtual_alias_maps = texthash:ETC/v\n", '',
	{ v => "in\@x.test a\@x.test\na\@x.test b\@x.test\nb\@x.test a\@x.test\n" .
	    "too\@x.test b\@x.test\n" },
	qr{^v:1 error virtual_alias_maps a\@x\.test leads back to itself: a\@x\.test b\@x\.test$});
finds('domains of two classes', "mydestination = x.test\nvirtual_alias_domains = x.test\n",
	'', {}, qr{^main\.cf:\d+ warning virtual_alias_domains do not list domain x\.test in BOTH});
finds('this host', "relayhost = [mx.example.test]\n", '', {},
	qr{^main\.cf:$line error relayhost mail comes back to this host's own service smtp/inet});
finds('another port', "relayhost = [127.0.0.1]:10025\n", '', {});
finds('it listens there', "relay_transport = smtp:[127.0.0.1]:10025\n",
	"10025 inet n - n - - smtpd\n", {},
	qr{^main\.cf:$line error relay_transport mail comes back to .* 10025/inet});

# --- restrictions ---

finds('policy servers', "smtpd_recipient_restrictions =\n" .
	" check_policy_service { inet:127.0.0.1:1, timeuot=1s }, reject_unauth_destination\n" .
	" check_policy_service foo:bar\n", '', {},
	qr{^main\.cf:$line error \S+ restriction check_policy_service: "inet:127\.0\.0\.1:1, timeuot=1s" is no argument},
	qr{^main\.cf:$line error \S+ restriction check_policy_service: "foo:bar" is no argument},
	qr{^main\.cf:$line warning smtpd_recipient_restrictions connect to inet:127\.0\.0\.1:1});
finds('DNS lists', "smtpd_client_restrictions =\n" .
	" reject_rbl_client a.test=127.0.0.[2..x], reject_rbl_client b.test=127.0.0.[2;4..9],\n" .
	" reject_rhsbl_sender, reject_unknown_client_hostname\n", '', {},
	qr{^main\.cf:$line error \S+ restriction reject_rbl_client: "a\.test=},
	qr{^main\.cf:$line error \S+ restriction reject_rhsbl_sender without});
finds('a list of a service', '', "submission inet n - n - - smtpd\n" .
	"  -o smtpd_client_restrictions=foo,check_client_access\n", {},
	qr{^master\.cf:2 error smtpd_client_restrictions submission/inet unknown restriction "foo"},
	qr{^master\.cf:2 error smtpd_client_restrictions submission/inet restriction check_client_access without});
finds('an empty list', "smtpd_relay_restrictions =\n", '', {},
	qr{^main\.cf:$line error smtpd_relay_restrictions neither this nor});
finds('of a service', '', "a inet n - n - - smtpd\n" =~ s/^a/2525/r .
	"  -o smtpd_relay_restrictions=permit_mynetworks,permit\n" .
	"2526 inet n - n - - smtpd -o smtpd_relay_restrictions= -o smtpd_recipient_restrictions=permit_mynetworks,reject\n",
	{}, qr{^master\.cf:2 error smtpd_relay_restrictions 2525/inet neither this nor});

# --- master.cf ---

finds('columns', '', "a unix q - n - - smtp\n", {}, qr{^master\.cf:2 error - bad private field "q"});
finds('a wakeup', '', "a unix - - n x - smtp\n", {}, qr{^master\.cf:2 error - bad wakeup field "x"});
finds('a limit', '', "a unix - - n - x smtp\n", {}, qr{^master\.cf:2 error - bad process_limit field "x"});
finds('-o without a value', '', "a unix - - n - - smtp -o\n", {}, qr{^master\.cf:2 error - -o without});
finds('-o with spaces', '', "a unix - - n - - smtp -o smtp_helo_timeout = 5\n", {},
	qr{^master\.cf:2 error - missing '=' after attribute name: "smtp_helo_timeout"});
finds('-o out of range', '', "a unix - - n - - smtp -o smtp_helo_timeout=-5\n", {},
	qr{^master\.cf:2 error smtp_helo_timeout a/unix bad value});
finds('a port', '', "nosuchport inet n - n - - smtpd\n", {},
	qr{^master\.cf:2 error - nosuchport/inet any address port nosuchport:});
finds('a large port', '', "127.0.0.1:99999 inet n - n - - smtpd\n", {},
	qr{^master\.cf:2 error - bad service field "127\.0\.0\.1:99999", allowed ports up to 65535});
finds('addresses', "proxy_interfaces = 203.0.113.7\n", '', {});
configure_anew('', '');
write_file("$etc/main.cf", $base =~ s/^(inet_interfaces) .*$/$1 = 203.0.113.77/mr);
is((findings('interfaces'))[0],
	'main.cf:4 warning inet_interfaces this machine has no address 203.0.113.77',
	'an address of another machine');
finds('a service twice, and one of nobody', '', "x unix - - n - - smtp\nx unix - - y - - smtp\n" .
	"scan unix - - n - - nosuch argv=/x\n", {},
	qr{^master\.cf:3 warning - overriding earlier entry: x unix},
	qr{^master\.cf:4 error - scan/unix unknown program \S+/nosuch});

# --- files ---

subtest 'owners and modes' => sub {
	configure_anew("virtual_alias_maps = texthash:ETC/maps/v, mysql:ETC/db.cf\n", '',
		'maps/v' => "a\@x.test b\n",
		'db.cf' => "user = u\npassword = secret\nhosts = 127.0.0.1\n"
		    . "dbname = d\nquery = SELECT 1\n");
	chmod(0777, "$etc/maps");
	chmod(0666, "$etc/main.cf");
	my @found = findings('modes');

	is((grep { m{^main\.cf:0 error - \S+/main\.cf can be written by others: mode 0666} } @found),
		1, 'main.cf');
	is((grep { m{^main\.cf:$line error virtual_alias_maps \S+/maps can be written by others: mode 0777} } @found),
		1, 'the folder of a table');
	is((grep { m{^main\.cf:$line warning virtual_alias_maps \S+/db\.cf holds passwords} } @found),
		1, 'a login for all to read') or diag(join("\n", @found));
	SKIP: {
		skip('only root gives away', 1) if $> != 0;
		chmod(0755, "$etc/maps");
		chmod(0644, "$etc/main.cf");
		chown(12345, 12345, "$etc/maps");
		is((grep { m{^main\.cf:$line warning virtual_alias_maps \S+/maps belongs to user 12345} } findings('owner')),
			1, 'the owner of the folder of a table');
	}
};

# One that was good for a day of 2020.
sub make_old_certificate
{
	my ($openssl) = @_;

	write_file("$etc/ca.cnf", "[ca]\ndefault_ca = d\n[d]\ndatabase = $etc/index\n"
	    . "new_certs_dir = $etc\nserial = $etc/serial\ndefault_md = sha256\n"
	    . "policy = p\n[p]\ncommonName = supplied\n");
	write_file("$etc/index", '');
	write_file("$etc/serial", "01\n");
	run_command($openssl, qw(req -new -newkey rsa:2048 -nodes -subj /CN=x),
		'-keyout', "$etc/k.pem", '-out', "$etc/csr");
	run_command($openssl, qw(ca -batch -selfsign -notext -startdate 20200101000000Z),
		qw(-enddate 20200102000000Z -config), "$etc/ca.cnf", '-keyfile',
		"$etc/k.pem", '-in', "$etc/csr", '-out', "$etc/c.pem");
	chmod(0600, "$etc/k.pem");
}

subtest 'certificates' => sub {
	my $openssl = have_peer('openssl')
	    or plan(skip_all => 'no openssl command');
	my $tls = "smtpd_tls_cert_file = ETC/c.pem\nsmtpd_tls_key_file = ETC/k.pem\n";
	my @found;

	configure_anew($tls, '');
	make_old_certificate($openssl);
	ok((grep { m{^main\.cf:$line error smtpd_tls_cert_file the certificate in \S+ has expired} } findings('expired')),
		'one that has expired');
	run_command($openssl, qw(genrsa -aes128 -passout pass:secret -out), "$etc/k.pem");
	ok((grep { m{error smtpd_tls_key_file no key in \S+/k\.pem:} } findings('locked')),
		'a key with a pass phrase');
	unlink("$etc/k.pem");
	ok((grep { m{error smtpd_tls_key_file open \S+/k\.pem: No such file} } findings('gone')),
		'a key that is not there');
	SKIP: {
		skip('root reads all', 1) if $> == 0;
		write_file("$etc/k.pem", "x\n");
		chmod(0, "$etc/k.pem");
		ok((grep { m{error smtpd_tls_key_file open \S+/k\.pem: Permission denied} } findings('unreadable')),
			'a key that we may not read');
	}
};

# --- what is right ---

SKIP: {
	my $share = top_folder() . '/build/peers/postfix/usr/share/postfix';

	skip("no Postfix of Debian's", 1) unless -e "$share/main.cf.debian";
	configure_anew(join("\n", 'mydestination = $myhostname, localhost', 'relayhost =',
		'mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128',
		'smtpd_relay_restrictions = permit_mynetworks '
		. 'permit_sasl_authenticated defer_unauth_destination',
		'recipient_delimiter = +', ''), '');
	write_file("$etc/master.cf", read_file("$share/master.cf.dist"));
	my @found = grep { !/not supported/ } findings("Debian's");

	is(join("\n", @found), '', "Debian's own files");
}

# What others run (t/457): nothing is told but what the comments say.
my %not_here = ('content-filter' => qr/replacement/, # as Postfix warns
	smarthost => qr/loop1\@office\.test/); # a circle, on purpose

for my $folder (grep { -d } glob(top_folder() . '/t/twins/*')) {
	my ($name) = $folder =~ m{([^/]+)$};
	my %is = (ETC => $etc, DIR => $top, UID => 1000, GID => 1000,
		PORT => 25996, PORT2 => 25997, (map { $_ => 25998 } qw(SINK1 SINK2 LMTP POLICY DATABASE DIRECTORY)));
	my %files = map { m{([^/]+)$} => read_file($_) =~ s/\@([A-Z0-9]+)\@/$is{$1}/gr }
	    grep { -f } glob("$folder/*");

	configure_anew('', '', %files);
	write_file("$etc/main.cf", "$base$files{'main.cf'}");
	write_file("$etc/master.cf", $files{'master.cf'});
	for my $table (split ' ', $files{script} =~ /^tables: *(.*)$/m ? $1 : '') {
		my ($type, $file) = split /:/, $table;
		my @make = $type eq 'alias' ? ('postalias', '-c', $etc, "hash:$etc/$file")
		    : ('postmap', '-c', $etc, "$type:$etc/$file");

		run_command("$ENV{BARID_PREFIX}/sbin/" . shift(@make), @make);
	}
	my $known = $not_here{$name} // qr/^$/;
	my @found = grep { !/not supported|connect to|overriding earlier|holds passwords/
	    && $_ !~ $known } findings($name);

	is(join("\n", @found), '', "$name: nothing is wrong");
}
done_testing();
