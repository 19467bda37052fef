#!/usr/bin/perl
# cidr:, regexp: and pcre: tables, and what postmap makes of a source file, are
# as in Debian's Postfix: the same answers, exits and warnings for tables and
# keys made by chance.  BARID_SEED chooses others, BARID_SCALE makes more.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Barid::Test;

plan_installed('sbin/postmap');

my $top = Barid::Test::top_folder();
my $peer = "$top/build/peers/postfix";
my $theirs = "$peer/usr/sbin/postmap";
plan(skip_all => "Debian's Postfix is not to be had") unless -x $theirs;

my $seed = $ENV{BARID_SEED} // 1;
my $scale = $ENV{BARID_SCALE} // 1;
srand($seed);
note("BARID_SEED=$seed");

# --- Both postmaps, with a configuration each ---------------------------------------

# In memory, if that can be had: each file that is made is synced.
my $dir = tempdir('barid-agree-XXXXXX', CLEANUP => 1,
	-w '/dev/shm' ? (DIR => '/dev/shm') : (TMPDIR => 1));
# An owner and a group that exist, and are not what it refuses.
my ($owner) = grep { my @u = getpwnam($_); @u && $u[2] } qw(games man news uucp);
my ($group) = grep { my $g = getgrnam($_); $g && $g != (getpwnam($owner))[3] }
    qw(operator staff users tty);

mkdir("$dir/$_") for qw(ours theirs theirs/lib);
write_file("$dir/ours/main.cf",
	"myhostname = mx.test\ncompatibility_level = 3.6\n");
write_file("$dir/theirs/main.cf", <<"END");
myhostname = mx.test
compatibility_level = 3.6
mail_owner = $owner
setgid_group = $group
shlib_directory = $dir/theirs/lib
meta_directory = $dir/theirs
queue_directory = $dir/theirs
daemon_directory = $dir/theirs
END
write_file("$dir/theirs/master.cf", '');
write_file("$dir/theirs/dynamicmaps.cf",
	"pcre\tpostfix-pcre.so\tdict_pcre_open\n");
symlink($_, "$dir/theirs/lib/" . s{.*/}{}r)
    for glob("$peer/usr/lib/postfix/*.so"),
    glob("$top/build/peers/postfix-pcre/usr/lib/postfix/*.so");

sub run_ours
{
	my ($stdin, @args) = @_;

	return run_command({ stdin => $stdin }, installed('sbin/postmap'),
		'-c', "$dir/ours", @args);
}

sub run_theirs
{
	my ($stdin, @args) = @_;

	return run_command({ stdin => $stdin,
		env => { LD_LIBRARY_PATH => "$peer/usr/lib/postfix" } },
		$theirs, '-c', "$dir/theirs", @args);
}

my $try = run_theirs('', '-q', 'x', 'static:y');
plan(skip_all => "Debian's postmap does not run here: $try->{err}")
    if $try->{out} ne "y\n";

# --- What comes by chance ------------------------------------------------------------

sub pick { return $_[rand @_] }
sub chance { return rand() < $_[0] }

sub four
{
	return join('.', pick(10, 10, 192, 0, 255), pick(0, 1, 2, 168, 255),
		pick(0, 1, 2, 128, 255), pick(0 .. 4, 127, 128, 254, 255));
}

sub six
{
	return pick('2001:db8', '2001:db8:0:1', 'fe80', '::', '2001:DB8:1') .
	    pick('::', '::1', '::ff', '::1:2:3', ':0:0:1::', '::10.0.0.1');
}

sub network
{
	return four() if chance(0.15);
	return '[' . six() . ']' . (chance(0.5) ? '/' . pick(64, 128) : '')
	    if chance(0.1);
	if (chance(0.3)) {
		return pick('2001:db8::/32', '2001:db8:0:1::/64', '::/0',
			'fe80::/10', '::1', '2001:db8::1/32', '2001:db8::/129',
			'2001:db8:1::/48', 'fe80::1:2:3');
	}
	my $bits = pick(0, 1, 8, 8, 9, 15, 16, 16, 23, 24, 24, 25, 30, 31, 32,
		33);
	my $n = unpack('N', pack('C4', split(/\./, four())));

	$n &= $bits == 0 ? 0 : 0xffffffff << (32 - $bits) & 0xffffffff
	    if $bits <= 32 && !chance(0.08);
	return join('.', unpack('C4', pack('N', $n))) . "/$bits";
}

