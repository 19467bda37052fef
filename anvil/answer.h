/* The messages that `anvil` takes. */
#ifndef ANVIL_ANSWER_H
#define ANVIL_ANSWER_H

#include "anvil/count.h"
#include "lib/ipc/server.h"
#include "lib/run/loop.h"

/* The owner of the handlers. */
struct anvil_service {
	struct counts counts;
	int64_t status_time; /* s */
	struct timer status;
};

extern const struct ipc_handler anvil_handlers[];

/* Logs what there is to report. */
void anvil_log_status(struct anvil_service *a);
/* Does so every status_time; with a loop. */
void anvil_start_status(struct anvil_service *a);

#endif
