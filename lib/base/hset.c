/*
 * A set of hashes: see hset.h.  Open addressing, in one table while it is small;
 * then in many, each of which grows by itself, so that growing never needs twice
 * the memory.
 */
#include "lib/base/hset.h"

#include "lib/base/htable.h"
#include "lib/base/mem.h"

#include <stdlib.h>

enum { FIRST = 16, PARTS_BITS = 6, PARTS = 1 << PARTS_BITS, SPLIT = 8192 };

struct hash {
	uint64_t a, b; /* b is odd; 0 in a free slot */
};

struct hset_part {
	struct hash *slots;
	size_t n_slots, n;
};

static struct hash
hash_of(struct view text)
{
	uint64_t out[2];

	hash_mac_wide(hash_secret(), text, out);
	return (struct hash){ out[0], out[1] | 1 };
}

/* Where it is, or would be. */
static struct hash *
place(const struct hset_part *p, struct hash h)
{
	size_t i = (size_t)((unsigned __int128)h.a * p->n_slots >> 64);

	while (p->slots[i].b != 0 &&
	    (p->slots[i].a != h.a || p->slots[i].b != h.b))
		i = i + 1 < p->n_slots ? i + 1 : 0;
	return &p->slots[i];
}

static void
grow(struct hset_part *p)
{
	struct hset_part to = { .n = p->n,
		.n_slots = p->n_slots == 0 ? FIRST
					   : p->n_slots + p->n_slots / 2 };

	to.slots = xcalloc(to.n_slots, sizeof(*to.slots));
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->slots[i].b != 0)
			*place(&to, p->slots[i]) = p->slots[i];
	free(p->slots);
	*p = to;
}

static bool
part_add(struct hset_part *p, struct hash h)
{
	struct hash *at;

	/* An eighth stays free. */
	if (p->n >= p->n_slots - p->n_slots / 8)
		grow(p);
	at = place(p, h);
	if (at->b != 0)
		return false;
	*at = h;
	p->n++;
	return true;
}

/* The bits of `b` choose it, those of `a` the slot. */
static struct hset_part *
part_of(const struct hset *s, struct hash h)
{
	return &s->parts[s->n_parts == 1 ? 0 : h.b >> (64 - PARTS_BITS)];
}

static void
split(struct hset *s)
{
	struct hset_part *old = s->parts;

	s->parts = xcalloc(PARTS, sizeof(*s->parts));
	s->n_parts = PARTS;
	for (size_t i = 0; i < old->n_slots; i++)
		if (old->slots[i].b != 0)
			part_add(part_of(s, old->slots[i]), old->slots[i]);
	free(old->slots);
	free(old);
}

bool
hset_has(const struct hset *s, struct view text)
{
	struct hash h;
	const struct hset_part *p;

	if (s->n == 0)
		return false;
	h = hash_of(text);
	p = part_of(s, h);
	return p->n_slots > 0 && place(p, h)->b != 0;
}

bool
hset_add(struct hset *s, struct view text)
{
	struct hash h = hash_of(text);
	bool fresh;

	if (s->n_parts == 0) {
		s->parts = xcalloc(1, sizeof(*s->parts));
		s->n_parts = 1;
	}
	if (s->n_parts == 1 && s->n >= SPLIT)
		split(s);
	fresh = part_add(part_of(s, h), h);
	s->n += fresh;
	return fresh;
}

void
hset_clear(struct hset *s)
{
	for (size_t i = 0; i < s->n_parts; i++)
		free(s->parts[i].slots);
	free(s->parts);
	*s = (struct hset){ .n = 0 };
}
