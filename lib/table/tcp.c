/*
 * tcp:HOST:PORT.  A line "get KEY" is answered by a line "200 VALUE", "500
 * reason" (not found) or "400 reason" (failed); in key and value, '%', white
 * space and what is not printable are %XX.
 */
#include "lib/table/dbserver.h"

#include <stdio.h>

enum { TCP_TIMEOUT_MS = 60000, TCP_LINE_MAX = 4096 };

static void
encode(struct view text, struct str *out)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c <= ' ' || c == '%' || c >= 0x7f)
			str_addf(out, "%%%02X", c);
		else
			str_add_byte(out, (char)c);
	}
}

static bool
decode(struct view text, struct str *out)
{
	str_reset(out);
	for (size_t i = 0; i < text.len; i++) {
		uint64_t byte;

		if (text.ptr[i] != '%') {
			str_add_byte(out, text.ptr[i]);
			continue;
		}
		if (i + 2 >= text.len ||
		    !view_to_uint(view_sub(text, i + 1, 2), 16, &byte))
			return false;
		str_add_byte(out, (char)byte);
		i += 2;
	}
	return true;
}

static enum module_end
bad(char *why, const char *text, struct view line)
{
	snprintf(why, MODULE_WHY_MAX, "%s: %.*s", text,
	    VIEW_ARGS(view_first(line, 100)));
	return MODULE_LOST;
}

static enum module_end
take_line(struct dbserver *s, struct view line, char *why)
{
	struct view code = view_first(line, 3);
	struct view text = view_skip(line, 4);

	if (line.len < 4 || line.ptr[3] != ' ')
		return bad(why, "unexpected reply", line);
	if (view_eq(code, VIEW("500")))
		return MODULE_DONE;
	if (view_eq(code, VIEW("400"))) {
		bad(why, "the server says", text);
		return MODULE_REFUSED;
	}
	if (!view_eq(code, VIEW("200")) || !decode(text, &s->answer))
		return bad(why, "unexpected reply", line);
	s->found = true;
	return MODULE_DONE;
}

static enum module_end
ask_tcp(void *arg, void *connection, int timeout_ms, char *why)
{
	struct dbserver *s = arg;
	struct duct *w = connection;
	struct str text = STR_EMPTY;
	struct view line;
	bool good;

	s->found = false;
	str_add_text(&text, "get ");
	encode(s->key, &text);
	str_add_byte(&text, '\n');
	/* Longer ones, no server has to read. */
	if (text.len > TCP_LINE_MAX) {
		str_clear(&text);
		return MODULE_DONE;
	}
	good = duct_begin(w, timeout_ms, why) &&
	    duct_send(w, str_view(&text), why) &&
	    duct_read_line(w, TCP_LINE_MAX, &line, why);
	str_clear(&text);
	return good ? take_line(s, line, why) : MODULE_LOST;
}

static const struct dbserver_kind kind = {
	.link = { "tcp", dbserver_connect, ask_tcp, dbserver_close_connection },
	.timeout_ms = TCP_TIMEOUT_MS,
};

static struct err
open_tcp(struct table *t)
{
	struct str hosts = STR_EMPTY;
	struct err e;

	str_set(&hosts, t->name);
	e = dbserver_open(t, &kind, NULL, hosts.ptr);
	str_clear(&hosts);
	if (err_is(e))
		return e;
	if (((struct dbserver *)t->state)->link.hosts.all[0].port == 0) {
		dbserver_close(t);
		return err_make(
		    ERR_PERM, "%.100s: need host:port", t->spec.ptr);
	}
	return ERR_OK;
}

const struct table_type type_tcp = { .name = "tcp",
	.flags = TYPE_REMOTE | TYPE_SERVER,
	.open = open_tcp,
	.find = dbserver_find,
	.close = dbserver_close };
