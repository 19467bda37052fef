#!/usr/bin/perl
# design.md section 5, rules 1 and 2, from a trace of system calls, for every way
# into the queue and out of it: what must be on disk is there before anybody is
# told, and before what it came from goes.  (500 looks closer at the plain way.)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use Barid::Trace;
use Test::More;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/local',
	'libexec/barid/smtp');
my $strace = have_peer('strace') or plan(skip_all => 'no strace here');

# Another server.
my $far = durable_instance(main => { virtual_mailbox_domains => 'far.test',
	virtual_mailbox_maps => 'inline:{ user@far.test=user/ }' });
$far->start;

my $t = durable_instance(main => {
	mydestination => 'local.test', recipient_delimiter => '+',
	local_recipient_maps => '',
	virtual_mailbox_maps => 'inline:{ user@example.test=user/, ' .
	    'other@example.test=other/, third@example.test=third/, ' .
	    'box@example.test=box }',
	transport_maps =>
	    "inline:{ far.test=smtp:[127.0.0.1]:$far->{port} }",
});
$t->configure({ alias_maps => 'texthash:' . $t->etc('aliases',
	"several user\@example.test, other\@example.test\n") }, {});
mkdir("$t->{dir}/mail/third");
chmod(0, "$t->{dir}/mail/third");
chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/third") if $> == 0;
$t->start;

