/*
 * Reports of messages in maildrop: of one that cleanup will never take (too many
 * hops, too large), and of what a requeued one had come to before.
 */
#ifndef PICKUP_REFUSE_H
#define PICKUP_REFUSE_H

#include "pickup/dropped.h"
#include "pickup/pickup.h"

/*
 * Have a non-delivery report made and queued, for all recipients of d that are
 * open; `id` is the message's queue ID, `reply` cleanup's, with its enhanced
 * code.  ERR_TEMP if it could not be: try again later.  In a fiber.
 */
struct err refuse_message(struct pickup *p, struct dropped *d,
    const struct queue_id *id, struct view reply);
/*
 * Have the reports made that are due for recipients of a requeued message that
 * have their end: it is known from the journal of the file, which is at `path`,
 * and nowhere else.  The same errors; in a fiber.
 */
struct err requeued_report(
    struct pickup *p, struct dropped *d, const char *path);

#endif
