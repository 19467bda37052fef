#!/usr/bin/perl
# A rewrite, a lookup, a resolve, an anvil, a cleanup, a qmgr that hangs, dies or
# lies: whoever asks it waits no longer than ipc_timeout; a client hears 4xx or
# 421, never 250 for what would have been refused and never 5xx for what would
# have been taken; mail is deferred, not returned, and flows on by itself
# afterwards.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::DNS;
use Barid::Durable;
use Barid::Ipc;
use Barid::Test;
use Test::More;
use Time::HiRes qw(time);

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/cleanup');

# For an answer where ipc_timeout is a second and several questions follow each
# other, on a machine that does other things as well.
my $PATIENCE = is_checks_build() ? 60 : 20;
my $serial = 0;
# Whoever says nothing is waited for each time; in one service the ways to do so
# are all tried, in the others one of them.
my @lies = grep { $_ eq 'hangs' || !ipc_is_silent($_) } ipc_lies();

sub instance
{
	my (%main) = @_;
	my $t = durable_instance(main => {
		ipc_timeout => '1s',
		mynetworks => '192.0.2.0/24',
		myorigin => 'example.test',
		recipient_delimiter => '+',
		smtpd_relay_restrictions => 'reject_unauth_destination',
		smtpd_peername_lookup => 'no',
		smtpd_error_sleep_time => '0',
		smtpd_client_connection_count_limit => '0',
		%main,
	});

	$t->start(wait => 0);
	return $t;
}

sub wait_smtpd
{
	my ($t) = @_;

	wait_ready($t);
	wait_until(15, sub {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $t->{port}, Timeout => 1);
	}) or die "smtpd does not answer\n";
}

# One session: the code of each reply, 0 where none came.  Whatever the lie,
# each reply comes in time, and is one well-formed reply.
sub talk
{
	my ($t, $name, @commands) = @_;
	my $c = eval { $t->connect } or return (0);
	my (@codes, @bad);

	for my $command (undef, @commands) {
		my $begun = time;

		$c->send($command) if defined $command;
		my $reply = $c->read_reply($PATIENCE);
		my $what = $command // 'connect';
		push @codes, $reply =~ /^(\d{3})/ ? $1 : 0;
		push @bad, sprintf('%s after %d s', $what, time - $begun)
		    if time - $begun > $PATIENCE / 2;
		push @bad, "$what: $reply"
		    unless $reply =~ /^(?:(\d{3})-[ -~]*\n)*\d{3} [ -~]{0,510}\z/;
		last if !$codes[-1] || $codes[-1] == 421;
	}
	# Nothing more was said than that.
	$c->send('NOOP') and push @bad, 'more: ' . $c->{got} if $c->{got} ne '';
	$c->close;
	is(join('; ', @bad), '', "$name: replies come in time, and are replies");
	return @codes;
}

sub message
{
	my ($mark) = @_;

	return "From: <a\@b.test>\r\nX-Mark: $mark\r\n\r\nend of $mark\r\n.";
}

sub unharmed
{
	my ($t) = @_;
	my @lines = grep {
		/pid \d+ (?:killed|exit)|status=bounced|moved to corrupt/
	} split /\n/, $t->log_text;

	is(scalar @lines, 0, 'no process ended, no mail was returned, or put ' .
		'aside') or diag(join "\n", @lines);
}

