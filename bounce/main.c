/*
 * bounce: non-delivery, delay and success reports.  qmgr asks for one report
 * per kind over a queue file's journal; the report is mail as well, and goes
 * the way of all mail, through cleanup.
 */
#include "bounce/report.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/daemon/daemon.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUBMIT_TIMEOUT = 300 };

static const struct sandbox_role bounce_role = {
	.name = "bounce",
	.identity = IDENTITY_QUEUE,
	.root = ROOT_NONE,
	.calls = CALLS_STREAM | CALLS_CONNECT | CALLS_ACCEPT,
};

static const char *const names[] = {
	[REPORT_FAILURE] = "non-delivery notification",
	[REPORT_DELAY] = "delay notification",
	[REPORT_SUCCESS] = "delivery status notification",
	[REPORT_TRACE] = "delivery status notification",
};

/* Make one report and queue it.  *id is its queue ID. */
static struct err
send_report(struct bounce *b, struct history *h, enum report_kind kind,
    const struct addressee *to, struct queue_id *id)
{
	struct ipc_rcpt rcpt = { 0, to->recipient, to->recipient, VIEW_EMPTY,
		0 };
	struct str list = STR_EMPTY;
	struct ipc_submit submit = { .origin = VIEW("bounce"),
		.context = VIEW("local"),
		.sender = to->sender };
	struct ipc_submit_end end = { .commit = 1 };
	struct ipc_submitted answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct sink sink;
	struct err e;

	sink_init(&sink);
	*id = queue_id_new(
	    b->slot, b->conf->enable_long_queue_ids, &submit.arrival_us);
	submit.queue_id = queue_id_view(id);
	submit.flags =
	    h->file.preamble.flags & (SUBMIT_SMTPUTF8 | SUBMIT_EIGHT_BIT);
	if (submit.flags != 0)
		submit.flags |= SUBMIT_EIGHT_BIT | SUBMIT_BODY_8BITMIME;
	ipc_list_add(&list, ipc_rcpt_type(), &rcpt);
	submit.rcpts = str_view(&list);
	submit.full_name = submit.envid = submit.client_name =
	    submit.client_addr = submit.protocol = submit.helo =
		submit.sasl_method = submit.sasl_username = submit.content =
		    VIEW_EMPTY;
	e = ipc_talk_begin(&b->cleanup, &sink.talk, deadline_in(60));
	if (!err_is(e)) {
		e = ipc_talk_send(
		    &sink.talk, IPC_OUT(submit, &submit), sink.deadline);
		if (!err_is(e))
			e = compose_report(
			    b, &sink, h, kind, to, submit.queue_id);
		if (!err_is(e))
			e = sink_flush(&sink);
		TEST_POINT("bounce-composed");
		if (!err_is(e))
			e = ipc_talk_send(&sink.talk, IPC_OUT(submit_end, &end),
			    sink.deadline);
		if (!err_is(e))
			e = ipc_talk_answer(&sink.talk,
			    IPC_IN(submitted, &answer), &keep,
			    deadline_in(SUBMIT_TIMEOUT));
		if (!err_is(e) && answer.status != ERR_NONE)
			e = err_make(
			    answer.status == ERR_PERM ? ERR_PERM : ERR_TEMP,
			    "%.*s", VIEW_ARGS(answer.reply));
		ipc_talk_end(&sink.talk);
		TEST_POINT("bounce-queued");
	}
	ipc_keep_clear(&keep);
	sink_clear(&sink);
	str_clear(&list);
	return e;
}

/* What the postmaster wants to see too.  If it cannot be made there is none:
 * the sender's report was, and would be made again. */
static void
copy_to_postmaster(struct bounce *b, struct history *h, enum report_kind kind,
    struct view queue_id)
{
	struct str memory = STR_EMPTY;
	struct addressee to;
	struct queue_id id;
	struct err e;

