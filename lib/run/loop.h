/*
 * The event loop of a process: epoll, timers, and the fibers that are ready.
 * A process has at most one.  Where there is none (a command, a worker, a unit
 * test, a fuzzer), the same session code blocks in poll: see io_wait.
 */
#ifndef RUN_LOOP_H
#define RUN_LOOP_H

#include "lib/base/err.h"
#include "lib/base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes this a process with a loop.  Dies if the kernel refuses. */
void loop_init(void);
/* True between loop_init and loop_clear. */
bool loop_is_on(void);
/* Turns until loop_stop is called and the turn is over.  Fibers that are
 * still parked stay so. */
void loop_run(void);
void loop_stop(void);
/* Gives the loop back (tests); no fiber may be left. */
void loop_clear(void);

/* Something that happens once, at a time of the monotonic clock in ms.  The
 * struct is the caller's and must stay where it is while set.  `fire` runs on
 * the loop's own stack and must not wait. */
struct timer {
	int64_t at;
	size_t place; /* in the heap, from 1; 0 while not set */
	void (*fire)(struct timer *);
};

void timer_set(struct timer *t, int64_t at, void (*fire)(struct timer *));
/* Harmless if it is not set. */
void timer_cancel(struct timer *t);

/*
 * A listening socket: `ready` is called on the loop's stack when a connection
 * waits.  Level-triggered and exclusive: of several processes one is woken.
 */
struct loop_listener {
	int fd;
	bool paused;
	void (*ready)(struct loop_listener *);
	void *arg;
};

void loop_add_listener(struct loop_listener *l);
/* While paused the listener wakes nobody here; connections queue up. */
void loop_pause_listener(struct loop_listener *l, bool paused);
void loop_remove_listener(struct loop_listener *l);

/* Any other descriptor (a library's own, a signalfd): `ready` is called on the
 * loop's stack with the epoll events, level-triggered. */
struct loop_watch {
	int fd;
	uint32_t events;
	void (*ready)(struct loop_watch *, uint32_t events);
	void *arg;
};

void loop_add_watch(struct loop_watch *w);
void loop_change_watch(struct loop_watch *w, uint32_t events);
void loop_remove_watch(struct loop_watch *w);

/* Called once after each turn, before the loop may sleep, on its own stack:
 * where what was gathered in a turn is sent (log lines, frames). */
struct loop_hook {
	struct list node;
	void (*run)(struct loop_hook *);
};

/* False while the loop is certain to run the hooks before it sleeps.  For other
 * threads: what they have done before this is false, a hook will see. */
bool loop_may_sleep(void);

void loop_add_hook(struct loop_hook *h);
void loop_remove_hook(struct loop_hook *h);

/* The time at which this turn began, ms of the monotonic clock; without a
 * loop the time now. */
int64_t loop_now(void);

#endif
