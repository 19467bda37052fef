/*
 * Asking another process: see client.h.  A question that nobody waits for any
 * more stays known until its answer comes, since an answer with an unknown
 * number ends the connection.
 */
#include "lib/ipc/client.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	IPC_IDLE_TALKS_MAX = 32,
	/* What a conversation gathers before it waits. */
	TALK_AHEAD = 64 * 1024,
};

static const int talk_buffer = 1024 * 1024;

struct question {
	struct list node;
	uint32_t number;
	bool abandoned, over;
	struct wait wait;
	struct ipc_frame *answer;
};

struct ipc_link {
	struct list node;
	struct ipc_service *service;
	struct ipc_conn *conn;
	struct list questions;
	size_t n_questions;
	bool shared, lost;
	size_t users; /* fibers that hold it; freed when lost and none is left */
};

void
ipc_keep_clear(struct ipc_keep *k)
{
	ipc_frame_free(k->frame);
	k->frame = NULL;
}

void
ipc_service_init(struct ipc_service *s, const char *path)
{
	*s = (struct ipc_service){ .n_processes = 1, .next_number = 1 };
	if (strlen(path) >= sizeof(s->path))
		die_temp("socket path %s is too long", path);
	snprintf(s->path, sizeof(s->path), "%s", path);
	list_init(&s->links);
	list_init(&s->idle_talks);
	wait_queue_init(&s->connected);
}

/* --- links --- */

static void
question_free(struct ipc_link *l, struct question *q)
{
	list_remove(&q->node);
	l->n_questions--;
	ipc_frame_free(q->answer);
	free(q);
}

static void
link_unuse(struct ipc_link *l)
{
	l->users--;
	if (!l->lost || l->users > 0)
		return;
	LIST_EACH(it, after, &l->questions)
		question_free(l, LIST_ITEM(it, struct question, node));
	ipc_conn_free(l->conn);
	free(l);
}

/* Out of the service's lists; its questions fail. */
static void
link_lose(struct ipc_link *l)
{
	if (l->lost)
		return;
	l->lost = true;
	if (!list_is_empty(&l->node)) {
		if (l->shared)
			l->service->n_links--;
		else
			l->service->n_idle_talks--;
		list_remove(&l->node);
	}
	if (l->shared && l->service->lost != NULL)
		l->service->lost(l->service);
	l->users++;
	LIST_EACH(it, after, &l->questions)
	{
		struct question *q = LIST_ITEM(it, struct question, node);

		q->over = true;
		wait_wake(&q->wait);
	}
	link_unuse(l);
}

static void
link_gone(struct ipc_conn *c, struct err why)
{
	struct ipc_link *l = c->owner;

	if (why.kind != ERR_GONE)
		log_warn("connection to %s: %s", l->service->path, why.text);
	link_lose(l);
}

static void
learn_hello(struct ipc_service *s, struct ipc_frame *f)
{
	struct ipc_hello hello;

	if (!err_is(ipc_frame_read(f, IPC_IN(hello, &hello))) &&
	    hello.processes >= 1) {
		s->n_processes = hello.processes;
		s->generation = hello.generation;
	}
}

static void
unasked(struct ipc_service *s, struct ipc_frame *f)
{
	if (ipc_frame_is(f, ipc_hello_type()))
		learn_hello(s, f);
	else if (s->notice != NULL)
		s->notice(s, f);
	ipc_frame_free(f);
}

static struct question *
find_question(struct ipc_link *l, uint32_t number)
{
	LIST_EACH(it, after, &l->questions)
	{
		struct question *q = LIST_ITEM(it, struct question, node);

		if (q->number == number)
			return q;
	}
	return NULL;
}

/* False: an answer to no question. */
static bool
link_take_frame(struct ipc_link *l, struct ipc_frame *f)
{
	struct question *q;

	if (f->header.number == 0) {
		unasked(l->service, f);
		return true;
	}
	q = find_question(l, f->header.number);
	if (q == NULL || q->answer != NULL) {
		ipc_frame_free(f);
		return false;
	}
	q->answer = f;
	q->over = true;
	if (q->abandoned)
		question_free(l, q);
	else
		wait_wake(&q->wait);
	return true;
}

