#!/usr/bin/perl
# internal_mail_filter_classes: which mail of our own is looked at by header and body
# checks, beside Debian's Postfix: reports to senders, and copies of them to the
# postmaster.
use strict;
use warnings;

use Test::More;

use Barid::Capture;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/bounce');

sub main_of
{
	my ($sink, $classes) = @_;

	return (relayhost => '[127.0.0.1]:' . $sink->port,
		myhostname => 'mx.x.test', mydestination => '',
		myorigin => 'x.test', virtual_mailbox_domains => '',
		virtual_mailbox_maps => '', local_recipient_maps => '',
		smtpd_relay_restrictions => 'permit_mynetworks reject',
		smtpd_reject_unlisted_recipient => 'no',
		transport_maps => 'inline:{ {no@x.test = error:5.1.1 nobody} }',
		notify_classes => 'bounce, 2bounce',
		internal_mail_filter_classes => $classes,
		header_checks =>
		    'regexp:{{/^Subject: (Undelivered|Postmaster)/ WARN seen}}',
		body_checks => 'regexp:{{/^Final-Recipient:/ WARN there}}');
}

# What the checks say of one failure, without what differs from time to time.
sub told
{
	my ($sink, $one) = @_;
	my $s = smtp_connect('127.0.0.1', $one->{port});

	$s->read_reply(60);
	for my $line ('EHLO client.test', 'MAIL FROM:<s@x.test>',
		'RCPT TO:<no@x.test>', 'DATA', "Subject: x\r\n\r\nbody\r\n.",
		'QUIT') {
		$s->send($line);
		$s->read_reply(60);
	}
	ok(wait_until(60, sub {
		my %to = map { ($_->{to}[0] => 1) } $sink->messages;
		return $to{'s@x.test'} && $to{'postmaster@x.test'};
	}), "$one->{what}: a report and a copy");
	ok(wait_until(60, sub {
		3 <= (() = (read_file($one->{log}) // '') =~ /: removed/g);
	}), 'and all is done');
	my @lines = (read_file($one->{log}) // '') =~
	    /cleanup\[\d+\]: (\w+: warning: (?:header|body) .*)/g;

	return join("\n", sort map { s/^\w+/QID/r } @lines);
}

sub have_postfix
{
	return $> == 0 && -e top_folder() . '/build/peers/postfix/.unpacked';
}

have_postfix() or plan(skip_all => 'no Postfix to compare with');

for my $classes ('', 'bounce', 'notify', 'notify, bounce') {
	subtest "classes: $classes" => sub {
		my @sinks = map { Barid::Capture->new } 1 .. 2;
		my $p = start_postfix({ main_of($sinks[0], $classes) });
		my $theirs = told($sinks[0],
			{ what => 'Postfix', port => $p->{port},
			log => $p->{log} });
		stop_peer($p->{pid});
		my $t = Barid::Test->new(
			main => { main_of($sinks[1], $classes) })->start;
		my $ours = told($sinks[1],
			{ what => 'Barid', port => $t->{port},
			log => $t->{log} });

		is($ours, $theirs, 'the checks say the same');
		is($ours ne '', $classes =~ /bounce/, 'and something if they are to');
		ok($t->stop, 'it stops');
	};
}

done_testing;
