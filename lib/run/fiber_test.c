/* Fibers: waits that end by a report, a deadline or a cancel, in every order;
 * queues; stacks that are used again. */
#include "lib/run/fiber.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/surplus.h"
#include "lib/base/unit.h"
#include "lib/run/loop.h"

#include <stdio.h>

static void
run_test(void *arg)
{
	void (*const *test)(void) = arg;

	(*test)();
	loop_stop();
}

static struct waiter {
	struct wait wait;
	struct err e;
	bool over;
} one;
static struct wait_queue queue;
static int order[10], n_woken, n_done;

static void
in_loop(void (*test)(void))
{
	one = (struct waiter){ .wait = WAIT_EMPTY };
	n_woken = n_done = 0;
	loop_init();
	fiber_spawn("test", run_test, &test);
	loop_run();
	ck_assert_uint_eq(fiber_count(), 0);
	ck_assert_ptr_null(fiber_self());
	loop_clear();
}

static void
wait_long(void *arg)
{
	struct waiter *w = arg;

	w->e = wait_for(&w->wait, deadline_in_ms(20000));
	w->over = true;
}

static void
report(void)
{
	fiber_spawn("waiter", wait_long, &one);
	fiber_sleep(5);
	ck_assert(!one.over);
	wait_wake(&one.wait);
	wait_wake(&one.wait);
	fiber_sleep(5);
	ck_assert(one.over && !err_is(one.e) && !one.wait.done);
	/* One that came before. */
	one.over = false;
	wait_wake(&one.wait);
	fiber_spawn("waiter", wait_long, &one);
	fiber_sleep(1);
	ck_assert(one.over && !err_is(one.e));
}

START_TEST(wait_ends_by_its_report)
{
	in_loop(report);
}
END_TEST

static void
deadlines(void)
{
	struct wait w = WAIT_EMPTY;
	int64_t begin = clock_ms();

	ck_assert_int_eq(wait_for(&w, deadline_in_ms(20)).kind, ERR_TIME);
	ck_assert_int_ge(clock_ms() - begin, 19);
	ck_assert_int_eq(wait_for(&w, begin).kind, ERR_TIME);
	wait_wake(&w);
	ck_assert_int_eq(wait_for(&w, begin).kind, ERR_NONE);
}

START_TEST(wait_ends_at_its_deadline)
{
	in_loop(deadlines);
}
END_TEST

static void
wait_whatever_happens(void *arg)
{
	struct waiter *w = arg;

	wait_for_end(&w->wait);
	ck_assert(fiber_is_cancelled());
	ck_assert_int_eq(fiber_sleep(100000).kind, ERR_GONE);
	ck_assert_int_eq(fiber_yield().kind, ERR_GONE);
	w->over = true;
}

static void
cancel(void)
{
	struct fiber *f = fiber_spawn("waiter", wait_long, &one);

	fiber_sleep(1);
	fiber_cancel(f);
	ck_assert(!one.over);
	fiber_sleep(1);
	ck_assert(one.over);
	ck_assert_int_eq(one.e.kind, ERR_GONE);
	/* Before it began. */
	one.over = false;
	f = fiber_spawn("waiter", wait_long, &one);
	fiber_cancel(f);
	fiber_sleep(1);
	ck_assert(one.over);
	ck_assert_int_eq(one.e.kind, ERR_GONE);
	/* What must not be cancelled is not, but what comes after is. */
	one.over = false;
	f = fiber_spawn("waiter", wait_whatever_happens, &one);
	fiber_sleep(1);
	fiber_cancel(f);
	fiber_sleep(5);
	ck_assert(!one.over);
	wait_wake(&one.wait);
	fiber_sleep(1);
	ck_assert(one.over);
}

START_TEST(cancelled_fiber_leaves_by_its_waits)
{
	in_loop(cancel);
}
END_TEST

static void
stand_in_queue(void *arg)
{
	int me = (int)(intptr_t)arg;
	struct err e =
	    wait_queue_for(&queue, deadline_in_ms(me == 3 ? 5 : 20000));

	ck_assert_int_eq(e.kind, me == 3 ? ERR_TIME : ERR_NONE);
	order[n_woken++] = me;
}

static void
queue_up(void)
{
	wait_queue_init(&queue);
	ck_assert(!wait_queue_wake_one(&queue));
	for (int i = 0; i < 5; i++)
		fiber_spawn("queue", stand_in_queue, (void *)(intptr_t)i);
	/* Its time begins when it gets to run. */
	for (int i = 0; i < 20000 && n_woken == 0; i++)
		fiber_sleep(1);
	ck_assert_int_eq(n_woken, 1);
	ck_assert(wait_queue_wake_one(&queue));
	fiber_sleep(1);
	ck_assert_int_eq(n_woken, 2);
	wait_queue_wake_all(&queue);
	fiber_sleep(1);
	ck_assert_int_eq(n_woken, 5);
	ck_assert(order[0] == 3 && order[1] == 0 && order[2] == 1 &&
	    order[3] == 2 && order[4] == 4);
}

