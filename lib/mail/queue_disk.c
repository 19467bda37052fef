/* Durable changes of the queue: see queue_disk.h. */
#include "lib/mail/queue_disk.h"

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Threads that ask at the same time get the same answer. */
enum { UNKNOWN, KEEPS_NAMES, LOSES_NAMES };
static atomic_int disk = UNKNOWN;

static bool
keeps_names(int fd)
{
	if (disk == UNKNOWN)
		disk = fs_keeps_names(fd) ? KEEPS_NAMES : LOSES_NAMES;
	return disk == KEEPS_NAMES;
}

static bool
queue_keeps_names(void)
{
	int fd;

	if (disk != UNKNOWN)
		return disk == KEEPS_NAMES;
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	keeps_names(fd);
	close(fd);
	return disk == KEEPS_NAMES;
}

void
queue_disk_learn(void)
{
	queue_keeps_names();
}

struct err
queue_sync(int fd, const char *queue)
{
	if (fsync(fd) < 0)
		return err_sys(ERR_TEMP, "sync queue file");
	return keeps_names(fd) ? ERR_OK : fs_sync_directory(queue);
}

bool
queue_syncs_together(void)
{
	return queue_keeps_names();
}

struct err
queue_start_sync(int fd)
{
	/* Some file systems do not know it; then the sync does all. */
	if (sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) == 0 ||
	    errno == ENOSYS || errno == EINVAL)
		return ERR_OK;
	return err_sys(ERR_TEMP, "start to sync queue file");
}

static bool
is_same_file(const char *path, const struct stat *other)
{
	struct stat st;

	return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == other->st_dev && st.st_ino == other->st_ino;
}

static bool
are_same_file(const char *a, const char *b)
{
	struct stat st;

	return fstatat(AT_FDCWD, a, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    is_same_file(b, &st);
}

/* -1 with errno. */
static int
sync_folder_of(const char *path)
{
	char folder[QUEUE_PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return err_is(fs_sync_directory(folder)) ? -1 : 0;
}

void
queue_sync_name(const char *path)
{
	if (!queue_keeps_names())
		(void)sync_folder_of(path);
}

static int
move_by_link(const char *from, const char *to)
{
	int why;

	if (linkat(AT_FDCWD, from, AT_FDCWD, to, 0) < 0 &&
	    !(errno == EEXIST && are_same_file(from, to))) {
		/* What has no links, or is not ours to link. */
		if (errno == ENOENT || errno == EEXIST)
			return -1;
		return renameat2(
		    AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
	}
	if (sync_folder_of(to) < 0) {
		why = errno;
		unlink(to);
		errno = why;
		return -1;
	}
	return unlink(from);
}

int
queue_move(const char *from, const char *to)
{
	if (queue_keeps_names())
		return renameat2(
		    AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
	return move_by_link(from, to);
}

void
queue_drop_other_names(const char *queue, struct view id, int fd)
{
	static const char *const queues[] = { "active", "incoming", "deferred",
		"hold", "maildrop" };
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_nlink < 2)
		return;
	for (size_t i = 0; i < ARRAY_LEN(queues); i++) {
		struct queue_path path = queue_path_of(queues[i], id);

		if (strcmp(queues[i], queue) != 0 &&
		    is_same_file(path.text, &st))
			unlink(path.text);
	}
}

int
queue_make_folder(struct view id)
{
	char folder[] = "deferred/?";

	folder[sizeof(folder) - 2] = queue_id_hash(id);
	if (mkdir(folder, 0700) < 0)
		return errno == EEXIST ? 0 : -1;
	queue_sync_name(folder);
	return 1;
}
