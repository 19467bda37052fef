/*
 * Answering other processes: see server.h.  A peer's questions that are open
 * stand on its list; a frame whose number is open goes to that question's
 * inbox, any other opens a new one.  When a peer is lost, its questions run to
 * their end and their answers are dropped.
 */
#include "lib/ipc/server.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often in that time it is looked for them. */
enum { STALL_LOOKS = 5 };

struct peer {
	struct list node;
	struct ipc_server *server;
	struct ipc_conn *conn;
	uid_t uid;
	struct list requests;
	size_t n_open;
	size_t n_inbox; /* frames in the inboxes of all of them */
	uint64_t moved; /* of the connection, when it was last looked at */
	int64_t moved_at;
	bool lost;
	bool refused; /* what it still says is dropped */
	void *state; /* what the service remembers of it */
	void (*free_state)(void *state);
};

struct ipc_request {
	struct list node;
	struct peer *peer;
	const struct ipc_handler *handler;
	struct ipc_frame *frame;
	uint32_t number;
	struct list inbox;
	size_t n_inbox;
	struct wait more;
	void (*run)(struct ipc_request *r); /* what is to be run */
};

void
ipc_server_init(struct ipc_server *s, const struct ipc_handler *handlers,
    void *owner)
{
	*s = (struct ipc_server){ .handlers = handlers, .owner = owner,
		.hello = { .process = 1, .processes = 1, .generation = 1 },
		.stall_ms = IPC_STALL_MS };
	list_init(&s->peers);
	htable_init(&s->uids);
	for (const struct ipc_handler *h = handlers; h->type != NULL; h++)
		s->takes_fds |= ipc_has_fd(h->type());
}

/* --- connections of one uid --- */

struct uid_count {
	size_t n;
	bool told; /* that it has too many */
};

static struct view
uid_key(const uid_t *uid)
{
	return view_make((const char *)uid, sizeof(*uid));
}

/* False: it has as many as it may. */
static bool
uid_enter(struct ipc_server *s, uid_t uid)
{
	struct uid_count *count = htable_find(&s->uids, uid_key(&uid));

	if (count == NULL) {
		count = xcalloc(1, sizeof(*count));
		htable_set(&s->uids, uid_key(&uid), count);
	}
	if (s->most_of != NULL && count->n >= s->most_of(s, uid)) {
		if (!count->told)
			log_warn("uid %ld has %zu connections: no more of its "
				 "are taken",
			    (long)uid, count->n);
		count->told = true;
		return false;
	}
	count->n++;
	return true;
}

static void
uid_leave(struct ipc_server *s, uid_t uid)
{
	struct uid_count *count = htable_find(&s->uids, uid_key(&uid));

	if (--count->n == 0)
		free(htable_remove(&s->uids, uid_key(&uid)));
}

static void
peer_free(struct peer *p)
{
	if (p->free_state != NULL)
		p->free_state(p->state);
	ipc_conn_free(p->conn);
	list_remove(&p->node);
	uid_leave(p->server, p->uid);
	if (--p->server->n_peers == 0) {
		timer_cancel(&p->server->stall);
		htable_clear(&p->server->uids, free);
	}
	free(p);
}

static void
peer_unuse(struct peer *p)
{
	struct ipc_server *s = p->server;

	if (p->n_open > 0)
		return;
	if (!p->lost) {
		/* Answers may be unsent: on_gone comes when they are. */
		if (s->draining)
			ipc_conn_leave(p->conn);
		return;
	}
	peer_free(p);
	if (s->on_peer_gone != NULL)
		s->on_peer_gone(s);
}

/* Read from the peer only while there is room for what it may ask. */
static void
peer_set_pause(struct peer *p)
{
	if (!p->lost)
		ipc_conn_pause(p->conn,
		    p->n_open >= IPC_OPEN_MAX ||
			p->n_inbox >= IPC_INBOX_MAX);
}

