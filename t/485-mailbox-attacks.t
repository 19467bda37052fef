#!/usr/bin/perl
# Cases 63 to 65 and 96 of the attacks: what other users of the machine put in
# the place of a mailbox, its lock, its folders, and swap while mail is
# delivered.  Their files would let anybody write to them: so it is never the
# file's mode that protects, and what they hold must stay as it was.
#
# BARID_SCALE=N: races of N times 2 seconds.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(remove_tree);
use IO::Socket::UNIX;
use POSIX qw();
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time);

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/local');
plan(skip_all => 'users to play are for root') if $> != 0;

my $scale = $ENV{BARID_SCALE} // 1;
my ($rcpt, $victim, $attacker) = map { [ (getpwnam($_))[0, 2, 3] ] }
    qw(games news mail);
my ($user, $uid, $gid) = @$rcpt;
my $host = 'mx.example.test';
my $t = Barid::Test->new(mail_uid => $uid, mail_gid => $gid, main => {
	mydestination => $host, myorigin => $host, local_recipient_maps => '',
	virtual_mailbox_maps => 'inline:{ box@example.test=pub/box, ' .
	    'md@example.test=pub/md/, deep@example.test=pub/deep/er/box, ' .
	    'ok@example.test=ok/, root@root.test=root/ }',
	virtual_mailbox_domains => 'example.test root.test',
	virtual_minimum_uid => '1',
	default_destination_concurrency_limit => '8',
	deliver_lock_attempts => '1', deliver_lock_delay => '1s',
	# What was put off by a race comes again while that lasts.
	minimal_backoff_time => '1s', maximal_backoff_time => '1s',
	queue_run_delay => '1s',
});
my $spool = "$t->{dir}/spool";
my $pub = "$t->{dir}/mail/pub";
my $theirs = "$t->{dir}/theirs";

for my $folder ($spool, $pub, $theirs) {
	mkdir($folder);
	chmod($folder eq $pub ? 0777 : 01777, $folder);
}
$t->configure({ mail_spool_directory => $spool,
	alias_maps => 'inline:{ toroot=root }' });
$t->start;

# --- What is not to be touched ---------------------------------------------------

sub give { my ($who, @paths) = @_; chown($who->[1], $who->[2], @paths) }

# A file and a maildir of each of them, open to all.
my %treasure;
for my $who ($victim, $attacker) {
	my $dir = "$theirs/$who->[0]";

	mkdir($dir);
	mkdir("$dir/md");
	mkdir("$dir/md/$_") for qw(tmp new cur);
	write_file("$dir/file", "of $who->[0]\n");
	give($who, $dir, "$dir/md", glob("$dir/md/*"), "$dir/file");
	chmod(0777, $dir, "$dir/md", glob("$dir/md/*"));
	chmod(0666, "$dir/file");
	$treasure{ $who->[0] } = $dir;
}

sub check_treasures
{
	my ($name) = @_;

	for my $who (sort keys %treasure) {
		my $dir = $treasure{$who};

		is(read_file("$dir/file"), "of $who\n",
			"$name: the file of $who is as it was");
		is(join(' ', sort map { s{^\Q$dir/}{}r }
			glob("$dir/* $dir/md/* $dir/md/*/*")),
			'file md md/cur md/new md/tmp',
			"$name: nothing is new in the folders of $who");
	}
}

my $serial = 0;

sub send_to
{
	my ($to) = @_;
	my $mark = 'M' . $serial++ . 'M';
	my $reply = send_mail($t->{port}, { from => '', to => $to },
		"Subject: $mark\n\n$mark\n");

	return $reply =~ /^250 .*queued as (\w+)/ ? ($mark, $1) : ($mark, '');
}

# "sent", "deferred" or "bounced", of the first try.
sub outcome_of
{
	my ($to) = @_;

	$t->mark_log;
	my ($mark, $id) = send_to($to);
	my $line = $t->wait_log(qr/ \Q$id\E: to=.*status=/, 20);
	$t->tool('postsuper', '-d', $id);
	return ($line =~ /status=(\w+)/ ? $1 : 'nothing', $line);
}

# --- Things in its place -----------------------------------------------------------

