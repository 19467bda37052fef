/*
 * One message through one session: see transaction.h.  The commands are
 * numbered: 0 is MAIL, 1 to n the RCPTs, n + 1 is DATA (not with BDAT, not for
 * a probe).  What was sent and what was answered are two counters over that
 * sequence, and a table says who takes each reply.
 */
#include "smtp/transaction.h"

#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "smtp/body.h"
#include "smtp/envelope.h"

#include <stdlib.h>

struct transaction {
	struct delivery *d;
	struct session *s;
	struct envelope envelope; /* what the server gets to see of it */
	struct rcpt **rcpts;	  /* those of this transaction, in order */
	size_t *lens;		  /* of each command sent */
	size_t n_rcpts, n_commands;
	size_t n_sent, n_answered;
	size_t n_unanswered_bytes;
	size_t n_accepted;
	struct why *held; /* refusals of rcpts that wait for the group's end */
	size_t n_held;
	struct str next;   /* the command that was made, not sent */
	bool is_refused;   /* MAIL was */
	bool is_data_open; /* 354 came */
	bool is_probe, is_bdat;
	bool ends_at_rcpt; /* a probe that does */
	struct why why;
};

/* --- replies --- */

/* "Go on" where there is nothing to go on with: the server answers something
 * else than was asked, and what comes next would be believed to be what it is
 * not. */
static void
note_step(struct transaction *t)
{
	if (t->s->reply.code < 400)
		t->s->is_broken = true;
}

static void
mail_reply(struct transaction *t)
{
	if (t->s->reply.code / 100 == 2)
		return;
	t->is_refused = true;
	note_step(t);
	session_quote(t->s, PHASE_MAIL, &t->why);
	delivery_refuse_all(t->d, RCPT_SENT, t->s, &t->why);
}

/* "Too many recipients", not "this one's mailbox is full"? (RFC 5321
 * 4.5.3.1.10) */
static bool
is_too_many(const struct transaction *t)
{
	const struct reply *r = &t->s->reply;
	bool is_unclear =
	    !r->has_status || (r->status.subject == 5 && r->status.detail == 3);

	return t->n_accepted > 0 &&
	    (r->code == 452 || (r->code == 552 && is_unclear));
}

static void
rcpt_reply(struct transaction *t)
{
	struct rcpt *r = t->rcpts[t->n_answered - 1];

	if (r->state != RCPT_SENT) {
		/* For a message that it does not want?  It would take the end
		 * of the content for an empty one. */
		note_step(t);
		return;
	}
	if (t->s->reply.code / 100 == 2) {
		t->n_accepted++;
		r->state = RCPT_ACCEPTED;
		if (t->ends_at_rcpt) {
			session_quote_good(t->s, &t->why);
			delivery_finish(t->d, r, t->s, OUTCOME_SENT, &t->why);
		}
		return;
	}
	note_step(t);
	session_quote(t->s, PHASE_RCPT, &t->why);
	if (is_too_many(t)) {
		t->why.status.class = 4;
		t->why.is_logged = true;
		delivery_refuse(t->d, r, t->s, &t->why);
		r->state = RCPT_AGAIN;
		return;
	}
	if (t->why.status.class != 5) {
		delivery_refuse(t->d, r, t->s, &t->why);
		return;
	}
	why_copy(&t->held[t->n_answered - 1], &t->why);
	t->n_held++;
}

/* It was said to these recipients. */
static void
refuse_held(struct transaction *t)
{
	for (size_t i = 0; i < t->n_rcpts && t->n_held > 0; i++) {
		if (!why_is_set(&t->held[i]))
			continue;
		delivery_refuse(t->d, t->rcpts[i], t->s, &t->held[i]);
		why_clear(&t->held[i]);
		t->n_held--;
	}
}

/*
 * All commands of a group have a reply.  If there is one more, none of them
 * needs to be that of its command: what was refused may be what another
 * recipient was told, and is not returned for it.
 */
