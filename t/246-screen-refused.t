#!/usr/bin/perl
# What a client hears that the screen refuses, and what the log has of it,
# beside Debian's Postfix: to the byte, with the parameters that postscreen has
# for it.
use strict;
use warnings;

use Test::More;

use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd');

my $etc = "/tmp/bt-refused.$$";
mkdir($etc) or die "$etc: $!\n";
chmod(0755, $etc);
write_file("$etc/access", "127.0.0.0/8 reject\n");
END { unlink("$etc/access"); rmdir($etc); }

my %common = (
	myhostname => 'mx.test', smtpd_banner => 'mx.test ESMTP', inet_protocols => 'ipv4',
	smtpd_peername_lookup => 'no', mydestination => '', alias_maps => '',
	smtpd_relay_restrictions => 'permit_mynetworks, reject',
	postscreen_greet_wait => '1s', postscreen_denylist_action => 'enforce',
	postscreen_access_list => "cidr:$etc/access",
);
my @services = ('smtpd pass - - n - - smtpd', 'dnsblog unix - - n - 0 dnsblog',
	'tlsproxy unix - - n - 0 tlsproxy');

# The port may be there a little later than the first of an instance.
sub connect_late
{
	my ($port, $ip) = @_;
	my $c;

	wait_until(30, sub { $c = eval { smtp_connect('127.0.0.1', $port, $ip) } });
	return $c // die "nobody at port $port\n";
}

# What is each one's own.
sub plain
{
	my ($text) = @_;

	$text =~ s/(?<=PORT )\d+/N/g;
	$text =~ s/ at \w+ +\d+ \d\d:\d\d:\d\d/ at TIME/g;
	return $text;
}

# All that comes until it is the end of a reply or of the session.
sub talk
{
	my ($port, $ip, @steps) = @_;
	my $c = connect_late($port, $ip);
	my @heard;

	# The greeting has two halves.
	push @heard, plain($c->read_reply(60) // 'closed');
	for my $step (@steps) {
		my @lines = ref $step ? @$step : ("$step\r\n");

		$c->send_raw(join '', @lines) if @lines;
		push @heard, plain($c->read_reply(60) // 'closed')
		    for 1 .. (@lines || 1);
	}
	$c->close;
	return @heard;
}

sub lines
{
	my ($log, $ip) = @_;
	my $text = '';

	wait_until(60, sub {
		$text = read_file($log) // '';
		$text =~ /postscreen\[\d+\]: DISCONNECT \[\Q$ip\E\]/;
	}) or diag("$log: no end of $ip");
	return join "\n", map { s/after [\d.]+ from/after T from/r }
	    map { s/\]:\d+/]:PORT/gr }
	    $text =~ /postscreen\[\d+\]: (.*\[\Q$ip\E\].*)$/mg;
}

