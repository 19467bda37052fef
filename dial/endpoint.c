/* Endpoints of other software: see endpoint.h. */
#include "dial/endpoint.h"

#include "lib/base/mem.h"
#include "lib/conf/each.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

/* --- one endpoint --- */

static bool
parse_unix(struct view path, struct endpoint *e)
{
	if (path.len == 0)
		return false;
	e->is_unix = true;
	str_set(&e->path, path);
	return true;
}

/* "host:port", "[::1]:port", ":port" and "port": the last two on this host. */
static bool
parse_inet(struct view rest, struct endpoint *e)
{
	size_t colon = view_find_last(rest, ':');
	struct view host =
	    colon == VIEW_NPOS ? VIEW_EMPTY : view_first(rest, colon);
	struct view port =
	    colon == VIEW_NPOS ? rest : view_skip(rest, colon + 1);

	if (view_starts(host, VIEW("[")) && view_ends(host, VIEW("]")))
		host = view_sub(host, 1, host.len - 2);
	if (host.len == 0)
		host = VIEW("localhost");
	if (port.len == 0 || view_find_any(port, "[]/") != VIEW_NPOS ||
	    view_find_any(host, "[]/ ") != VIEW_NPOS)
		return false;
	str_set(&e->host, host);
	str_lower(&e->host);
	str_set(&e->service, port);
	return true;
}

bool
endpoint_parse(struct view text, struct endpoint *e)
{
	bool good = false;

	*e = (struct endpoint){
		.path = STR_EMPTY, .host = STR_EMPTY, .service = STR_EMPTY
	};
	if (text.len > ENDPOINT_TEXT_MAX || view_find(text, '\0') != VIEW_NPOS)
		return false;
	if (view_starts(text, VIEW("unix:")))
		good = parse_unix(view_skip(text, 5), e);
	else if (view_starts(text, VIEW("inet:")))
		good = parse_inet(view_skip(text, 5), e);
	if (!good)
		endpoint_clear(e);
	return good;
}

void
endpoint_clear(struct endpoint *e)
{
	str_clear(&e->path);
	str_clear(&e->host);
	str_clear(&e->service);
}

void
endpoint_add_text(struct str *out, const struct endpoint *e)
{
	if (e->is_unix)
		str_addf(out, "unix:%s", e->path.ptr);
	else
		str_addf(out, "inet:%s:%s", e->host.ptr, e->service.ptr);
}

bool
endpoint_set_port(struct endpoint *e)
{
	const struct servent *known;
	uint64_t number;

	if (e->is_unix)
		return true;
	if (view_to_uint(str_view(&e->service), 10, &number)) {
		e->port = number <= UINT16_MAX ? (uint16_t)number : 0;
	} else {
		known = getservbyname(e->service.ptr, "tcp");
		if (known != NULL)
			e->port = ntohs((uint16_t)known->s_port);
	}
	return e->port != 0;
}

/* --- those that are permitted --- */

void
endpoints_init(struct endpoints *es)
{
	htable_init(&es->by_text);
}

static void
endpoint_free(void *arg)
{
	if (arg != NULL)
		endpoint_clear(arg);
	free(arg);
}

void
endpoints_clear(struct endpoints *es)
{
	htable_clear(&es->by_text, endpoint_free);
}

static void
permit(struct endpoints *es, struct view text)
{
	struct str key = STR_EMPTY;
	struct endpoint e, *kept;

	if (es->by_text.n_entries >= ENDPOINTS_MAX || !endpoint_parse(text, &e))
		return;
	if (!endpoint_set_port(&e)) {
		endpoint_clear(&e);
		return;
	}
	endpoint_add_text(&key, &e);
	kept = xmalloc(sizeof(*kept));
	*kept = e;
	endpoint_free(htable_set(&es->by_text, str_view(&key), kept));
	str_clear(&key);
}

/* "tcp:host:port" and the like as an endpoint. */
static void
permit_inet(struct endpoints *es, struct view rest)
{
	struct str text = STR_EMPTY;

	str_printf(&text, "inet:%.*s", VIEW_ARGS(rest));
	permit(es, str_view(&text));
	str_clear(&text);
}

static bool
is_endpoint(struct view word)
{
	return view_starts(word, VIEW("unix:")) ||
	    view_starts(word, VIEW("inet:"));
}

static void
add_word(void *arg, struct view word)
{
	struct endpoints *es = arg;
	size_t colon;

	while (view_starts(word, VIEW("!")))
		word = view_skip(word, 1);
	while (view_starts(word, VIEW("proxy:")))
		word = view_skip(word, 6);
	if (view_starts(word, VIEW("tcp:"))) {
		permit_inet(es, view_skip(word, 4));
	} else if (view_starts(word, VIEW("socketmap:"))) {
		word = view_skip(word, 10);
		/* Without the map's name. */
		permit(es, view_first(word, view_find_last(word, ':')));
	} else if (is_endpoint(word)) {
		permit(es, word);
	} else {
		/* "lmtp:unix:/path", of any transport's name. */
		colon = view_find(word, ':');
		if (colon != VIEW_NPOS &&
		    is_endpoint(view_skip(word, colon + 1)))
			permit(es, view_skip(word, colon + 1));
	}
}

/* Parameters whose values are an endpoint even without a type. */
static const struct {
	const char *name, *type;
} bare[] = {
	{ "smtpd_sasl_path", "unix:" },
	{ "smtpd_proxy_filter", "inet:" },
};

void
endpoints_add_value(struct endpoints *es, struct view name, struct view value)
{
	struct str text = STR_EMPTY;

	conf_each_word(value, add_word, es);
	for (size_t i = 0; i < ARRAY_LEN(bare); i++) {
		if (!view_eq(name, view_of(bare[i].name)) || value.len == 0 ||
		    is_endpoint(value))
			continue;
		str_printf(&text, "%s%.*s", bare[i].type, VIEW_ARGS(value));
		permit(es, str_view(&text));
	}
	str_clear(&text);
}

const struct endpoint *
endpoints_find(const struct endpoints *es, struct view text)
{
	const struct endpoint *found;
	struct str key = STR_EMPTY;
	struct endpoint e;

	if (!endpoint_parse(text, &e))
		return NULL;
	endpoint_add_text(&key, &e);
	found = htable_find(&es->by_text, str_view(&key));
	str_clear(&key);
	endpoint_clear(&e);
	return found;
}
