#!/usr/bin/perl
# sendmail -bs: SMTP on standard input, as the calling user, through postdrop.
use strict;
use warnings;

use Socket;
use Test::More;

use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed(qw(sbin/barid sbin/sendmail sbin/postdrop
	libexec/barid/smtpd libexec/barid/pickup libexec/barid/local));
is_foreign_setgid(installed('sbin/postdrop')) and
    plan(skip_all => 'postdrop is not ours: it takes no configuration of ours');

# What could refuse a client refuses all.
my $barid = Barid::Test->new(main => {
	message_size_limit => 300000,
	virtual_mailbox_maps => 'regexp:{ {/^([a-z0-9]+)@/ $$1/} }',
	smtpd_client_restrictions => 'reject',
	smtpd_hard_error_limit => 2,
	smtpd_recipient_limit => 2,
	smtpd_timeout => '20s',
});
my @sendmail = (installed('sbin/sendmail'), '-C', "$barid->{dir}/etc", '-bs');
my $envelope = "MAIL FROM:<me\@example.test>\r\nRCPT TO:<USER\@example.test>\r\n";

sub dropped { return $barid->queue_ids('maildrop') }

# A session; its replies without the first and the last.
sub session
{
	my ($text, @command) = @_;
	my $done = run_command({ stdin => "${text}QUIT\r\n" },
		@command ? @command : @sendmail);
	my $out = $done->{out} =~ s/\r\n/\n/gr;

	is($done->{exit}, 0, 'exit 0');
	# The sanitizer cannot look into a set-gid program, and says so.
	is($done->{err} =~ s/^==\d+==(?:LeakSanitizer has|HINT:).*\n//mgr, '',
		'nothing on standard error');
	like($out, qr/\A220 mx\.example\.test ESMTP .*\n/, 'a greeting');
	like($out, qr/^221 2\.0\.0 Bye\n\z/m, 'and a goodbye');
	return $out =~ s/\A220 .*\n//r =~ s/221 .*\n\z//r;
}

sub to { return $envelope =~ s/USER/$_[0]/r }

is($barid->tool('barid', 'set-permissions')->{exit}, 0, 'set-permissions');

subtest 'the daemons are down' => sub {
	my $heard = session("HELO me\r\n" . to('early') .
	    "DATA\r\nSubject: early\r\n\r\n..dot\r\n.\r\n");
	my ($id) = $heard =~ /^250 2\.0\.0 Ok: queued as (\w+)$/m;

	is_deeply([dropped()], [$id // ''], 'what it says is the name in maildrop');
	is((stat "$barid->{dir}/queue/maildrop/$id")[4], $>,
		'and belongs to its sender');
};

subtest 'bad commands' => sub {
	my $heard = session("FOO\r\nDATA\r\nMAIL FROM:<x\r\nRCPT TO:<a\@b>\r\n" .
		"EHLO me\r\n" . ("BAR\r\n" x 30) . "ETRN example.test\r\n" .
		"VRFY someone\@example.test\r\nAUTH PLAIN AGEAYg==\r\n" .
		"MAIL FROM:<a\@b>\r\nDATA\r\nRSET\r\n");
	my %codes;

	$codes{$_}++ for $heard =~ /^(\d+) /mg;
	is($codes{500}, 31, 'unknown ones, and no limit');
	is($codes{503}, 2, 'out of order');
	is($codes{501}, 1, 'malformed');
	is($codes{502}, 1, 'not offered');
	is($codes{458}, 1, 'ETRN asks nobody');
	is($codes{252}, 1, 'VRFY asks nobody');
	is($codes{554}, 1, 'no recipients');
	unlike($heard, qr/^421/m, 'it lasts to the end');
};

subtest 'size' => sub {
	my $big = ('x' x 70 . "\r\n") x 5000;
	my $heard = session("EHLO me\r\nMAIL FROM:<a\@b> SIZE=300001\r\n" .
		to('size') . "DATA\r\n$big.\r\n" . to('size') .
		"BDAT " . length($big) . " LAST\r\n$big");

	like($heard, qr/^250-SIZE 300000$/m, 'the limit is told');
	like($heard, qr/^552 5\.3\.4 Message size exceeds/m, 'announced');
	like($heard, qr/^552 5\.3\.4 Error: message file too big/m, 'sent');
	like($heard, qr/^552 5\.3\.4 Chunk exceeds/m, 'as a chunk');
	is(scalar(my @ids = dropped()), 1, 'nothing of it is in maildrop');
};

subtest 'what is not ended is not mail' => sub {
	for my $text (to('lost') . "DATA\r\nSubject: x\r\n",
		to('lost') . "BDAT 3\r\na\r\n", to('lost')) {
		my $done = run_command({ stdin => "EHLO me\r\n$text" },
			@sendmail);

		is($done->{exit}, 0, 'it ends');
		unlike($done->{out}, qr/queued/, 'and promises nothing');
	}
	is(scalar(my @ids = dropped()), 1, 'nothing of it is in maildrop');
};

# A session over one socket, as from inetd: returns our end and the pid.
sub start_session
{
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC)
	    or die "socketpair: $!\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open(STDIN, '<&', $theirs);
		open(STDOUT, '>&', $theirs);
		open(STDERR, '>', '/dev/null');
		close($ours);
		exec @sendmail;
	}
	close($theirs);
	return (bless({ socket => $ours, got => '', last => '', sent => '',
		dead => '' }, 'Barid::Test::Dialogue'), $pid);
}

