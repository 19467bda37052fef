/*
 * Probes: messages that go the way of all mail up to the recipient's server or
 * mailbox, and are not delivered.  qmgr tells what became of them.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/queue_id.h"
#include "lib/mail/verify_sender.h"
#include "lib/run/fiber.h"
#include "state/state.h"

#include <stdlib.h>

enum { SUBMIT_TIMEOUT = 100 };

struct probe {
	struct state *state;
	struct str address;
	struct timer over;
};

static struct err
submit(struct state *s, struct view address, struct queue_id *id)
{
	static const char content[] = "Subject: probe\r\n\r\n";
	struct ipc_rcpt rcpt = { 0, address, address, VIEW_EMPTY, 0 };
	struct ipc_submit m = { .origin = VIEW("state"),
		.context = VIEW("local"),
		.flags = SUBMIT_PROBE | SUBMIT_VERIFY,
		.whole = 1,
		.content = view_of(content),
		.expect_content = sizeof(content) - 1 };
	struct ipc_submitted answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct str list = STR_EMPTY, sender = STR_EMPTY;
	struct ipc_talk talk;
	struct err e;

	*id = queue_id_new(
	    s->slot, s->conf->enable_long_queue_ids, &m.arrival_us);
	m.queue_id = queue_id_view(id);
	if (!view_is_ascii(address))
		m.flags |= SUBMIT_SMTPUTF8;
	verify_sender_make(s->conf, clock_wall(), &sender);
	m.sender = str_view(&sender);
	ipc_list_add(&list, ipc_rcpt_type(), &rcpt);
	m.rcpts = str_view(&list);
	m.full_name = m.envid = m.client_name = m.client_addr = m.protocol =
	    m.helo = m.sasl_method = m.sasl_username = VIEW_EMPTY;
	e = ipc_talk_begin(&s->cleanup, &talk, deadline_in(SUBMIT_TIMEOUT));
	if (!err_is(e)) {
		e = ipc_talk_send(
		    &talk, IPC_OUT(submit, &m), deadline_in(SUBMIT_TIMEOUT));
		if (!err_is(e))
			e = ipc_talk_answer(&talk, IPC_IN(submitted, &answer),
			    &keep, deadline_in(SUBMIT_TIMEOUT));
		if (!err_is(e) && answer.status != ERR_NONE)
			e = err_make(ERR_TEMP, "%.*s", VIEW_ARGS(answer.reply));
		ipc_talk_end(&talk);
	}
	ipc_keep_clear(&keep);
	str_clear(&list);
	str_clear(&sender);
	return e;
}

static void
probe_free(struct probe *p)
{
	str_clear(&p->address);
	free(p);
}

static void
not_sent(struct probe *p)
{
	verify_not_sent(&p->state->verify, str_view(&p->address), clock_wall());
	probe_free(p);
}

static void
on_not_sent(struct timer *t)
{
	struct probe *p = LIST_ITEM(t, struct probe, over);

	not_sent(p);
}

static void
run(void *arg)
{
	struct probe *p = arg;
	struct queue_id id;
	struct err e = submit(p->state, str_view(&p->address), &id);

	if (!err_is(e)) {
		probe_free(p);
		return;
	}
	log_warn("probe for %s: %s", p->address.ptr, e.text);
	/* A fiber's stack is too small for the database. */
	if (store_is_shared(p->state->verify.store))
		not_sent(p);
	else
		timer_set(&p->over, loop_now(), on_not_sent);
}

void
probe_start(struct state *s, struct view address)
{
	struct probe *p = xcalloc(1, sizeof(*p));

	p->state = s;
	str_init(&p->address);
	str_set(&p->address, address);
	fiber_spawn("probe", run, p);
}
