/*
 * Which delivery starts next.  Per destination a window of deliveries at once,
 * which grows with success and shrinks with failure; among destinations of a
 * transport by turns (turn.c); among the messages that wait for one destination the
 * older first, but a small one may pre-empt a large one: each slot_cost
 * deliveries of a job earn one slot that a smaller job may take, so the large
 * one is slowed by at most that share.  After P. Rak's description of
 * Postfix's scheduler (SCHEDULER_README).
 */
#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/mail/addr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Destinations that are idle are forgotten beyond this many. */
enum { DESTINATIONS_MAX = 10000, IDLE_AT_ONCE = 256, IDLE_MS = 60000 };

/* --- transports --- */

static bool
is_in_list(const char *list, const char *name)
{
	struct view rest = view_of(list), item;

	while (conf_list_next(&rest, &item))
		if (view_eq(item, view_of(name)))
			return true;
	return false;
}

/* Programs whose deliveries each cost a process, or a thread that waits for
 * the disk: fewer at once by default. */
static const struct {
	const char *command;
	bool is_worker; /* one delivery at a time in each process */
} heavy_programs[] = {
	{ "local", false },
	{ "virtual", false },
	{ "pipe", true },
};

static void
learn_program(struct transport *t)
{
	const struct conf *conf = qmgr.conf;
	bool is_heavy = false;
	struct master_service *s =
	    master_cf_find(&qmgr.master_cf, view_of(t->name), MASTER_UNIX);
	const char *command = s != NULL ? s->command : t->name;

	for (size_t i = 0; i < ARRAY_LEN(heavy_programs); i++) {
		if (strcmp(command, heavy_programs[i].command) != 0)
			continue;
		is_heavy = true;
		t->is_worker = heavy_programs[i].is_worker;
	}
	t->process_limit = s != NULL && s->limit > 0 ? s->limit
	    : is_heavy ? conf->default_process_limit
		       : conf->default_session_limit;
	if (t->process_limit <= 0)
		t->process_limit = conf->default_session_limit;
}

static void
learn_limits(struct transport *t)
{
	const struct conf *c = qmgr.conf;
	const char *n = t->name;

	t->destination_limit =
	    conf_find_derived(c, n, "_destination_concurrency_limit");
	t->recipient_limit =
	    conf_find_derived(c, n, "_destination_recipient_limit");
	t->initial =
	    conf_find_derived(c, n, "_initial_destination_concurrency");
	t->rate_delay_ms = conf_find_derived(c, n, "_destination_rate_delay");
	t->failed_cohort_limit = conf_find_derived(
	    c, n, "_destination_concurrency_failed_cohort_limit");
	t->slot_cost = conf_find_derived(c, n, "_delivery_slot_cost");
	t->slot_loan = conf_find_derived(c, n, "_delivery_slot_loan");
	t->slot_discount = conf_find_derived(c, n, "_delivery_slot_discount");
	t->minimum_slots = conf_find_derived(c, n, "_minimum_delivery_slots");
	t->deferred_by_conf = is_in_list(c->defer_transports, n);
	if (t->rate_delay_ms > 0)
		t->destination_limit = 1;
	if (t->initial < 1)
		t->initial = 1;
	if (t->destination_limit > 0 && t->initial > t->destination_limit)
		t->initial = t->destination_limit;
}

static void
on_transport_retry(struct timer *timer)
{
	schedule_run(LIST_ITEM(timer, struct transport, retry));
}

struct transport *
transport_find(struct view name)
{
	struct transport *t;

	LIST_EACH (it, after, &qmgr.transports) {
		t = LIST_ITEM(it, struct transport, node);
		if (view_eq(view_of(t->name), name))
			return t;
	}
	t = xcalloc(1, sizeof(*t));
	t->name = xstrndup(name.ptr, name.len);
	daemon_service(qmgr.daemon, t->name, &t->service);
	htable_init(&t->destinations);
	turn_init(t);
	learn_program(t);
	learn_limits(t);
	list_append(&qmgr.transports, &t->node);
	return t;
}

void
transport_failed(struct transport *t, const char *reason)
{
	free(t->dead_reason);
	t->dead_reason = xstrdup(reason);
	t->dead_until = loop_now() + qmgr.conf->transport_retry_time * 1000;
	log_warn("transport %s: %s", t->name, reason);
	timer_set(&t->retry, t->dead_until, on_transport_retry);
}

/* --- destinations --- */

static struct view
where_key(const uint32_t *where)
{
	return view_make((const char *)where, sizeof(*where));
}

struct destination *
destination_find_where(uint32_t where)
{
	return where != 0 ? htable_find(&qmgr.by_where, where_key(&where)) :
			    NULL;
}

