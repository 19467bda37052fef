/*
 * The processes of services: started when they are needed, drained when they
 * are replaced, started again, with a growing delay, when they die at birth.
 */
#include "master/service.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/mail/queue_id.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

enum {
	DELAY_FIRST_MS = 1000,
	/* Who left by itself sooner than this is no process that is used. */
	LIVED_SHORT_MS = 1000,
	/* Who reads that a limit is reached need not read it all the time. */
	TELL_AGAIN_MS = 60000,
	/* For sessions that are told that their time is over. */
	EXPEL_MS = 10000,
	/* Workers and sessions end between two transactions; this is for one
	 * that is under way when drain_time is over. */
	TRANSACTION_MS = 600000,
};

static bool slots[QUEUE_SLOTS_MAX];
static struct htable children_by_pid;

static struct view
pid_key(const pid_t *pid)
{
	return view_make(pid, sizeof(*pid));
}

static int
take_slot(void)
{
	static int last;

	/* Round robin: a slot rests before it is used again. */
	for (int i = 1; i <= QUEUE_SLOTS_MAX; i++) {
		int slot = (last + i) % QUEUE_SLOTS_MAX;

		if (!slots[slot]) {
			slots[slot] = true;
			last = slot;
			return slot;
		}
	}
	return -1;
}

/* --- generations --- */

static void
open_page(struct service *s)
{
	s->page_fd = memfd_create("sessions", MFD_CLOEXEC);
	if (s->page_fd < 0 ||
	    ftruncate(s->page_fd, sizeof(struct control_page)) < 0)
		die_temp("make the page of counts: %s", strerror(errno));
	s->page = mmap(NULL, sizeof(struct control_page),
	    PROT_READ | PROT_WRITE, MAP_SHARED, s->page_fd, 0);
	if (s->page == MAP_FAILED)
		die_temp("map the page of counts: %s", strerror(errno));
}

static void
close_page(struct service *s)
{
	if (s->page == NULL)
		return;
	munmap(s->page, sizeof(*s->page));
	close(s->page_fd);
	s->page = NULL;
}

static void child_expel(struct child *c);

void
service_next_generation(struct service *s)
{
	close_page(s);
	open_page(s);
	s->generation++;
	s->changed = false;
	timer_cancel(&s->renewal);
	/* At most two generations live: who is older goes now. */
	LIST_EACH(it, after, &s->children)
	{
		struct child *c = LIST_ITEM(it, struct child, node);

		if (c->generation < s->generation - 1)
			child_expel(c);
	}
}

void
service_adopt_children(struct service *s, struct service *old)
{
	s->generation = old->generation;
	LIST_EACH(it, after, &old->children)
	{
		list_remove(it);
		list_append(&s->children, it);
		LIST_ITEM(it, struct child, node)->service = s;
	}
	service_next_generation(s);
}

static bool
has_older_generation(const struct service *s)
{
	const struct list *head = &s->children;

	for (const struct list *it = head->next; it != head; it = it->next)
		if (((const struct child *)(const void *)it)->generation <
		    s->generation)
			return true;
	return false;
}

static void
on_renewal(struct timer *t)
{
	struct service *s = LIST_ITEM(t, struct service, renewal);

	service_next_generation(s);
	service_run(s);
}

/* What a process opened has changed.  Changes that follow each other fast are
 * gathered while a generation is on its way out, so that sessions have their
 * time. */
static void
renew(struct service *s)
{
	if (s->program->kind == PROGRAM_ALONE) {
		service_drain(s);
	} else if (!has_older_generation(s)) {
		service_next_generation(s);
	} else if (!s->changed) {
		s->changed = true;
		timer_set(&s->renewal,
		    loop_now() + master.conf->drain_time * 1000, on_renewal);
	}
}

/* --- starting --- */

static void on_child(struct loop_watch *w, uint32_t events);

static struct child *
child_start(struct service *s, int process)
{
	struct child *c = xcalloc(1, sizeof(*c));
	int pair[2];

	if (s->page == NULL)
		service_next_generation(s);
	c->service = s;
	c->process = process;
	c->generation = s->generation;
	c->started = clock_ms();
	c->slot = take_slot();
	if (c->slot < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, pair) < 0) {
		log_warn("start %s: %s", s->cf->name,
		    c->slot < 0 ? "too many processes" : strerror(errno));
		if (c->slot >= 0)
			slots[c->slot] = false;
		free(c);
		return NULL;
	}
	log_flush();
	c->pid = fork();
	if (c->pid == 0)
		child_exec(c, pair[1]);
	close(pair[1]);
	if (c->pid < 0) {
		log_warn("fork for %s: %s", s->cf->name, strerror(errno));
		close(pair[0]);
		slots[c->slot] = false;
		free(c);
		return NULL;
	}
	TEST_POINT("master-forked");
	c->control = pair[0];
	c->watch = (struct loop_watch){ .fd = pair[0], .events = EPOLLIN,
		.ready = on_child, .arg = c };
	loop_add_watch(&c->watch);
	list_append(&s->children, &c->node);
	htable_set(&children_by_pid, pid_key(&c->pid), c);
	return c;
}

