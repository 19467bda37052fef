/*
 * One of the things that `state` remembers, in a file of this host (lib/table/cache.h)
 * or in a server that hosts share (lib/table/share.h), asked by way of lookup.
 *
 * A file is only a hint, and never an error: what it lost is not there.  A server
 * that does not answer is one, since what it knows is not lost: who asks must not
 * go on as if nothing were known.  That is logged once a minute.
 */
#ifndef STATE_STORE_H
#define STATE_STORE_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/ipc/client.h"
#include "lib/run/loop.h"
#include "lib/table/cache.h"

#include <stdbool.h>
#include <stdint.h>

struct stores;

struct store {
	const char *spec;
	/* A file of this host: */
	struct cache *cache;
	struct stores *all;    /* that gives it to the kernel, or NULL */
	int64_t interval;      /* between cleanings, s; 0 is never */
	struct timer cleaning; /* the next step */
	/* Or shared; cache is NULL then: */
	struct ipc_service *lookup;
	const char *prefix; /* of keys: what they are about */
	int64_t told_ms;    /* of its failure; 0 is never */
};

/* Then what follows waits, and runs on a fiber; otherwise it does not wait, and
 * runs on the loop's stack. */
bool store_is_shared(const struct store *s);

/* `now` and `until` are s since 1970.  ERR_TEMP, ERR_TIME, with *found and *done
 * false. */
struct err store_get(struct store *s, struct view key, int64_t now,
    struct str *value, bool *found);
/* Until then, whatever is there; 0: nothing is to be there. */
struct err store_put(struct store *s, struct view key, struct view value,
    int64_t until, int64_t now);
/* The same if `old` is what is there ("": nothing); otherwise *is is what is. */
struct err store_swap(struct store *s, struct view key, struct view old,
    struct view value, int64_t until, int64_t now, bool *done, struct str *is);

/* Add to a counter over the last `window` seconds, unless it would pass the limit;
 * *count: how many there were before.  ERR_TEMP: perhaps it was added. */
struct store_count {
	struct view key;
	int64_t amount, window, limit;
};
struct err store_count(struct store *s, const struct store_count *ask,
    int64_t now, int64_t *count, bool *taken);

#endif
