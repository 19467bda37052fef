/*
 * Fibers: see fiber.h.  A fiber runs until it parks in wait_for or
 * returns; both switch back to the loop's stack.  Stacks have a guard as large
 * as themselves, since the libraries are not compiled with stack probes.
 */
#include "lib/run/fiber.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/surplus.h"
#include "lib/run/context.h"
#include "lib/run/fiber_impl.h"
#include "lib/run/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
/* The sanitizer's frames are several times as large. */
enum { FIBER_STACK_MIN = 512 * 1024 };
#else
enum { FIBER_STACK_MIN = 64 * 1024 };
#endif

enum {
	FIBER_GUARD = 64 * 1024,
	FIBER_SPARES_MAX = 256,
	FIBER_SLOW_MS = 10,
	FIBER_TRIM_KEEP = 1024, /* bytes under the frame that stay */
};

struct fiber {
	struct list node; /* on the ready list, or on none */
	struct list all;
	struct context context;
	char *stack; /* the mapping: guard, then stack */
	const char *name;
	void (*run)(void *);
	void *arg;
	struct wait *waiting;
	struct timer timer;
	bool cancelled, timed_out, ended, queued, debug;
};

static struct {
	struct list ready, all;
	struct fiber *current;
	struct context loop_context;
	char *spares[FIBER_SPARES_MAX];
	size_t n_spares, n_fibers;
	struct surplus surplus; /* of the spares */
	const void *loop_stack;
	size_t loop_stack_size;
} fibers = {
	.ready = { &fibers.ready, &fibers.ready },
	.all = { &fibers.all, &fibers.all },
};

static size_t stack_bytes = FIBER_STACK_MIN;
/* A thread of offload: no fiber runs there, whatever the loop does. */
static _Thread_local bool is_elsewhere;

static void
switch_begins(void **fake_stack, const void *bottom, size_t size)
{
#ifdef FIBER_ASAN
	__sanitizer_start_switch_fiber(fake_stack, bottom, size);
#else
	(void)fake_stack, (void)bottom, (void)size;
#endif
}

static void
switch_ends(void *fake_stack, const void **bottom, size_t *size)
{
#ifdef FIBER_ASAN
	__sanitizer_finish_switch_fiber(fake_stack, bottom, size);
#else
	(void)fake_stack, (void)bottom, (void)size;
#endif
}

static char *
stack_take(void)
{
	char *map;

	if (fibers.n_spares > 0) {
		surplus_note(&fibers.surplus, --fibers.n_spares);
		return fibers.spares[fibers.n_spares];
	}
	map = mmap(NULL, FIBER_GUARD + stack_bytes, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED ||
	    mprotect(map + FIBER_GUARD, stack_bytes, PROT_READ | PROT_WRITE) <
		0)
		die_temp("map a fiber's stack: %zu fibers are there",
		    fibers.n_fibers);
	return map;
}

static void
stack_give(char *map)
{
#ifdef FIBER_ASAN
	/* The last frames never returned: their marks are still there. */
	__asan_unpoison_memory_region(map + FIBER_GUARD, stack_bytes);
#endif
	if (fibers.n_spares < FIBER_SPARES_MAX)
		fibers.spares[fibers.n_spares++] = map;
	else
		munmap(map, FIBER_GUARD + stack_bytes);
}

static void
drop_spares(size_t n)
{
	while (n-- > 0)
		munmap(fibers.spares[--fibers.n_spares],
		    FIBER_GUARD + stack_bytes);
}

void
fiber_drop_spares(void)
{
	drop_spares(fibers.n_spares);
}

bool
fiber_drop_surplus(int64_t now_ms)
{
	size_t n = surplus_due(&fibers.surplus, fibers.n_spares, now_ms);

	drop_spares(n);
	return n > 0;
}

/* From a fiber to the loop's stack; returns when the loop switches back. */
static void
switch_to_loop(struct fiber *f)
{
	void *fake = NULL;

	switch_begins(f->ended ? NULL : &fake, fibers.loop_stack,
	    fibers.loop_stack_size);
	context_switch(&f->context, &fibers.loop_context);
	switch_ends(fake, &fibers.loop_stack, &fibers.loop_stack_size);
}

static void
fiber_main(void)
{
	struct fiber *f = fibers.current;

	switch_ends(NULL, &fibers.loop_stack, &fibers.loop_stack_size);
	f->run(f->arg);
	f->ended = true;
	switch_to_loop(f);
	abort();
}

struct fiber *
fiber_spawn(const char *name, void (*run)(void *), void *arg)
{
	struct fiber *f = xcalloc(1, sizeof(*f));

	assert(loop_is_on());
	f->stack = stack_take();
	f->name = name;
	f->run = run;
	f->arg = arg;
	context_make(
	    &f->context, f->stack + FIBER_GUARD, stack_bytes, fiber_main);
	list_append(&fibers.ready, &f->node);
	f->queued = true;
	list_append(&fibers.all, &f->all);
	fibers.n_fibers++;
	return f;
}

struct fiber *
fiber_self(void)
{
	return is_elsewhere ? NULL : fibers.current;
}

void
fiber_none_here(void)
{
	is_elsewhere = true;
}

void
fiber_set_stack(size_t bytes)
{
	assert(fibers.n_fibers == 0 && fibers.n_spares == 0);
	if (bytes > FIBER_STACK_MIN)
		stack_bytes = bytes;
}

void
fiber_set_debug(bool on)
{
	if (fibers.current != NULL)
		fibers.current->debug = on;
	log_set_debug_here(on);
}

size_t
fiber_count(void)
{
	return fibers.n_fibers;
}

