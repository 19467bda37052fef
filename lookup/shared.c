/* What hosts share: see shared.h.  A fiber of each table's own goes to a thread
 * and back as long as there are questions. */
#include "lookup/shared.h"

#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/run/fiber.h"
#include "lib/run/offload.h"

#include <stdlib.h>

struct shared_spec {
	struct str name;
	struct share *share; /* NULL: could not be opened yet */
	struct list waiting;
	size_t n_questions;
	bool is_busy;
};

struct question {
	struct list node; /* of those waiting */
	struct shared_spec *spec;
	struct share_question q; /* its views are of `memory` */
	struct str key, old, value, answer;
	struct wait *asker; /* NULL once it has left */
	bool done;
};

void
shared_init(struct shared *s)
{
	htable_init(&s->specs);
}

static void
spec_free(void *arg)
{
	struct shared_spec *spec = arg;

	share_close(spec->share);
	str_clear(&spec->name);
	free(spec);
}

void
shared_clear(struct shared *s)
{
	htable_clear(&s->specs, spec_free);
	htable_init(&s->specs);
}

static struct shared_spec *
find_spec(struct shared *s, struct view name)
{
	struct shared_spec *spec = htable_find(&s->specs, name);

	if (spec != NULL)
		return spec;
	spec = xcalloc(1, sizeof(*spec));
	str_init(&spec->name);
	str_set(&spec->name, name);
	list_init(&spec->waiting);
	htable_set(&s->specs, name, spec);
	return spec;
}

/* --- questions --- */

static struct view
copy(struct str *memory, struct view v)
{
	str_init(memory);
	str_set(memory, v);
	return str_view(memory);
}

static struct question *
question_new(struct shared_spec *spec, const struct share_question *from)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->spec = spec;
	q->q = *from;
	q->q.key = copy(&q->key, from->key);
	q->q.old = copy(&q->old, from->old);
	q->q.value = copy(&q->value, from->value);
	str_init(&q->answer);
	q->q.answer = &q->answer;
	spec->n_questions++;
	return q;
}

static void
question_free(struct question *q)
{
	q->spec->n_questions--;
	str_clear(&q->key);
	str_clear(&q->old);
	str_clear(&q->value);
	str_clear(&q->answer);
	free(q);
}

/* --- a batch --- */

struct batch {
	struct shared_spec *spec;
	struct question *questions[SHARE_BATCH_MAX];
	size_t n;
};

/* On a thread: nobody else has this table, or these questions. */
static void
run_batch(void *arg)
{
	struct batch *b = arg;
	struct share_question *all[SHARE_BATCH_MAX];
	struct err e = ERR_OK;

	for (size_t i = 0; i < b->n; i++)
		all[i] = &b->questions[i]->q;
	if (b->spec->share == NULL)
		e = share_open(str_view(&b->spec->name), &b->spec->share);
	if (!err_is(e))
		share_ask(b->spec->share, all, b->n);
	for (size_t i = 0; err_is(e) && i < b->n; i++)
		all[i]->e = err_make(ERR_TEMP, "%s", e.text);
}

/* Whose asker has left need not be asked any more. */
static void
fill(struct batch *b)
{
	b->n = 0;
	while (b->n < SHARE_BATCH_MAX && !list_is_empty(&b->spec->waiting)) {
		struct question *q = LIST_ITEM(
		    list_first(&b->spec->waiting), struct question, node);

		list_remove(&q->node);
		if (q->asker != NULL)
			b->questions[b->n++] = q;
		else
			question_free(q);
	}
}

static void
carry(void *arg)
{
	struct shared_spec *spec = arg;
	struct batch b = { .spec = spec };

	for (;;) {
		fill(&b);
		if (b.n == 0)
			break;
		offload(run_batch, &b);
		for (size_t i = 0; i < b.n; i++) {
			struct question *q = b.questions[i];

			q->done = true;
			if (q->asker != NULL)
				wait_wake(q->asker);
			else
				question_free(q);
		}
	}
	spec->is_busy = false;
}

struct err
shared_ask(struct shared *s, struct view spec_name, struct share_question *q,
    int64_t deadline)
{
	struct shared_spec *spec = find_spec(s, spec_name);
	struct wait w = WAIT_EMPTY;
	struct question *mine;
	struct err e = ERR_OK;

	if (!share_is_sane(q))
		return err_make(
		    ERR_TEMP, "shared table: a question out of bounds");
	if (spec->n_questions >= SHARED_QUESTIONS_MAX)
		return err_make(ERR_TEMP, "shared table: too many questions");
	mine = question_new(spec, q);
	mine->asker = &w;
	list_append(&spec->waiting, &mine->node);
	if (!spec->is_busy) {
		spec->is_busy = true;
		fiber_spawn("shared", carry, spec);
	}
	while (!mine->done && !err_is(e))
		e = wait_for(&w, deadline);
	if (!mine->done) {
		/* It is its carrier's now. */
		mine->asker = NULL;
		return err_within(e, "ask shared table %s", spec->name.ptr);
	}
	e = mine->q.e;
	q->done = mine->q.done;
	q->count = mine->q.count;
	str_set(q->answer, str_view(&mine->answer));
	question_free(mine);
	return e;
}
