/*
 * What a cache is kept in: a file of one database library, opened by one process
 * alone.  Results are 0, CACHE_NONE, or an error of that library.
 */
#ifndef TABLE_CACHE_STORE_H
#define TABLE_CACHE_STORE_H

#include "lib/base/view.h"

#include <stdbool.h>
#include <stdint.h>

enum { CACHE_NONE = -1 }; /* not there; the end */

struct cache_store;

struct cache_driver {
	const char *suffix; /* of the file's name */
	/* path NULL is memory; `kind` chooses among the library's. */
	int (*open)(struct cache_store **s, const char *path, int kind);
	void (*close)(struct cache_store *s); /* NULL is allowed */
	/* Read all of a file that nobody has open. */
	int (*verify)(const char *path);
	/* Views are good until the next call. */
	int (*get)(struct cache_store *s, struct view key, struct view *value);
	int (*put)(struct cache_store *s, struct view key, struct view value,
	    bool *is_new);
	int (*drop)(struct cache_store *s, struct view key);
	/* One entry after the other, in any order; after the end from the
	 * beginning.  drop_here removes the one that was given last. */
	int (*next)(
	    struct cache_store *s, struct view *key, struct view *value);
	int (*drop_here)(struct cache_store *s);
	int (*flush)(struct cache_store *s);
	const char *(*error)(int rc);
	/* It is the disk that is full, not the file that is damaged. */
	bool (*is_full)(int rc);
};

extern const struct cache_driver cache_db;
enum { CACHE_DB_BTREE, CACHE_DB_HASH };
#ifdef HAVE_LMDB
extern const struct cache_driver cache_lmdb;
#endif

/* Who has used a file for so long does not die of it; tests set it to less. */
extern int64_t cache_trusted_after_ms;

/* errno values that say so, whatever the library. */
bool cache_is_about_disk(int error);

#endif
