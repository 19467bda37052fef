#!/usr/bin/perl
# The scripts of bench/ work: a short soak (mixed load with reloads, changed
# tables and killed processes), in which nothing is lost, and latencies of single
# messages.  How much they measure is for long runs, by hand: bench/README.md.
use strict;
use warnings;

use Barid::Test;
use Test::More;

plan_installed(qw(sbin/barid sbin/postmap libexec/barid/smtp
	libexec/barid/local libexec/barid/qmgr));
plan(skip_all => 'bench/ needs root, for a network and mailboxes of its own')
    if $> != 0;
plan(skip_all => 'no python3')
    if run_command('python3', '-c', 'import sys')->{exit} != 0;
plan(skip_all => 'no network namespaces here')
    if run_command('unshare', '-n', 'true')->{exit} != 0;

my $bench = top_folder() . '/bench';
$ENV{BENCH_DIR} = File::Temp::tempdir('barid-bench.XXXXXX', TMPDIR => 1,
	CLEANUP => 1);
chmod(0755, $ENV{BENCH_DIR});
$ENV{PYTHONDONTWRITEBYTECODE} = 1;
delete $ENV{BENCH_NETWORK};

my $done = run_command({ timeout => 200 }, 'python3', "$bench/soak.py",
	'-t', 8, '-r', 30, '-g', 100000);
is($done->{exit}, 0, 'a short soak') or diag("$done->{out}$done->{err}");
like($done->{out}, qr/^\d{2,} messages in \d+ s; killed: \w/,
	'messages went through, and processes were killed');
unlike($done->{out}, qr/PROBLEM/, 'nothing was lost');
done_testing();
