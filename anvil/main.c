/*
 * anvil: counts clients for all processes that serve them: connections open
 * and events per time unit.  It limits nobody; who asks does.  It has no
 * files, and nothing that it knows outlives it but what others tell it again.
 */
#include "anvil/answer.h"
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"

static const struct sandbox_role anvil_role = {
	.name = "anvil",
	.identity = IDENTITY_ANVIL,
	.root = ROOT_EMPTY,
	.calls = CALLS_STREAM | CALLS_ACCEPT,
};

int
main(int argc, char **argv)
{
	static struct anvil_service anvil;
	struct daemon d;
	int status;

	daemon_start(&d, "anvil", argc, argv);
	counts_init(&anvil.counts, d.conf->anvil_rate_time_unit);
	anvil.status_time = d.conf->anvil_status_update_time;
	daemon_drop(&d, &anvil_role);
	if (!loop_is_on())
		loop_init();
	anvil_start_status(&anvil);
	status = daemon_serve_ipc(&d, anvil_handlers, &anvil);
	anvil_log_status(&anvil);
	log_flush();
	return status;
}
