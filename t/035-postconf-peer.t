#!/usr/bin/perl
# postconf beside that of Debian's Postfix: the same command over the same
# files, output, warnings, status and changed files compared.  BARID_SCALE
# multiplies the cases that are made by chance, BARID_SEED makes others.
use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX qw(_exit);
use Test::More;

use Barid::Peers;
use Barid::Test;

plan_installed('sbin/postconf');
my ($theirs, $libraries) = postfix_command('postconf');
plan(skip_all => "no postconf of Debian's Postfix") if !$theirs;
my $ours = "$ENV{BARID_PREFIX}/sbin/postconf";
# With sanitizers each process takes ten times as long.
my $scale = $ENV{BARID_SCALE} //
    (($ENV{BARID_FLAVOUR} // '') eq 'checks' ? 0.3 : 1);
my $seed = $ENV{BARID_SEED} // 4711;
my $top = tempdir(CLEANUP => 1);
my %count;

note("seed $seed");
srand($seed);

# --- running both ------------------------------------------------------------

# Postfix sleeps for a second before it gives up: all cases are run side by
# side, and looked at when they are.
my (@cases, @running);
my $at_once = 40;

sub start
{
	my ($folder, $program, @arguments) = @_;

	if (@running >= $at_once) {
		waitpid(shift(@running), 0);
	}
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		chdir($folder) or _exit(126);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', 'out') or _exit(126);
		open(STDERR, '>', 'err') or _exit(126);
		$ENV{LD_LIBRARY_PATH} = $libraries if $program eq $theirs;
		delete $ENV{MAIL_CONFIG};
		my $status = system { $program } 'postconf', '-c', '.',
		    @arguments;
		write_file('status', "$status\n");
		_exit(0);
	}
	push(@running, $pid);
}

# A case for later.
sub check
{
	my ($kind, $main, $master, $arguments, %options) = @_;
	my %case = (kind => $kind, main => $main, master => $master,
		arguments => $arguments, %options);

	for my $program ($theirs, $ours) {
		my $folder = "$top/" . @cases .
		    ($program eq $theirs ? 'a' : 'b');

		mkdir($folder) or die "$folder: $!\n";
		write_file("$folder/main.cf", $main);
		write_file("$folder/master.cf", $master);
		start($folder, $program, @$arguments);
		push(@{ $case{folders} }, $folder);
	}
	push(@cases, \%case);
	$count{$kind}++;
}

sub result
{
	my ($folder) = @_;
	my %r = map { $_ => scalar read_file("$folder/$_") }
	    grep { -e "$folder/$_" } qw(out err status main.cf master.cf);

	# Postfix reads its files several times, and keeps names in tables
	# without order; of what it does not have it says nothing.  Its usage
	# lacks the options of its successors.
	my %seen;
	$r{err} =~ s/^.*: not supported: .*\n//mg;
	$r{err} =~ s/usage: .*/usage/;
	$r{err} = join '', sort grep { !$seen{$_}++ } $r{err} =~ /.*\n/g;
	return \%r;
}

# What differs because Postfix moves comments that stand behind a service in
# front of it; only that they stay is looked at.
sub look_at_comments
{
	my ($case, $theirs, $ours) = @_;
	my $regex = qr/^[ \t]*(?:#.*)?\n/m;

	return 0 if join('', $ours->{'master.cf'} =~ /$regex/g) ne
	    join('', $case->{master} =~ /$regex/g);
	$_->{'master.cf'} =~ s/$regex//g for $theirs, $ours;
	return 1;
}

# Which options go together is the same; what lists tell is not.
sub only_fatal
{
	for (@_) {
		$_->{err} = join '', grep { /fatal/ } $_->{err} =~ /.*\n/g;
		$_->{err} =~ s/.*(mail_owner|template).*\n//g;
		delete @$_{qw(out status)};
	}
}

sub look
{
	my ($case) = @_;
	my @both = map { result($_) } @{ $case->{folders} };
	my $told = '';

	# Reading once more, what came last is "overridden" by the first.
	for my $line ($both[1]{err} =~ /.*overriding earlier entry.*\n/g) {
		$told .= "only Barid: $line" if index($both[0]{err}, $line) < 0;
	}
	$_->{err} =~ s/.*overriding earlier entry.*\n//g for @both;

	# Postfix crashes when the same name is removed twice.
	return '' if $both[0]{status} =~ /^11$/m;
	only_fatal(@both) if $case->{fatal};
	$told = "comments are lost\n"
	    if $case->{edit} && !look_at_comments($case, @both);
	for my $what (sort keys %{ $both[0] }) {
		$told .= "$what of Postfix:\n$both[0]{$what}of Barid:\n" .
		    "$both[1]{$what}"
		    if $both[0]{$what} ne ($both[1]{$what} // '');
	}
	return $told;
}

sub summary
{
	my ($kind) = @_;
	my $bad = 0;

	for my $case (grep { $_->{kind} eq $kind } @cases) {
		my $told = look($case);

		next if $told eq '' || $bad++ > 5;
		diag("postconf @{ $case->{arguments} }\n$case->{main}",
			"master.cf:\n$case->{master}$told");
	}
	is($bad, 0, "$kind: $count{$kind} cases agree");
}

sub one { return $_[rand @_] }

my $base = <<'END';
compatibility_level = 3.6
myhostname = mx.example.test
mydomain = example.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
END
my $smtp = "smtp inet n - y - - smtpd\n";

# --- options -----------------------------------------------------------------

my @flags = (qw(-a -A -b -d -e -f -F -h -H -l -m -M -n -p -P -t -x -X), '-#',
	'-C user', '-o a=b', '-T run-version');

sub check_flags
{
	check('options', $base, $smtp, [map { split / / } @_], fatal => 1);
}

for my $i (0 .. $#flags) {
	check_flags($flags[$i], $flags[$_])
	    for grep { $scale > 1 || ($i + $_) % ($scale < 1 ? 5 : 2) == 1 }
		$i + 1 .. $#flags;
}
check_flags(map { one(@flags) } 1 .. 3) for 1 .. 40 * $scale;
check('arguments', $base, $smtp, $_) for (
	['-Z'], ['-C', 'foo'], ['-C', 'user,foo', '-n'], ['-o', 'ab'],
	['-o', '=b'], ['-n', 'a=b'], ['-X'], ['-#'], ['-e'], ['-F', '-e'],
	['-M', 'a=b'], ['-F', 'a=b'], ['-P', 'a=b'], ['-T', 'x'], ['-l', 'x'],
	['-M', ''], ['-M', 'a/b/c'], ['-F', 'a/b/c/d'], ['-F', 'smtp/inet/x'],
	['-P', 'a/b/c/d'], ['-Me', 'a/unix'], ['-Me', 'a/unix=a'],
	['-Me', 'a/unix=a bar - - - - - x'], ['-Fe', 'smtp/inet/chroot=zz'],
	['-Fe', 'smtp/inet/wakeup=1 2'], ['-Fe', 'smtp/*/*=y'],
	['-Fe', 'smtp/inet/nosuch=y'], ['-Fe', 'smtp/inet/type=bogus'],
	['-Pe', 'smtp/inet/a=b c'], ['-Pe', 'smtp/inet/*=b'],
	['-PX', 'smtp/inet'], ['-MX', 'smtp'], ['-e', "a=b\nc"], ['-e', '#a=b'],
	['-X', ''], ['-X', 'a b'], ['-e', 'a b=c'], ['-e', '=c'],
	['nosuch'], ['-d', 'nosuch', 'maximal_queue_lifetime'],
	['-e', 'x=1', 'y=2', 'x=3', '-e'], ['-T', 'public-key-algorithms']);

# --- defaults ----------------------------------------------------------------

my %other_default = map { $_ => 1 } (
	# Where things are, who owns them, what this is.
	qw(command_directory config_directory daemon_directory data_directory
	    html_directory mail_name mail_owner mail_release_date mail_version
	    mailq_path manpage_directory meta_directory newaliases_path
	    process_id queue_directory readme_directory sample_directory
	    sendmail_path setgid_group shlib_directory),
	# Of the machine; types that a build chooses.
	qw(mynetworks address_verify_map alias_database alias_maps
	    default_cache_db_type default_database_type postscreen_cache_map),
	# Changed in Postfix since.
	qw(import_environment milter_default_action smtp_tls_security_level
	    smtpd_forbid_bare_newline smtpd_forbid_unauth_pipelining));

# Every parameter of Postfix is there, with its default.
sub look_at_defaults
{
	my ($case) = grep { $_->{kind} eq 'defaults' } @cases;
	my ($theirs, $ours) = map { { result($_)->{out} =~
	    /^(\w+) =[ ]?(.*)$/mg } } @{ $case->{folders} };
	my @missing = grep { !defined $ours->{$_} } sort keys %$theirs;
	my @differ = map { "$_ = $ours->{$_}, not $theirs->{$_}" }
	    grep { defined $ours->{$_} && $ours->{$_} ne $theirs->{$_} &&
		!$other_default{$_} } sort keys %$theirs;

	cmp_ok(scalar(keys %$theirs), '>', 800, 'the parameters of Postfix');
	is("@missing", '', 'are all known');
	is(join("\n", @differ), '', 'and have their defaults');
}

check('defaults', $base, $smtp, ['-d']);

# --- expansion ---------------------------------------------------------------

sub text
{
	my ($depth) = @_;
	my @simple = qw($a ${a} $(a) $empty ${none} $$ x y-z 1 . x{q} $a.b $long);

	return join one('', ' '), map {
		$depth > 0 && rand() < 0.5 ? macro($depth - 1) : one(@simple)
	} 1 .. 1 + rand(3);
}

sub operand
{
	my ($op) = @_;

	return one(qw(1 01 2 10 3.6 3.10 3 3.6.1 ${lvl})) if $op =~ /level/;
	return one(qw(1 01 2 10 a b 3.6 3.10 $a ${lvl} a10 a9), '');
}

sub macro
{
	my ($depth) = @_;
	my $name = one(qw(a empty none long lvl));
	my ($x, $y) = map { text($depth) } 1 .. 2;
	my $s = one('', '', ' ');
	my $op = one(qw(== != < <= >= >), map { $_ . 'level' }
		qw(== != < <= >= >));

	return one("\${$name?$x}", "\${$name:$x}", "\${$name$s?$s\{$x}}",
		"\${$name:$s\{$x}}", "\${$name?{$x}$s:$s\{$y}}",
		"\$($name?{$x})", "\${$s$name$s}",
		map { "\${{" . operand($op) . "}$s$op$s\{" . operand($op) .
		    "}$_}" }
		    '', "$s?$s\{$x}", "$s?$s\{$x}$s:$s\{$y}", ":{$x}", "?$x");
}

my @broken = ('${', '${a', '$(a', '$', '$ a', '${}', '$()', '${-}', '${a-b}',
	'${a!}', '${a?{x}y}', '${a?{x}:{y}z}', '${none:{x}y}', '${none:{x}:{y}}',
	'${{a} ~ {b}}', '${{a}}', '${{a} {b}}', '${{a} == b}',
	'${{1}=={1} {a}}', '${{1}=={1}?{a}{b}}', '${{1}=={1}?{a}:{b} c}',
	'${{} <level {3}}', '${{3.x} <level {3}}', '${{1.2.3.4} <level {3}}',
	'x${a', '${a?{x}', '$relayhost');

for my $value (@broken, map { text(3) } 1 .. 120 * $scale) {
	check('expansion', "${base}a = 1 2\nempty =\nlvl = 3.6\n" .
		"long = \${a?{\$lvl}}-\$empty\nrelayhost = $value\n", $smtp,
		['-hx', 'relayhost']);
}

# --- main.cf -----------------------------------------------------------------

my @names = qw(relayhost mydestination myorigin tail own rc1 smtpd_banner
	smtp_destination_recipient_limit foo_time_limit smtpd_restriction_classes
	virtual_alias_maps db1_hosts db1_query header_checks unused);

sub main_line
{
	my $name = one(@names);
	my $value = one('', 'a', 'a, b', '$tail', '$own x', '${rc1?{y}}',
		'rc1 rc2', 'mysql:db1', 'proxy:pgsql:db1', '$mydomain',
		'long ' x 20 . 'end', 'x   y', 'hash:/etc/$tail',
		'${nosuch:z}');

	# No name within itself.
	$value =~ s/\$(tail|own)|\$\{rc1.*?\}\}/q/g if $name eq 'tail';
	$value =~ s/\$own|\$\{rc1.*?\}\}/q/g if $name =~ /^(own|tail)$/;
	$value =~ s/\$\{rc1.*?\}\}/q/g if $name eq 'rc1';
	my $line = one("$name = ", "$name=", "$name =", "$name  = ") . $value;

	$line .= "\n" . one("  more", "\tmore \$mydomain", "# in\n  more",
		"\n more", "  # not", "  a\n  b") if rand() < 0.3;
	return $line . one('', '', '', ' ', "\t") . "\n";
}

