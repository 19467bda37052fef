/* Showing the parameters of main.cf. */
#include "ctl/postconf.h"

#include "lib/base/mem.h"
#include "lib/conf/rows.h"

#include <stdlib.h>

static bool
is_shown(const struct postconf *pc, struct view name)
{
	if (!pc->only_set ||
	    (names_is_set(&pc->names, name) && !known_is_read_only(name.ptr)))
		return true;
	return pc->dir_given && view_eq(name, VIEW("config_directory"));
}

static void
show_one(struct postconf *pc, const struct known *known, const char *name)
{
	const struct conf_row *row = conf_row_find(view_of(name));
	struct str text = STR_EMPTY;
	struct view value;

	if ((known_class(known, view_of(name)) & pc->classes) == 0 ||
	    !is_shown(pc, view_of(name)) ||
	    !names_find_raw(&pc->names, view_of(name), &value))
		return;
	if (row != NULL && row->type == CONF_RAW)
		str_add(&text, value);
	else
		postconf_expand(
		    pc, NULL, value, postconf_source(view_of(name)), &text);
	postconf_print(pc, name, str_view(&text));
	str_clear(&text);
}

struct all_names {
	char **names;
	size_t n, room;
};

static void
add_name(struct view name, void *value, void *arg)
{
	struct all_names *all = arg;

	(void)value;
	if (all->n == all->room) {
		all->room = all->room == 0 ? 1024 : 2 * all->room;
		all->names =
		    xreallocarray(all->names, all->room, sizeof(*all->names));
	}
	all->names[all->n++] = xstrndup(name.ptr, name.len);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
show_all(struct postconf *pc, const struct known *known)
{
	struct all_names all = { .n = 0 };

	htable_each(&known->classes, add_name, &all);
	qsort(all.names, all.n, sizeof(*all.names), compare_names);
	for (size_t i = 0; i < all.n; i++) {
		show_one(pc, known, all.names[i]);
		free(all.names[i]);
	}
	free(all.names);
}

void
postconf_show(
    struct postconf *pc, const struct known *known, char **wanted, size_t n)
{
	pc->names.only_defaults = pc->only_defaults;
	if (n == 0)
		show_all(pc, known);
	for (size_t i = 0; i < n; i++) {
		if (known_class(known, view_of(wanted[i])) != 0)
			show_one(pc, known, wanted[i]);
		else
			postconf_warn("%s: unknown parameter", wanted[i]);
	}
}
