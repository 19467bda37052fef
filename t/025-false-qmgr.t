#!/usr/bin/perl
# Case 90 of the attacks, from the other side: a qmgr that was taken over (t/intruder
# with its account, which alone may ask for deliveries) tells the delivery agents and
# bounce what is not so: files that are none, layouts and sizes that are not those of
# the file, recipients that there are not, names with lines in them; and damaged
# frames.  No agent dies or grows, none writes anywhere but into a mailbox of its
# tables, nothing becomes a line of a message or of the log, and mail is served.
#
# BARID_SCALE=N: N times as many damaged frames.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use Barid::Capture;
use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd');
plan(skip_all => 'accounts of their own are for root') if $> != 0;

my $scale = $ENV{BARID_SCALE} // 1;
my $seed = $ENV{BARID_SEED} // 20261201;
my $build = $ENV{BARID_BUILD};

alarm(300 * $scale) if $scale > 1;

my %sink = (smtp => Barid::Capture->new(dsn => 1),
	lmtp => Barid::Capture->new(dsn => 1, lmtp => 1));
my $t = Barid::Test->new(main => {
	mydestination => 'mx.example.test', local_recipient_maps => '',
	smtpd_sender_restrictions =>
	    'check_sender_access inline:{ {hold@b.test=HOLD} }',
	queue_run_delay => '300s',
});
my $queue = "$t->{dir}/queue";
my @agents = qw(virtual local smtp lmtp);
# Where each may deliver to.
my %rcpt = (virtual => 'user@example.test', local => 'nobody@mx.example.test',
	smtp => 'x@far.test', lmtp => 'x@far.test');
my %next_hop = map { $_ => '[127.0.0.1]:' . $sink{$_}->port } keys %sink;
$next_hop{$_} = 'example.test' for qw(virtual local);

# Nothing of the machine's own.
mkdir("$t->{dir}/spool");
chmod(01777, "$t->{dir}/spool");
$t->configure({ mail_spool_directory => "$t->{dir}/spool" });

$t->start;