my $result = 0;

sub cidr_table
{
	my ($depth, $text) = (0, '');

	for (1 .. 5 + rand 25) {
		my $not = chance(0.1) ? pick('!', '! ', '!!') : '';

		if (chance(0.1)) {
			$depth++;
			$text .= pick('if ', 'IF ', 'if  ') . $not . network() .
			    "\n";
		} elsif ($depth && chance(0.25)) {
			$depth--;
			$text .= pick("endif\n", "ENDIF\n", "endif \n",
				"endif x\n");
		} elsif (chance(0.08)) {
			$text .= pick("# comment\n", "\n", "10.0.0.0/8\n",
				"10.0.0.0/x text\n", "nothing here\n",
				"1.2.3 text\n", "10.0.0.0/ text\n",
				"256.1.1.1 text\n", "endif\n", "if\n",
				"[::1 text\n", "10.0.0.0/8/8 text\n",
				"010.0.0.1 text\n", "!\n", "/8 text\n",
				"10.0.0.0/-1 text\n", "10.0.0.0/08 text\n");
		} else {
			$result++;
			$text .= $not . network() . pick(' ', "\t", '   ',
				"\n  ") . "r$result" .
			    pick('', ' more', ' $1', '  x  ', "\n\tgoes on") .
			    "\n";
		}
	}
	return $text;
}

sub cidr_key
{
	return pick('host.example', '', '1.2.3', '[::1]', '10.0.0.1/32',
		'1.2.3.4.5', '::g', 'fe80::1%eth0', '0x0a.1.1.1', '10.00.0.1',
		':::', '::ffff:10.0.0.1') if chance(0.1);
	return chance(0.3) ? six() : four();
}

sub atom
{
	my ($kind) = @_;

	return pick(qw(a b c d), qw(a b c d), '.', '[ab]', '[^a]', '[a-c]',
		'[[:digit:]]', '@', '\\.', 'example', '1', '[]a]', '[a-]',
		'[^]a]', '-', '_', '\\\\', '\\/', ' ', '%',
		$kind eq 'pcre' ? ('\\d', '\\w', '\\b', '(?:ab)', '\\x61', 'a*?',
			'\\Qa.b\\E', '(?i:A)', '\\s') : ());
}

sub can_be_empty
{
	no warnings 'regexp';
	my $yes = eval { '' =~ /^(?:$_[0])$/ };

	return $yes || $@ ne '';
}

sub pattern
{
	my ($kind, $depth) = @_;
	my $text = '';

	for (1 .. 1 + rand 3) {
		my $piece = $depth > 0 && chance(0.35)
		    ? '(' . pattern($kind, $depth - 1) . ')' : atom($kind);

		# A group that was empty the last time is another one's empty
		# to POSIX: doc/from-postfix.md.
		$piece .= pick('*', '+', '?', '{2}', '{0,2}', '{1,}')
		    if chance(0.25) && $piece !~ /[*?+]$/ &&
		    !can_be_empty($piece);
		$text .= $piece;
	}
	$text .= '|' . pattern($kind, $depth - 1) if $depth > 0 && chance(0.15);
	return $text;
}

