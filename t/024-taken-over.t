#!/usr/bin/perl
# Case 90 of the attacks: an smtpd and an smtp that were taken over.  t/intruder
# has their accounts and their changed root, but no other layer of the sandbox,
# and speaks the internal protocol; t/false_agent stands in smtp's place, with
# all of its sandbox, and lies.  Nothing is to be gained: no mail, no table of
# passwords, no socket of others, no process; no daemon dies of it.
#
# BARID_SCALE=N: N times as many damaged frames; 230 are a million.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use JSON::PP;
use POSIX qw();
use Test::More;

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd');

my $scale = $ENV{BARID_SCALE} // 1;
my $seed = $ENV{BARID_SEED} // 20261130;
my $build = $ENV{BARID_BUILD};

alarm(300 * $scale) if $scale > 1;

# All daemons as they are, but for smtp.
my $daemons = File::Temp::tempdir('/tmp/bd.XXXXXX', CLEANUP => 1);
chmod(0755, $daemons);
for my $path (glob installed('libexec/barid/*')) {
	my ($name) = $path =~ m{([^/]+)$};
	my $program = $name eq 'smtp' ? "$build/t/false_agent" : $path;

	symlink($program, "$daemons/$name");
}

my $t = Barid::Test->new(main => {
	daemon_directory => $daemons,
	local_recipient_maps => 'proxy:unix:passwd.byname',
	smtp_sasl_password_maps => 'unix:group.byname',
	mydestination => 'mx.example.test',
	queue_run_delay => '300s', minimal_backoff_time => '300s',
});
my $queue = "$t->{dir}/queue";

$t->start;

# --- What may be asked ---------------------------------------------------------

