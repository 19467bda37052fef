/*
 * Tables made of others: unionmap:{a,b} joins the answers of all with commas,
 * pipemap:{a,b} asks b for a's answer, randmap:{x,y} picks a text.
 */
#include "lib/base/mem.h"
#include "lib/table/type.h"
#include "lib/table/words.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

/* Composites within composites. */
enum { MEMBERS_MAX = 100 };

struct members {
	struct table *tables[MEMBERS_MAX];
	size_t n;
	struct str part, key;
};

static void
members_free(struct members *m)
{
	for (size_t i = 0; i < m->n; i++)
		table_close(m->tables[i]);
	str_clear(&m->part);
	str_clear(&m->key);
	free(m);
}

static struct err
bad_syntax(const struct table *t, const char *need)
{
	return err_make(ERR_PERM, "bad syntax: \"%.*s\"; need \"%s:{%s...}\"",
	    VIEW_ARGS(view_first(str_view(&t->spec), 100)), t->type->name,
	    need);
}

static struct err
open_members(struct table *t)
{
	struct view inside, word;
	struct members *m;
	struct err e = ERR_OK;

	if (!words_in_braces(t->name, &inside) || inside.len == 0)
		return bad_syntax(t, "type:name");
	m = xcalloc(1, sizeof(*m));
	str_init(&m->part);
	str_init(&m->key);
	while (!err_is(e) && words_next(&inside, &word)) {
		/* TABLE_OPEN_LATER is the composite's business. */
		if (view_find(word, ':') == VIEW_NPOS)
			e = bad_syntax(t, "type:name");
		else if (m->n == MEMBERS_MAX)
			e = err_make(ERR_PERM, "open %s: more than %d tables",
			    t->type->name, MEMBERS_MAX);
		else
			e = table_open(word,
			    t->flags & ~(unsigned)TABLE_OPEN_LATER,
			    &m->tables[m->n]);
		if (!err_is(e))
			t->fixed = t->fixed && m->tables[m->n++]->fixed;
	}
	if (err_is(e))
		members_free(m);
	else
		t->state = m;
	return e;
}

static void
close_members(struct table *t)
{
	members_free(t->state);
	t->state = NULL;
}

static bool
changed_members(const struct table *t, bool path)
{
	const struct members *m = t->state;

	for (size_t i = 0; i < m->n; i++)
		if (path ? table_was_replaced(m->tables[i])
			 : table_has_changed(m->tables[i]))
			return true;
	return false;
}

static struct err
find_union(struct table *t, struct view key, struct str *value, bool *found)
{
	struct members *m = t->state;
	struct err e = ERR_OK;
	bool any = false;

	str_reset(&m->key);
	for (size_t i = 0; i < m->n && !err_is(e); i++) {
		bool hit;

		e = table_find(m->tables[i], key, &m->part, &hit);
		if (!hit)
			continue;
		if (any)
			str_add_byte(&m->key, ',');
		str_add(&m->key, str_view(&m->part));
		any = true;
	}
	*found = any && !err_is(e);
	if (*found)
		str_set(value, str_view(&m->key));
	return e;
}

static struct err
find_pipe(struct table *t, struct view key, struct str *value, bool *found)
{
	struct members *m = t->state;
	struct err e = ERR_OK;
	bool hit = true;

	str_set(&m->key, key);
	for (size_t i = 0; i < m->n && hit && !err_is(e); i++) {
		e = table_find(m->tables[i], str_view(&m->key), &m->part, &hit);
		if (hit)
			str_set(&m->key, str_view(&m->part));
	}
	*found = hit && !err_is(e);
	if (*found)
		str_set(value, str_view(&m->key));
	return e;
}

static struct err
open_randmap(struct table *t)
{
	struct view inside, word;

	if (!words_in_braces(t->name, &inside) || !words_next(&inside, &word))
		return bad_syntax(t, "value");
	return ERR_OK;
}

static struct err
find_randmap(struct table *t, struct view key, struct str *value, bool *found)
{
	struct view inside, rest, word;
	uint32_t n = 0, pick = 0;

	(void)key;
	words_in_braces(t->name, &inside);
	for (rest = inside; words_next(&rest, &word);)
		n++;
	/* 32 bits over a handful of words: the bias is below 1e-7. */
	if (getrandom(&pick, sizeof(pick), 0) != sizeof(pick))
		return err_sys(ERR_TEMP, "read random bytes");
	pick %= n;
	for (rest = inside; words_next(&rest, &word) && pick > 0;)
		pick--;
	*found = true;
	str_set(value, word);
	return ERR_OK;
}

const struct table_type type_unionmap = { .name = "unionmap",
	.flags = TYPE_FIXED | TYPE_MEMBERS,
	.open = open_members,
	.find = find_union,
	.close = close_members,
	.changed = changed_members };
const struct table_type type_pipemap = { .name = "pipemap",
	.flags = TYPE_FIXED | TYPE_MEMBERS,
	.open = open_members,
	.find = find_pipe,
	.close = close_members,
	.changed = changed_members };
const struct table_type type_randmap = { .name = "randmap",
	.flags = TYPE_FIXED,
	.open = open_randmap,
	.find = find_randmap };
