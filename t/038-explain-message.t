#!/usr/bin/perl
# barid explain, beyond the recipient: what access control orders, a message that
# is checked, content filters, the screen and the greylist, and the lines of
# tables that have none.
use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/cleanup');
my $port = free_port();
my $t = Barid::Test->new(port => $port, main => {
	smtpd_peername_lookup => 'no', mynetworks => '127.0.0.1/32',
	mydestination => 'here.test', myorigin => 'here.test',
	alias_maps => 'hash:$config_directory/aliases',
	virtual_alias_maps => 'hash:$config_directory/virtual',
	virtual_mailbox_maps => 'inline:{ {user@example.test=user/} '
	    . '{spy@example.test=spy/} {other@example.test=other/} }',
	always_bcc => 'archive@example.test',
	sender_bcc_maps => 'inline:{ {boss@else.test=spy@example.test} }',
	sender_dependent_relayhost_maps =>
	    'inline:{ {boss@else.test=[192.0.2.77]} }',
	relay_domains => 'relay.test',
	smtpd_relay_restrictions => 'permit_mynetworks, reject_unauth_destination',
	smtpd_sender_restrictions =>
	    'check_sender_access texthash:$config_directory/senders',
	smtpd_data_restrictions =>
	    'check_sender_access inline:{ {late@else.test=REJECT not at DATA} }',
	smtpd_end_of_data_restrictions =>
	    'check_sender_access inline:{ {later@else.test=451 4.7.1 not at the end}'
	    . ' {big@else.test=DUNNO} }',
	message_size_limit => 100000,
	header_checks => 'regexp:$config_directory/headers',
	mime_header_checks => 'regexp:{ {/name=.*\.exe/ REJECT no programs} }',
	nested_header_checks => 'regexp:{ {/^Subject: inner/ HOLD inner} }',
	body_checks => 'regexp:{ {/^buy now/ DISCARD spam} }',
});
my $config = "$t->{dir}/etc";

$t->etc('senders', "hold\@else.test HOLD look at it\nfilter\@else.test FILTER "
    . "smtp:[127.0.0.1]:10025\nredirect\@else.test REDIRECT other\@example.test\n"
    . "bcc\@else.test BCC spy\@example.test\ndiscard\@else.test DISCARD\n"
    . "prepend\@else.test PREPEND X-Mark: bad\n");
$t->etc('headers', "# what we do not want\n/^Subject: casino/ REJECT no games\n"
    . "/^Subject: filter/ FILTER smtp:[127.0.0.1]:10026\n"
    . "/^X-Mark: bad/ REDIRECT spy\@example.test\n"
    . "/^Received: .*\\[192\\.0\\.2\\.9\\]/ HOLD from there\n");
$t->table('hash', 'virtual', "# first\ninfo\@example.test  user\@example.test\n");

my @client = ('--client', '192.0.2.1', '--helo', 'client.test');

sub steps
{
	my $done = $t->tool('barid', 'explain', '--json', @_);

	is($done->{exit}, 0, "explain @_") or diag($done->{err}, $done->{out});
	return map { decode_json($_) } split /\n/, $done->{out};
}

