#!/usr/bin/perl
# pgsql:, mysql:, sqlite: and ldap: tables answer as Debian's Postfix does, whose
# modules ask the same servers: for parameters made by chance, and for keys that
# would be more than a key.  BARID_SEED chooses others, BARID_SCALE makes more.
use strict;
use warnings;

use MIME::Base64;
use Test::More;

use Barid::Databases;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/postmap');

my $postfix = new_postfix(free_port())
    or plan(skip_all => "Debian's Postfix is not to be had");
my $scale = $ENV{BARID_SCALE} // 1;
my $seed = $ENV{BARID_SEED} // 1;
srand($seed);
note("BARID_SEED=$seed");

my $ours = database_folder();
my $theirs = "$postfix->{dir}/etc";
write_file("$ours/main.cf", "myhostname = mx.test\ncompatibility_level = 3.6\n");
write_file("$theirs/main.cf", join('', "myhostname = mx.test\n",
	"compatibility_level = 3.6\n",
	map { "$_ = $postfix->{own}{$_}\n" } sort keys %{ $postfix->{own} }));
write_file("$theirs/master.cf", '');

sub pick { return $_[rand @_] }

# --- The same rows everywhere ---------------------------------------------------------

# Attack 44: names that would be more than a name.
my @evil = ("o'hara\@example.test", 'back\\slash@example.test',
	'quo"te@example.test', "' or '1'='1", "'; delete from a; --",
	"\\' or 1=1 -- ", '$$', 'x\\', '%s', '%u@example.test', "tab\there",
	'a;b', "')) union select v from a --", '*', 'a*', '*)(mail=*',
	')(|(mail=*', '\\2a', 'a(b)c', 'x)(&', '(', '&', 'x,dc=example',
	'x+y=z', '<x>', '"q"', '#x', 'a=b');
my @rows = ([ 'user@example.test', 'mailbox@host.test' ],
	[ 'two@example.test', 'a@x.test' ], [ 'two@example.test', 'b' ],
	[ 'plain', 'no address' ], [ 'empty@example.test', '' ],
	[ '@example.test', 'catch@all.test' ], [ 'sub@a.b.example.test', 'v' ],
	(map { [ $_, "is $_" ] } @evil));
my @keys = ((map { $_->[0] } @rows), 'USER@Example.Test', 'none@example.test',
	'user@', '@', 'user', 'example.test', 'a@b@example.test', 'x@a..test',
	'x@.test', 'x@test.', '.', ' user@example.test', 'two words@example.test',
	(map { "no $_" } @evil), 'k' x 300);

sub literal
{
	my ($type, $text) = @_;

	$text =~ s/'/''/g;
	$text =~ s/\\/\\\\/g if $type eq 'mysql';
	return "'$text'";
}

sub inserts
{
	my ($type) = @_;

	return join('', map { "INSERT INTO a VALUES (" . literal($type, $_->[0]) .
		    ', ' . literal($type, $_->[1]) . ");\n" } @rows);
}

my $base = 'dc=example,dc=test';

sub ldif
{
	my $text = "dn: $base\nobjectClass: domain\ndc: example\n\n";
	my $n = 0;

	for my $row (@rows) {
		my $name = 'r' . $n++;

		$text .= "dn: cn=$name,$base\nobjectClass: device\n" .
		    "objectClass: mailThing\ncn: $name\n" .
		    'description:: ' . encode_base64($row->[0], '') . "\n" .
		    ($row->[1] eq '' ? ''
			: 'owner: cn=r0,' . "$base\n" . 'l:: ' .
			    encode_base64($row->[1], '') . "\n") . "\n";
	}
	# Groups: of people, of a group, of nobody who is there, in a circle.
	my %groups = (g1 => [ 'r0', 'r1' ], g2 => [ 'g1', 'r3' ],
		g3 => ['nobody'], g4 => [ 'g4', 'r0' ]);
	for my $name (sort keys %groups) {
		$text .= "dn: cn=$name,$base\nobjectClass: device\n" .
		    "objectClass: mailThing\ncn: $name\n" .
		    "description: $name\@example.test\nl: group $name\n" .
		    join('', map { "member: cn=$_,$base\n" }
			@{ $groups{$name} }) . "\n";
	}
	return $text;
}

# --- What is asked ------------------------------------------------------------------------

my %source;

sub start_all
{
	my $db = start_postgresql("CREATE ROLE mail LOGIN PASSWORD 'x';\n" .
		"CREATE TABLE a (k text, v text);\n" . inserts('pgsql') .
		"GRANT ALL ON a TO mail;\n");
	$source{pgsql} = { hosts => "127.0.0.1:$db->{port}", user => 'mail',
		password => 'x', dbname => 'postgres' } if $db;
	$db = start_mariadb(join("\n", 'CREATE DATABASE mail;', 'USE mail;',
		'CREATE TABLE a (k text, v text) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;',
		inserts('mysql') .
		"GRANT ALL ON mail.* TO mail\@'%' IDENTIFIED BY 'x';\n"));
	$source{mysql} = { hosts => "127.0.0.1:$db->{port}", user => 'mail',
		password => 'x', dbname => 'mail' } if $db;
	if (have_peer('sqlite3')) {
		my $folder = database_folder();

		run_command({ stdin => "CREATE TABLE a (k text, v text);\n" .
			    inserts('sqlite') }, 'sqlite3', "$folder/m.db");
		$source{sqlite} = { dbpath => "$folder/m.db" };
	}
	$db = start_slapd(ldif());
	$source{ldap} = { server_host => "ldap://127.0.0.1:$db->{port}",
		search_base => $base, bind => 'no' } if $db;
}

