/*
 * Which tables may be asked for: those that the configuration names.  Who asks
 * may have been taken over, and lookup sees more files than it.
 */
#ifndef LOOKUP_PERMIT_H
#define LOOKUP_PERMIT_H

#include "lib/base/htable.h"
#include "lib/conf/conf.h"

struct permit {
	struct htable specs; /* without "proxy:" */
	/* What `state` shares with other hosts, and writes to; a table that no
	 * other parameter names may not be looked up. */
	struct htable shared;
};

/* Reads main.cf and master.cf again. */
struct err permit_init(struct permit *p, const struct conf *conf);
void permit_clear(struct permit *p);
/* One value of this parameter. */
void permit_add_value(struct permit *p, struct view name, struct view value);
/* A table that only parameters of passwords name is there for `secrets` only. */
bool permit_has(const struct permit *p, struct view spec, bool secrets);
/* May state ask about it, and change it? */
bool permit_has_shared(const struct permit *p, struct view spec);

#endif
