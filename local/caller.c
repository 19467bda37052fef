/* Many calls on one socket: see caller.h. */
#include "local/caller.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/run/io.h"
#include "local/wire.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Answers taken in one turn of the loop, so that others have theirs. */
enum { ANSWERS_PER_TURN = 64, RETRY_MS = 20 };

struct call {
	struct list node;
	uint32_t number;
	struct caller_answer *answer;
	struct err result;
	struct wait ended;
};

void
caller_init(struct caller *c)
{
	*c = (struct caller){ .watch = { .fd = -1 } };
	list_init(&c->calls);
	wait_queue_init(&c->room);
}

bool
caller_is_open(const struct caller *c)
{
	return c->watch.fd >= 0;
}

static void
call_end(struct caller *c, struct call *call, struct err result)
{
	list_remove(&call->node);
	c->n_calls--;
	call->result = result;
	wait_wake(&call->ended);
}

void
caller_close(struct caller *c)
{
	if (!caller_is_open(c))
		return;
	if (c->is_watched)
		loop_remove_watch(&c->watch);
	close(c->watch.fd);
	c->watch.fd = -1;
	c->is_watched = false;
	LIST_EACH(it, after, &c->calls)
		call_end(c, LIST_ITEM(it, struct call, node),
		    err_make(ERR_GONE, "connection lost"));
	wait_queue_wake_all(&c->room);
}

static struct call *
find_call(struct caller *c, uint32_t number)
{
	LIST_EACH(it, after, &c->calls)
	{
		struct call *call = LIST_ITEM(it, struct call, node);

		if (call->number == number)
			return call;
	}
	return NULL;
}

/* The front gives away two descriptors, and gets one at most. */
static int
keep_one(const int fds[static WIRE_FDS_MAX])
{
	for (size_t i = 1; i < WIRE_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return fds[0];
}

/* One packet; what nobody waits for any more is dropped. */
static struct err
take_answer(struct caller *c)
{
	char packet[WIRE_ANSWER_MAX];
	int fds[WIRE_FDS_MAX], fd;
	struct call *call;
	uint32_t number;
	size_t len;
	struct err e = wire_receive(
	    c->watch.fd, &number, packet, sizeof(packet), &len, fds);

	if (err_is(e))
		return e;
	fd = keep_one(fds);
	call = find_call(c, number);
	if (call == NULL || len > call->answer->room) {
		if (fd >= 0)
			close(fd);
		if (call != NULL)
			call_end(c, call,
			    err_make(ERR_PERM, "answer is too long"));
		return ERR_OK;
	}
	memcpy(call->answer->buf, packet, len);
	call->answer->len = len;
	call->answer->fd = fd;
	call_end(c, call, ERR_OK);
	return ERR_OK;
}

static void
on_answers(struct loop_watch *w, uint32_t events)
{
	struct caller *c = LIST_ITEM(w, struct caller, watch);
	int most = ANSWERS_PER_TURN;
	struct err e;

	(void)events;
	/* Where nothing is asked there is nothing but the end to be read. */
	do
		e = take_answer(c);
	while (!err_is(e) && c->n_calls > 0 && --most > 0);
	if (err_is(e) && e.kind != ERR_TIME)
		caller_close(c);
	else
		wait_queue_wake_all(&c->room);
}

void
caller_take_socket(struct caller *c, int fd)
{
	c->watch = (struct loop_watch){
		.fd = fd, .events = EPOLLIN, .ready = on_answers };
}

/* The monitor's is there before the loop. */
static void
watch_once(struct caller *c)
{
	if (c->is_watched || !loop_is_on() || !caller_is_open(c))
		return;
	io_set_nonblocking(c->watch.fd);
	loop_add_watch(&c->watch);
	c->is_watched = true;
}

/* A socket that is full has calls under way, whose answers tell of room; but
 * the kernel may also be short of descriptors on the way, of any process. */
static struct err
send_packet(struct caller *c, uint32_t number, struct view packet,
    const int *fds, size_t n, int64_t deadline)
{
	for (;;) {
		struct err e;

		if (!caller_is_open(c))
			return err_make(ERR_GONE, "connection lost");
		e = wire_send(c->watch.fd, number, packet, fds, n);
		if (e.kind != ERR_TIME || !loop_is_on())
			return e;
		e = c->n_calls > 1 ? wait_queue_for(&c->room, deadline)
				   : fiber_sleep(RETRY_MS);
		if (!err_is(e) && deadline_left(deadline) == 0)
			e = err_make(ERR_TIME, "send: no room");
		if (err_is(e))
			return e;
	}
}

static struct err
await_answer(struct caller *c, struct call *call, int64_t deadline)
{
	struct err e = ERR_OK;

	if (loop_is_on()) {
		e = wait_for(&call->ended, deadline);
	} else {
		while (!call->ended.done && !err_is(e))
			e = take_answer(c);
	}
	if (!err_is(e))
		return call->result;
	list_remove(&call->node);
	c->n_calls--;
	return e;
}

struct err
caller_ask(struct caller *c, struct view packet, const int *fds, size_t n,
    struct caller_answer *a, int64_t deadline)
{
	struct call call = { .answer = a, .ended = WAIT_EMPTY };
	struct err e;

	watch_once(c);
	a->fd = -1;
	call.number = ++c->last_number;
	/* Known before it is sent: others may take the answer meanwhile. */
	list_append(&c->calls, &call.node);
	c->n_calls++;
	e = send_packet(c, call.number, packet, fds, n, deadline);
	if (!err_is(e)) {
		e = await_answer(c, &call, deadline);
	} else if (!call.ended.done) {
		list_remove(&call.node);
		c->n_calls--;
	}
	if (e.kind == ERR_GONE)
		caller_close(c);
	return e;
}
