#!/usr/bin/perl
# How each installed program was linked: position independent, its relocations
# read-only and bound at start, no executable stack or writable code, no search
# path of its own.
use strict;
use warnings;

use Test::More;

use Barid::Test;

plan(skip_all => 'the sanitizers of this build link in their own way')
    if is_checks_build();

sub is_elf
{
	my ($path) = @_;

	my $magic;

	open(my $in, '<:raw', $path) or return 0;
	return read($in, $magic, 4) == 4 && $magic eq "\x7fELF";
}

# From readelf's words to what each test looks for.
my @properties = (
	[ 'is position independent', qr/^\s*Type:\s+DYN .*?FLAGS_1\S*\s.*?\bPIE\b/ms ],
	[ 'has read-only relocations', qr/^\s*GNU_RELRO\s/m ],
	[ 'binds all symbols at start', qr/\(FLAGS(_1)?\).*\b(BIND_)?NOW\b/ ],
	[ 'has a stack that is data', qr/^\s*GNU_STACK\s.*\sRW\s/m ],
);
my @forbidden = (
	[ 'has no search path', qr/\((RPATH|RUNPATH)\)/ ],
	[ 'has no relocations in code', qr/\(TEXTREL\)/ ],
	[ 'has no writable code', qr/^\s*LOAD\s.*\sRWE\s/m ],
);

my @programs = grep { -f && !-l && is_elf($_) }
    map { glob(installed($_)) } qw(sbin/* bin/* libexec/barid/*);

plan(skip_all => 'no program is installed yet') unless @programs;

for my $path (@programs) {
	my $name = $path =~ s{.*/}{}r;
	my $said = run_command('readelf', '-hldW', $path);

	is($said->{exit}, 0, "$name: readelf reads it") or next;
	like($said->{out}, $_->[1], "$name $_->[0]") for @properties;
	unlike($said->{out}, $_->[1], "$name $_->[0]") for @forbidden;
	# Whoever runs it gains a group: the less code the better.
	next unless $name eq 'postdrop';
	my @needs = grep { !/^(libc|ld-linux[^.]*)\.so/ }
	    $said->{out} =~ /\(NEEDED\).*\[(.*)\]/g;
	is_deeply(\@needs, [], "$name needs no library but libc");
}
done_testing();
