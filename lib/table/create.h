/*
 * Making and changing indexed files (hash:, btree:), for postmap and
 * postalias.  Never in place: a new file is built beside the old one, synced,
 * and renamed over it, so that readers see the whole old or the whole new.
 * Who changes the same file at the same time waits for the other (flock on
 * the old file).
 */
#ifndef TABLE_CREATE_H
#define TABLE_CREATE_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <sys/types.h>

struct table;
struct table_maker;

enum {
	MAKE_UPDATE = 1 << 0,	  /* begin with what the old file holds */
	MAKE_MUST_EXIST = 1 << 1, /* no old file is an error */
	MAKE_NO_FOLD = 1 << 2,	  /* keys as they are, not in lower case */
	MAKE_REPLACE = 1 << 3,	  /* a second value of a key replaces */
	MAKE_QUIET = 1 << 4,	  /* do not warn of a second value */
	MAKE_BARE = 1 << 5,	  /* no NUL after keys and values */
	/* Do not take over owner and mode of the old file: it lies where
	 * somebody else could have put it. */
	MAKE_FRESH = 1 << 6,
};

/*
 * Begin.  mode is that of a file that had no predecessor; size_hint about the
 * bytes that will come, 0 if unknown.  ERR_PERM for a type that cannot be made
 * ("no 'map create' support for this type: regexp") or is unknown; ERR_TEMP
 * ("open database /x.db: No such file or directory").  May wait for a lock.
 */
struct err table_make_open(struct view spec, unsigned flags, mode_t mode,
    size_t size_hint, struct table_maker **out);

/* Add; warns of a key that is there already and keeps the first value. */
struct err table_make_put(
    struct table_maker *m, struct view key, struct view value);
/* Add as it is, neither folded nor warned of: replaces. */
struct err table_make_put_raw(
    struct table_maker *m, struct view key, struct view value);
struct err table_make_delete(
    struct table_maker *m, struct view key, bool *found);

/* Sync and put in the old one's place.  Frees m, whatever happens. */
struct err table_make_finish(struct table_maker *m);
/* Leave all as it was.  Frees m; NULL is allowed. */
void table_make_abort(struct table_maker *m);

/* The path of the file that "type:name" is stored in ("name.db"); false if it
 * is not of a type that can be made. */
bool table_make_path(struct view spec, struct str *path);

/*
 * List a table: the first pair (first true) or the next; *more is false past
 * the last.  ERR_PERM if its type cannot ("sequence operation is not
 * supported"), ERR_TEMP if it failed.
 */
struct err table_next(struct table *t, bool first, struct str *key,
    struct str *value, bool *more);

#endif
