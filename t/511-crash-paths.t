#!/usr/bin/perl
# The crash matrix, beside 510: each program dies at each durable step of the
# ways that a message takes by SMTP in and out, from sendmail, through aliases,
# into an mbox, and by the administrator's hand.  What was acknowledged is there;
# a second copy only where rule 3 of design.md section 5 allows it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Load;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'sbin/postsuper', 'sbin/sendmail',
	map { "libexec/barid/$_" } qw(cleanup qmgr local bounce smtp smtpd
	pickup));

# --- All points ------------------------------------------------------------------

# A point that no test names would be one that nobody dies at.
subtest 'each point of the sources has a test' => sub {
	my $top = top_folder();
	my (%points, $tests);

	for my $file (glob("$top/*/*.c $top/lib/*/*.c")) {
		$points{$_} = $file
		    for read_file($file) =~ /\bTEST_POINT\("([^"]+)"\)/g;
	}
	$tests .= read_file($_) for glob("$top/t/5*.t");
	cmp_ok(scalar keys %points, '>', 30,
		keys(%points) . ' points were found');
	for my $point (sort keys %points) {
		ok($tests =~ /['" :(]\Q$point\E['" :)]/, "$point has a test");
	}
};

if (!is_checks_build()) {
	note('skipped: the places to die at are in builds with checks only');
	done_testing();
	exit(0);
}

my $N = 12;
my @FOUR = ('-n', $N / 4, '-j', 4);

sub start_dying
{
	my ($t, $point) = @_;

	local $ENV{BARID_TEST_POINT} = $point;
	$t->start(wait => 0);
	return wait_ready($t);
}

# All of %$acked are in %$n, whole; returns the number of second copies.
sub check_found
{
	my ($what, $acked, $n) = @_;
	my $extra = 0;
	my @lost = grep { !$n->{$_} } sort keys %$acked;

	is(delete $n->{broken} // 0, 0, "$what: nothing that is not whole");
	is("@lost", '', "$what: nothing is missing");
	$extra += $n->{$_} - 1 for keys %$n;
	return $extra;
}

sub check_end
{
	my ($t) = @_;

	is(join(' ', $t->queue_ids('corrupt')), '',
		'litter is not taken for damage');
	ok($t->stop, 'it stops');
}

sub check_death
{
	my ($t, $name) = @_;

	ok($t->wait_log(qr{/$name pid \d+ killed by signal 9}),
		"$name died");
}

# --- By SMTP -------------------------------------------------------------------------

sub check_relay
{
	my ($point) = @_;
	my $port = free_port();
	my $t = durable_instance(main => { relayhost => "[127.0.0.1]:$port" });
	my $server = start_fickle_server(port => $port,
		notes => "$t->{dir}/notes");

	start_dying($t, "$point:3");
	my $acked = acked(submit_marks($t, '-R', @FOUR,
		['somebody@elsewhere.test']));
	is(scalar keys %$acked, $N, 'all were accepted');
	check_death($t, 'smtp');
	ok(wait_settled($t), 'nothing stays in the queue');
	my $n = count_server_notes("$t->{dir}/notes", 'stored');
	my $extra = check_found('server', $acked, $n);
	# What was said before the outcome was heard comes a second time, but no
	# more than the one process had under way.
	cmp_ok($extra, '<=', $N, "$extra second copies");
	check_end($t);
	kill_peers($server);
}

sub check_smtpd
{
	my ($point) = @_;
	my $t = durable_instance();

	start_dying($t, "$point:3");
	wait_until(10, sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $t->{port}) });
	my $sent = join_clients(start_clients($t, name => 'in', clients => 3,
		each => 4, from => 'third@example.test',
		to => 'user@example.test'));
	is(scalar keys %{ $sent->{taken} }, 12, 'all were accepted');
	check_death($t, 'smtpd');
	ok(wait_settled($t), 'nothing stays in the queue');
	# What the client did not hear of came again under another mark.
	is(check_found('mailbox', $sent->{taken}, marks_delivered($t)), 0,
		'no second copies');
	check_end($t);
}

