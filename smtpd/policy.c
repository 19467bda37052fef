/* Policy servers: connections, attempts, settings.  See policy.h. */
#include "smtpd/policy.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/ipc/dial.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"
#include "lib/run/stream.h"
#include "smtpd/access_run.h"

#include <stdlib.h>

enum {
	/* Connections of one process to one service. */
	LINKS_MAX = 100,
	DROPPED_MAX = 64 * 1024,
	SERVICES_MAX = 1000,
};

/* A connection; on `idle` between two questions. */
struct policy_link {
	struct list node;
	struct stream io;
	int64_t idle_until, dies_at;
	int64_t n_requests;
};

struct policy_service {
	struct smtpd *smtpd;
	char *endpoint, *default_action, *context;
	int64_t timeout_ms, max_idle_ms, max_ttl_ms, retry_delay_ms;
	int64_t request_limit, try_limit;
	struct list idle; /* the one used last is the first */
	size_t n_links;
	struct wait_queue waiting; /* for one more connection */
	struct timer reaper;
};

/* --- settings --- */

static void
set_text(char **place, struct view value)
{
	free(*place);
	*place = xstrndup(value.ptr, value.len);
}

static bool
set_time(int64_t *place, struct view value)
{
	return conf_parse_time(value, 's', place) && *place > 0;
}

/* One of a service's own settings; false if it is none. */
static bool
set_option(struct policy_service *p, struct view name, struct view value)
{
	if (view_eq(name, VIEW("default_action")))
		set_text(&p->default_action, value);
	else if (view_eq(name, VIEW("policy_context")))
		set_text(&p->context, value);
	else if (view_eq(name, VIEW("timeout")))
		return set_time(&p->timeout_ms, value);
	else if (view_eq(name, VIEW("max_idle")))
		return set_time(&p->max_idle_ms, value);
	else if (view_eq(name, VIEW("max_ttl")))
		return set_time(&p->max_ttl_ms, value);
	else if (view_eq(name, VIEW("retry_delay")))
		return set_time(&p->retry_delay_ms, value);
	else if (view_eq(name, VIEW("request_limit")))
		return view_to_int(value, &p->request_limit) &&
		    p->request_limit >= 0;
	else if (view_eq(name, VIEW("try_limit")))
		return view_to_int(value, &p->try_limit) && p->try_limit > 0;
	else
		return false;
	return true;
}

static void
set_defaults(struct policy_service *p, const struct conf *conf)
{
	set_text(&p->default_action,
	    view_of(conf->smtpd_policy_service_default_action));
	set_text(
	    &p->context, view_of(conf->smtpd_policy_service_policy_context));
	p->timeout_ms = conf->smtpd_policy_service_timeout * 1000;
	p->max_idle_ms = conf->smtpd_policy_service_max_idle * 1000;
	p->max_ttl_ms = conf->smtpd_policy_service_max_ttl * 1000;
	p->retry_delay_ms = conf->smtpd_policy_service_retry_delay * 1000;
	p->request_limit = conf->smtpd_policy_service_request_limit;
	p->try_limit = conf->smtpd_policy_service_try_limit;
}

static bool
set_all(struct policy_service *p, struct view text)
{
	struct view word;

	if (!conf_list_next(&text, &word) ||
	    !(view_starts(word, VIEW("inet:")) ||
		view_starts(word, VIEW("unix:"))))
		return false;
	set_text(&p->endpoint, word);
	while (conf_list_next(&text, &word)) {
		size_t equals = view_find(word, '=');

		if (equals == VIEW_NPOS ||
		    !set_option(p, view_trim(view_first(word, equals)),
			view_trim(view_skip(word, equals + 1)))) {
			log_warn("policy server %s: bad setting \"%.*s\"",
			    p->endpoint, VIEW_ARGS(word));
			return false;
		}
	}
	return true;
}

struct policy_service *
policy_find(struct smtpd *smtpd, struct view text)
{
	struct htable *known = &smtpd->access_shared->policies;
	struct policy_service *p = htable_find(known, text);

	if (p != NULL || known->n_entries >= SERVICES_MAX)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->smtpd = smtpd;
	list_init(&p->idle);
	wait_queue_init(&p->waiting);
	set_defaults(p, smtpd->conf);
	if (!set_all(p, text)) {
		policy_free(p);
		return NULL;
	}
	htable_set(known, text, p);
	return p;
}

const char *
policy_default_action(const struct policy_service *p)
{
	return p->default_action;
}

const char *
policy_context(const struct policy_service *p)
{
	return p->context;
}

const char *
policy_name(const struct policy_service *p)
{
	return p->endpoint + strlen("inet:");
}

/* --- connections --- */

static void
link_close(struct policy_service *p, struct policy_link *l)
{
	list_remove(&l->node);
	stream_clear(&l->io);
	free(l);
	p->n_links--;
	wait_queue_wake_one(&p->waiting);
}

void
policy_free(void *service)
{
	struct policy_service *p = service;

	if (loop_is_on())
		timer_cancel(&p->reaper);
	while (!list_is_empty(&p->idle))
		link_close(p,
		    LIST_ITEM(list_first(&p->idle), struct policy_link, node));
	free(p->endpoint);
	free(p->default_action);
	free(p->context);
	free(p);
}

/* Connections that nobody has used for a while are closed. */
static void
reap(struct timer *t)
{
	struct policy_service *p = LIST_ITEM(t, struct policy_service, reaper);
	int64_t now = clock_ms(), next = INT64_MAX;

	LIST_EACH (it, after, &p->idle) {
		struct policy_link *l =
		    LIST_ITEM(it, struct policy_link, node);

		if (l->idle_until <= now)
			link_close(p, l);
		else if (l->idle_until < next)
			next = l->idle_until;
	}
	if (next != INT64_MAX)
		timer_set(t, next, reap);
}

