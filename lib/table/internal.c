/*
 * internal:, a table that lives as long as its process.  Nobody fills one
 * here, so nothing is found in it.
 */
#include "lib/table/type.h"

static struct err
open_internal(struct table *t)
{
	(void)t;
	return ERR_OK;
}

static struct err
find_internal(struct table *t, struct view key, struct str *value, bool *found)
{
	(void)t;
	(void)key;
	(void)value;
	*found = false;
	return ERR_OK;
}

static struct err
next_internal(struct table *t, bool first, struct str *key, struct str *value,
    bool *more)
{
	(void)t;
	(void)first;
	(void)key;
	(void)value;
	*more = false;
	return ERR_OK;
}

const struct table_type type_internal = { .name = "internal",
	.flags = TYPE_FIXED,
	.open = open_internal,
	.find = find_internal,
	.next = next_internal };
