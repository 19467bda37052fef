#!/usr/bin/perl
# Reload: nobody is refused, who is connected goes on, two generations live at
# most, and a mistake leaves all as it was.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

use Barid::Test;

plan_installed('sbin/barid', 'libexec/barid/smtpd');

my $t = Barid::Test->new;

sub status
{
	my $r = $t->tool('barid', 'status');
	my @all;

	for my $line (split /\n/, $r->{out}) {
		my ($service, $program) = $line =~ /^(\S+)\s+(\S+)/;
		my %of = $line =~ /(\w+)=(\S+)/g;
		push @all, { %of, service => $service, program => $program,
			state => $line =~ /generation=\S+\s+(\w+)/ };
	}
	return @all;
}

sub generations
{
	my ($program) = @_;
	my %seen = map { $_->{generation} => 1 }
	    grep { $_->{program} eq $program } status();

	my @all = sort { $a <=> $b } keys %seen;

	return @all;
}

# All of the newest generation serve, and no other one is there.
sub settle
{
	my ($program) = @_;

	return wait_until(15, sub {
		my @all = grep { $_->{program} eq $program } status();
		return @all && !grep({ $_->{state} ne 'serving' } @all) &&
		    generations($program) == 1;
	});
}

sub hangup
{
	$t->mark_log;
	kill('HUP', $t->{pid});
	return $t->wait_log(qr/master\[\d+\]: reload -- version/);
}

sub greets
{
	my ($host, $port) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port,
		Timeout => 5) or return 0;

	return IO::Select->new($s)->can_read(10) &&
	    (readline($s) // '') =~ /^220 / ? 1 : 0;
}

# A child connects again and again until it is told to stop, and says how often
# it was greeted and how often not.
sub start_connecting
{
	my ($port) = @_;

	pipe(my $stop, my $tell) or die;
	pipe(my $read, my $write) or die;
	my $pid = fork // die;
	if ($pid == 0) {
		my ($good, $bad) = (0, 0);
		close($tell);
		until (IO::Select->new($stop)->can_read(0)) {
			greets('127.0.0.1', $port) ? $good++ : $bad++;
		}
		syswrite($write, "$good $bad\n");
		POSIX::_exit(0);
	}
	close($write);
	return sub {
		close($tell);
		my ($good, $bad) = split ' ', readline($read);
		waitpid($pid, 0);
		return ($good, $bad);
	};
}

$t->start;

subtest 'nobody is refused' => sub {
	my $stop = start_connecting($t->{port});

	for my $n (1 .. 5) {
		my ($before) = reverse generations('smtpd');

		ok(hangup(), "reload $n");
		ok(wait_until(15, sub {
			grep({ $_->{program} eq 'smtpd' &&
				$_->{generation} > $before &&
				$_->{state} eq 'serving' } status()) }),
			'a new generation serves');
		cmp_ok(scalar(my @all = generations('smtpd')), '<=', 2,
			'two generations at most');
	}
	my ($good, $bad) = $stop->();
	is($bad, 0, 'none was refused');
	cmp_ok($good, '>', 20, "of many ($good)");
	ok(settle('smtpd'), 'the old ones leave');
};

subtest 'an open session' => sub {
	my $d = $t->connect;

	$d->expect(220);
	$d->send('EHLO me');
	$d->expect(250);
	hangup();
	ok(wait_until(10, sub { scalar(my @two = generations('smtpd')) == 2 }),
		'two generations');
	$d->send('NOOP');
	$d->expect(250, 'goes on');
	$d->send('RSET');
	$d->expect(250);
	hangup();
	ok(wait_until(25, sub {
		my @all = generations('smtpd');
		return @all <= 2 && $all[0] > 6;
	}), 'of three generations the oldest goes');
	$d->expect(qr/^421 4\.3\.2 /, 'its session is told', 15);
	$d->expect_close;
	$d->close;
	ok(settle('smtpd'), 'one is left');
};

subtest 'drain_time' => sub {
	$t->configure({ drain_time => '1s' });
	hangup();
	ok(settle('smtpd'), 'set');
	my $d = $t->connect;
	$d->expect(220);
	$d->send('EHLO me');
	$d->expect(250);
	hangup();
	$d->expect(qr/^421 4\.3\.2 /, 'an idle session is told', 15);
	$d->expect_close;
	ok(settle('smtpd'), 'its process leaves');
	$t->configure({ drain_time => undef });
};

