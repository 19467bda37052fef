#!/usr/bin/perl
# Header and body checks, the same tables in Barid and in Debian's Postfix: for
# each message the same reply, the same log lines of cleanup, the same fate of
# each recipient, and the same bytes in the mailbox.
use strict;
use warnings;

use File::Temp ();
use Test::More;

use Barid::Capture;
use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/cleanup');

my $rules = join '', map { "$_\n" }
    # What an action does, by a header that names it; the first that matches.
    (map { "/^X-$_: *(.*)\$/ $_ \$1" } qw(REJECT DISCARD HOLD REDIRECT BCC
	FILTER PREPEND REPLACE STRIP IGNORE DUNNO WARN INFO PASS OK NONSENSE)),
    '/^X-(REJECT|PREPEND|REPLACE|BCC|FILTER|REDIRECT|WARN|STRIP):$/ $1',
    '/^X-lower/ reject 5.7.9 lower case',
    '/^Subject: .*second line/ WARN two lines',
    '/^Subject: (spam.*)$/ REJECT 5.7.1 no $1',
    '/^Subject: later/ REJECT 4.7.2 later',
    '/^Subject: bad/ REJECT 2.0.0 odd',
    '/^Subject: replace (.*)$/ REPLACE Subject: [$1]',
    '/^X-Empty:$/ WARN empty',
    '/^Content-Type: .*name=.*\.exe/ REJECT 5.7.1 no programs',
    '/^Content-Disposition:.*\.exe/ WARN program',
    '/^Content-Description: drop/ IGNORE',
    '/^Content-Type: text\/x-other/ REPLACE Content-Type: text/plain',
    '/^MIME-Version: 9/ WARN version',
    '/^Received: .*loop/ WARN loop',
    '/^X-Long: .*END/ WARN the end of a long one',
    '/^X-Eight: .*' . "\xe4" . '/ WARN eight bits';
my $mime = join '', map { "$_\n" }
    '/^X-Part: (.*)/ WARN part $1', '/^Content-Disposition:.*\.scr/ STRIP scr',
    '/^Content-Type: .*name=.*\.exe/ REJECT 5.7.1 no programs within',
    '/^Content-Description: drop/ IGNORE',
    '/^Content-Type: text\/x-other/ REPLACE Content-Type: text/plain',
    '/^MIME-Version: 9/ WARN version',
    '/^Content-/ INFO mime';
my $nested = join '', map { "$_\n" } '/^Subject: (.*)/ WARN nested $1',
    '/^X-Drop/ IGNORE', '/^X-Prepend/ PREPEND X-Before: it';
my $body = join '', map { "$_\n" }
    (map { "/^act $_ *(.*)\$/ $_ \$1" } qw(REJECT DISCARD HOLD REDIRECT BCC
	FILTER PREPEND REPLACE STRIP IGNORE DUNNO WARN INFO PASS)),
    '/^--/ INFO delimiter', '/needle/ WARN needle', '/^dropme/ IGNORE',
    '/^fold/ REPLACE folded', '/^x{2000}/ WARN a chunk', '/^$/ WARN empty',
    '/^\.dot/ WARN dot';

# --- the messages: [name, header and body, options] ------------------------------

my @messages;

sub message
{
	my ($name, $text, %options) = @_;

	push @messages, { name => $name, text => $text, %options };
}

my $head = "From: a\@client.test\nTo: b\@client.test\n" .
    "Date: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-Id: <x\@client.test>\n";