sub intrude
{
	my (@commands) = @_;
	my $done = run_command({ stdin => join('', map { "$_\n" } @commands),
		timeout => 120 * $scale }, "$build/t/intruder", '-u', 'barid',
		$queue);
	my @lines = split /\n/, $done->{out};

	diag($done->{err}) if $done->{err} ne '';
	return map { ($lines[$_] // 'no answer') =~ s/^\Q$commands[$_]\E: //r }
	    0 .. $#commands;
}

sub check_unharmed
{
	my ($name) = @_;
	my @log = split /\n/, substr($t->log_text, $t->{mark});
	my @grown = grep {
		my ($kib) = (read_file("/proc/$_->{pid}/status") // '') =~
		    /^VmRSS:\s+(\d+)/m;
		($kib // 0) > 65_536;
	} values %{ $t->processes };

	is(join("\n", grep { /killed by signal|exit status [^0]|Assertion|throttling|Sanitizer/ }
		@log), '', "$name: no daemon died");
	is(join("\n", grep { /[^\t -~]/ || !/^\w{3} [ \d]\d [\d:]{8} \S+ postfix/ }
		@log), '', "$name: each line of the log is one of ours");
	is(join(' ', map { $_->{name} } @grown), '', "$name: none has grown")
	    unless is_checks_build();
	is(join(' ', glob("$t->{dir}/mail/*")), join(' ',
		grep { -e } "$t->{dir}/mail/user"),
		"$name: nothing is there but the user's mailbox");
	my @evil = grep { /^(?:X-Evil|>?From evil)/m } $t->read_maildir('user'),
	    (map { read_file($_) } glob "$t->{dir}/spool/*"),
	    map { ($_->{from}, $_->{content}, @{ $_->{to} }) }
	    map { $_->messages } values %sink;
	is(scalar @evil, 0, "$name: nothing became a line of a message");
}

sub check_served
{
	my ($name) = @_;
	my $before = () = $t->read_maildir('user');

	like(send_mail($t->{port}, { from => 'a@b.test',
		to => 'user@example.test' }, "Subject: served\n\nx\n"),
		qr/^250 /, "$name: mail is taken");
	is(scalar(() = $t->wait_maildir('user', $before + 1, 30)),
		$before + 1, "$name: and delivered");
}

check_served('before');
like(send_mail($t->{port}, { from => 'hold@b.test',
	to => 'user@example.test' }, "Subject: held\n\nheld\n"),
	qr/^250 /, 'mail that is held');
my ($held) = $t->queue_ids('hold');
ok($held, 'it is in the queue');
my $bytes = read_file("$queue/hold/$held");
my @before = $t->read_maildir('user');

# --- Files that are none ------------------------------------------------------------

for my $agent (@agents) {
	subtest "attack 90: $agent is given other files" => sub {
		my @commands = map { "ask private/$agent deliver file=$_ " .
			"transport=$agent nexthop=$next_hop{$agent} " .
			"sender=a\@b.test rcpts=$rcpt{$agent} " .
			'layout=x size=100' }
		    qw(null zero pipe socket folder self none at:/etc/passwd);
		my @answers = intrude(@commands);

		$t->mark_log;
		is(join("\n", map { "$commands[$_]: $answers[$_]" } grep {
			$answers[$_] !~ /^(?:closed|delivered )/ ||
			    $answers[$_] =~ /2\.0\.0/
		    } 0 .. $#answers), '', 'it says that it did not deliver');
		is(scalar(() = $t->read_maildir('user')), scalar @before,
			'nothing is delivered');
		check_unharmed($agent);
	};
}

subtest 'attack 90: bounce is given other files' => sub {
	$t->mark_log;
	my @answers = intrude(map {
		my $file = $_;
		map { "ask private/bounce report file=$file queue_id=$held " .
			"kind=$_" } 0, 3, -1, 77
	} qw(null zero pipe socket folder self none at:/etc/passwd));

	is(scalar(grep { !/^(?:closed|result status=[1-9]\d*)/ } @answers), 0,
		'no report is made') or diag(join "\n", @answers);
	check_unharmed('bounce');
};

# --- The file of a message, and lies of it --------------------------------------------

my $evil = 'a%0D%0AX-Evil:%20yes%0D%0A%0D%0AFrom%20evil';
my @lies = (
	'layout=', 'layout=x', 'layout=*60000:%FF', 'layout=*9:%00',
	'size=-1', 'size=0x7fffffffffffffff', 'size=0',
	'arrival_us=-1', 'arrival_us=0x7fffffffffffffff', 'active_us=-5',
	'flags=0xffffffff', 'flags=-1', 'ret=77', 'ret=-1',
	"sender=$evil\@b.test", 'sender=*3000:x', 'sender=%00',
	"queue_id=$evil", 'queue_id=../../x', 'queue_id=', 'queue_id=*3000:A',
	"transport=$evil", 'transport=../../x', 'transport=*3000:x',
	"nexthop=$evil", 'nexthop=unix:private/qmgr', 'nexthop=*3000:x',
	'nexthop=[', "envid=$evil", 'envid=*3000:x', "client_name=$evil",
	"client_addr=$evil", "helo=$evil", "protocol=$evil", "seal=$evil",
	'seal=*60000:x',
	'rcpts=', "rcpts=$evil\@example.test", 'rcpts=../../etc/x@example.test',
	'rcpts=nobody@example.test', 'rcpts=*3000:x', 'rcpts=%00@example.test',
	'rcpts=/etc/passwd', 'rcpts=|id', 'rcpts=root', 'rcpts=root@mx.example.test',
	'rcpts=*20000:user@example.test%2C',
	'rcpts=' . join(',', ('user@example.test') x 500),
);
for my $agent (@agents) {
	subtest "attack 90: $agent hears what is not so" => sub {
		$t->mark_log;
		my @commands = map {
			my ($field) = /^(\w+)=/;
			my %said = (transport => $agent,
				nexthop => $next_hop{$agent}, sender => 'a@b.test',
				rcpts => $rcpt{$agent}, queue_id => $held,
				size => 300);

			delete $said{$field};
			join(' ', "ask private/$agent deliver",
				"file=at:hold/$held",
				(map { "$_=$said{$_}" } sort keys %said), $_);
		} @lies;
		my @answers = intrude(@commands);
		is(join("\n", map { substr("$commands[$_]: $answers[$_]", 0, 300) }
			grep { $answers[$_] !~ /^(?:closed|delivered |too long)/ }
			0 .. $#answers), '', 'it answers, or ends that');
		check_unharmed($agent);
		check_served($agent);
	};
}
is(read_file("$queue/hold/$held"), $bytes, 'the file is as it was');

# --- Damaged frames --------------------------------------------------------------------

subtest 'attack 90: damaged frames from qmgr' => sub {
	my @targets = grep { -S "$queue/private/$_" } @agents,
	    qw(bounce rewrite cleanup state);
	my $n = 200 * $scale;
	my $i = 0;

	$t->mark_log;
	my @done = intrude(map { "fuzz private/$_ " . ($seed + $i++) . " $n" }
	    @targets);
	is(scalar(grep { /^$n frames/ } @done), scalar @targets, 'all are sent')
	    or diag("@done");
	check_unharmed('frames');
	check_served('afterwards');
};

cmp_ok(scalar(my @taken = $sink{$_}->messages), '>', 10,
	"what $_ believed was sent") for sort keys %sink;
is($t->tool('postsuper', '-H', $held)->{exit}, 0, 'what was held is released');
ok($t->wait_log(qr/$held: removed/, 30), 'and delivered');
ok($t->stop(seconds => 60), 'stop');
done_testing();
