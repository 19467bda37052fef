/* texthash: and inline:, pairs that are held in memory. */
#include "lib/base/htable.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/table/held.h"
#include "lib/table/source.h"
#include "lib/table/type.h"
#include "lib/table/words.h"

#include <stdlib.h>

/* Pairs stand in the order in which they came, for next. */
struct pair {
	struct pair *after;
	size_t key_len, value_len;
	size_t line; /* of the file; 0: it is none */
	char text[]; /* key, value */
};

struct pairs {
	struct htable by_key;
	struct pair *first, **last;
	struct pair *at; /* of next */
	struct held held;
};

static struct pairs *
pairs_new(void)
{
	struct pairs *p = xcalloc(1, sizeof(*p));

	htable_init(&p->by_key);
	p->last = &p->first;
	p->held = HELD_NONE;
	return p;
}

static void
pairs_free(struct pairs *p)
{
	struct pair *pair = p->first;

	while (pair != NULL) {
		struct pair *after = pair->after;

		free(pair);
		pair = after;
	}
	htable_clear(&p->by_key, NULL);
	held_clear(&p->held);
	free(p);
}

/* The caller knows that the key is not there. */
static void
pairs_add(struct pairs *p, struct view key, struct view value, size_t line)
{
	struct pair *pair = xmalloc(sizeof(*pair) + key.len + value.len);

	*pair = (struct pair){ NULL, key.len, value.len, line };
	if (key.len > 0)
		memcpy(pair->text, key.ptr, key.len);
	if (value.len > 0)
		memcpy(pair->text + key.len, value.ptr, value.len);
	*p->last = pair;
	p->last = &pair->after;
	htable_set(&p->by_key, key, pair);
}

static struct view
pair_value(const struct pair *pair)
{
	return view_make(pair->text + pair->key_len, pair->value_len);
}

static struct view
folded(const struct table *t, struct view key, struct str *room)
{
	str_set(room, key);
	if (!(t->flags & TABLE_NO_FOLD))
		str_lower(room);
	return str_view(room);
}

static struct err
open_texthash(struct table *t)
{
	struct pairs *p = pairs_new();
	struct str text = STR_EMPTY, room = STR_EMPTY, name = STR_EMPTY;
	struct view key, value;
	struct source source;
	struct err e;

	str_set(&name, t->name);
	e = held_read(&p->held, "open database", t->name, &text);
	source_init(&source, str_view(&text), name.ptr,
	    SOURCE_SAY_IGNORED | SOURCE_UTF8);
	while (!err_is(e) && source_next_pair(&source, &key, &value)) {
		key = folded(t, key, &room);
		if (htable_find(&p->by_key, key) != NULL)
			log_warn("%s, line %zu: duplicate entry: \"%.*s\"",
			    name.ptr, source.line, VIEW_ARGS(key));
		else
			pairs_add(p, key, value, source.line);
	}
	source_clear(&source);
	str_clear(&text);
	str_clear(&room);
	str_clear(&name);
	if (err_is(e)) {
		pairs_free(p);
		return e;
	}
	t->state = p;
	return ERR_OK;
}

/* "name = value" cut at the '=' that no quotes protect; a name has no other
 * white space than in quotes.  NULL, or what is wrong. */
static const char *
cut_pair(struct view text, struct view *name, struct view *value)
{
	bool quoted = false;
	size_t n = 0;

	for (; n < text.len; n++) {
		char c = text.ptr[n];

		if (c == '\\' && n + 1 < text.len)
			n++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '=' || ascii_is_space(c)))
			break;
	}
	if (quoted)
		return "unbalanced '\"'";
	*name = view_first(text, n);
	*value = view_trim_left(view_skip(text, n));
	if (!view_starts(*value, VIEW("=")))
		return "missing '=' after attribute name";
	*value = view_trim(view_skip(*value, 1));
	return NULL;
}

