#!/usr/bin/perl
# Address rewriting as Debian's Postfix does it: the same configuration and the
# same mail for both, then what each says to the client and delivers to an SMTP
# server that keeps everything: sender, recipients, what DSN is told of them,
# headers, and the recipients in the log.
#
# BARID_SCALE=N has N times as many messages made by chance; BARID_SEED others.
use strict;
use warnings;

use Test::More;

use Barid::Capture;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp');

my $seed = $ENV{BARID_SEED} // 1;
my $scale = $ENV{BARID_SCALE} // 1;
srand($seed);

# --- The configurations ---------------------------------------------------------

my %site = (
	myhostname => 'mx.host.test', mydomain => 'host.test',
	myorigin => 'orig.test', mydestination => 'loc.test, $myhostname',
	recipient_delimiter => '+-', append_dot_mydomain => 'yes',
	local_recipient_maps => '', virtual_mailbox_domains => '',
	virtual_mailbox_maps => '', local_header_rewrite_clients =>
	    'permit_mynetworks', smtp_destination_recipient_limit => 200,
	smtpd_relay_restrictions =>
	    'permit_mynetworks reject_unauth_destination',
	smtputf8_enable => 'no', smtp_connection_cache_on_demand => 'no',
);

my @profiles = (
	{ name => 'canonical', main => {
		canonical_maps => 'inline:{ {cjoe@a.test = cjim@b.test} ' .
		    '{@cat.test = @cat2.test} {@call.test = call} ' .
		    '{cm@a.test = x@a.test, y@a.test} {plain = plainres} ' .
		    '{cuser@loc.test = cuser2} {s3@a.test = s4@a.test} ' .
		    '{ {"q s"@a.test} = "r s"@b.test} } ' .
		    'regexp:{{/^re(.*)@re.test$$/ X$$1@re2.test}}',
		sender_canonical_maps => 'inline:{ {s2@a.test = s3@a.test} ' .
		    '{plain = sender} {sp@a.test = sp2} }',
		recipient_canonical_maps => 'inline:{ {r2@a.test = ' .
		    's3@a.test} {plain+e = exact} {rp@a.test = rp2} }',
	} },
	{ name => 'canonical, of some classes', main => {
		canonical_maps => 'inline:{ {a@a.test = b@b.test} }',
		canonical_classes => 'envelope_sender, header_recipient',
		sender_canonical_maps => 'inline:{ {c@a.test = d@b.test} }',
		sender_canonical_classes => 'header_sender',
		recipient_canonical_maps => 'inline:{ {e@a.test = f@b.test} }',
		recipient_canonical_classes => 'header_recipient',
		masquerade_domains => 'm.test',
		masquerade_classes => 'envelope_recipient, header_sender',
		propagate_unmatched_extensions => '',
	} },
	{ name => 'masquerading', main => {
		masquerade_domains => '!keep.m.test M.test !!two.test',
		masquerade_exceptions => 'root, exc inline:{tab=}',
		canonical_maps => 'inline:{ {tom@a.test = tom@deep.m.test} }',
	} },
	{ name => 'virtual aliases', main => {
		virtual_alias_domains => 'vd.test, vd2.test',
		virtual_alias_expansion_limit => 20,
		virtual_alias_recursion_limit => 5,
		virtual_alias_address_length_limit => 80,
		virtual_alias_maps => 'inline:{ ' .
		    '{v@a.test = v1@b.test, v2@b.test} ' .
		    '{v1@b.test = v3@c.test v1@b.test} ' .
		    '{@cad.test = catch@c.test} {@cad2.test = @cad3.test} ' .
		    '{l1@a.test = l2@a.test} {l2@a.test = l1@a.test} ' .
		    '{vu@a.test = vu@x.test} {root = rooty@z.test} ' .
		    '{nouser = nouser, other@o.test} ' .
		    '{upper@a.test = Up2@Z.test} {q@a.test = "a b"@c.test} ' .
		    '{ {"sp ace"@a.test} = ok@ok.test} ' .
		    '{@rel.test = rel, rel2+e} {ws@a.test = root2 admin} ' .
		    '{cmt@a.test = "Foo B" <foo@b.test>, (c) bar@b.test} ' .
		    '{grp@a.test = g: a@x.test, b@x.test;} ' .
		    '{dup@a.test = x@d.test, X@d.test, x@D.test} ' .
		    '{d1@a.test = d2@a.test} {d2@a.test = d3@a.test} ' .
		    '{d3@a.test = d4@a.test} {d4@a.test = d5@a.test} ' .
		    '{d5@a.test = d6@a.test} ' .
		    '{big@a.test = ' . join(', ', map { "b$_\@x.test" }
			1 .. 25) . '} ' .
		    '{long@a.test = ' . 'x' x 90 . '@c.test} ' .
		    '{u@vd.test = u@x.test} {u+e@vd.test = ue@x.test} ' .
		    '{@vd2.test = all@x.test} {pct@a.test = x%y.test@z} ' .
		    '{bang@a.test = host!user} {dot@a.test = u@x.test.}} ' .
		    'regexp:{{/^(.*)@pat\.test$$/ $$1@one.test, $$1@two.test}}',
	} },
	{ name => 'blind copies', main => {
		always_bcc => 'abcc',
		sender_bcc_maps => 'inline:{ {s@a.test = sbcc@b.test} ' .
		    '{@dom.test = domcc@b.test} }',
		recipient_bcc_maps => 'inline:{ {r@a.test = rbcc+z} ' .
		    '{@bd.test = bd@x.test} {loc = loccc@b.test} }',
		virtual_alias_maps =>
		    'inline:{ {abcc = abcc2@b.test} {r@a.test = s@b.test} }',
		canonical_maps => 'inline:{ {can@a.test = r@a.test} ' .
		    '{sbcc@b.test = sbcc2@b.test} }',
	} },
	{ name => 'other contexts', main => {
		local_header_rewrite_clients => '',
		remote_header_rewrite_domain => 'remote.invalid',
		canonical_maps => 'inline:{ {h@h.test = hh} {short = lo@ng.test} }',
		masquerade_domains => 'm.test',
	} },
	{ name => 'headers of strangers', main => {
		local_header_rewrite_clients => '',
		canonical_maps => 'inline:{ {h@h.test = hh} {short = lo@ng.test} }',
		masquerade_domains => 'm.test',
	} },
	{ name => 'addresses left short', main => {
		append_at_myorigin => 'yes', append_dot_mydomain => 'no',
		swap_bangpath => 'no', allow_percent_hack => 'no',
		recipient_delimiter => '-', owner_request_special => 'yes',
		enable_original_recipient => 'no',
		virtual_alias_maps => 'inline:{ {list = a@x.test, b@x.test} ' .
		    '{o@a.test = a@x.test} {owner-list = boss@x.test} ' .
		    '{l2@a.test = list} }',
	} },
	{ name => 'generic', main => {
		smtp_generic_maps => 'inline:{ {joe@orig.test = j@isp.test} ' .
		    '{ann = ann@isp.test} {@old.test = @new.test} ' .
		    '{short@loc.test = me} {two@a.test = a@x.test b@x.test} ' .
		    '{v2@b.test = v3@isp.test} }',
		virtual_alias_maps => 'inline:{ {v = v2@b.test, ann} }',
		local_header_rewrite_clients => '',
	} },
	# What is beyond the limit goes, where any address was another one.  Of
	# what that leaves of <> and groups each makes something else.
	(map { { name => "$_ tokens", by_chance => 0, main => {
		header_address_token_limit => $_,
		local_header_rewrite_clients => 'permit_mynetworks',
		canonical_maps => 'inline:{ {c@a.test = d@b.test} }',
	} } } 8, 9, 12, 13),
	{ name => 'no mappings', main => {
		receive_override_options =>
		    'no_address_mappings, no_unknown_recipient_checks',
		virtual_alias_maps => 'inline:{ {v@a.test = v1@b.test} }',
		canonical_maps => 'inline:{ {s@a.test = s1@b.test} }',
		masquerade_domains => 'm.test', always_bcc => 'abcc',
	} },
	{ name => 'routes', main => {
		relay_domains => 'rel.test', relay_recipient_maps => '',
		relocated_maps => 'inline:{ {gone@a.test = new@b.test} ' .
		    '{@moved.test = @there.test} {lost = found@b.test} }',
		transport_maps => 'inline:{ {err@a.test = error:5.7.9 no way} ' .
		    '{@x = retry:} {err.test = error:mail for err} ' .
		    '{.sub.test = error:sub} {disc.test = discard:gone} ' .
		    '{plain.test = error} {rt.test = retry:4.2.9 later} ' .
		    '{u+x@a.test = error:ext} {u@u.test = error:user} ' .
		    '{null.sub.test = :} {d2.test = discard:} }',
		smtpd_relay_restrictions => 'permit_mynetworks reject',
		smtpd_reject_unlisted_recipient => 'no',
		virtual_alias_maps => 'inline:{ {to@a.test = err@a.test} }',
	} },
	{ name => 'routes by sender', main => {
		relay_domains => 'rel.test', relay_recipient_maps => '',
		virtual_mailbox_domains => 'vm.test',
		sender_dependent_default_transport_maps => 'inline:{ ' .
		    '{err@a.test = error:5.7.8 not you} ' .
		    '{@disc.test = discard:by sender} {dunno@a.test = DUNNO} ' .
		    '{rt+x@a.test = retry:4.7.8 later} {loc = error:local name} ' .
		    '{<> = error:no sender} {tr@a.test = error}}',
		sender_dependent_relayhost_maps => 'inline:{ ' .
		    '{u@a.test = DUNNO} {@dead.test = $relayhost} ' .
		    '{<> = $relayhost} }',
		transport_maps => 'inline:{ {x@mapped.test = :$relayhost} ' .
		    '{far.err.test = error:5.7.6 mapped} {* = :$relayhost}}',
	} },
	{ name => 'known recipients', main => {
		local_recipient_maps => 'inline:{ {known = x} {both+e = x} }',
		virtual_alias_domains => 'vd.test', relay_domains => 'rel.test',
		relay_recipient_maps => 'inline:{ {r@rel.test = x} }',
		canonical_maps => 'inline:{ {canon@vd.test = u@x.test} ' .
		    '{cl = u@x.test} }',
		recipient_canonical_maps =>
		    'inline:{ {rc@rel.test = u@x.test} {@rc.test = x} }',
		sender_canonical_maps => 'inline:{ {sc@vd.test = u@x.test} }',
		virtual_alias_maps => 'inline:{ {va = u@x.test} ' .
		    '{u@vd.test = u@x.test} {@half.test = u@x.test} }',
		relocated_maps => 'inline:{ {gone@vd.test = new@b.test} ' .
		    '{gone = new@b.test} {gone@rel.test = new@b.test} }',
		smtpd_reject_unlisted_sender => 'yes',
	} },
);

