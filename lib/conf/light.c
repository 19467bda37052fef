#include "lib/conf/light.h"

#include "lib/base/mem.h"
#include "lib/conf/check.h"
#include "lib/conf/names.h"
#include "lib/conf/paths.h"
#include "lib/conf/values.h"

#include <assert.h>
#include <stdlib.h>

struct conf_light {
	struct names names;
	struct htable values; /* char * by name, expanded */
};

struct err
conf_light_load(const char *dir, struct conf_light **out)
{
	struct conf_source source = { .dir = dir };
	struct conf_light *c = xcalloc(1, sizeof(*c));
	struct err e;

	names_init(&c->names, &source);
	htable_init(&c->values);
	e = main_cf_read_dir(&c->names.file, c->names.dir);
	*out = c;
	if (err_is(e)) {
		conf_light_free(c);
		*out = NULL;
	}
	return e;
}

void
conf_light_free(struct conf_light *c)
{
	if (c == NULL)
		return;
	names_clear(&c->names);
	htable_clear(&c->values, free);
	free(c);
}

const char *
conf_light_dir(const struct conf_light *c)
{
	return c->names.dir;
}

static struct err
expand(struct conf_light *c, const struct conf_row *row, const char **text)
{
	struct view name = view_of(conf_row_name(row)), raw = VIEW_EMPTY;
	struct str value = STR_EMPTY;
	struct err e = ERR_OK;
	char *kept;

	*text = htable_find(&c->values, name);
	if (*text != NULL)
		return e;
	names_find_raw(&c->names, name, &raw);
	if (row->type == CONF_RAW)
		str_add(&value, raw);
	else
		e = names_expand(&c->names, raw, &value);
	if (!err_is(e)) {
		kept = xstrndup(value.ptr, value.len);
		free(htable_set(&c->values, name, kept));
		*text = kept;
	}
	str_clear(&value);
	return e;
}

struct err
conf_light_get(
    struct conf_light *c, const char *name, const char **text, int64_t *number)
{
	const struct conf_row *row = conf_row_find(view_of(name));
	const char *value = NULL;
	int64_t n = 0;
	struct err e;

	assert(row != NULL);
	e = expand(c, row, &value);
	if (!err_is(e))
		e = check_value(&c->names, row, view_of(value), &n);
	if (err_is(e))
		return err_within(
		    e, "%s/main.cf: parameter %s", c->names.dir, name);
	if (text != NULL)
		*text = value;
	if (number != NULL)
		*number = n;
	return ERR_OK;
}

static bool
is_listed(struct conf_light *c, const char *name, struct view dir)
{
	const char *text;
	struct view rest, item;

	if (err_is(conf_light_get(c, name, &text, NULL)))
		return false;
	rest = view_of(text);
	while (conf_list_next(&rest, &item))
		if (view_eq(item, dir))
			return true;
	return false;
}

struct err
conf_light_check_dir(const char *dir)
{
	struct conf_light *c;
	bool yes;
	struct err e;

	if (dir == NULL || strcmp(dir, BARID_CONFIG_DIR) == 0)
		return ERR_OK;
	e = conf_light_load(BARID_CONFIG_DIR, &c);
	if (err_is(e))
		return e;
	yes = is_listed(c, "alternate_config_directories", view_of(dir)) ||
	    is_listed(c, "multi_instance_directories", view_of(dir));
	conf_light_free(c);
	if (yes)
		return ERR_OK;
	return err_make(ERR_PERM,
	    "%s: not in alternate_config_directories "
	    "or multi_instance_directories of %s/main.cf",
	    dir, BARID_CONFIG_DIR);
}
