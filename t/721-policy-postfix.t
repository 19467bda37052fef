#!/usr/bin/perl
# Access policy beside Debian's Postfix: the same configuration, the same
# dialogues; replies and log lines are the same to the byte.  XCLIENT tells both
# who the client is; a name server of the test's own answers both.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Barid::DNS;
use Barid::Peers;
use Barid::Policy;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/cleanup');
alone_with_dns() or plan(skip_all => 'no network of its own');

my %zone = (
	'sender.test' => { A => ['127.0.0.9'], MX => ['10 mx.sender.test'] },
	'mx.sender.test' => { A => ['127.0.0.9'] },
	'null.test' => { MX => ['0 .'] },
	'broken.test' => 'servfail',
	'backup.test' => { MX => ['10 mx.sender.test', '20 mx.example.test'] },
	'mx.example.test' => { A => ['127.0.0.1'] },
	'mxbroken.test' => { MX => ['10 broken.test'] },
	'nsd.test' => { NS => ['ns.test'], A => ['127.0.0.77'] },
	'sub.nsd.test' => { A => ['127.0.0.9'] },
	'ns.test' => { A => ['127.0.0.5'] },
	'bad.dom' => { A => ['127.0.0.2'] },
	'bad.dom.bl.test' => { A => ['127.0.0.2'], TXT => ['domain listed'] },
	'bad.dom.broken.test' => 'servfail',
	'rev.test' => { A => ['127.0.0.3'] },
	'client.test' => { A => ['127.0.0.3'] },
	map { ("7.$_.1.10.bl.test" => { A => ['127.0.0.3'] },
		"8.$_.1.10.bl.test" => { A => ['127.0.0.12'],
			TXT => ['see http://bl.test/'] },
		"9.$_.1.10.bl2.test" => { A => ['127.0.0.3'],
			TXT => ['a b'] },
		"5.$_.1.10.broken.test" => 'servfail') } 0 .. 249,
);

# --- The cases ------------------------------------------------------------------

# A class by itself; more of the dialogue behind it.
sub c { my ($class, %more) = @_; return { class => $class, %more } }
# check_sender_access with this answer.
sub x
{
	my ($answer, %more) = @_;
	my $then = delete $more{then} // '';

	return c("check_sender_access inline:{{a\@sender.test=$answer}}$then",
		%more);
}