static void
fiber_make_ready(struct fiber *f)
{
	if (f->queued || f == fibers.current)
		return;
	list_append(&fibers.ready, &f->node);
	f->queued = true;
}

static void
fiber_enter(struct fiber *f)
{
	void *fake = NULL;

	fibers.current = f;
	if (f->debug)
		log_set_debug_here(true);
	switch_begins(&fake, f->stack + FIBER_GUARD, stack_bytes);
	context_switch(&fibers.loop_context, &f->context);
	switch_ends(fake, NULL, NULL);
	if (f->debug)
		log_set_debug_here(false);
	fibers.current = NULL;
	if (f->ended) {
		timer_cancel(&f->timer);
		list_remove(&f->all);
		stack_give(f->stack);
		fibers.n_fibers--;
		free(f);
	}
}

bool
fiber_run_ready(void)
{
	struct list now;
	struct list *it;
	int64_t before = clock_ms();

	if (list_is_empty(&fibers.ready))
		return false;
	/* What becomes ready meanwhile waits for the next turn. */
	now = fibers.ready;
	now.next->prev = now.prev->next = &now;
	list_init(&fibers.ready);
	while ((it = list_first(&now)) != NULL) {
		struct fiber *f = LIST_ITEM(it, struct fiber, node);
		const char *name = f->name;
		int64_t after;

		list_remove(it);
		f->queued = false;
		fiber_enter(f);
		after = clock_ms();
		if (after - before > FIBER_SLOW_MS)
			log_debug("fiber %s held the loop for %lld ms", name,
			    (long long)(after - before));
		before = after;
	}
	return !list_is_empty(&fibers.ready);
}

bool
fiber_has_ready(void)
{
	return !list_is_empty(&fibers.ready);
}

static void
on_deadline(struct timer *t)
{
	struct fiber *f = LIST_ITEM(t, struct fiber, timer);

	f->timed_out = true;
	fiber_make_ready(f);
}

/* Parks until w is done; the others only if this wait can end by them. */
static void
fiber_park(struct fiber *f, struct wait *w, int64_t deadline, bool can_end)
{
	f->timed_out = false;
	f->waiting = w;
	w->fiber = f;
	if (deadline != DEADLINE_NEVER)
		timer_set(&f->timer, deadline, on_deadline);
	while (!w->done && !(can_end && (f->timed_out || f->cancelled)))
		switch_to_loop(f);
	timer_cancel(&f->timer);
	f->waiting = NULL;
	w->fiber = NULL;
}

struct err
wait_for(struct wait *w, int64_t deadline)
{
	struct fiber *f = fibers.current;
	struct err e = ERR_OK;

	assert(f != NULL || w->done);
	if (f != NULL && !w->done)
		fiber_park(f, w, deadline, true);
	if (f != NULL && !w->done)
		e = f->cancelled ? err_make(ERR_GONE, "wait: cancelled") :
				   err_make(ERR_TIME, "wait: timed out");
	w->done = false;
	return e;
}

void
wait_for_end(struct wait *w)
{
	assert(fibers.current != NULL || w->done);
	if (!w->done)
		fiber_park(fibers.current, w, DEADLINE_NEVER, false);
	w->done = false;
}

void
wait_wake(struct wait *w)
{
	w->done = true;
	if (w->fiber != NULL)
		fiber_make_ready(w->fiber);
}

void
fiber_cancel(struct fiber *f)
{
	f->cancelled = true;
	if (f->waiting != NULL)
		fiber_make_ready(f);
}

bool
fiber_is_cancelled(void)
{
	return fibers.current != NULL && fibers.current->cancelled;
}

struct err
fiber_yield(void)
{
	struct fiber *f = fibers.current;

	if (f == NULL)
		return ERR_OK;
	list_append(&fibers.ready, &f->node);
	f->queued = true;
	switch_to_loop(f);
	return f->cancelled ? err_make(ERR_GONE, "yield: cancelled") : ERR_OK;
}

struct err
fiber_sleep(int64_t ms)
{
	struct wait w = WAIT_EMPTY;
	struct err e;

	if (fibers.current == NULL) {
		struct timespec t = { .tv_sec = ms / 1000,
			.tv_nsec = ms % 1000 * 1000000 };

		nanosleep(&t, NULL);
		return ERR_OK;
	}
	e = wait_for(&w, deadline_in_ms(ms));
	return e.kind == ERR_TIME ? ERR_OK : e;
}

void
fiber_trim_stack(void)
{
	struct fiber *f = fibers.current;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t bottom, end;

	if (f == NULL)
		return;
	bottom = (uintptr_t)f->stack + FIBER_GUARD;
	end = (here - FIBER_TRIM_KEEP) & ~(page - 1);
	if (end > bottom && end <= bottom + stack_bytes)
		madvise((void *)bottom, end - bottom, MADV_DONTNEED);
}

struct queued_wait {
	struct list node;
	struct wait wait;
};

void
wait_queue_init(struct wait_queue *q)
{
	list_init(&q->waiting);
}

struct err
wait_queue_for(struct wait_queue *q, int64_t deadline)
{
	struct queued_wait me = { .wait = WAIT_EMPTY };
	struct err e;

	list_append(&q->waiting, &me.node);
	e = wait_for(&me.wait, deadline);
	list_remove(&me.node);
	return e;
}

bool
wait_queue_wake_one(struct wait_queue *q)
{
	struct list *it = list_first(&q->waiting);

	if (it == NULL)
		return false;
	list_remove(it);
	wait_wake(&LIST_ITEM(it, struct queued_wait, node)->wait);
	return true;
}

void
wait_queue_wake_all(struct wait_queue *q)
{
	while (wait_queue_wake_one(q))
		;
}
