#!/usr/bin/perl
# Configurations as administrators have them, unmodified in Debian's Postfix and
# in Barid: the same dialogues have the same replies, and the same mail arrives in
# the same shape.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Barid::Peers;
use Barid::Test;
use Barid::Twins;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp');
plan(skip_all => 'Postfix only starts as root') if $> != 0;
plan(skip_all => 'no Postfix') if !Barid::Peers::unpacked('postfix');

# What differs between two texts, as diff prints it.
sub differences
{
	my ($theirs, $ours) = @_;
	my $dir = tempdir(CLEANUP => 1);

	write_file("$dir/postfix", "$theirs\n");
	write_file("$dir/barid", "$ours\n");
	return run_command('diff', '-U2', "$dir/postfix", "$dir/barid")->{out};
}

# The lines of all texts but those that may differ; %$seen counts what did.
sub lines_without
{
	my ($texts, $differs, $seen) = @_;
	my @kept;

	for my $line (map { split /\n/ } @$texts) {
		my @known = grep { $line =~ $_ } @$differs;

		push @kept, $line if !@known;
		$seen->{$_}++ for @known;
	}
	return join "\n", @kept;
}

my @names = grep { !$ENV{TWIN} || $_ eq $ENV{TWIN} } twin_names();
for my $name (@names) {
	my $twin = twin_read($name);

	subtest $name => sub {
		my ($postfix, $barid) = map { twin_run($twin, $_) //
			plan(skip_all => 'its database is not to be had') }
		    qw(postfix barid);

		ok($postfix->{settled}, 'Postfix delivers all of it');
		ok($barid->{settled}, 'Barid delivers all of it');
		my %seen;
		for my $kind (qw(replies deliveries log)) {
			my ($theirs, $ours) = map { lines_without($_->{$kind},
				$twin->{differs}, \%seen) } $postfix, $barid;
			my $n = @{ $postfix->{$kind} };

			is(differences($theirs, $ours), '', "$n $kind");
			cmp_ok($n, '>', 0, 'there is something to compare');
		}
		ok($seen{$_}, "what differs is there: $_")
		    for @{ $twin->{differs} };
	};
}

done_testing;
