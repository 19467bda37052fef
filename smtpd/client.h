/*
 * What is known of a client from its connection: address, name, and the lists
 * it is on.
 */
#ifndef SMTPD_CLIENT_H
#define SMTPD_CLIENT_H

#include "smtpd/session.h"

/* Fill s->client from the peer's address; NULL is standard input.  It has no
 * name yet, and does not wait; the lists are looked at only if something is
 * decided before client_find_name, which does that again. */
void client_init(struct session *s, const struct sockaddr *addr);
/* Find the name.  Waits. */
void client_find_name(struct session *s, const struct sockaddr *addr);
/* Look again at the lists, and make the label anew: XCLIENT changed it. */
void client_changed(struct session *s);
void client_clear(struct client *c);

#endif