for my $line ('X-REJECT: 5.7.3 go away', 'X-REJECT: go away', 'X-REJECT:',
	'X-REJECT: 4.3.2 come back', 'X-REJECT: 550 five', 'X-DISCARD: it',
	'X-DISCARD:', 'X-HOLD: a while', 'X-HOLD:', 'X-REDIRECT: other@postfix.test',
	'X-REDIRECT: nobody', 'X-REDIRECT:', 'X-BCC: copy@postfix.test',
	'X-BCC: copy', 'X-BCC:', 'X-FILTER: discard:silently',
	'X-FILTER: discard', 'X-FILTER: discard:', 'X-FILTER:',
	'X-PREPEND: X-Before: this', 'X-PREPEND: no header', 'X-PREPEND:',
	'X-REPLACE: X-Instead: this', 'X-REPLACE: no header', 'X-REPLACE:',
	'X-STRIP: why', 'X-STRIP:', 'X-IGNORE: why', 'X-DUNNO: why',
	'X-WARN: why', 'X-WARN:', 'X-INFO: why', 'X-PASS: why', 'X-OK: why',
	'X-NONSENSE: why', 'X-lower: x', 'X-REPLACE: Bcc: x@client.test',
	'X-REPLACE: Subject: spam again', 'X-PREPEND: Subject: spam') {
	message("header $line", "${head}$line\nSubject: x\n\nbody needle\n");
	message("$line, then others", "$line\n${head}Subject: spam\n\n" .
	    "act WARN there\ndropme\nend\n");
}
for my $line ('REJECT 5.7.3 go away', 'REJECT', 'REJECT 4.3.2 back', 'DISCARD',
	'HOLD it', 'REDIRECT other@postfix.test', 'BCC copy@postfix.test',
	'FILTER discard:body', 'PREPEND a line', 'PREPEND', 'REPLACE another',
	'REPLACE', 'STRIP', 'IGNORE', 'DUNNO', 'WARN w', 'INFO i', 'PASS') {
	message("body $line", "${head}Subject: x\n\none\nact $line\ntwo\n" .
	    "needle\n");
	message("body $line twice", "${head}Subject: x\n\nact $line\nact $line\n" .
	    "dropme\nact WARN after\n", rcpts => 2);
}
my @subjects = ("spam", "spam\n more", "a\n second line", "a\n\tb\n second line",
	"later", "bad", "replace it", "replace\n that", "replace it\n twice",
	"", " ");
message("Subject: $_", "${head}Subject: $_\n\nfold\nbody\n") for @subjects;
message('long header', "${head}X-Long: " . 'y' x 3000 . "END\n\nb\n");
message('long folded header', "${head}X-Long: " .
	("y" x 900 . "\n ") x 50 . "END\n\nb\n");
message('too long a header', "${head}X-Long: " .
	("y" x 900 . "\n ") x 120 . "END\nSubject: spam\n\nb\n");
message('long lines', "${head}\n" . 'x' x 2000 . "\n" . 'x' x 2047 . "\n" .
	'x' x 2048 . "needle\n" . 'x' x 2040 . "needle\n" . 'x' x 5000 . "\n");
message('dots', "${head}\n.dot\n..dot\n.\n...\n");
message('limit', "${head}\n" . ("0123456789\n" x 4654) . "needle\nneedle\n" .
	"needle\nx\nneedle\n");
message('limit in a part', mime_of('b', "\n" . ("0123456789\n" x 5000) .
	"needle\n", "\nneedle\n"));
message('8-bit header', "${head}X-Eight: \xe4\nSubject: x\n\n\xe4\n");
message('no empty line', "${head}no header at all\nneedle\n");
message('only a body', "needle\nis here\n");
message('only a header', $head);
message('empty header', "\nneedle\n");
message('empty', "");
message('blank before colon', "${head}Subject : spam\nX-WARN : w\n\nb\n");
message('two MIME versions', "${head}MIME-Version: 9\nMIME-Version: 1.0\n\n");
message('resent', "Resent-From: r\@client.test\nResent-Message-Id: <r\@x>\n" .
	"${head}\nb\n");
message('two message IDs', "Message-Id: <1\@x>\n${head}\nb\n");
message('empty message ID', "From: a\@client.test\nMessage-Id:\n\nb\n");
message('Bcc', "${head}Bcc: x\@client.test\nReturn-Path: <y>\n\nb\n");

# --- MIME ---------------------------------------------------------------------------

sub mime_of
{
	my ($boundary, @parts) = @_;

	return "${head}MIME-Version: 1.0\nContent-Type: multipart/mixed; " .
	    "boundary=$boundary\n\npreamble needle\n" .
	    join('', map { "--$boundary\n$_" } @parts) .
	    "--$boundary--\nepilogue needle\n";
}

message('multipart', mime_of('b', "X-Part: 1\n\none\n", "\ntwo needle\n"));
message('program', mime_of('b', "Content-Type: application/x; name=\"a.exe\"" .
	"\n\nx\n"));
message('program, folded', mime_of('b', "Content-Type: application/x;\n\t" .
	"name=\"a.exe\"\n\nx\n"));