	if (!addressee_find_copy(b->conf, kind, &memory, &to))
		return;
	e = send_report(b, h, kind, &to, &id);
	if (err_is(e))
		log_warn("%.*s: postmaster %s: %s", VIEW_ARGS(queue_id),
		    names[kind], e.text);
	else
		log_info("%.*s: postmaster %s: %s", VIEW_ARGS(queue_id),
		    names[kind], id.text);
	str_clear(&memory);
}

static struct err
make_report(struct bounce *b, const struct ipc_report *ask, struct queue_id *id)
{
	struct str memory = STR_EMPTY;
	enum report_kind kind = (enum report_kind)ask->kind;
	struct history h;
	struct addressee to;
	int64_t n = 0;
	struct err e = history_read(&h, ask->file, kind);

	id->text[0] = '\0';
	if (!err_is(e))
		e = history_each(&h, kind, NULL, NULL, &n);
	if (err_is(e) || n == 0) {
		history_clear(&h);
		return e;
	}
	if (addressee_find(
		b->conf, h.file.envelope.sender, kind, &memory, &to)) {
		e = send_report(b, &h, kind, &to, id);
		if (!err_is(e))
			log_info("%.*s: %s %s: %s", VIEW_ARGS(ask->queue_id),
			    to.is_postmaster_copy ? "postmaster" : "sender",
			    names[kind], id->text);
		if (!err_is(e) && !to.is_postmaster_copy)
			copy_to_postmaster(b, &h, kind, ask->queue_id);
	} else if (kind == REPORT_FAILURE) {
		log_info("%.*s: undeliverable report is not returned",
		    VIEW_ARGS(ask->queue_id));
	}
	str_clear(&memory);
	history_clear(&h);
	return e;
}

static void
report_run(struct ipc_request *r)
{
	struct bounce *b = ipc_request_owner(r);
	struct ipc_report ask = { .file = -1 };
	struct ipc_result answer = { ERR_NONE, VIEW_EMPTY };
	struct queue_id id = { "" };
	struct err e;

	if (!ipc_request_read(r, IPC_IN(report, &ask)))
		return;
	if (ask.file < 0 || ask.kind < REPORT_FAILURE ||
	    ask.kind > REPORT_TRACE || !queue_id_is_valid(ask.queue_id))
		e = err_make(ERR_PERM, "bad request");
	else
		e = make_report(b, &ask, &id);
	if (err_is(e))
		log_warn("%.*s: report: %s", VIEW_ARGS(ask.queue_id), e.text);
	answer.status = e.kind;
	answer.text = err_is(e) ? view_of(e.text) : view_of(id.text);
	ipc_reply(r, IPC_OUT(result, &answer));
	if (ask.file >= 0)
		close(ask.file);
}

static const struct ipc_handler handlers[] = {
	{ ipc_report_type, report_run, 0 },
	{ NULL, NULL, 0 },
};

/* A template with a mistake must not keep reports from going out. */
static void
load_texts(const struct conf *conf, struct report_texts *texts)
{
	struct err e = report_texts_load(conf->bounce_template_file, texts);
	struct str text = STR_EMPTY;

	for (size_t i = 0; !err_is(e) && i < REPORT_TEXT_KINDS; i++)
		e = report_text_expand(conf, &texts->of[i], &text);
	str_clear(&text);
	if (!err_is(e))
		return;
	log_warn("bounce_template_file: %s: using the built-in texts", e.text);
	report_texts_clear(texts);
	(void)report_texts_load("", texts);
}

int
main(int argc, char **argv)
{
	static struct report_texts texts;
	static struct bounce bounce;
	struct daemon d;

	daemon_start(&d, "bounce", argc, argv);
	bounce.conf = d.conf;
	bounce.slot = d.slot;
	bounce.texts = &texts;
	load_texts(d.conf, &texts);
	daemon_service(&d, d.conf->cleanup_service_name, &bounce.cleanup);
	daemon_drop(&d, &bounce_role);
	return daemon_serve_ipc(&d, handlers, &bounce);
}
