/* Conversations: see client.h. */
#include "lib/ipc/client.h"
#include "lib/ipc/link.h"

#include <assert.h>
#include <poll.h>

enum {
	IPC_IDLE_TALKS_MAX = 32,
	/* What a conversation gathers before it waits. */
	TALK_AHEAD = 64 * 1024,
};

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
		ipc_link_lose(l);
	}
	return NULL;
}

struct err
ipc_talk_begin(struct ipc_service *s, struct ipc_talk *t, int64_t deadline)
{
	*t = (struct ipc_talk){
		.service = s, .clean = true, .link = idle_talk(s)
	};
	if (t->link == NULL) {
		struct err e = ipc_link_connect(s, false, &t->link, deadline);

		if (err_is(e))
			return e;
	}
	t->link->users++;
	t->number = ipc_new_number(s);
	t->question = ipc_question_new(t->link, t->number);
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
	struct err e =
	    ipc_conn_wait_unsent(t->link->conn, IPC_OUT_MAX, deadline);

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
	struct ipc_question *q = t->question;
	struct err e;

	assert(q != NULL);
	t->question = NULL;
	e = ipc_question_await(t->link, q, type, answer, keep, deadline);
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
		ipc_question_free(l, t->question);
	t->question = NULL;
	if (t->clean && !l->lost && s->n_idle_talks < IPC_IDLE_TALKS_MAX) {
		list_prepend(&s->idle_talks, &l->node);
		s->n_idle_talks++;
	} else {
		ipc_link_lose(l);
	}
	ipc_link_unuse(l);
}
