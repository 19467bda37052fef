/*
 * Whether what a submission says of itself may be believed: who submits may
 * have been taken over, and what it says comes out in reports, headers, logs
 * and other servers' dialogues.
 */
#ifndef CLEANUP_CHECK_H
#define CLEANUP_CHECK_H

#include "lib/base/err.h"
#include "lib/ipc/messages.h"

#include <stdbool.h>

enum {
	/* All texts together: they travel in one frame with recipients. */
	CHECK_TEXTS_MAX = 8192,
	/* Of all recipients of one message, on disk. */
	CHECK_RCPTS_MAX = 1 << 30,
};

/*
 * ERR_PERM, and the text says why, if it cannot be.  What smtpd (or who calls
 * itself so) may not ask for is taken out of it, a time in the future is now.
 * `by_smtpd`: the kernel says that it is smtpd.
 */
struct err check_submit(struct ipc_submit *s, bool by_smtpd);

/* Flags that came later, with the content. */
int64_t check_flags(const struct ipc_submit *s, int64_t flags);

/* One recipient; bits of NOTIFY that there are not are taken out. */
struct err check_rcpt(struct ipc_rcpt *rcpt);

#endif
