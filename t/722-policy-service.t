#!/usr/bin/perl
# check_policy_service with real servers behind `dial`: what they are told, also
# beside what Debian's Postfix tells; connections that are kept; many questions
# at once; servers that are slow, silent, lying, dying or gone.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(sleep time);

use Barid::DNS;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/dial');

# --- A policy server ----------------------------------------------------------

# What it does with a question depends on the sender's local part.
my %answers = (
	dunno => "action=DUNNO\n\n", ok => "action=OK\n\n",
	reject => "action=550 5.7.9 not you\n\n",
	grey => "action=DEFER_IF_PERMIT 4.2.0 Greylisted\n\n",
	garbage => "\x16\x03\x01\xff\xfe not=the\x00protocol\n\n",
	two => "action=OK\naction=REJECT\n\n",
	none => "\n\n", no => "action\n\n",
	# One answer too many: it must not be taken for the next one's.
	more => "action=DUNNO\n\naction=OK\n\n",
	endless => 'x' x 200000,
);

sub answer_one
{
	my ($client, $said, $note) = @_;
	my ($what) = $said =~ /^sender=(\w+)/m;

	append_line($note, $said =~ s/\n/|/gr);
	return close($client) if $what eq 'close';
	return print {$client} "action=OK\n" if $what eq 'half';
	return if $what eq 'silent';
	# A byte now and then: none of them gives it more time.
	return map { syswrite($client, 'x'); sleep 0.3 } 1 .. 300
	    if $what eq 'drip';
	# Until it is told to.
	wait_until(100, sub { -e "$note.go" }) if $what eq 'slow';
	print {$client} $answers{$what} // "action=DUNNO\n\n";
}

sub append_line
{
	my ($path, $line) = @_;

	open(my $out, '>>', $path) or die "$path: $!\n";
	syswrite($out, "$line\n");
}

# All clients of the socket, each by itself.
sub serve
{
	my ($listener, $note) = @_;

	$SIG{CHLD} = 'IGNORE';
	while (my $client = $listener->accept) {
		append_line($note, 'connect');
		next if fork();
		alarm(120);
		my $said = '';

		$client->autoflush(1);
		while (sysread($client, $said, 65536, length $said)) {
			while ($said =~ s/^(.*?\n)\n//s) {
				answer_one($client, $1, $note);
			}
		}
		append_line($note, 'disconnect');
		POSIX::_exit(0);
	}
	return 0;
}

sub notes { return split /\n/, read_file($_[0]) // '' }
sub count { my ($path, $what) = @_; return scalar grep { $_ eq $what } notes($path) }

# --- Both of them ---------------------------------------------------------------

my $dns = Barid::DNS->new('client.test' => { MX => ['10 mx.client.test'],
	A => ['192.0.2.1'], NS => ['mx.client.test'] },
	'mx.client.test' => { A => ['192.0.2.1'] });
my $port = free_port();
my $unix_path;
my $t = Barid::Test->new(main => {
	virtual_mailbox_maps => 'inline:{ user@example.test=user/ }',
	smtpd_error_sleep_time => '0', smtpd_peername_lookup => 'no',
	smtpd_authorized_xclient_hosts => '127.0.0.1',
	smtpd_policy_service_retry_delay => '1s',
	smtpd_policy_service_timeout => '60s',
	smtpd_restriction_classes => 'by_inet by_unix by_patience by_nobody ' .
	    'by_default by_few bottom ' .
	    join(' ', map { "deep$_" } 0 .. 9),
	by_inet => "check_policy_service inet:127.0.0.1:$port",
	by_unix => 'check_policy_service unix:private/policy',
	by_patience => "check_policy_service { inet:127.0.0.1:$port, " .
	    'timeout=1s, try_limit=1, policy_context=hasty }',
	by_nobody => 'check_policy_service { unix:private/nobody, try_limit=1 }',
	by_default => 'check_policy_service { unix:private/nobody, ' .
	    'default_action=DUNNO, try_limit=1 }',
	by_few => "check_policy_service { inet:127.0.0.1:$port, " .
	    'request_limit=2, policy_context=few }',
	smtpd_end_of_data_restrictions => 'check_helo_access inline:{ ' .
	    'end.test=by_inet }',
	# Each table leads to the next class.
	(map { ("deep$_" => 'check_recipient_access inline:{ ' .
		'user@example.test=' . ($_ < 9 ? 'deep' . ($_ + 1) :
		'bottom') . ' }') } 0 .. 9),
	bottom => 'check_sender_mx_access inline:{ x=REJECT }, ' .
	    'check_sender_ns_access inline:{ x=REJECT }, ' .
	    'reject_rhsbl_sender bl.test, reject_unknown_sender_domain, ' .
	    "check_policy_service inet:127.0.0.1:$port",
	dns_test_server => $dns->server,
	smtpd_recipient_restrictions => 'check_helo_access inline:{ ' .
	    'deep0.test=deep0, deep2.test=deep2, ' .
	    join(', ', map { "$_.test=by_$_" } qw(inet unix patience nobody
	    default few)) . ' }, permit',
});
my $note = "$t->{dir}/note";

# The socket is the server's alone: it goes with it.
sub start_server
{
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		LocalPort => $port, Listen => 50, ReuseAddr => 1)
	    or die "listen: $!\n";

	return start_peer(sub { serve($listener, $note) });
}