# --- The mail -------------------------------------------------------------------

my $odd_header = <<'END';
From: short (com)
To: a, b@c, h+x@h.test, <>, undisclosed: ;, foo%bar, foo!bar, <short>,
	"Q" <q@q.>, plain+e, cjoe+f@a.test, "q s"@a.test
Cc: Some One <so@h.m.test> (comm), =?x?q?y?= <cjoe@A.test>, c@a.test
Sender: root@h.m.test
Reply-To: und: a@h.m.test, b;
Errors-To: e@deep.m.test
Return-Receipt-To: rrt
Disposition-Notification-To: s2@a.test
Resent-To: r2@a.test
Resent-From: s2@a.test
X-Other: cjoe@a.test
END

my %mail = (
	'canonical' => [
		['cjoe@a.test', 'CJoe+ext@a.test', 'cjoe@a.test', 'o@o.test'],
		['f@cat.test', 'f+g@cat.test', 'xx+e@call.test', 'cm+p@a.test'],
		['f', 'reFoo+e@re.test', 'plain+e@loc.test', 'plain-e',
		    'plain@other.test', 'cuser+1@loc.test', 'plain'],
		['s2+e@a.test', 'r2+e@a.test', 's2@a.test', 'rp@a.test'],
		['plain', 'plain+e'], ['sp+1@a.test', 'sp@a.test'],
		['"q s"@a.test', '"q s"@a.test'],
		['', 'plain+e@orig.test', 'plain+f@mx.host.test'],
		['f@a.test', { head => $odd_header }, 'x@x.test'],
	],
	'canonical, of some classes' => [
		map { my $u = $_; (
		    ["$u\@a.test", { head => "From: $u+e\@a.test\nTo: " .
			    "$u\@a.test, $u+e\@a.test\n" }, "$u\@a.test"],
		    ["$u\@h.m.test", { head => "From: $u\@h.m.test\nTo: " .
			    "$u\@h.m.test\nReply-To: $u\@a.test\n" .
			    "Resent-Reply-To: $u\@h.m.test, $u\@a.test\n" },
			    "$u\@h.m.test", "$u+e\@a.test"]) } qw(a c e),
	],
	'masquerading' => [
		map({ [$_, { head => "From: $_\nTo: $_, x\n" }, $_] }
		    'f@h.m.test', 'f+e@H.M.TEST', 'root@h.m.test',
		    'exc@h.m.test', 'exc+e@h.m.test', 'tab@h.m.test',
		    'x@a.keep.m.test', 'x@keep.m.test', 'x@m.test',
		    'x@notm.test', 'x@b.two.test', 'tom@a.test',
		    '"a b"@h.m.test', 'Root@h.m.test', 'x@[1.2.3.4]'),
		['f@a.test', { head => $odd_header }, 'x@x.test'],
	],
	'virtual aliases' => [
		map({ ['f@f.test', $_] } qw(v@a.test v+e@a.test any+e@cad.test
		    any+e@cad2.test l1@a.test l2@a.test vu+e@a.test root+x
		    root@loc.test root@mx.host.test root@other.test
		    nouser@loc.test UPPER+x@a.test q+e@a.test
		    a@rel.test ws@a.test cmt@a.test grp@a.test dup@a.test
		    d1@a.test d2@a.test d3@a.test big@a.test long@a.test
		    u@vd.test u+e@vd.test u+f@vd.test no@vd.test x@vd2.test
		    pct@a.test bang@a.test dot@a.test foo@pat.test), '',
		    'foo+e@pat.test', '"sp ace"@a.test', 'root@[127.0.0.1]'),
		['f@f.test', 'v@a.test', 'v1@b.test', 'v@a.test', 'V@a.test',
		    'v2@b.test', 'x@a.test', 'X@a.test'],
		['f@f.test', '<v@a.test> NOTIFY=FAILURE ORCPT=rfc822;o@r.test',
		    '<v@a.test>', '<vu@a.test> NOTIFY=NEVER'],
		['', 'v@a.test', 'vu@x.test', 'vu@a.test'],
		['f@f.test', '<v@a.test> NOTIFY=SUCCESS,DELAY',
		    '<vu@a.test> NOTIFY=SUCCESS ORCPT=rfc822;o@r.test',
		    '<vu@a.test> NOTIFY=SUCCESS,FAILURE', 'x@x.test'],
		['g@f.test', '<root> NOTIFY=SUCCESS'],
		['f@f.test', 'l1@a.test', 'v@a.test'],
	],
	'blind copies' => [
		['s@a.test', 'r@a.test', 'R+x@a.test', 'any@bd.test'],
		['s+e@a.test', 'loc', 'loc+e@loc.test'],
		['x@dom.test', 'can@a.test'], ['', 'r@a.test'],
		['x@x.test', 'x@x.test', 'abcc'], ['x@x.test', 'abcc2@b.test'],
	],
	(map { $_ => [
		['short', { head => $odd_header }, 'short', 'h@h.test'],
		['f@a.m.test', { head => "Subject: none\n" }, 'x'],
		['f', { head => "X: y\n" }, 'b@c', 'h+x@h.test', 'foo%bar',
		    'foo!bar', 'a%b@loc.test'],
	] } 'other contexts', 'headers of strangers'),
	'addresses left short' => [
		['short', { head => $odd_header }, 'short', 'h@h', 'a%b.test',
		    'b.test!a', 'list', 'LIST@loc.test'],
		['f@f.test', 'list', 'o@a.test', 'a@x.test', 'A@x.test'],
		['f@f.test', 'owner-list', 'list-request', 'list-x',
		    'owner-other', 'l2-y@a.test', 'owner@x', 'o-@a.test'],
	],
	'generic' => [
		map { [$_, { head => "From: \"N\" <$_> (c)\nTo: $_,\n\t$_ (x)\n" .
			"Reply-To: b\@c\nX-Other: $_\n" }, $_, 'v'] } qw(joe
			joe@orig.test JOE@Orig.Test joe+e@orig.test ann
			ann@mx.host.test ann@other.test u+x@old.test
			short@loc.test two@a.test two+x@a.test v2@b.test
			x@x.test), '"j q"@old.test',
	],
	(map { my $limit = $_; "$limit tokens" => [
		map { ['f@f.test', { head => "From: f\@f.test\nTo: $_\n" },
		    'x@x.test'] } (
			# Up to a whole address, and in the middle of one.
			join(', ', ('c@a.test') x 4),
			join(', ', ('x@a.test') x 4),
			'"Q" <c@a.test>, x@a.test, y@a.test',
			'"Q w" <c@a.test> (c (d) e), x@x.test, y@x.test',
			"c\@a.test,\n\tx1\@x.test,\n\tx2\@x.test,\n\tx3\@x.test",
			'c@a.test, w@[1.2.3.4], x@x.test, y@x.test',
			'c@a.test, a.b.c.d.e.f@x.test',
			'c@a.test, "a\\"b"@x.test, x!y%z@w.test, v@w.test'),
	] } 8, 9, 12, 13),
	'no mappings' => [
		['s@a.test', { head => "From: s\@a.test\nTo: a\@h.m.test\n" },
		    'v@a.test', 's@a.test', 's', 'x@h.m.test'],
		['f@h.m.test', 'loc@loc.test'],
	],
	'routes' => [
		map { ['f@f.test', $_] } qw(gone@a.test gone+x@a.test
		    x@moved.test lost lost@loc.test lost@other.test err@a.test
		    err+e@a.test x@err.test x@y.err.test x@y.sub.test x@sub.test
		    x@disc.test x@plain.test x@rt.test u+x@a.test u+y@a.test
		    u+y@u.test x@null.sub.test x@d2.test to@a.test x@rel.test),
	],
	'routes by sender' => [
		map { my $f = $_; map { [$f, $_] } qw(x@far.test x@rel.test
		    loc@loc.test x@mapped.test x@far.err.test) } qw(err@a.test
		    err+e@a.test x@disc.test dunno@a.test rt+x@a.test loc
		    loc@loc.test loc@other.test u@a.test y@dead.test
		    tr@a.test), '',
	],
	'known recipients' => [
		['f@f.test', qw(known known+e unknown both+e both both+x
		    u@vd.test no@vd.test u+e@vd.test r@rel.test no@rel.test
		    canon@vd.test canon+z@vd.test cl cl@loc.test rc@rel.test
		    x@rc.test va va@loc.test x@half.test gone@vd.test gone
		    gone@rel.test x@x.test)],
		map { [$_, 'known'] } qw(sc@vd.test no@vd.test known@loc.test
		    unknown@loc.test u@vd.test gone@vd.test va),
	],
);

