/*
 * The event loop: see loop.h.  Sockets of sessions are registered once, edge-
 * triggered, with a slot each; io_wait (io.c) finds there what was reported
 * since it last looked, so that a wait costs no system call of its own.
 */
#include "lib/run/loop.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/fiber_impl.h"
#include "lib/run/io_impl.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LOOP_EVENTS = 256 };

enum source_kind { SOURCE_SLOT, SOURCE_LISTENER, SOURCE_WATCH };

static struct {
	int epoll;
	bool on, stop;
	atomic_bool may_sleep;
	int64_t now;
	struct timer **heap; /* from 1 */
	size_t n_timers, heap_room;
	struct list hooks;
	/* Reported in this turn, not handled yet: a handler may remove any. */
	struct epoll_event events[LOOP_EVENTS];
	int n_events, next_event;
} loop = { .epoll = -1, .hooks = { &loop.hooks, &loop.hooks } };

void
loop_init(void)
{
	assert(!loop.on);
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop.epoll < 0)
		die_temp("epoll_create1: %s", strerror(errno));
	loop.on = true;
	loop.stop = false;
	loop.now = clock_ms();
}

bool
loop_is_on(void)
{
	return loop.on;
}

void
loop_stop(void)
{
	loop.stop = true;
}

void
loop_clear(void)
{
	assert(loop.on && fiber_count() == 0);
	close(loop.epoll);
	free(loop.heap);
	loop.heap = NULL;
	loop.heap_room = loop.n_timers = 0;
	loop.on = false;
	io_drop_slots();
	fiber_drop_spares();
}

int64_t
loop_now(void)
{
	return loop.on ? loop.now : clock_ms();
}

/* --- timers: a binary heap --- */

static void
heap_put(size_t place, struct timer *t)
{
	loop.heap[place] = t;
	t->place = place;
}

static void
heap_up(size_t place)
{
	struct timer *t = loop.heap[place];

	while (place > 1 && loop.heap[place / 2]->at > t->at) {
		heap_put(place, loop.heap[place / 2]);
		place /= 2;
	}
	heap_put(place, t);
}

static void
heap_down(size_t place)
{
	struct timer *t = loop.heap[place];

	for (;;) {
		size_t child = place * 2;

		if (child > loop.n_timers)
			break;
		if (child < loop.n_timers &&
		    loop.heap[child + 1]->at < loop.heap[child]->at)
			child++;
		if (loop.heap[child]->at >= t->at)
			break;
		heap_put(place, loop.heap[child]);
		place = child;
	}
	heap_put(place, t);
}

void
timer_set(struct timer *t, int64_t at, void (*fire)(struct timer *))
{
	int64_t before = t->at;

	assert(loop.on);
	t->at = at;
	t->fire = fire;
	if (t->place == 0) {
		if (loop.n_timers + 2 > loop.heap_room) {
			loop.heap_room = loop.heap_room > 0 ?
			    loop.heap_room * 2 : 64;
			loop.heap = xreallocarray(loop.heap, loop.heap_room,
			    sizeof(struct timer *));
		}
		heap_put(++loop.n_timers, t);
		heap_up(t->place);
	} else if (at < before) {
		heap_up(t->place);
	} else {
		heap_down(t->place);
	}
}

void
timer_cancel(struct timer *t)
{
	size_t place = t->place;
	struct timer *last;

	if (place == 0)
		return;
	t->place = 0;
	last = loop.heap[loop.n_timers--];
	if (last == t)
		return;
	heap_put(place, last);
	heap_up(place);
	heap_down(last->place);
}

static void
fire_timers(void)
{
	while (loop.n_timers > 0 && loop.heap[1]->at <= loop.now) {
		struct timer *t = loop.heap[1];

		timer_cancel(t);
		t->fire(t);
	}
}

/* --- descriptors --- */

/* The kind stands in the low bits of the pointer; all are aligned. */
static uint64_t
source_tag(const void *p, enum source_kind kind)
{
	return (uint64_t)(uintptr_t)p | (uint64_t)kind;
}

static void
loop_ctl(int op, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event ev = { .events = events, .data.u64 = tag };

	if (epoll_ctl(loop.epoll, op, fd, &ev) < 0)
		die_temp("epoll_ctl %d on descriptor %d: %s", op, fd,
		    strerror(errno));
}

/* What is removed must not be reported by what this turn has still to do. */
static void
forget_events(uint64_t tag)
{
	for (int i = loop.next_event; i < loop.n_events; i++)
		if (loop.events[i].data.u64 == tag)
			loop.events[i].data.u64 = 0;
}

