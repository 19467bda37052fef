/*
 * Which of the names that a site made up something uses: a $name in a
 * parameter, in another used name, in a service's -o, or a restriction class.
 * And NAME_query, NAME_hosts, ..., where a table "pgsql:NAME" is used.
 */
#ifndef CONF_USED_H
#define CONF_USED_H

#include "lib/conf/names.h"

struct used {
	struct htable names;
	struct htable tables; /* NAME of "pgsql:NAME" */
	struct view *pending; /* keys to follow */
	size_t n_pending, room;
};

/* Begins with what the parameters themselves use. */
void used_init(struct used *used, struct names *names);
void used_clear(struct used *used);
/* Everything that this text mentions is used. */
void used_add_text(struct used *used, struct names *names, struct view text);
bool used_has(const struct used *used, struct view name);

#endif
