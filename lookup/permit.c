/* Which tables may be asked for: see permit.h. */
#include "lookup/permit.h"

#include "lib/base/mem.h"
#include "lib/conf/each.h"
#include "lib/table/share.h"

/* What a table's entry points to. */
static char for_all, for_secrets;

/* The tables of `state`. */
static const char *const of_state[] = { "address_verify_map", "greylist_map",
	"postscreen_cache_map", "volume_limit_map" };

struct adding {
	struct permit *permit;
	char *kind;
};

static void
add_word(void *arg, struct view word)
{
	struct adding *a = arg;
	struct htable *specs = &a->permit->specs;

	while (view_starts(word, VIEW("!")))
		word = view_skip(word, 1);
	while (view_starts(word, VIEW("proxy:")))
		word = view_skip(word, 6);
	if (view_find(word, ':') != VIEW_NPOS &&
	    htable_find(specs, word) != &for_all)
		htable_set(specs, word, a->kind);
}

static void
add_shared(struct permit *p, struct view spec)
{
	while (view_starts(spec, VIEW("proxy:")))
		spec = view_skip(spec, 6);
	if (share_is(spec))
		htable_set(&p->shared, spec, &for_all);
}

void
permit_add_value(struct permit *p, struct view name, struct view value)
{
	struct adding a = { p,
		view_ends(name, VIEW("_password_maps")) ? &for_secrets
							: &for_all };

	for (size_t i = 0; i < ARRAY_LEN(of_state); i++) {
		if (!view_eq(name, view_of(of_state[i])))
			continue;
		add_shared(p, view_trim(value));
		return;
	}
	/* These repeat what others name, passwords among them. */
	if (!view_eq(name, VIEW("proxy_read_maps")) &&
	    !view_eq(name, VIEW("proxy_write_maps")))
		conf_each_word(value, add_word, &a);
}

static void
visit(void *arg, struct view name, struct view value)
{
	permit_add_value(arg, name, value);
}

struct err
permit_init(struct permit *p, const struct conf *conf)
{
	htable_init(&p->specs);
	htable_init(&p->shared);
	return conf_each_value(conf, visit, p);
}

void
permit_clear(struct permit *p)
{
	htable_clear(&p->specs, NULL);
	htable_clear(&p->shared, NULL);
}

bool
permit_has(const struct permit *p, struct view spec, bool secrets)
{
	const void *kind = htable_find(&p->specs, spec);

	return kind == &for_all || (secrets && kind == &for_secrets);
}

bool
permit_has_shared(const struct permit *p, struct view spec)
{
	return htable_find(&p->shared, spec) != NULL;
}
