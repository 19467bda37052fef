#!/usr/bin/perl
# design.md section 5, rule 4, and case 71 of the attacks: a disk that is full,
# has no inodes, fails, or stops: an answer 4xx before the acknowledgement, nothing
# that was accepted is harmed, and when the fault ends mail flows again by itself.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/qmgr',
	'libexec/barid/local');
own_mounts();
my $why = can_mount();
plan(skip_all => $why) if defined $why;

# An instance whose queue stands on a file system of its own; undef, and a
# skipped test, if that cannot be made.
sub instance_on
{
	my ($type, $size, @options) = @_;
	my $t = durable_instance();
	my $why = mount_image($type, $size, "$t->{dir}/fs", @options);

	if (defined $why) {
		plan(skip_all => $why);
		return undef;
	}
	mkdir("$t->{dir}/fs/queue");
	$t->configure({ queue_directory => "$t->{dir}/fs/queue" }, {});
	$t->start(wait => 0);
	return wait_ready($t);
}

sub submit_codes { return join(' ', map { $_->{code} } submit_marks(@_)) }

# Bytes until nothing fits any more; free(N) leaves that many.
sub fill_disk
{
	my ($t, $free) = @_;

	open(my $out, '>', "$t->{dir}/fs/ballast") or die "ballast: $!\n";
	1 while syswrite($out, "\0" x 65536);
	1 while syswrite($out, "\0" x 1024);
	if ($free) {
		my $size = -s $out;

		truncate($out, $size - $free);
	}
	close($out);
}

sub free_disk { unlink("$_[0]{dir}/fs/ballast") }

# For a second cleanup remembers how much there was.
sub forget_space { sleep(2) }

# A message that waits in the queue, for a mailbox that is blocked.
sub block
{
	my ($t, $name) = @_;

	mkdir("$t->{dir}/mail/$name");
	chmod(0, "$t->{dir}/mail/$name");
	chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/$name");
}

sub unblock { chmod(0700, "$_[0]{dir}/mail/$_[1]") }

sub queue_files
{
	my ($t) = @_;

	return map { glob "$t->{main}{queue_directory}/$_" }
	    qw(active/* incoming/* deferred/?/*);
}

subtest 'a full disk', sub {
	my $t = instance_on('tmpfs', 16) or return;

	block($t, 'third');
	is(submit_codes($t, '-m', 'before', ['third@example.test']), '250',
		'before: accepted, and waits');
	ok($t->wait_log(qr/status=deferred/), 'deferred');
	fill_disk($t, 0);
	forget_space();
	is(submit_codes($t, '-m', 'full', ['user@example.test']), '452',
		'full: 452');
	# Room for the beginning of a message only.
	fill_disk($t, 400 * 1024);
	forget_space();
	is(submit_codes($t, '-m', 'large', '-s', 2_000_000, '-S',
		['user@example.test']), '452', 'full in the middle: 452');
	is(scalar(my @files = queue_files($t)), 1,
		'nothing of it stays in the queue');
	fill_disk($t, 0);
	unblock($t, 'third');
	ok(wait_settled($t, 30), 'what had waited is delivered on a full disk');
	free_disk($t);
	ok(wait_until(20, sub {
		submit_codes($t, '-m', 'after', ['user@example.test']) eq '250';
	}), 'after: accepted');
	ok(wait_settled($t, 30), 'nothing stays');
	is_deeply(marks_delivered($t), { 'after-0-0' => 1 },
		'what was refused is not delivered');
	is_deeply(marks_delivered($t, 'third'), { 'before-0-0' => 1 },
		'what was accepted is');
	ok($t->stop, 'it stops');
};

subtest 'outcomes on a full disk', sub {
	# One recipient is served, the other is not, and that cannot be noted:
	# the first gets no second copy all the same.
	my $t = instance_on('ext4', 16, '-b', 1024, '-m', 0) or return;
	my @submits;

	block($t, $_) for qw(user other);
	# Of several sizes: where the journal of some of them goes on, there is
	# no block yet.
	for my $i (1 .. 12) {
		push @submits, submit_marks($t, '-m', "m$i", '-s', 74 * $i,
			[map { "$_\@example.test" } qw(user other)]);
	}
	my $acked = acked(@submits);
	is(scalar keys %$acked, 12, 'messages are accepted');
	ok($t->wait_log(qr/to=<user.*status=deferred/), 'and wait');
	fill_disk($t, 0);
	unblock($t, 'user');
	ok(wait_until(60, sub { keys %{ marks_delivered($t) } == 12 }),
		'one mailbox of two gets them');
	ok($t->wait_log(qr/No space left on device/),
		'there is no room to note it');
	# Some more tries.
	$t->mark_log;
	$t->wait_log(qr/to=<other.*status=deferred/, 5);
	free_disk($t);
	unblock($t, 'other');
	ok(wait_settled($t, 60), 'then there is room, and nothing stays');
	is_deeply(marks_delivered($t, $_), { map { $_ => 1 } keys %$acked },
		"$_: each once") for qw(user other);
	ok($t->stop, 'it stops');
};

subtest 'no inodes', sub {
	my $t = instance_on('tmpfs', 16, 'nr_inodes=200') or return;

	is(submit_codes($t, '-m', 'before', ['user@example.test']), '250',
		'before: accepted');
	ok(wait_settled($t), 'and delivered');
	my $n = 0;
	while (open(my $out, '>', "$t->{dir}/fs/file$n")) {
		$n++;
	}
	forget_space();
	is(submit_codes($t, '-m', 'none', ['user@example.test']), '452', 'none: 452');
	unlink(map { "$t->{dir}/fs/file$_" } 0 .. $n);
	ok(wait_until(20, sub {
		submit_codes($t, '-m', 'after', ['user@example.test']) eq '250';
	}), 'after: accepted');
	ok(wait_settled($t), 'and delivered');
	is_deeply(marks_delivered($t), { 'before-0-0' => 1, 'after-0-0' => 1 },
		'nothing else was');
	ok($t->stop, 'it stops');
};

subtest 'too little room: queue_minfree', sub {
	my $t = instance_on('tmpfs', 16) or return;

	$t->stop;
	$t->configure({ queue_minfree => '100M' }, {});
	$t->start(wait => 0);
	wait_ready($t);
	is(submit_codes($t, ['user@example.test']), '452',
		'too little: 452');
	ok($t->stop, 'it stops');
};

# ext4 that finds an error: read-only from there on.
subtest 'a file system that becomes read-only', sub {
	my $t = instance_on('ext4', 32) or return;
	my $device = run_command('findmnt', '-n', '-o', 'SOURCE',
		"$t->{dir}/fs")->{out} =~ s{.*/}{}r =~ s/\s//gr;
	my $trigger = "/sys/fs/ext4/$device/trigger_fs_error";

	block($t, 'third');
	is(submit_codes($t, '-m', 'before', ['third@example.test']), '250',
		'before: accepted, and waits');
	ok($t->wait_log(qr/status=deferred/), 'deferred');
	run_command('mount', '-o', 'remount,errors=remount-ro', "$t->{dir}/fs");
	SKIP: {
		open(my $out, '>', $trigger) or
		    skip('this kernel has no such error', 1);
		syswrite($out, "1\n");
		close($out);
		my @during = submit_marks($t, '-m', 'during', '-n', 3, '-j', 2,
			['user@example.test']);
		is(join(' ', grep { $_->{code} !~ /^45[12]$/ } @during), '',
			'during: 451 or 452');
		unblock($t, 'third');
		sleep(3);
		$t->crash;
		run_command('umount', "$t->{dir}/fs");
		run_command('/sbin/fsck.ext4', '-y', '-f', "$t->{dir}/fs.img");
		is(mount_loop("$t->{dir}/fs.img", "$t->{dir}/fs"), '',
			'mounted again');
		$t->start(wait => 0);
		wait_ready($t);
		ok(wait_settled($t, 30), 'nothing stays');
		ok(marks_delivered($t, 'third')->{'before-0-0'},
			'what was accepted is delivered');
	}
	ok($t->stop, 'it stops');
};

