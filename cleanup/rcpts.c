/*
 * Recipients that are many: written while they come, so that a list of a million
 * needs no memory.  They stand before the content; what is added once that has
 * its place (BCC) makes the whole list move behind the envelope.
 */
#include "cleanup/message.h"

#include "lib/base/crc32c.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/run/offload.h"

#include <stdlib.h>
#include <unistd.h>

bool
rcpts_are_late(const struct message *m)
{
	return m->preamble.content_at != 0 &&
	    m->preamble.rcpts_at > m->preamble.content_at;
}

/* Where they are, and where they are wanted. */
struct moving {
	struct message *m;
	int64_t from, to;
};

/* On a thread: those that were written, from before the content to behind it. */
static void
move_rcpts(void *arg)
{
	struct moving *x = arg;
	int64_t left = x->m->preamble.rcpts_len;
	char *buf = xmalloc(CLEANUP_RCPTS_STEP);
	struct err e = ERR_OK;

	while (left > 0 && !err_is(e)) {
		size_t want = left < CLEANUP_RCPTS_STEP ? (size_t)left
							: CLEANUP_RCPTS_STEP;
		ssize_t n = pread(x->m->fd, buf, want, x->from);

		e = n > 0 ? queue_write_at(
				x->m->fd, view_make(buf, (size_t)n), x->to)
			  : err_sys(ERR_TEMP, "read queue file");
		x->from += n;
		x->to += n;
		left -= n;
	}
	free(buf);
	if (err_is(e))
		store_fail(x->m, e);
}

/* On a thread. */
static void
write_gathered(void *arg)
{
	struct message *m = arg;
	const struct queue_preamble *p = &m->preamble;
	struct err e;

	store_create(m, VIEW_EMPTY);
	if (err_is(m->failure))
		return;
	e = queue_write_at(
	    m->fd, str_view(&m->rcpts), p->rcpts_at + p->rcpts_len);
	if (err_is(e))
		store_fail(m, e);
	TEST_POINT("cleanup-recipients");
}

/* Content has its place, so what comes now stands behind the envelope, with all
 * that was before: they are one list. */
static void
place_late(struct message *m)
{
	int64_t early = m->preamble.rcpts_at;
	struct moving x = { .m = m, .from = early };

	m->preamble.rcpts_at = x.to = store_find_end(m);
	if (early != 0 && !err_is(m->failure))
		offload(move_rcpts, &x);
}

/* What is asked of them later. */
static void
keep_ends(struct message *m)
{
	struct view rest = str_view(&m->rcpts);
	struct ipc_rcpt rcpt;
	bool more;

	str_set(&m->last_rcpt, view_skip(rest, m->last_rcpt_at));
	if (m->first_rcpt.len > 0 ||
	    err_is(ipc_list_next(&rest, IPC_IN(rcpt, &rcpt), &more)))
		return;
	str_set(&m->first_rcpt,
	    view_first(str_view(&m->rcpts), m->rcpts.len - rest.len));
}

void
rcpts_write(struct message *m)
{
	struct queue_preamble *p = &m->preamble;

	if (p->content_at != 0 && !rcpts_are_late(m))
		place_late(m);
	else if (p->rcpts_at == 0)
		p->rcpts_at = QUEUE_PREAMBLE_LEN;
	keep_ends(m);
	if (!err_is(m->failure))
		offload(write_gathered, m);
	p->rcpts_sum = crc32c((uint32_t)p->rcpts_sum, str_view(&m->rcpts));
	p->rcpts_len += (int64_t)m->rcpts.len;
	str_reset(&m->rcpts);
}
