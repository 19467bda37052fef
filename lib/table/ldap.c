/*
 * ldap: tables.  The filter comes from a template, the value from attributes
 * of what is found; values of special attributes are names of other entries,
 * or LDAP URLs, that are looked up in turn.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/dblink.h"
#include "lib/table/query.h"
#include "lib/table/type.h"
#include "lib/table/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LDAP_TIMEOUT_MS = 10000,
	LDAP_DEPTH = 1000, /* recursion_limit, and its maximum */
	LDAP_VALUES_MAX = 100000, /* of one search */
};

/* What the values of an attribute are. */
enum attribute_kind { IS_RESULT, IS_TERMINAL, IS_LEAF, IS_SPECIAL, IS_ENTRY };

/* An attribute in several is what the first of them says. */
static const struct {
	const char *name, *otherwise;
	enum attribute_kind kind;
} lists[] = {
	{ "terminal_result_attribute", "", IS_TERMINAL },
	{ "leaf_result_attribute", "", IS_LEAF },
	{ "result_attribute", "maildrop", IS_RESULT },
	{ "special_result_attribute", "", IS_SPECIAL },
};

struct attribute {
	char *name;
	enum attribute_kind kind;
};

struct ldap {
	const struct table_module *module;
	const struct params *params;
	struct query_common common;
	struct dblink link;
	const char *base, *filter, *scope;
	bool base_has_key; /* of base: it has a part of the key in it */
	struct attribute *attributes;
	const char **names; /* of attributes, ends in NULL */
	size_t n_attributes;
	int64_t depth_max, size_limit;
	bool chases; /* referrals */
	/* The question that is being asked. */
	struct view key;
	struct query_result result;
	void *connection;
	int64_t deadline;
};

/*
 * What one search has found: values in a row, each entry begun by its name.  Who
 * names other entries stays below what they are: how deep that goes a directory
 * says, so it is not on the stack, which may be a fiber's.
 */
struct found {
	struct found *below;
	struct found_value {
		enum attribute_kind kind;
		char *text;
		size_t len;
	} * all;
	size_t n, at;		/* the next one to be looked at */
	bool has[IS_ENTRY + 1]; /* of the entry that it is of */
	int64_t depth;
	const struct ldap *l;
};

/* The one below. */
static struct found *
found_pop(struct found *f)
{
	struct found *below = f->below;

	for (size_t i = 0; i < f->n; i++)
		free(f->all[i].text);
	free(f->all);
	free(f);
	return below;
}

/* RFC 4515, section 3. */
static bool
quote_filter(void *arg, struct view text, struct str *out)
{
	(void)arg;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '*' || c == '(' || c == ')' || c == '\\' || c < ' ')
			str_addf(out, "\\%02X", c);
		else
			str_add_byte(out, (char)c);
	}
	return true;
}

/* RFC 4514, section 2.4; what may be written as hex digits is. */
static bool
quote_name(void *arg, struct view text, struct str *out)
{
	(void)arg;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool end = i == 0 || i + 1 == text.len;

		if (c < ' ' || strchr("\"+,;<>\\=", c) != NULL ||
		    (end && (c == ' ' || c == '#')))
			str_addf(out, "\\%02X", c);
		else
			str_add_byte(out, (char)c);
	}
	return true;
}

static bool
find_kind(const struct ldap *l, struct view name, enum attribute_kind *kind)
{
	/* "mail;lang-en" is mail. */
	name = view_first(name, view_find(name, ';'));
	for (size_t i = 0; i < l->n_attributes; i++)
		if (view_eq_case(name, view_of(l->attributes[i].name))) {
			*kind = l->attributes[i].kind;
			return true;
		}
	return false;
}

static bool
take_value(void *arg, struct view attribute, struct view value)
{
	struct found *f = arg;
	enum attribute_kind kind = IS_ENTRY;

	if (attribute.len > 0 && !find_kind(f->l, attribute, &kind))
		return true;
	if (f->n == LDAP_VALUES_MAX)
		return false;
	if ((f->n & (f->n - 1)) == 0)
		f->all = xreallocarray(
		    f->all, f->n == 0 ? 1 : f->n * 2, sizeof(*f->all));
	f->all[f->n++] = (struct found_value){
		kind, xstrndup(value.ptr, value.len), value.len
	};
	return true;
}

