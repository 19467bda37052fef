/* What hosts remember together: see share.h. */
#include "lib/table/share.h"

#include "lib/base/mem.h"
#include "lib/table/dblink.h"
#include "lib/table/redis_wire.h"

#include <stdlib.h>

/* Below what those who ask wait for; a server that is back is noticed soon,
 * since mail waits for it. */
enum { SHARE_TIMEOUT_MS = 5000, SHARE_REST_MS = 5000 };

/* Before each value: the number of its format. */
static const char format[] = "1 ";

enum phase {
	PHASE_OPEN, /* to be asked */
	PHASE_SENT, /* must not be sent again */
	PHASE_ANSWERED,
};

struct share {
	struct str spec;
	struct redis_login login;
	const char *prefix;
	struct dblink link;
	/* What is being asked. */
	struct share_question *const *all;
	size_t n;
};

/* --- scripts --- */

/* KEYS: the entry.  ARGV: what must be there (with its format, "" is nothing),
 * what is to be there, for how long (s). */
static const char swap_script[] =
    "local v=redis.call('GET',KEYS[1]) "
    "if v and string.sub(v,1,2)~='1 ' then v=false end "
    "if (v or '')~=ARGV[1] then return v or '' end "
    "if ARGV[3]=='0' then redis.call('DEL',KEYS[1]) "
    "else redis.call('SET',KEYS[1],ARGV[2],'EX',ARGV[3]) end "
    "return 1";

/*
 * KEYS: the counter, as state/count.h has it.  ARGV: window, amount, limit.  How
 * many there were; below zero, and one less, if the amount was not added.  The
 * clock is the server's: hosts whose clocks differ would begin windows anew in
 * turn.
 */
static const char count_script[] =
    "local now=tonumber(redis.call('TIME')[1]) "
    "local w,amount,limit=tonumber(ARGV[1]),tonumber(ARGV[2]),"
    "tonumber(ARGV[3]) "
    "local start=now-now%w "
    "local n,before=0,0 "
    "local v=redis.call('GET',KEYS[1]) "
    "if v then "
    "local W,S,N,B=string.match(v,'^1 (%d+):(%d+):(%d+):(%d+)$') "
    "if W and tonumber(W)==w then S=tonumber(S) "
    "if S>=start then n,before=tonumber(N),tonumber(B) "
    "elseif S==start-w then before=tonumber(N) end end end "
    "local total=n+math.ceil(before*(start+w-now)/w) "
    "if total+amount>limit then return -total-1 end "
    "if amount>0 then redis.call('SET',KEYS[1],"
    "string.format('1 %d:%d:%d:%d',w,start,n+amount,before),"
    "'EX',start+2*w-now) end "
    "return total";

/* --- questions --- */

bool
share_is_sane(const struct share_question *q)
{
	if ((unsigned)q->verb >= SHARE_VERBS || q->key.len == 0 ||
	    q->key.len > SHARE_KEY_MAX || q->old.len > SHARE_VALUE_MAX ||
	    q->value.len > SHARE_VALUE_MAX)
		return false;
	if (q->verb == SHARE_COUNT)
		return q->window > 0 && q->window <= SHARE_WINDOW_MAX &&
		    q->amount >= 0 && q->amount <= INT32_MAX && q->limit >= 0 &&
		    q->limit <= SHARE_COUNT_MAX;
	return q->life >= 0 && q->life <= SHARE_LIFE_MAX &&
	    (q->verb == SHARE_GET || q->life == 0 || q->value.len > 0);
}

static void
add_key(const struct share *s, struct str *out, const struct share_question *q)
{
	struct str key = STR_EMPTY;

	str_add_text(&key, s->prefix);
	str_add(&key, q->key);
	redis_add_word(out, str_view(&key));
	str_clear(&key);
}

/* With its format; nothing stays nothing. */
static void
add_value(struct str *out, struct view value)
{
	struct str whole = STR_EMPTY;

	if (value.len > 0)
		str_add_text(&whole, format);
	str_add(&whole, value);
	redis_add_word(out, str_view(&whole));
	str_clear(&whole);
}

