/*
 * Serving: accepting clients with fairness among the processes of a service,
 * draining, and the three skeletons.  See daemon.h.
 *
 * Of several processes that wait on one socket the kernel wakes the same one
 * again and again; so a process with more than its share leaves the listener
 * alone until the others catch up.
 */
#include "lib/daemon/daemon.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/peers.h"
#include "lib/daemon/state.h"
#include "lib/run/fiber.h"
#include "lib/run/io.h"
#include "lib/run/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	FULL_PAUSE_MS = 200,
	SESSION_SLACK = 4,
	LAST_CLIENTS_MAX = 1000,
	LAST_CALL_MS = 100,
	ORPHAN_MS = 30000,
};

struct acceptor {
	struct daemon *daemon;
	struct loop_listener listeners[DAEMON_LISTENERS_MAX];
	struct timer again;
	struct timer last_call, orphan_limit;
	bool paused, listening;
	uint32_t n_sessions, slack;
	int64_t served;
	void (*accepted)(struct acceptor *a, struct daemon_client *client);
	void (*session)(struct daemon_client *client);
	void *owner;
	struct ipc_server server;
};

static struct acceptor acceptor;

/* --- master --- */

void
daemon_tell_master(enum control_verb verb, uint32_t value)
{
	struct control_record r = { verb, value };
	ssize_t n;

	do
		n = send(CONTROL_FD, &r, sizeof(r), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		log_warn("tell master: %s", strerror(errno));
}

void
daemon_retire(const struct daemon *d)
{
	if (d->managed)
		daemon_tell_master(CONTROL_USED_UP, 0);
}

/* --- accepting --- */

static void
pause_all(struct acceptor *a, bool paused)
{
	if (a->paused == paused)
		return;
	a->paused = paused;
	for (size_t i = 0; i < a->daemon->n_listeners; i++)
		loop_pause_listener(&a->listeners[i], paused);
}

static bool
is_full(const struct acceptor *a)
{
	return a->daemon->sessions_max > 0 &&
	    a->n_sessions >= a->daemon->sessions_max;
}

static void check_share(struct acceptor *a);

static void
on_again(struct timer *t)
{
	(void)t;
	check_share(&acceptor);
}

static void
check_share(struct acceptor *a)
{
	struct share_verdict v;

	/* A successor may count in our place by now. */
	if (daemon_state.draining)
		return;
	v = share_count(a->daemon, a->n_sessions, a->slack);
	pause_all(a, is_full(a) || v.is_over);
	/* When a session of ours ends we look again; others' ends only show
	 * by the clock. */
	if (v.is_over && (a->again.place == 0 || v.is_news))
		timer_set(&a->again, loop_now() + v.again_ms, on_again);
}

/* No descriptor left: the client that waits is let in and put out, so that it
 * does not hang in the backlog; then a pause. */
static void
refuse_one(struct acceptor *a, int listener)
{
	log_warn("accept: %s", strerror(errno));
	if (daemon_state.reserve_fd >= 0) {
		int fd;

		close(daemon_state.reserve_fd);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		daemon_state.reserve_fd = fcntl(CONTROL_FD, F_DUPFD_CLOEXEC, 3);
	}
	pause_all(a, true);
	timer_set(&a->again, loop_now() + FULL_PAUSE_MS, on_again);
}

/* False if there is none, or no room. */
static bool
accept_one(struct loop_listener *l)
{
	struct acceptor *a = l->arg;
	struct daemon_client *c = xcalloc(1, sizeof(*c));

	c->addr_len = sizeof(c->addr);
	c->owner = a->owner;
	c->fd = accept4(l->fd, (struct sockaddr *)&c->addr, &c->addr_len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			refuse_one(a, l->fd);
		return false;
	}
	a->n_sessions++;
	a->served++;
	a->accepted(a, c);
	check_share(a);
	if (a->served == a->daemon->conf->process_max_sessions)
		daemon_retire(a->daemon);
	return true;
}

static void
on_client(struct loop_listener *l)
{
	accept_one(l);
}

static void
leave_if_done(struct acceptor *a)
{
	if (daemon_state.draining && a->n_sessions == 0 && !a->listening &&
	    linger_count() == 0)
		loop_stop();
}

static void
none_lingers(void)
{
	leave_if_done(&acceptor);
}

static void
session_ended(struct acceptor *a)
{
	a->n_sessions--;
	check_share(a);
	leave_if_done(a);
}

bool
daemon_is_draining(void)
{
	return daemon_state.draining;
}

/* --- control --- */

static void
last_call(struct acceptor *a)
{
	timer_cancel(&a->last_call);
	for (size_t i = 0; i < a->daemon->n_listeners; i++) {
		struct loop_listener *l = &a->listeners[i];
		int most = LAST_CLIENTS_MAX;

		while (a->session != NULL && !is_full(a) && most-- > 0 &&
		    accept_one(l))
			;
		close(l->fd);
	}
	a->listening = false;
}

static void
on_last_call(struct timer *t)
{
	(void)t;
	last_call(&acceptor);
	leave_if_done(&acceptor);
}

/*
 * If nobody else has our listeners, because the service's address is another
 * one now, those who wait there, or are about to, would be put out: they are
 * let in when all have had the time to arrive.
 */
static void
stop_listening(struct acceptor *a)
{
	for (size_t i = 0; i < a->daemon->n_listeners; i++)
		loop_remove_listener(&a->listeners[i]);
	if (a->session != NULL)
		timer_set(&a->last_call, loop_now() + LAST_CALL_MS,
		    on_last_call);
	else
		last_call(a);
}

static void
start_draining(void)
{
	struct acceptor *a = &acceptor;

	if (daemon_state.draining)
		return;
	daemon_state.draining = true;
	if (a->daemon != NULL)
		stop_listening(a);
	if (daemon_state.drain != NULL)
		daemon_state.drain(daemon_state.drain_owner);
	/* A hook of sessions only hurries them. */
	if (daemon_state.drain == NULL || a->session != NULL)
		leave_if_done(a);
}

/* Without the wait of the last call. */
static void
start_leaving(void)
{
	struct acceptor *a = &acceptor;

	start_draining();
	if (a->listening)
		on_last_call(&a->last_call);
	if (daemon_state.leave != NULL)
		daemon_state.leave(daemon_state.leave_owner);
}

static void
obey(uint32_t verb)
{
	const struct daemon_state *s = &daemon_state;

	switch (verb) {
	case CONTROL_DRAIN:
		start_draining();
		break;
	case CONTROL_RELOAD:
		if (s->reload != NULL)
			s->reload(s->reload_owner);
		else
			start_draining();
		break;
	case CONTROL_LEAVE:
		start_leaving();
		break;
	case CONTROL_WAKEUP:
		if (s->wakeup != NULL)
			s->wakeup(s->wakeup_owner);
		break;
	}
}

static void
on_orphan_limit(struct timer *t)
{
	(void)t;
	log_drain();
	_exit(0);
}

/* Leave now: nothing acknowledged is lost.  But what an agent has given away
 * while nobody hears of it would be given away once more. */
static void
master_is_gone(void)
{
	struct acceptor *a = &acceptor;

	if (!daemon_state.finishes || a->server.n_open == 0)
		on_orphan_limit(NULL);
	loop_remove_watch(&daemon_state.control);
	timer_set(&a->orphan_limit, loop_now() + ORPHAN_MS, on_orphan_limit);
	start_draining();
}

bool
daemon_is_orphaned(void)
{
	struct pollfd p = { .fd = CONTROL_FD, .events = POLLRDHUP };

	return daemon_state.managed && poll(&p, 1, 0) > 0 &&
	    (p.revents & (POLLHUP | POLLRDHUP)) != 0;
}

void
daemon_finish_orphaned(struct daemon *d)
{
	(void)d;
	daemon_state.finishes = true;
}

static void
on_control(struct loop_watch *w, uint32_t events)
{
	struct control_record r;
	ssize_t n = recv(w->fd, &r, sizeof(r), MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == (ssize_t)sizeof(r))
		obey(r.verb);
	else
		master_is_gone();
}

static void
watch_control(struct daemon *d)
{
	daemon_add_hooks();
	if (!d->managed)
		return;
	daemon_state.control = (struct loop_watch){ .fd = CONTROL_FD,
		.events = EPOLLIN, .ready = on_control };
	loop_add_watch(&daemon_state.control);
	daemon_tell_master(CONTROL_SERVING, 0);
}

void
daemon_on_reload(struct daemon *d, void (*reload)(void *owner), void *owner)
{
	(void)d;
	daemon_state.reload = reload;
	daemon_state.reload_owner = owner;
}

void
daemon_on_drain(struct daemon *d, void (*drain)(void *owner), void *owner)
{
	(void)d;
	daemon_state.drain = drain;
	daemon_state.drain_owner = owner;
}

void
daemon_on_leave(struct daemon *d, void (*leave)(void *owner), void *owner)
{
	(void)d;
	daemon_state.leave = leave;
	daemon_state.leave_owner = owner;
}

void
daemon_on_wakeup(struct daemon *d, void (*wakeup)(void *owner), void *owner)
{
	(void)d;
	daemon_state.wakeup = wakeup;
	daemon_state.wakeup_owner = owner;
}

static int
serve(struct daemon *d, struct acceptor *a)
{
	a->daemon = d;
	a->listening = true;
	for (size_t i = 0; i < d->n_listeners; i++) {
		io_set_nonblocking(d->listeners[i]);
		a->listeners[i] = (struct loop_listener){
			.fd = d->listeners[i], .ready = on_client, .arg = a };
		loop_add_listener(&a->listeners[i]);
	}
	share_count(d, 0, 0);
	linger_on_none(none_lingers);
	watch_control(d);
	loop_run();
	log_drain();
	return EXIT_SUCCESS;
}

/* --- sessions --- */

static void
run_session(void *arg)
{
	struct daemon_client *c = arg;

	acceptor.session(c);
	free(c);
	session_ended(&acceptor);
}

static void
spawn_session(struct acceptor *a, struct daemon_client *c)
{
	(void)a;
	fiber_spawn("session", run_session, c);
}

int
daemon_serve_sessions(struct daemon *d,
    void (*session)(struct daemon_client *client), void *owner)
{
	struct acceptor *a = &acceptor;

	a->accepted = spawn_session;
	a->session = session;
	a->owner = owner;
	a->slack = SESSION_SLACK;
	if (!loop_is_on())
		loop_init();
	return serve(d, a);
}

/* --- other processes' questions --- */

static void
peer_gone(struct ipc_server *s)
{
	(void)s;
	session_ended(&acceptor);
}

static void
accept_peer(struct acceptor *a, struct daemon_client *c)
{
	size_t before = a->server.n_peers;

	ipc_server_accept(&a->server, c->fd);
	free(c);
	if (a->server.n_peers == before)
		a->n_sessions--;
}

static void
drain_peers(void *owner)
{
	struct acceptor *a = owner;

	ipc_server_drain(&a->server);
	leave_if_done(a);
}

static void
server_open(struct daemon *d, const struct ipc_handler *handlers, void *owner)
{
	struct ipc_server *s = &acceptor.server;

	ipc_server_init(s, handlers, owner);
	s->may_connect = peers_may_connect;
	s->may_send = peers_may_send;
	s->most_of = peers_most_of;
	s->greet = daemon_state.greet;
	s->hello = (struct ipc_hello){ d->process, d->processes,
		d->generation };
}

struct ipc_server *
daemon_ipc_server(void)
{
	return &acceptor.server;
}

void
daemon_greet_peers(void (*greet)(struct ipc_server *s, struct ipc_conn *c))
{
	daemon_state.greet = greet;
}

int
daemon_serve_ipc(struct daemon *d, const struct ipc_handler *handlers,
    void *owner)
{
	struct acceptor *a = &acceptor;

	if (!loop_is_on())
		loop_init();
	server_open(d, handlers, owner);
	a->server.on_peer_gone = peer_gone;
	a->accepted = accept_peer;
	if (daemon_state.drain == NULL)
		daemon_on_drain(d, drain_peers, a);
	return serve(d, a);
}

/* --- alone --- */

struct listen_target {
	void (*accepted)(int fd, void *owner);
	void *owner;
	struct loop_listener listener;
};

static struct listen_target targets[DAEMON_LISTENERS_MAX];

static void
on_target(struct loop_listener *l)
{
	struct listen_target *t = l->arg;
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		t->accepted(fd, t->owner);
	else if (errno != EAGAIN && errno != EINTR)
		log_warn("accept: %s", strerror(errno));
}

void
daemon_listen(struct daemon *d, size_t i, void (*accepted)(int fd, void *owner),
    void *owner)
{
	struct listen_target *t = &targets[i];

	t->accepted = accepted;
	t->owner = owner;
	t->listener = (struct loop_listener){ .fd = d->listeners[i],
		.ready = on_target, .arg = t };
	io_set_nonblocking(d->listeners[i]);
	loop_add_listener(&t->listener);
}

int
daemon_run(struct daemon *d)
{
	watch_control(d);
	loop_run();
	log_drain();
	return EXIT_SUCCESS;
}

/* --- workers --- */

static bool worker_leaves;

/* Wait for a client; -1 when it is time to leave. */
static int
worker_accept(struct daemon *d)
{
	struct pollfd p[DAEMON_LISTENERS_MAX + 1];
	size_t n = d->n_listeners;

	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ d->listeners[i], POLLIN, 0 };
	p[n] = (struct pollfd){ CONTROL_FD, POLLIN, 0 };
	log_drain();
	for (;;) {
		int idle = (int)(d->conf->max_idle > 0 ?
			d->conf->max_idle * 1000 : -1);
		int ready = poll(p, n + 1, idle);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0 || p[n].revents != 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			int fd;

			if (p[i].revents == 0)
				continue;
			fd = accept4(d->listeners[i], NULL, NULL,
			    SOCK_CLOEXEC | SOCK_NONBLOCK);
			if (fd >= 0)
				return fd;
		}
	}
}

