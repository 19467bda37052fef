#!/usr/bin/perl
# Debian's Postfix and ours beside each other: what clients hear of addresses
# that are verified and of the screen, and the log lines of both.
use strict;
use warnings;

use Test::More;

use Barid::Hostile;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/state');

sub by_name
{
	my ($c) = @_;

	return "550 5.1.1 no such user\r\n" if $c->{line} =~ /<bad/i;
	return "451 4.2.1 come back\r\n" if $c->{line} =~ /<later/i;
	return "550 no code\r\n" if $c->{line} =~ /<plain/i;
	return undef;
}

my $server = Barid::Hostile->new(ip => '127.0.0.1',
	cases => { far => { rcpt => \&by_name } });
my %main = (
	myhostname => 'mx.test', myorigin => 'mx.test',
	mynetworks => '127.0.0.1/32', inet_protocols => 'ipv4',
	smtpd_relay_restrictions => 'permit_mynetworks, reject',
	smtpd_sender_restrictions => 'reject_unverified_sender',
	smtpd_recipient_restrictions => 'reject_unverified_recipient, permit',
	smtpd_reject_unlisted_recipient => 'no', smtpd_peername_lookup => 'no',
	virtual_mailbox_domains => 'box.test',
	virtual_mailbox_maps => 'inline:{ user@box.test=user/ }',
	transport_maps => 'inline:{ ' . $server->transports('test') . ' }',
	unverified_recipient_reject_code => 550,
	unverified_sender_reject_reason => 'no such sender',
	address_verify_poll_delay => '1s', address_verify_poll_count => 60,
	disable_dns_lookups => 'yes', smtp_host_lookup => 'native',
	postscreen_greet_wait => '1s', postscreen_greet_action => 'enforce',
	postscreen_denylist_action => 'enforce',
	postscreen_access_list => 'permit_mynetworks, cidr:ETC/access',
	postscreen_pipelining_enable => 'yes',
	postscreen_pipelining_action => 'drop',
	postscreen_non_smtp_command_enable => 'yes',
	postscreen_bare_newline_enable => 'yes',
	postscreen_bare_newline_action => 'enforce',
);

sub with_access
{
	my ($dir) = @_;

	write_file("$dir/access", "127.0.0.66 reject\n127.0.0.67 permit\n");
	return map { $_ => $main{$_} =~ s/ETC/$dir/r } keys %main;
}

my $screen = free_port();
my $access = "/tmp/bt-access.$$";
mkdir($access) or die "$access: $!\n";
chmod(0755, $access);
my $postfix = start_postfix({ with_access($access) },
	'verify unix - - n - 1 verify',
	"127.0.0.1:$screen inet n - n - 1 postscreen",
	'smtpd pass - - n - - smtpd', 'dnsblog unix - - n - 0 dnsblog',
	'tlsproxy unix - - n - 0 tlsproxy');
if (!$postfix) {
	unlink("$access/access");
	rmdir($access);
	plan(skip_all => 'there is no Postfix from Debian here');
}
my $own_screen = free_port();
my $t = Barid::Test->new(main => { with_access($access) }, master => {
	"127.0.0.1:$own_screen" => 'inet n - n - 1 postscreen',
	smtpd => 'pass - - n - - smtpd' });
$t->start;

my @both = (
	{ name => 'postfix', port => $postfix->{port}, screen => $screen,
		log => $postfix->{log} },
	{ name => 'barid', port => $t->{port}, screen => $own_screen,
		log => $t->{log} },
);

# The replies of both to these bytes from this address, a step at a time.
sub talk
{
	my ($which, $ip, @steps) = @_;
	my @d = map { smtp_connect('127.0.0.1', $_->{$which}, $ip) } @both;
	my @heard = ([], []);
	my $listen = sub {
		push @{ $heard[$_] }, plain($d[$_]->read_reply(60) // 'closed')
		    for 0, 1;
	};

	$listen->() if $steps[0] !~ /^!/;
	for my $step (@steps) {
		my $text = $step =~ s/^!//r;

		$_->send_raw($text =~ /\n/ ? $text : "$text\r\n") for @d;
		$listen->();
	}
	$_->close for @d;
	return @heard;
}

# What is each one's own.
sub plain
{
	my ($text) = @_;

	$text =~ s/ESMTP \w+.*/ESMTP/;
	$text =~ s/\]:\d+/]:PORT/g;
	return $text;
}

