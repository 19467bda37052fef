/* What file systems keep: see fs.h. */
#include "lib/base/fs.h"

#include "lib/base/mem.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* How sysfs calls the device; false if it does not know. */
static bool
name_device(dev_t dev, char *name, size_t size)
{
	char path[64], target[1024];
	const char *last;
	ssize_t n;

	snprintf(
	    path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last != NULL ? last + 1 : target;
	return snprintf(name, size, "%s", last) < (int)size;
}

/* The kernel names the process that writes the journal, or says "<none>".
 * ext2 and ext3 have the same magic number, and no such file unless it is
 * ext4's code that runs them. */
static bool
has_journal(int fd)
{
	char name[NAME_MAX + 1], path[NAME_MAX + 64], text[16];
	struct stat st;
	ssize_t n;
	int file;

	if (fstat(fd, &st) < 0 || !name_device(st.st_dev, name, sizeof(name)))
		return false;
	snprintf(path, sizeof(path), "/sys/fs/ext4/%s/journal_task", name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	n = read(file, text, sizeof(text));
	close(file);
	return n > 0 && text[0] >= '0' && text[0] <= '9';
}

bool
fs_keeps_order(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	return fs.f_type == XFS_SUPER_MAGIC ||
	    (fs.f_type == EXT4_SUPER_MAGIC && has_journal(fd));
}

bool
fs_keeps_names(int fd)
{
	struct statfs fs;

	return fs_keeps_order(fd) ||
	    (fstatfs(fd, &fs) == 0 && fs.f_type == BTRFS_SUPER_MAGIC);
}

struct err
fs_sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_OK;

	if (fd < 0)
		return err_sys(ERR_TEMP, "open %s", path);
	if (fsync(fd) < 0)
		e = err_sys(ERR_TEMP, "sync %s", path);
	close(fd);
	return e;
}

struct err
fs_sync_parent(const char *path)
{
	char *copy = xstrdup(path);
	struct err e = fs_sync_directory(dirname(copy));

	free(copy);
	return e;
}
