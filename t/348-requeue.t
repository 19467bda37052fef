#!/usr/bin/perl
# postsuper -r: a message goes through pickup and cleanup once more, so that tables
# that have changed apply to what it has come to, under a new name.  First beside
# Debian's Postfix, then what only we promise: nothing that was known of its
# recipients is lost, whether the mail system runs or not.
use strict;
use warnings;

use Fcntl qw(:flock);
use File::Temp qw(tempdir);
use Test::More;

use Barid::Capture;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'sbin/postsuper', 'libexec/barid/smtpd',
	'libexec/barid/pickup');

my %BEFORE = (virtual => "a\@x.test b\@x.test\nl\@x.test m1\@x.test, m2\@x.test\n",
	canonical => "s\@x.test s1\@x.test\nc\@x.test c1\@x.test\n" .
	    "h\@x.test h1\@x.test\n");
my %AFTER = (virtual => "a\@x.test no\@x.test\nb\@x.test b2\@x.test\n" .
	"m1\@x.test n1\@x.test, n2\@x.test\n",
	canonical => "s1\@x.test s2\@x.test\nc1\@x.test c2\@x.test\n" .
	    "h1\@x.test h2\@x.test\n");

sub main_of
{
	my ($sink, $table) = @_;

	return (relayhost => '[127.0.0.1]:' . $sink->port,
		myhostname => 'mx.x.test', mydestination => '',
		myorigin => 'x.test', virtual_mailbox_domains => '',
		virtual_mailbox_maps => '', local_recipient_maps => '',
		append_dot_mydomain => 'no', smtputf8_enable => 'no',
		local_header_rewrite_clients => 'permit_mynetworks',
		smtpd_relay_restrictions => 'permit_mynetworks reject',
		smtpd_sender_restrictions =>
		    'check_sender_access inline:{ {s@x.test = HOLD} }',
		virtual_alias_maps => $table->('virtual'),
		canonical_maps => $table->('canonical'));
}

# One message, which is held.
sub submit
{
	my ($port) = @_;
	my $s = smtp_connect('127.0.0.1', $port);

	$s->read_reply(60);
	for my $line ('EHLO client.test',
		'MAIL FROM:<s@x.test> RET=HDRS ENVID=abc',
		'RCPT TO:<a@x.test> NOTIFY=FAILURE ORCPT=rfc822;o@r.test',
		'RCPT TO:<l@x.test>', 'RCPT TO:<c@x.test>', 'RCPT TO:<z@z.test>',
		'DATA', "From: s\@x.test\r\nTo: h\@x.test, a\@x.test\r\n" .
		"Message-Id: <m\@x.test>\r\nDate: d\r\nSubject: x\r\n\r\n" .
		"body\r\n.", 'QUIT') {
		$s->send($line);
		$s->read_reply(60) =~ /^[23]/ or die "no: $line";
	}
}

# What the server got, in lines.
sub delivered
{
	my ($sink) = @_;
	my @lines;

	for my $m ($sink->messages) {
		my $text = $m->{content} =~ s/\n[ \t]+/ /gr;
		my $n = () = $text =~ /^Received:/mg;

		$text =~ s/^Received:.*\n//mg;
		push @lines, "$n Received", "$m->{from}: $text", map {
			"$m->{from} to $m->{to}[$_]: " .
			    join(' ', sort split / /, $m->{rcpt}[$_])
		} 0 .. $#{ $m->{to} };
	}
	return join("\n", sort @lines);
}

# The lines of the second way, without what differs from time to time.
sub told
{
	my ($text, $old) = @_;
	my ($new) = $text =~ /pickup\[\d+\]: (\w+): uid=\d+ .*orig_id=$old\n/
	    or return 'nothing';
	my @lines = grep { /: $new: (uid|from=|to=|message-id)/ }
	    split /\n/, $text;

	return join("\n", sort map {
		s/.*(pickup|cleanup|qmgr|smtp)\[\d+\]: //r =~
		    s/\b$new\b/NEW/gr =~ s/\b$old\b/OLD/gr =~ s/uid=\d+/uid=N/r =~
		    s/relay=.*(dsn=)/$1/r =~ s/size=\d+/size=N/r
	} @lines);
}

