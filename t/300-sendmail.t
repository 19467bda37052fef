#!/usr/bin/perl
# Local submission: sendmail, postdrop, pickup.
use strict;
use warnings;

use Barid::Test;
use IO::Socket::UNIX;
use Test::More;

plan_installed(qw(sbin/barid sbin/sendmail sbin/postdrop
	libexec/barid/pickup libexec/barid/cleanup libexec/barid/qmgr
	libexec/barid/local));

my $barid = Barid::Test->new(main => { message_size_limit => 200000,
	local_header_rewrite_clients => '' });
my $maildrop = "$barid->{dir}/queue/maildrop";
my $login = getpwuid($>);

sub submit
{
	my ($text, @arguments) = @_;

	return $barid->tool({ stdin => $text }, 'sendmail', @arguments);
}

sub dropped { return $barid->queue_ids('maildrop') }

# --- With the daemons down ------------------------------------------------------

is($barid->tool('barid', 'set-permissions')->{exit}, 0, 'set-permissions');
my $done = submit("Subject: early\n\nhello\n.\nnot this\n",
	'-f', 'me@example.test', 'user@example.test');
is($done->{exit}, 0, 'submission succeeds with the mail system down');
is($done->{err}, '', 'and says nothing');
is(scalar(my @early = dropped()), 1, 'the message is in maildrop');
is((stat "$maildrop/$early[0]")[4], $>, 'and belongs to its sender');

for my $case (
	[ [], qr/Recipient addresses must be specified on the command line/ ],
	[ ['-t'], qr/No recipient addresses found in message header/ ],
	[ ['-n', 'user@example.test'], qr/-n option not supported/ ],
	[ ['-bz', 'user@example.test'], qr/unsupported: -bz/ ],
	[ ['-bv', '-t'], qr/-t option cannot be used/ ],
	[ ['-B', 'x', 'user@example.test'], qr/-B needs/ ],
	[ ['a@@b'], qr/malformed recipient/ ],
	[ ["a\001\@b"], qr/malformed recipient/ ],
	[ ['-f', '@b', 'user@example.test'], qr/malformed sender/ ],
) {
	my ($arguments, $error) = @$case;

	$done = submit("Subject: x\n\n", @$arguments);
	is($done->{exit}, 75, "exit 75: @$arguments" =~ s/[^ -~]/?/gr);
	like($done->{err}, $error, 'with the reason');
}
$done = run_command({ stdin => '' }, installed('sbin/sendmail'), '-C',
	'/nonexistent', 'user@example.test');
is($done->{exit}, 75, 'exit 75: a folder without configuration');
$done = submit("Subject: big\n\n" . ("x" x 70 . "\n") x 4000,
	'user@example.test');
is($done->{exit}, 75, 'exit 75: a message that is too big');
like($done->{err}, qr/message file too big/, 'with the reason');
is(scalar(my @still = dropped()), 1, 'nothing of these is left');

# --- Hostile callers ---------------------------------------------------------------

my $postdrop = installed('sbin/postdrop');
my @postdrop = ($postdrop, '-c', "$barid->{dir}/etc", '-r');

for my $garbage ('', "\0" x 100, "x" x 100000, "\0\0\0\1" . 'y' x 50,
	"\xff\xff\xff\xff") {
	$done = run_command({ stdin => $garbage }, @postdrop);
	is($done->{exit}, 75, 'postdrop refuses ' . length($garbage) .
		' bytes of garbage');
}
$done = run_command('/bin/sh', '-c', "'$postdrop' -c '$barid->{dir}/etc' -r " .
	"<&- >&- 2>&-; echo \$?");
is($done->{out}, "75\n", 'postdrop with closed descriptors');
$done = run_command({ stdin => "S: x\n\n" . ("y" x 70 . "\n") x 2000 },
	'/bin/bash', '-c', "ulimit -f 8; exec '" . installed('sbin/sendmail') .
	"' -C '$barid->{dir}/etc' user\@example.test");
is($done->{exit}, 75, 'a file size limit is a failure, not a signal');
$done = run_command({ stdin => "S: x\n\n",
	env => { LD_PRELOAD => '', MAIL_CONFIG => "$barid->{dir}/etc",
		TZ => ':/etc/passwd' } },
	installed('sbin/sendmail'), 'user@example.test');
is($done->{exit}, 0, 'MAIL_CONFIG is heard');
is(scalar(@still = dropped()), 2, 'nothing else is left');

for my $signal (qw(TERM HUP INT)) {
	pipe(my $read, my $write) or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open(STDIN, '<&', $read);
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', '/dev/null');
		close($write);
		exec @postdrop;
	}
	ok(wait_until(5, sub { scalar(my @all = dropped()) == 3 }),
		'postdrop has begun a file');
	kill($signal, $pid);
	waitpid($pid, 0);
	is(scalar(@still = dropped()), 2, "SIG$signal: it is gone");
}

# --- With the daemons up --------------------------------------------------------------

