# One configuration in Debian's Postfix and in Barid, and the same mail through
# both.  A configuration is a folder t/twins/NAME with main.cf, master.cf, the
# tables they name, and a file `script`:
#
#	tables: hash:transport alias:aliases	made by postmap and postalias
#	database: FILE				SQL that PostgreSQL is given
#	directory: FILE				LDIF that slapd is given
#	deliveries: 7				how many copies arrive
#	differs: REGEX				lines that differ: each has
#						its row in
#						doc/postfix-differences.md
#	== what this dialogue shows [PORT2]
#	EHLO client.test		a command; its reply is kept
#	DATA
#	Subject: what follows until the dot is content
#	.
#	== submit -f a@example.test b@example.test
#	Subject: given to sendmail
#	.
#
# In all files @NAME@ stands for: ETC, DIR (a folder), PORT and PORT2 (to listen
# on), SINK1, SINK2, LMTP, POLICY, DATABASE, DIRECTORY (servers of
# the test), UID and GID of mailboxes.
# What only says where an instance lives is added to main.cf.
package Barid::Twins;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(basename);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(_exit);

use Barid::Capture;
use Barid::Databases;
use Barid::Mail;
use Barid::Peers;
use Barid::Test;

our @EXPORT = qw(twin_names twin_read twin_run);

my $folder = top_folder() . '/t/twins';

sub twin_names { return sort map { basename($_) } grep { -d } glob "$folder/*" }

