/*
 * memcache: tables: a cache, with perhaps a table behind it that is asked for
 * what the cache does not have (or when it fails), and whose answers are put
 * into it.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/dbserver.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	MEMCACHE_TIMEOUT_MS = 2000,
	MEMCACHE_PORT = 11211,
	MEMCACHE_KEY_MAX = 250, /* of the protocol */
};

struct memcache {
	const char *key_format;
	int64_t ttl, flags, data_max, line_max;
	struct table *backup; /* NULL: none */
	struct str key;
	bool store; /* the question is to put `answer` in */
};

static const struct params_idle idle[] = {
	{ "max_try", "a connection that is lost is made anew, at once" },
	{ "retry_pause", "a connection that is lost is made anew, at once" },
};

/* A key must be one word of printable bytes: others would be commands. */
static bool
is_good_key(struct view key)
{
	for (size_t i = 0; i < key.len; i++)
		if ((unsigned char)key.ptr[i] <= ' ' || key.ptr[i] == 0x7f)
			return false;
	return key.len > 0 && key.len <= MEMCACHE_KEY_MAX;
}

static enum module_end
bad(char *why, const char *text, struct view line)
{
	snprintf(why, MODULE_WHY_MAX, "%s: %.*s", text,
	    VIEW_ARGS(view_first(line, 100)));
	return MODULE_LOST;
}

/* "VALUE key flags bytes", the bytes, "END"; or "END". */
static enum module_end
read_value(struct dbserver *s, const struct memcache *m, struct duct *w,
    char *why)
{
	struct view line, word = VIEW_EMPTY, value;
	size_t line_max = (size_t)m->line_max;
	uint64_t n;

	if (!duct_read_line(w, line_max, &line, why))
		return MODULE_LOST;
	if (view_eq(line, VIEW("END")))
		return MODULE_DONE;
	if (!view_starts(line, VIEW("VALUE ")))
		return bad(why, "unexpected reply", line);
	for (struct view rest = line; view_token(&rest, " ", &value);)
		word = value;
	if (!view_to_uint(word, 10, &n) || n > (uint64_t)m->data_max)
		return bad(why, "the value is too long", word);
	if (!duct_read_n(w, (size_t)n + 2, &value, why))
		return MODULE_LOST;
	str_set(&s->answer, view_first(value, (size_t)n));
	if (!duct_read_line(w, line_max, &line, why))
		return MODULE_LOST;
	if (!view_eq(line, VIEW("END")))
		return bad(why, "unexpected reply", line);
	s->found = true;
	return MODULE_DONE;
}

static enum module_end
store_value(struct dbserver *s, const struct memcache *m, struct duct *w,
    char *why)
{
	struct str text = STR_EMPTY;
	struct view line;
	bool good;

	str_printf(&text, "set %s %lld %lld %zu\r\n", m->key.ptr,
	    (long long)m->flags, (long long)m->ttl, s->answer.len);
	str_add(&text, str_view(&s->answer));
	str_add_text(&text, "\r\n");
	good = duct_send(w, str_view(&text), why) &&
	    duct_read_line(w, (size_t)m->line_max, &line, why);
	str_clear(&text);
	if (!good)
		return MODULE_LOST;
	return view_eq(line, VIEW("STORED")) ? MODULE_DONE : MODULE_REFUSED;
}

static enum module_end
ask_memcache(void *arg, void *connection, int timeout_ms, char *why)
{
	struct dbserver *s = arg;
	struct memcache *m = s->state;
	struct duct *w = connection;
	struct str text = STR_EMPTY;
	bool good = duct_begin(w, timeout_ms, why);

	if (good && m->store)
		return store_value(s, m, w, why);
	s->found = false;
	str_printf(&text, "get %s\r\n", m->key.ptr);
	good = good && duct_send(w, str_view(&text), why);
	str_clear(&text);
	return good ? read_value(s, m, w, why) : MODULE_LOST;
}