# Some by chance: words that the tables have, in all combinations.
sub random_address
{
	my @users = qw(v v1 plain root cjoe list s2 r2 x tom u r s loc sp q);
	my @domains = qw(a.test b.test h.m.test m.test vd.test loc.test
	    orig.test cat.test cad.test cad2.test call.test bd.test mx.host.test
	    dom.test pat.test x.test);
	my $pick = sub { $_[rand @_] };
	my $user = $pick->(@users);

	$user = uc($user) if rand() < .15;
	$user .= $pick->('+', '-') . $pick->('e', 'x', 'E+f', '')
	    if rand() < .4;
	return rand() < .2 ? $user : "$user\@" . $pick->(@domains);
}

sub random_mail
{
	my @rcpts = map { random_address() } 0 .. rand(4);
	my ($from, $cc) = (random_address(), random_address());

	return [$from, { head => "From: A <$from>\nTo: " .
		join(', ', @rcpts) . "\nCc: $cc\n" }, @rcpts];
}

# --- Sending and comparing ------------------------------------------------------

# One session for all of them; the replies, without queue IDs.
sub send_all
{
	my ($port, $mails) = @_;
	my $s = smtp_connect('127.0.0.1', $port);
	my (@replies, $n);
	my $say = sub {
		$s->send($_[0]);
		return $s->read_reply(60) =~ s/queued as \S+/queued/r =~
		    s/^(250 2\.1\.[05] Ok|354 ).*/$1/r;
	};

	$s->read_reply(60);
	$say->('EHLO client.test');
	for my $mail (@$mails) {
		my ($from, @rcpts) = @$mail;
		my $more = ref $rcpts[0] ? shift @rcpts : {};
		my @said = $say->("MAIL FROM:<$from>");
		my ($first) = $rcpts[0] =~ /^<?([^>]*)/;
		my $head = $more->{head} // "From: $from\nTo: $first\n";

		for my $rcpt (@rcpts) {
			push @said, "$rcpt: " .
			    $say->('RCPT TO:' . ($rcpt =~ /^</ ? $rcpt :
				"<$rcpt>"));
		}
		push @said, $say->('DATA');
		if ($said[-1] =~ /^354/) {
			$head =~ s/\n/\r\n/g;
			push @said, $say->("${head}X-Mark: " . $n++ .
			    "\r\n\r\nbody\r\n.");
		} else {
			$n++;
			$say->('RSET');
		}
		push @replies, join("\n", @said);
	}
	$say->('QUIT');
	return @replies;
}