static void
link_frame(struct ipc_conn *c, struct ipc_frame *f)
{
	struct ipc_link *l = c->owner;
	uint32_t number = f->header.number;

	if (link_take_frame(l, f))
		return;
	log_warn("connection to %s: answer %u to no question",
	    l->service->path, number);
	/* Its end is told by the socket, not from within this call. */
	shutdown(c->watch.fd, SHUT_RDWR);
}

static const struct ipc_conn_events link_events = { link_frame, link_gone };

static struct err
link_connect(struct ipc_service *s, bool shared, struct ipc_link **out,
    int64_t deadline)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ipc_link *l;
	struct err e;
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(ERR_TEMP, "socket");
	memcpy(addr.sun_path, s->path, strlen(s->path) + 1);
	e = io_connect(fd, (struct sockaddr *)&addr, sizeof(addr), deadline);
	if (err_is(e)) {
		io_close(fd);
		return err_within(e, "%s", s->path);
	}
	io_forget(fd);
	/* Content: the more the socket takes, the less often two processes
	 * take turns.  The kernel gives what it allows. */
	if (!shared)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &talk_buffer,
		    sizeof(talk_buffer));
	l = xcalloc(1, sizeof(*l));
	list_init(&l->node);
	list_init(&l->questions);
	l->service = s;
	l->shared = shared;
	l->conn = ipc_conn_new(fd, &link_events, l);
	if (shared && s->greet != NULL)
		s->greet(s, l->conn);
	*out = l;
	return ERR_OK;
}

static struct ipc_link *
least_loaded(struct ipc_service *s)
{
	struct ipc_link *best = NULL;

	LIST_EACH(it, after, &s->links)
	{
		struct ipc_link *l = LIST_ITEM(it, struct ipc_link, node);

		if (best == NULL || l->n_questions < best->n_questions)
			best = l;
	}
	return best;
}

/* A shared link to ask on; one more is opened while all are busy and the
 * service has more processes. */
static struct err
shared_link(struct ipc_service *s, struct ipc_link **out, int64_t deadline)
{
	struct err e = ERR_OK;

	for (;;) {
		struct ipc_link *l = least_loaded(s);
		bool enough = l != NULL &&
		    (l->n_questions == 0 || s->connecting ||
			s->n_links >= (size_t)s->n_processes ||
			s->n_links >= IPC_LINKS_MAX);

		if (enough) {
			*out = l;
			return ERR_OK;
		}
		if (s->connecting) {
			e = wait_queue_for(&s->connected, deadline);
			if (err_is(e))
				return e;
			continue;
		}
		s->connecting = true;
		e = link_connect(s, true, &l, deadline);
		s->connecting = false;
		if (!err_is(e)) {
			list_append(&s->links, &l->node);
			s->n_links++;
		}
		wait_queue_wake_all(&s->connected);
		if (err_is(e))
			l = least_loaded(s);
		*out = l;
		return l != NULL ? ERR_OK : e;
	}
}

struct err
ipc_connect(struct ipc_service *s, int64_t deadline)
{
	struct ipc_link *l;

	return shared_link(s, &l, deadline);
}

static uint32_t
new_number(struct ipc_service *s)
{
	if (s->next_number == 0)
		s->next_number = 1;
	return s->next_number++;
}

static struct question *
question_new(struct ipc_link *l, uint32_t number)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->number = number;
	list_append(&l->questions, &q->node);
	l->n_questions++;
	return q;
}

/* Without a loop: read until this question has its answer. */
static struct err
answer_plain(struct ipc_link *l, struct question *q, int64_t deadline)
{
	while (q->answer == NULL) {
		struct ipc_frame *f;
		struct err e = ipc_conn_next(l->conn, &f, deadline);

		if (err_is(e))
			return e;
		if (!link_take_frame(l, f))
			return err_make(ERR_PERM, "answer to no question");
	}
	return ERR_OK;
}

/* What is no answer says nothing of what was asked: it never is a refusal for
 * good. */
static struct err
no_answer(const struct ipc_link *l, struct err e)
{
	if (e.kind == ERR_PERM)
		e.kind = ERR_TEMP;
	return err_within(e, "ask %s", l->service->path);
}

