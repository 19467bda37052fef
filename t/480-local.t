#!/usr/bin/perl
# Delivery to users of this machine: mbox and maildir, aliases, lists with an
# owner, loops.  As root to accounts that every system has, otherwise to
# ourselves; never into anybody's real mailbox.
use strict;
use warnings;

use Test::More;

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/local');

my @users = $> == 0 ? grep { (getpwnam($_) // 0) } qw(games news mail) :
    (scalar getpwuid($>));
my ($user) = @users;
my $host = 'mx.example.test';
my $t = Barid::Test->new(main => {
	mydestination => $host, myorigin => $host,
	local_recipient_maps => '', recipient_delimiter => '+',
});
my $spool = "$t->{dir}/spool";

mkdir($spool);
chmod(01777, $spool);

sub aliases
{
	my ($type, $text) = @_;

	return "texthash:" . $t->etc('aliases', $text =~ s/^(\S+):/$1/gmr)
	    if $type eq 'texthash';
	$t->etc('aliases', $text);
	my $made = $t->tool('postalias', "hash:$t->{dir}/etc/aliases");
	die "postalias: $made->{err}" if $made->{exit} != 0;
	return "hash:$t->{dir}/etc/aliases";
}

my $aliases = <<"END";
postmaster: $user
single: $user
far: someone\@far.test
several: $user, someone\@far.test
nested: several, single
list: $user, other\@far.test
owner-list: boss\@far.test
loop: loop2
loop2: loop
ghost: nosuchuser
END

$t->configure({ alias_maps => aliases('texthash', $aliases),
	mail_spool_directory => "$spool/",
	# What leaves the machine waits.
	relayhost => '[127.0.0.9]:' . free_port() });
$t->start;

sub text_for { return odd_message('a@b.test', "$_[0]\@$host", $_[0]) }

sub send_to
{
	my ($name, $text, $from) = @_;

	like(send_mail($t->{port}, { from => $from // 'a@b.test',
		to => "$name\@$host", mail => ' BODY=8BITMIME' },
		$text // text_for($name)), qr/^250 /, "$name: taken");
}

sub status_of
{
	my ($name) = @_;

	return $t->wait_log(qr/local\[.*: to=<\Q$name\E\@.*status=/);
}

sub read_and_empty
{
	my ($n) = @_;
	my @got = $t->wait_maildir("$spool/$user", $n);

	unlink(glob("$spool/$user/new/*"));
	return @got;
}

subtest 'maildir' => sub {
	for my $name (@users) {
		my $text = text_for($name);

		send_to($name, $text);
		my ($got) = $t->wait_maildir("$spool/$name", 1);
		is(ends_with($got, $text), 'ok', 'arrives as it was sent');
		is(header_of($got // '', 'Delivered-To'), "$name\@$host",
			'Delivered-To');
		is(header_of($got // '', 'Return-Path'), '<a@b.test>',
			'Return-Path');
		like(status_of($name), qr/relay=local, .*dsn=2\.0\.0, status=sent \(delivered to maildir\)/,
			'logged');
		my ($file) = glob("$spool/$name/new/*");
		is((stat $file)[4], scalar getpwnam($name), 'it is theirs');
		is((stat _)[2] & 07777, 0600, 'alone');
	}
	read_and_empty(1);
};

subtest 'an address with an extension' => sub {
	send_to("$user+box");
	is(scalar(my @got = read_and_empty(1)), 1, 'is the same user');
};

subtest 'unknown user' => sub {
	send_to('nosuchuser');
	like(status_of('nosuchuser'), qr/dsn=5\.1\.1, status=bounced \(unknown user: "nosuchuser"\)/,
		'bounced');
};

subtest 'aliases' => sub {
	send_to('single');
	my ($got) = read_and_empty(1);
	is(header_of($got // '', 'X-Original-To'), "single\@$host",
		'a user: delivered in place');
	like($t->wait_log(qr/to=<single@/), qr/relay=local, .*status=sent \(delivered to maildir\)/,
		'as its name');

	send_to('far');
	like($t->wait_log(qr/to=<someone\@far\.test>/), qr/smtp\[.*status=deferred/,
		'another host: sent there');
	send_to('nested');
	is(scalar(my @all = read_and_empty(1)), 1, 'several, nested: one copy');
	send_to('ghost');
	like($t->wait_log(qr/local\[.*orig_to=<ghost\@.*status=/),
		qr/status=bounced \(unknown user: "nosuchuser"\)/,
		'an alias for nobody');
};

subtest 'a list with an owner' => sub {
	send_to('list');
	my ($got) = read_and_empty(1);
	is(header_of($got // '', 'Return-Path'), "<owner-list\@$host>",
		'its sender is the owner');
	like($t->wait_log(qr/to=<other\@far\.test>/), qr/status=deferred/,
		'its other member is tried');
	my ($id) = $t->wait_log(qr/to=<other\@far\.test>/) =~ /: (\w+): to=/;
	like($t->wait_log(qr/qmgr\[.*: \Q$id\E: from=/),
		qr/from=<owner-list\@$host>/, 'as from the owner');
};

subtest 'loops' => sub {
	send_to('loop');
	like($t->wait_log(qr/to=<loop2?\@.*status=/), qr/status=bounced \(/,
		'aliases in a circle');
	send_to($user, "Delivered-To: $user\@$host\nSubject: again\n\nx\n");
	like($t->wait_log(qr/to=<\Q$user\E\@$host>.*status=bounced/),
		qr/dsn=5\.4\.6, status=bounced \(mail forwarding loop for \Q$user\E\@$host\)/,
		'Delivered-To');
	is(scalar(my @got = $t->read_maildir("$spool/$user")), 0,
		'nothing is delivered');
};

subtest 'aliases compiled by postalias' => sub {
	$t->configure({ alias_maps => aliases('hash', "compiled: $user\n") });
	ok($t->stop, 'stopped');
	$t->start;
	send_to('compiled');
	is(scalar(my @got = read_and_empty(1)), 1, 'a member');
};

subtest 'mbox' => sub {
	mkdir("$t->{dir}/mbox");
	chmod(01777, "$t->{dir}/mbox");
	$t->configure({ mail_spool_directory => "$t->{dir}/mbox" });
	# Not a reload: what is busy meanwhile goes on as it was.
	ok($t->stop, 'stopped');
	$t->start;
	my $file = "$t->{dir}/mbox/$user";
	my $text = text_for('mbox');

	for my $n (1 .. 20) {
		like(send_mail($t->{port}, { from => 'a@b.test',
			to => "$user\@$host", mail => ' BODY=8BITMIME' },
			$text =~ s/Subject: mbox/Subject: $n/r), qr/^250/,
			"message $n is accepted");
	}
	ok(wait_until(10, sub {
		20 <= scalar(() = (read_file($file) // '') =~ /^From /mg);
	}), 'twenty messages arrive');
	my $mbox = read_file($file) // '';
	my @got = grep { length } split /^From [^\n]*\n/m, $mbox;
	is(scalar @got, 20, 'each once');
	like($mbox, qr/\AFrom a\@b\.test  ?\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n/,
		'with a line in front');
	my %subject = map { (header_of($_, 'Subject') // '?') => 1 } @got;
	is(join(' ', sort { $a <=> $b } keys %subject), join(' ', 1 .. 20),
		'none is another');
	my $body = body_of($got[0]);
	# But for the quoting, and an empty line that divides.
	is($body =~ s/^>+From /From /mgr, (body_of($text) =~ s/^>+From /From /mgr)
	    . "\n", 'and the text is whole');
	like($body, qr/^>From the start$/m, '"From " in it is quoted');
	is((stat $file)[4], scalar getpwnam($user), 'the file is theirs');
	is((stat _)[2] & 07777, 0600, 'alone');
	ok(wait_until(10, sub { !-e "$file.lock" }), 'no lock stays');
};

ok($t->stop, 'all processes end');
done_testing();
