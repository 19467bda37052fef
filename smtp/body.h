/*
 * The content of a message on its way out: read from the queue file piece by
 * piece, put into the form that the server takes.
 */
#ifndef SMTP_BODY_H
#define SMTP_BODY_H

#include "smtp/delivery.h"
#include "smtp/session.h"

struct envelope;

enum body_end {
	BODY_SENT,    /* all of it, its end included; replies are to come */
	BODY_REFUSED, /* the server has said no (s->reply) and closed */
	BODY_FAILED,  /* connection or file: *why */
};

/* After 354, or as BDAT. */
enum body_end body_send(const struct envelope *en,
    const struct ipc_deliver *ask, struct session *s, struct why *why);

/* Are there bytes above 127 in the primary header? */
bool body_has_8bit_header(const struct ipc_deliver *ask);
/* Can it be sent as it is: no line over the limit, readable? */
bool body_is_fit_for_bdat(
    const struct ipc_deliver *ask, const struct session *s);

#endif
