#!/usr/bin/perl
# The sendmail command and what it is fed: addresses that would be options, end
# lines or mean files elsewhere; headers without end; attributes with line ends.
# Nothing of it becomes another message than the one that was meant, or a line
# of its own.  The numbers are those of the list of attacks.
use strict;
use warnings;

use Test::More;

use Barid::Mail;
use Barid::Peers;
use Barid::Test;

plan_installed('sbin/barid', 'sbin/sendmail', 'libexec/barid/pickup');
is_foreign_setgid(installed('sbin/postdrop')) and
    plan(skip_all => 'postdrop is set-gid for another');

my $t = Barid::Test->new(main => {
	mydestination => 'local.test', local_recipient_maps => '',
	myorigin => 'local.test', message_size_limit => '20000000',
	transport_maps => 'inline:{ local.test=discard: }',
	virtual_mailbox_domains => 'box.test',
	virtual_mailbox_maps => 'inline:{ user@box.test=user/ }',
});
$t->start;

my $plain = "Subject: x\n\ntext\n";
my $deep = 200_000;

# Runs it; returns {exit, err, to => [recipients in the log], from}.
sub send_by
{
	my ($input, @arguments) = @_;

	$t->mark_log;
	my $done = $t->tool({ stdin => $input, timeout => 60 }, 'sendmail',
		@arguments);
	$done->{to} = [];
	$done->{n} = 0;
	return $done if $done->{exit} != 0;
	my ($id) = $t->wait_log(qr/pickup\[\d+\]: \w+: uid=/, 30) =~
	    /: (\w+): uid=/ or return $done;
	$t->wait_log(qr/: $id: removed/, 60);
	my $log = substr($t->log_text, $t->{mark});
	$done->{to} = [ $log =~ /: $id: to=<(.*?)>, (?:orig_to|relay)=/g ];
	($done->{from}, $done->{n}) = $log =~
	    /: $id: from=<(.*?)>, size=\d+, nrcpt=(\d+)/;
	return $done;
}

# Number, name, input, arguments, exit status, recipients.
my @cases = (
	# Options and the like, where an address stands.
	[ 38, 'a recipient like an option', $plain,
		[ '--', '-f@local.test' ], 0, ['-f@local.test'] ],
	[ 38, 'a recipient that is a dash', $plain, [ '--', '-' ], 0,
		['-@local.test'] ],
	[ 38, 'options in a header', "To: -f\@local.test,\n --help\@local.test\n\nx\n",
		['-t'], 0, [ '-f@local.test', '--help@local.test' ] ],
	[ 38, 'a command in a header', "To: |id\@local.test, \"|id x\"\@local.test\n\n",
		['-t'], 0, [ '|id@local.test', '"|id x"@local.test' ] ],
	[ 38, 'a file and an include', $plain,
		[ '/etc/passwd', '":include:/etc/passwd"' ], 0,
		[ '/etc/passwd@local.test', '":include:/etc/passwd"@local.test' ] ],
	[ 40, 'what a shell would expand', $plain,
		[ '$(id)`id`;${IFS}|x@local.test' ], '0|75', undef ],
	[ 38, 'a folder of settings that is not ours', $plain,
		[ '-C', '/nonexistent', 'a@local.test' ], 75, [] ],
	[ 38, '-oQ, -X, -oA and their like', $plain,
		[ '-oQ/tmp', '-oA/tmp/x', 'a@local.test' ], 0, ['a@local.test'] ],
	# Bytes that end lines, or texts.
	[ 36, 'a line end in a quoted local part', $plain,
		[ "\"a\nb\"\@local.test" ], 0, ['ab@local.test'] ],
	[ 36, 'an escape in an address', $plain, [ "a\eb\@local.test" ], 75, [] ],
	[ 36, 'DEL in an address', $plain, [ "a\x7fb\@local.test" ], 75, [] ],
	[ 10, 'NUL in a header address', "To: a\0b\@local.test\n\nx\n", ['-t'],
		75, [] ],
	[ 87, 'a line end in -V', $plain, [ '-V', "a\nX: y", 'a@local.test' ], 0,
		['a@local.test'] ],
	[ 87, 'a long -V', $plain, [ '-V', 'x' x 5000, 'a@local.test' ], 0,
		['a@local.test'] ],
	[ 87, 'nonsense in -N and -R', $plain,
		[ '-N', "x\ny", '-R', "x\ny", 'a@local.test' ], 0,
		['a@local.test'] ],
	# Large and deep.
	[ 35, 'a local part of 1,100 bytes', $plain, [ 'x' x 1100 .
		'@local.test' ], 75, [] ],
	[ 35, 'a local part of 64 KiB', $plain, [ 'x' x 65536 . '@local.test' ],
		75, [] ],
	[ 35, '3,000 recipients', $plain, [ map { "u$_\@local.test" } 1 .. 3_000 ],
		0, [ map { "u$_\@local.test" } 1 .. 3_000 ] ],
	[ 53, '5,000 recipients in a header', 'To: ' . join(",\n ",
		map { "u$_\@local.test" } 1 .. 5_000) . "\n\nx\n", ['-t'], 0,
		[ map { "u$_\@local.test" } 1 .. 5_000 ] ],
	[ 53, '5,000 headers with one', join('', map { "To: u$_\@local.test\n" }
		1 .. 5_000) . "\nx\n", ['-t'], 0,
		[ map { "u$_\@local.test" } 1 .. 5_000 ] ],
	[ 53, 'nested comments', 'To: ' . '(' x $deep . ')' x $deep .
		" a\@local.test\n\nx\n", ['-t'], 0, ['a@local.test'] ],
	[ 53, 'comments without end', 'To: ' . '(' x $deep . " a\@local.test\n\n",
		['-t'], 75, [] ],
	[ 53, 'nested groups', 'To: ' . 'g:' x $deep . "a\@local.test;\n\nx\n",
		['-t'], 0, ['a@local.test'] ],
	[ 53, 'angles without end', 'To: ' . '<' x $deep . "a\@local.test\n\nx\n",
		['-t'], '0|75', undef ],
	[ 53, 'quotes without end', 'To: "' . '\\"' x $deep . "a\@local.test\n\n",
		['-t'], 75, [] ],
	[ 13, 'a field of 9 MB that names nobody', 'X: ' . 'y' x 9_000_000 .
		"\nTo: a\@local.test\n\nx\n", ['-t'], 0, ['a@local.test'] ],
	[ 13, 'a field of 9 MB that does', 'To: ' . 'a@local.test, ' x 650_000 .
		"\n\nx\n", ['-t'], 75, [] ],
	[ 12, 'a message that is too large', "Subject: x\n\n" .
		('x' x 70 . "\n") x 300_000, ['a@local.test'], 75, [] ],
	[ 13, 'no recipients at all', $plain, ['-t'], 75, [] ],
);
for my $case (@cases) {
	my ($number, $name, $input, $arguments, $exit, $to) = @$case;
	my $done = send_by($input, @$arguments);

	like($done->{exit}, qr/^(?:$exit)$/, "attack $number: $name: exit") or
	    diag(substr($done->{err}, 0, 300));
	unlike($done->{err} =~ s/\n\z//r, qr/[\x00-\x09\x0b-\x1f\x7f]/,
		"attack $number: $name: what it says is clean");
	next unless $to;
	my @got = sort @{ $done->{to} };
	my @wanted = sort map { s/"/\\"/gr =~ s/^\\"(.*)\\"@/"$1"@/r } @$to;
	is($done->{n}, scalar @wanted, "attack $number: $name: recipients");
	# The log may drop lines when there are so many.
	is("@got", "@wanted", "attack $number: $name: the right ones")
	    if @wanted < 10;
}

