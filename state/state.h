/* What `state` is made of. */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "lib/conf/conf.h"
#include "lib/ipc/client.h"
#include "lib/ipc/server.h"
#include "state/stores.h"
#include "state/verify.h"

struct state {
	const struct conf *conf;
	int slot;
	struct ipc_service cleanup, lookup;
	struct stores stores;
	struct verify verify;
};

/* The messages it takes. */
extern const struct ipc_handler state_handlers[];

/* Have a probe for this address sent; in a fiber of its own. */
void probe_start(struct state *s, struct view address);

#endif