static void
request_free(struct ipc_request *r)
{
	struct peer *p = r->peer;

	LIST_EACH(it, after, &r->inbox)
		ipc_frame_free(LIST_ITEM(it, struct ipc_frame, node));
	ipc_frame_free(r->frame);
	list_remove(&r->node);
	p->n_open--;
	p->server->n_open--;
	p->n_inbox -= r->n_inbox;
	peer_set_pause(p);
	free(r);
}

/* The conversation is told by the socket's end, not from within a callback. */
static void
peer_refuse(struct peer *p, const char *what, struct view name)
{
	if (!p->refused)
		log_warn("%s %.*s from uid %ld: connection ended", what,
		    VIEW_ARGS(name), (long)p->uid);
	p->refused = true;
	shutdown(p->conn->watch.fd, SHUT_RDWR);
}

static void
run_request(void *arg)
{
	struct ipc_request *r = arg;
	struct peer *p = r->peer;

	while (r->run != NULL) {
		void (*run)(struct ipc_request *) = r->run;

		r->run = NULL;
		run(r);
	}
	request_free(r);
	if (loop_is_on())
		peer_unuse(p);
}

static struct ipc_request *
find_request(struct peer *p, uint32_t number)
{
	if (number == 0)
		return NULL;
	LIST_EACH(it, after, &p->requests)
	{
		struct ipc_request *r =
		    LIST_ITEM(it, struct ipc_request, node);

		if (r->number == number)
			return r;
	}
	return NULL;
}

static const struct ipc_handler *
find_handler(const struct ipc_server *s, const struct ipc_frame *f)
{
	for (const struct ipc_handler *h = s->handlers; h->type != NULL; h++)
		if (ipc_frame_is(f, h->type()))
			return h;
	return NULL;
}

static void
to_inbox(struct ipc_request *r, struct ipc_frame *f)
{
	list_append(&r->inbox, &f->node);
	r->n_inbox++;
	if (++r->peer->n_inbox == IPC_INBOX_MAX)
		peer_set_pause(r->peer);
	wait_wake(&r->more);
}

/* NULL, and the connection will end, if this peer may not ask it. */
static struct ipc_request *
open_request(struct peer *p, struct ipc_frame *f)
{
	struct ipc_server *s = p->server;
	const struct ipc_handler *h = find_handler(s, f);
	struct ipc_request *r;

	if (h == NULL ||
	    (s->may_send != NULL && !s->may_send(s, p->uid, h->type()))) {
		peer_refuse(p, h == NULL ? "unexpected message" :
					   "forbidden message",
		    f->header.name);
		ipc_frame_free(f);
		return NULL;
	}
	r = xcalloc(1, sizeof(*r));
	r->peer = p;
	r->handler = h;
	r->run = h->run;
	r->frame = f;
	r->number = f->header.number;
	list_init(&r->inbox);
	list_append(&p->requests, &r->node);
	p->n_open++;
	s->n_open++;
	return r;
}

static void
on_frame(struct ipc_conn *c, struct ipc_frame *f)
{
	struct peer *p = c->owner;
	struct ipc_request *r = find_request(p, f->header.number);

	if (p->refused) {
		ipc_frame_free(f);
		return;
	}
	if (r != NULL) {
		to_inbox(r, f);
		return;
	}
	r = open_request(p, f);
	if (r == NULL)
		return;
	if ((r->handler->flags & IPC_INLINE) != 0) {
		r->run = NULL;
		r->handler->run(r);
		if (r->run == NULL) {
			request_free(r);
			return;
		}
	}
	peer_set_pause(p);
	fiber_spawn("request", run_request, r);
}

static void
on_gone(struct ipc_conn *c, struct err why)
{
	struct peer *p = c->owner;

	if (why.kind != ERR_GONE)
		log_warn("connection from uid %ld: %s", (long)p->uid, why.text);
	p->lost = true;
	LIST_EACH(it, after, &p->requests)
		wait_wake(&LIST_ITEM(it, struct ipc_request, node)->more);
	peer_unuse(p);
}

