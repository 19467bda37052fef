#!/usr/bin/perl
# Where a message ends: sequences that look like an end to some servers and not
# to others, by every way in (DATA, BDAT, the sendmail command, its -bs) and by
# every way out (mailbox, SMTP with and without CHUNKING, LMTP).  One message
# goes in, one comes out everywhere, and nobody ever hears a CR or an LF alone
# from us.  The numbers are those of the list of attacks.
use strict;
use warnings;

use MIME::QuotedPrint qw(decode_qp);
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Test::More;

use Barid::Hostile;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp');

my $server = Barid::Hostile->new(ip => '127.0.0.3', cases => {
	plain => {},
	chunks => { offers => 'PIPELINING 8BITMIME CHUNKING' },
	lmtp => { lmtp => 1 },
	# Text with 8-bit bytes is converted for it; headers are not.
	seven => { offers => 'PIPELINING' },
});
my $t = Barid::Test->new(main => {
	transport_maps => 'inline:{ ' . $server->transports('out.test') . ' }',
	smtpd_forbid_bare_newline => 'normalize',
	smtpd_forbid_bare_newline_exclusions => '',
	smtpd_client_connection_count_limit => '0',
	smtpd_peername_lookup => 'no',
	smtpd_error_sleep_time => '0',
});
my @ways_out = qw(plain chunks lmtp seven);
my @rcpts = ('user@example.test', map { "x\@$_.out.test" } @ways_out);

$t->start;

# --- What is meant -----------------------------------------------------------------

# What the server must take for the content, of what was sent after DATA: all up
# to a dot between two real CRLF.  Undef if there is none.
sub meant_by_data
{
	my ($bytes) = @_;
	my $before = "\r\n";
	my $content = '';

	while ($bytes =~ s/^([^\n]*?)(\r?\n)//) {
		my ($line, $end) = ($1, $2);

		return ($content, $bytes) if $line eq '.' &&
		    $end eq "\r\n" && $before eq "\r\n";
		$line =~ s/^\.//;
		$content .= "$line\r\n";
		$before = $end;
	}
	return;
}

# No CR and LF but as CRLF, and an end to the last line.
sub cleaned
{
	my ($bytes) = @_;

	$bytes =~ s/\r?\n/\n/g;
	$bytes =~ s/\r/ /g;
	$bytes =~ s/\n/\r\n/g;
	$bytes .= "\r\n" unless $bytes =~ /\r\n\z/;
	return $bytes;
}

# sendmail's input is lines of text.
sub meant_by_sendmail
{
	my ($bytes) = @_;

	$bytes =~ s/\r*(\n|\z)/$1/g;
	return cleaned($bytes);
}

my $n = 0;

# A message with a mark, and with all headers, so that none is added.
sub header
{
	$n++;
	return "Subject: mark $n\r\nFrom: a\@client.test\r\nTo: b\@c.test\r\n" .
	    "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n" .
	    "Message-Id: <$n\@client.test>\r\nMIME-Version: 1.0\r\n" .
	    "Content-Type: text/plain; charset=latin1\r\n" .
	    "Content-Transfer-Encoding: 8bit\r\n\r\n";
}

my $evil = "MAIL FROM:<evil\@evil.test>\r\nRCPT TO:<user\@example.test>\r\n" .
    "DATA\r\nSubject: smuggled\r\n\r\nevil";

# --- The ways in --------------------------------------------------------------------

my $session;

sub begin
{
	if (!$session) {
		$session = $t->connect;
		$session->read_reply;
		$session->send('EHLO client.test');
		$session->read_reply;
	}
	$session->send_raw("MAIL FROM:<a\@client.test>\r\n" .
	    join '', map { "RCPT TO:<$_>\r\n" } @rcpts);
	$session->read_reply for 0 .. @rcpts;
}

sub by_data
{
	my ($bytes) = @_;

	begin();
	$session->send('DATA');
	$session->read_reply;
	$session->send_raw($bytes);
	return $session->read_reply(20);
}

sub by_bdat
{
	my ($bytes) = @_;

	begin();
	$session->send_raw('BDAT ' . length($bytes) . " LAST\r\n$bytes");
	return $session->read_reply(20);
}

