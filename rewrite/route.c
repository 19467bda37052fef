/*
 * Where mail goes: see route.h.  The class of the domain gives transport and
 * next hop; maps may change them.
 */
#include "rewrite/route.h"

#include "lib/base/log.h"
#include "lib/base/trace.h"
#include "lib/base/clock.h"
#include "lib/mail/addr.h"
#include "lib/mail/verify_sender.h"
#include "lib/mail/address.h"
#include "rewrite/peel.h"
#include "rewrite/transport_map.h"

/* Domains that are told of; bytes of what a table may say. */
enum { WARNED_MAX = 1000, TRANSPORT_MAX = 255, NEXTHOP_MAX = 4096 };

/* A parameter that had its say. */
static void
tell(const char *parameter, struct view value)
{
	TRACE("decided", { "by", view_of(parameter) }, { "value", value });
}

/* What is known of one address on its way. */
struct way {
	struct router *r;
	struct view sender;
	struct route *route;
	struct domain domain;
	bool is_local;
};

/* "user@192.0.2.1" can be meant as user@[192.0.2.1]. */
static struct err
check_domain(struct way *w)
{
	struct str *recipient = &w->route->recipient;
	struct view name = addr_domain(str_view(recipient));
	struct str literal = STR_EMPTY;
	struct net ip;

	domain_init(&w->domain, name);
	if (domain_is_valid(&w->domain))
		return ERR_OK;
	if (!w->r->conf->resolve_numeric_domain ||
	    !net_parse_address(name, &ip))
		return err_make(ERR_PERM, PEEL_BAD_ADDRESS);
	str_printf(&literal, "[%s%.*s]", ip.family == 6 ? "IPv6:" : "",
	    VIEW_ARGS(name));
	str_cut(recipient, recipient->len - name.len);
	str_add(recipient, str_view(&literal));
	domain_clear(&w->domain);
	domain_init(&w->domain, str_view(&literal));
	str_clear(&literal);
	return w->is_local ? ERR_OK
			   : router_is_local(w->r, &w->domain, &w->is_local);
}

/* --- classes --- */

static void
warn_both(
    struct way *w, struct match_list *list, const char *one, const char *other)
{
	struct str key = STR_EMPTY;
	bool yes;

	if (!w->r->conf->helpful_warnings ||
	    w->r->warned.n_entries >= WARNED_MAX)
		return;
	if (err_is(router_lists(list, &w->domain, &yes)) || !yes)
		return;
	str_printf(&key, "%s %s %s", w->domain.forms[0].ptr, one, other);
	if (htable_set(&w->r->warned, str_view(&key), w->r) == NULL)
		log_warn("do not list domain %s in BOTH %s and %s",
		    w->domain.forms[0].ptr, one, other);
	str_clear(&key);
}

/* The domain as a next hop, in the form that DNS knows; so it is the same
 * destination however it was written. */
static struct view
default_nexthop(const struct way *w)
{
	return domain_ascii(&w->domain);
}

static struct err
set_transport(struct way *w, const char *parameter, struct view value)
{
	struct view transport, nexthop;

	transport_split(value, &transport, &nexthop);
	if (transport.len == 0)
		return err_make(
		    ERR_TEMP, "%s specifies no transport", parameter);
	tell(parameter, value);
	str_set(&w->route->transport, transport);
	if (nexthop.len > 0)
		str_set(&w->route->nexthop, nexthop);
	return ERR_OK;
}

static struct err
route_local(struct way *w)
{
	w->route->class = IPC_CLASS_LOCAL;
	warn_both(w, w->r->aliased, "mydestination", "virtual_alias_domains");
	warn_both(w, w->r->hosted, "mydestination", "virtual_mailbox_domains");
	str_set(&w->route->nexthop, default_nexthop(w));
	return set_transport(
	    w, "local_transport", view_of(w->r->conf->local_transport));
}

static struct err
route_aliased(struct way *w)
{
	w->route->class = IPC_CLASS_VIRTUAL_ALIAS;
	warn_both(w, w->r->hosted, "virtual_alias_domains",
	    "virtual_mailbox_domains");
	warn_both(w, w->r->relayed, "virtual_alias_domains", "relay_domains");
	str_set(&w->route->transport, VIEW("error"));
	str_printf(&w->route->nexthop, "5.1.1 User unknown%s",
	    w->r->conf->show_user_unknown_table_name ? " in virtual alias table"
						     : "");
	return ERR_OK;
}

static struct err
route_hosted(struct way *w)
{
	w->route->class = IPC_CLASS_VIRTUAL_MAILBOX;
	warn_both(w, w->r->relayed, "virtual_mailbox_domains", "relay_domains");
	str_set(&w->route->nexthop, default_nexthop(w));
	return set_transport(
	    w, "virtual_transport", view_of(w->r->conf->virtual_transport));
}