sub main_text
{
	return $base . join '', map {
		rand() < 0.25 ? one("# comment\n", "\n", "  # indented\n",
			"#relayhost = old\n", " \t\n") : main_line()
	} 1 .. 4 + rand(12);
}

my @show = ([qw(-n)], [qw(-nf)], [qw(-nh)], [qw(-nH)], [qw(-nx)], [qw(-nxf)],
	[qw(-n -C user)], [qw(-n -C builtin)], ['-n', '-C', 'service,user'],
	[qw(relayhost tail own)], [qw(-x mydestination rc1 nosuch)],
	[qw(-n -o own=new -o tail=x)], [qw(-C service)]);

for (1 .. 90 * $scale) {
	my $master = $smtp . "smtp unix - - n - - smtp\n" .
	    "foo unix - n n - - " . one(qw(pipe spawn smtp local)) . "\n";

	check('main.cf', main_text(), $master, one(@show));
}
for (1 .. 90 * $scale) {
	my @wanted = map { one(@names) } 1 .. 1 + rand(2);
	my %new;

	# What is new goes to the end, in Postfix in no order.
	check('edits of main.cf', main_text(), $smtp, one(
		[one('-X', '-#'), @wanted], ['-e', one(@names) . '=' .
		    one('', 'new', 'a  b', '$x')], [one(@names) . ' = 1'],
		['-e', 'relayhost=1', 'relayhost = 2', 'myhostname=q']));
}

