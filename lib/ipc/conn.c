/*
 * One connection between two processes: see conn.h.  Reads are as large as the
 * socket gives, and the rest of a large frame is read to where it stays; long
 * strings are sent from where they stand.  A descriptor belongs to the frame
 * during which it came, and a frame that declares one that is not there, or
 * comes with one that it did not declare, ends the connection.
 */
#include "lib/ipc/conn.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Shared by all connections: nothing stays here across a wait. */
static char scratch[IPC_FRAME_MAX];

static struct list dirty_conns = { &dirty_conns, &dirty_conns };
static struct loop_hook flush_hook;

/* Memory of large frames, for the next ones: a stream of content would get it
 * from the kernel and give it back for each. */
enum { SPARES_MAX = 16 };

static struct str spares[SPARES_MAX];
static size_t n_spares;

static struct str
take_spare(void)
{
	struct str s = STR_EMPTY;

	if (n_spares > 0)
		return spares[--n_spares];
	str_reserve(&s, IPC_FRAME_MAX);
	return s;
}

static void
give_spare(struct str *s)
{
	if (s->room <= IPC_FRAME_MAX || n_spares == SPARES_MAX) {
		str_clear(s);
		return;
	}
	str_reset(s);
	spares[n_spares++] = *s;
	*s = STR_EMPTY;
}

void
ipc_frame_free(struct ipc_frame *f)
{
	if (f == NULL)
		return;
	if (f->fd >= 0)
		close(f->fd);
	give_spare(&f->bytes);
	free(f);
}

bool
ipc_frame_is(const struct ipc_frame *f, const struct ipc_type *type)
{
	return view_eq(f->header.name, view_of(type->name));
}

struct err
ipc_frame_read(struct ipc_frame *f, const struct ipc_type *type,
    void *message)
{
	struct err e = ipc_decode(&f->header, type, message, f->fd);

	if (!err_is(e))
		for (size_t i = 0; i < type->n_fields; i++)
			if (type->fields[i].kind == IPC_FD)
				f->fd = -1;
	return e;
}

enum {
	RETRY_MS = 20,
	DRAIN_READS = 64,
	KEPT_MAX = 4096,
	/* A frame as large as this is read to its place, a string sent from
	 * its own. */
	LARGE_MIN = 16384,
	/* What is read beyond a large frame: as much as shows whether the next
	 * one is large too. */
	BEYOND_LARGE = 64,
	/* Reads in a turn: then others come first. */
	TURN_READS = 8,
	/* What the kernel lets one message carry (SCM_MAX_FD). */
	FDS_RECEIVED_MAX = 253,
};

static size_t
unsent(const struct ipc_conn *c)
{
	return c->out.len - c->out_at;
}

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

/* --- out --- */

/* The bytes up to where the next descriptor is due. */
static size_t
bytes_until_fd(const struct ipc_conn *c, size_t first_fd)
{
	return first_fd < c->n_fds_out ? c->fds_out[first_fd].at - c->out_at :
					 c->out.len - c->out_at;
}

