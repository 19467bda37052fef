# Other people's mail servers, run from where ./dev unpacked their packages
# (build/peers), each in a folder of the test's own: Dovecot's LMTP server and
# Postfix.  Every function returns undef, with a note that says why, if its
# peer cannot be had.
package Barid::Peers;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Socket::IP;
use Test::More ();

use Barid::Test;

our @EXPORT = qw(
	is_foreign_setgid new_postfix postfix_command run_postfix sink source
	start_dovecot start_postfix
);

sub unpacked
{
	my ($package) = @_;
	my $dir = top_folder() . "/build/peers/$package";

	return $dir if -e "$dir/.unpacked";
	Test::More::note("skipped: Debian's $package is not in build/peers");
	return undef;
}

# How to run one of Debian's Postfix's commands that reads no configuration but
# what it is told to: (PATH, LIBRARIES); LD_LIBRARY_PATH must be LIBRARIES.
# The empty list if it is not there.
sub postfix_command
{
	my ($name) = @_;
	my $tree = unpacked('postfix') or return;

	return ("$tree/usr/sbin/$name", "$tree/usr/lib/postfix");
}

# A set-gid program that root installed takes no ordinary user's configuration,
# and must not: is this one, and are we one?
sub is_foreign_setgid
{
	my ($path) = @_;

	return $> != 0 && -e $path && ((stat _)[2] & 02000) != 0 &&
	    (stat _)[4] != $>;
}

# --- Postfix's load generator and its sink ---------------------------------------

# Run smtp-source with these arguments against PORT; the result of run_command.
sub source
{
	my ($port, @arguments) = @_;
	my $program = have_peer('smtp-source') or return undef;

	return run_command({ timeout => 60 }, $program, @arguments,
		"127.0.0.1:$port");
}

