/*
 * Match lists: see match.h.  Runs of plain names become one hash table, so
 * that a long list costs as many probes as the name has dots.
 */
#include "lib/table/match.h"

#include "lib/base/htable.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/table/held.h"
#include "lib/table/net.h"
#include "lib/table/source.h"
#include "lib/table/table.h"
#include "lib/table/words.h"

#include <stdlib.h>

/* Files that name files. */
enum { MATCH_FILES_DEEP = 10 };

enum entry_kind { ENTRY_NAMES, ENTRY_NET, ENTRY_TABLE, ENTRY_BROKEN };

struct entry {
	enum entry_kind kind;
	bool negated;
	struct htable names; /* in lower case; values are not NULL */
	struct net net;
	char *word; /* of a network, as written */
	struct table *table;
	struct err broken; /* what a question that comes here answers */
};

struct match_list {
	unsigned flags;
	struct entry **entries;
	size_t n;
	struct held *files;
	size_t n_files;
};

static struct err add_words(
    struct match_list *l, struct view words, bool negated, int deep);

static struct entry *
add_entry(struct match_list *l, enum entry_kind kind, bool negated)
{
	struct entry *entry = xcalloc(1, sizeof(*entry));

	entry->kind = kind;
	entry->negated = negated;
	l->entries =
	    xreallocarray(l->entries, l->n + 1, sizeof(struct entry *));
	l->entries[l->n++] = entry;
	return entry;
}

static void
add_name(struct match_list *l, struct view name, bool negated)
{
	struct entry *entry = l->n > 0 ? l->entries[l->n - 1] : NULL;
	struct str folded = STR_EMPTY;

	if (entry == NULL || entry->kind != ENTRY_NAMES ||
	    entry->negated != negated)
		entry = add_entry(l, ENTRY_NAMES, negated);
	str_set(&folded, name);
	str_lower(&folded);
	htable_set(&entry->names, str_view(&folded), entry);
	str_clear(&folded);
}

/* The error, or an entry that answers with it later. */
static struct err
broken(struct match_list *l, struct err e, bool negated)
{
	if (!(l->flags & MATCH_OPEN_LATER))
		return e;
	log_warn("match list: %s", e.text);
	e.kind = ERR_TEMP;
	add_entry(l, ENTRY_BROKEN, negated)->broken = e;
	return ERR_OK;
}

static struct err
add_file(struct match_list *l, struct view path, bool negated, int deep)
{
	struct str text = STR_EMPTY;
	struct source source;
	struct view line;
	struct held held;
	struct err e;

	if (deep >= MATCH_FILES_DEEP)
		return err_make(ERR_PERM,
		    "read %.*s: files name files more "
		    "than %d deep",
		    VIEW_ARGS(view_first(path, 100)), MATCH_FILES_DEEP);
	e = held_read(&held, "open", path, &text);
	if (err_is(e)) {
		str_clear(&text);
		return broken(l, e, negated);
	}
	l->files = xreallocarray(l->files, l->n_files + 1, sizeof(*l->files));
	l->files[l->n_files++] = held;
	source_init(&source, str_view(&text), held.path.ptr, 0);
	while (!err_is(e) && source_next_line(&source, &line))
		e = add_words(l, line, negated, deep + 1);
	source_clear(&source);
	str_clear(&text);
	return e;
}

/* "type:table", but not "::1" or "2001:db8::/32" or "[...]:25". */
static bool
is_table(struct view word)
{
	size_t colon = view_find(word, ':');
	struct net net;

	return colon != VIEW_NPOS && word.ptr[0] != '[' &&
	    err_is(net_parse(word, &net));
}

/* Digits with dots, a colon or a slash: meant to be a network, unlike
 * "3.example". */
static bool
is_network(const struct match_list *l, struct view word)
{
	if (l->flags & MATCH_WHOLE)
		return false;
	if (word.ptr[0] == '[' || view_find(word, ':') != VIEW_NPOS)
		return true;
	if (!ascii_is_digit(word.ptr[0]))
		return false;
	if (view_find(word, '/') != VIEW_NPOS)
		return true;
	for (size_t i = 0; i < word.len; i++)
		if (!ascii_is_digit(word.ptr[i]) && word.ptr[i] != '.')
			return false;
	return view_find(word, '.') != VIEW_NPOS;
}

