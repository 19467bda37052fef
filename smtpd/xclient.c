/* XCLIENT and XFORWARD: see xclient.h. */
#include "smtpd/xclient.h"

#include "lib/base/mem.h"
#include "lib/mail/xtext.h"
#include "smtpd/access_run.h"
#include "smtpd/client.h"
#include "smtpd/command.h"
#include "smtpd/limits.h"
#include "smtpd/reply.h"

#include <stdlib.h>

enum { VALUE_MAX = 255, PROTOCOL_MAX = 64 };

/* One attribute, its value decoded. */
struct attribute {
	struct view name;
	struct str value;
	bool is_unavailable, is_temporary;
};

/* True if it is stored; false if the value is malformed. */
typedef bool attribute_fn(struct session *s, const struct attribute *a);

struct attribute_row {
	struct view name;
	attribute_fn *take;
};

static void
set_text(char **place, const struct attribute *a)
{
	free(*place);
	*place = xstrndup(a->value.ptr, a->value.len);
}

/* "IPV6:2001:db8::1" or "192.0.2.1", as we write it. */
static bool
parse_addr(struct view text, struct dns_addr *addr)
{
	bool is_ipv6 = view_starts_case(text, VIEW("IPV6:"));

	if (is_ipv6)
		text = view_skip(text, 5);
	return dns_addr_parse(text, addr) &&
	    is_ipv6 == (addr->family == AF_INET6);
}

