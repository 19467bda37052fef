#!/usr/bin/perl
# design.md section 5, rules 1 and 2, from a trace of system calls: a message is
# on disk before it is accepted, in the mailbox and on disk before that counts
# as delivered, and its queue file goes only then.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Barid::Trace;
use File::Temp qw(tempdir);
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/local');
have_peer('strace') or plan(skip_all => 'no strace here');

my $N = 5;

# --- One run ---------------------------------------------------------------------------

# Messages one after the other, traced: the calls, and the submits.
sub trace_messages
{
	my ($t) = @_;
	my $out = "$t->{dir}/trace";

	# All processes that will be looked at are there; virtual is a name of
	# local.
	for my $i (1 .. 3) {
		submit_marks($t, '-m', "warm$i", ['user@example.test']);
		wait_settled($t);
	}
	my $trace = start_trace($out,
		map { $t->pids_of($_) } qw(cleanup qmgr local)) or return ();
	my @submits;
	for my $i (1 .. $N) {
		push @submits, submit_marks($t, '-m', "m$i", '-s',
			$i == $N ? 600000 : 500,
			$i % 2 && $i < $N ? () : '-S', ['user@example.test']);
		wait_settled($t);
	}
	# A file is gone before its removal is traced to the end; what qmgr says
	# then is not.
	$t->wait_log(qr/$submits[-1]{id}: removed/);
	return ([stop_trace($trace)], \@submits);
}

# Rule 1: created, written, synced, answered.
sub check_accept
{
	my ($all, $id, $covered) = @_;
	my $created = find_call($all, 0, 'openat|open', qr{active/$id.*O_CREAT});

	ok($created, "$id: created in active/") or return;
	my $synced = find_call($all, $created->{last}, 'fsync|fdatasync',
		qr{^\d+<[^>]*active/$id>});
	my $answered = find_call($all, $created->{last},
		'sendmsg|sendto|write|writev', qr{2\.0\.0 Ok});
	my @late = grep { $synced && $_->{last} > $synced->{first} }
	    writes_to($all, "active/$id");

	ok($synced, "$id: synced");
	ok($answered, "$id: answered");
	return unless $synced && $answered;
	cmp_ok($synced->{last}, '<', $answered->{first},
		"$id: the sync ended before the answer began");
	is(scalar @late, 0, "$id: nothing was written after the sync began");
	return if $covered;
	my $named = find_call($all, $created->{last}, 'fsync',
		qr{^\d+<[^>]*/active>});
	ok($named && $named->{last} < $answered->{first},
		"$id: so did the sync of the directory");
}

# Rule 2: written in tmp/ (or nameless there), synced, put into new/, answered;
# then the queue file goes.
sub check_delivery
{
	my ($all, $id, $from, $covered) = @_;
	my $created = find_call($all, $from, 'openat',
		qr{/mail/[^>]*/tmp>.*O_(?:CREAT|TMPFILE)});

	ok($created, "$id: created in tmp/") or return;
	# The thread that made it does the rest, by the descriptor.
	my ($pid, $fd) = @$created{qw(pid result)};
	my ($name) = $created->{args} =~ /"(?:[^"]*\/)?([^"\/]+)"/;
	my $synced = find_call($all, $created->{last}, 'fsync|fdatasync',
		qr{^$fd<[^>]*/tmp/}, $pid);
	my $moved = find_call($all, $created->{last}, 'renameat2?|linkat?',
		$name eq '.' ? qr{^$fd<|"/proc/self/fd/$fd"} : qr{"\Q$name\E"},
		$pid);
	ok($synced && $moved, "$id: synced and moved to new/") or return;
	my $answered = find_call($all, $moved->{last}, 'sendmsg|sendto',
		qr{delivered to maildir}, $pid);
	my $removed = find_call($all, $from, 'unlink|unlinkat',
		qr{active/$id});
	my @late = grep { $_->{pid} == $pid && $_->{args} =~ /^$fd</ &&
		    $_->{first} > $created->{last} &&
		    $_->{first} < $moved->{last} &&
		    $_->{last} > $synced->{first} &&
		    $_->{name} =~ /^p?writev?(?:64)?$/ } @$all;

	is(scalar @late, 0, "$id: nothing was written after the sync began");
	cmp_ok($synced->{last}, '<', $moved->{first},
		"$id: the sync ended before the move to new/");
	ok($answered, "$id: the outcome was told after that");
	ok($removed, "$id: the queue file was removed");
	return unless $answered && $removed;
	cmp_ok($answered->{last}, '<', $removed->{first},
		"$id: ... and only after that");
	return if $covered;
	my $named = find_call($all, $moved->{last}, 'fsync',
		qr{^\d+<[^>]*/new>}, $pid);
	ok($named && $named->{last} < $answered->{first},
		"$id: the sync of new/ ended before the outcome was told");
}

sub check_instance
{
	my ($t, $covered) = @_;

	$t->start(wait => 0);
	wait_ready($t);
	my ($all, $submits) = trace_messages($t);

	SKIP: {
		skip('processes may not be traced here', 1) unless $all;
		is(scalar(grep { $_->{code} == 250 } @$submits), $N,
			'messages are accepted while they are traced');
		for my $submit (@$submits) {
			my $created = find_call($all, 0, 'openat|open',
				qr{active/$submit->{id}.*O_CREAT});

			check_accept($all, $submit->{id}, $covered);
			check_delivery($all, $submit->{id},
				$created ? $created->{last} : 0, $covered);
		}
	}
	ok($t->stop, 'it stops');
}

# Does the sync of a file commit its name here?  ext4 only with a journal: then
# jbd2 says so.
sub covers_names
{
	my ($path) = @_;
	my ($type, $source) = split ' ', run_command('findmnt', '-n', '-o',
		'FSTYPE,SOURCE', '-T', $path)->{out};
	my $device = $source =~ s{.*/}{}r;
	my @journals = glob "/proc/fs/jbd2/$device-*";

	return $type =~ /^(?:xfs|btrfs)$/ || ($type =~ /^ext[34]$/ && @journals);
}

my $here = durable_instance();
subtest 'the file system of /tmp', sub {
	check_instance($here, covers_names($here->{dir}));
};

# Where the sync of a file does not commit its name, directories are synced: so
# on an ext4 that has no journal, beside one that has.
for my $journal ('has_journal', '^has_journal') {
	subtest "ext4 with $journal", sub {
		my $why = can_mount();
		my $t = durable_instance();

		$why //= mount_image('ext4', 16, "$t->{dir}/fs", '-O', $journal);
		if (defined $why) {
			plan(skip_all => $why);
			return;
		}
		my @folders = map { "$t->{dir}/fs/$_" } qw(queue mail);
		mkdir($_) for @folders;
		chown($t->{mail_uid}, $t->{mail_gid}, $folders[1]);
		$t->configure({ queue_directory => $folders[0],
			virtual_mailbox_base => $folders[1] }, {});
		check_instance($t, $journal eq 'has_journal');
	};
}

SKIP: {
	skip('/dev/shm is not there, or keeps names', 1)
	    if !-w '/dev/shm' || covers_names('/dev/shm');
	my $queue = tempdir('/dev/shm/bt.XXXXXX', CLEANUP => 1);

	chmod(0755, $queue);
	mkdir("$queue/queue");
	my $there = durable_instance(main => {
		queue_directory => "$queue/queue" });
	subtest 'a file system that does not commit names', sub {
		check_instance($there, 0);
	};
}

done_testing();