static const struct ipc_conn_events peer_events = { on_frame, on_gone };

static struct peer *
peer_new(struct ipc_server *s, int fd)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);
	struct peer *p;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    (s->may_connect != NULL && !s->may_connect(s, cred.uid))) {
		log_warn("connection from uid %ld refused", (long)cred.uid);
		close(fd);
		return NULL;
	}
	if (!uid_enter(s, cred.uid)) {
		close(fd);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->server = s;
	p->uid = cred.uid;
	list_init(&p->requests);
	list_append(&s->peers, &p->node);
	s->n_peers++;
	p->conn = ipc_conn_new(fd, &peer_events, p);
	ipc_conn_hold_when_full(p->conn);
	if (!s->takes_fds)
		ipc_conn_refuse_fds(p->conn);
	p->moved_at = clock_ms();
	ipc_conn_send(p->conn, 0, IPC_OUT(hello, &s->hello));
	if (s->greet != NULL)
		s->greet(s, p->conn);
	return p;
}

/* --- those that owe us something --- */

static void on_stall(struct timer *t);

static void
watch_stalls(struct ipc_server *s)
{
	if (s->stall.place == 0)
		timer_set(&s->stall, loop_now() + s->stall_ms / STALL_LOOKS,
		    on_stall);
}

/* A connection on which nothing was asked yet is as good as half a frame. */
static bool
is_stalled(struct peer *p, int64_t now)
{
	bool owed = ipc_conn_is_owed(p->conn) || p->conn->n_frames == 0;

	if (!owed || p->conn->n_moved != p->moved) {
		p->moved = p->conn->n_moved;
		p->moved_at = now;
	}
	return now - p->moved_at >= p->server->stall_ms;
}

static void
on_stall(struct timer *t)
{
	struct ipc_server *s = LIST_ITEM(t, struct ipc_server, stall);
	int64_t now = loop_now();

	LIST_EACH(it, after, &s->peers)
	{
		struct peer *p = LIST_ITEM(it, struct peer, node);

		if (!p->lost && is_stalled(p, now))
			ipc_conn_abort(p->conn,
			    err_make(ERR_TIME, "nothing more comes"));
	}
	if (s->n_peers > 0)
		watch_stalls(s);
}

void
ipc_server_accept(struct ipc_server *s, int fd)
{
	if (peer_new(s, fd) != NULL)
		watch_stalls(s);
}

void
ipc_server_drain(struct ipc_server *s)
{
	s->draining = true;
	LIST_EACH(it, after, &s->peers)
		peer_unuse(LIST_ITEM(it, struct peer, node));
}

uid_t
ipc_request_uid(const struct ipc_request *r)
{
	return r->peer->uid;
}

bool
ipc_request_read(struct ipc_request *r, const struct ipc_type *type,
    void *message)
{
	struct err e = ipc_frame_read(r->frame, type, message);

	if (err_is(e))
		peer_refuse(r->peer, e.text, r->frame->header.name);
	return !err_is(e);
}

/* Without a loop one thing is served at a time. */
static struct err
next_plain(struct ipc_request *r, struct ipc_frame **f, int64_t deadline)
{
	struct err e;

	if (r->peer->refused)
		return err_make(ERR_GONE, "receive: peer refused");
	e = ipc_conn_next(r->peer->conn, f, deadline);
	if (err_is(e) || (*f)->header.number == r->number)
		return e;
	peer_refuse(r->peer, "interposed message", (*f)->header.name);
	ipc_frame_free(*f);
	*f = NULL;
	return err_make(ERR_GONE, "receive: peer refused");
}