static void
end_group(struct transaction *t)
{
	if (t->n_held > 0 && session_has_surplus_reply(t->s))
		t->s->is_broken = true;
	if (!t->s->is_broken)
		refuse_held(t);
}

/* It would take the message: there is none, and no way back but to leave. */
static void
end_probe(struct transaction *t)
{
	session_quote_good(t->s, &t->why);
	t->why.status = DSN_STATUS(2, 0, 0);
	for (size_t i = 0; i < t->n_rcpts; i++)
		if (t->rcpts[i]->state == RCPT_ACCEPTED)
			delivery_finish(
			    t->d, t->rcpts[i], t->s, OUTCOME_SENT, &t->why);
	t->s->is_broken = true;
}

static void
data_reply(struct transaction *t)
{
	if (t->s->reply.code == 354 && t->is_probe && t->n_accepted > 0) {
		end_probe(t);
		return;
	}
	if (t->s->reply.code == 354) {
		t->is_data_open = true;
		return;
	}
	note_step(t);
	/* As in end_group. */
	if (session_has_surplus_reply(t->s)) {
		t->s->is_broken = true;
		return;
	}
	session_quote(t->s, PHASE_DATA, &t->why);
	delivery_refuse_all(t->d, RCPT_ACCEPTED, t->s, &t->why);
}

/* --- commands --- */

static void
make_mail(struct transaction *t)
{
	envelope_add_mail(&t->next, &t->envelope, t->d, t->s);
}

static void
make_rcpt(struct transaction *t)
{
	envelope_add_rcpt(
	    &t->next, &t->envelope, t->rcpts[t->n_sent - 1], t->s);
}

static void
make_data(struct transaction *t)
{
	str_add_text(&t->next, "DATA\r\n");
}

static const struct command {
	enum phase phase;
	void (*make)(struct transaction *t);
	void (*reply)(struct transaction *t);
} commands[] = {
	{ PHASE_MAIL, make_mail, mail_reply },
	{ PHASE_RCPT, make_rcpt, rcpt_reply },
	{ PHASE_DATA, make_data, data_reply },
};

static const struct command *
command_at(const struct transaction *t, size_t number)
{
	return &commands[number == 0 ? 0 : number <= t->n_rcpts ? 1 : 2];
}

/* May the command that is next go out before further replies are read? */
static bool
may_send(struct transaction *t)
{
	const struct command *c = command_at(t, t->n_sent);
	bool all_answered = t->n_sent == t->n_answered;

	if (t->n_sent == t->n_commands || t->is_refused || t->s->is_leaving ||
	    t->s->is_broken)
		return false;
	if (c->phase == PHASE_DATA && all_answered && t->n_accepted == 0)
		return false;
	if (t->next.len == 0)
		c->make(t);
	if (all_answered)
		return true;
	return (t->s->peer.offers & PEER_PIPELINING) != 0 &&
	    t->n_unanswered_bytes + t->next.len <= SESSION_WINDOW;
}

static void
send_next(struct transaction *t)
{
	session_say(t->s, str_view(&t->next));
	t->lens[t->n_sent++] = t->next.len;
	t->n_unanswered_bytes += t->next.len;
	str_reset(&t->next);
}

/* MAIL, RCPT and DATA, and their replies.  False if the connection failed. */
static bool
exchange_commands(struct transaction *t)
{
	t->s->needs_reset = true;
	for (;;) {
		const struct command *c;

		if (t->n_sent == t->n_answered && t->n_sent < t->n_commands &&
		    !session_is_in_step(
			t->s, command_at(t, t->n_sent)->phase, &t->why))
			return false;
		while (may_send(t))
			send_next(t);
		if (t->n_answered == t->n_sent)
			return true;
		c = command_at(t, t->n_answered);
		if (!session_next_reply(t->s, c->phase, &t->why)) {
			refuse_held(t);
			return false;
		}
		c->reply(t);
		t->n_unanswered_bytes -= t->lens[t->n_answered++];
		if (t->n_answered == t->n_sent)
			end_group(t);
	}
}

/* --- the end of the content --- */

