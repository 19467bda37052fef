#!/usr/bin/perl
# The rules of style that a program can check: one test for each.
use strict;
use warnings;

use Test::More;

use Barid::Test;

plan(skip_all => 'the sources are the same in each build')
    if is_checks_build();

my $style = top_folder() . '/t/style';
my $list = run_command($^X, $style, '--list');

is($list->{exit}, 0, 'the checks are listed');
for my $line (split /\n/, $list->{out}) {
	my ($name, $title) = split /\t/, $line;
	my $done = run_command({ timeout => 300 }, $^X, $style, $name);

	is($done->{exit}, 0, $title) or diag("$done->{out}$done->{err}");
}
done_testing();
