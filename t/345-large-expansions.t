#!/usr/bin/perl
# Lists of lists, by virtual aliases and by aliases of local: everybody gets the
# message, once, and the memory of who expands them does not grow with their
# number.
#
# BARID_SCALE=N has N times as many members (25: a million).
use strict;
use warnings;

use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/local');

my $EACH = 1000;
my $lists = (is_checks_build() ? 4 : 40) * ($ENV{BARID_SCALE} // 1);
my $members = $lists * $EACH;
# What local makes is delivered, which takes longer.
my $few = (is_checks_build() ? 2 : 6) * ($ENV{BARID_SCALE} // 1);
my $GROWTH = 8 << 20; # bytes
my $PER_MEMBER = 28;  # what is remembered of each

my $t = Barid::Test->new(main => {
	myorigin => 'local.test', mydestination => 'local.test',
	local_recipient_maps => '', default_transport => 'discard:',
	virtual_alias_expansion_limit => 2 * $members,
	duplicate_filter_limit => 0,
	header_checks => 'regexp:{{/^X-Copy: (.*)/ BCC $$1}' .
	    ' {/^X-Instead: (.*)/ REDIRECT $$1} {/^X-Hold/ HOLD}}',
	smtpd_relay_restrictions => 'permit_mynetworks reject',
});

# All lists of one, and who is in each; the first of each is in the next too.
sub lists_of
{
	my ($domain, $at, $lists) = @_;

	return join('', 'all' . $at . ' ' .
	    join(', ', map { "list$_$at" } 1 .. $lists) . "\n", map {
		my $list = $_;

		"list$list$at " . join(', ', map { "u$_\@$domain" }
		    (($list - 2) * $EACH + 1) x ($list > 1),
		    ($list - 1) * $EACH + 1 .. $list * $EACH) . "\n"
	} 1 .. $lists);
}

$t->configure({ virtual_alias_maps =>
	    $t->table('hash', 'virtual', lists_of('v.test', '@example.test', $lists)),
	alias_maps => 'texthash:' .
	    $t->etc('aliases', lists_of('a.test', '', $few) .
	    "two v\@b.test, w\@b.test\n") });
$t->start;

sub submit
{
	my ($to, $head, $lines) = @_;
	my $s = smtp_connect('127.0.0.1', $t->{port});
	my $said = $s->read_reply(60);

	for my $line ('EHLO client.test', 'MAIL FROM:<x@far.test>',
		"RCPT TO:<$to>", 'DATA', "${head}Subject: x\r\n\r\n" .
		('x' x 70 . "\r\n") x $lines . '.') {
		$s->send($line);
		$said = $s->read_reply(300);
	}
	like($said, qr/^250 /, "to $to");
	$s->send('QUIT');
	$s->read_reply(60);
}

# The most that processes of this program ever had, in bytes, by process.
sub peaks
{
	my ($program) = @_;

	return map {
		my ($kib) = (read_file("/proc/$_/status") // '') =~
		    /^VmHWM:\s+(\d+)/m;
		($_ => ($kib // 0) * 1024)
	} $t->pids_of($program);
}

# Each once, and nobody else?
sub check_seen
{
	my ($what, $n, %seen) = @_;

	is(scalar(keys %seen), $n, "$what: all of them, and nobody else");
	is(scalar(grep { $_ > 1 } values %seen), 0, "$what: each once");
}

# Who would get the message that is on hold, which is then deleted.
sub check_held
{
	my ($n, $what) = @_;
	my ($id) = $t->queue_ids('hold');
	my $text = $t->tool({ timeout => 120 }, 'postcat', '-q', '-e',
	    $id // 'none')->{out};
	my %seen;

	$seen{$1}++ while $text =~ /^recipient: u(\d+)\@v\.test$/mg;
	check_seen($what, $n, %seen);
	$t->tool('postsuper', '-d', 'ALL');
}

sub check_growth
{
	my ($program, %before) = @_;
	my $allowed = $GROWTH + $PER_MEMBER * $members;
	my %after = peaks($program);

	SKIP: {
		skip('a sanitizer has its own memory', 1) if is_checks_build();
		for my $pid (sort keys %before) {
			my $growth = $after{$pid} - $before{$pid};

			diag("$program: $growth bytes") if $ENV{BARID_SCALE};
			cmp_ok($growth, '<=', $allowed,
				"$program $pid grows by little");
		}
	}
}

subtest 'virtual aliases' => sub {
	submit('one@v.test', '', 1);
	my %before = peaks('cleanup');

	submit('all@example.test', "X-Hold: x\r\n", 1);
	check_held($members, 'in one frame');
	submit('all@example.test', "X-Hold: x\r\n", 3000);
	check_held($members, 'streamed');
	check_growth('cleanup', %before);
};

subtest 'who comes to them later' => sub {
	my $head = "X-Hold: x\r\n";

	submit('all@example.test', "${head}X-Copy: u0\@v.test\r\n", 3000);
	check_held($members + 1, 'one more');
	submit('one@far.test', "${head}X-Copy: all\@example.test\r\n", 3000);
	check_held($members, 'all, after the content');
	submit('all@example.test', "${head}X-Instead: u0\@v.test\r\n",
		3000);
	check_held(1, 'one instead of all');
};

subtest 'aliases of local' => sub {
	my $n = $few * $EACH;
	my %seen;

	submit('two@local.test', '', 1);
	ok($t->wait_log(qr/to=<two\@local\.test>.*forwarded as/),
		'a small one');
	my %before = peaks('local');

	ok(%before || is_checks_build(), 'somebody was measured');

	submit('all@local.test', '', 1);
	ok(wait_until(120, sub {
		my $text = $t->log_text;

		%seen = ();
		$seen{$1}++ while $text =~
		    /: to=<u(\d+)\@a\.test>.*status=sent \(/g;
		return keys %seen >= $n;
	}), 'all of them get it');
	check_seen('local', $n, %seen);
	like($t->log_text, qr/to=<all\@local\.test>.*forwarded as/,
		'by one message more');
	check_growth('local', %before);
	ok($t->wait_queue_empty(60), 'nothing stays');
};

done_testing;
