/* What was found a moment ago: see cache.h. */
#include "lookup/cache.h"

#include "lib/base/mem.h"

#include <stdlib.h>

struct entry {
	int64_t until;
	struct str value;
};

static void
entry_free(void *arg)
{
	struct entry *e = arg;

	if (e == NULL)
		return;
	str_clear(&e->value);
	free(e);
}

void
cache_init(struct cache *c, int64_t life_seconds)
{
	htable_init(&c->entries);
	c->life_ms = life_seconds * 1000;
}

void
cache_clear(struct cache *c)
{
	htable_clear(&c->entries, entry_free);
	htable_init(&c->entries);
}

/* A specification has no NUL in it, since main.cf has none. */
static void
make_key(struct str *out, struct view spec, struct view key)
{
	str_set(out, spec);
	str_add_byte(out, '\0');
	str_add(out, key);
}

bool
cache_find(struct cache *c, struct view spec, struct view key, int64_t now,
    struct str *value)
{
	struct str name = STR_EMPTY;
	const struct entry *e;
	bool found;

	make_key(&name, spec, key);
	e = htable_find(&c->entries, str_view(&name));
	found = e != NULL && e->until > now;
	if (found)
		str_set(value, str_view(&e->value));
	str_clear(&name);
	return found;
}

void
cache_add(struct cache *c, struct view spec, struct view key, int64_t now,
    struct view value)
{
	struct str name = STR_EMPTY;
	struct entry *e;

	if (value.len > CACHE_VALUE_MAX || key.len > CACHE_VALUE_MAX ||
	    c->life_ms == 0)
		return;
	/* They live for seconds only: nobody misses them. */
	if (c->entries.n_entries >= CACHE_ENTRIES_MAX)
		cache_clear(c);
	e = xcalloc(1, sizeof(*e));
	e->until = now + c->life_ms;
	str_init(&e->value);
	str_set(&e->value, value);
	make_key(&name, spec, key);
	entry_free(htable_set(&c->entries, str_view(&name), e));
	str_clear(&name);
}
