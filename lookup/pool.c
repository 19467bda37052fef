/*
 * Open tables: see pool.h.  A fiber of its own goes with each question, to a
 * thread and back where that must be, so that who asked need not stay.
 */
#include "lookup/pool.h"

#include "lib/base/mem.h"
#include "lib/run/fiber.h"
#include "lib/run/offload.h"
#include "lib/table/table.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct pool_spec {
	struct str name;
	/* The one that was used last is at the end, and is taken first. */
	struct {
		struct table *table;
		int64_t since;
	} idle[POOL_OPEN_MAX];
	size_t n_idle, n_open;
	struct wait_queue free;
};

struct question {
	struct pool *pool;
	struct pool_spec *spec;
	struct table *table; /* NULL: to be opened */
	struct str key, value;
	bool found;
	struct err e;
	struct wait *asker; /* NULL once it has left */
	bool done;
};

void
pool_init(struct pool *p)
{
	*p = (struct pool){ .n_questions = 0 };
	htable_init(&p->specs);
}

static void
spec_free(void *arg)
{
	struct pool_spec *s = arg;

	for (size_t i = 0; i < s->n_idle; i++)
		table_close(s->idle[i].table);
	str_clear(&s->name);
	free(s);
}

void
pool_clear(struct pool *p)
{
	timer_cancel(&p->sweep);
	htable_clear(&p->specs, spec_free);
}

static struct pool_spec *
find_spec(struct pool *p, struct view name)
{
	struct pool_spec *s = htable_find(&p->specs, name);

	if (s != NULL || p->specs.n_entries >= POOL_SPECS_MAX)
		return s;
	s = xcalloc(1, sizeof(*s));
	str_init(&s->name);
	str_set(&s->name, name);
	wait_queue_init(&s->free);
	htable_set(&p->specs, name, s);
	return s;
}

static void
question_free(struct question *q)
{
	q->pool->n_questions--;
	str_clear(&q->key);
	str_clear(&q->value);
	free(q);
}

/* Nobody else has this table, or this question. */
static void
run_question(void *arg)
{
	struct question *q = arg;

	q->e = table_find(q->table, str_view(&q->key), &q->value, &q->found);
}

static void
run_open(void *arg)
{
	struct question *q = arg;

	q->e = table_open(str_view(&q->spec->name), 0, &q->table);
}

/* What blocks goes to a thread.  To go there and back takes longer than a server
 * needs for its answer, so that who can wait here does. */
static void
answer_question(struct question *q)
{
	if (q->table == NULL)
		offload(run_open, q);
	if (err_is(q->e))
		return;
	if (table_may_park(q->table))
		run_question(q);
	else
		offload(run_question, q);
}

/* --- what lies idle --- */

struct sweep {
	int64_t before;
	struct table **old;
	size_t n, n_left;
};

static void
take_old(struct view key, void *value, void *arg)
{
	struct pool_spec *s = value;
	struct sweep *sweep = arg;
	size_t n = 0;

	(void)key;
	while (n < s->n_idle && s->idle[n].since <= sweep->before &&
	    table_has_connection(s->idle[n].table))
		n++;
	for (size_t i = 0; i < n; i++) {
		sweep->old = xreallocarray(
		    sweep->old, sweep->n + 1, sizeof(struct table *));
		sweep->old[sweep->n++] = s->idle[i].table;
	}
	s->n_idle -= n;
	s->n_open -= n;
	memmove(s->idle, s->idle + n, s->n_idle * sizeof(s->idle[0]));
	for (size_t i = 0; i < s->n_idle; i++)
		sweep->n_left += table_has_connection(s->idle[i].table);
}

/* On a thread: a server is told, which may take a while. */
static void
close_old(void *arg)
{
	const struct sweep *sweep = arg;

	for (size_t i = 0; i < sweep->n; i++)
		table_close(sweep->old[i]);
}

static void start_sweep(struct timer *t);

