/* What becomes of addresses and content: see explain.h. */
#include "cleanup/explain.h"

#include "cleanup/checks.h"
#include "lib/base/log.h"
#include "lib/base/trace.h"
#include "lib/conf/main_cf.h"
#include "lib/mail/esmtp.h"
#include "lib/mail/override.h"

#include <stdlib.h>
#include <string.h>

enum { ARGS = 5, MESSAGE_MAX = 64 << 20 };

/* --- what is to be explained --- */

struct question {
	struct view sender, recipient;
	const char *message; /* a file; "" is none */
	struct str content;
};

static void
take_bcc(struct orders *o, struct view address)
{
	struct ipc_rcpt rcpt = { .address = address,
		.original = address,
		.orcpt = VIEW_EMPTY,
		.notify = ESMTP_NOTIFY_NEVER };

	ipc_list_add(&o->rcpts, ipc_rcpt_type(), &rcpt);
}

static void
take_order(
    struct message *m, struct question *q, const char *action, struct view v)
{
	struct orders *o = &m->orders;

	if (strcmp(action, "HOLD") == 0)
		orders_take(o, 1, VIEW_EMPTY, VIEW_EMPTY);
	else if (strcmp(action, "FILTER") == 0)
		orders_take(o, 0, v, VIEW_EMPTY);
	else if (strcmp(action, "REDIRECT") == 0)
		orders_take(o, 0, VIEW_EMPTY, v);
	else if (strcmp(action, "BCC") == 0)
		take_bcc(o, v);
	else if (strcmp(action, "ADDS") == 0)
		str_addf(&q->content, "%.*s\r\n", VIEW_ARGS(v));
	else
		die_usage("cleanup -E: unknown action %s", action);
}

/* As a client sends it: every line ends in CRLF. */
static void
add_lines(struct str *content, struct view text)
{
	while (text.len > 0) {
		size_t n = view_find(text, '\n');
		struct view line = view_first(text, n);

		text = view_skip(text, n == VIEW_NPOS ? text.len : n + 1);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		str_addf(content, "%.*s\r\n", VIEW_ARGS(line));
	}
}

static struct err
read_message(struct question *q)
{
	struct str text = STR_EMPTY;
	struct err e = conf_read_file(q->message, MESSAGE_MAX, &text);

	if (!err_is(e))
		add_lines(&q->content, str_view(&text));
	str_clear(&text);
	return e;
}

/* --- the way through --- */

static void
tell_failed(struct err e)
{
	TRACE("failed", { "in", VIEW("cleanup") },
	    { "why", view_of(e.text) });
}

static struct err
submit_envelope(struct message *m, struct view recipient)
{
	struct ipc_rcpt rcpt = { .address = recipient,
		.original = recipient,
		.orcpt = VIEW_EMPTY };
	struct str list = STR_EMPTY;
	struct err e = envelope_set_sender(m);

	ipc_list_add(&list, ipc_rcpt_type(), &rcpt);
	if (!err_is(e))
		e = envelope_add_rcpts(m, str_view(&list));
	if (!err_is(e))
		e = envelope_end_rcpts(m);
	str_clear(&list);
	return e;
}

static void
tell_refusal(const struct verdict *v)
{
	struct str reply = STR_EMPTY;

	str_printf(&reply, "%d %s", v->code, v->reply);
	TRACE("reply", { "to", VIEW("END-OF-MESSAGE") },
	    { "reply", str_view(&reply) });
	str_clear(&reply);
}

/* Body checks ask for each line: what is not found is not told. */
static struct err
submit_content(struct message *m, struct question *q)
{
	struct verdict v = { 0, "" };
	struct err e = read_message(q);
	bool good;

	if (err_is(e))
		return e;
	m->submit.whole = 1;
	m->content = checks_take_content(m, str_view(&q->content));
	m->content_len = (int64_t)m->content.len;
	trace_hides_misses = true;
	good = m->orders.code == 0 && message_process_content(m, &v);
	trace_hides_misses = false;
	if (m->orders.code != 0)
		v = (struct verdict){ m->orders.code, m->orders.reason.ptr };
	if (!good)
		tell_refusal(&v);
	return ERR_OK;
}

/* --- what comes of it --- */

static void
tell_orders(const struct message *m)
{
	struct view filter = orders_filter(&m->orders);

	if (m->orders.discard)
		TRACE("discard", { "message", VIEW("yes") });
	if (m->orders.hold)
		TRACE("hold", { "queue", VIEW("hold") });
	if (filter.len > 0)
		TRACE("filter", { "value", filter });
	if (m->orders.redirect.len > 0)
		TRACE("redirect",
		    { "instead_of", VIEW("all recipients") },
		    { "value", str_view(&m->orders.redirect) });
}

static void
tell_addresses(const struct message *m)
{
	struct view rest = str_view(&m->rcpts);
	struct ipc_rcpt rcpt;
	bool more;

	TRACE("sender", { "address", str_view(&m->sender) });
	/* Our own writing: it reads. */
	while (!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &rcpt), &more)) &&
	    more)
		TRACE("recipient", { "address", rcpt.address });
}

static void
explain(struct message *m, struct question *q)
{
	struct err e;

	TRACE("cleanup", { "sender", q->sender },
	    { "recipient", q->recipient });
	e = submit_envelope(m, q->recipient);
	if (!err_is(e) && q->message[0] != '\0')
		e = submit_content(m, q);
	if (!err_is(e))
		e = orders_apply(m);
	if (err_is(e)) {
		tell_failed(e);
		return;
	}
	tell_orders(m);
	tell_addresses(m);
}

int
explain_run(struct cleanup *c, int argc, char **argv)
{
	static struct message m; /* too large for the stack */
	struct question q = { .content = STR_EMPTY };
	struct override override;
	struct err e;

	if (argc < ARGS || (argc - ARGS) % 2 != 0)
		die_usage("usage: cleanup -E overrides sender recipient "
			  "message [action value]...");
	e = override_parse(argv[1], &override);
	if (err_is(e))
		die_temp("%s", e.text);
	trace_form = TRACE_JSON;
	message_init(&m, c);
	m.keeps_rcpts = true;
	m.submit = (struct ipc_submit){ .queue_id = VIEW("NOQUEUE"),
		.origin = VIEW("smtpd"),
		.context = VIEW("local"),
		.sender = view_of(argv[2]) };
	m.flags = m.submit.flags = override.flags;
	q.sender = view_of(argv[2]);
	q.recipient = view_of(argv[3]);
	q.message = argv[4];
	for (int i = ARGS; i < argc; i += 2)
		take_order(&m, &q, argv[i], view_of(argv[i + 1]));
	explain(&m, &q);
	message_clear(&m);
	str_clear(&q.content);
	return EXIT_SUCCESS;
}