my @messages = do {
	my $text = read_file(top_folder() . '/lib/ipc/messages.h') // '';
	$text =~ /^\tM\((\w+),/mg;
};
cmp_ok(scalar @messages, '>', 30, 'the messages are known');

# As doc/architecture.md has it; all else is closed.
my %may = (
	'barid-smtpd' => {
		cleanup => 'submit', rewrite => 'rewrite route srs_ask',
		lookup => 'table_ask', resolve => 'dns_ask peer_name host_ask',
		dial => 'dial', anvil => 'anvil anvil_restate', qmgr => 'flush',
		state => 'verify_ask state_ask state_tell state_swap state_count',
	},
	'barid-smtp' => {
		lookup => 'table_ask', resolve => 'dns_ask peer_name host_ask',
		dial => 'dial', qmgr => 'late_delivered flush',
	},
);

# The intruder, one line for each command.
sub intrude
{
	my ($account, @commands) = @_;
	my $done = run_command({ stdin => join('', map { "$_\n" } @commands),
		timeout => 120 * ($scale > 1 ? $scale : 1) }, "$build/t/intruder",
		$account ? ('-u', $account, '-r') : (), $queue);

	diag($done->{err}) if $done->{err} ne '';
	return map { s/^\Q$_->[0]\E: //r } map { [ $_ ] } () unless @commands;
	my @lines = split /\n/, $done->{out};
	return map { my $line = $lines[$_] // 'no answer';
		substr($line, 0, length($commands[$_]) + 2) eq
		    "$commands[$_]: " ?
		    substr($line, length($commands[$_]) + 2) : $line
	} 0 .. $#commands;
}

# The ones of which the answer is not as the regex says.
sub check_answers
{
	my ($name, $account, @cases) = @_;
	my @answers = intrude($account, map { $_->[0] } @cases);
	my @wrong = map { $answers[$_] =~ $cases[$_][1] ? () :
		"$cases[$_][0]: $answers[$_]" } 0 .. $#cases;

	is(join("\n", @wrong), '', $name);
}

sub log_since { return substr($t->log_text, $t->{mark}) }

sub check_alive
{
	my ($name) = @_;

	unlike(log_since(),
		qr/killed by signal|exit status [^0]|Assertion|throttling|Sanitizer/,
		"$name: no daemon died");
	my @bad = grep { !/^\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ (?:postfix[\/\w-]*|smtpd?!)\[\d+\]: / ||
	    /[^\t -~]/ } split /\n/, log_since();
	is("@bad[0 .. ($#bad < 2 ? $#bad : 2)]", '',
		"$name: each line of the log is one of ours");
}

# Whatever it is told, no process grows: nothing of a damaged frame is kept.
sub check_small
{
	my ($name) = @_;
	my %kib = map {
		my ($kib) = (read_file("/proc/$_->{pid}/status") // '') =~
		    /^VmRSS:\s+(\d+)/m;
		("$_->{name} $_->{pid}" => $kib // 0)
	} values %{ $t->processes };

	my ($largest) = sort { $kib{$b} <=> $kib{$a} } keys %kib;
	note("the largest is $largest: $kib{$largest} KiB");
	is(join(' ', grep { $kib{$_} > 65_536 } sort keys %kib), '',
		"$name: no process has grown") unless is_checks_build();
}

sub received { return scalar(my @mail = $t->read_maildir('user')) }

sub check_served
{
	my ($name) = @_;
	my $before = received();

	like(send_mail($t->{port}, { from => 'a@b.test',
		to => 'user@example.test' }, "Subject: served\n\nx\n"),
		qr/^250 /, "$name: mail is taken");
	is(scalar(my @mail = $t->wait_maildir('user', $before + 1)),
		$before + 1, "$name: and delivered");
}

# A listener that nobody names.
my $loopback = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1');
my $port = $loopback->sockport;

SKIP: {
	skip('attack 90: accounts of their own are for root', 1) if $> != 0;
	# Mail that is waiting: what there is to steal.
	my $secret = 'The treasure is below the oak';
	like(send_mail($t->{port}, { from => 'user@example.test',
		to => 'keep@false.test' }, "Subject: x\n\n$secret\n"),
		qr/^250 /, 'mail that waits');
	$t->wait_log(qr/lied of keep/);
	my ($waiting) = $t->queue_ids;
	ok($waiting, 'it is in the queue');
	my %others = map { $_->{name} => $_->{pid} }
	    grep { $_->{name} !~ /^smtpd?$/ } values %{ $t->processes };

	for my $account ('barid-smtpd', 'barid-smtp') {
		my $may = $may{$account};

		$t->mark_log;
		subtest "attack 90: $account and files" => sub {
			my @folders = qw(active incoming deferred hold
			    maildrop corrupt);

			check_answers('nothing is read', $account,
				map { [ $_, qr/denied|No such|not permitted|Not a dir|Is a dir/ ] }
				(map { ("list $_", "read $_/$waiting",
				    "write $_/x", "write $_/$waiting") } @folders),
				"read pid/qmgr.lock", "read ../etc/passwd",
				"read /etc/passwd", "read ../../../../etc/shadow",
				"write pid/x", "write private/x", "write public/x",
				"write x", "write empty/x", "read proc/self/environ",
				"write private/cleanup");
			check_answers('no process is reached', $account,
				map { [ $_, qr/not permitted|No such/ ] }
				map { ("kill $_", "trace $_") } $t->{pid},
				values %others);
		};
		subtest "attack 90: $account and every message" => sub {
			my @cases;

			for my $path (glob "$queue/private/* $queue/public/*") {
				my ($socket) = $path =~ m{((?:private|public)/.*)$};
				my ($service) = $socket =~ m{/(.*)$};

				# Datagrams; and who tells its list to anybody.
				next if $service =~ /^(log|postlog)$/;
				for my $message (@messages) {
					my $fine = $socket =~ m{^private/} &&
					    " $may->{$service} " =~ / $message /
					    if $may->{$service};
					next if $fine;
					push @cases, [ "ask $socket $message",
						qr/^(closed|refused)$/ ];
				}
			}
			cmp_ok(scalar @cases, '>', 500, 'many are forbidden');
			check_answers('each is', $account, @cases);
			check_alive('afterwards');
		};
		subtest "attack 90: $account and what it may ask" => sub {
			my $smtpd = $account eq 'barid-smtpd';
			my @cases = (
				(map { [ "ask private/dial dial endpoint=$_",
				    qr/^dialled status=[1-9].*not%20in%20the/ ] }
				"inet:127.0.0.1:$port", "inet:localhost:$port",
				'unix:private/qmgr', 'unix:private/cleanup',
				'unix:/run/dbus/system_bus_socket',
				'unix:../../x', 'unix:%00', '',
				'inet:[::1]:25', '*60000:x', 'unix:',
				"inet:127.0.0.1:$port%00x"),
				(map { [ "ask private/lookup table_ask table=$_ key=root",
				    qr/^table_answer status=[1-9].* found=0 value=$/ ] }
				'hash:/etc/shadow', 'texthash:/etc/passwd',
				'unix:group.byname/../x', 'proxy:unix:group.byname',
				'pipemap:{unix:group.byname}', '',
				'*60000:x', 'inline:{a=b}',
				$smtpd ? 'unix:group.byname' : ()),
				[ 'ask private/lookup table_ask table=unix:passwd.byname key=root',
				    qr/found=1/ ],
				$smtpd ? () : [ 'ask private/lookup table_ask table=unix:group.byname key=daemon',
				    qr/found=1/ ],
				(map { [ "ask private/resolve dns_ask name=$_ type=1",
				    qr/^dns_answer status=[1-9]/ ] }
				'a%00b', '*300:a.', '*60000:x', 'a..b', '%FF'),
				[ 'ask private/resolve peer_name address=../../etc/hosts',
				    qr/^peer_named status=[1-9]/ ],
			);
			if ($smtpd) {
				push @cases,
				    (map { [ "ask private/qmgr flush what=$_ value=$waiting",
					qr/^result status=[1-9]/ ] }
				    'all', 'id', 'x', ''),
				    [ 'ask private/qmgr flush what=site value=b.test',
					qr/^result status=0/ ],
				    [ 'ask private/rewrite route sender=x address=*60000:%00',
					qr/^(routed|closed)/ ];
			} else {
				push @cases,
				    (map { [ "ask private/qmgr late_delivered file=$_ queue_id=$waiting seal=%00%00%00%00%00%00%00%00 outcomes=stolen",
					qr/^(result status=[12]|closed)/ ] }
				    qw(null zero pipe socket folder self));
			}
			check_answers('it is told nothing', $account, @cases);
			ok(!IO::Select->new($loopback)->can_read(0.2),
				'nobody was connected');
			check_alive('afterwards');
		};
		subtest "attack 90: $account and submissions" => sub {
			plan(skip_all => 'only smtpd submits')
			    if $account ne 'barid-smtpd';
			my $mail = 'sender=a@b.test rcpts=user@example.test ' .
			    'whole=1 context=remote arrival_us=1700000000000000 ' .
			    'content=Subject:%20forged%0D%0A%0D%0Ax%0D%0A';
			my $ask = 'ask private/cleanup submit';
			my $before = received();

			check_answers('forged envelopes are refused', $account,
				map { [ $_, qr/^(submitted status=[12] code=[45]|closed)/ ] }
				(map { "$ask $mail origin=smtpd queue_id=$_" }
				'../../hold/ABCDEF', 'ABC', '', '*60:A', 'ABCDEF%00',
				'ABC/DEF12', 'ABCDEF.new', $waiting =~ s/^/../r),
				(map { "$ask $mail origin=$_" } qw(pickup bounce
				    local qmgr), ''),
				(map { "$ask $mail origin=smtpd $_" }
				'context=root', 'helo=x%0D%0AX-Evil:', 'ret=7',
				'ret=-1', 'client_name=%00', 'envid=%0Ax',
				'full_name=x%0D%0ABcc:%20a@b', 'arrival_us=-5',
				'sender=a%0Ab@c', 'rcpts=a%0Ab@c',
				'rcpts=*3000:x', 'sender=*3000:x'));
			is(received(), $before, 'nothing of it is delivered');
			check_answers('flags of others are not heard', $account,
				[ "$ask $mail origin=smtpd flags=0xffff arrival_us=0x7fffffffffffffff",
				    qr/^submitted status=0 code=250/ ]);
			is(scalar(my @got = $t->wait_maildir('user', $before + 1)),
				$before + 1, 'it is delivered, not only tried');
			# The ID of one that waits.
			my ($path) = glob "$queue/deferred/?/$waiting";
			my $was = read_file($path // '');

			intrude($account, "$ask $mail origin=smtpd queue_id=$waiting");
			ok(wait_until(10, sub { !-e "$queue/active/$waiting" }),
				'one by the name of another ends');
			is(read_file($path) // '', $was // 'x',
				'and the other is as it was');
			like($t->wait_log(qr/\b$waiting: .*moved to corrupt/),
				qr/another message has its ID/, 'it is put aside');
			$t->mark_log;
			is($t->tool('postqueue', '-i', $waiting)->{exit}, 0,
				'the other one is tried again');
			ok($t->wait_log(qr/$waiting: lied of keep/),
				'for it is known');
			check_alive('afterwards');
		};
		subtest "attack 90: $account and the log" => sub {
			my $own = $account =~ s/barid-//r;

			intrude($account, map { "log $_" }
			    '1%201%201%20postfix/qmgr%20FORGED%201',
			    '1%201%201%20postfix/master%20FORGED%202%0A',
			    '1%201%201%20sshd%20FORGED%203%0A',
			    '1%201%201%20x%0Asshd[1]:%20FORGED%204%0A',
			    "1%201%201%20postfix/$own%20FORGED%1B[2J%0D%205%0A",
			    '*60000:%FF', '%00', '*10000:1%201%201%20x%20%0A');
			like($t->wait_log(qr/FORGED.* 5/),
				qr{postfix/$own\[\d+\]: FORGED\\x1B},
				'its own line is cleaned');
			is(join("\n", grep { /FORGED/ &&
				!m{ (?:postfix/$own|\Q$own\E!)\[\d+\]: } }
			    split /\n/, log_since()), '',
				'nothing is under the name of another');
			check_alive('afterwards');
		};
		subtest "attack 90: damaged frames from $account" => sub {
			my @targets = grep { -S "$queue/private/$_" }
			    sort keys %$may;
			my $n = 400 * $scale;
			my $i = 0;

			$t->mark_log;
			my @done = intrude($account, map {
				"fuzz private/$_ " . ($seed + $i++) . " $n"
			} @targets);
			is(scalar(grep { /^$n frames/ } @done), scalar @targets,
				'all are sent') or diag("@done");
			note("$targets[$_]: $done[$_]") for 0 .. $#targets;
			check_small('afterwards');
			check_alive('afterwards');
			check_served('afterwards');
		};
	}
	is_deeply([ grep { /\Q$secret\E/ } $t->read_maildir('user') ], [],
		'the mail that waits is not anywhere');
	$t->tool('postsuper', '-d', 'ALL');
}

# --- An agent that lies --------------------------------------------------------

sub lie
{
	my ($lie, @more) = @_;

	$t->mark_log;
	like(send_mail($t->{port}, { from => 'user@example.test',
		to => [ "$lie\@false.test", @more ] },
		"Subject: about $lie\n\nx\n"), qr/^250 /, "$lie: taken");
	my $line = $t->wait_log(qr/lied of \Q$lie\E\@/);
	like($line, qr/is read-only/, "$lie: its descriptor only reads");
	my ($id) = $line =~ /: (\w+): lied/;
	return $id;
}

sub wait_deferred
{
	my ($id) = @_;

	return wait_until(10, sub { -e (glob "$queue/deferred/?/$id")[0] });
}

unlink(glob "$t->{dir}/mail/user/new/*");
subtest 'attack 90: a reason that would break the report' => sub {
	my $id = lie('bounce');
	my ($report) = $t->wait_maildir('user', 1);
	ok($report, 'there is a report') or return;
	unlike($report, qr/^(?:Injected|X-Dsn|From evil)/mi, 'no line is new');
	unlike($report, qr/[\x00\x1b\x7f\x80-\xff]/, 'nothing for a terminal');
	like($report, qr/^Status: 5\.\d+\.\d+\r?$/m, 'its status is one');
	check_alive('bounce');
};
unlink(glob "$t->{dir}/mail/user/new/*");

subtest 'attack 90: a reason that would break the list' => sub {
	my $id = lie('defer');
	ok(wait_deferred($id), 'deferred');
	my $list = $t->tool('postqueue', '-p')->{out};
	like($list, qr/^\Q$id\E/m, 'listed');
	unlike($list, qr/[^\n -~]/, 'nothing for a terminal');
	unlike($list, qr/^(?:Injected|From evil)/m, 'no line is new');
	my @json = split /\n/, $t->tool('postqueue', '-j')->{out};
	ok((grep { eval { decode_json($_)->{queue_id} eq $id } } @json) == 1 &&
		!(grep { !eval { decode_json($_) } } @json), 'as JSON too');
	is($t->tool('postcat', '-q', $id)->{exit}, 0, 'postcat shows it');
	check_alive('defer');
};

subtest 'attack 90: outcomes for recipients of others' => sub {
	my $id = lie('others', 'user@example.test');
	is(scalar(my @got = $t->wait_maildir('user', 1)), 1,
		'the other gets it');
	ok(wait_deferred($id), 'its own waits');
	like($t->tool('postqueue', '-p')->{out}, qr/others\@false\.test/,
		'and is listed');
	like(log_since(), qr/outcome of no recipient/, 'it is told');
	check_alive('others');
};

for my $lie (qw(odd twice long garbage)) {
	subtest "attack 90: outcomes that are $lie" => sub {
		my $id = lie($lie);
		ok(wait_deferred($id), 'the recipient waits');
		like($t->tool('postqueue', '-p')->{out},
			qr/\Q$lie\E\@false\.test/, 'and is listed');
		check_alive($lie);
	};
}

subtest 'attack 90: outcomes that come late' => sub {
	lie('keep');
	my $id = lie('late');
	ok($t->wait_log(qr/late lies are told/), 'all are told');
	my %ends = log_since() =~ /\]: late ([a-z' ]+): ([a-z ]+)$/mg;
	is(scalar(keys %ends), 10, 'ten lies');
	is(join(', ', grep { $ends{$_} =~ /taken/ } sort keys %ends), '',
		'none is believed') or diag(explain(\%ends));
	ok(wait_deferred($id), 'the recipient waits');
	ok($t->wait_log(qr/master\[.*unknown record/), 'master hears oddities');
	is(scalar(() = log_since() =~ /unknown record|service smtp: exec/g), 1,
		'and tells it once');
	check_alive('late');
};

subtest 'attack 90: a descriptor that is kept' => sub {
	is($t->tool('postsuper', '-d', 'ALL')->{exit}, 0, 'all are deleted');
	ok($t->wait_queue_empty, 'and gone');
	check_served('afterwards');
};

ok($t->stop(seconds => 60), 'stop');
done_testing();
