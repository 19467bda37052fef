/* Which tables may be asked for: see permit.h. */
#include "lookup/permit.h"

#include "lib/conf/each.h"

static void
add_word(void *arg, struct view word)
{
	struct permit *p = arg;

	while (view_starts(word, VIEW("!")))
		word = view_skip(word, 1);
	while (view_starts(word, VIEW("proxy:")))
		word = view_skip(word, 6);
	if (view_find(word, ':') != VIEW_NPOS)
		htable_set(&p->specs, word, p);
}

void
permit_add_value(struct permit *p, struct view value)
{
	conf_each_word(value, add_word, p);
}

static void
visit(void *arg, struct view name, struct view value)
{
	(void)name;
	permit_add_value(arg, value);
}

struct err
permit_init(struct permit *p, const struct conf *conf)
{
	htable_init(&p->specs);
	return conf_each_value(conf, visit, p);
}

void
permit_clear(struct permit *p)
{
	htable_clear(&p->specs, NULL);
}

bool
permit_has(const struct permit *p, struct view spec)
{
	return htable_find(&p->specs, spec) != NULL;
}
