/*
 * redis: tables.  The command is a template whose words are sent as words of
 * the protocol, whatever is in the key: a key cannot become a second word, or a
 * second command.  An array becomes a list with commas.
 */
#include "lib/base/mem.h"
#include "lib/table/dbserver.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	REDIS_TIMEOUT_MS = 10000,
	REDIS_PORT = 6379,
	REDIS_LINE_MAX = 1024,
	REDIS_WORDS_MAX = 100,
	REDIS_ARRAY_MAX = 100000,
};

struct redis {
	struct view words[REDIS_WORDS_MAX];
	size_t n_words;
	const char *user, *password;
	int64_t database;
};

static bool
bad(char *why, const char *text, struct view line)
{
	snprintf(why, MODULE_WHY_MAX, "%s: %.*s", text,
	    VIEW_ARGS(view_first(line, 100)));
	return false;
}

static void
add_word(struct str *out, struct view word)
{
	str_addf(out, "$%zu\r\n", word.len);
	str_add(out, word);
	str_add_text(out, "\r\n");
}

struct reply {
	char kind; /* as on the wire; '_' is nothing, '-' a refusal */
	size_t n;  /* of an array */
	struct view text;
};

/* One piece; an array's own pieces follow it. */
static bool
read_piece(struct duct *w, struct reply *r, char *why)
{
	struct view line, rest;
	int64_t n;

	if (!duct_read_line(w, REDIS_LINE_MAX, &line, why))
		return false;
	*r = (struct reply){ .kind = line.len > 0 ? line.ptr[0] : 0 };
	rest = view_skip(line, 1);
	r->text = rest;
	if (r->kind == '+' || r->kind == '-' || r->kind == ':')
		return true;
	if ((r->kind != '$' && r->kind != '*') || !view_to_int(rest, &n) ||
	    n < -1)
		return bad(why, "unexpected reply", line);
	if (n == -1) {
		r->kind = '_';
		return true;
	}
	if (n > (r->kind == '$' ? (int64_t)QUERY_VALUE_MAX : REDIS_ARRAY_MAX))
		return bad(why, "the reply is too long", rest);
	r->n = (size_t)n;
	if (r->kind == '*')
		return true;
	if (!duct_read_n(w, r->n + 2, &r->text, why))
		return false;
	if (!view_ends(r->text, VIEW("\r\n")))
		return bad(why, "unexpected reply", view_first(r->text, 20));
	r->text = view_first(r->text, r->n);
	return true;
}

/* A command of which only "it was done" is of interest. */
static bool
command(struct duct *w, const struct view *words, size_t n, char *why)
{
	struct str text = STR_EMPTY;
	struct reply r;
	bool good;

	str_printf(&text, "*%zu\r\n", n);
	for (size_t i = 0; i < n; i++)
		add_word(&text, words[i]);
	good = duct_send(w, str_view(&text), why) && read_piece(w, &r, why);
	str_clear(&text);
	if (good && r.kind != '+')
		return bad(why, "the server says", r.text);
	return good;
}

static bool
log_in(const struct redis *r, struct duct *w, char *why)
{
	struct view words[3] = { VIEW("AUTH") };
	char number[24];
	size_t n = 1;

	if (*r->password != '\0') {
		if (*r->user != '\0')
			words[n++] = view_of(r->user);
		words[n++] = view_of(r->password);
		if (!command(w, words, n, why))
			return false;
	}
	if (r->database == 0)
		return true;
	snprintf(number, sizeof(number), "%lld", (long long)r->database);
	words[0] = VIEW("SELECT");
	words[1] = view_of(number);
	return command(w, words, 2, why);
}

static void *
connect_redis(void *arg, const struct dbhost *host, int timeout_ms, char *why)
{
	struct dbserver *s = arg;
	struct duct *w = duct_connect(host, s->port, timeout_ms, why);

	if (w == NULL || log_in(s->state, w, why))
		return w;
	duct_close(w);
	return NULL;
}

/* False: a part of the key is not there, so there is nothing to ask. */
static bool
make_question(const struct dbserver *s, struct str *text)
{
	const struct redis *r = s->state;
	struct str word = STR_EMPTY;
	bool whole = true;

	str_printf(text, "*%zu\r\n", r->n_words);
	for (size_t i = 0; i < r->n_words && whole; i++) {
		str_reset(&word);
		query_expand(r->words[i], s->key, NULL, NULL, &word, &whole);
		add_word(text, str_view(&word));
	}
	str_clear(&word);
	return whole;
}

