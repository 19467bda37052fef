/*
 * socketmap:inet:HOST:PORT:NAME and socketmap:unix:PATH:NAME.  Question and
 * answer are netstrings, "NAME key" and "OK value", "NOTFOUND ", "TEMP reason",
 * "TIMEOUT reason" or "PERM reason".
 */
#include "lib/table/dbserver.h"

#include <stdio.h>

enum { SOCKETMAP_TIMEOUT_MS = 60000, SOCKETMAP_REPLY_MAX = 100000 };

/* The map's name on the wire is what follows the last colon. */
static struct view
map_name(const struct table *t)
{
	return view_skip(t->name, view_find_last(t->name, ':') + 1);
}

static enum module_end
bad(char *why, const char *text, struct view more)
{
	snprintf(why, MODULE_WHY_MAX, "%s%.*s", text,
	    VIEW_ARGS(view_first(more, 100)));
	return MODULE_LOST;
}

static bool
send_question(const struct dbserver *s, struct duct *w, char *why)
{
	struct str text = STR_EMPTY;
	struct view name = map_name(s->state);
	bool good;

	str_printf(&text, "%zu:%.*s ", name.len + 1 + s->key.len,
	    VIEW_ARGS(name));
	str_add(&text, s->key);
	str_add_byte(&text, ',');
	good = duct_send(w, str_view(&text), why);
	str_clear(&text);
	return good;
}

/* The digits before the colon. */
static bool
read_length(struct duct *w, size_t *len, char *why)
{
	struct view byte;

	*len = 0;
	for (size_t digits = 0;; digits++) {
		if (!duct_read_n(w, 1, &byte, why))
			return false;
		if (byte.ptr[0] == ':' && digits > 0)
			return true;
		if (!ascii_is_digit(byte.ptr[0]) || digits == 10) {
			bad(why, "the reply is no netstring", VIEW_EMPTY);
			return false;
		}
		*len = *len * 10 + (size_t)(byte.ptr[0] - '0');
	}
}

static enum module_end
take_reply(struct dbserver *s, struct view reply, char *why)
{
	size_t space = view_find(reply, ' ');
	struct view word = view_first(reply, space);
	struct view text =
	    space == VIEW_NPOS ? VIEW_EMPTY : view_skip(reply, space + 1);

	if (view_eq(word, VIEW("OK"))) {
		s->found = true;
		str_set(&s->answer, text);
		return MODULE_DONE;
	}
	if (view_eq(word, VIEW("NOTFOUND")))
		return MODULE_DONE;
	if (!view_eq(word, VIEW("TEMP")) && !view_eq(word, VIEW("TIMEOUT")) &&
	    !view_eq(word, VIEW("PERM")))
		return bad(why, "unexpected reply: ", reply);
	/* It is there, and says no. */
	bad(why, "the server says: ", reply);
	return MODULE_REFUSED;
}

static enum module_end
ask_socketmap(void *arg, void *connection, int timeout_ms, char *why)
{
	struct dbserver *s = arg;
	struct duct *w = connection;
	struct view reply;
	size_t len;

	s->found = false;
	if (!duct_begin(w, timeout_ms, why) || !send_question(s, w, why) ||
	    !read_length(w, &len, why))
		return MODULE_LOST;
	if (len > SOCKETMAP_REPLY_MAX)
		return bad(why, "the reply is too long", VIEW_EMPTY);
	if (!duct_read_n(w, len + 1, &reply, why))
		return MODULE_LOST;
	if (reply.ptr[len] != ',')
		return bad(why, "the reply is no netstring", VIEW_EMPTY);
	return take_reply(s, view_first(reply, len), why);
}

static const struct dbserver_kind kind = {
	.link = { "socketmap", dbserver_connect, ask_socketmap,
	    dbserver_close_connection },
	.timeout_ms = SOCKETMAP_TIMEOUT_MS,
};

static struct err
open_socketmap(struct table *t)
{
	struct view host = view_first(t->name, view_find_last(t->name, ':'));
	struct str hosts = STR_EMPTY;
	struct err e;

	if (map_name(t).len == 0 ||
	    (!view_starts(host, VIEW("inet:")) &&
		!view_starts(host, VIEW("unix:"))))
		return err_make(ERR_PERM,
		    "%.100s: need inet:host:port:name or unix:path:name",
		    t->spec.ptr);
	str_set(&hosts, host);
	e = dbserver_open(t, &kind, NULL, hosts.ptr);
	str_clear(&hosts);
	if (err_is(e))
		return e;
	((struct dbserver *)t->state)->state = t;
	if (!((struct dbserver *)t->state)->link.hosts.all[0].is_socket &&
	    ((struct dbserver *)t->state)->link.hosts.all[0].port == 0) {
		dbserver_close(t);
		return err_make(ERR_PERM, "%.100s: no port", t->spec.ptr);
	}
	return ERR_OK;
}

const struct table_type type_socketmap = { .name = "socketmap",
	.flags = TYPE_REMOTE | TYPE_SERVER,
	.open = open_socketmap,
	.find = dbserver_find,
	.close = dbserver_close };
