/*
 * Threads for blocking calls: see offload.h.  A job stands on its fiber's
 * stack.  It is given to the thread that became idle last, whose memory is
 * still in the processor's caches, or waits for the first that is free.  Jobs
 * that have ended are found at the end of a turn of the loop; an eventfd wakes
 * it if it sleeps.
 */
#include "lib/run/offload.h"

#include "lib/base/log.h"
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
	/* Brief jobs that may wait for each thread which does some. */
	BRIEF_PER_THREAD = 16,
};

struct job {
	struct job *next;
	void (*run)(void *);
	void *arg;
	bool is_brief;
	struct wait ended;
};

struct job_queue {
	struct job *first, **last;
};

struct worker {
	pthread_t thread;
	sem_t wake;
	struct job *job; /* what it is woken for; NULL: leave */
	struct worker *next_idle;
};

static size_t stack_bytes = OFFLOAD_STACK;

static struct {
	pthread_mutex_t lock;
	struct job_queue jobs, brief_jobs;
	struct job *done; /* newest first */
	struct worker workers[OFFLOAD_THREADS_MAX];
	struct worker *idle; /* the last to become so first */
	size_t n_threads, max;
	size_t n_brief_workers, n_brief_jobs;
	struct loop_watch watch;
	struct loop_hook hook;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.jobs = { .last = &pool.jobs.first },
	.brief_jobs = { .last = &pool.brief_jobs.first },
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
queue_append(struct job_queue *q, struct job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct job *
queue_take(struct job_queue *q)
{
	struct job *job = q->first;

	if (job == NULL)
		return NULL;
	q->first = job->next;
	if (q->first == NULL)
		q->last = &q->first;
	return job;
}

static struct job *
take_brief(void)
{
	struct job *job = queue_take(&pool.brief_jobs);

	if (job != NULL)
		pool.n_brief_jobs--;
	return job;
}

/* Whoever does brief jobs goes on with them, since nobody was woken for those
 * that wait. */
static struct job *
next_job(const struct job *before)
{
	struct job *job = before->is_brief ? take_brief() : NULL;

	if (job != NULL)
		return job;
	if (before->is_brief)
		pool.n_brief_workers--;
	job = queue_take(&pool.jobs);
	if (job != NULL || (job = take_brief()) == NULL)
		return job;
	pool.n_brief_workers++;
	return job;
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

/* Its fiber has it back: `job` is gone after this. */
static struct job *
end_job(struct worker *w, struct job *job)
{
	bool is_first;
	struct job *next;

	pthread_mutex_lock(&pool.lock);
	next = next_job(job);
	if (next == NULL) {
		w->next_idle = pool.idle;
		pool.idle = w;
	}
	is_first = pool.done == NULL;
	job->next = pool.done;
	pool.done = job;
	pthread_mutex_unlock(&pool.lock);
	/* It looks before it sleeps. */
	if (is_first && loop_may_sleep())
		tell_loop();
	return next;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct job *job;

	fiber_none_here();
	for (;;) {
		while (sem_wait(&w->wake) < 0)
			;
		job = w->job;
		if (job == NULL)
			return NULL;
		while (job != NULL) {
			job->run(job->arg);
			job = end_job(w, job);
		}
	}
}

/* With the lock held. NULL if there cannot be one more. */
static struct worker *
start_worker(void)
{
	struct worker *w = &pool.workers[pool.n_threads];
	sigset_t all, old;
	pthread_attr_t attr;
	int code;

	if (pool.n_threads >= pool.max)
		return NULL;
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
		pool.n_threads++;
		return w;
	}
	sem_destroy(&w->wake);
	if (pool.n_threads == 0)
		die_temp("start a thread: %s", strerror(code));
	return NULL;
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

static void
on_turn(struct loop_hook *h)
{
	(void)h;
	take_done();
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

/* With the lock held: who is to be woken for the job, which is its own then;
 * NULL if it was put where somebody will look. */
static struct worker *
assign(struct job *job)
{
	bool wait_for_others = job->is_brief && pool.n_brief_workers > 0 &&
	    pool.n_brief_jobs < pool.n_brief_workers * BRIEF_PER_THREAD;
	struct worker *w = wait_for_others ? NULL : pool.idle;

	if (w != NULL)
		pool.idle = w->next_idle;
	else if (!wait_for_others)
		w = start_worker();
	if (w != NULL) {
		w->job = job;
		pool.n_brief_workers += job->is_brief;
	} else if (job->is_brief) {
		queue_append(&pool.brief_jobs, job);
		pool.n_brief_jobs++;
	} else {
		queue_append(&pool.jobs, job);
	}
	return w;
}

static void
do_elsewhere(struct job *job)
{
	struct worker *w;

	if (fiber_self() == NULL) {
		job->run(job->arg);
		return;
	}
	if (pool.watch.fd < 0)
		pool_open();
	pthread_mutex_lock(&pool.lock);
	w = assign(job);
	pthread_mutex_unlock(&pool.lock);
	if (w != NULL)
		sem_post(&w->wake);
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
		.run = run, .arg = arg, .is_brief = true, .ended = WAIT_EMPTY
	};

	do_elsewhere(&job);
}

void
offload_clear(void)
{
	assert(pool.jobs.first == NULL && pool.brief_jobs.first == NULL);
	for (size_t i = 0; i < pool.n_threads; i++) {
		struct worker *w = &pool.workers[i];

		w->job = NULL;
		sem_post(&w->wake);
		pthread_join(w->thread, NULL);
		sem_destroy(&w->wake);
	}
	pool.n_threads = 0;
	pool.idle = NULL;
	if (pool.watch.fd >= 0) {
		loop_remove_watch(&pool.watch);
		loop_remove_hook(&pool.hook);
		close(pool.watch.fd);
		pool.watch.fd = -1;
	}
}