/* Wait for the answer to q, which is gone afterwards. */
static struct err
await_answer(struct ipc_link *l, struct question *q,
    const struct ipc_type *type, void *answer, struct ipc_keep *keep,
    int64_t deadline)
{
	uint64_t n_heard = l->conn->n_frames;
	struct err e = ERR_OK;

	if (!loop_is_on())
		e = answer_plain(l, q, deadline);
	else if (!q->over)
		e = wait_for(&q->wait, deadline);
	/* Nothing for as long as we had patience: this question may be a hard
	 * one, but the process may also hang, or have stopped in the middle of
	 * a frame.  The next question goes another way. */
	if (e.kind == ERR_TIME && l->shared && loop_is_on() && !l->lost &&
	    l->conn->n_frames == n_heard)
		shutdown(l->conn->watch.fd, SHUT_RDWR);
	if (!err_is(e) && q->answer == NULL)
		e = err_make(ERR_GONE, "connection lost");
	if (err_is(e)) {
		if (q->over)
			question_free(l, q);
		else
			q->abandoned = true;
		return no_answer(l, e);
	}
	ipc_keep_clear(keep);
	keep->frame = q->answer;
	q->answer = NULL;
	question_free(l, q);
	e = ipc_frame_read(keep->frame, type, answer);
	if (!err_is(e))
		return e;
	/* Whoever says this says nothing more to us. */
	if (!l->lost)
		shutdown(l->conn->watch.fd, SHUT_RDWR);
	return no_answer(l, e);
}

struct err
ipc_call_once(struct ipc_service *s, const struct ipc_type *ask_type,
    const void *ask, const struct ipc_type *answer_type, void *answer,
    struct ipc_keep *keep, int64_t deadline)
{
	struct ipc_link *l;
	struct question *q;
	struct err e = shared_link(s, &l, deadline);

	if (err_is(e)) {
		ipc_close_fd(ask_type, ask);
		return e;
	}
	l->users++;
	q = question_new(l, new_number(s));
	/* Who does not read is not told more and more. */
	e = ipc_conn_wait_unsent(l->conn, IPC_OUT_MAX, deadline);
	if (err_is(e))
		ipc_close_fd(ask_type, ask);
	else
		e = ipc_conn_send(l->conn, q->number, ask_type, ask);
	if (err_is(e))
		question_free(l, q);
	else
		e = await_answer(l, q, answer_type, answer, keep, deadline);
	/* Nobody else would notice; only a late answer is no fault. */
	if (err_is(e) && e.kind != ERR_TIME && !loop_is_on())
		link_lose(l);
	link_unuse(l);
	return e;
}

/* The message again, with a duplicate of its descriptor: sending closes the
 * first.  NULL if there is no second descriptor to be had. */
static void *
copy_message(const struct ipc_type *type, const void *message)
{
	char *copy = xmalloc(type->size);

	memcpy(copy, message, type->size);
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct ipc_field *f = &type->fields[i];
		int fd;

		if (f->kind != IPC_FD)
			continue;
		memcpy(&fd, copy + f->offset, sizeof(fd));
		if (fd < 0)
			continue;
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0) {
			free(copy);
			return NULL;
		}
		memcpy(copy + f->offset, &fd, sizeof(fd));
	}
	return copy;
}

struct err
ipc_call(struct ipc_service *s, const struct ipc_type *ask_type,
    const void *ask, const struct ipc_type *answer_type, void *answer,
    struct ipc_keep *keep, int64_t deadline)
{
	void *again = copy_message(ask_type, ask);
	struct err e = ipc_call_once(s, ask_type, ask, answer_type, answer, keep,
	    deadline);

	if (again == NULL)
		return e;
	if (e.kind == ERR_GONE && !fiber_is_cancelled())
		e = ipc_call_once(s, ask_type, again, answer_type, answer, keep,
		    deadline);
	else
		ipc_close_fd(ask_type, again);
	free(again);
	return e;
}

static struct err
tell_once(struct ipc_service *s, const struct ipc_type *type,
    const void *message, int64_t deadline)
{
	struct ipc_link *l;
	struct err e = shared_link(s, &l, deadline);

	if (err_is(e)) {
		ipc_close_fd(type, message);
		return e;
	}
	l->users++;
	/* Who only tells does not wait for one that does not listen. */
	if (loop_is_on() && !ipc_conn_has_room(l->conn)) {
		e = err_make(ERR_TEMP, "tell %s: it does not read", s->path);
		ipc_close_fd(type, message);
	} else {
		e = ipc_conn_send(l->conn, 0, type, message);
	}
	if (!err_is(e) && !loop_is_on())
		e = ipc_conn_wait_unsent(l->conn, IPC_OUT_MAX, deadline);
	if (err_is(e) && e.kind != ERR_PERM && !loop_is_on())
		link_lose(l);
	link_unuse(l);
	return e;
}

