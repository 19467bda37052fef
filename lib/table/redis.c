/*
 * redis: tables.  The command is a template whose words are sent as words of
 * the protocol, whatever is in the key.  An array becomes a list with commas.
 */
#include "lib/base/mem.h"
#include "lib/table/dbserver.h"
#include "lib/table/redis_wire.h"

#include <stdlib.h>

enum { REDIS_TIMEOUT_MS = 10000, REDIS_WORDS_MAX = 100 };

struct redis {
	struct view words[REDIS_WORDS_MAX];
	size_t n_words;
	struct redis_login login;
};

static void *
connect_redis(void *arg, const struct dbhost *host, int timeout_ms, char *why)
{
	const struct redis *r = ((struct dbserver *)arg)->state;

	return redis_connect(&r->login, host, timeout_ms, why);
}

/* False: a part of the key is not there, so there is nothing to ask. */
static bool
make_question(const struct dbserver *s, struct str *text)
{
	const struct redis *r = s->state;
	struct str word = STR_EMPTY;
	bool whole = true;

	str_reset(text);
	redis_add_command(text, r->n_words);
	for (size_t i = 0; i < r->n_words && whole; i++) {
		str_reset(&word);
		query_expand(r->words[i], s->key, NULL, NULL, &word, &whole);
		redis_add_word(text, str_view(&word));
	}
	str_clear(&word);
	return whole;
}

/* Too much is no reason to give the connection up: the rest is read too. */
static enum module_end
take_reply(struct dbserver *s, struct duct *w, char *why)
{
	struct redis_reply first, r;

	if (!redis_read(w, &first, why))
		return MODULE_LOST;
	if (first.kind == '-') {
		redis_why(why, "the server says", first.text);
		return MODULE_REFUSED;
	}
	if (first.kind != '*' && first.kind != '_' && first.text.len > 0)
		query_result_add(&s->result, first.text);
	for (size_t i = 0; first.kind == '*' && i < first.n; i++) {
		if (!redis_read(w, &r, why))
			return MODULE_LOST;
		if (r.kind == '*' || r.kind == '-') {
			redis_why(why, "unexpected reply", VIEW("list in a list"));
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
	if (!err_is(e) && r->n_words == 0)
		e = err_make(
		    ERR_PERM, "%.100s: command is empty", params_origin(p));
	return err_is(e) ? e : redis_login_load(&r->login, p);
}

/* Files of keys. */
static struct err
prepare_redis(const struct params *p)
{
	struct redis_login login;

	return redis_login_load(&login, p);
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
	.prepare = prepare_redis,
	.changed = dbserver_changed };