static bool
parse_port(struct view text, uint16_t *port)
{
	uint64_t n;

	if (!view_to_uint(text, 10, &n) || n > 65535)
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool
is_protocol(struct view text)
{
	return view_eq_case(text, VIEW("SMTP")) ||
	    view_eq_case(text, VIEW("ESMTP"));
}

/* --- XCLIENT --- */

static bool
take_client_name(
    struct session *s, const struct attribute *a, char **name, uint8_t *status)
{
	(void)s;
	if (!a->is_unavailable && !a->is_temporary &&
	    !dns_hostname_is_valid(str_view(&a->value)))
		return false;
	*status = a->is_temporary ? DNS_TEMP
	    : a->is_unavailable	  ? DNS_NXDOMAIN
				  : DNS_OK;
	if (*status == DNS_OK) {
		set_text(name, a);
	} else {
		free(*name);
		*name = xstrdup("unknown");
	}
	return true;
}

static bool
xclient_name(struct session *s, const struct attribute *a)
{
	/* What PTR says is the same, unless REVERSE_NAME says otherwise. */
	return take_client_name(
		   s, a, &s->client.reverse, &s->client.reverse_status) &&
	    take_client_name(
		s, a, &s->client.name, &s->client.name_status);
}

static bool
xclient_reverse_name(struct session *s, const struct attribute *a)
{
	return take_client_name(
	    s, a, &s->client.reverse, &s->client.reverse_status);
}

static bool
xclient_addr(struct session *s, const struct attribute *a)
{
	char text[DNS_ADDR_TEXT_SIZE] = "unknown";
	struct dns_addr addr = { .family = AF_INET };

	if (!a->is_unavailable) {
		if (!parse_addr(str_view(&a->value), &addr))
			return false;
		dns_addr_text(&addr, text);
	}
	free(s->client.addr);
	s->client.addr = xstrdup(text);
	s->client.is_ipv6 = addr.family == AF_INET6;
	return true;
}

static bool
xclient_port(struct session *s, const struct attribute *a)
{
	s->client.port = 0;
	return a->is_unavailable ||
	    parse_port(str_view(&a->value), &s->client.port);
}

static bool
xclient_helo(struct session *s, const struct attribute *a)
{
	free(s->helo);
	s->helo =
	    a->is_unavailable ? NULL : xstrndup(a->value.ptr, a->value.len);
	return true;
}

static bool
xclient_proto(struct session *s, const struct attribute *a)
{
	s->is_esmtp = view_eq_case(str_view(&a->value), VIEW("ESMTP"));
	return is_protocol(str_view(&a->value));
}

/* Where the client connected to. */
static bool
xclient_destaddr(struct session *s, const struct attribute *a)
{
	char text[DNS_ADDR_TEXT_SIZE] = "unknown";
	struct dns_addr addr;

	if (!a->is_unavailable) {
		if (!parse_addr(str_view(&a->value), &addr))
			return false;
		dns_addr_text(&addr, text);
	}
	free(s->server.addr);
	s->server.addr = xstrdup(text);
	return true;
}

static bool
xclient_destport(struct session *s, const struct attribute *a)
{
	uint16_t port;

	if (!a->is_unavailable && !parse_port(str_view(&a->value), &port))
		return false;
	free(s->server.port);
	s->server.port = a->is_unavailable
	    ? xstrdup("unknown")
	    : xstrndup(a->value.ptr, a->value.len);
	return true;
}

/* Who logged in there. */
static bool
xclient_login(struct session *s, const struct attribute *a)
{
	session_forget_login(s);
	if (a->is_unavailable || a->is_temporary)
		return true;
	s->login.username = xstrndup(a->value.ptr, a->value.len);
	s->login.method = xstrdup("XCLIENT");
	return true;
}

static const struct attribute_row xclient_rows[] = {
	{ VIEW("NAME"), xclient_name },
	{ VIEW("ADDR"), xclient_addr },
	{ VIEW("PROTO"), xclient_proto },
	{ VIEW("HELO"), xclient_helo },
	{ VIEW("REVERSE_NAME"), xclient_reverse_name },
	{ VIEW("PORT"), xclient_port },
	{ VIEW("DESTADDR"), xclient_destaddr },
	{ VIEW("DESTPORT"), xclient_destport },
	{ VIEW("LOGIN"), xclient_login },
	{ { NULL, 0 }, NULL },
};

/* --- XFORWARD --- */

void
forwarded_clear(struct session *s)
{
	struct forwarded *f = s->forwarded;

	if (f == NULL)
		return;
	free(f->name);
	free(f->addr);
	free(f->port);
	free(f->helo);
	free(f->protocol);
	free(f->ident);
	free(f);
	s->forwarded = NULL;
}

static bool
xforward_name(struct session *s, const struct attribute *a)
{
	if (!a->is_unavailable && !dns_hostname_is_valid(str_view(&a->value)))
		return false;
	set_text(&s->forwarded->name, a);
	return true;
}

static bool
xforward_addr(struct session *s, const struct attribute *a)
{
	char text[DNS_ADDR_TEXT_SIZE] = "";
	struct dns_addr addr;

	if (!a->is_unavailable) {
		if (!parse_addr(str_view(&a->value), &addr))
			return false;
		dns_addr_text(&addr, text);
	}
	free(s->forwarded->addr);
	s->forwarded->addr = xstrdup(text);
	return true;
}

static bool
xforward_port(struct session *s, const struct attribute *a)
{
	uint16_t port;

	if (!a->is_unavailable && !parse_port(str_view(&a->value), &port))
		return false;
	set_text(&s->forwarded->port, a);
	return true;
}

static bool
xforward_helo(struct session *s, const struct attribute *a)
{
	set_text(&s->forwarded->helo, a);
	return true;
}

static bool
xforward_proto(struct session *s, const struct attribute *a)
{
	/* For the record only, and servers have more of them than we do. */
	if (a->value.len > PROTOCOL_MAX)
		return false;
	set_text(&s->forwarded->protocol, a);
	return true;
}

/* The queue ID there, for logs. */
static bool
xforward_ident(struct session *s, const struct attribute *a)
{
	set_text(&s->forwarded->ident, a);
	return true;
}

static bool
xforward_source(struct session *s, const struct attribute *a)
{
	bool is_local = view_eq_case(str_view(&a->value), VIEW("LOCAL"));

	if (!a->is_unavailable && !is_local &&
	    !view_eq_case(str_view(&a->value), VIEW("REMOTE")))
		return false;
	s->forwarded->is_local = is_local;
	s->forwarded->has_source = !a->is_unavailable;
	return true;
}

static const struct attribute_row xforward_rows[] = {
	{ VIEW("NAME"), xforward_name },
	{ VIEW("ADDR"), xforward_addr },
	{ VIEW("PORT"), xforward_port },
	{ VIEW("PROTO"), xforward_proto },
	{ VIEW("HELO"), xforward_helo },
	{ VIEW("IDENT"), xforward_ident },
	{ VIEW("SOURCE"), xforward_source },
	{ { NULL, 0 }, NULL },
};

/* --- both --- */

/* Split and decode "NAME=value"; false if it is none. */
static bool
parse_attribute(struct view word, struct attribute *a)
{
	size_t equals = view_find(word, '=');
	struct view coded = view_skip(word, equals + 1);
	struct str decoded = STR_EMPTY;

	if (equals == VIEW_NPOS || equals == 0 || coded.len == 0)
		return false;
	a->name = view_first(word, equals);
	a->is_unavailable = view_eq_case(coded, VIEW("[UNAVAILABLE]"));
	a->is_temporary = view_eq_case(coded, VIEW("[TEMPUNAVAIL]"));
	str_reset(&a->value);
	if (a->is_unavailable || a->is_temporary)
		return true;
	if (!xtext_decode(&decoded, coded, XTEXT_UTF8) ||
	    decoded.len > VALUE_MAX) {
		str_clear(&decoded);
		return false;
	}
	reply_add_clean(&a->value, str_view(&decoded), VALUE_MAX);
	str_clear(&decoded);
	return true;
}

/* With `apply` false it is only looked whether there is such a one. */
static bool
take_attribute(struct session *s, const struct attribute_row *rows,
    const struct attribute *a, bool apply)
{
	const struct attribute_row *r = rows;
	struct str shown = STR_EMPTY;

	while (r->take != NULL && !view_eq_case(r->name, a->name))
		r++;
	if (r->take != NULL && (!apply || r->take(s, a)))
		return true;
	reply_add_clean(&shown, a->name, VALUE_MAX);
	if (r->take == NULL)
		reply(s, "501 5.5.4 Bad %s attribute name: %s", s->where,
		    shown.ptr);
	else
		reply(
		    s, "501 5.5.4 Bad %s syntax: %s", shown.ptr, a->value.ptr);
	str_clear(&shown);
	return false;
}

static bool
go_through(struct session *s, const struct attribute_row *rows,
    struct view args, bool apply)
{
	struct attribute a = { .value = STR_EMPTY };
	struct view word;
	bool ok = true;

	while (ok && view_token(&args, " \t", &word)) {
		ok = parse_attribute(word, &a);
		if (!ok)
			reply(s, "501 5.5.4 Error: attribute=value expected");
		else
			ok = take_attribute(s, rows, &a, apply);
	}
	str_clear(&a.value);
	return ok;
}

/* All of them are looked at before the first counts. */
static bool
take_attributes(
    struct session *s, const struct attribute_row *rows, struct view args)
{
	if (args.len == 0) {
		reply(s, "501 5.5.4 Syntax: %s attribute=value...", s->where);
		return false;
	}
	return go_through(s, rows, args, false) &&
	    go_through(s, rows, args, true);
}

static bool
is_allowed(struct session *s, bool allowed)
{
	if (!allowed)
		reply(s, "550 5.7.0 Error: insufficient authorization");
	return allowed;
}

bool
command_xclient(struct session *s, struct view args)
{
	bool ok;

	if (!is_allowed(s, s->client.may_xclient))
		return false;
	/* What was counted was the server, not this client. */
	limits_disconnect(s);
	session_reset_helo(s);
	session_forget_login(s);
	ok = take_attributes(s, xclient_rows, args);
	/* Also after an error in the middle: the lists must fit what is known
	 * of the client, so that no right is left over. */
	client_changed(s);
	if (!ok)
		return false;
	free(s->refused);
	s->refused = NULL;
	access_forget_doubts(s, ACCESS_CLIENT);
	return limits_connect(s) && session_greet(s);
}

bool
command_xforward(struct session *s, struct view args)
{
	if (!is_allowed(s, s->client.may_xforward))
		return false;
	if (s->forwarded == NULL)
		s->forwarded = xcalloc(1, sizeof(*s->forwarded));
	if (!take_attributes(s, xforward_rows, args))
		return false;
	reply(s, "250 2.0.0 Ok");
	return true;
}
