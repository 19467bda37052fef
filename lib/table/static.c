/* static:, one value for every key. */
#include "lib/table/type.h"
#include "lib/table/words.h"

/* The brace that it begins with. */
static bool
is_closed(struct view text)
{
	size_t depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '{')
			depth++;
		else if (text.ptr[i] == '}' && --depth == 0)
			return true;
	}
	return false;
}

static struct err
open_static(struct table *t)
{
	struct view inside;

	if (t->name.ptr[0] != '{')
		return ERR_OK;
	if (!words_in_braces(t->name, &inside))
		return err_make(ERR_PERM,
		    "bad static:name syntax: %s '}' in \"%.*s\"",
		    is_closed(t->name) ? "syntax error after" : "missing",
		    VIEW_ARGS(view_first(t->name, 100)));
	t->name = inside;
	return ERR_OK;
}

static struct err
find_static(struct table *t, struct view key, struct str *value, bool *found)
{
	(void)key;
	*found = true;
	str_set(value, t->name);
	return ERR_OK;
}

const struct table_type type_static = { .name = "static",
	.flags = TYPE_FIXED,
	.open = open_static,
	.find = find_static };
