#!/usr/bin/perl
# Case 89 of the attacks: sockets that are flooded, with descriptors, with halves
# of frames, with connections by the thousand.  Only who does it is put out;
# others are served meanwhile, and afterwards nothing is left of it.
#
# BARID_SCALE=N: N times as many connections with descriptors.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IPC::Open2;
use Test::More;

use Barid::Mail;
use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd', 'sbin/sendmail');
plan(skip_all => 'accounts of their own are for root') if $> != 0;

my $scale = $ENV{BARID_SCALE} // 1;
my $t = Barid::Test->new(main => { local_recipient_maps => '' });
my $queue = "$t->{dir}/queue";
my ($limit) = (read_file('/proc/self/limits') // '') =~
    /^Max open files +\S+ +(\d+)/m;

$t->start;

# An intruder that holds what it has; say() is its answer to one command.
package Intruder {
	sub new
	{
		my ($class, @arguments) = @_;
		my $pid = IPC::Open2::open2(my $out, my $in,
			"$ENV{BARID_BUILD}/t/intruder", @arguments, $queue);

		return bless { pid => $pid, in => $in, out => $out }, $class;
	}

	sub say
	{
		my ($self, $command) = @_;

		print { $self->{in} } "$command\n";
		my $line = readline($self->{out}) // 'no answer';
		return $line =~ s/^\Q$command\E: |\n//gr;
	}

	sub end
	{
		my ($self) = @_;

		close($self->{in});
		waitpid($self->{pid}, 0);
	}
}

sub received { return scalar(my @mail = $t->read_maildir('user')) }

# Not by smtpd, which may have lost its share.
sub check_others
{
	my ($name) = @_;
	my $before = received();
	my $done = run_command({ stdin => "Subject: x\n\nx\n" },
		installed('sbin/sendmail'), '-C', "$t->{dir}/etc",
		'user@example.test');

	is($done->{exit}, 0, "$name: a user's mail is taken") or
	    diag($done->{err});
	is(scalar(my @mail = $t->wait_maildir('user', $before + 1, 20)),
		$before + 1, "$name: and delivered");
}

sub descriptors
{
	my ($program) = @_;
	my $n = 0;

	$n += scalar(my @all = glob "/proc/$_/fd/*") for $t->pids_of($program);
	return $n;
}

sub settles
{
	my ($program, $most) = @_;

	return wait_until(20, sub { descriptors($program) <= $most });
}

check_others('before');
send_mail($t->{port}, { from => 'a@b.test', to => 'user@example.test' },
	"Subject: y\n\ny\n");
# All run, and have what they need.
my $first = Intruder->new('-u', 'barid-smtpd', '-r');
my @services = qw(cleanup rewrite lookup resolve dial anvil qmgr state);
$first->say("flood private/$_ silent 1") for @services;
$first->end;

for my $service (@services) {
	subtest "attack 89: descriptors to $service" => sub {
		my $intruder = Intruder->new('-u', 'barid-smtpd', '-r');
		my $before = descriptors($service);
		my $n = 40 * $scale;

		like($intruder->say("flood private/$service fds $n"),
			qr/^$n of /, 'a flood of descriptors');
		ok(settles($service, $before + 8),
			'each is closed, and its connection') or
		    diag(descriptors($service) . " instead of $before");
		ok(wait_until(20, sub { $intruder->say('alive') eq '0' }),
			'none of these is left');
		check_others('meanwhile');
		$intruder->end;
	};
}

my $many = $limit > 20200 || $limit == 20000 ? 10000 : int($limit / 2) - 100;
subtest "attack 89: $many connections" => sub {
	my $intruder = Intruder->new('-u', 'barid-smtpd', '-r');
	my %before = map { $_ => descriptors($_) } qw(cleanup qmgr);
	my $half = int($many / 2);

	is($intruder->say("flood private/cleanup half $half"),
		"$half of $half", 'with half a frame');
	check_others('cleanup meanwhile');
	is($intruder->say("flood private/qmgr silent " . ($many - $half)),
		($many - $half) . ' of ' . ($many - $half), 'and silent ones');
	check_others('qmgr meanwhile');
	is($intruder->say('release'), 'yes', 'they leave');
	ok(settles($_, $before{$_} + 8), "$_ has forgotten them") or
	    diag(descriptors($_) . " instead of $before{$_}")
	    for qw(cleanup qmgr);
	check_others('afterwards');
	$intruder->end;
};

my $group = getgrgid((stat "$queue/public")[5]);
subtest 'attack 89: a user of the machine' => sub {
	my $intruder = Intruder->new('-u', 'nobody', '-g', $group);

	is($intruder->say('flood public/qmgr silent 100'), '100 of 100',
		'as postqueue would, but often');
	ok(wait_until(20, sub { $intruder->say('alive') <= 20 }),
		'has a few of them only');
	is($t->tool('postqueue', '-f')->{exit}, 0, 'others are served');
	is($intruder->say('release'), 'yes', 'they leave');
	is($intruder->say('flood public/showq silent 150'), '150 of 150',
		'as mailq would, and does not read');
	is($t->tool('postqueue', '-p')->{exit}, 0,
		'the administrator has his list');
	$intruder->end;
};

unlike($t->log_text,
	qr/killed by signal|exit status [^0]|Assertion|throttling|Sanitizer/,
	'no daemon died');
like(send_mail($t->{port}, { from => 'a@b.test', to => 'user@example.test' },
	"Subject: z\n\nz\n"), qr/^250 /, 'mail is taken from clients as before');
ok($t->stop(seconds => 60), 'stop');
done_testing();
