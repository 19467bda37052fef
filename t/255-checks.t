#!/usr/bin/perl
# Header and body checks, filters and their like, end to end: what is too large
# for one frame, and what is decided when the file is there already.
use strict;
use warnings;

use Test::More;

use Barid::Capture;
use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/cleanup');

my $sink = Barid::Capture->new;
my $back = free_port();
my $t = Barid::Test->new(main => {
	virtual_mailbox_maps => 'static:all/',
	transport_maps => 'regexp:{ {/^m[0-9]+@/ discard:} }',
	smtpd_peername_lookup => 'no',
	smtpd_recipient_limit => 2000,
}, master => {
	"127.0.0.1:$back" => 'inet n - n - - smtpd' .
	    ' -o content_filter= -o receive_override_options=' .
	    'no_header_body_checks,no_address_mappings',
});
my $rules = $t->etc('checks', join '', map { "$_\n" }
    (map { "/^X-$_: *(.*)\$/ $_ \$1" } qw(REJECT HOLD DISCARD REDIRECT BCC
	FILTER WARN)),
    '/^X-Remove/ IGNORE', '/^act (\S+) *(.*)$/ $1 $2', '/^drop/ IGNORE');

$t->configure({ header_checks => "regexp:$rules",
	body_checks => "regexp:$rules" }, {});
$t->start;

my $head = "From: a\@client.test\nTo: b\@example.test\nSubject: x\n" .
    "Date: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-Id: <x\@client.test>\n";
my $large = join '', map { "line $_ " . 'x' x 60 . "\n" } 1 .. 1500;

sub mail
{
	my ($text, %options) = @_;

	return send_mail($options{port} // $t->{port}, {
		from => 'a@client.test', to => $options{to} //
		    'user@example.test' }, $text);
}

# All that came to one recipient, and is not looked at again.
sub arrived
{
	my ($to, $n) = @_;
	my @found;

	wait_until(60, sub {
		@found = grep { $_ =~ /^Delivered-To: \Q$to\E$/m }
		    map { read_file($_) =~ s/\r\n/\n/gr }
		    glob("$t->{dir}/mail/all/new/*");
		return @found >= $n;
	});
	return @found;
}

# --- content that is streamed ----------------------------------------------------

like(mail("${head}X-Remove: it\n\nfirst\ndrop me\n$large"), qr/^250 /,
    'a large message with a line to drop');
my ($got) = arrived('user@example.test', 1);
ok(body_of($got) eq "first\n$large", 'arrives without it');
unlike($got, qr/^X-Remove/m, 'and without the header');
# Only the beginning of a body is looked at.
like(mail("$head\n${large}act REJECT late\n"), qr/^250 /,
    'beyond body_checks_size_limit nothing is refused');
like(mail("$head\nact REJECT 5.7.9 early\n$large"),
    qr/^550 5\.7\.9 early/, 'within it, it is');
my $parts = "${head}Content-Type: multipart/mixed; boundary=b\n\n" .
    "--b\n\n$large--b\n\nact REJECT 5.7.9 in the second\n--b--\n";
like(mail($parts), qr/^550 5\.7\.9 in the second/,
    'each part has a beginning');

# A thousand changes: what is sent is copied.
my $changes = join '', map { "line $_\ndrop $_\n" } 1 .. 1000;
like(mail("$head\n$changes\n$large", to => 'many@example.test'),
    qr/^250 /, 'a thousand lines to drop');
($got) = arrived('many@example.test', 1);
ok(body_of($got) eq $changes =~ s/^drop.*\n//gmr . "\n" . $large,
    'are dropped');

for my $size (['small', "text\n"], ['large', $large]) {
	my ($name, $body) = @$size;
	$t->mark_log;

	like(mail("${head}X-HOLD: because\n\n$body"), qr/^250 .*queued as (\w+)/,
	    "a $name message is held");
	my ($id) = $t->wait_log(qr/\w+: hold: header X-HOLD/) =~
	    /(\w+): hold: header X-HOLD: because from unknown\[127\.0\.0\.1\]; from=<a\@client\.test> to=<user\@example\.test> proto=ESMTP helo=<client\.test>: because/;
	ok($id && -e "$t->{dir}/queue/hold/$id", 'and stands in hold');
	ok($id && !-e "$t->{dir}/queue/active/$id", 'there alone');
	is($t->tool('postsuper', '-d', $id)->{exit}, 0, 'until it is deleted');

	like(mail("${head}X-DISCARD: it\n\n$body"), qr/^250 /,
	    "a $name message is discarded");
	like($t->wait_log(qr/discard: header/), qr/X-DISCARD: it/,
	    'which is logged');

	like(mail("${head}X-REDIRECT: r$name\@example.test\n\n$body",
		to => [ 'one@example.test', 'two@example.test' ]), qr/^250 /,
	    "a $name message is redirected");
	my @got = arrived("r$name\@example.test", 1);
	is(scalar(@got), 1, 'once for all');
	ok(body_of($got[0]) eq $body, 'whole');

	like(mail("${head}X-BCC: b$name\@example.test\n\n$body",
		to => "t$name\@example.test"), qr/^250 /,
	    "a $name message has a blind copy");
	is(scalar(arrived("b$name\@example.test", 1)), 1, 'which arrives');
	is(scalar(arrived("t$name\@example.test", 1)), 1, 'as does the other');
}
is(scalar(@{[ glob("$t->{dir}/queue/hold/*") ]}), 0, 'nothing is left there');

# --- more recipients than stand behind the content --------------------------------

