/*
 * Replies.  They gather in the stream's buffer, and leave when the next
 * command is not there yet: one system call for a group (RFC 2920 3.2).
 */
#ifndef SMTPD_REPLY_H
#define SMTPD_REPLY_H

#include "smtpd/session.h"

/*
 * One line, without its end: "250 2.1.0 Ok".  What stands in it from outside
 * is cleaned here.  A client with many errors waits for it.  With soft_bounce
 * 5xx becomes 4xx.
 */
void reply(struct session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A line that stands already in `line`. */
void reply_line(struct session *s, struct view line);
/* The same of one that a restriction gave. */
void reply_refusal(struct session *s, struct view line);
/* One of several lines: "250-SIZE"; no delay, nothing replaced. */
void reply_part(struct session *s, struct view line);
/* The reply, and the session is over. */
void reply_and_close(struct session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Send what gathered.  False: the client is gone. */
bool reply_flush(struct session *s);

/* Append v with what would break a line, or is not text, as '?'; at most max
 * bytes.  True if all of them are printable ASCII. */
bool reply_add_clean(struct str *out, struct view v, size_t max);
/* 5xx and 5.x.x at the front become 4xx and 4.x.x, if soft_bounce is on. */
void reply_soften(const struct smtpd *smtpd, struct str *line);

#endif
