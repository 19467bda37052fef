/*
 * Who may talk to whom: one table, by service, of the identities that may
 * connect and the messages each may send.  In an ordinary user's instance all
 * identities are one, and this line of defence is absent.
 */
#ifndef DAEMON_PEERS_H
#define DAEMON_PEERS_H

#include "lib/ipc/server.h"
#include "lib/run/sandbox.h"

/* Look the identities' uids up, before the drop, for this service's program.
 * ERR_TEMP if an account is missing. */
struct err peers_resolve(const struct sandbox_site *site,
    const char *program);
/* The two questions of ipc_server. */
bool peers_may_connect(const struct ipc_server *s, uid_t uid);
bool peers_may_send(const struct ipc_server *s, uid_t uid,
    const struct ipc_type *type);

#endif
