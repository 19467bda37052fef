#!/usr/bin/perl
# More in the log: for a service, for a client, for a server; and a debugger.
use strict;
use warnings;

use IO::Socket::INET;
use Test::More;

use Barid::Test;

plan_installed(qw(sbin/barid libexec/barid/smtpd libexec/barid/smtp
	libexec/barid/local));

my $there = Barid::Test->new(main => { myhostname => 'there.test',
	virtual_mailbox_domains => 'there.test',
	virtual_mailbox_maps => 'inline:{ user@there.test=user/ }' });
my $here = Barid::Test->new(main => {
	relayhost => "[127.0.0.1]:$there->{port}",
	debug_peer_list => '127.0.0.2' });

# A message from this address of loopback.
sub submit
{
	my ($from, $word) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $here->{port}, LocalAddr => $from, Timeout => 10)
	    or die "connect from $from: $!\n";
	my $d = bless({ socket => $socket, got => '', last => '', sent => '',
		dead => '' }, 'Barid::Test::Dialogue');

	$d->expect(220);
	$d->send('HELO me')->expect(250);
	$d->send('MAIL FROM:<a@b.example>')->expect(250);
	$d->send('RCPT TO:<user@there.test>')->expect(250);
	$d->send('DATA')->expect(354);
	$d->send("Subject: $word\r\n\r\nsecret-$word\r\n.")->expect(250);
	$d->send('QUIT')->expect(221);
	return;
}

# The dialogue as this program logged it, without times; names are of no
# interest.
sub dialogue
{
	my ($program) = @_;

	return [ map { s/^.*?: debug: ([<>]) \S*\[(\S+)\]: /$1 $2 /r }
	    grep { m{/$program\[\d+\]: debug: [<>] } }
	    split /\n/, $here->log_text ];
}

$there->start;
$here->start;

subtest 'a client of many' => sub {
	submit('127.0.0.1', 'one');
	submit('127.0.0.2', 'two');
	ok($here->wait_log(qr/disconnect from \S+\[127\.0\.0\.2\]/), 'it leaves');
	is(scalar(my @two = $there->wait_maildir('user', 2)), 2,
		'both are delivered');
	is(scalar(grep { !/^[<>] 127\.0\.0\.2 / } @{ dialogue('smtpd') }), 0,
		'one is logged in detail');
	like(join("\n", @{ dialogue('smtpd') }),
		qr/^<\ 127\.0\.0\.2\ RCPT\ TO:<user\@there\.test>\n
		>\ 127\.0\.0\.2\ 250\ 2\.1\.5\ Ok\n
		<\ 127\.0\.0\.2\ DATA\n
		>\ 127\.0\.0\.2\ 354\ .*\n
		>\ 127\.0\.0\.2\ 250\ 2\.0\.0\ Ok:\ queued\ as\ \w+\n
		<\ 127\.0\.0\.2\ QUIT\n/mx, 'what it said and heard');
	is(scalar(@{ dialogue('smtp') }), 0, 'not the server');
};

subtest 'a server' => sub {
	$here->configure({ debug_peer_list => '127.0.0.0/29',
		debug_peer_level => 1 });
	ok($here->reload, 'reload');
	ok($here->wait_log(qr/reload|generation|configuration/), 'happens');
	$here->mark_log;
	# The process from before the reload may take what comes first.
	my $n = 3;
	ok(wait_until(60, sub {
		submit('127.0.0.9', 'no' . $n++);
		return $here->wait_log(
			qr/smtp\[\d+\]: debug: < \S+: 250 .*queued as \w+$/, 5);
	}), 'it is delivered');
	like(join("\n", @{ dialogue('smtp') }),
		qr/\A<\ 127\.0\.0\.1\ 220\ there\.test\ .*\n
		>\ 127\.0\.0\.1\ EHLO\ mx\.example\.test\n
		<\ 127\.0\.0\.1\ 250-there\.test\n(?:<.*\n)+
		>\ 127\.0\.0\.1\ MAIL\ FROM:<a\@b\.example>.*\n/x,
		'what it said and heard');
};

subtest 'a service, and a debugger' => sub {
	my $ran = "$here->{dir}/data/debugged";

	ok($here->stop, 'stopped');
	$here->configure({ debug_peer_list => '',
		debugger_command => "echo \$process_name \$process_id " .
		    ">$ran; tr ' ' '\\n' <$ran; exit 3" },
		{ "127.0.0.1:$here->{port}" =>
			'inet n - n - 1 smtpd -v -D -o { default_service_processes = 1 }' });
	$here->mark_log->start;
	my $line = $here->wait_log(qr/debugger_command: exit status 3/);
	my ($pid) = $line =~ /smtpd\[(\d+)\]/;

	is(read_file($ran), "smtpd $pid\n", 'it ran, for that process');
	submit('127.0.0.1', 'four');
	ok($here->wait_log(qr/smtpd\[$pid\]: debug: < \S+: QUIT/),
		'all dialogues are logged');
};

unlike($here->log_text, qr/secret-/, 'content is never logged');
ok($here->stop, 'all processes leave');
ok($there->stop, 'there too');
done_testing();
