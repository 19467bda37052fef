/*
 * Opening and asking tables of any type: finding the row, folding keys, what
 * goes to another process.  The types themselves are one file each.
 */
#include "lib/table/table.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/table/module.h"
#include "lib/table/params.h"
#include "lib/table/type.h"
#include "lib/table/words.h"

#include <stdlib.h>

static const struct table_type *const types[] = {
	&type_btree,
	&type_cdb,
	&type_cidr,
	&type_environ,
	&type_fail,
	&type_hash,
	&type_inline,
	&type_internal,
	&type_ldap,
#ifdef HAVE_LMDB
	&type_lmdb,
#endif
	&type_memcache,
	&type_mysql,
	&type_pcre,
	&type_pgsql,
	&type_pipemap,
	&type_randmap,
	&type_redis,
	&type_regexp,
	&type_socketmap,
	&type_sqlite,
	&type_static,
	&type_tcp,
	&type_texthash,
	&type_unionmap,
	&type_unix,
};

static table_ask_fn *ask_remote;

void
table_set_remote(table_ask_fn *ask)
{
	ask_remote = ask;
}

const char *
table_type_name(size_t i)
{
	for (size_t at = 0; at < ARRAY_LEN(types); at++)
		if ((!(types[at]->flags & TYPE_MODULE) ||
			module_is_there(types[at]->name)) &&
		    i-- == 0)
			return types[at]->name;
	return NULL;
}

const struct table_type *
table_type_find(struct view name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (view_eq(name, view_of(types[i]->name)))
			return types[i];
	return NULL;
}

bool
table_spec_is_remote(struct view spec)
{
	return ask_remote != NULL && table_wants_server(spec);
}

/* Parameters name tables, which have parameters: there may be a circle. */
enum { TABLES_DEEP = 10 };
static _Thread_local int deep;

static bool
go_deeper(void)
{
	if (deep == TABLES_DEEP)
		return false;
	deep++;
	return true;
}

static struct view
without_proxy(struct view spec)
{
	while (view_starts(spec, VIEW("proxy:")))
		spec = view_skip(spec, 6);
	return spec;
}

/* NULL: there is no such type.  Cuts *spec to "type:name". */
static const struct table_type *
cut_type(struct view *spec, struct view *name)
{
	size_t colon;

	*spec = without_proxy(view_trim(*spec));
	colon = view_find(*spec, ':');
	if (colon == VIEW_NPOS)
		return NULL;
	*name = view_skip(*spec, colon + 1);
	return table_type_find(view_first(*spec, colon));
}

/* A composite's members within the name "{a,b}". */
static bool
member_is_remote(struct view name)
{
	struct view inside, word;

	if (!words_in_braces(name, &inside))
		return false;
	while (words_next(&inside, &word))
		if (table_wants_server(word))
			return true;
	return false;
}

bool
table_wants_server(struct view spec)
{
	struct view name;
	const struct table_type *type = cut_type(&spec, &name);

	if (type == NULL)
		return false;
	if (type->flags & TYPE_MEMBERS)
		return member_is_remote(name);
	return (type->flags & TYPE_REMOTE) != 0;
}

/* memcache: the table behind it, or nothing. */
static struct view
backup_of(const struct params *params)
{
	return view_of(params_text(params, "backup", ""));
}

/* As a composite's members are found, below. */
static void
prepare_members(struct view name)
{
	struct view inside, word;

	if (words_in_braces(name, &inside))
		while (words_next(&inside, &word))
			table_prepare(word);
}

void
table_prepare(struct view spec)
{
	struct view name;
	const struct table_type *type = cut_type(&spec, &name);
	const struct table_module *module;
	const struct params *params = NULL;
	struct err e = ERR_OK;

	if (type == NULL || !go_deeper())
		return;
	if (type->flags & TYPE_MEMBERS)
		prepare_members(name);
	if (type->flags & TYPE_MODULE)
		e = module_load(type->name, &module);
	if (!err_is(e) && type->flags & TYPE_PARAMS)
		e = params_load(spec, &params);
	if (!err_is(e) && params != NULL && type->prepare != NULL)
		e = type->prepare(params);
	if (err_is(e))
		log_warn("%s", e.text);
	else if (type->flags & TYPE_PARAMS)
		table_prepare(backup_of(params));
	deep--;
}

struct visit {
	void (*visit)(void *arg, struct view folder);
	void *arg;
};

static void
visit_path(void *arg, struct view path)
{
	const struct visit *v = arg;
	size_t slash = view_find_last(path, '/');

	if (path.len > 1 && path.ptr[0] == '/')
		v->visit(v->arg, view_first(path, slash == 0 ? 1 : slash));
}

void
table_each_folder(struct view spec,
    void (*visit)(void *arg, struct view folder), void *arg)
{
	struct visit v = { visit, arg };
	struct view name, inside, word;
	const struct table_type *type = cut_type(&spec, &name);
	const struct params *params;

	if (type == NULL || !go_deeper())
		return;
	if (type->flags & TYPE_PARAMS) {
		if (!err_is(params_load(spec, &params))) {
			params_each_path(params, visit_path, &v);
			table_each_folder(backup_of(params), visit, arg);
		}
	} else if (type->flags & TYPE_MEMBERS && words_in_braces(name, &inside)) {
		while (words_next(&inside, &word))
			table_each_folder(word, visit, arg);
	} else {
		visit_path(&v, name);
	}
	deep--;
}

