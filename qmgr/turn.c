/*
 * Whose turn it is.  The slots of a transport are shared by all destinations;
 * were they given to whoever stands first, a thousand hosts that swallow
 * packets would hold all of them for as long as a connection may take, and a
 * message for a host that answers would wait that long.  So destinations that
 * may start something stand in lists by what is known of them: the less is
 * known, or the more a destination has already, the more slots stay free of it.
 * Among those that may have a slot, who has waited longest is the next.
 */
#include "qmgr/qmgr.h"

enum {
	/* A host that has answered counts as one that answers until deliveries
	 * have been under way for so long without a word. */
	SILENT_MS = 5000,
	/* Fewer slots are not worth sharing out. */
	SHARED_FROM = 16,
};

void
turn_init(struct transport *t)
{
	for (size_t i = 0; i < TURNS; i++)
		list_init(&t->ready[i]);
}

static bool
is_known(const struct destination *d)
{
	int64_t heard =
	    d->heard_at > d->busy_since ? d->heard_at : d->busy_since;

	if (d->heard_at == 0)
		return false;
	return d->busy == 0 || loop_now() - heard < SILENT_MS;
}

static enum turn
turn_of(const struct destination *d)
{
	const struct transport *t = d->transport;

	if (d->dead_until > loop_now() || t->dead_until > loop_now() ||
	    t->deferred_by_conf)
		return TURN_DEAD;
	if (d->busy > 0 && d->busy == t->n_busy)
		return TURN_ALONE;
	if (!is_known(d))
		return d->busy == 0 ? TURN_NEW : TURN_NEW_MORE;
	return d->busy == 0	   ? TURN_KNOWN
	    : d->busy < t->initial ? TURN_KNOWN_MORE
				   : TURN_KNOWN_MANY;
}

static bool
has_slot(const struct transport *t, enum turn turn)
{
	int64_t all = t->process_limit, busy = t->n_busy;
	int64_t known = busy - t->n_unproven;

	if (turn == TURN_DEAD)
		return true; /* it takes none */
	if (busy >= all)
		return false;
	if (all < SHARED_FROM)
		return true;
	switch (turn) {
	case TURN_NEW:
		return t->n_unproven < all - all / 4;
	case TURN_NEW_MORE:
		return t->n_unproven < all / 4;
	case TURN_KNOWN:
		return known < all - all / 16;
	case TURN_KNOWN_MORE:
		return busy < all - all / 8;
	case TURN_KNOWN_MANY:
		return busy < all - all / 4;
	case TURN_ALONE:
		return busy < all - all / 16;
	case TURN_DEAD:
	case TURNS:
		break;
	}
	return true;
}

/* Behind those that have waited longer. */
static void
put(struct destination *d, enum turn turn)
{
	struct list *at = &d->transport->ready[turn];

	d->transport->standing |= 1U << turn;
	while (at->prev != &d->transport->ready[turn] &&
	    LIST_ITEM(at->prev, struct destination, ready)->ready_at >
		d->ready_at)
		at = at->prev;
	list_insert_before(at, &d->ready);
}

void
turn_ready(struct destination *d)
{
	if (!list_is_empty(&d->ready))
		return;
	d->ready_at = d->transport->n_ready++;
	put(d, turn_of(d));
}

/* The first of this list, after those were moved to another that became what
 * that one is for while they stood here. */
static struct destination *
first_of(struct transport *t, enum turn turn)
{
	struct list *it;

	while ((it = list_first(&t->ready[turn])) != NULL) {
		struct destination *d =
		    LIST_ITEM(it, struct destination, ready);
		enum turn now = turn_of(d);

		if (now == turn)
			return d;
		list_remove(it);
		put(d, now);
	}
	t->standing &= ~(1U << turn);
	return NULL;
}

static bool
has_some(const struct transport *t, enum turn turn)
{
	return (t->standing & 1U << turn) != 0;
}

struct destination *
turn_next(struct transport *t)
{
	struct destination *next = NULL;

	/* A list that was looked at may get one from a later one. */
	for (enum turn turn = 0; turn < TURNS; turn++)
		if (has_some(t, turn))
			first_of(t, turn);
	for (enum turn turn = 0; turn < TURNS; turn++) {
		struct destination *d =
		    has_some(t, turn) ? first_of(t, turn) : NULL;

		if (d != NULL && has_slot(t, turn) &&
		    (next == NULL || d->ready_at < next->ready_at))
			next = d;
	}
	if (next != NULL)
		list_remove(&next->ready);
	return next;
}

void
turn_take_slot(struct destination *d)
{
	if (d->heard_at == 0) {
		d->n_unproven++;
		d->transport->n_unproven++;
	}
	if (d->busy++ == 0)
		d->busy_since = loop_now();
	d->transport->n_busy++;
}

void
turn_give_slot(struct destination *d)
{
	if (d->n_unproven > 0) {
		d->n_unproven--;
		d->transport->n_unproven--;
	}
	d->busy--;
	d->transport->n_busy--;
}

void
turn_heard(struct destination *d)
{
	d->heard_at = loop_now();
	d->transport->n_unproven -= d->n_unproven;
	d->n_unproven = 0;
}
