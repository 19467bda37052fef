#!/usr/bin/perl
# Transcripts of sessions with errors, to the postmaster (notify_classes), beside
# Debian's Postfix: which sessions, and the text.
use strict;
use warnings;

use Test::More;

use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/cleanup',
	'libexec/barid/local');

my %common = (
	myhostname => 'mx.test', mail_name => 'Mail', myorigin => 'mx.test',
	smtpd_banner => '$myhostname ESMTP', inet_protocols => 'ipv4',
	smtpd_peername_lookup => 'no', mynetworks => '127.0.0.0/8',
	mydestination => '', local_recipient_maps => '', alias_maps => '',
	message_size_limit => '20000', smtpd_hard_error_limit => '5',
	smtpd_soft_error_limit => '20', smtpd_timeout => '5s',
	smtpd_relay_restrictions => 'reject_unauth_destination',
	smtpd_restriction_classes => 'cfg', cfg => 'nosuch_thing',
	smtpd_sender_restrictions => 'check_sender_access inline:{' .
	    '{bad@x.test=REJECT policy}, {warn@x.test=WARN look}, ' .
	    '{later@x.test=DEFER}, {own@x.test=550 5.5.1 no}, ' .
	    '{cfg@x.test=cfg}}',
	smtpd_data_restrictions =>
	    'check_sender_access inline:{{data@x.test=REJECT at data}}',
	header_checks => 'regexp:{{/^Subject: bad/ REJECT bad subject}, ' .
	    '{/^Subject: .* server: errors/ WARN a notice}}',
);

my @hello = ('EHLO c.test', 'MAIL FROM:<a@x.test>');
sub from { return ('EHLO c.test', "MAIL FROM:<$_[0]\@x.test>", 'RCPT TO:<USER>', 'QUIT') }

my @sessions = (
	['EHLO c.test', 'FOO bar', 'QUIT'],
	[from('bad')], [from('warn')], [from('later')], [from('own')],
	[from('cfg')],
	[@hello, 'RCPT TO:<no@DOMAIN>', 'DATA', 'QUIT'],
	[@hello, 'RCPT TO:<a@far.test>', 'QUIT'],
	['EHLO c.test', 'MAIL FROM:<data@x.test>', 'RCPT TO:<USER>', 'DATA',
		'QUIT'],
	['EHLO c.test', 'MAIL FROM:<a@x.test> SIZE=100000', 'QUIT'],
	[@hello],
	[@hello, 'RCPT TO:<USER>', 'DATA',
		\"Subject: bad\r\n\r\nx\r\n.\r\n", 'QUIT'],
	['EHLO c.test', ('RCPT TO:<x>') x 5],
	['EHLO c.test', 'MAIL foo', 'NOOP ' . ('x' x 300), 'QUIT'],
	['EHLO c.test', 'STARTTLS', 'QUIT'], ['HELO', 'QUIT'],
	['EHLO c.test', 'XCLIENT NAME=x', 'QUIT'], ['QUIT'],
	['EHLO c.test', 'ETRN no.test', 'ETRN a b', 'QUIT'],
	['EHLO c.test', 'FOO'],
	['EHLO c.test', (map { "NOOP $_" } 1 .. 60), 'FOO', 'QUIT'],
);