# Hands over a message by SMTP; its ID.
sub by_smtp
{
	my ($to, %options) = @_;
	my $body = "X-Mark: m\r\n\r\n" .
	    ('x' x 78 . "\r\n") x (($options{size} // 80) / 80);
	my $c = $t->connect;

	$c->read_reply;
	for my $line ('EHLO client.test', 'MAIL FROM:<user@example.test>',
		"RCPT TO:<$to>") {
		$c->send($line);
		$c->read_reply;
	}
	if ($options{bdat}) {
		my $half = int(length($body) / 2);

		$c->send_raw("BDAT $half\r\n" . substr($body, 0, $half));
		$c->read_reply;
		$c->send_raw('BDAT ' . (length($body) - $half) .
			" LAST\r\n" . substr($body, $half));
	} else {
		$c->send('DATA');
		$c->read_reply;
		$c->send_raw("$body.\r\n");
	}
	my ($id) = $c->read_reply(30) =~ /queued as (\w+)/;
	$c->close;
	return $id // 'none';
}

sub await
{
	my ($regex) = @_;
	my $line = $t->wait_log($regex, 20);

	ok($line, "the log says $regex");
	return $line;
}

# Each event as find_call takes it: [label, calls, arguments].  The first time
# that one happens is after the end of the first time that the one before it did.
my @checks;

sub in_order
{
	my ($name, @events) = @_;

	push @checks, [$name, @events];
}

sub created { return ["$_[0] is created", 'openat|open',
	qr{active/$_[0]\b.*O_CREAT}] }
sub synced { return ["$_[0] is synced", 'fsync|fdatasync',
	qr{^\d+<[^>]*active/$_[0]>}] }
sub removed { return ["$_[0] goes", 'unlink|unlinkat',
	qr{"(?:active|deferred/\w)/$_[0]"}] }
sub told { return ['the client hears 250', 'sendto|sendmsg|write|writev',
	qr{250 2\.0\.0 Ok: .*queued as $_[0]}] }

# Everybody who takes part is there before the trace begins.
by_smtp($_) for 'user@example.test', 'several@local.test', 'user@far.test',
    'no-such-user@local.test';
wait_settled($t);
my $trace = start_trace("$t->{dir}/trace", map { $t->pids_of($_) }
	qw(smtpd cleanup qmgr local smtp bounce pickup))
    or plan(skip_all => 'processes may not be traced here');
$t->mark_log;

# --- in ---------------------------------------------------------------------------------

for my $case (['a small message', size => 80],
	['a large one', size => 300_000],
	['one in chunks', size => 800, bdat => 1],
	['a large one in chunks', size => 400_000, bdat => 1]) {
	my ($name, @options) = @$case;
	my $id = by_smtp('user@example.test', @options);

	in_order($name, created($id), synced($id), told($id));
	await(qr/$id: removed/);
}

# Leaks cannot be looked for in a process that is traced.
my $sent = run_command({ stdin => "Subject: x\n\nhello\n",
	env => { ASAN_OPTIONS => ($ENV{ASAN_OPTIONS} // '') .
	    ':detect_leaks=0' } }, $strace, '-f',
	'-ttt', '-y', '-s', '300', '-o', "$t->{dir}/sendmail.trace",
	installed('sbin/sendmail'), '-C', "$t->{dir}/etc", '-f',
	'user@example.test', 'other@example.test');
is($sent->{exit}, 0, 'sendmail');
my ($id) = await(qr/pickup\[.*: uid=/) =~ /: (\w+): uid=/;
await(qr/$id: removed/);
my ($dropped) = (read_file("$t->{dir}/sendmail.trace") // '') =~
    m{maildrop/(\w+)"?[^\n]*O_CREAT};
in_order('pickup', created($id), synced($id), ["maildrop/$dropped goes",
	'unlink|unlinkat', qr{"maildrop/$dropped"}]);

# --- on the way -------------------------------------------------------------------------

$id = by_smtp('third@example.test');
await(qr/$id: to=.*status=deferred/);
ok(wait_until(10, sub { glob "$t->{dir}/queue/deferred/?/$id" }),
	'it is deferred');
in_order('a deferral', synced($id), ['the outcome is written',
	'pwrite64|writev', qr{^\d+<[^>]*active/$id>.*maildir delivery failed}],
	['it is moved', 'rename.*|link.*', qr{"active/$id".*"deferred/}]);
ok($t->tool('postsuper', '-h', $id)->{exit} == 0 &&
	-e "$t->{dir}/queue/hold/$id", 'it is held');
in_order('hold', ['it has its new name', 'rename.*|link.*',
	qr{"deferred/\w/$id".*"hold/$id"}]);
$t->mark_log;
ok($t->tool('postsuper', '-H', $id)->{exit} == 0, 'it is released');
await(qr/$id: to=.*status=deferred/);
# --- out --------------------------------------------------------------------------------

$id = by_smtp('box@example.test');
await(qr/$id: removed/);
in_order('an mbox', ['the mailbox is written', 'write|writev|pwrite64',
	qr{^\d+<[^>]*/mail/box>}], ['it is synced', 'fsync|fdatasync',
	qr{^\d+<[^>]*/mail/box>}], removed($id));

$id = by_smtp('user@far.test');
await(qr/$id: removed/);
in_order('another server', ['it accepts', 'recvfrom|recvmsg|read',
	qr{250 2\.0\.0 Ok: .*queued as}], ['qmgr hears of it',
	'sendto|sendmsg', qr{delivered.*250 2\.0\.0 Ok}], removed($id));

$id = by_smtp('several@local.test');
my ($new) = await(qr/$id: to=.*(?:forwarded|expanded|queued) as/) =~
    /as (\w+)/;
await(qr/$id: removed/);
in_order('an alias', created($new), synced($new), removed($id));

$id = by_smtp('no-such-user@local.test');
($new) = await(qr/$id: sender non-delivery notification: /) =~
    /notification: (\w+)/;
await(qr/$id: removed/);
in_order('a report', created($new), synced($new), ['that is noted',
	'pwrite64|writev', qr{^\d+<[^>]*active/$id>.*$new}], removed($id));

# --- what the trace says ------------------------------------------------------------------

my @all = stop_trace($trace);

sub check
{
	my ($all, $name, @events) = @_;
	my $last = 0;
	my $what = 'the beginning';

	for my $event (@events) {
		my ($label, $calls, $arguments) = @$event;
		my $call = find_call($all, 0, $calls, $arguments);

		ok($call, "$name: $label") or return;
		cmp_ok($call->{first}, '>', $last, "$name: ... after $what");
		($last, $what) = ($call->{last}, $label);
	}
}

check(\@all, @$_) for @checks;
# Who may not write to maildrop hears from postdrop; others end by themselves.
my $text = read_file("$t->{dir}/sendmail.trace") // '';
my @sendmail = read_trace("$t->{dir}/sendmail.trace");
check(\@sendmail, 'sendmail', ['the file is created', 'openat|open',
	qr{maildrop/$dropped.*O_CREAT}], ['it is synced', 'fsync|fdatasync',
	qr{maildrop/$dropped>}], $text !~ /drop_done/ ? () :
	['sendmail hears of it', 'sendto|sendmsg|write', qr{drop_done}]);
unlike($text, qr{exit_group\(0\).*sync\(\d+<[^>]*maildrop/$dropped>}s,
	'sendmail: no success before the sync');
ok($_->stop, 'it stops') for $t, $far;
done_testing();