subtest 'a dialogue' => sub {
	my ($d, $pid) = start_session();

	$d->expect(220);
	for my $step (['HELO me', 250], ['MAIL FROM:<a@b.example>', 250],
		['RCPT TO:<talk@example.test>', 250], ['DATA', 354]) {
		$d->send($step->[0])->expect($step->[1]);
	}
	is(scalar(my @ids = dropped()), 2, 'the file is there');
	kill('TERM', $pid);
	waitpid($pid, 0);
	ok(wait_until(5, sub { scalar(my @left = dropped()) == 1 }),
		'and goes with the session');
};

subtest 'silence' => sub {
	$barid->configure({ smtpd_timeout => '1s' });
	my ($d, $pid) = start_session();

	$d->expect(220);
	$d->expect('421 4.4.2', 'ends it');
	$d->expect_close;
	waitpid($pid, 0);
	$barid->configure({ smtpd_timeout => '20s' });
};

subtest 'the descriptor stays as it was' => sub {
	my $done = run_command('/bin/sh', '-c', "exec 0<>'$barid->{dir}/etc/main.cf'; " .
		"'$sendmail[0]' -C '$barid->{dir}/etc' -bs >/dev/null; " .
		"grep ^flags /proc/self/fdinfo/0");

	unlike($done->{out}, qr/^flags:\s+\d*[4567]\d{3}$/m, 'it blocks');
};

subtest 'postdrop is not there' => sub {
	$barid->configure({ command_directory => '/nonexistent' });
	my $heard = session("HELO me\r\n" . to('x'));
	like($heard, qr{^451 4\.3\.0 Error: execute /nonexistent/postdrop}m,
		'the user is told');
	$barid->configure({ command_directory => undef });
};

subtest 'who may not' => sub {
	$barid->configure({ authorized_submit_users => '!static:anyone' });
	my $heard = session("HELO me\r\n" . to('x'));
	like($heard, qr/^\d{3} \d\.3\.0 Error: User \S+ is not allowed to submit/m,
		'is told so');
	$barid->configure({ authorized_submit_users => 'static:anyone' });
};

$barid->start(wait => 0);

