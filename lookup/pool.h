/*
 * Open tables, some of each kind, since one table serves one question at a
 * time: each question takes one, asks it, and gives it back.
 */
#ifndef LOOKUP_POOL_H
#define LOOKUP_POOL_H

#include "lib/base/err.h"
#include "lib/base/htable.h"
#include "lib/base/str.h"
#include "lib/run/loop.h"

#include <stdbool.h>

enum {
	POOL_SPECS_MAX = 1000,	   /* tables of different names */
	POOL_OPEN_MAX = 10,	   /* of one name */
	POOL_QUESTIONS_MAX = 2000, /* open at once */
	POOL_IDLE_MS = 60000,	   /* then a connection is closed */
};

struct pool {
	struct htable specs; /* struct pool_spec */
	size_t n_questions;
	struct timer sweep; /* set while there are connections */
};

void pool_init(struct pool *p);
/* No question may be open. */
void pool_clear(struct pool *p);

/*
 * Ask the table `spec` ("type:name", without "proxy:") for the key; in a fiber
 * only.  Waits until the deadline at most: a question that takes longer goes
 * on without its asker.  ERR_TEMP, ERR_TIME, or ERR_PERM for a table that
 * cannot be.
 */
struct err pool_ask(struct pool *p, struct view spec, struct view key,
    struct str *value, bool *found, int64_t deadline);

/* Close what has not been used for POOL_IDLE_MS at `now`; the timer does.
 * In a fiber only: it waits for the closing. */
void pool_sweep(struct pool *p, int64_t now);

/* A table's file was written to or replaced. */
bool pool_has_changed(const struct pool *p);

#endif