static struct err
open_type(struct table *t)
{
	size_t colon = view_find(str_view(&t->spec), ':');
	struct view name = view_first(str_view(&t->spec), colon);

	if (colon == VIEW_NPOS || colon == 0 || colon + 1 == t->spec.len)
		return err_make(ERR_PERM,
		    "open dictionary: expecting "
		    "\"type:name\" form instead of \"%.*s\"",
		    VIEW_ARGS(view_first(str_view(&t->spec), 100)));
	t->name = view_skip(str_view(&t->spec), colon + 1);
	t->type = table_type_find(name);
	t->fixed = t->type == NULL || (t->type->flags & TYPE_FIXED) != 0;
	if (table_spec_is_remote(str_view(&t->spec))) {
		t->ask = ask_remote;
		return ERR_OK;
	}
	if (t->type == NULL)
		return err_make(ERR_PERM, "unsupported dictionary type: %.*s",
		    VIEW_ARGS(view_first(name, 100)));
	return t->type->open(t);
}

struct err
table_open(struct view spec, unsigned flags, struct table **out)
{
	struct table *t = xcalloc(1, sizeof(*t));
	struct err e;

	t->flags = flags;
	str_init(&t->spec);
	str_set(&t->spec, without_proxy(view_trim(spec)));
	if (go_deeper()) {
		e = open_type(t);
		deep--;
	} else {
		e = err_make(ERR_PERM,
		    "open %.100s: more than %d tables within each other",
		    t->spec.ptr, TABLES_DEEP);
	}
	if (err_is(e) && flags & TABLE_OPEN_LATER) {
		log_warn("%s is unavailable. %s", t->spec.ptr, e.text);
		t->refused = err_make(ERR_TEMP, "%s", e.text);
		t->refused_ms = clock_ms();
		t->type = NULL;
		e = ERR_OK;
	}
	if (err_is(e)) {
		t->type = NULL;
		table_close(t);
		t = NULL;
	}
	*out = t;
	return e;
}

void
table_close(struct table *t)
{
	if (t == NULL)
		return;
	if (t->type != NULL && t->ask == NULL && t->type->close != NULL)
		t->type->close(t);
	str_clear(&t->spec);
	free(t);
}

/* The key in lower case: itself, or a copy in memory of the question's own,
 * since a remote table is asked by many fibers at a time. */
static struct view
fold(struct str *folded, struct view key)
{
	size_t i = 0;

	while (i < key.len && ascii_lower(key.ptr[i]) == key.ptr[i])
		i++;
	if (i == key.len)
		return key;
	str_set(folded, key);
	str_lower(folded);
	return str_view(folded);
}

static void
trace_find(const struct table *t, struct view key, const struct str *value,
    bool found, struct err e)
{
	size_t at = trace_take_line();
	struct str line = STR_EMPTY;

	if (!found && !err_is(e) && trace_hides_misses)
		return;
	if (found && at > 0)
		str_printf(&line, "%zu", at);
	TRACE("lookup", { "table", str_view(&t->spec) }, { "key", key },
	    { "result",
		err_is(e) ? VIEW("failed")
			  : found ? VIEW("found") : VIEW("not found") },
	    { "value", found ? str_view(value) : (struct view){ NULL, 0 } },
	    { "line", line.len > 0 ? str_view(&line)
				   : (struct view){ NULL, 0 } },
	    { "why", err_is(e) ? view_of(e.text) : (struct view){ NULL, 0 } });
	str_clear(&line);
}

struct err
table_find(struct table *t, struct view key, struct str *value, bool *found)
{
	struct str folded = STR_EMPTY;
	struct err e;

	*found = false;
	if (err_is(t->refused)) {
		if (trace_is_on())
			trace_find(t, key, value, false, t->refused);
		return t->refused;
	}
	if (key.len > TABLE_KEY_MAX && (t->fixed || t->ask != NULL))
		return ERR_OK;
	if (t->fixed && !(t->flags & TABLE_NO_FOLD))
		key = fold(&folded, key);
	if (t->ask != NULL)
		e = t->ask(str_view(&t->spec), key, value, found);
	else
		e = t->type->find(t, key, value, found);
	if (trace_is_on())
		trace_find(t, key, value, *found, e);
	str_clear(&folded);
	if (!err_is(e))
		return ERR_OK;
	*found = false;
	/* What a caller must never take for "no such user". */
	e.kind = ERR_TEMP;
	return e;
}

struct view
table_spec(const struct table *t)
{
	return str_view(&t->spec);
}

bool
table_is_pattern(const struct table *t)
{
	return !t->fixed;
}

bool
table_has_connection(const struct table *t)
{
	return t->ask == NULL && t->type != NULL &&
	    (t->type->flags & (TYPE_SERVER | TYPE_MEMBERS)) != 0;
}

bool
table_may_park(const struct table *t)
{
	return t->ask == NULL && t->type != NULL &&
	    (t->type->flags & TYPE_SERVER) != 0;
}

bool
table_is_remote(const struct table *t)
{
	return t->ask != NULL;
}

static bool
changed(const struct table *t, bool path)
{
	/* What could not be opened may be there by now; only a path could tell,
	 * so the next process tries. */
	if (err_is(t->refused))
		return clock_ms() - t->refused_ms >= TABLE_REFUSED_MS;
	if (t->ask != NULL || t->type == NULL || t->type->changed == NULL)
		return false;
	return t->type->changed(t, path);
}

bool
table_has_changed(const struct table *t)
{
	return changed(t, false);
}

bool
table_was_replaced(const struct table *t)
{
	return changed(t, true);
}
