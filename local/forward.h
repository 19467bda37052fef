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
	int64_t arrival_us;
	bool has_owner;
	int64_t n_rcpts;
};

/*
 * The way to a new message: begin, members as often as there are some, the
 * content, the last word.  Where one of the first three fails the verdict is set,
 * and nothing is to be finished.
 *
 * `has_owner`: it is a list's, and the sender's DSN wishes end here.
 */
bool forward_begin(struct forward *w, struct front *f, struct delivery *d,
    struct view sender, bool has_owner);
/* Those that are no mailboxes are its recipients. */
bool forward_add(
    struct forward *w, const struct expand_member *members, size_t n);
bool forward_send_content(struct forward *w);
/* The last word; with commit the verdict is set: expanded, or why not. */
void forward_finish(struct forward *w, bool commit);

#endif
