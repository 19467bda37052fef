/* Lists of tables: parameters such as transport_maps. */
#include "lib/base/mem.h"
#include "lib/table/type.h"
#include "lib/table/words.h"

#include <stdlib.h>

struct table_list {
	struct table **tables;
	size_t n;
};

struct err
table_list_open(struct view value, unsigned flags, struct table_list **out)
{
	struct table_list *l = xcalloc(1, sizeof(*l));
	struct err e = ERR_OK;
	struct view word;

	while (!err_is(e) && words_next(&value, &word)) {
		struct table *t;

		e = table_open(word, flags, &t);
		if (err_is(e))
			break;
		l->tables =
		    xreallocarray(l->tables, l->n + 1, sizeof(struct table *));
		l->tables[l->n++] = t;
	}
	if (err_is(e)) {
		table_list_close(l);
		l = NULL;
	}
	*out = l;
	return e;
}

void
table_list_close(struct table_list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		table_close(l->tables[i]);
	free(l->tables);
	free(l);
}

struct err
table_list_find(struct table_list *l, struct view key, enum table_which which,
    struct str *value, bool *found)
{
	struct err e = ERR_OK;

	*found = false;
	if (key.len == 0 || l == NULL)
		return e;
	for (size_t i = 0; i < l->n && !*found && !err_is(e); i++)
		if (which == TABLE_ALL || !table_is_pattern(l->tables[i]))
			e = table_find(l->tables[i], key, value, found);
	return e;
}

bool
table_list_is_empty(const struct table_list *l)
{
	return l == NULL || l->n == 0;
}

bool
table_list_has_changed(const struct table_list *l)
{
	for (size_t i = 0; l != NULL && i < l->n; i++)
		if (table_has_changed(l->tables[i]))
			return true;
	return false;
}

bool
table_list_was_replaced(const struct table_list *l)
{
	for (size_t i = 0; l != NULL && i < l->n; i++)
		if (table_was_replaced(l->tables[i]))
			return true;
	return false;
}

struct table *
table_list_at(const struct table_list *l, size_t i)
{
	return l != NULL && i < l->n ? l->tables[i] : NULL;
}