subtest 'what came before is delivered' => sub {
	my ($mail) = $barid->wait_maildir('early', 1);
	my @received = ($mail // '') =~ /^Received: ((?:.*\n)(?:[ \t].*\n)*)/mg;

	is(scalar(@received), 2, 'two Received headers');
	like($received[0] // '', qr/from userid $>\)/, 'who it was');
	like($received[1] // '', qr/\Afrom\ me\ \(localhost\ \[127\.0\.0\.1\]\)\n
		\tby\ mx\.example\.test\ .*\ with\ SMTP\ id\ \w+\n
		\tfor\ <early\@example\.test>;/x, 'and how it came');
	like($mail // '', qr/\n\n\.dot\n\z/, 'a dot was taken off');
};

subtest 'the daemons are up' => sub {
	my $heard = session("EHLO me\r\n" . to('one') .
		"DATA\r\nSubject: one\r\n\r\n..\r\n...\r\n.\r\n" .
		to('two') . "RCPT TO:<three\@example.test>\r\n" .
		"RCPT TO:<four\@example.test> NOTIFY=NEVER\r\n" .
		"BDAT 16\r\nSubject: two\r\n\r\nBDAT 7 LAST\r\n..\r\nx\r\n" .
		"MAIL FROM:<me\@example.test>\r\nRCPT TO:<x\@example.test>\r\n" .
		"RSET\r\n");
	my @ids = $heard =~ /queued as (\w+)$/mg;

	is(scalar(@ids), 2, 'two messages in one session');
	isnt($ids[0], $ids[1], 'of two names');
	my ($one) = $barid->wait_maildir('one', 1);
	like($one // '', qr/\n\n\.\n\.\.\n\z/, 'dots');
	for my $name (qw(two three four)) {
		my ($mail) = $barid->wait_maildir($name, 1);

		like($mail // '', qr/\n\n\.\.\nx\n\z/, "chunks to $name");
	}
	ok($barid->wait_queue_empty, 'nothing stays');
	is(scalar(my @none = $barid->read_maildir('x')), 0,
		'what was reset is not sent');
};

subtest 'the log' => sub {
	plan(skip_all => 'only root reaches the log service') if $> != 0;
	my $heard = session("HELO me\r\n" . to('logged') . "DATA\r\n\r\nx\r\n.\r\n");
	my ($id) = $heard =~ /queued as (\w+)$/m;

	ok($barid->wait_log(qr/smtpd\[\d+\]: $id: client=localhost\[127\.0\.0\.1\]/),
		'the name and the client');
	ok($barid->wait_log(qr/smtpd\[\d+\]: disconnect from localhost\[127/),
		'its end');
};

# A default configuration that is ours, in a name space of its own: another
# one is not believed by a set-gid program.
subtest 'another user' => sub {
	plan(skip_all => 'only root can be another user') if $> != 0;
	my $default = installed('etc/barid');
	my $enter = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
	my @as = ('unshare', '-m', '/bin/sh', '-c', $enter, 'sh',
		"$barid->{dir}/etc", $default, $^X, '-e', <<'END');
use POSIX;
$( = 65534; $) = '65534 65534';
POSIX::setuid(65534) or die "setuid: $!";
chdir('/');
exec { $ARGV[0] } @ARGV or die "exec: $!";
END
	plan(skip_all => 'no name space of our own')
	    if run_command(@as, '/bin/true')->{exit} != 0;
	my $heard = session("HELO me\r\n" . to('nobody') .
		"DATA\r\nSubject: nobody\r\n\r\n..\r\n.\r\n",
		@as, $sendmail[0], '-bs');
	like($heard, qr/queued as \w+$/m, 'may submit');
	my ($mail) = $barid->wait_maildir('nobody', 1);
	like($mail // '', qr/from userid 65534\)/, 'under its name');
	ok($barid->stop, 'also with the daemons down');
	$heard = session("HELO me\r\n" . to('nobody') . "DATA\r\n\r\nx\r\n.\r\n",
		@as, $sendmail[0], '-bs');
	like($heard, qr/queued as \w+$/m, 'may submit');
	is(scalar(my @ids = dropped()), 1, 'which waits');
};

ok($barid->stop, 'all processes leave');
done_testing();
