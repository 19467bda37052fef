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
notify_of(const struct forward_order *order, const struct ipc_rcpt *rcpt)
{
	int64_t notify = rcpt->notify;

	if (order->has_owner || notify == 0)
		return 0;
	notify &= ~(int64_t)ESMTP_NOTIFY_SUCCESS;
	return notify == 0 ? ESMTP_NOTIFY_NEVER : notify;
}

static struct err
send_recipients(struct forward *w, const struct forward_order *order)
{
	const struct ipc_rcpt *from = w->delivery->rcpt;
	struct str list = STR_EMPTY;
	struct err e = ERR_OK;
	int64_t number = 0;

	for (size_t i = 0; i < order->n && !err_is(e); i++) {
		struct ipc_rcpt to = { .number = number,
			.address = view_of(order->members[i].address),
			.original = from->original,
			.orcpt = order->has_owner ? VIEW_EMPTY : from->orcpt,
			.notify = notify_of(order, from) };

		if (order->members[i].is_mailbox)
			continue;
		number++;
		ipc_list_add(&list, ipc_rcpt_type(), &to);
		if (list.len >= FRAME_BYTES || i + 1 == order->n) {
			struct ipc_more_rcpts frame = { str_view(&list) };

			e = ipc_talk_send(
			    &w->talk, IPC_OUT(more_rcpts, &frame), w->deadline);
			str_reset(&list);
		}
	}
	if (!err_is(e) && list.len > 0) {
		struct ipc_more_rcpts frame = { str_view(&list) };

		e = ipc_talk_send(
		    &w->talk, IPC_OUT(more_rcpts, &frame), w->deadline);
	}
	str_clear(&list);
	return e;
}

static struct err
send_envelope(
    struct forward *w, const struct forward_order *order, int64_t arrival_us)
{
	const struct ipc_deliver *m = w->delivery->message;
	const int64_t kept = SUBMIT_SMTPUTF8 | SUBMIT_BODY_8BITMIME |
	    SUBMIT_EIGHT_BIT | SUBMIT_NUL;
	struct ipc_submit submit = {
		.queue_id = queue_id_view(&w->id),
		.arrival_us = arrival_us,
		.origin = VIEW("local"),
		.context = VIEW("local"),
		.sender = order->sender,
		.full_name = VIEW_EMPTY,
		.envid = order->has_owner ? VIEW_EMPTY : m->envid,
		.ret = order->has_owner ? 0 : m->ret,
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
send_message(struct forward *w, int64_t arrival_us)
{
	const struct conf *conf = w->front->conf;
	struct received received = {
		.myhostname = view_of(conf->myhostname),
		.mail_name = view_of(conf->mail_name),
		.queue_id = queue_id_view(&w->id),
		.wall = arrival_us / 1000000,
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

bool
forward_begin(struct forward *w, struct front *f, struct delivery *d,
    const struct forward_order *order)
{
	int64_t arrival_us;
	struct err e;

	*w = (struct forward){ .front = f,
		.delivery = d,
		.deadline = deadline_in(f->conf->ipc_timeout) };
	w->id = queue_id_new(
	    f->daemon->slot, f->conf->enable_long_queue_ids, &arrival_us);
	e = ipc_talk_begin(&f->cleanup, &w->talk, w->deadline);
	if (err_is(e)) {
		verdict_defer(&d->verdict, e);
		return false;
	}
	e = send_envelope(w, order, arrival_us);
	if (!err_is(e))
		e = send_recipients(w, order);
	if (!err_is(e))
		e = send_message(w, arrival_us);
	if (err_is(e)) {
		verdict_defer(&d->verdict, e);
		ipc_talk_end(&w->talk);
		return false;
	}
	return true;
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
