#!/usr/bin/perl
# Case 71 of the attacks, for the administrator's commands and for the log: the disk
# is full, over quota, fails, or is read-only.  The command says so and fails;
# nothing half-written takes the place of something good, and nothing is left
# behind; when the fault is over it works.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Inject;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'sbin/postmap', 'sbin/postalias',
	'sbin/postconf', 'sbin/postsuper', 'libexec/barid/cleanup',
	'libexec/barid/log');
own_mounts();
my $why = can_mount();
plan(skip_all => $why) if defined $why;

# etc, the queue and the log each on a small file system of its own.
my $t = durable_instance();
for my $place (qw(etc queue logs)) {
	$why = mount_image('tmpfs', 4, "$t->{dir}/$place");
	plan(skip_all => $why) if defined $why;
}
$t->{log} = "$t->{dir}/logs/log";
$t->configure({ maillog_file => $t->{log} }, {});

sub fill
{
	my ($place) = @_;

	open(my $out, '>', "$t->{dir}/$place/ballast") or die "ballast: $!\n";
	1 while syswrite($out, "\0" x 65536);
	1 while syswrite($out, "\0" x 512);
	close($out);
}

sub empty { unlink("$t->{dir}/$_[0]/ballast") }

sub remount
{
	my ($place, $how) = @_;

	return run_command('mount', '-o', "remount,$how",
		"$t->{dir}/$place")->{exit} == 0;
}

# All in a folder but what fills it, by name and content.
sub folder
{
	my %files;

	for my $path (glob "$t->{dir}/etc/*") {
		$files{$path} = read_file($path) if $path !~ /ballast$/;
	}
	return \%files;
}

# Each command: its name, what it changes, how that shows.  {again} is run before,
# so that there is something good.
my $large = join('', map { "key$_ value$_\n" } 1 .. 20_000);
my %commands = (
	postmap => {
		before => sub { $t->etc('map', "a one\n") },
		change => sub { $t->etc('map', "a two\n$large") },
		command => ['postmap', "hash:$t->{dir}/etc/map"],
		shows => ['postmap', '-q', 'a', "hash:$t->{dir}/etc/map"],
		good => "one\n", new => "two\n",
	},
	postalias => {
		before => sub { $t->etc('names', "a: one\n") },
		change => sub { $t->etc('names', "a: two\n" .
			($large =~ s/ /: /gr)) },
		command => ['postalias', "hash:$t->{dir}/etc/names"],
		shows => ['postalias', '-q', 'a', "hash:$t->{dir}/etc/names"],
		good => "one\n", new => "two\n",
	},
	postconf => {
		before => sub {},
		change => sub {},
		prepare => ['postconf', '-e', 'mail_name=one'],
		command => ['postconf', '-e', 'mail_name=two'],
		shows => ['postconf', '-h', 'mail_name'],
		good => "one\n", new => "two\n",
	},
);

