/*
 * What was found a moment ago: one message makes several processes ask for the
 * same key.  Only hits are kept, for lookup_cache_time.
 */
#ifndef LOOKUP_CACHE_H
#define LOOKUP_CACHE_H

#include "lib/base/htable.h"
#include "lib/base/str.h"

#include <stdbool.h>

enum {
	CACHE_ENTRIES_MAX = 10000,
	CACHE_VALUE_MAX = 4096 /* bytes; longer ones are not kept */
};

struct cache {
	struct htable entries;
	int64_t life_ms;
};

/* With a life of 0 nothing is kept. */
void cache_init(struct cache *c, int64_t life_seconds);
void cache_clear(struct cache *c);
/* `now` is in ms of the monotonic clock. */
bool cache_find(struct cache *c, struct view spec, struct view key, int64_t now,
    struct str *value);
void cache_add(struct cache *c, struct view spec, struct view key, int64_t now,
    struct view value);

#endif
