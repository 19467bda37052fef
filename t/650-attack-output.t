#!/usr/bin/perl
# Foreign bytes in what people and programs read: log, mailq, postqueue -j,
# barid status, reports, trace headers.  Nothing of it ends a line, moves a
# cursor, turns a line around, or makes a header.  The numbers are those of the
# list of attacks.
use strict;
use warnings;

use JSON::PP;
use Test::More;

use Barid::Hostile;
use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp');

# What a terminal or a parser stumbles over: escapes, a bell, C1 as a byte and as
# UTF-8, the end of a line in Unicode, overrides of direction, invalid UTF-8,
# formats, quotes.
my $nasty = "\e]0;owned\a\e[31mred\x08\x0b\x0c\x7f \x9b31m \xc2\x9b31m " .
    "\xe2\x80\xa8 \xe2\x80\xae \xe2\x81\xa6 \xff\xfe\xc0\x8a\xed\xa0\x80 " .
    "%s%n\${x} \"quote\\ '<b>&{json}";
# The same without what is no UTF-8 at all.
my $valid = $nasty =~ s/ \x9b31m|\xff\xfe\xc0\x8a\xed\xa0\x80//gr;
my $server = Barid::Hostile->new(ip => '127.0.0.3', cases => {
	later => { rcpt => "450-4.2.0 $nasty\r\n450 4.2.0 end\r\n" },
	utf8 => { rcpt => "450-4.2.0 $valid\r\n450 4.2.0 end\r\n" },
	no => { rcpt => "550 5.1.1 $valid\r\n" },
	never => { rcpt => "550 5.1.1 $nasty\r\n" },
	greeting => { greeting => "450 4.3.0 $nasty\r\n" },
	name => { hello => "250-$nasty\r\n250 $nasty\r\n",
		data => "451 4.3.0 $nasty\r\n" },
	good => { end => "250 2.0.0 $nasty\r\n" },
});
my $t = Barid::Test->new(main => {
	transport_maps => 'inline:{ ' . $server->transports('out.test') . ' }',
	smtpd_peername_lookup => 'no', smtpd_error_sleep_time => '0',
	smtpd_authorized_xclient_hosts => '127.0.0.1',
	smtpd_authorized_xforward_hosts => '127.0.0.1',
	smtpd_hard_error_limit => '1000', minimal_backoff_time => '600s',
	smtpd_reject_unlisted_recipient => 'no',
});
$t->configure({ virtual_mailbox_maps => 'regexp:' . $t->etc('boxes',
	"/^user@/ user/\n/^a \"b/ odd/\n") });
$t->start;

# Bytes that no line may hold; "" if all is well.
sub harm
{
	my ($text, $allowed) = @_;
	my $decoded = $text;

	return "a control: \\x" . sprintf('%02x', ord $1)
	    if $text =~ /((?![$allowed])[\x00-\x1f\x7f])/;
	return 'invalid UTF-8' unless utf8::decode($decoded);
	return sprintf('U+%04X', ord $1) if $decoded =~
	    /([\x{80}-\x{9f}\x{2028}-\x{202e}\x{2066}-\x{2069}])/;
	return '';
}

# --- What is sent -------------------------------------------------------------------

my $text = "Subject: x\nMessage-Id: <$nasty\@x>\nFrom: a\@b.test\n\ntext\n";

for my $name (qw(later utf8 never no greeting name good)) {
	$t->mark_log;
	like(send_mail($t->{port}, { from => 'user@example.test',
		to => "x\@$name.out.test",
		rcpt => ' ORCPT=rfc822;a+22+5C+3C+28b@x.test' },
		$text), qr/^250/, "attack 85: $name: accepted");
	ok($t->wait_log(qr/to=<x\@$name\.out\.test>.*status=/),
		"attack 85: $name: is tried");
}