sub pick { my $step = shift; return grep { $_->{step} eq $step } @_ }
sub all { my ($name, @steps) = @_; return join(' ', map { $_->{$name} // '' } @steps) }
sub reply_to
{
	my ($to, @steps) = @_;
	my ($reply) = grep { $_->{to} eq $to } pick('reply', @steps);

	return $reply ? $reply->{reply} : 'nothing';
}

sub message
{
	my ($text) = @_;

	write_file("$t->{dir}/message", $text);
	return ('--message', "$t->{dir}/message");
}

# --- the line of an indexed table ---

my ($found) = grep { $_->{result} eq 'found' && $_->{table} =~ /^hash:.*virtual/ }
    pick('lookup', steps('info@example.test'));

is("$found->{line} $found->{text_file}", "2 $config/virtual",
	'an indexed table: the line of the text beside it');
write_file("$config/virtual", "info\@example.test other\@example.test\n");
($found) = grep { $_->{result} eq 'found' && $_->{table} =~ /^hash:.*virtual/ }
    pick('lookup', steps('info@example.test'));
is($found->{line}, undef, 'a text that changed since has no line');
like($found->{line_unknown}, qr{/virtual is newer than the table}, 'which is told');
utime(1, 1, "$config/virtual");
($found) = grep { $_->{result} eq 'found' && $_->{table} =~ /^hash:.*virtual/ }
    pick('lookup', steps('info@example.test'));
is($found->{line}, undef, 'nor has an old one that says something else');
like($found->{line_unknown}, qr{/virtual does not say it}, 'which is told');
$t->etc('aliases', "# aliases\nteam: far\@relay.test,\n  near\@relay.test\n");
is($t->tool('postalias', '-c', $config, "hash:$config/aliases")->{exit}, 0,
	'postalias');
($found) = grep { $_->{result} eq 'found' && $_->{table} =~ /aliases/ }
    pick('lookup', steps('team@here.test'));
is($found->{line}, 2, 'an alias: where its line begins');
unlike($t->tool('barid', 'explain', 'team@here.test')->{err}, qr/aliases, line/,
	'without a word on what else is in the text');

# --- copies, and next hops by sender ---

my @steps = steps('--from', 'boss@else.test', 'user@example.test');

is(join(' ', sort map { $_->{address} } pick('recipient', @steps)),
	'archive@example.test spy@example.test user@example.test',
	'blind copies of all mail, and of a sender');
@steps = steps('--from', 'boss@else.test', 'x@relay.test');
is((pick('route', @steps))[-1]{nexthop} . ' ' .
    all('nexthop', grep { $_->{address} eq 'x@relay.test' } pick('route', @steps)),
	'example.test [192.0.2.77]', 'a next hop that depends on the sender')
    or diag(explain([pick('route', @steps)]));

# --- without the mail system: a message is checked ---

my $mail = "From: a\@b.test\nSubject: casino\n\nhello\n";

@steps = steps(message($mail), 'user@example.test');
is(reply_to('END-OF-MESSAGE', @steps), '550 5.7.1 no games', 'a header is refused');
($found) = grep { $_->{table} =~ m{^regexp:.*/headers} } pick('lookup', @steps);
is("$found->{key} $found->{line}", 'Subject: casino 2', 'by this table and line');
my ($check) = pick('check', @steps);
is("$check->{map} $check->{action} $check->{argument}",
	'header_checks REJECT no games', 'and action');
is(scalar(pick('lookup', grep { ($_->{result} // '') eq 'not found' &&
    $_->{table} =~ /headers/ } @steps)), 0, 'headers that nobody minds are not told');

my $parts = "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; "
    . "boundary=b\n\n--b\nContent-Type: application/x; name=a.exe\n\nx\n--b\n"
    . "Content-Type: message/rfc822\n\nSubject: inner\n\ntext\n--b--\n";
@steps = steps(message($parts), 'user@example.test');
is((pick('check', @steps))[0]{map}, 'mime_header_checks', 'the header of a part');
@steps = steps(message($parts =~ s/\.exe/.txt/r), 'user@example.test');
is(all('map', pick('check', @steps)), 'nested_header_checks',
	'the header of a message within');
is((pick('hold', @steps))[0]{queue}, 'hold', 'it is held');
@steps = steps(message("Subject: x\n\nbuy now\n"), 'user@example.test');
is(all('map', pick('check', @steps)), 'body_checks', 'a line of a body');
is(scalar(pick('route', @steps)), 0, 'what is thrown away goes nowhere');
like((pick('note', @steps))[-1]{note}, qr/thrown away/, 'which is told');
@steps = steps(message("Subject: filter\n\nx\n"), 'user@example.test');
my ($filter) = grep { $_->{class} eq 'content filter' } pick('route', @steps);
is("$filter->{transport} $filter->{nexthop}", 'smtp [127.0.0.1]:10026',
	'a filter of header_checks');
is((pick('mailbox', @steps))[0]{step}, 'mailbox', 'and the way behind it');
is($t->tool('barid', 'explain', '--message', "$t->{dir}/nosuch",
    'user@example.test')->{exit}, 1, 'a message that is not there');

# --- the site's filter ---

$t->configure({ content_filter => 'scan:' });
@steps = steps('user@example.test');
is((pick('order', @steps))[0]{by}, 'content_filter', 'content_filter');
($filter) = grep { $_->{class} eq 'content filter' } pick('route', @steps);
is("$filter->{transport} $filter->{nexthop}", 'scan example.test',
	'without a next hop: the domain of the recipient');
$t->configure({ content_filter => undef });

# --- with the mail system: orders ---

$t->start;
$t->script("expect 220\nsend QUIT\nexpect 221\n");
@steps = steps(@client, '--from', 'hold@else.test', 'user@example.test');
is(all('action', pick('order', @steps)), 'HOLD', 'HOLD');
is((pick('hold', @steps))[0]{queue}, 'hold', 'HOLD: the queue');
is(reply_to('DATA', @steps), '354 End data with <CR><LF>.<CR><LF>', 'DATA is told');
@steps = steps(@client, '--from', 'filter@else.test', 'user@example.test');
($filter) = grep { $_->{class} eq 'content filter' } pick('route', @steps);
is("$filter->{transport} $filter->{nexthop}", 'smtp [127.0.0.1]:10025', 'FILTER');
@steps = steps(@client, '--from', 'redirect@else.test', 'user@example.test');
is(all('address', pick('recipient', @steps)), 'other@example.test', 'REDIRECT');
like(all('path', pick('mailbox', @steps)), qr{/other/$}, 'REDIRECT: the mailbox');
@steps = steps(@client, '--from', 'bcc@else.test', 'user@example.test');
is(join(' ', sort map { $_->{address} } pick('recipient', @steps)),
	'archive@example.test spy@example.test user@example.test', 'BCC');
@steps = steps(@client, '--from', 'discard@else.test', 'user@example.test');
is(scalar(pick('route', @steps)), 0, 'DISCARD');
@steps = steps(@client, '--from', 'prepend@else.test', message("Subject: x\n\nx\n"),
	'user@example.test');
is(all('address', pick('recipient', @steps)), 'spy@example.test',
	'a header that one table adds is found by another');
@steps = steps('--client', '192.0.2.9', '--from', 'x@else.test',
	message("Subject: x\n\nx\n"), 'user@example.test');
is(all('argument', pick('check', @steps)), 'from there',
	'our own Received header is checked too');

# --- after RCPT ---

@steps = steps(@client, '--from', 'late@else.test', 'user@example.test');
like(reply_to('DATA', @steps), qr/^554 5\.7\.1 .*not at DATA/, 'refused at DATA');
is((grep { $_->{verdict} eq 'refuse' } pick('verdict', @steps))[0]{list},
	'smtpd_data_restrictions', 'by its list');
is(reply_to('END-OF-MESSAGE', @steps), 'nothing', 'and it ends there');
@steps = steps(@client, '--from', 'later@else.test', 'user@example.test');
like(reply_to('END-OF-MESSAGE', @steps), qr/^451 4\.7\.1 .*not at the end/,
	'refused at the end');
@steps = steps(@client, '--from', 'big@else.test',
	message("Subject: x\n\n" . 'x' x 70 . "\n" x 100000), 'user@example.test');
like(reply_to('MAIL', @steps), qr/^552 5\.3\.4 /, 'a message that is too large');
@steps = steps(@client, 'nobody@example.test');
like(reply_to('RCPT', @steps), qr/^550 5\.1\.1/, 'who is refused');
is(reply_to('DATA', @steps), 'nothing', 'sends nothing');
is_deeply([$t->queue_ids('active'), $t->queue_ids('incoming'), $t->queue_ids('hold')],
	[], 'nothing was queued');

# --- at once or at RCPT; a class; a policy server ---

my $policy = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or BAIL_OUT("listen: $!");
my $policy_port = $policy->sockport;

$t->configure({ smtpd_delay_reject => 'no',
	smtpd_restriction_classes => 'strict',
	strict => 'check_helo_access inline:{ {bad.test=REJECT bad name} }',
	smtpd_helo_restrictions => 'strict',
	smtpd_recipient_restrictions =>
	    "check_policy_service inet:127.0.0.1:$policy_port" });
$t->reload;
@steps = steps('--client', '192.0.2.1', '--helo', 'bad.test', 'user@example.test');
like(reply_to('EHLO', @steps), qr/^550 5\.7\.1 .*bad name|^554 5\.7\.1 .*bad name/,
	'without smtpd_delay_reject EHLO is refused');
is(join(' ', map { "$_->{list}/$_->{restriction}" }
    grep { $_->{verdict} eq 'refuse' } pick('verdict', @steps)),
	'strict/check_helo_access smtpd_helo_restrictions/strict',
	'by a class, and what is in it');
my $child = fork // die "fork: $!\n";
if ($child == 0) {
	alarm(300);
	while (my $c = $policy->accept) {
		local $/ = "\n\n";
		print {$c} "action=550 5.7.9 says the server\n\n" if defined <$c>;
	}
	POSIX::_exit(0);
}
@steps = steps('--ask', @client, 'user@example.test');
like(reply_to('RCPT', @steps), qr/says the server/, 'a policy server is asked');
is((pick('asked', @steps))[0]{who}, "inet:127.0.0.1:$policy_port", 'and named');
kill('TERM', $child);
waitpid($child, 0);
$t->configure({ smtpd_delay_reject => undef, smtpd_helo_restrictions => undef,
	smtpd_recipient_restrictions => 'check_greylist', greylist_delay => '1h',
	smtpd_screen_enable => 'yes', postscreen_greet_action => 'enforce',
	postscreen_access_list => 'inline:{ {192.0.2.66=reject} }',
	postscreen_denylist_action => 'enforce' });
$t->reload;

# --- what is remembered, and is not changed by asking ---

for (1, 2) {
	@steps = steps(@client, 'user@example.test');
	is((pick('greylist', @steps))[0]{state}, 'new', "still unknown: $_");
	like(reply_to('RCPT', @steps), qr/^450 4\.2\.0 .*Greylisted/, 'to come again');
	is(join(' ', map { "$_->{test}: $_->{state}" }
	    grep { $_->{state} } pick('screen', @steps)),
		'waits for the greeting: to be made', 'the tests of the screen');
}
@steps = steps('--client', '192.0.2.66', 'user@example.test');
is((pick('screen', @steps))[0]{answer}, 'reject', 'a list of the screen');
like(reply_to('RCPT', @steps), qr/^550 5\.3\.2 /, 'and what the client hears');
unlike($t->log_text, qr/greylist:|PREGREET|192\.0\.2/, 'nothing is in the log');
$t->stop;
done_testing();
