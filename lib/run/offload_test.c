/* Jobs on threads: many at once, few threads, fibers that are cancelled. */
#include "lib/run/offload.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/surplus.h"
#include "lib/base/unit.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

static atomic_int n_running, n_most;
static pthread_t main_thread;
static int n_done;

struct job_arg {
	int in, out;
	bool elsewhere;
};

static void
work(void *arg)
{
	struct job_arg *a = arg;
	struct timespec t = { 0, 2000000 };
	int now = ++n_running;
	sigset_t set;

	if (now > n_most)
		n_most = now;
	nanosleep(&t, NULL);
	a->out = a->in * 2;
	a->elsewhere = !pthread_equal(pthread_self(), main_thread);
	if (a->elsewhere) {
		pthread_sigmask(SIG_BLOCK, NULL, &set);
		a->elsewhere = sigismember(&set, SIGTERM) == 1;
	}
	n_running--;
}

static void
ask(void *arg)
{
	struct job_arg a = { .in = (int)(intptr_t)arg };

	offload(work, &a);
	ck_assert_int_eq(a.out, a.in * 2);
	ck_assert(a.elsewhere);
	n_done++;
}

static void
run_test(void *arg)
{
	void (*const *test)(void) = arg;

	(*test)();
	loop_stop();
}

static void
in_loop(void (*test)(void))
{
	main_thread = pthread_self();
	n_done = 0;
	n_most = 0;
	loop_init();
	fiber_spawn("test", run_test, &test);
	loop_run();
	ck_assert_uint_eq(fiber_count(), 0);
	offload_clear();
	loop_clear();
}

static void
ask_many(void)
{
	for (int i = 0; i < 200; i++)
		fiber_spawn("ask", ask, (void *)(intptr_t)i);
	while (n_done < 200)
		fiber_sleep(1);
	ck_assert_int_le(n_most, 7);
	ck_assert_int_ge(n_most, 2);
}

START_TEST(jobs_run_on_few_threads)
{
	offload_set_threads(7);
	in_loop(ask_many);
	/* And once more, with new threads. */
	in_loop(ask_many);
}
END_TEST

/* Threads of this process. */
static int
count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	for (struct dirent *d; (d = readdir(dir)) != NULL;)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void
ask_many_then_few(void)
{
	int most, n_asked = 200;

	ask_many();
	most = count_threads();
	ck_assert_int_ge(most, 3);
	/* One is enough for these. */
	while (count_threads() > 2) {
		ask((void *)(intptr_t)n_asked++);
		fiber_sleep(5);
	}
	n_done = 0;
	ask_many();
	ck_assert_int_ge(count_threads(), 3);
}

START_TEST(threads_that_are_not_needed_end)
{
	surplus_after_ms = 50;
	offload_set_threads(7);
	in_loop(ask_many_then_few);
	surplus_after_ms = 600000;
}
END_TEST

/* --- together --- */

struct step_arg {
	int begun, finished; /* the how many-th step this was; 0: not yet */
};

static atomic_int n_steps, n_unfinished, n_most_unfinished;

static void
begin_step(void *arg)
{
	struct step_arg *a = arg;
	struct timespec t = { 0, 1000000 };
	int now = ++n_unfinished;

	ck_assert_int_eq(a->begun, 0);
	a->begun = ++n_steps;
	if (now > n_most_unfinished)
		n_most_unfinished = now;
	nanosleep(&t, NULL);
}

static void
finish_step(void *arg)
{
	struct step_arg *a = arg;

	ck_assert_int_ne(a->begun, 0);
	ck_assert_int_eq(a->finished, 0);
	a->finished = ++n_steps;
	n_unfinished--;
}

static void
ask_together(void *arg)
{
	struct step_arg a = { 0, 0 };

	(void)arg;
	offload_together(begin_step, finish_step, &a);
	ck_assert_int_gt(a.finished, a.begun);
	n_done++;
}

