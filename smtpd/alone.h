/*
 * Messages of `smtpd -S`: they go through postdrop(1) into maildrop, as what
 * sendmail itself submits.  So the process needs no privileges, and none of
 * the mail system's services.
 */
#ifndef SMTPD_ALONE_H
#define SMTPD_ALONE_H

#include "smtpd/session.h"

/* postdrop begins a file: its name is the message's from now on.  Waits.  False,
 * and the reply is said, if it does not. */
bool alone_begin(struct session *s);
/* Errors show at the end. */
void alone_add_content(struct session *s, struct view bytes);
/* The recipients, and the end; `flags` are those of ipc submit.  What is to be
 * replied is in *line, without the code; returns the code.  Waits. */
int alone_finish(struct session *s, int64_t flags, struct str *line);
/* What was not finished is not submitted.  Harmless if nothing was begun. */
void alone_end(struct transaction *t);

#endif
