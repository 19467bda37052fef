/* A new message in place of a recipient: see forward.h. */
#include "local/forward.h"

#include "lib/base/clock.h"
#include "lib/base/testpoint.h"
#include "lib/mail/addr.h"
#include "lib/mail/esmtp.h"
#include "lib/mail/received.h"

#include <string.h>

/* Bytes of content or recipients in one frame. */
enum { FRAME_BYTES = 32768 };

static struct err
send_content(struct forward *w, struct view bytes)
{
	struct err e = ERR_OK;

	while (bytes.len > 0 && !err_is(e)) {
		struct ipc_content frame = { view_first(bytes, FRAME_BYTES) };

		e = ipc_talk_send(
		    &w->talk, IPC_OUT(content, &frame), w->deadline);
		bytes = view_skip(bytes, frame.bytes.len);
	}
	return e;
}

/* RFC 3461 5.2.7: to a list the sender's wishes do not pass; of an alias the
 * success was reported by us ("expanded"). */
static int64_t
notify_of(const struct forward *w, const struct ipc_rcpt *rcpt)
{
	int64_t notify = rcpt->notify;

	if (w->has_owner || notify == 0)
		return 0;
	notify &= ~(int64_t)ESMTP_NOTIFY_SUCCESS;
	return notify == 0 ? ESMTP_NOTIFY_NEVER : notify;
}

static struct err
send_list(struct forward *w, struct str *list)
{
	struct ipc_more_rcpts frame = { str_view(list) };
	struct err e = ERR_OK;

	if (list->len > 0)
		e = ipc_talk_send(
		    &w->talk, IPC_OUT(more_rcpts, &frame), w->deadline);
	str_reset(list);
	return e;
}

static struct err
send_recipients(
    struct forward *w, const struct expand_member *members, size_t n)
{
	const struct ipc_rcpt *from = w->delivery->rcpt;
	struct str list = STR_EMPTY;
	struct err e = ERR_OK;

	for (size_t i = 0; i < n && !err_is(e); i++) {
		struct ipc_rcpt to = { .number = w->n_rcpts,
			.address = view_of(members[i].address),
			.original = from->original,
			.orcpt = w->has_owner ? VIEW_EMPTY : from->orcpt,
			.notify = notify_of(w, from) };

		if (members[i].is_mailbox)
			continue;
		w->n_rcpts++;
		ipc_list_add(&list, ipc_rcpt_type(), &to);
		if (list.len >= FRAME_BYTES)
			e = send_list(w, &list);
	}
	if (!err_is(e))
		e = send_list(w, &list);
	str_clear(&list);
	return e;
}

static struct err
send_envelope(struct forward *w, struct view sender)
{
	const struct ipc_deliver *m = w->delivery->message;
	const int64_t kept = SUBMIT_SMTPUTF8 | SUBMIT_BODY_8BITMIME |
	    SUBMIT_EIGHT_BIT | SUBMIT_NUL;
	struct ipc_submit submit = {
		.queue_id = queue_id_view(&w->id),
		.arrival_us = w->arrival_us,
		.origin = VIEW("local"),
		.context = VIEW("local"),
		.sender = sender,
		.full_name = VIEW_EMPTY,
		.envid = w->has_owner ? VIEW_EMPTY : m->envid,
		.ret = w->has_owner ? 0 : m->ret,
		.flags = m->flags & kept,
		.client_name = m->client_name,
		.client_addr = m->client_addr,
		.protocol = m->protocol,
		.helo = m->helo,
		.sasl_method = VIEW_EMPTY,
		.sasl_username = VIEW_EMPTY,
		.rcpts = VIEW_EMPTY,
		.content = VIEW_EMPTY,
	};

	return ipc_talk_send(&w->talk, IPC_OUT(submit, &submit), w->deadline);
}

/* Received and Delivered-To, then the message. */
static struct err
send_message(struct forward *w)
{
	const struct conf *conf = w->front->conf;
	struct received received = {
		.myhostname = view_of(conf->myhostname),
		.mail_name = view_of(conf->mail_name),
		.queue_id = queue_id_view(&w->id),
		.wall = w->arrival_us / 1000000,
	};
	struct str head = STR_EMPTY;
	struct content content;
	struct view piece;
	struct err e;

	received_add_local(&head, &received, -1);
	if (w->front->prepend_forward)
		str_addf(
		    &head, "Delivered-To: %s\r\n", w->delivery->external.ptr);
	e = send_content(w, str_view(&head));
	str_clear(&head);
	if (!err_is(e))
		e = content_open(&content, w->delivery->message->file,
		    w->delivery->message->layout,
		    work_window(w->delivery->work));
	while (!err_is(e)) {
		e = content_next(&content, &piece);
		if (err_is(e) || piece.len == 0)
			break;
		e = send_content(w, piece);
	}
	return e;
}

/* False, and the verdict: it will not be. */
static bool
go_on(struct forward *w, struct err e)
{
	if (!err_is(e))
		return true;
	verdict_defer(&w->delivery->verdict, e);
	ipc_talk_end(&w->talk);
	return false;
}

bool
forward_begin(struct forward *w, struct front *f, struct delivery *d,
    struct view sender, bool has_owner)
{
	struct err e;

	*w = (struct forward){ .front = f,
		.delivery = d,
		.has_owner = has_owner,
		.deadline = deadline_in(f->conf->ipc_timeout) };
	w->id = queue_id_new(f->daemon->slot,
	    f->conf->enable_long_queue_ids, &w->arrival_us);
	e = ipc_talk_begin(&f->cleanup, &w->talk, w->deadline);
	if (err_is(e)) {
		verdict_defer(&d->verdict, e);
		return false;
	}
	return go_on(w, send_envelope(w, sender));
}

bool
forward_add(struct forward *w, const struct expand_member *members, size_t n)
{
	return go_on(w, send_recipients(w, members, n));
}

bool
forward_send_content(struct forward *w)
{
	return go_on(w, send_message(w));
}

static void
take_answer(struct forward *w, const struct ipc_submitted *answer)
{
	struct verdict *v = &w->delivery->verdict;
	struct dsn_split split = dsn_split(answer->reply,
	    answer->status == ERR_PERM ? DSN_STATUS(5, 3, 0)
				       : DSN_STATUS(4, 3, 0));
	char code[DSN_STATUS_SIZE];

	if (answer->status == ERR_NONE)
		verdict_set(v, OUTCOME_EXPANDED, "2.0.0", "forwarded as %s",
		    w->id.text);
	else if (answer->status == ERR_PERM && split.status.class == 5)
		verdict_set(v, OUTCOME_BOUNCED, dsn_text(split.status, code),
		    "%.*s", VIEW_ARGS(split.text));
	else
		verdict_set(v, OUTCOME_DEFERRED,
		    split.status.class == 4 ? dsn_text(split.status, code)
					    : "4.3.0",
		    "%.*s", VIEW_ARGS(split.text));
}

void
forward_finish(struct forward *w, bool commit)
{
	struct ipc_submit_end end = { .commit = commit };
	struct ipc_submitted answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e =
	    ipc_talk_send(&w->talk, IPC_OUT(submit_end, &end), w->deadline);

	/* An answer to a message that is to be forgotten tells nothing. */
	if (!err_is(e) && commit)
		e = ipc_talk_answer(
		    &w->talk, IPC_IN(submitted, &answer), &keep, w->deadline);
	TEST_POINT("local-expanded");
	if (commit && err_is(e))
		verdict_defer(&w->delivery->verdict, e);
	else if (commit)
		take_answer(w, &answer);
	ipc_keep_clear(&keep);
	ipc_talk_end(&w->talk);
}
