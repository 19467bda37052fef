#!/usr/bin/perl
# Descriptors, memory and processes at their limits, for one daemon after the
# other: clients hear 4xx or are put out, mail waits, nothing that was accepted is
# lost, and when there is room again all goes on by itself.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Inject;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/cleanup');
have_peer('prlimit') or plan(skip_all => 'no prlimit here');
have_peer('setpriv') or plan(skip_all => 'no setpriv here');

my $t = durable_instance(main => {
	smtpd_client_connection_count_limit => '0',
	transport_retry_time => '1s' });
my %acked;

$t->start;
submit_marks($t, '-m', "warm$_", ['user@example.test']) for 1 .. 3;
wait_settled($t);
$t->wait_serving;

# The soft limit of a process, set by its own user, who may.
sub limit
{
	my ($pid, $what, $value) = @_;
	my $status = read_file("/proc/$pid/status") // '';
	my ($uid) = $status =~ /^Uid:\s+(\d+)/m;
	my ($gid) = $status =~ /^Gid:\s+(\d+)/m;
	my $done = run_command($> == 0 ? ('setpriv', '--reuid', $uid,
		'--regid', $gid, '--clear-groups') : (), 'prlimit', '--pid',
		$pid, "--$what=$value:");

	diag("prlimit: $done->{err}") if $done->{exit} != 0;
}

sub limit_all
{
	my ($program, $what, $value) = @_;

	limit($_, $what, $value) for $t->pids_of($program);
}

# No more descriptors than each has now, and that many.
sub limit_descriptors
{
	my ($program, $more) = @_;

	for my $pid ($t->pids_of($program)) {
		my $free = $more;
		my $limit = 0;

		# The limit is one of numbers, and lower ones may be free.
		$limit++ while -l "/proc/$pid/fd/$limit" || $free-- > 0;
		limit($pid, 'nofile', $limit);
	}
}

sub submit
{
	my ($mark) = @_;
	my ($submit) = submit_marks($t, '-m', $mark, ['user@example.test']);

	$acked{ $submit->{mark} } = 1 if $submit->{code} == 250;
	return $submit->{code};
}

subtest 'smtpd without descriptors' => sub {
	limit_descriptors('smtpd', 2);
	my @clients = map { eval { $t->connect } } 1 .. 8;
	my @replies = map { $_->read_reply(1) } @clients;
	my @served = grep { /^220/ } @replies;

	ok(@served < 8, 'not all of the clients are served');
	is(scalar(grep { !/^(?:220|421|$)/ } @replies), 0,
		'the others hear 421, or nothing');
	$_->close for @clients;
	limit_all('smtpd', 'nofile', 4096);
	ok(wait_until(20, sub {
		my $c = eval { $t->connect } or return 0;
		my $reply = $c->read_reply(5);
		$c->close;
		return $reply =~ /^220/;
	}), 'then clients are served');
};

subtest 'cleanup without descriptors' => sub {
	limit_descriptors('cleanup', 0);
	my @codes = map { submit("cleanup$_") } 1 .. 4;

	is(scalar(grep { !/^(?:0|4..)$/ } @codes), 0,
		'nothing is accepted, nothing refused for good') or
	    diag("@codes");
	limit_all('cleanup', 'nofile', 4096);
	ok(wait_until(20, sub { submit('cleanup-after') == 250 }),
		'then mail is accepted');
};

subtest 'qmgr without descriptors' => sub {
	limit_descriptors('qmgr', 0);
	is(submit("qmgr$_"), 250, 'mail is accepted') for 1 .. 4;
	ok($t->wait_log(qr/Too many open files/), 'qmgr has no descriptor');
	limit_all('qmgr', 'nofile', 4096);
	ok(wait_settled($t, 30), 'then it is delivered');
};

subtest 'local without descriptors' => sub {
	limit_descriptors('local', 0);
	is(submit("local$_"), 250, 'mail is accepted') for 1 .. 3;
	limit_all('local', 'nofile', 4096);
	ok(wait_settled($t, 30), 'then it is delivered');
};

subtest 'no more processes' => sub {
	my $why = can_inject();

	plan(skip_all => $why) if defined $why;
	my $x = inject_start($t, [$t->{pid}], inject_error('fork', 'EAGAIN'));
	my ($gone) = $t->pids_of('cleanup');

	kill('KILL', $t->pids_of('cleanup'));
	ok(wait_until(20, sub { inject_count($x) > 0 }),
		'master cannot start one');
	select(undef, undef, undef, 2);
	my $n = inject_count($x);
	inject_stop($x);
	cmp_ok($n, '<', 40, "it tried $n times in two seconds, not without pause");
	ok($t->is_running, 'master is there');
	ok(wait_until(30, sub { submit('fork') == 250 }),
		'then there is one, and mail is accepted');
};

SKIP: {
	skip('a sanitizer needs more memory than there is', 1)
	    if is_checks_build();
	subtest 'cleanup and smtpd without memory' => sub {
		my $log = length $t->log_text;

		for my $program (qw(cleanup smtpd qmgr)) {
			for my $pid ($t->pids_of($program)) {
				my ($kib) = read_file("/proc/$pid/status") =~
				    /^VmSize:\s+(\d+)/m;
				my $bytes = ($kib + 64) * 1024;

				limit($pid, 'as', $bytes);
			}
		}
		my @submits = submit_marks($t, '-m', 'memory', '-j', 40,
			'-s', 40_000, '-t', 20, ['user@example.test']);

		for my $submit (@submits) {
			like($submit->{code}, qr/^(?:0|250|4..)$/,
				'accepted, or not now') or last;
			$acked{ $submit->{mark} } = 1 if $submit->{code} == 250;
		}
		# Whoever ended for it is there again, without a limit.
		limit_all($_, 'as', 'unlimited') for qw(cleanup smtpd qmgr);
		ok(wait_until(30, sub { submit('memory-after') == 250 }),
			'then mail is accepted');
	};
}

ok(wait_settled($t, 60), 'nothing stays');
my $n = marks_delivered($t);
my @missing = grep { !$n->{$_} } sort keys %acked;
is("@missing", '', keys(%acked) . ' were accepted, and are there');
is(delete $n->{broken} // 0, 0, 'all are whole');
unlike($t->log_text, qr/status=bounced|moved to corrupt|killed by signal (?!9\b)/,
	'nothing was returned or put aside, nobody crashed');
ok($t->stop, 'it stops');
done_testing();
