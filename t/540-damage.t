#!/usr/bin/perl
# design.md section 5, rule 5, and case 70 of the attacks: whatever stands in the
# queue's folders, it goes to corrupt/ or stays with a line in the log; it never
# stops the start, never delays another message, is never delivered in part, and
# no move overwrites what is there.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/qmgr',
	'libexec/barid/local');

my $t = durable_instance();
my $queue = "$t->{dir}/queue";
my ($uid, $gid);    # of the queue's owner: known after the first start

# --- A good file to damage -----------------------------------------------------

# One message waits in deferred/: its file is a model for all others.
mkdir("$t->{dir}/mail/user");
chmod(0, "$t->{dir}/mail/user");
chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/user") if $> == 0;
$t->start(wait => 0);
wait_ready($t);
($uid, $gid) = (stat "$queue/active")[4, 5];
my ($model) = submit_marks($t, '-m', 'model', '-s', 9000,
	['user@example.test']);
$t->wait_log(qr/$model->{id}: to=.*status=deferred/);
my $good;
wait_until(10, sub {
	my ($path) = glob "$queue/deferred/?/$model->{id}";
	$good = read_file($path) if $path;
	$good;
});
ok($good, 'a message waits') or BAIL_OUT('nothing to damage');
ok($t->stop, 'it stops');
chmod(0700, "$t->{dir}/mail/user");
unlink(glob "$queue/deferred/?/$model->{id}");

# --- What is put in -----------------------------------------------------------------

my $serial = 0;
my (%bad, %litter);

# The same rule as queue_id_hash for short IDs.
sub folder_of
{
	my ($folder, $id) = @_;

	return $folder eq 'deferred' ? "$queue/deferred/" . substr($id, 4, 1) :
	    "$queue/$folder";
}

sub place
{
	my ($folder, $what) = @_;
	my $id = sprintf('%05X123456789', 0x10000 + $serial++);
	my $path = folder_of($folder, $id) . "/$id";

	mkdir(folder_of($folder, $id));
	chown($uid, $gid, folder_of($folder, $id));
	$bad{$id} = $what;
	return $path;
}

sub put
{
	my ($folder, $what, $bytes) = @_;
	my $path = place($folder, $what);

	write_file($path, $bytes);
	chmod(0600, $path);
	chown($uid, $gid, $path);
	# What is deferred is due.
	utime(time - 10, time - 10, $path);
	return $path;
}

my $len = length $good;
# The preamble's numbers, as queue_file.c has them.
my (undef, undef, $content_at, $content_len, $env_at, $env_len, $rcpts_at,
	$rcpts_len, undef, $commit_len) = unpack('x8 Q>13', $good);
cmp_ok($commit_len, '<=', $len, 'the preamble was understood');

for my $folder (qw(active incoming deferred)) {
	# Cut in each region.
	my %cuts = (preamble => 64, content => $content_at + 100,
		envelope => $env_at + 10, recipients => $rcpts_at + 5,
		mark => $commit_len - 10, almost => $commit_len - 1);
	put($folder, "cut in $_", substr($good, 0, $cuts{$_}))
	    for sort keys %cuts;
	# A bit in each region that is covered by a checksum.
	my %flips = (magic => 2, preamble => 40, crc => 126,
		'content' => $content_at + $content_len - 2,
		'added headers' => $env_at - 2,
		envelope => index($good, 'sender@', $env_at),
		recipients => index($good, 'user@', $rcpts_at),
		mark => $commit_len - 20);
	for my $name (sort keys %flips) {
		my $bytes = $good;

		substr($bytes, $flips{$name}, 1) ^= "\x10";
		put($folder, "bit of $name", $bytes);
	}
	put($folder, 'all 0xff', "\xff" x 4096);
	put($folder, 'a text', "From: somebody\n\nhello\n" x 100);
	symlink('/etc/passwd', place($folder, 'a symlink'));
	for my $make ([sub { mkdir($_[0], 0700) }, 'a directory'],
		[sub { POSIX::mkfifo($_[0], 0600) }, 'a FIFO']) {
		my $path = place($folder, $make->[1]);

		$make->[0]->($path);
		chown($uid, $gid, $path);
	}
	if ($> == 0) {
		my $path = put($folder, 'foreign, readable', $good);
		chown(12345, 12345, $path);
		chmod(0644, $path);
		$path = put($folder, 'foreign, not readable', $good);
		chown(12345, 12345, $path);
	}
}
# Never committed: nobody was told.
for my $folder (qw(active incoming)) {
	put($folder, 'empty', '');
	$litter{ (sort keys %bad)[-1] } = 1;
	put($folder, 'a hole', "\0" x 5000);
	$litter{ (sort keys %bad)[-1] } = 1;
}
# Damage, and no litter: the mode says that there was a preamble, and so that
# somebody may have been told that the message is safe.
for my $folder (qw(active incoming deferred)) {
	chmod(0700, put($folder, 'a hole in a committed file', "\0" x 5000));
	chmod(0700, put($folder, 'a lost preamble',
		"\0" x 128 . substr($good, 128)));
}
# A name that corrupt/ has already.
my $twice = put('active', 'cut, and the name is taken', substr($good, 0, 300));
my ($twice_id) = $twice =~ m{([^/]+)$};
write_file("$queue/corrupt/$twice_id", 'was here before');
# Names that are no queue IDs are nobody's business.
write_file("$queue/active/.hidden", 'x');
write_file("$queue/active/a b", 'x');

