/*
 * Rewriting a queue file whose journal has grown: a message that is deferred
 * again and again replaces its last reasons, so most records say nothing any
 * more.  The new file has the same name, and only those that still do.
 */
#ifndef MAIL_QUEUE_REWRITE_H
#define MAIL_QUEUE_REWRITE_H

#include "lib/mail/queue_file.h"

/* True if a journal of this length is worth it: over 64 KiB, and twice the
 * envelope with the recipients. */
bool queue_rewrite_is_due(const struct queue_preamble *p, int64_t journal_len);
/*
 * Rewrite queue/ID if that is due and makes the journal half as long or less.
 * The file is left alone while anybody holds a lock on it (a delivery).  The
 * new one is on disk before it takes the old one's place.  *done says whether
 * it did, and *journal_end where the new journal ends.
 */
struct err queue_rewrite(
    const char *queue, struct view id, bool *done, int64_t *journal_end);
/* Is this the name of a new file that a crash left behind? */
bool queue_rewrite_is_litter(struct view name);

#endif
