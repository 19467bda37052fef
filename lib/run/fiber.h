/*
 * Fibers: straight-line code that parks where it would block.  Nobody kills a
 * fiber: when it is cancelled, its waits fail with ERR_GONE from then on and it
 * returns through its ordinary error path, freeing what it owns.
 *
 * Only our own code, libc's string and memory functions and OpenSSL may run on
 * a fiber's stack: it is 64 KiB.  A program whose fibers call other libraries
 * gives them more (fiber_set_stack).
 */
#ifndef RUN_FIBER_H
#define RUN_FIBER_H

#include "lib/base/err.h"
#include "lib/base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct fiber;

/* Starts `run` on a stack of its own, when the loop turns next; the fiber ends
 * when it returns.  `name` is kept by pointer (a literal).  Needs a loop. */
struct fiber *fiber_spawn(const char *name, void (*run)(void *), void *arg);
/* Bytes of stack of every fiber, at least the usual; before the first starts. */
void fiber_set_stack(size_t bytes);
/* The fiber that runs; NULL on the loop's own stack, on another thread, or
 * without a loop. */
struct fiber *fiber_self(void);
/* All waits of this fiber fail from now on; one it is in ends at once. */
void fiber_cancel(struct fiber *f);
bool fiber_is_cancelled(void);
/* Lines of level debug are told as long as this fiber runs (without one: from
 * now on), whatever the process does otherwise.  False at its beginning. */
void fiber_set_debug(bool on);
/* How many there are. */
size_t fiber_count(void);

/* One thing that one fiber waits for and somebody else reports.  The struct
 * lives on the waiter's stack or in what it owns. */
struct wait {
	struct fiber *fiber;
	bool done;
};

#define WAIT_EMPTY ((struct wait){ 0, false })

/*
 * Park until wait_wake(w), which may have come before.  ERR_TIME past the
 * deadline, ERR_GONE if cancelled.  Afterwards w is as new.  Without a loop
 * the report must have come already.
 */
struct err wait_for(struct wait *w, int64_t deadline);
/* The same, but neither a deadline nor cancelling ends it: for what owns
 * memory that somebody else still writes to. */
void wait_for_end(struct wait *w);
void wait_wake(struct wait *w);

/* Let others run; ERR_GONE if cancelled.  Without a loop: nothing. */
struct err fiber_yield(void);
/* Without a loop the process sleeps. */
struct err fiber_sleep(int64_t ms);

/* A queue of fibers that wait for the same thing, first come first served. */
struct wait_queue {
	struct list waiting;
};

void wait_queue_init(struct wait_queue *q);
struct err wait_queue_for(struct wait_queue *q, int64_t deadline);
/* Wakes the first; false if nobody waits. */
bool wait_queue_wake_one(struct wait_queue *q);
void wait_queue_wake_all(struct wait_queue *q);

/* Gives back stack pages below the caller's frame: before a long idle wait. */
void fiber_trim_stack(void);

#endif
