# For the tests of crashes and faults: messages with marks, handed to cleanup by
# t/submit or to smtpd, and what became of each of them.
#
# All are for example.test; its mailboxes are one maildir per local part, so
# that any name can be used.
package Barid::Durable;

use strict;
use warnings;

use Barid::Test;
use Exporter qw(import);
use IO::Socket::UNIX;
use POSIX qw(_exit);
use Time::HiRes qw(time sleep);

our @EXPORT = qw(
	acked build_path can_mount collect_submit durable_instance
	marks_delivered mount_image mount_loop own_mounts start_submit submit_marks
	submits_so_far unmount_all wait_ready wait_settled
);

# A program of the build folder.
sub build_path
{
	my ($path) = @_;
	my $build = $ENV{BARID_BUILD} or die "BARID_BUILD is not set\n";

	return "$build/$path";
}

# An instance that tries again soon.
sub durable_instance
{
	my (%options) = @_;
	my $main = delete $options{main} || {};

	return Barid::Test->new(%options, main => {
		virtual_mailbox_maps => 'inline:{ ' . join(', ',
			map { "$_\@example.test=$_/" } qw(user other third)) .
		    ' }',
		queue_run_delay => '1s',
		minimal_backoff_time => '1s',
		maximal_backoff_time => '2s',
		service_throttle_time => '1s',
		transport_retry_time => '1s',
		queue_minfree => '1',
		%$main,
	});
}

# The instance takes messages: cleanup's socket is there, and qmgr runs.
sub wait_ready
{
	my ($t) = @_;
	my $queue = $t->{main}{queue_directory};

	my $up = wait_until(15, sub {
		return -1 unless $t->is_running;
		my @qmgr = $t->pids_of('qmgr');
		return -S "$queue/private/cleanup" && @qmgr ? 1 : 0;
	});
	return $t if $up == 1;
	$t->show_log;
	die "barid did not start\n";
}

# --- Submitting -----------------------------------------------------------------

sub submit_command
{
	my ($t, @arguments) = @_;

	return (build_path('t/submit'),
		$> == 0 ? ('-u', 'barid') : (), @arguments);
}

# What t/submit printed: {id, mark, code, text} for each line.
sub parse_submits
{
	my ($text) = @_;

	return map {
		/^(\S+) (\S+) (\d+) (.*)$/ ?
		    { id => $1, mark => $2, code => $3, text => $4 } : ()
	} split /\n/, $text;
}

# submit_marks($t, OPTION..., [RECIPIENT...]): waits until all have an answer.
sub submit_marks
{
	my ($t, @arguments) = @_;

	return collect_submit(start_submit($t, @arguments));
}

# The same, beside us; collect_submit waits for its end.
sub start_submit
{
	my ($t, @arguments) = @_;
	my $rcpts = pop @arguments;
	my $out = "$t->{dir}/submit." . ++$t->{n_submits};
	my @command = submit_command($t, @arguments,
		$t->{main}{queue_directory}, @$rcpts);
	my $pid = fork // die "fork: $!\n";

	if ($pid == 0) {
		open(STDOUT, '>', $out) or _exit(126);
		open(STDERR, '>&', \*STDOUT) or _exit(126);
		{ no warnings 'exec'; exec { $command[0] } @command; }
		_exit(127);
	}
	return { pid => $pid, out => $out };
}

sub collect_submit
{
	my ($running) = @_;
	my $ended = wait_until(120, sub {
		return waitpid($running->{pid}, POSIX::WNOHANG()) != 0;
	});

	if (!$ended) {
		kill('KILL', $running->{pid});
		waitpid($running->{pid}, 0);
		Test::More::diag('t/submit did not come to an end');
	}
	my $text = read_file($running->{out}) // '';
	Test::More::diag($_) for grep { /^submit: / } split /\n/, $text;
	return parse_submits($text);
}