my $server = start_server();

$t->start;
my $path = "$t->{dir}/queue/private/policy";
my $unix = IO::Socket::UNIX->new(Local => $path, Listen => 50)
    or die "$path: $!\n";
chmod(0666, $path);
start_peer(sub { serve($unix, $note) });

# The replies to RCPT for these senders, in one session.
sub replies
{
	my ($helo, @senders) = @_;
	my $c = $t->connect;
	my @replies;

	$c->read_reply(60);
	$c->send("EHLO $helo.test");
	$c->read_reply(60);
	for my $sender (@senders) {
		$c->send("MAIL FROM:<$sender\@client.test>");
		$c->read_reply(60);
		$c->send('RCPT TO:<user@example.test>');
		push @replies, $c->read_reply(60);
		$c->send('RSET');
		$c->read_reply(60);
	}
	$c->send('QUIT');
	return @replies;
}

my $ok = '250 2.1.5 Ok';
my $user = '<user@example.test>: Recipient address rejected:';
my $helo = sub { "<$_[0].test>: Helo command rejected:" };

subtest 'answers' => sub {
	for my $way (qw(inet unix)) {
		is_deeply([replies($way, qw(dunno ok reject grey dunno))],
			[$ok, $ok, '550 5.7.9 ' . $helo->($way) . ' not you',
			'450 4.2.0 ' . $helo->($way) . ' Greylisted', $ok],
			"by $way");
	}
};

subtest 'connections are kept' => sub {
	my $before = count($note, 'connect');

	replies('inet', ('dunno') x 20);
	cmp_ok(count($note, 'connect') - $before, '<=', 1,
		'twenty questions need one at most');
	my $then = count($note, 'connect');
	replies('few', ('dunno') x 6);
	is(count($note, 'connect') - $then, 3,
		'and three if it has two questions at most');
};

subtest 'a server that does not speak as it should' => sub {
	for my $what (qw(garbage two none no close endless)) {
		my ($first, $second) = replies('inet', $what, 'dunno');

		is($first, '451 4.3.5 ' . $helo->('inet') .
			' Server configuration problem', "$what: the default action");
		is($second, $ok, "$what: the next question is answered");
	}
	my @replies = replies('inet', 'more', 'reject');

	is($replies[1], '550 5.7.9 ' . $helo->('inet') . ' not you',
		'an answer too many is not taken for the next');
};

subtest 'a server that is silent or gone' => sub {
	my $start = time;

	is((replies('patience', 'silent'))[0], '451 4.3.5 ' .
		$helo->('patience') . ' Server configuration problem',
		'silent: in its own time');
	is((replies('patience', 'half'))[0], '451 4.3.5 ' .
		$helo->('patience') . ' Server configuration problem',
		'half an answer: the same');
	is((replies('patience', 'drip'))[0], '451 4.3.5 ' .
		$helo->('patience') . ' Server configuration problem',
		'a byte at a time: the same');
	cmp_ok(time - $start, '<', Barid::Test::limit(80),
		'and not in that of others');
	is((replies('nobody', 'ok'))[0], '451 4.3.5 ' . $helo->('nobody') .
		' Server configuration problem', 'gone');
	is((replies('default', 'reject'))[0], $ok,
		'gone, with a default action of its own');
	ok($t->wait_log(qr/warning: problem talking to server private\/nobody: /),
		'is logged');
};

# One slow answer holds up nobody else.
subtest 'many at once' => sub {
	my @clients = map { $t->connect } 1 .. 30;
	my $start = time;

	for my $i (0 .. $#clients) {
		my $c = $clients[$i];

		$c->read_reply(60);
		$c->send('EHLO inet.test');
		$c->read_reply(60);
		$c->send('MAIL FROM:<' . ($i < 10 ? 'slow' : 'reject') .
			'@client.test>');
		$c->read_reply(60);
	}
	$_->send('RCPT TO:<user@example.test>') for @clients;
	my @quick = map { $_->read_reply(60) } @clients[10 .. 29];
	write_file("$note.go", '');
	my @slow = map { $_->read_reply(60) } @clients[0 .. 9];

	is((grep { /^550 5\.7\.9/ } @quick), 20,
		'twenty hear their answer while ten are not answered');
	is((grep { $_ eq $ok } @slow), 10, 'and these hear theirs then');
	note(sprintf('%.2f s for all', time - $start));
};