static struct err
add_word(struct match_list *l, struct view word, bool negated, int deep)
{
	struct entry *entry;
	struct err e;

	while (word.len > 0 && word.ptr[0] == '!') {
		negated = !negated;
		word = view_trim_left(view_skip(word, 1));
	}
	if (word.len == 0)
		return err_make(ERR_PERM, "match list: no pattern after '!'");
	if (word.ptr[0] == '/')
		return add_file(l, word, negated, deep);
	if (is_table(word)) {
		struct table *t;

		e = table_open(word, 0, &t);
		if (err_is(e))
			return broken(l, e, negated);
		add_entry(l, ENTRY_TABLE, negated)->table = t;
	} else if (is_network(l, word)) {
		struct net net;

		e = net_parse(word, &net);
		if (err_is(e))
			return broken(l, e, negated);
		entry = add_entry(l, ENTRY_NET, negated);
		entry->net = net;
		entry->word = xstrndup(word.ptr, word.len);
	} else {
		add_name(l, word, negated);
	}
	return ERR_OK;
}

static struct err
add_words(struct match_list *l, struct view words, bool negated, int deep)
{
	struct err e = ERR_OK;
	struct view word;

	while (!err_is(e) && words_next(&words, &word)) {
		/* "! name": the pattern is the next word. */
		bool alone = true;

		for (size_t i = 0; i < word.len; i++)
			alone = alone && word.ptr[i] == '!';
		if (alone) {
			bool odd = word.len % 2 == 1;

			if (!words_next(&words, &word))
				return err_make(ERR_PERM,
				    "match list: no "
				    "pattern after '!'");
			e = add_word(l, word, negated != odd, deep);
		} else {
			e = add_word(l, word, negated, deep);
		}
	}
	return e;
}

struct err
match_list_open(struct view value, unsigned flags, struct match_list **out)
{
	struct match_list *l = xcalloc(1, sizeof(*l));
	struct err e;

	l->flags = flags;
	e = add_words(l, value, false, 0);
	if (err_is(e)) {
		match_list_close(l);
		l = NULL;
	}
	*out = l;
	return e;
}

void
match_list_close(struct match_list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++) {
		htable_clear(&l->entries[i]->names, NULL);
		table_close(l->entries[i]->table);
		free(l->entries[i]->word);
		free(l->entries[i]);
	}
	for (size_t i = 0; i < l->n_files; i++)
		held_clear(&l->files[i]);
	free(l->entries);
	free(l->files);
	free(l);
}

bool
match_list_is_empty(const struct match_list *l)
{
	return l == NULL || l->n == 0;
}

/* A table tells by itself. */
static void
trace_match(const struct entry *entry, struct view key, struct view pattern)
{
	TRACE("match", { "key", key }, { "pattern", pattern },
	    { "result", entry->negated ? VIEW("excluded") : VIEW("listed") });
}

/* Ask one entry for one key. */
static struct err
ask(const struct entry *entry, struct view key, bool *yes)
{
	struct str value = STR_EMPTY;
	struct err e = ERR_OK;

	if (entry->kind == ENTRY_NAMES)
		*yes = htable_find(&entry->names, key) != NULL;
	else if (entry->kind == ENTRY_TABLE)
		e = table_find(entry->table, key, &value, yes);
	if (*yes && entry->kind == ENTRY_NAMES)
		trace_match(entry, key, key);
	str_clear(&value);
	return e;
}

/* The name, then what lies above it: "a.b.c", then "b.c", "c" or ".b.c",
 * ".c".  Pattern tables are asked for the name alone. */
static struct err
entry_matches_name(const struct match_list *l, const struct entry *entry,
    struct view name, bool *yes)
{
	struct err e;

	*yes = false;
	if (name.len == 0 || entry->kind == ENTRY_NET)
		return ERR_OK;
	e = ask(entry, name, yes);
	if (l->flags & MATCH_WHOLE ||
	    (entry->kind == ENTRY_TABLE && table_is_pattern(entry->table)))
		return e;
	while (!err_is(e) && !*yes) {
		size_t dot = view_find(view_skip(name, 1), '.');

		if (dot == VIEW_NPOS || dot + 2 >= name.len)
			return e;
		/* dot counts from the second byte. */
		name = view_skip(name, dot + 1);
		e = ask(entry,
		    l->flags & MATCH_PARENTS ? view_skip(name, 1) : name, yes);
	}
	return e;
}