/* Too much is no reason to give the connection up: the rest is read too. */
static enum module_end
take_reply(struct dbserver *s, struct duct *w, char *why)
{
	struct reply first, r;

	if (!read_piece(w, &first, why))
		return MODULE_LOST;
	if (first.kind == '-') {
		bad(why, "the server says", first.text);
		return MODULE_REFUSED;
	}
	if (first.kind != '*' && first.kind != '_' && first.text.len > 0)
		query_result_add(&s->result, first.text);
	for (size_t i = 0; first.kind == '*' && i < first.n; i++) {
		if (!read_piece(w, &r, why))
			return MODULE_LOST;
		if (r.kind == '*' || r.kind == '-') {
			bad(why, "unexpected reply", VIEW("list in a list"));
			return MODULE_LOST;
		}
		if (r.kind != '_' && r.text.len > 0 && !err_is(s->result.e))
			query_result_add(&s->result, r.text);
	}
	s->found = s->answer.len > 0;
	return MODULE_DONE;
}

static enum module_end
ask_redis(void *arg, void *connection, int timeout_ms, char *why)
{
	struct dbserver *s = arg;
	struct duct *w = connection;
	struct str text = STR_EMPTY;
	enum module_end end = MODULE_DONE;

	s->found = false;
	str_reset(&s->answer);
	s->result.n = 0;
	s->result.e = ERR_OK;
	if (make_question(s, &text)) {
		end = MODULE_LOST;
		if (duct_begin(w, timeout_ms, why) &&
		    duct_send(w, str_view(&text), why))
			end = take_reply(s, w, why);
	}
	str_clear(&text);
	return end;
}

static const struct dbserver_kind kind = {
	.link = { "redis", connect_redis, ask_redis, dbserver_close_connection },
	.port = REDIS_PORT,
	.timeout_ms = REDIS_TIMEOUT_MS,
};

static struct err
load_redis(struct redis *r, const struct params *p)
{
	static const char *const tls[] = { "tls_CAfile", "tls_CApath",
		"tls_cert_file", "tls_ciphers", "tls_key_file",
		"tls_verify_cert" };
	const char *text = params_text(p, "command", "GET %s");
	struct view rest = view_of(text), word;
	struct err e = query_check(params_origin(p), "command", rest);

	while (!err_is(e) && view_token(&rest, " \t\r\n", &word)) {
		if (r->n_words == REDIS_WORDS_MAX)
			e = err_make(ERR_PERM, "%.100s: command is too long",
			    params_origin(p));
		else
			r->words[r->n_words++] = word;
	}
	/* Who asks for TLS must not get a connection without it. */
	for (size_t i = 0; i < ARRAY_LEN(tls); i++)
		if (!err_is(e) && params_find(p, tls[i]) != NULL)
			e = err_make(ERR_PERM, "%.100s: %s: no TLS for redis",
			    params_origin(p), tls[i]);
	if (!err_is(e) && r->n_words == 0)
		e = err_make(
		    ERR_PERM, "%.100s: command is empty", params_origin(p));
	r->user = params_text(p, "user", "");
	r->password = params_text(p, "password", "");
	if (!err_is(e))
		e = params_number(
		    p, "database", 0, 0, INT32_MAX, &r->database);
	return e;
}

static struct err
open_redis(struct table *t)
{
	struct redis *r = xcalloc(1, sizeof(*r));
	const struct params *p;
	struct err e = params_load(str_view(&t->spec), &p);

	if (!err_is(e))
		e = load_redis(r, p);
	if (!err_is(e))
		e = dbserver_open(t, &kind, p,
		    params_text(p, "hosts", "inet:localhost"));
	if (err_is(e))
		free(r);
	else
		((struct dbserver *)t->state)->state = r;
	return e;
}

static void
close_redis(struct table *t)
{
	struct redis *r = ((struct dbserver *)t->state)->state;

	dbserver_close(t);
	free(r);
}

static struct err
find_redis(struct table *t, struct view key, struct str *value, bool *found)
{
	struct dbserver *s = t->state;
	bool wanted;
	struct err e = query_common_wants(&s->common, key, &wanted);

	return err_is(e) || !wanted ? e : dbserver_find(t, key, value, found);
}

const struct table_type type_redis = { .name = "redis",
	.flags = TYPE_FIXED | TYPE_REMOTE | TYPE_SERVER | TYPE_PARAMS,
	.open = open_redis,
	.find = find_redis,
	.close = close_redis,
	.changed = dbserver_changed };
