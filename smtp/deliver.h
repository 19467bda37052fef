/*
 * Delivering one message: from next hop to next hop, from server to server,
 * until each recipient is decided or nothing is left to try.
 */
#ifndef SMTP_DELIVER_H
#define SMTP_DELIVER_H

#include "lib/dns/dns.h"
#include "lib/ipc/client.h"
#include "smtp/cache.h"
#include "smtp/delivery.h"
#include "smtp/health.h"
#include "smtp/settings.h"

/* The state of the process, shared by its deliveries. */
struct agent {
	struct settings set;
	struct ipc_service resolve, dial;
	struct dns_client dns;
	struct cache cache;
	struct health health;
};

/*
 * Deliver.  Every recipient is done afterwards.  *last is the session to keep
 * or to leave once qmgr has its answer (cache_take may wait), or NULL.
 */
void deliver(struct agent *a, struct delivery *d, struct session **last);

/* Give the message to this session, as often as it takes.  False if a session
 * that was used before turned out to be closed: try another. */
bool deliver_through(struct delivery *d, struct session *s);

#endif
