/*
 * Taking a message: the conversation with who submits it, from the envelope to
 * the answer that it is safe, and the notice to qmgr.
 */
#include "cleanup/check.h"
#include "cleanup/checks.h"
#include "cleanup/message.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/daemon/peers.h"

#include <stdlib.h>

enum {
	CONTENT_TIMEOUT = 3600,
	/* What is left of a frame for the recipients in a notice. */
	NOTICE_RCPTS_MAX = 48 * 1024,
};

static const struct verdict queued = { 250, "2.0.0 Ok" };
static const struct verdict write_error = { 451,
	"4.3.0 Error: queue file write error" };
static const struct verdict no_space = { 452,
	"4.3.1 Insufficient system storage" };
static const struct verdict too_large = { 552,
	"5.3.4 Error: message file too big" };
static const struct verdict no_rcpts = { 554,
	"5.5.1 Error: no valid recipients" };
static const struct verdict bad_address = { 554,
	"5.1.3 Error: bad address" };
static const struct verdict bad_request = { 451,
	"4.3.0 Error: internal protocol" };

void
message_init(struct message *m, struct cleanup *c)
{
	*m = (struct message){ .cleanup = c, .fd = -1,
		.rcpts = STR_EMPTY, .first_rcpt = STR_EMPTY,
		.last_rcpt = STR_EMPTY, .end = STR_EMPTY, .sender = STR_EMPTY,
		.head = STR_EMPTY, .added = STR_EMPTY, .layout = STR_EMPTY,
		.tail = STR_EMPTY, .journal = STR_EMPTY, .message_id = STR_EMPTY };
	orders_init(&m->orders);
	str_init(&m->converted);
	header_scan_init(&m->head_scan);
}

void
message_clear(struct message *m)
{
	store_clear(m);
	orders_clear(&m->orders);
	convert_clear(m);
	hset_clear(&m->seen);
	str_clear(&m->rcpts);
	str_clear(&m->first_rcpt);
	str_clear(&m->last_rcpt);
	str_clear(&m->end);
	str_clear(&m->sender);
	str_clear(&m->added);
	str_clear(&m->layout);
	str_clear(&m->tail);
	str_clear(&m->journal);
	str_clear(&m->message_id);
	free(m->pieces);
}

/*
 * A message that cannot be taken, for its envelope: why is told once the rest
 * of it has come, and that is not kept.
 */
static void
refuse(struct message *m, struct err e)
{
	if (m->refusal.code == 0)
		m->refusal = e.kind == ERR_PERM ? bad_address
		    : m->no_space		? no_space
						: write_error;
	if (!m->is_logged)
		log_warn("%.*s: %s", VIEW_ARGS(m->submit.queue_id), e.text);
}

static void
take_rcpts(struct message *m, struct view list)
{
	struct err e;

	if (m->refusal.code != 0)
		return;
	e = envelope_add_rcpts(m, list);
	if (err_is(e))
		refuse(m, e);
}

static void
end_rcpts(struct message *m)
{
	struct err e;

	if (m->refusal.code != 0)
		return;
	e = envelope_end_rcpts(m);
	if (err_is(e))
		refuse(m, e);
}

/* Bytes in a frame, which it takes. */
static void
take_content(struct message *m, struct view bytes, struct ipc_frame *f)
{
	bytes = checks_take_content(m, bytes);
	if (m->converts) {
		store_take_copy(m, convert_take(m, bytes, false));
		ipc_frame_free(f);
	} else {
		store_take_content(m, bytes, f);
	}
}

/* What was decided once the content was there. */
static void
take_end(struct message *m, const struct ipc_submit_end *end)
{
	m->flags |= check_flags(&m->submit, end->flags);
	orders_take(&m->orders, end->hold, end->filter, end->redirect);
	str_add(&m->orders.rcpts, end->rcpts);
}