my @data = ('DATA', \"Subject: x\r\n\r\nx\r\n.\r\n");
my @nameless = (name => '[UNAVAILABLE]');
my $other = 'x@elsewhere.test';
my @general = (
	# Verdicts.
	c('reject'), c('permit, reject'), c('defer'),
	c('defer_if_permit, permit'), c('defer_if_permit, reject'),
	c('defer_if_reject, reject'), c('defer_if_reject, permit'),
	c('defer_if_reject, defer_if_permit'),
	c('nosuch_thing'), c('warn_if_reject nosuch_thing'),
	c('sleep 0, reject'), c('sleep'), c('sleep x'),
	c('never'), c('always, never'), c('warn_if_reject never, permit'),
	c('warn_if_reject reject, warn_if_reject defer, permit'),
	c('warn_if_reject defer_if_permit, permit'),
	c('warn_if_reject reject, reject'),
	# Actions.
	(map { x($_) } 'REJECT', 'reject', 'REJECT go away',
		'REJECT 5.7.2 go away', 'REJECT 4.1.1 foo', 'DEFER',
		'DEFER later', 'DEFER 5.1.1 foo', '450 hey',
		'450 5.1.2 hey', '550 5.1.1 no', '550 5.1.3 no',
		'550 5.7.1 no', '550 5.1.8 no', '550 5.1.0 no', '550 5.1.4 no', '550 5.1.6 no', '550 5.1.5 no',
		'550 5.1.2 no', '550 5.1.7 no', '550 5.2.1 no',
		'421 4.3.2 bye', '521 5.3.2 bye',
		'250 ok', 'DEFER_IF_PERMIT', 'DEFER_IF_PERMIT 4.1.1 hello',
		'WARN', 'WARN look', 'INFO', 'INFO hm', 'HOLD', 'HOLD why',
		'DISCARD', 'DISCARD quietly', 'FILTER smtp:x', 'FILTER',
		'FILTER smtp', 'REDIRECT b@c.test', 'REDIRECT', 'REDIRECT b',
		'BCC b@c.test', 'BCC', 'BCC b', 'PREPEND X-A: b', 'PREPEND',
		'PREPEND foo', 'never', 'nosuch', 'permit', 'DUNNO',
		'reject_unknown_sender_domain reject',
		'check_sender_access inline:x', 'HANGUP', 'HANGUP now'),
	x('550', then => ', reject'), x('12345', then => ', reject'),
	x('OK', then => ', reject'), x('DUNNO', then => ', reject'),
	x('DEFER_IF_REJECT 4.1.1 hello', then => ', reject'),
	x('DEFER_IF_REJECT', then => ', reject'),
	x('HOLD', then => ', check_client_access inline:{client.test=HOLD}'),
	x('reject_rbl_client bl.test', then => ', reject', last => 8),
	x('DISCARD', to => [$other, 'y@local.test'], more => \@data),
	x('HOLD', more => \@data),
	c('warn_if_reject check_sender_access inline:{a@sender.test=REJECT}'),
	c('warn_if_reject check_sender_access inline:{a@sender.test=HOLD}'),
	c('warn_if_reject check_sender_access inline:{a@sender.test=never}, permit'),
	# Tables: keys, and those that fail.
	(map { my $code = $_; map { c("$_=550 $code no}}") }
		'check_recipient_access inline:{{user@local.test',
		'check_client_access inline:{{client.test' }
		map { "5.1.$_" } 0 .. 8),
	c('check_sender_access fail:x'), c('check_client_access fail:x'),
	c('check_helo_access fail:x'), c('check_recipient_access fail:x'),
	c('check_reverse_client_hostname_access fail:x'),
	c('warn_if_reject check_sender_access fail:x, permit'),
	c('check_client_access inline:{client.test=REJECT}'),
	c('check_client_access inline:{test=REJECT}'),
	c('check_client_access inline:{10.1=REJECT}'),
	c('check_client_access inline:{10=REJECT}'),
	c('check_client_access cidr:{{10.0.0.0/8 REJECT}}'),
	c('check_client_access regexp:{{/^client/ REJECT}}'),
	c('check_client_access regexp:{{/^10\.1\.[0-9]+\.1$$/ REJECT}}'),
	c('check_client_access inline:{unknown=REJECT}', @nameless),
	c('check_reverse_client_hostname_access inline:{rev.test=REJECT}',
		@nameless, x => 'REVERSE_NAME=rev.test'),
	c('check_reverse_client_hostname_access inline:{10.1=REJECT}',
		@nameless, x => 'REVERSE_NAME=rev.test'),
	c('check_helo_access inline:{test=REJECT}'),
	c('check_helo_access inline:{me.test=REJECT}', helo => 'ME.TEST'),
	c('check_helo_access inline:{{[1.2.3.4]=REJECT}}', helo => '[1.2.3.4]'),
	c('check_sender_access inline:{sender.test=REJECT}'),
	c('check_sender_access inline:{test=REJECT}'),
	c('check_sender_access inline:{{a@=REJECT}}'),
	c('check_sender_access inline:{{<>=REJECT}}', from => ''),
	c('check_sender_access regexp:{{/^$$/ REJECT}}', from => ''),
	c('check_sender_access regexp:{{/^<>$$/ REJECT}}', from => ''),
	c('check_sender_access inline:{{a@sender.test=REJECT}}',
		from => '"a"@sender.test'),
	c('check_sender_access inline:{{a@sender.test=REJECT}}',
		from => 'A@SENDER.test'),
	c('check_sender_access inline:{{a@sender.test=REJECT}}',
		from => 'a+b@sender.test'),
	c('check_recipient_access inline:{{user@=REJECT}}',
		to => ['user+foo@local.test', 'user@local.test']),
	c('check_recipient_access inline:{local.test=REJECT}',
		to => ['a@local.test', 'a@sub.local.test', 'b@relay.test']),
	c('check_recipient_access regexp:{{/^(.)@/ 550 $$1 is out}}',
		to => ['a@local.test', 'ab@local.test']),
	c('inline:{a@sender.test=REJECT}'), c('check_ccert_access inline:{a=REJECT}'),
	c('check_etrn_access inline:{a=REJECT}'),
	# Clients.
	c('reject_unknown_client_hostname'),
	c('reject_unknown_client_hostname', @nameless),
	c('reject_unknown_client_hostname', name => '[TEMPUNAVAIL]'),
	c('reject_unknown_reverse_client_hostname', @nameless,
		x => 'REVERSE_NAME=[UNAVAILABLE]'),
	c('reject_unknown_reverse_client_hostname', @nameless,
		x => 'REVERSE_NAME=[TEMPUNAVAIL]'),
	c('reject_unknown_reverse_client_hostname', @nameless,
		x => 'REVERSE_NAME=rev.test'),
	c('permit_mynetworks, reject'),
	c('reject_plaintext_session'), c('reject_unauth_pipelining'),
	c('permit_tls_all_clientcerts, permit_tls_clientcerts, reject'),
	# HELO.
	(map { (c('reject_invalid_helo_hostname', helo => $_),
		c('reject_non_fqdn_helo_hostname', helo => $_)) }
		'a..b', '[1.2.3]', '1.2.3.4', '[1.2.3.4]', 'a_b.test',
		'a!b.test', '-a.test', '123', 'abc', 'abc.', 'a.b', '[IPv6:::1]',
		'1.2.3.4.5', 'a.123', 'a-.b'),
	(map { c('reject_unknown_helo_hostname', helo => $_) } 'nxd.test',
		'broken.test', 'sender.test', 'null.test', '1.2.3.4',
		'[1.2.3.4]', '[1.2.3]'),
	# What is HELO after EHLO, and what is left of one that is refused.
	(map { c('reject', hello => $_) } ['EHLO me.test', 'HELO you.test'],
		['HELO me.test'], ['HELO me.test', 'EHLO you.test'],
		['EHLO me.test', 'HELO'], []),
	# Addresses.
	(map { c('reject_non_fqdn_sender', from => $_) } 'a', 'a@b',
		'a@[1.2.3.4]', '', 'a@b.c'),
	(map { c('reject_non_fqdn_recipient', to => [$_]) } 'a@b',
		'postmaster', 'user', 'user@local.test'),
	(map { c('reject_unknown_sender_domain', from => $_) } 'a@nxd.test',
		'a@broken.test', 'a@null.test', 'a@sender.test', '',
		'a@[1.2.3.4]', 'a@local.test', 'a@nsd.test'),
	(map { c('reject_unknown_recipient_domain', to => [$_]) } 'a@nxd.test',
		'a@broken.test', 'a@null.test', 'a@[1.2.3.4]', 'a@relay.test'),
	c('reject_multi_recipient_bounce', from => '',
		to => ['a@local.test', 'b@local.test'], more => ['RSET']),
	# Relaying.
	c('permit_auth_destination, reject', to => ['a@local.test',
		'a@nxd.test', 'a@relay.test', 'a%b@local.test']),
	c('reject_unauth_destination', to => ['a@local.test', 'a@nxd.test',
		'a@relay.test']),
	c('defer_unauth_destination', to => ['a@local.test', 'a@nxd.test']),
	c('check_relay_domains', to => ['a@local.test', 'a@nxd.test']),
	c('permit_mx_backup, reject', to => ['a@local.test', 'a@nxd.test',
		'a@relay.test', 'a@sender.test', 'a@null.test', 'a@backup.test',
		'a%b@backup.test', 'a@broken.test']),
	# The hosts behind a domain.
	c('check_sender_mx_access inline:{127.0.0.9=REJECT}'),
	c('check_sender_mx_access inline:{{127=REJECT no}}'),
	c('check_sender_mx_access inline:{mx.sender.test=REJECT}'),
	c('check_sender_mx_access inline:{127=REJECT}',
		from => 'a@mx.sender.test'),
	c('check_sender_mx_access inline:{127=REJECT}', from => 'a@nxd.test'),
	c('check_sender_mx_access inline:{nxd.test=REJECT}', from => 'a@nxd.test'),
	c('check_sender_mx_access inline:{127=REJECT}', from => 'a@null.test'),
	c('check_sender_mx_access inline:{127=OK}, reject'),
	c('check_sender_mx_access fail:x'),
	c('check_sender_ns_access inline:{ns.test=REJECT}',
		from => 'a@sub.nsd.test'),
	c('check_sender_ns_access inline:{127.0.0.5=REJECT}',
		from => 'a@nsd.test'),
	c('check_sender_a_access inline:{127.0.0.9=REJECT}',
		from => 'a@mx.sender.test'),
	c('check_sender_a_access inline:{127.0.0.9=REJECT}',
		from => 'a@nxd.test'),
	c('check_sender_a_access regexp:{{/test/ REJECT}}'),
	c('check_sender_a_access inline:{sender.test=REJECT}'),
	c('check_sender_mx_access inline:{127=DISCARD}', to => [$other]),
	c('check_helo_a_access inline:{127.0.0.9=REJECT}',
		helo => 'mx.sender.test'),
	c('check_helo_mx_access inline:{mx.sender.test=REJECT}',
		helo => 'sender.test'),
	c('check_helo_ns_access inline:{ns.test=REJECT}', helo => 'nsd.test'),
	c('check_recipient_mx_access inline:{mx.sender.test=REJECT}',
		to => ['a@sender.test', 'a@local.test']),
	c('check_client_mx_access inline:{mx.sender.test=REJECT}',
		name => 'sender.test'),
	c('check_client_ns_access inline:{ns.test=REJECT}', name => 'nsd.test'),
	c('check_client_a_access inline:{127.0.0.9=REJECT}',
		name => 'mx.sender.test'),
	c('check_client_a_access inline:{127.0.0.9=REJECT}', @nameless),
	c('check_reverse_client_hostname_mx_access inline:{mx.sender.test=REJECT}',
		@nameless, x => 'REVERSE_NAME=sender.test'),
	# DNS lists.
	c('reject_rbl_client bl.test', last => 7),
	c('reject_rbl_client bl.test', last => 8),
	c('reject_rbl_client bl.test', last => 6),
	c('reject_rbl_client bl.test, reject_rbl_client bl2.test', last => 9),
	c('reject_rbl_client bl.test=127.0.0.3', last => 7),
	c('reject_rbl_client bl.test=127.0.0.4', last => 7),
	c('reject_rbl_client bl.test=127.0.0.[2..4;12]', last => 8),
	c('reject_rbl_client bl.test=127.0.[0..1].[11..13]', last => 8),
	c('reject_rbl_client bl.test=127.0.0.[2;4..11]', last => 8),
	c('warn_if_reject reject_rbl_client bl.test', last => 8),
	c('reject_rhsbl_sender bl.test', from => 'a@bad.dom'),
	c('reject_rhsbl_sender bl.test', from => ''),
	c('reject_rhsbl_sender bl.test', from => 'a'),
	c('reject_rhsbl_recipient bl.test', to => ['x@bad.dom']),
	c('reject_rhsbl_helo bl.test', helo => 'bad.dom'),
	c('reject_rhsbl_client bl.test', name => 'bad.dom'),
	c('reject_rhsbl_client bl.test', @nameless),
	c('reject_rhsbl_reverse_client bl.test', @nameless,
		x => 'REVERSE_NAME=bad.dom'),
	c('permit_rhswl_client bl.test, reject', name => 'bad.dom'),
	c('permit_rhswl_client bl.test, reject', name => 'other.dom'),
	c('permit_rhswl_client broken.test, reject', name => 'bad.dom'),
	c('permit_dnswl_client bl.test, reject', last => 7,
		to => [$other, 'u@local.test']),
	c('permit_dnswl_client bl.test=127.0.0.9, reject', last => 7),
	c('permit_dnswl_client broken.test, reject', last => 5),
	c('permit_dnswl_client broken.test, permit', last => 5),
	c('reject_maps_rbl', last => 7),
	# Logins: nobody has logged in, and nobody can, whatever XCLIENT says.
	(map { c($_), c($_, x => 'LOGIN=a') } 'reject_sender_login_mismatch',
		'reject_known_sender_login_mismatch',
		'check_sasl_access inline:{a=REJECT}',
		'permit_sasl_authenticated, reject'),
	# Names of old releases.
	c('reject_unknown_client', @nameless),
	c('reject_unknown_address', from => 'a@nxd.test'),
	c('reject_unknown_hostname', helo => 'nxd.test'),
	c('reject_invalid_hostname', helo => 'a..b'),
	c('reject_non_fqdn_hostname', helo => 'abc'),
	c('permit_naked_ip_address, reject', helo => '1.2.3.4'),
	c('check_recipient_maps, reject'),
	# Policy servers that are not there.
	c('check_policy_service inet:127.0.0.1:1'),
	c('check_policy_service { inet:127.0.0.1:1, default_action=DUNNO }'),
	c('check_policy_service { inet:127.0.0.1:1, { default_action = 550 5.7.9 no } }'),
	# The other stages.
	(map { my $stage = $_; map { c($_, stage => $stage) } 'reject',
		'check_sender_access inline:{a@sender.test=REJECT}',
		'inline:{client.test=REJECT,me.test=REJECT,a@sender.test=REJECT,user@local.test=REJECT}',
		'check_recipient_access inline:{user@local.test=REJECT}',
		'defer_if_permit', 'warn_if_reject reject',
		'check_client_access inline:{client.test=HOLD}' }
		qw(client helo sender relay)),
	c('permit', stage => 'etrn', more => ['RSET', 'ETRN', 'ETRN a b',
		'ETRN <x>', 'ETRN elsewhere.test']),
	(map { my $stage = $_; map { c($_, stage => $stage, more => \@data) }
		'reject', 'check_sender_access inline:{a@sender.test=REJECT}',
		'inline:{a@sender.test=REJECT}', 'defer_if_permit',
		'check_recipient_access inline:{user@local.test=REJECT}',
		'check_client_access inline:{client.test=HOLD}',
		'check_client_access inline:{client.test=DISCARD}',
		'check_client_access inline:{{client.test=PREPEND X-A: b}}',
		'check_client_access inline:{{client.test=421 4.3.2 bye}}' }
		qw(data end_of_data)),
	c('reject_multi_recipient_bounce', stage => 'data', from => '',
		to => ['a@local.test', 'b@local.test'], more => ['DATA']),
	c('reject', stage => 'data', more => [\"BDAT 3 LAST\r\nx\r\n"]),
	c('reject', stage => 'end_of_data', more => [\"BDAT 3 LAST\r\nx\r\n"]),
	c('reject', stage => 'etrn', more => ['RSET', 'ETRN local.test']),
	c('check_etrn_access inline:{local.test=REJECT}', stage => 'etrn',
		more => ['RSET', 'ETRN local.test']),
	c('inline:{local.test=REJECT}', stage => 'etrn',
		more => ['RSET', 'ETRN local.test']),
);

