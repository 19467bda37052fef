/*
 * Whether a message is sent on by this host, so that it needs a sender of ours
 * (SRS, lib/mail/srs.h).
 */
#ifndef REWRITE_FORWARD_H
#define REWRITE_FORWARD_H

#include "lib/mail/srs.h"
#include "rewrite/route.h"

/*
 * Set *out to the sender to send with; empty if it is the message's own.  It is
 * another one if the recipient is in a foreign domain, `original`, which it had
 * before aliases, is in one of ours, and the sender is in none of ours.  ERR_TEMP
 * if a table failed.
 */
struct err forward_sender(const struct router *r, const struct srs *srs,
    const struct route *route, struct view sender, struct view original,
    int64_t now, struct str *out);

#endif