static void
add_script(const struct share *s, struct str *out, const char *script,
    const struct share_question *q)
{
	redis_add_command(out, 7);
	redis_add_word(out, VIEW("EVAL"));
	redis_add_word(out, view_of(script));
	redis_add_word(out, VIEW("1"));
	add_key(s, out, q);
}

static void
add_question(
    const struct share *s, struct str *out, const struct share_question *q)
{
	switch (q->verb) {
	case SHARE_SWAP:
		add_script(s, out, swap_script, q);
		add_value(out, q->old);
		add_value(out, q->value);
		redis_add_number(out, q->life);
		return;
	case SHARE_COUNT:
		add_script(s, out, count_script, q);
		redis_add_number(out, q->window);
		redis_add_number(out, q->amount);
		redis_add_number(out, q->limit);
		return;
	case SHARE_PUT:
		redis_add_command(out, q->life > 0 ? 5 : 2);
		redis_add_word(out, q->life > 0 ? VIEW("SET") : VIEW("DEL"));
		add_key(s, out, q);
		if (q->life == 0)
			return;
		add_value(out, q->value);
		redis_add_word(out, VIEW("EX"));
		redis_add_number(out, q->life);
		return;
	default:
		redis_add_command(out, 2);
		redis_add_word(out, VIEW("GET"));
		add_key(s, out, q);
	}
}

/* --- answers --- */

/* False for another format, and for what is too long to be ours. */
static bool
take_value(struct share_question *q, struct view whole)
{
	if (!view_starts(whole, view_of(format)) ||
	    whole.len > SHARE_VALUE_MAX + sizeof(format) - 1)
		return false;
	str_set(q->answer, view_skip(whole, sizeof(format) - 1));
	return q->answer->len > 0;
}

/* False: no answer to such a question. */
static bool
take_answer(struct share_question *q, const struct redis_reply *r)
{
	bool is_number = r->kind == ':';

	q->done = false;
	str_reset(q->answer);
	switch (q->verb) {
	case SHARE_GET:
		q->done = r->kind == '$' && take_value(q, r->text);
		return r->kind == '$' || r->kind == '_';
	case SHARE_PUT:
		q->done = true;
		return is_number || r->kind == '+';
	case SHARE_SWAP:
		q->done = is_number && r->number == 1;
		if (r->kind == '$')
			take_value(q, r->text);
		return q->done || r->kind == '$';
	default:
		/* A counter is what its limit says, whoever counts. */
		q->done = is_number && r->number >= 0;
		if (!is_number || r->number > SHARE_COUNT_MAX ||
		    r->number < -SHARE_COUNT_MAX - 1)
			return false;
		q->count = q->done ? r->number : -(r->number + 1);
		return q->done == (q->count + q->amount <= q->limit);
	}
}

