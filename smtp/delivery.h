/*
 * One request of qmgr's: a message, its recipients, and what became of each.
 * A recipient is finished once, by delivery_finish, which logs it; until then
 * the next server may be tried for it.
 */
#ifndef SMTP_DELIVERY_H
#define SMTP_DELIVERY_H

#include "lib/ipc/messages.h"
#include "lib/mail/deliver_log.h"
#include "lib/mail/queue_file.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "smtp/why.h"

enum rcpt_state {
	RCPT_TODO,     /* not decided */
	RCPT_SENT,     /* in the transaction, no reply yet */
	RCPT_ACCEPTED, /* the server takes it, if it takes the content */
	RCPT_AGAIN,    /* too many at once: in this session's next one */
	RCPT_DONE,     /* outcome is there, and logged */
};

struct rcpt {
	struct ipc_rcpt ask; /* borrows from the request */
	struct view address; /* as servers get to see it */
	struct str mapped;   /* that, if it is another one */
	enum rcpt_state state;
	struct why why;	  /* the last refusal, for good or not */
	struct str relay; /* who said so; empty: nobody did */
	unsigned conn_use;
	int outcome; /* enum outcome, when done */
};

struct delivery {
	const struct settings *set;
	struct ipc_deliver ask; /* its descriptor is closed by clear */
	struct view sender; /* as servers get to see it */
	struct str mapped_sender;
	struct rcpt *rcpts;
	size_t n_rcpts, n_todo; /* not done */
	struct why why; /* why nothing was sent, if no server said more */
	struct deliver_times times;
	bool has_more;	  /* another server may be tried */
	bool had_session; /* some server dealt with it to the end */
};

/* Takes the request's descriptor.  ERR_PERM if the list of recipients is
 * damaged or empty, or there is no file that has the message. */
struct err delivery_init(struct delivery *d, const struct settings *set,
    const struct ipc_deliver *ask);
void delivery_clear(struct delivery *d);

/* This is the end of it for this recipient: log and remember.  `session` is
 * NULL if there was none. */
void delivery_finish(struct delivery *d, struct rcpt *r,
    const struct session *session, int outcome, const struct why *why);
/* A refusal: for good (5) finishes it, another one (4) leaves it for the next
 * server. */
void delivery_refuse(struct delivery *d, struct rcpt *r,
    const struct session *session, const struct why *why);
/* The same for all in a state. */
void delivery_refuse_all(struct delivery *d, enum rcpt_state state,
    const struct session *session, const struct why *why);
/* No server is left: whoever is not done gets the last reason. */
void delivery_give_up(struct delivery *d);
/* What leads to the next server: a line of its own in the log. */
void delivery_log_try(struct delivery *d, struct why *why);

/* The answer to qmgr, its texts cut so that it fits; `outcomes` is memory that
 * it borrows from. */
void delivery_answer(const struct delivery *d, struct ipc_delivered *answer,
    struct str *outcomes);

#endif
