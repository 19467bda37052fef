/*
 * A new message in place of a recipient: the expansion of an alias goes back
 * through cleanup as one queue file.  cleanup waits for nobody who waits for
 * us, so asking it makes no cycle; what is delivered of the new message comes
 * by way of the queue.
 */
#ifndef LOCAL_FORWARD_H
#define LOCAL_FORWARD_H

#include "lib/mail/queue_id.h"
#include "local/front.h"

struct forward {
	struct front *front;
	struct delivery *delivery;
	struct queue_id id;
	struct ipc_talk talk;
	int64_t deadline;
};

/* What goes into the new message. */
struct forward_order {
	struct view sender;
	bool has_owner; /* it is a list's: the sender's DSN wishes end here */
	const struct expand_member *members; /* those that are no mailboxes */
	size_t n;
};

/*
 * Send everything but the last word.  If it fails the verdict is set, and
 * nothing is to be finished.
 */
bool forward_begin(struct forward *w, struct front *f, struct delivery *d,
    const struct forward_order *order);
/* The last word; with commit the verdict is set: expanded, or why not. */
void forward_finish(struct forward *w, bool commit);

#endif
