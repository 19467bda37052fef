/*
 * The queue file: written and synced off the loop.  design.md section 5, rule
 * 1: content, complete file and name are on disk before anybody hears "250".
 */
#include "cleanup/message.h"

#include "lib/base/clock.h"
#include "lib/base/crc32c.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/mail/queue_disk.h"
#include "lib/mail/queue_id.h"
#include "lib/run/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

static int64_t
content_at(const struct message *m)
{
	return m->preamble.content_at;
}

void
store_fail(struct message *m, struct err e)
{
	if (err_is(m->failure))
		return;
	m->no_space = errno == ENOSPC || errno == EDQUOT;
	m->failure = e;
}

void
store_create(struct message *m, struct view preamble)
{
	struct err e;

	if (m->created)
		return;
	m->created_in = m->queue;
	e = queue_create(m->queue, m->submit.queue_id, &m->fd);
	m->created = !err_is(e);
	if (err_is(e) && errno == EEXIST && m->is_again && preamble.len > 0)
		e = again_open(m, preamble);
	if (err_is(e))
		store_fail(m, e);
}

/* --- what follows the content --- */

/* The pieces as ranges of the file. */
static void
build_layout(struct message *m)
{
	int64_t added_at = content_at(m) + m->content_len;

	str_reset(&m->layout);
	for (size_t i = 0; i < m->n_pieces; i++) {
		const struct piece *p = &m->pieces[i];

		queue_layout_add(&m->layout,
		    p->at + (p->added ? added_at : content_at(m)), p->len);
	}
}

/* All but what becomes known only now is in the preamble. */
static void
build_tail_for(struct message *m, struct queue_preamble *p, struct view rcpts)
{
	struct ipc_submit *s = &m->submit;
	struct ipc_envelope envelope = {
		.queue_id = s->queue_id,
		.origin = s->origin,
		.context = s->context,
		.sender = str_view(&m->sender),
		.full_name = s->full_name,
		.envid = s->envid,
		.ret = s->ret,
		.client_name = s->client_name,
		.client_addr = s->client_addr,
		.client_port = s->client_port,
		.protocol = s->protocol,
		.helo = s->helo,
		.sasl_method = s->sasl_method,
		.sasl_username = s->sasl_username,
		.filter = orders_filter(&m->orders),
		.layout = str_view(&m->layout),
	};

	p->content_len = m->content_len;
	queue_build_tail(&m->tail, p, &envelope, rcpts, str_view(&m->added));
}

static void
build_tail(struct message *m)
{
	struct queue_preamble *p = &m->preamble;
	bool are_late = rcpts_are_late(m);
	size_t end;

	p->n_rcpts = m->n_rcpts;
	p->flags = m->flags;
	p->arrival_us = m->submit.arrival_us;
	build_tail_for(
	    m, p, p->rcpts_at != 0 ? VIEW_EMPTY : str_view(&m->rcpts));
	if (are_late) {
		end = m->tail.len - QUEUE_MARK_LEN;
		str_set(&m->end, view_skip(str_view(&m->tail), end));
		str_cut(&m->tail, end);
	}
	str_add(m->end.len > 0 ? &m->end : &m->tail, str_view(&m->journal));
}

int64_t
store_find_end(struct message *m)
{
	struct queue_preamble p = m->preamble;

	build_layout(m);
	p.rcpts_at = 0;
	build_tail_for(m, &p, VIEW_EMPTY);
	return p.rcpts_at;
}

/* Where the content begins: after the recipients if these are many. */
static void
set_places(struct message *m)
{
	if (m->preamble.content_at != 0)
		return;
	if (m->n_rcpts > QUEUE_RCPTS_INLINE && m->rcpts.len > 0)
		rcpts_write(m);
	m->preamble.content_at = QUEUE_PREAMBLE_LEN + m->preamble.rcpts_len;
}

/* Those that came when others were written already. */
static void
end_rcpts(struct message *m)
{
	if (m->preamble.rcpts_at != 0 && m->rcpts.len > 0)
		rcpts_write(m);
}

/* --- content --- */

struct writing {
	struct message *m;
	size_t n; /* of what is pending */
};

/* On a thread. */
static void
write_pending(void *arg)
{
	struct writing *w = arg;
	struct message *m = w->m;
	int64_t at = content_at(m) + m->content_len - (int64_t)m->pending_len;
	struct err e;

	store_create(m, VIEW_EMPTY);
	if (err_is(m->failure))
		return;
	for (size_t i = 0; i < w->n; i++)
		m->sum = crc32c(m->sum,
		    view_make(m->pending[i].iov_base, m->pending[i].iov_len));
	e = queue_write_parts_at(m->fd, m->pending, w->n, at);
	if (err_is(e))
		store_fail(m, e);
}

