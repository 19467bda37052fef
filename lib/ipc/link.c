/*
 * Connections to services and the questions on them: see link.h.  A question
 * that nobody waits for any more stays known until its answer comes, since an
 * answer with an unknown number ends the connection.
 */
#include "lib/ipc/link.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/run/io.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Content: the more the socket takes, the less often two processes take
 * turns.  The kernel gives what it allows. */
static const int talk_buffer = 1024 * 1024;

void
ipc_question_free(struct ipc_link *l, struct ipc_question *q)
{
	list_remove(&q->node);
	l->n_questions--;
	ipc_frame_free(q->answer);
	free(q);
}

void
ipc_link_unuse(struct ipc_link *l)
{
	l->users--;
	if (!l->lost || l->users > 0)
		return;
	LIST_EACH (it, after, &l->questions)
		ipc_question_free(l, LIST_ITEM(it, struct ipc_question, node));
	ipc_conn_free(l->conn);
	free(l);
}

void
ipc_link_lose(struct ipc_link *l)
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
	LIST_EACH (it, after, &l->questions) {
		struct ipc_question *q =
		    LIST_ITEM(it, struct ipc_question, node);

		q->over = true;
		wait_wake(&q->wait);
	}
	ipc_link_unuse(l);
}

static void
link_gone(struct ipc_conn *c, struct err why)
{
	struct ipc_link *l = c->owner;

	if (why.kind != ERR_GONE)
		log_warn("connection to %s: %s", l->service->path, why.text);
	ipc_link_lose(l);
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

static struct ipc_question *
find_question(struct ipc_link *l, uint32_t number)
{
	LIST_EACH (it, after, &l->questions) {
		struct ipc_question *q =
		    LIST_ITEM(it, struct ipc_question, node);

		if (q->number == number)
			return q;
	}
	return NULL;
}

/* False: an answer to no question. */
static bool
link_take_frame(struct ipc_link *l, struct ipc_frame *f)
{
	struct ipc_question *q;

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
		ipc_question_free(l, q);
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
	log_warn("connection to %s: answer %u to no question", l->service->path,
	    number);
	/* Its end is told by the socket, not from within this call. */
	shutdown(c->watch.fd, SHUT_RDWR);
}

static const struct ipc_conn_events link_events = { link_frame, link_gone };

struct err
ipc_link_connect(
    struct ipc_service *s, bool shared, struct ipc_link **out, int64_t deadline)
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

	LIST_EACH (it, after, &s->links) {
		struct ipc_link *l = LIST_ITEM(it, struct ipc_link, node);

		if (best == NULL || l->n_questions < best->n_questions)
			best = l;
	}
	return best;
}

struct err
ipc_link_find_shared(
    struct ipc_service *s, struct ipc_link **out, int64_t deadline)
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
		e = ipc_link_connect(s, true, &l, deadline);
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

uint32_t
ipc_new_number(struct ipc_service *s)
{
	if (s->next_number == 0)
		s->next_number = 1;
	return s->next_number++;
}

struct ipc_question *
ipc_question_new(struct ipc_link *l, uint32_t number)
{
	struct ipc_question *q = xcalloc(1, sizeof(*q));

	q->number = number;
	list_append(&l->questions, &q->node);
	l->n_questions++;
	return q;
}

/* Without a loop: read until this question has its answer. */
static struct err
answer_plain(struct ipc_link *l, struct ipc_question *q, int64_t deadline)
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

struct err
ipc_question_await(struct ipc_link *l, struct ipc_question *q,
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
			ipc_question_free(l, q);
		else
			q->abandoned = true;
		return no_answer(l, e);
	}
	ipc_keep_clear(keep);
	keep->frame = q->answer;
	q->answer = NULL;
	ipc_question_free(l, q);
	e = ipc_frame_read(keep->frame, type, answer);
	if (!err_is(e))
		return e;
	/* Whoever says this says nothing more to us. */
	if (!l->lost)
		shutdown(l->conn->watch.fd, SHUT_RDWR);
	return no_answer(l, e);
}
