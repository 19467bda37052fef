/* Replacing a file of the configuration: see postconf.h. */
#include "ctl/postconf.h"

#include "lib/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct replacing {
	const char *path;
	char *real; /* not the link but the file that it leads to */
	char *temporary;
	int fd;
	struct stat st;
};

static _Noreturn void
give_up(const struct replacing *r, const char *what)
{
	int error = errno;

	if (r->temporary != NULL)
		(void)unlink(r->temporary);
	postconf_fatal("%s %s: %s", what, r->path, strerror(error));
}

/* Opens and locks the file that will replace the other: only one editor at
 * once. */
static void
open_temporary(struct replacing *r)
{
	struct stat held, named;

	for (;;) {
		r->fd = open(r->temporary,
		    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (r->fd < 0)
			postconf_fatal(
			    "open %s: %s", r->temporary, strerror(errno));
		if (flock(r->fd, LOCK_EX) != 0 || fstat(r->fd, &held) != 0)
			postconf_fatal(
			    "lock %s: %s", r->temporary, strerror(errno));
		/* The one before may have renamed it while we waited. */
		if (stat(r->temporary, &named) == 0 &&
		    named.st_ino == held.st_ino && named.st_dev == held.st_dev)
			return;
		(void)close(r->fd);
	}
}

static void
write_all(const struct replacing *r, struct view text)
{
	if (ftruncate(r->fd, 0) != 0)
		give_up(r, "truncate the new");
	while (text.len > 0) {
		ssize_t n = write(r->fd, text.ptr, text.len);

		if (n < 0 && errno != EINTR)
			give_up(r, "write the new");
		if (n > 0)
			text = view_skip(text, (size_t)n);
	}
}

/* In the old one's place, with its owner and mode. */
static void
put_in_place(const struct replacing *r, struct view text)
{
	struct err e;

	write_all(r, text);
	if (geteuid() == 0 && fchown(r->fd, r->st.st_uid, r->st.st_gid) != 0)
		give_up(r, "set the owner of the new");
	if (fchmod(r->fd, r->st.st_mode & 07777) != 0)
		give_up(r, "set the mode of the new");
	if (fsync(r->fd) != 0)
		give_up(r, "sync the new");
	if (rename(r->temporary, r->real) != 0)
		give_up(r, "replace");
	e = fs_sync_parent(r->real);
	if (err_is(e))
		postconf_warn("%s", e.text);
}

void
file_replace(const char *path, file_make_fn *make, void *arg)
{
	struct replacing r = { .path = path, .fd = -1 };
	struct str old = STR_EMPTY, new = STR_EMPTY, name = STR_EMPTY;
	struct err e;

	r.real = realpath(path, NULL);
	if (r.real == NULL || stat(r.real, &r.st) != 0)
		postconf_fatal(
		    "open %s for reading: %s", path, strerror(errno));
	str_printf(&name, "%s.tmp", r.real);
	r.temporary = name.ptr;
	open_temporary(&r);
	e = conf_read_file(r.real, MAIN_CF_FILE_MAX, &old);
	if (err_is(e)) {
		(void)unlink(r.temporary);
		postconf_fatal("%s", e.text);
	}
	if (make(arg, str_view(&old), &new))
		put_in_place(&r, str_view(&new));
	else
		(void)unlink(r.temporary);
	(void)close(r.fd);
	free(r.real);
	str_clear(&old);
	str_clear(&new);
	str_clear(&name);
}
