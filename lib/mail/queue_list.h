/*
 * The listing of the queue, as a stream that exporters and mailq read from the
 * public showq socket: names and values, each ended by a NUL; an empty name
 * ends a message, one more ends the list.
 *
 *	protocol mail_queue_list_protocol, and the end of that record
 *	per message: queue_name queue_id time size forced_expire sender
 *	    per recipient: original_recipient recipient log_class reason
 *
 * Written by showq, or, when the mail system is down, by postqueue as root.
 */
#ifndef MAIL_QUEUE_LIST_H
#define MAIL_QUEUE_LIST_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>

/* --- writing --- */

/*
 * Goes through the queues, from the current directory, in steps: each appends
 * some messages, or a part of a long one.  Every step blocks on the disk; what
 * vanishes or is damaged meanwhile is passed over.  Memory is bounded.
 */
struct queue_lister;

struct queue_lister *queue_lister_new(void);
void queue_lister_free(struct queue_lister *l);
/* False when the list is complete, its end appended. */
bool queue_lister_step(struct queue_lister *l, struct str *out);

/* --- reading --- */

/* One recipient, or a message without (recipient is empty then), as it comes. */
struct queue_list_rcpt {
	struct view original, recipient, log_class, reason;
};

struct queue_list_message {
	struct view queue_name, queue_id, sender;
	int64_t time, size; /* s, bytes */
	bool expires;       /* forced_expire */
};

/* The reader is fed bytes and calls these; the views are valid meanwhile. */
struct queue_list_reader {
	void (*message)(struct queue_list_reader *r,
	    const struct queue_list_message *m);
	void (*rcpt)(struct queue_list_reader *r,
	    const struct queue_list_rcpt *rcpt);
	void (*message_end)(struct queue_list_reader *r);
	void *owner;
	bool has_ended;
	/* private */
	struct str pending, head, rcpt_text;
	struct queue_list_message current;
	int state;
	unsigned seen;
};

void queue_list_reader_init(struct queue_list_reader *r);
void queue_list_reader_clear(struct queue_list_reader *r);
/* ERR_PERM: that is no listing. */
struct err queue_list_feed(struct queue_list_reader *r, struct view bytes);

#endif
