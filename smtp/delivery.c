/* What became of each recipient: see delivery.h. */
#include "smtp/delivery.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/* What an answer's frame can hold, and one outcome beside its text. */
	ANSWER_MAX = IPC_FRAME_MAX - 1024,
	OUTCOME_REST = 120,
	RELAY_MAX = 300,
	REASON_MAX = 500,
};

static struct err
read_rcpts(struct delivery *d)
{
	struct view list = d->ask.rcpts;

	for (;;) {
		struct ipc_rcpt rcpt;
		bool more;
		struct err e = ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more);

		if (err_is(e) || !more)
			return e;
		d->rcpts =
		    xreallocarray(d->rcpts, d->n_rcpts + 1, sizeof(*d->rcpts));
		d->rcpts[d->n_rcpts++] = (struct rcpt){
			.ask = rcpt, .address = rcpt.address,
			.mapped = STR_EMPTY, .why = WHY_EMPTY,
			.relay = STR_EMPTY
		};
	}
}

/* An agent sends nothing for what cannot be its message: an empty one would be
 * acknowledged as well. */
static struct err
check_content(const struct ipc_deliver *ask)
{
	struct stat st;

	if (fstat(ask->file, &st) < 0 || !S_ISREG(st.st_mode))
		return err_make(ERR_PERM, "delivery request: no queue file");
	if (queue_layout_size(ask->layout, st.st_size) < 0)
		return err_make(ERR_PERM, "delivery request: bad layout");
	return ERR_OK;
}

struct err
delivery_init(struct delivery *d, const struct settings *set,
    const struct ipc_deliver *ask)
{
	struct err e;

	*d = (struct delivery){ .set = set, .ask = *ask, .why = WHY_EMPTY,
		.sender = ask->sender, .mapped_sender = STR_EMPTY };
	d->times = (struct deliver_times){ .arrival_us = ask->arrival_us,
		.active_us = ask->active_us,
		.handoff_us = clock_wall_us() };
	e = read_rcpts(d);
	d->n_todo = d->n_rcpts;
	if (!err_is(e) && d->n_rcpts == 0)
		e = err_make(ERR_PERM, "delivery request: no recipients");
	return err_is(e) ? e : check_content(ask);
}

void
delivery_clear(struct delivery *d)
{
	for (size_t i = 0; i < d->n_rcpts; i++) {
		why_clear(&d->rcpts[i].why);
		str_clear(&d->rcpts[i].relay);
		str_clear(&d->rcpts[i].mapped);
	}
	free(d->rcpts);
	str_clear(&d->mapped_sender);
	why_clear(&d->why);
	if (d->ask.file >= 0)
		close(d->ask.file);
	*d = (struct delivery){
		.ask.file = -1, .why = WHY_EMPTY, .mapped_sender = STR_EMPTY
	};
}

static void
remember(struct rcpt *r, const struct session *session, const struct why *why)
{
	why_copy(&r->why, why);
	str_reset(&r->relay);
	r->conn_use = 0;
	if (session == NULL)
		return;
	str_set(&r->relay, str_view(&session->relay));
	r->conn_use = session->uses;
}

/* The outcome is in r: log it. */
static void
finish(struct delivery *d, struct rcpt *r, int outcome)
{
	char dsn[DSN_STATUS_SIZE];
	struct deliver_line line = {
		.queue_id = d->ask.queue_id,
		.recipient = r->ask.address,
		.original = r->ask.original,
		.relay = r->relay.len > 0 ? str_view(&r->relay) : VIEW("none"),
		.conn_use = r->conn_use,
		.times = d->times,
		.is_probe = (d->ask.flags & SUBMIT_PROBE) != 0,
		.text = str_view(&r->why.text),
	};

	if (outcome == OUTCOME_BOUNCED && d->set->soft_bounce) {
		outcome = OUTCOME_DEFERRED;
		r->why.status.class = 4;
	}
	r->outcome = outcome;
	r->state = RCPT_DONE;
	d->n_todo--;
	line.status = outcome;
	line.dsn = dsn_format(r->why.status, dsn);
	line.times.done_us = clock_wall_us();
	/* Never connected: all of the time went into trying. */
	if (line.times.connected_us == 0)
		line.times.connected_us = line.times.done_us;
	deliver_log(&line, d->set->delay_resolution);
}