# Start smtp-sink: sink(PORT, ARGUMENT...).  With ip => ADDRESS first, on that
# address of loopback.  Returns the pid.
sub sink
{
	my %options = ref $_[0] ? %{ shift() } : ();
	my ($port, @arguments) = @_;
	my $program = have_peer('smtp-sink') or return undef;
	my $ip = $options{ip} // '127.0.0.1';

	# It gives up root's identity for one that may write to the test's own
	# folder.
	unshift(@arguments, '-u', 'nobody') if $> == 0;
	my $pid = start_peer({ out => $options{out} // '/dev/null' },
		$program, @arguments, "$ip:$port", 100);
	my $up = wait_until(10, sub {
		return -1 if !kill(0, $pid);
		IO::Socket::IP->new(PeerHost => $ip =~ tr/[]//dr,
			PeerPort => $port, Timeout => 1) ? 1 : 0;
	});
	die "smtp-sink did not start\n" if $up != 1;
	return $pid;
}

# --- Dovecot ------------------------------------------------------------------------

# The programs find their modules by a path that is built into them: copies of
# those that matter, with another path of at most the same length.
my $dovecot_modules = '/usr/lib/dovecot/modules';

sub copy_dovecot
{
	my ($dir, $core, $lmtp) = @_;

	length("$dir/m") <= length($dovecot_modules) or die "$dir: too long\n";
	mkdir("$dir/lib") or die "mkdir $dir/lib: $!\n";
	symlink("$core/usr/lib/dovecot/modules", "$dir/m") or die "$!\n";
	for my $path (glob("$core/usr/lib/dovecot/*"),
		"$lmtp/usr/lib/dovecot/lmtp") {
		my $name = $path =~ s{.*/}{}r;

		if ($name !~ /^(libdovecot(-storage)?\.so\.0|lmtp|auth|config)$/) {
			symlink($path, "$dir/lib/$name") or die "$!\n";
			next;
		}
		my $bytes = read_file($path);
		$bytes =~ s{\Q$dovecot_modules\E\0}
		    {pack('a25', "$dir/m")}ge;
		write_file("$dir/lib/$name", $bytes);
		chmod(0755, "$dir/lib/$name");
	}
}

# Start Dovecot with nothing but LMTP, on {port} and on the socket {socket},
# with these users: start_dovecot('user@dove.test', ...).  {dir}/mail/USER is
# the maildir of each (the whole address); {log} its log.
sub start_dovecot
{
	my @users = @_;
	my $core = unpacked('dovecot-core') or return undef;
	my $lmtp = unpacked('dovecot-lmtpd') or return undef;
	my $dir = tempdir('/tmp/dc.XXXXXX', CLEANUP => 1);
	my ($user, $login) = $> == 0 ? ('mail', 'nobody') :
	    (scalar getpwuid($>)) x 2;
	my $group = getgrgid((getpwnam($user))[3]);
	my ($uid, $gid) = (getpwnam($user))[2, 3];
	my $self = { dir => $dir, port => free_port(), socket => "$dir/s",
		log => "$dir/log" };

	chmod(0755, $dir);
	mkdir("$dir/$_") or die "mkdir $_: $!\n" for qw(mail run);
	chown($uid, $gid, "$dir/mail") if $> == 0;
	copy_dovecot($dir, $core, $lmtp);
	write_file("$dir/users",
		join '', map { "$_\::$uid:$gid\::$dir/mail/$_\::\n" } @users);
	my $libraries = "$dir/lib:$dir/lib/old-stats:$dir/m/old-stats";
	my $no_chroot = join '', map { "service $_ {\n  chroot =\n}\n" }
	    qw(anvil stats);
	write_file("$dir/conf", <<"END");
base_dir = $dir/run
state_dir = $dir/run
libexec_dir = $dir/lib
mail_plugin_dir = $dir/m
log_path = $dir/log
import_environment = LD_LIBRARY_PATH=$libraries
protocols = lmtp
listen = 127.0.0.1
ssl = no
default_internal_user = $user
default_internal_group = $group
default_login_user = $login
first_valid_uid = 1
mail_location = maildir:%h
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = passwd-file
  args = $dir/users
}
${no_chroot}service lmtp {
  chroot =
  unix_listener $dir/s {
    mode = 0666
  }
  inet_listener lmtp {
    address = 127.0.0.1
    port = $self->{port}
  }
}
END
	local $ENV{LD_LIBRARY_PATH} = $libraries;
	# Not "dovecot" alone: it would look for doveconf in /usr/bin.
	my $pid = eval {
		start_peer({ port => $self->{port}, out => "$dir/out" },
			"$core/usr/bin/doveconf", '-c', "$dir/conf",
			'-f', 'service=master',
			'-e', "$core/usr/sbin/dovecot", '-F', '-c',
			"$dir/conf");
	};
	if (!$pid) {
		Test::More::diag((read_file("$dir/out") // '') .
		    (read_file("$dir/log") // ''));
		die "dovecot: $@";
	}
	$self->{pid} = $pid;
	return $self;
}

# --- Postfix ------------------------------------------------------------------------

# Accounts that every Debian has and that run nothing here: Postfix insists on
# a user and a group that are nobody else's.
my ($postfix_owner, $postfix_group) = ('uucp', 'news');

my @postfix_services = (
	'pickup unix n - n 60 1 pickup',
	'cleanup unix n - n - 0 cleanup',
	'qmgr unix n - n 300 1 qmgr',
	'rewrite unix - - n - - trivial-rewrite',
	'bounce unix - - n - 0 bounce',
	'defer unix - - n - 0 bounce',
	'trace unix - - n - 0 bounce',
	'smtp unix - - n - - smtp',
	'relay unix - - n - - smtp',
	'proxymap unix - - n - - proxymap',
	'showq unix n - n - - showq',
	'error unix - - n - - error',
	'retry unix - - n - - error',
	'discard unix - - n - - discard',
	'virtual unix - n n - - virtual',
	'anvil unix - - n - 1 anvil',
	'postlog unix-dgram n - n - 1 postlogd',
);

sub postfix_folders
{
	my ($dir) = @_;
	my ($uid, $gid) = (getpwnam($postfix_owner))[2, 3];
	my $drop = getgrnam($postfix_group);

	chmod(0755, $dir);
	mkdir("$dir/$_", 0755) or die "mkdir $_: $!\n"
	    for qw(etc data mail spool spool/pid);
	chown($uid, -1, "$dir/data");
	chown(65534, 65534, "$dir/mail");
	for my $name (qw(active bounce corrupt defer deferred flush hold
		incoming private saved trace)) {
		mkdir("$dir/spool/$name", 0700) or die "mkdir $name: $!\n";
		chown($uid, -1, "$dir/spool/$name");
	}
	for my $name (qw(maildrop public)) {
		mkdir("$dir/spool/$name") or die "mkdir $name: $!\n";
		chown($uid, $drop, "$dir/spool/$name");
		chmod($name eq 'maildrop' ? 0730 : 0710, "$dir/spool/$name");
	}
}

# The line of dynamicmaps.cf for a table type that is a package of its own; ''
# if it was not unpacked.
sub postfix_module
{
	my ($type) = @_;
	my $tree = unpacked("postfix-$type") or return '';
	my $make = $type =~ /^(cdb|lmdb)$/ ? " mkmap_${type}_open" : '';

	return "$type $tree/usr/lib/postfix/postfix-$type.so " .
	    "dict_${type}_open$make\n";
}

# Debian's Postfix, for one instance that listens on PORT: its folders and what of
# main.cf says where it lives, in {own}.  {dir}, {tree}, {log}, {mail}, {env} and
# the commands {sendmail} and {postqueue}.  undef if there is none, or not as
# root, which its master insists on.
sub new_postfix
{
	my ($port) = @_;
	my $tree = unpacked('postfix') or return undef;

	if ($> != 0) {
		Test::More::note('skipped: Postfix only starts as root');
		return undef;
	}
	my $dir = tempdir('/tmp/pf.XXXXXX', CLEANUP => 1);
	my $library = "$tree/usr/lib/postfix";

	postfix_folders($dir);
	write_file("$dir/etc/dynamicmaps.cf", join '', map { postfix_module($_) }
		qw(cdb ldap lmdb mysql pcre pgsql sqlite));
	return {
		dir => $dir, tree => $tree, port => $port, log => "$dir/log",
		mail => "$dir/mail", env => { LD_LIBRARY_PATH => $library },
		sendmail => [ "$tree/usr/sbin/sendmail", '-C', "$dir/etc" ],
		postqueue => [ "$tree/usr/sbin/postqueue", '-c', "$dir/etc" ],
		own => {
			queue_directory => "$dir/spool",
			data_directory => "$dir/data",
			maillog_file => "$dir/log", maillog_file_prefixes => '/',
			command_directory => "$tree/usr/sbin",
			daemon_directory => "$library/sbin",
			shlib_directory => $library,
			meta_directory => "$dir/etc",
			mail_owner => $postfix_owner,
			setgid_group => $postfix_group,
			import_environment => 'MAIL_CONFIG MAIL_LOGTAG ' .
			    "LD_LIBRARY_PATH=$library",
		},
	};
}

# Start it, with what was written to {dir}/etc.  Sets {pid}.
sub run_postfix
{
	my ($self) = @_;
	my $dir = $self->{dir};
	local $ENV{LD_LIBRARY_PATH} = $self->{env}{LD_LIBRARY_PATH};

	$self->{pid} = eval {
		start_peer({ port => $self->{port}, out => "$dir/out" },
			"$self->{own}{daemon_directory}/master", '-c',
			"$dir/etc", '-d');
	};
	return $self if $self->{pid};
	Test::More::diag((read_file("$dir/out") // '') .
	    (read_file($self->{log}) // ''));
	die "postfix: $@";
}

# Start Debian's Postfix: start_postfix({parameter => value}) returns what
# new_postfix does; it listens on {port} and has virtual mailboxes in {mail}.
# More arguments are lines of master.cf.
sub start_postfix
{
	my ($main, @services) = @_;
	my $self = new_postfix(free_port()) or return undef;
	my %main = (
		%{ $self->{own} }, compatibility_level => '3.6',
		inet_interfaces => '127.0.0.1', inet_protocols => 'ipv4',
		myhostname => 'postfix.test', mydestination => '',
		mynetworks => '127.0.0.0/8', alias_maps => '', biff => 'no',
		append_dot_mydomain => 'no', smtpd_peername_lookup => 'no',
		smtp_tls_security_level => 'none', smtputf8_enable => 'yes',
		smtpd_tls_security_level => 'none',
		virtual_mailbox_base => $self->{mail},
		virtual_mailbox_domains => 'postfix.test',
		virtual_mailbox_maps =>
		    'inline:{ user@postfix.test=user/ }',
		virtual_uid_maps => 'static:65534',
		virtual_gid_maps => 'static:65534',
		%{ $main || {} });

	write_file("$self->{dir}/etc/main.cf",
		join '', map { "$_ = $main{$_}\n" } sort keys %main);
	write_file("$self->{dir}/etc/master.cf", join "\n",
		"127.0.0.1:$self->{port} inet n - n - - smtpd",
		@postfix_services, @services, '');
	return run_postfix($self);
}

1;
