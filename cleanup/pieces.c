/*
 * The message as it will be sent: ranges of the content as it was accepted, and
 * of what was added.
 */
#include "cleanup/message.h"

#include "lib/base/mem.h"
#include "lib/run/offload.h"

#include <errno.h>
#include <unistd.h>

enum {
	PIECES_STEP = 16,
	/* A layout must fit in the frames that it travels in.  What would need
	 * more pieces is copied. */
	PIECES_MAX = 200,
};

static void
add_piece(struct message *m, bool added, int64_t at, int64_t len)
{
	struct piece *last =
	    m->n_pieces > 0 ? &m->pieces[m->n_pieces - 1] : NULL;

	if (len == 0)
		return;
	if (last != NULL && last->added == added && last->at + last->len == at) {
		last->len += len;
		return;
	}
	if (m->n_pieces % PIECES_STEP == 0)
		m->pieces = xreallocarray(m->pieces, m->n_pieces + PIECES_STEP,
		    sizeof(*m->pieces));
	m->pieces[m->n_pieces++] = (struct piece){ added, at, len };
}

/* --- copying, once there are too many --- */

struct reading {
	struct message *m;
	int64_t at, len;
	struct str *out;
	struct err error;
};

/* On a thread: content that is in the file alone. */
static void
read_range(void *arg)
{
	struct reading *r = arg;

	while (r->len > 0) {
		size_t want =
		    r->len < CLEANUP_READ_STEP ? (size_t)r->len
					       : CLEANUP_READ_STEP;
		ssize_t n = pread(r->m->fd, str_reserve(r->out, want), want,
		    r->m->preamble.content_at + r->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* shorter than it was */
		if (n <= 0) {
			r->error = err_sys(ERR_TEMP, "read queue file");
			return;
		}
		str_grew(r->out, (size_t)n);
		r->at += n;
		r->len -= n;
	}
}

static bool
is_within(struct view v, int64_t from, int64_t at, int64_t len)
{
	return at >= from && at - from <= (int64_t)v.len &&
	    len <= (int64_t)v.len - (at - from);
}

void
pieces_read(struct message *m, int64_t at, int64_t len, struct str *out)
{
	struct reading r = { m, at, len, out, ERR_OK };

	if (is_within(m->content, 0, at, len)) {
		str_add(out, view_sub(m->content, (size_t)at, (size_t)len));
	} else if (is_within(m->header, 0, at, len)) {
		str_add(out, view_sub(m->header, (size_t)at, (size_t)len));
	} else if (is_within(m->window, m->window_at, at, len)) {
		str_add(out,
		    view_sub(m->window, (size_t)(at - m->window_at),
			(size_t)len));
	} else if (!err_is(m->failure)) {
		offload(read_range, &r);
		if (err_is(r.error))
			m->failure = r.error;
	}
}

/* All that is sent so far, as one piece of m->added. */
static void
copy_pieces(struct message *m)
{
	struct str copy = STR_EMPTY;

	for (size_t i = 0; i < m->n_pieces; i++) {
		const struct piece *p = &m->pieces[i];

		if (p->added)
			str_add(&copy,
			    view_sub(str_view(&m->added), (size_t)p->at,
				(size_t)p->len));
		else
			pieces_read(m, p->at, p->len, &copy);
	}
	str_clear(&m->added);
	m->added = copy;
	m->is_copied = true;
	m->n_pieces = 0;
	add_piece(m, true, 0, (int64_t)copy.len);
}

void
pieces_keep(struct message *m, int64_t at, int64_t len)
{
	int64_t from;

	if (!m->is_copied && m->n_pieces >= PIECES_MAX)
		copy_pieces(m);
	if (!m->is_copied) {
		add_piece(m, false, at, len);
		return;
	}
	from = (int64_t)m->added.len;
	pieces_read(m, at, len, &m->added);
	add_piece(m, true, from, (int64_t)m->added.len - from);
}

void
pieces_add_own(struct message *m, size_t from)
{
	add_piece(m, true, (int64_t)from, (int64_t)(m->added.len - from));
}

void
pieces_keep_rest(struct message *m, int64_t at)
{
	add_piece(m, false, at, m->content_len - at);
}

void
pieces_add_lines(struct message *m, struct view text, bool is_header)
{
	size_t from = m->added.len;

	header_add_lines(&m->added, text, is_header);
	pieces_add_own(m, from);
}