# A torn journal is no damage: the message is delivered.
my $torn = put('active', 'torn journal', $good . substr(
	$good, 0, 0) . pack('N N C', 500, 12345, ord 'O') . 'half');
my ($torn_id) = $torn =~ m{([^/]+)$};
delete $bad{$torn_id};

# A file of a version that had no checksum of content is good.
sub crc32c
{
	my $crc = 0xffffffff;

	for my $byte (unpack('C*', $_[0])) {
		$crc ^= $byte;
		$crc = $crc & 1 ? $crc >> 1 ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
	}
	return $crc ^ 0xffffffff;
}
my $old = substr($good, 0, 112) . "\0" x 12;
isnt(substr($good, 112, 8), "\0" x 8, 'there is a checksum of content');
$old = put('active', 'no checksum of content',
	$old . pack('N', crc32c($old)) . substr($good, 128));
delete $bad{ ($old =~ m{([^/]+)$})[0] };

# --- The run -------------------------------------------------------------------------

$t->mark_log;
$t->start(wait => 0);
wait_ready($t);
my $begun = time;
my @fresh = submit_marks($t, '-m', 'fresh', '-n', 20, ['other@example.test']);
is(scalar(grep { $_->{code} == 250 } @fresh), 20, 'fresh mail is accepted');
ok(wait_until(15, sub {
	my $n = marks_delivered($t, 'other');
	return keys %$n == 20;
}), 'and delivered, ' . (time - $begun) . ' s after the start');
ok(wait_until(15, sub { my $n = marks_delivered($t); $n->{'model-0-0'} }),
	'a message with a torn journal is delivered');
ok(wait_until(15, sub { marks_delivered($t)->{'model-0-0'} == 2 }),
	'and one of an older version');
is_deeply(marks_delivered($t), { 'model-0-0' => 2 }, 'nothing else is');

# Each is in corrupt/, or where it was with a line that names it.
my %left;
wait_until(20, sub {
	my $log = $t->log_text;

	%left = ();
	for my $id (grep { !$litter{$_} && $_ ne $twice_id } keys %bad) {
		$left{$id} = $bad{$id}
		    unless $log =~ /(?:warning|error): .*\b$id\b/;
	}
	return !%left;
});
is(join(', ', sort values %left), '', 'each has its line in the log');
my @gone = grep { my $id = $_;
	!grep { -e $_ || -l $_ } ("$queue/active/$id", "$queue/incoming/$id",
	    "$queue/corrupt/$id", glob "$queue/deferred/?/$id") }
    grep { !$litter{$_} } sort keys %bad;
is(join(', ', map { $bad{$_} } @gone), '', 'none of them was destroyed');
my @stay = grep { my $id = $_;
	!(-e "$queue/corrupt/$id" || -l "$queue/corrupt/$id") }
    grep { !$litter{$_} } sort keys %bad;
# The sandbox lets qmgr make no links and FIFOs, in corrupt/ as elsewhere.
is(join(', ', grep { !/not readable|name is taken|symlink|FIFO/ }
	map { $bad{$_} } @stay), '', 'all files that can be read are in corrupt/');
# When it is some seconds old: it might still become a message.
ok(wait_until(20, sub {
	!grep { my $id = $_; grep { -e } "$queue/active/$id",
		"$queue/incoming/$id" } keys %litter;
}), 'litter is removed');
is(join(' ', grep { -e "$queue/corrupt/$_" } keys %litter), '',
	'it is not taken for damage');
ok(read_file("$queue/corrupt/$twice_id") eq 'was here before',
	'what was in corrupt/ is still there');
is(length(read_file($twice) // ''), 300, 'so is what could not be moved');
unlike($t->log_text, qr/(?:qmgr|cleanup) pid \d+ (?:killed|exit)/,
	'no process ended');
my @again = submit_marks($t, '-m', 'again', '-n', 5, ['other@example.test']);
ok(wait_until(10, sub { keys %{ marks_delivered($t, 'other') } == 25 }),
	'mail flows on');
ok($t->stop, 'it stops');

done_testing();