# --- To local recipients -----------------------------------------------------------------

sub check_alias
{
	my ($point) = @_;
	my $t = durable_instance(main => { mydestination => 'mx.example.test',
		local_recipient_maps => '',
		alias_maps => 'inline:{ {team=user@example.test, ' .
		    'other@example.test} }' });

	start_dying($t, "$point:3");
	my $acked = acked(submit_marks($t, '-R', @FOUR,
		['team@mx.example.test']));
	is(scalar keys %$acked, $N, 'all were accepted');
	check_death($t, '(?:local|virtual)');
	ok(wait_settled($t), 'nothing stays in the queue');
	for my $place (qw(user other)) {
		my $extra = check_found($place, $acked,
			marks_delivered($t, $place));

		# A process that dies takes with it what it had not told: it
		# serves several at a time, and some die before master knows.
		cmp_ok($extra, '<=', 3 * $N, "$place: $extra second copies");
	}
	check_end($t);
}

# --- To many -------------------------------------------------------------------------------

# Recipients that are written before the content comes.
sub check_many
{
	my ($point) = @_;
	my $t = durable_instance(main => { default_transport => 'discard:many',
		virtual_alias_expansion_limit => 5000,
		virtual_alias_maps => 'inline:{ {all@example.test = ' .
		    join(', ', 'user@example.test',
			map { "u$_\@far.test" } 1 .. 2000) . '} }' });

	start_dying($t, "$point:3");
	my $acked = acked(submit_marks($t, '-R', @FOUR, ['all@example.test']));
	is(scalar keys %$acked, $N, 'all were accepted');
	check_death($t, 'cleanup');
	ok(wait_settled($t), 'nothing stays in the queue');
	# Whatever the point, others of the process are further on.
	my $extra = check_found('mailbox', $acked, marks_delivered($t));
	my $deaths = () = $t->log_text =~ m{/cleanup pid \d+ killed by}g;
	cmp_ok($extra, '<=', 4 * $deaths, "$extra second copies");
	check_end($t);
}

