/*
 * The processes of services: started when they are needed, drained when they
 * are replaced, started again, with a growing delay, when they die at birth.
 */
#include "master/service.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/queue_id.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DELAY_FIRST_MS = 1000,
	/* A process that lived this long was no failed start. */
	LIVED_MS = 60000,
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

void
service_next_generation(struct service *s)
{
	close_page(s);
	open_page(s);
	s->generation++;
}

/* --- starting --- */

struct arguments {
	const char *list[64 + MASTER_CF_ARGS_MAX];
	char numbers[8][32];
	size_t n, n_numbers;
};

static void
add_argument(struct arguments *a, const char *option, const char *value)
{
	assert(a->n + 2 < ARRAY_LEN(a->list));
	a->list[a->n++] = option;
	if (value != NULL)
		a->list[a->n++] = value;
}

static void
add_number(struct arguments *a, const char *option, int64_t n)
{
	char *to = a->numbers[a->n_numbers++];

	assert(a->n_numbers <= ARRAY_LEN(a->numbers));
	snprintf(to, sizeof(a->numbers[0]), "%lld", (long long)n);
	add_argument(a, option, to);
}

static void
build_arguments(struct arguments *a, const struct child *c)
{
	const struct service *s = c->service;
	int n = s->program->kind == PROGRAM_SESSIONS ? s->n_processes : 1;
	char *of = a->numbers[a->n_numbers++];

	add_argument(a, s->cf->command, NULL);
	add_argument(a, "-n", s->cf->name);
	add_argument(a, "-t", master_type_name(s->cf->type));
	add_argument(a, "-c", master.dir);
	snprintf(of, sizeof(a->numbers[0]), "%d/%d", c->process, n);
	add_argument(a, "-k", of);
	add_number(a, "-g", c->generation);
	add_number(a, "-s", c->slot);
	add_number(a, "-l", (int64_t)s->n_sockets);
	add_number(a, "-m", (s->limit + n - 1) / n);
	if (s->cf->chroot)
		add_argument(a, "-z", NULL);
	if (master.unprivileged)
		add_argument(a, "-u", NULL);
	for (int i = 0; i < master.verbose; i++)
		add_argument(a, "-v", NULL);
	for (size_t i = 1; i < s->cf->argc; i++)
		add_argument(a, s->cf->argv[i], NULL);
	a->list[a->n] = NULL;
}

/* Descriptors to their fixed places: first all above, then down. */
static void
place_descriptors(const struct service *s, int control)
{
	int from[2 + SERVICE_SOCKETS_MAX];
	size_t n = 2 + s->n_sockets;

	from[0] = control;
	from[1] = s->page_fd;
	for (size_t i = 0; i < s->n_sockets; i++)
		from[2 + i] = s->sockets[i].fd;
	for (size_t i = 0; i < n; i++)
		from[i] = fcntl(from[i], F_DUPFD, CONTROL_FD + (int)n);
	for (size_t i = 0; i < n; i++) {
		if (from[i] < 0 || dup2(from[i], CONTROL_FD + (int)i) < 0)
			_exit(75);
	}
	close_range((unsigned)CONTROL_FD + (unsigned)n, ~0U, 0);
}

_Noreturn static void
exec_child(const struct child *c, int control)
{
	static struct arguments a;
	struct str path = STR_EMPTY;
	sigset_t none;

	build_arguments(&a, c);
	str_printf(&path, "%s/%s", master.conf->daemon_directory,
	    c->service->program->file != NULL ? c->service->program->file :
						c->service->cf->command);
	place_descriptors(c->service, control);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(path.ptr, (char *const *)(uintptr_t)a.list);
	log_set_stderr(true);
	log_error("exec %s: %s", path.ptr, strerror(errno));
	_exit(127);
}

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
		exec_child(c, pair[1]);
	close(pair[1]);
	if (c->pid < 0) {
		log_warn("fork for %s: %s", s->cf->name, strerror(errno));
		close(pair[0]);
		slots[c->slot] = false;
		free(c);
		return NULL;
	}
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
		    c->state != CHILD_DRAINING)
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
	if (idle) {
		service_watch_sockets(s, false, NULL);
		return;
	}
	if (s->limit > 0 && n >= s->limit) {
		service_watch_sockets(s, false, NULL);
		if (!s->told_limit)
			log_warn("service \"%s\" (%s) has reached its process "
				 "limit \"%lld\": new clients may experience "
				 "noticeable delays",
			    s->cf->name, s->sockets[0].address,
			    (long long)s->limit);
		s->told_limit = true;
		return;
	}
	if (s->wanted) {
		s->wanted = false;
		child_start(s, 1);
	} else {
		service_watch_sockets(s, true, on_client);
	}
}