static void
accept_rcpt(struct transaction *t, struct rcpt *r)
{
	/* Nobody will tell the sender, who asked for it: we do. */
	bool is_dsn_lost = (r->ask.notify & ESMTP_NOTIFY_SUCCESS) != 0 &&
	    (t->s->peer.offers & PEER_DSN) == 0;

	session_quote_good(t->s, &t->why);
	delivery_finish(t->d, r, t->s,
	    is_dsn_lost ? OUTCOME_RELAYED : OUTCOME_SENT, &t->why);
}

static enum phase
end_phase(const struct transaction *t)
{
	return t->is_bdat ? PHASE_BDAT : PHASE_END;
}

/* A reply for this recipient, or (r == NULL) for all that were accepted. */
static void
end_reply(struct transaction *t, enum phase phase, struct rcpt *r)
{
	if (t->s->reply.code / 100 == 2 && r != NULL) {
		accept_rcpt(t, r);
	} else if (t->s->reply.code / 100 == 2) {
		for (size_t i = 0; i < t->n_rcpts; i++)
			if (t->rcpts[i]->state == RCPT_ACCEPTED)
				accept_rcpt(t, t->rcpts[i]);
	} else {
		session_quote(t->s, phase, &t->why);
		if (t->s->reply.code < 400)
			t->s->is_broken = true;
		if (r != NULL)
			delivery_refuse(t->d, r, t->s, &t->why);
		else
			delivery_refuse_all(t->d, RCPT_ACCEPTED, t->s, &t->why);
	}
}

/* One reply; with LMTP one for each accepted recipient (RFC 2033 4.2). */
static bool
read_end(struct transaction *t)
{
	enum phase phase = end_phase(t);
	bool is_good = false;

	for (size_t i = 0; i < t->n_rcpts; i++) {
		if (t->rcpts[i]->state != RCPT_ACCEPTED)
			continue;
		if (!session_next_reply(t->s, phase, &t->why))
			return false;
		is_good |= t->s->reply.code / 100 == 2;
		end_reply(t, phase, t->d->set->is_lmtp ? t->rcpts[i] : NULL);
	}
	TEST_POINT("smtp-accepted");
	/* After a refused BDAT there still is a transaction (RFC 3030 2). */
	t->s->needs_reset = t->is_bdat && !is_good;
	return true;
}

static bool
send_content(struct transaction *t)
{
	switch (body_send(&t->envelope, &t->d->ask, t->s, &t->why)) {
	case BODY_SENT:
		TEST_POINT("smtp-sent");
		return read_end(t);
	case BODY_REFUSED:
		/* Its last words stand for all. */
		end_reply(t, end_phase(t), NULL);
		return true;
	default:
		return false;
	}
}

/*
 * DATA was let in though nobody was accepted: end it (RFC 2920 3.1).  An LMTP
 * server had to refuse it (RFC 2033 4.2), and says nothing to content that is
 * for nobody: there the end of the connection is the only one.
 */
static bool
send_nothing(struct transaction *t)
{
	if (t->d->set->is_lmtp) {
		t->s->is_broken = true;
		return true;
	}
	session_say(t->s, VIEW(".\r\n"));
	if (!session_next_reply(t->s, PHASE_END, &t->why))
		return false;
	t->s->needs_reset = false;
	return true;
}

/* --- the whole --- */

static void
begin(struct transaction *t)
{
	struct delivery *d = t->d;

	t->rcpts = xcalloc(d->n_rcpts, sizeof(*t->rcpts));
	for (size_t i = 0; i < d->n_rcpts; i++) {
		struct rcpt *r = &d->rcpts[i];

		if (r->state != RCPT_TODO && r->state != RCPT_AGAIN)
			continue;
		r->state = RCPT_SENT;
		t->rcpts[t->n_rcpts++] = r;
	}
	t->is_probe = (d->ask.flags & SUBMIT_PROBE) != 0;
	t->ends_at_rcpt = t->is_probe && !d->set->probe_data;
	t->is_bdat = t->envelope.is_bdat && !t->is_probe;
	t->n_commands =
	    1 + t->n_rcpts + (t->ends_at_rcpt || t->is_bdat ? 0 : 1);
	t->lens = xcalloc(t->n_commands, sizeof(*t->lens));
	t->held = xcalloc(t->n_rcpts, sizeof(*t->held));
	for (size_t i = 0; i < t->n_rcpts; i++)
		t->held[i] = WHY_EMPTY;
}

