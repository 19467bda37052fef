#!/usr/bin/perl
# postmap and postalias: who may make which file, whose it is then, and what
# becomes of traps.  What they answer is compared with Postfix's in 156.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Barid::Databases;
use Barid::Test;

plan_installed('sbin/postmap', 'sbin/postalias');

my $etc = tempdir('barid-postmap-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod(0755, $etc);
write_file("$etc/main.cf", "myhostname = mx.test\ncompatibility_level = 3.6\n");

sub postmap { return run_command(installed('sbin/postmap'), '-c', $etc, @_) }

sub mode_of { return (stat($_[0]))[2] & 07777 }

my @types = grep { /^(hash|btree|cdb|lmdb)$/ }
    split(' ', run_command(installed('sbin/postconf'), '-c', $etc, '-m')->{out});
my %suffix = (hash => 'db', btree => 'db', cdb => 'cdb', lmdb => 'lmdb');

for my $type (@types) {
	my $file = "$etc/$type";
	my $made = "$file.$suffix{$type}";

	write_file($file, "Key value\nb second\n");
	chmod(0640, $file);
	is(postmap("$type:$file")->{exit}, 0, "$type: made");
	is(mode_of($made), 0640, "$type: with the permissions of its source");
	is(postmap('-q', 'KEY', "$type:$file")->{out}, "value\n", "$type: asked");
	is(run_command({ stdin => "c third\nb again\n" },
		installed('sbin/postmap'), '-c', $etc, '-i', '-w',
		"$type:$file")->{exit}, 0, "$type: more");
	is(join('', sort(split(/^/, postmap('-s', "$type:$file")->{out}))),
		"b\tsecond\nc\tthird\nkey\tvalue\n", "$type: all of it");
	is(postmap('-s', '-j', "$type:$file")->{out} =~ tr/{//, 3,
		"$type: as JSON");
	is(postmap('-d', 'b', "$type:$file")->{exit}, 0, "$type: one less");
	is(postmap('-q', 'b', "$type:$file")->{exit}, 1, "$type: not found");
	chmod(0604, $made);
	is(postmap("$type:$file")->{exit}, 0, "$type: made again");
	is(mode_of($made), 0604, "$type: with the permissions that it had");
	unlink($made);
	is(postmap('-p', "$type:$file")->{exit}, 0, "$type: made with -p");
	is(mode_of($made), 0644, "$type: readable by all");
	is_deeply([ grep { !/^\Q$file\E(\.\w+)?$/ } glob("$file.*") ], [],
		"$type: and nothing beside");
	# A damaged one is an error, and not "not found".
	write_file($file, join('', map { "key$_ value$_\n" } 1 .. 3000));
	for my $part (0.001, 0.1, 0.5, 0.9) {
		postmap("$type:$file");
		open(my $f, '+<', $made) or die "$made: $!\n";
		truncate($f, int($part * -s $made));
		close($f);
		my $ran = run_command({ stdin =>
			    join('', map { "key$_\n" } 1 .. 3000) },
			installed('sbin/postmap'), '-c', $etc, '-q', '-',
			"$type:$file");
		is($ran->{exit}, 1, "$type: cut to $part: exit");
		like($ran->{err}, qr/^postmap: fatal: /m,
			"$type: cut to $part: told");
		is($ran->{signal}, 0, "$type: cut to $part: no crash");
	}
}

# Aliases: the marks that sendmail looks for.
write_file("$etc/aliases", "root: me\nlist: a,\n  b\n");
my $ran = run_command(installed('sbin/postalias'), '-c', $etc,
	"hash:$etc/aliases");
is($ran->{exit}, 0, 'postalias: made') or diag($ran->{err});
my $all = run_command(installed('sbin/postalias'), '-c', $etc, '-s',
	"hash:$etc/aliases")->{out};
like($all, qr/^list:\ta, b$/m, 'postalias: one logical line');
like($all, qr/^\@:\t\@$/m, 'postalias: the mark');

# --- Whose folder is it ------------------------------------------------------------------

SKIP: {
	skip('only root can become somebody else', 1) if $> != 0;
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
	my $home = database_folder();

	write_file("$home/map", "a b\n");
	chown($uid, $gid, "$home/map");
	$ran = run_command(as_nobody(installed('sbin/postmap'), '-c', $etc,
		"hash:$home/map"));
	is($ran->{exit}, 0, 'the owner of a source makes his own')
	    or diag($ran->{err});
	is((stat("$home/map.db"))[4], $uid, 'and it is his');
	is(run_command(as_nobody(installed('sbin/postmap'), '-c', $etc, '-q',
		'a', "hash:$home/map"))->{out}, "b\n", 'and asks it');
	isnt(run_command(as_nobody(installed('sbin/postmap'), '-c', $etc,
		"hash:$etc/hash"))->{exit}, 0, "but not another's");

	# Attack 73: root in a user's folder.
	unlink("$home/map.db");
	is(postmap("hash:$home/map")->{exit}, 0, 'attack 73: root makes it too');
	is((stat("$home/map.db"))[4], $uid, 'attack 73: as the owner');
	write_file("$etc/precious", "mine\n");
	chmod(0600, "$etc/precious");
	unlink("$home/map.db");
	symlink("$etc/precious", "$home/map.db");
	postmap("hash:$home/map");
	is(read_file("$etc/precious"), "mine\n",
		'attack 73: a link leads root nowhere');
	unlink("$home/map.db");
	link("$etc/precious", "$home/map.db");
	postmap("hash:$home/map");
	is(read_file("$etc/precious"), "mine\n",
		'attack 73: nor does another name of a file');
	is((stat("$etc/precious"))[4], 0, 'attack 73: which stays ours');
	# A source that its owner may not read.
	unlink("$home/map");
	symlink("$etc/precious", "$home/map");
	unlink("$home/map.db");
	postmap("hash:$home/map");
	my $db = read_file("$home/map.db") // '';
	ok($db !~ /mine/ || (stat("$home/map.db"))[4] == 0 &&
		!(mode_of("$home/map.db") & 077),
		'attack 73: nobody learns what he may not read');
}
done_testing();
