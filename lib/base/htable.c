/*
 * A hash table from a string to a pointer: see htable.h.  Chained; doubles when
 * it is full.  SipHash: Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", 2012.
 */
#include "lib/base/htable.h"

#include "lib/base/mem.h"

#include <endian.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

struct htable_entry {
	struct htable_entry *next;
	uint64_t hash;
	void *value;
	size_t len;
	char key[];
};

enum { HTABLE_FIRST = 16 };

static inline uint64_t
rotate(uint64_t x, int by)
{
	return (x << by) | (x >> (64 - by));
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

const uint64_t *
hash_secret(void)
{
	static uint64_t secret[2];

	if (secret[0] == 0) {
		/* The clock only stands in where the kernel has no entropy yet. */
		if (getrandom(secret, sizeof(secret), GRND_NONBLOCK) !=
		    (ssize_t)sizeof(secret))
			secret[1] = (uint64_t)time(NULL);
		secret[0] |= 1;
	}
	return secret;
}

static void
sip_rounds(uint64_t s[4], int n)
{
	for (int i = 0; i < n; i++)
		sip_round(s);
}

static void
sip_init(uint64_t s[4], const uint64_t k[2])
{
	s[0] = k[0] ^ 0x736f6d6570736575;
	s[1] = k[1] ^ 0x646f72616e646f6d;
	s[2] = k[0] ^ 0x6c7967656e657261;
	s[3] = k[1] ^ 0x7465646279746573;
}

/* All of v goes into the state, `c` rounds for each word. */
static void
sip_take(uint64_t s[4], int c, struct view v)
{
	uint64_t last = (uint64_t)v.len << 56;
	size_t whole = v.len & ~(size_t)7;

	for (size_t i = 0; i < whole; i += 8) {
		uint64_t word;

		memcpy(&word, v.ptr + i, 8);
		word = le64toh(word);
		s[3] ^= word;
		sip_rounds(s, c);
		s[0] ^= word;
	}
	for (size_t i = whole; i < v.len; i++)
		last |= (uint64_t)(unsigned char)v.ptr[i] << (i - whole) * 8;
	s[3] ^= last;
	sip_rounds(s, c);
	s[0] ^= last;
}

/* `c` rounds for each word, `d` at the end. */
static uint64_t
sip_hash(const uint64_t k[2], int c, int d, struct view v)
{
	uint64_t s[4];

	sip_init(s, k);
	sip_take(s, c, v);
	s[2] ^= 0xff;
	sip_rounds(s, d);
	return s[0] ^ s[1] ^ s[2] ^ s[3];
}

uint64_t
hash_bytes(struct view v)
{
	return sip_hash(hash_secret(), 1, 3, v);
}

uint64_t
hash_mac(const uint64_t key[2], struct view v)
{
	return sip_hash(key, 2, 4, v);
}

void
hash_mac_wide(const uint64_t key[2], struct view v, uint64_t out[static 2])
{
	uint64_t s[4];

	sip_init(s, key);
	s[1] ^= 0xee;
	sip_take(s, 2, v);
	s[2] ^= 0xee;
	sip_rounds(s, 4);
	out[0] = s[0] ^ s[1] ^ s[2] ^ s[3];
	s[1] ^= 0xdd;
	sip_rounds(s, 4);
	out[1] = s[0] ^ s[1] ^ s[2] ^ s[3];
}

void
htable_init(struct htable *t)
{
	*t = (struct htable){ NULL, 0, 0 };
}

void
htable_clear(struct htable *t, void (*free_value)(void *))
{
	for (size_t i = 0; i < t->n_slots; i++) {
		struct htable_entry *e = t->slots[i];

		while (e != NULL) {
			struct htable_entry *next = e->next;

			if (free_value != NULL)
				free_value(e->value);
			free(e);
			e = next;
		}
	}
	free(t->slots);
	htable_init(t);
}

static struct htable_entry **
htable_place(const struct htable *t, struct view key, uint64_t hash)
{
	struct htable_entry **at = &t->slots[hash & (t->n_slots - 1)];

	while (*at != NULL &&
	    ((*at)->hash != hash ||
		!view_eq(view_make((*at)->key, (*at)->len), key)))
		at = &(*at)->next;
	return at;
}

void *
htable_find(const struct htable *t, struct view key)
{
	struct htable_entry *e;

	if (t->n_entries == 0)
		return NULL;
	e = *htable_place(t, key, hash_bytes(key));
	return e != NULL ? e->value : NULL;
}

static void
htable_grow(struct htable *t)
{
	size_t n = t->n_slots > 0 ? t->n_slots * 2 : HTABLE_FIRST;
	struct htable_entry **slots = xcalloc(n, sizeof(struct htable_entry *));

	for (size_t i = 0; i < t->n_slots; i++) {
		struct htable_entry *e = t->slots[i];

		while (e != NULL) {
			struct htable_entry *next = e->next;

			e->next = slots[e->hash & (n - 1)];
			slots[e->hash & (n - 1)] = e;
			e = next;
		}
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
}

void *
htable_set(struct htable *t, struct view key, void *value)
{
	uint64_t hash = hash_bytes(key);
	struct htable_entry **at, *e;

	if (t->n_entries >= t->n_slots)
		htable_grow(t);
	at = htable_place(t, key, hash);
	if (*at != NULL) {
		void *old = (*at)->value;

		(*at)->value = value;
		return old;
	}
	e = xmalloc(sizeof(*e) + key.len);
	e->next = NULL;
	e->hash = hash;
	e->value = value;
	e->len = key.len;
	if (key.len > 0)
		memcpy(e->key, key.ptr, key.len);
	*at = e;
	t->n_entries++;
	return NULL;
}

void *
htable_remove(struct htable *t, struct view key)
{
	struct htable_entry **at, *e;
	void *value;

	if (t->n_entries == 0)
		return NULL;
	at = htable_place(t, key, hash_bytes(key));
	if (*at == NULL)
		return NULL;
	e = *at;
	*at = e->next;
	value = e->value;
	free(e);
	t->n_entries--;
	return value;
}

void
htable_each(const struct htable *t,
    void (*visit)(struct view key, void *value, void *arg), void *arg)
{
	for (size_t i = 0; i < t->n_slots; i++)
		for (struct htable_entry *e = t->slots[i]; e != NULL; e = e->next)
			visit(view_make(e->key, e->len), e->value, arg);
}