static ssize_t
send_with_fd(struct ipc_conn *c, const char *ptr, size_t len, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)ptr, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	return sendmsg(c->watch.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* One system call's worth.  False with errno set. */
static bool
send_some(struct ipc_conn *c)
{
	const char *ptr = c->out.ptr + c->out_at;
	ssize_t n;

	if (c->n_fds_out > 0 && c->fds_out[0].at == c->out_at) {
		n = send_with_fd(c, ptr, bytes_until_fd(c, 1),
		    c->fds_out[0].fd);
		if (n > 0) {
			close(c->fds_out[0].fd);
			c->n_fds_out--;
			memmove(c->fds_out, c->fds_out + 1,
			    c->n_fds_out * sizeof(c->fds_out[0]));
		}
	} else {
		n = send(c->watch.fd, ptr, bytes_until_fd(c, 0),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (n > 0) {
		c->out_at += (size_t)n;
		c->n_moved++;
	}
	return n >= 0;
}

/* The peer takes nothing more. */
static void
conn_break(struct ipc_conn *c)
{
	c->broken = true;
	for (size_t i = 0; i < c->n_fds_out; i++)
		close(c->fds_out[i].fd);
	c->n_fds_out = 0;
	str_clear(&c->out);
	c->out_at = 0;
	wait_queue_wake_all(&c->room);
}

static void conn_set_watch(struct ipc_conn *c);

static void
on_retry(struct timer *t)
{
	conn_set_watch(LIST_ITEM(t, struct ipc_conn, retry));
}

/* The socket could be written to, but the peers of our uid must first take the
 * descriptors that are under way. */
static void
wait_for_others(struct ipc_conn *c)
{
	if (loop_is_on())
		timer_set(&c->retry, loop_now() + RETRY_MS, on_retry);
	else
		fiber_sleep(RETRY_MS);
}

/* All is sent: a large buffer is not kept. */
static void
forget_sent(struct ipc_conn *c)
{
	if (c->out.room > KEPT_MAX)
		str_clear(&c->out);
	else
		str_reset(&c->out);
	c->out_at = 0;
}

/* Sends what the socket takes.  False if the connection broke. */
static bool
conn_flush(struct ipc_conn *c)
{
	while (c->out_at < c->out.len) {
		if (send_some(c) || errno == EINTR)
			continue;
		if (errno == ETOOMANYREFS)
			wait_for_others(c);
		else if (errno != EAGAIN)
			return false;
		break;
	}
	if (c->out_at == c->out.len)
		forget_sent(c);
	if (unsent(c) < IPC_OUT_MAX)
		wait_queue_wake_all(&c->room);
	return true;
}

/* No frame is to be handed out now. */
static bool
is_held(const struct ipc_conn *c)
{
	return c->paused || c->leaving ||
	    (c->holds && unsent(c) >= IPC_OUT_MAX);
}

static void
conn_set_watch(struct ipc_conn *c)
{
	uint32_t events = (is_held(c) ? 0 : EPOLLIN) |
	    (unsent(c) > 0 && c->retry.place == 0 ? EPOLLOUT : 0);

	if (c->watched)
		loop_change_watch(&c->watch, events);
}

static struct err receive(struct ipc_conn *c, bool *would_block);
static struct err hand_out_frames(struct ipc_conn *c);

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
		e = receive(c, &would_block);
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

	if (!c->broken && !conn_flush(c))
		conn_break(c);
	if (c->broken)
		return drain_broken(c);
	if (c->leaving && unsent(c) == 0)
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

static void
make_dirty(struct ipc_conn *c)
{
	if (loop_is_on() && list_is_empty(&c->dirty))
		list_append(&dirty_conns, &c->dirty);
}

static void
add_fd(struct ipc_conn *c, size_t at, int fd)
{
	if (c->n_fds_out == c->fds_out_room) {
		c->fds_out_room = c->fds_out_room * 2 + 4;
		c->fds_out = xreallocarray(c->fds_out, c->fds_out_room,
		    sizeof(c->fds_out[0]));
	}
	c->fds_out[c->n_fds_out].at = at;
	c->fds_out[c->n_fds_out++].fd = fd;
}

static void
out_compact(struct ipc_conn *c)
{
	if (c->out_at < 65536 || c->out_at < c->out.len / 2)
		return;
	str_drop_front(&c->out, c->out_at);
	for (size_t i = 0; i < c->n_fds_out; i++)
		c->fds_out[i].at -= c->out_at;
	c->out_at = 0;
}

void
ipc_close_fd(const struct ipc_type *type, const void *message)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		int fd;

		if (type->fields[i].kind != IPC_FD)
			continue;
		memcpy(&fd, (const char *)message + type->fields[i].offset,
		    sizeof(fd));
		if (fd >= 0)
			close(fd);
	}
}

/*
 * Send what was gathered, then a frame's head, body and end, as far as the
 * socket takes them; what is left is gathered.  What is wrong with the
 * connection shows when that is sent.
 */
static void
send_parts(struct ipc_conn *c, size_t head_at, struct view body)
{
	struct iovec iov[] = {
		{ c->out.ptr + c->out_at, unsent(c) },
		{ (void *)(uintptr_t)body.ptr, body.len },
		{ (void *)(uintptr_t)IPC_FRAME_END.ptr, IPC_FRAME_END.len },
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = ARRAY_LEN(iov) };
	ssize_t n = sendmsg(c->watch.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	size_t sent = n > 0 ? (size_t)n : 0, rest;

	assert(head_at >= c->out_at);
	rest = sent < iov[0].iov_len ? 0 : sent - iov[0].iov_len;
	c->out_at += sent - rest;
	if (rest == body.len + IPC_FRAME_END.len) {
		forget_sent(c);
		return;
	}
	str_add(&c->out, view_skip(body, rest));
	str_add(&c->out,
	    view_skip(IPC_FRAME_END, rest > body.len ? rest - body.len : 0));
}

/* From where the bytes stand, if nothing that is before them must wait. */
static bool
may_send_parts(const struct ipc_conn *c, const struct ipc_type *type,
    const void *message)
{
	const struct ipc_field *last;
	struct view body;

	if (type->n_fields == 0 || c->n_fds_out > 0 || unsent(c) >= LARGE_MIN)
		return false;
	last = &type->fields[type->n_fields - 1];
	if (last->kind != IPC_STR)
		return false;
	for (size_t i = 0; i + 1 < type->n_fields; i++)
		if (type->fields[i].kind == IPC_FD)
			return false;
	memcpy(&body, (const char *)message + last->offset, sizeof(body));
	return body.len >= LARGE_MIN;
}

static struct err
send_large(struct ipc_conn *c, uint32_t number, const struct ipc_type *type,
    const void *message)
{
	size_t at = c->out.len;
	struct view body;
	int fd;
	struct err e =
	    ipc_encode_head(&c->out, number, type, message, &body, &fd);

	if (err_is(e))
		return e;
	send_parts(c, at, body);
	if (unsent(c) > 0)
		make_dirty(c);
	return e;
}

struct err
ipc_conn_send(struct ipc_conn *c, uint32_t number,
    const struct ipc_type *type, const void *message)
{
	size_t at;
	struct err e = ERR_OK;
	int fd;

	if (c->over || c->broken)
		e = err_make(ERR_GONE, "send %s: connection lost", type->name);
	out_compact(c);
	if (!err_is(e) && may_send_parts(c, type, message))
		return send_large(c, number, type, message);
	at = c->out.len;
	if (!err_is(e))
		e = ipc_encode(&c->out, number, type, message, &fd);
	if (err_is(e)) {
		ipc_close_fd(type, message);
		return e;
	}
	if (fd >= 0)
		add_fd(c, at, fd);
	make_dirty(c);
	return ERR_OK;
}

bool
ipc_conn_has_room(const struct ipc_conn *c)
{
	return unsent(c) < IPC_OUT_MAX;
}

struct err
ipc_conn_wait_unsent(struct ipc_conn *c, size_t max, int64_t deadline)
{
	if (!loop_is_on())
		return ipc_conn_flush(c, deadline);
	while (!c->over && unsent(c) >= max) {
		struct err e = wait_queue_for(&c->room, deadline);

		if (err_is(e))
			return e;
	}
	return c->over || c->broken ?
	    err_make(ERR_GONE, "send: connection lost") : ERR_OK;
}

/* --- in --- */

static bool
take_fds(struct ipc_conn *c, struct msghdr *m)
{
	bool ok = (m->msg_flags & MSG_CTRUNC) == 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL;
	     h = CMSG_NXTHDR(m, h)) {
		size_t n;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int),
			    sizeof(int));
			if (c->n_fds_in < c->fds_in_max) {
				c->fds_in[c->n_fds_in++] = fd;
			} else {
				close(fd);
				ok = false;
			}
		}
	}
	return ok;
}

