/*
 * state: what the processes that serve clients remember together: results of
 * address probes, clients that passed the screen, senders seen before, counters.
 * It sends the probes (verify); whether a client is let in is smtpd's.
 */
#include "state/state.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"

enum { EXPIRE_EVERY = 60 };

static struct state state;

static void
on_expire(struct timer *t)
{
	verify_expire(&state.verify, clock_wall());
	timer_set(t, deadline_in(EXPIRE_EVERY), on_expire);
}

int
main(int argc, char **argv)
{
	struct str memory[STORE_COUNT];
	const char *folders[STORE_COUNT + 1];
	struct sandbox_path paths[STORE_COUNT + 1] = { { NULL, false } };
	struct sandbox_role role = {
		.name = "state",
		.identity = IDENTITY_QUEUE,
		.root = ROOT_NONE,
		.calls =
		    CALLS_STREAM | CALLS_CONNECT | CALLS_ACCEPT | CALLS_QUEUE,
		.paths = paths,
	};
	struct timer expire = { .place = 0 };
	struct daemon d;
	int status;

	daemon_start(&d, "state", argc, argv);
	state.conf = d.conf;
	state.slot = d.slot;
	daemon_service(&d, d.conf->cleanup_service_name, &state.cleanup);
	daemon_service(&d, "lookup", &state.lookup);
	stores_folders(d.conf, memory, folders);
	for (size_t i = 0; folders[i] != NULL; i++)
		paths[i] = (struct sandbox_path){ folders[i], true };
	/* The files belong to mail_owner and lie in its folder: as root they
	 * must not be touched. */
	daemon_drop(&d, &role);
	loop_init();
	stores_open(&state.stores, d.conf, &state.lookup);
	verify_init(&state.verify, d.conf, &state.stores.all[STORE_VERIFY]);
	on_expire(&expire);
	status = daemon_serve_ipc(&d, state_handlers, &state);
	timer_cancel(&expire);
	stores_close(&state.stores);
	for (size_t i = 0; i < STORE_COUNT; i++)
		str_clear(&memory[i]);
	return status;
}
