/* Delivering one message: see deliver.h. */
#include "smtp/deliver.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/run/fiber.h"
#include "smtp/connect.h"
#include "smtp/envelope.h"
#include "smtp/generic.h"
#include "smtp/transaction.h"

enum { DNS_TIMEOUT = 100 };

/* Where an attempt stands among the next hops. */
struct attempt {
	struct agent *agent;
	struct delivery *d;
	struct dest dest;
	struct view dest_text;
	struct view rest;     /* next hops still to come */
	struct view fallback; /* after those */
	struct session *last;
	bool is_final; /* the answer holds for every other host */
};

bool
deliver_through(struct delivery *d, struct session *s)
{
	struct why why = WHY_EMPTY;
	enum transaction_end end;

	s->uses++;
	s->was_heard = s->uses == 1;
	d->times.connected_us = clock_wall_us();
	if (!envelope_forward(&d->ask, s, &why)) {
		bool is_stale = s->is_gone && !s->was_heard;

		if (!is_stale)
			delivery_refuse_all(d, RCPT_TODO, s, &why);
		why_clear(&why);
		return !is_stale;
	}
	why_clear(&why);
	do
		end = transaction_run(d, s);
	while (end == TRANSACTION_AGAIN);
	return end != TRANSACTION_STALE;
}

static void
make_key(struct str *key, const struct delivery *d, struct view what)
{
	str_set(key, d->ask.transport);
	str_add_byte(key, '\0');
	str_add(key, what);
}

/* Keeps the session for later; an earlier one has had its time. */
static void
set_last(struct attempt *at, struct session *s)
{
	if (at->last != NULL)
		cache_take(&at->agent->cache, at->last);
	at->last = s;
}

static bool
use(struct attempt *at, struct session *s)
{
	size_t n_before = at->d->n_todo;
	bool ok;

	fiber_set_debug(s->is_debugged);
	ok = deliver_through(at->d, s);
	fiber_set_debug(false);
	/* A server that leaves in the middle is no sign of health. */
	if (!s->is_broken || at->d->n_todo < n_before)
		at->d->had_session = true;
	if (ok)
		set_last(at, s);
	else
		session_free(s);
	return ok;
}

/* Sessions of an earlier delivery to the same next hop or address.  True if
 * one took the message. */
static bool
use_kept(struct attempt *at, struct view key,
    struct session *(*find)(struct cache *c, struct view key))
{
	struct session *s;

	while ((s = find(&at->agent->cache, key)) != NULL)
		if (use(at, s))
			return true;
	return false;
}

/* A new session; NULL with the reason in d->why. */
static struct session *
open_session(struct attempt *at, const struct target *t, struct view key)
{
	struct delivery *d = at->d;
	struct agent *a = at->agent;
	struct session *s;
	bool ok;
	int fd;

	if (!connect_target(d->set, &a->dial, t, &fd, &d->why)) {
		health_set_dead(&a->health, key, true);
		return NULL;
	}
	health_set_dead(&a->health, key, false);
	s = session_new(d->set, t, fd);
	str_set(&s->target_key, key);
	fiber_set_debug(s->is_debugged);
	ok = session_greet(s, at->dest.name, &d->why);
	fiber_set_debug(false);
	if (ok)
		return s;
	d->times.connected_us = clock_wall_us();
	delivery_refuse_all(d, RCPT_TODO, s, &d->why);
	/* No reply to QUIT is worth waiting for. */
	s->is_leaving = true;
	session_quit(s);
	return NULL;
}

/* One address.  *sessions counts those that were connected. */
static void
try_target(
    struct attempt *at, const struct target *t, bool is_best, int64_t *sessions)
{
	struct delivery *d = at->d;
	struct str addr = STR_EMPTY, key = STR_EMPTY;
	struct session *s;

	target_add_key(&addr, t);
	make_key(&key, d, str_view(&addr));
	if (use_kept(at, str_view(&key), cache_find_target)) {
		(*sessions)++;
	} else if ((s = open_session(at, t, str_view(&key))) != NULL) {
		(*sessions)++;
		/* Only the best host stands for the next hop as a whole. */
		if (is_best)
			make_key(&s->dest_key, d, at->dest_text);
		use(at, s);
	}
	str_clear(&key);
	str_clear(&addr);
}

