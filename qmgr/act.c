/*
 * What the administrator's commands ask: delete, hold, release, requeue,
 * expire, flush.  A message in flight is dealt with when its recipients in
 * flight have an outcome; any other at once.  Moves never overwrite.
 */
#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/daemon/peers.h"
#include "lib/mail/queue_disk.h"
#include "lib/mail/wake.h"
#include "lib/run/offload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PICKUP_SOCKET "private/pickup"

struct file_act {
	struct view id;
	const char *from, *to; /* queues; to NULL: remove */
	bool done;
};

static void
act_on_file(void *arg)
{
	struct file_act *a = arg;
	struct queue_path from = queue_path_of(a->from, a->id);
	struct queue_path to;
	int code;

	TEST_POINT("qmgr-act");
	if (a->to == NULL) {
		code = unlink(from.text);
	} else {
		to = queue_path_of(a->to, a->id);
		if (strcmp(a->to, "deferred") == 0)
			queue_make_folder(a->id);
		code = queue_move(from.text, to.text);
	}
	TEST_POINT("qmgr-acted");
	a->done = code == 0;
	if (code < 0 && errno != ENOENT)
		log_warn("%s: %s", from.text, strerror(errno));
}

static bool
move_file(struct view id, const char *from, const char *to)
{
	struct file_act a = { .id = id, .from = from, .to = to };

	offload(act_on_file, &a);
	return a.done;
}

/* --- by message --- */

static void
note_expired(struct message *m)
{
	struct ipc_journal_state state = { .what = VIEW("expired"),
		.at_us = clock_wall_us() };
	struct str record = STR_EMPTY;

	queue_journal_add(&record, JOURNAL_STATE,
	    IPC_OUT(journal_state, &state));
	outcomes_write(m, str_view(&record));
	str_clear(&record);
}

/* The message is known until its file is where it shall be: else a scan could
 * take it up meanwhile. */
void
act_perform(struct message *m)
{
	struct queue_id own = m->id;
	struct view id = queue_id_view(&own);
	bool again = false;

	if (m->act == ACT_EXPIRE)
		note_expired(m);
	switch (m->act) {
	case ACT_DELETE:
		if (move_file(id, m->queue, NULL))
			log_info("%s: removed", own.text);
		break;
	case ACT_HOLD:
		if (move_file(id, m->queue, "hold"))
			log_info("%s: placed on hold", own.text);
		break;
	case ACT_REQUEUE:
		if (move_file(id, m->queue, "maildrop"))
			wake_pickup(PICKUP_SOCKET, id);
		break;
	case ACT_RELEASE:
	case ACT_EXPIRE:
	case ACT_NONE:
		again = strcmp(m->queue, "deferred") == 0 ||
		    move_file(id, m->queue, "deferred");
		break;
	}
	message_free(m);
	if (again)
		deferred_add(id, clock_wall(), NULL);
}

struct act_row {
	const char *name;
	enum message_act act;
};

static const struct act_row act_rows[] = {
	{ "delete", ACT_DELETE },
	{ "hold", ACT_HOLD },
	{ "release", ACT_RELEASE },
	{ "requeue", ACT_REQUEUE },
	{ "expire", ACT_EXPIRE },
};

struct expiry {
	struct queue_path path;
	bool done;
};

static struct err
append_expired(int fd)
{
	struct ipc_journal_state state = { .what = VIEW("expired"),
		.at_us = clock_wall_us() };
	struct queue_file file;
	struct queue_journal journal;
	enum journal_kind kind;
	struct view record;
	struct str bytes = STR_EMPTY;
	struct err e = queue_file_read(&file, fd);

	if (err_is(e))
		return e;
	e = queue_journal_read(&file, &journal);
	while (!err_is(e) && queue_journal_next(&journal, &kind, &record))
		;
	queue_journal_add(&bytes, JOURNAL_STATE,
	    IPC_OUT(journal_state, &state));
	if (!err_is(e))
		e = queue_journal_append(fd, str_view(&bytes),
		    &journal.good_end);
	queue_journal_clear(&journal);
	queue_file_clear(&file);
	str_clear(&bytes);
	return e;
}

