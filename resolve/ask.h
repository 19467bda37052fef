/* The questions that `resolve` answers: handlers of its messages. */
#ifndef RESOLVE_ASK_H
#define RESOLVE_ASK_H

#include "lib/ipc/server.h"
#include "resolve/engine.h"
#include "resolve/hosts.h"

/* The owner of the handlers. */
struct resolver {
	struct engine *engine;
	struct hosts hosts;
};

extern const struct ipc_handler ask_handlers[];

#endif
