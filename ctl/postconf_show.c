/* Showing the parameters of main.cf. */
#include "ctl/postconf.h"

#include "lib/base/mem.h"
#include "lib/conf/rows.h"
#include "lib/conf/used.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_WIDTH = 80, INDENT = 4 };

struct shown {
	char *name;
	unsigned class;
	bool raw;
};

struct shown_list {
	struct shown *items;
	size_t n, room;
	struct htable names;
};

void
postconf_print_folded(
    const struct postconf *pc, struct view text, size_t column)
{
	struct view rest = text, token;

	while (view_token(&rest, " \t\r\n\v\f", &token)) {
		if (pc->fold && column > INDENT &&
		    column + 1 + token.len > LINE_WIDTH) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > 0) {
			putchar(' ');
			column++;
		}
		fwrite(token.ptr, 1, token.len, stdout);
		column += token.len;
	}
	putchar('\n');
}

void
postconf_print(const struct postconf *pc, const char *name, struct view value)
{
	size_t column = 0;

	if (pc->hide_value) {
		puts(name);
		return;
	}
	if (!pc->hide_name) {
		printf("%s =", name);
		column = strlen(name) + 2;
	}
	postconf_print_folded(pc, value, column);
}

void
postconf_expand(struct postconf *pc, struct view text, struct str *out)
{
	struct err e = ERR_OK;

	str_reset(out);
	if (pc->expand)
		e = names_expand(&pc->names, text, out);
	else
		str_add(out, text);
	if (err_is(e))
		postconf_fatal("%s", e.text);
}

static void
add_shown(struct shown_list *list, struct view name, unsigned class, bool raw)
{
	struct shown *item;

	if (htable_find(&list->names, name) != NULL)
		return;
	if (list->n == list->room) {
		list->room = list->room == 0 ? 256 : 2 * list->room;
		list->items = xreallocarray(
		    list->items, list->room, sizeof(*list->items));
	}
	item = &list->items[list->n++];
	item->name = xstrndup(name.ptr, name.len);
	item->class = class;
	item->raw = raw;
	htable_set(&list->names, name, list);
}

static bool
has_word(const char *words, const char *word)
{
	struct view rest = view_of(words), item;

	while (view_token(&rest, " ", &item))
		if (view_eq(item, view_of(word)))
			return true;
	return false;
}

/* What each service of master.cf has of its own. */
static void
add_service_params(struct shown_list *list, const struct master_cf *master)
{
	struct str name = STR_EMPTY;

	LIST_EACH (it, after, &master->services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);

		for (size_t i = 0; i < conf_n_suffixes; i++) {
			if (!has_word(conf_suffixes[i].programs, s->command))
				continue;
			str_printf(
			    &name, "%s%s", s->name, conf_suffixes[i].suffix);
			add_shown(list, str_view(&name), CLASS_SERVICE, false);
		}
	}
	str_clear(&name);
}

static void
add_service_names(struct used *used, struct postconf *pc)
{
	LIST_EACH (it, after, &pc->master.services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);
		struct view name, value;
		size_t at = 1;

		while (master_service_next_override(s, &at, &name, &value))
			used_add_text(used, &pc->names, value);
	}
}

struct user_names {
	struct shown_list *list;
	const struct used *used;
};

static void
add_user_name(struct view name, void *value, void *arg)
{
	struct user_names *user = arg;

	(void)value;
	if (used_has(user->used, name))
		add_shown(user->list, name, CLASS_USER, false);
}

static int
compare_shown(const void *a, const void *b)
{
	return strcmp(
	    ((const struct shown *)a)->name, ((const struct shown *)b)->name);
}

static void
gather(struct shown_list *list, struct postconf *pc, struct used *used)
{
	struct user_names user = { list, used };

	for (size_t i = 0; i < conf_n_rows; i++)
		add_shown(list, view_of(conf_rows[i].name), CLASS_BUILTIN,
		    conf_rows[i].type == CONF_RAW);
	add_service_params(list, &pc->master);
	/* Service parameters that other values mention. */
	htable_each(&pc->names.overrides, add_user_name, &user);
	htable_each(&pc->names.file.by_name, add_user_name, &user);
	qsort(list->items, list->n, sizeof(*list->items), compare_shown);
}