subtest 'a mistake' => sub {
	my $other = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		Listen => 1) or die;
	my $taken = $other->sockport;
	ok(settle('smtpd'), 'quiet');
	my %pids = map { $_ => 1 } $t->pids_of('smtpd'), $t->pids_of('log');
	my @mistakes = (
		[ { drain_time => 'soon' }, {},
		    qr/main\.cf, line \d+: parameter drain_time/ ],
		[ {}, { broken => 'unix n -' }, qr/master\.cf, line \d+: / ],
		[ {}, { "127.0.0.1:$taken" => 'inet n - n - - smtpd' },
		    qr/line \d+: service 127.0.0.1:$taken: .*Address already in use/ ],
		# Opened anew, and given up, before the mistake.
		[ {}, { '0first' => 'unix - - n - - smtp',
			"127.0.0.1:$taken" => 'inet n - n - - smtpd' },
		    qr/Address already in use/ ],
		[ { queue_directory => "$t->{dir}/elsewhere" }, {},
		    qr/queue_directory is another one/ ],
	);

	for my $mistake (@mistakes) {
		my ($main, $master, $said) = @$mistake;
		my %main = %{ $t->{main} };

		$t->configure($main, $master);
		hangup();
		like($t->wait_log(qr/the old configuration stays in force/),
			$said, 'is told');
		ok(greets('127.0.0.1', $t->{port}), 'and changes nothing');
		my $now = $t->processes;
		is(scalar(grep { !$now->{$_} } keys %pids), 0,
			'all processes are there');
		$t->{main} = { %main };
		$t->configure({}, { map { $_ => undef } keys %$master });
	}
	is($t->tool('barid', 'reload')->{exit}, 0, 'put right');
	ok(settle('smtpd'), 'a reload works');
	ok(!-e "$t->{dir}/queue/private/0first", 'nothing is left of it');
	ok(!-e "$t->{dir}/queue/private/0first.new", 'nor of its first name');
	$t->configure({ drain_time => 'soon' });
	my $r = $t->tool('barid', 'reload');
	is($r->{exit}, 1, 'barid reload sees a mistake itself');
	like($r->{err}, qr/main\.cf, line \d+: parameter drain_time/,
		'and says it');
	$t->configure({ drain_time => undef });
	close($other);
};

subtest 'services come and go' => sub {
	my $port = free_port();

	$t->configure({}, { "127.0.0.1:$port" => 'inet n - n - - smtpd',
		mine => 'unix n - n - - smtp' });
	hangup();
	ok(wait_until(10, sub { greets('127.0.0.1', $port) }), 'a new one');
	ok(-S "$t->{dir}/queue/private/mine", 'in private/');
	ok(-S "$t->{dir}/queue/public/mine", 'and in public/');
	my $d = smtp_connect('127.0.0.1', $port);
	$d->expect(220);
	$t->configure({}, { "127.0.0.1:$port" => undef, mine => undef });
	hangup();
	ok(wait_until(10, sub { !greets('127.0.0.1', $port) }),
		'one that is gone');
	$d->send('NOOP');
	$d->expect(250, 'its session goes on');
	$d->send('QUIT');
	$d->expect(221);
	ok(wait_until(10, sub {
		!grep { $_->{service} eq "127.0.0.1:$port" } status() }),
		'then its processes leave');
	ok(!-e "$t->{dir}/queue/private/mine", 'no socket is left');
	ok(!-e "$t->{dir}/queue/public/mine", 'in public/ neither');
};

subtest 'another address' => sub {
	my $port = free_port();
	my @forms = ("127.0.0.1:$port", "localhost:$port", "0.0.0.0:$port",
		"127.0.0.1:$port");

	$t->configure({}, { $forms[0] => 'inet n - n - - smtpd' });
	hangup();
	ok(wait_until(10, sub { greets('127.0.0.1', $port) }), 'one');
	my $stop = start_connecting($port);
	for my $n (1 .. $#forms) {
		$t->configure({}, { $forms[$n - 1] => undef,
			$forms[$n] => 'inet n - n - - smtpd' });
		hangup();
		ok(wait_until(10, sub {
			grep { $_->{service} eq $forms[$n] &&
				$_->{state} eq 'serving' } status() }),
			"$forms[$n - 1] becomes $forms[$n]");
	}
	my ($good, $bad) = $stop->();
	is($bad, 0, "nobody was refused ($good)");
	$t->configure({}, { $forms[-1] => undef });
	hangup();
	ok(wait_until(10, sub { !greets('127.0.0.1', $port) }), 'none');
};

subtest 'one of a kind' => sub {
	for my $program (qw(qmgr log pickup showq)) {
		next unless -e installed("libexec/barid/$program");
		is(scalar(grep { $_->{program} eq $program } status()), 1,
			"one $program");
	}
	my $mark = length $t->log_text;
	hangup();
	for my $program (qw(qmgr log pickup showq)) {
		next unless -e installed("libexec/barid/$program");
		ok(wait_until(10, sub {
			my @all = grep { $_->{program} eq $program } status();
			return @all == 1 && $all[0]{state} eq 'serving';
		}), "one $program");
	}
	unlike(substr($t->log_text, $mark), qr/throttling|exit status/,
		'none had to be stopped');
};

SKIP: {
	skip('needs root to look at master', 1) if $> != 0;

	subtest 'nothing piles up in master' => sub {
		my $count = sub { scalar(my @fds = glob("/proc/$t->{pid}/fd/*")) };
		my $kib = sub { read_file("/proc/$t->{pid}/status") =~
			/VmRSS:\s+(\d+)/ ? $1 : 0 };

		ok(settle('smtpd'), 'quiet');
		wait_until(5, sub { generations('qmgr') == 1 });
		my ($fds, $memory) = ($count->(), $kib->());
		for (1 .. 20) {
			hangup();
			wait_until(10, sub { generations('smtpd') <= 2 });
		}
		ok(settle('smtpd'), 'quiet after 20 reloads');
		ok(wait_until(10, sub { $count->() <= $fds }),
			'no descriptor more') or diag($fds, ' ', $count->());
		cmp_ok($kib->(), '<', $memory * ($ENV{BARID_FLAVOUR} ? 3 : 1.5),
			'hardly more memory');
	};
}

ok($t->stop, 'stop');
done_testing();
