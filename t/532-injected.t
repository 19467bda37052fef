#!/usr/bin/perl
# Attack 71, each step in turn: every creation, write, sync, rename, link and
# removal on a message's way fails (no space, quota, error of the disk,
# read-only), once and for a while, or takes long.  4xx before the
# acknowledgement and nothing of it is left; what was acknowledged is delivered,
# once, when the fault is over; nobody dies, nobody tries without pause.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Inject;
use Barid::Test;
use Test::More;
use Time::HiRes qw(time);

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/qmgr',
	'libexec/barid/local');
my $why = can_inject();
plan(skip_all => $why) if defined $why;

my $serial = 0;
my %acked;    # by mark

sub instance
{
	my (%main) = @_;
	# One process stores: it is the one that is traced.
	my $t = durable_instance(main => \%main,
		master => { virtual => 'unix - n n - 1 virtual' });

	%acked = ();
	$t->start(wait => 0);
	wait_ready($t);
	# All processes are there.
	for (1 .. 3) {
		submit($t, 'warm', []);
		wait_settled($t);
	}
	$t->wait_serving;
	return $t;
}

# One message; its code.  What is accepted is noted.
sub submit
{
	my ($t, $mark, $options, @rcpts) = @_;
	my ($submit) = submit_marks($t, '-m', $mark . ++$serial, @$options,
		[@rcpts ? @rcpts : 'user@example.test']);

	$acked{ $submit->{mark} } = $submit->{id} if $submit->{code} == 250;
	return $submit->{code};
}

# Faults in these calls of a program while what() runs; the number of faults.
sub during
{
	my ($t, $program, $what, @faults) = @_;
	my $x = inject_start($t, [$t->pids_of($program)], @faults);

	if (!$x) {
		fail("strace is attached to $program");
		return 0;
	}
	$what->($x);
	inject_stop($x);
	return inject_count($x);
}

sub nobody_died
{
	my ($t) = @_;
	my @lines = grep { /pid \d+ (?:killed|exit)/ } split /\n/, $t->log_text;

	is(scalar @lines, 0, 'no process ended') or
	    diag(join "\n", @lines);
}

