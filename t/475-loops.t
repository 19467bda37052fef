#!/usr/bin/perl
# Cases 67 and 80 of the attacks: mail that would never end.  Aliases in circles
# and bombs of them, reports of reports, a postmaster that is nobody, two servers
# that send to each other: each ends, with a report or without, and leaves
# nothing in the queue.
#
# BARID_SCALE=N: bombs N times as large.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/local',
	'libexec/barid/bounce');

my $scale = $ENV{BARID_SCALE} // 1;
my $user = $> == 0 ? 'games' : getpwuid($>);
my %port = map { $_ => free_port() } qw(a b);

# Two servers, each of which knows the other.
sub instance
{
	my ($name, $other, %main) = @_;
	my $t = Barid::Test->new(port => $port{$name}, main => {
		myhostname => "mx.$name.test", mydestination => "$name.test",
		myorigin => "$name.test", local_recipient_maps => '',
		virtual_mailbox_domains => "v.$name.test",
		virtual_mailbox_maps => "inline:{ user\@v.$name.test=user/ }",
		transport_maps => "inline:{ $other.test=smtp:[127.0.0.1]:$port{$other}, " .
		    "loop.test=smtp:[127.0.0.1]:$port{$other}, " .
		    "v.$other.test=smtp:[127.0.0.1]:$port{$other} }",
		relay_domains => "$other.test, v.$other.test, loop.test",
		smtp_host_lookup => 'native', notify_classes => '2bounce',
		'2bounce_notice_recipient' => "nobody-there\@$name.test",
		error_notice_recipient => "nobody-there\@$name.test",
		mail_spool_directory => '/nonexistent/', %main,
	});

	return $t;
}

# The aliases of the first.  A chain of ten thousand, and a bomb of more mailboxes
# than are taken: 1,000 lists of which each names all of the next.
my $n = 1200 * $scale;
my $lists = 100;
my $aliases = <<"END";
one: one
two: three
three: two
self: self, self\@a.test, two
chain0: chain1
back: back\@b.test
postmaster: nobody-there
END
$aliases .= join '', map { "chain$_: chain" . ($_ + 1) . "\n" } 1 .. 9999;
$aliases .= "chain10000: nobody-there\n";
$aliases .= 'bomb: ' . join(', ', map { "bomb$_" } 1 .. $lists) . "\n";
for my $list (1 .. $lists) {
	$aliases .= "bomb$list: " . join(', ', map { "\\u$list.$_" }
		1 .. $n) . "\n";
}
my $a = instance('a', 'b');
my $b = instance('b', 'a', alias_maps => 'inline:{ {back = back@a.test} }');
# As texthash has it: no colon.
$a->configure({ alias_maps => 'texthash:' .
	$a->etc('aliases', $aliases =~ s/^(\S+):/$1/gmr) });
$_->start for $a, $b;