/* What a sender_dependent_ map says; an empty value counts as DUNNO. */
static struct err
ask_by_sender(struct way *w, struct table_list *list, const char *parameter,
    const char *null_key, struct str *value, bool *found)
{
	struct view sender = w->sender.len > 0 ? w->sender : view_of(null_key);
	struct view name = addr_domain(sender);
	bool local = false;
	struct domain d;
	struct find f;
	struct err e = ERR_OK;

	*found = false;
	if (table_list_is_empty(list))
		return e;
	domain_init(&d, name);
	if (name.len > 0)
		e = router_is_local(w->r, &d, &local);
	local |= view_eq_case(name, view_of(w->r->conf->myorigin));
	find_init(&f, w->r->conf, sender, name.len > 0 ? &d : NULL);
	if (!err_is(e))
		e = find_address(&f, list, local, value, found);
	domain_clear(&d);
	if (err_is(e))
		return err_within(e, "%s", parameter);
	if (*found && value->len == 0)
		log_warn("%s: ignoring null lookup result for %.*s", parameter,
		    VIEW_ARGS(sender));
	*found = *found && value->len > 0 &&
	    !view_eq_case(str_view(value), VIEW("DUNNO"));
	return e;
}

/* The next hop of mail that leaves, before a transport has its say. */
static struct err
set_relay(struct way *w)
{
	const struct conf *conf = w->r->conf;
	struct str value = STR_EMPTY;
	struct err e;
	bool found;

	e = ask_by_sender(w, w->r->sender_relays,
	    "sender_dependent_relayhost_maps",
	    conf->empty_address_relayhost_maps_lookup_key, &value, &found);
	if (found) {
		tell("sender_dependent_relayhost_maps", str_view(&value));
		str_set(&w->route->nexthop, str_view(&value));
	} else if (conf->relayhost[0] != '\0') {
		tell("relayhost", view_of(conf->relayhost));
		str_set(&w->route->nexthop, view_of(conf->relayhost));
	} else {
		str_set(&w->route->nexthop, default_nexthop(w));
	}
	str_clear(&value);
	return e;
}

static struct err
route_relayed(struct way *w)
{
	struct err e = set_relay(w);

	w->route->class = IPC_CLASS_RELAY;
	if (!err_is(e))
		e = set_transport(
		    w, "relay_transport", view_of(w->r->conf->relay_transport));
	return e;
}

static struct err
route_foreign(struct way *w)
{
	const struct conf *conf = w->r->conf;
	const char *parameter = "sender_dependent_default_transport_maps";
	struct str value = STR_EMPTY;
	struct err e = set_relay(w);
	bool found;

	w->route->class = IPC_CLASS_DEFAULT;
	if (!err_is(e))
		e = ask_by_sender(w, w->r->sender_transports, parameter,
		    conf->empty_address_default_transport_maps_lookup_key,
		    &value, &found);
	if (!err_is(e) && found)
		e = set_transport(w, parameter, str_view(&value));
	else if (!err_is(e))
		e = set_transport(
		    w, "default_transport", view_of(conf->default_transport));
	str_clear(&value);
	return e;
}

/* One that is an address of ours need not be listed. */
static bool
domain_is_literal(const struct way *w)
{
	return view_starts(str_view(&w->domain.forms[0]), VIEW("["));
}

/* The classes, in the order in which a domain is looked for. */
static struct err
route_by_class(struct way *w)
{
	const struct {
		const char *parameter;
		struct match_list *list;
		struct err (*route)(struct way *w);
	} classes[] = {
		{ "virtual_alias_domains", w->r->aliased, route_aliased },
		{ "virtual_mailbox_domains", w->r->hosted, route_hosted },
		{ "relay_domains", w->r->relayed, route_relayed },
	};

	if (w->is_local) {
		tell(domain_is_literal(w) ? "mydestination, inet_interfaces, "
					    "proxy_interfaces"
					  : "mydestination",
		    str_view(&w->domain.forms[0]));
		return route_local(w);
	}
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		bool yes;
		struct err e = router_lists(classes[i].list, &w->domain, &yes);

		if (err_is(e))
			return err_within(e, "%s", classes[i].parameter);
		if (yes) {
			tell(classes[i].parameter,
			    str_view(&w->domain.forms[0]));
			return classes[i].route(w);
		}
	}
	/* Whoever is not one of the senders that we made is unknown there. */
	if (w->r->conf->srs_domain[0] != '\0' &&
	    view_eq_case(str_view(&w->domain.forms[0]),
		view_of(w->r->conf->srs_domain))) {
		tell("srs_domain", str_view(&w->domain.forms[0]));
		return route_aliased(w);
	}
	return route_foreign(w);
}