/* One search; what it finds lies on top. */
static enum module_end
search(struct ldap *l, const struct module_search *what, struct found **top,
    char *why)
{
	struct found *f = xcalloc(1, sizeof(*f));
	int left = deadline_left(l->deadline);
	enum module_end end = MODULE_LOST;

	f->l = l;
	f->below = *top;
	f->depth = *top == NULL ? 0 : (*top)->depth + 1;
	*top = f;
	if (left > 0)
		end = l->module->search(
		    l->connection, what, left, take_value, f, why);
	else
		snprintf(why, MODULE_WHY_MAX, "search: timeout");
	if (end == MODULE_STOPPED)
		l->result.e = err_make(ERR_TEMP,
		    "%.100s: more than %d values", params_origin(l->params),
		    LDAP_VALUES_MAX);
	return end;
}

/* "ldap://host/base?attributes?scope?filter": the host is passed over. */
static bool
parse_url(struct view url, struct str parts[4])
{
	size_t at = view_find_text(url, VIEW("://"));
	struct view rest = view_skip(url, at + 3), part;

	at = view_find(rest, '/');
	rest = at == VIEW_NPOS ? VIEW_EMPTY : view_skip(rest, at + 1);
	for (size_t i = 0; i < 4; i++) {
		str_init(&parts[i]);
		if (!view_field(&rest, '?', &part))
			continue;
		for (size_t j = 0; j < part.len; j++) {
			uint64_t byte;

			if (part.ptr[j] != '%' || j + 2 >= part.len ||
			    !view_to_uint(
				view_sub(part, j + 1, 2), 16, &byte)) {
				str_add_byte(&parts[i], part.ptr[j]);
				continue;
			}
			str_add_byte(&parts[i], (char)byte);
			j += 2;
		}
	}
	return parts[0].len > 0;
}

enum { URL_ATTRIBUTES_MAX = 20 };

/* Of those that a URL names, the ones that the table has too.  False if there
 * is nothing to ask for. */
static bool
pick_attributes(const struct ldap *l, char *list,
    const char *picked[URL_ATTRIBUTES_MAX + 1])
{
	enum attribute_kind kind;
	const char *name;
	size_t n = 0;

	while ((name = strsep(&list, ",")) != NULL)
		if (find_kind(l, view_of(name), &kind) &&
		    n < URL_ATTRIBUTES_MAX)
			picked[n++] = name;
	picked[n] = NULL;
	return n > 0;
}

static enum module_end
search_url(struct ldap *l, struct view url, struct found **top, char *why)
{
	const char *picked[URL_ATTRIBUTES_MAX + 1];
	struct str parts[4];
	enum module_end end = MODULE_DONE;
	bool whole = parse_url(url, parts);
	bool all = parts[1].len == 0 || view_eq(str_view(&parts[1]), VIEW("*"));
	struct module_search what = { .base = parts[0].ptr,
		.scope = parts[2].len > 0 ? parts[2].ptr : "base",
		.filter = parts[3].len > 0 ? parts[3].ptr : "(objectClass=*)",
		.attributes = all ? l->names : picked,
		.size_limit = l->size_limit,
		.may_lack_base = true };

	if (whole && (all || pick_attributes(l, parts[1].ptr, picked)))
		end = search(l, &what, top, why);
	for (size_t i = 0; i < 4; i++)
		str_clear(&parts[i]);
	return end;
}

static bool
is_url(struct view text)
{
	return view_starts_case(text, VIEW("ldap://")) ||
	    view_starts_case(text, VIEW("ldaps://")) ||
	    view_starts_case(text, VIEW("ldapi://"));
}

static enum module_end
follow(struct ldap *l, struct view name, struct found **top, char *why)
{
	struct module_search what = { .filter = "(objectClass=*)",
		.scope = "base",
		.attributes = l->names,
		.size_limit = l->size_limit,
		.may_lack_base = true };

	if ((*top)->depth >= l->depth_max) {
		l->result.e = err_make(ERR_TEMP,
		    "%.100s: more than %lld entries that name each other "
		    "(recursion_limit)",
		    params_origin(l->params), (long long)l->depth_max);
		return MODULE_DONE;
	}
	if (is_url(name))
		return search_url(l, name, top, why);
	what.base = name.ptr;
	return search(l, &what, top, why);
}

/* At the name of an entry: what it has. */
static void
begin_entry(struct found *f)
{
	memset(f->has, 0, sizeof(f->has));
	for (size_t i = f->at; i < f->n && f->all[i].kind != IS_ENTRY; i++)
		f->has[f->all[i].kind] = true;
}

/* What of an entry counts: with a terminal attribute only those; with special
 * ones no leaves. */
static bool
counts(const struct found *f, enum attribute_kind kind)
{
	if (f->has[IS_TERMINAL])
		return kind == IS_TERMINAL;
	return kind != IS_LEAF || !f->has[IS_SPECIAL];
}

