/*
 * Networks as mynetworks and similar lists write them:
 *	127.0.0.0/8 [::1]/128 192.0.2.1 2001:db8::/32 !10.1.2.3
 * The first item that matches decides; one with '!' says no.  A list can have
 * tables and files among its items: those are for the caller, who tokenises
 * with conf_list_next and adds the networks here.
 */
#ifndef CONF_NETLIST_H
#define CONF_NETLIST_H

#include "lib/base/err.h"
#include "lib/base/view.h"

#include <sys/socket.h>

struct netlist_net {
	unsigned char addr[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned char bits;	/* of those 128 */
	bool negate;
};

struct netlist {
	struct netlist_net *nets;
	size_t n_nets;
};

void netlist_init(struct netlist *list);
void netlist_clear(struct netlist *list);

/* One network or address. ERR_PERM names the item and what is wrong: bad
 * address, bad length of mask, bits set behind the mask. */
struct err netlist_add(struct netlist *list, struct view item);
/* All items of a list.  On an error the list has those before it. */
struct err netlist_parse(struct netlist *list, struct view text);
/* IPv4-mapped IPv6 addresses match as IPv4; other families never. */
bool netlist_match(const struct netlist *list, const struct sockaddr *addr);
/* True if the item looks like a network (not /file, not type:table). */
bool netlist_is_network(struct view item);

#endif
