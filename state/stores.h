/*
 * The caches of `state`, each by the parameter that names its table: opened
 * together, cleaned from time to time, and given to the kernel a moment after a
 * change.
 */
#ifndef STATE_STORES_H
#define STATE_STORES_H

#include "lib/base/str.h"
#include "lib/conf/conf.h"
#include "lib/ipc/messages.h"
#include "lib/run/loop.h"
#include "lib/table/cache.h"

enum {
	STORE_VERIFY = STATE_STORES, /* results of probes */
	STORE_COUNT,
	STORE_FOLDERS_MAX = STORE_COUNT,
};

struct store {
	struct cache *cache;
	const char *spec;
	int64_t interval;      /* between cleanings, s; 0 is never */
	struct timer cleaning; /* the next step */
};

struct stores {
	struct store all[STORE_COUNT];
	struct timer flush;
};

/* The folders that the files are in; `memory` holds them, NULL ends them. */
void stores_folders(const struct conf *conf, struct str memory[STORE_COUNT],
    const char *folders[STORE_COUNT + 1]);
/* With a loop.  Dies if a parameter names what no cache can be. */
void stores_open(struct stores *s, const struct conf *conf);
void stores_close(struct stores *s);
/* Something was put: soon the kernel gets it. */
void stores_changed(struct stores *s);

#endif