static void
learn_where(struct destination *d)
{
	struct str both = STR_EMPTY;

	str_printf(&both, "%s:%s", d->transport->name, d->name);
	d->where = (uint32_t)hash_bytes(str_view(&both)) | 1;
	htable_set(&qmgr.by_where, where_key(&d->where), d);
	str_clear(&both);
}

static void
destination_free(void *p)
{
	struct destination *d = p;

	if (destination_find_where(d->where) == d)
		htable_remove(&qmgr.by_where, where_key(&d->where));
	timer_cancel(&d->wake);
	list_remove(&d->ready);
	free(d->name);
	free(d->nexthop);
	free(d->dead_reason);
	free(d);
}

struct idle_search {
	struct destination *found[IDLE_AT_ONCE];
	size_t n;
};

static void
note_idle(struct view key, void *value, void *arg)
{
	struct destination *d = value;
	struct idle_search *s = arg;

	(void)key;
	if (s->n < ARRAY_LEN(s->found) && d->n_jobs == 0 && d->busy == 0 &&
	    d->n_in_line == 0 && d->n_opening == 0 &&
	    d->dead_until < loop_now() && d->not_before < loop_now() &&
	    loop_now() - d->last_used > IDLE_MS)
		s->found[s->n++] = d;
}

static void
forget_idle(struct transport *t)
{
	struct idle_search s = { .n = 0 };

	htable_each(&t->destinations, note_idle, &s);
	for (size_t i = 0; i < s.n; i++) {
		htable_remove(&t->destinations, view_of(s.found[i]->name));
		destination_free(s.found[i]);
	}
}

static struct destination *
find_or_make(struct transport *t, struct view name, struct view nexthop)
{
	struct destination *d = htable_find(&t->destinations, name);

	if (d != NULL)
		return d;
	if (t->destinations.n_entries >= DESTINATIONS_MAX &&
	    t->destinations.n_entries % IDLE_AT_ONCE == 0)
		forget_idle(t);
	d = xcalloc(1, sizeof(*d));
	d->transport = t;
	d->name = xstrndup(name.ptr, name.len);
	d->nexthop = xstrndup(nexthop.ptr, nexthop.len);
	list_init(&d->jobs);
	list_init(&d->ready);
	d->window = t->initial;
	htable_set(&t->destinations, name, d);
	learn_where(d);
	return d;
}

struct destination *
destination_find(struct transport *t, struct view nexthop)
{
	return find_or_make(t, nexthop, nexthop);
}

struct destination *
destination_of_rcpt(
    struct transport *t, struct view nexthop, struct view address)
{
	struct view user, extension;
	struct str name = STR_EMPTY;
	struct destination *d;

	if (t->recipient_limit != 1)
		return destination_find(t, nexthop);
	addr_split_extension(addr_local(address),
	    view_of(qmgr.conf->recipient_delimiter),
	    qmgr.conf->owner_request_special, &user, &extension);
	str_set(&name, user);
	str_lower(&name);
	str_add_byte(&name, '@');
	str_add(&name, nexthop);
	d = find_or_make(t, str_view(&name), nexthop);
	str_clear(&name);
	return d;
}

/* A feedback parameter: "1", "0.5", "1/concurrency", "1/sqrt_concurrency". */
static double
feedback(const char *suffix, const struct destination *d)
{
	struct view text = view_trim(view_of(
	    conf_find_derived_text(qmgr.conf, d->transport->name, suffix)));
	double n = (double)(d->window > 0 ? d->window : 1);
	double number;
	char *end;

	number = strtod(text.ptr, &end);
	if (end == text.ptr || number <= 0)
		number = 1;
	if (view_ends(text, VIEW("/concurrency")))
		return number / n;
	if (view_ends(text, VIEW("/sqrt_concurrency")))
		return number / sqrt(n);
	return number;
}

void
destination_succeeded(struct destination *d)
{
	int64_t limit = d->transport->destination_limit;

	turn_heard(d);
	d->failed_cohorts = 0;
	d->dead_until = 0;
	if (limit > 0 && d->window >= limit)
		return;
	/* No growth that is not used. */
	if (d->window >= d->busy + d->transport->initial)
		return;
	d->success += feedback("_destination_concurrency_positive_feedback", d);
	/* At the end of a step, so that a failure in it undoes it. */
	while (d->success >= 1) {
		d->window++;
		d->success -= 1;
		d->failure = 0;
	}
	if (limit > 0 && d->window > limit)
		d->window = limit;
}

static void
destination_dies(struct destination *d, const char *reason)
{
	char *own = xstrdup(reason);

	free(d->dead_reason);
	d->dead_reason = own;
	d->dead_until = loop_now() + qmgr.conf->minimal_backoff_time * 1000;
	d->window = d->transport->initial;
	d->failed_cohorts = 0;
	d->success = d->failure = 0;
}

