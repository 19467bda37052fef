# What tests look at in a message: its header fields, and the parts of a
# report (RFC 3462, RFC 3464).
package Barid::Mail;

use strict;
use warnings;

use Exporter qw(import);

use Barid::Test;

our @EXPORT = qw(
	body_of ends_with fields_of header_of headers_of odd_message
	parse_report send_mail split_message
);

# --- Sending -------------------------------------------------------------------

# A message with what goes wrong first on the way: lines of dots, "From ", 8-bit
# bytes, blanks at the ends of lines, a line that is too long, empty lines at
# the end.  LF line ends; all headers are there, so that nobody adds any.
sub odd_message
{
	my ($from, $to, $subject) = @_;

	return <<"HEADER" . join("\n",
From: $from
To: $to
Subject: $subject
Date: Sat, 21 Nov 2026 10:00:00 +0000
Message-Id: <odd.$subject\@client.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

HEADER
	    '.', '..', '.a', '...b', 'From the start', '>From quoted',
	    "caf\xc3\xa9 \xe2\x82\xac", 'blanks  ', "\ttab\t", ' ',
	    'x' x 900, '-- ', '.', 'the end', '', '');
}

# Does the stored message end with what was sent?  Both whatever line ends.
# What comes before, as "ok" or what is wrong.
sub ends_with
{
	my ($stored, $sent) = @_;

	return 'nothing is stored' unless defined $stored;
	s/\r\n/\n/g for $stored, $sent;
	return 'it ends with: ' . substr($stored, -200)
	    if substr($stored, -length $sent) ne $sent;
	for my $field (fields_of(substr($stored, 0, -length $sent))) {
		return "an added $field->[0]" unless $field->[0] =~
		    /^(Return-Path|X-Original-To|Delivered-To|Received)$/;
	}
	return 'ok';
}

# Send by SMTP: send_mail(PORT, {from, to => ADDRESS or [...], mail => '
# BODY=8BITMIME', rcpt => ' NOTIFY=...'}, TEXT with LF).  Returns the last
# reply, to the first command that was refused or to the content.
sub send_mail
{
	my ($port, $envelope, $text) = @_;
	my $d = smtp_connect('127.0.0.1', $port);
	my $to = $envelope->{to};
	my @steps = ('EHLO client.test', "MAIL FROM:<$envelope->{from}>" .
	    ($envelope->{mail} // ''), map { "RCPT TO:<$_>" .
	    ($envelope->{rcpt} // '') } ref $to ? @$to : $to);
	my $reply = $d->read_reply(30);

	for my $step (@steps, 'DATA') {
		return $reply unless $reply =~ /^2/;
		$d->send($step);
		$reply = $d->read_reply(30);
	}
	return $reply unless $reply =~ /^354/;
	$text =~ s/^\./../mg;
	$text =~ s/\r?\n/\r\n/g;
	$d->send_raw("$text.\r\n");
	$reply = $d->read_reply(30);
	$d->send('QUIT');
	$d->read_reply(5);
	return $reply;
}

# --- Looking -----------------------------------------------------------------------

# (header, body) of a message with whatever line ends; the header keeps its
# last line end, the empty line belongs to neither.
sub split_message
{
	my ($message) = @_;
	my ($header, $body) = $message =~ /\A((?:[^\r\n]+\r?\n)*)\r?\n(.*)\z/s;

	return defined $header ? ($header, $body) : ($message, '');
}

sub body_of { return (split_message($_[0]))[1] }

# All fields, in their order: ([name, value], ...), unfolded.
sub fields_of
{
	my ($header) = @_;

	$header =~ s/\r\n/\n/g;
	$header =~ s/\n(?=[ \t])//g;
	return map { /^([^:\s]+)\s*:\s*(.*?)\s*$/s ? [ $1, $2 ] : () }
	    split /\n/, $header;
}

# The values of all fields with that name.
sub headers_of
{
	my ($message, $name) = @_;
	my ($header) = split_message($message);

	return map { $_->[1] } grep { lc $_->[0] eq lc $name }
	    fields_of($header);
}

# The value of the first; undef if there is none.
sub header_of { return (headers_of(@_))[0] }

sub hash_of
{
	my ($text) = @_;

	return { map { lc $_->[0] => $_->[1] } fields_of($text) };
}

# A report: {subject, text, status => {per-message fields}, recipients =>
# [{fields}, ...], original, original_type, types => [of all parts]}, names in
# lower case.  Dies with what is wrong with its structure.
sub parse_report
{
	my ($message) = @_;
	my $type = header_of($message, 'Content-Type') // '';

	$message =~ s/\r\n/\n/g;
	$type =~ m{^multipart/report\b}i or die "it is no report: $type\n";
	$type =~ /report-type="?delivery-status\b/i or die "of what: $type\n";
	my ($boundary) = $type =~ /boundary="([^"]{1,70})"/i
	    or die "no boundary: $type\n";
	my $body = "\n" . body_of($message);
	my ($before, @parts) = split /\n--\Q$boundary\E/, $body, -1;
	my $after = pop @parts;

	defined $after && $after =~ /^--\s*\z/ or die "no last boundary\n";
	s/^[ \t]*\n// or die "a boundary's line goes on\n" for @parts;
	@parts == 3 or die scalar(@parts) . " parts\n";
	my @types = map { header_of($_, 'Content-Type') // 'text/plain' }
	    @parts;
	$types[0] =~ m{^text/plain\b}i or die "first part: $types[0]\n";
	$types[1] =~ m{^message/(global-)?delivery-status\b}i
	    or die "second part: $types[1]\n";
	$types[2] =~ m{^(message/(rfc822|global)|
	    text/rfc822-headers|message/global-headers)\b}ix
	    or die "third part: $types[2]\n";
	my ($status, @recipients) = grep { /\S/ }
	    split /\n\n+/, body_of($parts[1]);

	return {
		subject => header_of($message, 'Subject'),
		text => body_of($parts[0]), types => \@types,
		status => hash_of($status // ''),
		recipients => [ map { hash_of($_) } @recipients ],
		original => body_of($parts[2]),
		original_type => $types[2] =~ s/[;\s].*//sr,
	};
}

1;
