/*
 * Delivery to a maildir: written in tmp/, or without a name where the file
 * system can do that; synced; then put into new/ under a name that cannot be
 * there yet.  The directories stay open between deliveries, as long as their
 * paths lead to them.
 */
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/mail/queue_file.h"
#include "local/child.h"
#include "local/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAILDIRS_MAX = 24,
	MAILDIR_NAME_MAX = 200,
	MAILDIR_PATH_MAX = 2 * WIRE_PATH_MAX + 8
};

struct maildir_part {
	int fd; /* of tmp/, new/; -1 */
	dev_t dev;
	ino_t ino;
};

/* One that is open; kept until nobody uses it and another needs the place. */
struct maildir {
	struct list node;
	struct str path; /* base/path */
	struct maildir_part tmp, new;
	bool ordered; /* its file system keeps the order of changes */
	bool stale;   /* its path leads elsewhere now: for nobody new */
	size_t n_users;
};

struct maildirs {
	pthread_mutex_t lock;
	struct list open; /* used last: first */
	size_t n;
};

static void
maildir_free(struct maildir *m)
{
	if (m->tmp.fd >= 0)
		close(m->tmp.fd);
	if (m->new.fd >= 0)
		close(m->new.fd);
	str_clear(&m->path);
	free(m);
}

struct maildirs *
maildirs_new(void)
{
	struct maildirs *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	list_init(&all->open);
	return all;
}

void
maildirs_free(struct maildirs *all)
{
	if (all == NULL)
		return;
	LIST_EACH(it, after, &all->open)
		maildir_free(LIST_ITEM(it, struct maildir, node));
	pthread_mutex_destroy(&all->lock);
	free(all);
}

/* The one of this path, now used by the caller as well; or NULL. */
static struct maildir *
use_open(struct maildirs *all, struct view path)
{
	struct maildir *found = NULL;

	pthread_mutex_lock(&all->lock);
	LIST_EACH(it, after, &all->open)
	{
		struct maildir *m = LIST_ITEM(it, struct maildir, node);

		if (!m->stale && view_eq(str_view(&m->path), path)) {
			found = m;
			m->n_users++;
			list_remove(it);
			list_prepend(&all->open, it);
			break;
		}
	}
	pthread_mutex_unlock(&all->lock);
	return found;
}

/* With the lock held: those that nobody uses and that are too many or stale. */
static void
close_unused(struct maildirs *all)
{
	LIST_EACH_BACK(it, before, &all->open)
	{
		struct maildir *m = LIST_ITEM(it, struct maildir, node);

		if (m->n_users > 0 || (!m->stale && all->n <= MAILDIRS_MAX))
			continue;
		list_remove(it);
		all->n--;
		maildir_free(m);
	}
}

static void
add_open(struct maildirs *all, struct maildir *m)
{
	pthread_mutex_lock(&all->lock);
	m->n_users = 1;
	list_prepend(&all->open, &m->node);
	all->n++;
	close_unused(all);
	pthread_mutex_unlock(&all->lock);
}