sub pattern_table
{
	my ($kind) = @_;
	my ($depth, $text) = (0, '');

	for (1 .. 3 + rand 10) {
		my $delimiter = pick('/', '/', '/', '!', '|', ',', '#');
		my $body = (chance(0.3) ? '^' : '') . pattern($kind, 2) .
		    (chance(0.3) ? '$' : '');

		$delimiter = '/' if $delimiter ne '/' &&
		    index($body, $delimiter) >= 0 or $delimiter =~ /[!#|]/;
		$body =~ s{(?<!\\)/}{\\/}g if $delimiter eq '/';
		my $flags = chance(0.25) ? pick(qw(i m x),
			$kind eq 'pcre' ? qw(s A E U X im) : qw(q ii)) : '';
		my $not = chance(0.1) ? pick('!', '!!') : '';
		my $match = "$not$delimiter$body$delimiter$flags";

		if (chance(0.1)) {
			$depth++;
			$text .= "if $match\n";
		} elsif ($depth && chance(0.3)) {
			$depth--;
			$text .= pick("endif\n", "ENDIF\n", "endif text\n");
		} elsif (chance(0.08)) {
			$text .= pick("# comment\n", "\n", "/open\n", "/(/ x\n",
				"/[/ x\n", "/*/ x\n", "/a/z x\n", "/a/ \$9\n",
				"/a/ \$x\n", "/a/ \$\n", "/(a)/ \${1\n", "/a/\n",
				"endif\n", "text\n", "/a{2,1}/ x\n",
				"/(a)/ \$0\n", "!/(a)/ \$1\n", "/a)/ x\n");
		} else {
			my $groups = () = $body =~ /\((?!\?)/g;
			my $of = $groups && !$not && chance(0.6)
			    ? pick('$1', '${1}', '$(1)', '<$1>$1', '$1$$') : '';

			$result++;
			$text .= $match . pick(' ', "\t", "\n ") . "r$result" .
			    pick('', ' a b', " $of", $of, " $of tail", '$$') .
			    "\n";
		}
	}
	return $text;
}

sub pattern_key
{
	my $key = '';

	$key .= pick(qw(a a b b c d e A B 1 2 . @ - _ % / ab abc example a.b
		EXAMPLE), ' ', '\\') for 1 .. 1 + rand 8;
	return $key;
}

# --- The comparison ---------------------------------------------------------------------

my %kinds = (
	cidr   => { table => \&cidr_table, key => \&cidr_key },
	regexp => { table => sub { pattern_table('regexp') },
		key => \&pattern_key },
	pcre   => { table => sub { pattern_table('pcre') },
		key => \&pattern_key },
);
my $cases = 0;

# What a regular expression library says of a mistake is its own.
sub comparable
{
	my ($kind, $text) = @_;

	$text =~ s/^(postmap: warning: regexp map \S+, line \d+:) .*/$1/mg
	    if $kind eq 'regexp';
	$text =~ s/^(postmap: warning: pcre map \S+, line \d+: error in regex) .*/$1/mg;
	# We show what cannot be printed, and cut white space at a line's end.
	$text =~ s/\\x[0-9A-F]{2}/?/g;
	$text =~ s/[ ?]+(['"] -- ignoring)/$1/g;
	return $text;
}

sub compare
{
	my ($kind, $what, $table, $ours, $theirs) = @_;

	# There it is "not found" then, here a temporary failure.
	return 1 if $ours->{err} =~ /match limit exceeded/;
	for my $part (qw(out exit)) {
		next if $ours->{$part} eq $theirs->{$part};
		fail("$what: the same $part");
		my @ours = split(/\n/, $ours->{$part});
		my @theirs = split(/\n/, $theirs->{$part});
		my %theirs = map { $_ => 1 } @theirs;
		my %ours = map { $_ => 1 } @ours;
		diag("table:\n$table");
		diag('ours:   ', $_) for grep { !$theirs{$_} } @ours;
		diag('theirs: ', $_) for grep { !$ours{$_} } @theirs;
		return 0;
	}
	my $a = comparable($kind, $ours->{err});
	my $b = comparable($kind, $theirs->{err});
	return 1 if $a eq $b;
	fail("$what: the same warnings");
	diag("table:\n$table\nours:\n$ours->{err}\ntheirs:\n$theirs->{err}");
	return 0;
}

for my $kind (sort keys %kinds) {
	my $good = 0;
	my $tables = 24 * $scale;

	if ($kind eq 'pcre' && !glob("$dir/theirs/lib/postfix-pcre.so")) {
		note("skipped: Debian's pcre: tables are not to be had");
		next;
	}
	for my $n (1 .. $tables) {
		my $table = $kinds{$kind}{table}->();
		my %keys = map { $kinds{$kind}{key}->() => 1 } 1 .. 40;
		my $keys = join('', map { "$_\n" } sort keys %keys);

		write_file("$dir/map", $table);
		my @args = ('-q', '-', "$kind:$dir/map");
		$good += compare($kind, "$kind table $n", $table,
			run_ours($keys, @args), run_theirs($keys, @args));
		$cases += keys %keys;
	}
	is($good, $tables, "$kind: $tables tables give the same");
}
# --- Source files ---------------------------------------------------------------------

sub source_file
{
	my ($alias) = @_;
	my $text = '';

	for (1 .. 5 + rand 20) {
		my $key = pick('a', 'B', 'user@example.test', '@example.test',
			'"two words"', '"quo\\"te"', 'x:', '.d', "\xc3\xa4",
			"\xff", '"', '""', 'k' . int(rand 30), 'k"k', '\\k');
		my $value = pick('v', 'two words', 'a,  b', '"q" r', "x\n more",
			"x\n\ttab", "x\n# c\n y", '', ' ', ':include:/x',
			'|"/bin/true a"', '# x', 'v # x', "\xff", '$x', 'c:d');

		$text .= pick("# comment\n", "\n", " \n", "  leading\n", "one\n")
		    if chance(0.1);
		$text .= $key . ($alias ? pick(':', ': ', ':', ' :', '')
			: pick(' ', "\t", '  ', '')) . $value . "\n";
	}
	return $text;
}

for my $n (1 .. 12 * $scale) {
	my $text = source_file(0);
	my $type = pick('hash', 'btree');
	my @flags = pick([], [], ['-f'], ['-r'], ['-w'], ['-N'], ['-n'], ['-o'],
		['-u'], ['-U']);
	my %made;

	for my $who (qw(ours theirs)) {
		write_file("$dir/src", $text);
		unlink("$dir/src.db");
		$made{$who} = $who eq 'ours'
		    ? run_ours('', @{ $flags[0] }, "$type:$dir/src")
		    : run_theirs('', @{ $flags[0] }, "$type:$dir/src");
		rename("$dir/src.db", "$dir/$who.db");
		# Each reads the other's.
		my $list = $who eq 'ours' ? \&run_theirs : \&run_ours;
		my $ran = $list->('', '-s', "$type:$dir/$who");
		$made{$who}{out} = join('',
			sort { $a cmp $b } $ran->{out} =~ /^(.*\n)/mg);
	}
	ok(compare($type, "source $n, @{ $flags[0] }", $text, $made{ours},
			$made{theirs}), "source $n gives the same");
	$cases += () = $text =~ /\n/g;
}

# --- Messages: -h, -b, -m --------------------------------------------------------------

my @messages = (<<'END1', <<'END2', "no header\nat all\n", "", "\nbody\n", <<'END3');
From: a
Subject: folded
 over
	lines
To: b

body one

body three
END1
Subject: parts
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=xx

preamble
--xx
Content-Type: text/plain
X-Part: one

text
--xx
Content-Type: message/rfc822

Subject: within
X-Nested: two

nested text
--xx--
epilogue
END2
A: b
no header
C: d

body
END3
write_file("$dir/all", "/./ found\n");
for my $n (0 .. $#messages) {
	for my $flags ([ '-h' ], [ '-b' ], [ '-hb' ], [ '-hm' ], [ '-bm' ],
		[ '-hbm' ]) {
		my @args = (@$flags, '-q', '-', "regexp:$dir/all");

		ok(compare('regexp', "message $n, @$flags", $messages[$n],
				run_ours($messages[$n], @args),
				run_theirs($messages[$n], @args)),
			"message $n, @$flags");
	}
}

# --- Other modes, errors and exits -------------------------------------------------------

write_file("$dir/cert", "the content of a file\n");
write_file("$dir/files", "key $dir/cert\n");
write_file("$dir/two", "a one\nb two\n");
write_file("$dir/aliases", "root: me\n\"quoted name\": a,\n  b\n");

sub compare_modes
{
	my ($args, $ours, $theirs) = @_;

	# -j is newer than theirs.
	$ours->{err} =~ s/hijmn/himn/;
	ok(compare('hash', "postmap @$args", '', $ours, $theirs),
		"postmap @$args");
}

for my $args ([ '-F', "hash:$dir/files" ],
	[ '-F', '-q', 'key', "hash:$dir/files" ],
	[ '-q', 'key', "hash:$dir/files" ], [ "hash:$dir/two" ],
	[ '-d', 'a', "hash:$dir/two" ], [ '-d', 'a', "hash:$dir/two" ]) {
	my $was = read_file("$dir/two.db");
	my $ours = run_ours('', @$args);

	# Each begins with the same file.
	write_file("$dir/two.db", $was) if defined $was;
	compare_modes($args, $ours, run_theirs('', @$args));
}
# Theirs sleeps for a second after an error: all at once.
my @modes = ([ '-q', 'A', "hash:$dir/two" ], [ '-fq', 'A', "hash:$dir/two" ],
	[ '-q', 'x', "hash:$dir/two" ], [ '-s', "hash:$dir/two" ],
	[ '-d', 'a', "texthash:$dir/two" ], [ '-d', 'a', "regexp:$dir/all" ],
	[ '-d', 'a', "hash:$dir/none" ], [ "hash:$dir/none" ],
	[ '-q', 'a', "hash:$dir/none" ], [ '-q', 'a', 'nosuch:x' ],
	[ '-q', 'a', 'fail:x' ], [ '-q', 'a', 'static:' ], [ '-q', 'a', 'x' ],
	[ '-s', "regexp:$dir/all" ], [ '-s', 'static:x' ], [ '-q', 'a' ], [],
	[ '-Z' ], [ '-h', '-q', 'x', 'static:x' ], [ '-q', '', 'static:x' ],
	[ '-q', 'a', "hash:$dir/two", 'static:z' ],
	[ '-q', 'b', "hash:$dir/two", 'static:z' ], [ '-q', 'a', 'internal:x' ],
	[ '-q', 'PATH', 'environ:x' ], [ '-q', 'a', 'hash:/nonexistent/x' ],
	# Braces, and braces in them.
	map { [ '-q', 'a', $_ ] } 'randmap:{{x y}}', 'randmap:{ {x y}, {x y} }',
	'randmap:{{}}', 'randmap:{}', 'randmap:{{x}y}', 'static:{{x y}}',
	'static:{ x }', 'static:{}', 'static:{x}y', 'static:{{x}',
	'inline:{{a = x y}}', 'inline:{a={x y}}', 'inline:{{{a = x}}}',
	'inline:{{a=x}}b', 'inline:{ }', 'inline:{a=x}}',
	'unionmap:{static:{x y},randmap:{{z}}}', 'unionmap:{{static:x}}',
	'pipemap:{randmap:{{x y}},static:{{z}}}');
for my $n (0 .. $#modes) {
	start_peer(sub {
		my $ran = run_theirs('', @{ $modes[$n] });

		write_file("$dir/theirs$n.new",
			join("\0", map { $ran->{$_} } qw(exit out err)));
		rename("$dir/theirs$n.new", "$dir/theirs$n");
		return 0;
	});
}
for my $n (0 .. $#modes) {
	wait_until(60, sub { -e "$dir/theirs$n" });
	my %theirs;
	@theirs{qw(exit out err)} =
	    split(/\0/, read_file("$dir/theirs$n") // '', 3);
	compare_modes($modes[$n], run_ours('', @{ $modes[$n] }), \%theirs);
}
note("$cases questions and lines");
done_testing();
