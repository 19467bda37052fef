/* Finding endpoints: see scan.h. */
#include "dial/scan.h"

#include "lib/base/mem.h"
#include "lib/conf/each.h"
#include "lib/table/create.h"
#include "lib/table/words.h"

#include <stdlib.h>

enum { TABLE_PAIRS_MAX = 1000000 };

/* Parameters whose tables lead to transports or milters. */
static const char *const parameters[] = { "transport_maps",
	"mailbox_transport_maps", "fallback_transport_maps",
	"sender_dependent_default_transport_maps", "smtpd_milter_maps" };

static void
read_table(struct scan *s, struct table *t)
{
	struct str key = STR_EMPTY, value = STR_EMPTY;
	bool more = true;

	for (int i = 0; more && i < TABLE_PAIRS_MAX; i++) {
		struct err e = table_next(t, i == 0, &key, &value, &more);

		if (err_is(e))
			break;
		if (more)
			endpoints_add_value(
			    &s->endpoints, VIEW_EMPTY, str_view(&value));
	}
	str_clear(&key);
	str_clear(&value);
}

static void
read_tables(struct scan *s, struct view value)
{
	struct view word;

	while (words_next(&value, &word)) {
		struct table *t;

		if (err_is(table_open(word, 0, &t)))
			continue;
		read_table(s, t);
		s->tables = xreallocarray(
		    s->tables, s->n_tables + 1, sizeof(struct table *));
		s->tables[s->n_tables++] = t;
	}
}

static void
visit(void *arg, struct view name, struct view value)
{
	struct scan *s = arg;

	endpoints_add_value(&s->endpoints, name, value);
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		if (view_eq(name, view_of(parameters[i])))
			read_tables(s, value);
}

struct err
scan_init(struct scan *s, const struct conf *conf)
{
	*s = (struct scan){ .tables = NULL };
	endpoints_init(&s->endpoints);
	return conf_each_value(conf, visit, s);
}

void
scan_clear(struct scan *s)
{
	for (size_t i = 0; i < s->n_tables; i++)
		table_close(s->tables[i]);
	free(s->tables);
	endpoints_clear(&s->endpoints);
}

bool
scan_has_changed(const struct scan *s)
{
	for (size_t i = 0; i < s->n_tables; i++)
		if (table_has_changed(s->tables[i]))
			return true;
	return false;
}
