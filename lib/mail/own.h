/*
 * The machine's own addresses, for mail to user@[192.0.2.1]: those of
 * inet_interfaces and of proxy_interfaces.
 */
#ifndef MAIL_OWN_H
#define MAIL_OWN_H

#include "lib/conf/conf.h"
#include "lib/table/net.h"

enum { OWN_MAX = 1000 };

struct own {
	struct net *addresses;
	size_t n;
};

/* Looks at the interfaces and asks the name service: before the drop.  What
 * cannot be found is warned of and left out. */
void own_init(struct own *own, const struct conf *conf);
void own_clear(struct own *own);
/* Is this domain "[192.0.2.1]" or "[IPv6:2001:db8::1]" with an address of
 * ours? */
bool own_has_literal(const struct own *own, struct view domain);

#endif
