#!/usr/bin/perl
# showq, postqueue, postsuper, postcat.
use strict;
use warnings;

use Barid::Test;
use Test::More;

plan_installed(qw(sbin/barid sbin/sendmail sbin/postqueue sbin/postsuper
	sbin/postcat libexec/barid/showq libexec/barid/smtp
	libexec/barid/qmgr));

my $dead = free_port();
my $barid = Barid::Test->new(main => {
	relayhost => "[127.0.0.1]:$dead", fast_flush_domains => 'far.test' });

sub submit
{
	my ($subject, @arguments) = @_;
	my $done = $barid->tool({ stdin => "Subject: $subject\n\nbody\n" },
		'sendmail', '-f', 'a@b.test', @arguments);

	is($done->{exit}, 0, "submit $subject");
}

sub listing { return $barid->tool('postqueue', '-p')->{out} }

sub listed
{
	my ($regex) = @_;

	return wait_until(10, sub { listing() =~ $regex });
}

# --- Empty -------------------------------------------------------------------------

$barid->start(wait => 0);
ok($barid->wait_log(qr/daemon started/), 'started');
is(listing(), "Mail queue is empty\n", 'an empty queue');
is($barid->tool('postqueue', '-j')->{out}, '', 'in JSON');
is($barid->tool('mailq')->{out}, "Mail queue is empty\n", 'by mailq')
    if -e installed('bin/mailq');
is($barid->tool('sendmail', '-bp')->{out}, "Mail queue is empty\n",
	'by sendmail -bp');

# --- One that is deferred ---------------------------------------------------------------

submit('one', 'x@far.test', 'y@far.test');
ok($barid->wait_log(qr/to=<y\@far\.test>.*status=deferred/), 'it is deferred');
ok(wait_until(10, sub { scalar(my @all = $barid->queue_ids('deferred')) }),
	'in deferred');
my ($id) = $barid->queue_ids('deferred');
my $reason = qr/\Qconnect to 127.0.0.1[127.0.0.1]:$dead: Connection refused\E/;
like(listing(), qr{\A
	-Queue\ ID-\ \ --Size--\ ----Arrival\ Time----\ -Sender/Recipient-------\n
	$id\ +\d+\ [A-Z][a-z]{2}\ [A-Z][a-z]{2}\ [ \d]\d\ \d\d:\d\d:\d\d\ \ a\@b\.test\n
	\ +\($reason\)\n
	\ {41}x\@far\.test\n
	\ {41}y\@far\.test\n
	\n
	--\ 0\ Kbytes\ in\ 1\ Request\.\n\z}x, 'postqueue -p');
like($barid->tool('postqueue', '-j')->{out}, qr/\A\Q{"queue_name": "deferred", \E
	\Q"queue_id": "$id", "arrival_time": \E\d+\Q, "message_size": \E\d+
	\Q, "forced_expire": false, "sender": "a\E\@\Qb.test", "recipients": [\E
	\Q{"orig_address": "x\E\@\Qfar.test", "address": "x\E\@\Qfar.test", \E
	"delay_reason":\ "$reason"\},\ \{.*\}\]\}\n\z/x, 'postqueue -j');

# --- postcat ------------------------------------------------------------------------------

my $done = $barid->tool('postcat', '-q', $id);
is($done->{exit}, 0, 'postcat -q');
like($done->{out}, qr/^\*\*\* ENVELOPE RECORDS deferred\/.\/$id \*\*\*\nmessage_size: +\d+/, 'the envelope');
like($done->{out}, qr/^sender: a\@b\.test\n/m, 'the sender');
like($done->{out}, qr/^recipient: x\@far\.test\n/m, 'a recipient');
like($done->{out}, qr/^\*\*\* MESSAGE CONTENTS .*\nReceived: /m, 'the content');
like($done->{out}, qr/^\*\*\* HEADER EXTRACTED .*\n\*\*\* MESSAGE FILE END /m,
	'the end');
$done = $barid->tool('postcat', '-bhq', $id);
like($done->{out}, qr/\AReceived: .*^Subject: one\n.*\n\nbody\n\z/ms,
	'postcat -bhq');
unlike($barid->tool('postcat', '-hq', $id)->{out}, qr/body/, 'postcat -hq');
is($barid->tool('postcat', '-bq', $id)->{out}, "\nbody\n", 'postcat -bq');
$done = $barid->tool('postcat', '-q', 'ABCDEF123');
is($done->{exit}, 1, 'postcat of an ID that is not there');
like($done->{err}, qr/fatal: open queue file ABCDEF123: No such file/,
	'says so');

# --- Flushing -------------------------------------------------------------------------------

for my $case ([ '-f' ], [ '-i', $id ]) {
	$barid->mark_log;
	$done = $barid->tool('postqueue', @$case);
	is($done->{exit}, 0, "postqueue @$case");
	ok($barid->wait_log(qr/$id: to=<x\@far\.test>.*status=deferred/),
		'it is tried again');
	wait_until(10, sub { scalar(my @all = $barid->queue_ids('deferred')) });
}
is($barid->tool('postqueue', '-i', 'ABCDEF123')->{exit}, 0,
	'an ID that is not there is no error');
is($barid->tool('postqueue', '-s', 'host.far.test')->{exit}, 0,
	'a site below one that may be flushed');