# Attack cases, "state not reset after end-of-data restriction": the message
# after one that was refused at its end is asked about as well.
subtest 'after a refusal at the end' => sub {
	my $c = $t->connect;

	$c->read_reply(60);
	$c->send('EHLO end.test');
	$c->read_reply(60);
	for my $sender ('reject', 'dunno', 'reject') {
		for my $line ("MAIL FROM:<$sender\@end.test>",
			'RCPT TO:<user@example.test>', 'DATA') {
			$c->send($line);
			$c->read_reply(60);
		}
		$c->send("Subject: x\r\n\r\nx\r\n.");
		like($c->read_reply(60), $sender eq 'dunno' ? qr/^250 2\.0\.0 / :
			qr/^550 5\.7\.9 .*not you/, "$sender is obeyed");
	}
	my @of_us = grep { /protocol_state=END-OF-MESSAGE/ } notes($note);

	is(scalar @of_us, 3, 'three messages, three questions');
	my %instances = map { /instance=([^|]+)/ ? ($1 => 1) : () } @of_us;

	is(scalar keys %instances, 3, 'about three messages');
};

# Lists in lists, as deep as they may be, with a server at the bottom: there is
# stack for that.
subtest 'twenty lists deep' => sub {
	is((replies('deep2', 'reject'))[0], '550 5.7.9 <user@example.test>: ' .
		'Recipient address rejected: not you', 'is answered');
	is((replies('deep0', 'reject'))[0],
		'451 4.3.5 Server configuration error', 'more are too many');
};

# What was kept is dead when it is used: that costs nobody an answer.
subtest 'the server is started again' => sub {
	replies('inet', 'dunno');
	stop_peer($server);
	my ($down) = replies('inet', 'dunno');
	my $again;

	is($down, '451 4.3.5 ' . $helo->('inet') .
		' Server configuration problem', 'while it is down') or
	    note($down);
	$server = start_server();
	is((replies('inet', 'dunno'))[0], $ok, 'and when it is back');
};

# --- What it is told ----------------------------------------------------------------

# The attributes of each question, in their order, without what differs by
# nature.
sub questions
{
	my @asked = grep { /^request=/ } notes($_[0]);

	s/\binstance=[0-9a-f.]+\|/instance=I|/, s/\bqueue_id=\w+\|/queue_id=Q|/,
	    s/\bclient_port=\d+\|/client_port=P|/,
	    s/\bserver_port=\d+\|/server_port=P|/,
	    # Of later releases than Debian's.
	    s/\bcompatibility_level=[^|]*\|mail_version=[^|]*\|// for @asked;
	return @asked;
}

subtest 'the questions are those of Postfix' => sub {
	my $our_note = "$t->{dir}/our-note";
	my $their_note = "$t->{dir}/their-note";
	my ($ours, $theirs) = map { IO::Socket::INET->new(Listen => 50,
		LocalAddr => '127.0.0.1', LocalPort => free_port(),
		ReuseAddr => 1) } 1, 2;
	my %main = (smtpd_authorized_xclient_hosts => '127.0.0.1',
		smtpd_policy_service_policy_context => 'all of them',
		virtual_mailbox_domains => 'example.test',
		virtual_mailbox_maps => 'regexp:{{/./ user/}}',
		smtpd_delay_reject => 'no', smtpd_peername_lookup => 'no');
	my $with = sub {
		my ($port) = @_;

		return (%main, map { ("smtpd_${_}_restrictions" =>
			"check_policy_service inet:127.0.0.1:$port") }
			qw(client helo sender recipient data end_of_data
			etrn));
	};
	my $postfix = start_postfix({ $with->($theirs->sockport) })
	    or plan(skip_all => 'no Postfix');
	my $other = Barid::Test->new(main => { $with->($ours->sockport) });

	start_peer(sub { serve($ours, $our_note) });
	start_peer(sub { serve($theirs, $their_note) });
	$other->start;
	for my $server ($postfix, $other) {
		my $c = smtp_connect('127.0.0.1', $server->{port});

		$c->read_reply(60);
		for my $line ('XCLIENT NAME=c.test ADDR=192.0.2.7 ' .
			'REVERSE_NAME=r.test PORT=77 DESTADDR=198.51.100.1 ' .
			'DESTPORT=25', 'EHLO me.test', 'ETRN example.test',
			'MAIL FROM:<dunno@client.test> SIZE=100',
			'RCPT TO:<a@example.test>', 'RCPT TO:<b@example.test>',
			'DATA', "Subject: x\r\n\r\nx\r\n.", 'EHLO again.test',
			'MAIL FROM:<>', 'RCPT TO:<"c d"@example.test>', 'DATA',
			"Subject: x\r\n\r\n" . "x\r\n" x 100 . '.',
			'MAIL FROM:<dunno@client.test>',
			'RCPT TO:<a@example.test>', "BDAT 3\r\nx",
			"BDAT 3 LAST\r\ny", 'QUIT') {
			$c->send($line);
			$c->read_reply(60);
		}
	}
	my @asked = questions($their_note);
	my @by_us = questions($our_note);
	# Who looked whether they are up was a client too.
	shift @asked while @asked && $asked[0] !~ /=c\.test\|/;
	shift @by_us while @by_us && $by_us[0] !~ /=c\.test\|/;

	cmp_ok(scalar @asked, '>=', 10, 'there are some');
	is_deeply([map { [split /\|/] } @by_us], [map { [split /\|/] } @asked],
		'the same, attribute by attribute');
};

done_testing;
