/*
 * Noticing that a table's file changed: by what fstat says of the descriptor
 * that is held, so that it works in a changed root.
 */
#include "lib/table/held.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* How often a file that somebody is writing is read anew. */
enum { HELD_TRIES = 3 };

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
same_content(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim);
}

static struct err
read_all(int fd, struct view path, struct str *text)
{
	for (;;) {
		char *to = str_reserve(text, 65536);
		ssize_t n = read(fd, to, 65536);

		if (n == 0)
			return ERR_OK;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(ERR_TEMP, "read %.*s", VIEW_ARGS(path));
		str_grew(text, (size_t)n);
		if (text->len > HELD_TEXT_MAX)
			return err_make(ERR_TEMP,
			    "read %.*s: more than %d "
			    "bytes",
			    VIEW_ARGS(path), HELD_TEXT_MAX);
	}
}

/* Once; *steady tells whether it stayed as it was while it was read. */
static struct err
read_once(struct held *h, struct view path, struct str *text, bool *steady)
{
	struct stat after;
	struct err e;

	if (fstat(h->fd, &h->seen) < 0)
		return err_sys(ERR_TEMP, "fstat %.*s", VIEW_ARGS(path));
	if (S_ISDIR(h->seen.st_mode))
		return err_make(
		    ERR_TEMP, "open %.*s: is a directory", VIEW_ARGS(path));
	e = read_all(h->fd, path, text);
	if (err_is(e))
		return e;
	if (fstat(h->fd, &after) < 0)
		return err_sys(ERR_TEMP, "fstat %.*s", VIEW_ARGS(path));
	*steady = !S_ISREG(after.st_mode) || same_content(&h->seen, &after);
	return ERR_OK;
}

struct err
held_read(struct held *h, const char *what, struct view path, struct str *text)
{
	bool steady = false;
	struct err e = ERR_OK;

	*h = HELD_NONE;
	h->owned = true;
	str_set(&h->path, path);
	for (int i = 0; i < HELD_TRIES && !steady && !err_is(e); i++) {
		str_reset(text);
		if (h->fd >= 0)
			close(h->fd);
		h->fd = open(h->path.ptr, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (h->fd < 0)
			e = err_sys(ERR_TEMP, "%s %.*s", what, VIEW_ARGS(path));
		else
			e = read_once(h, path, text, &steady);
	}
	if (!err_is(e) && !steady)
		e = err_make(ERR_TEMP, "read %.*s: changed while it was read",
		    VIEW_ARGS(path));
	if (err_is(e))
		held_clear(h);
	return e;
}

struct err
held_borrow(struct held *h, struct view path, int fd)
{
	*h = HELD_NONE;
	if (fstat(fd, &h->seen) < 0)
		return err_sys(ERR_TEMP, "fstat %.*s", VIEW_ARGS(path));
	h->fd = fd;
	str_set(&h->path, path);
	return ERR_OK;
}

void
held_clear(struct held *h)
{
	if (h->owned && h->fd >= 0)
		close(h->fd);
	str_clear(&h->path);
	*h = HELD_NONE;
}

bool
held_was_written(const struct held *h)
{
	struct stat now;

	if (h->fd < 0 || !S_ISREG(h->seen.st_mode))
		return false;
	return fstat(h->fd, &now) < 0 || !same_content(&h->seen, &now);
}

bool
held_has_changed(const struct held *h, bool path)
{
	struct stat now;

	if (h->fd < 0 || !S_ISREG(h->seen.st_mode))
		return false;
	/* Where the path cannot be seen, a rename shows in the time of the last
	 * change: the file may be another one's backup by now. */
	if (fstat(h->fd, &now) < 0 || now.st_nlink == 0 ||
	    !same_content(&h->seen, &now) ||
	    !same_time(h->seen.st_ctim, now.st_ctim))
		return true;
	if (!path)
		return false;
	return stat(h->path.ptr, &now) < 0 || now.st_dev != h->seen.st_dev ||
	    now.st_ino != h->seen.st_ino;
}
