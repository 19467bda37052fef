/*
 * A table that we write: what was learnt and can be learnt anew (the results
 * of address probes, clients that passed tests, counters).  Each entry has a
 * time at which it ends, their number is bounded, and one process owns the
 * file.
 *
 * What is in it is only a hint.  So nothing here is an error to the caller: what
 * cannot be read is not there, what cannot be written is forgotten.  A file that
 * is damaged, or with which its owner died again and again, is moved away (to
 * FILE.damaged) and begun anew, with a line in the log.
 *
 * An entry of the file is "UNTIL VALUE": seconds since 1970, a space, and what
 * the caller put; `postmap -s` shows them.
 *
 * Calls read and write files and do not wait otherwise; not on a fiber's
 * stack.
 */
#ifndef TABLE_CACHE_H
#define TABLE_CACHE_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct cache;

/* Longer ones are not kept. */
enum { CACHE_KEY_MAX = 2048, CACHE_VALUE_MAX = 8192 };

/*
 * Open "btree:NAME", "hash:NAME" (the file is NAME.db, made if it is not
 * there), "lmdb:NAME" (NAME.lmdb), or "" or "internal:" for memory alone.  At most `most` entries.
 * ERR_PERM: no such type; nothing else is an error: where the file cannot be
 * had memory stands in for it, and the log says so.  Waits for another process
 * that has it.
 */
struct err cache_open(struct view spec, int64_t most, struct cache **out);
/* Keeps what was put.  NULL is allowed. */
void cache_close(struct cache *c);

/* Is that one of these types? */
bool cache_can_be(struct view spec);
/* The file's path, or "" for memory: what a sandbox must leave is its folder. */
void cache_path(struct view spec, struct str *path);

/* False, and *value alone, if it is not there or has ended.  `now` is the time
 * of day in seconds. */
bool cache_get(
    struct cache *c, struct view key, int64_t now, struct str *value);
/* Until then; when it is full another one goes, soonest-ending of some. */
void cache_put(
    struct cache *c, struct view key, struct view value, int64_t until);
void cache_drop(struct cache *c, struct view key);

/* Look at some more entries and drop those that have ended.  True when the
 * last one was seen: the next call begins again. */
bool cache_clean(struct cache *c, int64_t now);
/* Since the last full pass ended. */
struct cache_pass {
	int64_t kept, dropped;
};
struct cache_pass cache_last_pass(const struct cache *c);

/* Give what was put to the kernel, so that it outlives this process.  It is not
 * synced to disk: see above. */
void cache_flush(struct cache *c);
int64_t cache_entries(const struct cache *c);

/* Take "UNTIL VALUE" apart; false if it is something else. */
bool cache_split(struct view entry, int64_t *until, struct view *value);

#endif
