#!/usr/bin/perl
# Routing by MX records, asked of a name server of ours: which host is tried,
# in which order, and what the answers that are no hosts come to.
use strict;
use warnings;

use IO::Socket::IP;
use Test::More;

use Barid::DNS;
use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp',
	'libexec/barid/resolve');
have_peer('smtp-sink') or plan(skip_all => 'no smtp-sink');

# Barid itself is 127.0.0.1; one other answers, one does not.
my ($self, $alive, $dead) = map { "127.0.0.$_" } 1, 3, 4;
my $port = free_port();
my $dns = Barid::DNS->new(
	'alive.test' => { A => [$alive] },
	'dead.test' => { A => [$dead] },
	'mx.example.test' => { A => [$self] },
	'two.test' => { MX => [ '10 dead.test', '20 alive.test' ] },
	'order.test' => { MX => [ '20 dead.test', '10 alive.test' ] },
	'plain.test' => { A => [$alive] },
	'null.test' => { MX => ['0 .'] },
	'self.test' => { MX => ['10 mx.example.test'] },
	'backup.test' => { MX => [ '10 dead.test', '20 mx.example.test',
		'30 alive.test' ] },
	'better.test' => { MX => [ '10 alive.test', '20 mx.example.test' ] },
	'alias.test' => { CNAME => ['plain.test'] },
	'broken.test' => 'servfail',
	'hidden.test' => { MX => ['10 missing.test'] },
	'half.test' => { MX => [ '10 missing.test', '20 alive.test' ] },
	'deaf.test' => { MX => ['10 dead.test'] },
	'empty.test' => { TXT => ['nothing else'] },
);
# Does this machine have IPv6 on loopback?
my $six = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1);
my $t = Barid::Test->new(main => {
	smtp_tcp_port => $port,
	dns_test_server => $dns->server,
	inet_protocols => $six ? 'all' : 'ipv4',
	smtp_connection_cache_on_demand => 'no',
});

sink({ ip => $alive }, $port);
$t->start;

# To, from what wait_log finds, for each: status, and the rest of the line.
sub goes
{
	my ($to, $want, $name) = @_;

	like(send_mail($t->{port}, { from => 'user@example.test', to => $to },
		"From: a\@b.test\nSubject: $to\n\nx\n"), qr/^250 /,
		"$name: taken");
	like($t->wait_log(qr/: to=<\Q$to\E>.*status=/, 15), $want, $name);
}

sub sent_to
{
	my ($host, $address) = @_;

	return qr/relay=\Q$host\E\[\Q$address\E\]:$port, .*status=sent/;
}

goes('a@two.test', sent_to('alive.test', $alive), 'the first MX is dead');
goes('a@order.test', sent_to('alive.test', $alive), 'the lower number first');
unlike($t->log_text =~ /^(.*order\.test.*dead\.test.*)$/m ? $1 : '', qr/./,
	'and no other');
goes('a@plain.test', sent_to('plain.test', $alive), 'no MX: the address');
goes('a@alias.test', qr/relay=\S+\[\Q$alive\E\]:$port, .*status=sent/,
	'a CNAME is followed');
goes('a@half.test', sent_to('alive.test', $alive), 'one MX has no address');
goes('a@better.test', sent_to('alive.test', $alive),
	'we are an MX, one is better');
goes("a\@[$alive]", sent_to($alive, $alive), 'an address literal');

goes('a@null.test', qr/relay=none, .*dsn=5\.1\.10, status=bounced \(Domain null\.test does not accept mail \(nullMX\)\)/,
	'null MX (RFC 7505)');
goes('a@self.test', qr/relay=none, .*dsn=5\.4\.6, status=bounced \(mail for self\.test loops back to myself\)/,
	'the best MX is ourselves');
goes('a@backup.test', qr/dsn=4\.4\.1, status=deferred \(connect to dead\.test\[\Q$dead\E\]:$port: Connection refused\)/,
	'MX from our own on are not tried');
goes('a@nowhere.test', qr/relay=none, .*dsn=5\.4\.4, status=bounced \(Host or domain name not found\. Name service error for name=nowhere\.test type=\w+: Host not found\)/,
	'no such domain');
goes('a@empty.test', qr/relay=none, .*dsn=5\.4\.4, status=bounced \(Host or domain name not found/,
	'a domain without any host');
goes('a@hidden.test', qr/relay=none, .*dsn=5\.4\.4, status=bounced \(.*missing\.test/,
	'an MX that does not exist');
goes('a@broken.test', qr/relay=none, .*dsn=4\.4\.3, status=deferred \(Host or domain name not found\. Name service error for name=broken\.test type=MX: Host not found, try again\)/,
	'a name server that fails');
goes('a@deaf.test', qr/relay=none, .*dsn=4\.4\.1, status=deferred \(connect to dead\.test\[\Q$dead\E\]:$port: Connection refused\)/,
	'nobody answers');

SKIP: {
	skip('no IPv6 on loopback here', 2) unless $six;
	sink({ ip => '[::1]' }, $port);
	goes('a@[IPv6:::1]', sent_to('::1', '::1'), 'an IPv6 literal');
}

is(scalar(my @ids = $t->queue_ids('deferred')), 3, 'what may still work waits');
is(scalar(my @reports = $t->wait_maildir('user', 5)), 5,
	'and what may not is reported');

# --- A loop ---------------------------------------------------------------------

subtest 'two servers that send to each other' => sub {
	my @ports = (free_port(), free_port());
	my ($one, $two) = map {
		Barid::Test->new(port => $ports[$_], main => {
			myhostname => "loop$_.test", hopcount_limit => 9,
			relayhost => "[127.0.0.1]:$ports[1 - $_]",
			virtual_mailbox_domains => "box$_.test",
			virtual_mailbox_maps =>
			    "inline:{ user\@box$_.test=user/ }",
		})->start
	} 0, 1;

	like(send_mail($one->{port}, { from => 'user@box0.test',
		to => 'x@loop.test' }, "Subject: round\n\nx\n"), qr/^250 /,
		'taken');
	my @got = $one->wait_maildir('user', 1, 20);
	is(scalar @got, 1, 'the sender gets one report');
	my $report = parse_report($got[0]);
	is($report->{recipients}[0]{action}, 'failed', 'of failure');
	is($report->{recipients}[0]{status}, '5.4.0', 'with its status');
	like($report->{recipients}[0]{'diagnostic-code'}, qr/too many hops/,
		'and reason');
	is(scalar(headers_of($report->{original}, 'Received')), 9,
		'after as many hops as the limit says');
	ok($_->wait_queue_empty, 'nothing stays') for $one, $two;
	ok($_->stop, 'and it stops') for $one, $two;
};

ok($t->stop, 'all processes end');
$dns->stop;
done_testing();
