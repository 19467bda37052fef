#!/usr/bin/perl
# Attack 93: each daemon, after it gave up its rights, tries what it may not do: it is
# refused, or the kernel ends it and master says which program it was.  In
# builds with checks only (lib/daemon/forbidden.h).
use strict;
use warnings;

use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);
use Test::More;

use Barid::Test;

plan(skip_all => 'the build has no checks') unless is_checks_build();
plan_installed('sbin/barid', 'libexec/barid/smtpd');

my @programs = grep { -e installed("libexec/barid/$_") } qw(smtpd smtp rewrite
    lookup resolve anvil dial cleanup qmgr bounce pickup showq state local);
my @on_demand = qw(cleanup rewrite lookup resolve dial anvil smtp bounce
    local);
# By act: the programs whose work it is.
my %may = (
	# The users of the system are asked for there.
	passwd => { lookup => 1, dial => 1 },
	hold   => { qmgr => 1, showq => 1, cleanup => 1 },
	inet   => { smtp => 1, resolve => 1, lookup => 1, dial => 1 },
);
# Calls that none of our programs has any use for: to try is to die.
my %deadly = map { $_ => 1 } qw(exec ptrace code memfd packet mount
    namespace);
my @acts = qw(passwd shadow write hold exec fork root ptrace kill code memfd
    inet packet mount namespace dumpable);

# As root the descriptors of the whole machine could be reached; as a user only
# what that user may.
sub wake
{
	my ($t) = @_;

	for my $service (@on_demand) {
		my ($uid, $gid) = (getpwnam('barid'))[2, 3];
		my @old = ($>, $));
		($), $>) = ("$gid $gid", $uid) if $old[0] == 0;
		IO::Socket::UNIX->new(Type => SOCK_STREAM,
			Peer => "$t->{dir}/queue/private/$service");
		($>, $)) = @old if $old[0] == 0;
	}
}

# What became of a program's attempt: "refused", "done", "died" or "".
sub outcome
{
	my ($text, $program, $act) = @_;

	return $1 if $text =~ m{/\Q$program\E\[\d+\]: forbidden $act: (\w+)};
	return 'died' if $text =~
	    m{master\[\d+\]: warning: process \S*/\Q$program\E pid \d+ killed by signal 31};
	return '';
}

for my $act (@acts) {
	local $ENV{BARID_TEST_POINT} = "forbidden:$act";
	my $t = Barid::Test->new(
		master => { rewrite => 'unix - - n - - rewrite' });
	$t->start(wait => 0);
	my @left = @programs;

	wait_until(20, sub {
		-S "$t->{dir}/queue/private/local" or return 0;
		wake($t);
		IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $t->{port}, Timeout => 1);
		@left = grep { outcome($t->log_text, $_, $act) eq '' }
		    @programs;
		return !@left;
	});
	is("@left", '', "attack 93: $act: all have tried");
	for my $program (@programs) {
		my $did = outcome($t->log_text, $program, $act);

		next if $may{$act}{$program};
		if ($deadly{$act}) {
			is($did, 'died', "attack 93: $act: $program dies of it, and master names it");
		} else {
			isnt($did, 'done', "attack 93: $act: $program may not");
		}
	}
	$t->stop(seconds => 40);
}
# Without it nobody hears of its end, but for who started master.
for my $act (qw(exec fork inet hold)) {
	local $ENV{BARID_TEST_POINT} = "forbidden-log:$act";
	my $t = Barid::Test->new;

	$t->start(wait => 0);
	ok(wait_until(20, sub {
		(read_file("$t->{dir}/console") // '') =~
		    /fatal: the log daemon does not start/ ||
		    outcome($t->log_text, 'log', $act) eq 'refused'
	}), "attack 93: $act: log may not");
	$t->stop(seconds => 40);
}
done_testing();