message('screen saver', mime_of('b', "Content-Disposition: attachment;\n " .
	"filename=x.scr\nX-Part: y\n\nx\n"));
message('program at the top', "${head}Content-Type: x/y; name=a.exe\n\nx\n");
message('dropped', mime_of('b', "Content-Description: drop\nX-Part: 2\n\nx\n"));
message('other type', mime_of('b', "Content-Type: text/x-other\n\nx\n"));
message('other type at the top', "${head}Content-Type: text/x-other\n\nx\n");
message('quoted boundary', mime_of('"b: c"', '') =~ s/--"b: c"/--b: c/gr .
	"--b: c\nX-Part: no\n\n");
message('prefix boundary', mime_of('b', "X-Part: 1\n\n--bb\nX-Part: 2\n\nx\n"));
message('inner and outer', mime_of('o',
	"Content-Type: multipart/alternative; boundary=i\n\n--i\nX-Part: 1\n" .
	"\n--o\nX-Part: 2\n\n--i\nX-Part: 3\n\nx\n"));
message('inner begins with outer', mime_of('o',
	"Content-Type: multipart/alternative; boundary=oo\n\n--oo\nX-Part: 1\n" .
	"\n--oo--\nx\n", "X-Part: 2\n\ny\n"));
message('never closed', "${head}Content-Type: multipart/mixed; boundary=b\n\n" .
	"--b\nX-Part: 1\n\nx\n");
message('part without an empty line', mime_of('b', "X-Part: 1\n",
	"X-Part: 2\nno header\nneedle\n", "--b\n", "X-Part: 3\n\n"));
