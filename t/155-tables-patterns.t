#!/usr/bin/perl
# Attack 46: patterns that take for ever, or much stack, on what a client sends.
# A table fails then, which makes mail wait; it neither hangs nor kills its
# process, nor is it "not found", and others are served meanwhile.
use strict;
use warnings;

use Test::More;

use Barid::Test;

plan_installed('sbin/barid', 'sbin/postmap', 'libexec/barid/smtpd');

my $t = Barid::Test->new;
my $etc = "$t->{dir}/etc";
my $n = 0;

sub ask
{
	my ($type, $rules, @keys) = @_;
	my $name = 'map' . $n++;

	$t->etc($name, $rules);
	return run_command({ timeout => 100, stdin => join('', map { "$_\n" } @keys) },
		installed('sbin/postmap'), '-c', $etc, '-q', '-',
		"$type:$etc/$name");
}

# --- What takes for ever ----------------------------------------------------------------

my $as = 'a' x 60;
my $failed = 0;

for my $is ([ pcre => '/^(a+)+$/', "$as!" ],
	[ pcre => '/^(a|aa)+$/', "$as!" ],
	[ pcre => '/^(([a-z])+.)+[0-9]([a-z])+$/s', $as x 2 ],
	[ pcre => '/(.*)(.*)(.*)(.*)(.*)(.*)(.*)x$/', 'a' x 300 ],
	[ pcre => '/^(?=(a+))(\\1+)+$/', "$as!" ],
	[ pcre => '!/^(a+)+$/', "$as!" ],
	[ regexp => '/^(a+)+$/', "$as!" ],
	[ regexp => '/^(a|aa)+$/', "$as!" ],
	[ regexp => '/^((a*)*)*b$/', "$as!" ]) {
	my ($type, $pattern, $key) = @$is;
	my $ran = ask($type, "$pattern hit\n/./ behind\n", 'short', $key);

	is($ran->{signal}, 0, "attack 46: $type $pattern: not killed");
	# Some, PCRE sees through.
	next if $ran->{out} =~ /^\Q$key\E\tbehind$/m;
	$failed++;
	is($ran->{exit}, 1, "attack 46: $type $pattern: it fails");
	like($ran->{err}, qr/query error: .*line 1: .*limit/,
		"attack 46: $type $pattern: and says why");
	unlike($ran->{out}, qr/^\Q$key\E\t/m,
		"attack 46: $type $pattern: what is behind is not asked");
}

cmp_ok($failed, '>=', 4, "attack 46: $failed of them take for ever");

# --- Much of a stack ----------------------------------------------------------------------

for my $type (qw(pcre regexp)) {
	# A match that PCRE once did by calling itself for each byte.
	for my $pattern ('/^(a|b)*$/', '/^((a|b)(a|b))*$/', '/^(.|x)*z/') {
		my $ran = ask($type, "$pattern hit\n", 'ab' x 100_000);

		is($ran->{signal}, 0,
			"attack 46: $type $pattern on 200,000 bytes: not killed");
		ok($ran->{exit} == 0 || $ran->{err} =~ /limit/ ||
			($ran->{exit} == 1 && $ran->{err} eq ''),
			"attack 46: $type $pattern on 200,000 bytes: an answer");
	}
	my $deep = ('(' x 20_000) . 'a' . (')' x 20_000);
	my $ran = ask($type, "/$deep/ deep\n/./ behind\n", 'a');
	is($ran->{out}, "a\tbehind\n",
		"attack 46: $type: a pattern nested 20,000 times is left out");
	like($ran->{err}, qr/line 1: /, "attack 46: $type: and is told");
}

# --- A client that knows of such a pattern --------------------------------------------------

$t->etc('slow', "/^(a+)+\@/ REJECT slow\n");
$t->configure({ smtpd_recipient_restrictions =>
	    "check_sender_access pcre:$etc/slow, permit" });
$t->start;

sub greeted
{
	my $c = $t->connect;

	$c->expect(220);
	$c->send('EHLO client.example');
	$c->expect(250);
	return $c;
}

my @clients = map { greeted() } 1 .. 5;

for my $c (@clients) {
	$c->send("MAIL FROM:<${as}!\@x.test>");
	$c->expect(250);
}
$_->send('RCPT TO:<user@example.test>') for @clients;
my $other = greeted();
$other->send('MAIL FROM:<b@x.test>');
$other->expect(250);
$other->send('RCPT TO:<user@example.test>');
like($other->read_reply(60), qr/^250/, 'attack 46: somebody else is served');
for my $c (@clients) {
	like($c->read_reply(60), qr/^451/, 'attack 46: the sender has to wait');
}
ok(wait_until(30, sub { $t->log_text =~ /pcre map .*slow, line 1: .*limit/ }),
	'attack 46: the log names the rule');
unlike($t->log_text, qr/killed by signal/, 'attack 46: nobody was killed');
$t->stop;
done_testing();