my $n = 0;
sub compare
{
	my ($name, $parameters, @dialogues) = @_;
	my ($theirs, $ours) = (free_port(), free_port());
	my $postfix = start_postfix({ %common, %$parameters },
		"127.0.0.1:$theirs inet n - n - 1 postscreen", @services);
	plan(skip_all => 'there is no Postfix from Debian here') if !$postfix;
	my $t = Barid::Test->new(main => { %common, %$parameters }, master => {
		"127.0.0.1:$ours" => 'inet n - n - 1 postscreen',
		map { /^(\S+) (.*)/ } @services });
	$t->start;
	for my $d (@dialogues) {
		my $ip = '127.0.8.' . ++$n;
		my @his = talk($theirs, $ip, @$d);
		my @mine = talk($ours, $ip, @$d);

		is_deeply(\@mine, \@his, "$name $n: " . join ' | ',
			map { s/[\r\n]+$//r } map { ref $_ ? @$_ : $_ }
			    map { length $_ > 60 ? substr($_, 0, 60) : $_ } @$d);
		is(lines($t->{log}, $ip), lines($postfix->{log}, $ip),
			"$name $n: the log");
	}
	$t->stop;
	stop_peer($postfix->{pid});
}

my @hello = ('EHLO c.test', 'MAIL FROM:<a@b.test>');

compare('commands', {},
	[@hello, 'RCPT TO:<x@y.test>', 'RCPT TO:<z@y.test>', 'DATA', []],
	['HELO', 'EHLO', 'EHLO ', 'HELO a b', 'HELO c', 'MAIL', 'MAIL FROM:',
		'MAIL FROM:<>', 'RSET', 'MAIL TO:<a>', 'MAIL FROM:a@b', 'MAIL',
		'HELO d', 'MAIL FROM: <a@b>', 'RCPT TO:<c>'],
	['MAIL FROM <a@b>', 'MAIL FROM:<"a b"@c.d> SIZE=9', 'RCPT TO:<c>',
		'RSET', 'mail from:<a', 'RCPT TO:<c>', 'RSET',
		'MAIL FROM:<a(c)@b>', 'RCPT TO:<c>', 'RSET',
		'MAIL FROM:<@x,@y:a@b>', 'RCPT TO:<c>'],
	[@hello, 'RCPT', 'RCPT TO', 'RCPT TO:', 'RCPT TO:<>', 'RCPT TO:x',
		'RCPT TO:<postmaster>', 'RCPT TO: <a@b.c>',
		'RCPT TO:<"a b"@c.d> NOTIFY=NEVER', 'RCPT FROM:<a>',
		'RCPT TO:<@x:a@b.c>', 'RCPT TO:<a@b@c>', 'RCPT TO:<a b>'],
	['RCPT TO:<a@b>', 'VRFY', 'VRFY a', 'VRFY a b', 'ETRN', 'ETRN x',
		'ETRN x y', 'HELP', 'NOOP x', 'RSET x', 'EXPN a', 'TURN', 'FOO',
		'', '   ', 'QUIT', []],
	['AUTH PLAIN', 'XCLIENT A=b', 'XFORWARD', '  NOOP', 'quit x', []],
	['DATA', []], ['DATA x', []], ['MAIL FROM:<>', 'DATA x', []],
	['MAIL FROM:<>', 'DATA', []], ['BDAT', []], ['BDAT 3 LAST', []],
	['MAIL FROM:<>', 'BDAT x', []],
	[@hello, 'RCPT TO:<a@b.c>', ["BDAT 5 LAST\r\nabc\r\nNOOP\r\n"], []],
	[@hello, ["RCPT TO:<a\@b.c>\r\n", "RCPT TO:<b\@b.c>\r\n", "DATA\r\n"],
		[]],
	['GET / HTTP/1.0', []], ['Subject: x', []], [["EHLO x\n"], 'QUIT', []],
	[["EHLO \xff\r\n"], ["MAIL FROM:<\xff\@b.c>\r\n"],
		["RCPT TO:<\x01a\@b.c>\r\n"]],
	['EHLO ' . ('x' x 3000), []], ['EHLO c.test'], [],
	[(map { "NOOP $_" } 1 .. 20), 'HELO a', []],
	[(map { "FOO $_" } 1 .. 21), []],
);

my $footer = '\c; call $client_address of PORT $client_port, $server_name ' .
    '$helo_name $sender at $localtime\nsecond line';
compare('parameters', {
	postscreen_helo_required => 'yes', postscreen_command_count_limit => '7',
	disable_vrfy_command => 'yes',
	postscreen_discard_ehlo_keywords => 'size, dsn, silent-discard',
	postscreen_command_time_limit => '3s',
	postscreen_command_filter => 'regexp:{{/^FOO(.*)/ NOOP$$1}, ' .
	    '{/^BAR/ RCPT TO:<filtered@x.test>}}',
	postscreen_reject_footer => $footer,
}, ['MAIL FROM:<>', 'RCPT TO:<a@b>', 'VRFY x', 'VRFY', 'ETRN', 'ETRN x',
	'EHLO c'],
	['HELO a', 'MAIL FROM:<>', 'RCPT TO:<a@b.c>', 'DATA', []],
	['FOO', 'FOO x', 'EHLO c.test', 'MAIL FROM:<s@t.u>', 'BAR', ' FOO',
		'NOOP', 'NOOP', []],
	[[], []], ['EHLO x', ['NO'], []], ['FOOBAR', 'BAR x'],
);
compare('maps', {
	postscreen_reject_footer_maps =>
	    'regexp:{{/need MAIL/ \c, footed\nline two}}',
	postscreen_reject_footer => 'plain footer', soft_bounce => 'yes',
	postscreen_discard_ehlo_keyword_address_maps => 'regexp:{' .
	    '{/^127/ vrfy, silent-discard, chunking}}',
}, ['EHLO c', 'RCPT TO:<a@b>', 'MAIL', 'FOO', 'VRFY x'],
);
compare('drop', { postscreen_denylist_action => 'drop',
	postscreen_reject_footer => 'foot $client_address' }, [[]]);
compare('inherited', { smtpd_reject_footer => '\\c, foot $server_name',
	smtpd_command_filter => 'inline:{{FOO=NOOP}}',
	postscreen_command_filter => '$smtpd_command_filter',
	smtpd_expansion_filter => 'mx.' }, ['FOO', 'BAR']);
compare('filter', { postscreen_expansion_filter => '127.0', soft_bounce => 'yes',
	postscreen_reject_footer => 'foot $client_address' }, ['FOO']);
done_testing();
