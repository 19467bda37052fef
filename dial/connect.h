/* Connecting to an endpoint. */
#ifndef DIAL_CONNECT_H
#define DIAL_CONNECT_H

#include "dial/endpoint.h"
#include "lib/base/err.h"
#include "lib/dns/dns.h"

enum { CONNECT_ADDRESSES_MAX = 16 };

/*
 * Connect, to each address of the host in turn, until the deadline.  *fd is
 * the caller's, non-blocking.  ERR_TEMP or ERR_TIME with the last reason.
 * Waits.
 */
struct err connect_endpoint(const struct endpoint *e, struct dns_client *dns,
    int64_t deadline, int *fd);

#endif
