# Databases for tests, each in a folder of its own, as a user without rights:
#
#	my $db = start_postgresql(SQL) or skip(...);
#	$db->{port}, $db->{socket}, $db->{folder}
#
# Each returns undef, with a note that says why, where the software is not to be
# had.  They end with the test at the latest.
package Barid::Databases;

use strict;
use warnings;

use Exporter 'import';
use File::Temp qw(tempdir);
use Test::More ();

use Barid::Test;

our @EXPORT = qw(as_nobody database_folder make_certificates start_mariadb start_memcached
    start_postgresql start_redis start_slapd);

# The folder that ./dev unpacks a package into; a copy of it where somebody
# without rights gets no further than our home.
my %copies;

sub unpacked
{
	my ($package) = @_;
	my $path = Barid::Test::top_folder() . "/build/peers/$package";

	return $path if !-d $path || may_be_reached($path);
	if (!$copies{$package}) {
		my $folder = tempdir('barid-peer-XXXXXX', TMPDIR => 1,
			CLEANUP => 1);

		chmod(0755, $folder);
		system('cp', '-R', $path, "$folder/peer") == 0
		    or die "cannot copy $path\n";
		$copies{$package} = "$folder/peer";
	}
	return $copies{$package};
}

sub may_be_reached
{
	my ($path) = @_;

	return system(as_nobody('test', '-x', "$path/usr")) == 0;
}

# A command line that runs as somebody without rights, if we are root.
sub as_nobody
{
	return @_ if $> != 0;
	return ('setpriv', '--reuid=nobody', '--regid=nogroup',
		'--clear-groups', '--', @_);
}

sub database_folder
{
	my $folder = tempdir('barid-db-XXXXXX', TMPDIR => 1, CLEANUP => 1);

	chmod(0755, $folder);
	chown((getpwnam('nobody'))[2, 3], $folder) if $> == 0;
	return $folder;
}

# The first of these that is there.
sub first_program
{
	my ($what, @paths) = @_;

	for my $path (@paths) {
		return $path if -x $path;
	}
	Test::More::note("skipped: there is no $what on this machine");
	return undef;
}

sub must
{
	my $ran = run_command({ timeout => 60, @{ shift() } }, as_nobody(@_));

	die "@_: $ran->{err}$ran->{out}\n" if $ran->{exit} || $ran->{signal};
	return $ran;
}

# Databases sync what they write, and nobody here needs that.
my $pg_settings = <<'END';
fsync = off
full_page_writes = off
synchronous_commit = off
max_connections = 60
shared_buffers = 4MB
logging_collector = off
jit = off
END

