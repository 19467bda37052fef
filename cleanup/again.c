/*
 * A message that is submitted once more, since the process that was asked first
 * was lost before it answered.  It may have got as far as a whole file, which
 * qmgr may be at work on.  That one is not replaced, nor believed to be on disk:
 * the same bytes are written to their places again, which changes nothing for
 * who reads them, and synced.
 */
#include "cleanup/message.h"

#include "lib/mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_in(const char *queue, struct view id)
{
	struct queue_path path = queue_path_of(queue, id);

	return faccessat(AT_FDCWD, path.text, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

struct err
again_find(struct message *m)
{
	static const char *const ours[] = { "active", "incoming", "hold" };
	struct view id = m->submit.queue_id;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (is_in(ours[i], id)) {
			m->queue = ours[i];
			return ERR_OK;
		}
	/* qmgr has read it and put it off; whether it is on disk, nobody can
	 * say.  The client comes again: a second copy, not none. */
	if (is_in("deferred", id) || is_in("corrupt", id))
		return err_make(ERR_TEMP, "submitted again, and there");
	return ERR_OK;
}

static bool
has_bytes(int fd, struct view bytes, int64_t at)
{
	char buf[1024];

	while (bytes.len > 0) {
		struct view now = view_first(bytes, sizeof(buf));
		ssize_t n = pread(fd, buf, now.len, at);

		if (n != (ssize_t)now.len || memcmp(buf, now.ptr, now.len) != 0)
			return false;
		bytes = view_skip(bytes, now.len);
		at += n;
	}
	return true;
}

/* All before the journal: by bytes, since whoever submits may be somebody who
 * can make two messages with one checksum.  Recipients are in the tail: those of a
 * message that has more are written when there is a file already. */
static bool
is_same(const struct message *m, struct view preamble)
{
	const struct queue_preamble *p = &m->preamble;

	return has_bytes(m->fd, preamble, 0) &&
	    has_bytes(m->fd, m->content, p->content_at) &&
	    has_bytes(m->fd, str_view(&m->tail),
		p->content_at + p->content_len);
}

/* What the dead one had begun.  With the lock nobody else takes it away, unless
 * that has happened. */
static bool
is_litter(int fd, const struct stat *st)
{
	struct queue_file q;
	struct err e = queue_file_read(&q, fd);

	queue_file_clear(&q);
	return e.kind == ERR_GONE && st->st_nlink == 1;
}

struct err
again_open(struct message *m, struct view preamble)
{
	struct queue_path path = queue_path_of(m->queue, m->submit.queue_id);
	struct stat st;
	bool alone;

	m->fd = open(path.text, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (m->fd < 0)
		return err_sys(ERR_TEMP, "open %s", path.text);
	alone = flock(m->fd, LOCK_EX | LOCK_NB) == 0;
	/* Agents may have it.  Who writes it, or removes it, must not. */
	if ((alone || flock(m->fd, LOCK_SH | LOCK_NB) == 0) &&
	    fstat(m->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid()) {
		if (is_same(m, preamble))
			return ERR_OK;
		m->created = alone && is_litter(m->fd, &st) &&
		    ftruncate(m->fd, 0) == 0;
		if (m->created)
			return ERR_OK;
	}
	close(m->fd);
	m->fd = -1;
	errno = EEXIST;
	return err_sys(ERR_TEMP, "create %s", path.text);
}