message('part that ends in its header', mime_of('b', "X-Part: 1\n fold\n"));
message('no boundary', mime_of('b', "X-Part: 1\n\n") =~ s/; boundary=b//r);
message('empty boundary', mime_of('b', "X-Part: 1\n\n") =~
	s/boundary=b/boundary=""/r);
message('boundary in a comment', mime_of('b', "X-Part: 1\n\n") =~
	s/boundary=b/(boundary=x) boundary=(y)b/r);
message('two boundaries', mime_of('b', "X-Part: 1\n\n--c\nX-Part: 2\n\n") =~
	s/boundary=b/boundary=b; boundary=c/r);
message('two content types', mime_of('b', "X-Part: 1\n\n--c\nX-Part: 2\n\n") =~
	s/(Content-Type.*\n)/$1Content-Type: multipart\/mixed; boundary=c\n/r);
message('type after type', mime_of('b', "X-Part: 1\n\n") =~
	s/(Content-Type.*\n)/$1Content-Type: text\/plain\n/r);
message('long boundary', mime_of('b' x 60, "X-Part: 1\n\n"));
message('blanks behind the boundary', mime_of('b', "X-Part: 1\n\n") =~
	s/--b\n/--b   \n/r);
message('digest', mime_of('b', "\nSubject: in\n\nneedle\n") =~
	s/mixed/digest/r);
message('rfc822', "${head}Content-Type: message/rfc822\n\nSubject: in\n" .
	"X-Drop: x\nX-Prepend: y\n\nneedle\n");
message('rfc822 in rfc822', "${head}Content-Type: message/rfc822\n\n" .
	"Subject: 1\nContent-Type: message/rfc822\n\nSubject: 2\n\nneedle\n");
message('rfc822 in a part', mime_of('b', "Content-Type: message/rfc822\n\n" .
	"Subject: in\nContent-Type: multipart/mixed; boundary=c\n\n--c\n" .
	"X-Part: 1\n\n--b\nX-Part: 2\n\n"));
message('rfc822 without an empty line', "${head}Content-Type: message/rfc822" .
	"\n\nSubject: in\nno header\nSubject: out\n");
message('rfc822 without a header', "${head}Content-Type: message/rfc822\n\n" .
	"no header\nSubject: out\n");
message('rfc822 that is a header only', "${head}Content-Type: message/rfc822" .
	"\n\nSubject: in\n");
message('rfc822, coded', "${head}Content-Type: message/rfc822\n" .
	"Content-Transfer-Encoding: base64\n\nSubject: in\n\nx\n");
message('global', "${head}Content-Type: message/global\n\nSubject: in\n\nx\n");
message('partial', "${head}Content-Type: message/partial; id=x\n\n" .
	"Subject: in\n\nx\n");
message('external', "${head}Content-Type: message/external-body\n\n" .
	"Subject: in\n\nx\n");
message('headers of a report', "${head}Content-Type: text/rfc822-headers\n\n" .
	"Subject: in\n\nx\n");
for my $depth (99, 102, 103, 130) {
	message("nested $depth deep", join '', $head, (map {
		"Content-Type: multipart/mixed; boundary=b$_.\n\n--b$_.\n"
	} 1 .. $depth), "X-Part: last\n\nx\n");
}
message('a byte that is refused', "${head}\nline\nodd \001 line\n");
message('a byte that is refused, in the header', "${head}X-\001: x\n\nb\n");
message('bytes that are taken out', "${head}Sub\002ject: sp\003am\n\nb\n");
message('bytes that are taken out of a body', "${head}\n\002one\002\n\003\n" .
	"nee\002dle\n");
# By chance: what the parser tells apart, in any order.
srand($ENV{BARID_SEED} // 1);
my @bits = ("Content-Type: multipart/mixed; boundary=b\n", "\n", "--b\n",
	"--b--\n", "Content-Type: message/rfc822\n", "--bc\n", "X-Part: 5\n",
	"Subject: s\n", "needle\n", " fold\n", "dropme\n",
	"Content-Transfer-Encoding: base64\n", "X-Drop: x\n", "\n", "text\n",
	"Content-Type: multipart/x; boundary=bc\n", "X-Prepend: q\n",
	"Content-Description: drop\n", "X-WARN: w\n", "act PREPEND p\n");
for my $n (1 .. 40 * ($ENV{BARID_SCALE} // 1)) {
	message("by chance $n", $head . join('', map { $bits[rand @bits] }
		1 .. 5 + int rand 25));
}
plan(skip_all => 'too few messages') if @messages < 150;

# --- on the way out ------------------------------------------------------------------

my %out_rules = (
	smtp_header => join('', map { "$_\n" }
	    (map { "/^Y-$_: *(.*)\$/ $_ \$1" } qw(PREPEND REPLACE STRIP IGNORE
		DUNNO WARN INFO OK REJECT HOLD PASS)),
	    '/^Y-(PREPEND|REPLACE|WARN|STRIP):$/ $1',
	    '/^Subject: two.*lines/ REPLACE Subject: one'),
	smtp_mime => "/^Content-Description/ STRIP no\n" .
	    "/^Content-Type: .*name=(.*)/ PREPEND X-Name: \$1\n",
	smtp_nested => "/^Subject: (.*)/ INFO nested \$1\n",
	smtp_body => join('', map { "$_\n" }
	    (map { "/^out $_ *(.*)\$/ $_ \$1" } qw(PREPEND REPLACE STRIP IGNORE
		DUNNO WARN INFO REJECT)), '/^leave/ INFO leaves'),
);
my @outgoing;

for my $line ('Y-PREPEND: A: b', 'Y-PREPEND:', 'Y-PREPEND: none',
	'Y-REPLACE: A: b', 'Y-REPLACE:', 'Y-REPLACE: none', 'Y-STRIP: why',
	'Y-STRIP:', 'Y-IGNORE: x', 'Y-DUNNO: x', 'Y-WARN: w', 'Y-WARN:',
	'Y-INFO: i', 'Y-OK: x', 'Y-REJECT: x', 'Y-HOLD: x', 'Y-PASS: x',
	"Subject: two\n lines", 'Y-WARN: ' . 'w' x 300) {
	push @outgoing, "$head$line\nX-Last: 1\n\nbody\nout STRIP x\n";
}
for my $action (qw(PREPEND REPLACE STRIP IGNORE DUNNO WARN INFO REJECT)) {
	push @outgoing, "$head\none\nout $action text\nout $action\nend\n";
}
push @outgoing, mime_of('b', "Content-Description: x\n\nleave\n",
	"Content-Type: message/rfc822\n\nSubject: in\n\nleave\n",
	"Content-Type: x/y; name=z\n\nx\n") =~ s/needle//gr,
    "$head\n" . 'x' x 990 . "\nout WARN x\n";

# --- both -----------------------------------------------------------------------------

my %common = (
	smtpd_peername_lookup => 'no', virtual_mailbox_domains => 'postfix.test',
	virtual_mailbox_maps => 'static:all/',
	smtpd_error_sleep_time => 0, smtpd_hard_error_limit => 10000,
	smtpd_soft_error_limit => 10000, smtp_tls_security_level => 'none',
);
my $dir = File::Temp::tempdir('/tmp/ck.XXXXXX', CLEANUP => 1);
my %files = (%out_rules, header => $rules, mime => $mime, nested => $nested,
	body => $body);

chmod(0755, $dir);
write_file("$dir/$_", $files{$_}) for keys %files;
my %checks = (header_checks => "regexp:$dir/header",
	mime_header_checks => "regexp:$dir/mime",
	nested_header_checks => "regexp:$dir/nested",
	body_checks => "regexp:$dir/body",
	map { ("${_}_checks" => "regexp:$dir/$_") } qw(smtp_body));
$checks{"smtp_${_}header_checks"} = "regexp:$dir/smtp_" .
    ($_ || 'header') =~ tr/_//dr for '', 'mime_', 'nested_';
my ($our_sink, $their_sink) = map { Barid::Capture->new } 1, 2;

sub route_to
{
	return 'inline:{ client.test=discard: { out.test = smtp:[127.0.0.1]:' .
	    $_[0]->port . ' } }';
}

# Bytes of no other message here.
@common{qw(message_reject_characters message_strip_characters)} =
    ('\\001', '\\002\\003');

my $postfix = start_postfix({ %common, %checks,
	transport_maps => route_to($their_sink),
	compatibility_level => '3.6', append_dot_mydomain => 'no',
	smtpd_relay_restrictions => 'permit_mynetworks, reject',
	smtpd_recipient_restrictions => '' })
    or plan(skip_all => 'no Postfix');
my $t = Barid::Test->new(main => { %common, %checks,
	transport_maps => route_to($our_sink),
	myhostname => 'postfix.test', mydestination => '',
	mynetworks => '127.0.0.0/8' });

$t->start;

sub play
{
	my ($port, $n, $m) = @_;
	my @to = map { sprintf('m%03d%s@postfix.test', $n, $_) }
	    $m->{rcpts} ? ('', 'a') : ('');

	return send_mail($port, { from => "s$n\@client.test", to => \@to,
		mail => ' BODY=8BITMIME' }, $m->{text});
}

for my $n (0 .. $#messages) {
	my $m = $messages[$n];

	$m->{ours} = { reply => play($t->{port}, $n, $m) };
	$m->{theirs} = { reply => play($postfix->{port}, $n, $m) };
	for my $side ($m->{ours}, $m->{theirs}) {
		$side->{id} = $1 if $side->{reply} =~ s/queued as (\w+)/queued as ID/;
	}
}

for my $n (0 .. $#outgoing) {
	send_mail($_, { from => 's@client.test', to => "o$n\@out.test" },
		$outgoing[$n]) for $t->{port}, $postfix->{port};
}

# Nothing is on its way any more.
sub is_idle
{
	my ($spool) = @_;

	return !grep { -f $_ } map { glob("$spool/$_/*"), glob("$spool/$_/*/*") }
	    qw(incoming active maildrop deferred);
}

ok(wait_until(120, sub { is_idle("$postfix->{dir}/spool") }),
	'Postfix has delivered');
ok($t->wait_queue_empty || is_idle("$t->{dir}/queue"), 'and so have we');

# What the log says of one message, by its sender; queue IDs taken away.
sub lines_of
{
	my ($log) = @_;
	my (%by, %sender);

	for (split /\n/, $log) {
		next unless m{/(\w+)\[\d+\]: (\w+): (.*)};
		my ($who, $id, $text) = ($1, $2, $3);

		$sender{$id} = $1 if $text =~ /from=<s(\d+)\@/;
		next unless $who eq 'cleanup' || $text =~ /status=/;
		push @{ $by{$id} }, $text;
	}
	my %out;
	for my $id (keys %by) {
		next unless defined $sender{$id};
		for my $text (@{ $by{$id} }) {
			# We show such bytes by their numbers.
			$text =~ s/\\x[89A-F][0-9A-F]/?/g;
			if ($text =~ /^to=(<.*?>),( orig_to=<.*?>,)? relay=.* status=(\w+) \((.*)\)/) {
				push @{ $out{$sender{$id}}{fate} },
				    "$1" . ($2 // '') . " $3 ($4)";
			} elsif ($text !~ /^message-id=|^resent-message-id=/) {
				push @{ $out{$sender{$id}}{actions} }, $text;
			} else {
				push @{ $out{$sender{$id}}{ids} }, $text;
			}
		}
	}
	return \%out;
}

# What each recipient got, without what each system adds of its own.
sub stored
{
	my ($folder) = @_;
	my %by;

	for (glob("$folder/all/new/*")) {
		my $text = read_file($_);
		my $to = '';

		$text =~ s/\r\n/\n/g;
		# Its time and ID; two servers are not asked in the same second.
		$text =~ s/^(Message-Id: <)\d{14}\.\w+@/$1TIME.ID@/m;
		$text =~ s/^(Date: )(.*) (\(UTC\))$/$1now/m;
		while ($text =~ s/^(Return-Path|X-Original-To|Delivered-To): (.*)\n//) {
			$to = $2 if $1 eq 'Delivered-To';
		}
		$text =~ s/^Received: from .*\n(?:[ \t].*\n)*//m;
		push @{ $by{$to} }, $text;
	}
	$_ = [ sort @$_ ] for values %by;
	return \%by;
}

my $our_lines = lines_of($t->log_text);
my $their_lines = lines_of(read_file($postfix->{log}));
my ($our_mail, $their_mail) = map { stored($_) } "$t->{dir}/mail",
    $postfix->{mail};
my $n_same = 0;
# On purpose: a message without a body is stored with the empty line that ends a
# header.
my %no_line = map { $_ => 1 } 'only a header', 'empty';

for my $n (0 .. $#messages) {
	my $m = $messages[$n];

	for my $side ([ $m->{ours}, $our_lines, $our_mail,
		"$t->{dir}/queue" ], [ $m->{theirs}, $their_lines,
		$their_mail, "$postfix->{dir}/spool" ]) {
		my ($s, $lines, $mail, $spool) = @$side;

		$s->{actions} = $lines->{$n}{actions} // [];
		$s->{fate} = [ sort @{ $lines->{$n}{fate} // [] } ];
		$s->{stored} = [ map { $mail->{sprintf('m%03d%s@postfix.test',
			$n, $_)} } '', 'a' ];
		$s->{held} = defined $s->{id} && -e "$spool/hold/$s->{id}" ? 1 : 0;
		delete $s->{id};
	}
	if ($no_line{$m->{name}}) {
		is($m->{ours}{stored}[0][0], "$m->{theirs}{stored}[0][0]\n",
		    "$m->{name}: with an empty line");
		next;
	}
	my $same = is_deeply($m->{ours}, $m->{theirs}, $m->{name});
	$n_same++ if $same;
	diag('ours: ', explain($m->{ours}), 'theirs: ', explain($m->{theirs}))
	    if !$same && $ENV{BARID_VERBOSE};
}
note("$n_same of " . @messages . ' messages are the same');
for my $name (qw(other copy)) {
	my $to = "$name\@postfix.test";

	is_deeply($our_mail->{$to}, $their_mail->{$to}, "what $to got");
}

# What left, and what smtp said of it.
sub sent
{
	my ($sink, $log) = @_;
	my (%out, %to);

	for my $m ($sink->messages) {
		my $text = $m->{content};

		$text =~ s/^Received: from .*\n(?:[ \t].*\n)*//m;
		$out{$m->{to}[0]} = { content => $text };
	}
	$to{$1} = $2 while $log =~ m{/smtp\[\d+\]: (\w+): to=<(.*?)>}g;
	while ($log =~ m{/smtp\[\d+\]: (\w+): ((?!to=).*)}g) {
		push @{ $out{$to{$1} // ''}{log} }, $2;
	}
	return \%out;
}

my $ours = sent($our_sink, $t->log_text);
my $theirs = sent($their_sink, read_file($postfix->{log}));

for my $n (0 .. $#outgoing) {
	my $to = "o$n\@out.test";

	ok(defined $ours->{$to}{content}, "outgoing $n left");
	is_deeply($ours->{$to}, $theirs->{$to}, "outgoing $n is the same");
}
done_testing();