void
pool_sweep(struct pool *p, int64_t now)
{
	struct sweep sweep = { .before = now - POOL_IDLE_MS };

	htable_each(&p->specs, take_old, &sweep);
	if (sweep.n_left > 0 && p->sweep.place == 0)
		timer_set(&p->sweep, now + POOL_IDLE_MS / 2, start_sweep);
	if (sweep.n > 0)
		offload(close_old, &sweep);
	free(sweep.old);
}

static void
run_sweep(void *arg)
{
	pool_sweep(arg, loop_now());
}

static void
start_sweep(struct timer *t)
{
	fiber_spawn("sweep", run_sweep,
	    (char *)t - offsetof(struct pool, sweep));
}

static void
give_back(struct question *q)
{
	struct pool_spec *s = q->spec;

	/* A file that failed may be broken: the next one opens it anew.  What
	 * has a connection knows itself what has become of it. */
	if (q->table == NULL ||
	    (err_is(q->e) && !table_has_connection(q->table))) {
		table_close(q->table);
		s->n_open--;
	} else {
		s->idle[s->n_idle].table = q->table;
		s->idle[s->n_idle++].since = loop_now();
		if (q->pool->sweep.place == 0 && table_has_connection(q->table))
			timer_set(&q->pool->sweep, loop_now() + POOL_IDLE_MS,
			    start_sweep);
	}
	q->table = NULL;
	wait_queue_wake_one(&s->free);
}

static void
carry_question(void *arg)
{
	struct question *q = arg;

	answer_question(q);
	give_back(q);
	q->done = true;
	if (q->asker != NULL)
		wait_wake(q->asker);
	else
		question_free(q);
}

/* A table for this question; q->table stays NULL if it is to open one. */
static struct err
take_table(struct question *q, int64_t deadline)
{
	struct pool_spec *s = q->spec;
	struct err e = ERR_OK;

	while (s->n_idle == 0 && s->n_open >= POOL_OPEN_MAX && !err_is(e))
		e = wait_queue_for(&s->free, deadline);
	if (err_is(e))
		return err_within(e, "wait for table %s", s->name.ptr);
	if (s->n_idle > 0)
		q->table = s->idle[--s->n_idle].table;
	else
		s->n_open++;
	return ERR_OK;
}

static struct question *
question_new(struct pool *p, struct pool_spec *s, struct view key)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->pool = p;
	q->spec = s;
	str_init(&q->key);
	str_init(&q->value);
	str_set(&q->key, key);
	p->n_questions++;
	return q;
}

/* Wait for the question's end, or leave it alone. */
static struct err
await_question(struct question *q, int64_t deadline)
{
	struct wait w = WAIT_EMPTY;
	struct err e = ERR_OK;

	q->asker = &w;
	fiber_spawn("table", carry_question, q);
	while (!q->done && !err_is(e))
		e = wait_for(&w, deadline);
	if (q->done)
		return ERR_OK;
	q->asker = NULL;
	return err_within(e, "ask table %s", q->spec->name.ptr);
}

struct err
pool_ask(struct pool *p, struct view spec, struct view key, struct str *value,
    bool *found, int64_t deadline)
{
	struct pool_spec *s = find_spec(p, spec);
	struct question *q;
	struct err e;

	*found = false;
	if (s == NULL || p->n_questions >= POOL_QUESTIONS_MAX)
		return err_make(ERR_TEMP, "ask table: too many questions");
	q = question_new(p, s, key);
	e = take_table(q, deadline);
	if (err_is(e)) {
		question_free(q);
		return e;
	}
	e = await_question(q, deadline);
	/* It is its carrier's now. */
	if (err_is(e))
		return e;
	e = q->e;
	*found = q->found && !err_is(e);
	if (*found)
		str_set(value, str_view(&q->value));
	question_free(q);
	return e;
}

static void
check_spec(struct view key, void *value, void *arg)
{
	const struct pool_spec *s = value;
	bool *changed = arg;

	(void)key;
	for (size_t i = 0; i < s->n_idle; i++)
		*changed |= table_was_replaced(s->idle[i].table);
}

bool
pool_has_changed(const struct pool *p)
{
	bool changed = false;

	htable_each(&p->specs, check_spec, &changed);
	return changed;
}
