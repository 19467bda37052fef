/* What file systems keep, compared with what the kernel says elsewhere. */
#include "lib/base/fs.h"

#include "lib/base/unit.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* From /proc/self/mountinfo (proc(5)): type and source of what stands on this
 * device.  False if it is not there, as with btrfs. */
static bool
find_mount(dev_t dev, char type[64], char source[256])
{
	FILE *in = fopen("/proc/self/mountinfo", "r");
	static char line[4096];
	bool found = false;

	while (in != NULL && !found && fgets(line, sizeof(line), in) != NULL) {
		const char *rest = strstr(line, " - ");
		unsigned a, b;

		found = rest != NULL &&
		    sscanf(line, "%*d %*d %u:%u", &a, &b) == 2 &&
		    makedev(a, b) == dev &&
		    sscanf(rest, " - %63s %255s", type, source) == 2;
	}
	if (in != NULL)
		fclose(in);
	return found;
}

/* jbd2 lists the journals that it runs. */
static bool
is_journaled(const char *source)
{
	const char *slash = strrchr(source, '/');
	char pattern[300];
	glob_t found = { 0 };
	bool yes;

	snprintf(pattern, sizeof(pattern), "/proc/fs/jbd2/%s-*",
	    slash != NULL ? slash + 1 : source);
	yes = glob(pattern, 0, NULL, &found) == 0;
	globfree(&found);
	return yes;
}

static const char *const folders[] = { "/", "/tmp", ".", "/dev/shm", "/proc",
	"/boot", "/home", "/var" };

START_TEST(an_order_is_kept_where_there_is_a_journal)
{
	int fd = open(folders[_i], O_RDONLY | O_DIRECTORY);
	char type[64], source[256];
	struct stat st;
	bool journal;

	if (fd < 0)
		return;
	ck_assert_int_eq(fstat(fd, &st), 0);
	if (find_mount(st.st_dev, type, source)) {
		journal = strcmp(type, "xfs") == 0 ||
		    ((strcmp(type, "ext4") == 0 || strcmp(type, "ext3") == 0) &&
			is_journaled(source));
		ck_assert_msg(
		    fs_keeps_order(fd) == journal, "%s: %s", folders[_i], type);
		ck_assert_msg(fs_keeps_names(fd) ==
			(journal || strcmp(type, "btrfs") == 0),
		    "%s: %s", folders[_i], type);
	}
	close(fd);
}
END_TEST

START_TEST(what_is_no_directory_is_not_synced)
{
	ck_assert(!err_is(fs_sync_directory("/tmp")));
	ck_assert_int_eq(fs_sync_directory("/etc/passwd").kind, ERR_TEMP);
	ck_assert_int_eq(fs_sync_directory("/nowhere").kind, ERR_TEMP);
	ck_assert(!err_is(fs_sync_parent("/tmp/nothing")));
	ck_assert(!err_is(fs_sync_parent("here")));
	ck_assert_int_eq(fs_sync_parent("/nowhere/x").kind, ERR_TEMP);
}
END_TEST

UNIT_MAIN("fs",
    { an_order_is_kept_where_there_is_a_journal,
	sizeof(folders) / sizeof(folders[0]) },
    { what_is_no_directory_is_not_synced, 1 })
