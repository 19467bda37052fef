/* Which name servers to ask: resolv.conf(5), or one for tests. */
#ifndef RESOLVE_SERVERS_H
#define RESOLVE_SERVERS_H

#include "lib/base/err.h"
#include "lib/base/view.h"

#include <stddef.h>

enum { SERVERS_MAX = 3, SERVER_SIZE = 64 };

/* Each "192.0.2.1", "2001:db8::1", "fe80::1%eth0", or with "@PORT". */
struct servers {
	char server[SERVERS_MAX][SERVER_SIZE];
	size_t n;
};

/* The first three that resolv.conf names; none in it: this machine, as the
 * system's resolver has it.  Other words are passed over. */
void servers_parse(struct view resolv_conf, struct servers *out);
/* "127.0.0.1:5353", "[::1]:5353", or an address alone.  ERR_PERM if it is
 * something else. */
struct err servers_parse_test(struct view text, struct servers *out);

#endif
