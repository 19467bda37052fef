/* fail:, a table whose every lookup fails: for tests of what then happens. */
#include "lib/table/type.h"

static struct err
open_fail(struct table *t)
{
	(void)t;
	return ERR_OK;
}

static struct err
find_fail(struct table *t, struct view key, struct str *value, bool *found)
{
	(void)t;
	(void)key;
	(void)value;
	(void)found;
	return err_make(ERR_TEMP, "Application error");
}

const struct table_type type_fail = { .name = "fail",
	.flags = TYPE_FIXED,
	.open = open_fail,
	.find = find_fail };