# As a power cut: what the file system has not committed is gone.
subtest 'a file system that stops', sub {
	my $t = instance_on('ext4', 64) or return;
	my $folder = "$t->{dir}/fs";
	my (@submits, $n_broken);

	$t->stop;
	# The mailboxes too.
	mkdir("$folder/mail");
	chown($t->{mail_uid}, $t->{mail_gid}, "$folder/mail");
	$t->configure({ virtual_mailbox_base => "$folder/mail" }, {});
	$t->start(wait => 0);
	wait_ready($t);
	for my $round (1 .. 4) {
		my $load = start_submit($t, '-m', "r$round", '-n', 200, '-j', 5,
			'-t', 3, '-s', $round * 1500,
			['user@example.test']);

		wait_until(20, sub {
			my @now = grep { /^r$round-/ }
			    keys %{ marks_delivered($t, "$folder/mail/user") };

			@now > 40 * $round;
		});
		open(my $handle, '<', $folder) or die "open $folder: $!\n";
		# A sync that is under way when the file system stops may still
		# say that it succeeded, which no power cut lets anybody hear:
		# what counts was accepted before.
		push @submits, submits_so_far($load);
		# EXT4_IOC_SHUTDOWN, without flushing the log.
		my $how = pack('L', 2);
		my $stopped = ioctl($handle, 0x8004587d, $how);
		if (!$stopped) {
			collect_submit($load);
			plan(skip_all => "this kernel cannot stop it: $!");
			return;
		}
		close($handle);
		select(undef, undef, undef, 0.3);
		$t->crash;
		collect_submit($load);
		is(run_command('umount', $folder)->{exit}, 0, 'unmounted');
		is(mount_loop("$folder.img", $folder), '', 'mounted again');
		$t->start(wait => 0);
		wait_ready($t);
		ok(wait_settled($t, 60), "round $round: nothing stays");
		my $n = marks_delivered($t, "$folder/mail/user");
		my $acked = acked(@submits);
		is(delete $n->{broken} // 0, 0, 'nothing half-written');
		my @missing = map { "$_ $acked->{$_}" }
		    grep { !$n->{$_} } sort keys %$acked;

		is(join(', ', @missing), '',
			keys(%$acked) . ' were accepted, and are there');
		my @twice = grep { $n->{$_} > 1 } keys %$n;
		note(scalar(@twice) . ' of them twice');
	}
	ok($t->stop, 'it stops');
};

done_testing();