my $file = "$treasure{news}/file";
my %things = (
	'a link to a file' => sub { symlink($file, $_[0]) },
	'a link to nothing' => sub { symlink("$theirs/news/fresh", $_[0]) },
	'a link to a folder' => sub { symlink("$theirs/news", $_[0]) },
	'a second name of a file' => sub { link($file, $_[0]) },
	'a FIFO' => sub { POSIX::mkfifo($_[0], 0666) },
	'a folder' => sub { mkdir($_[0]) && chmod(0777, $_[0]) },
	'a device' => sub { system('mknod', '-m', '666', $_[0], 'c', 1, 3) == 0 },
	'a socket' => sub { IO::Socket::UNIX->new(Type => SOCK_STREAM,
		Local => $_[0], Listen => 1) },
	'a file of another' => sub {
		write_file($_[0], "of mail\n");
		give($attacker, $_[0]);
		chmod(0666, $_[0]);
	},
	'a link to /dev/null' => sub { symlink('/dev/null', $_[0]) },
	'a link that loops' => sub { symlink($_[0], $_[0]) },
);
my %few = map { $_ => 1 } 'a link to a folder', 'a link to a file', 'a FIFO',
	'a file of another';
# Where it stands, and to whom is sent; what may be "sent" all the same.
my @places = (
	{ name => 'the mailbox in the spool', path => "$spool/$user",
		to => "$user\@$host" },
	{ name => 'a mailbox', path => "$pub/box", to => 'box@example.test' },
	{ name => 'a maildir', path => "$pub/md", to => 'md@example.test' },
	(map { { name => "a maildir's $_", path => "$pub/md/$_",
		to => 'md@example.test', maildir => 1 } } qw(tmp)),
	(map { { name => "a maildir's $_", path => "$pub/md/$_", few => 1,
		to => 'md@example.test', maildir => 1 } } qw(new cur)),
	{ name => 'a folder above a mailbox', path => "$pub/deep",
		to => 'deep@example.test' },
	{ name => 'the folder of a mailbox', path => "$pub/deep/er",
		to => 'deep@example.test', above => "$pub/deep", few => 1 },
	{ name => 'a lock in the spool', path => "$spool/$user.lock",
		to => "$user\@$host" },
	{ name => 'a lock', path => "$pub/box.lock", to => 'box@example.test',
		few => 1 },
);

# Without any of it all are delivered to.
for my $to (sort keys %{{ map { $_->{to} => 1 } @places }}) {
	is((outcome_of($to))[0], 'sent', "$to: sent");
}
remove_tree($pub, { keep_root => 1 });
unlink("$spool/$user");

for my $place (@places) {
	subtest "attacks 63 and 65: $place->{name}" => sub {
		for my $thing (grep { !$place->{few} || $few{$_} }
		    sort keys %things) {
			# A folder is what belongs there, if it may be written to.
			next if $thing eq 'a folder' &&
			    $place->{path} =~ m{/(deep|er|tmp|new|cur|md)$};
			if ($place->{maildir}) {
				for my $dir ("$pub/md", map { "$pub/md/$_" }
				    qw(tmp new cur)) {
					mkdir($dir);
					give($rcpt, $dir);
					chmod(0777, $dir);
				}
				rmdir($place->{path});
			}
			if ($place->{above}) {
				mkdir($place->{above});
				give($rcpt, $place->{above});
				chmod(0777, $place->{above});
			}
			my $kept = $things{$thing}->($place->{path}) or
			    fail("$thing: $!");
			my ($outcome, $line) = outcome_of($place->{to});
			like($outcome, qr/^(deferred|bounced)$/,
				"$thing: not delivered") or diag($line);
			is(read_file($place->{path}) // '', "of mail\n",
				"$thing: nothing is written") if -f $place->{path} &&
			    $thing eq 'a file of another';
			unlink($place->{path});
			remove_tree($_) for "$pub/md", "$pub/deep",
			    grep { -d } $place->{path};
			unlink("$spool/$user", "$pub/box");
		}
		check_treasures($place->{name});
	};
}

# What nobody may change, root neither, waits until somebody may.
subtest 'attack 65: immutable' => sub {
	my $try = "$pub/try";

	write_file($try, '');
	if (system("chattr +i $try 2>/dev/null") != 0) {
		unlink($try);
		plan(skip_all => 'files cannot be made immutable here');
	}
	system('chattr', '-i', $try);
	unlink($try);
	for my $row ([ "$spool/$user", "$user\@$host" ],
		[ "$pub/box", 'box@example.test' ],
		(map { [ "$pub/md/$_", 'md@example.test' ] } qw(tmp new)),
		[ "$pub/md", 'md@example.test' ]) {
		my ($path, $to) = @$row;
		my $is_dir = $path =~ m{/md};
		my $name = $path =~ s{^\Q$t->{dir}/\E}{}r;

		if ($is_dir) {
			for my $dir ("$pub/md",
			    $path eq "$pub/md" ? () : map { "$pub/md/$_" }
			    qw(tmp new cur)) {
				mkdir($dir);
				give($rcpt, $dir);
			}
		} else {
			write_file($path, "was there\n");
			chmod(0600, $path);
			give($rcpt, $path);
		}
		system('chattr', '+i', $path);
		my ($outcome, $line) = outcome_of($to);
		is($outcome, 'deferred', "$name: waits") or diag($line);
		is(read_file($path), "was there\n", "$name: is as it was")
		    if !$is_dir;
		is(join(' ', grep { -f } glob("$pub/md/* $pub/md/*/*")), '',
			"$name: nothing is in it") if $is_dir;
		system('chattr', '-i', $path);
		is((outcome_of($to))[0], 'sent', "$name: then it is stored");
		remove_tree("$pub/md");
		unlink("$spool/$user", "$pub/box");
	}
	check_treasures('immutable');
};