# %settings: lines of postgresql.conf, and hba => TEXT.
sub start_postgresql
{
	my ($sql, %options) = @_;
	my $initdb = first_program('PostgreSQL',
		unpacked('postgresql-15') . '/usr/lib/postgresql/15/bin/initdb',
		'/usr/lib/postgresql/15/bin/initdb') or return undef;
	my $bin = $initdb =~ s{/initdb$}{}r;
	my $folder = database_folder();
	my $data = "$folder/data";
	my $port = free_port();

	must([], $initdb, '-N', '-D', $data, '-U', 'admin', '-A', 'trust',
		'--locale=C', '-E', 'UTF8');
	append_file("$data/postgresql.conf", $pg_settings .
		"port = $port\nunix_socket_directories = '$folder'\n" .
		"listen_addresses = '127.0.0.1'\n" .
		($options{settings} // ''));
	write_file("$data/pg_hba.conf", $options{hba} //
		"local all admin trust\nlocal all all scram-sha-256\n" .
		"host all all 127.0.0.1/32 scram-sha-256\n");
	# One statement a line: that is what a server of one user reads.
	$sql =~ s/\s*\n\s+/ /g;
	must([ stdin => $sql ], "$bin/postgres", '--single', '-D', $data,
		'postgres');
	my %db = (port => $port, socket => "$folder/.s.PGSQL.$port",
		folder => $folder, bin => $bin, data => $data);
	$db{start} = sub {
		$db{pid} = start_peer({ port => $port, seconds => 60,
			out => "$folder/log" },
			as_nobody("$bin/postgres", '-D', $data));
	};
	$db{start}->();
	return \%db;
}

sub start_mariadb
{
	my ($sql, @more) = @_;
	my $server = first_program('MariaDB', '/usr/sbin/mariadbd')
	    or return undef;
	my $folder = database_folder();
	my $port = free_port();
	my @common = ($server, '--no-defaults', "--datadir=$folder/data",
		"--tmpdir=$folder", '--innodb-flush-log-at-trx-commit=0',
		'--innodb-buffer-pool-size=8M', '--innodb-log-file-size=4M',
		'--skip-log-bin', '--lc-messages-dir=/usr/share/mysql');
	my $share = '/usr/share/mysql';

	must([], 'mkdir', "$folder/data");
	my $text = "CREATE DATABASE mysql;\nUSE mysql;\n";
	$text .= read_file("$share/$_") // '' for
	    qw(mysql_system_tables.sql mysql_system_tables_data.sql);
	must([ stdin => "$text\nFLUSH PRIVILEGES;\n$sql" ], @common,
		'--bootstrap');
	my %db = (port => $port, socket => "$folder/sock", folder => $folder);
	$db{start} = sub {
		$db{pid} = start_peer({ port => $port, seconds => 60,
			out => "$folder/log" },
			as_nobody(@common, "--port=$port",
				'--bind-address=127.0.0.1',
				"--socket=$folder/sock",
				"--pid-file=$folder/pid", @more));
	};
	$db{start}->();
	return \%db;
}

# A certificate for this name ("DNS:x", "IP:1.2.3.4"), as files in a folder that
# everybody may read: an authority of its own, ca.pem; NAME.pem and NAME.key.
# %names: NAME => [ SAN, days ]; with days below 0 it has ended.
sub make_certificates
{
	my ($folder, %names) = @_;
	my @key = ('-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:prime256v1', '-nodes');
	my $do = sub {
		my $ran = run_command({ timeout => 60 }, 'openssl', @_);

		die "openssl @_: $ran->{err}\n" if $ran->{exit};
	};

	$do->('req', '-x509', @key, '-keyout', "$folder/ca.key", '-out',
		"$folder/ca.pem", '-days', 30, '-subj', '/CN=test authority',
		'-addext', 'basicConstraints=critical,CA:TRUE')
	    unless -e "$folder/ca.pem";
	for my $name (sort keys %names) {
		my ($san, $days) = @{ $names{$name} };

		write_file("$folder/ext", "subjectAltName=$san\n");
		$do->('req', '-new', @key, '-keyout', "$folder/$name.key",
			'-out', "$folder/csr", '-subj', "/CN=$name");
		$do->('x509', '-req', '-in', "$folder/csr", '-CA',
			"$folder/ca.pem", '-CAkey', "$folder/ca.key",
			'-CAcreateserial', '-out', "$folder/$name.pem",
			'-extfile', "$folder/ext", '-days', $days);
	}
	chmod(0644, glob("$folder/*.pem"), glob("$folder/*.key"));
	return $folder;
}

# Commands are lines of words for redis-cli.
sub start_redis
{
	my ($commands, @more) = @_;
	# The same program has the name of a server in another package.
	my $server = first_program('Redis', '/usr/bin/redis-check-rdb')
	    or return undef;
	my $folder = database_folder();
	my $port = free_port();
	my %db = (port => $port, socket => "$folder/sock", folder => $folder);

	$db{start} = sub {
		$db{pid} = start_peer({ port => $port, seconds => 60 },
			as_nobody(as_program($server, 'redis-server'),
				'--port', $port, '--bind', '127.0.0.1',
				'--unixsocket', "$folder/sock",
				'--unixsocketperm', '777', '--save', '',
				'--appendonly', 'no', '--dir', $folder,
				@more));
	};
	$db{start}->();
	$db{tell} = sub {
		return run_command({ stdin => $_[0] }, 'redis-cli', '-p',
			$port)->{out};
	};
	$db{tell}->($commands) if $commands ne '';
	return \%db;
}

sub start_memcached
{
	my $server = first_program('memcached',
		unpacked('memcached') . '/usr/bin/memcached',
		'/usr/bin/memcached') or return undef;
	my $port = free_port();
	my %db = (port => $port);

	$db{start} = sub {
		$db{pid} = start_peer({ port => $port, seconds => 60 },
			as_nobody($server, '-l', '127.0.0.1', '-p', $port,
				'-U', 0, '-m', 8));
	};
	$db{start}->();
	return \%db;
}

# An LDIF below dc=example,dc=test; $more goes into slapd.conf before the
# database.
sub start_slapd
{
	my ($ldif, $more) = @_;
	my $root = unpacked('slapd');

	$root = '' unless -x "$root/usr/sbin/slapd";
	my $server = first_program('slapd', "$root/usr/sbin/slapd")
	    or return undef;
	my $folder = database_folder();
	my $port = free_port();
	my $schema = "$root/etc/ldap/schema";
	my @env = ('env', "LD_LIBRARY_PATH=" .
	    (glob("$root/usr/lib/*-linux-gnu"))[0]);

	write_file("$folder/slapd.conf", <<"END");
include $schema/core.schema
include $schema/cosine.schema
include $schema/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.99999.1 NAME 'maildrop'
	EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
attributetype ( 1.3.6.1.4.1.99999.2 NAME 'memberUrl'
	SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
objectclass ( 1.3.6.1.4.1.99999.3 NAME 'mailThing' AUXILIARY
	MAY ( maildrop \$ memberUrl \$ mail \$ member ) )
pidfile $folder/pid
modulepath $root/usr/lib/ldap
moduleload back_mdb.la
@{[$more // '']}
database mdb
maxsize 10485760
suffix dc=example,dc=test
rootdn cn=admin,dc=example,dc=test
rootpw secret
directory $folder
dbnosync
END
	chown((getpwnam('nobody'))[2, 3], "$folder/slapd.conf") if $> == 0;
	must([ stdin => $ldif ], @env, as_program("$root/usr/sbin/slapd", 'slapadd'),
		'-f', "$folder/slapd.conf", '-q');
	my %db = (port => $port, folder => $folder);
	$db{start} = sub {
		$db{pid} = start_peer({ port => $port, seconds => 60,
			out => "$folder/log" },
			as_nobody(@env, $server, '-f', "$folder/slapd.conf", '-h',
				"ldap://127.0.0.1:$port ldapi://" .
				    ("$folder/ldapi" =~ s{/}{%2F}gr),
				'-d', 0));
	};
	$db{start}->();
	return \%db;
}

# slapd is slapadd too, by the name that it is started with.
sub as_program
{
	my ($path, $name) = @_;

	return ('bash', '-c', "exec -a $name \"\$0\" \"\$@\"", $path);
}

1;
