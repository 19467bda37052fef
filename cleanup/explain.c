/* What becomes of addresses: see explain.h. */
#include "cleanup/explain.h"

#include "lib/base/log.h"
#include "lib/base/trace.h"
#include "lib/mail/override.h"

#include <stdlib.h>

enum { ARGS = 4 };

static void
message_begin(struct message *m, struct cleanup *c, struct view sender)
{
	*m = (struct message){ .cleanup = c,
		.fd = -1,
		.submit = { .queue_id = VIEW("NOQUEUE"),
		    .origin = VIEW("smtpd"),
		    .context = VIEW("local"),
		    .sender = sender } };
	m->rcpts = m->sender = m->journal = STR_EMPTY;
}

static void
message_clear(struct message *m)
{
	htable_clear(&m->seen, NULL);
	str_clear(&m->rcpts);
	str_clear(&m->sender);
	str_clear(&m->journal);
}

static struct err
submit(struct message *m, struct view recipient)
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
tell(const struct message *m)
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

int
explain_run(struct cleanup *c, int argc, char **argv)
{
	static struct message m; /* too large for the stack */
	struct override override;
	struct err e;

	if (argc != ARGS)
		die_usage("usage: cleanup -E overrides sender recipient");
	e = override_parse(argv[1], &override);
	if (err_is(e))
		die_temp("%s", e.text);
	trace_form = TRACE_JSON;
	message_begin(&m, c, view_of(argv[2]));
	m.flags = override.flags;
	TRACE("cleanup", { "sender", view_of(argv[2]) },
	    { "recipient", view_of(argv[3]) });
	e = submit(&m, view_of(argv[3]));
	if (err_is(e))
		TRACE("failed", { "in", VIEW("cleanup") },
		    { "why", view_of(e.text) });
	else
		tell(&m);
	message_clear(&m);
	return EXIT_SUCCESS;
}
