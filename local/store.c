/*
 * Writing to a mailbox file: see store.h.  Written directly are whole steps,
 * and of the end whole blocks; the rest goes through the page cache.  What the
 * file system or the device refuses to take directly goes there as well.
 */
#include "local/store.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	STEP = 128 << 10,
	DIRECT_STEP = 512 << 10,
	/* No file system has a larger one on a machine with such pages. */
	BLOCK = 4096,
	/* What is appended between two calls of store_some. */
	PIECE_MAX = 128 << 10,
};

/* The page cache again; the offset stays. */
static void
set_direct(struct store *s, bool on)
{
	int flags = fcntl(s->fd, F_GETFL);

	flags = on ? flags | O_DIRECT : flags & ~O_DIRECT;
	s->is_direct = fcntl(s->fd, F_SETFL, flags) == 0 && on;
}

void
store_begin(struct store *s, struct str *out, int fd, int64_t size, bool is_new)
{
	*s = (struct store){ .fd = fd, .out = out, .step = STEP };
	str_reset(out);
	if (size < STORE_DIRECT_MIN || !is_new)
		return;
	set_direct(s, true);
	if (!s->is_direct)
		return;
	s->step = DIRECT_STEP;
	str_reserve_aligned(out, BLOCK, DIRECT_STEP + PIECE_MAX);
}

/* The first n bytes. */
static bool
write_first(struct store *s, size_t n)
{
	struct view v = view_first(str_view(s->out), n);

	while (v.len > 0) {
		ssize_t did = write(s->fd, v.ptr, v.len);

		if (did >= 0) {
			v = view_skip(v, (size_t)did);
			/* A direct write that was short ends anywhere. */
			if (v.len > 0 && s->is_direct)
				set_direct(s, false);
		} else if (errno == EINVAL && s->is_direct) {
			set_direct(s, false);
		} else if (errno != EINTR) {
			return false;
		}
	}
	str_drop_front(s->out, n);
	return true;
}

bool
store_some(struct store *s)
{
	size_t n = s->out->len;

	if (n < s->step)
		return true;
	/* The next one must begin at a block too. */
	return write_first(s, s->is_direct ? DIRECT_STEP : n);
}

bool
store_finish(struct store *s)
{
	if (s->is_direct && !write_first(s, s->out->len / BLOCK * BLOCK))
		return false;
	if (s->is_direct)
		set_direct(s, false);
	return write_first(s, s->out->len);
}
