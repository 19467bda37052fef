/*
 * rewrite: completes addresses and says where mail for them goes.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/trace.h"
#include "lib/daemon/daemon.h"
#include "lib/mail/address.h"
#include "rewrite/forward.h"
#include "rewrite/route.h"

#include <assert.h>
#include <stdlib.h>

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

/* Probes of addresses may go another way. */
struct routers {
	struct router mail, probes;
	struct conf probe_conf;
	struct srs srs;
};

static void
answer_rewrite(struct ipc_request *request)
{
	const struct routers *both = ipc_request_owner(request);
	const struct router *r = &both->mail;
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
	struct routers *both = ipc_request_owner(request);
	struct ipc_routed answer = { 0 };
	struct str sender = STR_EMPTY;
	struct ipc_route ask;
	struct route route;

	if (!ipc_request_read(request, IPC_IN(route, &ask)))
		return;
	route_init(&route);
	route_find(ask.probe != 0 ? &both->probes : &both->mail, ask.sender,
	    ask.address, &route);
	if (!err_is(route.why) && ask.original.len > 0)
		route.why = forward_sender(&both->mail, &both->srs, &route,
		    ask.sender, ask.original, clock_wall_us() / 1000000,
		    &sender);
	if (route.why.kind == ERR_TEMP)
		log_warn("%s", route.why.text);
	answer.status = route.why.kind;
	answer.text = view_of(route.why.text);
	answer.address_class = route.class;
	answer.transport = str_view(&route.transport);
	answer.nexthop = str_view(&route.nexthop);
	answer.recipient = str_view(&route.recipient);
	answer.routed = route.is_routed;
	answer.sender = str_view(&sender);
	ipc_reply(request, IPC_OUT(routed, &answer));
	str_clear(&sender);
	route_clear(&route);
}

static void
answer_srs(struct ipc_request *request)
{
	const struct routers *both = ipc_request_owner(request);
	struct str address = STR_EMPTY;
	struct ipc_srs_told answer;
	struct ipc_srs_ask ask;
	struct err e;

	if (!ipc_request_read(request, IPC_IN(srs_ask, &ask)))
		return;
	e = srs_reverse(
	    &both->srs, ask.address, clock_wall_us() / 1000000, &address);
	answer.status = e.kind;
	answer.text = view_of(e.text);
	answer.address = err_is(e) ? VIEW_EMPTY : str_view(&address);
	ipc_reply(request, IPC_OUT(srs_told, &answer));
	str_clear(&address);
}

static bool
tables_changed(void *owner)
{
	const struct routers *both = owner;

	return router_has_changed(&both->mail) ||
	    router_has_changed(&both->probes);
}

/* The same configuration, with the parameters that are for probes in the place
 * of those that they stand for. */
static void
make_probe_conf(struct conf *probe, const struct conf *conf)
{
	*probe = *conf;
	probe->local_transport = conf->address_verify_local_transport;
	probe->virtual_transport = conf->address_verify_virtual_transport;
	probe->relay_transport = conf->address_verify_relay_transport;
	probe->default_transport = conf->address_verify_default_transport;
	probe->relayhost = conf->address_verify_relayhost;
	probe->transport_maps = conf->address_verify_transport_maps;
	probe->sender_dependent_relayhost_maps =
	    conf->address_verify_sender_dependent_relayhost_maps;
	probe->sender_dependent_default_transport_maps =
	    conf->address_verify_sender_dependent_default_transport_maps;
}

/* Whether it leaves with another sender. */
static void
explain_sender(struct routers *both, struct route *route, struct view sender,
    struct view original)
{
	struct str now = STR_EMPTY;

	route->why = forward_sender(&both->mail, &both->srs, route, sender,
	    original, clock_wall_us() / 1000000, &now);
	if (now.len > 0)
		TRACE("srs", { "sender", sender },
		    { "becomes", str_view(&now) });
	str_clear(&now);
}

/* rewrite -E SENDER RECIPIENT ORIGINAL: the steps "route" and, if a recipient
 * that was ORIGINAL (empty: the same) before aliases gets another sender, "srs",
 * for barid(8). */
static int
explain_run(struct routers *both, const struct daemon *d)
{
	struct route route;

	if (d->n_args != 4)
		die_usage("usage: rewrite -E sender recipient original");
	trace_form = TRACE_JSON;
	route_init(&route);
	route_find(&both->mail, view_of(d->args[1]), view_of(d->args[2]),
	    &route);
	TRACE("route", { "address", view_of(d->args[2]) },
	    { "class", ipc_class_name(route.class) },
	    { "transport", str_view(&route.transport) },
	    { "nexthop", str_view(&route.nexthop) },
	    { "recipient", str_view(&route.recipient) });
	if (!err_is(route.why) && d->args[3][0] != '\0')
		explain_sender(both, &route, view_of(d->args[1]),
		    view_of(d->args[3]));
	if (route.why.kind == ERR_TEMP)
		TRACE("failed", { "in", VIEW("rewrite") },
		    { "why", view_of(route.why.text) });
	route_clear(&route);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct daemon d;
	static struct routers both;
	bool explains;
	struct err e;
	struct ipc_handler handlers[] = {
		{ ipc_rewrite_type, answer_rewrite, IPC_INLINE },
		{ ipc_route_type, answer_route, IPC_INLINE },
		{ ipc_srs_ask_type, answer_srs, IPC_INLINE },
		{ NULL, NULL, 0 },
	};

	daemon_start(&d, "rewrite", argc, argv);
	explains = daemon_is_to_explain(&d);
	make_probe_conf(&both.probe_conf, d.conf);
	e = router_init(&both.mail, d.conf);
	if (!err_is(e))
		e = router_init(&both.probes, &both.probe_conf);
	if (!err_is(e))
		e = srs_open(&both.srs, d.conf);
	if (err_is(e))
		die_temp("%s", e.text);
	if (explains) {
		int status = explain_run(&both, &d);

		router_clear(&both.mail);
		router_clear(&both.probes);
		srs_close(&both.srs);
		conf_free(d.conf);
		return status;
	}
	if (router_may_wait(&both.mail) || router_may_wait(&both.probes))
		handlers[1].flags = 0;
	daemon_drop(&d, &rewrite_role);
	daemon_watch_tables(&d, tables_changed, &both);
	return daemon_serve_ipc(&d, handlers, &both);
}