static enum module_end
take_next(struct ldap *l, struct found **top, char *why)
{
	struct found *f = *top;
	const struct found_value *v;

	if (f->at == f->n) {
		*top = found_pop(f);
		return MODULE_DONE;
	}
	v = &f->all[f->at++];
	if (v->kind == IS_ENTRY)
		begin_entry(f);
	else if (counts(f, v->kind) && v->kind == IS_SPECIAL)
		return follow(l, view_make(v->text, v->len), top, why);
	else if (counts(f, v->kind))
		query_result_add(&l->result, view_make(v->text, v->len));
	return MODULE_DONE;
}

/* And for what is named there, in the order in which it is. */
static enum module_end
search_all(struct ldap *l, const struct module_search *what, char *why)
{
	struct found *top = NULL;
	enum module_end end = search(l, what, &top, why);

	while (end == MODULE_DONE && top != NULL && !err_is(l->result.e))
		end = take_next(l, &top, why);
	while (top != NULL)
		top = found_pop(top);
	return end;
}

static const char *
find_param(void *arg, const char *name)
{
	const struct ldap *l = arg;

	return params_find(l->params, name);
}

static void *
connect_ldap(void *arg, const struct dbhost *host, int timeout_ms, char *why)
{
	struct ldap *l = arg;
	int64_t port = 389;
	struct module_server server = { .host = host->name.ptr,
		.port = host->port,
		.timeout_ms = timeout_ms,
		.param = find_param,
		.arg = l };

	if (host->port == 0 && !host->is_url) {
		/* Looked at when the table was opened. */
		(void)params_number(
		    l->params, "server_port", 389, 1, 65535, &port);
		server.port = (unsigned)port;
	}
	return l->module->connect(&server, why);
}

static enum module_end
ask_ldap(void *arg, void *connection, int timeout_ms, char *why)
{
	struct ldap *l = arg;
	struct str base = STR_EMPTY, filter = STR_EMPTY;
	/* A base that is always the same must be there: that it is not says
	 * nothing of the key. */
	struct module_search what = { .scope = l->scope,
		.attributes = l->names,
		.size_limit = l->size_limit,
		.may_lack_base = l->base_has_key };
	enum module_end end = MODULE_DONE;
	bool whole;

	if (timeout_ms == 0)
		return MODULE_LATER;
	/* Of an earlier server, which was lost half-way. */
	str_reset(l->result.value);
	l->result.n = 0;
	l->result.e = ERR_OK;
	l->connection = connection;
	l->deadline = deadline_in_ms(timeout_ms);
	query_expand(
	    view_of(l->base), l->key, quote_name, NULL, &base, &whole);
	if (whole)
		query_expand(view_of(l->filter), l->key, quote_filter, NULL,
		    &filter, &whole);
	what.base = base.ptr;
	what.filter = filter.ptr;
	if (whole)
		end = search_all(l, &what, why);
	str_clear(&base);
	str_clear(&filter);
	return end;
}

static void
close_connection(void *arg, void *connection)
{
	struct ldap *l = arg;

	l->module->close(connection);
}

static const struct dblink_kind dblink_kind = { "ldap", connect_ldap, ask_ldap,
	close_connection };

static void
close_ldap(struct table *t)
{
	struct ldap *l = t->state;

	dblink_close(&l->link);
	query_common_close(&l->common);
	for (size_t i = 0; i < l->n_attributes; i++)
		free(l->attributes[i].name);
	free(l->attributes);
	free(l->names);
	free(l);
	t->state = NULL;
}

static void
load_attributes(struct ldap *l)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const char *text =
		    params_text(l->params, lists[i].name, lists[i].otherwise);
		struct view rest = view_of(text), word;

		while (view_token(&rest, WORDS_SEPARATORS, &word)) {
			l->attributes = xreallocarray(l->attributes,
			    l->n_attributes + 1, sizeof(*l->attributes));
			l->attributes[l->n_attributes++] = (struct attribute){
				xstrndup(word.ptr, word.len), lists[i].kind
			};
		}
	}
	l->names = xcalloc(l->n_attributes + 1, sizeof(*l->names));
	for (size_t i = 0; i < l->n_attributes; i++)
		l->names[i] = l->attributes[i].name;
}

static const struct params_idle idle[] = {
	{ "cache", "libldap has none" },
	{ "cache_expiry", "libldap has none" },
	{ "cache_size", "libldap has none" },
	{ "debuglevel", "libldap's own lines have no place to go to" },
	{ "tls_random_file", "the system's random numbers are used" },
};

