#!/usr/bin/perl
# Messages out of all measure: long lines, headers without number or end, more
# bytes than 32 bits count.  They arrive whole, or are refused; no process grows
# with them; and mail for others goes on.  The numbers are those of the list of
# attacks.  BARID_SCALE multiplies the largest sizes: 24 is for a header of 50
# MB, 150 for a message beyond 4 GiB (and as much disk three times).
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Barid::Hostile;
use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp');

my $scale = $ENV{BARID_SCALE} || 1;
alarm(60 * 60) if $scale > 1;

my $server = Barid::Hostile->new(ip => '127.0.0.3', cases => {
	plain => {}, chunks => { offers => 'CHUNKING 8BITMIME' },
});
my $t = Barid::Test->new(main => {
	transport_maps => 'inline:{ ' . $server->transports('out.test') . ' }',
	smtp_connection_cache_on_demand => 'no',
	smtpd_client_connection_count_limit => '0',
	smtpd_peername_lookup => 'no', message_size_limit => '0',
	mailbox_size_limit => '0', virtual_mailbox_limit => '0',
	virtual_mailbox_maps => 'inline:{ user@example.test=user/ ' .
	    'reports@example.test=reports/ }',
	smtpd_reject_unlisted_recipient => 'no', smtpd_error_sleep_time => '0',
	# Else a long field would lose its end.
	header_size_limit => '2000000000',
	# A report comes once.
	bounce_size_limit => '50000',
});
$t->start;

my $header = "From: a\@b.test\nTo: b\@b.test\nSubject: %s\nMessage-Id: <x>\n" .
    "Date: Sat, 21 Nov 2026 10:00:00 +0000\n";