struct err
ipc_tell(struct ipc_service *s, const struct ipc_type *type,
    const void *message, int64_t deadline)
{
	void *again = copy_message(type, message);
	struct err e = tell_once(s, type, message, deadline);

	if (again == NULL)
		return e;
	if (e.kind == ERR_GONE && !fiber_is_cancelled())
		e = tell_once(s, type, again, deadline);
	else
		ipc_close_fd(type, again);
	free(again);
	return e;
}

/* --- conversations --- */

static bool
link_is_dead(const struct ipc_link *l)
{
	struct pollfd p = { .fd = l->conn->watch.fd, .events = POLLRDHUP };

	return l->conn->broken || poll(&p, 1, 0) != 0;
}

/* One that was kept, and whose other end is still there; else NULL. */
static struct ipc_link *
idle_talk(struct ipc_service *s)
{
	struct list *it;

	while ((it = list_first(&s->idle_talks)) != NULL) {
		struct ipc_link *l = LIST_ITEM(it, struct ipc_link, node);

		if (!link_is_dead(l)) {
			list_remove(it);
			s->n_idle_talks--;
			return l;
		}
		link_lose(l);
	}
	return NULL;
}

struct err
ipc_talk_begin(struct ipc_service *s, struct ipc_talk *t, int64_t deadline)
{
	*t = (struct ipc_talk){ .service = s, .clean = true,
		.link = idle_talk(s) };
	if (t->link == NULL) {
		struct err e = link_connect(s, false, &t->link, deadline);

		if (err_is(e))
			return e;
	}
	t->link->users++;
	t->number = new_number(s);
	t->question = question_new(t->link, t->number);
	return ERR_OK;
}

struct err
ipc_talk_send_now(
    struct ipc_talk *t, const struct ipc_type *type, const void *message)
{
	t->clean = false;
	return ipc_conn_send(t->link->conn, t->number, type, message);
}

struct err
ipc_talk_wait(struct ipc_talk *t, int64_t deadline)
{
	return ipc_conn_wait_unsent(t->link->conn, TALK_AHEAD, deadline);
}

struct err
ipc_talk_send(struct ipc_talk *t, const struct ipc_type *type,
    const void *message, int64_t deadline)
{
	struct err e = ipc_conn_wait_unsent(t->link->conn, IPC_OUT_MAX, deadline);

	t->clean = false;
	if (err_is(e)) {
		ipc_close_fd(type, message);
		return e;
	}
	e = ipc_conn_send(t->link->conn, t->number, type, message);
	if (!err_is(e) && !loop_is_on())
		e = ipc_conn_wait_unsent(t->link->conn, IPC_OUT_MAX, deadline);
	return e;
}

struct err
ipc_talk_answer(struct ipc_talk *t, const struct ipc_type *type, void *answer,
    struct ipc_keep *keep, int64_t deadline)
{
	struct question *q = t->question;
	struct err e;

	assert(q != NULL);
	t->question = NULL;
	e = await_answer(t->link, q, type, answer, keep, deadline);
	if (!err_is(e))
		t->clean = true;
	return e;
}

void
ipc_talk_end(struct ipc_talk *t)
{
	struct ipc_link *l = t->link;
	struct ipc_service *s = t->service;

	if (l == NULL)
		return;
	t->link = NULL;
	if (t->question != NULL)
		question_free(l, t->question);
	t->question = NULL;
	if (t->clean && !l->lost && s->n_idle_talks < IPC_IDLE_TALKS_MAX) {
		list_prepend(&s->idle_talks, &l->node);
		s->n_idle_talks++;
	} else {
		link_lose(l);
	}
	link_unuse(l);
}

void
ipc_service_drop_idle(struct ipc_service *s)
{
	struct list *it;

	while ((it = list_first(&s->idle_talks)) != NULL)
		link_lose(LIST_ITEM(it, struct ipc_link, node));
}

void
ipc_service_clear(struct ipc_service *s)
{
	struct list *it;

	ipc_service_drop_idle(s);
	while ((it = list_first(&s->links)) != NULL)
		link_lose(LIST_ITEM(it, struct ipc_link, node));
}
