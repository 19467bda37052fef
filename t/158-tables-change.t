#!/usr/bin/perl
# Tables of every kind of file change while mail is spoken: the new answers
# come by themselves, no connection is refused, and a session that is in the
# middle of a message ends it.
use strict;
use warnings;

use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'sbin/postmap', 'libexec/barid/smtpd');

my $t = Barid::Test->new;
my $etc = "$t->{dir}/etc";
my @indexed = qw(hash btree cdb);
my @text = qw(texthash regexp pcre);

push @indexed, 'lmdb' if grep { $_ eq 'lmdb' }
    split(' ', $t->tool('postconf', '-m')->{out});
my $sqlite = -e installed('libexec/barid/modules/sqlite.so') &&
    have_peer('sqlite3');

# Each table knows "old-TYPE", and "new-TYPE" once it was changed.
sub content
{
	my ($type, @names) = @_;

	return join('', map {
		$type =~ /regexp|pcre/ ? "/^$_-$type\@alias\\.test\$/ user\@example.test\n"
		: "$_-$type\@alias.test user\@example.test\n"
	} @names);
}

sub put
{
	my ($type, @names) = @_;

	# Nobody may see half of it.
	write_file("$etc/$type.new", content($type, @names));
	rename("$etc/$type.new", "$etc/$type");
	return unless grep { $type eq $_ } @indexed;
	is($t->tool('postmap', "$type:$etc/$type")->{exit}, 0,
		"$type: made of @names");
}

put($_, 'old') for @indexed, @text;
write_file("$etc/nets", "10.0.0.0/8 yes\n");
my @maps = map { "$_:$etc/$_" } @indexed, @text;
if ($sqlite) {
	run_command({ stdin => 'CREATE TABLE a (k text, v text);' .
		    "INSERT INTO a VALUES ('old-sqlite\@alias.test', 'user\@example.test');" },
		$sqlite, "$etc/mail.db");
	$t->etc('sqlite.cf', "dbpath = $etc/mail.db\n" .
		"query = SELECT v FROM a WHERE k = '%s' AND k LIKE 'old%%'\n");
	push @maps, "sqlite:$etc/sqlite.cf";
}
$t->configure({ virtual_alias_domains => 'alias.test',
	virtual_alias_maps => join(' ', @maps),
	mynetworks => "cidr:$etc/nets" });
$t->start;

my $refused = 0;
my $n_asked;

# What a client hears who comes now.
sub rcpt
{
	my ($address) = @_;
	my $c = eval { $t->connect } or do { $refused++; return '' };

	$c->read_reply =~ /^220/ or $refused++;
	for ('EHLO client.example', 'MAIL FROM:<>') {
		$c->send($_);
		$c->read_reply;
	}
	$c->send("RCPT TO:<$address>");
	my $code = substr($c->read_reply(30), 0, 3);
	$c->send('QUIT');
	$c->close;
	return $code;
}

my @types = (@indexed, @text, $sqlite ? 'sqlite' : ());

for my $type (@types) {
	is(rcpt("old-$type\@alias.test"), 250, "$type: what is there");
	is(rcpt("new-$type\@alias.test"), 550, "$type: what is not");
}
like(rcpt('x@elsewhere.example'), qr/^[45]54/,
	'cidr: we are not of the networks');

# One that has begun, on the tables of old.
my $old = $t->connect;
$old->expect(220);
for ('EHLO client.example', 'MAIL FROM:<a@example.org>') {
	$old->send($_);
	$old->read_reply;
}
$old->send('RCPT TO:<old-hash@alias.test>');
$old->expect(250, 'a message has begun');

put($_, 'old', 'new') for @indexed, @text;
write_file("$etc/nets.new", "127.0.0.0/8 yes\n");
rename("$etc/nets.new", "$etc/nets");
if ($sqlite) {
	run_command({ stdin =>
		    "INSERT INTO a VALUES ('new-sqlite\@alias.test', 'user\@example.test');" },
		$sqlite, "$etc/mail.db");
	$t->etc('sqlite.cf', "dbpath = $etc/mail.db\n" .
		"query = SELECT v FROM a WHERE k = '%s'\n");
}
# smtpd remembers what it heard of an address for seconds.
for my $type (@types) {
	ok(wait_until(60, sub { rcpt("new-$type\@alias.test") eq '250' }),
		"$type: the change is seen");
	is(rcpt("old-$type\@alias.test"), 250, "$type: the rest is there");
}
ok(wait_until(60, sub { rcpt('x@elsewhere.example') eq '250' }),
	'cidr: the change is seen');
is($refused, 0, 'no connection was refused');

$old->send('DATA');
$old->expect(354, 'the message that had begun goes on');
$old->send("Subject: x\r\n\r\nhello\r\n.");
$old->expect(250, 'and is taken');
my @mail = $t->wait_maildir('user', 1);
is(scalar(@mail), 1, 'and arrives');
# Two generations of processes live at most.
$old->send('QUIT');
$old->expect(221);
$old->close;

# What was renamed is not used on, though it is still there: a backup, and a new
# table in its place; then nothing in its place, and the backup again.
rename("$etc/hash.db", "$etc/hash.bak") or die "rename: $!\n";
put('hash', 'old', 'third');
ok(wait_until(60, sub { rcpt('third-hash@alias.test') eq '250' }),
	'hash: a table in place of one that was renamed is seen');
is(rcpt('new-hash@alias.test'), 550, 'hash: and the other no more');
rename("$etc/hash.db", "$etc/hash.away") or die "rename: $!\n";
$n_asked = 0;
ok(wait_until(60, sub { rcpt('x' . $n_asked++ . '@alias.test') eq '451' }),
	'hash: that a table is gone is seen, and not taken for an empty one');
rename("$etc/hash.away", "$etc/hash.db") or die "rename: $!\n";
ok(wait_until(120, sub { rcpt('third-hash@alias.test') eq '250' }),
	'hash: and that it is back');

$t->stop;
done_testing();
