/*
 * Asking `rewrite` for the full form of an address that was written short: see
 * address.h.  Most addresses are complete as they come and need no question; of
 * the others a few are asked again and again ("root"), so answers are kept.
 */
#ifndef MAIL_COMPLETION_H
#define MAIL_COMPLETION_H

#include "lib/base/htable.h"
#include "lib/base/str.h"
#include "lib/conf/conf.h"
#include "lib/ipc/client.h"

/* All zero but for the first two is one that knows nothing yet. */
struct completion {
	const struct conf *conf;
	struct ipc_service *rewrite;
	struct htable known;
	int64_t generation; /* of the service, when these were learned */
};

/* True if nothing could be added or swapped: one @, a domain with a dot in it and
 * none at its end, no % or ! before it; and the empty address. */
bool completion_is_needless(struct view address);

/*
 * Sets *out to the full form; `context` is "local" or "remote".  ERR_TEMP,
 * ERR_TIME, ERR_GONE: no answer within ipc_timeout, 100 s at most, or one that is no
 * address.  Waits.
 */
struct err completion_find(struct completion *c, const char *context,
    struct view address, struct str *out);

/* Forget all answers, and free what they take. */
void completion_clear(struct completion *c);

#endif
