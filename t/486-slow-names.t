#!/usr/bin/perl
# Delivery to users of a name service that does not answer (t/nss_slow.c): mail
# for everybody else goes on, what asked is deferred in time and delivered when
# there is an answer, and no process is left over.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/local');

my $module = "$ENV{BARID_BUILD}/t/nss_slow.so";

plan(skip_all => 'the name service is root\'s to change') if $> != 0;
plan(skip_all => "no $module") if !-e $module;
begin_with_module() if !$ENV{BARID_NAMES};

# In mounts of its own, where the module is part of the name service.
sub begin_with_module
{
	my $dir = "/tmp/bn.$$";

	plan(skip_all => 'no mounts of our own (unshare)')
	    if system('unshare -m true 2>/dev/null') != 0;
	plan(skip_all => 'no ldconfig') if !-e '/etc/ld.so.cache';
	mkdir($dir) or die "mkdir $dir: $!\n";
	write_file("$dir/nsswitch.conf",
		"passwd: files slow\ngroup: files slow\nhosts: files dns\n");
	my $done = run_command('sh', '-c',
		'cp "$0" "$1/libnss_slow.so.2" && ' .
		'PATH=$PATH:/sbin:/usr/sbin ldconfig -X -C "$1/cache" "$1"',
		$module, $dir);
	plan(skip_all => "ldconfig: $done->{err}") if $done->{exit} != 0;
	$ENV{BARID_NAMES} = $dir;
	exec('unshare', '-m', 'sh', '-c',
		'mount --bind "$0/cache" /etc/ld.so.cache && ' .
		'mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf && exec "$@"',
		$dir, $^X, (map { "-I$_" } @INC), $0)
	    or die "exec unshare: $!\n";
}

my $names = $ENV{BARID_NAMES};
my $owner = $$;

END {
	if ($names && $$ == $owner) {
		unlink(glob("$names/*"));
		rmdir($names);
	}
}

my ($user) = grep { defined getpwnam($_) } qw(games news mail);

plan(skip_all => 'the module is not loaded') if !defined getpwnam('quick');

my $host = 'mx.example.test';
my $t = Barid::Test->new(main => {
	mydestination => $host, myorigin => $host, alias_maps => '',
	local_recipient_maps => '', queue_run_delay => '300s',
	minimal_backoff_time => '300s',
});
my $spool = "$t->{dir}/spool";

mkdir($spool);
chmod(01777, $spool);
$t->configure({ mail_spool_directory => "$spool/" });
$t->start;

sub send_to
{
	my ($name) = @_;

	like(send_mail($t->{port}, { from => 'a@b.test', to => "$name\@$host" },
		"Subject: $name\n\nx\n"), qr/^250 /, "$name: taken");
}

sub status_of
{
	my ($name, $seconds) = @_;

	return $t->wait_log(qr/local\[.*: to=<\Q$name\E\@.*status=/, $seconds);
}

sub is_delivered
{
	my ($name, $why) = @_;

	$t->mark_log;
	send_to($name);
	like(status_of($name), qr/status=sent \(delivered to maildir\)/,
		"$name: $why");
}

# Front, monitor, children, and who asks.
sub local_pids { my @pids = $t->pids_of('local'); return @pids }

is_delivered($user, 'a user of /etc/passwd');
is_delivered('quick-1', 'a user of the service');

my $before = local_pids();

subtest 'what is not answered holds nobody else up' => sub {
	my $start = time;

	send_to('stuck');
	# All groups of this one are not known.
	send_to('alone');
	ok(wait_until(10, sub { local_pids() > $before }),
		'it is being asked');
	is_delivered($user, 'meanwhile');
	is_delivered("quick-$_", 'meanwhile') for 1 .. 3;
	send_to('nosuchuser');
	like(status_of('nosuchuser'), qr/dsn=5\.1\.1, status=bounced/,
		'nobody is nobody');
	is(scalar(() = $t->log_text =~ /to=<(?:stuck|alone)\@/g), 0,
		'those are still waited for');
	for my $name (qw(stuck alone)) {
		like(status_of($name, 40), qr/relay=local, .*dsn=4\.3\.0, status=deferred \(.*the name service did not answer in time\)/,
			"$name: deferred");
	}
	cmp_ok(time - $start, '>', 19, 'not before its time');
};

subtest 'a service that fails, or kills who asks' => sub {
	send_to($_) for qw(ill deadly);
	like(status_of('ill'), qr/dsn=4\.3\.0, status=deferred \(look up user ill: /,
		'deferred');
	like(status_of('deadly'), qr/dsn=4\.3\.0, status=deferred \(look up user deadly: .* died\)/,
		'deferred');
	is_delivered('quick-5', 'and others go on');
	is(scalar(() = $t->queue_ids('deferred')), 4, 'all that was deferred is there');
};

subtest 'an answer' => sub {
	$t->mark_log;
	write_file("$names/answers", '');
	is($t->tool('postqueue', '-f')->{exit}, 0, 'the queue is flushed');
	for my $name (qw(stuck alone)) {
		like(status_of($name), qr/status=sent \(delivered to maildir\)/,
			"$name: delivered");
		is(scalar(() = $t->read_maildir("$spool/$name")), 1, 'once');
	}
	unlink("$names/answers");
};

subtest 'the end of the agent' => sub {
	send_to('stuck-again');
	ok(wait_until(10, sub { local_pids() > $before }), 'it is being asked');
	my @pids = local_pids();
	$t->stop;
	ok(wait_until(10, sub { !grep { -e "/proc/$_" } @pids }),
		'no process of it is left');
};

is($t->sanitizer_report, '', 'no sanitizer has a complaint')
    if is_checks_build();
done_testing;
