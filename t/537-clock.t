#!/usr/bin/perl
# Attack 99: the clock is set forward and back by a day, under everybody.  Mail
# is not returned for that, no message waits for a time that was, queue IDs do
# not run backwards, sessions do not end, lines of the log are not held back.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Barid::Durable;
use Barid::Test;
use File::Temp qw(tempfile);
use Test::More;

plan(skip_all => 'the build has no checks, and so no clock for tests')
    unless is_checks_build();
plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/qmgr');

my $DAY = 86400;
my (undef, $clock) = tempfile('/tmp/bt-clock.XXXXXX', UNLINK => 1);
$ENV{BARID_TEST_CLOCK} = $clock;
chmod(0644, $clock);
write_file($clock, "\0" x 8);

# In place: all processes have it mapped.
sub set_clock
{
	my ($seconds) = @_;

	open(my $out, '+<:raw', $clock) or die "$clock: $!\n";
	syswrite($out, pack('q', $seconds * 1_000_000));
	close($out);
}

set_clock(0);
my $t = durable_instance(main => {
	minimal_backoff_time => '100s', maximal_backoff_time => '1000s',
	delay_warning_time => '0', enable_long_queue_ids => 'yes',
});

# A mailbox that takes nothing until it is unblocked.
sub block
{
	my ($name) = @_;
	my $path = "$t->{dir}/mail/$name";

	mkdir($path);
	chmod(0, $path);
	chown($t->{mail_uid}, $t->{mail_gid}, $path) if $> == 0;
}

sub unblock { chmod(0700, "$t->{dir}/mail/$_[0]") }

# A message that is deferred; its ID.
sub defer
{
	my ($mark, $to) = @_;
	my ($submit) = submit_marks($t, '-m', $mark, ["$to\@example.test"]);

	is($submit->{code}, 250, "$mark: accepted");
	ok($t->wait_log(qr/$submit->{id}: to=.*status=deferred/),
		"$mark: deferred");
	return $submit->{id};
}

block($_) for qw(other third);
$t->start;
# Sessions that see it all.
my $idle = $t->connect;
my $busy = $t->connect;
$_->expect(220) for $idle, $busy;
$_->send('EHLO client.test') for $idle, $busy;
$_->expect(250) for $idle, $busy;
my @ids;

sub send_on
{
	my ($when) = @_;

	$busy->send('MAIL FROM:<a@b.test>');
	$busy->expect(250, "attack 99: $when: MAIL");
	$busy->send('RCPT TO:<user@example.test>');
	$busy->expect(250, "attack 99: $when: RCPT");
	$busy->send('DATA');
	$busy->expect(354, "attack 99: $when: DATA");
	$busy->send("X-Mark: $when\r\n\r\nend of $when\r\n.");
	my $reply = $busy->expect(250, "attack 99: $when: accepted");
	push @ids, $reply =~ /queued as (\w+)/;
	my ($mail) = grep { /^X-Mark: \Q$when\E$/m }
	    $t->wait_maildir('user', scalar @ids, 20);
	ok($mail, "attack 99: $when: delivered");
	return $mail;
}

send_on('now');
# What waits now is due at once tomorrow, and is not too old then.
my $first = defer('first', 'third');
$t->mark_log;
set_clock($DAY);
ok($t->wait_log(qr/$first: to=.*status=deferred/),
	'attack 99: forward: what waited is tried');
send_on('tomorrow');
my $tomorrow = defer('tomorrow', 'third');
$t->mark_log;
set_clock(0);
ok($t->wait_log(qr/(?:$first|$tomorrow): to=.*status=deferred/),
	'attack 99: back: what was to be tried a day later is tried');
unlike(send_on('again') // '', qr/by mx\.example\.test[^;]*; \w+, ++(?!@{[
	(gmtime)[3] ]} |@{[ (localtime)[3] ]} )/,
	'attack 99: and the time in what comes now is the true one');
my @sorted = sort @ids;
is("@ids", "@sorted", 'attack 99: queue IDs do not run backwards');

# Set back so far that the one of two that wait is due too far away, though the
# other, which is before it, is not due yet.
set_clock(-950);
my $old = defer('old', 'other');
$t->mark_log;
set_clock(0);
ok($t->wait_log(qr/$old: to=.*status=deferred/), 'a message has waited long');
my $young = defer('young', 'other');
$t->mark_log;
set_clock(-3800);
ok($t->wait_log(qr/$old: to=.*status=deferred/),
	'attack 99: back by an hour: it is tried, whatever waits before it');

set_clock(0);
$idle->send('NOOP');
$idle->expect(250, 'attack 99: a session that was idle goes on');
unblock($_) for qw(other third);
set_clock($DAY);
ok(wait_settled($t, 20), 'all is delivered then');
set_clock(0);
is_deeply([map { marks_delivered($t, $_) } qw(other third)],
	[{ 'old-0-0' => 1, 'young-0-0' => 1 },
	    { 'first-0-0' => 1, 'tomorrow-0-0' => 1 }], 'each once');
unlike($t->log_text, qr/status=(?:bounced|expired)|non-delivery/,
	'attack 99: nothing was returned');
unlike($t->log_text, qr/pid \d+ (?:killed|exit)/, 'no process ended');
ok($t->stop, 'it stops');
done_testing();
