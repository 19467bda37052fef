/*
 * Delivery to a maildir: written in tmp/, synced, moved to new/ under a name
 * that cannot be there yet.  The directories stay open between deliveries, as
 * long as their paths lead to them.
 */
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/mail/queue_file.h"
#include "local/child.h"
#include "local/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAILDIRS_MAX = 16,
	MAILDIR_NAME_MAX = 200,
	MAILDIR_PATH_MAX = 2 * WIRE_PATH_MAX + 8
};

struct maildir_part {
	int fd; /* of tmp/, new/; -1 */
	dev_t dev;
	ino_t ino;
};

struct maildir {
	struct str path; /* base/path; empty: not used */
	struct maildir_part tmp, new;
	bool ordered; /* its file system keeps the order of changes */
	uint64_t used;
};

struct maildirs {
	struct maildir all[MAILDIRS_MAX];
	uint64_t clock;
};

static void
close_one(struct maildir *m)
{
	if (m->tmp.fd >= 0)
		close(m->tmp.fd);
	if (m->new.fd >= 0)
		close(m->new.fd);
	m->tmp.fd = m->new.fd = -1;
	str_reset(&m->path);
}

void
maildirs_free(struct maildirs *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < MAILDIRS_MAX; i++) {
		close_one(&m->all[i]);
		str_clear(&m->all[i].path);
	}
	free(m);
}

static struct maildirs *
maildirs_new(void)
{
	struct maildirs *m = xcalloc(1, sizeof(*m));

	for (size_t i = 0; i < MAILDIRS_MAX; i++) {
		str_init(&m->all[i].path);
		m->all[i].tmp.fd = m->all[i].new.fd = -1;
	}
	return m;
}

/* Does path/name still lead to the directory that we hold?  Whatever stands
 * in the path now, only that very directory will do. */
static bool
leads_to(
    const struct maildir *m, const char *name, const struct maildir_part *part)
{
	char path[MAILDIR_PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", m->path.ptr, name);

	return n > 0 && (size_t)n < sizeof(path) &&
	    fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == part->dev && st.st_ino == part->ino;
}

/* The one of this path, or the one to open it in. */
static struct maildir *
find_maildir(struct maildirs *all, struct view path, bool *is_open)
{
	struct maildir *oldest = &all->all[0];

	for (size_t i = 0; i < MAILDIRS_MAX; i++) {
		struct maildir *m = &all->all[i];

		if (m->path.len > 0 && view_eq(str_view(&m->path), path)) {
			*is_open = leads_to(m, "tmp", &m->tmp) &&
			    leads_to(m, "new", &m->new);
			return m;
		}
		if (m->used < oldest->used)
			oldest = m;
	}
	*is_open = false;
	return oldest;
}

/* Open path/name below base, created if it is not there. */
static bool
open_part(int base, const char *path, const char *name,
    struct maildir_part *part, struct stat *st)
{
	char full[WIRE_PATH_MAX + 8];
	int dir;

	snprintf(full, sizeof(full), "%s/%s", path, name);
	part->fd = dirs_open_beneath(base, full, O_RDONLY | O_DIRECTORY, 0);
	if (part->fd < 0 && errno == ENOENT) {
		dir = dirs_make_beneath(base, full);
		if (dir < 0)
			return false;
		close(dir);
		part->fd =
		    dirs_open_beneath(base, full, O_RDONLY | O_DIRECTORY, 0);
	}
	if (part->fd < 0 || fstat(part->fd, st) < 0)
		return false;
	part->dev = st->st_dev;
	part->ino = st->st_ino;
	return true;
}

static bool
open_parts(struct child *c, int base, const struct child_job *job,
    struct maildir *m, struct child_answer *a)
{
	static const char *const names[] = { "cur", "tmp", "new" };
	struct maildir_part cur = { .fd = -1 };
	struct maildir_part *parts[] = { &cur, &m->tmp, &m->new };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct stat st;
		bool good = open_part(base, job->path, names[i], parts[i], &st);

		if (!good)
			child_answer_errno(a, "4.2.0",
			    "maildir delivery failed: open %s/%s/%s", job->base,
			    job->path, names[i]);
		if (cur.fd >= 0)
			close(cur.fd);
		cur.fd = -1;
		if (!good)
			return false;
		if (c->site->strict_ownership && st.st_uid != c->uid) {
			child_answer_set(a, CHILD_TEMP, "4.2.0",
			    "maildir delivery failed: %s/%s/%s is not owned "
			    "by the recipient",
			    job->base, job->path, names[i]);
			return false;
		}
	}
	m->ordered = fs_keeps_order(m->new.fd);
	return true;
}