# All that was accepted is delivered in the end.
sub settle
{
	my ($t, @marks) = @_;
	my %n;

	ok(wait_until(40, sub {
		%n = %{ marks_delivered($t) };
		return !grep { !$n{$_} } @marks;
	}), 'then mail flows again by itself: ' . @marks .
		' messages were accepted, and are there') or
	    diag('missing: ' . join ' ', grep { !$n{$_} } @marks);
	is(delete $n{broken} // 0, 0, 'all are whole');
	ok(wait_settled($t, 40), 'nothing stays');
	return \%n;
}

# --- rewrite --------------------------------------------------------------------------

subtest 'rewrite' => sub {
	my $t = instance();
	my $between = ipc_between($t, 'rewrite');
	# Lies that change nothing of what it says here; nothing of where mail
	# goes, but how, which smtpd does not ask for; nothing of what an
	# address is completed to.
	my %true = map { $_ => 1 } 'answers twice', 'chats', 'has bad lists',
	    'speaks a byte at a time', 'truth';
	my %known = (%true, 'says nothing' => 1);
	my %complete = (%true, map { $_ => 1 } 'counts below zero',
	    'counts too far', 'says an integer of 3 bytes');
	my @submits;

	wait_smtpd($t);
	for my $lie ('truth', ipc_lies()) {
		my $n = ++$serial;

		ipc_lie($between, $lie);
		my @codes = talk($t, "rewrite $lie", 'EHLO client.test',
			'MAIL FROM:<a@b.test>',
			"RCPT TO:<user+$n\@example.test>",
			"RCPT TO:<x\@far$n.test>",
			ipc_is_silent($lie) ? () : "RCPT TO:<user+b$n>");
		splice(@codes, 0, 3);
		if ($known{$lie}) {
			is("@codes[0, 1]", '250 554',
				"rewrite $lie: it is believed");
		} else {
			is(join(' ', grep { !/^4/ } @codes), '',
				"rewrite $lie: 4xx to each recipient");
		}
		is($codes[2] // 451, $true{$lie} ? 250 : 451,
			"rewrite $lie: and to one without a domain");
		# Senders and recipients without a domain; and qmgr asks for the
		# way of each.
		push @submits, submit_marks($t, '-m', "q$n",
			["user+q$n\@example.test"]);
		push @submits, submit_marks($t, '-m', "s$n", '-f', 'sender',
			["user+s$n"]);
		is($submits[-1]{code}, $complete{$lie} ? 250 : 451,
			"rewrite $lie: and cleanup says");
	}
	ipc_lie($between, 'truth');
	settle($t, keys %{ acked(@submits) });
	unharmed($t);
	ok($t->stop, 'it stops');
};

# --- anvil ------------------------------------------------------------------------------

subtest 'anvil' => sub {
	my $t = instance(smtpd_client_connection_count_limit => 50);
	my $between = ipc_between($t, 'anvil', 'barid-smtpd');
	my @marks;

	wait_smtpd($t);
	for my $lie ('truth', @lies) {
		my $mark = 'anvil-' . ++$serial;

		ipc_lie($between, $lie);
		my @codes = talk($t, "anvil $lie", 'EHLO client.test',
			'MAIL FROM:<a@b.test>', 'RCPT TO:<user@example.test>',
			'DATA', message($mark), 'QUIT');
		if ($lie eq 'counts too far') {
			is("@codes", '421', "anvil $lie: 421");
			next;
		}
		is("@codes", '220 250 250 250 354 250 221',
			"anvil $lie: the client is served");
		push @marks, $mark;
	}
	ok(ipc_questions($between) >= 10, 'it was asked');
	settle($t, @marks);
	unharmed($t);
	ok($t->stop, 'it stops');
};

# --- resolve ------------------------------------------------------------------------------

subtest 'resolve' => sub {
	my $n = $serial;
	my $dns = Barid::DNS->new(map { +"b$_.test" => { A => ['127.0.0.9'] } }
	    $n .. $n + 100);
	my $t = instance(dns_test_server => $dns->server,
		smtpd_peername_lookup => 'yes', unknown_address_reject_code => 550,
		smtpd_sender_restrictions => 'reject_unknown_sender_domain');
	my $between = ipc_between($t, 'resolve', 'barid-smtpd');
	my %true = map { $_ => 1 } 'answers twice', 'chats',
	    'speaks a byte at a time', 'truth';

	wait_smtpd($t);
	for my $lie ('truth', @lies) {
		$n = ++$serial;
		ipc_lie($between, $lie);
		my @codes = talk($t, "resolve $lie", 'EHLO client.test',
			"MAIL FROM:<a\@b$n.test>",
			'RCPT TO:<user@example.test>');
		is("@codes[0, 1]", '220 250',
			"resolve $lie: the client is let in");
		if ($true{$lie}) {
			is($codes[3], 250, "resolve $lie: it is believed");
		} else {
			is(join(' ', grep { !/^[24]/ } @codes), '',
				"resolve $lie: nothing is refused for good");
		}
	}
	ok(ipc_questions($between) >= 20, 'it was asked');
	unharmed($t);
	ok($t->stop, 'it stops');
	$dns->stop;
};

# --- lookup -------------------------------------------------------------------------------

subtest 'lookup' => sub {
	# Asked by lookup: who is a user of this machine.
	my $t = instance(mydestination => 'local.test',
		local_recipient_maps => 'unix:passwd.byname');
	my $between = ipc_between($t, 'lookup', 'barid-smtpd');
	my %true = map { $_ => 1 } 'answers twice', 'chats', 'has bad lists',
	    'speaks a byte at a time', 'truth';
	my @users;

	# Each name once, since answers are kept.
	while (my $name = getpwent) {
		push @users, $name if $name =~ /^[a-z-]+$/;
	}
	wait_smtpd($t);
	for my $lie ('truth', @lies) {
		my $user = shift @users or last;

		ipc_lie($between, $lie);
		my @codes = talk($t, "lookup $lie", 'EHLO client.test',
			'MAIL FROM:<a@b.test>', "RCPT TO:<$user\@local.test>",
			'RCPT TO:<user@example.test>');
		if ($true{$lie}) {
			is($codes[3], 250, "lookup $lie: $user is known");
		} else {
			like($codes[3], qr/^(?:4..|250)$/, "lookup $lie: " .
				"$user is not refused for good");
		}
		is($codes[4], 250, "lookup $lie: others are served");
	}
	ok(ipc_questions($between) >= 15, 'it was asked');
	unharmed($t);
	ok($t->stop, 'it stops');
};

# --- cleanup ------------------------------------------------------------------------------

subtest 'cleanup' => sub {
	my $t = instance();
	my $between = ipc_between($t, 'cleanup', 'barid-smtpd');
	my (@marks, %all, %again);

	wait_smtpd($t);
	for my $lie ('truth', @lies) {
		# Collected in smtpd, and streamed.
		for my $size (0, 200_000) {
			my $mark = 'cleanup-' . ++$serial;
			my $text = message($mark);

			$text =~ s/\r\n\r\n/"\r\n\r\n" . ("x" x 78 . "\r\n") x
			    ($size \/ 80)/e;
			ipc_lie($between, $lie);
			my @codes = talk($t, "cleanup $lie",
				'EHLO client.test', 'MAIL FROM:<a@b.test>',
				'RCPT TO:<user@example.test>', 'DATA', $text);
			my $code = $codes[-1];

			$all{$mark} = 1;
			# It was accepted, and the answer lost, or the connection
			# with it: a small one is handed over once more, as any
			# client would do; it may have been delivered by then.
			$again{$mark} = $size == 0 && $lie ne 'truth';
			push @marks, $mark if $code == 250;
			if ($lie =~ /^(?:truth|answers twice|chats|speaks|has bad|says)/
			    && $lie !~ /^says (?:a|noise)/) {
				like($code, qr/^[24]/, "cleanup $lie: $code");
			} else {
				like($code, qr/^4/, "cleanup $lie: 4xx") or
				    diag("@codes");
			}
		}
	}
	ipc_lie($between, 'truth');
	my $n = settle($t, @marks);
	is(join(' ', grep { $n->{$_} > ($again{$_} ? 2 : $all{$_} // 0) }
		keys %$n), '', 'nothing comes twice by a lie');
	unharmed($t);
	ok($t->stop, 'it stops');
};

# --- qmgr ---------------------------------------------------------------------------------

# Stopped: it does not read its notices.
subtest 'qmgr that hangs' => sub {
	my $t = instance(transport_maps => 'inline:{ discard.test=discard: }');

	wait_smtpd($t);
	my ($qmgr) = $t->pids_of('qmgr');
	kill('STOP', $qmgr);
	# More notices than are kept for one who does not read.
	my @submits = submit_marks($t, '-m', 'many', '-n', 20, '-j', 4,
		[map { 'user+' . 'x' x 60 . "$_\@discard.test" } 1 .. 130]);
	my @codes = talk($t, 'qmgr hangs', 'EHLO client.test',
		'MAIL FROM:<a@b.test>', 'RCPT TO:<user@example.test>', 'DATA',
		message('qmgr-hangs'));
	is($codes[-1], 250, 'mail is accepted');
	is(scalar(grep { $_->{code} == 250 } @submits), 80, '... and more');
	kill('CONT', $qmgr);
	settle($t, 'qmgr-hangs');
	unharmed($t);
	ok($t->stop, 'it stops');
};

done_testing();
