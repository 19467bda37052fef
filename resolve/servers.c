/* Which name servers to ask: see servers.h. */
#include "resolve/servers.h"

#include "lib/dns/name.h"

#include <stdio.h>

/* An address, perhaps with a scope, of characters that nobody can misread. */
static bool
is_server(struct view text)
{
	size_t scope = view_find(text, '%');
	struct dns_addr addr;

	if (text.len >= SERVER_SIZE)
		return false;
	if (scope != VIEW_NPOS) {
		struct view name = view_skip(text, scope + 1);

		for (size_t i = 0; i < name.len; i++)
			if (!ascii_is_alnum(name.ptr[i]) &&
			    view_find_any(view_sub(name, i, 1), "-_.") != 0)
				return false;
		text = view_first(text, scope);
	}
	return dns_addr_parse(text, &addr);
}

static void
add_server(struct servers *s, struct view text)
{
	if (s->n < SERVERS_MAX)
		snprintf(
		    s->server[s->n++], SERVER_SIZE, "%.*s", VIEW_ARGS(text));
}

void
servers_parse(struct view resolv_conf, struct servers *out)
{
	struct view rest = resolv_conf, line;

	*out = (struct servers){ .n = 0 };
	while (view_field(&rest, '\n', &line)) {
		struct view word, server;

		if (view_token(&line, " \t\r", &word) &&
		    view_eq(word, VIEW("nameserver")) &&
		    view_token(&line, " \t\r", &server) && is_server(server))
			add_server(out, server);
	}
	if (out->n == 0)
		add_server(out, VIEW("127.0.0.1"));
}

struct err
servers_parse_test(struct view text, struct servers *out)
{
	struct view host = text, port = VIEW("53");
	size_t colon = view_find_last(text, ':');
	uint64_t number;

	*out = (struct servers){ .n = 0 };
	if (view_starts(text, VIEW("["))) {
		size_t end = view_find(text, ']');

		host = view_sub(text, 1, end == VIEW_NPOS ? 0 : end - 1);
		if (colon != VIEW_NPOS && end != VIEW_NPOS && colon == end + 1)
			port = view_skip(text, colon + 1);
	} else if (colon != VIEW_NPOS && view_find(text, ':') == colon) {
		host = view_first(text, colon);
		port = view_skip(text, colon + 1);
	}
	if (!is_server(host) || !view_to_uint(port, 10, &number) ||
	    number < 1 || number > 65535)
		return err_make(ERR_PERM, "not ADDRESS:PORT: %.*s",
		    VIEW_ARGS(view_first(text, 60)));
	snprintf(out->server[out->n++], SERVER_SIZE, "%.*s@%u",
	    (int)(host.len > 50 ? 50 : host.len), host.ptr, (unsigned)number);
	return ERR_OK;
}
