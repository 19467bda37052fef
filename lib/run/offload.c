/*
 * Threads for blocking calls: see offload.h.  A job stands on its fiber's
 * stack.  It is given to the thread that became idle last, whose memory is
 * still in the processor's caches, or waits for the first that is free.  For
 * jobs of which one thread does many, nobody is woken before the turn of the loop
 * ends, when all of them are there.  Jobs that have ended are found at the end of
 * a turn as well; an eventfd wakes the loop if it sleeps.
 */
#include "lib/run/offload.h"

#include "lib/base/log.h"
#include "lib/base/surplus.h"
#include "lib/run/fiber_impl.h"
#include "lib/run/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	OFFLOAD_THREADS = 20,
	OFFLOAD_THREADS_MAX = 64,
	OFFLOAD_STACK = 256 * 1024,
	/* Brief jobs that one thread does before it tells of them, and those
	 * that may wait for each thread which does some. */
	BRIEF_MAX = 16,
	BRIEF_PER_THREAD = 16,
	/* Jobs that are begun before the first of them is finished, and threads
	 * that do such lots: while one syncs, another may begin.  More would
	 * tear the lots apart. */
	TOGETHER_MAX = 32,
	TOGETHER_THREADS = 2,
};

/* Who does jobs of a kind goes on with those that wait, and others are woken
 * only if too many do: but for plain ones, which may take long each. */
enum kind { PLAIN, BRIEF, TOGETHER, N_KINDS };

struct job {
	struct job *next;
	enum kind kind;
	void (*run)(void *);
	void (*finish)(void *); /* of TOGETHER */
	void *arg;
	struct wait ended;
};

struct job_queue {
	struct job *first, **last;
	size_t n_jobs;
	size_t n_workers; /* which do such jobs */
};

struct worker {
	bool is_there;
	pthread_t thread;
	sem_t wake;
	struct job *job; /* what it is woken for; NULL: leave */
	struct worker *next_idle;
};

static size_t stack_bytes = OFFLOAD_STACK;

static struct {
	pthread_mutex_t lock;
	struct job_queue waiting[N_KINDS];
	bool is_beginning; /* somebody begins jobs of TOGETHER */
	struct job *done; /* newest first */
	bool has_new; /* since the last turn; known to the loop alone */
	struct worker workers[OFFLOAD_THREADS_MAX];
	struct worker *idle; /* the last to become so first */
	size_t n_threads, n_idle, max;
	struct surplus surplus; /* of the idle ones */
	struct loop_watch watch;
	struct loop_hook hook;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.waiting = { { .last = &pool.waiting[PLAIN].first },
	    { .last = &pool.waiting[BRIEF].first },
	    { .last = &pool.waiting[TOGETHER].first } },
	.max = OFFLOAD_THREADS,
	.watch = { .fd = -1 },
};

void
offload_set_stack(size_t bytes)
{
	stack_bytes = bytes;
}

void
offload_set_threads(size_t n)
{
	assert(n >= 1);
	pool.max = n < OFFLOAD_THREADS_MAX ? n : OFFLOAD_THREADS_MAX;
}

/* --- all of this with the lock held --- */

static void
wait_for_thread(struct job *job)
{
	struct job_queue *q = &pool.waiting[job->kind];

	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
	q->n_jobs++;
}

static struct job *
take_waiting(enum kind kind)
{
	struct job_queue *q = &pool.waiting[kind];
	struct job *job = q->first;

	if (job == NULL)
		return NULL;
	q->first = job->next;
	if (q->first == NULL)
		q->last = &q->first;
	q->n_jobs--;
	job->next = NULL;
	return job;
}

/* Whether a thread may do (another) job of this kind now. */
static bool
may_start(enum kind kind)
{
	return kind != TOGETHER ||
	    (!pool.is_beginning &&
		pool.waiting[kind].n_workers < TOGETHER_THREADS);
}

static void
count_worker(enum kind kind)
{
	pool.waiting[kind].n_workers++;
	if (kind == TOGETHER)
		pool.is_beginning = true;
}

/* Whoever did a job goes on with those of its kind, since nobody was woken for
 * those that wait. */
static struct job *
next_job(enum kind before)
{
	struct job *job = NULL;

	pool.waiting[before].n_workers--;
	if (before != PLAIN && may_start(before))
		job = take_waiting(before);
	for (enum kind kind = PLAIN; job == NULL && kind < N_KINDS; kind++)
		if (may_start(kind))
			job = take_waiting(kind);
	if (job != NULL)
		count_worker(job->kind);
	return job;
}

/* What is to be done at once with this job, itself first: the loop is woken for
 * all of it. */