void
delivery_finish(struct delivery *d, struct rcpt *r,
    const struct session *session, int outcome, const struct why *why)
{
	remember(r, session, why);
	finish(d, r, outcome);
}

void
delivery_log_try(struct delivery *d, struct why *why)
{
	if (!d->has_more || why->is_logged)
		return;
	log_info("%.*s: %s", VIEW_ARGS(d->ask.queue_id), why->text.ptr);
	why->is_logged = true;
}

void
delivery_refuse(struct delivery *d, struct rcpt *r,
    const struct session *session, const struct why *why)
{
	remember(r, session, why);
	if (why->status.class == 5) {
		finish(d, r, OUTCOME_BOUNCED);
		return;
	}
	r->state = RCPT_TODO;
	delivery_log_try(d, &r->why);
}

void
delivery_refuse_all(struct delivery *d, enum rcpt_state state,
    const struct session *session, const struct why *why)
{
	struct why one = WHY_EMPTY;

	why_copy(&one, why);
	/* One line for all of them. */
	if (why->status.class != 5)
		delivery_log_try(d, &one);
	for (size_t i = 0; i < d->n_rcpts; i++)
		if (d->rcpts[i].state == state)
			delivery_refuse(d, &d->rcpts[i], session, &one);
	why_clear(&one);
}

void
delivery_give_up(struct delivery *d)
{
	for (size_t i = 0; i < d->n_rcpts; i++) {
		struct rcpt *r = &d->rcpts[i];

		if (r->state == RCPT_DONE)
			continue;
		if (!why_is_set(&r->why))
			remember(r, NULL, &d->why);
		finish(d, r,
		    r->why.status.class == 5 ? OUTCOME_BOUNCED
					     : OUTCOME_DEFERRED);
	}
}

/* The longest text that lets all outcomes fit into one frame. */
static size_t
text_room(const struct delivery *d)
{
	size_t room = ANSWER_MAX / d->n_rcpts;

	return room > OUTCOME_REST ? room - OUTCOME_REST : 0;
}

static struct view
remote_name(const struct rcpt *r)
{
	struct view relay = str_view(&r->relay);

	return r->why.is_remote ? view_first(relay, view_find(relay, '['))
				: VIEW_EMPTY;
}

void
delivery_answer(const struct delivery *d, struct ipc_delivered *answer,
    struct str *outcomes)
{
	size_t room = text_room(d);
	bool is_ill;

	for (size_t i = 0; i < d->n_rcpts; i++) {
		const struct rcpt *r = &d->rcpts[i];
		size_t names = room / 4 < RELAY_MAX ? room / 4 : RELAY_MAX;
		char dsn[DSN_STATUS_SIZE];
		struct ipc_outcome o = {
			.number = r->ask.number,
			.status = r->outcome,
			.dsn = dsn_format(r->why.status, dsn),
			.text = view_first(str_view(&r->why.text), room / 2),
			.relay = view_first(str_view(&r->relay), names),
			.remote = view_first(remote_name(r), names),
		};

		if (r->relay.len == 0)
			o.relay = VIEW("none");
		ipc_list_add(outcomes, IPC_OUT(outcome, &o));
	}
	answer->outcomes = str_view(outcomes);
	/* A domain that does not exist is no destination that is ill. */
	is_ill = !d->had_session && d->why.status.class == 4;
	answer->destination = is_ill ? DESTINATION_FAILED : DESTINATION_FINE;
	answer->reason = is_ill ? view_first(str_view(&d->why.text), REASON_MAX)
				: VIEW_EMPTY;
}
