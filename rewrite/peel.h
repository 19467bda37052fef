/*
 * Finding out who an address is for: local domains, and the routes behind them
 * ("user%host@ours"), come off until a domain is left that is not ours, or a
 * name.
 */
#ifndef REWRITE_PEEL_H
#define REWRITE_PEEL_H

#include "rewrite/route.h"

#define PEEL_BAD_ADDRESS "5.1.3 bad address syntax"

/*
 * Make *address (internal form, may be empty) the address of the recipient:
 * one of ours (*is_local; never without a domain), or one elsewhere.
 * *is_routed if there was a route in it, or still is.  ERR_TEMP if a table
 * failed, ERR_PERM if there is no end to it.
 */
struct err peel_address(const struct router *r, struct str *address,
    bool *is_local, bool *is_routed);

#endif
