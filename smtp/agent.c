#include "smtp/agent.h"

#include "lib/base/log.h"
#include "lib/base/testpoint.h"
#include "lib/daemon/late.h"

/* A request that makes no sense: qmgr keeps the message. */
static void
answer_nothing(struct ipc_request *r, const struct err *e)
{
	struct ipc_delivered answer = {
		.destination = DESTINATION_FINE,
		.reason = view_of(e->text),
	};

	log_warn("%s", e->text);
	ipc_reply(r, IPC_OUT(delivered, &answer));
}

static void
run_delivery(struct ipc_request *r)
{
	struct agent *a = ipc_request_owner(r);
	struct ipc_delivered answer = { 0 };
	struct str outcomes = STR_EMPTY;
	struct session *last = NULL;
	struct ipc_deliver ask;
	struct delivery d;
	struct err e;

	if (!ipc_request_read(r, IPC_IN(deliver, &ask)))
		return;
	e = delivery_init(&d, &a->set, &ask);
	if (err_is(e)) {
		answer_nothing(r, &e);
	} else {
		deliver(a, &d, &last);
		delivery_answer(&d, &answer, &outcomes);
		ipc_reply(r, IPC_OUT(delivered, &answer));
		TEST_POINT("smtp-answered");
	}
	/* qmgr need not wait for the end of the session. */
	if (last != NULL)
		cache_take(&a->cache, last);
	if (ipc_request_is_lost(r))
		late_report(&d.ask, str_view(&outcomes));
	str_clear(&outcomes);
	delivery_clear(&d);
}

const struct ipc_handler agent_handlers[] = {
	{ ipc_deliver_type, run_delivery, 0 },
	{ NULL, NULL, 0 },
};

void
agent_init(struct agent *a)
{
	dns_client_init(&a->dns, &a->resolve);
	cache_init(&a->cache);
}

void
agent_clear(struct agent *a)
{
	cache_clear(&a->cache);
	dns_client_clear(&a->dns);
	ipc_service_clear(&a->resolve);
	ipc_service_clear(&a->dial);
	settings_clear(&a->set);
}