static struct err
entry_matches_address(const struct entry *entry, struct view text,
    const struct net *address, bool *yes)
{
	*yes = false;
	if (text.len == 0)
		return ERR_OK;
	if (entry->kind != ENTRY_NET)
		return ask(entry, text, yes);
	*yes = address->family != 0 && net_holds(&entry->net, address);
	if (*yes)
		trace_match(entry, text, view_of(entry->word));
	return ERR_OK;
}

/* One of name and address may be empty. */
static struct err
matches(struct match_list *l, struct view name, struct view text,
    const struct net *address, bool *yes)
{
	*yes = false;
	for (size_t i = 0; i < l->n && !*yes; i++) {
		const struct entry *entry = l->entries[i];
		struct err e;

		if (entry->kind == ENTRY_BROKEN)
			return entry->broken;
		e = entry_matches_name(l, entry, name, yes);
		if (!err_is(e) && !*yes)
			e = entry_matches_address(entry, text, address, yes);
		if (err_is(e)) {
			*yes = false;
			return e;
		}
		if (*yes && entry->negated) {
			*yes = false;
			return ERR_OK;
		}
	}
	return ERR_OK;
}

static bool
has_capitals(struct view name)
{
	for (size_t i = 0; i < name.len; i++)
		if (ascii_lower(name.ptr[i]) != name.ptr[i])
			return true;
	return false;
}

/* The name in lower case, as most are.  In memory of the question's own: while
 * one fiber waits for a table, another asks the same list. */
static struct view
fold_name(struct str *folded, struct view name)
{
	if (name.len > TABLE_KEY_MAX)
		return VIEW_EMPTY;
	if (!has_capitals(name))
		return name;
	str_set(folded, name);
	str_lower(folded);
	return str_view(folded);
}

struct err
match_list_matches(struct match_list *l, struct view name, bool *yes)
{
	struct net none = { .family = 0 };
	struct str folded = STR_EMPTY;
	struct net literal;
	struct err e;

	*yes = false;
	if (match_list_is_empty(l))
		return ERR_OK;
	name = fold_name(&folded, name);
	/* A network word that is the name itself: "192.0.2.1". */
	if (net_parse_address(name, &literal))
		e = matches(l, name, name, &literal, yes);
	else
		e = matches(l, name, VIEW_EMPTY, &none, yes);
	str_clear(&folded);
	return e;
}

void
match_client_init(
    struct match_client *c, struct view name, struct view address)
{
	if (address.len >= 2 && address.ptr[0] == '['
	    && address.ptr[address.len - 1] == ']')
		address = view_sub(address, 1, address.len - 2);
	if (view_starts_case(address, VIEW("IPv6:")))
		address = view_skip(address, 5);
	c->address = address;
	if (!net_parse_address(address, &c->net))
		c->net.family = 0;
	str_init(&c->folded);
	c->name = fold_name(&c->folded, name);
}

void
match_client_clear(struct match_client *c)
{
	str_clear(&c->folded);
}

struct err
match_list_has_client(
    struct match_list *l, const struct match_client *c, bool *yes)
{
	*yes = false;
	if (match_list_is_empty(l))
		return ERR_OK;
	return matches(l, c->name, c->address, &c->net, yes);
}

struct err
match_list_matches_client(struct match_list *l, struct view name,
    struct view address, bool *yes)
{
	struct match_client c;
	struct err e;

	*yes = false;
	if (match_list_is_empty(l))
		return ERR_OK;
	match_client_init(&c, name, address);
	e = match_list_has_client(l, &c, yes);
	match_client_clear(&c);
	return e;
}

struct err
match_list_matches_addr(struct match_list *l, struct view address, bool *yes)
{
	return match_list_matches_client(l, VIEW_EMPTY, address, yes);
}

static bool
list_changed(const struct match_list *l, bool path)
{
	for (size_t i = 0; l != NULL && i < l->n_files; i++)
		if (held_has_changed(&l->files[i], path))
			return true;
	for (size_t i = 0; l != NULL && i < l->n; i++) {
		const struct table *t = l->entries[i]->table;

		if (t != NULL &&
		    (path ? table_was_replaced(t) : table_has_changed(t)))
			return true;
	}
	return false;
}

bool
match_list_has_changed(const struct match_list *l)
{
	return list_changed(l, false);
}

bool
match_list_was_replaced(const struct match_list *l)
{
	return list_changed(l, true);
}
