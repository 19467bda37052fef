/*
 * smtp: delivers to other hosts, by SMTP, or, under the name of lmtp, by LMTP.
 * It opens no file: a message comes as a descriptor, names are asked of
 * `resolve`, and Unix sockets are connected by `dial`.
 */
#include "lib/daemon/daemon.h"
#include "smtp/agent.h"

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

int
main(int argc, char **argv)
{
	static struct agent agent;
	bool lmtp = argc > 0 && is_lmtp(argv[0]);
	struct daemon d;
	int status;

	daemon_start(&d, lmtp ? "lmtp" : "smtp", argc, argv);
	settings_load(&agent.set, d.conf, lmtp);
	daemon_service(&d, "resolve", &agent.resolve);
	daemon_service(&d, "dial", &agent.dial);
	daemon_drop(&d, &smtp_role);
	agent_init(&agent);
	daemon_finish_orphaned(&d);
	status = daemon_serve_ipc(&d, agent_handlers, &agent);
	agent_clear(&agent);
	return status;
}