struct err
ipc_request_next(struct ipc_request *r, struct ipc_frame **f, int64_t deadline)
{
	struct list *it;

	if (!loop_is_on())
		return next_plain(r, f, deadline);
	while ((it = list_first(&r->inbox)) == NULL) {
		struct err e;

		if (r->peer->lost)
			return err_make(ERR_GONE, "receive: connection lost");
		e = wait_for(&r->more, deadline);
		if (err_is(e))
			return e;
	}
	list_remove(it);
	r->n_inbox--;
	if (r->peer->n_inbox-- == IPC_INBOX_MAX)
		peer_set_pause(r->peer);
	*f = LIST_ITEM(it, struct ipc_frame, node);
	return ERR_OK;
}

void
ipc_request_go_on(struct ipc_request *r, void (*run)(struct ipc_request *r))
{
	r->run = run;
}

void *
ipc_request_owner(struct ipc_request *r)
{
	return r->peer->server->owner;
}

void *
ipc_request_state(const struct ipc_request *r)
{
	return r->peer->state;
}

void
ipc_request_set_state(struct ipc_request *r, void *state,
    void (*free_state)(void *state))
{
	r->peer->state = state;
	r->peer->free_state = free_state;
}

bool
ipc_request_is_lost(const struct ipc_request *r)
{
	struct pollfd p = { .fd = r->peer->conn->watch.fd,
		.events = POLLRDHUP };

	/* Without a loop nobody has told us. */
	return r->peer->lost ||
	    (!loop_is_on() && (r->peer->conn->broken || poll(&p, 1, 0) > 0));
}

void
ipc_reply(struct ipc_request *r, const struct ipc_type *type,
    const void *message)
{
	struct err e;

	/* To what was only told there is no answer. */
	if (r->number == 0) {
		ipc_close_fd(type, message);
		return;
	}
	/* Sending on a lost connection still closes a descriptor of ours. */
	e = ipc_conn_send(r->peer->conn, r->number, type, message);
	if (err_is(e) && e.kind != ERR_GONE)
		peer_refuse(r->peer, e.text, r->frame->header.name);
}

void
ipc_server_tell_all(struct ipc_server *s, const struct ipc_type *type,
    const void *message)
{
	LIST_EACH(it, after, &s->peers)
	{
		struct peer *p = LIST_ITEM(it, struct peer, node);

		if (p->conn->out.len - p->conn->out_at < IPC_OUT_MAX)
			ipc_conn_send(p->conn, 0, type, message);
		else
			peer_refuse(p, "too much is unread to tell",
			    view_of(type->name));
	}
}

/* Answers go out; then until a message comes, or it is time to leave. */
static struct err
wait_plain(const struct ipc_server *s, struct ipc_conn *c)
{
	struct pollfd p[2] = { { c->watch.fd, POLLIN, 0 },
		{ s->plain_leave_fd, POLLIN, 0 } };
	struct err e = ipc_conn_flush(c, DEADLINE_NEVER);

	if (err_is(e) && !c->broken)
		return e;
	if (s->plain_leave_fd == 0 || c->in_at < c->in.len)
		return ERR_OK;
	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return err_sys(ERR_TEMP, "poll");
	if (p[0].revents == 0)
		return err_make(ERR_GONE, "asked to leave");
	return ERR_OK;
}

struct err
ipc_serve_plain(struct ipc_server *s, int fd)
{
	struct peer *p = peer_new(s, fd);
	struct err e = ERR_OK;

	if (p == NULL)
		return err_make(ERR_PERM, "peer refused");
	while (!err_is(e) && !p->refused) {
		struct ipc_frame *f;
		struct ipc_request *r;

		if (s->plain_idle != NULL)
			s->plain_idle();
		e = wait_plain(s, p->conn);
		if (!err_is(e))
			e = ipc_conn_next(p->conn, &f, DEADLINE_NEVER);
		if (err_is(e))
			break;
		r = open_request(p, f);
		if (r == NULL)
			e = err_make(ERR_PERM, "message refused");
		else
			run_request(r);
	}
	peer_free(p);
	return e;
}
