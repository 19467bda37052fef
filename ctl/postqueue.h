/*
 * How postqueue(1) prints the listing of the queue.
 */
#ifndef CTL_POSTQUEUE_H
#define CTL_POSTQUEUE_H

#include "lib/mail/queue_list.h"

enum print_form { PRINT_TEXT, PRINT_JSON };

struct print {
	struct queue_list_reader reader; /* first: its owner */
	enum print_form form;
	bool long_ids;
	struct str out; /* what is to be written */
	/* private */
	int64_t n_messages, n_bytes;
	size_t n_rcpts; /* of this message */
	struct str reason; /* of the last recipient */
};

void print_init(struct print *p, enum print_form form, bool long_ids);
void print_clear(struct print *p);
/* Takes bytes of the listing; what they make is appended to p->out. */
struct err print_feed(struct print *p, struct view bytes);
/* The listing is complete. */
void print_finish(struct print *p);

#endif