static const struct dbserver_kind kind = {
	.link = { "memcache", dbserver_connect, ask_memcache,
	    dbserver_close_connection },
	.port = MEMCACHE_PORT,
	.timeout_ms = MEMCACHE_TIMEOUT_MS,
};

static void
memcache_free(struct memcache *m)
{
	table_close(m->backup);
	str_clear(&m->key);
	free(m);
}

static struct err
load_memcache(struct memcache *m, const struct params *p, unsigned flags)
{
	const char *backup = params_text(p, "backup", "");
	struct err e;

	m->key_format = params_text(p, "key_format", "%s");
	e = query_check(params_origin(p), "key_format", view_of(m->key_format));
	if (!err_is(e))
		e = params_number(p, "ttl", 3600, 0, INT32_MAX, &m->ttl);
	if (!err_is(e))
		e = params_number(p, "flags", 0, 0, INT32_MAX, &m->flags);
	if (!err_is(e))
		e = params_number(p, "data_size_limit", 10240, 1,
		    QUERY_VALUE_MAX, &m->data_max);
	if (!err_is(e))
		e = params_number(
		    p, "line_size_limit", 1024, 100, 65536, &m->line_max);
	params_warn_idle(p, idle, ARRAY_LEN(idle));
	if (!err_is(e) && *backup != '\0')
		e = table_open(view_of(backup), flags, &m->backup);
	return e;
}

static struct err
open_memcache(struct table *t)
{
	struct memcache *m = xcalloc(1, sizeof(*m));
	const struct params *p;
	struct err e = params_load(str_view(&t->spec), &p);

	str_init(&m->key);
	if (!err_is(e))
		e = load_memcache(
		    m, p, t->flags & ~(unsigned)TABLE_OPEN_LATER);
	if (!err_is(e))
		e = dbserver_open(t, &kind, p,
		    params_text(p, "memcache", "inet:localhost"));
	if (err_is(e))
		memcache_free(m);
	else
		((struct dbserver *)t->state)->state = m;
	return e;
}

static void
close_memcache(struct table *t)
{
	struct memcache *m = ((struct dbserver *)t->state)->state;

	dbserver_close(t);
	memcache_free(m);
}

static bool
changed_memcache(const struct table *t, bool path)
{
	const struct memcache *m = ((struct dbserver *)t->state)->state;

	return dbserver_changed(t, path) ||
	    (m->backup != NULL && (path ? table_was_replaced(m->backup)
					: table_has_changed(m->backup)));
}

/* The answer goes into the cache; if that fails, it is not there. */
static void
keep(struct table *t, struct view key, struct view value)
{
	struct dbserver *s = t->state;
	struct memcache *m = s->state;
	struct err e;

	if (value.len > (size_t)m->data_max)
		return;
	s->key = key;
	str_set(&s->answer, value);
	m->store = true;
	e = dblink_ask(&s->link);
	m->store = false;
	if (err_is(e))
		log_debug("%s", e.text);
}

static struct err
find_memcache(struct table *t, struct view key, struct str *value, bool *found)
{
	struct dbserver *s = t->state;
	struct memcache *m = s->state;
	bool wanted;
	struct err e = query_common_wants(&s->common, key, &wanted);

	if (err_is(e) || !wanted)
		return e;
	str_reset(&m->key);
	query_expand(
	    view_of(m->key_format), key, NULL, NULL, &m->key, &wanted);
	if (!wanted)
		return ERR_OK;
	wanted = is_good_key(str_view(&m->key));
	if (wanted)
		e = dbserver_find(t, key, value, found);
	if (*found || m->backup == NULL)
		return e;
	/* What the cache says of itself was told already. */
	e = table_find(m->backup, key, value, found);
	if (*found && wanted)
		keep(t, key, str_view(value));
	return e;
}

const struct table_type type_memcache = { .name = "memcache",
	.flags = TYPE_FIXED | TYPE_REMOTE | TYPE_SERVER | TYPE_PARAMS,
	.open = open_memcache,
	.find = find_memcache,
	.close = close_memcache,
	.changed = changed_memcache };