/* The connection may be used again, if nothing speaks against it. */
static void
link_keep(struct policy_service *p, struct policy_link *l)
{
	int64_t now = clock_ms();

	l->n_requests++;
	l->idle_until = now + p->max_idle_ms;
	if (l->idle_until > l->dies_at)
		l->idle_until = l->dies_at;
	/* What nobody asked for would be taken for the next answer. */
	if (!loop_is_on() || l->idle_until <= now ||
	    stream_buffered(&l->io).len > 0 ||
	    (p->request_limit > 0 && l->n_requests >= p->request_limit)) {
		link_close(p, l);
		return;
	}
	list_prepend(&p->idle, &l->node);
	if (p->reaper.place == 0)
		timer_set(&p->reaper, l->idle_until, reap);
	wait_queue_wake_one(&p->waiting);
}

/* One that was kept, and is still good; NULL if there is none. */
static struct policy_link *
take_kept(struct policy_service *p)
{
	while (!list_is_empty(&p->idle)) {
		struct policy_link *l =
		    LIST_ITEM(list_first(&p->idle), struct policy_link, node);

		/* Input is an end, or an answer to no question. */
		if (l->idle_until > clock_ms() && !stream_has_input(&l->io)) {
			list_remove(&l->node);
			return l;
		}
		link_close(p, l);
	}
	return NULL;
}

static struct err
link_open(struct policy_service *p, int64_t deadline, struct policy_link **out)
{
	struct policy_link *l;
	struct err e;
	int fd = -1;

	p->n_links++;
	e = ipc_dial_connect(&p->smtpd->dial, view_of(p->endpoint),
	    deadline_left(deadline), &fd);
	if (err_is(e)) {
		p->n_links--;
		wait_queue_wake_one(&p->waiting);
		return e;
	}
	l = xcalloc(1, sizeof(*l));
	list_init(&l->node);
	stream_init(&l->io, fd);
	l->dies_at = deadline_in_ms(p->max_ttl_ms);
	*out = l;
	return ERR_OK;
}

/* A connection for one question: a kept one, a new one, or in the end, if
 * there are too many, one that somebody else is done with. */
static struct err
link_take(struct policy_service *p, int64_t deadline, bool fresh,
    struct policy_link **out, bool *is_kept)
{
	struct err e = ERR_OK;

	for (;;) {
		*out = fresh ? NULL : take_kept(p);
		*is_kept = *out != NULL;
		if (*is_kept)
			return e;
		if (p->n_links < LINKS_MAX)
			return link_open(p, deadline, out);
		if (fresh && !list_is_empty(&p->idle)) {
			link_close(p,
			    LIST_ITEM(p->idle.prev, struct policy_link, node));
			continue;
		}
		e = wait_queue_for(&p->waiting, deadline);
		if (err_is(e))
			return e;
	}
}

/* --- asking --- */

static struct err
read_reply(struct policy_link *l, int64_t deadline, struct str *action)
{
	struct policy_reply reply;
	struct err e = ERR_OK;

	policy_reply_init(&reply);
	while (!reply.is_done && !err_is(e)) {
		struct view line;
		enum stream_eol eol;

		e = stream_read_line(&l->io, POLICY_LINE_MAX, DROPPED_MAX,
		    &line, &eol, deadline);
		if (!err_is(e))
			e = policy_reply_feed(&reply, line);
	}
	if (!err_is(e))
		str_set(action, str_view(&reply.action));
	policy_reply_clear(&reply);
	return e;
}

static struct err
exchange(struct policy_link *l, struct view request, int64_t deadline,
    struct str *action)
{
	struct err e = stream_write(&l->io, request, deadline);

	if (!err_is(e))
		e = stream_flush(&l->io, deadline);
	if (!err_is(e))
		e = read_reply(l, deadline, action);
	return e;
}

/* One attempt, with one deadline for all of it: a server cannot stretch it. */
static struct err
try_once(struct policy_service *p, struct view request, struct str *action)
{
	int64_t deadline = deadline_in_ms(p->timeout_ms);
	struct policy_link *l;
	bool is_kept = true;
	struct err e;

	for (bool fresh = false;; fresh = true) {
		e = link_take(p, deadline, fresh, &l, &is_kept);
		if (err_is(e))
			return e;
		e = exchange(l, request, deadline, action);
		if (!err_is(e)) {
			link_keep(p, l);
			return e;
		}
		link_close(p, l);
		/* A server may close what was idle just when we ask. */
		if (!is_kept || e.kind != ERR_GONE || fiber_is_cancelled())
			return e;
	}
}

struct err
policy_ask(struct policy_service *p, struct view request, struct str *action)
{
	struct err e = err_make(ERR_TEMP, "not asked");

	for (int64_t i = 0; i < p->try_limit; i++) {
		if (i > 0 && err_is(fiber_sleep(p->retry_delay_ms)))
			break;
		e = try_once(p, request, action);
		if (!err_is(e))
			break;
		log_warn("problem talking to server %s: %s", policy_name(p),
		    e.text);
		if (fiber_is_cancelled())
			break;
	}
	return e;
}

/* --- the restriction --- */

enum access_verdict
access_check_policy(struct access *a, const struct access_item *item)
{
	struct policy_service *p = item->policy;
	struct str request = STR_EMPTY, action = STR_EMPTY;
	enum access_verdict v;

	policy_add_request(&request, a, policy_context(p));
	if (err_is(policy_ask(p, str_view(&request), &action))) {
		str_set(&action, view_of(policy_default_action(p)));
		access_keep_doubt(a);
	}
	v = access_act(a, a->subject, str_view(&action), p->endpoint);
	str_clear(&request);
	str_clear(&action);
	return v;
}
