/*
 * How many of the spare things that are kept for reuse (stacks, threads) were not
 * needed for a while, so that what one burst of work made necessary is not kept
 * for ever.
 */
#ifndef BASE_SURPLUS_H
#define BASE_SURPLUS_H

#include <stddef.h>
#include <stdint.h>

/* Ten minutes, in which most of what load brings has come; tests have less. */
extern int64_t surplus_after_ms;

/* All zero is the beginning. */
struct surplus {
	size_t least;     /* of the spares, since then */
	int64_t since_ms; /* of clock_ms */
};

/* One was taken; so many are left. */
void surplus_note(struct surplus *s, size_t left);
/* How many of those that are left may go: 0 but for once in surplus_after_ms. */
size_t surplus_due(struct surplus *s, size_t left, int64_t now_ms);

#endif
