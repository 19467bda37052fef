#!/usr/bin/perl
# postconf: what is shown and how the files are edited.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $postconf = "$ENV{BARID_PREFIX}/sbin/postconf";
my $dir = tempdir(CLEANUP => 1);

sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!"; local $/; <$f> }

sub put {
	open my $f, '>', "$dir/$_[0]" or die "$dir/$_[0]: $!";
	print $f $_[1];
	close $f or die $!;
}

# Standard output, standard error, exit status.
sub run {
	my $pid = open my $out, '-|';
	defined $pid or die $!;
	if (!$pid) {
		open STDERR, '>', "$dir/stderr" or die $!;
		exec $postconf, '-c', $dir, @_ or die $!;
	}
	local $/;
	my $text = <$out> // '';
	close $out;
	my $status = $? >> 8;
	return ($text, scalar slurp("$dir/stderr"), $status);
}

# A parameter that is known only; one that is used if there is none left.
my ($known) = slurp("$FindBin::Bin/../lib/conf/params.h") =~
    /^ROW\(BOOL, ([d-q]\w+), "no", 0, 1, KNOWN,/m;
my $has_known = defined $known;
$known //= 'mail_release_date';

my $main = <<"CF";
# first
relayhost = [a]
 # inside
  \$tail

tail = 1  2
unused = x
always_bcc =
$known = yes
CF
put('main.cf', $main);
put('master.cf', <<'CF');
smtp inet n - n - - smtpd -o { a = b c }
relay unix - - n - - smtp -o syslog_name=x/$service_name
CF
chmod 0640, "$dir/main.cf";

my ($out, $err, $rc) = run('-n');
is($out, "always_bcc =\nconfig_directory = $dir\n$known = yes\n"
    . "relayhost = [a] \$tail\ntail = 1 2\n", 'set parameters are shown');
like($err, qr{postconf: warning: \Q$dir\E/main.cf: unused parameter: unused=x$}m,
    'and what nothing uses');
is($rc, 0, 'which is no failure');
like($err, qr{main\.cf: not supported: $known=yes$}m,
    'a parameter that is known and not there is named') if $has_known;
($out, $err) = run('-nq');
is($err, '', '-q is quiet');
($out) = run('-j', 'relayhost', 'tail');
is($out, '{"name": "relayhost", "value": "[a] $tail"}' . "\n" .
    '{"name": "tail", "value": "1 2"}' . "\n", '-j prints JSON');
($out) = run('-xh', 'relayhost');
is($out, "[a] 1 2\n", '-x expands');
($out) = run('-d', 'smtpd_timeout', 'mail_name');
is($out, "smtpd_timeout = \${stress?{10}:{300}}s\nmail_name = Barid\n",
    '-d shows defaults');
(undef, $err, $rc) = run('nosuch');
like($err, qr/nosuch: unknown parameter/, 'an unknown name is told');
is($rc, 0, 'with status 0');
(undef, $err, $rc) = run('-Z');
is($rc, 1, 'a bad option has status 1');

($out) = run('-M');
is($out, "smtp       inet  n       -       n       -       -       smtpd"
    . " -o {a=b c}\n"
    . "relay      unix  -       -       n       -       -       smtp"
    . " -o syslog_name=x/\$service_name\n", '-M aligns columns');
($out) = run('-Px', '*/unix');
is($out, "relay/unix/syslog_name = x/relay\n", '-P shows -o');
($out) = run('-F', 'smtp/inet/chroot');
is($out, "smtp/inet/chroot = n\n", '-F shows fields');

run('relayhost=[b]', 'new = 7');
is(slurp("$dir/main.cf"), <<"CF", 'an edit keeps comments and order');
# first
relayhost = [b]
 # inside

tail = 1  2
unused = x
always_bcc =
$known = yes
new = 7
CF
is((stat "$dir/main.cf")[2] & 07777, 0640, 'and the mode');
run('-X', 'unused');
run('-#', 'tail');
is(slurp("$dir/main.cf"), <<"CF", 'removed and commented out');
# first
relayhost = [b]
 # inside

#tail = 1  2
always_bcc =
$known = yes
new = 7
CF
ok(!-e "$dir/main.cf.tmp", 'nothing is left over');

# Tables in databases are set up in main.cf, or in files of their own.
{
	my $kept = slurp("$dir/main.cf");
	put('main.cf', "virtual_alias_maps = redis:r1, proxy:pgsql:$dir/pg.cf\n"
	    . "r1_hosts = inet:localhost\nr1_nosuch = x\n");
	put('pg.cf', "hosts = a\nbogus = 1\n");
	($out, $err) = run('-n');
	like($out, qr/^r1_hosts = inet:localhost$/m, 'their parameters are known');
	like($err, qr/unused parameter: r1_nosuch=x$/m, 'and no others');
	like($err, qr{pgsql:\Q$dir\E/pg\.cf: unused parameter: bogus=1$}m,
	    'nor in their files');
	put('main.cf', $kept);
}

my $before = slurp("$dir/main.cf");

# Numbers of programs, and settings of transports that are built in.
put('main.cf', "lookup_processes = 2\nlmtp_destination_rate_delay = 1s\n" .
    "foo_processes = 2\n");
($out, $err) = run('-n');
is($out, "config_directory = $dir\nlmtp_destination_rate_delay = 1s\n" .
    "lookup_processes = 2\n", 'what counts without a line of master.cf is shown');
is_deeply([$err =~ m{main\.cf: unused parameter: (\w+)}g], ['foo_processes'],
    'and is no mistake');
put('main.cf', $before);

# Drop-in files.
mkdir("$dir/main.cf.d");
put('main.cf.d/20-b.cf', "relayhost = [drop]\n# stays\nmyorigin = b\n");
put('main.cf.d/10-a.cf', "relayhost = [never]\nown =\n");
put('main.cf.d/note.txt', "relayhost = [no]\n");
($out, $err) = run('-h', 'relayhost', 'myorigin');
is($out, "[drop]\nb\n", 'the last drop-in file wins');
unlike($err, qr/overriding/, 'which is no mistake');
like($err, qr{main\.cf\.d/10-a\.cf: unused parameter: own=$}m,
    'a warning names the file');
(undef, $err) = run('relayhost=[e]', 'mydomain=d.test');
is(slurp("$dir/main.cf.d/20-b.cf"),
    "relayhost = [e]\n# stays\nmyorigin = b\n",
    'an edit goes where the parameter counts');
like($err, qr{20-b\.cf: "relayhost" is set here, after main\.cf}, 'and says so');
like(slurp("$dir/main.cf"), qr/^relayhost = \[b\]\n.*^mydomain = d\.test$/ms,
    'what is new goes to main.cf');
run('-X', 'relayhost');
is(slurp("$dir/main.cf.d/10-a.cf"), "own =\n", '-X takes it from every file');
($out) = run('-n', 'relayhost');
is($out, '', 'so that none comes back');
put('main.cf.d/30-bad.cf', "relayhost\n");
(undef, $err, $rc) = run('-n');
like($err, qr{fatal: \S+/30-bad\.cf, line 1: missing '='},
    'a bad drop-in file is named');
is($rc, 1, 'with status 1');
unlink(glob("$dir/main.cf.d/*"));

# Fields, parameters, templates, lists.
run('-Fe', 'relay/unix/chroot=y');
run('-Pe', 'relay/unix/a=1');
run('-PX', 'smtp/inet/a');
($out) = run('-Mf');
is($out, "smtp       inet  n       -       n       -       -       smtpd\n"
    . "relay      unix  -       -       y       -       -       smtp\n"
    . "    -o syslog_name=x/\$service_name\n    -o a=1\n",
    'fields and parameters are edited');
(undef, $err, $rc) = run('-Fe', 'relay/unix/wakeup=');
like($err, qr/empty field value/, 'an empty field would damage the line');
($out) = run('-t');
like($out, qr/^failure_template = <<EOF\nCharset: us-ascii\n.*^EOF$/ms,
    '-t prints templates');
put('t', "delay_template = <<END\nFrom: me\nSubject: late\n\n"
    . "\${maximal_queue_lifetime_days} days, \$delay_warning_time_hours h\n"
    . "END\n");
($out) = run('-b', "$dir/t");
like($out, qr/^expanded_delay_text = <<EOF\n5 days, 0 h\nEOF$/m,
    '-b expands them');
put('t', "delay_template = <<END\nFrom: me\n\n\$nosuch\nEND\n");
(undef, $err, $rc) = run('-b', "$dir/t");
like($err, qr/delay template: undefined name "nosuch"/, 'or says what is wrong');
($out) = run('-m');
like($out, qr/^hash\n(?:.*\n)*proxy\n(?:.*\n)*static$/m, '-m lists table types');
($out) = run('-T', 'run-version');
like($out, qr/^OpenSSL /, '-T tells of TLS');
(undef, $err, $rc) = run('-e', "a=b\nc=d");
is($rc, 1, 'a line end in a value is refused');
done_testing();