void
service_run(struct service *s)
{
	if (master.stopping || s->program->kind == PROGRAM_NONE ||
	    is_throttled(s))
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

/* --- what children say --- */

static void
tell_child(struct child *c, enum control_verb verb)
{
	struct control_record r = { verb, 0 };

	if (send(c->control, &r, sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
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
child_drain(struct child *c)
{
	if (c->state == CHILD_DRAINING)
		return;
	c->state = CHILD_DRAINING;
	tell_child(c, CONTROL_DRAIN);
	/* Workers and sessions end between two transactions; twice the time
	 * for what is in the middle of one. */
	timer_set(&c->drain_limit,
	    clock_ms() + 2 * master.conf->drain_time * 1000 + 600000,
	    drain_too_long);
}

void
service_drain(struct service *s)
{
	LIST_EACH(it, after, &s->children)
		child_drain(LIST_ITEM(it, struct child, node));
}

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

		if (old->generation < c->generation)
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
		c->busy = true;
		break;
	case CONTROL_IDLE:
		c->busy = false;
		s->delay_ms = 0;
		break;
	case CONTROL_CHANGED:
		if (c->generation != s->generation)
			break;
		service_next_generation(s);
		if (s->program->kind == PROGRAM_ALONE)
			child_drain(c);
		break;
	case CONTROL_USED_UP:
		child_drain(c);
		break;
	default:
		log_warn("process %s pid %d: unknown record %u",
		    s->cf->command, (int)c->pid, r->verb);
		break;
	}
	service_run(s);
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
	if (n == (ssize_t)sizeof(r)) {
		child_says(c, &r);
		return;
	}
	/* Its end is told by SIGCHLD. */
	loop_remove_watch(&c->watch);
	close(c->control);
	c->control = -1;
}

/* --- ends --- */

/* Longer and longer, while processes die before they serve or right after. */
static void
throttle(struct service *s, const struct child *c)
{
	int64_t max = master.conf->service_throttle_time * 1000;

	if (c->served && clock_ms() - c->started > LIVED_MS)
		s->delay_ms = 0;
	if (!c->served)
		log_warn("%s: bad command startup -- throttling",
		    s->cf->command);
	if (s->delay_ms == 0 && c->served) {
		/* Once at once: a crash of one session costs nobody a wait. */
		s->delay_ms = DELAY_FIRST_MS / 4;
		return;
	}
	s->delay_ms = s->delay_ms > 0 ? s->delay_ms * 2 : DELAY_FIRST_MS;
	if (s->delay_ms > max)
		s->delay_ms = max;
	s->not_before = clock_ms() + s->delay_ms;
}

static void
report_end(struct child *c, int status)
{
	struct service *s = c->service;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (WIFEXITED(status))
		log_warn("process %s/%s pid %d exit status %d",
		    master.conf->daemon_directory, s->cf->command,
		    (int)c->pid, WEXITSTATUS(status));
	else if (WTERMSIG(status) == SIGSYS)
		log_warn("process %s/%s pid %d killed by signal %d: a system "
			 "call that its sandbox forbids",
		    master.conf->daemon_directory, s->cf->command,
		    (int)c->pid, SIGSYS);
	else
		log_warn("process %s/%s pid %d killed by signal %d",
		    master.conf->daemon_directory, s->cf->command,
		    (int)c->pid, WTERMSIG(status));
	if (!master.stopping)
		throttle(s, c);
}

void
child_reap(pid_t pid, int status)
{
	struct child *c = htable_remove(&children_by_pid, pid_key(&pid));
	struct service *s;

	if (c == NULL)
		return;
	s = c->service;
	report_end(c, status);
	if (c->control >= 0) {
		loop_remove_watch(&c->watch);
		close(c->control);
	}
	timer_cancel(&c->drain_limit);
	if (s->page != NULL && c->generation == s->generation)
		__atomic_store_n(&s->page->sessions[c->process - 1], 0,
		    __ATOMIC_RELAXED);
	slots[c->slot] = false;
	list_remove(&c->node);
	free(c);
	s->told_limit = false;
	service_run(s);
}

bool
child_is_any_left(void)
{
	return children_by_pid.n_entries > 0;
}

static void
signal_one(struct view key, void *value, void *arg)
{
	struct child *c = value;

	(void)key;
	kill(c->pid, *(int *)arg);
}

void
child_signal_all(int signal)
{
	htable_each(&children_by_pid, signal_one, &signal);
}

void
service_free(struct service *s)
{
	assert(list_is_empty(&s->children));
	timer_cancel(&s->retry);
	timer_cancel(&s->wakeup);
	service_close_sockets(s);
	close_page(s);
	list_remove(&s->node);
	free(s);
}
