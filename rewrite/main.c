/*
 * rewrite: completes addresses and says where mail for them goes.
 */
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "rewrite/address.h"
#include "rewrite/route.h"

#include <assert.h>

/* Tables are open when it begins; remote ones it asks through private/lookup.
 * The thread is for names that are not ASCII. */
static const struct sandbox_path paths[] = {
	{ "private", false },
	{ NULL, false },
};

static const struct sandbox_role rewrite_role = {
	.name = "rewrite",
	.identity = IDENTITY_REWRITE,
	.root = ROOT_QUEUE,
	.calls = CALLS_BASE | CALLS_THREAD | CALLS_STREAM | CALLS_CONNECT |
	    CALLS_ACCEPT | CALLS_FILE_READ,
	.paths = paths,
};

static void
answer_rewrite(struct ipc_request *request)
{
	const struct router *r = ipc_request_owner(request);
	struct ipc_rewrite ask;
	struct ipc_rewritten answer;
	struct str address = STR_EMPTY;

	if (!ipc_request_read(request, IPC_IN(rewrite, &ask)))
		return;
	address_complete(r->conf,
	    view_eq(ask.context, VIEW("remote")) ? ADDRESS_REMOTE
						 : ADDRESS_LOCAL,
	    ask.address, &address);
	answer.address = str_view(&address);
	ipc_reply(request, IPC_OUT(rewritten, &answer));
	str_clear(&address);
}

static void
answer_route(struct ipc_request *request)
{
	struct router *r = ipc_request_owner(request);
	struct ipc_routed answer = { 0 };
	struct ipc_route ask;
	struct route route;

	if (!ipc_request_read(request, IPC_IN(route, &ask)))
		return;
	route_init(&route);
	route_find(r, ask.sender, ask.address, &route);
	if (route.why.kind == ERR_TEMP)
		log_warn("%s", route.why.text);
	answer.status = route.why.kind;
	answer.text = view_of(route.why.text);
	answer.address_class = route.class;
	answer.transport = str_view(&route.transport);
	answer.nexthop = str_view(&route.nexthop);
	answer.recipient = str_view(&route.recipient);
	answer.routed = route.is_routed;
	ipc_reply(request, IPC_OUT(routed, &answer));
	route_clear(&route);
}

static bool
tables_changed(void *owner)
{
	return router_has_changed(owner);
}

int
main(int argc, char **argv)
{
	struct daemon d;
	struct router r;
	struct err e;
	struct ipc_handler handlers[] = {
		{ ipc_rewrite_type, answer_rewrite, IPC_INLINE },
		{ ipc_route_type, answer_route, IPC_INLINE },
		{ NULL, NULL, 0 },
	};

	daemon_start(&d, "rewrite", argc, argv);
	e = router_init(&r, d.conf);
	if (err_is(e))
		die_temp("%s", e.text);
	if (router_may_wait(&r))
		handlers[1].flags = 0;
	daemon_drop(&d, &rewrite_role);
	daemon_watch_tables(&d, tables_changed, &r);
	return daemon_serve_ipc(&d, handlers, &r);
}