static struct ipc_frame *
frame_new(void)
{
	struct ipc_frame *f = xcalloc(1, sizeof(*f));

	list_init(&f->node);
	f->bytes = STR_EMPTY;
	f->fd = -1;
	return f;
}

static struct ipc_frame *
frame_new_large(size_t len)
{
	struct ipc_frame *f = frame_new();

	f->bytes = take_spare();
	f->header.frame_len = len;
	return f;
}

/* Where the next bytes go: the rest of a large frame, or all of one that is
 * likely to come; then the scratch. */
static int
places_to_read(struct ipc_conn *c, struct iovec iov[2])
{
	struct ipc_frame *f = c->large;

	if (f == NULL && c->expected_len > 0 && c->in_at == c->in.len)
		f = c->large = frame_new_large(c->expected_len);
	if (f == NULL) {
		iov[0] = (struct iovec){ scratch, sizeof(scratch) };
		return 1;
	}
	iov[0].iov_len = f->header.frame_len - f->bytes.len;
	iov[0].iov_base = str_reserve(&f->bytes, iov[0].iov_len);
	iov[1] = (struct iovec){ scratch, BEYOND_LARGE };
	return 2;
}

/* n bytes are where places_to_read said. */
static void
take_bytes(struct ipc_conn *c, size_t n)
{
	if (c->in_at > 0) {
		str_drop_front(&c->in, c->in_at);
		c->in_at = 0;
	}
	if (c->large != NULL) {
		struct str *bytes = &c->large->bytes;
		size_t room = c->large->header.frame_len - bytes->len;
		size_t first = n < room ? n : room;

		str_grew(bytes, first);
		n -= first;
	}
	str_add(&c->in, view_make(scratch, n));
}

