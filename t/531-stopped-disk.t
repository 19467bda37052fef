#!/usr/bin/perl
# As a power cut: under load, the file system with the queue and the mailboxes
# stops, and what it had not committed is gone.  Mounted again, nothing that was
# accepted is missing, nothing half-written is delivered, and the start succeeds,
# again and again.
#
# ext4 and XFS are stopped by their ioctl, without flushing the log, as their own
# test suites do it.  An ext4 without a journal has no such thing to lose: there
# the image is copied while all stand still, which is what the disk has then.
#
# BARID_SCALE=N is N times as many rounds, BARID_DISK=REGEX only those disks.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;
use Time::HiRes qw(sleep time);

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/qmgr',
	'libexec/barid/local');
own_mounts();
my $why = can_mount();
plan(skip_all => $why) if defined $why;

my $scale = $ENV{BARID_SCALE} // 1;
my $ROUNDS = (is_checks_build() ? 1 : 2) * $scale;
my $CLIENTS = 5;

alarm(4 * (200 + 20 * $ROUNDS * 3));
srand($ENV{BARID_SEED} // 1);

# EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN, and "no flush of the log".
my $SHUTDOWN = 0x8004587d;
my $NO_FLUSH = 2;

# Those of which the answer was there before it stopped: a sync that is under
# way then may say that it succeeded, which no power cut lets anybody hear.
sub stop_by_ioctl
{
	my ($t, @loads) = @_;
	my $folder = "$t->{dir}/fs";

	open(my $handle, '<', $folder) or die "open $folder: $!\n";
	my @answered = map { submits_so_far($_) } @loads;
	my $how = pack('L', $NO_FLUSH);
	ioctl($handle, $SHUTDOWN, $how) or die "shutdown: $!\n";
	close($handle);
	# Those who run meet the end of it.
	sleep(rand(0.3));
	$t->crash;
	return @answered;
}

sub stop_by_copy
{
	my ($t, @loads) = @_;
	my @pids = ($t->{pid}, keys %{ $t->processes });

	kill('STOP', @pids);
	my @answered = map { submits_so_far($_) } @loads;
	my $copied = run_command('cp', '--sparse=always', "$t->{dir}/fs.img",
		"$t->{dir}/fs.copy");
	die "cp: $copied->{err}" if $copied->{exit} != 0;
	$t->crash;
	return @answered;
}

sub mount_copy
{
	my ($t) = @_;

	rename("$t->{dir}/fs.copy", "$t->{dir}/fs.img");
	run_command('/sbin/fsck.ext4', '-y', '-f', "$t->{dir}/fs.img");
}

# Without a journal the name of a file that was removed may come back, and lead
# to whatever has its inode now: one in a queue that leads to a mailbox's file is
# nobody's message.
sub remove_strays
{
	my ($t) = @_;
	my $queue = "$t->{dir}/fs/queue";
	my $owner = (stat "$queue/active")[4];

	for my $path (map { glob "$queue/$_" } qw(active/* deferred/?/*)) {
		unlink($path) if (lstat $path)[4] != $owner;
	}
}

my %types = (
	'ext4' => { args => ['ext4', 64], stop => \&stop_by_ioctl },
	'XFS' => { args => ['xfs', 320], stop => \&stop_by_ioctl },
	'ext4 without a journal' => { args => ['ext4', 64, '-O',
		    '^has_journal'], stop => \&stop_by_copy,
		before => \&mount_copy, after => \&remove_strays },
);

sub instance_on
{
	my (@args) = @_;
	my $t = durable_instance();
	my $folder = "$t->{dir}/fs";
	my $type = shift @args;
	my $why = mount_image($type, shift @args, $folder, @args);

	if (defined $why) {
		plan(skip_all => "$type: $why");
		return undef;
	}
	mkdir("$folder/$_") for qw(queue mail mail/later);
	chmod(0, "$folder/mail/later");
	chown($t->{mail_uid}, $t->{mail_gid}, "$folder/mail",
		"$folder/mail/later");
	$t->configure({ queue_directory => "$folder/queue",
		virtual_mailbox_base => "$folder/mail",
		# In a folder that cannot be entered for now: these are moved to
		# deferred/.
		virtual_mailbox_maps => 'inline:{ user@example.test=user/, ' .
		    'later@example.test=later/later/ }' }, {});
	# An ext4 without a journal may forget a folder that is new.
	run_command('sync', '-f', $folder);
	return $t;
}

sub count_in { return marks_delivered($_[0], "$_[0]{dir}/fs/mail/$_[1]") }

# One round; adds to %$acked and %$totals.
sub check_round
{
	my ($t, $type, $round, $acked, $totals) = @_;
	my $folder = "$t->{dir}/fs";

	chmod(0, "$folder/mail/later");
	$t->start(wait => 0);
	wait_ready($t);
	my %loads = map { $_ => start_submit($t, '-m', "$_$round", '-n', 400,
		'-j', $CLIENTS, '-t', 2, '-s', int(rand(9000)),
		["$_\@example.test"]) } qw(user later);
	my $some = int(rand($scale > 1 ? 300 : 100));
	wait_until(20, sub {
		my @now = submits_so_far($loads{user});

		@now > $some;
	});
	for my $answered ($type->{stop}->($t, values %loads)) {
		next if $answered->{code} != 250;
		my ($name) = $answered->{mark} =~ /^(user|later)/;

		$acked->{$name}{ $answered->{mark} } = $answered->{id};
	}
	kill('KILL', map { $_->{pid} } values %loads);
	collect_submit($_) for values %loads;
	wait_until(40, sub {
		run_command('umount', $folder)->{exit} == 0 }) or
	    return fail("round $round: unmounted");
	$type->{before}->($t) if $type->{before};
	mount_loop("$folder.img", $folder) eq ''
	    or return fail("round $round: mounted again");
	chmod(0700, "$folder/mail/later");
	$type->{after}->($t) if $type->{after};
	$t->mark_log;
	$t->start(wait => 0);
	wait_ready($t);
	ok(wait_settled($t, 60), "round $round: it starts, and all is delivered");
	for my $place ('user', 'later/later') {
		my ($name) = $place =~ m{([^/]+)$};
		my $n = count_in($t, $place);
		my $broken = delete $n->{broken} // 0;
		my $mine = $acked->{$name};
		my @lost = grep { !$n->{$_} } sort keys %$mine;

		is($broken, 0, "round $round: $name: nothing half-written");
		is(join(' ', map { "$_ $mine->{$_}" }
			@lost[0 .. ($#lost > 9 ? 9 : $#lost)]), '',
			"round $round: $name: all " . keys(%$mine) .
			' that were accepted are there');
		$totals->{lost} += @lost;
		$totals->{twice} += grep { $_ > 1 } values %$n;
		$totals->{accepted} += keys %$mine;
		# So that the next round's mailboxes are small.
		unlink(glob "$folder/mail/$place/new/*");
		%$mine = ();
	}
	$totals->{litter} += () = $t->log_text =~ /removed: queue file/g;
	$totals->{corrupt} += () = $t->queue_ids('corrupt');
	unlink(glob "$folder/queue/corrupt/*");
	$t->stop;
	run_command('sync', '-f', $folder);
}

my $only = $ENV{BARID_DISK} // '';

for my $name (grep { /$only/ } sort keys %types) {
	subtest $name => sub {
		my $type = $types{$name};
		my $t = instance_on(@{ $type->{args} }) or return;
		my (%acked, %totals);

		for my $round (1 .. $ROUNDS) {
			check_round($t, $type, $round, \%acked, \%totals);
		}
		note("$name: $ROUNDS rounds: " . join(', ',
			map { "$_ " . ($totals{$_} // 0) }
			qw(accepted lost twice litter corrupt)));
		# The mount goes before its folder does.
		unmount_all();
	};
}

done_testing();
