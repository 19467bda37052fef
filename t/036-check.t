#!/usr/bin/perl
# barid check and barid import: what is found in a configuration, and how one
# of Postfix is taken over.
use strict;
use warnings;

use IO::Socket::UNIX;
use JSON::PP;
use Test::More;

use Barid::Check;
use Barid::Test;

plan_installed('sbin/barid', 'sbin/postmap', 'libexec/barid/master');
my $postmap = "$ENV{BARID_PREFIX}/sbin/postmap";
my $next = $line + 1;

sub check { return run_command($barid, 'check', @_, $etc) }

sub finds
{
	my ($name, $main, $master, @expected) = @_;

	configure($main, $master);
	my $r = check();

	expect_each($name, [ split /\n/, $r->{out} ], @expected);
	is($r->{exit}, $r->{out} =~ /: error: / ? 1 : 0,
		"$name: the exit status");
}

finds('a good one', '', '');
finds('unknown', "foo = 1\n", '',
	qr{^\S+/main\.cf, line $line: warning: parameter foo: is unknown});
finds('of what no terminal should see', "x\e[2Jy = 1\n", '',
	qr{^\S+/main\.cf, line $line: warning: parameter x\?\[2Jy: is unknown});
finds('used', "foo = x\nrelayhost = \$foo\n", '');
# One that is known only, as long as there is any.
if (read_file(top_folder() . '/lib/conf/params.h') =~
    /^ROW\(BOOL, (\w+), "no", 0, 1, KNOWN,/m) {
	finds('not supported', "$1 = yes\n", '',
		qr{line $line: warning: parameter $1: is not supported: "yes"});
	finds('not asked for', "$1 = no\n", '');
}
finds('bad value', "smtpd_timeout = x\n", '',
	qr{line $line: error: parameter smtpd_timeout: bad value "x"});
finds('bad macro', "relayhost = \${x\n", '',
	qr{line $line: error: parameter relayhost: truncated macro});
finds('bad syntax', "relayhost\n", '', qr{line $line: error: missing '='});
finds('duplicate', "relayhost = a\nrelayhost = b\n", '',
	qr{line $next: warning: overriding earlier entry: relayhost=a});
finds('no service', "foo_destination_rate_delay = 1s\n", '',
	qr{line $line: warning: parameter foo_\S+: master\.cf has no service foo});
finds('no such program', "foo_processes = 2\n", '',
	qr{line $line: warning: parameter foo_processes: master\.cf has no service foo});
# What is built in, and programs, whatever their services are called.
finds('settings of what is built in', "lookup_processes = 1\n" .
	"smtpd_sessions_per_process = 9\nrelay_destination_rate_delay = 1s\n", '');
finds('overrides', '', "a unix - - n - - smtp -o smtp_helo_timeout=q -o own=1\n",
	qr{master\.cf, line 2: error: service a/unix: parameter smtp_helo_timeout: bad},
	qr{master\.cf, line 2: warning: service a/unix: parameter own: is unknown});
finds('master.cf', '', "a unix - - n -\n", qr{master\.cf, line 2: error: 6 fields});
finds('programs', '', "a unix - - n - - nosuch\nb unix - - n - - qmqpd\n",
	qr{line 2: error: service a/unix: unknown program \S+/nosuch},
	qr{line 3: warning: service b/unix: the program qmqpd is not supported});
finds('transports', "relay_transport = nosuch:x\ndefault_transport = t2:\n",
	"t2 unix - - n - - smtp\n",
	qr{line $line: error: parameter relay_transport: service nosuch/unix is not in master\.cf});
finds('restrictions', "smtpd_client_restrictions = permit_mynetworks, foo_bar,\n"
	. "  check_client_access, reject_rbl_client zen.example\n"
	. "smtpd_restriction_classes = c1\nc1 = reject, check_sender_access\n"
	. "smtpd_helo_restrictions = c1, sleep 1\n", '',
	qr{line $line: error: parameter smtpd_client_\S+: unknown restriction "foo_bar"},
	qr{line $line: error: \S+ \S+ restriction check_client_access without},
	qr{parameter c1: restriction check_sender_access without its argument});
finds('an open relay', "smtpd_relay_restrictions = permit_mynetworks\n", '',
	qr{line $line: error: parameter smtpd_relay_restrictions: neither});
finds('which is none', "smtpd_relay_restrictions =\n" .
	"smtpd_recipient_restrictions = reject_unauth_destination\n", '');

finds('nor is a class', "smtpd_restriction_classes = c1 c2\n" .
	"c1 = permit_mynetworks, c2\nc2 = reject_unauth_destination\n" .
	"smtpd_relay_restrictions = sleep 1, c1\n", '');
for my $list ('permit, reject_unauth_destination',
    'warn_if_reject reject_unauth_destination', 'c1') {
	finds("an open relay: $list", "smtpd_restriction_classes = c1 c2\n" .
		"c1 = c2 c2\nc2 = c1 c1\nsmtpd_relay_restrictions = $list\n", '',
		qr{parameter smtpd_relay_restrictions: neither},
		qr{parameter c1: the restriction class leads back to itself},
		qr{parameter c2: the restriction class leads back to itself});
}

subtest 'tables' => sub {
	configure('');
	write_file("$etc/virtual", "a\@x.test b\n");
	write_file("$etc/re", "/x/ y\n");
	finds('missing', "virtual_alias_maps = hash:$etc/virtual, regexp:$etc/re\n",
		'', qr{line $line: error: parameter virtual_alias_maps: table hash:\S+: open database});
	run_command($postmap, '-c', $etc, "hash:$etc/virtual");
	finds('there', "virtual_alias_maps = hash:$etc/virtual\n", '');
	utime(time, time + 100, "$etc/virtual");
	finds('older', "virtual_alias_maps = proxy:hash:$etc/virtual\n", '',
		qr{line $line: warning: \S+ \S+ \S+/virtual\.db is older than});
	finds('of no type', "transport_maps = sdbm:$etc/x\n", '',
		qr{line $line: error: parameter transport_maps: table sdbm:});
	chmod(0666, "$etc/re");
	finds('that anybody writes', "virtual_alias_maps = regexp:$etc/re\n", '',
		qr{line $line: error: \S+ \S+ \S+/re can be written by others});
	chmod(0644, "$etc/re");
	configure("smtp_sasl_password_maps = texthash:$etc/re\n");
	like(check()->{out}, qr{warning: parameter smtp_sasl_password_maps: \S+/re holds passwords},
		'of passwords that all read');
};

subtest 'domains in two classes' => sub {
	write_file("$etc/domains", "a.test x\nb.test x\nc\@d.test x\n");
	finds('literal', "mydestination = a.test, B.test\n" .
		"virtual_mailbox_domains = b.test d.test\n", '',
		qr{line $next: warning: parameter virtual_mailbox_domains: do not list domain b\.test in BOTH mydestination and virtual_mailbox_domains});
	finds('in a table', "mydestination = d.test b.test\n" .
		"relay_domains = texthash:$etc/domains\n", '',
		qr{line $next: warning: parameter relay_domains: do not list domain b\.test});
};

subtest 'files' => sub {
	configure('');
	chmod(0664, "$etc/main.cf");
	mkdir("$etc/main.cf.d");
	write_file("$etc/main.cf.d/1.cf", "smtpd_timeout = y\n");
	chmod(0646, "$etc/main.cf.d/1.cf");
	my $out = check()->{out};
	like($out, qr{/main\.cf: error: \S+ can be written by others: mode 0664}, 'main.cf');
	like($out, qr{/1\.cf: error: \S+ can be written by others: mode 0646}, 'a drop-in');
	like($out, qr{/1\.cf, line 1: error: parameter smtpd_timeout}, 'and its line');
	unlink("$etc/main.cf.d/1.cf");
	rmdir("$etc/main.cf.d");
	run_command('mkdir', "$top/spool");
	configure('');
	$out = check()->{out};
	like($out, qr{$top/spool/deferred: error: No such file}, 'a missing queue');
	rmdir("$top/spool");
};

subtest 'sockets' => sub {
	my $listening = IO::Socket::UNIX->new(Local => "$top/there", Listen => 1);

	finds('lmtp', "virtual_transport = lmtp:unix:$top/there\n" .
		"relay_transport = lmtp:unix:$top/gone\n", '',
		qr{line $next: warning: parameter relay_transport: connect to unix:\S+gone: No such file});
	my $port = free_port();
	finds('policy', "smtpd_client_restrictions =\n" .
		" check_policy_service { inet:127.0.0.1:$port, timeout=1s }\n", '',
		qr{line $line: warning: parameter smtpd_client_restrictions: connect to inet:127\.0\.0\.1:$port: Connection refused});
};

subtest 'certificates' => sub {
	my $openssl = have_peer('openssl')
	    or plan(skip_all => 'no openssl command');

	run_command($openssl, qw(req -x509 -newkey rsa:2048 -nodes -days 2),
		'-subj', '/CN=x', '-keyout', "$top/$_.key", '-out', "$top/$_.pem")
	    for 1, 2;
	configure("smtpd_tls_cert_file = $top/1.pem\nsmtpd_tls_key_file = $top/1.key\n");
	unlike(check()->{out}, qr/ key in /, 'key and certificate');
	configure("smtpd_tls_cert_file = $top/1.pem\nsmtpd_tls_key_file = $top/2.key\n");
	like(check()->{out}, qr{line $next: error: parameter smtpd_tls_key_file: the key in \S+/2\.key is not that of the certificate in \S+/1\.pem}, 'do not match');
	chmod(0644, "$top/1.key");
	configure("smtp_tls_cert_file = $top/1.pem\nsmtp_tls_key_file = $top/1.key\n");
	like(check()->{out}, qr{warning: parameter smtp_tls_key_file: the key in \S+ can be read by others}, 'a key for all to read');
	configure("smtpd_tls_chain_files = $etc/main.cf\n");
	like(check()->{out}, qr{smtpd_tls_chain_files: no certificate in}, 'no certificate');
};

subtest 'JSON' => sub {
	configure("smtpd_timeout = x\nfoo = 1\n");
	my $r = check('--json');
	my $json = decode_json($r->{out});

	is($json->{errors}, 1, 'errors');
	is($json->{warnings}, 1, 'warnings');
	is($json->{directory}, $etc, 'where');
	my ($error) = grep { $_->{severity} eq 'error' } @{ $json->{findings} };
	is($error->{parameter}, 'smtpd_timeout', 'the parameter');
	is($error->{line}, $line, 'its line');
	is($error->{file}, "$etc/main.cf", 'its file');
	is($r->{exit}, 1, 'the exit status');
};

subtest 'import' => sub {
	my $from = "$top/postfix";

	mkdir($from);
	mkdir("$from/maps");
	write_file("$from/main.cf", "# comment\n$base" .
		"virtual_alias_maps = hash:$from/virtual,\n" .
		"   texthash:$from/maps/t\nalias_maps = hash:$from/aliases\n" .
		"daemon_directory = /usr/lib/postfix/sbin\n" .
		"readme_directory =\n  /usr/share\nrelayhost = [$from-old]\n" .
		"default_process_limit = 10\n");
	write_file("$from/master.cf", "$services" .
		"tlsmgr unix - - y 1000? 1 tlsmgr\n" .
		"x unix - - n - 5 smtp -o smtp_helo_name=\$myhostname\n");
	write_file("$from/virtual", "a\@x.test b\n");
	write_file("$from/aliases", "root: a\n");
	write_file("$from/maps/t", "c\@x.test d\n");
	write_file("$from/postfix-files", "x\n");
	symlink("$from/virtual", "$from/link");
	chmod(0640, "$from/maps/t");

	my $to = "$top/barid";
	my $r = run_command($barid, 'import', '--to', $to, $from);
	is($r->{exit}, 0, 'imported') or diag(explain($r));
	my $main = read_file("$to/main.cf");
	like($main, qr/^# comment$/m, 'comments stay');
	like($main, qr{^virtual_alias_maps = hash:\Q$to\E/virtual,\n   texthash:\Q$to\E/maps/t$}m,
		'paths are moved');
	like($main, qr{^relayhost = \[\Q$from\E-old\]$}m, 'but not others');
	like($main, qr{^# of Postfix: daemon_directory = }m, 'places are left out');
	like($main, qr{^# of Postfix: readme_directory =\n# of Postfix:   /usr/share$}m,
		'with their continuation');
	ok(-e "$to/virtual.db", 'a missing index is made');
	is(readlink("$to/link"), "$to/virtual", 'links lead into the new folder');
	is((stat("$to/maps/t"))[2] & 07777, 0640, 'modes stay');
	ok(!-e "$to/postfix-files", q(Postfix's own files are left out));
	my $found = run_command("$ENV{BARID_PREFIX}/sbin/postalias", '-c', $to,
		'-q', 'root', "hash:$to/aliases");
	is($found->{out}, "a\n", 'aliases are made by postalias');
	for my $told (
		qr{main\.cf, line \d+: parameter daemon_directory: left out},
		qr{main\.cf, line \d+: parameter default_process_limit: bounds},
		qr{master\.cf, line 2: service tlsmgr/unix: tlsmgr starts nothing},
		qr{master\.cf, line 3: service x/unix: process limit 5: bounds},
		qr{imported from \Q$from\E: 0 errors}) {
		like($r->{out}, $told, 'told');
	}
	write_file("$to/mine", "x\n");
	$r = run_command($barid, 'import', '--to', $to, $from);
	is($r->{exit}, 1, 'nothing is replaced without being told');
	like($r->{err}, qr{is there already: with --replace}, 'and that is said');
	ok(-e "$to/mine", 'all is as it was');
	$r = run_command($barid, 'import', '--replace', '--to', $to, $from);
	is($r->{exit}, 0, 'replaced');
	my ($old) = glob("$to.old.*");
	ok(-e "$old/mine" && !-e "$to/mine", 'the old folder is kept');
	is(join(' ', glob("$to.import.*")), '', 'nothing is left over');
	mkdir("$top/empty");
	$r = run_command($barid, 'import', '--to', "$top/empty", "$top/nosuch");
	is($r->{exit}, 1, 'a source that is not there');
	ok(-d "$top/empty", 'costs nobody an empty folder');
	$r = run_command($barid, 'import', '--to', "$top/empty", $from);
	is($r->{exit}, 0, 'which is filled otherwise');
	ok(-e "$top/empty/main.cf", 'with all of it');
	$r = run_command($barid, 'import', '--to', "$from/here", $from);
	is($r->{exit}, 1, 'no folder within the source');
	like($r->{err}, qr{\Q$from/here\E is in \Q$from\E}, 'which is said');
	is(join(' ', glob("$from/here*")), '', 'and the source is not changed');

	rename("$from/main.cf", "$top/elsewhere.cf");
	symlink("$top/elsewhere.cf", "$from/main.cf");
	$r = run_command($barid, 'import', '--to', "$top/linked", $from);
	ok(-f "$top/linked/main.cf" && !-l "$top/linked/main.cf",
		'a main.cf that is a link becomes a file of its own');
	like(read_file("$top/linked/main.cf"), qr{hash:\Q$top\E/linked/virtual},
		'with its paths moved');
	unlink("$from/main.cf");

	write_file("$from/main.cf", "${base}transport_maps = hash:$from/nosuch\n");
	$r = run_command($barid, 'import', '--to', "$top/broken", $from);
	is($r->{exit}, 0, 'a table that cannot be made');
	like($r->{err}, qr{postmap: fatal: open \S+/nosuch: No such file}, 'is told');
	like($r->{out}, qr{main\.cf, line \d+: error: parameter transport_maps: table hash:\Q$top\E/broken/nosuch},
		'and is an error of the new folder');

	write_file("$from/main.cf", "bad\n");
	$r = run_command($barid, 'import', '--replace', '--to', $to, $from);
	is($r->{exit}, 1, 'one that cannot be read');
	like($r->{out}, qr{main\.cf, line 1: error: missing '='}, 'is told');
	ok(-e "$to/virtual.db", 'and nothing is changed');
	is(join(' ', glob("$to.import.*")), '', 'or left over');
};

subtest 'import onto a full disk' => sub {
	plan(skip_all => 'only root mounts') if $> != 0;
	my ($from, $small) = ("$top/postfix2", "$top/small");

	mkdir($_) for $from, $small;
	write_file("$from/main.cf", $base);
	write_file("$from/master.cf", $services);
	write_file("$from/table", "x\n" x 200_000);
	my $r = run_command('unshare', '-m', 'sh', '-c', <<"END");
mount -t tmpfs -o size=200k none $small || exit 99
mkdir $small/barid && echo old >$small/barid/main.cf
$barid import --replace --to $small/barid $from
echo status \$?, \$(ls $small), \$(cat $small/barid/main.cf)
END
	plan(skip_all => 'no mounts here') if $r->{exit} == 99;
	like($r->{out}, qr{^status 1, barid, old$}m, 'changes nothing');
	like($r->{err}, qr{write \Q$small\E/barid\.import\.\d+/table: No space left},
		'and is told');
};

done_testing();
