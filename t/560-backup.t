#!/usr/bin/perl
# The spool is backed up and restored by plain copying (doc/backup.md): a second
# instance delivers what is in the copy, whether the first was stopped or running
# meanwhile.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/qmgr',
	'libexec/barid/local');

my $N = 100;

# An instance whose mailbox "user" cannot be written, so that mail for it waits.
sub blocked_instance
{
	my (%main) = @_;
	my $t = durable_instance(main => { minimal_backoff_time => '5s',
		maximal_backoff_time => '10s', %main });

	mkdir("$t->{dir}/mail/user");
	chmod(0, "$t->{dir}/mail/user");
	chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/user")
	    if $> == 0;
	$t->start(wait => 0);
	return wait_ready($t);
}

# Some wait: deferred; returns their marks.
sub fill
{
	my ($t) = @_;
	my @submits = submit_marks($t, '-m', 'kept', '-n', $N / 4, '-j', 4,
		['user@example.test']);

	is(scalar keys %{ acked(@submits) }, $N, 'messages are accepted');
	ok(wait_until(30, sub { (my @ids = $t->queue_ids('deferred')) == $N }),
		'and wait');
	return sort keys %{ acked(@submits) };
}

# Another instance over a copy of the queue.
sub restored
{
	my ($from, $copy) = @_;
	my $t = durable_instance(main => { queue_directory => $copy });

	$t->start(wait => 0);
	return wait_ready($t);
}

sub copy_queue
{
	my ($t, $name) = @_;
	my $done = run_command('cp', '-a', "$t->{dir}/queue",
		"$t->{dir}/$name");

	return $done->{exit};
}

subtest 'copied while stopped', sub {
	my $old = blocked_instance();
	my @marks = fill($old);

	ok($old->stop, 'it stops');
	is(copy_queue($old, 'copy'), 0, 'the copy is made');
	my $new = restored($old, "$old->{dir}/copy");
	ok(wait_settled($new, 60), 'nothing stays in the copy');
	is_deeply(marks_delivered($new), { map { $_ => 1 } @marks },
		'each message is delivered once');
	ok($new->stop, 'it stops');
};

subtest 'copied while running', sub {
	my $old = blocked_instance();
	my @marks = fill($old);
	# More comes and goes while the copy is made.
	my $load = start_submit($old, '-m', 'load', '-n', 40, '-j', 5,
		'-s', 40000, '-S', ['other@example.test']);

	$old->wait_log(qr/to=<other.*status=sent/);
	my $status = copy_queue($old, 'copy');
	# A file that goes while cp looks at it is no failure of ours.
	ok($status == 0 || $status == 1, 'the copy is made');
	my @submits = collect_submit($load);
	ok($old->stop, 'the first instance stops');
	my $new = restored($old, "$old->{dir}/copy");
	ok(wait_settled($new, 60), 'nothing stays in the copy');
	is_deeply(marks_delivered($new), { map { $_ => 1 } @marks },
		'what waited is delivered once');
	my $others = marks_delivered($new, 'other');
	is(delete $others->{broken} // 0, 0,
		'what was just being written is not delivered in part');
	note(scalar(keys %$others) . ' messages that were in flight, and ' .
		scalar(my @parts = $new->queue_ids('corrupt')) . ' parts of such');
	ok($new->stop, 'it stops');
	is(scalar(grep { $_->{code} != 250 } @submits), 0,
		'nobody noticed the copying');
};

done_testing();