# {mark => copies} in a mailbox of the old kind.
sub marks_in_mbox
{
	my ($path) = @_;
	my $text = read_file($path) // '';
	my (%n, %ends);

	$n{$_}++ for $text =~ /^X-Mark: (\S+)$/mg;
	$ends{$_}++ for $text =~ /^end of (\S+)$/mg;
	for my $mark (keys %n) {
		$n{broken}++ if $mark ne 'broken' &&
		    $n{$mark} != ($ends{$mark} // 0);
	}
	return \%n;
}

sub check_mbox
{
	my ($point) = @_;
	my $t = durable_instance(main => {
		virtual_mailbox_maps => 'inline:{ user@example.test=box }',
		# Who died left a lock file.
		stale_lock_time => '1s', deliver_lock_delay => '1s' });

	start_dying($t, "$point:3");
	my $acked = acked(submit_marks($t, '-R', @FOUR, ['user@example.test']));
	is(scalar keys %$acked, $N, 'all were accepted');
	ok(wait_settled($t), 'nothing stays in the queue');
	my $extra = check_found('mbox', $acked,
		marks_in_mbox("$t->{dir}/mail/box"));
	# A writer had it all in the mailbox when it died, and did not say so.
	cmp_ok($extra, '>', 0, 'a writer died');
	cmp_ok($extra, '<=', 4, "$extra second copies");
	check_end($t);
}

# --- From sendmail -----------------------------------------------------------------------

# Of each call its exit status decides whether it counts.
sub call_sendmail
{
	my ($t, $mark, $point) = @_;
	my $done = $t->tool({ stdin => "X-Mark: $mark\n\nend of $mark\n",
		env => { $point ? (BARID_TEST_POINT => $point) : () } },
		'sendmail', '-f', 'third@example.test', 'user@example.test');

	return $done->{exit} == 0 && $done->{signal} == 0;
}

sub check_sendmail
{
	my ($point) = @_;
	my $t = durable_instance();
	my (%acked, @failed);

	start_dying($t, $point =~ /^pickup/ ? "$point:3" : 'none');
	for my $i (1 .. 6) {
		my $dies = $i % 3 == 0 && $point !~ /^pickup/;

		if (call_sendmail($t, "m$i", $dies ? $point : undef)) {
			$acked{"m$i"} = 1;
		} else {
			push @failed, $i;
		}
	}
	if ($point =~ /^pickup/) {
		is("@failed", '', 'all were accepted');
		check_death($t, 'pickup');
	} else {
		is("@failed", '3 6', 'those that died told so');
		# Only what postdrop had made whole may be there all the same;
		# what is not is litter, which pickup leaves for an hour.
		my @stays = glob "$t->{dir}/queue/maildrop/*";
		my @litter = grep { (read_file($_) // '') !~ /^BARIDQ/ } @stays;

		is(scalar @litter, 2, 'which leaves litter')
		    if $point =~ /created|content/;
		unlink(@litter);
		# Nobody told pickup.
		if (@stays > @litter) {
			ok($t->stop, 'it stops');
			$t->start(wait => 0);
		}
	}
	ok(wait_settled($t), 'nothing stays in the queue');
	my $extra = check_found('mailbox', \%acked, marks_delivered($t));
	# What cleanup had, and pickup not yet removed, when it died (each time
	# at its third) or we stopped it.
	my $deaths = () = $t->log_text =~ m{/pickup pid \d+ killed by}g;
	my $may = $point =~ /^pickup/ ? 3 * $deaths : $point =~ /woken/ ? 2 : 0;

	cmp_ok($extra, '<=', $may, "$extra second copies");
	check_end($t);
}

# --- A journal that is made short -----------------------------------------------------------

sub check_rewriting
{
	my ($point) = @_;
	my $port = free_port();
	my $t = durable_instance(main => { relayhost => "[127.0.0.1]:$port",
		default_destination_concurrency_failed_cohort_limit => 0 });
	my $closed = "$t->{dir}/closed";
	my $server = start_fickle_server(port => $port, closed => $closed,
		notes => "$t->{dir}/notes");
	my @rcpts = map { "r$_\@elsewhere.test" } 1 .. 200;

	write_file($closed, '');
	start_dying($t, $point);
	my ($submit) = submit_marks($t, '-R', \@rcpts);
	ok($t->wait_log(qr{/qmgr pid \d+ killed by signal 9}, 30), 'qmgr died');
	unlink($closed);
	ok(wait_settled($t), 'nothing stays in the queue');
	my $n = count_server_notes("$t->{dir}/notes", 'for');
	my %acked = map { ("$submit->{mark}:$_" => 1) } @rcpts;

	is(check_found('server', \%acked, $n), 0, 'each has it once');
	check_end($t);
	kill_peers($server);
}

# --- By hand -------------------------------------------------------------------------------------

# Messages that wait for a mailbox in a folder that cannot be entered.
sub with_waiting_messages
{
	my ($point) = @_;
	my $t = durable_instance(main => { minimal_backoff_time => '300s',
		maximal_backoff_time => '300s' });

	mkdir("$t->{dir}/mail/user");
	chmod(0, "$t->{dir}/mail/user");
	chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/user")
	    if $> == 0;
	start_dying($t, $point);
	my $acked = acked(submit_marks($t, @FOUR, '-f', 'third@example.test',
		['user@example.test']));
	is(scalar keys %$acked, $N, 'all were accepted');
	ok(wait_until(10, sub {
		return $N == (() = $t->queue_ids('deferred'));
	}), 'and wait');
	return ($t, $acked);
}

sub each_in_one_place
{
	my ($t, $name) = @_;
	my @all = map { $t->queue_ids($_) } qw(active incoming deferred hold
	    maildrop);
	my %ids = map { $_ => 1 } @all;

	is(scalar @all, $N, $name);
	is(scalar keys %ids, $N, '... each once');
}

sub let_go
{
	my ($t, $acked, $count) = @_;

	chmod(0700, "$t->{dir}/mail/user");
	ok(wait_settled($t), 'nothing stays in the queue');
	is(check_found('mailbox', $acked, $count->($t)), 0,
		'no second copies');
	check_end($t);
}

sub check_act
{
	my ($point) = @_;
	my ($t, $acked) = with_waiting_messages("$point:5");

	$t->tool('postsuper', '-h', 'ALL');
	check_death($t, 'qmgr');
	ok(wait_until(20, sub {
		$t->tool('postsuper', '-h', 'ALL');
		return $N == (() = $t->queue_ids('hold'));
	}), 'asked again, it holds all');
	each_in_one_place($t, 'all are in the queue');
	chmod(0700, "$t->{dir}/mail/user");
	is($t->tool('postsuper', '-H', 'ALL')->{exit}, 0, 'released');
	let_go($t, $acked, \&marks_delivered);
}

# Once more through pickup and cleanup: who dies on that way loses nothing, and
# makes a second copy only of what it had begun.
sub check_requeue
{
	my ($point) = @_;
	my ($program) = $point =~ /^(\w+)-/;
	my ($t, $acked) = with_waiting_messages("$point:3");

	chmod(0700, "$t->{dir}/mail/user");
	$t->tool('postsuper', '-r', 'ALL');
	check_death($t, $program);
	ok(wait_until(60, sub {
		$t->tool('postsuper', '-r', 'ALL');
		return !(() = $t->queue_ids('deferred'));
	}), 'asked again, it requeues all');
	ok(wait_settled($t), 'nothing stays in the queue');
	my $deaths = () = $t->log_text =~ m{/$program pid \d+ killed by}g;
	my $extra = check_found('mailbox', $acked, marks_delivered($t));

	# pickup has up to three under way each time.
	cmp_ok($extra, '<=', $program eq 'pickup' ? $N * $deaths : 0,
		"$extra second copies");
	check_end($t);
}

# The failure of a recipient that nobody has been told of when the message is
# requeued: it is told, whoever dies.
sub check_told
{
	my ($point) = @_;
	my $t = durable_instance(main => { notify_classes => '' },
		master => { bounce => 'unix - - n - 0 anvil' });

	$t->start(wait => 0);
	wait_ready($t);
	my $acked = acked(submit_marks($t, '-n', 1, '-f', 'third@example.test',
		['nobody@example.test']));
	my ($mark) = keys %$acked;

	ok($t->wait_log(qr/to=<nobody\@example\.test>.*status=bounced/),
		'a recipient does not exist');
	ok($t->stop, 'it stops');
	$t->tool('postsuper', '-r', 'ALL');
	$t->configure({}, { bounce => 'unix - - n - 0 bounce' });
	start_dying($t, "$point:1");
	check_death($t, 'pickup');
	ok(wait_settled($t), 'nothing stays in the queue');
	my $n = count_reports($t, 'third');

	ok($n->{$mark}, 'the sender is told');
	cmp_ok($n->{$mark}, '<=', $point =~ /reported/ ? 1 : 2,
		"$n->{$mark} times");
	check_end($t);
}

# postsuper acts itself while nothing runs.
sub check_postsuper
{
	my ($point, @arguments) = @_;
	my ($t, $acked) = with_waiting_messages('none');
	my $deletes = $arguments[0] eq '-d';

	ok($t->stop, 'it stops');
	my $done = $t->tool({ env => { BARID_TEST_POINT => "$point:5" } },
		'postsuper', @arguments);
	is($done->{signal}, 9, 'postsuper died');
	each_in_one_place($t, 'all are in the queue') unless $deletes;
	is($t->tool('postsuper', @arguments)->{exit}, 0, 'asked again');
	each_in_one_place($t, 'all are in the queue') unless $deletes;
	if ($deletes) {
		is(join(' ', $t->queue_ids('deferred')), '', 'all are gone');
		return;
	}
	$t->tool('postsuper', '-H', 'ALL');
	chmod(0700, "$t->{dir}/mail/user");
	$t->start(wait => 0);
	wait_ready($t);
	# What is expired goes back to its sender.
	let_go($t, $acked, $arguments[0] eq '-e' ?
		sub { count_reports($_[0], 'third') } : \&marks_delivered);
}

# --- master -----------------------------------------------------------------------------------------

sub check_master
{
	my ($point) = @_;
	my $t = durable_instance();

	{
		local $ENV{BARID_TEST_POINT} = $point;
		$t->start(wait => 0);
	}
	wait_ready($t) unless $point =~ /forked/;
	my $load = start_submit($t, '-R', @FOUR, ['user@example.test']);
	if ($point =~ /reaped/) {
		my $pid = wait_until(20, sub { ($t->pids_of('cleanup'))[0] });

		kill('KILL', $pid);
	}
	ok(wait_until(20, sub { !$t->is_running }), 'master died');
	$t->start(wait => 0);
	wait_ready($t);
	my $acked = acked(collect_submit($load));
	is(scalar keys %$acked, $N, 'all were accepted');
	ok(wait_settled($t), 'nothing stays in the queue');
	my $extra = check_found('mailbox', $acked, marks_delivered($t));
	cmp_ok($extra, '<=', $N, "$extra second copies");
	check_end($t);
}

# --- All of them ---------------------------------------------------------------------------------------

my @matrix = (
	['smtp-sent', \&check_relay],
	['smtp-accepted', \&check_relay],
	['smtp-answered', \&check_relay],
	['smtpd-submitted', \&check_smtpd],
	['cleanup-recipients', \&check_many],
	['local-expanded', \&check_alias],
	['local-stored', \&check_alias],
	['local-answered', \&check_alias],
	['local-appended', \&check_mbox],
	['local-append-synced', \&check_mbox],
	['sendmail-sent', \&check_sendmail],
	['postdrop-created', \&check_sendmail],
	['postdrop-content', \&check_sendmail],
	['postdrop-written', \&check_sendmail],
	['postdrop-synced', \&check_sendmail],
	['postdrop-woken', \&check_sendmail],
	['pickup-submitted', \&check_sendmail],
	['pickup-removed', \&check_sendmail],
	['qmgr-rewritten', \&check_rewriting],
	['qmgr-replaced', \&check_rewriting],
	['qmgr-act', \&check_act],
	['qmgr-acted', \&check_act],
	['qmgr-act', \&check_requeue],
	['qmgr-acted', \&check_requeue],
	['pickup-submitted', \&check_requeue],
	['pickup-removed', \&check_requeue],
	['pickup-report', \&check_told],
	['pickup-reported', \&check_told],
	['postsuper-move', \&check_postsuper, '-h', 'ALL'],
	['postsuper-moved', \&check_postsuper, '-h', 'ALL'],
	['postsuper-move', \&check_postsuper, '-r', 'ALL'],
	['postsuper-moved', \&check_postsuper, '-r', 'ALL'],
	['postsuper-expired', \&check_postsuper, '-e', 'ALL'],
	['postsuper-deleted', \&check_postsuper, '-d', 'ALL'],
	['master-forked', \&check_master],
	['master-reaped', \&check_master],
);
my $only = $ENV{BARID_POINT} // '';

for my $row (@matrix) {
	my ($point, $check, @arguments) = @$row;

	subtest $point, sub { $check->($point, @arguments) }
	    if $point =~ /$only/;
}

done_testing();
