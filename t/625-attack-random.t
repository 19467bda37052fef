#!/usr/bin/perl
# Servers that do anything at any step, by chance: whatever they do, "sent" is
# what a server has taken whole and acknowledged, what was refused for good is in
# a report, and all else is tried again; each recipient once.  The numbers are
# those of the list of attacks.  BARID_SCALE multiplies the messages; BARID_SEED
# repeats a run.
use strict;
use warnings;

use Test::More;

use Barid::Hostile;
use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'libexec/barid/smtp');

my $messages = 150 * ($ENV{BARID_SCALE} || 1);
my $seed = $ENV{BARID_SEED} // 20_261_130;
my $rcpts = 4;

alarm(60 * 60) if $messages > 150;
note("seed $seed");

my $taken;    # the file that says what a server has taken

# What a step says instead of what it should; undef: nothing else.
my @odd = (
	sub { "450 4.2.0 later\r\n" }, sub { "550 5.2.0 never\r\n" },
	sub { "452 4.5.3 too many\r\n" }, sub { \'' }, sub { \'25' },
	sub { \"421 4.3.2 bye\r\n" }, sub { "421 4.3.2 staying\r\n" },
	sub { "250 2.0.\0 x\r\n" }, sub { "250-a\r\n550 b\r\n" },
	sub { "354 what\r\n" }, sub { "250 2.0.0 one\r\n250 2.0.0 two\r\n" },
	sub { ("250-x\r\n" x 300) . "250 x\r\n" }, sub { "Ok\r\n" },
	sub { \"450 4.2.0 later, and gone\r\n" },
	sub { \"550 5.2.0 never, and gone\r\n" }, sub { $_[0]->reset },
);

sub by_chance
{
	my ($c) = @_;

	return undef if rand() < 0.85;
	return $odd[rand @odd]->($c);
}

# At the end it is taken if the reply begins as one does that takes it.
sub end_by_chance
{
	my ($c) = @_;
	my $what = by_chance($c);

	# One reply too many among several: nobody can tell whose the next is.
	undef $what if $c->{case}{lmtp} && ($what // '') =~ / two/;
	append_file($taken, "$_\n") for !defined $what ||
	    !ref $what && $what =~ /\A250 2\.0\.0/ ?
	    ($c->{case}{lmtp} ? $c->{rcpt} : @{ $c->{accepted} }) : ();
	return $what;
}

# Each connection's chance is its own.
my %chance = (greeting => sub { srand($seed + $$); by_chance(@_) },
	(map { $_ => \&by_chance } qw(hello mail rcpt data rset quit)),
	end => \&end_by_chance);
my $server = Barid::Hostile->new(ip => '127.0.0.3', cases => {
	one => \%chance, two => { %chance, offers => '8BITMIME' },
	three => { %chance, offers => 'PIPELINING CHUNKING' },
	lmtp => { %chance, lmtp => 1 },
}, before => sub { $taken = "$_[0]{dir}/taken" });
my @sites = qw(one two three lmtp);
my $t = Barid::Test->new(main => {
	transport_maps => 'inline:{ ' . $server->transports('bad.test') . ' }',
	smtpd_peername_lookup => 'no', smtpd_client_connection_count_limit => '0',
	minimal_backoff_time => '600s',
	# A site that fails is asked again at once.
	default_destination_concurrency_failed_cohort_limit => '1000000',
	smtp_quit_timeout => '2s', lmtp_quit_timeout => '2s',
});
$t->start;

my @all;
for my $n (1 .. $messages) {
	my $site = $sites[$n % @sites];
	my @to = map { "m$n-$_\@$site.bad.test" } 1 .. 1 + $n % $rcpts;

	push @all, @to;
	send_mail($t->{port}, { from => 'user@example.test', to => \@to },
		"Subject: $n\n\n" . "text\n" x ($n % 7 ? 1 : 20_000)) =~ /^250/
	    or fail("message $n is accepted");
}

# What the log says of each: {address => [status, ...]}.
sub statuses
{
	my $log = $t->log_text;
	my %seen;

	push @{ $seen{$1} }, $2
	    while $log =~ /: to=<(m\d+-\d\@\w+\.bad\.test)>, .*status=(\w+)/g;
	return \%seen;
}

wait_until(60, sub { keys %{ statuses() } == @all });
my $status = statuses();
my %taken;
$taken{$_}++ for split /\n/, read_file("$server->{dir}/taken") // '';

is(scalar keys %$status, scalar @all, 'attack 22, 23: each recipient is tried');
is(join(' ', grep { @{ $status->{$_} } != 1 } @all), '',
	'attack 22, 23: once');
my %by = (sent => [], bounced => [], deferred => []);
push @{ $by{ $status->{$_}[0] } }, $_ for @all;
note(join ', ', map { "$_: " . @{ $by{$_} } } sort keys %by);
cmp_ok(scalar @{ $by{$_} }, '>', 0, "attack 22, 23: some are $_")
    for sort keys %by;
is(join(' ', grep { !$taken{$_} } @{ $by{sent} }), '',
	'attack 22, 23: what is sent was taken by a server');
my @doubted = grep { $taken{$_} && !/lmtp/ } @{ $by{deferred} },
    @{ $by{bounced} };
is("@doubted", '',
	'attack 23: what a server took is sent, where one reply is for all');
for my $address (@doubted) {
	diag(grep { /to=<\Q$address\E>/ } split /^/m, $t->log_text);
}
my $twice = grep { $_ > 1 } values %taken;
cmp_ok($twice, '<', @all / 20, 'attack 22, 23: few are taken twice');
note("$twice taken twice");

my %reported;
wait_until(20, sub {
	%reported = ();
	for my $mail ($t->read_maildir('user')) {
		$reported{$1}++ while $mail =~ /^Final-Recipient: rfc822; (\S+)/mg;
	}
	return keys %reported >= @{ $by{bounced} };
});
is(join(' ', sort keys %reported), join(' ', sort @{ $by{bounced} }),
	'attack 23: what is refused for good is reported');
is(join(' ', grep { $_ > 1 } values %reported), '', 'attack 23: once');
my %waits = map { $_ => 1 } map { /(m\d+-\d\@\w+\.bad\.test)/g }
    $t->tool('mailq')->{out};
is(join(' ', sort keys %waits), join(' ', sort @{ $by{deferred} }),
	'attack 23: all others wait');
ok($t->stop, 'all processes end');
done_testing();