/* It is not this server that can be asked now, but perhaps another one. */
static bool
is_no_master(struct view text)
{
	static const char *const words[] = { "READONLY", "LOADING",
		"MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "MISCONF" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (view_starts(text, view_of(words[i])))
			return true;
	return false;
}

enum taken { TAKEN, TAKEN_NOT, TAKEN_LOST };

static enum taken
read_answer(struct share_question *q, struct duct *w, char *why)
{
	struct redis_reply r;

	if (!redis_read(w, &r, why))
		return TAKEN_LOST;
	if (r.kind == '-') {
		redis_why(why, "the server says", r.text);
		if (is_no_master(r.text)) {
			q->phase = PHASE_OPEN;
			return TAKEN_NOT;
		}
		q->e = err_make(ERR_TEMP, "%s", why);
	} else if (take_answer(q, &r)) {
		q->e = ERR_OK;
	} else {
		redis_why(why, "unexpected reply", r.text);
		return TAKEN_LOST;
	}
	q->phase = PHASE_ANSWERED;
	return TAKEN;
}

static bool
send_all(
    struct share *s, struct duct *w, bool asked[SHARE_BATCH_MAX], char *why)
{
	struct str text = STR_EMPTY;
	bool good;

	for (size_t i = 0; i < s->n; i++) {
		asked[i] = s->all[i]->phase == PHASE_OPEN;
		if (!asked[i])
			continue;
		add_question(s, &text, s->all[i]);
		if (s->all[i]->verb == SHARE_COUNT)
			s->all[i]->phase = PHASE_SENT;
	}
	good = duct_send(w, str_view(&text), why);
	str_clear(&text);
	return good;
}

/* --- the link --- */

static void *
connect_share(void *arg, const struct dbhost *host, int timeout_ms, char *why)
{
	const struct share *s = arg;

	return redis_connect(&s->login, host, timeout_ms, why);
}

static enum module_end
ask_link(void *arg, void *connection, int timeout_ms, char *why)
{
	struct share *s = arg;
	struct duct *w = connection;
	enum module_end end = MODULE_DONE;
	bool asked[SHARE_BATCH_MAX];

	if (!duct_begin(w, timeout_ms, why) || !send_all(s, w, asked, why))
		return MODULE_LOST;
	for (size_t i = 0; i < s->n; i++) {
		enum taken t =
		    asked[i] ? read_answer(s->all[i], w, why) : TAKEN;

		if (t == TAKEN_LOST)
			return MODULE_LOST;
		if (t == TAKEN_NOT)
			end = MODULE_LOST;
	}
	return end;
}

static void
close_link(void *arg, void *connection)
{
	(void)arg;
	duct_close(connection);
}

static const struct dblink_kind kind = { "shared redis", connect_share,
	ask_link, close_link };

void
share_ask(struct share *s, struct share_question *const *all, size_t n)
{
	struct err e;

	s->all = all;
	s->n = n < SHARE_BATCH_MAX ? n : SHARE_BATCH_MAX;
	for (size_t i = 0; i < s->n; i++)
		all[i]->phase = PHASE_OPEN;
	e = dblink_ask(&s->link);
	for (size_t i = 0; i < s->n; i++) {
		if (all[i]->phase == PHASE_ANSWERED)
			continue;
		all[i]->e = err_is(e)
		    ? e
		    : err_make(
			  ERR_TEMP, "%s: the connection was lost", kind.name);
	}
}

/* --- opening --- */

static struct view
without_proxy(struct view spec)
{
	while (view_starts(spec, VIEW("proxy:")))
		spec = view_skip(spec, 6);
	return spec;
}

bool
share_is(struct view spec)
{
	return view_starts(without_proxy(spec), VIEW("redis:"));
}

static struct err
open_link(struct share *s, const struct params *p)
{
	int64_t timeout;
	struct err e = params_time(p, "timeout", SHARE_TIMEOUT_MS, &timeout);

	if (err_is(e))
		return e;
	if (timeout < 1 || timeout > SHARE_TIMEOUT_MS)
		timeout = SHARE_TIMEOUT_MS;
	/* In order: hosts that share must come to the same one. */
	e = dblink_open(&s->link, &kind, s, p,
	    params_text(p, "hosts", "inet:localhost"), true, timeout);
	if (!err_is(e) && params_find(p, "retry_interval") == NULL)
		s->link.rest_ms = SHARE_REST_MS;
	return e;
}

void
share_close(struct share *s)
{
	if (s == NULL)
		return;
	dblink_close(&s->link);
	str_clear(&s->spec);
	free(s);
}

struct err
share_open(struct view spec, struct share **out)
{
	struct share *s = xcalloc(1, sizeof(*s));
	const struct params *p;
	struct err e;

	str_init(&s->spec);
	str_set(&s->spec, without_proxy(spec));
	e = params_load(str_view(&s->spec), &p);
	if (!err_is(e))
		e = redis_login_load(&s->login, p);
	if (!err_is(e)) {
		s->prefix = params_text(p, "key_prefix", "barid:");
		e = open_link(s, p);
	}
	if (err_is(e)) {
		share_close(s);
		s = NULL;
	}
	*out = s;
	return e;
}
