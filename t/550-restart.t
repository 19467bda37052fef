#!/usr/bin/perl
# A start with a long queue: fresh mail flows while the folders are read; what is
# due is delivered, what is not waits; a time that no back-off could have given
# (the clock jumped: case 99 of the attacks) counts as due.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;
use Time::HiRes qw(time);

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/qmgr',
	'libexec/barid/local');

my $WAITING = 2000;
my $DUE = 20;
my $JUMPED = 20;

my $t = durable_instance(main => {
	minimal_backoff_time => '300s', maximal_backoff_time => '4000s',
	queue_run_delay => '300s' });
my $queue = "$t->{dir}/queue";
my ($uid, $gid);    # of the queue's owner: known after the first start

# --- The queue ----------------------------------------------------------------------

mkdir("$t->{dir}/mail/user");
chmod(0, "$t->{dir}/mail/user");
chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/user") if $> == 0;
$t->start(wait => 0);
wait_ready($t);
($uid, $gid) = (stat "$queue/active")[4, 5];
my ($model) = submit_marks($t, '-m', 'model', ['user@example.test']);
my ($good, $due);
ok(wait_until(10, sub {
	my ($path) = glob "$queue/deferred/?/$model->{id}";

	return 0 unless $path;
	$due = (stat $path)[9];
	$good = read_file($path);
}), 'a message is deferred') or BAIL_OUT('there is nothing to copy');
my $wait = $due - time;
ok($wait > 200 && $wait <= 4000, "it is due in $wait s, says its file's time");
ok($t->stop, 'it stops');
# Where names are not kept in order, a move has both for a moment.
unlink(glob "$queue/{active,deferred/?}/$model->{id}");
chmod(0700, "$t->{dir}/mail/user");

sub put
{
	my ($n, $due) = @_;
	my $id = sprintf('%05X123456789', $n);
	my $folder = "$queue/deferred/" . substr($id, 4, 1);

	write_file("$folder/$id", $good);
	chmod(0600, "$folder/$id");
	chown($uid, $gid, "$folder/$id");
	utime($due, $due, "$folder/$id");
}

my $now = int(time);
put($_, $now + 1000 + $_) for 1 .. $WAITING;
put(10000 + $_, $now - $_) for 1 .. $DUE;
# The longest back-off and an hour is the limit.
put(20000 + $_, $now + 4000 + 3600 + 100 + $_ * 86400) for 1 .. $JUMPED;

# --- The start ------------------------------------------------------------------------

$t->mark_log;
my $begun = time;
$t->start(wait => 0);
wait_ready($t);
my @fresh = submit_marks($t, '-m', 'fresh', '-n', 20, ['other@example.test']);
ok(wait_until(20, sub { keys %{ marks_delivered($t, 'other') } == 20 }),
	'fresh mail is delivered');
my $took = time - $begun;
cmp_ok($took, '<', is_checks_build() ? 20 : 5,
	sprintf('%.1f s after the start', $took));
ok(wait_until(20, sub {
	(marks_delivered($t)->{'model-0-0'} // 0) >= $DUE + $JUMPED;
}), 'what is due is delivered');
is(marks_delivered($t)->{'model-0-0'}, $DUE + $JUMPED, 'each once');
my @left;
# A file goes a moment after its message is there.
wait_until(10, sub { (@left = $t->queue_ids('deferred')) <= $WAITING });
is(scalar @left, $WAITING, 'what is not due waits');
is(scalar(grep { hex(substr $_, 0, 5) > $WAITING } @left), 0,
	'and nothing else does');
ok($t->stop, 'it stops');

done_testing();
