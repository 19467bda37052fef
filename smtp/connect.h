/*
 * Connecting to a target: directly, from the configured address, or, for a
 * Unix socket, through `dial`, which is outside of the changed root.
 */
#ifndef SMTP_CONNECT_H
#define SMTP_CONNECT_H

#include "lib/ipc/client.h"
#include "smtp/settings.h"
#include "smtp/target.h"
#include "smtp/why.h"

/* Waits up to the connect time limit.  False with the reason ("connect to
 * host[addr]:25: Connection refused"), else the caller owns *fd. */
bool connect_target(const struct settings *s, struct ipc_service *dial,
    const struct target *t, int *fd, struct why *why);

#endif
