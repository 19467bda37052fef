# What tests look at in a message: its header fields, and the parts of a
# report (RFC 3462, RFC 3464).
package Barid::Mail;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(
	body_of fields_of header_of headers_of parse_report split_message
);

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
