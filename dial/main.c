/*
 * dial: connects to other software (milters, policy servers, SASL, LMTP over
 * Unix sockets) for those who sit in a changed root or may not connect, and
 * passes them the connected descriptor.
 */
#include "dial/connect.h"
#include "dial/scan.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"

/* In ms; what a request without a time gets, and the most it may ask for. */
enum { DIAL_TIMEOUT_MS = 30 * 1000, DIAL_TIMEOUT_MS_MAX = 300 * 1000 };

/* Its rights are those of its groups; files it needs none. */
static const struct sandbox_role dial_role = {
	.name = "dial",
	.identity = IDENTITY_OWNER,
	.root = ROOT_NONE,
	.calls = CALLS_BASE | CALLS_STREAM | CALLS_CONNECT | CALLS_INET |
	    CALLS_ACCEPT | CALLS_FILE_READ,
};

struct dial {
	struct scan scan;
	struct ipc_service resolve;
	struct dns_client dns;
};

static int64_t
deadline_of(const struct ipc_dial *ask)
{
	int64_t ms = ask->timeout_ms > 0 ? ask->timeout_ms : DIAL_TIMEOUT_MS;

	return deadline_in_ms(
	    ms < DIAL_TIMEOUT_MS_MAX ? ms : DIAL_TIMEOUT_MS_MAX);
}

static struct err
dial(struct dial *d, const struct ipc_dial *ask, int *fd)
{
	const struct endpoint *e =
	    endpoints_find(&d->scan.endpoints, ask->endpoint);

	if (e != NULL)
		return connect_endpoint(e, &d->dns, deadline_of(ask), fd);
	log_warn("request to connect to \"%.*s\", which no parameter names",
	    VIEW_ARGS(view_first(ask->endpoint, ENDPOINT_TEXT_MAX)));
	return err_make(ERR_TEMP, "connect to %.*s: not in the configuration",
	    VIEW_ARGS(view_first(ask->endpoint, 100)));
}

static void
answer_dial(struct ipc_request *request)
{
	struct dial *d = ipc_request_owner(request);
	struct ipc_dialled answer = { .socket = -1 };
	struct ipc_dial ask;
	struct err e;

	if (!ipc_request_read(request, IPC_IN(dial, &ask)))
		return;
	e = dial(d, &ask, &answer.socket);
	answer.status = e.kind;
	answer.text = view_of(e.text);
	/* The descriptor goes with it, or is closed if nobody is there. */
	ipc_reply(request, IPC_OUT(dialled, &answer));
}

static bool
tables_changed(void *owner)
{
	const struct dial *d = owner;

	return scan_has_changed(&d->scan);
}

int
main(int argc, char **argv)
{
	static const struct ipc_handler handlers[] = {
		{ ipc_dial_type, answer_dial, 0 },
		{ NULL, NULL, 0 },
	};
	struct daemon d;
	struct dial state;
	struct err e;

	daemon_start(&d, "dial", argc, argv);
	e = scan_init(&state.scan, d.conf);
	if (err_is(e))
		die_temp("%s", e.text);
	daemon_drop(&d, &dial_role);
	daemon_service(&d, "resolve", &state.resolve);
	dns_client_init(&state.dns, &state.resolve);
	daemon_watch_tables(&d, tables_changed, &state);
	return daemon_serve_ipc(&d, handlers, &state);
}