# What has been answered until now.
sub submits_so_far
{
	my ($running) = @_;
	my $text = read_file($running->{out}) // '';

	return parse_submits($text =~ s/[^\n]*\z//r);
}

# The marks that were accepted: {mark => ID}.
sub acked { return { map { $_->{mark} => $_->{id} }
	grep { $_->{code} == 250 } @_ } }

# --- What became of them ----------------------------------------------------------

# {mark => how many copies} in this mailbox (default: user).  What is not whole
# counts under "broken".
sub marks_delivered
{
	my ($t, $mailbox) = @_;
	my %n;

	for my $text ($t->read_maildir($mailbox // 'user')) {
		my ($mark) = $text =~ /^X-Mark: (\S+)$/m;
		my $whole = defined $mark && $text =~ /^end of \Q$mark\E\n\z/m;

		$n{$whole ? $mark : 'broken'}++;
	}
	return \%n;
}

# Wait until nothing is queued; diagnoses what stays.
sub wait_settled
{
	my ($t, $seconds) = @_;
	my $queue = $t->{main}{queue_directory};
	my @left;
	my $settled = wait_until($seconds // 30, sub {
		@left = map { glob "$queue/$_" } qw(incoming/* active/*
			deferred/?/* maildrop/*);
		return !@left;
	});

	Test::More::diag("stays: @left[0 .. ($#left > 9 ? 9 : $#left)]")
	    unless $settled;
	return $settled;
}

# --- File systems of our own ---------------------------------------------------------

my @mounts;
my $owner = $$;

# Why we cannot mount here; undef if we can.
sub can_mount
{
	return 'not root' if $> != 0;
	my $try = run_command('unshare', '-m', 'true');
	return $try->{exit} == 0 ? undef : 'mounting is not permitted';
}

# Begin again with mounts of our own, if we may mount.  Another test that makes
# itself a copy of all mounts would keep ours alive behind our back, and a file
# system that was stopped comes back only when it is gone everywhere.  To be
# called first.
sub own_mounts
{
	return if $ENV{BARID_OWN_MOUNTS} || can_mount();
	local $ENV{BARID_OWN_MOUNTS} = 1;
	exec('unshare', '-m', '--propagation', 'private', '--', $^X, '-It/lib',
		$0, @ARGV);
}

# A file system of that many MiB: mount_image(TYPE, MIB, FOLDER, [OPTION...]);
# TYPE is tmpfs, ext4 or xfs.  Returns why it could not be.
sub mount_image
{
	my ($type, $size, $folder, @options) = @_;
	my @command;

	mkdir($folder);
	if ($type eq 'tmpfs') {
		@command = ('mount', '-t', 'tmpfs', '-o',
			join(',', "size=${size}m", @options), 'tmpfs', $folder);
	} else {
		my $image = "$folder.img";
		open(my $out, '>', $image) or return "$image: $!";
		truncate($out, $size * 1024 * 1024);
		close($out);
		my $made = run_command("/sbin/mkfs.$type", '-q',
			$type eq 'xfs' ? '-f' : '-F', @options, $image);
		return "mkfs.$type: $made->{err}" if $made->{exit} != 0;
		my $why = mount_loop($image, $folder);

		return "mount: $why" if $why ne '';
	}
	my $done = @command ? run_command(@command) : { exit => 0 };
	return "mount: $done->{err}" if $done->{exit} != 0;
	push @mounts, $folder;
	chmod(0755, $folder);
	return undef;
}

# Mount an image; returns '', or why not.  Others on the machine may take the loop
# device that mount has just found free: then it looks again.
sub mount_loop
{
	my ($image, $folder) = @_;
	my $done;

	wait_until(20, sub {
		$done = run_command('mount', '-o', 'loop', $image, $folder);
		return $done->{exit} == 0;
	}) and return '';
	return $done->{err} || "exit $done->{exit}";
}

sub unmount_all
{
	while (defined(my $folder = pop @mounts)) {
		run_command('umount', '-l', $folder);
	}
}

END {
	my $status = $?;
	unmount_all() if $$ == $owner;
	$? = $status;
}

1;
