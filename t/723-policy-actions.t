#!/usr/bin/perl
# What access tables do to a message, from RCPT to mailbox: HOLD, DISCARD,
# REDIRECT, FILTER, BCC, PREPEND; before the content is there, after it, and
# for messages that are streamed.
use strict;
use warnings;

use Test::More;

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/cleanup');

# The sender says what is to be done: before the content, or at its end.
my %do = (hold => 'HOLD', discard => 'DISCARD quietly',
	redirect => 'REDIRECT other@example.test',
	filter => 'FILTER discard:filtered here',
	bcc => 'BCC copy@example.test', prepend => 'PREPEND X-Seen: by us');
my $t = Barid::Test->new(main => {
	virtual_mailbox_maps => 'regexp:{ {/^([a-z]+)@/ $$1/} }',
	smtpd_error_sleep_time => '0', smtpd_peername_lookup => 'no',
	smtpd_sender_restrictions => 'check_sender_access texthash:$config_directory/first',
	smtpd_end_of_data_restrictions => 'check_sender_access texthash:$config_directory/last',
});

$t->etc('first', join '', map { "$_\@first.test $do{$_}\n" } sort keys %do);
$t->etc('last', join '', map { "$_\@last.test $do{$_}\n" } sort keys %do);
$t->start;

my $n = 0;

# A message with that to do, small or streamed: its mark and its queue ID.
sub mail
{
	my ($what, $when, $size) = @_;
	my $mark = "mark-$what-$when-" . ++$n . '-end';
	my $reply = send_mail($t->{port}, { from => "$what\@$when.test",
		to => 'user@example.test' },
		"Subject: $mark\n\n" . "a line of it\n" x ($size / 13));

	like($reply, qr/^250 2\.0\.0 Ok: queued as \w+/,
		"$what, $when, $size bytes: accepted");
	return ($mark, $reply =~ /queued as (\w+)/);
}

# Which mailboxes have it.
sub boxes_with
{
	my ($mark) = @_;

	return join ' ', grep {
		my $box = $_;
		scalar grep { /\Q$mark\E/ } $t->read_maildir($box);
	} qw(copy other user);
}

for my $size (100, 200_000) {
	for my $when (qw(first last)) {
		my %sent = map { $_ => [mail($_, $when, $size)] }
		    qw(hold redirect bcc prepend filter discard none);

		my %expected = (redirect => 'other', bcc => 'copy user',
			prepend => 'user', none => 'user');
		for my $what (sort keys %expected) {
			my $mark = $sent{$what}[0];

			wait_until(60, sub { boxes_with($mark) eq
				$expected{$what} });
			is(boxes_with($mark), $expected{$what},
				"$what, $when, $size: where it ought to be");
		}
		ok($t->wait_log(qr/: $sent{filter}[1]: to=<user\@example\.test>, .*status=sent \(.*filtered here/),
			"filter, $when, $size: the transport it names");
		is_deeply([grep { $_ eq $sent{hold}[1] } $t->queue_ids('hold')],
			[$sent{hold}[1]], "hold, $when, $size: in the hold queue");
		is(boxes_with($sent{$_}[0]), '', "$_, $when, $size: in no mailbox")
		    for qw(hold filter discard);
		ok($t->wait_log(qr/: $sent{discard}[1]: removed \(discarded\)|: $sent{discard}[1]: .*discard/),
			"discard, $when, $size: logged");
		my ($text) = grep { /\Q$sent{prepend}[0]\E/ }
		    $t->read_maildir('user');
		my $seen = ($text // '') =~ /^X-Seen: by us$/m;

		# Too late for headers at the end: the entry is passed over.
		is($seen ? 1 : 0, $when eq 'first' ? 1 : 0,
			"prepend, $when, $size: a header, in time");
	}
}

done_testing;
