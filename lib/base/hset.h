/*
 * A set of texts of which only hashes are kept: 128 bits (SipHash-2-4 under the
 * process's secret), so that no two texts are taken for one, and who chooses
 * them cannot change that.  A member costs 16 bytes and what is free of the
 * table: 28 at most once there are many, whatever its length.
 */
#ifndef BASE_HSET_H
#define BASE_HSET_H

#include "lib/base/view.h"

#include <stdbool.h>
#include <stdint.h>

struct hset_part;

struct hset {
	struct hset_part *parts;
	size_t n_parts, n;
};

/* All zero is an empty set. */
bool hset_has(const struct hset *s, struct view text);
/* True if it was not there yet. */
bool hset_add(struct hset *s, struct view text);
void hset_clear(struct hset *s);

#endif
