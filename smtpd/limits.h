/*
 * What a client may do too often: errors, commands that lead nowhere, and,
 * counted by `anvil` for all processes together, connections, messages and
 * recipients.
 */
#ifndef SMTPD_LIMITS_H
#define SMTPD_LIMITS_H

#include "smtpd/session.h"

/* Wait, if the client has made many errors, before it hears of the next. */
void limits_slow_down(struct session *s);
/* True, and the 421 is said, after too many errors. */
bool limits_end_session(struct session *s);
/* One more thing that is allowed and leads nowhere: from
 * smtpd_junk_command_limit on, until the next message, an error. */
void limits_count_junk(struct session *s);

/* The client as it is counted: its address, or the network that it is in. */
void limits_client_key(const struct session *s, char key[DNS_ADDR_TEXT_SIZE]);
/* Tell anvil of the connection; false, and the 421 is said, if it is one too
 * many. */
bool limits_connect(struct session *s);
void limits_disconnect(struct session *s);
/* One more message, recipient; false, and the 450 is said, above the rate. */
bool limits_message(struct session *s);
bool limits_recipient(struct session *s);

#endif