# All of both ways; what was delivered, and what the log told.
sub requeue_with
{
	my ($sink, $one) = @_;

	submit($one->{port});
	my ($id) = $one->{held}->();

	$one->{change}->();
	my $done = $one->{postsuper}->('-r', 'ALL');

	is($done->{exit}, 0, "$one->{what}: postsuper -r ALL");
	like($done->{err}, qr/^postsuper: Requeued: 1 message$/m, 'its words');
	ok(wait_until(90, sub {
		my $n = 0;

		$n += @{ $_->{to} } for $sink->messages;
		return $n >= 5;
	}), 'it is delivered');
	ok(wait_until(30, sub {
		(read_file($one->{log}) // '') =~ /: removed/ }), 'and gone');
	return (delivered($sink), told(read_file($one->{log}), $id));
}

sub with_postfix
{
	my ($sink) = @_;
	my $folder = tempdir('/tmp/rq.XXXXXX', CLEANUP => 1);
	my $write = sub {
		my ($name, $text) = @_;

		write_file("$folder/$name", $text);
		my $done = run_command(installed('sbin/postmap'),
			"hash:$folder/$name");

		die $done->{err} if $done->{exit} != 0;
		return "hash:$folder/$name";
	};

	chmod(0755, $folder);
	my $p = start_postfix({ main_of($sink, sub {
		$write->($_[0], $BEFORE{ $_[0] }) }) },
		'pickup unix n - n 1 1 pickup');
	my $command = "$p->{tree}/usr/sbin/postsuper";

	return { what => 'Postfix', port => $p->{port}, log => $p->{log},
		pid => $p->{pid},
		held => sub { map { m{/(\w+)$} } glob("$p->{dir}/spool/hold/*") },
		change => sub { $write->($_, $AFTER{$_}) for keys %AFTER },
		postsuper => sub { run_command({ env => $p->{env} }, $command,
			'-c', "$p->{dir}/etc", @_) } };
}

sub with_barid
{
	my ($sink) = @_;
	my $t = Barid::Test->new;

	$t->configure({ main_of($sink, sub {
		$t->table('hash', $_[0], $BEFORE{ $_[0] }) }) });
	$t->start;
	return { what => 'Barid', port => $t->{port}, log => $t->{log},
		instance => $t, held => sub { $t->queue_ids('hold') },
		change => sub {
			$t->table('hash', $_, $AFTER{$_}) for keys %AFTER;
			$t->stop;
			$t->start;
		},
		postsuper => sub { $t->tool('postsuper', @_) } };
}

sub have_postfix
{
	return $> == 0 && -e top_folder() . '/build/peers/postfix/.unpacked';
}

subtest 'beside Postfix' => sub {
	plan(skip_all => 'no Postfix to compare with') if !have_postfix();
	my @sinks = map { Barid::Capture->new(dsn => 1) } 1 .. 2;
	my $theirs = with_postfix($sinks[0]);
	my @theirs = requeue_with($sinks[0], $theirs);
	my $ours = with_barid($sinks[1]);
	my @ours = requeue_with($sinks[1], $ours);

	stop_peer($theirs->{pid});
	is($ours[0], $theirs[0], 'the same is delivered');
	like($ours[0], qr/to b2\@x\.test/, 'to what the new tables say');
	is($ours[1], $theirs[1], 'the log says the same');
	ok($ours->{instance}->wait_queue_empty(30), 'nothing stays');
	ok($ours->{instance}->stop, 'it stops');
};

# --- What was known of its recipients --------------------------------------------------

# A mailbox in a folder that cannot be entered, and one that does not exist.
sub with_waiting_message
{
	my (@rcpts) = @_;
	my $t = Barid::Test->new(main => { notify_classes => '',
		virtual_mailbox_maps => 'inline:{ user@example.test=user/, ' .
		    'wait@example.test=later/wait/ }',
		smtpd_reject_unlisted_recipient => 'no' },
		# Which makes no reports.
		master => { bounce => 'unix - - n - 0 anvil' });

	mkdir("$t->{dir}/mail/later");
	chmod(0, "$t->{dir}/mail/later");
	chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/later")
	    if $> == 0;
	$t->start;
	$t->script("expect 220\nsend EHLO client.test\nexpect 250\n" .
	    "send MAIL FROM:<user\@example.test>\nexpect 250\n" .
	    join('', map { "send RCPT TO:<$_>\nexpect 250\n" } @rcpts) .
	    "send DATA\nexpect 354\nraw Subject: once\\r\\n\\r\\nx\\r\\n.\\r\\n\n" .
	    "expect 250\nsend QUIT\nexpect 221\n");
	ok($t->wait_log(qr/to=<nobody\@example\.test>.*status=bounced/),
		'one does not exist');
	ok($t->wait_log(qr/to=<wait\@example\.test>.*status=deferred/),
		'another one has to wait') if @rcpts > 1;
	ok($t->stop, 'it stops');
	is(scalar(my @all = $t->queue_ids), 1, 'nobody was told, so it is there');
	return $t;
}

sub let_go
{
	my ($t) = @_;

	$t->configure({}, { bounce => 'unix - - n - 0 bounce' });
	chmod(0700, "$t->{dir}/mail/later");
	$t->start;
}

for my $runs (1, 0) {
	subtest $runs ? 'while it runs' : 'while it does not' => sub {
		my $t = with_waiting_message('nobody@example.test',
			'wait@example.test');
		my ($id) = $t->queue_ids;

		let_go($t) if $runs;
		like($t->tool('postsuper', '-r', $id)->{err},
			qr/^postsuper: $id: requeued$/m, 'requeued');
		let_go($t) if !$runs;
		$t->wait_maildir('later/wait', 1, 30);
		is(scalar(my @mail = $t->wait_maildir('user', 1)), 1,
			'who waits for news gets some');
		like($mail[0], qr/^Final-Recipient: rfc822; ?nobody\@/m,
			'of who does not exist');
		unlike($mail[0], qr/^Final-Recipient: rfc822; ?wait\@/m,
			'and of nobody else');
		ok($t->wait_queue_empty(30), 'nothing stays');
		is(scalar(my @got = $t->read_maildir('later/wait')), 1,
			'the other has it, once');
		is(scalar(@mail = $t->read_maildir('user')), 1,
			'the news came once');
		ok($t->wait_log(qr/pickup\[\d+\]: \w+: uid=\d+ from=<user\@example\.test> orig_id=$id$/),
			'the log tells both names');
		ok($t->stop, 'it stops');
	};
}

# An agent that lost its qmgr has the file locked, and tells nobody of its end.
subtest 'while it is still being delivered' => sub {
	my $t = with_waiting_message('nobody@example.test',
		'wait@example.test');
	my ($id) = $t->queue_ids;
	my ($path) = glob "$t->{main}{queue_directory}/deferred/*/$id";

	open(my $agent, '<', $path) or die "$path: $!\n";
	flock($agent, LOCK_SH) or die "lock $path: $!\n";
	like($t->tool('postsuper', '-r', $id)->{err},
		qr/^postsuper: $id: requeued$/m, 'requeued');
	let_go($t);
	sleep(2);
	ok(-e "$t->{main}{queue_directory}/maildrop/$id", 'it waits');
	close($agent);
	is(scalar(my @got = $t->wait_maildir('later/wait', 1, 45)), 1,
		'and goes on without the next look at all, a minute later');
	ok($t->wait_queue_empty(30), 'nothing stays');
	ok($t->stop, 'it stops');
};

subtest 'nobody is left' => sub {
	my $t = with_waiting_message('nobody@example.test');
	my ($id) = $t->queue_ids;

	is($t->tool('postsuper', '-r', 'ALL')->{exit}, 0, 'requeued');
	let_go($t);
	is(scalar(my @mail = $t->wait_maildir('user', 1)), 1, 'there is a report');
	ok(wait_until(30, sub { !-e "$t->{dir}/queue/maildrop/$id" }),
		'that was all of it');
	ok($t->wait_queue_empty(30), 'nothing stays');
	ok($t->stop, 'it stops');
};

done_testing;
