#!/usr/bin/perl
# Barid as the client of smtp-sink: counts, and a sink that refuses, defers or
# hangs up at each stage of the dialogue, with the status and the log line that
# each gives.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp');
have_peer('smtp-sink') && have_peer('smtp-source')
    or plan(skip_all => 'no smtp-sink, no smtp-source');

# Not an address of Barid's own.
my $ip = '127.0.0.3';
my $host = quotemeta("$ip\[$ip]");

# Each with a sink of its own: name, its options, status, dsn, the reason.
my $said = "host $host said: %s Error: command failed \\(in reply to %s\\)";
my $refused = "host $host refused to talk to me: %s Error: command failed";
my $lost = "lost connection with $host while %s";
my @cases = (
	[ 'helo', [ '-f', 'EHLO' ], 'sent', '2.0.0', '250 2.0.0 Ok' ],
	[ 'old', ['-e'], 'sent', '2.0.0', '250 2.0.0 Ok' ],
	[ 'unpiped', [ '-p', '-8' ], 'sent', '2.0.0', '250 2.0.0 Ok' ],
	[ 'connect4', [ '-r', 'CONNECT' ], 'deferred', '4.3.0',
		sprintf($refused, '450 4.3.0') ],
	[ 'mail4', [ '-r', 'MAIL' ], 'deferred', '4.3.0',
		sprintf($said, '450 4.3.0', 'MAIL FROM command') ],
	[ 'rcpt4', [ '-r', 'RCPT' ], 'deferred', '4.3.0',
		sprintf($said, '450 4.3.0', 'RCPT TO command') ],
	[ 'data4', [ '-r', 'DATA' ], 'deferred', '4.3.0',
		sprintf($said, '450 4.3.0', 'DATA command') ],
	[ 'end4', [ '-r', '.' ], 'deferred', '4.3.0',
		sprintf($said, '450 4.3.0', 'end of DATA command') ],
	[ 'mail5', [ '-f', 'MAIL' ], 'bounced', '5.3.0',
		sprintf($said, '500 5.3.0', 'MAIL FROM command') ],
	[ 'rcpt5', [ '-f', 'RCPT' ], 'bounced', '5.3.0',
		sprintf($said, '500 5.3.0', 'RCPT TO command') ],
	[ 'data5', [ '-f', 'DATA' ], 'bounced', '5.3.0',
		sprintf($said, '500 5.3.0', 'DATA command') ],
	[ 'end5', [ '-f', '.' ], 'bounced', '5.3.0',
		sprintf($said, '500 5.3.0', 'end of DATA command') ],
	[ 'drop0', [ '-q', 'CONNECT' ], 'deferred', '4.4.2',
		sprintf($lost, 'receiving the initial server greeting') ],
	[ 'drop1', [ '-q', 'EHLO' ], 'deferred', '4.4.2',
		sprintf($lost, 'performing the [EH]*LO handshake') ],
	[ 'drop2', [ '-q', 'MAIL' ], 'deferred', '4.4.2',
		sprintf($lost, 'sending MAIL FROM') ],
	[ 'drop3', [ '-q', 'RCPT' ], 'deferred', '4.4.2',
		sprintf($lost, 'sending RCPT TO') ],
	[ 'drop4', [ '-q', 'DATA' ], 'deferred', '4.4.2',
		sprintf($lost, 'sending DATA command') ],
	[ 'drop5', [ '-q', '.' ], 'deferred', '4.4.2',
		sprintf($lost, 'sending end of data') ],
	[ 'shut', [ '-Q', 'MAIL' ], 'deferred', '4.\d+.\d+',
		"host $host said: 421 .* \\(in reply to MAIL FROM command\\)" ],
);

my $relay = free_port();
my %port = map { $_->[0] => free_port() } @cases;
my $t = Barid::Test->new(main => {
	relayhost => "[$ip]:$relay",
	transport_maps => 'inline:{ ' . join(' ', map {
		    "$_.sink.test=smtp:[$ip]:$port{$_}" } sort keys %port) .
	    ' }',
	virtual_mailbox_domains => 'example.test',
	# What is refused at once is tried once.
	minimal_backoff_time => '600s',
});
$t->start;

# What smtp-sink wrote down, as a list of messages.
sub dumped
{
	my ($dir) = @_;

	return map { read_file($_) } glob "$dir/*";
}

sub new_dump
{
	my $dir = tempdir('/tmp/bs.XXXXXX', CLEANUP => 1);

	chmod(0777, $dir);
	return $dir;
}