/* One recvmsg.  ERR_GONE at the end; *would_block instead of EAGAIN. */
static struct err
receive(struct ipc_conn *c, bool *would_block)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FDS_RECEIVED_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov[2];
	struct msghdr m = { .msg_iov = iov,
		.msg_iovlen = (size_t)places_to_read(c, iov),
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	*would_block = false;
	n = recvmsg(c->watch.fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		*would_block = true;
		return ERR_OK;
	}
	if (n < 0)
		return err_io("receive");
	if (!take_fds(c, &m))
		return err_make(ERR_PERM, "receive: too many descriptors");
	if (n == 0)
		return err_make(ERR_GONE, "receive: connection closed");
	take_bytes(c, (size_t)n);
	return ERR_OK;
}

/* All of the frame is there: its descriptor, and out with it. */
static struct err
finish_frame(struct ipc_conn *c, struct ipc_frame *f, struct ipc_frame **frame)
{
	bool complete;
	struct err e =
	    ipc_decode_header(str_view(&f->bytes), &f->header, &complete);

	if (!err_is(e) && f->header.n_fds > c->n_fds_in)
		e = err_make(ERR_PERM, "receive %.*s: missing descriptor",
		    VIEW_ARGS(f->header.name));
	if (err_is(e)) {
		ipc_frame_free(f);
		return e;
	}
	if (f->header.n_fds > 0) {
		f->fd = c->fds_in[0];
		c->n_fds_in--;
		memmove(c->fds_in, c->fds_in + 1, c->n_fds_in * sizeof(int));
	}
	c->n_frames++;
	c->n_moved++;
	*frame = f;
	return ERR_OK;
}

/* v is the beginning of a frame.  A large one gets its place at once. */
static void
begin_frame(struct ipc_conn *c, struct view v)
{
	size_t len = ipc_frame_len(v);

	if (len < LARGE_MIN)
		return;
	c->large = frame_new_large(len);
	str_add(&c->large->bytes, v);
	c->in_at = c->in.len;
}