/* What Postfix warns of, and goes on with something else. */
static void
check_choices(struct ldap *l)
{
	const struct params *p = l->params;
	int64_t n;

	if (strcmp(l->scope, "sub") != 0 && strcmp(l->scope, "one") != 0 &&
	    strcmp(l->scope, "base") != 0) {
		log_warn("%s: unrecognized value %s specified for scope; "
			 "using sub",
		    params_origin(p), l->scope);
		l->scope = "sub";
	}
	if (err_is(params_number(p, "version", 3, 2, 3, &n)))
		log_warn("%s: unknown version, using 3", params_origin(p));
	if (err_is(params_number(p, "dereference", 0, 0, 3, &n)))
		log_warn("%s: unrecognized value specified for dereference; "
			 "using 0",
		    params_origin(p));
}

static struct err
check_bind(const struct params *p)
{
	static const char *const ways[] = { "yes", "simple", "no", "none",
		"sasl" };
	const char *how = params_text(p, "bind", "yes");
	int64_t ssf;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (*how == '\0' || strcasecmp(how, ways[i]) == 0)
			return params_number(
			    p, "sasl_minssf", 0, 0, 4096, &ssf);
	return err_make(ERR_PERM,
	    "%.100s: unsupported parameter value: bind = %.40s",
	    params_origin(p), how);
}

static struct err
load_params(struct ldap *l)
{
	const struct params *p = l->params;
	bool ignored;
	int64_t port;
	struct err e;

	params_warn_idle(p, idle, ARRAY_LEN(idle));

	l->base = params_find(p, "search_base");
	l->filter =
	    params_text(p, "query_filter", "(mailacceptinggeneralid=%s)");
	l->scope = params_text(p, "scope", "sub");
	if (l->base == NULL)
		return err_make(ERR_PERM,
		    "%.100s: parameter search_base is not set",
		    params_origin(p));
	check_choices(l);
	l->base_has_key = query_has_key(view_of(l->base));
	e = check_bind(p);
	if (!err_is(e))
		e = query_check(
		    params_origin(p), "search_base", view_of(l->base));
	if (!err_is(e))
		e = query_check(
		    params_origin(p), "query_filter", view_of(l->filter));
	if (!err_is(e))
		e = params_number(p, "recursion_limit", LDAP_DEPTH, 1,
		    LDAP_DEPTH, &l->depth_max);
	if (!err_is(e))
		e = params_number(p, "size_limit", l->common.expansion_limit,
		    0, INT32_MAX, &l->size_limit);
	if (!err_is(e))
		e = params_number(p, "server_port", 389, 1, 65535, &port);
	if (!err_is(e))
		e = params_bool(p, "start_tls", false, &ignored);
	if (!err_is(e))
		e = params_bool(p, "tls_require_cert", false, &ignored);
	if (!err_is(e))
		e = params_bool(p, "chase_referrals", false, &l->chases);
	return e;
}

static struct err
open_ldap(struct table *t)
{
	struct ldap *l = xcalloc(1, sizeof(*l));
	struct err e = module_load("ldap", &l->module);

	t->state = l;
	if (!err_is(e))
		e = params_load(str_view(&t->spec), &l->params);
	if (!err_is(e))
		e = query_common_open(&l->common, l->params, LDAP_TIMEOUT_MS);
	if (!err_is(e))
		e = load_params(l);
	if (!err_is(e)) {
		load_attributes(l);
		e = dblink_open(&l->link, &dblink_kind, l, l->params,
		    params_text(l->params, "server_host", "localhost"), true,
		    l->common.timeout_ms);
		/* libldap waits then, for servers that we do not know. */
		l->link.may_block = l->chases;
	}
	if (err_is(e))
		close_ldap(t);
	return e;
}

static struct err
find_ldap(struct table *t, struct view key, struct str *value, bool *found)
{
	struct ldap *l = t->state;
	struct str answer = STR_EMPTY;
	bool wanted;
	struct err e = query_common_wants(&l->common, key, &wanted);

	if (err_is(e) || !wanted)
		return e;
	l->key = key;
	l->result = query_result_for(&l->common, key, t->spec.ptr, &answer);
	e = dblink_ask(&l->link);
	if (!err_is(e))
		e = l->result.e;
	*found = !err_is(e) && answer.len > 0;
	if (*found)
		str_set(value, str_view(&answer));
	str_clear(&answer);
	return err_is(e) ? err_within(e, "table %.60s", t->spec.ptr) : e;
}

static bool
changed_ldap(const struct table *t, bool path)
{
	const struct ldap *l = t->state;

	return (path && params_changed(l->params)) ||
	    query_common_changed(&l->common, path);
}

const struct table_type type_ldap = { .name = "ldap",
	.flags = TYPE_FIXED | TYPE_REMOTE | TYPE_SERVER | TYPE_MODULE |
	    TYPE_PARAMS,
	.open = open_ldap,
	.find = find_ldap,
	.close = close_ldap,
	.changed = changed_ldap };
