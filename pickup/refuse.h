/*
 * A message that cleanup will never take (too many hops, too large): returned
 * to its sender.
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

#endif