# All that was accepted, once; nothing else.
sub all_once
{
	my ($t, $name, @mailboxes) = @_;

	ok(wait_settled($t, 60), "$name: then all is delivered, and nothing stays");
	for my $mailbox (@mailboxes ? @mailboxes : 'user') {
		my $n = marks_delivered($t, $mailbox);

		is(delete $n->{broken} // 0, 0, "$name: all are whole");
		my @wrong = map { "$_: " . ($n->{$_} // 0) } grep {
		    ($n->{$_} // 0) != ($acked{$_} ? 1 : 0) }
		    sort keys %{ { %$n, %acked } };

		is("@wrong", '', "$name: each that was accepted once, and " .
			'nothing else');
	}
	nobody_died($t);
}

# --- accepting ------------------------------------------------------------------------

my @cases = (['small', 'ENOSPC', 452], ['small', 'EIO', 451],
	['streamed', 'EDQUOT', 452], ['streamed', 'EROFS', 451]);
# Each attachment takes its time there.
splice(@cases, 1, 2) if is_checks_build();
my %kinds = (small => [], streamed => ['-s', 300_000, '-S']);

subtest 'cleanup' => sub {
	my $t = instance();

	for my $calls ('open', 'write', 'start of sync', 'sync', 'lock') {
		for my $case (@cases) {
			my ($kind, $error, $want) = @$case;
			my $code;
			my $n = during($t, 'cleanup', sub {
				$code = submit($t, $kind, $kinds{$kind});
			}, inject_error($calls, $error));

			ok($n > 0, "$calls fails with $error: it did");
			is($code, $want, "attack 71: $calls of a $kind message " .
				"fails with $error: $want");
		}
	}
	# Not the first of them.
	for my $when (2, 3) {
		my @codes;

		during($t, 'cleanup', sub {
			push @codes, submit($t, 'later', $kinds{streamed})
			    for 1 .. 3;
		}, inject_error('write', 'EIO', $when));
		is(scalar(grep { !/^(?:250|451)$/ } @codes), 0,
			"attack 71: write $when fails: 451, or it was another's");
	}
	my %taken = map { $_ => 1 } values %acked;
	my @left = grep { !$taken{ (m{([^/]+)$})[0] } }
	    glob "$t->{dir}/queue/{active,incoming}/*";
	is(scalar @left, 0, 'nothing of what was refused is left');
	# And what was written cannot be taken away.
	my $code;
	during($t, 'cleanup', sub { $code = submit($t, 'stays', []) },
		inject_error('sync', 'EIO'), inject_error('remove', 'EIO'));
	is($code, 451, 'attack 71: neither sync nor removal: 451');
	is(submit($t, 'after', []), 250, 'afterwards: accepted');
	all_once($t, 'cleanup');
	ok($t->stop, 'it stops');
};

# --- deciding ---------------------------------------------------------------------------

# A mailbox that takes nothing.
sub block
{
	my ($t, $name) = @_;
	my $path = "$t->{dir}/mail/$name";

	mkdir($path);
	chmod(0, $path);
	chown($t->{mail_uid}, $t->{mail_gid}, $path) if $> == 0;
}

sub unblock { chmod(0700, "$_[0]{dir}/mail/$_[1]") }

subtest 'qmgr' => sub {
	my $t = instance(queue_sync_outcomes => 'yes');
	my @both = map { "$_\@example.test" } qw(user third);
	my %warm = %acked;

	block($t, 'third');
	# One has it, for the other it waits: that is to be written down.
	for my $calls (qw(open write sync time move lock)) {
		my $error = $calls eq 'write' ? 'ENOSPC' : 'EIO';
		my $n = during($t, 'qmgr', sub {
			my ($x) = @_;

			is(submit($t, $calls, [], @both), 250,
				"qmgr: $calls fails: accepted");
			ok(wait_until(10, sub { inject_count($x) > 0 }),
				"attack 71: $calls fails with $error");
			# It may try again, but not without pause.
			select(undef, undef, undef, 0.5);
		}, inject_error($calls, $error));

		cmp_ok($n, '<', 60, "qmgr: $calls fails: and is not tried again " .
			'and again');
	}
	my %both = %acked;
	delete @both{ keys %warm };
	unblock($t, 'third');
	all_once($t, 'qmgr');
	is_deeply(marks_delivered($t, 'third'), { map { $_ => 1 } keys %both },
		'qmgr: and to the other recipient');
	ok($t->stop, 'it stops');
};

subtest 'mail that is delivered and cannot be removed' => sub {
	my $t = instance();
	my $x = inject_start($t, [$t->pids_of('qmgr')],
		inject_error('remove', 'EIO'));

	is(submit($t, 'remove', []), 250, 'accepted');
	ok(wait_until(10, sub { inject_count($x) > 0 }),
		'attack 71: removal fails with EIO');
	ok($t->wait_log(qr/remove active.*Input.output error/), 'qmgr says so');
	my ($file) = map { "$t->{dir}/queue/active/$acked{$_}" }
	    grep { /^remove/ } keys %acked;
	ok(wait_until(10, sub {
		(read_file($file) // '') =~ /could not be removed/;
	}), 'and notes in the file that it was delivered');
	inject_stop($x);
	kill('KILL', $t->pids_of('qmgr'));
	ok(wait_settled($t, 60), 'a new qmgr removes it');
	is_deeply(marks_delivered($t), { map { $_ => 1 } keys %acked },
		'and does not deliver it again');
	ok($t->stop, 'it stops');
};

# A folder that cannot be read when qmgr starts.
subtest 'deferred mail that cannot be listed' => sub {
	my $t = instance();

	block($t, 'third');
	is(submit($t, 'hidden', [], 'third@example.test'), 250, 'accepted');
	ok(wait_until(10, sub { glob "$t->{dir}/queue/deferred/?/*" }),
		'and waits');
	# Whatever master starts.
	my $x = inject_start($t, [$t->{pid}], inject_error('list', 'EIO', '3+'));
	kill('KILL', $t->pids_of('qmgr'));
	ok($t->wait_log(qr/read deferred.*Input.output error/),
		'attack 71: a new qmgr cannot read the folders');
	inject_stop($x);
	unblock($t, 'third');
	ok(wait_settled($t, 30), 'what is in them is found later');
	is_deeply(marks_delivered($t, 'third'),
		{ map { $_ => 1 } grep { /^hidden/ } keys %acked },
		'and delivered');
	ok($t->stop, 'it stops');
};

# --- storing ----------------------------------------------------------------------------

subtest 'virtual' => sub {
	my $t = instance();

	for my $calls (qw(open store sync move)) {
		for my $error ($calls eq 'store' ? qw(ENOSPC EDQUOT) : 'EIO') {
			my $n = during($t, 'local', sub {
				my ($x) = @_;

				is(submit($t, $calls, []), 250, "virtual: " .
					"$calls fails: accepted");
				ok(wait_until(10, sub { inject_count($x) > 0 }),
					"attack 71: $calls fails with $error");
				ok($t->wait_log(qr/status=deferred/),
					"virtual: $calls fails: deferred");
			}, inject_error($calls, $error));

			cmp_ok($n, '<', 60, "virtual: $calls fails: and is not " .
				'tried again and again');
			$t->mark_log;
		}
	}
	all_once($t, 'virtual');
	ok(!glob("$t->{dir}/mail/user/tmp/*"), 'nothing is left in tmp');
	ok($t->stop, 'it stops');
};

# --- submitting -----------------------------------------------------------------------

sub sendmail
{
	my ($t, $mark, @before) = @_;

	# Leaks cannot be looked for in a process that is traced.
	return run_command({ stdin => "X-Mark: $mark\n\nend of $mark\n",
		env => { ASAN_OPTIONS => ($ENV{ASAN_OPTIONS} // '') .
		    ':detect_leaks=0' } },
		@before, installed('sbin/sendmail'), '-C', "$t->{dir}/etc",
		'-f', 'a@b.test', 'user@example.test')->{exit};
}

subtest 'sendmail and pickup' => sub {
	my $t = instance();
	my $strace = have_peer('strace');

	for my $calls (qw(write sync lock)) {
		is(sendmail($t, "postdrop-$calls", $strace, '-f', '-qq', '-o',
			"$t->{dir}/postdrop", '-e',
			inject_error($calls, 'ENOSPC')), 75,
			"attack 71: postdrop's $calls fails: sendmail says so");
		like(read_file("$t->{dir}/postdrop"), qr/INJECTED/, '... it did');
	}
	is(scalar(my @left = glob "$t->{dir}/queue/maildrop/*"), 0,
		'nothing of it is left');
	my $n = during($t, 'pickup', sub {
		my ($x) = @_;

		is(sendmail($t, 'pickup-remove'), 0, 'pickup: accepted');
		$acked{'pickup-remove'} = 1;
		ok(wait_until(10, sub { inject_count($x) > 0 }),
			'attack 71: its removal from maildrop fails');
		# It is still there, and somebody says so.
		is(sendmail($t, 'pickup-other'), 0, 'pickup: and another one');
		$acked{'pickup-other'} = 1;
		ok(wait_until(10, sub {
			my $n = marks_delivered($t);
			return $n->{'pickup-remove'} && $n->{'pickup-other'};
		}), 'pickup: both are delivered');
	}, inject_error('remove', 'EIO'));
	ok($n >= 2, 'pickup: the removals failed');
	is(scalar(@left = glob "$t->{dir}/queue/maildrop/*"), 2,
		'pickup: both files are still there');
	# The next look takes them away, and only that.
	ok(wait_until(40, sub { !glob "$t->{dir}/queue/maildrop/*" }),
		'pickup: then they go');
	all_once($t, 'pickup');
	ok($t->stop, 'it stops');
};

# --- slow --------------------------------------------------------------------------------

subtest 'a slow disk' => sub {
	my $t = instance();
	my $x = inject_start($t, [$t->pids_of('cleanup')],
		inject_delay('sync', 2));
	my $load = start_submit($t, '-m', 'slow', '-j', 30,
		['user@example.test']);

	ok($x && wait_until(20, sub { inject_count($x) >= 20 }),
		'attack 71: syncs take two seconds');
	my $c = $t->connect;
	my $begun = time;
	$c->expect(220);
	$c->send('EHLO client.test');
	$c->expect(250);
	$c->send('MAIL FROM:<a@b.test>');
	$c->expect(250);
	$c->send('RCPT TO:<user@example.test>');
	$c->expect(250);
	cmp_ok(time - $begun, '<', 1.5 * (is_checks_build() ? 2 : 1),
		'a session that stores nothing goes on');
	my @submits = collect_submit($load);
	is(scalar(grep { $_->{code} == 250 } @submits), 30,
		'all are accepted in the end');
	inject_stop($x);
	$acked{ $_->{mark} } = $_->{id} for @submits;
	all_once($t, 'slow');
	ok($t->stop, 'it stops');
};

done_testing();
