#!/usr/bin/perl
# What the kernel says of every process and thread of a running instance,
# against one table: who it is, where its root is, what it may still do.  A
# program that runs and is not in the table fails.
use strict;
use warnings;
no warnings 'portable';    # capabilities have 64 bits

use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd');

# Kept by whoever runs other people's commands: SETUID SETGID SETPCAP
# SYS_CHROOT KILL NET_BIND_SERVICE CHOWN FOWNER DAC_OVERRIDE SYS_RESOURCE.
my $monitor_caps = 0;
$monitor_caps |= 1 << $_ for 0, 1, 3, 5, 6, 7, 8, 10, 18, 24;

# By the name of the process.  account: what follows mail_owner ("" is itself);
# root: "queue", "empty" or "/".  A monitor has nothing that a command of a
# user would inherit.
my %table = (
	master  => { monitor => 1 },
	smtpd   => { account => '-smtpd', root => 'queue' },
	smtp    => { account => '-smtp', root => 'queue' },
	lmtp    => { account => '-smtp', root => 'queue' },
	rewrite => { account => '-rewrite', root => 'queue' },
	'trivial-rewrite' => { account => '-rewrite', root => 'queue' },
	lookup  => { account => '-lookup', root => '/' },
	resolve => { account => '-resolve', root => 'empty' },
	anvil   => { account => '-anvil', root => 'empty' },
	log     => { account => '-log', root => 'empty' },
	dial    => { account => '', root => '/', groups => 1 },
	cleanup => { account => '', root => '/' },
	qmgr    => { account => '', root => '/' },
	bounce  => { account => '', root => '/' },
	pickup  => { account => '', root => '/' },
	showq   => { account => '', root => '/' },
	state   => { account => '', root => '/' },
	# The worker gave up everything; its monitor is its child.
	local   => { account => '', root => '/', has_monitor => 1 },
	virtual => { account => '', root => '/', has_monitor => 1 },
);

# Services that only a client starts: a connection to each is one.
my @on_demand = qw(cleanup rewrite lookup resolve dial anvil smtp relay lmtp
    bounce local virtual);

sub account
{
	my ($t, $row) = @_;

	return $row->{monitor} ? (0, 0) : ($>, $) + 0) if $> != 0;
	return (0, 0) if $row->{monitor};
	my @user = getpwnam("barid$row->{account}")
	    or die "no account barid$row->{account}\n";
	my @owner = getpwnam('barid');
	return ($user[2], $owner[3]);
}

# "Name: value" lines of a status file; {} if the task has left.
sub status_of
{
	my ($path) = @_;
	my $text = eval { read_file($path) } // return {};

	return { $text =~ /^(\w+):[ \t]*(.*)$/mg };
}

sub ids { return join("\t", ($_[0]) x 4) }

# What differs from the table, in words.
sub differences
{
	my ($t, $row, $s) = @_;
	my ($uid, $gid) = $> == 0 ? account($t, $row) : ($>, $) + 0);
	my $caps = $> == 0 && $row->{monitor} ? $monitor_caps : 0;
	my %want = (
		Uid => ids($uid), Gid => ids($gid),
		CapEff => sprintf('%016x', $caps),
		CapPrm => sprintf('%016x', $caps),
		CapInh => '0' x 16, CapAmb => '0' x 16,
	);

	if (!$row->{monitor}) {
		$want{NoNewPrivs} = 1;
		$want{Seccomp} = 2;
		$want{CapBnd} = '0' x 16 if $> == 0;
		$want{Groups} = '' if $> == 0 && !$row->{groups};
	} else {
		$want{NoNewPrivs} = 0;
		$want{Seccomp} = 0;
	}
	# What the test itself runs under is inherited.
	my $own = status_of('/proc/self/status');
	for my $name (qw(NoNewPrivs Seccomp CapInh CapAmb)) {
		$want{$name} = $own->{$name}
		    if $row->{monitor} && exists $own->{$name};
	}
	if ($row->{monitor} && $> == 0) {
		$want{$_} = sprintf('%016x', $caps & hex($own->{$_}))
		    for qw(CapEff CapPrm);
	}
	return map {
		($s->{$_} // '') =~ s/\s+$//r eq $want{$_} ? () :
		    sprintf('%s is "%s", not "%s"', $_, $s->{$_} // '?',
			$want{$_})
	} sort keys %want;
}

