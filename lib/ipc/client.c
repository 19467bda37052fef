/* Asking another process: see client.h. */
#include "lib/ipc/client.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/ipc/link.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct err
ipc_connect(struct ipc_service *s, int64_t deadline)
{
	struct ipc_link *l;

	return ipc_link_find_shared(s, &l, deadline);
}

struct err
ipc_call_once(struct ipc_service *s, const struct ipc_type *ask_type,
    const void *ask, const struct ipc_type *answer_type, void *answer,
    struct ipc_keep *keep, int64_t deadline)
{
	struct ipc_link *l;
	struct ipc_question *q;
	struct err e = ipc_link_find_shared(s, &l, deadline);

	if (err_is(e)) {
		ipc_close_fd(ask_type, ask);
		return e;
	}
	l->users++;
	q = ipc_question_new(l, ipc_new_number(s));
	/* Who does not read is not told more and more. */
	e = ipc_conn_wait_unsent(l->conn, IPC_OUT_MAX, deadline);
	if (err_is(e))
		ipc_close_fd(ask_type, ask);
	else
		e = ipc_conn_send(l->conn, q->number, ask_type, ask);
	if (err_is(e))
		ipc_question_free(l, q);
	else
		e = ipc_question_await(
		    l, q, answer_type, answer, keep, deadline);
	/* Nobody else would notice; only a late answer is no fault. */
	if (err_is(e) && e.kind != ERR_TIME && !loop_is_on())
		ipc_link_lose(l);
	ipc_link_unuse(l);
	return e;
}

/*
 * What is to be sent should the connection be lost: the same message or, since
 * sending closes a descriptor, a copy that has a duplicate of it.  NULL if there
 * is no second descriptor to be had.
 */
static const void *
keep_message(const struct ipc_type *type, const void *message)
{
	char *copy;

	if (!ipc_has_fd(type))
		return message;
	copy = xmalloc(type->size);
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

/* It was not sent a second time, or was. */
static void
drop_kept(const struct ipc_type *type, const void *message, const void *kept,
    bool is_sent)
{
	if (kept == message)
		return;
	if (!is_sent)
		ipc_close_fd(type, kept);
	free((void *)(uintptr_t)kept);
}

struct err
ipc_call(struct ipc_service *s, const struct ipc_type *ask_type,
    const void *ask, const struct ipc_type *answer_type, void *answer,
    struct ipc_keep *keep, int64_t deadline)
{
	const void *again = keep_message(ask_type, ask);
	struct err e = ipc_call_once(
	    s, ask_type, ask, answer_type, answer, keep, deadline);
	bool once_more = e.kind == ERR_GONE && !fiber_is_cancelled();

	if (again == NULL)
		return e;
	if (once_more)
		e = ipc_call_once(
		    s, ask_type, again, answer_type, answer, keep, deadline);
	drop_kept(ask_type, ask, again, once_more);
	return e;
}

static struct err
tell_once(struct ipc_service *s, const struct ipc_type *type,
    const void *message, int64_t deadline)
{
	struct ipc_link *l;
	struct err e = ipc_link_find_shared(s, &l, deadline);

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
		ipc_link_lose(l);
	ipc_link_unuse(l);
	return e;
}

struct err
ipc_tell(struct ipc_service *s, const struct ipc_type *type,
    const void *message, int64_t deadline)
{
	const void *again = keep_message(type, message);
	struct err e = tell_once(s, type, message, deadline);
	bool once_more = e.kind == ERR_GONE && !fiber_is_cancelled();

	if (again == NULL)
		return e;
	if (once_more)
		e = tell_once(s, type, again, deadline);
	drop_kept(type, message, again, once_more);
	return e;
}

void
ipc_service_drop_idle(struct ipc_service *s)
{
	struct list *it;

	while ((it = list_first(&s->idle_talks)) != NULL)
		ipc_link_lose(LIST_ITEM(it, struct ipc_link, node));
}

void
ipc_service_clear(struct ipc_service *s)
{
	struct list *it;

	ipc_service_drop_idle(s);
	while ((it = list_first(&s->links)) != NULL)
		ipc_link_lose(LIST_ITEM(it, struct ipc_link, node));
}