static void
on_client(struct loop_watch *w, uint32_t events)
{
	struct service *s = w->arg;

	(void)events;
	s->wanted = true;
	s->used = true;
	service_watch_sockets(s, false, NULL);
	service_run(s);
}

static void
on_retry(struct timer *t)
{
	service_run(LIST_ITEM(t, struct service, retry));
}

/* True: nothing may be started for now. */
static bool
is_throttled(struct service *s)
{
	if (loop_now() >= s->not_before)
		return false;
	timer_set(&s->retry, s->not_before, on_retry);
	return true;
}

static bool
has_process(const struct service *s, int process)
{
	const struct list *head = &s->children;

	for (const struct list *it = head->next; it != head; it = it->next) {
		const struct child *c =
		    (const struct child *)(const void *)it;

		if (c->process == process && c->generation == s->generation &&
		    c->state != CHILD_DRAINING && !c->used_up)
			return true;
	}
	return false;
}

static void
run_processes(struct service *s)
{
	for (int k = 1; k <= s->n_processes; k++)
		if (!has_process(s, k) && child_start(s, k) == NULL) {
			s->not_before = loop_now() + DELAY_FIRST_MS;
			is_throttled(s);
			return;
		}
}

/* A client waits, and all are busy. */
static void
on_client_too_many(struct loop_watch *w, uint32_t events)
{
	struct service *s = w->arg;

	(void)events;
	service_watch_sockets(s, false, NULL);
	s->told_limit_at = loop_now();
	log_warn("service \"%s\" (%s) has reached its process limit \"%lld\": "
		 "new clients may experience noticeable delays",
	    s->cf->name, s->sockets[0].address, (long long)s->limit);
}

/* A worker is started if a client waits and none is free. */
static void
run_worker(struct service *s)
{
	int64_t n = 0;
	bool idle = false;

	LIST_EACH(it, after, &s->children)
	{
		struct child *c = LIST_ITEM(it, struct child, node);

		if (c->state == CHILD_DRAINING)
			continue;
		n++;
		idle = idle || !c->busy;
	}
	service_watch_sockets(s, false, NULL);
	if (idle)
		return;
	if (n >= s->limit) {
		if (s->told_limit_at == 0 ||
		    loop_now() - s->told_limit_at > TELL_AGAIN_MS)
			service_watch_sockets(s, true, on_client_too_many);
	} else if (s->wanted) {
		s->wanted = false;
		child_start(s, 1);
	} else {
		service_watch_sockets(s, true, on_client);
	}
}

void
service_run(struct service *s)
{
	if (master.stopping || s->retired || is_throttled(s))
		return;
	if (s->program->kind == PROGRAM_ALONE) {
		/* The successor waits for its predecessor's end. */
		s->n_processes = 1;
		if (list_is_empty(&s->children))
			run_processes(s);
	} else if (s->program->kind == PROGRAM_SESSIONS) {
		if (s->wanted)
			run_processes(s);
		else
			service_watch_sockets(s, true, on_client);
	} else {
		run_worker(s);
	}
}

/* --- what master says --- */

