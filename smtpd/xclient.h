/*
 * XCLIENT and XFORWARD: what a trusted server before us says of its client.
 */
#ifndef SMTPD_XCLIENT_H
#define SMTPD_XCLIENT_H

#include "smtpd/session.h"

/* Forget what XFORWARD said: at the end of its transaction. */
void forwarded_clear(struct session *s);

#endif
