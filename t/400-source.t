#!/usr/bin/perl
# Mail from smtp-source into a maildir: many messages over many connections,
# a large one, one for many recipients.  Nothing is lost, doubled or changed.
use strict;
use warnings;

use Test::More;

use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/local');
have_peer('smtp-source') or plan(skip_all => 'no smtp-source');

my $recipients = 1000;
my $t = Barid::Test->new(main => {
	# smtp-source numbers its recipients: 1many@, 2many@, ...
	virtual_mailbox_maps => 'inline:{ user@example.test=user/ ' .
	    'large@example.test=large/ reuse@example.test=reuse/ } ' .
	    'regexp:{ {/^[0-9]*many@/ many/} }',
	virtual_mailbox_limit => 0,
	message_size_limit => 20_000_000,
});
$t->start;

# The queue IDs of the log lines that match, once each.
sub ids_of
{
	my ($regex) = @_;
	my $log = $t->log_text;
	my %seen;

	$seen{$1}++ while $log =~ /: ([0-9A-Za-z]{6,}): $regex/mg;
	return \%seen;
}

# Wait for N messages in a maildir and for an empty queue; all of them.
sub arrive
{
	my ($user, $n, $seconds) = @_;

	$t->wait_maildir($user, $n, $seconds);
	ok($t->wait_queue_empty, 'nothing stays in the queue');
	return $t->read_maildir($user);
}

subtest '1000 messages in 20 sessions' => sub {
	my $sent = source($t->{port}, '-m', 1000, '-s', 20, '-l', 4000,
		'-f', 'from@source.test', '-t', 'user@example.test');

	is($sent->{exit}, 0, 'all are accepted') or diag($sent->{err});
	my @all = arrive('user', 1000, 25);
	is(scalar @all, 1000, 'and arrive, each once');
	my %ids = map { (header_of($_, 'Received') // '') =~ / id (\w+)/ ?
	    ($1 => 1) : () } @all;
	is(scalar keys %ids, 1000, 'each with an ID of its own');
	wait_until(10, sub { keys %{ ids_of('removed$') } >= 1000 });
	is_deeply([ sort keys %{ ids_of('from=<from@source') } ],
		[ sort keys %ids ], 'which the log has');
	is(scalar keys %{ ids_of('removed$') }, 1000, 'as removed');
	is(scalar(grep { length($_) >= 4000 } @all), 1000, 'and all of it');
};

subtest 'one connection for many messages' => sub {
	$t->mark_log;
	my $sent = source($t->{port}, '-d', '-m', 200, '-s', 2,
		'-f', 'from@source.test', '-t', 'reuse@example.test');

	is($sent->{exit}, 0, 'all are accepted') or diag($sent->{err});
	is(scalar(my @all = arrive('reuse', 200)), 200, 'and arrive');
	my $log = substr($t->log_text, $t->{mark});
	is(scalar(() = $log =~ m{smtpd\[\d+\]: connect from}g), 2,
		'over two connections');
};

subtest 'a message of 10 MiB' => sub {
	my $size = 10 * 1024 * 1024;
	my $sent = source($t->{port}, '-l', $size,
		'-f', 'from@source.test', '-t', 'large@example.test');

	is($sent->{exit}, 0, 'is accepted') or diag($sent->{err});
	my ($message) = arrive('large', 1, 20);
	# What it calls length counts CRLF, and not the header.
	my $length = length(body_of($message) =~ s/\n/\r\n/gr);
	cmp_ok(abs($length - $size), '<', 1000, 'and arrives whole');
	my $lines = body_of($message) =~ s/^[0-9]*X+$//gmr;
	is($lines =~ s/\n//gr, '', 'as it was sent');
};

subtest "$recipients recipients" => sub {
	my $sent = source($t->{port}, '-r', $recipients,
		'-f', 'from@source.test', '-t', 'many@example.test');

	is($sent->{exit}, 0, 'are accepted') or diag($sent->{err});
	my @all = arrive('many', $recipients, 25);
	is(scalar @all, $recipients, 'and each gets a copy');
	for my $name ('X-Original-To', 'Delivered-To') {
		my %to = map { (header_of($_, $name) // '?') => 1 } @all;
		is(scalar keys %to, $recipients, "$name: its own");
	}
	is(scalar(grep { header_of($_, 'Received') =~ /\bfor </ } @all), 0,
		'and does not show one of the others');
	my %ids = map { (header_of($_, 'Received') // '') =~ / id (\w+)/ ?
	    ($1 => 1) : () } @all;
	is(scalar keys %ids, 1, 'from one queue file');
};

ok($t->stop, 'all processes end');
done_testing();