# What was delivered of each message, by its mark: lines to be compared.
sub deliveries
{
	my ($sink) = @_;
	my (%by_mark, @reports);

	for my $m ($sink->messages) {
		my ($head) = $m->{content} =~ /^(.*?\n)\n/s;

		push @reports, report($m) if $m->{from} eq '';

		$head =~ s/\n[ \t]+/ /g;
		my ($mark) = $head =~ /^X-Mark: (\d+)/m or next;
		$head =~ s/^(Received|(Resent-)?(Message-Id|Date)):.*\n//mgi;
		$head =~ s/ +$//mg;
		# Postfix writes what it rewrites anew.
		$head =~ s/>\(/> (/g;
		push @{ $by_mark{$mark} }, map {
			"MAIL <$m->{from}> RCPT <$m->{to}[$_]> " .
			    join(' ', sort split / /, $m->{rcpt}[$_])
		} 0 .. $#{ $m->{to} };
		push @{ $by_mark{"$mark head"} }, $head;
	}
	for my $mark (keys %by_mark) {
		my %seen;
		my @all = sort @{ $by_mark{$mark} };

		@all = grep { !$seen{$_}++ } @all if $mark =~ /head/;
		$by_mark{$mark} = join("\n", @all);
	}
	$by_mark{reports} = join("\n", sort @reports);
	return \%by_mark;
}

# What a report says of each recipient.
sub report
{
	my ($m) = @_;
	my ($subject) = $m->{content} =~ /^Subject: (.*)/m;
	my @said = $m->{content} =~
	    /^((?:Final-Recipient|Original-Recipient|Action|Status): .*)/mg;

	# The order of fields is free (RFC 3464 2.1.1), and a blank.
	return @said ? join(' | ', $m->{to}[0], $subject,
		sort map { s/rfc822; /rfc822;/r } @said) : ();
}

# to=, orig_to=, dsn= and the beginning of status= of all recipients.
sub logged
{
	my ($path) = @_;
	my @lines = (read_file($path) // '') =~
	    /: (to=<.*status=\w+ \(.{0,60})/g;

	return sort map {
		s/ relay=.*?(dsn=)/ $1/r =~ s/queued as \w+/queued/gr
	} grep { !/MAILER-DAEMON|postmaster/i } @lines;
}

# Start it and send all; what `finish` needs.
sub begin
{
	my ($what, $profile, $mails) = @_;
	my $sink = Barid::Capture->new(dsn => 1);
	my $to = "smtp:[127.0.0.1]:" . $sink->port;
	my %main = (%site, relayhost => '[127.0.0.1]:' . $sink->port,
		(map { +"${_}_transport" => $to } qw(local relay virtual)),
		default_transport => 'smtp', %{ $profile->{main} });
	my $instance = $what eq 'postfix' ? start_postfix(\%main) :
	    Barid::Test->new(main => \%main)->start;

	return { what => $what, instance => $instance, sink => $sink,
		replies => [send_all($instance->{port}, $mails)] };
}

# Each message has had its turn: removed, or deferred.
sub is_done
{
	my ($log, $expected) = @_;
	my $text = read_file($log) // '';
	my %ended = map { $_ => 1 } ($text =~ /(\w+): removed/g,
		$text =~ /(\w+): to=.*status=deferred/g);
	my @begun = $text =~ /(\w+): from=<.*queue active/g;

	return @begun >= $expected && !grep { !$ended{$_} } @begun;
}

sub finish
{
	my ($one) = @_;
	my $instance = $one->{instance};
	my $n = grep { /queued/ } @{ $one->{replies} };

	wait_until(60, sub { is_done($instance->{log}, $n) });
	my $port = $one->{sink}->port;
	my $deliveries = deliveries($one->{sink});

	# The next hop is in some texts.
	s/:$port\b/:PORT/g for @{ $one->{replies} }, values %$deliveries;
	my @result = ($one->{replies}, $deliveries,
		[sort map { s/:$port\b/:PORT/gr } logged($instance->{log})]);
	if ($one->{what} eq 'postfix') {
		stop_peer($instance->{pid});
	} else {
		$instance->stop;
	}
	return @result;
}

have_postfix() or plan(skip_all => 'no Postfix to compare with');

sub have_postfix
{
	return $> == 0 && -e top_folder() . '/build/peers/postfix/.unpacked';
}

my $n_compared = 0;

# With sanitizers those that reach the most code; without them all.
my %most = map { $_ => 1 } ('canonical', 'masquerading', 'virtual aliases',
	'blind copies', 'other contexts', 'generic', 'routes');

@profiles = grep { $most{ $_->{name} } } @profiles
    if is_checks_build() && $scale == 1;

for my $profile (@profiles) {
	my @mails = (@{ $mail{ $profile->{name} } },
		map { random_mail() }
		    1 .. 4 * $scale * ($profile->{by_chance} // 1));

	subtest $profile->{name} => sub {
		my ($peer, $self) =
		    map { begin($_, $profile, \@mails) } qw(postfix barid);
		my @theirs = finish($peer);
		my @ours = finish($self);

		for my $n (0 .. $#mails) {
			my ($from, @rcpts) = @{ $mails[$n] };
			my $name = "$n: <$from> to " .
			    join(' ', grep { !ref } @rcpts);

			is($ours[0][$n], $theirs[0][$n], "$name: replies");
			is($ours[1]{$n}, $theirs[1]{$n}, "$name: envelope");
			is($ours[1]{"$n head"}, $theirs[1]{"$n head"},
				"$name: header");
			$n_compared++;
		}
		is($ours[1]{reports}, $theirs[1]{reports}, 'the reports');
		is(join("\n", @{ $ours[2] }), join("\n", @{ $theirs[2] }),
			"the log (seed $seed)");
	};
}

cmp_ok($n_compared, '>=', 100, 'as many messages as were to be compared');

done_testing;