void
destination_failed(struct destination *d, const char *reason)
{
	d->heard_at = 0;
	if (d->dead_until > loop_now())
		return;
	if (d->transport->failed_cohort_limit > 0) {
		d->failed_cohorts +=
		    1.0 / (double)(d->window > 0 ? d->window : 1);
		if (d->failed_cohorts >=
		    (double)d->transport->failed_cohort_limit - 1e-9) {
			destination_dies(d, reason);
			return;
		}
	}
	/* At the beginning of a step. */
	d->failure -= feedback("_destination_concurrency_negative_feedback", d);
	while (d->failure < 0) {
		d->window -= d->window > 1;
		d->failure += 1;
		d->success = 0;
	}
}

/* --- jobs --- */

static bool
is_same_sender(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* With this sender, or whichever it has (any). */
static struct job *
job_find(const struct destination *d, const struct message *m,
    const char *sender, bool any)
{
	/* The newest is nearly always the one. */
	for (struct list *it = d->jobs.prev; it != &d->jobs; it = it->prev) {
		struct job *j = LIST_ITEM(it, struct job, node);

		if (j->message == m &&
		    (any || is_same_sender(j->sender, sender)))
			return j;
		if (it == d->jobs.prev->prev)
			break;
	}
	return NULL;
}

bool
schedule_has(const struct destination *d, const struct message *m)
{
	return job_find(d, m, NULL, true) != NULL;
}

static void
count_jobs(struct destination *d, size_t n)
{
	if (d->n_in_line > 0)
		qmgr.n_crowded += (int64_t)n - (int64_t)d->n_jobs;
	d->n_jobs = n;
}

void
schedule_add(struct destination *d, struct message *m, struct rcpt *r)
{
	schedule_add_from(d, m, r, NULL);
}

void
schedule_add_from(struct destination *d, struct message *m, struct rcpt *r,
    const char *sender)
{
	struct job *j;

	if (sender != NULL && sender[0] == '\0')
		sender = NULL;
	j = job_find(d, m, sender, false);
	if (j == NULL) {
		j = xcalloc(1, sizeof(*j));
		j->sender = sender != NULL ? xstrdup(sender) : NULL;
		j->destination = d;
		j->message = m;
		list_init(&j->rcpts);
		list_append(&d->jobs, &j->node);
		list_append(&m->jobs, &j->of_message);
		count_jobs(d, d->n_jobs + 1);
		message_use(m);
	}
	list_remove(&r->node);
	list_append(&j->rcpts, &r->node);
	j->n_rcpts++;
	turn_ready(d);
}

static void
job_free(struct job *j)
{
	struct message *m = j->message;

	list_remove(&j->node);
	list_remove(&j->of_message);
	count_jobs(j->destination, j->destination->n_jobs - 1);
	free(j->sender);
	free(j);
	message_unuse(m);
}

bool
schedule_drop(struct message *m)
{
	bool any = !list_is_empty(&m->jobs);
	struct list *it, *node;

	while ((it = list_first(&m->jobs)) != NULL) {
		struct job *j = LIST_ITEM(it, struct job, of_message);
		struct destination *d = j->destination;

		while ((node = list_first(&j->rcpts)) != NULL) {
			rcpt_free(LIST_ITEM(node, struct rcpt, node));
			m->n_open--;
		}
		job_free(j);
		destination_call_next(d);
	}
	return any;
}

/* How many deliveries a job still needs. */
static int64_t
deliveries_needed(const struct job *j)
{
	int64_t per = j->destination->transport->recipient_limit;

	return per > 0 ? (j->n_rcpts + per - 1) / per : 1;
}

/* The slots that a job has earned and not lent, with the loan and discount of
 * the parameters. */
static bool
may_preempt(const struct job *first, const struct job *other)
{
	const struct transport *t = first->destination->transport;
	int64_t slots, needed = deliveries_needed(other);

	if (t->slot_cost <= 0 || needed * 2 > deliveries_needed(first))
		return false;
	slots = first->n_done / t->slot_cost - first->slots_used;
	if (deliveries_needed(first) / t->slot_cost < t->minimum_slots)
		return false;
	return slots + t->slot_loan >= needed - needed * t->slot_discount / 100;
}

enum { PREEMPT_LOOK = 64 };

static struct job *
choose_job(struct destination *d)
{
	struct job *first = LIST_ITEM(list_first(&d->jobs), struct job, node);
	struct job *best = NULL;
	int looked = 0;

	/* One delivery is not put off: see may_preempt. */
	if (deliveries_needed(first) < 2)
		return first;
	LIST_EACH (it, after, &d->jobs) {
		struct job *j = LIST_ITEM(it, struct job, node);

		if (looked++ > PREEMPT_LOOK)
			break;
		if (j == first || !may_preempt(first, j))
			continue;
		if (best == NULL ||
		    deliveries_needed(j) < deliveries_needed(best))
			best = j;
	}
	if (best == NULL)
		return first;
	first->slots_used++;
	return best;
}

static void
on_wake(struct timer *t)
{
	struct destination *d = LIST_ITEM(t, struct destination, wake);

	turn_ready(d);
	schedule_run(d->transport);
}

/* True if the destination may start a delivery now. */
static bool
may_start(struct destination *d)
{
	int64_t limit = d->window;

	if (d->n_jobs == 0)
		return false;
	if (d->transport->destination_limit == 0)
		limit = INT64_MAX;
	if (d->busy >= limit)
		return false;
	if (d->not_before > loop_now()) {
		timer_set(&d->wake, d->not_before, on_wake);
		return false;
	}
	return true;
}

struct deferral {
	struct list jobs;
	char *dsn, *reason;
};

static void
defer_job(const struct deferral *x, struct job *j)
{
	struct verdict v = { .status = OUTCOME_DEFERRED,
		.dsn = view_of(x->dsn),
		.text = view_of(x->reason),
		.relay = VIEW("none") };
	struct outcomes o;
	struct list *node;

	outcomes_init(&o, j->message);
	while ((node = list_first(&j->rcpts)) != NULL) {
		struct rcpt *r = LIST_ITEM(node, struct rcpt, node);

		outcome_log(j->message, r, &v);
		outcomes_add(&o, r, &v);
	}
	outcomes_flush(&o);
	message_unuse(j->message);
	list_remove(&j->node);
	free(j->sender);
	free(j);
}

static void
defer_fiber(void *arg)
{
	struct deferral *x = arg;
	struct list *it;

	while ((it = list_first(&x->jobs)) != NULL)
		defer_job(x, LIST_ITEM(it, struct job, node));
	free(x->dsn);
	free(x->reason);
	free(x);
	work_end();
}

void
destination_defer_all(
    struct destination *d, const char *dsn, const char *reason)
{
	struct deferral *x = xmalloc(sizeof(*x));
	struct list *it;

	/* The jobs are no longer the destination's: the writing takes time, and
	 * meanwhile others come. */
	list_init(&x->jobs);
	while ((it = list_first(&d->jobs)) != NULL) {
		list_remove(it);
		list_append(&x->jobs, it);
		list_remove(&LIST_ITEM(it, struct job, node)->of_message);
	}
	count_jobs(d, 0);
	x->dsn = xstrdup(dsn);
	x->reason = xstrdup(reason);
	work_begin();
	fiber_spawn("defer", defer_fiber, x);
}

/* Why nothing can go there now; NULL if it can. */
static const char *
refusal(const struct destination *d, const char **dsn)
{
	const struct transport *t = d->transport;

	*dsn = "4.3.2";
	if (t->deferred_by_conf)
		return "deferred transport";
	*dsn = "4.3.0";
	if (t->dead_until > loop_now())
		return t->dead_reason;
	*dsn = "4.4.1";
	if (d->dead_until > loop_now())
		return d->dead_reason;
	return NULL;
}

void
schedule_run(struct transport *t)
{
	struct destination *d;

	while (!qmgr.draining && (d = turn_next(t)) != NULL) {
		const char *dsn;
		const char *why = refusal(d, &dsn);
		struct job *j;

		if (why != NULL) {
			destination_defer_all(d, dsn, why);
			destination_call_next(d);
			continue;
		}
		if (!may_start(d))
			continue;
		j = choose_job(d);
		turn_take_slot(d);
		d->last_used = loop_now();
		if (t->rate_delay_ms > 0)
			d->not_before = loop_now() + t->rate_delay_ms;
		j->n_done++;
		deliver_start(j);
		if (j->n_rcpts == 0)
			job_free(j);
		/* To the end of the round. */
		if (d->n_jobs > 0)
			turn_ready(d);
	}
}

void
schedule_done(struct destination *d)
{
	turn_give_slot(d);
	if (d->n_jobs > 0)
		turn_ready(d);
	schedule_run(d->transport);
	destination_call_next(d);
}

static void
forget_one(struct view key, void *value, void *arg)
{
	struct destination *d = value;

	(void)key;
	(void)arg;
	d->dead_until = 0;
}

void
schedule_forget_dead(void)
{
	LIST_EACH (it, after, &qmgr.transports) {
		struct transport *t = LIST_ITEM(it, struct transport, node);

		t->dead_until = 0;
		htable_each(&t->destinations, forget_one, NULL);
	}
}
