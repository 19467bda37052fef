/*
 * One connection between two processes: see conn.h.  Its life on the loop, and
 * without one; what leaves is in conn_out.c, what comes in conn_in.c.
 */
#include "lib/ipc/conn_impl.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/run/io.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	DRAIN_READS = 64,
	/* Reads in a turn: then others come first. */
	TURN_READS = 8,
};

static struct list dirty_conns = { &dirty_conns, &dirty_conns };
static struct loop_hook flush_hook;

static void
conn_unwatch(struct ipc_conn *c)
{
	if (c->watched)
		loop_remove_watch(&c->watch);
	c->watched = false;
	timer_cancel(&c->retry);
}

/* Over: told once, when no callback of this connection is running. */
static void
conn_end(struct ipc_conn *c, struct err why)
{
	if (c->over)
		return;
	c->over = true;
	conn_unwatch(c);
	list_remove(&c->dirty);
	wait_queue_wake_all(&c->room);
	if (c->events != NULL)
		c->events->gone(c, why);
}

/* No frame is to be handed out now. */
static bool
is_held(const struct ipc_conn *c)
{
	return c->paused || c->leaving ||
	    (c->holds && conn_unsent(c) >= IPC_OUT_MAX);
}

void
conn_set_watch(struct ipc_conn *c)
{
	/* What is dirty is sent at the end of this turn, most often whole. */
	bool waits_for_room = conn_unsent(c) > 0 && c->retry.place == 0 &&
	    list_is_empty(&c->dirty);
	uint32_t events = (is_held(c) ? 0 : EPOLLIN) |
	    (waits_for_room ? EPOLLOUT : 0);

	if (c->watched)
		loop_change_watch(&c->watch, events);
}

static struct err
hand_out_frames(struct ipc_conn *c)
{
	while (!c->over && !is_held(c)) {
		struct ipc_frame *f;
		struct err e = conn_cut_frame(c, &f);

		if (err_is(e))
			return e;
		if (f == NULL)
			break;
		c->events->frame(c, f);
	}
	if (c->in_at == c->in.len) {
		if (c->in.room > CONN_KEPT_MAX)
			str_clear(&c->in);
		else
			str_reset(&c->in);
		c->in_at = 0;
	}
	return ERR_OK;
}

/*
 * The peer is gone, but what it said before counts: it may have told something
 * and left.  While nothing can be handed out the connection stays, unwatched,
 * since the kernel would report its end again and again.
 */
static struct err
drain_broken(struct ipc_conn *c)
{
	struct err e = hand_out_frames(c);

	for (int i = 0; i < DRAIN_READS && !err_is(e); i++) {
		bool would_block;

		if (c->leaving)
			break;
		if (is_held(c)) {
			conn_unwatch(c);
			return ERR_OK;
		}
		e = conn_receive(c, &would_block);
		if (!err_is(e) && would_block)
			break;
		if (!err_is(e))
			e = hand_out_frames(c);
	}
	return err_is(e) ? e : err_make(ERR_GONE, "send: connection lost");
}

/* Send, and hand out what came before the reading was paused. */
static struct err
conn_turn(struct ipc_conn *c)
{
	struct err e = ERR_OK;

	if (!c->broken && !conn_out_flush(c))
		conn_out_drop(c);
	if (c->broken)
		return drain_broken(c);
	if (c->leaving && conn_unsent(c) == 0)
		return err_make(ERR_GONE, "all is sent");
	if (c->resumed) {
		c->resumed = false;
		e = hand_out_frames(c);
	}
	conn_set_watch(c);
	return e;
}

static void
flush_dirty(struct loop_hook *h)
{
	struct list *it;

	(void)h;
	while ((it = list_first(&dirty_conns)) != NULL) {
		struct ipc_conn *c = LIST_ITEM(it, struct ipc_conn, dirty);
		struct err e;

		list_remove(it);
		e = conn_turn(c);
		if (err_is(e))
			conn_end(c, e);
	}
}

void
conn_make_dirty(struct ipc_conn *c)
{
	if (loop_is_on() && list_is_empty(&c->dirty))
		list_append(&dirty_conns, &c->dirty);
}

/* Of a large frame more is likely to be there, or to come in a moment. */
static struct err
receive_turn(struct ipc_conn *c)
{
	struct err e = ERR_OK;

	for (int i = 0; i < TURN_READS && !err_is(e); i++) {
		bool would_block;

		e = conn_receive(c, &would_block);
		if (err_is(e) || would_block)
			break;
		e = hand_out_frames(c);
		if ((c->large == NULL && c->expected_len == 0) || c->over ||
		    is_held(c))
			break;
	}
	return e;
}

