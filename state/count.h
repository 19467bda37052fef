/*
 * Counters over a sliding time: how much there was in the last `window`
 * seconds.  Two numbers stand for that, what came in this window of the clock
 * and in the one before; of the latter that share counts which the sliding one
 * still covers.
 *
 * In the cache: "WINDOW:START:THIS:BEFORE".
 */
#ifndef STATE_COUNT_H
#define STATE_COUNT_H

#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct count {
	int64_t window; /* s */
	int64_t start;	/* of this window */
	int64_t now, before;
};

bool count_read(struct view value, struct count *c);
void count_write(struct str *value, const struct count *c);
/* Move it to this time; another window's length begins anew. */
void count_move(struct count *c, int64_t window, int64_t now);
/* How many in the sliding window, rounded up. */
int64_t count_total(const struct count *c, int64_t now);

#endif
