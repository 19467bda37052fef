/*
 * How much mail: messages and recipients of a login, a sender's domain and a
 * client's address over volume_limit_time, counted by `state` for all processes
 * together.  A password that was stolen is noticed so before the world has.
 */
#ifndef SMTPD_VOLUME_H
#define SMTPD_VOLUME_H

#include "smtpd/session.h"

/* One more recipient that was accepted.  False, and the reply is said, if it is
 * one too many; with volume_limit_action = hold the message is held instead.
 * Waits. */
bool volume_admit(struct session *s);
/* Some limit is set. */
bool volume_is_on(const struct conf *conf);

/* "MESSAGES RECIPIENTS", 0 is no limit; false if it is something else. */
bool volume_read_limits(
    struct view value, int64_t *messages, int64_t *recipients);

#endif
