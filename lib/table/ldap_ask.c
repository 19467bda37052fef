/*
 * Questions of ldap: tables.  The filter comes from a template, the value from
 * attributes of what is found; values of special attributes are names of other
 * entries, or LDAP URLs, that are looked up in turn.
 */
#include "lib/table/ldap.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LDAP_VALUES_MAX = 100000 }; /* of one search */

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

/* "ldap://host/base?attributes?scope?filter": the host is passed over.  False if
 * there is no base, or a NUL, which libldap would take for an end. */
static bool
parse_url(struct view url, struct str parts[4])
{
	bool has_nul = view_find(url, '\0') != VIEW_NPOS;
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
			has_nul |= byte == 0;
			j += 2;
		}
	}
	return !has_nul && parts[0].len > 0;
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

const struct dblink_kind ldap_link = { "ldap", connect_ldap, ask_ldap,
	close_connection };
