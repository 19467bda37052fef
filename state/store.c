/* What is remembered, here or elsewhere: see store.h. */
#include "state/store.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/table/share.h"
#include "state/count.h"
#include "state/stores.h"

enum {
	/* Less than what smtpd waits for (smtpd/recall.c). */
	SHARE_TIMEOUT = 9,
	TELL_EVERY_MS = 60 * 1000,
};

bool
store_is_shared(const struct store *s)
{
	return s->cache == NULL;
}

/* --- a server --- */

static void
tell_seldom(struct store *s, struct err e)
{
	int64_t now = clock_ms();

	if (s->told_ms != 0 && now - s->told_ms < TELL_EVERY_MS)
		return;
	s->told_ms = now;
	log_warn("%s cannot be asked: %s", s->spec, e.text);
}

/* `once`: it must not be done twice. */
static struct err
ask_share(struct store *s, struct ipc_share_ask *ask, bool once,
    struct ipc_share_answer *answer, struct ipc_keep *keep)
{
	struct str key = STR_EMPTY;
	int64_t deadline = deadline_in(SHARE_TIMEOUT);
	struct err e;

	str_add_text(&key, s->prefix);
	str_add(&key, ask->key);
	ask->key = str_view(&key);
	ask->table = view_of(s->spec);
	e = once ? ipc_call_once(s->lookup, IPC_OUT(share_ask, ask),
		       IPC_IN(share_answer, answer), keep, deadline)
		 : ipc_call(s->lookup, IPC_OUT(share_ask, ask),
		       IPC_IN(share_answer, answer), keep, deadline);
	if (!err_is(e) && answer->status != ERR_NONE)
		e = err_make(
		    ERR_TEMP, "%.*s", VIEW_ARGS(view_first(answer->text, 180)));
	if (err_is(e))
		tell_seldom(s, e);
	str_clear(&key);
	return e;
}

/* Seconds from now on; 0 for what is over, and for never. */
static int64_t
life_of(int64_t until, int64_t now)
{
	int64_t life = until > now ? until - now : 0;

	return life < SHARE_LIFE_MAX ? life : SHARE_LIFE_MAX;
}

/* --- both --- */

struct err
store_get(struct store *s, struct view key, int64_t now, struct str *value,
    bool *found)
{
	struct ipc_share_ask ask = { .verb = SHARE_GET, .key = key };
	struct ipc_share_answer answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e;

	*found = false;
	if (!store_is_shared(s)) {
		*found = cache_get(s->cache, key, now, value);
		return ERR_OK;
	}
	e = ask_share(s, &ask, false, &answer, &keep);
	*found = !err_is(e) && answer.done != 0;
	if (*found)
		str_set(value, answer.value);
	ipc_keep_clear(&keep);
	return e;
}

static void
put_here(struct store *s, struct view key, struct view value, int64_t until)
{
	if (until > 0)
		cache_put(s->cache, key, value, until);
	else
		cache_drop(s->cache, key);
	if (s->all != NULL)
		stores_changed(s->all);
}

struct err
store_put(struct store *s, struct view key, struct view value, int64_t until,
    int64_t now)
{
	struct ipc_share_ask ask = { .verb = SHARE_PUT,
		.key = key,
		.value = value,
		.life = life_of(until, now) };
	struct ipc_share_answer answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e;

	if (!store_is_shared(s)) {
		put_here(s, key, value, until);
		return ERR_OK;
	}
	e = ask_share(s, &ask, false, &answer, &keep);
	ipc_keep_clear(&keep);
	return e;
}

struct err
store_swap(struct store *s, struct view key, struct view old, struct view value,
    int64_t until, int64_t now, bool *done, struct str *is)
{
	struct ipc_share_ask ask = { .verb = SHARE_SWAP,
		.key = key,
		.old = old,
		.value = value,
		.life = life_of(until, now) };
	struct ipc_share_answer answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct str here = STR_EMPTY;
	struct err e = ERR_OK;

	*done = false;
	if (store_is_shared(s)) {
		e = ask_share(s, &ask, false, &answer, &keep);
		*done = !err_is(e) && answer.done != 0;
		if (!err_is(e) && !*done)
			str_set(is, answer.value);
	} else {
		cache_get(s->cache, key, now, &here);
		*done = view_eq(str_view(&here), old);
		if (*done)
			put_here(s, key, value, until);
		else
			str_set(is, str_view(&here));
	}
	ipc_keep_clear(&keep);
	str_clear(&here);
	return e;
}

static void
count_here(struct store *s, const struct store_count *ask, int64_t now,
    int64_t *before, bool *taken)
{
	struct str value = STR_EMPTY;
	struct count n = { .window = 0 };

	if (cache_get(s->cache, ask->key, now, &value) &&
	    !count_read(str_view(&value), &n))
		n = (struct count){ .window = 0 };
	count_move(&n, ask->window, now);
	*before = count_total(&n, now);
	*taken = *before + ask->amount <= ask->limit;
	if (*taken && ask->amount > 0) {
		n.now += ask->amount;
		count_write(&value, &n);
		put_here(
		    s, ask->key, str_view(&value), n.start + 2 * ask->window);
	}
	str_clear(&value);
}

struct err
store_count(struct store *s, const struct store_count *ask, int64_t now,
    int64_t *count, bool *taken)
{
	struct ipc_share_ask m = { .verb = SHARE_COUNT,
		.key = ask->key,
		.window = ask->window,
		.amount = ask->amount,
		.limit = ask->limit < SHARE_COUNT_MAX ? ask->limit
						      : SHARE_COUNT_MAX };
	struct ipc_share_answer answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e;

	*count = 0;
	*taken = false;
	if (!store_is_shared(s)) {
		count_here(s, ask, now, count, taken);
		return ERR_OK;
	}
	e = ask_share(s, &m, true, &answer, &keep);
	if (!err_is(e)) {
		*count = answer.count;
		*taken = answer.done != 0;
	}
	ipc_keep_clear(&keep);
	return e;
}
