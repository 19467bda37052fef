#!/usr/bin/perl
# Each daemon dies at each durable step of a message's way.  It is started again
# by itself; nothing that was accepted is missing; a second copy only where
# design.md section 5, rule 3, allows it; nothing that is not whole is delivered;
# nothing is left behind.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/qmgr',
	'libexec/barid/local', 'libexec/barid/bounce');
plan(skip_all => 'the places to die at are in builds with checks only')
    unless is_checks_build();

# Each message goes to two mailboxes, and to one that does not exist, of which
# the sender hears.
my @rcpts = map { "$_\@example.test" } qw(user other nobody);
my $sender = 'third@example.test';
my $SUBMITTERS = 3;
my $EACH = 4;

# The point, and where a second copy may come from:
#   client   what was not answered is on disk, and the client comes again
#            (whatever the point, others of the process are further on)
#   flight   outcomes that qmgr had not recorded when it died
#   mailbox  mailboxes that had a message when their writer died: whatever the
#            point, other threads of it are further on
#   report   reports that were queued when their maker died
my @points = (
	['cleanup-created', 'client'],
	['cleanup-content', 'client'],
	['cleanup-written', 'client'],
	['cleanup-noted', 'client'],
	['cleanup-synced', 'client'],
	['cleanup-before-answer', 'client'],
	['cleanup-answered', 'client'],
	['qmgr-outcome', 'flight'],
	['qmgr-outcome-written', 'flight'],
	['qmgr-report', 'flight'],
	['qmgr-reported', 'flight'],
	['qmgr-remove', 'flight'],
	['qmgr-removed', 'flight'],
	['qmgr-move', 'flight', main => { virtual_mailbox_maps =>
		    'inline:{ user@example.test=user/, ' .
		    'other@example.test=later/other/, ' .
		    'third@example.test=third/ }' }],
	['qmgr-moved', 'flight', main => { virtual_mailbox_maps =>
		    'inline:{ user@example.test=user/, ' .
		    'other@example.test=later/other/, ' .
		    'third@example.test=third/ }' }],
	['local-written', 'mailbox'],
	['local-synced', 'mailbox'],
	['local-moved', 'mailbox'],
	['bounce-composed', 'report'],
	['bounce-queued', 'report'],
);

# A mailbox in a folder that cannot be entered: deferred, until it can.
sub forbid
{
	my ($t) = @_;

	mkdir("$t->{dir}/mail/later");
	chmod(0, "$t->{dir}/mail/later");
	chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/later")
	    if $> == 0;
}

# {mark => how many reports of it} in the sender's mailbox.
sub reports
{
	my ($t) = @_;
	my %n;

	for my $text ($t->read_maildir('third')) {
		my ($mark) = $text =~ /^X-Mark: (\S+)/m;
		my $whole = $text =~ /^--\S+--$/m;

		$n{ defined $mark && $whole ? $mark : 'broken' }++;
	}
	return \%n;
}

sub extra_copies
{
	my ($n) = @_;
	my $extra = 0;

	$extra += $n->{$_} - 1 for keys %$n;
	return $extra;
}

# How many second copies there may be, in all mailboxes together and reports.
sub allowed
{
	my ($how, $n_deaths) = @_;
	my $all = $SUBMITTERS * $EACH;

	# A message that cleanup kept, and the one that the client sent then;
	# each process may die once, with one message of each client in it.
	return (2 * $n_deaths * $SUBMITTERS, $n_deaths * $SUBMITTERS)
	    if $how eq 'client';
	# A report may be made once more, and its first copy stored once more.
	return (2 * $all, 2 * $all) if $how eq 'flight';
	# One writer dies, once.
	return (2 * $all, $all) if $how eq 'mailbox';
	return (0, $all);
}

