/*
 * The Sender Rewriting Scheme: mail that is sent on to a foreign domain gets a
 * sender of ours, so that SPF of its author's domain does not refuse it; and
 * what comes back to that sender is sent to the author.
 *
 *	SRS0=HASH=DAY=domain=local@ours
 *	SRS1=HASH=first.forwarder==HASH=DAY=domain=local@ours
 *
 * The hash is of a secret key: nobody else can make such an address, and so use
 * us to send mail anywhere.  The day lets it end.
 */
#ifndef MAIL_SRS_H
#define MAIL_SRS_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/conf/conf.h"
#include "lib/table/match.h"

#include <stdbool.h>

enum {
	SRS_KEYS_MAX = 16,
	SRS_KEY_MIN = 16, /* bytes */
	SRS_KEY_MAX = 512,
};

struct srs {
	const struct conf *conf;
	struct view domain; /* empty: there is none of this */
	struct str keys[SRS_KEYS_MAX]; /* the first signs, all verify */
	size_t n_keys;
	struct match_list *excluded;
};

/* Reads the keys: before the drop.  ERR_TEMP or ERR_PERM, with the file's name,
 * if srs_domain is set and there is no key. */
struct err srs_open(struct srs *s, const struct conf *conf);
void srs_close(struct srs *s);
bool srs_is_on(const struct srs *s);

/* Is this one of our senders by its form?  Needs no key. */
bool srs_looks_ours(const struct conf *conf, struct view address);

/* The sender to send on with.  False if it is to stay: the null sender, one
 * without a domain, one of srs_exclude_domains or of ours (srs_domain), too
 * long.  `now` is a time of day in seconds. */
struct err srs_forward(const struct srs *s, struct view sender, int64_t now,
    struct str *out, bool *rewritten);

/* Where mail to such an address is to go.  ERR_PERM if it is none of ours, is
 * not signed by any key, or is too old. */
struct err srs_reverse(
    const struct srs *s, struct view address, int64_t now, struct str *out);

#endif
