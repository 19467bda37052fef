/*
 * pgsql:, mysql: and sqlite: tables.  The statement comes from a template, into
 * which the key is put as the inside of a string literal; each column of each
 * row becomes a part of the value.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/dblink.h"
#include "lib/table/query.h"
#include "lib/table/type.h"
#include "lib/table/words.h"

#include <stdlib.h>

enum { SQL_TIMEOUT_MS = 10000 };

struct sql {
	const struct table_module *module;
	const struct params *params;
	struct query_common common;
	struct str template;
	struct dblink link;
	/* The question that is being asked. */
	struct view key;
	struct query_result result;
	struct str statement;
};

/* Statements from before there was `query`. */
static void
old_template(const struct table *t, const struct params *p, struct str *out)
{
	const char *function = params_text(p, "select_function", "");

	if (*function != '\0' && view_eq(view_of(t->type->name), VIEW("pgsql")))
		str_printf(out, "SELECT %s('%%s')", function);
	else
		str_printf(out, "SELECT %s FROM %s WHERE %s = '%%s' %s",
		    params_text(p, "select_field", ""),
		    params_text(p, "table", ""),
		    params_text(p, "where_field", ""),
		    params_text(p, "additional_conditions", ""));
}

/*
 * Escaping protects a key within quotes only.  Outside of them it would be a
 * part of the statement, which somebody's client writes.
 */
static bool
is_quoted(struct view text, bool double_too)
{
	char within = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (within != 0) {
			if (c == within)
				within = 0;
		} else if (c == '\'' || c == '"') {
			within = c;
		}
		if (c == '%' && i + 1 < text.len && text.ptr[++i] != '%' &&
		    within != '\'' && !(double_too && within == '"'))
			return false;
	}
	return true;
}

static struct err
load_template(struct table *t, struct sql *s)
{
	const char *query = params_text(s->params, "query", "");
	bool mysql = view_eq(view_of(t->type->name), VIEW("mysql"));
	struct err e;

	if (*query != '\0')
		str_set(&s->template, view_of(query));
	else if (params_find(s->params, "select_function") != NULL ||
	    params_find(s->params, "select_field") != NULL)
		old_template(t, s->params, &s->template);
	else
		return err_make(ERR_PERM, "%.100s: parameter query is not set",
		    params_origin(s->params));
	e = query_check(
	    params_origin(s->params), "query", str_view(&s->template));
	if (!err_is(e) && !is_quoted(str_view(&s->template), mysql))
		log_warn("%s: query: a %%-macro stands outside of quotes, where "
			 "nothing can be escaped",
		    params_origin(s->params));
	return e;
}

static const char *
find_param(void *arg, const char *name)
{
	const struct sql *s = arg;

	return params_find(s->params, name);
}

static void *
connect_sql(void *arg, const struct dbhost *host, int timeout_ms, char *why)
{
	struct sql *s = arg;
	struct module_server server = { .port = host->port,
		.timeout_ms = timeout_ms,
		.param = find_param,
		.arg = s };

	if (host->is_socket)
		server.socket = host->name.ptr;
	else
		server.host = host->name.ptr;
	return s->module->connect(&server, why);
}

static void
forget_result(struct sql *s)
{
	str_reset(s->result.value);
	s->result.n = 0;
	s->result.e = ERR_OK;
}

static bool
take_row(void *arg, const struct view *columns, size_t n)
{
	struct sql *s = arg;

	if (n == 0)
		forget_result(s);
	for (size_t i = 0; i < n; i++)
		if (columns[i].ptr != NULL &&
		    !query_result_add(&s->result, columns[i]))
			return false;
	return true;
}

struct quoting {
	struct sql *s;
	void *connection;
};

static bool
quote(void *arg, struct view text, struct str *out)
{
	const struct quoting *q = arg;
	size_t len = 0;
	char *to = str_reserve(out, 2 * text.len + 1);

	if (!q->s->module->quote(q->connection, text, to, &len))
		return false;
	str_grew(out, len);
	return true;
}

