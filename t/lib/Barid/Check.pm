# Configurations that barid check is to look at: one folder with a main.cf and a
# master.cf that are right, and what a case adds to them.
package Barid::Check;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More ();

use Barid::Test;

our @EXPORT = qw($barid $base $etc $line $services $top configure expect_each);

our $top = tempdir(CLEANUP => 1);
our $etc = "$top/etc";
our $barid = installed('sbin/barid');

our $base = <<"END";
compatibility_level = 3.6
myhostname = mx.example.test
mydomain = example.test
inet_interfaces = 127.0.0.1
queue_directory = $top/spool
data_directory = $top/data
alias_maps =
END
our $services = "smtp inet n - n - - smtpd\n";
our $line = 1 + ($base =~ tr/\n//); # of main.cf, where a case begins

# Daemons' users look into it.
chmod(0755, $top);

# Write both files, and others by name; ETC in all of them is the folder.
sub configure
{
	my ($main, $master, %files) = @_;

	%files = (%files, 'main.cf' => $base . ($main // ''),
		'master.cf' => $services . ($master // ''));
	for my $name (keys %files) {
		make_path("$etc/$name" =~ s{/[^/]*$}{}r);
		write_file("$etc/$name", $files{$name} =~ s/\bETC\b/$etc/gr);
		chmod(0644, "$etc/$name");
	}
}

# Each finding is expected, each that is expected is there.
sub expect_each
{
	my ($name, $found, @expected) = @_;
	my @left = @$found;

	for my $expected (@expected) {
		my ($at) = grep { $left[$_] =~ $expected } 0 .. $#left;

		Test::More::ok(defined $at, "$name: $expected")
		    or Test::More::diag(join("\n", @left));
		splice(@left, $at, 1) if defined $at;
	}
	Test::More::is(join("\n", @left), '', "$name: and nothing else");
}

1;