$done = $barid->tool('postqueue', '-s', 'near.test');
is($done->{exit}, 69, 'a site that may not be flushed');
like($done->{err}, qr/Flush service is not configured for destination/,
	'says so');
is($barid->tool('postqueue')->{exit}, 64, 'no option');
is($barid->tool('postqueue', '-p', '-f')->{exit}, 64, 'two');

# --- postsuper, while it runs -----------------------------------------------------------------

$done = $barid->tool('postsuper', '-h', $id);
is($done->{exit}, 0, 'postsuper -h');
is($done->{err}, "postsuper: $id: placed on hold\n" .
	"postsuper: Placed on hold: 1 message\n", 'what it says');
ok($barid->wait_log(qr/postsuper\[\d+\]: $id: placed on hold/), 'and logs');
ok(listed(qr/^$id! /m), 'it is held');
$done = $barid->tool('postsuper', '-H', $id);
like($done->{err}, qr/: released from hold\n.*Released from hold: 1 message\n/,
	'postsuper -H');
ok(listed(qr/^$id[ *]/m), 'it is released');
$done = $barid->tool('postsuper', '-r', $id);
like($done->{err}, qr/: requeued\n.*Requeued: 1 message\n/, 'postsuper -r');
my $again = qr/pickup\[\d+\]: (\w+): uid=\d+ from=<a\@b\.test> orig_id=$id\b/;
ok($barid->wait_log($again), 'it comes again through pickup');
my ($new) = $barid->log_text =~ $again;
ok(wait_until(10, sub { !-e "$barid->{dir}/queue/maildrop/$id" }),
	'the old one goes');
ok(listed(qr/^$new[ *]/m), 'under another name');
isnt($new, $id, 'which is another one indeed');
unlike(listing(), qr/^$id/m, 'not under the old one');
$id = $new;
$done = $barid->tool('postsuper', '-d', 'ABCDEF123');
is($done->{exit}, 0, 'an ID that is not there');
is($done->{err}, "postsuper: Deleted: 0 messages\n", 'is counted as none');
$done = $barid->tool('postsuper', '-d', '../x');
is($done->{exit}, 0, 'an ID that is none');
like($done->{err}, qr/warning: invalid mail queue id: \.\.\/x\n/, 'is told');
is($barid->tool('postsuper', '-x')->{exit}, 1, 'a wrong option');

submit('two', 'x@far.test');
submit('three', 'x@far.test');
ok(wait_until(10, sub { 3 == (my @all = $barid->queue_ids('deferred')) }),
	'three are deferred');
$done = $barid->tool({ stdin => join "\n", $barid->queue_ids('deferred') },
	'postsuper', '-h', '-');
like($done->{err}, qr/Placed on hold: 3 messages/, 'IDs from standard input');
$done = $barid->tool('postsuper', '-d', 'ALL', 'deferred');
like($done->{err}, qr/Deleted: 0 messages/, 'of one queue');
$done = $barid->tool('postsuper', '-H', 'ALL');
like($done->{err}, qr/Released from hold: 3 messages/, 'all');

# Forced to expire: they come back.
wait_until(10, sub { 3 == (my @all = $barid->queue_ids('deferred')) });
$done = $barid->tool('postsuper', '-e', $id);
like($done->{err}, qr/$id: expired\n.*Force-expired: 1 message\n/,
	'postsuper -e');
ok($barid->wait_log(qr/$id: from=<a\@b\.test>, status=(force-)?expired/, 15),
	'it is returned');

# --- While it does not -------------------------------------------------------------------------

wait_until(5, sub { !scalar(my @all = $barid->queue_ids('active')) });
ok($barid->stop, 'all processes leave');
my @left = $barid->queue_ids;
cmp_ok(scalar(@left), '>=', 2, 'mail is left');
$done = $barid->tool('postqueue', '-p');
is($done->{exit}, 0, 'the queue is listed without showq');
like($done->{err}, qr/warning: Mail system is down -- accessing queue directly/,
	'with a warning');
like($done->{out}, qr/^-- \d+ Kbytes in ${\scalar @left} Requests\./m,
	'all of it');
$done = $barid->tool('postqueue', '-f');
is($done->{exit}, 69, 'it cannot be flushed');
like($done->{err}, qr/Cannot flush mail queue - mail system is down/,
	'says so');
$done = $barid->tool('postsuper', '-h', 'ALL');
is($done->{exit}, 0, 'postsuper -h');
is(scalar(my @held = $barid->queue_ids('hold')), scalar(@left), 'all are held');
$done = $barid->tool('postsuper', '-f', $held[0]);
like($done->{err}, qr/$held[0]: expired\n.*Force-expired: 1 message/,
	'postsuper -f');
is(scalar(@held = $barid->queue_ids('hold')), @left - 1, 'one is released');
my ($queue) = glob("$barid->{dir}/queue/hold");
rename("$queue/$held[0]", "$barid->{dir}/queue/deferred/$held[0]");
$done = $barid->tool('postsuper');
is($done->{exit}, 0, 'postsuper');
like($done->{err}, qr{deferred/$held[0]: moved to deferred/./$held[0]\n},
	'puts files where they belong');
$done = $barid->tool('postsuper', '-d', 'ALL');
like($done->{err}, qr/Deleted: ${\scalar @left} messages/, 'postsuper -d ALL');
is(scalar(@left = $barid->queue_ids), 0, 'nothing is left');

done_testing();
