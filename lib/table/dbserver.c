/* Tables with a simple protocol: see dbserver.h. */
#include "lib/table/dbserver.h"

#include "lib/base/mem.h"

#include <stdlib.h>

void *
dbserver_connect(void *arg, const struct dbhost *host, int timeout_ms, char *why)
{
	const struct dbserver *s = arg;

	return duct_connect(host, s->port, timeout_ms, why);
}

void
dbserver_close_connection(void *arg, void *connection)
{
	(void)arg;
	duct_close(connection);
}

struct err
dbserver_open(struct table *t, const struct dbserver_kind *kind,
    const struct params *p, const char *hosts)
{
	struct dbserver *s = xcalloc(1, sizeof(*s));
	struct err e = ERR_OK;

	s->params = p;
	s->port = kind->port;
	str_init(&s->answer);
	s->common = (struct query_common){ .result_format = "%s",
		.timeout_ms = kind->timeout_ms };
	if (p != NULL)
		e = query_common_open(&s->common, p, kind->timeout_ms);
	t->state = s;
	if (!err_is(e))
		e = dblink_open(&s->link, &kind->link, s, p, hosts,
		    kind->in_order, s->common.timeout_ms);
	if (err_is(e))
		dbserver_close(t);
	return e;
}

void
dbserver_close(struct table *t)
{
	struct dbserver *s = t->state;

	dblink_close(&s->link);
	query_common_close(&s->common);
	str_clear(&s->answer);
	free(s);
	t->state = NULL;
}

bool
dbserver_changed(const struct table *t, bool path)
{
	const struct dbserver *s = t->state;

	return (path && s->params != NULL && params_changed(s->params)) ||
	    query_common_changed(&s->common, path);
}

struct err
dbserver_find(struct table *t, struct view key, struct str *value, bool *found)
{
	struct dbserver *s = t->state;
	struct err e;

	s->key = key;
	s->found = false;
	str_reset(&s->answer);
	s->result =
	    query_result_for(&s->common, key, t->spec.ptr, &s->answer);
	e = dblink_ask(&s->link);
	if (!err_is(e))
		e = s->result.e;
	if (err_is(e))
		return err_within(e, "table %.60s", t->spec.ptr);
	*found = s->found;
	if (*found)
		str_set(value, str_view(&s->answer));
	return ERR_OK;
}
