/*
 * Waiting for descriptors: see io.h.  Each descriptor that was waited for has a
 * slot that remembers what epoll reported.  Edges come once; so whatever is
 * reported while nobody waits is kept, and a hang-up is kept for good: data and
 * FIN may arrive under one edge, and a short read must not wait for another.
 */
#include "lib/run/io.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/fiber.h"
#include "lib/run/io_impl.h"
#include "lib/run/loop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

enum { IO_SLOT_BLOCK = 256, IO_CONNECT_RETRY_MS = 20 };

/* Slots never move: epoll holds pointers to them. */
static struct io_slot **blocks;
static size_t n_blocks;

static struct io_slot *
slot_of(int fd, bool make)
{
	size_t block = (size_t)fd / IO_SLOT_BLOCK;

	if (block >= n_blocks) {
		if (!make)
			return NULL;
		blocks = xreallocarray(blocks, block + 1, sizeof(*blocks));
		while (n_blocks <= block)
			blocks[n_blocks++] = NULL;
	}
	if (blocks[block] == NULL) {
		if (!make)
			return NULL;
		blocks[block] = xcalloc(IO_SLOT_BLOCK, sizeof(struct io_slot));
	}
	return &blocks[block][fd % IO_SLOT_BLOCK];
}

void
io_drop_slots(void)
{
	for (size_t i = 0; i < n_blocks; i++)
		free(blocks[i]);
	free(blocks);
	blocks = NULL;
	n_blocks = 0;
}

void
io_slot_report(struct io_slot *slot, uint32_t events)
{
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		slot->hung_up = true;
	if ((events & EPOLLIN) != 0 || slot->hung_up) {
		slot->can_read = true;
		if (slot->reader != NULL)
			wait_wake(slot->reader);
	}
	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
		slot->can_write = true;
		if (slot->writer != NULL)
			wait_wake(slot->writer);
	}
}

static struct err
io_wait_plain(int fd, int what, int64_t deadline)
{
	struct pollfd p = { .fd = fd,
		.events = what == IO_READ ? POLLIN : POLLOUT };
	int n;

	do
		n = poll(&p, 1, deadline_left(deadline));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(ERR_TEMP, "poll");
	return n == 0 ? err_make(ERR_TIME, "timed out") : ERR_OK;
}

/* Something was reported since it was last asked for. */
static bool
slot_take_report(struct io_slot *slot, int what)
{
	bool *can = what == IO_READ ? &slot->can_read : &slot->can_write;
	bool was = *can;

	*can = false;
	return was || (what == IO_READ && slot->hung_up);
}

static struct err
slot_park(struct io_slot *slot, int what, int64_t deadline)
{
	struct wait w = WAIT_EMPTY;
	struct wait **place = what == IO_READ ? &slot->reader : &slot->writer;
	struct err e;

	assert(*place == NULL);
	*place = &w;
	e = wait_for(&w, deadline);
	*place = NULL;
	if (what == IO_READ)
		slot->can_read = false;
	else
		slot->can_write = false;
	if (e.kind == ERR_TIME)
		return err_make(ERR_TIME, "timed out");
	return e;
}

struct err
io_wait(int fd, int what, int64_t deadline)
{
	struct io_slot *slot;
	struct err e;

	if (fiber_self() == NULL)
		return io_wait_plain(fd, what, deadline);
	if (fiber_is_cancelled())
		return err_make(ERR_GONE, "cancelled");
	slot = slot_of(fd, true);
	if (!slot->registered) {
		loop_slot_add(slot, fd);
		slot->registered = true;
	}
	if (what == IO_WRITE && !slot->wants_write) {
		slot->can_write = false;
		slot->wants_write = true;
		loop_slot_want_write(slot, fd, true);
	}
	if (slot_take_report(slot, what))
		return ERR_OK;
	e = slot_park(slot, what, deadline);
	if (what == IO_WRITE && slot->wants_write) {
		slot->wants_write = false;
		loop_slot_want_write(slot, fd, false);
	}
	return e;
}

void
io_forget(int fd)
{
	struct io_slot *slot = loop_is_on() ? slot_of(fd, false) : NULL;

	if (slot == NULL || !slot->registered)
		return;
	assert(slot->reader == NULL && slot->writer == NULL);
	loop_slot_remove(slot, fd);
	*slot = (struct io_slot){ 0 };
}

void
io_close(int fd)
{
	if (fd < 0)
		return;
	io_forget(fd);
	close(fd);
}

struct err
io_read(int fd, void *buf, size_t room, size_t *got, int64_t deadline)
{
	for (;;) {
		ssize_t n = read(fd, buf, room);
		struct err e;

		if (n >= 0) {
			*got = (size_t)n;
			return ERR_OK;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_io("read");
		e = io_wait(fd, IO_READ, deadline);
		if (err_is(e))
			return e;
	}
}

struct err
io_write_all(int fd, struct view v, int64_t deadline)
{
	while (v.len > 0) {
		ssize_t n = write(fd, v.ptr, v.len);
		struct err e;

		if (n >= 0) {
			v = view_skip(v, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_io("write");
		e = io_wait(fd, IO_WRITE, deadline);
		if (err_is(e))
			return e;
	}
	return ERR_OK;
}

static struct err
connect_result(int fd)
{
	int code = 0;
	socklen_t len = sizeof(code);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		return err_sys(ERR_TEMP, "getsockopt");
	if (code == 0)
		return ERR_OK;
	errno = code;
	return err_sys(ERR_TEMP, "connect");
}

struct err
io_connect(int fd, const struct sockaddr *addr, socklen_t len,
    int64_t deadline)
{
	struct err e;

	for (;;) {
		if (connect(fd, addr, len) == 0)
			return ERR_OK;
		if (errno == EINPROGRESS || errno == EINTR)
			break;
		/* A full Unix backlog: epoll would never wake us. */
		if (errno != EAGAIN || addr->sa_family != AF_UNIX)
			return err_sys(ERR_TEMP, "connect");
		if (deadline_left(deadline) == 0)
			return err_make(ERR_TIME, "connect: timed out");
		e = fiber_sleep(IO_CONNECT_RETRY_MS);
		if (err_is(e))
			return e;
	}
	e = io_wait(fd, IO_WRITE, deadline);
	return err_is(e) ? err_within(e, "connect") : connect_result(fd);
}

void
io_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 ||
	    ((flags & O_NONBLOCK) == 0 &&
		fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		die_temp("fcntl on descriptor %d: %s", fd, strerror(errno));
}