subtest '500 messages through a relay' => sub {
	my $dir = new_dump();
	my $sink = sink({ ip => $ip }, $relay, '-d', "$dir/m.");
	my $sent = source($t->{port}, '-m', 500, '-s', 10, '-l', 2000,
		'-f', 'from@source.test', '-t', 'to@far.test');

	is($sent->{exit}, 0, 'all are accepted') or diag($sent->{err});
	ok($t->wait_queue_empty(25), 'all leave');
	my @all = dumped($dir);
	is(scalar @all, 500, 'and arrive, each once');
	my %ids = map { /^Message-Id: (.*)/mi ? ($1 => 1) : () } @all;
	is(scalar keys %ids, 500, 'each another');
	is(scalar(grep { m{^X-Rcpt-Args: <to\@far\.test>}m &&
		    m{^X-Mail-Args: <from\@source\.test>}m } @all), 500,
		'with sender and recipient');
	stop_peer($sink);
};

subtest 'a message with odd lines' => sub {
	my $dir = new_dump();
	my $sink = sink({ ip => $ip }, $relay, '-d', "$dir/m.");
	my $text = odd_message('a@b.test', 'to@far.test', 'relayed');

	like(send_mail($t->{port}, { from => 'a@b.test', to => 'to@far.test',
		mail => ' BODY=8BITMIME' }, $text), qr/^250 /, 'is accepted');
	ok($t->wait_queue_empty, 'and leaves');
	my ($got) = dumped($dir);
	$got =~ s/\r\n/\n/g;
	# The dump has the content before the dots are taken off again, or
	# after; its own headers in front, an empty line at the end.
	my $dotted = $text =~ s/^\./../mgr;
	ok(index($got, $text) > 0 || index($got, $dotted) > 0,
		'byte for byte') or diag($got);
	like($got, qr/^X-Mail-Args:.*BODY=8BITMIME/m, 'declared as 8BITMIME');
	stop_peer($sink);
};

# Deferred while nobody listens, sent by the flush that follows.
subtest 'flush' => sub {
	$t->mark_log;
	like(send_mail($t->{port}, { from => 'a@b.test', to => 'late@far.test' },
		"Subject: later\n\nx\n"), qr/^250 /, 'accepted');
	like($t->wait_log(qr/ to=<late\@far\.test>.*status=/),
		qr/relay=none, .*dsn=4\.4\.1, status=deferred \(connect to $host:$relay: Connection refused\)/,
		'nobody answers');
	is(scalar(my @ids = $t->queue_ids('deferred')), 1, 'it waits');
	my $tool = installed('sbin/postqueue');
	if (!-x $tool || is_foreign_setgid($tool)) {
		note('skipped: no postqueue that would take our configuration');
		return;
	}
	my $dir = new_dump();
	my $sink = sink({ ip => $ip }, $relay, '-d', "$dir/m.");
	my $flush = $t->tool('postqueue', '-f');
	is($flush->{exit}, 0, 'postqueue -f') or diag($flush->{err});
	ok($t->wait_queue_empty, 'and it leaves');
	is(scalar(my @all = dumped($dir)), 1, 'to arrive once');
	stop_peer($sink);
};

my @sinks = map { sink({ ip => $ip }, $port{ $_->[0] }, @{ $_->[1] }) } @cases;

my %waiting = map { $_ => 1 } $t->queue_ids('deferred');

$t->mark_log;
for my $case (@cases) {
	my ($name) = @$case;

	send_mail($t->{port}, { from => 'user@example.test',
		to => "to\@$name.sink.test" },
		"Subject: $name\nFrom: a\@b.test\n\ntext\n") =~ /^250/
	    or fail("$name is accepted");
}
for my $case (@cases) {
	my ($name, undef, $status, $dsn, $why) = @$case;
	my $line = $t->wait_log(qr/to=<to\@$name\.sink\.test>.*status=/);

	like($line, qr/\bdsn=$dsn, status=$status \(.*$why/, "$name: $status");
}
my $bounced = grep { $_->[2] eq 'bounced' } @cases;
my @reports = $t->wait_maildir('user', $bounced);
is(scalar @reports, $bounced, 'a report for each that was refused');
for my $message (@reports) {
	my $report = eval { parse_report($message) } or do {
		fail('a report');
		diag($@, $message);
		next;
	};
	my $rcpt = $report->{recipients}[0];
	my ($name) = $rcpt->{'final-recipient'} =~ /to\@(\w+)\.sink\.test/;
	my ($case) = grep { $_->[0] eq $name } @cases;

	is($rcpt->{action}, 'failed', "$name: failed");
	like($rcpt->{status}, qr/^$case->[3]$/, "$name: status");
	is($rcpt->{'remote-mta'}, "dns; $ip", "$name: who said so");
	like($rcpt->{'diagnostic-code'},
		qr/^smtp; 500 5\.3\.0 Error: +command failed$/, "$name: what");
}
is(scalar(grep { !$waiting{$_} } $t->queue_ids('deferred')),
	scalar(grep { $_->[2] eq 'deferred' } @cases),
	'the others wait for the next attempt');

ok($t->stop, 'all processes end');
done_testing();