/* The frame is longer than was expected: what was read beyond is of it. */
static void
lengthen(struct ipc_conn *c, struct ipc_frame *f, size_t len)
{
	struct view v = view_first(view_skip(str_view(&c->in), c->in_at),
	    len - f->bytes.len);

	f->header.frame_len = len;
	str_add(&f->bytes, v);
	c->in_at += v.len;
}

/* It is shorter: the next one came along, before what is in c->in. */
static void
shorten(struct ipc_conn *c, struct ipc_frame *f, size_t len)
{
	struct str more = STR_EMPTY;

	str_set(&more, view_skip(str_view(&f->bytes), len));
	str_add(&more, view_skip(str_view(&c->in), c->in_at));
	str_clear(&c->in);
	c->in = more;
	c->in_at = 0;
	str_cut(&f->bytes, len);
}

/* What was read to a frame's own place. */
static struct err
cut_large(struct ipc_conn *c, struct ipc_frame **frame)
{
	struct ipc_frame *f = c->large;
	size_t len = ipc_frame_len(str_view(&f->bytes));
	struct ipc_header h;
	bool complete;
	/* Above all: is that a length? */
	struct err e = ipc_decode_header(str_view(&f->bytes), &h, &complete);

	if (err_is(e))
		return e;
	if (len > f->bytes.len)
		lengthen(c, f, len);
	if (len == 0 || len > f->bytes.len)
		return ERR_OK;
	if (len < f->bytes.len)
		shorten(c, f, len);
	c->large = NULL;
	c->expected_len = len >= LARGE_MIN ? len : 0;
	return finish_frame(c, f, frame);
}

/* The next whole frame, or NULL. */
static struct err
cut_frame(struct ipc_conn *c, struct ipc_frame **frame)
{
	struct view v = view_skip(str_view(&c->in), c->in_at);
	struct ipc_frame *f;
	struct ipc_header h;
	bool complete;
	struct err e;

	*frame = NULL;
	if (c->large != NULL)
		return cut_large(c, frame);
	e = ipc_decode_header(v, &h, &complete);
	if (err_is(e))
		return e;
	if (!complete) {
		if (v.len == 0 && c->n_fds_in > 0)
			return err_make(ERR_PERM,
			    "receive: undeclared descriptor");
		begin_frame(c, v);
		return ERR_OK;
	}
	f = frame_new();
	str_set(&f->bytes, view_first(v, h.frame_len));
	c->in_at += h.frame_len;
	return finish_frame(c, f, frame);
}

static struct err
hand_out_frames(struct ipc_conn *c)
{
	while (!c->over && !is_held(c)) {
		struct ipc_frame *f;
		struct err e = cut_frame(c, &f);

		if (err_is(e))
			return e;
		if (f == NULL)
			break;
		c->events->frame(c, f);
	}
	if (c->in_at == c->in.len) {
		if (c->in.room > KEPT_MAX)
			str_clear(&c->in);
		else
			str_reset(&c->in);
		c->in_at = 0;
	}
	return ERR_OK;
}

/* Of a large frame more is likely to be there, or to come in a moment. */
static struct err
receive_turn(struct ipc_conn *c)
{
	struct err e = ERR_OK;

	for (int i = 0; i < TURN_READS && !err_is(e); i++) {
		bool would_block;

		e = receive(c, &would_block);
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
			conn_break(c);
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

	return unsent(c) > 0 || (has_part && !is_held(c));
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
	make_dirty(c);
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
		make_dirty(c);
}

struct err
ipc_conn_flush(struct ipc_conn *c, int64_t deadline)
{
	while (unsent(c) > 0) {
		struct err e;

		if (!conn_flush(c)) {
			e = err_io("send");
			conn_break(c);
			return e;
		}
		if (unsent(c) == 0)
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

		e = cut_frame(c, f);
		if (err_is(e) || *f != NULL)
			return e;
		e = io_wait(c->watch.fd, IO_READ, deadline);
		if (!err_is(e))
			e = receive(c, &would_block);
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