sub compare
{
	my ($name, $which, $ip, @steps) = @_;
	my ($postfix, $barid) = talk($which, $ip, @steps);

	is($barid->[-1], $postfix->[-1], "$name: $postfix->[-1]") or
	    diag(join "\n", 'Postfix:', @$postfix, 'Barid:', @$barid);
}

my @hello = ('EHLO c.test', 'MAIL FROM:<>');
for my $to (qw(good@far.test bad@far.test later@far.test plain@far.test
    user@box.test nobody@box.test good@FAR.test)) {
	compare("recipient $to", port => '127.0.0.1', @hello, "RCPT TO:<$to>");
}
for my $from (qw(good@far.test bad@far.test later@far.test user@box.test
    nobody@box.test), '') {
	compare("sender <$from>", port => '127.0.0.1', 'EHLO c.test',
		"MAIL FROM:<$from>", 'RCPT TO:<good@far.test>');
}

compare('a doubt, and a refusal', port => '127.0.0.1', 'EHLO c.test',
	'MAIL FROM:<bad@far.test>', 'RCPT TO:<bad@far.test>');
compare('two doubts', port => '127.0.0.1', 'EHLO c.test',
	'MAIL FROM:<later@far.test>', 'RCPT TO:<later@far.test>');

my @rcpt = (@hello, 'RCPT TO:<good@far.test>');
compare('screen: who is let in', screen => '127.0.0.67', 'EHLO c.test');
compare('screen: who is not', screen => '127.0.0.66', @rcpt);
compare('screen: who is not, DATA', screen => '127.0.0.66', @rcpt, 'DATA');
# Postfix lets out the second half of its greeting then.
# From another address again, if one of us was too slow to be early.
my $early;
for my $try (1 .. 10) {
	$early = "127.0.3.$try";
	talk(screen => $early, '!EHLO c.test', 'NOOP', 'MAIL FROM:<>',
		'RCPT TO:<good@far.test>', 'NOOP');
	last if 2 == grep {
		shapes($_->{log}, $early) =~ /^PREGREET/m
	} @both;
}
compare('screen: speaks HTTP', screen => '127.0.0.4', 'GET / HTTP/1.0');
compare('screen: says a header', screen => '127.0.0.5', 'Subject: x');
compare('screen: sends ahead', screen => '127.0.0.6',
	"EHLO c.test\r\nMAIL FROM:<>\r\n");
compare('screen: bare newlines', screen => '127.0.0.7',
	map { "$_\n" } @rcpt);

# --- the log ---------------------------------------------------------------------------

sub shapes
{
	my ($log, $ip) = @_;
	my $text = '';

	wait_until(60, sub {
		$text = read_file($log) // '';
		$text =~ /(?:DISCONNECT|PASS \w+|ALLOWLISTED) \[\Q$ip\E\]/;
	});
	return join "\n", map { s/\d+ after [\d.]+ from/N after T from/r }
	    map { s/after [\d.]+ from/after T from/r }
	    map { s/\]:\d+/]:PORT/gr }
	    $text =~ /postscreen\[\d+\]: (.*\[\Q$ip\E\].*)$/mg;
}

for my $ip ($early, qw(127.0.0.67 127.0.0.4 127.0.0.5 127.0.0.6 127.0.0.7)) {
	my @log = map { shapes($_->{log}, $ip) } @both;

	is($log[1], $log[0], "the log of $ip");
}
$server->stop;
$t->stop;
unlink("$access/access");
rmdir($access);
done_testing();