static enum module_end
ask_sql(void *arg, void *connection, int timeout_ms, char *why)
{
	struct sql *s = arg;
	struct quoting q = { s, connection };
	bool whole;

	/* Of an earlier server, which was lost half-way. */
	forget_result(s);
	str_reset(&s->statement);
	query_expand(str_view(&s->template), s->key, quote, &q, &s->statement,
	    &whole);
	if (!whole)
		return MODULE_DONE;
	return s->module->query(connection, str_view(&s->statement), timeout_ms,
	    take_row, s, why);
}

static void
close_connection(void *arg, void *connection)
{
	struct sql *s = arg;

	s->module->close(connection);
}

static const struct dblink_kind links[] = {
	{ "pgsql", connect_sql, ask_sql, close_connection },
	{ "mysql", connect_sql, ask_sql, close_connection },
	{ "sqlite", connect_sql, ask_sql, close_connection },
};

static void
close_sql(struct table *t)
{
	struct sql *s = t->state;

	dblink_close(&s->link);
	query_common_close(&s->common);
	str_clear(&s->template);
	str_clear(&s->statement);
	free(s);
	t->state = NULL;
}

/* sqlite: its file is its host, whatever it is called. */
static struct err
open_link(struct table *t, struct sql *s)
{
	const char *hosts = params_text(s->params, "hosts", "localhost");
	const struct dblink_kind *kind = links;
	struct err e;

	while (strcmp(kind->name, t->type->name) != 0)
		kind++;
	if (strcmp(kind->name, "sqlite") == 0) {
		hosts = params_text(s->params, "dbpath", "");
		if (*hosts != '/' || strpbrk(hosts, WORDS_SEPARATORS) != NULL)
			return err_make(ERR_PERM,
			    "%.100s: parameter dbpath must be a whole path, "
			    "without spaces or commas",
			    params_origin(s->params));
	}
	e = dblink_open(&s->link, kind, s, s->params, hosts, false,
	    s->common.timeout_ms);
	s->link.may_block = s->module->may_block;
	return e;
}

static struct err
open_sql(struct table *t)
{
	struct sql *s = xcalloc(1, sizeof(*s));
	struct err e = module_load(t->type->name, &s->module);
	bool ignored; /* the module reads it too */

	str_init(&s->template);
	str_init(&s->statement);
	t->state = s;
	if (!err_is(e))
		e = params_load(str_view(&t->spec), &s->params);
	if (!err_is(e))
		e = query_common_open(&s->common, s->params, SQL_TIMEOUT_MS);
	if (!err_is(e))
		e = params_bool(
		    s->params, "require_result_set", true, &ignored);
	if (!err_is(e))
		e = load_template(t, s);
	if (!err_is(e))
		e = open_link(t, s);
	if (err_is(e))
		close_sql(t);
	return e;
}

static struct err
find_sql(struct table *t, struct view key, struct str *value, bool *found)
{
	struct sql *s = t->state;
	struct str answer = STR_EMPTY;
	bool wanted;
	struct err e = query_common_wants(&s->common, key, &wanted);

	if (err_is(e) || !wanted)
		return e;
	s->key = key;
	s->result = query_result_for(&s->common, key, t->spec.ptr, &answer);
	e = dblink_ask(&s->link);
	if (!err_is(e))
		e = s->result.e;
	*found = !err_is(e) && answer.len > 0;
	if (*found)
		str_set(value, str_view(&answer));
	str_clear(&answer);
	return err_is(e) ? err_within(e, "table %.60s", t->spec.ptr) : e;
}

static bool
changed_sql(const struct table *t, bool path)
{
	const struct sql *s = t->state;

	return (path && params_changed(s->params)) ||
	    query_common_changed(&s->common, path);
}

#define SQL_TYPE(word)                                                       \
	const struct table_type type_##word = { .name = #word,               \
		.flags = TYPE_FIXED | TYPE_REMOTE | TYPE_SERVER | \
		    TYPE_MODULE | TYPE_PARAMS,                            \
		.open = open_sql,                                            \
		.find = find_sql,                                            \
		.close = close_sql,                                          \
		.changed = changed_sql }

SQL_TYPE(pgsql);
SQL_TYPE(mysql);
SQL_TYPE(sqlite);
