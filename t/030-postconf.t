#!/usr/bin/perl
# postconf: what is shown and how the files are edited.
use strict;
use warnings;
use File::Temp qw(tempdir);
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
	return ($text, slurp("$dir/stderr"), $? >> 8);
}

my $main = <<'CF';
# first
relayhost = [a]
 # inside
  $tail

tail = 1  2
unused = x
smtpd_banner =
CF
put('main.cf', $main);
put('master.cf', <<'CF');
smtp inet n - n - - smtpd -o { a = b c }
relay unix - - n - - smtp -o syslog_name=x/$service_name
CF
chmod 0640, "$dir/main.cf";

my ($out, $err, $rc) = run('-n');
is($out, "config_directory = $dir\nrelayhost = [a] \$tail\n"
    . "smtpd_banner =\ntail = 1 2\n", 'set parameters are shown');
like($err, qr{^postconf: warning: \Q$dir\E/main.cf: unused parameter: unused=x$}m,
    'and what nothing uses');
is($rc, 0, 'which is no failure');
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
is(slurp("$dir/main.cf"), <<'CF', 'an edit keeps comments and order');
# first
relayhost = [b]
 # inside

tail = 1  2
unused = x
smtpd_banner =
new = 7
CF
is((stat "$dir/main.cf")[2] & 07777, 0640, 'and the mode');
run('-X', 'unused');
run('-#', 'tail');
is(slurp("$dir/main.cf"), <<'CF', 'removed and commented out');
# first
relayhost = [b]
 # inside

#tail = 1  2
smtpd_banner =
new = 7
CF
ok(!-e "$dir/main.cf.tmp", 'nothing is left over');
(undef, $err, $rc) = run('-e', "a=b\nc=d");
is($rc, 1, 'a line end in a value is refused');
done_testing();
