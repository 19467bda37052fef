/*
 * One message through one session: MAIL, RCPT, DATA or BDAT, content, replies.
 * Commands go out in groups where the server allows (RFC 2920), a bounded
 * number of bytes ahead of the replies.
 */
#ifndef SMTP_TRANSACTION_H
#define SMTP_TRANSACTION_H

#include "smtp/delivery.h"
#include "smtp/session.h"

enum transaction_end {
	TRANSACTION_OVER,  /* each recipient was decided, or left for later */
	TRANSACTION_AGAIN, /* some wait for a second one in this session */
	TRANSACTION_STALE, /* a session used before was closed in between:
			    * nothing happened, a new one may be tried */
};

/* For all recipients of d that are RCPT_TODO or RCPT_AGAIN. */
enum transaction_end transaction_run(struct delivery *d, struct session *s);

#endif
