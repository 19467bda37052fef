/*
 * When messages that wait are opened: what is due, and what stands in line.
 *
 * A destination has a share of the messages in memory.  Beyond that they stand
 * in line for it, 80 bytes each, their files where they are, until some of its
 * own are done: so one slow host with a hundred thousand messages takes neither
 * the memory nor the turn of the others.  While a destination is dead, what
 * waits for it and has been tried is put off without its file being touched; a
 * few messages try it again.
 */
#include "qmgr/waiting.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* Messages opened at once: not more than there are threads, or what
	 * fresh messages ask of these would wait behind a queue of them. */
	OPEN_AT_ONCE = 16,
	/* Steps without a file before others have their turn. */
	STEPS_AT_ONCE = 500,
	SHARE_MIN = 10,
};

static struct wait work = WAIT_EMPTY;
static size_t n_opening;

void
deferred_wake(void)
{
	wait_wake(&work);
}

/* --- a destination's share --- */

static bool
is_dead(const struct destination *d)
{
	return d->dead_until > loop_now();
}

/* Of what is free below three quarters of the limit, a fourth: the more
 * destinations are full, the less each has, and there is always some left. */
static int64_t
share_of(const struct destination *d)
{
	int64_t limit = qmgr.conf->qmgr_message_active_limit * 3 / 4;
	int64_t share = (limit - (int64_t)qmgr.n_messages) / 4;
	int64_t least = d->window * 2 > SHARE_MIN ? d->window * 2 : SHARE_MIN;

	/* It was dead: a few find out whether it still is. */
	if (d->dead_reason != NULL && d->heard_at == 0)
		return least;
	return share > least ? share : least;
}

static bool
has_share(const struct destination *d)
{
	return (int64_t)d->n_jobs + d->n_opening < share_of(d);
}

bool
destination_is_full(const struct destination *d)
{
	return d->n_in_line > 0 || !has_share(d);
}

/* --- opening --- */

struct opening {
	struct queue_id id;
	struct destination *d; /* NULL: not known */
	unsigned how;          /* enum message_open */
};

static void
open_file(struct view id, unsigned how)
{
	static const char *const queues[] = { "deferred", "active",
		"incoming" };

	/* It is no longer known here: sent away, it would be forgotten. */
	message_await(id);
	/* Busy files wait in the folder where they are. */
	for (size_t i = 0; i < ARRAY_LEN(queues); i++)
		if (faccessat(AT_FDCWD, queue_path_of(queues[i], id).text, F_OK,
			AT_SYMLINK_NOFOLLOW) == 0) {
			message_open_as(queues[i], id, how);
			return;
		}
}

static void
open_fiber(void *arg)
{
	struct opening *o = arg;

	open_file(queue_id_view(&o->id), o->how);
	n_opening--;
	if (o->d != NULL) {
		o->d->n_opening--;
		destination_call_next(o->d);
	}
	deferred_wake();
	free(o);
}

static void
open_soon(struct waiting *w, struct destination *d)
{
	struct opening *o = xcalloc(1, sizeof(*o));

	memcpy(o->id.text, w->id, strlen(w->id));
	o->d = d;
	o->how = (d != NULL ? MESSAGE_CALLED : 0) |
	    (w->answered ? MESSAGE_ANSWERED : 0);
	n_opening++;
	if (d != NULL)
		d->n_opening++;
	waiting_forget(w);
	fiber_spawn("due", open_fiber, o);
}

/* --- in line --- */

static void
set_in_line(struct destination *d, size_t n)
{
	/* Its jobs count as a crowd while others stand behind them. */
	if (d->n_in_line == 0 && n > 0)
		qmgr.n_crowded += (int64_t)d->n_jobs;
	if (d->n_in_line > 0 && n == 0)
		qmgr.n_crowded -= (int64_t)d->n_jobs;
	d->n_in_line = n;
}

static struct waiting *
stand_in_line(struct destination *d, struct view id)
{
	struct waiting *w = waiting_take_off_heap(id);

	if (w == NULL)
		return NULL;
	if (d->line_last != NULL)
		d->line_last->later = w;
	else
		d->line_first = w;
	d->line_last = w;
	set_in_line(d, d->n_in_line + 1);
	return w;
}

void
destination_line_up(struct destination *d, struct view id, int64_t must_s)
{
	struct waiting *w = stand_in_line(d, id);

	if (w != NULL) {
		w->where = d->where;
		w->must = (uint32_t)must_s;
	}
}

static struct waiting *
leave_line(struct destination *d)
{
	struct waiting *w = d->line_first;

	d->line_first = w->later;
	if (w->later == NULL)
		d->line_last = NULL;
	set_in_line(d, d->n_in_line - 1);
	return w;
}

/* Not all at the same time, and the longer the less it costs: as for messages
 * that have been tried a few times. */
static int64_t
end_of_death(const struct destination *d, const struct waiting *w)
{
	int64_t low = qmgr.conf->minimal_backoff_time;
	int64_t quarter = qmgr.conf->maximal_backoff_time / 4;
	uint64_t spread = (uint64_t)(quarter > low ? quarter : low) + 1;

	return clock_wall() + (d->dead_until - loop_now()) / 1000 + 1 +
	    (int64_t)(hash_bytes(view_of(w->id)) % spread);
}

static bool
need_not_open(const struct waiting *w, const struct destination *d)
{
	return is_dead(d) && (int64_t)w->must > clock_wall();
}

static void
call_again(void *arg)
{
	struct destination *d = arg;

	fiber_yield();
	d->n_opening--;
	destination_call_next(d);
}

void
destination_call_next(struct destination *d)
{
	int steps = 0;

	while (d->n_in_line > 0 && !qmgr.draining) {
		struct waiting *w = d->line_first;

		if (++steps > STEPS_AT_ONCE) {
			d->n_opening++;
			fiber_spawn("line", call_again, d);
			return;
		}
		if (w->id[0] == '\0') {
			free(leave_line(d));
		} else if (need_not_open(w, d)) {
			leave_line(d);
			waiting_put_off(w, end_of_death(d, w));
		} else if (!has_share(d) ||
		    (d->n_opening > 0 && n_opening >= OPEN_AT_ONCE)) {
			/* Who is under way calls the next when it is done. */
			return;
		} else {
			leave_line(d);
			waiting_put_off(w, 0);
			open_soon(w, d);
		}
	}
}

/* --- what is due --- */

static bool
is_room(void)
{
	/* Deferred mail takes at most half of what may be worked on. */
	return n_opening < OPEN_AT_ONCE &&
	    (int64_t)qmgr.n_messages - qmgr.n_crowded <
	    qmgr.conf->qmgr_message_active_limit / 2;
}

static void
look_after(struct waiting *w)
{
	struct destination *d = destination_find_where(w->where);

	if (d != NULL && need_not_open(w, d))
		waiting_put_off(w, end_of_death(d, w));
	else if (d != NULL && (int64_t)w->must > clock_wall() &&
	    destination_is_full(d))
		stand_in_line(d, view_of(w->id));
	else
		open_soon(w, d);
}

void
due_run(void *unused)
{
	struct waiting *w;
	int steps = 0;

	(void)unused;
	while (!qmgr.draining) {
		waiting_notice_clock();
		while (is_room() && (w = waiting_find_due()) != NULL) {
			look_after(w);
			if (++steps % STEPS_AT_ONCE == 0)
				fiber_yield();
		}
		if (is_room())
			waiting_set_timer();
		wait_for(&work, deadline_in(1));
	}
}
