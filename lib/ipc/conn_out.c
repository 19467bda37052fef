/*
 * What leaves a connection: see conn.h.  Frames are gathered; long strings are
 * sent from where they stand; a descriptor leaves with its frame's first byte.
 */
#include "lib/ipc/conn_impl.h"

#include "lib/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { RETRY_MS = 20 };

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

void
conn_out_drop(struct ipc_conn *c)
{
	c->broken = true;
	for (size_t i = 0; i < c->n_fds_out; i++)
		close(c->fds_out[i].fd);
	c->n_fds_out = 0;
	str_clear(&c->out);
	c->out_at = 0;
	wait_queue_wake_all(&c->room);
}

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
	if (c->out.room > CONN_KEPT_MAX)
		str_clear(&c->out);
	else
		str_reset(&c->out);
	c->out_at = 0;
}

bool
conn_out_flush(struct ipc_conn *c)
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
	if (conn_unsent(c) < IPC_OUT_MAX)
		wait_queue_wake_all(&c->room);
	return true;
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
		{ c->out.ptr + c->out_at, conn_unsent(c) },
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

	if (type->n_fields == 0 || c->n_fds_out > 0 || conn_unsent(c) >= CONN_LARGE_MIN)
		return false;
	last = &type->fields[type->n_fields - 1];
	if (last->kind != IPC_STR)
		return false;
	memcpy(&body, (const char *)message + last->offset, sizeof(body));
	return body.len >= CONN_LARGE_MIN && !ipc_has_fd(type);
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
	if (conn_unsent(c) > 0)
		conn_make_dirty(c);
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
	conn_make_dirty(c);
	return ERR_OK;
}
