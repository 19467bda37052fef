/* Templates of questions and results: see query.h. */
#include "lib/table/query.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/table/match.h"

#include <stdlib.h>

struct err
query_check(const char *origin, const char *name, struct view text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '%')
			continue;
		i++;
		if (i == text.len || strchr("%sudSUD123456789", text.ptr[i]) == NULL)
			return err_make(ERR_PERM,
			    "%.100s: %s: invalid %%-macro \"%%%.*s\"", origin,
			    name, i < text.len ? 1 : 0, text.ptr + i);
	}
	return ERR_OK;
}

bool
query_has_key(struct view text)
{
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.ptr[i] == '%' && text.ptr[++i] != '%')
			return true;
	return false;
}

struct address {
	struct view whole, user, domain;
	bool has_at;
};

static struct address
address_of(struct view text)
{
	size_t at = view_find_last(text, '@');
	struct address a = { .whole = text, .user = text };

	a.has_at = at != VIEW_NPOS;
	if (a.has_at) {
		a.user = view_first(text, at);
		a.domain = view_skip(text, at + 1);
	}
	return a;
}

/* The n-th label from the right, counted from 1; empty ones do not count. */
static bool
find_label(const struct address *a, size_t n, struct view *label)
{
	struct view rest = a->domain;

	if (!a->has_at || rest.len == 0)
		return false;
	for (;;) {
		size_t dot = view_find_last(rest, '.');

		*label = dot == VIEW_NPOS ? rest : view_skip(rest, dot + 1);
		if (label->len > 0 && --n == 0)
			return true;
		if (dot == VIEW_NPOS)
			return false;
		rest = view_first(rest, dot);
	}
}

static bool
find_part(const struct address *a, char letter, struct view *part)
{
	switch (letter) {
	case 's':
	case 'S':
		*part = a->whole;
		return true;
	case 'u':
	case 'U':
		*part = a->user;
		return part->len > 0;
	case 'd':
	case 'D':
		*part = a->domain;
		return a->has_at && part->len > 0;
	default:
		return find_label(a, (size_t)(letter - '0'), part);
	}
}

/* Small letters stand for `small`, the others for `large`. */
static bool
expand(struct view text, const struct address *small,
    const struct address *large, query_quote_fn *quote, void *arg,
    struct str *out)
{
	for (size_t i = 0; i < text.len; i++) {
		const struct address *a;
		struct view part;

		if (text.ptr[i] != '%' || i + 1 == text.len) {
			str_add_byte(out, text.ptr[i]);
			continue;
		}
		i++;
		if (text.ptr[i] == '%') {
			str_add_byte(out, '%');
			continue;
		}
		a = text.ptr[i] >= 'a' ? small : large;
		if (!find_part(a, text.ptr[i], &part))
			return false;
		if (quote == NULL)
			str_add(out, part);
		else if (!quote(arg, part, out))
			return false;
	}
	return true;
}

void
query_expand(struct view text, struct view key, query_quote_fn *quote,
    void *arg, struct str *out, bool *whole)
{
	struct address a = address_of(key);
	size_t before = out->len;

	*whole = expand(text, &a, &a, quote, arg, out);
	if (!*whole)
		str_cut(out, before);
}

bool
query_result_add(struct query_result *r, struct view value)
{
	struct address of_value = address_of(value), of_key = address_of(r->key);
	size_t before = r->value->len;

	if (value.len == 0) {
		log_warn("table %s: empty lookup result for: \"%.*s\" -- ignored",
		    r->spec, VIEW_ARGS(view_first(r->key, 200)));
		return true;
	}
	if (before > 0)
		str_add_byte(r->value, ',');
	if (!expand(r->format, &of_value, &of_key, NULL, NULL, r->value)) {
		str_cut(r->value, before);
		return true;
	}
	if (r->limit > 0 && ++r->n > r->limit)
		r->e = err_make(ERR_TEMP,
		    "table %.100s: more than %lld results (expansion_limit)",
		    r->spec, (long long)r->limit);
	else if (r->value->len > QUERY_VALUE_MAX)
		r->e = err_make(ERR_TEMP,
		    "table %.100s: a result of more than %d bytes", r->spec,
		    QUERY_VALUE_MAX);
	return !err_is(r->e);
}

struct err
query_common_open(
    struct query_common *c, const struct params *p, int64_t default_ms)
{
	const char *format = params_find(p, "result_format");
	struct err e;

	*c = (struct query_common){ .domain = NULL };
	/* Its old name. */
	c->result_format =
	    format != NULL ? format : params_text(p, "result_filter", "%s");
	e = query_check(params_origin(p), "result_format",
	    view_of(c->result_format));
	if (!err_is(e))
		e = params_number(p, "expansion_limit", 0, 0, INT32_MAX,
		    &c->expansion_limit);
	if (!err_is(e))
		e = params_time(p, "timeout", default_ms, &c->timeout_ms);
	if (!err_is(e) && c->timeout_ms < 1)
		e = err_make(ERR_PERM, "%.100s: timeout must not be 0",
		    params_origin(p));
	if (!err_is(e) && *params_text(p, "domain", "") != '\0')
		e = match_list_open(view_of(params_find(p, "domain")),
		    MATCH_WHOLE,
		    &c->domain);
	return e;
}

void
query_common_close(struct query_common *c)
{
	match_list_close(c->domain);
	c->domain = NULL;
}

bool
query_common_changed(const struct query_common *c, bool path)
{
	return c->domain != NULL && (path ? match_list_was_replaced(c->domain)
					  : match_list_has_changed(c->domain));
}

struct err
query_common_wants(
    const struct query_common *c, struct view key, bool *yes)
{
	struct address a = address_of(key);

	/* Servers keep text: what is none cannot be there, and some end a
	 * string at NUL, or take a part of a character for a quote. */
	*yes = key.len > 0 && memchr(key.ptr, 0, key.len) == NULL &&
	    view_is_utf8(key);
	if (!*yes || c->domain == NULL)
		return ERR_OK;
	*yes = a.has_at && a.user.len > 0 && a.domain.len > 0;
	return *yes ? match_list_matches(c->domain, a.domain, yes) : ERR_OK;
}

struct query_result
query_result_for(const struct query_common *c, struct view key,
    const char *spec, struct str *value)
{
	return (struct query_result){ .format = view_of(c->result_format),
		.key = key,
		.spec = spec,
		.limit = c->expansion_limit,
		.value = value,
		.e = ERR_OK };
}
