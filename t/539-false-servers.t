#!/usr/bin/perl
# A bounce and a dial that lie, hang or die (t/false_bounce, t/false_dial stand in
# their places): no message is lost by it, other mail flows on, who asked neither
# ends nor asks without pause, and the log says who gave what.  When true ones are
# back, each report is sent and each message delivered, once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Lmtp;
use Barid::Test;
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/cleanup', 'libexec/barid/smtp',
	'libexec/barid/smtpd', 'libexec/barid/bounce', 'libexec/barid/dial');

# All daemons as they are, but for one.
sub daemons_with
{
	my ($false) = @_;
	my $folder = File::Temp::tempdir('/tmp/bd.XXXXXX', CLEANUP => 1);

	chmod(0755, $folder);
	for my $path (glob installed('libexec/barid/*')) {
		my ($name) = $path =~ m{([^/]+)$};

		symlink($name eq $false ? build_path("t/false_$name") : $path,
			"$folder/$name");
	}
	return $folder;
}

# The true one takes its place.
sub make_true
{
	my ($t, $folder, $name) = @_;

	unlink("$folder/$name");
	symlink(installed("libexec/barid/$name"), "$folder/$name");
	kill('KILL', $t->pids_of($name));
}

# Nobody died but the liar; the lines of the log are ours; no process has grown.
sub check_unharmed
{
	my ($t, $liar) = @_;
	my @lines = grep { /pid \d+ (?:killed|exit)|Assertion|Sanitizer/ &&
		!m{/$liar pid \d+ killed} } split /\n/, $t->log_text;
	my @odd = grep { /[^\t -~]/ || /^Injected/ } split /\n/, $t->log_text;
	my @large = grep {
		my ($kib) = (read_file("/proc/$_->{pid}/status") // '') =~
		    /^VmRSS:\s+(\d+)/m;
		($kib // 0) > 65_536;
	} values %{ $t->processes };

	is(join("\n", @lines), '', 'nobody died of it');
	is("@odd", '', 'nothing of it is a line of the log, or for a terminal');
	is(join(' ', map { $_->{name} } @large), '', 'no process has grown')
	    unless is_checks_build();
}

sub count { my $n = () = $_[0]->log_text =~ /$_[1]/g; return $n }

# It serves: what comes first may find its processes still starting, with so short
# an ipc_timeout.
sub wait_serving
{
	my ($t) = @_;

	ok(wait_until(60, sub {
		my ($submit) = submit_marks($t, '-m', 'first', ['user@example.test']);

		return $submit && $submit->{code} == 250;
	}), 'it serves') or $t->show_log;
}

# --- bounce -------------------------------------------------------------------------

subtest 'bounce' => sub {
	my @lies = qw(noid evil path long reason odd twice other die hang);
	my $folder = daemons_with('bounce');
	my $t = durable_instance(main => { daemon_directory => $folder,
		virtual_mailbox_maps => 'inline:{ user@example.test=user/ ' .
		    join(' ', map { "lie-$_\@example.test=reports/" } @lies) .
		    ' }',
		notify_classes => '' });
	my %mark;

	$t->start(wait => 0);
	wait_ready($t);
	wait_serving($t);
	for my $lie (@lies) {
		my ($submit) = submit_marks($t, '-m', $lie, '-f',
			"lie-$lie\@example.test", ['nobody@example.test']);

		is($submit->{code}, 250, "$lie: accepted");
		$mark{ $submit->{mark} } = $submit->{id};
		# The one that hangs is asked once, and keeps all who ask it
		# for an hour at most.
		my $times = $lie eq 'hang' ? 1 : 2;
		ok(wait_until(60, sub {
			count($t, qr/: $submit->{id}: lie $lie$/m) >= $times;
		}), "$lie: it is asked, and again");
	}
	my @submits = submit_marks($t, '-m', 'beside', ['user@example.test']);
	ok(wait_until(30, sub { marks_delivered($t)->{ $submits[0]{mark} } }),
		'other mail is delivered');
	my %there = map { $_ => 1 } $t->queue_ids;
	is(join(' ', grep { !$there{ $mark{$_} } } sort keys %mark), '',
		'what is to be reported is in the queue');
	like($t->log_text, qr/$mark{"noid-0-0"}: report: bounce gave no queue ID/,
		'the log says what bounce gave');
	like($t->log_text, qr/$mark{"$_-0-0"}: report: .*bounce/,
		"$_: and who") for qw(evil path long other);
	like($t->log_text, qr/$mark{"reason-0-0"}: report: 0\\x0D\\x0AInjected/,
		'its words are cleaned');
	# Tried again after a second, or two.
	cmp_ok(count($t, qr/: $mark{"noid-0-0"}: lie noid$/m), '<', 100,
		'it is not asked without pause');
	make_true($t, $folder, 'bounce');
	my %n;
	ok(wait_until(60, sub {
		%n = ();
		/^X-Mark: (\S+)/m and $n{$1}++ for $t->read_maildir('reports');
		return !grep { !$n{$_} } keys %mark;
	}), 'a true one sends all reports') or
	    diag(join ' ', grep { !$n{$_} } sort keys %mark);
	ok(wait_settled($t, 60), 'nothing stays in the queue');
	is_deeply(\%n, { map { $_ => 1 } keys %mark }, 'each once');
	check_unharmed($t, 'bounce');
	ok($t->stop, 'it stops');
};

# --- dial ---------------------------------------------------------------------------

my @passed = qw(null folder file pipe datagrams packets listener unconnected
    silent nothing);
my @lies = (@passed, qw(evil odd long other die hang));

# A client whose sender is checked by the policy service that lies so: what it
# hears of the recipient.
sub ask_policy
{
	my ($t, $lie) = @_;
	my $c = $t->connect;

	$c->read_reply(60);
	for my $command ('EHLO client.test', "MAIL FROM:<$lie\@policy.test>",
		'RCPT TO:<user@example.test>') {
		$c->send($command);
		$c->read_reply(60);
	}
	my $last = $c->{last};
	$c->close;
	return $last;
}

subtest 'dial' => sub {
	my $folder = daemons_with('dial');
	my $servers = File::Temp::tempdir('/tmp/bl.XXXXXX', CLEANUP => 1);
	my $t = durable_instance(main => { daemon_directory => $folder,
		ipc_timeout => '2s',
		transport_maps => 'inline:{ ' . join(' ', map {
			"{$_.test=lmtp:unix:$servers/lie-$_}" } @lies) . ' }',
		lmtp_connect_timeout => '2s', lmtp_lhlo_timeout => '2s',
		smtpd_restriction_classes => join(' ', map { "p_$_" } @lies),
		(map { +"p_$_" => "check_policy_service unix:$servers/lie-$_" }
		    @lies),
		smtpd_recipient_restrictions => 'check_sender_access inline:{ ' .
		    join(' ', map { "{$_\@policy.test=p_$_}" } @lies) . ' }',
		smtpd_relay_restrictions => 'reject_unauth_destination',
		smtpd_peername_lookup => 'no', smtpd_error_sleep_time => '0',
		smtpd_policy_service_timeout => '2s',
		smtpd_policy_service_retry_delay => '1s' });
	my %mark;

	chmod(0755, $servers);
	$t->start;
	wait_serving($t);
	for my $lie (@lies) {
		my ($submit) = submit_marks($t, '-m', $lie,
			["x\@$lie.test"]);

		is($submit->{code}, 250, "$lie: accepted");
		$mark{ $submit->{mark} } = $submit->{id};
	}
	for my $lie (@lies) {
		like(ask_policy($t, $lie), qr/^4\d\d /,
			"$lie: who depends on a policy server hears 4xx");
		like($t->wait_log(qr/ $mark{"$lie-0-0"}: to=.*status=/, 60),
			qr/status=deferred/, "$lie: mail waits");
	}
	like(ask_policy($t, 'another'), qr/^250 /, 'others are served');
	my @submits = submit_marks($t, '-m', 'beside', ['user@example.test']);
	ok(wait_until(30, sub { marks_delivered($t)->{ $submits[0]{mark} } }),
		'other mail is delivered');
	for my $program (qw(lmtp smtpd)) {
		like($t->log_text,
			qr/$program\[\d+\]: warning: dial gave a descriptor/,
			"$program: the log says who gave what");
	}
	cmp_ok(count($t, qr/: lie null$/m), '<', 200,
		'it is not asked without pause');
	my $lmtp = Barid::Lmtp->new("$servers/socket");
	symlink('socket', "$servers/lie-$_") for @lies;
	make_true($t, $folder, 'dial');
	ok(wait_until(90, sub {
		my $n = $lmtp->marks;
		return !grep { !$n->{$_} } keys %mark;
	}), 'by a true one all is delivered');
	ok(wait_settled($t, 60), 'nothing stays in the queue');
	is_deeply($lmtp->marks, { map { $_ => 1 } keys %mark }, 'each once');
	check_unharmed($t, 'dial');
	ok($t->stop, 'it stops');
};

done_testing();
