/*
 * Telling `anvil` what clients do, and hearing how much that is: the calls of
 * a daemon that serves clients.  The open connections that were told are
 * remembered here, and told again when the connection to `anvil` is new: so
 * counts survive its restart, and end with the process that made them.
 *
 * A service that is down is an error, which a daemon logs and lives with: no
 * count is no limit.  Calls wait for the answer, but for the one that ends.
 */
#ifndef IPC_ANVIL_H
#define IPC_ANVIL_H

#include "lib/base/htable.h"
#include "lib/ipc/client.h"

struct anvil {
	struct ipc_service *service; /* owner and greet are taken */
	struct htable open;	     /* (service, client) -> how many */
	bool reconnects; /* a fiber is at it */
};

/* The service is for this alone. */
void anvil_init(struct anvil *a, struct ipc_service *service);
void anvil_clear(struct anvil *a);

enum anvil_event {
	ANVIL_CONNECT, /* by anvil_connect alone */
	ANVIL_MESSAGE,
	ANVIL_RECIPIENT,
	ANVIL_NEWTLS,
	ANVIL_AUTH,
};

/* What it led to. */
struct anvil_numbers {
	int64_t count; /* connections that are open now */
	int64_t rate;  /* events of this kind per anvil_rate_time_unit */
};

enum { ANVIL_NAME_MAX = 256 };

/*
 * A client has connected.  `service` and `client` (an address, or a prefix of
 * one) are at most ANVIL_NAME_MAX bytes, else ERR_PERM.  If this was told
 * without an error, anvil_disconnect is owed.
 */
struct err anvil_connect(struct anvil *a, struct view service,
    struct view client, struct anvil_numbers *out, int64_t deadline);
/* It has left.  Waits only if there is no connection to `anvil`. */
void anvil_disconnect(
    struct anvil *a, struct view service, struct view client, int64_t deadline);
struct err anvil_event(struct anvil *a, struct view service, struct view client,
    enum anvil_event event, struct anvil_numbers *out, int64_t deadline);

/* The event of a name on the wire ("newtls"); false if there is none. */
bool anvil_event_of(struct view name, enum anvil_event *event);
const char *anvil_event_name(enum anvil_event event);

#endif