/* What this message holds has changed. */
static void
account(struct message *m)
{
	int64_t now = (int64_t)(m->head.room + m->pending_len);

	m->cleanup->held += now - m->held;
	m->held = now;
}

static bool
is_memory_short(const struct message *m)
{
	return m->cleanup->held > CLEANUP_HELD_MAX;
}

/* The first n of what is pending: they are written. */
static void
drop_pending(struct message *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ipc_frame_free(m->frames[i]);
		m->pending_len -= m->pending[i].iov_len;
	}
	m->n_pending -= n;
	memmove(m->frames, m->frames + n, m->n_pending * sizeof(m->frames[0]));
	memmove(
	    m->pending, m->pending + n, m->n_pending * sizeof(m->pending[0]));
	account(m);
}

void
store_clear(struct message *m)
{
	drop_pending(m, m->n_pending);
	str_clear(&m->head);
	account(m);
}

/* All that is pending but the last bytes. */
static void
write_all_but(struct message *m, size_t rest)
{
	struct writing w = { m, m->n_pending };
	struct iovec *last, kept;

	while (w.n > 0 && rest >= m->pending[w.n - 1].iov_len)
		rest -= m->pending[--w.n].iov_len;
	if (w.n == 0)
		return;
	last = &m->pending[w.n - 1];
	last->iov_len -= rest;
	kept = (struct iovec){ (char *)last->iov_base + last->iov_len, rest };
	if (!err_is(m->failure))
		offload(write_pending, &w);
	if (rest == 0) {
		drop_pending(m, w.n);
		return;
	}
	/* The frame that the rest is in stays with it. */
	m->pending_len -= last->iov_len;
	*last = kept;
	drop_pending(m, w.n - 1);
}

void
store_flush(struct message *m)
{
	if (m->n_pending == 0)
		return;
	set_places(m);
	write_all_but(m, 0);
}

/* Up to where a step ends in the file: the page cache then holds it in large
 * parts, and few. */
static void
flush_steps(struct message *m)
{
	int64_t end;

	set_places(m);
	end = content_at(m) + m->content_len;
	write_all_but(m, (size_t)(end % CLEANUP_WRITE_STEP));
}

/* The header is looked at when all is there.  Where it ends otherwise than by
 * an empty line, the lines that follow say how. */
static void
keep_head(struct message *m, struct view bytes)
{
	size_t most =
	    is_memory_short(m) ? CLEANUP_HEADER_MIN : CLEANUP_HEADER_MAX;
	size_t room = most > m->head.len ? most - m->head.len : 0;

	if (m->is_head_cut || m->head_scan.end == HEADER_END)
		return;
	m->is_head_cut = bytes.len > room;
	bytes = view_first(bytes, room);
	header_scan_feed(&m->head_scan, bytes);
	str_add(&m->head, bytes);
}

void
store_take_content(
    struct message *m, struct view bytes, struct ipc_frame *frame)
{
	int64_t limit = m->cleanup->conf->message_size_limit;

	m->content_len += (int64_t)bytes.len;
	/* smtpd has counted what the client sent; this is the last line. */
	if (limit > 0 && m->content_len > limit + CLEANUP_HEADER_MAX)
		m->too_large = true;
	if (m->too_large || err_is(m->failure) || m->refusal.code != 0 ||
	    m->orders.code != 0 || bytes.len == 0) {
		ipc_frame_free(frame);
		return;
	}
	keep_head(m, bytes);
	m->frames[m->n_pending] = frame;
	m->pending[m->n_pending++] =
	    (struct iovec){ (void *)(uintptr_t)bytes.ptr, bytes.len };
	m->pending_len += bytes.len;
	account(m);
	if (m->n_pending == CLEANUP_WRITE_FRAMES ||
	    (is_memory_short(m) && m->pending_len >= CLEANUP_WRITE_SMALL))
		store_flush(m);
	else if (m->pending_len >= CLEANUP_WRITE_STEP)
		flush_steps(m);
}

void
store_take_copy(struct message *m, struct view bytes)
{
	store_take_content(m, bytes, NULL);
	store_flush(m);
}

/* --- the end --- */

/* What is not written yet but the preamble. */
static struct err
write_rest(struct message *m)
{
	int64_t tail_at = content_at(m) + m->content_len;
	struct iovec iov[2] = {
		{ (void *)(uintptr_t)m->content.ptr, m->content.len },
		{ m->tail.ptr, m->tail.len },
	};
	size_t sum = m->content.len + m->tail.len;
	ssize_t n = pwritev(m->fd, iov, 2, tail_at - (int64_t)m->content.len);
	struct err e;

	if (n == (ssize_t)sum)
		return ERR_OK;
	if (n < 0)
		return err_sys(ERR_TEMP, "write queue file");
	/* A short write says little; another says why. */
	e = queue_write_at(m->fd, m->content, content_at(m));
	if (!err_is(e))
		e = queue_write_at(m->fd, str_view(&m->tail), tail_at);
	return e;
}

