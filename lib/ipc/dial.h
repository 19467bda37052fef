/*
 * A connection by dial, for those who may not connect themselves.
 */
#ifndef IPC_DIAL_H
#define IPC_DIAL_H

#include "lib/ipc/client.h"

/*
 * Ask for a connection to `endpoint` ("unix:/path", "inet:host:port"), which
 * may take that long.  *fd is the caller's: see ipc_dial_take.  ERR_TEMP,
 * ERR_TIME, ERR_GONE.  Waits, some seconds longer at most.
 */
struct err ipc_dial_connect(struct ipc_service *dial, struct view endpoint,
    int64_t limit_ms, int *fd);

/*
 * The socket of an answer, or why there is none.  dial may have been taken over:
 * what it sent must be a connected stream socket, since the loop ends the
 * process at a descriptor that cannot be waited for; and it is made
 * non-blocking, or one read would hold up all sessions.  What is not taken is
 * closed.
 */
struct err ipc_dial_take(const struct ipc_dialled *answer, int *fd);

#endif