/* One frame of the conversation, which it takes.  *ended with submit_end. */
static struct err
take_frame(struct message *m, struct ipc_frame *f, bool *ended, bool *commit)
{
	struct ipc_more_rcpts rcpts;
	struct ipc_content content;
	struct ipc_submit_end end;
	struct err e;

	if (ipc_frame_is(f, ipc_content_type())) {
		e = ipc_frame_read(f, IPC_IN(content, &content));
		if (err_is(e)) {
			ipc_frame_free(f);
			return e;
		}
		end_rcpts(m);
		take_content(m, content.bytes, f);
		return e;
	}
	if (ipc_frame_is(f, ipc_more_rcpts_type())) {
		e = ipc_frame_read(f, IPC_IN(more_rcpts, &rcpts));
		/* Their place in the file is before the content. */
		if (!err_is(e) && m->content_len > 0)
			e = err_make(ERR_PERM, "recipients after content");
		if (!err_is(e))
			take_rcpts(m, rcpts.rcpts);
	} else {
		e = ipc_frame_read(f, IPC_IN(submit_end, &end));
		*ended = !err_is(e);
		*commit = *ended && end.commit != 0;
		if (*ended)
			take_end(m, &end);
		if (*ended && m->converts)
			store_take_copy(m, convert_take(m, VIEW_EMPTY, true));
	}
	ipc_frame_free(f);
	return e;
}

/* Content that comes in frames of its own.  False: nothing is to be queued,
 * and the verdict says why if somebody is to hear. */
static bool
take_stream(struct message *m, struct ipc_request *r, struct verdict *v)
{
	bool ended = false, commit = false;
	struct err e = ERR_OK;

	*v = bad_request;
	while (!ended && !err_is(e)) {
		struct ipc_frame *f;

		e = ipc_request_next(r, &f, deadline_in(CONTENT_TIMEOUT));
		if (err_is(e))
			return false;
		e = take_frame(m, f, &ended, &commit);
	}
	if (err_is(e)) {
		log_warn("%.*s: %s", VIEW_ARGS(m->submit.queue_id), e.text);
		return false;
	}
	return commit;
}

bool
message_process_content(struct message *m, struct verdict *v)
{
	struct view head = m->submit.whole != 0 ?
	    view_first(m->content, CLEANUP_HEADER_MAX) : str_view(&m->head);

	return checks_are_for(m->cleanup->checks, m)
	    ? walk_content(m, v)
	    : headers_process(m, head, v);
}

/* Headers and checks, then the disk. */
static struct verdict
commit(struct message *m)
{
	struct verdict v;
	struct err e;

	end_rcpts(m);
	if (m->refusal.code != 0)
		return m->refusal;
	if (m->n_rcpts == 0)
		return no_rcpts;
	if (m->too_large)
		return too_large;
	if (m->orders.code != 0)
		return (struct verdict){ m->orders.code,
			m->orders.reason.ptr };
	if (!message_process_content(m, &v))
		return v;
	if (m->orders.discard)
		return queued;
	e = orders_apply(m);
	if (!err_is(e))
		e = store_commit(m);
	if (err_is(e)) {
		log_warn("%.*s: %s", VIEW_ARGS(m->submit.queue_id), e.text);
		return m->refusal.code != 0 ? m->refusal
		    : m->no_space		    ? no_space
					    : write_error;
	}
	return queued;
}

/* Tell qmgr.  It never delays or fails the answer: should it be lost, qmgr
 * finds the file. */
