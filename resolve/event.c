/* libunbound's events over the loop: see event.h. */
#include "resolve/event.h"

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unbound-event.h>
#include <unistd.h>

enum { EVENTS_A_TURN = 64 };

/* What the library sees must stand first in both. */
struct base {
	struct ub_event_base public;
	int epoll;
	bool started;
	struct loop_watch watch;
	/* Reported, not handled yet: a callback may remove any. */
	struct epoll_event events[EVENTS_A_TURN];
	int n_events, next_event;
};

struct event {
	struct ub_event public;
	struct base *base;
	int fd;
	short bits;
	void (*callback)(int fd, short bits, void *arg);
	void *arg;
	bool on_fd;
	int64_t interval_ms; /* -1: none */
	struct timer timer;
};

static struct event *
event_of(struct ub_event *public)
{
	return (struct event *)(void *)public;
}

static void
forget_reported(struct event *ev)
{
	struct base *b = ev->base;

	for (int i = b->next_event; i < b->n_events; i++)
		if (b->events[i].data.ptr == ev)
			b->events[i].data.ptr = NULL;
}

static int
event_off(struct event *ev)
{
	if (ev->on_fd) {
		/* The library may have closed it; then it is out already. */
		epoll_ctl(ev->base->epoll, EPOLL_CTL_DEL, ev->fd, NULL);
		forget_reported(ev);
		ev->on_fd = false;
	}
	timer_cancel(&ev->timer);
	ev->interval_ms = -1;
	return 0;
}

static void
on_time(struct timer *t)
{
	struct event *ev = LIST_ITEM(t, struct event, timer);

	if ((ev->bits & UB_EV_PERSIST) == 0)
		event_off(ev);
	else
		timer_set(t, deadline_in_ms(ev->interval_ms), on_time);
	ev->callback(ev->fd, UB_EV_TIMEOUT, ev->arg);
}

static void
set_interval(struct event *ev, const struct timeval *tv)
{
	ev->interval_ms =
	    (int64_t)tv->tv_sec * 1000 + ((int64_t)tv->tv_usec + 999) / 1000;
	timer_set(&ev->timer, deadline_in_ms(ev->interval_ms), on_time);
}

static int
event_add(struct ub_event *public, struct timeval *tv)
{
	struct event *ev = event_of(public);
	struct epoll_event e = { .data.ptr = ev };

	event_off(ev);
	if ((ev->bits & UB_EV_READ) != 0)
		e.events |= EPOLLIN;
	if ((ev->bits & UB_EV_WRITE) != 0)
		e.events |= EPOLLOUT;
	if (e.events != 0 && ev->fd >= 0) {
		if (epoll_ctl(ev->base->epoll, EPOLL_CTL_ADD, ev->fd, &e) < 0 &&
		    (errno != EEXIST ||
			epoll_ctl(ev->base->epoll, EPOLL_CTL_MOD, ev->fd, &e) <
			    0)) {
			log_warn("watch a socket of the resolver: %s",
			    strerror(errno));
			return -1;
		}
		ev->on_fd = true;
	}
	if (tv != NULL && (ev->bits & UB_EV_TIMEOUT) != 0)
		set_interval(ev, tv);
	return 0;
}

static int
event_del(struct ub_event *public)
{
	return event_off(event_of(public));
}

static void
event_add_bits(struct ub_event *public, short bits)
{
	event_of(public)->bits |= bits;
}

static void
event_del_bits(struct ub_event *public, short bits)
{
	struct event *ev = event_of(public);

	ev->bits = (short)(ev->bits & ~bits);
}

static void
event_set_fd(struct ub_event *public, int fd)
{
	event_of(public)->fd = fd;
}

static void
event_free(struct ub_event *public)
{
	event_off(event_of(public));
	free(event_of(public));
}

static int
event_add_timer(struct ub_event *public, struct ub_event_base *base,
    void (*callback)(int, short, void *), void *arg, struct timeval *tv)
{
	struct event *ev = event_of(public);

	(void)base;
	event_off(ev);
	ev->callback = callback;
	ev->arg = arg;
	ev->bits |= UB_EV_TIMEOUT;
	set_interval(ev, tv);
	return 0;
}

/* Signals are ours; the library says that it does not ask. */
static int
event_add_signal(struct ub_event *public, struct timeval *tv)
{
	(void)public, (void)tv;
	return -1;
}

static struct ub_event_vmt event_calls = {
	.add_bits = event_add_bits,
	.del_bits = event_del_bits,
	.set_fd = event_set_fd,
	.free = event_free,
	.add = event_add,
	.del = event_del,
	.add_timer = event_add_timer,
	.del_timer = event_del,
	.add_signal = event_add_signal,
	.del_signal = event_del,
};

static struct ub_event *
event_new(struct ub_event_base *base, int fd, short bits,
    void (*callback)(int, short, void *), void *arg)
{
	struct event *ev = xcalloc(1, sizeof(*ev));

	ev->public.magic = UB_EVENT_MAGIC;
	ev->public.vmt = &event_calls;
	ev->base = (struct base *)(void *)base;
	ev->fd = fd;
	ev->bits = bits;
	ev->callback = callback;
	ev->arg = arg;
	ev->interval_ms = -1;
	return &ev->public;
}

static int
base_exit(struct ub_event_base *base, struct timeval *tv)
{
	/* The loop is not the library's to end. */
	(void)base, (void)tv;
	return 0;
}

static struct ub_event_base_vmt base_calls = {
	.loopexit = base_exit,
	.new_event = event_new,
};

/* --- the base --- */

static void
report(struct event *ev, uint32_t reported)
{
	short bits = 0;

	if ((reported & (EPOLLERR | EPOLLHUP)) != 0)
		bits = UB_EV_READ | UB_EV_WRITE;
	if ((reported & EPOLLIN) != 0)
		bits |= UB_EV_READ;
	if ((reported & EPOLLOUT) != 0)
		bits |= UB_EV_WRITE;
	bits &= ev->bits;
	if (bits == 0)
		return;
	if ((ev->bits & UB_EV_PERSIST) == 0)
		event_off(ev);
	else if (ev->interval_ms >= 0)
		timer_set(&ev->timer, deadline_in_ms(ev->interval_ms), on_time);
	/* Last: the callback may free the event. */
	ev->callback(ev->fd, bits, ev->arg);
}

static void
on_ready(struct loop_watch *w, uint32_t events)
{
	struct base *b = w->arg;

	(void)events;
	b->n_events = epoll_wait(b->epoll, b->events, EVENTS_A_TURN, 0);
	for (b->next_event = 0; b->next_event < b->n_events;) {
		struct epoll_event *e = &b->events[b->next_event++];

		if (e->data.ptr != NULL)
			report(e->data.ptr, e->events);
	}
	b->n_events = 0;
}

struct ub_event_base *
event_base_open(void)
{
	struct base *b = xcalloc(1, sizeof(*b));

	b->public.magic = UB_EVENT_MAGIC;
	b->public.vmt = &base_calls;
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (b->epoll < 0)
		die_temp("epoll_create1: %s", strerror(errno));
	return &b->public;
}

void
event_base_start(struct ub_event_base *base)
{
	struct base *b = (struct base *)(void *)base;

	b->watch = (struct loop_watch){
		.fd = b->epoll, .events = EPOLLIN, .ready = on_ready, .arg = b
	};
	loop_add_watch(&b->watch);
	b->started = true;
}

void
event_base_close(struct ub_event_base *base)
{
	struct base *b = (struct base *)(void *)base;

	if (b->started)
		loop_remove_watch(&b->watch);
	close(b->epoll);
	free(b);
}