static bool
is_dead(struct attempt *at, const struct target *t)
{
	struct str addr = STR_EMPTY, key = STR_EMPTY;
	bool dead;

	target_add_key(&addr, t);
	make_key(&key, at->d, str_view(&addr));
	dead = health_is_dead(&at->agent->health, str_view(&key));
	str_clear(&addr);
	str_clear(&key);
	return dead;
}

/* Drop those that failed a moment ago, but not all of them. */
static void
cut_dead(struct attempt *at, struct targets *ts)
{
	size_t n = 0;

	for (size_t i = 0; i < ts->n; i++)
		n += !is_dead(at, &ts->list[i]);
	if (n == 0 || n == ts->n)
		return;
	n = 0;
	for (size_t i = 0; i < ts->n; i++)
		if (!is_dead(at, &ts->list[i]))
			ts->list[n++] = ts->list[i];
	ts->n = n;
}

static void
try_targets(struct attempt *at, struct targets *ts)
{
	struct delivery *d = at->d;
	int64_t sessions = 0, limit = d->set->mx_session_limit;
	bool more_dests = at->rest.len > 0 || at->fallback.len > 0;

	cut_dead(at, ts);
	for (size_t i = 0; i < ts->n && d->n_todo > 0 && !at->is_final; i++) {
		if (limit > 0 && sessions >= limit)
			break;
		d->has_more = more_dests ||
		    (i + 1 < ts->n && (limit <= 0 || sessions + 1 < limit));
		try_target(at, &ts->list[i],
		    ts->list[i].preference == ts->best_preference, &sessions);
	}
}

/* One next hop. */
static void
try_dest(struct attempt *at)
{
	struct delivery *d = at->d;
	struct str key = STR_EMPTY;
	struct targets ts;

	make_key(&key, d, at->dest_text);
	if (use_kept(at, str_view(&key), cache_find_dest)) {
		str_clear(&key);
		return;
	}
	str_clear(&key);
	if (targets_find(&ts, d->set, &at->agent->dns, &at->dest, &d->why,
		deadline_in(DNS_TIMEOUT))) {
		try_targets(at, &ts);
	} else if (d->why.status.subject == 1 || d->why.status.detail == 6) {
		/* Null MX, or this machine itself: no relay knows better. */
		at->is_final = true;
	}
	targets_clear(&ts);
}

static void
try_list(struct attempt *at, struct view *list)
{
	struct delivery *d = at->d;

	while (d->n_todo > 0 && !at->is_final) {
		struct view before = *list;
		struct err e;

		if (!dest_next(d->set, list, &at->dest, &e))
			return;
		at->dest_text =
		    view_trim(view_first(before, before.len - list->len));
		if (err_is(e)) {
			log_warn(
			    "%.*s: %s", VIEW_ARGS(d->ask.queue_id), e.text);
			why_set(&d->why, DSN_STATUS(4, 3, 5), "%s", e.text);
			continue;
		}
		try_dest(at);
	}
}

void
deliver(struct agent *a, struct delivery *d, struct session **last)
{
	struct attempt at = { .agent = a,
		.d = d,
		.rest = d->ask.nexthop,
		.fallback = view_of(a->set.fallback_relay) };

	struct err e = generic_map_envelope(d);

	*last = NULL;
	if (err_is(e)) {
		log_warn("%.*s: %s", VIEW_ARGS(d->ask.queue_id), e.text);
		why_set(&d->why, DSN_STATUS(4, 3, 0),
		    "address mapping is not available");
	} else if (d->set->is_tls_required) {
		/* Never in clear against the site's policy. */
		why_set(&d->why, DSN_STATUS(4, 7, 4),
		    "TLS is required by security level \"%s\", but is not "
		    "available",
		    d->set->tls_level);
	} else {
		try_list(&at, &at.rest);
		try_list(&at, &at.fallback);
		*last = at.last;
	}
	if (d->n_todo > 0 && !why_is_set(&d->why))
		why_set(&d->why, DSN_STATUS(4, 3, 5), "no next hop");
	d->has_more = false;
	delivery_give_up(d);
}
