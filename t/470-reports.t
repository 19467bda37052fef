#!/usr/bin/perl
# Reports as their readers see them: failure, delay, success and expiry (RFC
# 3461, RFC 3464), and what is never reported.
use strict;
use warnings;

use Test::More;

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/bounce');

my $nobody = free_port();
my $t = Barid::Test->new(main => {
	virtual_mailbox_maps => 'inline:{ user@example.test=user/ ' .
	    'late@example.test=late/ old@example.test=old/ }',
	# Known to smtpd, unknown to virtual.
	smtpd_reject_unlisted_recipient => 'no',
	relay_domains => 'far.test late.test',
	relayhost => "[127.0.0.9]:$nobody",
	bounce_size_limit => 20000,
	minimal_backoff_time => '2s', queue_run_delay => '1s',
	maximal_backoff_time => '2s',
});

$t->start;

my %seen;    # messages that earlier calls returned

# The report that is this user's Nth message, taken apart.
sub report_to
{
	my ($user, $n) = @_;
	my @got = $t->wait_maildir($user, $n // 1, 20);

	is(scalar @got, $n // 1, 'a report arrives');
	my ($new) = grep { /^Subject: .*Mail/m && !$seen{$_}++ } @got;
	my $report = eval { parse_report($new // '') };
	ok($report, 'with the right structure') or diag($@, $new);
	$report->{message} = $new // '';
	return $report;
}

sub is_machine_mail
{
	my ($report, $subject) = @_;
	my $message = $report->{message};

	is(header_of($message, 'Return-Path'), '<>', 'from the null sender');
	is(header_of($message, 'From'),
		'Mail Delivery System <MAILER-DAEMON@mx.example.test>', 'From');
	is(header_of($message, 'Auto-Submitted'), 'auto-replied',
		'Auto-Submitted (RFC 3834)');
	is(header_of($message, 'Subject'), $subject, 'Subject');
	is(header_of($message, 'MIME-Version'), '1.0', 'MIME-Version');
	ok(defined header_of($message, $_), $_) for 'Date', 'Message-Id', 'To';
	is($report->{status}{'reporting-mta'}, 'dns; mx.example.test',
		'Reporting-MTA');
	like($report->{status}{'arrival-date'}, qr/^\w{3}, [ \d]\d \w{3} \d{4} /,
		'Arrival-Date');
}

subtest 'failure' => sub {
	my $text = "From: me\nSubject: to nobody\n\nits text\n";

	like(send_mail($t->{port}, { from => 'user@example.test',
		to => [ 'nobody@example.test', 'noone@example.test' ],
		mail => ' ENVID=my+2Bid', rcpt => ' ORCPT=rfc822;o@x.test' },
		$text), qr/^250 /, 'accepted');
	my $report = report_to('user');

	is_machine_mail($report, 'Undelivered Mail Returned to Sender');
	is($report->{status}{'original-envelope-id'}, 'my+id', 'ENVID');
	is(scalar @{ $report->{recipients} }, 2, 'both in one report');
	for my $rcpt (@{ $report->{recipients} }) {
		like($rcpt->{'final-recipient'},
			qr/^rfc822; (nobody|noone)\@example\.test$/,
			'Final-Recipient');
		is($rcpt->{'original-recipient'}, 'rfc822;o@x.test',
			'Original-Recipient');
		is($rcpt->{action}, 'failed', 'Action');
		is($rcpt->{status}, '5.1.1', 'Status');
		like($rcpt->{'diagnostic-code'},
			qr/^X-Postfix; unknown user: "no/, 'Diagnostic-Code');
		ok(!exists $rcpt->{'remote-mta'}, 'nobody else said so');
	}
	like($report->{text}, qr/<nobody\@example\.test>: unknown user/,
		'in words as well');
	is($report->{original_type}, 'message/rfc822', 'the message');
	is(header_of($report->{original}, 'Subject'), 'to nobody', 'its header');
	is(body_of($report->{original}) =~ s/\n+\z/\n/r, "its text\n",
		'its text');
};

subtest 'RET=HDRS' => sub {
	send_mail($t->{port}, { from => 'user@example.test',
		to => 'nobody@example.test', mail => ' RET=HDRS' },
		"Subject: headers\n\nsecret\n");
	my $report = report_to('user', 2);

	is($report->{original_type}, 'text/rfc822-headers', 'only the header');
	unlike($report->{message}, qr/secret/, 'not the text');
};

subtest 'a large message' => sub {
	send_mail($t->{port}, { from => 'user@example.test',
		to => 'nobody@example.test' },
		"Subject: large\n\n" . ('x' x 70 . "\n") x 2000);
	my $report = report_to('user', 3);

	cmp_ok(length $report->{message}, '<', 25000,
		'bounce_size_limit cuts it');
	is(header_of($report->{original}, 'Subject') //
		($report->{original} =~ /^Subject: (.*)/m)[0], 'large',
		'its header is there');
};

subtest 'NOTIFY=NEVER' => sub {
	$t->mark_log;
	send_mail($t->{port}, { from => 'user@example.test',
		to => 'never@example.test', rcpt => ' NOTIFY=NEVER' },
		"Subject: never\n\nx\n");
	like($t->wait_log(qr/to=<never@/), qr/status=bounced/, 'bounced');
	ok($t->wait_queue_empty, 'removed');
	is(scalar(my @got = $t->read_maildir('user')), 3, 'and not reported');
};

subtest 'NOTIFY=SUCCESS' => sub {
	send_mail($t->{port}, { from => 'user@example.test',
		to => 'late@example.test', mail => ' ENVID=good',
		rcpt => ' NOTIFY=SUCCESS,FAILURE' }, "Subject: good\n\nx\n");
	my $report = report_to('user', 4);

	is_machine_mail($report, 'Successful Mail Delivery Report');
	is($report->{recipients}[0]{action}, 'delivered', 'Action');
	is($report->{recipients}[0]{status}, '2.0.0', 'Status');
	is($report->{original_type}, 'text/rfc822-headers', 'only the header');
	is(scalar(my @got = $t->wait_maildir('late', 1)), 1,
		'and it was delivered');
};

# A report for the null sender would be a bounce of a bounce.
subtest 'no report of a report' => sub {
	send_mail($t->{port}, { from => '', to => 'nothing@example.test' },
		"Subject: from nobody\n\nx\n");
	like($t->wait_log(qr/to=<nothing@/), qr/status=bounced/, 'bounced');
	ok($t->wait_queue_empty, 'removed');
	# A sender who does not exist: the report comes to nothing.
	send_mail($t->{port}, { from => 'ghost@example.test',
		to => 'nothing2@example.test' }, "Subject: x\n\nx\n");
	like($t->wait_log(qr/to=<ghost@/), qr/status=bounced/,
		'the report bounces');
	ok($t->wait_queue_empty, 'and is removed');
	my $log = $t->log_text;
	is(scalar(() = $log =~ /^.*sender non-delivery notification/mg), 4,
		'without another');
	is(scalar(my @got = $t->read_maildir('user')), 4, 'nobody hears');
};

subtest 'delay' => sub {
	$t->configure({ delay_warning_time => '1s' });
	ok($t->reload, 'reload');
	send_mail($t->{port}, { from => 'late@example.test',
		to => 'a@far.test' }, "Subject: slow\n\nsecret\n");
	my $report = report_to('late', 2);

	is_machine_mail($report, 'Delayed Mail (still being retried)');
	is($report->{recipients}[0]{action}, 'delayed', 'Action');
	is($report->{recipients}[0]{status}, '4.4.1', 'Status');
	ok(defined $report->{recipients}[0]{'will-retry-until'},
		'Will-Retry-Until');
	unlike($report->{message}, qr/secret/, 'without the text');
	# It may be on its way from one folder to the other.
	ok(wait_until(20, sub {
		return (() = $t->queue_ids('deferred', 'active')) == 1;
	}), 'it is still tried');
};

subtest 'expiry' => sub {
	$t->configure({ delay_warning_time => '0', maximal_queue_lifetime =>
		'0', bounce_queue_lifetime => '0' });
	ok($t->reload, 'reload');
	# What the last test left, after its next attempt.
	my $report = report_to('late', 3);
	is($report->{recipients}[0]{action}, 'failed', 'Action');
	like($t->wait_log(qr/status=expired/), qr/status=expired, returned to sender/,
		'and is logged');
	send_mail($t->{port}, { from => 'old@example.test',
		to => 'b@far.test' }, "Subject: now\n\nx\n");
	$report = report_to('old');
	is_machine_mail($report, 'Undelivered Mail Returned to Sender');
	is($report->{recipients}[0]{action}, 'failed',
		'with no time at all there is one attempt');
	like($report->{recipients}[0]{'diagnostic-code'},
		qr/Connection refused/, 'and its reason is told');
};

ok($t->wait_queue_empty, 'nothing stays in the queue');
ok($t->stop, 'all processes end');
done_testing();