static void
expire_on_disk(void *arg)
{
	struct expiry *x = arg;
	int fd = open(x->path.text, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct err e;

	if (fd < 0)
		return;
	e = append_expired(fd);
	if (err_is(e))
		log_warn("expire %s: %s", x->path.text, e.text);
	x->done = !err_is(e);
	close(fd);
}

static bool
expire_file(struct view id, const char *queue)
{
	struct expiry x = { .path = queue_path_of(queue, id) };

	offload(expire_on_disk, &x);
	return x.done;
}

/* A message that no fiber works on. */
static bool
act_at_rest(const struct act_row *row, struct view id, const char *queue)
{
	switch (row->act) {
	case ACT_DELETE:
		if (!move_file(id, queue, NULL))
			return false;
		deferred_remove(id);
		return true;
	case ACT_HOLD:
		if (strcmp(queue, "hold") == 0 ||
		    !move_file(id, queue, "hold"))
			return false;
		deferred_remove(id);
		return true;
	case ACT_NONE:
		return false;
	case ACT_RELEASE:
		if (strcmp(queue, "hold") != 0 ||
		    !move_file(id, "hold", "deferred"))
			return false;
		deferred_add(id, clock_wall(), NULL);
		return true;
	case ACT_EXPIRE:
		if (!expire_file(id, queue))
			return false;
		deferred_flush_id(id);
		return true;
	case ACT_REQUEUE:
		if (!move_file(id, queue, "maildrop"))
			return false;
		deferred_remove(id);
		wake_pickup(PICKUP_SOCKET, id);
		return true;
	}
	return false;
}

/* What waits is dropped at once; what is in flight ends, and then the file is
 * dealt with. */
static bool
act_in_flight(const struct act_row *row, struct message *m)
{
	switch (row->act) {
	case ACT_NONE:
		return false;
	case ACT_RELEASE:
		/* It takes back a hold that is not in force yet. */
		if (m->act != ACT_HOLD)
			return false;
		m->act = ACT_RELEASE;
		return true;
	case ACT_EXPIRE:
		if (message_stops(m))
			return false;
		m->expired = true;
		m->act = ACT_EXPIRE;
		return true;
	case ACT_REQUEUE:
	case ACT_HOLD:
	case ACT_DELETE:
		break;
	}
	if (m->act == ACT_DELETE)
		return row->act == ACT_DELETE;
	m->act = row->act;
	/* If all that is open is in flight, nothing may be left to act on. */
	if (schedule_drop(m) || !list_is_empty(&m->unrouted) ||
	    m->rcpts_at >= 0)
		m->was_deferred = true;
	wait_queue_wake_all(&qmgr.room_for_rcpts);
	return true;
}

static bool
is_word_of(struct view words, const char *word)
{
	struct view one;

	while (view_token(&words, " ", &one))
		if (view_eq(one, view_of(word)))
			return true;
	return false;
}

static bool
act_on_one(const struct act_row *row, struct view id, struct view queues)
{
	static const char *const order[] = { "hold", "incoming", "active",
		"deferred" };
	struct message *m;
	bool done = false;

	message_await(id);
	m = message_find(id);
	/* While it is worked on it counts as active, wherever its file is. */
	if (m != NULL)
		return (is_word_of(queues, "active") ||
			   is_word_of(queues, m->queue) ||
			   (row->act == ACT_RELEASE && m->act == ACT_HOLD)) &&
		    act_in_flight(row, m);
	/* A fiber that began to read the file while it is moved would deliver
	 * it, and leave it behind where it is now. */
	message_claim(id);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (is_word_of(queues, order[i]) &&
		    faccessat(AT_FDCWD, queue_path_of(order[i], id).text, F_OK,
			AT_SYMLINK_NOFOLLOW) == 0) {
			done = act_at_rest(row, id, order[i]);
			break;
		}
	message_unclaim(id);
	return done;
}

static const struct act_row *
find_row(struct view name)
{
	for (size_t i = 0; i < ARRAY_LEN(act_rows); i++)
		if (view_eq(name, view_of(act_rows[i].name)))
			return &act_rows[i];
	return NULL;
}

void
act_run(struct ipc_request *r)
{
	struct ipc_queue_act ask;
	struct ipc_queue_acted answer = { .status = ERR_NONE,
		.text = VIEW_EMPTY };
	struct str done = STR_EMPTY;
	const struct act_row *row;
	struct ipc_queue_id one;
	bool more;

	if (!ipc_request_read(r, IPC_IN(queue_act, &ask)))
		return;
	work_begin();
	row = find_row(ask.action);
	if (row == NULL) {
		answer.status = ERR_PERM;
		answer.text = VIEW("unknown action");
	}
	while (row != NULL &&
	    !err_is(ipc_list_next(&ask.ids, IPC_IN(queue_id, &one), &more)) &&
	    more)
		if (queue_id_is_valid(one.id) &&
		    act_on_one(row, one.id, ask.queues))
			ipc_list_add(&done, ipc_queue_id_type(), &one);
	answer.ids = str_view(&done);
	ipc_reply(r, IPC_OUT(queue_acted, &answer));
	str_clear(&done);
	work_end();
}

void
flush_run(struct ipc_request *r)
{
	struct ipc_flush ask;
	struct ipc_result answer = { ERR_NONE, VIEW_EMPTY };

	if (!ipc_request_read(r, IPC_IN(flush, &ask)))
		return;
	/* ETRN is for one site; that smtpd was taken over shall not make us try
	 * everything again and again. */
	if (peers_is(ipc_request_uid(r), IDENTITY_SMTPD) &&
	    !view_eq(ask.what, VIEW("site"))) {
		answer.status = ERR_PERM;
		answer.text = VIEW("not for you");
		ipc_reply(r, IPC_OUT(result, &answer));
		return;
	}
	schedule_forget_dead();
	if (view_eq(ask.what, VIEW("all"))) {
		deferred_flush(VIEW_EMPTY);
	} else if (view_eq(ask.what, VIEW("site"))) {
		deferred_flush(ask.value);
	} else if (view_eq(ask.what, VIEW("id"))) {
		deferred_flush_id(ask.value);
	} else {
		answer.status = ERR_PERM;
		answer.text = VIEW("unknown flush");
	}
	ipc_reply(r, IPC_OUT(result, &answer));
}