$barid->start(wait => 0);
my @mail = $barid->wait_maildir('user', 2);
is(scalar(@mail), 2, 'what was in maildrop is delivered');
my ($message) = grep { /early/ } @mail;
like($message, qr/^Return-Path: <me\@example\.test>/m, 'its sender');
like($message, qr/^Received: by mx\.example\.test \(.*, from userid $>\)\n\tid \w+; /m,
	'its Received header');
like($message, qr/^From: /m, 'a From header was added');
like($message, qr/\n\nhello\n\z/, 'the dot was the end');
like($barid->wait_log(qr/pickup\[\d+\]: \w+: uid=$> from=<me\@example\.test>/),
	qr/uid/, 'the log line');

$done = submit("To: user\@example.test\nBcc: user\@example.test,\n" .
	" other\@example.test\nSubject: extract\n\nx\n.\ny\n", '-t', '-i',
	'-f', 'me@example.test');
is($done->{exit}, 0, '-t');
@mail = $barid->wait_maildir('user', 3);
($message) = grep { /extract/ } @mail;
unlike($message // '', qr/^Bcc/mi, 'Bcc is removed');
like($message // '', qr/\n\nx\n\.\ny\n\z/, '-i: the dot is not the end');
ok($barid->wait_log(qr/to=<other\@example\.test>/), 'Bcc is a recipient');

$done = submit("Subject: plain\n\nz\n", 'user@example.test');
ok($barid->wait_log(qr/uid=$> from=<\Q$login\E>/), 'the login name is the sender');

# A message that cleanup never takes comes back.
$done = submit(("Received: by x; y\n" x 60) . "Subject: loop\n\n", '-f',
	'user@example.test', 'user@example.test');
is($done->{exit}, 0, 'a message with too many hops is taken');
$barid->wait_log(qr/status=bounced \(Error: too many hops\)/);
ok(wait_until(10, sub {
	grep { /Undelivered Mail Returned/ && /too many hops/ }
	    $barid->read_maildir('user') }), 'and returned');

# A large one, with many recipients: it streams.
my $body = join '', map { "line $_\n" } 1 .. 12000;
$done = submit("Subject: large\n\n$body", '-f', 'me@example.test',
	(map { "r$_\@example.test" } 1 .. 1500), 'user@example.test');
is($done->{exit}, 0, 'a large message to 1501 recipients');
ok($barid->wait_log(qr/from=<me\@example\.test>, size=\d+, nrcpt=1501 /, 20),
	'all recipients are there');
ok(wait_until(20, sub {
	grep { /Subject: large/ && /\n\n\Q$body\E\z/ }
	    $barid->read_maildir('user') }), 'all of the content is there');
ok(wait_until(10, sub { !scalar(my @all = dropped()) }),
	'maildrop is empty');

# Half of a message in maildrop, and other things that are none.
SKIP: {
	skip 'maildrop is not ours', 2 if $> != 0;
	write_file("$maildrop/ABCDEF0123", "BARIDQ1\nrubbish" . "x" x 500);
	symlink('/etc/passwd', "$maildrop/ABCDEF0124");
	mkdir("$maildrop/ABCDEF0125");
	# Whoever connects makes pickup look.
	IO::Socket::UNIX->new(Peer => "$barid->{dir}/queue/public/pickup");
	submit("Subject: next\n\n", 'user@example.test');
	ok($barid->wait_log(qr{maildrop/ABCDEF0123: .*moved to corrupt}),
		'a damaged file is set aside');
	ok(wait_until(10, sub { grep { /Subject: next/ }
		$barid->read_maildir('user') }), 'and delays nobody');
	rmdir("$maildrop/ABCDEF0125");
}

# --- Who may -----------------------------------------------------------------------------

$barid->configure({ authorized_submit_users => "!$login, static:anyone" });
$done = submit("Subject: x\n\n", 'user@example.test');
is($done->{exit}, 75, 'authorized_submit_users');
like($done->{err}, qr/User \Q$login\E\($>\) is not allowed to submit mail/,
	'with the reason');
my $table = $barid->etc('submitters', "$login yes\n");
$barid->configure({ authorized_submit_users => "texthash:$table" });
is(submit("Subject: x\n\n", 'user@example.test')->{exit}, 0,
	'by a table: found');
$barid->etc('submitters', "someone yes\n");
is(submit("Subject: x\n\n", 'user@example.test')->{exit}, 75,
	'by a table: not found');
$barid->configure({ authorized_submit_users => 'texthash:/nonexistent' });
is(submit("Subject: x\n\n", 'user@example.test')->{exit}, 75,
	'by a table that fails');

# --- Other names ----------------------------------------------------------------------------

my $aliases = $barid->etc('aliases', "a: b\n");
$barid->configure({ authorized_submit_users => 'static:anyone',
	alias_database => "hash:$aliases" });
$done = submit('', '-bi');
is($done->{exit}, 0, 'sendmail -bi');
ok(-e "$aliases.db", 'made the database');

ok($barid->stop, 'all processes leave');
done_testing();