# --- Never as root ----------------------------------------------------------------

subtest 'attack 96: delivery as root' => sub {
	for my $to ("root\@$host", "toroot\@$host") {
		my ($outcome, $line) = outcome_of($to);

		is($outcome, 'deferred', "$to: waits");
		like($line, qr/no delivery with root's privileges/, 'and why');
	}
	ok(!-e "$spool/root", 'there is no mailbox of root');
	$t->configure({ virtual_uid_maps => 'static:0',
		virtual_gid_maps => 'static:0' });
	ok($t->stop, 'stop');
	$t->start;
	my ($outcome, $line) = outcome_of('root@root.test');
	is($outcome, 'deferred', 'virtual_uid_maps of 0: waits') or
	    diag($line);
	ok(!-e "$t->{dir}/mail/root", 'and nothing is made');
	$t->configure({ virtual_uid_maps => "static:$uid",
		virtual_gid_maps => "static:$gid" });
	ok($t->stop, 'stop');
	$t->start;
};

sub check_child
{
	my ($pid) = @_;
	my $status = read_file("/proc/$pid/status");
	my %groups = map { $_ => 1 } $gid, map { (getgrnam($_->[0]))[2] }
	    grep { $_->[1] =~ /\b\Q$user\E\b/ } groups();
	my ($has) = $status =~ /^Groups:[ \t]*(.*?)[ \t]*$/m;

	like($status, qr/^Gid:\t$gid\t$gid\t$gid\t$gid$/m, 'with its group');
	is(join(' ', grep { !$groups{$_} } split ' ', $has), '',
		'and no other groups');
	like($status, qr/^CapEff:\t0+$/m, 'no capabilities');
	like($status, qr/^NoNewPrivs:\t1$/m, 'no new privileges');
	is(readlink("/proc/$pid/cwd"), '/', 'it stands in /');
	my @open = map { readlink // () } glob "/proc/$pid/fd/*";
	is(join(' ', grep { !m{^/dev/null$|^socket:|^\Q$t->{dir}\E/(mail|console)} }
		@open), '', 'attack 95: nothing else is open');
}

subtest 'attack 96: who delivers' => sub {
	for my $to ("$user\@$host", 'ok@example.test') {
		is((outcome_of($to))[0], 'sent', "$to: sent");
		my @children = grep { (read_file("/proc/$_/status") // '') =~
			/^Uid:\t$uid\t$uid\t$uid\t$uid$/m }
		    keys %{ $t->processes };

		cmp_ok(scalar @children, '>', 0, 'processes are the user');
		check_child($_) for @children;
	}
	unlink("$spool/$user");
};

sub groups
{
	my @all;

	setgrent();
	while (my @g = getgrent()) {
		push @all, [ $g[0], $g[3] ];
	}
	endgrent();
	return @all;
}

# --- Races ------------------------------------------------------------------------

# renameat2(RENAME_EXCHANGE) of pairs, again and again, as the attacker.
sub start_swapping
{
	my (@pairs) = @_;
	my $pid = fork // die "fork: $!\n";

	if ($pid == 0) {
		$) = "$attacker->[2] $attacker->[2]";
		$( = $attacker->[2];
		POSIX::setuid($attacker->[1]) or POSIX::_exit(9);
		my $end = time + 120 + 2 * $scale;
		while (time < $end) {
			for (1 .. 50) {
				for my $pair (@pairs) {
					my ($one, $other, $toggle) =
					    map { "$_" } @$pair;
					if ($toggle) {
						symlink($other, $one);
						unlink($one);
						next;
					}
					syscall(rename_number(), -100, $one,
						-100, $other, 2);
				}
			}
		}
		POSIX::_exit(0);
	}
	return $pid;
}

sub rename_number { return (POSIX::uname())[4] eq 'aarch64' ? 276 : 316 }

sub in_queue { return scalar(my @ids = $t->queue_ids) }

my @races = (
	{ name => 'a mailbox', to => 'box@example.test',
		make => sub {
			my @others = map { "$pub/x$_" } 1 .. 4;
			write_file("$pub/box", '');
			give($rcpt, "$pub/box");
			chmod(0600, "$pub/box");
			symlink($file, $others[0]);
			link($file, $others[1]);
			write_file($others[2], "of mail\n");
			give($attacker, $others[2]);
			chmod(0666, $others[2]);
			POSIX::mkfifo($others[3], 0666);
			return map { [ "$pub/box", $_ ] } @others;
		},
		stored => sub { map { read_file($_) // '' } grep { -f && !-l &&
			(lstat)[4] == $uid } glob "$pub/*" },
	},
	{ name => 'a maildir', to => 'md@example.test',
		make => sub {
			for my $dir ("$pub/md", map { "$pub/md/$_" }
			    qw(tmp new cur)) {
				mkdir($dir);
				give($rcpt, $dir);
				chmod(0777, $dir);
			}
			symlink("$treasure{news}/md", "$pub/x1");
			symlink("$treasure{news}/md/tmp", "$pub/md/x2");
			symlink("$treasure{news}/md/new", "$pub/md/x3");
			system('cp', '-a', "$treasure{mail}/md", "$pub/x4");
			return [ "$pub/md", "$pub/x1" ], [ "$pub/md", "$pub/x4" ],
			    [ "$pub/md/tmp", "$pub/md/x2" ],
			    [ "$pub/md/new", "$pub/md/x3" ];
		},
		stored => sub { map { read_file($_) // '' } grep { length }
			split /\n/, `find $pub -type f -uid $uid` },
	},
	{ name => 'a mailbox in the spool', to => "$user\@$host",
		make => sub {
			# Sticky: only what is the attacker's own can be moved.
			return [ "$spool/$user", $file, 'toggle' ],
			    [ "$spool/$user.lock", "$treasure{news}/fresh",
				'toggle' ];
		},
		# So that root makes it anew.
		turn => sub { rename("$spool/$user", "$spool/was$serial")
			if lstat("$spool/$user") && (lstat _)[4] == $uid &&
			-f _ },
		stored => sub { map { read_file($_) // '' } grep { -f && !-l &&
			(lstat)[4] == $uid } glob "$spool/*" },
	},
);

for my $race (@races) {
	subtest "attack 64: $race->{name} is swapped while it is written to" => sub {
		remove_tree($pub, { keep_root => 1 });
		my @pairs = $race->{make}->();
		my $pid = start_swapping(@pairs);
		my ($end, $n, %marks) = (time + 2 * $scale, 0);

		# At least that long, and at least that many.
		while (time < $end || (keys %marks < 30 && time < $end + 60)) {
			my ($mark, $id) = send_to($race->{to});
			$marks{$mark} = 1 if $id ne '';
			$race->{turn}->() if $race->{turn};
		}
		ok(kill('KILL', $pid), 'they were swapped all the time');
		waitpid($pid, 0);
		$n = keys %marks;
		cmp_ok($n, '>', 20, "$n messages were sent");
		check_treasures('after it');
		is(join(' ', grep { (lstat $_)[4] == $attacker->[1] &&
			read_file($_) ne "of mail\n" } grep { -f && !-l }
			glob "$pub/* $spool/*"), '',
			"no file of $attacker->[0] is written to");
		# None is lost: stored, waiting, or refused for good.
		my $bounced = () = $t->log_text =~ /status=bounced/g;
		my $text = join('', $race->{stored}->());
		my $waiting = join('', map { read_file($_) // '' }
			glob "$t->{dir}/queue/deferred/*/* $t->{dir}/queue/active/* $t->{dir}/queue/incoming/*");
		my @gone = grep { $text !~ /^$_\r?$/m && $waiting !~ /\b$_\b/ }
		    keys %marks;
		cmp_ok(scalar @gone, '<=', $bounced,
			'none is lost that was not refused');
		note(sprintf('%d stored, %d neither stored nor waiting, %d bounced',
			scalar(grep { $text =~ /^$_\r?$/m } keys %marks),
			scalar @gone, $bounced));
		$t->tool('postsuper', '-d', 'ALL');
		$t->wait_queue_empty(20);
		unlink(glob "$spool/*");
	};
}
is((outcome_of('ok@example.test'))[0], 'sent', 'mail is delivered as before');
unlike($t->log_text,
	qr/killed by signal|exit status [^0]|Assertion|throttling|Sanitizer/,
	'no process died');
ok($t->stop(seconds => 40), 'stop');
done_testing();