static void
tell_qmgr(struct message *m)
{
	bool with_rcpts = m->journal.len == 0 &&
	    m->rcpts.len <= NOTICE_RCPTS_MAX &&
	    m->n_rcpts <= QUEUE_RCPTS_INLINE && m->layout.len <= 4096;
	struct ipc_queued notice = {
		.queue = view_of(m->queue),
		.queue_id = m->submit.queue_id,
		.arrival_us = m->submit.arrival_us,
		.sender = str_view(&m->sender),
		.size = m->preamble.size,
		.flags = m->flags,
		.envid = m->submit.envid,
		.ret = m->submit.ret,
		.layout = with_rcpts ? str_view(&m->layout) : VIEW_EMPTY,
		.client_name = m->submit.client_name,
		.client_addr = m->submit.client_addr,
		.protocol = m->submit.protocol,
		.helo = m->submit.helo,
		.filter = orders_filter(&m->orders),
		.n_rcpts = m->n_rcpts,
		.rcpts = with_rcpts ? str_view(&m->rcpts) : VIEW_EMPTY,
	};
	struct err e = ipc_tell(&m->cleanup->qmgr, IPC_OUT(queued, &notice),
	    deadline_in(1));

	if (err_is(e))
		log_debug("tell qmgr: %s", e.text);
}

static void
answer(struct ipc_request *r, struct verdict v)
{
	struct ipc_submitted reply = {
		.status = v.code < 300 ? ERR_NONE :
		    v.code < 500       ? ERR_TEMP : ERR_PERM,
		.code = v.code,
		.reply = view_of(v.reply),
	};

	ipc_reply(r, IPC_OUT(submitted, &reply));
}

/* When deliveries fall behind: mail of our own users comes first. */
static void
hold_back(struct message *m)
{
	int64_t ms = m->cleanup->delay_ms;

	if (ms > 0 && view_eq(m->submit.context, VIEW("remote")) &&
	    m->submit.sasl_username.len == 0)
		fiber_sleep(ms);
}

static struct verdict
run(struct message *m, struct ipc_request *r, bool *silent)
{
	struct verdict v = bad_request;
	struct err e;

	*silent = false;
	m->is_again = m->submit.whole != 0 &&
	    (m->submit.flags & SUBMIT_AGAIN) != 0;
	e = check_submit(
	    &m->submit, peers_is(ipc_request_uid(r), IDENTITY_SMTPD));
	if (err_is(e)) {
		log_warn("submission from uid %ld: %s",
		    (long)ipc_request_uid(r), e.text);
		return v;
	}
	convert_begin(m);
	orders_take(&m->orders, m->submit.hold, m->submit.filter,
	    m->submit.redirect);
	m->queue = m->orders.hold   ? "hold"
	    : m->cleanup->room ? "active" : "incoming";
	m->flags = m->submit.flags;
	if (!store_has_space(m->cleanup))
		m->failure = err_make(ERR_TEMP, "too little space");
	m->no_space = err_is(m->failure);
	if (m->is_again && !m->no_space)
		m->failure = again_find(m);
	e = envelope_set_sender(m);
	if (err_is(e))
		refuse(m, e);
	take_rcpts(m, m->submit.rcpts);
	if (m->submit.whole != 0) {
		m->content = checks_take_content(m, m->submit.content);
		if (m->converts)
			m->content = convert_take(m, m->content, true);
		m->content_len = (int64_t)m->content.len;
	} else if (!take_stream(m, r, &v)) {
		*silent = ipc_request_is_lost(r);
		return v;
	}
	return commit(m);
}

void
submit_run(struct ipc_request *r)
{
	struct message *m = xmalloc(sizeof(*m));
	struct verdict v;
	bool silent;

	message_init(m, ipc_request_owner(r));
	if (ipc_request_read(r, IPC_IN(submit, &m->submit))) {
		v = run(m, r, &silent);
		if (v.code == 250 && m->orders.discard) {
			store_cancel(m);
			answer(r, v);
		} else if (v.code == 250) {
			TEST_POINT("cleanup-before-answer");
			hold_back(m);
			answer(r, v);
			TEST_POINT("cleanup-answered");
			if (!m->orders.hold)
				tell_qmgr(m);
		} else {
			store_cancel(m);
			if (!silent)
				answer(r, v);
		}
	}
	message_clear(m);
	free(m);
}