static struct job *
gather(struct job *job)
{
	static const int most[N_KINDS] = {
		[PLAIN] = 1, [BRIEF] = BRIEF_MAX, [TOGETHER] = TOGETHER_MAX
	};
	struct job **last = &job->next;

	for (int n = 1; n < most[job->kind]; n++) {
		*last = take_waiting(job->kind);
		if (*last == NULL)
			break;
		last = &(*last)->next;
	}
	return job;
}

static void *worker_main(void *arg);

static struct worker *
free_place(void)
{
	struct worker *w = pool.workers;

	while (w->is_there)
		w++;
	return w;
}

/* NULL if there cannot be one more. */
static struct worker *
start_worker(void)
{
	struct worker *w;
	sigset_t all, old;
	pthread_attr_t attr;
	int code;

	if (pool.n_threads >= pool.max)
		return NULL;
	w = free_place();
	sem_init(&w->wake, 0, 0);
	sigfillset(&all);
	/* A forbidden call is told where it is made: seccomp_sets.c. */
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack_bytes);
	code = pthread_create(&w->thread, &attr, worker_main, w);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (code == 0) {
		w->is_there = true;
		pool.n_threads++;
		return w;
	}
	sem_destroy(&w->wake);
	if (pool.n_threads == 0)
		die_temp("start a thread: %s", strerror(code));
	return NULL;
}

/* Whether those who do such jobs will come to all that wait. */
static bool
others_will_do(enum kind kind)
{
	const struct job_queue *q = &pool.waiting[kind];

	if (kind == TOGETHER)
		return !may_start(TOGETHER);
	return kind == BRIEF && q->n_jobs <= q->n_workers * BRIEF_PER_THREAD;
}

/* The last to become idle, or NULL. */
static struct worker *
take_idle(void)
{
	struct worker *w = pool.idle;

	if (w != NULL) {
		pool.idle = w->next_idle;
		surplus_note(&pool.surplus, --pool.n_idle);
	}
	return w;
}

/* Who is to be woken for the first that waits, which is its own then; NULL if
 * nobody has to be, or can. */
static struct worker *
assign(enum kind kind)
{
	struct worker *w;

	if (pool.waiting[kind].first == NULL || others_will_do(kind))
		return NULL;
	w = take_idle();
	if (w == NULL)
		w = start_worker();
	if (w == NULL)
		return NULL;
	w->job = take_waiting(kind);
	count_worker(kind);
	return w;
}

/* --- the threads --- */

