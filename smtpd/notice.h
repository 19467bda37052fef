/*
 * The lines that smtpd logs, in the shapes that log analysers know.
 */
#ifndef SMTPD_NOTICE_H
#define SMTPD_NOTICE_H

#include "smtpd/session.h"

/* "QID: reject: RCPT from h[a]: TEXT; from=<> to=<> proto= helo=<>".  The
 * recipient may be empty: there is none then. */
void notice(struct session *s, const char *what, const char *text,
    struct view recipient);
/* "QID: client=h[a]". */
void notice_client(struct session *s);
/* Bytes came where a reply had to be awaited. */
void notice_pipelining(struct session *s, struct view early);
/* "NOQUEUE: lost connection after RCPT from h[a]" and the like. */
void notice_ending(struct session *s);
/* "disconnect from h[a] ehlo=1 commands=1". */
void notice_disconnect(struct session *s);

#endif