my @many = map { "m$_\@example.test" } 1 .. 1100;

like(mail("${head}X-BCC: extra\@example.test\n\nbody\n", to => \@many),
    qr/^250 /, 'a blind copy beside 1,100 recipients');
is(scalar(arrived('extra@example.test', 1)), 1, 'arrives');
ok($t->wait_log(qr/to=<m1100\@example\.test>.*status=sent/),
    'and so does the last');
like(mail("${head}X-REDIRECT: rall\@example.test\n\nbody\n", to => \@many),
    qr/^250 /, '1,100 recipients become one');
is(scalar(arrived('rall@example.test', 1)), 1, 'who gets it once');
is(() = $t->log_text =~ /to=<m1\@example\.test>.*status=sent/g, 1,
    'the others get no other');

# --- filters ------------------------------------------------------------------------

my $filter = 'smtp:[127.0.0.1]:' . $sink->port;

like(mail("${head}X-FILTER: $filter\n\nby header\n"), qr/^250 /,
    'FILTER is accepted');
like($t->wait_log(qr/relay=127\.0\.0\.1\[127\.0\.0\.1\]:${\ $sink->port}/),
    qr/to=<user\@example\.test>.*status=sent/, 'and goes to the filter');
like(mail("${head}X-FILTER: error:5.7.8 no way\n\nb\n"), qr/^250 /,
    'a filter that is the error transport');
like($t->wait_log(qr/dsn=5\.7\.8/), qr/status=bounced \(no way\)/,
    'returns it');
$t->configure({ content_filter => $filter }, {});
$t->reload;
wait_until(60, sub {
	mail("${head}\nfiltered\n", to => 'filtered@example.test');
	return $t->log_text =~ /to=<filtered\@example\.test>, relay=127/;
});
my ($there) = grep { $_->{to}[0] eq 'filtered@example.test' } $sink->messages;
ok($there, 'content_filter takes all mail');
# What the filter gives back passes.
like(mail("${head}X-REJECT: no\n\ndrop is kept\n", port => $back,
	to => 'back@example.test'), qr/^250 /,
    'no_header_body_checks: nothing is looked at');
my ($passed) = arrived('back@example.test', 1);
like($passed, qr/^X-REJECT: no\n\ndrop is kept\n/m, 'nor changed');
like(mail("${head}X-HOLD: it\n\nb\n", to => 'kept@example.test'), qr/^250 /,
    'held, with a filter');
my ($id) = $t->wait_log(qr/hold: header X-HOLD: it/) =~ /(\w+): hold: /;
like($t->tool('postcat', '-q', $id)->{out}, qr/^content_filter: \Q$filter\E$/m,
    'postcat shows it');
$t->tool('postsuper', '-d', 'ALL');
$t->configure({ content_filter => '' }, {});

# --- local submission -----------------------------------------------------------------

$t->reload;
wait_until(60, sub {
	mail("$head\nb\n", to => 'plain@example.test');
	return $t->log_text =~ /to=<plain\@example\.test>, relay=virtual/;
});
is($t->tool({ stdin => "To: x\@example.test\nX-REJECT: 5.7.6 not you\n\nb\n" },
	'sendmail', '-i', '-f', 'writer@example.test', 'x@example.test')->{exit},
    0, 'sendmail takes what is refused later');
like($t->wait_log(qr/reject: header X-REJECT/),
    qr/ from local; from=<writer\@example\.test> to=<x\@example\.test>: 5\.7\.6 not you/,
    'the log says local');
my ($report) = arrived('writer@example.test', 1);
like($report, qr/5\.7\.6/, 'and the writer hears of it');

# --- 8-bit content --------------------------------------------------------------------

$t->configure({ force_mime_input_conversion => 'yes' }, {});
$t->reload;
for my $n (1, 3000) {
	my $to = "coded$n\@example.test";
	my $i = 0;
	my @coded;

	# Who began before the reload may take some yet.
	wait_until(60, sub {
		mail("${head}MIME-Version: 1.0\nContent-Type: text/plain\n" .
		    "Content-Transfer-Encoding: 8bit\n\n" .
		    "act WARN \xe4\n" . "caf\xc3\xa9 =\n" x $n, to => $to);
		@coded = grep {
			/^Content-Transfer-Encoding: quoted-printable$/m
		} arrived($to, ++$i);
		return scalar @coded;
	});
	is(scalar @coded, 1, 'is marked as such');
	is(() = ($coded[0] // '') =~ /^caf=C3=A9 =3D$/mg, $n, 'all lines are coded');
}
ok($t->wait_log(qr/warning: body act WARN =E4/), 'checks see it coded');
$t->configure({ force_mime_input_conversion => 'no' }, {});

# --- tables ---------------------------------------------------------------------------

$t->configure({ body_checks => 'regexp:/nonexistent/table' }, {});
$t->reload;
ok(wait_until(60, sub { mail("$head\nb\n") =~
	/^451 4\.3\.0 Error: queue file write error/ }),
    'a table that cannot be opened: mail waits');
$t->configure({ body_checks => "regexp:$rules" }, {});
$t->reload;
ok(wait_until(60, sub { mail("$head\nb\n") =~ /^250 / }), 'until it can');
write_file("$rules.new", "/^Subject: x/ REJECT 5.7.5 new rule\n");
rename("$rules.new", $rules) or die "rename: $!\n";
ok(wait_until(120, sub { mail("$head\nb\n") =~ /^550 5\.7\.5 new rule/ }),
    'a table that was replaced is taken up');
done_testing();