# What the postmaster gets of these sessions, '' for nothing: each has an address
# of its own.  All is there when nothing is under way any more.
sub play
{
	my ($server, $domain, $mails, $is_idle) = @_;
	my @told;

	for my $n (0 .. @sessions) {
		my $c = smtp_connect('127.0.0.1', $server->{port},
			'127.0.9.' . ($n + 1));

		$c->read_reply(60);
		for my $line (@{ $sessions[$n] // ['END', 'QUIT'] }) {
			my $text = ref $line ? $$line : "$line\r\n";

			$text =~ s/USER/user\@$domain/;
			$text =~ s/DOMAIN/$domain/;
			$c->send_raw($text);
			$c->read_reply(60);
		}
		$c->close;
	}
	wait_until(60, sub {
		my $all = join '', map { read_file($_) } $mails->();

		return $all =~ /In:  END/ && $is_idle->();
	}) or diag('not all is there');
	for my $mail (map { read_file($_) } $mails->()) {
		$told[$1 - 1] .= plain($mail, $domain)
		    if $mail =~ /^Subject: .*\[127\.0\.9\.(\d+)\]$/m;
	}
	return \@told;
}

# The text, and of the header what is the same.
sub plain
{
	my ($mail, $domain) = @_;
	my ($header, $body) = split /\n\n/, $mail, 2;
	my @kept = grep { /^(?:Return-Path|From|To|Subject):/ } split /\n/, $header;

	return join("\n", @kept, '', $body) =~ s/\Q$domain\E/DOMAIN/gr;
}

my $postfix = start_postfix({ %common,
	notify_classes => 'policy, protocol, resource, software, data',
	error_notice_recipient => 'user@postfix.test' });
plan(skip_all => 'there is no Postfix from Debian here') if !$postfix;
my $theirs = play($postfix, 'postfix.test',
	sub { glob "$postfix->{mail}/user/new/*" },
	sub { !glob "$postfix->{dir}/spool/{incoming,active}/*" });
my $n_theirs = () = glob "$postfix->{mail}/user/new/*";
stop_peer($postfix->{pid});

my $t = Barid::Test->new(main => { %common,
	notify_classes => 'policy, protocol, resource, software, data',
	error_notice_recipient => 'user@example.test' });
$t->start;
my $mails = sub { glob "$t->{dir}/mail/user/new/*" };
my $ours = play($t, 'example.test', $mails,
	# A session does not wait for its notice, which may come after that of a
	# later one.
	sub { !$t->queue_ids('active', 'incoming') &&
		(() = $mails->()) >= $n_theirs });
for my $n (0 .. $#sessions) {
	is($ours->[$n] // '', $theirs->[$n] // '', join ' | ',
		map { s/[\r\n]+/ /gr } map { substr(ref $_ ? $$_ : $_, 0, 40) }
		    @{ $sessions[$n] }) ;
}
unlike($t->log_text, qr/warning: header Subject: .*errors from/,
	'a notice is mail of our own: header_checks do not look at it');
like(join('', map { read_file($_) } $mails->()), qr/^Received: by mx\.test \(Mail\)/m,
	'and says who made it');

# --- by the class --------------------------------------------------------------------

$t->configure({ internal_mail_filter_classes => 'notify' });
$t->reload;
ok(wait_until(60, sub {
	my $c = smtp_connect('127.0.0.1', $t->{port});
	$c->read_reply(60);
	$c->send('FOO'), $c->read_reply(60);
	$c->close;
	return $t->log_text =~ /header Subject: Mail SMTP server: errors from/;
}), 'internal_mail_filter_classes = notify: they do');
$t->configure({ notify_classes => 'resource, software' });
$t->reload;
# A process from before the reload still tells.
ok(wait_until(60, sub {
	my %before = map { $_ => 1 } $mails->();
	my $c = smtp_connect('127.0.0.1', $t->{port});
	$c->read_reply(60);
	$c->send('FOO'), $c->read_reply(60), $c->send('QUIT'), $c->read_reply(60);
	$c->close;
	$t->mark_log;
	my $d = smtp_connect('127.0.0.1', $t->{port});
	$d->read_reply(60);
	for my $line ('EHLO c.test', 'MAIL FROM:<cfg@x.test>', 'RCPT TO:<user@example.test>', 'QUIT') {
		$d->send($line), $d->read_reply(60);
	}
	$d->close;
	my @new;
	wait_until(30, sub {
		@new = map { read_file($_) } grep { !$before{$_} } $mails->();
		return grep { /4\.3\.5 Server configuration/ } @new;
	}) or return -1;
	return !grep { /FOO/ } @new;
}) == 1, 'of other classes nothing is told');
# --- nobody takes it -------------------------------------------------------------------

$t->configure({ notify_classes => 'protocol',
	error_notice_recipient => 'nobody@example.test',
	virtual_alias_maps => undef, relocated_maps =>
	    'inline:{ nobody@example.test=elsewhere.test }' });
$t->reload;
$t->mark_log;
ok(wait_until(60, sub {
	my $c = smtp_connect('127.0.0.1', $t->{port});
	$c->read_reply(60);
	$c->send('FOO'), $c->read_reply(60);
	$c->close;
	return $t->log_text =~ /to=<nobody\@example\.test>.*status=bounced/;
}), 'a notice that nobody takes');
ok($t->wait_queue_empty, 'leads to no other mail');
is($t->stop, 1, 'stop');
done_testing();
