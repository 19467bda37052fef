/*
 * Threads for blocking calls: see offload.h.  A job stands on its fiber's
 * stack; ends are told through an eventfd, one write for many jobs.
 */
#include "lib/run/offload.h"

#include "lib/base/log.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { OFFLOAD_THREADS = 20, OFFLOAD_THREADS_MAX = 64,
	OFFLOAD_STACK = 256 * 1024 };

struct job {
	struct job *next;
	void (*run)(void *);
	void *arg;
	struct wait ended;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job *first, **last; /* to do */
	struct job *done;          /* newest first */
	pthread_t threads[OFFLOAD_THREADS_MAX];
	size_t n_threads, n_idle, n_queued, max;
	bool leave;
	struct loop_watch watch;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.last = &pool.first,
	.max = OFFLOAD_THREADS,
	.watch = { .fd = -1 },
};

void
offload_set_threads(size_t n)
{
	assert(n >= 1);
	pool.max = n < OFFLOAD_THREADS_MAX ? n : OFFLOAD_THREADS_MAX;
}

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

static void *
thread_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&pool.lock);
	for (;;) {
		struct job *job;
		bool first_done;

		pool.n_idle++;
		while (pool.first == NULL && !pool.leave)
			pthread_cond_wait(&pool.work, &pool.lock);
		pool.n_idle--;
		if (pool.first == NULL)
			break;
		job = pool.first;
		pool.first = job->next;
		if (pool.first == NULL)
			pool.last = &pool.first;
		pool.n_queued--;
		pthread_mutex_unlock(&pool.lock);
		job->run(job->arg);
		pthread_mutex_lock(&pool.lock);
		first_done = pool.done == NULL;
		job->next = pool.done;
		pool.done = job;
		if (first_done)
			tell_loop();
	}
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

static void
on_done(struct loop_watch *w, uint32_t events)
{
	uint64_t count;
	struct job *job;

	(void)events;
	if (read(w->fd, &count, sizeof(count)) < 0 && errno != EAGAIN &&
	    errno != EINTR)
		die_temp("read eventfd: %s", strerror(errno));
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
pool_open(void)
{
	pool.watch = (struct loop_watch){
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.events = EPOLLIN, .ready = on_done };
	if (pool.watch.fd < 0)
		die_temp("eventfd: %s", strerror(errno));
	loop_add_watch(&pool.watch);
}

/* With the lock held. */
static void
start_thread(void)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int code;

	sigfillset(&all);
	/* A forbidden call is told where it is made: seccomp_sets.c. */
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, OFFLOAD_STACK);
	code = pthread_create(&pool.threads[pool.n_threads], &attr,
	    thread_main, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (code == 0)
		pool.n_threads++;
	else if (pool.n_threads == 0)
		die_temp("start a thread: %s", strerror(code));
}

void
offload(void (*run)(void *), void *arg)
{
	struct job job = { .run = run, .arg = arg, .ended = WAIT_EMPTY };

	if (fiber_self() == NULL) {
		run(arg);
		return;
	}
	if (pool.watch.fd < 0)
		pool_open();
	pthread_mutex_lock(&pool.lock);
	*pool.last = &job;
	pool.last = &job.next;
	pool.n_queued++;
	if (pool.n_idle < pool.n_queued && pool.n_threads < pool.max)
		start_thread();
	pthread_cond_signal(&pool.work);
	pthread_mutex_unlock(&pool.lock);
	wait_for_end(&job.ended);
}

void
offload_clear(void)
{
	pthread_mutex_lock(&pool.lock);
	assert(pool.first == NULL);
	pool.leave = true;
	pthread_cond_broadcast(&pool.work);
	pthread_mutex_unlock(&pool.lock);
	for (size_t i = 0; i < pool.n_threads; i++)
		pthread_join(pool.threads[i], NULL);
	pool.n_threads = 0;
	pool.leave = false;
	if (pool.watch.fd >= 0) {
		loop_remove_watch(&pool.watch);
		close(pool.watch.fd);
		pool.watch.fd = -1;
	}
}
