#!/usr/bin/perl
# barid set-permissions on a machine that has none of the accounts: it makes
# them, and every owner and mode is as one table says.  In a mount namespace
# with a copy of /etc, so that the machine's own accounts stay as they are.
use strict;
use warnings;

use Test::More;

use Barid::Test;

plan_installed('sbin/barid');
plan(skip_all => 'only root makes accounts') if $> != 0;
plan(skip_all => 'no useradd here') unless -x '/usr/sbin/useradd';
plan(skip_all => 'no mount namespaces here')
    if run_command('unshare', '-m', 'true')->{exit} != 0;

my $t = Barid::Test->new;
my $dir = $t->{dir};
my ($owner, $group) = ('bttmail', 'bttdrop');

is(run_command('cp', '-a', '/etc', "$dir/copy")->{exit}, 0, 'a copy of /etc');
mkdir("$dir/sbin") or die;
for my $command (qw(postdrop postqueue)) {
	write_file("$dir/sbin/$command", "#!/bin/sh\n");
	chmod(0755, "$dir/sbin/$command");
}
$t->configure({ mail_owner => $owner, setgid_group => $group,
	command_directory => "$dir/sbin",
	queue_directory => "$dir/new/queue", data_directory => "$dir/new/data" });

sub in_copy
{
	my ($script) = @_;

	return run_command('unshare', '-m', 'sh', '-ec',
		"mount --bind '$dir/copy' /etc; $script");
}

my $barid = installed('sbin/barid') . " -c $dir/etc";
my $r = in_copy("$barid check");
is($r->{exit}, 1, 'check without accounts fails');
like($r->{err}, qr/no user $owner \(mail_owner\): run "barid set-permissions"/,
	'and says what to do');

$r = in_copy("$barid set-permissions; getent passwd; getent group");
is($r->{exit}, 0, 'set-permissions') or diag($r->{err});
my %user = map { (split /:/)[0] => [ split /:/ ] }
    grep { /^\Q$owner\E/ && (() = /:/g) == 6 } split /\n/, $r->{out};
for my $suffix ('', map { "-$_" } qw(smtpd smtp rewrite lookup resolve anvil
    auth keys log)) {
	my $account = $user{"$owner$suffix"};

	ok($account, "account $owner$suffix") or next;
	is($account->[3], $user{$owner}[3], 'of the one group');
	is($account->[6], '/usr/sbin/nologin', 'nobody logs in as it');
	cmp_ok($account->[2], '>', 0, 'not root');
}
my %ids = map { $_->[2] => 1 } values %user;
is(scalar keys %ids, scalar keys %user, 'no two are one');
unlike(read_file('/etc/passwd'), qr/^\Q$owner\E/m,
	'the machine has none of them');

my ($setgid) = $r->{out} =~ /^\Q$group\E:[^:]*:(\d+):/m;
ok($setgid, 'the group of postdrop');
my %gid = (root => 0, mail => $user{$owner}[3], setgid => $setgid);
my %uid = (root => 0, mail => $user{$owner}[2]);
# Below the queue directory, unless it begins with "/".
my @table = map { [ split ] } split /\n/, <<'END';
.               root root   0755
pid             root root   0755
empty           root root   0755
private         root mail   0710
public          root setgid 0710
maildrop        mail setgid 0730
incoming        mail mail   0700
active          mail mail   0700
deferred        mail mail   0700
deferred/0      mail mail   0700
deferred/F      mail mail   0700
hold            mail mail   0700
corrupt         mail mail   0700
tmp             mail mail   0700
bounce          mail mail   0700
defer           mail mail   0700
flush           mail mail   0700
saved           mail mail   0700
trace           mail mail   0700
/new/data       mail mail   0700
/sbin/postdrop  root setgid 2755
/sbin/postqueue root setgid 2755
END

sub check_table
{
	my ($title) = @_;

	for my $row (@table) {
		my ($path, $user, $group, $mode) = @$row;
		my @stat = stat($path =~ m{^/} ? "$dir$path" :
			"$dir/new/queue/$path");

		is(@stat ? sprintf('%d %d %04o', @stat[4, 5],
			$stat[2] & 07777) : 'missing',
			"$uid{$user} $gid{$group} $mode", "$title: $path");
	}
}

check_table('fresh');
my %listed = map { $_->[0] => 1 } @table;
for my $path (glob("$dir/new/queue/*")) {
	my ($name) = $path =~ m{([^/]+)$};
	ok($listed{$name}, "$name is in the table");
}

my $before = read_file("$dir/copy/passwd");
chmod(0777, "$dir/new/queue/private", "$dir/new/queue/incoming");
chown(1, 1, "$dir/new/queue/maildrop");
$r = in_copy("$barid set-permissions");
is($r->{exit}, 0, 'once more');
is(read_file("$dir/copy/passwd"), $before, 'makes no account twice');
check_table('put right');

# A link where a directory should be is not followed.
rmdir("$dir/new/queue/hold") or die;
symlink('/tmp', "$dir/new/queue/hold") or die;
my $mode = (stat('/tmp'))[2];
$r = in_copy("$barid set-permissions");
is($r->{exit}, 1, 'a link instead of a directory is refused');
is((stat('/tmp'))[2], $mode, 'and what it points to is left alone');
done_testing();
