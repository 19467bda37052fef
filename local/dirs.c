/* Safe opening below folders of others: see dirs.h. */
#include "local/dirs.h"

#include "lib/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* PATH_ROOM: longest target of a link. */
enum { LINKS_MAX = 40, NAME_ROOM = NAME_MAX + 1, PATH_ROOM = 1400 };

static bool no_openat2;

void
dirs_forget_openat2(bool forget)
{
	no_openat2 = forget;
}

/* Close without losing why. */
static int
close_keep_errno(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

/* Cut the next component off; false at the end, and with ENAMETOOLONG in
 * *too_long if it is. */
static bool
next_component(const char **path, char name[static NAME_ROOM], bool *too_long)
{
	size_t len;

	*too_long = false;
	*path += strspn(*path, "/");
	len = strcspn(*path, "/");
	if (len == 0)
		return false;
	if (len >= NAME_ROOM) {
		*too_long = true;
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(name, *path, len);
	name[len] = '\0';
	*path += len;
	return true;
}

/* --- the path to a home or a base --- */

/*
 * A step of the walk: what is left goes behind the link's target.  False with
 * errno.
 */
static bool
follow_link(int dir, const char *name, uid_t uid, struct str *rest)
{
	char target[PATH_ROOM];
	struct str joined = STR_EMPTY;
	struct stat st;
	ssize_t n;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	errno = ELOOP;
	if (!S_ISLNK(st.st_mode) || (st.st_uid != 0 && st.st_uid != uid))
		return false;
	n = readlinkat(dir, name, target, sizeof(target));
	if (n < 0)
		return false;
	errno = ENAMETOOLONG;
	if (n == 0 || n == sizeof(target) || rest->len > PATH_ROOM)
		return false;
	str_add(&joined, view_make(target, (size_t)n));
	str_add_byte(&joined, '/');
	str_add(&joined, str_view(rest));
	str_clear(rest);
	*rest = joined;
	return true;
}

/* Open one component; 0 or more is the directory, -1 an error, -2 a link. */
static int
step_into(int dir, const char *name)
{
	int fd =
	    openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0)
		return fd;
	if (errno != ENOTDIR && errno != ELOOP)
		return -1;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return -2;
	errno = ENOTDIR;
	return -1;
}

static int
walk_base(const char *path, uid_t uid)
{
	char name[NAME_ROOM];
	struct str rest = STR_EMPTY;
	int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), links = 0;
	bool too_long = false;

	str_add_text(&rest, path);
	for (;;) {
		const char *at = rest.ptr;
		int next;

		if (dir < 0 || !next_component(&at, name, &too_long))
			break;
		str_drop_front(&rest, (size_t)(at - rest.ptr));
		next = step_into(dir, name);
		if (next == -2) {
			if (++links > LINKS_MAX ||
			    !follow_link(dir, name, uid, &rest)) {
				dir = close_keep_errno(dir);
				break;
			}
			if (rest.ptr[0] != '/')
				continue;
			next = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		}
		close_keep_errno(dir);
		dir = next;
	}
	if (dir >= 0 && too_long)
		dir = close_keep_errno(dir);
	str_clear(&rest);
	return dir;
}

static int
openat2_call(
    int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)flags,
		.mode = (flags & O_CREAT) != 0 ? mode : 0,
		.resolve = resolve };

	if (no_openat2) {
		errno = ENOSYS;
		return -1;
	}
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

int
dirs_open_base(const char *path, uid_t uid)
{
	int fd;

	errno = EINVAL;
	if (path[0] != '/')
		return -1;
	fd = openat2_call(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
	    RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (fd >= 0 || (errno != ELOOP && errno != ENOSYS && errno != EPERM))
		return fd;
	return walk_base(path, uid);
}

/* --- below it --- */

/* The last component stays in *path, without slashes behind it. */
static int
walk_parents(int dir, const char **path, char last[static NAME_ROOM])
{
	bool too_long, more = next_component(path, last, &too_long);
	char next[NAME_ROOM];
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -1;
	if (!more) {
		if (!too_long)
			errno = EINVAL;
		return close_keep_errno(fd);
	}
	while (
	    strcmp(last, "..") != 0 && next_component(path, next, &too_long)) {
		int below = openat(
		    fd, last, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		close_keep_errno(fd);
		fd = below;
		if (fd < 0)
			return -1;
		memcpy(last, next, NAME_ROOM);
	}
	if (strcmp(last, "..") == 0)
		errno = EXDEV;
	else if (!too_long)
		return fd;
	return close_keep_errno(fd);
}

static int
open_by_walk(int dir, const char *path, int flags, mode_t mode)
{
	char last[NAME_ROOM];
	int parent = walk_parents(dir, &path, last), fd;

	if (parent < 0)
		return -1;
	fd = openat(parent, last, flags, mode);
	close_keep_errno(parent);
	return fd;
}

int
dirs_open_beneath(int dir, const char *path, int flags, mode_t mode)
{
	int fd;

	flags |= O_NOFOLLOW | O_CLOEXEC;
	if ((flags & O_PATH) == 0)
		flags |= O_NONBLOCK | O_NOCTTY;
	fd = openat2_call(dir, path, flags, mode,
	    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	return open_by_walk(dir, path, flags, mode);
}

static int
make_one(int dir, const char *name)
{
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int
dirs_make_beneath(int dir, const char *path)
{
	char name[NAME_ROOM];
	bool too_long;
	int fd = dirs_open_beneath(dir, path, O_PATH | O_DIRECTORY, 0);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	while (fd >= 0 && next_component(&path, name, &too_long)) {
		int below;

		if (strcmp(name, "..") == 0) {
			errno = EXDEV;
			return close_keep_errno(fd);
		}
		below = make_one(fd, name);
		close_keep_errno(fd);
		fd = below;
	}
	return fd >= 0 && too_long ? close_keep_errno(fd) : fd;
}
