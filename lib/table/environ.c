/* environ:, the process's own environment. */
#include "lib/table/type.h"

#include <stdlib.h>

static struct err
open_environ(struct table *t)
{
	(void)t;
	return ERR_OK;
}

static struct err
find_environ(struct table *t, struct view key, struct str *value, bool *found)
{
	struct str name = STR_EMPTY;
	const char *text = NULL;

	(void)t;
	str_set(&name, key);
	/* A key with a NUL in it would be looked for by its beginning. */
	if (strlen(name.ptr) == name.len)
		text = getenv(name.ptr);
	str_clear(&name);
	*found = text != NULL;
	if (text != NULL)
		str_set(value, view_of(text));
	return ERR_OK;
}

const struct table_type type_environ = { .name = "environ",
	.flags = TYPE_FIXED,
	.open = open_environ,
	.find = find_environ };