/* Behind recipients that stand there already. */
static struct err
write_end(struct message *m)
{
	const struct queue_preamble *p = &m->preamble;

	return m->end.len > 0 ? queue_write_at(m->fd, str_view(&m->end),
				    p->commit_len - QUEUE_MARK_LEN)
			      : ERR_OK;
}

/* To the folder where it is wanted now; nobody takes it up while it has our
 * lock. */
static void
move_file(struct message *m)
{
	struct queue_path from, to;

	if (m->created_in == m->queue)
		return;
	from = queue_path_of(m->created_in, m->submit.queue_id);
	to = queue_path_of(m->queue, m->submit.queue_id);
	if (queue_move(from.text, to.text) < 0)
		store_fail(m, err_sys(ERR_TEMP, "move %s to %s", from.text, to.text));
	else
		m->created_in = m->queue;
}

/* On a thread: all of the file, on its way to the disk. */
static void
begin_commit(void *arg)
{
	struct message *m = arg;
	char preamble[QUEUE_PREAMBLE_LEN];
	struct err e;

	m->sum = crc32c(m->sum, m->content);
	m->preamble.body_sum =
	    queue_body_sum(crc32c(m->sum, str_view(&m->added)));
	queue_build_preamble(preamble, &m->preamble);
	store_create(m, view_make(preamble, sizeof(preamble)));
	if (!err_is(m->failure))
		move_file(m);
	if (err_is(m->failure))
		return;
	TEST_POINT("cleanup-created");
	e = write_rest(m);
	if (!err_is(e))
		e = write_end(m);
	TEST_POINT("cleanup-content");
	/* Last: without it, whatever a kill in the middle of a write leaves is
	 * known for what it is, and never taken for damage. */
	if (!err_is(e))
		e = queue_write_at(
		    m->fd, view_make(preamble, sizeof(preamble)), 0);
	TEST_POINT("cleanup-written");
	if (!err_is(e))
		e = queue_note_commit(m->fd, QUEUE_MODE);
	TEST_POINT("cleanup-noted");
	if (!err_is(e))
		e = queue_start_sync(m->fd);
	if (err_is(e))
		store_fail(m, e);
}

/* On a thread: it is on disk. */
static void
finish_commit(void *arg)
{
	struct message *m = arg;
	struct err e;

	if (err_is(m->failure))
		return;
	e = queue_sync(m->fd, m->queue);
	if (err_is(e)) {
		store_fail(m, e);
		return;
	}
	TEST_POINT("cleanup-synced");
	/* With the lock: whoever finds the file from now on may have it. */
	if (close(m->fd) < 0)
		log_warn("close queue file: %s", strerror(errno));
	m->fd = -1;
}

static void
commit_alone(void *arg)
{
	begin_commit(arg);
	finish_commit(arg);
}

struct err
store_commit(struct message *m)
{
	bool is_large;

	set_places(m);
	store_flush(m);
	end_rcpts(m);
	build_layout(m);
	build_tail(m);
	is_large = m->content_len + m->preamble.rcpts_len +
		(int64_t)m->tail.len >
	    CLEANUP_TOGETHER_MAX;
	if (err_is(m->failure))
		return m->failure;
	if (!is_large && queue_syncs_together())
		offload_together(begin_commit, finish_commit, m);
	else
		offload(commit_alone, m);
	return m->failure;
}

static void
remove_file(void *arg)
{
	struct message *m = arg;
	struct queue_path path =
	    queue_path_of(m->created_in, m->submit.queue_id);

	if (unlink(path.text) < 0 && errno != ENOENT) {
		log_warn("remove %s: %s", path.text, strerror(errno));
		/* It may be whole, and was refused: empty, it is litter. */
		if (m->fd >= 0 && ftruncate(m->fd, 0) < 0)
			log_warn("cut %s: %s", path.text, strerror(errno));
	}
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

void
store_cancel(struct message *m)
{
	if (m->created)
		offload(remove_file, m);
	else if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	m->created = false;
}

bool
store_has_space(struct cleanup *c)
{
	static int64_t asked_ms = INT64_MIN;
	static bool enough = true;
	struct statvfs fs;
	int64_t now = clock_ms(), need, have;

	if (asked_ms != INT64_MIN && now - asked_ms < 1000)
		return enough;
	asked_ms = now;
	if (statvfs(".", &fs) < 0)
		return enough;
	have = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	need = c->conf->queue_minfree > 0 ? c->conf->queue_minfree :
	    c->conf->message_size_limit + c->conf->message_size_limit / 2;
	enough = have >= need && (fs.f_files == 0 || fs.f_favail > 0);
	return enough;
}