void
child_tell(struct child *c, enum control_verb verb)
{
	struct control_record r = { verb, 0 };

	if (c->control >= 0 &&
	    send(c->control, &r, sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	    errno != EPIPE && errno != ECONNRESET)
		log_warn("tell process %d: %s", (int)c->pid, strerror(errno));
}

static void
drain_too_long(struct timer *t)
{
	struct child *c = LIST_ITEM(t, struct child, drain_limit);

	log_warn("process %s pid %d does not leave: terminated",
	    c->service->cf->command, (int)c->pid);
	kill(c->pid, SIGKILL);
}

static void
drain_is_over(struct timer *t)
{
	child_tell(LIST_ITEM(t, struct child, drain_limit), CONTROL_LEAVE);
	timer_set(t, loop_now() + TRANSACTION_MS, drain_too_long);
}

static void
child_drain(struct child *c)
{
	if (c->state == CHILD_DRAINING)
		return;
	c->state = CHILD_DRAINING;
	child_tell(c, CONTROL_DRAIN);
	timer_set(&c->drain_limit,
	    clock_ms() + master.conf->drain_time * 1000, drain_is_over);
}

static void
expelled_too_long(struct timer *t)
{
	struct child *c = LIST_ITEM(t, struct child, drain_limit);

	kill(c->pid, SIGTERM);
	timer_set(t, loop_now() + EXPEL_MS, drain_too_long);
}

/* A worker in mid-delivery has its time all the same: it listens to nobody new
 * and what it does must not be done twice. */
static void
child_expel(struct child *c)
{
	child_drain(c);
	if (c->expelled || c->service->program->kind == PROGRAM_WORKER)
		return;
	c->expelled = true;
	child_tell(c, CONTROL_LEAVE);
	timer_set(&c->drain_limit, clock_ms() + EXPEL_MS, expelled_too_long);
}

void
service_drain(struct service *s)
{
	LIST_EACH(it, after, &s->children)
		child_drain(LIST_ITEM(it, struct child, node));
}

void
service_leave(struct service *s)
{
	service_drain(s);
	LIST_EACH(it, after, &s->children)
		child_tell(LIST_ITEM(it, struct child, node), CONTROL_LEAVE);
}

void
service_signal(struct service *s, int signal)
{
	LIST_EACH(it, after, &s->children)
		kill(LIST_ITEM(it, struct child, node)->pid, signal);
}

/* --- wakeup --- */

/* Who runs is told; who does not is started, as by a client. */
static void
on_wakeup(struct timer *t)
{
	struct service *s = LIST_ITEM(t, struct service, wakeup);

	timer_set(t, loop_now() + s->cf->wakeup * 1000, on_wakeup);
	if (list_is_empty(&s->children)) {
		if (s->cf->wakeup_if_used && !s->used)
			return;
		s->wanted = true;
		service_run(s);
	}
	LIST_EACH(it, after, &s->children)
		child_tell(LIST_ITEM(it, struct child, node), CONTROL_WAKEUP);
}

void
service_start_wakeup(struct service *s)
{
	if (s->cf->wakeup > 0)
		/* The first at once: there may be a queue from before. */
		timer_set(&s->wakeup, clock_ms(), on_wakeup);
}

/* --- what children say --- */

/* The old ones leave once a new one serves. */
static void
child_serves(struct child *c)
{
	struct service *s = c->service;

	if (c->state == CHILD_STARTING)
		c->state = CHILD_SERVING;
	c->served = true;
	LIST_EACH(it, after, &s->children)
	{
		struct child *old = LIST_ITEM(it, struct child, node);

		if (old->generation < c->generation ||
		    (old != c && old->used_up && old->process == c->process))
			child_drain(old);
	}
}

static void
child_says(struct child *c, const struct control_record *r)
{
	struct service *s = c->service;

	switch (r->verb) {
	case CONTROL_SERVING:
		child_serves(c);
		break;
	case CONTROL_TAKEN:
		c->busy = c->was_busy = true;
		break;
	case CONTROL_IDLE:
		c->busy = false;
		s->delay_ms = 0;
		break;
	case CONTROL_CHANGED:
		if (c->generation == s->generation && !s->retired)
			renew(s);
		break;
	case CONTROL_USED_UP:
		c->used_up = true;
		break;
	case CONTROL_NO_PROGRAM:
		/* A program that is there does not say so; one that was taken
		 * over may, again and again. */
		if (c->state != CHILD_STARTING || c->told_odd)
			break;
		c->told_odd = true;
		log_error("%s, line %d: service %s: exec %s/%s: %s",
		    s->cf->file, s->cf->line, s->cf->name,
		    master.conf->daemon_directory, s->program->file,
		    strerror((int)r->value));
		break;
	default:
		if (!c->told_odd)
			log_warn("process %s pid %d: unknown record %u",
			    s->cf->command, (int)c->pid, r->verb);
		c->told_odd = true;
		break;
	}
	service_run(s);
}

static void
close_control(struct child *c)
{
	if (c->control < 0)
		return;
	loop_remove_watch(&c->watch);
	close(c->control);
	c->control = -1;
}

static void
on_child(struct loop_watch *w, uint32_t events)
{
	struct child *c = w->arg;
	struct control_record r;
	ssize_t n = recv(w->fd, &r, sizeof(r), MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == (ssize_t)sizeof(r))
		child_says(c, &r);
	else /* Its end is told by SIGCHLD. */
		close_control(c);
}

/* --- ends --- */

/* What is told by way of the log is read by nobody. */
static void
tell_without_log(const struct service *s)
{
	static const char text[] = "the log daemon does not start";

	fprintf(stderr, "%s/master: fatal: %s: %s/%s\n",
	    master.conf->syslog_name, text, master.conf->daemon_directory,
	    s->program->file);
	syslog(LOG_MAIL | LOG_CRIT, "%s: %s/%s", text,
	    master.conf->daemon_directory, s->program->file);
}

/* Longer and longer, while processes die before they serve or right after. */
static void
throttle(struct service *s, const struct child *c)
{
	int64_t max = master.conf->service_throttle_time * 1000;

	if (c->served && clock_ms() - c->started > max)
		s->delay_ms = 0;
	if (!c->served)
		log_warn("%s/%s: bad command startup -- throttling",
		    master.conf->daemon_directory, s->cf->command);
	if (s->delay_ms == 0 && c->served) {
		/* Once at once: a crash of one session costs nobody a wait. */
		s->delay_ms = DELAY_FIRST_MS / 4;
		return;
	}
	if (s->program->file != NULL && strcmp(s->program->file, "log") == 0)
		tell_without_log(s);
	s->delay_ms = s->delay_ms > 0 ? s->delay_ms * 2 : DELAY_FIRST_MS;
	if (s->delay_ms > max)
		s->delay_ms = max;
	s->not_before = clock_ms() + s->delay_ms;
}

static void
report_end(const struct child *c, int status)
{
	const struct service *s = c->service;
	const char *dir = master.conf->daemon_directory;

	if (WIFEXITED(status))
		log_warn("process %s/%s pid %d exit status %d", dir,
		    s->cf->command, (int)c->pid, WEXITSTATUS(status));
	else if (WTERMSIG(status) == SIGSYS)
		log_warn("process %s/%s pid %d killed by signal %d: a system "
			 "call that its sandbox forbids",
		    dir, s->cf->command, (int)c->pid, SIGSYS);
	else
		log_warn("process %s/%s pid %d killed by signal %d", dir,
		    s->cf->command, (int)c->pid, WTERMSIG(status));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		TEST_POINT_OVER();
}

/* True if it did what we told it to. */
static bool
was_asked(const struct child *c, int status)
{
	if (!WIFEXITED(status))
		return WTERMSIG(status) == SIGTERM &&
		    (master.stopping || c->expelled);
	return WEXITSTATUS(status) == 0 &&
	    (master.stopping || c->reloading || c->state == CHILD_DRAINING);
}

static void
judge_end(struct child *c, int status)
{
	bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	bool soon = clock_ms() - c->started < LIVED_SHORT_MS;

	if (was_asked(c, status))
		return;
	if (!well)
		report_end(c, status);
	/* One that leaves in good order, but at once, is of no use either. */
	if (!well || !c->served || (soon && !c->was_busy))
		throttle(c->service, c);
}

static bool
has_twin(const struct child *c)
{
	LIST_EACH(it, after, &c->service->children)
	{
		const struct child *twin = LIST_ITEM(it, struct child, node);

		if (twin != c && twin->process == c->process &&
		    twin->generation == c->generation)
			return true;
	}
	return false;
}

void
child_reap(pid_t pid, int status)
{
	struct child *c = htable_remove(&children_by_pid, pid_key(&pid));
	struct service *s;

	if (c == NULL)
		return;
	TEST_POINT("master-reaped");
	s = c->service;
	/* Its last words may still be there. */
	while (c->control >= 0) {
		struct control_record r;

		if (recv(c->control, &r, sizeof(r), MSG_DONTWAIT) !=
		    (ssize_t)sizeof(r))
			break;
		if (r.verb == CONTROL_SERVING)
			c->served = true;
		else if (r.verb == CONTROL_NO_PROGRAM)
			child_says(c, &r);
	}
	close_control(c);
	judge_end(c, status);
	timer_cancel(&c->drain_limit);
	if (s->page != NULL && c->generation == s->generation && !has_twin(c))
		__atomic_store_n(&s->page->sessions[c->process - 1], 0,
		    __ATOMIC_RELAXED);
	slots[c->slot] = false;
	list_remove(&c->node);
	free(c);
	if (s->changed && !has_older_generation(s))
		service_next_generation(s);
	if (s->retired && list_is_empty(&s->children))
		service_free(s);
	else
		service_run(s);
}

bool
child_is_any_left(void)
{
	return children_by_pid.n_entries > 0;
}

void
service_free(struct service *s)
{
	assert(list_is_empty(&s->children));
	timer_cancel(&s->retry);
	timer_cancel(&s->wakeup);
	timer_cancel(&s->renewal);
	service_close_sockets(s);
	close_page(s);
	list_remove(&s->node);
	service_lines_release(s->lines);
	free(s);
}