sub root_is
{
	my ($t, $row, $pid) = @_;
	my $root = readlink("/proc/$pid/root") // return 'gone';
	my %path = ('/' => '/', queue => "$t->{dir}/queue",
		empty => "$t->{dir}/queue/empty");

	return '' if $root eq $path{ $row->{root} // '/' };
	return "its root is $root";
}

# Attack 95: what each may have open beside sockets, and the loop's own.
my %files = (
	qmgr => qr{^queue/(?:pid/qmgr\.lock|active|incoming|deferred\b.*)$},
	showq => qr{^queue/},
	pickup => qr{^queue/(?:pid/pickup\.lock|maildrop)$},
	state => qr{^data/\w+\.(?:db|lmdb)(?:\.use)?$},
	resolve => qr{^/etc/(?:resolv\.conf|hosts)$},
	log => qr{^log$},
	master => qr{^queue/pid/master\.pid$|^/memfd:|^/dev/shm/},
);

sub open_files
{
	my ($t, $process) = @_;
	my $may = $files{ $process->{name} } // qr/^$/;
	my @wrong;

	for my $path (glob "/proc/$process->{pid}/fd/*") {
		my $file = readlink($path) // next;

		$file =~ s{^\Q$t->{dir}\E/}{};
		next if $file =~ m{^/dev/null$|^socket:|^anon_inode:\[(?:eventpoll|eventfd|signalfd)\]$} ||
		    $file =~ $may;
		# The log's folder, to see that the file is another one.
		next if $process->{name} eq 'log' && $file eq $t->{dir};
		# What is printed before there is a log, and after.
		next if $file eq 'console' && $path =~ m{/[12]$};
		push @wrong, "open: $file";
	}
	return @wrong;
}

# Attack 96: where it stands is its root, or the queue.
sub folder_is
{
	my ($t, $process) = @_;
	my $cwd = readlink("/proc/$process->{pid}/cwd") // return ();

	return () if $cwd =~ m{^\Q$t->{dir}\E/queue(?:/empty)?$};
	return "it stands in $cwd";
}

# A local process that is the child of another is its monitor, or a child of
# that which became its user.
sub row_of
{
	my ($t, $process, $all) = @_;
	my $row = $table{ $process->{name} };
	my $parent = $all->{ $process->{parent} };

	return { monitor => 1 } if $row && $row->{has_monitor} && $parent &&
	    $parent->{name} eq $process->{name};
	return $row;
}

sub check_all
{
	my ($t, $title) = @_;
	my $all = $t->processes;
	my (%seen, $threads);

	for my $process (sort { $a->{pid} <=> $b->{pid} } values %$all) {
		my $row = row_of($t, $process, $all);
		my $name = $row && $row->{monitor} &&
		    $process->{name} ne 'master' ? "monitor of $process->{name}"
		    : $process->{name};

		if (!$row) {
			fail("$title: $name is not in the table");
			next;
		}
		$seen{ $process->{name} }++;
		my @wrong;
		for my $task (glob("/proc/$process->{pid}/task/*/status")) {
			my $s = status_of($task);
			next unless $s->{Name};
			$threads++;
			push @wrong, differences($t, $row, $s);
			push @wrong, "umask $s->{Umask}"
			    if ($s->{Umask} // '0077') ne '0077';
		}
		if ($> == 0) {
			my $root = root_is($t, $row, $process->{pid});
			push @wrong, $root if $root;
		}
		push @wrong, open_files($t, $process),
		    folder_is($t, $process);
		is(join('; ', @wrong), '', "$title: $name");
	}
	return ($threads, %seen);
}

# As the queue's owner, who may connect to all of these.
sub start_all
{
	my ($t) = @_;
	my @user = getpwnam('barid');

	for my $service (@on_demand) {
		my $path = "$t->{dir}/queue/private/$service";
		next unless -S $path;
		Barid::Test::smtp_connect($path, undef)->close;
	}
}

sub look_at
{
	my ($t, $title) = @_;
	my @want = grep { -e installed("libexec/barid/$_") } qw(smtpd smtp
	    rewrite lookup resolve anvil log dial cleanup qmgr bounce pickup
	    showq state local);

	$t->start;
	start_all($t);
	# Each has said that it serves: it has dropped by then.
	ok(wait_until(15, sub {
		my $out = $t->tool('barid', 'status')->{out};
		# By name: an ordinary user does not see their programs.
		my %there = map { $_->{name} => 1 } values %{ $t->processes };

		if (grep { !$there{$_} } @want) {
			# Sockets get their names a moment after the port.
			start_all($t);
			return 0;
		}
		return $out !~ / starting /;
	}), "$title: all are there");
	my ($threads, %seen) = check_all($t, $title);
	cmp_ok($threads, '>', 5, "$title: threads were looked at ($threads)");
	my $status = $t->tool('barid', 'status');
	for my $line (split /\n/, $status->{out}) {
		my ($service) = $line =~ /^(\S+)/;

		like($line, qr/ no-caps no-new-privs seccomp$/,
			"$title: barid status shows it of $service");
	}
	ok($t->stop, "$title: stop");
}

if ($> == 0) {
	look_at(Barid::Test->new, 'root');
	my $t = Barid::Test->new(master => { smtp => 'unix - - y - - smtp' });

	$t->configure({}, { cleanup => 'unix n - y - 0 cleanup' });
	$table{cleanup}{root} = 'queue';
	look_at($t, 'with chroot in master.cf');
	# Once more as somebody else.
	my $r = run_command({ timeout => 120 }, 'setpriv', '--reuid', '65534',
		'--regid', '65534', '--clear-groups', $^X,
		(map { "-I$_" } @INC), $0);
	is($r->{exit}, 0, 'as an ordinary user') or diag("$r->{out}$r->{err}");
} else {
	look_at(Barid::Test->new, 'user');
	note('skipped: only root has identities to give up');
}
done_testing();