# Everything that a client can name itself, or another, or an address.
my @lines = (
	"EHLO $nasty", "EHLO $valid", "HELO $valid", 'EHLO x',
	"MAIL FROM:<$nasty\@x.test>", "MAIL FROM:<\"$nasty\"\@x.test>",
	"MAIL FROM:<\"$valid\"\@x.test> SMTPUTF8", "VRFY $valid SMTPUTF8",
	"VRFY <\"$nasty\"\@x.test>", "ETRN $nasty",
	"XFORWARD NAME=$nasty", "XFORWARD HELO=$nasty",
	'XFORWARD IDENT=a+1B+5B31m', 'XFORWARD HELO=a+0D+0AX:+20y',
	"XYZZY $nasty", 'NOOP',
	"MAIL FROM:<\"a\\\"b\\\\c<>,;:\"\@x.test> ENVID=a+22+5C+3C",
	"RCPT TO:<$nasty\@example.test>", "RCPT TO:<\"$nasty\"\@example.test>",
	'RCPT TO:<"a \"b\\\\>c"@example.test> NOTIFY=SUCCESS ' .
	    'ORCPT=rfc822;+22+5C+3E',
	'RCPT TO:<"x>, relay=evil, status=sent (\"q"@later.out.test>',
);
my $d = $t->connect;
$d->read_reply;
for my $line (@lines) {
	$d->send($line);
	my $reply = $d->read_reply;
	is(harm($reply, "\n"), '', 'attack 85: reply to ' .
		substr($line, 0, 12) =~ s/[^ -~]/?/gr);
}
$d->send('DATA');
$d->read_reply;
$d->send_raw("Subject: y\r\n\r\nx\r\n.\r\n");
$d->expect('250 2.0.0', 'attack 85: an odd but right sender is taken');
$d->close;
# What would end a line in an answer: refused where it stands.
for my $value ('a+0Ab', 'a+0D+0AX-Evil:+20yes', '+00', 'a+1Bb', 'a+7Fb',
	'a+C2+9Bb', 'a+9Bb', '+', 'a+0', 'a+GG') {
	$d = $t->connect;
	$d->read_reply;
	$d->send('EHLO x');
	$d->read_reply;
	$d->send("MAIL FROM:<a\@x.test> ENVID=$value");
	$d->expect('501', "attack 87: ENVID=$value");
	$d->send('MAIL FROM:<a@x.test>');
	$d->expect('250', 'attack 87: without it it is fine');
	$d->send("RCPT TO:<user\@example.test> ORCPT=rfc822;$value");
	$d->expect('501', "attack 87: ORCPT=$value");
	for my $utf8 ('\x{0A}', '\x{0D}X:', '\x{9B}', '\x{2028}', '\x{202E}') {
		$d->send("RCPT TO:<user\@example.test> ORCPT=utf-8;a$utf8");
		my $reply = $d->read_reply;
		next if $reply =~ /^501/;
		is(harm($reply, "\n"), '', "attack 87: ORCPT=utf-8;$utf8");
	}
	$d->close;
}
# The same of who may say who others are.
for my $value ('a+0Ab', 'a+0D+0AX:+20y', '+00', 'a+1B+5B31m') {
	$d = $t->connect;
	$d->read_reply;
	for my $command ('XCLIENT HELO', 'XCLIENT NAME', 'XFORWARD HELO',
		'XFORWARD NAME', 'XFORWARD IDENT') {
		$d->send("$command=$value");
		$d->expect('501', "attack 85: $command=$value");
	}
	$d->close;
}

# --- Who reads it --------------------------------------------------------------------

my @reports = $t->wait_maildir('user', 2);
is(scalar @reports, 2, 'attack 87: two reports come');
is(scalar(my @odd = $t->wait_maildir('odd', 1)), 1,
	'attack 36: a mailbox whose name must be quoted');
for my $message (@reports, @odd) {
	# What the sender wrote is the sender's: look at what is ours.
	my ($ours) = split /^Subject: x\n/m, $message;

	is(harm($ours, "\n\t"), '', 'attack 85, 87: a report is clean');
	unlike($ours, qr/^X-Evil/mi, 'attack 87: no header came in');
}
my $report = eval { parse_report($reports[0]) };
ok($report, 'attack 87: it has its form') or diag($@);
is($report->{recipients}[0]{'original-recipient'}, 'rfc822;a"\\<(b@x.test',
	'attack 87: the original recipient as it was said');

is(harm($t->log_text, "\n"), '', 'attack 85: the log is clean');
is(scalar(grep { !/^\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ [\w\/-]+\[\d+\]: / }
	split /\n/, $t->log_text), 0, 'attack 85: each line is one of ours');
like($t->log_text, qr/\\x1B\[31mred/, 'attack 85: and shows what came');

# A quoted address cannot play the rest of a line.
like($t->wait_log(qr/ to=<"x>, relay=evil/),
	qr/ to=<"x>, relay=evil, status=sent \(\\"q"\@later\.out\.test>, relay=127/,
	'attack 85: a recipient in the log ends where it is quoted');

my @commands = ([ 'barid', 'status' ], [ 'mailq' ],
	[ 'postqueue', '-p' ], [ 'postqueue', '-j' ]);
for my $command (@commands) {
	my ($program) = @$command;

	if ($program eq 'postqueue' &&
		is_foreign_setgid(installed("sbin/$program"))) {
		note("skipped: $program is set-gid for another");
		next;
	}
	my $done = $t->tool(@$command);
	is($done->{exit}, 0, "@$command") or diag($done->{err});
	is(harm($done->{out} . $done->{err}, "\n\t"), '',
		"attack 85: @$command is clean");
	next unless $command->[1] && $command->[1] eq '-j';
	my @all = map { eval { decode_json($_) } } split /\n/, $done->{out};
	is(scalar @all, scalar(my @lines = split /\n/, $done->{out}),
		'attack 85: each line of JSON is JSON');
	my ($one) = grep { $_->{sender} !~ /^user/ } @all;
	is($one->{sender}, '"a\\"b\\\\c<>,;:"@x.test',
		'attack 85: and says the sender as it is');
	is($one->{recipients}[0]{address},
		'"x>, relay=evil, status=sent (\\"q"@later.out.test',
		'attack 85: and the recipient');
}
ok($t->stop, 'all processes end');
done_testing();