# --- master.cf ---------------------------------------------------------------

sub arguments
{
	my @options = ('-o a=1', '-v', '-o { b = x y }', '-o{c=d}', '-oq=$a',
		'-D', '-o mynetworks=$a', '-o syslog_name=x/$service_name',
		'-o { relayhost = ${a?{b}} }', '-o own=q', '-o tail=t',
		'-o smtpd_restriction_classes=k1', '-o k1=permit');
	my @rest = ('flags=R', 'user=x', 'argv=/bin/y', '${sender}', '{a b}',
		'word', 'x' x 40, 'q{a b}');
	my @all = map { one(@options) } 1 .. rand(4);

	push(@all, 'first', map { one(@rest) } 1 .. rand(5)) if rand() < 0.4;
	return join one(' ', ' ', "\n  ", "\n# in\n  "), '', @all;
}

sub service
{
	my $name = one(qw(smtp foo bar relay 10.0.0.1:25 very-long-name-here));
	my $type = one(qw(inet unix unix pass fifo unix-dgram));

	return join(one(' ', "\t", '   '), $name, $type, one(qw(- y n)),
		one(qw(- y n)), one(qw(- y n)), one(qw(- 0 60 60?)),
		one(qw(- 0 1)), one(qw(smtp pipe smtpd local))) . arguments() .
	    one('', '', ' ') . "\n";
}