/* "name=value" or "{ name = value }". */
static struct err
add_word(struct table *t, struct pairs *p, struct view word, struct str *room)
{
	struct view key, value, inside = word;
	bool grouped = words_in_braces(word, &inside);
	const char *wrong;

	if (word.ptr[0] == '{' && !grouped)
		return err_make(ERR_PERM,
		    "syntax error after '}' in "
		    "\"%.*s\": \"%.*s\"; need \"inline:{name=value...}\"",
		    VIEW_ARGS(view_first(word, 40)),
		    VIEW_ARGS(view_first(str_view(&t->spec), 60)));
	if (inside.len == 0)
		return err_make(ERR_PERM,
		    "no key found; expected format: "
		    "key = value: \"%.*s\"; need \"inline:{name=value...}\"",
		    VIEW_ARGS(view_first(str_view(&t->spec), 60)));
	wrong = cut_pair(view_trim_left(inside), &key, &value);
	if (wrong != NULL)
		return err_make(ERR_PERM,
		    "%s: \"%.*s\"; need \"inline:{name=value...}\"", wrong,
		    VIEW_ARGS(view_first(str_view(&t->spec), 80)));
	key = folded(t, key, room);
	/* The last of a name counts here, unlike in files. */
	if (htable_find(&p->by_key, key) != NULL) {
		struct pair **at = &p->first;
		struct pair *old = htable_remove(&p->by_key, key);

		while (*at != old)
			at = &(*at)->after;
		*at = old->after;
		if (p->last == &old->after)
			p->last = at;
		free(old);
	}
	pairs_add(p, key, value, 0);
	return ERR_OK;
}

static struct err
open_inline(struct table *t)
{
	struct pairs *p = pairs_new();
	struct view inside, word;
	struct str room = STR_EMPTY;
	struct err e = ERR_OK;
	bool braced = words_in_braces(t->name, &inside);

	if (!braced || inside.len == 0)
		e = err_make(ERR_PERM,
		    "%s: \"%.*s\"; need \"inline:{name=value...}\"",
		    braced && t->name.len > 2 ? "empty table" : "bad syntax",
		    VIEW_ARGS(view_first(str_view(&t->spec), 100)));
	while (!err_is(e) && words_next(&inside, &word))
		e = add_word(t, p, word, &room);
	str_clear(&room);
	if (err_is(e))
		pairs_free(p);
	else
		t->state = p;
	return e;
}

static struct err
find_pair(struct table *t, struct view key, struct str *value, bool *found)
{
	const struct pairs *p = t->state;
	const struct pair *pair = htable_find(&p->by_key, key);

	*found = pair != NULL;
	if (pair != NULL) {
		str_set(value, pair_value(pair));
		trace_set_line(pair->line);
	}
	return ERR_OK;
}

static void
close_pairs(struct table *t)
{
	pairs_free(t->state);
	t->state = NULL;
}

static bool
changed_pairs(const struct table *t, bool path)
{
	const struct pairs *p = t->state;

	return held_has_changed(&p->held, path);
}

static struct err
next_pair(
    struct table *t, bool first, struct str *key, struct str *value, bool *more)
{
	struct pairs *p = t->state;

	if (first)
		p->at = p->first;
	else if (p->at != NULL)
		p->at = p->at->after;
	*more = p->at != NULL;
	if (*more) {
		str_set(key, view_make(p->at->text, p->at->key_len));
		str_set(value, pair_value(p->at));
	}
	return ERR_OK;
}

const struct table_type type_texthash = { .name = "texthash",
	.flags = TYPE_FIXED,
	.open = open_texthash,
	.find = find_pair,
	.close = close_pairs,
	.changed = changed_pairs,
	.next = next_pair };
const struct table_type type_inline = { .name = "inline",
	.flags = TYPE_FIXED,
	.open = open_inline,
	.find = find_pair,
	.close = close_pairs,
	.changed = changed_pairs,
	.next = next_pair };