/* --- maps that change the way --- */

static struct err
apply_transport_maps(struct way *w, struct find *f)
{
	struct str value = STR_EMPTY;
	bool found;
	struct err e = transport_map_find(
	    f, w->r->transports, w->r->transport_parents, &value, &found);

	if (err_is(e)) {
		e = err_within(e, "transport_maps");
	} else if (found) {
		tell("transport_maps", str_view(&value));
		transport_map_apply(str_view(&value), default_nexthop(w),
		    &w->route->transport, &w->route->nexthop);
	}
	str_clear(&value);
	return e;
}

/* Last, since those who moved have moved whatever else is said of them. */
static struct err
apply_relocated_maps(struct way *w, struct find *f)
{
	struct str value = STR_EMPTY;
	bool found;
	bool by_name = w->is_local ||
	    view_eq_case(str_view(&w->domain.forms[0]),
		view_of(w->r->conf->myorigin));
	struct err e =
	    find_address(f, w->r->relocated, by_name, &value, &found);

	if (err_is(e)) {
		e = err_within(e, "relocated_maps");
	} else if (found) {
		tell("relocated_maps", str_view(&value));
		str_set(&w->route->transport, VIEW("error"));
		str_printf(&w->route->nexthop, "5.1.6 User has moved to %s",
		    value.ptr);
	}
	str_clear(&value);
	return e;
}

static struct err
apply_maps(struct way *w)
{
	struct err e = ERR_OK;
	struct find f;

	find_init(&f, w->r->conf, str_view(&w->route->recipient), &w->domain);
	/* "User unknown" stands, whatever the table says. */
	if (w->route->class != IPC_CLASS_VIRTUAL_ALIAS)
		e = apply_transport_maps(w, &f);
	if (!err_is(e))
		e = apply_relocated_maps(w, &f);
	return e;
}

/* Notices to the postmaster that could not be delivered end here. */
static void
discard_double_bounce(struct way *w)
{
	struct view address = str_view(&w->route->recipient);
	const struct conf *conf = w->r->conf;

	if (!w->is_local ||
	    (!view_eq_case(addr_local(address),
		 view_of(conf->double_bounce_sender)) &&
		!verify_sender_is(conf, clock_wall(), address)))
		return;
	str_set(&w->route->transport, VIEW("discard"));
	str_set(&w->route->nexthop,
	    VIEW("2.0.0 undeliverable postmaster notification discarded"));
}

static struct err
find_way(struct way *w, struct view address)
{
	struct route *route = w->route;
	struct err e;

	if (address.len > ADDRESS_LEN_MAX)
		return err_make(ERR_PERM, PEEL_BAD_ADDRESS);
	str_set(&route->recipient, address);
	e = peel_address(
	    w->r, &route->recipient, &w->is_local, &route->is_routed);
	if (err_is(e))
		return e;
	e = check_domain(w);
	if (!err_is(e))
		e = route_by_class(w);
	if (!err_is(e))
		e = apply_maps(w);
	if (err_is(e))
		return e;
	if (route->transport.len > TRANSPORT_MAX ||
	    route->nexthop.len > NEXTHOP_MAX)
		return err_make(ERR_TEMP, "transport or next hop too long");
	discard_double_bounce(w);
	/* Commands would take it for an option. */
	if (!w->r->conf->allow_min_user && route->recipient.ptr[0] == '-')
		return err_make(ERR_PERM, PEEL_BAD_ADDRESS);
	return ERR_OK;
}

void
route_init(struct route *route)
{
	*route = (struct route){ .why = ERR_OK };
	str_init(&route->transport);
	str_init(&route->nexthop);
	str_init(&route->recipient);
}

void
route_clear(struct route *route)
{
	str_clear(&route->transport);
	str_clear(&route->nexthop);
	str_clear(&route->recipient);
}

void
route_find(struct router *r, struct view sender, struct view address,
    struct route *route)
{
	struct way w = { .r = r, .sender = sender, .route = route };

	route->is_routed = false;
	route->class = IPC_CLASS_DEFAULT;
	str_reset(&route->transport);
	str_reset(&route->nexthop);
	str_reset(&route->recipient);
	route->why = find_way(&w, address);
	if (route->why.kind == ERR_PERM) {
		str_set(&route->transport, VIEW("error"));
		str_set(&route->nexthop, view_of(route->why.text));
	} else if (err_is(route->why)) {
		str_set(&route->transport, VIEW("retry"));
		str_set(
		    &route->nexthop, VIEW("4.3.0 address resolver failure"));
	}
	domain_clear(&w.domain);
}
