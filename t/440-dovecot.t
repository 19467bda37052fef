#!/usr/bin/perl
# Dovecot's LMTP server as the next hop: over TCP and a Unix socket, from
# transport_maps and as virtual_transport; one reply for each recipient.
use strict;
use warnings;

use Test::More;

use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp',
	'libexec/barid/dial');

my @users = map { ("one\@$_.test", "two\@$_.test") } qw(inet unix virtual);
my $dovecot = start_dovecot(@users) or plan(skip_all => 'no Dovecot');
my $sender = 'sender@example.test';
my $t = Barid::Test->new(main => {
	virtual_mailbox_domains => 'example.test virtual.test',
	virtual_mailbox_maps => 'inline:{ sender@example.test=sender/ } ' .
	    'static:any',
	relay_domains => 'inet.test unix.test',
	transport_maps => "inline:{ { inet.test = " .
	    "lmtp:inet:[127.0.0.1]:$dovecot->{port} } " .
	    "{ unix.test = lmtp:unix:$dovecot->{socket} } " .
	    "{ example.test = virtual: } }",
	virtual_transport => "lmtp:unix:$dovecot->{socket}",
	lmtp_destination_recipient_limit => 50,
});

$t->start;

sub mailbox { return $t->wait_maildir("$dovecot->{dir}/mail/$_[0]", 1) }

my %relay = (inet => "127\\.0\\.0\\.1\\[127\\.0\\.0\\.1\\]:$dovecot->{port}",
	unix => "\\S+\\[\Q$dovecot->{socket}\E\\]");
$relay{virtual} = $relay{unix};

for my $way (qw(inet unix virtual)) {
	subtest "$way.test" => sub {
		my $text = odd_message($sender, "one\@$way.test", $way);

		like(send_mail($t->{port}, { from => $sender,
			mail => ' BODY=8BITMIME', to => [ map
			    { "$_\@$way.test" } qw(one nobody two) ] }, $text),
			qr/^250 /, 'is accepted');
		for my $name ('one', 'two') {
			my @got = mailbox("$name\@$way.test");

			is(scalar @got, 1, "$name gets it");
			s/^Return-Path: [^\n]*\n//, s/^Delivered-To: [^\n]*\n//m
			    for @got;
			is(substr($got[0] =~ s/\r\n/\n/gr, -length $text),
				$text, 'byte for byte');
			like($t->wait_log(qr/to=<$name\@$way\.test>/),
				qr/lmtp\[\d+\]: \w+: to=<$name\@$way\.test>, relay=$relay{$way}, .*dsn=2\.\d\.\d, status=sent \(250 2\.0\.0 <$name\@$way\.test> \S+ Saved\)/,
				'and the log says so');
		}
		like($t->wait_log(qr/to=<nobody\@$way\.test>/),
			qr/dsn=5\.1\.1, status=bounced \(host .* said: 550 5\.1\.1 <nobody\@$way\.test> User doesn't exist: .* \(in reply to RCPT TO command\)\)/,
			'the third does not exist');
	};
}

my @reports = $t->wait_maildir('sender', 3);
is(scalar @reports, 3, 'a report for each that does not exist');
for my $message (@reports) {
	my $report = eval { parse_report($message) } or do {
		fail('a report');
		diag($@, $message);
		next;
	};

	is(scalar @{ $report->{recipients} }, 1, 'of one recipient');
	my $rcpt = $report->{recipients}[0];
	like($rcpt->{'final-recipient'}, qr/^rfc822; nobody\@/, 'that one');
	is($rcpt->{status}, '5.1.1', 'with its status');
	like($rcpt->{'diagnostic-code'}, qr/^smtp; 550 5\.1\.1 </,
		'and what Dovecot said');
}

# Deferred, not lost, while it is away.
subtest 'Dovecot is down' => sub {
	stop_peer($dovecot->{pid});
	unlink($dovecot->{socket});
	for my $way ('inet', 'unix') {
		send_mail($t->{port}, { from => $sender,
			to => "one\@$way.test" }, "Subject: down\n\nx\n");
		like($t->wait_log(qr/to=<one\@$way\.test>.*status=deferred/),
			qr/relay=none, .*dsn=4\.\d\.\d, status=deferred \(connect to /,
			"$way: deferred");
	}
	is(scalar(my @ids = $t->queue_ids('deferred')), 2, 'both wait');
};

ok($t->stop, 'all processes end');
done_testing();