static void
show_one(struct postconf *pc, const struct shown *item)
{
	struct str text = STR_EMPTY;
	struct view value;

	if ((item->class & pc->classes) == 0)
		return;
	if (pc->only_set && !names_is_set(&pc->names, view_of(item->name)) &&
	    !(pc->dir_given && strcmp(item->name, "config_directory") == 0))
		return;
	if (!names_find_raw(&pc->names, view_of(item->name), &value))
		return;
	if (item->raw)
		str_add(&text, value);
	else
		postconf_expand(pc, value, &text);
	postconf_print(pc, item->name, str_view(&text));
	str_clear(&text);
}

static void
show_named(struct postconf *pc, const struct shown_list *list, const char *name)
{
	struct shown key = { (char *)name, 0, false };
	const struct shown *item = bsearch(
	    &key, list->items, list->n, sizeof(*list->items), compare_shown);

	if (item == NULL || (pc->only_defaults && item->class == CLASS_USER))
		postconf_warn("%s: unknown parameter", name);
	else
		show_one(pc, item);
}

struct undefined {
	struct postconf *pc;
	const char *file;
	struct htable told;
};

static void
check_defined(void *arg, struct view name)
{
	struct undefined *u = arg;
	struct view value;

	if (names_find_raw(&u->pc->names, name, &value) ||
	    htable_find(&u->told, name) != NULL)
		return;
	htable_set(&u->told, name, u);
	postconf_warn(
	    "%s: undefined parameter: %.*s", u->file, VIEW_ARGS(name));
}

static void
check_value_names(struct view name, void *value, void *arg)
{
	const struct conf_row *row = conf_row_find(name);

	if (row == NULL || row->type != CONF_RAW)
		conf_expand_names(view_of(value), check_defined, arg);
}

/* $names in what was set that have no value. */
static void
warn_undefined(struct postconf *pc, const struct shown_list *list)
{
	struct undefined u = { .pc = pc };
	struct str file = STR_EMPTY;

	str_printf(&file, "%s/main.cf", pc->names.dir);
	u.file = file.ptr;
	htable_init(&u.told);
	LIST_EACH (it, after, &pc->names.file.defs) {
		struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);
		struct view name = view_of(def->name);

		if (htable_find(&list->names, name) != NULL &&
		    htable_find(&pc->names.overrides, name) == NULL)
			check_value_names(name, def->value, &u);
	}
	htable_each(&pc->names.overrides, check_value_names, &u);
	htable_clear(&u.told, NULL);
	str_clear(&file);
}

struct unused {
	const struct shown_list *list;
	const char *dir;
};

static void
warn_override(struct view name, void *value, void *arg)
{
	const struct unused *u = arg;

	if (htable_find(&u->list->names, name) == NULL)
		postconf_warn("%s/main.cf: unused parameter: %.*s=%s", u->dir,
		    VIEW_ARGS(name), (const char *)value);
}

static void
warn_unused(struct postconf *pc, const struct shown_list *list)
{
	struct unused u = { list, pc->names.dir };

	LIST_EACH (it, after, &pc->names.file.defs) {
		const struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);

		if (htable_find(&list->names, view_of(def->name)) == NULL &&
		    htable_find(&pc->names.overrides, view_of(def->name)) ==
			NULL)
			postconf_warn("%s/main.cf: unused parameter: %s=%s",
			    pc->names.dir, def->name, def->value);
	}
	htable_each(&pc->names.overrides, warn_override, &u);
}

void
postconf_show(struct postconf *pc, char **wanted, size_t n)
{
	struct shown_list list = { .n = 0 };
	struct used used;
	bool only_defaults = pc->names.only_defaults;

	/* What is used is asked of what main.cf says, also for -d. */
	pc->names.only_defaults = false;
	used_init(&used, &pc->names);
	add_service_names(&used, pc);
	htable_init(&list.names);
	gather(&list, pc, &used);
	if (!pc->quiet)
		warn_undefined(pc, &list);
	pc->names.only_defaults = only_defaults;
	for (size_t i = 0; n == 0 && i < list.n; i++)
		if (!only_defaults || list.items[i].class != CLASS_USER)
			show_one(pc, &list.items[i]);
	for (size_t i = 0; i < n; i++)
		show_named(pc, &list, wanted[i]);
	if (!pc->quiet)
		warn_unused(pc, &list);
	for (size_t i = 0; i < list.n; i++)
		free(list.items[i].name);
	free(list.items);
	htable_clear(&list.names, NULL);
	used_clear(&used);
}