static void
ask_many_together(void)
{
	for (int i = 0; i < 300; i++)
		fiber_spawn("together", ask_together, NULL);
	while (n_done < 300)
		fiber_sleep(1);
	ck_assert_int_eq(n_unfinished, 0);
	ck_assert_int_eq(n_steps, 600);
	/* Whoever came while others were begun is in the next lot. */
	ck_assert_int_ge(n_most_unfinished, 8);
}

START_TEST(jobs_that_wait_are_begun_and_finished_together)
{
	offload_set_threads(3);
	in_loop(ask_many_together);
}
END_TEST

START_TEST(without_a_loop_both_steps_are_made_here)
{
	struct step_arg a = { 0, 0 };

	offload_together(begin_step, finish_step, &a);
	ck_assert_int_gt(a.finished, a.begun);
}
END_TEST

/* --- brief --- */

static atomic_int n_brief;

static void
brief_work(void *arg)
{
	(void)arg;
	n_brief++;
}

static void
ask_brief(void *arg)
{
	(void)arg;
	offload_brief(brief_work, NULL);
	n_done++;
}

static void
ask_many_brief(void)
{
	for (int i = 0; i < 1000; i++) {
		fiber_spawn("brief", ask_brief, NULL);
		if (i % 10 == 0)
			fiber_spawn("ask", ask, (void *)(intptr_t)i);
	}
	while (n_done < 1100)
		fiber_sleep(1);
	ck_assert_int_eq(n_brief, 1000);
}

START_TEST(brief_jobs_are_all_done_beside_others)
{
	offload_set_threads(7);
	n_brief = 0;
	in_loop(ask_many_brief);
}
END_TEST

/* A thread that hangs in a brief job holds up a few others at most. */
static sem_t hang_ended;

static void
hang(void *arg)
{
	(void)arg;
	while (sem_wait(&hang_ended) < 0)
		;
}

static void
ask_hang(void *arg)
{
	(void)arg;
	offload_brief(hang, NULL);
	n_done++;
}

static void
ask_around_a_hang(void)
{
	fiber_spawn("hang", ask_hang, NULL);
	fiber_yield();
	for (int i = 0; i < 100; i++)
		fiber_spawn("brief", ask_brief, NULL);
	fiber_spawn("ask", ask, NULL);
	/* 16 may wait behind it until it is free or there are more. */
	while (n_done < 85)
		fiber_sleep(1);
	sem_post(&hang_ended);
	while (n_done < 102)
		fiber_sleep(1);
}

START_TEST(a_brief_job_that_hangs_stops_few)
{
	sem_init(&hang_ended, 0, 0);
	n_brief = 0;
	in_loop(ask_around_a_hang);
	sem_destroy(&hang_ended);
}
END_TEST

static void
cancel(void)
{
	struct fiber *f = fiber_spawn("ask", ask, NULL);

	fiber_yield();
	fiber_cancel(f);
	ck_assert_int_eq(n_done, 0);
	while (fiber_count() > 1)
		fiber_sleep(1);
	ck_assert_int_eq(n_done, 1);
}

START_TEST(cancelled_fiber_waits_for_its_job)
{
	in_loop(cancel);
}
END_TEST

START_TEST(without_a_fiber_the_job_is_done_here)
{
	struct job_arg a = { .in = 4 };

	main_thread = pthread_self();
	offload(work, &a);
	ck_assert_int_eq(a.out, 8);
	ck_assert(!a.elsewhere);
}
END_TEST

UNIT_MAIN("offload", { jobs_run_on_few_threads, 1 },
    { threads_that_are_not_needed_end, 1 },
    { brief_jobs_are_all_done_beside_others, 1 },
    { a_brief_job_that_hangs_stops_few, 1 },
    { cancelled_fiber_waits_for_its_job, 1 },
    { without_a_fiber_the_job_is_done_here, 1 },
    { jobs_that_wait_are_begun_and_finished_together, 1 },
    { without_a_loop_both_steps_are_made_here, 1 })