# --- Both servers ---------------------------------------------------------------------

my %common = (
	smtpd_authorized_xclient_hosts => '127.0.0.1',
	smtpd_error_sleep_time => '0', smtpd_hard_error_limit => '1000',
	smtpd_client_event_limit_exceptions => '0.0.0.0/0',
	local_recipient_maps => '', mydestination => 'local.test',
	relay_domains => 'relay.test', myhostname => 'mx.example.test',
	recipient_delimiter => '+', smtpd_peername_lookup => 'no',
	local_transport => 'discard', relay_transport => 'discard',
	default_transport => 'discard', maps_rbl_domains => 'bl.test',
	smtpd_policy_service_try_limit => '1', alias_maps => '',
);

sub lines_of
{
	my ($n, $c) = @_;
	my $from = $c->{from} // 'a@sender.test';

	return ('XCLIENT NAME=' . ($c->{name} // 'client.test') . ' ADDR=' .
		policy_address($n, $c->{last}) . ($c->{x} ? " $c->{x}" : ''),
		@{ $c->{hello} // ['EHLO ' . ($c->{helo} // 'me.test')] },
		"MAIL FROM:<$from>",
		(map { "RCPT TO:<$_>" } @{ $c->{to} // ['user@local.test'] }),
		@{ $c->{more} // [] });
}

sub compare
{
	my ($name, $cases, %main) = @_;
	my $dir = tempdir('/tmp/pt.XXXXXX', CLEANUP => 1);
	chmod(0755, $dir);
	my %both = (%common, policy_config($dir, @$cases), %main);
	my $postfix = start_postfix({ %both }) or return;
	my $t = Barid::Test->new(main => { %both,
		dns_test_server => '127.0.0.1:53' });

	$t->start;
	my (@theirs, @ours, @addresses);
	for my $n (0 .. $#$cases) {
		my @lines = lines_of($n, $cases->[$n]);

		push @theirs, [policy_talk($postfix, @lines)];
		push @ours, [policy_talk($t, @lines)];
		push @addresses, policy_address($n, $cases->[$n]{last});
	}
	my $their_log = policy_logs($postfix, @addresses);
	my $our_log = policy_logs($t, @addresses);
	my $n_same = 0;
	for my $n (0 .. $#$cases) {
		my $c = $cases->[$n];
		my $theirs = join "\n", @{ $theirs[$n] },
		    @{ $their_log->{$addresses[$n]} // [] };
		my $ours = join "\n", @{ $ours[$n] },
		    @{ $our_log->{$addresses[$n]} // [] };

		is($ours, $theirs, "$name $n: " . ($c->{stage} // '') . ' ' .
			($c->{class} // '')) and $n_same++;
	}
	if ($n_same < @$cases) {
		diag($_) for grep { /warning|fatal|panic/ } split /\n/,
		    read_file($postfix->{log}) // '';
		diag('ours: ', $_) for grep { /warning|fatal|panic/ } split /\n/, $t->log_text;
	}
	note("$name: $n_same of " . @$cases . ' dialogues are the same');
	$t->stop;
	stop_peer($postfix->{pid});
}

{
	local $Barid::DNS::port = 53;
	our $dns = Barid::DNS->new(%zone);
}

compare('general', \@general);

# Doubts end with their list; what was only warned of is still to come; nothing
# is asked of what was not said.
compare('between lists', [
	c('defer_if_reject', stage => 'sender', to => ['u@nowhere.test']),
	c('defer_if_reject, reject', stage => 'sender'),
	c('warn_if_reject reject_unlisted_recipient',
		to => ['nobody@local.test', 'known@local.test']),
	c('warn_if_reject reject_unlisted_sender', from => 'no@local.test'),
	c('reject', stage => 'sender', more => ['RSET', 'VRFY user@local.test',
		'VRFY <known@local.test>', 'VRFY postmaster']),
	c('reject', stage => 'client', more => ['RSET', 'VRFY postmaster',
		'VRFY known@local.test']),
	c('check_reverse_client_hostname_access inline:{client.test=OK}'),
	c('defer_unauth_destination', to => ['u@nowhere.test']),
	c('permit', more => ['DATA x', 'RSET', 'DATA x', 'MAIL FROM:<a@b.test>',
		'ETRN local.test', 'RCPT TO:<x@-a.test>', 'DATA x',
		\"BDAT 3 LAST\r\nx\r\n", 'MAIL FROM:<-a@b.test>',
		'MAIL FROM:<a@1.2.3.4>', 'MAIL FROM:<a@b.test> FOO=BAR']),
	c('reject_non_fqdn_helo_hostname', stage => 'relay',
		from => 'no@local.test'),
], local_recipient_maps => 'inline:{known=x}', relay_domains_reject_code => 557,
	smtpd_reject_unlisted_sender => 'yes');

# Other codes, templates and lines of the log.
compare('codes', [
	c('reject'), c('defer'), x('REJECT'), x('DEFER'),
	c('reject_unknown_client_hostname', @nameless),
	c('reject_invalid_helo_hostname', helo => 'a..b'),
	c('reject_non_fqdn_helo_hostname', helo => 'abc'),
	c('reject_unknown_helo_hostname', helo => 'nxd.test'),
	c('reject_unknown_helo_hostname', helo => 'broken.test'),
	c('reject_unknown_sender_domain', from => 'a@nxd.test'),
	c('reject_unknown_sender_domain', from => 'a@broken.test'),
	c('reject_unauth_destination', to => [$other]),
	c('reject_plaintext_session'),
	c('reject_multi_recipient_bounce', from => '',
		to => ['a@local.test', 'b@local.test'], more => ['RSET']),
	c('reject_rbl_client bl.test', last => 7),
	c('reject_rbl_client bl.test', last => 8),
	c('reject_rbl_client bl2.test', last => 9),
	c('reject_rbl_client bl.test=127.0.0.3', last => 7),
	c('reject_rhsbl_sender bl.test', from => 'a@bad.dom'),
	x('OK'), x('DISCARD'), c('permit'), c('permit_mynetworks'),
	c('permit_auth_destination'), c('permit_mx_backup'), x('permit'),
	c('permit_dnswl_client bl.test', last => 7),
	x('OK', to => ['a@local.test', 'b@relay.test']),
], smtpd_log_access_permit_actions => 'static:all', reject_code => '550',
	defer_code => '451', access_map_reject_code => '552',
	access_map_defer_code => '453', unknown_client_reject_code => '551',
	invalid_hostname_reject_code => '552', non_fqdn_reject_code => '553',
	unknown_hostname_reject_code => '555',
	unknown_address_reject_code => '556', relay_domains_reject_code => '557',
	plaintext_reject_code => '558', maps_rbl_reject_code => '559',
	multi_recipient_bounce_reject_code => '451',
	unknown_helo_hostname_tempfail_action => 'defer',
	unknown_address_tempfail_action => 'defer',
	rbl_reply_maps => 'inline:{{bl.test=$$rbl_code 5.3.2 $$rbl_domain ' .
	    '$$rbl_what $$rbl_class $$client $$client_address $$client_name ' .
	    '$$helo_name $$sender $$sender_name $$sender_domain $$recipient ' .
	    '$$recipient_name $$recipient_domain ' .
	    '${rbl_reason?why: $$rbl_reason}}, {bl2.test=nonsense}}');

compare('footers', [
	c('reject'), c('defer'), x('REJECT text'), x('421 4.3.2 bye'),
	x('550 5.1.1 no', to => ['user@local.test', 'b@local.test']),
	c('reject', stage => 'data', more => ['DATA']),
	c('permit', more => ['NONSENSE', 'MAIL FROM:<x>']),
], smtpd_reject_footer => '\\c; call $client_address of ${client_name}, ' .
    'server $server_name, $sender $recipient $helo_name\\nsecond line',
	smtpd_reject_footer_maps => 'regexp:{{/Try again later/ first\\nand last}}');

compare('soft bounces', [
	c('reject'), x('550 5.1.1 no'), c('defer'), x('521 5.3.2 no'),
	c('permit', to => [$other]),
	c('reject_rbl_client bl.test', last => 7),
	c('warn_if_reject reject'),
], soft_bounce => 'yes');

compare('at once', [
	(map { c($_, stage => 'client') } 'reject', 'defer_if_permit',
		'check_client_access inline:{{client.test=421 4.3.2 bye}}',
		'check_client_access inline:{{client.test=521 5.3.2 bye}}',
		'check_client_access inline:{client.test=HOLD}'),
	c('defer_if_permit', stage => 'client', to => ['postmaster'],
		more => \@data),
	(map { c($_, stage => 'helo') } 'reject', 'defer_if_permit',
		'defer_if_permit, reject',
		'check_helo_access inline:{me.test=REJECT}',
		'check_helo_access inline:{{me.test=PREPEND X: y}}'),
	(map { c($_, stage => 'sender') } 'reject', 'defer_if_permit',
		'check_sender_access inline:{a@sender.test=REJECT}',
		'check_sender_access inline:{a@sender.test=HOLD}',
		'warn_if_reject reject'),
	c('check_sender_access inline:{a@sender.test=DEFER_IF_PERMIT}',
		stage => 'sender', more => ['RSET',
		'MAIL FROM:<b@sender.test>', 'RCPT TO:<user@local.test>']),
	c('check_helo_access inline:{me.test=DEFER_IF_PERMIT}',
		stage => 'helo', more => ['EHLO other.test',
		'MAIL FROM:<b@sender.test>', 'RCPT TO:<user@local.test>']),
	(map { c($_) } 'reject', 'defer_if_permit'),
	(map { c('check_helo_access inline:{bad.test=REJECT}', stage => 'helo',
		hello => $_, to => [$other]) } ['EHLO me.test', 'EHLO bad.test'],
		['EHLO me.test', 'HELO bad.test'], ['EHLO bad.test'],
		['HELO me.test', 'EHLO bad.test', 'HELO you.test']),
], smtpd_delay_reject => 'no');

done_testing;
