/*
 * How an indexed file is written, by its format: for table/create.c.  A store
 * is a new file that nobody reads yet.
 */
#ifndef TABLE_STORE_H
#define TABLE_STORE_H

#include "lib/base/err.h"
#include "lib/base/view.h"

#include <stdbool.h>
#include <stddef.h>

struct store_kind {
	const char *type, *suffix;
	/* The file must not be there.  *state is the format's own; NULL on an
	 * error. */
	struct err (*create)(
	    const char *path, size_t size_hint, void **state);
	/* Put all that an older file holds into it; visit sees each key. */
	struct err (*copy)(void *state, const char *old,
	    void (*visit)(void *arg, struct view key), void *arg);
	/* *exists: it was there already; then it is replaced only if so told. */
	struct err (*put)(void *state, struct view key, struct view value,
	    bool replace, bool *exists);
	struct err (*remove)(void *state, struct view key, bool *found);
	/* Write what is not written yet.  *fd is the file's, and stays the
	 * store's. */
	struct err (*flush)(void *state, int *fd);
	/* Frees; what was flushed stays. */
	struct err (*close)(void *state);
};

extern const struct store_kind store_hash, store_btree, store_cdb, store_lmdb;

#endif
