/* The parameters of ldap: tables: see ldap.h. */
#include "lib/table/ldap.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/type.h"
#include "lib/table/words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LDAP_TIMEOUT_MS = 10000,
	LDAP_DEPTH = 1000, /* recursion_limit, and its maximum */
};

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
		e = dblink_open(&l->link, &ldap_link, l, l->params,
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
