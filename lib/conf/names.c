#include "lib/conf/names.h"

#include "lib/base/mem.h"
#include "lib/conf/defaults.h"
#include "lib/conf/rows.h"

#include <stdlib.h>

void
names_init(struct names *names, const struct conf_source *source)
{
	*names = (struct names){ .only_defaults = false };
	main_cf_init(&names->file);
	htable_init(&names->overrides);
	htable_init(&names->computed);
	names->dir = xstrdup(conf_dir(source->dir));
	names->service_name =
	    xstrdup(source->service_name == NULL ? "" : source->service_name);
	names->process_name =
	    xstrdup(source->process_name == NULL ? "" : source->process_name);
	for (size_t i = 0; i < source->n_overrides; i++)
		names_override(names, view_of(source->overrides[i].name),
		    view_of(source->overrides[i].value));
}

void
names_clear(struct names *names)
{
	main_cf_clear(&names->file);
	htable_clear(&names->overrides, free);
	htable_clear(&names->computed, free);
	free(names->dir);
	free(names->service_name);
	free(names->process_name);
}

void
names_override(struct names *names, struct view name, struct view value)
{
	free(htable_set(
	    &names->overrides, name, xstrndup(value.ptr, value.len)));
}

bool
names_is_set(const struct names *names, struct view name)
{
	return htable_find(&names->overrides, name) != NULL ||
	    main_cf_find(&names->file, name) != NULL;
}

static bool
find_set(struct names *names, struct view name, struct view *value)
{
	const char *text = htable_find(&names->overrides, name);
	const struct main_cf_def *def;

	if (text == NULL) {
		def = main_cf_find(&names->file, name);
		if (def == NULL)
			return false;
		text = def->value;
	}
	*value = view_of(text);
	return true;
}

/* Made once, then remembered: mynetworks asks the kernel. */
static bool
find_computed(struct names *names, struct view name, struct view *value)
{
	const char *text = htable_find(&names->computed, name);
	struct str made = STR_EMPTY;

	if (text == NULL && defaults_compute(names, name, &made)) {
		text = xstrndup(made.ptr, made.len);
		free(htable_set(&names->computed, name, (char *)text));
	}
	str_clear(&made);
	if (text == NULL)
		return false;
	*value = view_of(text);
	return true;
}

bool
names_find_raw(struct names *names, struct view name, struct view *value)
{
	const struct conf_row *row = conf_row_find(name);
	const struct conf_suffix *suffix;

	if (!names->only_defaults && find_set(names, name, value))
		return true;
	if (row != NULL && conf_row_is_computed(row))
		return find_computed(names, name, value);
	if (row != NULL) {
		*value = view_of(conf_row_init(row));
		return true;
	}
	suffix = conf_suffix_find(name);
	if (suffix == NULL)
		return false;
	*value = view_of(suffix->init);
	return true;
}

static bool
look_up(void *arg, struct view name, struct view *value)
{
	struct names *names = arg;

	if (names_find_raw(names, name, value))
		return true;
	if (names->undefined != NULL)
		names->undefined(names->undefined_arg, name);
	return false;
}

struct err
names_expand(struct names *names, struct view text, struct str *out)
{
	struct conf_macros macros = { look_up, names, .recurse = true };

	return conf_expand(out, text, &macros);
}
