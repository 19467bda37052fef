/* What deferred.c and due.c share: the messages that wait. */
#ifndef QMGR_WAITING_H
#define QMGR_WAITING_H

#include "qmgr/qmgr.h"

/* In the heap by time, or in line for a destination that has enough. */
struct waiting {
	struct waiting *next; /* of the same bucket */
	union {
		struct {
			uint32_t due;	/* s since 1970 */
			uint32_t place; /* in the heap, from 1 */
		};
		struct waiting *later; /* the next in line */
	};
	uint32_t site;	/* hash of the recipients' domain; 0: not known */
	uint32_t where; /* the destination's; 0: not known, or several */
	/* The file has a reason, and until this time (s since 1970) it need not
	 * be opened only to be deferred again. */
	uint32_t must;
	bool in_line;
	bool answered; /* deferred_set_answered */
	char id[]; /* "" in line: it is gone */
};

/* The one with the earliest time, if that has come. */
struct waiting *waiting_find_due(void);
/* Due at that time; from the heap, or taken off a line. */
void waiting_put_off(struct waiting *w, int64_t due_s);
/* For a line: it is in the index, not in the heap.  NULL: it is in line. */
struct waiting *waiting_take_off_heap(struct view id);
/* It is no longer known; freed, unless it stands in line. */
void waiting_forget(struct waiting *w);
void waiting_set_timer(void);
/* What is due too far away, since the clock was set back, is due now. */
void waiting_notice_clock(void);
/* The fiber that looks after what is due. */
void due_run(void *unused);

#endif
