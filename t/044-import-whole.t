#!/usr/bin/perl
# barid import of a whole /etc/postfix as a distribution and an administrator
# leave it: what is taken over, and what is told.
use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX qw(mkfifo);
use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'sbin/postmap', 'libexec/barid/master');
my $barid = "$ENV{BARID_PREFIX}/sbin/barid";
my $share = top_folder() . '/build/peers/postfix/usr/share/postfix';
my $top = tempdir(CLEANUP => 1);
my ($from, $to, $other) = ("$top/postfix", "$top/barid", "$top/other");

# The services of Debian, if its package is there.
my $services = -e "$share/master.cf.dist" ? read_file("$share/master.cf.dist")
    : "smtp inet n - y - - smtpd\ntlsmgr unix - - y 1000? 1 tlsmgr\n";

mkdir($_) for $from, $other, map { "$from/$_" }
    qw(sasl maps postfix-files.d dynamicmaps.cf.d);

sub put
{
	my ($name, $text, $mode) = @_;

	write_file("$from/$name", $text);
	chmod($mode // 0644, "$from/$name");
}

put('main.cf', <<"END");
# See /usr/share/postfix/main.cf.dist
compatibility_level = 3.6
myhostname = host.example.test
inet_interfaces = loopback-only
alias_maps = hash:$other/aliases
alias_database = hash:$other/aliases
myorigin = $other/mailname
mydestination = \$myhostname, localhost
mynetworks = 127.0.0.0/8 [::1]/128
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
virtual_alias_maps = proxy:proxy:hash:$from/maps/virtual,
  pipemap:{texthash:$from/maps/a, unionmap:{hash:\$config_directory/maps/b, static:x}},
  mysql:$from/mysql-virtual.cf, hash:relative
transport_maps = hash:$from/maps/transport
smtp_sasl_password_maps = hash:$from/sasl/sasl_passwd
smtpd_recipient_restrictions = reject_unauth_destination,
  check_policy_service unix:private/policyd-spf
content_filter = smtp-amavis:[127.0.0.1]:10024
virtual_transport = store
daemon_directory = /usr/lib/postfix/sbin
queue_directory = /var/spool/postfix
END
put('master.cf', "$services<END>" =~ s/<END>/<<"END"/er);
smtp-amavis unix - - y - 2 smtp
  -o smtp_data_done_timeout=1200
  -o smtp_send_xforward_command=yes
127.0.0.1:10025 inet n - y - - smtpd
  -o content_filter=
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
store unix - n n - - qmqpd
  argv=$from/filter.sh -f
END
put('maps/virtual', "a\@x.test b\n");
put('maps/a', "a x\n");
put('maps/b', "b x\n");
put('maps/transport', "x.test smtp:[y.test]\n");
put('sasl/sasl_passwd', "[mx.test]:587 user:secret\n", 0600);
put('sasl/smtpd.conf', "pwcheck_method: auxprop\nsasldb_path: $from/sasldb2\n");
put('mysql-virtual.cf', "user = mail\npassword = secret\nhosts = unix:/run/my.sock\n"
    . "dbname = mail\nquery = SELECT 1\ntls_CAfile = $from/ca.pem\n", 0640);
put('header_checks', "/^X/ IGNORE\n");
put('filter.sh', "#!/bin/sh\nexec cat\n", 0755);
put('a file with spaces', "x\n");
put($_, "x\n") for qw(main.cf.proto master.cf.proto postfix-files dynamicmaps.cf
    makedefs.out post-install);
mkfifo("$from/fifo", 0600);
write_file("$other/aliases", "root: me\n");
write_file("$other/mailname", "example.test\n");
system("$ENV{BARID_PREFIX}/sbin/postalias", '-c', $from, "hash:$other/aliases") == 0
    or diag('postalias failed');

my $r = run_command($barid, 'import', '--to', $to, $from);

is($r->{exit}, 0, 'imported') or diag($r->{out}, $r->{err});

# --- what is there ---

my $main = read_file("$to/main.cf");

like($main, qr{proxy:proxy:hash:\Q$to\E/maps/virtual,\n  pipemap:\{texthash:\Q$to\E/maps/a, unionmap:\{hash:\$config_directory/maps/b}m,
	'paths are moved, wherever they are nested');
like($main, qr{^alias_maps = hash:\Q$other\E/aliases$}m, 'those elsewhere are not');
like($main, qr{^# of Postfix: queue_directory = /var/spool/postfix$}m, 'places are left out');
like(read_file("$to/master.cf"), qr{^  argv=\Q$to\E/filter\.sh -f$}m,
	'nor is an argument of a service forgotten');
like(read_file("$to/mysql-virtual.cf"), qr{^tls_CAfile = \Q$to\E/ca\.pem$}m,
	'and a file of parameters');
is(read_file("$to/sasl/smtpd.conf"), read_file("$from/sasl/smtpd.conf"),
	'other files are as they were');
is(sprintf('%04o', (stat("$to/$_->[0]"))[2] & 07777), $_->[1], "the mode of $_->[0]")
    for ['sasl/sasl_passwd', '0600'], ['sasl/sasl_passwd.db', '0600'],
	['mysql-virtual.cf', '0640'], ['filter.sh', '0755'], ['maps/a', '0644'];
ok(-e "$to/$_", "$_ is there") for 'a file with spaces', 'header_checks',
    'maps/virtual.db', 'maps/b.db', 'maps/transport.db';
ok(!-e "$to/$_", "$_ is not") for qw(main.cf.proto master.cf.proto postfix-files
    postfix-files.d dynamicmaps.cf dynamicmaps.cf.d makedefs.out post-install fifo);

# --- what is told ---

for my $line (
	qr{^\Q$from\E/dynamicmaps\.cf: left out: a file of Postfix's own$}m,
	qr{^\Q$from\E/fifo: left out: no file$}m,
	qr{^\Q$from\E/mysql-virtual\.cf, line 6: paths below}m,
	qr{^\Q$from\E/sasl/smtpd\.conf, line 2: speaks of \Q$from\E, and is copied as it is$}m,
	qr{^\Q$to\E/main\.cf, line \d+: parameter alias_\w+: hash:\Q$other\E/aliases stays where it is$}m,
	qr{^\Q$to\E: parameter virtual_alias_maps: hash:\Q$to\E/maps/virtual made anew$}m,
	qr{^\Q$to\E/main\.cf, line 11: error: parameter virtual_alias_maps: table hash:relative: the path does not}m,
	qr{^\Q$to\E/master\.cf, line \d+: warning: service store/unix: the program qmqpd is not supported}m,
	qr{^\Q$to\E/main\.cf, line \d+: error: parameter virtual_transport: service store/unix is not started}m,
	qr{^\Q$to\E/main\.cf, line \d+: warning: parameter smtpd_recipient_restrictions: connect to unix:private/policyd-spf: }m,
	qr{^\Q$to\E/master\.cf, line \d+: service tlsmgr/unix: tlsmgr starts nothing}m,
	qr{^\Q$to\E/master\.cf, lines? [\d, ]+: the chroot column: }m,
	qr{^\Q$to\E/master\.cf, line \d+: service smtp-amavis/unix: process limit 2: bounds}m) {
	like($r->{out}, $line, 'told');
}
unlike($r->{out}, qr{barid\.import\.}, 'of the folder where it was made nothing is said');
unlike($r->{out}, qr{^[^:]*: error: (?!parameter virtual_)}m, 'no other error')
    or diag($r->{out});
is(scalar(grep { /made anew/ } split /\n/, $r->{out}), 4, 'four tables were missing');

# The same again: in the same order.
my $again = run_command($barid, 'import', '--replace', '--to', $to, $from);

is($again->{out} =~ s/^.*what was there is now.*\n//mr, $r->{out},
	'a second time the same is told');
done_testing();
