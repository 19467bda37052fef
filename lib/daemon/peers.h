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
/* How many connections it may have: a program that was taken over shall leave
 * descriptors for the others, and any user of the machine nearly all. */
size_t peers_most_of(const struct ipc_server *s, uid_t uid);
/* Is it this identity's?  In an ordinary user's instance: no. */
bool peers_is(uid_t uid, enum sandbox_identity who);
bool peers_may_send(const struct ipc_server *s, uid_t uid,
    const struct ipc_type *type);

#endif