# {name, files => {NAME => TEXT}, tables, deliveries, differs => [REGEX],
# dialogues => [{title, port, submit, steps => [line or [lines of content]]}]}
sub twin_read
{
	my ($name) = @_;
	my $twin = { name => $name, tables => [], differs => [],
		deliveries => 0, dialogues => [] };

	for my $path (grep { -f } glob "$folder/$name/*") {
		my $file = basename($path);

		$twin->{files}{$file} = read_file($path) if $file ne 'script';
	}
	my @lines = split /\n/, read_file("$folder/$name/script");
	while (defined(my $line = shift @lines)) {
		next if $line =~ /^(#|$)/;
		if ($line =~ /^== submit(?: (.*))?$/) {
			push @{ $twin->{dialogues} }, { title => $line,
				submit => [ split ' ', $1 // '' ],
				steps => [ cut_content(\@lines) ] };
		} elsif ($line =~ /^== (.*?)(?: \[(PORT2)\])?$/) {
			push @{ $twin->{dialogues} }, { title => $1,
				port => $2 // 'PORT', steps => [] };
		} elsif (!@{ $twin->{dialogues} }) {
			read_setting($twin, $line);
		} else {
			my $steps = $twin->{dialogues}[-1]{steps};

			push @$steps, $line;
			push @$steps, cut_content(\@lines) if $line eq 'DATA';
		}
	}
	die "t/twins/$name/script: no deliveries\n" if !$twin->{deliveries};
	return $twin;
}

sub read_setting
{
	my ($twin, $line) = @_;

	if ($line =~ /^tables: (.*)/) {
		push @{ $twin->{tables} }, split ' ', $1;
	} elsif ($line =~ /^deliveries: (\d+)$/) {
		$twin->{deliveries} = $1;
	} elsif ($line =~ /^(database|directory): (\S+)$/) {
		$twin->{$1} = $2;
	} elsif ($line =~ /^differs: (.*)/) {
		push @{ $twin->{differs} }, qr/$1/;
	} else {
		die "t/twins/$twin->{name}/script: $line\n";
	}
}

# The lines up to the dot, which goes too.
sub cut_content
{
	my ($lines) = @_;
	my @content;

	while (defined(my $line = shift @$lines)) {
		return \@content if $line eq '.';
		push @content, $line;
	}
	die "content without a dot\n";
}

# The database and the directory that it asks: their processes, or undef if one
# is not to be had.
sub start_stores
{
	my ($twin, $value) = @_;
	my @pids;

	if (my $file = $twin->{database}) {
		my $store = start_postgresql($twin->{files}{$file})
		    or return undef;
		$value->{DATABASE} = $store->{port};
		push @pids, $store->{pid};
	}
	if (my $file = $twin->{directory}) {
		my $store = start_slapd($twin->{files}{$file}) or return undef;
		$value->{DIRECTORY} = $store->{port};
		push @pids, $store->{pid};
	}
	return \@pids;
}

# Start the twin as "postfix" or "barid", play its dialogues, wait for the
# deliveries.  {replies => [line], deliveries => [text], log => [line]}, all of
# them without what is an instance's own.  undef without its database.
sub twin_run
{
	my ($twin, $kind) = @_;
	my $dir = tempdir('/tmp/tw.XXXXXX', CLEANUP => 1);
	my %sinks = map { $_ => Barid::Capture->new(dsn => 1, refuses => 1,
		lmtp => $_ eq 'LMTP') } qw(SINK1 SINK2 LMTP);
	my %value = (DIR => $dir, PORT => free_port(), PORT2 => free_port(),
		POLICY => free_port(), map { $_ => $sinks{$_}->port } keys %sinks);
	my $stores = start_stores($twin, \%value) or return undef;
	my $policy = start_peer({ port => $value{POLICY} },
		sub { return serve_policy($value{POLICY}) });

	chmod(0755, $dir);
	mkdir("$dir/mail") or die "mkdir: $!\n";
	chown((getpwnam('games'))[2, 3], "$dir/mail");
	mkdir("$dir/spool") or die "mkdir: $!\n";
	chmod(01777, "$dir/spool");
	@value{qw(UID GID)} = (getpwnam('games'))[2, 3];
	my $server = $kind eq 'postfix' ? prepare_postfix(\%value) :
	    prepare_barid(\%value);
	$value{ETC} = $server->{etc};
	write_files($twin, \%value, $server);
	$server->{start}->();
	# The second port may come a moment later.
	wait_until(20, sub { eval { smtp_connect('127.0.0.1', $value{PORT2}) } })
	    if grep { ($_->{port} // '') eq 'PORT2' } @{ $twin->{dialogues} };

	my @replies = map { play($_, \%value, $server) } @{ $twin->{dialogues} };
	my $settled = wait_until($ENV{TWIN_WAIT} // 60, sub {
		return $server->{waiting}->() == 0 &&
		    deliveries($dir, \%sinks) == $twin->{deliveries} &&
		    !unfinished($server->{log});
	});
	my @deliveries = deliveries($dir, \%sinks);
	Test::More::diag("$kind: " . scalar(@deliveries) . ' deliveries, ' .
	    $server->{waiting}->() . ' wait') if !$settled;
	Test::More::note(read_file($server->{log}));
	$server->{stop}->();
	stop_peer($_) for $policy, @$stores;
	my $log = read_file($server->{log}) // '';
	return {
		settled => $settled,
		replies => [ map { common($_, \%value) } @replies ],
		deliveries => [ sort map { common($_, \%value) } @deliveries ],
		log => [ sort map { common($_, \%value) } log_lines($log) ],
	};
}

# --- An instance ----------------------------------------------------------------

sub prepare_postfix
{
	my ($value) = @_;
	my $p = new_postfix($value->{PORT});

	return {
		etc => "$p->{dir}/etc", log => $p->{log}, own => $p->{own},
		env => $p->{env}, sendmail => $p->{sendmail},
		postmap => "$p->{tree}/usr/sbin/postmap",
		start => sub { run_postfix($p) },
		stop => sub { stop_peer($p->{pid}) },
		waiting => sub { return scalar(() = glob
			"$p->{dir}/spool/{maildrop,incoming,active}/*") },
	};
}

sub prepare_barid
{
	my ($value) = @_;
	my $t = Barid::Test->new(port => $value->{PORT});

	return {
		etc => "$t->{dir}/etc", log => $t->{log}, env => {},
		own => { queue_directory => "$t->{dir}/queue",
			data_directory => "$t->{dir}/data",
			maillog_file => $t->{log}, maillog_file_prefixes => '/' },
		sendmail => [ installed('sbin/sendmail'), '-C', "$t->{dir}/etc" ],
		postmap => installed('sbin/postmap'),
		start => sub { $t->start },
		stop => sub { $t->stop },
		waiting => sub { return scalar(() = glob
			"$t->{dir}/queue/{maildrop,incoming,active}/*") },
	};
}

sub fill
{
	my ($text, $value) = @_;

	$text =~ s/\@([A-Z][A-Z0-9]*)\@/$value->{$1} \/\/ die "what is \@$1\@?\n"/ge;
	return $text;
}

sub write_files
{
	my ($twin, $value, $server) = @_;
	my $etc = $server->{etc};
	my %own = (%{ $server->{own} }, smtpd_authorized_xclient_hosts =>
		'127.0.0.1', smtpd_peername_lookup => 'no');

	for my $file (keys %{ $twin->{files} }) {
		write_file("$etc/$file", fill($twin->{files}{$file}, $value));
	}
	append_file("$etc/main.cf", join '', "\n# Where this instance lives.\n",
		map { "$_ = $own{$_}\n" } sort keys %own);
	for my $table (@{ $twin->{tables} }) {
		my ($type, $name) = split /:/, $table;
		my $tool = $server->{postmap};

		$tool =~ s/postmap$/postalias/ if $type eq 'alias';
		my $made = run_command({ env => $server->{env} }, $tool, '-c',
			$etc, ($type eq 'alias' ? 'hash' : $type) .
			":$etc/$name");
		die "$table: $made->{err}" if $made->{exit} != 0;
	}
}

# --- Mail -------------------------------------------------------------------------

sub play
{
	my ($dialogue, $value, $server) = @_;
	my @said = "== $dialogue->{title}";

	if ($dialogue->{submit}) {
		my $done = run_command({ env => $server->{env},
			stdin => join '', map { fill($_, $value) . "\n" }
			@{ $dialogue->{steps}[0] } }, @{ $server->{sendmail} },
			map { fill($_, $value) } @{ $dialogue->{submit} });

		return (@said, "exit $done->{exit}", split /\n/, $done->{err});
	}
	my $d = smtp_connect('127.0.0.1', $value->{ $dialogue->{port} });
	push @said, split /\r?\n/, $d->read_reply(30) // '(nothing)';
	for my $step (@{ $dialogue->{steps} }) {
		if (ref $step) {
			my $text = join '', map { fill($_, $value) . "\r\n" }
			    @$step;

			next if $said[-1] !~ /^354/;
			$text =~ s/^\./../mg;
			$d->send_raw("$text.\r\n");
		} else {
			push @said, "> $step";
			$d->send(fill($step, $value));
		}
		my $reply = eval { $d->read_reply(30) } // '(nothing)';
		push @said, split /\r?\n/, $reply;
		last if $reply eq '(nothing)';
	}
	$d->close;
	return @said;
}

# A policy server: the sender's name says what it answers.
my %actions = (reject => 'reject not today', defer => 'defer_if_permit later',
	prepend => 'prepend X-Policy: seen', nonsense => 'no-such-action',
	code => '554 5.7.9 coded');

sub serve_policy
{
	my ($port) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		LocalPort => $port, Listen => 100, ReuseAddr => 1) or return 1;
	my $sender = '';

	$SIG{CHLD} = 'IGNORE';
	while (1) {
		my $client = $listener->accept or next;

		next if fork;
		while (my $line = <$client>) {
			$sender = $1 if $line =~ /^sender=policy-(\w*)/;
			next if $line ne "\n";
			_exit(0) if $sender eq 'hangup';
			print $client 'action=' . ($actions{$sender} //
				'dunno') . "\n\n";
			$client->flush;
			$sender = '';
		}
		_exit(0);
	}
}

# One message as each of its recipients gets it; the order of the parameters of
# an address does not matter.
sub sent_to
{
	my ($name, $m) = @_;

	return map { "sent to $name from <$m->{from}>$m->{mail} to " .
		join(' ', sort split ' ', "<$m->{to}[$_]>$m->{rcpt}[$_]") .
		"\n$m->{content}" } 0 .. $#{ $m->{to} };
}

# All that was stored or sent on, each with its way.
sub deliveries
{
	my ($dir, $sinks) = @_;
	my @found;

	# How many recipients share a transaction is each one's own choice.
	for my $name (sort keys %$sinks) {
		push @found, map { sent_to($name, $_) } $sinks->{$name}->messages;
	}
	for my $path (glob("$dir/mail/*/new/*"), glob("$dir/mail/*/*/new/*")) {
		my ($box) = $path =~ m{/mail/(.*)/new/};

		push @found, "stored in $box\n" . read_file($path);
	}
	for my $path (glob "$dir/spool/*") {
		my $text = read_file($path) // next;

		push @found, map { 'stored in spool ' . basename($path) .
			"\n$_" } grep { length } split /^(?=From \S+ .*\d\d:\d\d:\d\d \d{4}$)/m,
		    $text;
	}
	return @found;
}

# The messages whose end is not logged yet: it comes a moment after their last
# delivery.
sub unfinished
{
	my ($log) = @_;
	my $text = read_file($log) // '';
	my %ended = map { $_ => 1 } $text =~ /: (\w+): removed$/mg;

	return grep { !$ended{$_} }
	    $text =~ /: (\w+): from=<.*\(queue active\)$/mg;
}

# What became of each recipient, and what was refused.
sub log_lines
{
	my ($log) = @_;
	my @kept;

	for (split /\n/, $log) {
		if (m{ postfix[^/]*/(?:\w+/)?(\w+)\[\d+\]: (?:\w+): (to=<.*?>, (?:orig_to=<.*?>, )?relay=[^,]*).*?(dsn=.*)}) {
			my ($program, $who, $what) = ($1, $2, $3);

			$program = 'none' if $who =~ /relay=none/;
			push @kept, "$program $who, $what";
		} elsif (/: ((?:NOQUEUE|\w{6,20}): (?:reject|discard|filter|hold|redirect|warn|prepend|info|replace|bcc|strip)(?:_warning)?: .*)/) {
			push @kept, $1;
		}
	}
	return @kept;
}

# Without what differs between any two instances, or two runs of one.
sub common
{
	my ($text, $value) = @_;

	$text =~ s/\r\n/\n/g;
	for my $name (qw(ETC DIR)) {
		$text =~ s/\Q$value->{$name}\E/\@$name\@/g;
	}
	for my $name (qw(PORT PORT2 SINK1 SINK2 LMTP POLICY)) {
		$text =~ s/(?<=:)$value->{$name}\b/\@$name\@/g;
	}
	$text =~ s/\b(Postfix|Barid)\b/MAIL/g;
	$text =~ s/\b(queued|forwarded) as \w+/$1 as ID/g;
	$text =~ s/\b(E?SMTPS?A?|LMTP|UTF8SMTP) id \w+/$1 id ID/g;
	$text =~ s/^\tid \w+;/\tid ID;/mg;
	$text =~ s/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [ \d]?\d \w{3} 20\d\d \d\d:\d\d:\d\d [-+]\d{4} \([A-Z]+\)/DATE/g;
	$text =~ s/^From (\S+) +\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/From $1 DATE/mg;
	$text =~ s/<\d{14}\.\w+\@/<STAMP.ID\@/g;
	$text =~ s/(^--|\bboundary=")\w+\.\d+\/(?=[\w.]+)/$1BOUNDARY\//mg;
	$text =~ s/^(?!NOQUEUE)\w{6,20}: (?=reject|discard|filter|hold|redirect|warn|prepend|info|replace|bcc|strip)/ID: /;
	$text =~ s/\bSIZE=\d+/SIZE=N/g;
	$text =~ s/^(X-(?:MAIL|Postfix)-Queue-ID: rfc822|X-MAIL-Queue-ID:).*/$1 ID/mg;
	$text = common_report($text) if $text =~ m{^Content-Type: multipart/report}m;
	return $text;
}

# Of a report: its words for people are each one's own, and so are the order of
# the fields for a recipient and the encoding that is declared.
sub common_report
{
	my ($text) = @_;

	$text =~ s/ BODY=8BITMIME//;
	$text =~ s/^Content-Transfer-Encoding: 8bit\n//mg;
	$text =~ s/^(Content-Description: Notification\n).*?(?=^--BOUNDARY)/$1/ms;
	$text =~ s/^(Final-Recipient: .*\n)(Original-Recipient: .*\n)/$2$1/mg;
	$text =~ s/^(Original-Recipient: \w+;) +/$1/mg;
	return $text;
}

1;
