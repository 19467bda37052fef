#!/usr/bin/perl
# barid explain: what decides on mail for an address, step by step.
use strict;
use warnings;

use JSON::PP;
use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/rewrite');
my $policy = free_port();
my $t = Barid::Test->new(main => {
	smtpd_peername_lookup => 'no',
	smtpd_client_message_rate_limit => 2, volume_limit_client_messages => 2,
	mydestination => 'here.test', myorigin => 'here.test',
	alias_maps => 'texthash:$config_directory/aliases',
	home_mailbox => 'Maildir/',
	virtual_alias_maps => 'texthash:$config_directory/virtual',
	virtual_mailbox_maps => 'inline:{ {user@example.test=user/} '
	    . '{low@example.test=low/} {none@example.test=none/} '
	    . '{dots@example.test=/} }',
	virtual_uid_maps => 'texthash:$config_directory/uids',
	virtual_gid_maps => 'texthash:$config_directory/gids',
	transport_maps => 'texthash:$config_directory/transport',
	relay_domains => 'relay.test',
	srs_domain => 'back.test',
	relocated_maps => 'inline:{ {gone@example.test=new@else.test} }',
	smtpd_relay_restrictions => 'permit_mynetworks, reject_unauth_destination',
	smtpd_sender_restrictions =>
	    'check_sender_access texthash:$config_directory/senders',
	smtpd_recipient_restrictions => 'reject_unauth_destination, '
	    . 'check_recipient_access regexp:$config_directory/recipients, '
	    . "check_policy_service inet:127.0.0.1:$policy, permit",
});
$t->etc('srs.keys', "a key for this test alone\n");
chmod(0600, "$t->{dir}/etc/srs.keys");
$t->etc('aliases', "team nobody, far\@relay.test\nloop loop\n");
$t->etc('uids', "low\@example.test 0\n\@example.test $t->{mail_uid}\n");
$t->etc('gids', join('', map { "$_\@example.test $t->{mail_gid}\n" }
    qw(user low dots)));
$t->etc('virtual', "# first\ninfo\@example.test sales\@example.test\n"
    . "sales\@example.test user\@example.test\n"
    . "away\@example.test far\@foreign.test\n");
$t->etc('transport', "relay.test smtp:[192.0.2.99]:2525\n");
$t->etc('senders', "# nobody from there\nbad.test REJECT go away\n");
$t->etc('recipients', "/^none\@/ 550 5.1.1 no\n/^late\@/ DEFER later\n");

my @stranger = ('--client', '192.0.2.1', '--helo', 'client.test',
	'--from', 'someone@else.test');

# The steps: as text, and as JSON.
sub text
{
	my $done = $t->tool('barid', 'explain', @_);

	is($done->{exit}, 0, "explain @_") or diag($done->{out}, $done->{err});
	return $done->{out};
}

sub steps
{
	my $done = $t->tool('barid', 'explain', '--json', @_);

	is($done->{exit}, 0, "explain --json @_") or diag($done->{err});
	return map { decode_json($_) } split /\n/, $done->{out};
}

sub pick { my $step = shift; return grep { $_->{step} eq $step } @_ }

sub reply_to_rcpt
{
	my ($reply) = grep { $_->{to} eq 'RCPT' } pick('reply', @_);

	return $reply ? $reply->{reply} : undef;
}

# --- without a mail system: the way of an address ---

my $out = text('info@example.test');

like($out, qr{^lookup: table=texthash:\S+/virtual key=info\@example\.test result=found value=sales\@example\.test line=2$}m,
	'an alias, with table, key and line');
like($out, qr{key=sales\@example\.test result=found value=user\@example\.test line=3$}m,
	'the alias that it leads to');
like($out, qr{^route: address=user\@example\.test class="virtual mailbox" transport=virtual nexthop=example\.test }m,
	'the route');
like($out, qr{^mailbox: path=\S+/mail/user/ format=maildir owner=$t->{mail_uid}:$t->{mail_gid}$}m,
	'and the mailbox');
like($out, qr{^note: restrictions="no --client given"$}m, 'no client, no restrictions');

is((pick('cleanup', steps('--from', '<a@b.test>', '<info@example.test>')))[0]{sender},
	'a@b.test', 'addresses in brackets');

my @route = pick('route', steps('x@relay.test'));

is(scalar @route, 1, 'one route');
is("@{$route[0]}{qw(class transport nexthop)}",
	'relay smtp [192.0.2.99]:2525', 'transport_maps decided it');
is(join(' ', map { $_->{by} } pick('decided', steps('x@relay.test'))),
	'relay_domains relay_transport transport_maps', 'parameter by parameter');
@route = pick('route', steps('gone@example.test'));
is($route[0]{nexthop}, '5.1.6 User has moved to new@else.test', 'relocated');
@route = pick('route', steps('stranger@else.test'));
is("@{$route[0]}{qw(class transport nexthop)}", 'default smtp else.test',
	'a foreign domain');

my @srs = pick('srs', steps('--from', 'someone@else.test', 'away@example.test'));

like($srs[0]{becomes} // '', qr/^SRS0=.*=else\.test=someone\@back\.test$/,
	'forwarded mail gets a sender of ours');

my @steps = steps('team@here.test');

is(join(' ', map { $_->{address} } pick('member', @steps)),
	'nobody@here.test far@relay.test', 'members of an alias');
is(join(' ', map { "$_->{address}:$_->{transport}" } pick('route', @steps)),
	'team@here.test:local nobody@here.test:local far@relay.test:smtp',
	'each of them has its own way');
