/* static:, one value for every key. */
#include "lib/table/type.h"
#include "lib/table/words.h"

static struct err
open_static(struct table *t)
{
	struct view inside;

	if (t->name.ptr[0] != '{')
		return ERR_OK;
	if (!words_in_braces(t->name, &inside))
		return err_make(ERR_PERM,
		    "bad syntax: \"%.*s\"; need "
		    "\"static:{text}\"",
		    VIEW_ARGS(view_first(str_view(&t->spec), 100)));
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
