#include "lib/conf/used.h"

#include "lib/base/mem.h"
#include "lib/conf/rows.h"

#include <stdlib.h>

static void
add_name(void *arg, struct view name)
{
	struct used *used = arg;

	if (htable_find(&used->names, name) != NULL)
		return;
	htable_set(&used->names, name, used);
	if (used->n_pending == used->room) {
		used->room = used->room == 0 ? 64 : 2 * used->room;
		used->pending = xreallocarray(
		    used->pending, used->room, sizeof(*used->pending));
	}
	used->pending[used->n_pending++] = name;
}

/* Types of tables whose parameters may stand in main.cf. */
static const char *const table_types[] = { "ldap", "memcache", "mongodb",
	"mysql", "pgsql", "redis", "sqlite" };

/* The tables that a text names, wherever in it they stand. */
static void
add_tables(struct used *used, struct view text)
{
	struct view word, type;

	while (view_token(&text, ", \t\r\n{}!", &word)) {
		size_t colon = view_find_last(word, ':');

		if (colon == VIEW_NPOS)
			continue;
		type = view_first(word, colon);
		type = view_skip(type, view_find_last(type, ':') + 1);
		word = view_skip(word, colon + 1);
		for (size_t i = 0; i < ARRAY_LEN(table_types); i++)
			if (view_eq(type, view_of(table_types[i])))
				htable_set(&used->tables, word, used);
	}
}

/* A list of pending names and no recursion: a chain may be long. */
static void
follow(struct used *used, struct names *names)
{
	struct view value;

	while (used->n_pending > 0) {
		struct view name = used->pending[--used->n_pending];

		if (!names_find_raw(names, name, &value))
			continue;
		(void)conf_expand_names(value, add_name, used);
		add_tables(used, value);
	}
}

void
used_add_text(struct used *used, struct names *names, struct view text)
{
	/* Who expands the text tells of bad syntax. */
	(void)conf_expand_names(text, add_name, used);
	add_tables(used, text);
	follow(used, names);
}

static void
add_restriction_classes(struct used *used, struct names *names)
{
	struct str classes = STR_EMPTY;
	struct view raw, rest, item;

	if (names_find_raw(names, VIEW("smtpd_restriction_classes"), &raw))
		(void)names_expand(names, raw, &classes);
	rest = str_view(&classes);
	while (conf_list_next(&rest, &item))
		add_name(used, item);
	follow(used, names);
	str_clear(&classes);
}

void
used_init(struct used *used, struct names *names)
{
	struct view raw;

	*used = (struct used){ .n_pending = 0 };
	htable_init(&used->names);
	htable_init(&used->tables);
	for (size_t i = 0; i < conf_n_rows; i++) {
		struct view name = view_of(conf_row_name(&conf_rows[i]));

		/* The computed ones have no macros. */
		if ((!conf_row_is_computed(&conf_rows[i]) ||
			names_is_set(names, name)) &&
		    names_find_raw(names, name, &raw))
			used_add_text(used, names, raw);
	}
	add_restriction_classes(used, names);
}

void
used_clear(struct used *used)
{
	htable_clear(&used->names, NULL);
	htable_clear(&used->tables, NULL);
	free(used->pending);
	*used = (struct used){ .n_pending = 0 };
}

bool
used_has(const struct used *used, struct view name)
{
	if (htable_find(&used->names, name) != NULL)
		return true;
	if (used->tables.n_entries == 0)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] == '_' &&
		    htable_find(&used->tables, view_first(name, i)) != NULL)
			return true;
	return false;
}
