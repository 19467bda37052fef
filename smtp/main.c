/*
 * smtp: delivers to other hosts, by SMTP, or, under the name of lmtp, by LMTP.
 * It opens no file: a message comes as a descriptor, names are asked of
 * `resolve`, and Unix sockets are connected by `dial`.
 */
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "smtp/agent.h"
#include "smtp/checks.h"
#include "smtp/generic.h"

#include <string.h>

static const struct sandbox_role smtp_role = {
	.name = "smtp",
	.identity = IDENTITY_SMTP,
	.root = ROOT_QUEUE,
	.calls = CALLS_STREAM | CALLS_ACCEPT | CALLS_CONNECT | CALLS_INET,
};

static bool
is_lmtp(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash != NULL ? slash + 1 : path, "lmtp") == 0;
}

static bool
tables_changed(void *owner)
{
	return generic_has_changed(owner) || checks_have_changed(owner);
}

int
main(int argc, char **argv)
{
	static struct agent agent;
	bool lmtp = argc > 0 && is_lmtp(argv[0]);
	struct daemon d;
	struct err e;
	int status;

	daemon_start(&d, lmtp ? "lmtp" : "smtp", argc, argv);
	settings_load(&agent.set, d.conf, lmtp);
	e = generic_open(&agent.set, d.conf, lmtp);
	if (!err_is(e))
		e = checks_open(&agent.set, d.conf, lmtp);
	if (err_is(e))
		die_temp("parameter %s", e.text);
	daemon_service(&d, "resolve", &agent.resolve);
	daemon_service(&d, "dial", &agent.dial);
	daemon_drop(&d, &smtp_role);
	if (generic_is_on(&agent.set) || checks_are_on(&agent.set))
		daemon_watch_tables(&d, tables_changed, &agent.set);
	agent_init(&agent);
	daemon_finish_orphaned(&d);
	status = daemon_serve_ipc(&d, agent_handlers, &agent);
	generic_close(&agent.set);
	checks_close(&agent.set);
	agent_clear(&agent);
	return status;
}
