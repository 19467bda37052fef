/*
 * The stores of `state`, each by the parameter that names its table: opened
 * together; those in files are cleaned from time to time, and given to the kernel
 * a moment after a change.
 */
#ifndef STATE_STORES_H
#define STATE_STORES_H

#include "lib/base/str.h"
#include "lib/conf/conf.h"
#include "lib/ipc/messages.h"
#include "lib/run/loop.h"
#include "state/store.h"

enum {
	STORE_VERIFY = STATE_STORES, /* results of probes */
	STORE_COUNT,
	STORE_FOLDERS_MAX = STORE_COUNT,
};

struct stores {
	struct store all[STORE_COUNT];
	struct timer flush;
};

/* The folders that the files are in; `memory` holds them, NULL ends them. */
void stores_folders(const struct conf *conf, struct str memory[STORE_COUNT],
    const char *folders[STORE_COUNT + 1]);
/* With a loop.  What no cache can be is kept in memory, with a warning.  What is
 * shared is asked of `lookup`. */
void stores_open(struct stores *s, const struct conf *conf,
    struct ipc_service *lookup);
void stores_close(struct stores *s);
/* Something was put: soon the kernel gets it. */
void stores_changed(struct stores *s);

#endif