static void
tell_loop(void)
{
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(pool.watch.fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	assert(n == (ssize_t)sizeof(one));
}

/* The next lot may begin while this one syncs. */
static void
end_beginning(void)
{
	struct worker *w;

	pthread_mutex_lock(&pool.lock);
	pool.is_beginning = false;
	w = pool.idle != NULL ? assign(TOGETHER) : NULL;
	pthread_mutex_unlock(&pool.lock);
	if (w != NULL)
		sem_post(&w->wake);
}

static void
do_jobs(struct job *jobs)
{
	for (struct job *job = jobs; job != NULL; job = job->next)
		job->run(job->arg);
	if (jobs->kind != TOGETHER)
		return;
	end_beginning();
	for (struct job *job = jobs; job != NULL; job = job->next)
		job->finish(job->arg);
}

/* Their fibers have them back: `jobs` are gone after this.  What to do next,
 * or NULL. */
static struct job *
end_jobs(struct worker *w, struct job *jobs)
{
	struct job *next, **last = &jobs->next;
	bool is_first;

	while (*last != NULL)
		last = &(*last)->next;
	pthread_mutex_lock(&pool.lock);
	next = next_job(jobs->kind);
	if (next == NULL) {
		w->next_idle = pool.idle;
		pool.idle = w;
		pool.n_idle++;
	} else {
		next = gather(next);
	}
	is_first = pool.done == NULL;
	*last = pool.done;
	pool.done = jobs;
	pthread_mutex_unlock(&pool.lock);
	/* It looks before it sleeps. */
	if (is_first && loop_may_sleep())
		tell_loop();
	return next;
}

static struct job *
first_jobs(struct worker *w)
{
	struct job *jobs;

	pthread_mutex_lock(&pool.lock);
	jobs = gather(w->job);
	pthread_mutex_unlock(&pool.lock);
	return jobs;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	fiber_none_here();
	for (;;) {
		struct job *jobs;

		while (sem_wait(&w->wake) < 0)
			;
		if (w->job == NULL)
			return NULL;
		for (jobs = first_jobs(w); jobs != NULL;
		     jobs = end_jobs(w, jobs))
			do_jobs(jobs);
	}
}

/* --- the loop's side --- */

static void
take_done(void)
{
	struct job *job;

	pthread_mutex_lock(&pool.lock);
	job = pool.done;
	pool.done = NULL;
	pthread_mutex_unlock(&pool.lock);
	while (job != NULL) {
		/* The job is gone once its fiber runs. */
		struct job *next = job->next;

		wait_wake(&job->ended);
		job = next;
	}
}

/* It is idle, and on no list. */
static void
end_worker(struct worker *w)
{
	w->job = NULL;
	sem_post(&w->wake);
	pthread_join(w->thread, NULL);
	sem_destroy(&w->wake);
	pthread_mutex_lock(&pool.lock);
	w->is_there = false;
	pool.n_threads--;
	pthread_mutex_unlock(&pool.lock);
}

/* Threads that were not needed for a while end: those that have been idle for
 * longest, which are the last. */
static void
drop_surplus(void)
{
	struct worker **last = &pool.idle, *gone;
	size_t n;

	pthread_mutex_lock(&pool.lock);
	n = surplus_due(&pool.surplus, pool.n_idle, loop_now());
	for (size_t stay = pool.n_idle - n; stay > 0; stay--)
		last = &(*last)->next_idle;
	gone = *last;
	*last = NULL;
	pool.n_idle -= n;
	pthread_mutex_unlock(&pool.lock);
	while (gone != NULL) {
		struct worker *w = gone;

		gone = w->next_idle;
		end_worker(w);
	}
}

/* As many threads are woken as the jobs need that wait. */
static void
wake_for(enum kind kind)
{
	struct worker *w;

	do {
		pthread_mutex_lock(&pool.lock);
		w = assign(kind);
		pthread_mutex_unlock(&pool.lock);
		if (w != NULL)
			sem_post(&w->wake);
	} while (w != NULL);
}

static void
on_turn(struct loop_hook *h)
{
	(void)h;
	if (pool.has_new) {
		pool.has_new = false;
		wake_for(BRIEF);
		wake_for(TOGETHER);
	}
	take_done();
	if (loop_now() - pool.surplus.since_ms >= surplus_after_ms)
		drop_surplus();
}

/* Edge-triggered, the count is never read. */
static void
on_told(struct loop_watch *w, uint32_t events)
{
	(void)w, (void)events;
	take_done();
}

static void
pool_open(void)
{
	pool.watch =
	    (struct loop_watch){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		    .events = EPOLLIN | EPOLLET,
		    .ready = on_told };
	if (pool.watch.fd < 0)
		die_temp("eventfd: %s", strerror(errno));
	loop_add_watch(&pool.watch);
	pool.hook.run = on_turn;
	loop_add_hook(&pool.hook);
}

static void
do_elsewhere(struct job *job)
{
	if (fiber_self() == NULL) {
		job->run(job->arg);
		if (job->kind == TOGETHER)
			job->finish(job->arg);
		return;
	}
	if (pool.watch.fd < 0)
		pool_open();
	pthread_mutex_lock(&pool.lock);
	wait_for_thread(job);
	pthread_mutex_unlock(&pool.lock);
	if (job->kind == PLAIN)
		wake_for(PLAIN);
	else
		pool.has_new = true;
	wait_for_end(&job->ended);
}

void
offload(void (*run)(void *), void *arg)
{
	struct job job = { .run = run, .arg = arg, .ended = WAIT_EMPTY };

	do_elsewhere(&job);
}

void
offload_brief(void (*run)(void *), void *arg)
{
	struct job job = {
		.kind = BRIEF, .run = run, .arg = arg, .ended = WAIT_EMPTY
	};

	do_elsewhere(&job);
}

void
offload_together(void (*begin)(void *), void (*finish)(void *), void *arg)
{
	struct job job = { .kind = TOGETHER,
		.run = begin,
		.finish = finish,
		.arg = arg,
		.ended = WAIT_EMPTY };

	do_elsewhere(&job);
}

void
offload_clear(void)
{
	for (enum kind kind = PLAIN; kind < N_KINDS; kind++)
		assert(pool.waiting[kind].first == NULL);
	for (size_t i = 0; i < OFFLOAD_THREADS_MAX; i++)
		if (pool.workers[i].is_there)
			end_worker(&pool.workers[i]);
	pool.n_idle = 0;
	pool.idle = NULL;
	pool.surplus = (struct surplus){ .least = 0 };
	if (pool.watch.fd >= 0) {
		loop_remove_watch(&pool.watch);
		loop_remove_hook(&pool.hook);
		close(pool.watch.fd);
		pool.watch.fd = -1;
	}
}
