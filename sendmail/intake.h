/*
 * What postdrop(1) reads from its caller, who may be anybody: frames, each
 * looked at before any of it is used.  See lib/mail/drop.h for the stream.
 */
#ifndef SENDMAIL_INTAKE_H
#define SENDMAIL_INTAKE_H

#include "lib/mail/drop.h"

#include <stdbool.h>

struct intake {
	/* bytes of content; 0 is no limit */
	int64_t size_limit;
	/* Takes content as it comes.  An error ends the intake. */
	struct err (*content)(struct intake *in, struct view bytes);

	int64_t content_len, n_rcpts;
	struct str rcpts; /* a list of rcpt messages */
	bool committed;   /* the last frame came */
	struct ipc_drop_commit commit; /* borrows from memory */
	struct str memory;
	struct str pending; /* a frame that is not whole yet */
};

void intake_init(struct intake *in, int64_t size_limit,
    struct err (*content)(struct intake *in, struct view bytes));
void intake_clear(struct intake *in);
/* Take the next bytes of the stream.  ERR_PERM: not to be taken, the text says
 * why; what comes after the last frame is an error too. */
struct err intake_feed(struct intake *in, struct view bytes);

#endif