sub master_text
{
	return join '', map {
		rand() < 0.25 ? one("# comment\n", "\n", "#old inet - - x\n",
			"   # indented\n") : service()
	} 1 .. 2 + rand(6);
}

for (1 .. 90 * $scale) {
	check('master.cf', "${base}tail = \$own\nown = 5\n", master_text(),
		one([qw(-M)], [qw(-Mf)], [qw(-F)], [qw(-P)], [qw(-Mx)],
		    [qw(-Fx)], [qw(-Px)], [qw(-Fh)], [qw(-PH)],
		    [qw(-M foo smtp/inet)], [qw(-F */unix/command)],
		    [qw(-P */*/a foo)], [qw(-M nosuch bar/*)], [qw(-Pf smtp)],
		    [qw(-F foo/unix/chroot foo)], [qw(-n)], [qw(-Mf */inet)]));
}
for (1 .. 60 * $scale) {
	check('edits of services', $base, master_text(), one(
		[one('-MX', '-M#'), one('foo/unix', 'smtp/inet', '*/unix',
		    'nosuch/unix')],
		['-Me', 'foo/unix = foo unix - y n - 3' . ' smtp' . arguments()
		    =~ tr/\n#/  /r], ['-Me', 'a/inet=a inet - - - - - b',
		    'c/unix=c unix - - - - - d']));
}
for (1 .. 90 * $scale) {
	my $what = one('foo/unix', 'smtp/inet', '*/unix', '*/*', 'nosuch/unix');

	check('edits of fields', $base, master_text(), one(
		['-Fe', "$what/" . one(qw(chroot=y process_limit=5 wakeup=60?
		    private=n unprivileged=y service=new type=unix),
		    'command=smtp -o x=y first')],
		['-Pe', "$what/" . one(qw(a=9 new=1 syslog_name=), 'own = 1')],
		['-PX', "$what/" . one(qw(a b own nosuch))],
		['-Fe', "$what/chroot=y", "$what/chroot=n"],
		['-Pe', "$what/a=7", "foo/unix/c=8"]), edit => 1);
}