like((pick('mailbox', @steps))[0]{path} // (pick('deferred', @steps))[0]{why},
	qr{/Maildir/$|no privileges}, 'the mailbox of a user');
@steps = steps('loop@here.test');
is((pick('undeliverable', @steps))[0]{why}, 'it leads to itself alone',
	'an alias that is nobody but itself');
my %why = map { $_ => (pick('deferred', steps("$_\@example.test")))[0]{why} }
    qw(low none dots);
is($why{low}, 'bad uid "0" in virtual_uid_maps', 'a mailbox of root');
is($why{none}, 'not found in virtual_gid_maps', 'a mailbox of no group');
is($why{dots}, 'bad mailbox "/" in virtual_mailbox_maps', 'no mailbox');
@steps = steps('nosuchuser@here.test');
is((pick('undeliverable', @steps))[0]{not_in},
	"alias_maps and the system's users", 'nobody of that name');

# A service that master.cf does not list is there all the same.
my $master = read_file("$t->{dir}/etc/master.cf");

$t->etc('master.cf', "smtp inet n - n - - smtpd\n");
@steps = steps('info@example.test');
is((pick('delivery', @steps))[0]{program}, 'virtual', 'a built-in transport');
is(scalar pick('mailbox', @steps), 1, 'and its mailbox');
$t->etc('master.cf', $master);

my $down = $t->tool('barid', 'explain', @stranger, 'user@example.test');

isnt($down->{exit}, 0, 'restrictions without a mail system: an error');
like($down->{err}, qr/only while the mail system runs/, 'that says why');
like($down->{out}, qr/^mailbox: /m, 'the rest is told');

# --- with one: what the client hears ---

$t->start;
$t->script("expect 220\nsend QUIT\nexpect 221\n");
@steps = steps(@stranger, 'user@example.test');
is(reply_to_rcpt(@steps), '250 2.1.5 Ok', 'a recipient that is taken');
my ($asked) = grep { ($_->{restriction} // '') eq 'check_policy_service' }
    pick('verdict', @steps);

is($asked->{verdict}, 'not asked', 'the policy server is not asked');
is((grep { $_ } map { $_->{restrictions_not_asked} } pick('note', @steps))[0],
	1, 'which is told');
is((pick('client', @steps))[-1]{in_mynetworks}, 'no', 'a stranger');
is((pick('mailbox', @steps))[0]{format}, 'maildir', 'to the mailbox');

@steps = steps(@stranger, 'x@foreign.test');
like(reply_to_rcpt(@steps), qr/^554 5\.7\.1 .*Relay access denied/, 'relay denied');
my ($verdict) = grep { $_->{verdict} eq 'refuse' } pick('verdict', @steps);

is("$verdict->{list} $verdict->{restriction}",
	'smtpd_relay_restrictions reject_unauth_destination',
	'by the restriction that did it');
is($verdict->{reply}, reply_to_rcpt(@steps), 'with its reply');

@steps = steps('--client', '127.0.0.1', '--from', 'me@here.test', 'x@relay.test');
($verdict) = grep { ($_->{restriction} // '') eq 'permit_mynetworks' } pick('verdict', @steps);
is($verdict->{verdict}, 'permit', 'a client of ours is permitted');
ok((grep { $_->{pattern} eq '127.0.0.0/8' } pick('match', @steps)),
	'by the network that it is in');

$out = text(@stranger[0 .. 3], '--from', 'x@sub.bad.test', 'user@example.test');
like($out, qr{^lookup: table=texthash:\S+/senders key=bad\.test result=found value="REJECT go away" line=2\nverdict: .*restriction=check_sender_access verdict=refuse .*go away}m,
	'an access table, key and line');
@steps = steps(@stranger, 'late@example.test');
like(reply_to_rcpt(@steps), qr/^450 4\.7\.1 .*later$/, 'a pattern defers');
my ($hit) = grep { $_->{result} eq 'found' && $_->{table} =~ /^regexp/ }
    pick('lookup', @steps);

is($hit->{line}, 2, 'its line');
@steps = steps(@stranger, 'nouser@example.test');
($verdict) = grep { $_->{verdict} eq 'refuse' } pick('verdict', @steps);
is($verdict->{list}, 'smtpd_reject_unlisted_recipient', 'an unknown recipient');

# --ask asks: nobody listens there, which is a temporary failure.
@steps = steps('--ask', @stranger, 'user@example.test');
like(reply_to_rcpt(@steps), qr/^451 4\.3\.5 /, '--ask asks the policy server');

# --- nothing stays behind ---

is(reply_to_rcpt(steps(@stranger, 'user@example.test')), '250 2.1.5 Ok',
	"not counted: $_") for 3 .. 5;

is_deeply([$t->queue_ids('active'), $t->queue_ids('incoming'),
	$t->queue_ids('maildrop')], [], 'nothing was queued');
unlike($t->log_text, qr/192\.0\.2\.1|warning/, 'nothing is in the log');

# --- what cannot be ---

is($t->tool('barid', 'explain')->{exit}, 1, 'an address is needed');
like($t->tool('barid', 'explain', '--client', 'x', 'a@example.test')->{err},
	qr/--client x: no IP address/, 'a client is an address');
like($t->tool('barid', 'explain', '--service', 'nosuch', 'a@example.test')->{err},
	qr/no service nosuch/, 'a service is one of master.cf');
isnt($t->tool('barid', 'explain', @stranger, "user\@example.test>\nDATA")->{exit},
	0, 'an address is one line');
$t->stop;
done_testing();