void
loop_slot_add(struct io_slot *slot, int fd)
{
	loop_ctl(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLET,
	    source_tag(slot, SOURCE_SLOT));
}

void
loop_slot_want_write(struct io_slot *slot, int fd, bool want)
{
	loop_ctl(EPOLL_CTL_MOD, fd,
	    EPOLLIN | EPOLLRDHUP | EPOLLET | (want ? EPOLLOUT : 0),
	    source_tag(slot, SOURCE_SLOT));
}

void
loop_slot_remove(struct io_slot *slot, int fd)
{
	loop_ctl(EPOLL_CTL_DEL, fd, 0, 0);
	forget_events(source_tag(slot, SOURCE_SLOT));
}

void
loop_add_listener(struct loop_listener *l)
{
	l->paused = false;
	loop_ctl(EPOLL_CTL_ADD, l->fd, EPOLLIN | EPOLLEXCLUSIVE,
	    source_tag(l, SOURCE_LISTENER));
}

void
loop_pause_listener(struct loop_listener *l, bool paused)
{
	if (l->paused == paused)
		return;
	l->paused = paused;
	/* Exclusive registrations cannot be modified: epoll_ctl(2). */
	if (paused)
		loop_ctl(EPOLL_CTL_DEL, l->fd, 0, 0);
	else
		loop_add_listener(l);
}

void
loop_remove_listener(struct loop_listener *l)
{
	if (!l->paused)
		loop_ctl(EPOLL_CTL_DEL, l->fd, 0, 0);
	l->paused = true;
	forget_events(source_tag(l, SOURCE_LISTENER));
}

void
loop_add_watch(struct loop_watch *w)
{
	loop_ctl(EPOLL_CTL_ADD, w->fd, w->events, source_tag(w, SOURCE_WATCH));
}

void
loop_change_watch(struct loop_watch *w, uint32_t events)
{
	if (w->events == events)
		return;
	w->events = events;
	loop_ctl(EPOLL_CTL_MOD, w->fd, events, source_tag(w, SOURCE_WATCH));
}

void
loop_remove_watch(struct loop_watch *w)
{
	loop_ctl(EPOLL_CTL_DEL, w->fd, 0, 0);
	forget_events(source_tag(w, SOURCE_WATCH));
}

static void
dispatch_event(const struct epoll_event *ev)
{
	enum source_kind kind = (enum source_kind)(ev->data.u64 & 3);
	void *source = (void *)(uintptr_t)(ev->data.u64 & ~(uint64_t)3);

	if (source == NULL)
		return;
	if (kind == SOURCE_SLOT) {
		io_slot_report(source, ev->events);
	} else if (kind == SOURCE_LISTENER) {
		struct loop_listener *l = source;

		if (!l->paused)
			l->ready(l);
	} else {
		struct loop_watch *w = source;

		w->ready(w, ev->events);
	}
}

static void
poll_events(int timeout)
{
	loop.n_events =
	    epoll_wait(loop.epoll, loop.events, LOOP_EVENTS, timeout);
	if (loop.n_events < 0) {
		if (errno != EINTR)
			die_temp("epoll_wait: %s", strerror(errno));
		loop.n_events = 0;
	}
	loop.may_sleep = false;
	loop.now = clock_ms();
	for (loop.next_event = 0; loop.next_event < loop.n_events;) {
		struct epoll_event ev = loop.events[loop.next_event++];

		dispatch_event(&ev);
	}
	loop.n_events = 0;
}

bool
loop_may_sleep(void)
{
	return loop.may_sleep;
}

void
loop_add_hook(struct loop_hook *h)
{
	list_append(&loop.hooks, &h->node);
}

void
loop_remove_hook(struct loop_hook *h)
{
	list_remove(&h->node);
}

static void
run_hooks(void)
{
	LIST_EACH(it, after, &loop.hooks)
	{
		struct loop_hook *h = LIST_ITEM(it, struct loop_hook, node);

		h->run(h);
	}
}

/* What a burst of work made necessary is not kept for ever. */
static void
give_back(void)
{
	if (fiber_drop_surplus(loop.now))
		malloc_trim(0);
}

void
loop_run(void)
{
	assert(loop.on);
	loop.stop = false;
	while (!loop.stop) {
		bool more = fiber_run_ready();
		int timeout = 0;

		/* Before the hooks look for what others have done. */
		loop.may_sleep = true;
		run_hooks();
		if (loop.stop)
			break;
		if (!more && !fiber_has_ready())
			timeout = loop.n_timers > 0 ?
			    deadline_left(loop.heap[1]->at) : -1;
		poll_events(timeout);
		fire_timers();
		give_back();
	}
	log_flush();
}
