/*
 * Sessions between two deliveries.  They are kept by next hop and by address,
 * for a short time, and at most CACHE_MAX of them; one on which the server
 * has said or closed anything is not given out again.
 */
#ifndef SMTP_CACHE_H
#define SMTP_CACHE_H

#include "lib/base/list.h"
#include "smtp/session.h"

enum { CACHE_MAX = 500, CACHE_BUCKETS = 256 };

struct cache {
	struct list by_age; /* the oldest first */
	struct list by_dest[CACHE_BUCKETS], by_target[CACHE_BUCKETS];
	size_t n;
};

void cache_init(struct cache *c);
/* Closes all. */
void cache_clear(struct cache *c);

/* A usable session, which is the caller's then; NULL if there is none. */
struct session *cache_find_dest(struct cache *c, struct view dest_key);
struct session *cache_find_target(struct cache *c, struct view target_key);

/*
 * Keep it if it may be kept and used again (dest_key may be empty: then it is
 * found by its target only), else take leave of it.  The session is the
 * cache's.  Without a loop nothing is kept.
 */
void cache_take(struct cache *c, struct session *s);

#endif
