/*
 * Delivery to a mailbox file: locked as the site says, appended, synced, and
 * cut back to what it was if that fails.
 */
#include "lib/base/clock.h"
#include "lib/base/htable.h"
#include "lib/base/testpoint.h"
#include "lib/mail/mbox.h"
#include "local/child.h"
#include "local/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WHERE "cannot update mailbox %s/%s"

struct box {
	struct child *child;
	const struct child_job *job;
	int base, fd;
	char lock[WIRE_PATH_MAX + 8]; /* our lock file, below base; or "" */
};

static void
sleep_s(int64_t seconds)
{
	struct timespec t = { .tv_sec = seconds };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* --- the file --- */

/* Only a plain file of the recipient's, with no other name, is written to. */
static bool
box_is_good(struct box *b, struct child_answer *a)
{
	const struct child_job *job = b->job;
	struct stat st;

	if (fstat(b->fd, &st) < 0)
		child_answer_errno(a, "4.2.0", WHERE, job->base, job->path);
	else if (!S_ISREG(st.st_mode))
		child_answer_set(a, CHILD_PERM, "5.2.0",
		    WHERE ": destination is not a regular file", job->base,
		    job->path);
	else if (st.st_nlink > 1)
		child_answer_set(a, CHILD_PERM, "5.2.0",
		    WHERE ": file has %ju links", job->base, job->path,
		    (uintmax_t)st.st_nlink);
	else if (st.st_nlink == 0)
		child_answer_set(a, CHILD_TEMP, "4.2.0",
		    WHERE ": file was removed", job->base, job->path);
	else if (b->child->site->strict_ownership && st.st_uid != b->child->uid)
		child_answer_set(a, CHILD_TEMP, "4.2.0",
		    WHERE ": destination is not owned by recipient", job->base,
		    job->path);
	else
		return true;
	return false;
}

static int
create_box(struct box *b)
{
	const char *path = b->job->path, *slash = strrchr(path, '/');

	if (slash != NULL) {
		char parent[WIRE_PATH_MAX];
		int dir;

		memcpy(parent, path, (size_t)(slash - path));
		parent[slash - path] = '\0';
		dir = dirs_make_beneath(b->base, parent);
		if (dir < 0)
			return -1;
		close(dir);
	}
	return dirs_open_beneath(
	    b->base, path, O_RDWR | O_APPEND | O_CREAT | O_EXCL, 0600);
}

static bool
open_box(struct box *b, int made, struct child_answer *a)
{
	const struct child_job *job = b->job;

	if (made >= 0) {
		b->fd = fcntl(made, F_DUPFD_CLOEXEC, 3);
	} else {
		b->fd =
		    dirs_open_beneath(b->base, job->path, O_RDWR | O_APPEND, 0);
		/* The monitor makes it, and may be about to make it ours:
		 * asked for it, it is past that when it answers. */
		if (b->fd < 0 && (errno == ENOENT || errno == EACCES) &&
		    (job->flags & CHILD_IN_SPOOL) != 0) {
			child_answer_set(a, CHILD_NEEDS_MBOX, "4.2.0",
			    WHERE ": %s", job->base, job->path,
			    strerror(errno));
			return false;
		}
		if (b->fd < 0 && errno == ENOENT)
			b->fd = create_box(b);
	}
	if (b->fd >= 0)
		return box_is_good(b, a);
	/* A directory cannot be opened for writing, a FIFO without a reader
	 * can, a socket or a link cannot be opened at all. */
	child_answer_errno(a,
	    errno == EISDIR || errno == ELOOP || errno == ENXIO ? "5.2.0"
								: "4.2.0",
	    WHERE, job->base, job->path);
	return false;
}

/* --- locks --- */

/* True if the lock file is one that somebody forgot. */
static bool
lock_is_stale(const struct box *b, int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    clock_wall() - (int64_t)st.st_mtime >
	    b->child->site->stale_lock_time;
}

/* The folder of the lock file, and its name there. */
static int
open_lock_dir(struct box *b, const char **name)
{
	char parent[sizeof(b->lock)];
	char *slash = strrchr(b->lock, '/');

	*name = b->lock;
	if (slash == NULL)
		return fcntl(b->base, F_DUPFD_CLOEXEC, 3);
	memcpy(parent, b->lock, (size_t)(slash - b->lock));
	parent[slash - b->lock] = '\0';
	*name = slash + 1;
	return dirs_open_beneath(b->base, parent, O_PATH | O_DIRECTORY, 0);
}

static int
make_lock_file(struct box *b)
{
	const struct child_site *site = b->child->site;
	const char *name;
	int dir = open_lock_dir(b, &name), fd = -1;

	if (dir < 0)
		return -1;
	for (int64_t i = 0; i < site->lock_attempts || i == 0; i++) {
		if (i > 0)
			sleep_s(site->lock_delay);
		fd = openat(dir, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			break;
		if (lock_is_stale(b, dir, name))
			unlinkat(dir, name, 0);
		errno = EEXIST;
	}
	if (fd >= 0)
		close(fd);
	fd = fd >= 0 ? 0 : -1;
	{
		int saved = errno;

		close(dir);
		errno = saved;
	}
	return fd;
}

static bool
dot_lock(struct box *b, struct child_answer *a)
{
	const struct child_job *job = b->job;

	if (!b->child->site->lock_dot || (job->flags & CHILD_LOCKED) != 0)
		return true;
	snprintf(b->lock, sizeof(b->lock), "%s.lock", job->path);
	if (make_lock_file(b) == 0)
		return true;
	b->lock[0] = '\0';
	if ((errno == EACCES || errno == EPERM) &&
	    (job->flags & CHILD_IN_SPOOL) != 0)
		child_answer_set(a, CHILD_NEEDS_LOCK, "4.2.0",
		    WHERE ": lock file", job->base, job->path);
	else
		child_answer_errno(a, "4.2.0",
		    WHERE ". unable to create lock file %s/%s.lock", job->base,
		    job->path, job->base, job->path);
	return false;
}

static void
dot_unlock(struct box *b)
{
	const char *name;
	int dir;

	if (b->lock[0] == '\0')
		return;
	dir = open_lock_dir(b, &name);
	if (dir < 0)
		return;
	unlinkat(dir, name, 0);
	close(dir);
}

static bool
try_kernel_locks(struct box *b)
{
	const struct child_site *site = b->child->site;
	/* Of the open file, not of the process, whose other threads are to
	 * wait like everybody else. */
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (site->lock_fcntl && fcntl(b->fd, F_OFD_SETLK, &all) < 0)
		return false;
	return !site->lock_flock || flock(b->fd, LOCK_EX | LOCK_NB) == 0;
}

/* Closing the file unlocks it. */
static bool
kernel_lock(struct box *b, struct child_answer *a)
{
	const struct child_site *site = b->child->site;

	for (int64_t i = 0; i < site->lock_attempts || i == 0; i++) {
		if (i > 0)
			sleep_s(site->lock_delay);
		if (try_kernel_locks(b))
			return true;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			break;
	}
	child_answer_errno(a, "4.2.0",
	    WHERE ". unable to lock for exclusive access", b->job->base,
	    b->job->path);
	return false;
}

/* --- turns --- */

/*
 * The threads of this process take turns at a mailbox before they try its
 * locks, which are only looked at again every deliver_lock_delay.  Two
 * mailboxes may share a turn.
 */
enum { TURNS = 64 };

static pthread_mutex_t turns[TURNS] = { [0 ... TURNS - 1] =
					    PTHREAD_MUTEX_INITIALIZER };

/* NULL, with the answer filled in, if it was not our turn for as long as the
 * locks would have been waited for. */
static pthread_mutex_t *
await_turn(const struct box *b, struct child_answer *a)
{
	const struct child_site *site = b->child->site;
	const struct child_job *job = b->job;
	uint64_t where = hash_bytes(view_of(job->base)) * 31 +
	    hash_bytes(view_of(job->path));
	pthread_mutex_t *turn = &turns[where % TURNS];
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += site->lock_attempts * (site->lock_delay + 1);
	if (pthread_mutex_clocklock(turn, CLOCK_MONOTONIC, &until) == 0)
		return turn;
	child_answer_set(a, CHILD_TEMP, "4.2.0",
	    WHERE ". unable to lock for exclusive access", job->base,
	    job->path);
	return NULL;
}

/* --- appending --- */

/* Some other program may have left a line without its end. */
static bool
ends_in_newline(int fd, off_t size)
{
	char last = '\n';

	return size == 0 ||
	    (pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

static void
append(struct box *b, struct content *content, struct child_answer *a)
{
	const struct child_job *job = b->job;
	struct child_job spaced = *job;
	struct str head = STR_EMPTY;
	struct stat st;
	bool stored;

	if (fstat(b->fd, &st) < 0) {
		child_answer_errno(a, "4.2.0", WHERE, job->base, job->path);
		return;
	}
	if (!ends_in_newline(b->fd, st.st_size)) {
		str_add_byte(&head, '\n');
		str_add(&head, job->head);
		spaced.head = str_view(&head);
	}
	stored = child_write(b->child, &spaced, content, b->fd,
	    MBOX_QUOTE_FROM | MBOX_BLANK_END, a);
	TEST_POINT("local-appended");
	if (stored && fsync(b->fd) < 0) {
		child_answer_errno(a, "4.2.0", WHERE, job->base, job->path);
		stored = false;
	}
	TEST_POINT("local-append-synced");
	if (stored)
		child_answer_set(
		    a, CHILD_DONE, "2.0.0", "delivered to mailbox");
	else if (ftruncate(b->fd, st.st_size) < 0 || fsync(b->fd) < 0)
		child_answer_errno(a, "4.2.0",
		    WHERE ". cannot be cut back to %jd bytes", job->base,
		    job->path, (intmax_t)st.st_size);
	str_clear(&head);
}

/* The file is looked at again once it is ours alone: who held the lock may have
 * replaced it. */
static void
lock_and_append(
    struct box *b, struct content *content, int made, struct child_answer *a)
{
	if (!open_box(b, made, a) || !dot_lock(b, a))
		return;
	if (kernel_lock(b, a) && box_is_good(b, a))
		append(b, content, a);
	dot_unlock(b);
}

void
mbox_deliver(struct child *c, const struct child_job *job,
    struct content *content, int made, struct child_answer *a)
{
	struct box b = { .child = c, .job = job, .fd = -1 };
	pthread_mutex_t *turn;

	b.base = dirs_open_base(job->base, c->uid);
	if (b.base < 0) {
		child_answer_errno(a, "4.2.0", WHERE, job->base, job->path);
		return;
	}
	turn = await_turn(&b, a);
	if (turn != NULL)
		lock_and_append(&b, content, made, a);
	if (b.fd >= 0)
		close(b.fd);
	if (turn != NULL)
		pthread_mutex_unlock(turn);
	close(b.base);
}