# As few bytes as they take are a process's: the peak of each, in KiB.
sub check_memory
{
	my ($name) = @_;
	my $most = is_checks_build() ? 300_000 : 24_000;

	for my $program (qw(smtpd cleanup qmgr smtp virtual bounce)) {
		for my $pid ($t->pids_of($program)) {
			my ($kib) = (read_file("/proc/$pid/status") // '') =~
			    /^VmHWM:\s+(\d+)/m or next;

			cmp_ok($kib, '<', $most, "$name: memory of $program");
		}
	}
}

# Send it to the mailbox and to both servers, and again to nobody, so that a
# report comes.  What is to arrive ends with $wanted.
sub try_message
{
	my ($name, $text, $wanted) = @_;
	my $began = time;
	my $wire = $wanted =~ s/\r?\n/\r\n/gr;

	unlink glob "$server->{dir}/*";
	like(send_mail($t->{port}, { from => 'reports@example.test',
		to => [ 'user@example.test', 'x@plain.out.test',
		'x@chunks.out.test' ] }, $text), qr/^250/, "$name: accepted");
	like(send_mail($t->{port}, { from => 'reports@example.test',
		to => 'nobody@example.test' }, $text), qr/^250/,
		"$name: accepted for nobody");
	ok($t->wait_queue_empty(60), "$name: leaves the queue");
	my @mail = $t->read_maildir('user');
	is(scalar @mail, 1, "$name: arrives");
	ok((grep { substr($_, -length $wanted) eq $wanted } @mail),
		"$name: whole");
	unlink glob "$t->{dir}/mail/user/new/*";
	for my $way (qw(plain chunks)) {
		my ($got) = eval { $server->messages($way) };

		ok(defined $got && (folded($got->{content}) eq folded($wire) ||
			substr(folded($got->{content}), -length folded($wire)) eq
			folded($wire)), "$name: whole by $way") or
		    diag($@, length($got->{content} // ''));
	}
	my @reports = $t->read_maildir('reports');
	is(scalar @reports, 1, "$name: a report");
	cmp_ok(length $reports[0], '<', 60_000, "$name: which is short");
	unlink glob "$t->{dir}/mail/reports/new/*";
	note(sprintf('%s: %.1f s', $name, time - $began));
}

# Lines are folded on their way out.
sub folded { return $_[0] =~ s/\r\n //gr }

# --- Lines ------------------------------------------------------------------------

for my $len (998, 999, 1000, 2048, 65536, 10_000_000) {
	my $text = sprintf($header, "line $len") . "\n" . 'x' x $len . "\nend\n";

	try_message("attack 12: a line of $len bytes", $text, $text);
}
for my $len (998, 2048, 65536, 1_000_000) {
	my $text = sprintf($header, "field $len") . 'X: ' . 'x' x $len .
	    "\n\nend\n";

	try_message("attack 12: a field of $len bytes", $text, $text);
}
check_memory('attack 12: long lines');

# --- Headers ----------------------------------------------------------------------

my $few = sprintf($header, 'odd');
# Name, the message, what is to come out at the end of it.
my @odd = (
	[ 'no colon', "${few}no colon here\n\ntext\n",
		"$few\nno colon here\n\ntext\n" ],
	[ 'a blank before the colon', "${few}X : y\n\ntext\n",
		"${few}X : y\n\ntext\n" ],
	[ 'the first line folded', " folded\n$few\ntext\n",
		"\n folded\n$few\ntext\n" ],
	[ 'a From line first', "From me Sat Nov 21 10:00:00 2026\n$few\ntext\n",
		"$few\ntext\n" ],
	[ 'an empty header', "\ntext\n", "\ntext\n" ],
	[ 'nothing but a header', $few, "$few\n" ],
	[ 'a missing empty line', "$few.text\n", "$few\n.text\n" ],
	[ 'text that begins with a dot', "$few\n.text\n..\n",
		"$few\n.text\n..\n" ],
	[ 'an empty name', "$few: x\n\ntext\n", "$few\n: x\n\ntext\n" ],
	[ 'NUL in a field', "${few}X: a\0b\n\ntext\0\n",
		"${few}X: a\0b\n\ntext\0\n" ],
	[ 'NUL in a name', "${few}X\0Y: ab\n\ntext\n", "X\0Y: ab\n\ntext\n" ],
);
for my $case (@odd) {
	my ($name, @texts) = @$case;

	try_message("attack 13, 14: $name", @texts);
}

my $many = join('', map { "X-$_: y\n" } 1 .. 100_000);
try_message('attack 13: 100,000 fields', "$few$many\ntext\n",
	"$few$many\ntext\n");
# One kept, one dropped: the message is made of as many pieces.
try_message('attack 13: 30,000 fields, each after one that is dropped', $few .
	join('', map { "Bcc: a\nX-$_: y\n" } 1 .. 30_000) . "\ntext\n",
	$few . join('', map { "X-$_: y\n" } 1 .. 30_000) . "\ntext\n");
# Each has an address that must be completed, or none.
try_message('attack 13: 5,000 fields, each before one that is rewritten', $few .
	join('', map { "X-$_: y\nReply-To: a\n" } 1 .. 5_000) . "\ntext\n",
	$few . join('', map { "X-$_: y\nReply-To: a\@mx.example.test\n" }
	1 .. 5_000) . "\ntext\n");
my $long = 'X: ' . "y\n " x (700_000 * ($scale < 24 ? $scale : 24));
try_message('attack 13: a field without end', "$few${long}z\n\ntext\n",
	"$few${long}z\n\ntext\n");
check_memory('attack 13: headers');

# --- More than numbers hold ---------------------------------------------------------

# The size that is announced is one thing, what comes another.
for my $size (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1,
	'9223372036854775807', '9223372036854775808', '18446744073709551616',
	'99999999999999999999') {
	my $d = $t->connect;

	$d->read_reply;
	$d->send('EHLO x');
	$d->read_reply;
	$d->send("MAIL FROM:<a\@b.test> SIZE=$size");
	like($d->read_reply, qr/^(250|452|552)/, "attack 84: SIZE=$size");
	$d->send('RSET');
	$d->expect('250', "attack 84: SIZE=$size, and it goes on");
	# In mid-chunk there is no way back but to hang up.
	next if length $size > 19;
	$d->send('MAIL FROM:<a@b.test>');
	$d->read_reply;
	$d->send('RCPT TO:<user@example.test>');
	$d->read_reply;
	$d->send_raw("BDAT $size LAST\r\n" . 'x' x 200_000);
	$d->close;
}
ok($t->wait_queue_empty, 'attack 84: half a chunk leaves nothing behind');

# The content is never in Perl's memory.
my $mib = 32 * $scale;
my $d = $t->connect;
my $piece = ('x' x 62 . "\r\n") x 1024;
$d->read_reply;
$d->send_raw("EHLO x\r\n");
$d->read_reply;
$d->send_raw("MAIL FROM:<>\r\nRCPT TO:<user\@example.test>\r\nDATA\r\n");
$d->read_reply for 1 .. 3;
$d->send_raw("Subject: large\r\n\r\n");
$d->send_raw($piece, 120) for 1 .. $mib * 16;
$d->send_raw(".\r\n");
my $began = time;
$d->expect('250 2.0.0', "attack 84: $mib MiB are accepted", 1200);
ok($t->wait_queue_empty(1200), "attack 84: $mib MiB leave the queue");
note(sprintf('%d MiB: %.1f s after their end', $mib, time - $began));
my ($size) = sort { $b <=> $a } map { -s } glob "$t->{dir}/mail/user/new/*";
cmp_ok($size, '>', $mib * 1024 * 63 * 16, 'attack 84: and arrive whole');
check_memory('attack 84: large messages');

# --- Many at once ---------------------------------------------------------------

# Many that send a header and then nothing: 200 MB, which nobody keeps.
my @silent = map { $t->connect } 1 .. 150;
my $field = 'X: ' . 'y' x 70 . "\r\n";
for my $client (@silent) {
	$client->read_reply;
	$client->send('EHLO x');
	$client->read_reply;
	$client->send_raw("MAIL FROM:<a\@b.test>\r\n" .
		"RCPT TO:<user\@example.test>\r\nDATA\r\n");
	$client->read_reply for 1 .. 3;
	$client->send_raw($field x 18_000);
}
for my $pid ($t->pids_of('cleanup')) {
	my ($kib) = (read_file("/proc/$pid/status") // '') =~ /^VmHWM:\s+(\d+)/m;

	note("cleanup: $kib KiB");
	cmp_ok($kib, '<', 60_000, 'attack 13, 75: 150 headers without end')
	    unless is_checks_build();
}
$_->send_raw("Last: one\r\n\r\ntext\r\n.\r\n") for @silent;
is(scalar(grep { $_->read_reply(60) =~ /^250/ } @silent), 150,
	'attack 13, 75: they may go on');
$_->close for @silent;
ok($t->wait_queue_empty(60), 'attack 13, 75: all are delivered');
my @whole = grep { length > length($field) * 18_000 / 1.02 &&
	/^Last: one\n(?:.+\n)*\ntext\n\z/m } map { read_file($_) }
    glob "$t->{dir}/mail/user/new/*";
is(scalar @whole, 150, 'attack 13, 75: whole');
unlink glob "$t->{dir}/mail/user/new/*";

ok($t->stop, 'all processes end');
done_testing();