void
daemon_worker_leave(struct daemon *d)
{
	int ends[2];

	(void)d;
	if (worker_leaves || pipe2(ends, O_CLOEXEC) < 0)
		return;
	/* A pipe that nobody can write to any more is always readable. */
	close(ends[1]);
	worker_leaves = true;
	acceptor.server.plain_leave_fd = ends[0];
}

int
daemon_serve_worker(struct daemon *d, const struct ipc_handler *handlers,
    void *owner)
{
	int64_t served = 0;
	int fd;

	server_open(d, handlers, owner);
	/* So that the log is told between two messages of one client. */
	acceptor.server.plain_idle = log_drain;
	acceptor.server.plain_leave_fd = CONTROL_FD;
	for (size_t i = 0; i < d->n_listeners; i++)
		io_set_nonblocking(d->listeners[i]);
	daemon_tell_master(CONTROL_SERVING, 0);
	while ((fd = worker_accept(d)) >= 0) {
		struct err e;

		daemon_tell_master(CONTROL_TAKEN, 0);
		e = ipc_serve_plain(&acceptor.server, fd);
		if (e.kind != ERR_GONE)
			log_warn("client: %s", e.text);
		daemon_tell_master(CONTROL_IDLE, 0);
		served++;
		if (worker_leaves ||
		    (d->conf->max_use > 0 && served >= d->conf->max_use))
			break;
	}
	log_drain();
	return EXIT_SUCCESS;
}

/* --- tables --- */

static struct {
	struct timer timer;
	bool (*changed)(void *owner);
	void *owner;
} tables;

enum { TABLES_CHECK_MS = 5000 };

static void
check_tables(struct timer *t)
{
	if (!daemon_state.told_change && tables.changed(tables.owner)) {
		daemon_state.told_change = true;
		log_info("table has changed -- restarting");
		daemon_tell_master(CONTROL_CHANGED, 0);
	}
	timer_set(t, loop_now() + TABLES_CHECK_MS, check_tables);
}

void
daemon_watch_tables(struct daemon *d, bool (*changed)(void *owner),
    void *owner)
{
	(void)d;
	tables.changed = changed;
	tables.owner = owner;
	if (!loop_is_on())
		loop_init();
	timer_set(&tables.timer, loop_now() + TABLES_CHECK_MS, check_tables);
}
