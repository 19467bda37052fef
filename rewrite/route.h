/*
 * Where mail for an address goes: its class, the transport, the next hop, and
 * the recipient as the delivery agent gets it.
 */
#ifndef REWRITE_ROUTE_H
#define REWRITE_ROUTE_H

#include "lib/base/htable.h"
#include "lib/conf/conf.h"
#include "lib/ipc/messages.h"
#include "lib/table/match.h"
#include "lib/table/table.h"
#include "lib/mail/domain.h"
#include "lib/mail/own.h"

struct router {
	const struct conf *conf;
	struct match_list *local;   /* mydestination */
	struct match_list *aliased; /* virtual_alias_domains */
	struct match_list *hosted;  /* virtual_mailbox_domains */
	struct match_list *relayed; /* relay_domains */
	struct table_list *transports, *relocated;
	struct table_list *sender_relays, *sender_transports;
	bool transport_parents;
	struct own own;
	struct htable warned; /* domains in two classes, told once */
};

struct route {
	struct err why; /* TEMP: a table failed; PERM: no such address */
	enum ipc_class class;
	bool is_routed; /* the local part has a route in it (user%host) */
	struct str transport, nexthop, recipient;
};

/* Opens tables and looks at interfaces: before the drop.  A table that is not
 * there makes each question that needs it fail; ERR_PERM is for a
 * configuration that cannot be. */
struct err router_init(struct router *r, const struct conf *conf);
void router_clear(struct router *r);
/* A table or file of it was replaced. */
bool router_has_changed(const struct router *r);
/* Some table is asked of another process: questions wait. */
bool router_may_wait(const struct router *r);

/* Is the domain on the list, in any of its forms? */
struct err router_lists(
    struct match_list *list, const struct domain *d, bool *yes);
/* Is it one of mydestination, or an address of ours? */
struct err router_is_local(
    const struct router *r, const struct domain *d, bool *yes);

void route_init(struct route *route);
void route_clear(struct route *route);

/*
 * Find the way for this address; both in internal form, either may be empty.
 * With an error in route->why the transport is retry or error, and the next
 * hop says why.
 */
void route_find(struct router *r, struct view sender, struct view address,
    struct route *route);

#endif