static void
unuse(struct maildirs *all, struct maildir *m, bool stale)
{
	pthread_mutex_lock(&all->lock);
	m->n_users--;
	m->stale = m->stale || stale;
	if (m->n_users == 0 && (m->stale || all->n > MAILDIRS_MAX))
		close_unused(all);
	pthread_mutex_unlock(&all->lock);
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
open_new(struct child *c, const struct child_job *job, struct view path,
    struct child_answer *a)
{
	int base = dirs_open_base(job->base, c->uid);
	struct maildir *m;

	if (base < 0) {
		child_answer_errno(
		    a, "4.2.0", "maildir delivery failed: open %s", job->base);
		return NULL;
	}
	m = xcalloc(1, sizeof(*m));
	m->tmp.fd = m->new.fd = -1;
	str_init(&m->path);
	str_set(&m->path, path);
	if (open_parts(c, base, job, m, a)) {
		add_open(c->maildirs, m);
	} else {
		maildir_free(m);
		m = NULL;
	}
	close(base);
	return m;
}

/* For unuse, later.  Not inlined: its paths would stay on the stack while the
 * message is written. */
__attribute__((noinline)) static struct maildir *
open_maildir(
    struct child *c, const struct child_job *job, struct child_answer *a)
{
	struct str path = STR_EMPTY;
	struct maildir *m;

	str_printf(&path, "%s/%s", job->base, job->path);
	m = use_open(c->maildirs, str_view(&path));
	/* tmp/ is only where a file begins. */
	if (m != NULL && !leads_to(m, "new", &m->new)) {
		unuse(c->maildirs, m, true);
		m = NULL;
	}
	if (m == NULL)
		m = open_new(c, job, str_view(&path), a);
	str_clear(&path);
	return m;
}

/* --- one message --- */

/* A message on its way to new/. */
struct delivery_file {
	struct child *child;
	const struct child_job *job;
	struct maildir *maildir;
	int fd;
	char tmp[MAILDIR_NAME_MAX]; /* its name in tmp/; "": it has none */
};

/* False for good once a file system, or the kernel, cannot: the same answer
 * comes for each file there, and costs a call. */
static atomic_bool may_be_nameless = true;

/*
 * A file without a name, in tmp/'s directory, leaves no litter there after a
 * crash, and it costs one change of a directory less.  Its sync says that it
 * has no link; where the order of changes is not kept, a crash may leave a name
 * for it and that.
 */
static bool
create_nameless(struct delivery_file *f)
{
	if (!f->maildir->ordered || !may_be_nameless)
		return false;
	f->fd = openat(f->maildir->tmp.fd, ".",
	    O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (f->fd < 0 &&
	    (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		may_be_nameless = false;
	return f->fd >= 0;
}

static bool
create_file(struct delivery_file *f, struct child_answer *a)
{
	static atomic_uint_least64_t serial;
	const struct child_job *job = f->job;

	if (create_nameless(f))
		return true;
	snprintf(f->tmp, sizeof(f->tmp), "%" PRId64 ".P%ldQ%ju.%s",
	    clock_wall_us(), (long)getpid(), (uintmax_t)++serial,
	    f->child->site->host);
	f->fd = openat(f->maildir->tmp.fd, f->tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f->fd >= 0)
		return true;
	child_answer_errno(a, "4.2.0",
	    "maildir delivery failed: create maildir file %s/%s/tmp/%s",
	    job->base, job->path, f->tmp);
	return false;
}

/* RENAME_NOREPLACE; by link and unlink where the file system cannot. */
static int
move_named(int from_dir, const char *from, int to_dir, const char *to)
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

/* Before Linux 6.10 only /proc names what has no name for us. */
static int
link_nameless(int fd, int to_dir, const char *to)
{
	char path[40];

	if (linkat(fd, "", to_dir, to, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, to_dir, to, AT_SYMLINK_FOLLOW);
}

/*
 * Into new/.  The sync of the file came before, so that no crash leaves a part
 * of a message there.  The move itself is as durable as the removal of the
 * queue file which follows it if both are on one file system that keeps the
 * order; else the directory is synced.
 */
static bool
move_to_new(struct delivery_file *f, const struct stat *st, dev_t queue_dev,
    struct child_answer *a)
{
	const struct child_job *job = f->job;
	const struct maildir *m = f->maildir;
	char name[MAILDIR_NAME_MAX];
	int64_t now = clock_wall_us();
	int done;

	snprintf(name, sizeof(name), "%" PRId64 ".V%jxI%jxM%" PRId64 ".%s",
	    now / 1000000, (uintmax_t)st->st_dev, (uintmax_t)st->st_ino,
	    now % 1000000, f->child->site->host);
	done = f->tmp[0] == '\0'
	    ? link_nameless(f->fd, m->new.fd, name)
	    : move_named(m->tmp.fd, f->tmp, m->new.fd, name);
	if (done < 0) {
		/* Perhaps there is no /proc: with names it will do. */
		if (errno == ENOENT && f->tmp[0] == '\0')
			may_be_nameless = false;
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
write_and_move(struct delivery_file *f, struct content *content,
    struct child_answer *a)
{
	struct stat st;

	if (!child_write(f->child, f->job, content, f->fd, 0, a))
		return false;
	TEST_POINT("local-written");
	if (fsync(f->fd) < 0 || fstat(f->fd, &st) < 0) {
		child_answer_errno(a, "4.2.0",
		    "maildir delivery failed: sync %s/%s/tmp/%s",
		    f->job->base, f->job->path, f->tmp);
		return false;
	}
	TEST_POINT("local-synced");
	return move_to_new(f, &st, content->dev, a);
}

static void
deliver_file(
    struct delivery_file *f, struct content *content, struct child_answer *a)
{
	bool stored;

	if (!create_file(f, a))
		return;
	stored = write_and_move(f, content, a);
	if (!stored && f->tmp[0] != '\0')
		unlinkat(f->maildir->tmp.fd, f->tmp, 0);
	/* A network file system may tell here that it could not. */
	if (close(f->fd) < 0 && stored && errno != EINTR)
		child_answer_errno(
		    a, "4.2.0", "maildir delivery failed: close");
	else if (stored)
		child_answer_set(
		    a, CHILD_DONE, "2.0.0", "delivered to maildir");
}

void
maildir_deliver(struct child *c, const struct child_job *job,
    struct content *content, struct child_answer *a)
{
	struct delivery_file f = { .child = c,
		.job = job,
		.maildir = open_maildir(c, job, a),
		.fd = -1 };

	if (f.maildir == NULL)
		return;
	deliver_file(&f, content, a);
	unuse(c->maildirs, f.maildir, false);
}
