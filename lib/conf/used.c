#include "lib/conf/used.h"

#include "lib/base/mem.h"
#include "lib/conf/rows.h"

#include <stdlib.h>

static void
add_name(void *arg, struct view name)
{
	struct used *used = arg;

	if (htable_find(&used->names, name) != NULL)
		return;
	htable_set(&used->names, name, used);
	if (used->n_pending == used->room) {
		used->room = used->room == 0 ? 64 : 2 * used->room;
		used->pending = xreallocarray(
		    used->pending, used->room, sizeof(*used->pending));
	}
	used->pending[used->n_pending++] = name;
}

/* A list of pending names and no recursion: a chain may be long. */
static void
follow(struct used *used, struct names *names)
{
	struct view value;

	while (used->n_pending > 0) {
		struct view name = used->pending[--used->n_pending];

		if (names_find_raw(names, name, &value))
			conf_expand_names(value, add_name, used);
	}
}

void
used_add_text(struct used *used, struct names *names, struct view text)
{
	conf_expand_names(text, add_name, used);
	follow(used, names);
}

static void
add_restriction_classes(struct used *used, struct names *names)
{
	struct str classes = STR_EMPTY;
	struct view raw, rest, item;

	if (names_find_raw(names, VIEW("smtpd_restriction_classes"), &raw))
		(void)names_expand(names, raw, &classes);
	rest = str_view(&classes);
	while (conf_list_next(&rest, &item))
		add_name(used, item);
	follow(used, names);
	str_clear(&classes);
}

void
used_init(struct used *used, struct names *names)
{
	struct view raw;

	*used = (struct used){ .n_pending = 0 };
	htable_init(&used->names);
	for (size_t i = 0; i < conf_n_rows; i++) {
		struct view name = view_of(conf_rows[i].name);

		/* The computed ones have no macros. */
		if ((conf_rows[i].init != CONF_COMPUTED ||
			names_is_set(names, name)) &&
		    names_find_raw(names, name, &raw))
			used_add_text(used, names, raw);
	}
	add_restriction_classes(used, names);
}

void
used_clear(struct used *used)
{
	htable_clear(&used->names, NULL);
	free(used->pending);
	*used = (struct used){ .n_pending = 0 };
}

bool
used_has(const struct used *used, struct view name)
{
	return htable_find(&used->names, name) != NULL;
}