sub send_from
{
	my ($from, $to, $text) = @_;

	return send_mail($a->{port}, { from => $from, to => $to },
		$text // "Subject: x\n\nx\n");
}

sub ends
{
	my ($name, $seconds) = @_;
	my $began = time;

	ok($_->wait_queue_empty($seconds // 30), "$name: nothing is left at " .
		($_ == $a ? 'a' : 'b')) or diag(join ' ', $_->queue_ids)
	    for $a, $b;
	note(sprintf('%s: %.1f s', $name, time - $began));
}

# Reports that the user has got, in place of all mail.
sub reports
{
	my ($n) = @_;
	my @got = $a->wait_maildir('user', $n);

	unlink(glob "$a->{dir}/mail/user/new/*");
	return @got;
}

sub memory_of
{
	my ($t, $program) = @_;
	my $most = 0;

	for my $pid ($t->pids_of($program)) {
		my ($kb) = (read_file("/proc/$pid/status") // '') =~
		    /^VmHWM:\s+(\d+)/m;
		$most = $kb if ($kb // 0) > $most;
	}
	return $most;
}

for my $case ([ 'one', 'a circle of one' ], [ 'two', 'a circle of two' ],
    [ 'self', 'itself twice and a circle' ],
    [ 'chain0', 'a chain of ten thousand' ]) {
	subtest "attack 67: $case->[1]" => sub {
		my $began = time;

		like(send_from('user@v.a.test', "$case->[0]\@a.test"),
			qr/^250 /, 'taken');
		my @got = reports(1);
		is(scalar @got, 1, 'there is a report');
		like($got[0] // '', qr/^Status: 5\.\d\.\d/m, 'of a failure');
		ends($case->[1]);
	};
}

subtest 'attack 67: a bomb of ' . $n * $lists . ' mailboxes' => sub {
	my $before = memory_of($a, 'local');

	$a->mark_log;
	like(send_from('user@v.a.test', 'bomb@a.test'), qr/^250 /, 'taken');
	like($a->wait_log(qr/to=<bomb\@a\.test>/, 60),
		qr/status=deferred .*over \d+ mailboxes/, 'too many are refused');
	my $grown = memory_of($a, 'local') - $before;
	cmp_ok($grown, '<', 300 * 1024, "local grew by $grown KiB")
	    unless is_checks_build();
	is(scalar(my @m = $a->queue_ids), 1, 'none of it is sent');
	like(send_from('', 'user@v.a.test'), qr/^250 /, 'other mail is taken');
	is(scalar(my @got = reports(1)), 1, 'and delivered');
	$a->tool('postsuper', '-d', 'ALL');
	ends('bomb');
};

subtest 'attack 80: a report of a report' => sub {
	# Who gets the report is nobody, and so is who is told of that.
	like(send_from('nobody1@a.test', 'nobody2@a.test'), qr/^250 /, 'taken');
	$a->wait_log(qr/status=bounced/);
	ends('double bounce');
	my $log = $a->log_text;
	my $made = () = $log =~ /notification: \w+$/mg;
	cmp_ok($made, '<=', 8, "few reports are made ($made)");
	like(send_from('', 'nobody3@a.test'), qr/^250 /, 'with no sender: taken');
	ok($a->wait_log(qr/to=<nobody3\@a\.test>.*bounced/), 'and bounced');
	ends('null sender');
	like(send_from('', 'postmaster@a.test'), qr/^250 /,
		'to a postmaster who is nobody');
	ends('postmaster');
	like(send_from('double-bounce@a.test', 'nobody4@a.test'), qr/^250 /,
		'as from ourselves');
	ends('double-bounce');
};

subtest 'attack 80: a storm of reports' => sub {
	my @all = map { "storm$_\@a.test" } 1 .. 200;

	like(send_from('user@v.a.test', \@all), qr/^250 /,
		'one message to 200 who are nobody');
	my @got = reports(1);
	is(scalar @got, 1, 'is one report');
	is(scalar(() = ($got[0] // '') =~ /^Final-Recipient:/mg), 200,
		'of all of them');
	ends('storm');
};

subtest 'attack 80: two servers send to each other' => sub {
	# loop.test is at the other one, say both.
	$_->mark_log for $a, $b;
	like(send_from('user@v.a.test', 'x@loop.test'), qr/^250 /, 'taken');
	my @got = $a->wait_maildir('user', 1, 60);
	is(scalar @got, 1, 'there is a report');
	like($got[0] // '', qr/too many hops/, 'of too many hops');
	my $hops = () = ($got[0] // '') =~ /^Received:/mg;
	cmp_ok($hops, '<', 60, "after $hops");
	ends('hops');
	unlink(glob "$a->{dir}/mail/user/new/*");
	like(send_from('x@loop.test', 'x@loop.test'), qr/^250 /,
		'whose report goes in circles too');
	ok($a->wait_log(qr/from=<x\@loop\.test>/), 'under way');
	ends('hops of a report', 60);
};

subtest 'attack 80: aliases of two servers that name each other' => sub {
	like(send_from('user@v.a.test', 'back@a.test'), qr/^250 /, 'taken');
	my @got = reports(1);
	is(scalar @got, 1, 'there is a report');
	like($got[0] // '', qr/loop/, 'of a loop');
	ends('Delivered-To');
};

for my $hops (100, 1000) {
	subtest "attack 80: $hops hops" => sub {
		my $text = "Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\n"
		    x $hops . "Subject: x\n\nx\n";

		like(send_from('user@v.a.test', 'user@v.a.test', $text),
			qr/^554 5\.4\.(?:0|6)/, 'refused');
		ends("$hops hops");
	};
}
for my $t ($a, $b) {
	unlike($t->log_text,
		qr/killed by signal|exit status [^0]|Assertion|throttling|Sanitizer/,
		'no daemon died');
	ok($t->stop(seconds => 40), 'stop');
}
done_testing();