# --- odd files ----------------------------------------------------------------

my $spread = "$smtp" . "foo unix - n n - - x\n  -o a=1\n\n  -o b=2\n# c\n" .
    " \n  # d\n\t-o c=3\n# tail\nbar unix - n n 60? - x\n";

for my $arguments (['-M#', 'foo/unix'], ['-MX', 'foo/unix'], ['-M', 'foo'],
	['-M', 'fo*'], ['-M', '*/un*'], ['-M', 'foo//unix/'], ['-M', '/foo'],
	['-F', 'foo/unix/ch*'], ['-P', 'foo/unix/b*'], ['-P', 'foo/unix/b/'],
	['-Me', 'a/unix=b', 'b/unix/c=d'], ['-Me', "a/unix=b\nc"],
	['-Me', '#a/unix=b'], ['-Fe', 'nosuch/unix/type=bogus'],
	['-Fe', 'nosuch/unix/type='], ['-Fe', 'foo/unix/wakeup=?'],
	['-Fe', 'foo/unix/type=bogus', 'foo/unix/x=y'],
	['-Pe', 'foo/unix/b*=1'], ['-PX', 'foo/unix/*'], ['-M#', 'f*/unix'],
	['-Fe', 'bar/unix/chroot=y'], ['-Pe', 'foo//unix/b=3']) {
	check('odd files', $base, $spread, $arguments, edit =>
		scalar("@$arguments" =~ /^-[FP]e/));
}
for my $text ("a b = c\n", "own\n", "own=1\r\nq = 2\r\n", "q\r\n",
	"tail = \x0b x\n", "own = \xff\xc3\xa4\n") {
	check('odd files', $base . $text, $smtp, $_)
	    for ['-n'], ['-X', 'a'], ['-#', 'a b'], ['-X', ' own '],
	    ['-e', 'own=3'], ['-e', 'a=4'], ['-e', ' =x'];
}
for my $level ('', '3.6.', '3 6', '=', '$$3', '#$$${', '${x:3.6}', '3.x') {
	check('odd files', $base . "compatibility_level = $level\n", $smtp,
		$_) for ['-n'], ['relayhost'], ['-M'], ['-d', 'relayhost'];
}
# What the user made up may be wrong: nothing reads it.
check('odd files', $base . "own = $_\n", $smtp, ['-n'])
    for @broken, '{x $a', '{x}y', '${{a}==}', '${' . 'x' x 100;
check('odd files', $base . "virtual_alias_maps = $_\n", $smtp, ['-n'])
    for '{x $mydomain', '{x}y', 'hash:a {', '${{a}==}', '${' . 'x' x 100;

# --- mistakes ----------------------------------------------------------------

my @bad_main = ("a\n", "= b\n", "a b = c\n", "process_id = 4\n",
	"service_name = 4\n", "relayhost = \${x\n", "config_directory = /q\n",
	"virtual_alias_maps = pgsql:/nosuch/x\n");
my @bad_master = ("x\n", "s inet n - - -\n", "s bogus - - - - - x\n",
	" s inet - - - - - x\n", "s unix q - - - - x\n", "s unix - - - q - x\n",
	"s unix - - - - q x\n", "s unix - - - - - x -o\n",
	"s unix - - - - - x {-v}b\n", "s unix - - - - - x -o { e }\n",
	"s unix - - - - - x -o {=b}\n", "s unix - - - - - x -o { a = b\n",
	"s unix - - - - - x -o process_name=3\n", "s unix - - - - - x -o a=\${q\n");

for my $mode ([qw(-n)], [qw(-M)], [qw(-P)], [qw(-nx)], [qw(-Mx)]) {
	check('mistakes', " a = b\n$base", $smtp, $mode);
	check('mistakes', "$base$_", $smtp, $mode) for @bad_main;
	# There Postfix shows the text with its name.
	check('mistakes', $base, $_, $mode)
	    for grep { "@$mode" ne '-Mx' || !/\$/ } @bad_master;
}
waitpid($_, 0) for @running;
look_at_defaults();
summary('options');
summary('arguments');
summary('expansion');
summary('main.cf');
summary('edits of main.cf');
summary('master.cf');
summary('edits of services');
summary('edits of fields');
summary('odd files');
summary('mistakes');
done_testing();