sub check_command
{
	my ($name, $fault, $begin, $end, @strace) = @_;
	my $c = $commands{$name};
	my @tool = @{ $c->{command} };

	$c->{before}->();
	is($t->tool(@{ $c->{prepare} || $c->{command} })->{exit}, 0,
		"$name before");
	$c->{change}->();
	my $was = folder();
	my $done;

	$begin->();
	if (@strace) {
		my $program = installed("sbin/$tool[0]");

		$done = run_command(@strace, $program, '-c',
			"$t->{dir}/etc", @tool[1 .. $#tool]);
	} else {
		$done = $t->tool(@tool);
	}
	isnt($done->{exit}, 0, "$name, $fault: fails");
	# Where each write fails, so does that.
	like($done->{err}, qr/fatal: .|error: ./, "$name, $fault: says so")
	    unless $fault =~ /write/;
	is($t->tool(@{ $c->{shows} })->{out}, $c->{good},
		"$name, $fault: what was good is still there");
	is_deeply(folder(), $was, "$name, $fault: and nothing else");
	$end->();
	is($t->tool(@tool)->{exit}, 0, "$name works afterwards");
	is($t->tool(@{ $c->{shows} })->{out}, $c->{new}, "$name: and does it");
}

for my $name (sort keys %commands) {
	check_command($name, 'full disk', sub { fill('etc') },
		sub { empty('etc') });
	check_command($name, 'read-only', sub { remount('etc', 'ro') },
		sub { remount('etc', 'rw') });
}

SKIP: {
	my $no = can_inject();

	skip($no, 1) if defined $no;
	my $strace = have_peer('strace');
	for my $name (sort keys %commands) {
		for my $fault ([ 'write,pwrite64', 'EDQUOT' ],
			[ 'fsync,fdatasync', 'EIO' ],
			[ 'rename,renameat,renameat2', 'EROFS' ]) {
			my ($call, $error) = @$fault;

			check_command($name, "$error of $call", sub {}, sub {},
				$strace, '-f', '-qq', '-o', '/dev/null', '-e',
				"inject=$call:error=$error");
		}
	}
}

# --- postsuper ---------------------------------------------------------------------------

sub queued { return join(' ', sort $t->queue_ids(@_)) }

$t->start(wait => 0);
wait_ready($t);
mkdir("$t->{dir}/mail/user");
chmod(0, "$t->{dir}/mail/user");
chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/user");
my @submits = submit_marks($t, '-n', 3, '-m', 'kept', ['user@example.test']);
is(join(' ', map { $_->{code} } @submits), '250 250 250', 'messages wait');
ok(wait_until(60, sub { 3 == (() = $t->queue_ids('deferred')) }),
	'all are deferred');
ok($t->stop, 'it stops');
my $all = queued();
ok(remount('queue', 'ro'), 'the queue is read-only');
for my $what ('-d', '-h', '-r') {
	my $done = $t->tool('postsuper', $what, 'ALL');

	isnt($done->{exit}, 0, "postsuper $what ALL fails");
	like($done->{err}, qr/Read-only file system/, 'and says why');
	is(queued(), $all, 'every message is where it was');
}
ok(remount('queue', 'rw'), 'it can be written again');
fill('queue');
is($t->tool('postsuper', '-h', 'ALL')->{exit}, 0,
	'a full disk is no reason not to move');
is(queued('hold'), $all, 'all are on hold');
is($t->tool('postsuper', '-H', 'ALL')->{exit}, 0, 'and off it');
is(queued('hold'), '', 'none is on hold');
empty('queue');

# --- the log ------------------------------------------------------------------------------

$t->start(wait => 0);
wait_ready($t);
# Lines are held back for a moment before they are written, so that it may take some
# rounds until one finds no room.
my ($told, $n) = (undef, 0);
while (!$told && $n < 20) {
	fill('logs');
	is(join(' ', map { $_->{code} } submit_marks($t, '-n', 20, '-m',
		"unlogged$n", ['other@example.test'])), join(' ', (250) x 20),
		'mail is accepted though nothing can be logged');
	$n++;
	ok(wait_until(60, sub {
		keys %{ marks_delivered($t, 'other') } == 20 * $n;
	}), 'and delivered');
	wait_until($n, sub { 0 });
	$t->mark_log;
	empty('logs');
	$told = $t->wait_log(qr{warning: \d+ log lines were lost: write to .*: No space},
		4);
}
ok($told, 'how many lines were lost is told');
is(join(' ', map { $_->{code} } submit_marks($t, '-m', 'logged',
	['other@example.test'])), '250', 'there is room again');
ok($t->wait_log(qr/to=<other.*status=sent/, 60), 'and the log goes on');
my @torn = grep { !/^\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ \S+\[\d+\]: / }
    split(/\n/, $t->log_text);
cmp_ok(scalar @torn, '<=', 1, 'one line at most is cut');
chmod(0700, "$t->{dir}/mail/user");
$t->tool('postqueue', '-f');
ok(wait_settled($t, 60), 'what had waited is delivered');
is_deeply(marks_delivered($t), { map { +"kept-0-$_" => 1 } 0 .. 2 },
	'all of it, once');
ok($t->stop, 'it stops');
done_testing();
