/* Networks as text: "10.0.0.0/8", "192.0.2.1", "[2001:db8::]/32", "[::1]". */
#ifndef TABLE_NET_H
#define TABLE_NET_H

#include "lib/base/err.h"
#include "lib/base/view.h"

#include <stdbool.h>

enum { NET_BYTES = 16 };

struct net {
	unsigned family;		/* 4 or 6 */
	unsigned bits;			/* length of the prefix */
	unsigned char bytes[NET_BYTES]; /* 4 of them, or all */
};

/* An address alone: strict (no leading zeros, no scope). */
bool net_parse_address(struct view text, struct net *out);
/* ERR_PERM and why: a bad address, a bad mask, host bits that are not zero. */
struct err net_parse(struct view text, struct net *out);
/* Does the network hold this address? No, if the family differs. */
bool net_holds(const struct net *net, const struct net *address);
/* The last address of the network. */
struct net net_last(const struct net *net);

#endif