sub by_single_bytes
{
	my ($bytes) = @_;

	begin();
	$session->send_raw(join('', map { "BDAT 1\r\n$_" } split //, $bytes) .
		"BDAT 0 LAST\r\n");
	$session->read_reply for 1 .. length $bytes;
	return $session->read_reply(20);
}

sub by_sendmail
{
	my ($bytes, @options) = @_;
	my $done = $t->tool({ stdin => $bytes }, 'sendmail', @options, '-f',
		'a@client.test', @rcpts);

	return $done->{exit} == 0 ? '250' : "exit $done->{exit}: $done->{err}";
}

sub by_bs
{
	my ($bytes) = @_;
	my $done = $t->tool({ stdin => "EHLO client.test\r\n" .
		"MAIL FROM:<a\@client.test>\r\n" .
		join('', map { "RCPT TO:<$_>\r\n" } @rcpts) .
		'BDAT ' . length($bytes) . " LAST\r\n$bytes" . "QUIT\r\n" },
		'sendmail', '-bs');

	return $done->{out} =~ /^(250 2\.0\.0 Ok: \d+ bytes.*)/m ? $1 :
	    $done->{out};
}

# --- What came out ---------------------------------------------------------------

my (%sent, %name_of);    # by mark

# Say what goes in, and remember what is to come out.
sub try_one
{
	my ($name, $way, $bytes, $meant) = @_;
	my $reply = $way->($bytes);

	like($reply, qr/^250/, "$name: taken as one message") or
	    undef $session;
	$sent{$n} = $meant;
	$name_of{$n} = $name;
}

# All that was sent must be at each way's end, once, and as it was meant.
sub check_way
{
	my ($way, @messages) = @_;
	my (%got, $bad);

	for my $message (@messages) {
		my ($mark) = $message =~ /^Subject: (?:mark )?(\w+)/m;

		push @{ $got{ $mark // 'none' } }, $message;
	}
	for my $mark (sort { $a <=> $b } keys %sent) {
		my @got = @{ delete $got{$mark} || [] };
		my $name = "$name_of{$mark}: by $way";

		if (@got != 1) {
			fail($name);
			diag(scalar(@got), ' messages');
			next;
		}
		if ($way eq 'seven' && $sent{$mark} =~ /[\x80-\xff]/) {
			my ($text) = $sent{$mark} =~ /\r\n\r\n(.*)/s;
			my ($coded) = $got[0] =~ /\r\n\r\n(.*)/s;

			unlike($coded, qr/[\x80-\xff]/, "$name: in 7 bits");
			ok(decode_qp($coded) eq $text =~ s/\r\n/\n/gr,
				"$name: and the same") or
			    diag(shown($coded));
			next;
		}
		my $end = substr($got[0], -length $sent{$mark});
		ok($end eq $sent{$mark}, $name) or diag(explain({
			got => $end =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger,
			meant => $sent{$mark} =~
			    s/([^ -~])/sprintf '\\x%02x', ord $1/ger }));
	}
	is(join(' ', keys %got), '', "attack 1-9: nothing else left by $way");
}

sub check_all
{
	ok($t->wait_queue_empty(60), 'all leave the queue');
	check_way('mailbox', map { s/\n/\r\n/gr } $t->read_maildir('user'));
	for my $way (@ways_out) {
		my @messages = eval { $server->messages($way) };

		is($@, '', "attack 1-9: by $way only whole CRLF leave");
		check_way($way, map { $_->{content} } @messages);
	}
}

# --- Attacks 1 to 6, 9, 14: sequences ----------------------------------------------

my @sequences = (
	[ 1, "\n.\n" ], [ 2, "\n.\r\n" ], [ 3, "\r\n.\n" ], [ 4, "\r.\r" ],
	[ 5, "\r\r\n.\r\r\n" ], [ 6, "\r.\r\n" ], [ 6, "\n.\r" ],
	[ 6, "\r\n.\r" ], [ 6, "\r\n.\r\r\n" ], [ 6, "\r.\n" ],
	[ 6, "a\rb\r\rc\r" ], [ 6, "\r" ], [ 3, "\n" ], [ 1, "\n\n.\n\n" ],
	[ 10, "\r\n\0.\r\n" ], [ 10, "\r\n.\0\r\n" ], [ 10, "\0" ],
	[ 11, "\x85.\x85" ], [ 11, "\xe2\x80\xa8.\xe2\x80\xa8" ],
	[ 14, "\r\n.." ], [ 14, "\r\n..\r\n" ], [ 14, "\r\n...\r\n" ],
	[ 14, "\r\n.a\r\n" ], [ 1, "\x0b.\x0b" ], [ 1, "\x0c.\x0c" ],
	[ 1, "\r\n .\r\n" ], [ 1, "\r\n. \r\n" ], [ 1, "\r\n.\t\r\n" ],
);
# A real end, harmless where no dot is one.
my @ends = ([ 9, "\r\n.\r\n" ], [ 5, "\r\r\n.\r\n" ]);

sub shown { return $_[0] =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger }

# A message with the sequence in this place.
sub message
{
	my ($place, $sequence) = @_;
	my $header = header();

	return "${header}first$sequence$evil" if $place eq 'middle';
	return "$header${sequence}x" if $place eq 'start';
	return "${header}x$sequence" if $place eq 'end';
	$header =~ s/^From/X: a${sequence}b\r\nFrom/m;
	return "${header}x";
}

# Name, how, in which places, what is meant.
my @ways_in = (
	[ 'BDAT', \&by_bdat, qr/./, \&cleaned ],
	[ 'BDAT by the byte', \&by_single_bytes, qr/middle/, \&cleaned ],
	[ 'sendmail -bs', \&by_bs, qr/middle/, \&cleaned ],
	[ 'sendmail -i', sub { by_sendmail(@_, '-i') }, qr/middle|end/,
		\&meant_by_sendmail ],
);

for my $case (@sequences, @ends) {
	my ($number, $sequence) = @$case;
	my $is_end = grep { $_ == $case } @ends;

	for my $place (qw(middle start end header)) {
		my $name = "attack $number: " . shown($sequence) . " ($place)";

		# An LF in the header ends a field, or the header.
		next if $place eq 'header' && $sequence =~ /\n/;
		if (!$is_end) {
			my $bytes = message($place, $sequence) . "\r\n.\r\n";
			my ($meant) = meant_by_data($bytes);

			try_one("$name, DATA", \&by_data, $bytes,
				$meant =~ s/\r(?!\n)/ /gr);
		}
		for my $way (@ways_in) {
			my ($which, $do, $places, $mean) = @$way;

			next if $place !~ $places;
			my $bytes = message($place, $sequence);

			try_one("$name, $which", $do, $bytes, $mean->($bytes));
		}
	}
}

# Without -i a dot alone ends the input.
for my $case ([ "x\n.\n$evil", "x\r\n" ], [ "x\r\n.\r\n$evil", "x\r\n" ],
	[ "x\n..\n.x\ny\n", "x\r\n..\r\n.x\r\ny\r\n" ],
	[ "x\r\r\n.\r\r\n$evil", "x\r\n" ], [ ".\n$evil", '' ]) {
	my $header = header();

	try_one('attack 9: ' . shown(substr($case->[0], 0, 12)) . ', sendmail',
		\&by_sendmail, $header . $case->[0], $header . $case->[1]);
}

# --- Attacks 7, 8: dots at every place of a piece ----------------------------------

# A text line by line to so many bytes in all.
sub filler
{
	my ($len) = @_;
	my $text = '';

	$text .= 'x' x 70 . "\r\n" while $len - length($text) > 144;
	return $text . 'y' x ($len - length($text) - 2) . "\r\n";
}

for my $size (4096, 16384, 32768, 65536) {
	for my $at ($size - 6 .. $size + 3) {
		my $header = header();
		my $text = $header . filler($at - length $header) .
		    ".\r\n..\r\n.z\r\n";

		# On its way out it is the same for both.
		if ($at & 1) {
			try_one("attack 7: dots at $at, DATA", \&by_data,
				($text =~ s/^\./../mgr) . ".\r\n", $text);
		} else {
			try_one("attack 7: dots at $at, BDAT", \&by_bdat,
				$text, $text);
		}
	}
}

# Bytes that the other side's kernel has not taken yet.
sub is_sent
{
	my ($socket) = @_;
	my $left = pack 'i', 0;

	ioctl($socket, 0x5411, $left) or return 1;    # TIOCOUTQ
	return unpack('i', $left) == 0;
}

sub by_two_packets
{
	my ($bytes, $at) = @_;

	begin();
	$session->send('DATA');
	$session->read_reply;
	setsockopt($session->{socket}, IPPROTO_TCP, TCP_NODELAY, 1);
	$session->send_raw(substr($bytes, 0, $at));
	wait_until(5, sub { is_sent($session->{socket}) });
	$session->send_raw(substr($bytes, $at));
	return $session->read_reply(20);
}

my $dots = "a\r\n.\n..\r\n...b\r\n\r.\r\r\n.c\r\n.\r\n";
for my $at (1 .. length $dots) {
	my $header = header();
	my ($meant) = meant_by_data($header . $dots);

	try_one("attack 8: dots cut at $at", sub {
		by_two_packets($header . $dots, length($header) + $at) },
		undef, $meant =~ s/\r(?!\n)/ /gr);
}

check_all();
done_testing;