sub common
{
	my %is;

	$is{result_format} = pick('%s', '[%s]', '%u', '%d', '%U at %d', '%S:%s',
		'%1', '%2 %s', '%%', 'x', '%D', '%u@new.test') if rand() < 0.6;
	$is{domain} = pick('example.test', 'other.test, example.test',
		'other.test', '.example.test', '!example.test, example.test',
		'a.b.example.test example.test') if rand() < 0.3;
	$is{expansion_limit} = pick(0, 1, 2, 3) if rand() < 0.3;
	return %is;
}

sub sql_parameters
{
	my ($type) = @_;
	my $order = 'ORDER BY k, v';

	return (common(), query => pick("SELECT v FROM a WHERE k = '%s' $order",
		"SELECT v FROM a WHERE k = '%s' $order",
		"SELECT v FROM a WHERE k = '%u\@%d' $order",
		"SELECT v FROM a WHERE k = '%u' $order",
		"SELECT v FROM a WHERE k = '\@%d' $order",
		"SELECT k, v FROM a WHERE k = '%S' $order",
		"SELECT '%u-%d'", "SELECT '%1.%2'", "SELECT '%3'",
		"SELECT '%s', '%%%s', '%U'", "SELECT '%D' WHERE '%u' <> 'user'",
		"SELECT NULL, '%s', NULL", "SELECT '', '%s'", "SELECT ''",
		"SELECT v FROM a WHERE k = '%s' AND v LIKE '%%\@%%' $order",
		"SELECT count(*) FROM a WHERE k <> '%s'")) if rand() < 0.85;
	return (common(), select_field => 'v', table => 'a', where_field => 'k',
		additional_conditions => pick('', "AND v <> ''", $order));
}

sub ldap_parameters
{
	my %is = (common(), query_filter => pick('(description=%s)',
		'(description=%s)', '(description=%u@%d)', '(description=%u)',
		'(&(objectClass=device)(description=%s))', '(description=*%d)',
		'(|(description=%s)(description=@%d))', '(cn=%u)'),
		result_attribute => pick('l', 'l', 'cn', 'l, cn', 'nothing'));

	$is{special_result_attribute} = pick('member', 'owner', 'member, owner')
	    if rand() < 0.6;
	$is{leaf_result_attribute} = pick('cn', 'l') if rand() < 0.3;
	$is{terminal_result_attribute} = pick('l', 'owner') if rand() < 0.15;
	$is{recursion_limit} = pick(2, 5, 20);
	$is{scope} = pick(qw(sub one base tree)) if rand() < 0.2;
	$is{search_base} = pick("cn=%u,$base", "ou=none,$base")
	    if rand() < 0.15;
	$is{size_limit} = pick(0, 1, 2) if rand() < 0.2;
	return %is;
}

# --- The comparison -------------------------------------------------------------------------

start_all();
my $cases = 0;

sub ask_both
{
	my ($type, $file, @keys) = @_;
	my $stdin = join('', map { "$_\n" } @keys);

	return (run_command({ stdin => $stdin }, installed('sbin/postmap'), '-c',
			$ours, '-q', '-', "$type:$file"),
		run_command({ stdin => $stdin, env => $postfix->{env} },
			"$postfix->{tree}/usr/sbin/postmap", '-c', $theirs,
			'-q', '-', "$type:$file"));
}

# Where something failed, what was found before is not printed by Postfix: then by
# parts, until one that fails for both is small.  Undef, or what differs.
sub differs
{
	my ($type, $file, @asked) = @_;
	my ($a, $b) = ask_both($type, $file, @asked);
	my $failed = grep { $_->{err} =~ /fatal: / } $a, $b;

	return undef if $failed == 2 && @asked <= 4;
	if ($failed == 0 || @asked == 1) {
		return undef if $a->{out} eq $b->{out} &&
		    $a->{exit} == $b->{exit};
		my %in_a = map { $_ => 1 } split(/\n/, $a->{out});
		my %in_b = map { $_ => 1 } split(/\n/, $b->{out});
		return join("\n", (map { "ours only:   $_" }
				grep { !$in_b{$_} } sort keys %in_a),
			(map { "theirs only: $_" }
				grep { !$in_a{$_} } sort keys %in_b),
			"exits $a->{exit} and $b->{exit}, of: @asked",
			$a->{err} . $b->{err});
	}
	my $half = int(@asked / 2);
	return differs($type, $file, @asked[0 .. $half - 1]) //
	    differs($type, $file, @asked[$half .. $#asked]);
}

for my $type (sort keys %source) {
	my $tables = 6 * $scale;
	my $good = 0;
	my @asked = $type eq 'ldap'
	    ? (@keys, map { "$_\@example.test" } qw(g1 g2 g3 g4)) : @keys;

	if (!Barid::Peers::postfix_module($type)) {
		note("skipped: there is no postfix-$type");
		next;
	}
	for my $n (1 .. $tables) {
		my %is = (%{ $source{$type} }, $type eq 'ldap'
			? ldap_parameters() : sql_parameters($type));
		my $file = "$ours/$type$n.cf";

		write_file($file, join('', map { "$_ = $is{$_}\n" }
			sort keys %is));
		chmod(0644, $file);
		my $what = differs($type, $file, @asked);

		$cases += @asked;
		$good += !defined $what;
		next unless defined $what;
		fail("$type table $n: the same answers");
		diag(read_file($file) . $what);
	}
	is($good, $tables, "$type: $tables tables give the same");
}
cmp_ok($cases, '>', 0, "$cases keys were asked of both");
done_testing();