static struct maildir *
open_maildir(
    struct child *c, const struct child_job *job, struct child_answer *a)
{
	struct str path = STR_EMPTY;
	struct maildir *m;
	bool is_open;
	int base;

	if (c->maildirs == NULL)
		c->maildirs = maildirs_new();
	str_printf(&path, "%s/%s", job->base, job->path);
	m = find_maildir(c->maildirs, str_view(&path), &is_open);
	m->used = ++c->maildirs->clock;
	if (is_open) {
		str_clear(&path);
		return m;
	}
	close_one(m);
	base = dirs_open_base(job->base, c->uid);
	if (base < 0) {
		child_answer_errno(
		    a, "4.2.0", "maildir delivery failed: open %s", job->base);
		str_clear(&path);
		return NULL;
	}
	if (open_parts(c, base, job, m, a)) {
		str_set(&m->path, str_view(&path));
	} else {
		close_one(m);
		m = NULL;
	}
	close(base);
	str_clear(&path);
	return m;
}

/* RENAME_NOREPLACE; by link and unlink where the file system cannot. */
static int
move_into(int from_dir, const char *from, int to_dir, const char *to)
{
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(from_dir, from, to_dir, to, 0) < 0)
		return -1;
	unlinkat(from_dir, from, 0);
	return 0;
}

/*
 * Into new/.  The sync of the file came before, so that no crash leaves a part
 * of a message there.  The move itself is as durable as the removal of the
 * queue file which follows it if both are on one file system that keeps the
 * order; else the directory is synced.
 */
static bool
move_to_new(struct child *c, const struct child_job *job, struct maildir *m,
    const char *tmp_name, const struct stat *st, dev_t queue_dev,
    struct child_answer *a)
{
	char name[MAILDIR_NAME_MAX];
	int64_t now = clock_wall_us();

	snprintf(name, sizeof(name), "%" PRId64 ".V%jxI%jxM%" PRId64 ".%s",
	    now / 1000000, (uintmax_t)st->st_dev, (uintmax_t)st->st_ino,
	    now % 1000000, c->site->host);
	if (move_into(m->tmp.fd, tmp_name, m->new.fd, name) < 0) {
		child_answer_errno(a, "4.2.0",
		    "maildir delivery failed: create maildir file %s/%s/new/%s",
		    job->base, job->path, name);
		return false;
	}
	TEST_POINT("local-moved");
	if (m->ordered && m->new.dev == queue_dev)
		return true;
	if (fsync(m->new.fd) < 0) {
		child_answer_errno(a, "4.2.0",
		    "maildir delivery failed: sync %s/%s/new", job->base,
		    job->path);
		/* Not stored for certain, so it will come again. */
		unlinkat(m->new.fd, name, 0);
		return false;
	}
	return true;
}

static bool
write_and_move(struct child *c, const struct child_job *job,
    struct content *content, struct maildir *m, const char *name, int fd,
    struct child_answer *a)
{
	struct stat st;

	if (!child_write(c, job, content, fd, 0, a))
		return false;
	TEST_POINT("local-written");
	if (fsync(fd) < 0 || fstat(fd, &st) < 0) {
		child_answer_errno(a, "4.2.0",
		    "maildir delivery failed: sync %s/%s/tmp/%s", job->base,
		    job->path, name);
		return false;
	}
	TEST_POINT("local-synced");
	return move_to_new(c, job, m, name, &st, content->dev, a);
}

void
maildir_deliver(struct child *c, const struct child_job *job,
    struct content *content, struct child_answer *a)
{
	char name[MAILDIR_NAME_MAX];
	struct maildir *m = open_maildir(c, job, a);
	bool stored;
	int fd;

	if (m == NULL)
		return;
	snprintf(name, sizeof(name), "%" PRId64 ".P%ldQ%" PRIu64 ".%s",
	    clock_wall_us(), (long)getpid(), ++c->serial, c->site->host);
	fd = openat(m->tmp.fd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		child_answer_errno(a, "4.2.0",
		    "maildir delivery failed: create maildir file %s/%s/tmp/%s",
		    job->base, job->path, name);
		return;
	}
	stored = write_and_move(c, job, content, m, name, fd, a);
	if (!stored)
		unlinkat(m->tmp.fd, name, 0);
	/* A network file system may tell here that it could not. */
	if (close(fd) < 0 && stored && errno != EINTR) {
		child_answer_errno(
		    a, "4.2.0", "maildir delivery failed: close");
		return;
	}
	if (stored)
		child_answer_set(
		    a, CHILD_DONE, "2.0.0", "delivered to maildir");
}
