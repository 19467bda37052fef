/*
 * A hash table from a string (any bytes) to a pointer.  Keys are copied, values
 * are the caller's.  Hashed with a secret per process (SipHash), so that a peer
 * cannot choose keys that collide.
 */
#ifndef BASE_HTABLE_H
#define BASE_HTABLE_H

#include "lib/base/view.h"

struct htable_entry;

struct htable {
	struct htable_entry **slots;
	size_t n_slots, n_entries;
};

/* All zero is an empty table too. */
void htable_init(struct htable *t);
/* Frees the table; calls free_value (may be NULL) on each value. */
void htable_clear(struct htable *t, void (*free_value)(void *));
/* NULL if the key is not there. */
void *htable_find(const struct htable *t, struct view key);
/* Sets the key's value; returns the one it replaces, or NULL. */
void *htable_set(struct htable *t, struct view key, void *value);
/* Removes the key; returns its value, or NULL. */
void *htable_remove(struct htable *t, struct view key);
/* Calls visit on each; it must not change the table. */
void htable_each(const struct htable *t,
    void (*visit)(struct view key, void *value, void *arg), void *arg);

/* The hash itself (SipHash-1-3 under the process's secret). */
uint64_t hash_bytes(struct view v);
/* SipHash-2-4 under this key, the same in every process: who does not know the
 * key can neither make nor foretell it. */
uint64_t hash_mac(const uint64_t key[2], struct view v);
/* SipHash-2-4 with 128 bits, of which two texts never have the same. */
void hash_mac_wide(
    const uint64_t key[2], struct view v, uint64_t out[static 2]);
/* The process's secret: a key for these. */
const uint64_t *hash_secret(void);

#endif