static void
on_ready(struct loop_watch *w, uint32_t events)
{
	struct ipc_conn *c = w->arg;
	struct err e = ERR_OK;

	if ((events & EPOLLOUT) != 0) {
		/* Room may let frames out that were held for the want of it. */
		c->resumed = true;
		e = conn_turn(c);
	}
	if (!err_is(e) && !c->broken && is_held(c)) {
		if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
			conn_out_drop(c);
			e = drain_broken(c);
		}
	} else if (!err_is(e) && !c->broken &&
	    (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
		e = receive_turn(c);
	}
	if (err_is(e))
		conn_end(c, e);
	else
		conn_set_watch(c);
}

/* --- the interface --- */

bool
ipc_conn_has_room(const struct ipc_conn *c)
{
	return conn_unsent(c) < IPC_OUT_MAX;
}

struct err
ipc_conn_wait_unsent(struct ipc_conn *c, size_t max, int64_t deadline)
{
	if (!loop_is_on())
		return ipc_conn_flush(c, deadline);
	while (!c->over && conn_unsent(c) >= max) {
		struct err e = wait_queue_for(&c->room, deadline);

		if (err_is(e))
			return e;
	}
	return c->over || c->broken ?
	    err_make(ERR_GONE, "send: connection lost") : ERR_OK;
}

void
ipc_conn_hold_when_full(struct ipc_conn *c)
{
	c->holds = true;
}

void
ipc_conn_refuse_fds(struct ipc_conn *c)
{
	c->fds_in_max = 0;
}

bool
ipc_conn_is_owed(const struct ipc_conn *c)
{
	bool has_part = c->in.len > c->in_at ||
	    (c->large != NULL && c->large->bytes.len > 0);

	return conn_unsent(c) > 0 || (has_part && !is_held(c));
}

void
ipc_conn_abort(struct ipc_conn *c, struct err why)
{
	conn_end(c, why);
}

void
ipc_conn_leave(struct ipc_conn *c)
{
	if (c->over || c->leaving)
		return;
	c->leaving = true;
	conn_make_dirty(c);
}

void
ipc_conn_pause(struct ipc_conn *c, bool paused)
{
	if (c->paused == paused || c->over)
		return;
	c->paused = paused;
	conn_set_watch(c);
	c->resumed = !paused;
	if (c->resumed)
		conn_make_dirty(c);
}

struct err
ipc_conn_flush(struct ipc_conn *c, int64_t deadline)
{
	while (conn_unsent(c) > 0) {
		struct err e;

		if (!conn_out_flush(c)) {
			e = err_io("send");
			conn_out_drop(c);
			return e;
		}
		if (conn_unsent(c) == 0)
			break;
		e = io_wait(c->watch.fd, IO_WRITE, deadline);
		if (err_is(e))
			return e;
	}
	return c->broken ? err_make(ERR_GONE, "send: connection lost") :
			   ERR_OK;
}

struct err
ipc_conn_next(struct ipc_conn *c, struct ipc_frame **f, int64_t deadline)
{
	struct err e = ipc_conn_flush(c, deadline);

	/* A peer that takes nothing more may have said something before. */
	if (err_is(e) && !c->broken)
		return e;
	for (;;) {
		bool would_block;

		e = conn_cut_frame(c, f);
		if (err_is(e) || *f != NULL)
			return e;
		e = io_wait(c->watch.fd, IO_READ, deadline);
		if (!err_is(e))
			e = conn_receive(c, &would_block);
		if (err_is(e))
			return e;
	}
}

struct ipc_conn *
ipc_conn_new(int fd, const struct ipc_conn_events *events, void *owner)
{
	struct ipc_conn *c = xcalloc(1, sizeof(*c));

	c->events = events;
	c->owner = owner;
	c->fds_in_max = IPC_FDS_MAX;
	c->in = STR_EMPTY;
	c->out = STR_EMPTY;
	list_init(&c->dirty);
	wait_queue_init(&c->room);
	c->watch = (struct loop_watch){ .fd = fd, .events = EPOLLIN,
		.ready = on_ready, .arg = c };
	if (loop_is_on()) {
		if (flush_hook.run == NULL) {
			flush_hook.run = flush_dirty;
			loop_add_hook(&flush_hook);
		}
		loop_add_watch(&c->watch);
		c->watched = true;
	}
	return c;
}

void
ipc_conn_free(struct ipc_conn *c)
{
	if (c == NULL)
		return;
	conn_unwatch(c);
	list_remove(&c->dirty);
	wait_queue_wake_all(&c->room);
	ipc_frame_free(c->large);
	for (size_t i = 0; i < c->n_fds_in; i++)
		close(c->fds_in[i]);
	for (size_t i = 0; i < c->n_fds_out; i++)
		close(c->fds_out[i].fd);
	free(c->fds_out);
	str_clear(&c->in);
	str_clear(&c->out);
	close(c->watch.fd);
	free(c);
}
