/*
 * A proxy in front of us (smtpd_upstream_proxy_protocol): who the client is,
 * it says in a header before anything else.  Whoever connects can say so: such
 * a service must be reached by the proxy alone.
 */
#ifndef SMTPD_PROXY_H
#define SMTPD_PROXY_H

#include "smtpd/session.h"

/* Reads the parameters; dies with the name of one that is wrong. */
void proxy_open(struct smtpd *smtpd);

/*
 * Read the header, and make s->client and s->server what it says, and *addr,
 * which was that of the connection, the client's; it is in *room then.  If the
 * proxy speaks for itself all stays.  False, and it is logged, if none came in
 * time, or one that is wrong: there is nobody to serve.  Waits.
 */
bool proxy_learn(struct session *s, const struct sockaddr **addr,
    struct sockaddr_storage *room);

#endif