START_TEST(queue_is_first_come_first_served)
{
	in_loop(queue_up);
}
END_TEST

enum { MANY = 2000 };

static int
use_stack(int depth)
{
	volatile char frame[1024];

	memset((void *)(uintptr_t)frame, depth, sizeof(frame));
	return depth == 0 ? frame[5]
			  : use_stack(depth - 1) + (frame[7] != depth);
}

static void
work(void *arg)
{
	int deep = use_stack(20);

	for (int i = 0; i < 3; i++) {
		fiber_sleep((int64_t)(intptr_t)arg % 7);
		fiber_yield();
		ck_assert_int_eq(use_stack(20), deep);
		fiber_trim_stack();
	}
	n_done++;
}

static void
run_many(void)
{
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++)
			fiber_spawn("work", work, (void *)(intptr_t)i);
		while (fiber_count() > 1)
			fiber_sleep(1);
	}
	ck_assert_int_eq(n_done, 2 * MANY);
}

START_TEST(many_fibers_use_stacks_again)
{
	in_loop(run_many);
}
END_TEST

static int
count_mappings(void)
{
	FILE *in = fopen("/proc/self/maps", "r");
	int n = 0;

	ck_assert_ptr_nonnull(in);
	for (int c; (c = getc(in)) != EOF;)
		n += c == '\n';
	fclose(in);
	return n;
}

static void
run_many_then_few(void)
{
	int before = count_mappings();

	for (int i = 0; i < MANY; i++)
		fiber_spawn("work", work, (void *)(intptr_t)i);
	while (fiber_count() > 1)
		fiber_sleep(1);
	ck_assert_int_ge(count_mappings(), before + 128);
	/* Others may have come: the sanitizer's. */
	while (count_mappings() > before + 64) {
		fiber_spawn("work", work, NULL);
		fiber_sleep(5);
	}
}

START_TEST(stacks_that_are_not_needed_are_given_back)
{
	surplus_after_ms = 50;
	in_loop(run_many_then_few);
	surplus_after_ms = 600000;
}
END_TEST

START_TEST(without_a_loop_it_sleeps_and_takes_what_is_there)
{
	struct wait w = WAIT_EMPTY;
	int64_t begin = clock_ms();

	ck_assert(!err_is(fiber_sleep(10)));
	ck_assert_int_ge(clock_ms() - begin, 9);
	ck_assert(!err_is(fiber_yield()));
	wait_wake(&w);
	ck_assert(!err_is(wait_for(&w, 0)));
	ck_assert_ptr_null(fiber_self());
	ck_assert(!fiber_is_cancelled());
	fiber_trim_stack();
}
END_TEST

static void
be_debugged(void *arg)
{
	(void)arg;
	ck_assert(!log_is_debug());
	fiber_set_debug(true);
	for (int i = 0; i < 3; i++) {
		ck_assert(log_is_debug());
		fiber_sleep(2);
	}
	ck_assert(log_is_debug());
	n_done++;
}

static void
be_quiet(void *arg)
{
	(void)arg;
	for (int i = 0; i < 6; i++) {
		ck_assert(!log_is_debug());
		fiber_sleep(1);
	}
	n_done++;
}

static void
debug_one(void)
{
	fiber_spawn("debugged", be_debugged, NULL);
	fiber_spawn("quiet", be_quiet, NULL);
	fiber_set_debug(true);
	ck_assert(!err_is(fiber_sleep(3)));
	fiber_set_debug(false);
	while (n_done < 2)
		fiber_sleep(2);
	ck_assert(!log_is_debug());
}

START_TEST(one_fiber_is_debugged_and_no_other)
{
	in_loop(debug_one);
	ck_assert(!log_is_debug());
	fiber_set_debug(true);
	ck_assert(log_is_debug());
	fiber_set_debug(false);
	ck_assert(!log_is_debug());
}
END_TEST

UNIT_MAIN("fiber", { wait_ends_by_its_report, 1 },
    { wait_ends_at_its_deadline, 1 },
    { cancelled_fiber_leaves_by_its_waits, 1 },
    { queue_is_first_come_first_served, 1 },
    { many_fibers_use_stacks_again, 1 },
    { stacks_that_are_not_needed_are_given_back, 1 },
    { one_fiber_is_debugged_and_no_other, 1 },
    { without_a_loop_it_sleeps_and_takes_what_is_there, 1 })