/* Those whom nobody has refused come again, elsewhere or later. */
static bool
leave_out_of_step(struct transaction *t)
{
	why_set(&t->why, DSN_STATUS(4, 5, 0), "host %s is out of step",
	    t->s->name.ptr);
	delivery_refuse_all(t->d, RCPT_SENT, t->s, &t->why);
	delivery_refuse_all(t->d, RCPT_ACCEPTED, t->s, &t->why);
	return true;
}

static bool
run(struct transaction *t)
{
	if (!exchange_commands(t))
		return false;
	if (t->s->is_broken)
		return leave_out_of_step(t);
	if (t->is_data_open && t->n_accepted == 0)
		return send_nothing(t);
	if (t->s->is_leaving && !t->is_data_open) {
		session_quote(t->s, PHASE_RCPT, &t->why);
		delivery_refuse_all(t->d, RCPT_SENT, t->s, &t->why);
		delivery_refuse_all(t->d, RCPT_ACCEPTED, t->s, &t->why);
		return true;
	}
	if (t->is_probe || t->n_accepted == 0 || t->is_refused ||
	    !(t->is_data_open || t->is_bdat))
		return true;
	return session_is_in_step(t->s, end_phase(t), &t->why) &&
	    send_content(t);
}

/* What the connection's end means for those who had no reply. */
static enum transaction_end
end_broken(struct transaction *t)
{
	bool is_stale = t->s->is_gone && !t->s->was_heard;

	for (size_t i = 0; i < t->n_rcpts; i++)
		if (t->rcpts[i]->state == RCPT_AGAIN ||
		    (is_stale && t->rcpts[i]->state == RCPT_SENT))
			t->rcpts[i]->state = RCPT_TODO;
	if (is_stale)
		return TRANSACTION_STALE;
	why_copy(&t->d->why, &t->why);
	delivery_refuse_all(t->d, RCPT_SENT, t->s, &t->why);
	delivery_refuse_all(t->d, RCPT_ACCEPTED, t->s, &t->why);
	return TRANSACTION_OVER;
}

/* Those who were too many come again if the others went through. */
static enum transaction_end
end_whole(struct transaction *t)
{
	bool can_again =
	    !t->s->is_broken && !t->s->is_leaving && !t->s->needs_reset;
	bool is_any = false;

	for (size_t i = 0; i < t->n_rcpts; i++) {
		if (t->rcpts[i]->state != RCPT_AGAIN)
			continue;
		if (can_again)
			is_any = true;
		else
			t->rcpts[i]->state = RCPT_TODO;
	}
	return is_any ? TRANSACTION_AGAIN : TRANSACTION_OVER;
}

enum transaction_end
transaction_run(struct delivery *d, struct session *s)
{
	struct transaction t = {
		.d = d, .s = s, .next = STR_EMPTY, .why = WHY_EMPTY
	};
	enum transaction_end end = TRANSACTION_OVER;

	if (!envelope_fit(&t.envelope, d, s, &t.why)) {
		delivery_refuse_all(d, RCPT_AGAIN, s, &t.why);
		delivery_refuse_all(d, RCPT_TODO, s, &t.why);
		why_clear(&t.why);
		return end;
	}
	begin(&t);
	if (run(&t))
		end = end_whole(&t);
	else
		end = end_broken(&t);
	for (size_t i = 0; i < t.n_rcpts; i++)
		why_clear(&t.held[i]);
	free(t.held);
	free(t.rcpts);
	free(t.lens);
	str_clear(&t.next);
	why_clear(&t.why);
	return end;
}
