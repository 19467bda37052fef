/* The messages that `anvil` takes: see answer.h.  None of them waits. */
#include "anvil/answer.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

static void
free_peer(void *peer)
{
	count_peer_free(peer);
}

static struct count_peer *
peer_of(struct ipc_request *r)
{
	struct anvil_service *a = ipc_request_owner(r);
	struct count_peer *p = ipc_request_state(r);

	if (p == NULL) {
		p = count_peer_new(&a->counts);
		ipc_request_set_state(r, p, free_peer);
	}
	return p;
}

/* A disconnect has no answer. */
static void
take_event(struct ipc_request *r)
{
	struct count_peer *p = peer_of(r);
	struct ipc_anvil m;
	struct ipc_anvil_count answer = { 0, 0 };
	enum anvil_event event;

	if (!ipc_request_read(r, IPC_IN(anvil, &m)))
		return;
	if (view_eq(m.event, VIEW("disconnect"))) {
		count_disconnect(p, m.service, m.client, loop_now());
		return;
	}
	/* A kind that a newer program counts and we do not: nothing of it. */
	if (anvil_event_of(m.event, &event)) {
		struct anvil_numbers n =
		    count_event(p, m.service, m.client, event, loop_now());

		answer = (struct ipc_anvil_count){ n.count, n.rate };
	}
	ipc_reply(r, IPC_OUT(anvil_count, &answer));
}

static void
take_restate(struct ipc_request *r)
{
	struct count_peer *p = peer_of(r);
	struct ipc_anvil_restate m;

	if (ipc_request_read(r, IPC_IN(anvil_restate, &m)))
		count_restate(p, m.service, m.client, m.count, loop_now());
}

const struct ipc_handler anvil_handlers[] = {
	{ ipc_anvil_type, take_event, IPC_INLINE },
	{ ipc_anvil_restate_type, take_restate, IPC_INLINE },
	{ NULL, NULL, 0 },
};

static void
log_line(const char *text, void *arg)
{
	(void)arg;
	log_info("%s", text);
}

void
anvil_log_status(struct anvil_service *a)
{
	counts_report(&a->counts, log_line, NULL);
}

static void
on_status(struct timer *t)
{
	struct anvil_service *a = LIST_ITEM(t, struct anvil_service, status);

	anvil_log_status(a);
	anvil_start_status(a);
}

void
anvil_start_status(struct anvil_service *a)
{
	timer_set(&a->status, deadline_in(a->status_time), on_status);
}
