/*
 * Where mail for an address would go, and whether there is such a recipient.
 * Answers are kept for some seconds, since one is asked several times for a
 * recipient, and popular recipients come again and again.
 */
#ifndef SMTPD_RCPT_CLASS_H
#define SMTPD_RCPT_CLASS_H

#include "smtpd/smtpd.h"

struct rcpt_route {
	struct list node;
	struct str key, transport, nexthop, recipient;
	enum ipc_class class;
	int64_t until;
	size_t users;
	bool is_dead; /* out of the cache; freed by its last user */
	enum { RCPT_NOT_ASKED, RCPT_KNOWN, RCPT_UNKNOWN } known;
};

/* Ask for an address in internal form.  What it gives is the caller's until
 * rcpt_route_give.  ERR_TEMP: it cannot be found out now.  Waits. */
struct err rcpt_route_take(struct smtpd *smtpd, struct view sender,
    struct view address, struct rcpt_route **out);
void rcpt_route_give(struct rcpt_route *r);
void rcpt_cache_clear(struct smtpd *smtpd);

/* Is the recipient in the tables of its class?  ERR_TEMP if a table failed.
 * An address that leads to the transport error or retry is not, but what any
 * map of cleanup's makes another of is.  For a sender sender_canonical_maps
 * counts too. */
struct err rcpt_is_known(struct smtpd *smtpd, struct rcpt_route *r,
    bool is_sender, bool *known);
/* One of the host's own classes, or relayed: not mail for anywhere. */
bool rcpt_is_authorised(const struct rcpt_route *r);
/* "user%host@here" and the like: where it really goes is not known. */
bool rcpt_has_route(const struct smtpd *smtpd, struct view address);

#endif