sub check_point
{
	my ($point, $how, %options) = @_;
	my ($program) = $point =~ /^(\w+)-/;
	my $t = durable_instance(main => { notify_classes => '',
		%{ $options{main} || {} } });
	my @places = qw(user other);

	if ($options{main}) {
		forbid($t);
		@places = qw(user later/other);
	}
	{
		# The third time, so that something is under way.
		local $ENV{BARID_TEST_POINT} = "$point:3";
		$t->start(wait => 0);
	}
	wait_ready($t);
	my @submits = submit_marks($t, '-R', '-n', $EACH, '-j', $SUBMITTERS,
		'-f', $sender, '-t', 10, \@rcpts);
	my $acked = acked(@submits);

	is(scalar keys %$acked, $SUBMITTERS * $EACH, 'all were accepted');
	if ($options{main}) {
		$t->wait_log(qr/status=deferred/);
		$t->wait_log(qr/qmgr.*killed by signal 9/);
		chmod(0700, "$t->{dir}/mail/later");
	}
	ok(wait_settled($t), 'nothing stays in the queue');
	# A writer is not a child of master: its front tells.  The line may come
	# after all is done.
	my $death = $program eq 'local' ?
	    qr{mailbox process of uid \d+ was lost} :
	    qr{/$program pid \d+ killed by signal 9};

	ok($t->wait_log($death), "$program died");
	my @deaths = $t->log_text =~ /$death/g;

	my ($mail_allowed, $reports_allowed) = allowed($how, scalar @deaths);
	my $reports = reports($t);
	my $n_extra = 0;

	for my $place (@places) {
		my $n = marks_delivered($t, $place);

		is(delete $n->{broken} // 0, 0,
			"$place: nothing that is not whole");
		is(scalar(grep { !$n->{$_} } keys %$acked), 0,
			"$place: nothing is missing");
		$n_extra += extra_copies($n);
	}
	cmp_ok($n_extra, '<=', $mail_allowed, "$n_extra second copies");
	is(delete $reports->{broken} // 0, 0, 'all reports are whole');
	is(scalar(grep { !$reports->{$_} } keys %$acked), 0,
		'no report is missing');
	my $n_reports = extra_copies($reports);
	cmp_ok($n_reports, '<=', $reports_allowed,
		"$n_reports second reports");
	is(join(' ', $t->queue_ids('corrupt')), '',
		'litter is not taken for damage');
	ok($t->stop, 'it stops');
}

# A small message is asked to be queued once more when cleanup is lost before its
# answer: the client hears of nothing, and there is one copy, whether the dead one
# had begun the file, or finished it.
sub check_again
{
	my ($point) = @_;
	my $t = durable_instance(main => { cleanup_processes => 1 });

	{
		local $ENV{BARID_TEST_POINT} = "$point:3";
		$t->start(wait => 0);
	}
	wait_ready($t);
	$t->wait_serving;
	# Until all is answered nothing is delivered: what has been, and is gone,
	# nobody can know again.
	my @qmgr = $t->pids_of('qmgr');
	kill('STOP', @qmgr);
	my $d = $t->connect;

	$d->expect('220');
	for my $n (1 .. 6) {
		$d->send("EHLO client.test");
		$d->expect('250');
		$d->send('MAIL FROM:<a@b.test>');
		$d->expect('250');
		$d->send('RCPT TO:<user@example.test>');
		$d->expect('250');
		$d->send('DATA');
		$d->expect('354');
		$d->send("Subject: again-$n\r\n\r\nx\r\n.");
		like($d->read_reply(60), qr/^250 /, "message $n is queued");
	}
	kill('CONT', @qmgr);
	ok($t->wait_log(qr{/cleanup pid \d+ killed by signal 9}),
		'though cleanup died');
	ok(wait_settled($t), 'nothing stays in the queue');
	my %n;
	$n{$_}++ for map { /^Subject: (again-\d)/m } $t->read_maildir('user');
	is_deeply(\%n, { map { +"again-$_" => 1 } 1 .. 6 },
		'each arrived, once');
	is(join(' ', $t->queue_ids('corrupt')), '', 'nothing is damaged');
	ok($t->stop, 'it stops');
}

for my $point (map { $_->[0] } grep { $_->[1] eq 'client' } @points) {
	# Then smtpd has its answer.
	next if $point eq 'cleanup-answered';
	subtest "again after $point", sub { check_again($point) };
}

for my $row (@points) {
	my ($point, $how, %options) = @$row;

	subtest $point, sub { check_point($point, $how, %options) };
}

done_testing();