# The sender.
for my $case ([ 'a line end', "a\nb\@x.test", qr/^b\@x\.test$/ ],
	[ 'a dash', '-x@x.test', qr/^-x\@x\.test$/ ],
	[ 'nobody', '<>', qr/^$/ ], [ 'quotes', '"a b"@x.test',
	qr/^"a b"\@x\.test$/ ]) {
	my ($name, $sender, $wanted) = @$case;
	my $done = send_by($plain, '-f', $sender, 'a@local.test');

	is($done->{exit}, 0, "attack 38: -f with $name");
	like($done->{from}, $wanted, "attack 38: -f with $name: the sender") or
	    diag(explain($done));
}

# What becomes a header: one line, of this name.
for my $name ("A\nBcc: evil\@x.test", "A\r\nX-Evil: y", "A\e[31m", "A\0B",
	'"; x', '=?utf-8?q?x?=', 'x' x 5000, "\xff\xfe") {
	my $n = @{ [ $t->read_maildir('user') ] };
	my $done = $t->tool({ stdin => "Subject: y\n\ntext\n" }, 'sendmail', '-F',
		$name =~ s/\0.*//sr, '-f', 'a@x.test', 'user@box.test');

	is($done->{exit}, 0, 'attack 87: -F');
	my @mail = $t->wait_maildir('user', $n + 1);
	my ($header) = map { (split_message($_))[0] } grep { !/seen/ } $mail[-1];
	unlike($header, qr/^(Bcc|X-Evil)/m, 'attack 87: -F makes no header');
	is(scalar(() = $header =~ /^From:/mg), 1, 'attack 87: but one From');
	unlike($header, qr/[\x00-\x08\x0b-\x1f\x7f]/, 'attack 87: without controls');
}

# Messages that are odd from the first byte on.
for my $case ([ 'nothing', '' ], [ 'NUL', "\0\0\0" ], [ 'no line end', 'x' ],
	[ 'From lines', "From a\n>From b\nSubject: c\n\nx\n" ],
	[ 'CR alone', "\r\r\r" ], [ 'a dot', ".\n" ], [ 'a long line', 'x' x 300_000 ],
	[ 'a long name', 'x' x 300_000 . ": y\n\nz\n" ],
	[ 'blanks', " \t \n\n" ]) {
	my ($name, $input) = @$case;
	my $done = send_by($input, '-f', 'a@x.test', 'user@box.test');

	is($done->{exit}, 0, "attack 13: $name");
	is("@{ $done->{to} }", 'user@box.test', "attack 13: $name: delivered");
}
ok($t->wait_queue_empty, 'nothing stays in the queue');
ok($t->stop, 'all processes end');
done_testing();
