#!/usr/bin/perl
# Case 70 of the attacks: a queue file that is cut or has a flipped bit anywhere,
# before showq, postqueue, postcat and postsuper, and then before qmgr as one of
# hundreds that are released at once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/showq',
	'sbin/postcat');

my $t = Barid::Test->new(main => {
	virtual_mailbox_maps => 'inline:{ user@example.test=user/, ' .
	    'far@example.test=far/ }' });
my $queue = "$t->{dir}/queue";

# Its recipient cannot be delivered to, so that there is a journal.
mkdir("$t->{dir}/mail/far");
chmod(0, "$t->{dir}/mail/far");
chown($t->{mail_uid}, $t->{mail_gid}, "$t->{dir}/mail/far") if $> == 0;
$t->start;
like(send_mail($t->{port}, { from => 'sender@here.test',
	to => 'far@example.test' }, "Subject: the model\n\n" . "text\n" x 100),
	qr/^250 /, 'a message');
ok($t->wait_log(qr/status=deferred/), 'waits');
my ($path, $good);
ok(wait_until(10, sub {
	($path) = glob "$queue/deferred/?/*";
	$good = $path ? read_file($path) : '';
	length $good;
}), 'in its file') or BAIL_OUT('there is nothing to damage');
my ($uid, $gid) = (stat $path)[4, 5];
my ($id) = $path =~ m{(\w+)$};
is($t->tool('postsuper', '-d', $id)->{exit}, 0, 'the model is enough');
chmod(0700, "$t->{dir}/mail/far");

my (undef, undef, $content_at, undef, $envelope_at, undef, undef, undef, undef,
	$end) = unpack('x8 Q>13', $good);
my $serial = 0;
my %damage;

sub put
{
	my ($what, $bytes) = @_;
	my $name = sprintf('%05XABCDEF000', 0x20000 + $serial++);

	write_file("$queue/hold/$name", $bytes);
	chmod(0600, "$queue/hold/$name");
	chown($uid, $gid, "$queue/hold/$name") if $> == 0;
	$damage{$name} = $what;
}

put("cut at $_", substr($good, 0, $_)) for
    grep { $_ < $end } map { int($end * $_ / 60) } 1 .. 59;
# Every byte of the preamble, some of all others but the content and the headers
# that were added to it, which have no checksum.
my @bytes = (0 .. 127, grep { $_ < $content_at ||
	$_ >= $envelope_at } map { $_ * 7 } 19 .. $end / 7 - 1);
for my $at (@bytes) {
	my $bytes = $good;

	substr($bytes, $at, 1) ^= chr(1 << $at % 8);
	put("a bit at $at", $bytes);
}
cmp_ok(scalar(keys %damage), '>', 200, scalar(keys %damage) . ' damaged files');

# --- Who only looks -----------------------------------------------------------------

my $list = $t->tool('postqueue', '-p');
is($list->{exit}, 0, 'attack 70: postqueue -p');
unlike($list->{out}, qr/[^\n -~]/, 'shows nothing odd');
my @json = split /\n/, $t->tool('postqueue', '-j')->{out};
is(scalar(grep { !eval { decode_json($_) } } @json), 0,
	'attack 70: postqueue -j');
my $cat = $t->tool('postcat', map { "$queue/hold/$_" } sort keys %damage);
ok(!$cat->{signal} && !$cat->{timed_out}, 'attack 70: postcat ends');
my $super = $t->tool('postsuper');
ok(!$super->{signal} && !$super->{timed_out}, 'attack 70: postsuper too');

# --- Who delivers -------------------------------------------------------------------

$t->mark_log;
is($t->tool('postsuper', '-H', 'ALL')->{exit}, 0, 'all are released');
like(send_mail($t->{port}, { from => 'a@b.test', to => 'user@example.test' },
	"Subject: fresh\n\nx\n"), qr/^250 /, 'fresh mail is taken');
is(scalar(my @got = $t->wait_maildir('user', 1)), 1, 'and delivered');
ok(wait_until(40, sub {
	!grep { -e "$queue/deferred/" . substr($_, 4, 1) . "/$_" }
	    keys %damage
}), 'attack 70: each is dealt with');
my @lost = grep { !-e "$queue/corrupt/$_" } sort keys %damage;
is(join(', ', map { $damage{$_} } @lost), '', 'and is in corrupt/');
is(scalar(my @wrong = $t->read_maildir('far')), 0, 'none is delivered');
unlike(substr($t->log_text, $t->{mark}),
	qr/killed by signal|exit status [^0]|Assertion|throttling|Sanitizer/,
	'no daemon died');
ok($t->stop(seconds => 40), 'stop');
done_testing();
