#!/usr/bin/perl
# Debian's Postfix as sender and as next hop.
use strict;
use warnings;

use Test::More;

use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp');

my $port = free_port();
my $postfix = start_postfix({ relayhost => "[127.0.0.1]:$port",
	virtual_mailbox_domains => 'postfix.test',
	virtual_mailbox_maps => 'inline:{ user@postfix.test=user/ ' .
	    'utf8@postfix.test=utf8/ sender@postfix.test=sender/ }' })
    or plan(skip_all => 'no Postfix');
my $t = Barid::Test->new(port => $port, main => {
	relayhost => "[127.0.0.1]:$postfix->{port}",
	smtputf8_enable => 'yes',
	virtual_mailbox_maps => 'regexp:{ {/^([a-z0-9]+)@/ $$1/} }',
});

$t->start;

sub there { return $t->wait_maildir("$postfix->{mail}/$_[0]", $_[1] // 1) }

# Wait for a line of Postfix's log.
sub their_log
{
	my ($regex) = @_;

	return wait_until(10, sub {
		return (grep { /$regex/ } split /\n/,
		    read_file($postfix->{log}) // '')[0];
	}) || '';
}

sub by_postfix
{
	my ($text, @arguments) = @_;

	return run_command({ stdin => $text, env => $postfix->{env} },
		@{ $postfix->{sendmail} }, @arguments);
}

subtest 'from Barid to Postfix' => sub {
	my $text = odd_message('a@example.test', 'user@postfix.test', 'to');

	like(send_mail($t->{port}, { from => 'a@example.test',
		to => 'user@postfix.test', mail => ' BODY=8BITMIME' }, $text),
		qr/^250 /, 'is accepted');
	my ($got) = there('user');
	is(ends_with($got, $text), 'ok', 'arrives as it was sent');
	like($t->wait_log(qr/to=<user\@postfix\.test>/),
		qr/relay=127\.0\.0\.1\[127\.0\.0\.1\]:$postfix->{port}, .*dsn=2\.0\.0, status=sent \(250 2\.0\.0 Ok: .*queued as \w+\)/,
		'and is logged');
	like((headers_of($got, 'Received'))[0],
		qr/^from mx\.example\.test .*by postfix\.test \(Postfix\) with ESMTP/,
		'said EHLO');
};

subtest 'from Postfix to Barid' => sub {
	my $text = odd_message('a@postfix.test', 'user@example.test', 'from');
	my $sent = by_postfix($text, '-i', '-f', 'a@postfix.test', '-B',
		'8BITMIME', 'user@example.test');

	is($sent->{exit}, 0, 'is accepted') or diag($sent->{err});
	my ($got) = $t->wait_maildir('user', 1);
	is(ends_with($got, $text), 'ok', 'arrives as it was sent');
	like((headers_of($got, 'Received'))[0],
		qr/^from postfix\.test .*by mx\.example\.test .*with ESMTP/,
		'by ESMTP');
	like(their_log(qr/to=<user\@example\.test>/),
		qr/dsn=2\.0\.0, status=sent \(250 2\.0\.0 Ok: queued as \w+\)/,
		'Postfix logs our reply');
};

subtest '300 messages each way' => sub {
	have_peer('smtp-source') or plan(skip_all => 'no smtp-source');
	for my $way ([ $t->{port}, 'user@postfix.test' ],
		[ $postfix->{port}, 'many@example.test' ]) {
		my $sent = source($way->[0], '-m', 300, '-s', 10, '-f',
			'from@source.test', '-t', $way->[1]);
		is($sent->{exit}, 0, "to $way->[1]") or diag($sent->{err});
	}
	is(scalar(my @there = $t->wait_maildir("$postfix->{mail}/user", 301,
		20)), 301, 'there');
	is(scalar(my @here = $t->wait_maildir('many', 300, 20)), 300, 'here');
	ok($t->wait_queue_empty, 'nothing stays');
};

my $utf8 = "From: J\xc3\xb6rg <j\xc3\xb6rg\@%s>\nTo: %s\n" .
    "Subject: Gr\xc3\xbc\xc3\x9fe\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n" .
    "Message-Id: <utf8\@client.test>\n\n\xe2\x82\xac\n";

subtest 'SMTPUTF8 to Postfix' => sub {
	my $text = sprintf($utf8, 'example.test', 'utf8@postfix.test');

	like(send_mail($t->{port}, { from => "j\xc3\xb6rg\@example.test",
		to => 'utf8@postfix.test', mail => ' BODY=8BITMIME SMTPUTF8' },
		$text), qr/^250 /, 'is accepted');
	my ($got) = there('utf8');
	is(ends_with($got, $text), 'ok', 'arrives as it was sent');
	is(header_of($got, 'Return-Path'), "<j\xc3\xb6rg\@example.test>",
		'with its sender');
	like((headers_of($got, 'Received'))[0], qr/with (UTF8SMTP|ESMTP)/,
		'and says how');
};

subtest 'SMTPUTF8 from Postfix' => sub {
	my $text = sprintf($utf8, 'postfix.test', 'utf8@example.test');
	my $sent = send_mail($postfix->{port}, {
		from => "j\xc3\xb6rg\@postfix.test", to => 'utf8@example.test',
		mail => ' BODY=8BITMIME SMTPUTF8' }, $text);

	like($sent, qr/^250 /, 'Postfix accepts it');
	my ($got) = $t->wait_maildir('utf8', 1);
	is(ends_with($got, $text), 'ok', 'it arrives as it was sent');
	is(header_of($got, 'Return-Path'), "<j\xc3\xb6rg\@postfix.test>",
		'with its sender');
	like((headers_of($got, 'Received'))[0], qr/with UTF8SMTP/,
		'and says how');
};

# Postfix delivers and reports; the request and the envelope's name travel.
subtest 'NOTIFY=SUCCESS to Postfix' => sub {
	like(send_mail($t->{port}, { from => 'success@example.test',
		to => 'user@postfix.test', mail => ' RET=HDRS ENVID=env+2Bone',
		rcpt => ' NOTIFY=SUCCESS ORCPT=rfc822;orig@example.org' },
		"Subject: dsn\n\nbody\n"), qr/^250 /, 'is accepted');
	my @got = $t->wait_maildir('success', 1);
	is(scalar @got, 1, 'one report comes back');
	my $report = parse_report($got[0]);
	is($report->{status}{'reporting-mta'}, 'dns; postfix.test', 'by Postfix');
	is($report->{status}{'original-envelope-id'}, 'env+one', 'ENVID');
	is($report->{recipients}[0]{action}, 'delivered', 'delivered');
	is($report->{recipients}[0]{'original-recipient'},
		'rfc822;orig@example.org', 'ORCPT');
};

subtest 'NOTIFY=SUCCESS from Postfix' => sub {
	my $sent = by_postfix("Subject: dsn\n\nbody\n", '-f',
		'sender@postfix.test', '-N', 'success', '-V', 'env-two',
		'user@example.test');

	is($sent->{exit}, 0, 'is accepted') or diag($sent->{err});
	my @got = there('sender');
	is(scalar @got, 1, 'one report comes back');
	my $report = eval { parse_report($got[0]) } or return fail("report: $@");
	is($report->{status}{'reporting-mta'}, 'dns; mx.example.test', 'ours');
	is($report->{status}{'original-envelope-id'}, 'env-two', 'ENVID');
	is($report->{recipients}[0]{action}, 'delivered', 'delivered');
	is($report->{recipients}[0]{'original-recipient'},
		'rfc822;user@example.test', 'ORCPT');
	like(header_of($got[0], 'Return-Path'), qr/^<>$/, 'no sender');
};

subtest 'what Postfix refuses comes back' => sub {
	like(send_mail($t->{port}, { from => 'refused@example.test',
		to => 'nobody@postfix.test' }, "Subject: no\n\nbody\n"),
		qr/^250 /, 'is accepted');
	my ($got) = $t->wait_maildir('refused', 1);
	my $report = eval { parse_report($got) } or return fail("report: $@");
	is($report->{recipients}[0]{status}, '5.1.1', 'status');
	like($report->{recipients}[0]{'diagnostic-code'},
		qr/^smtp; 550 5\.1\.1 <nobody\@postfix\.test>: Recipient\s+address\s+rejected/,
		'what it said');
	is($report->{recipients}[0]{'remote-mta'}, 'dns; 127.0.0.1', 'who');
};

ok($t->wait_queue_empty, 'nothing stays in the queue');
ok($t->stop, 'all processes end');
done_testing();
