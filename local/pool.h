/*
 * The front's side of the monitor and the children: some children are kept,
 * each for the identity that it was asked for, and each does several jobs at
 * once.
 */
#ifndef LOCAL_POOL_H
#define LOCAL_POOL_H

#include "local/caller.h"
#include "local/wire.h"

#include <sys/types.h>

/* Children that may live at once, and users that are remembered. */
enum { POOL_CHILDREN_MAX = 64, POOL_USERS_MAX = 256 };

/* By name if that is not empty (local), else by numbers (virtual). */
struct pool_identity {
	const char *name;
	uid_t uid;
	gid_t gid;
};

struct pool_child {
	struct caller caller;
	char name[WIRE_NAME_MAX];
	uid_t uid;
	gid_t gid;
	size_t n_users; /* fibers that hold it */
	uint64_t used;
	bool is_starting;
	struct wait_queue started;
};

/* What the monitor said of a user, for some seconds. */
struct pool_user {
	char name[WIRE_NAME_MAX];
	int64_t until_ms;
	struct monitor_answer answer;
};

struct pool {
	struct caller monitor;
	bool is_lost; /* the monitor left: nothing can be done any more */
	struct pool_child children[POOL_CHILDREN_MAX];
	struct wait_queue freed; /* for a child that nobody holds */
	struct pool_user users[POOL_USERS_MAX];
	size_t next_user;
	uint64_t clock;
};

void pool_init(struct pool *p, int monitor);
void pool_clear(struct pool *p);

/* Ask the monitor; waits.  ERR_TEMP if it is gone.  *fd (may be NULL) is -1
 * or a descriptor for the caller. */
struct err pool_ask(struct pool *p, enum monitor_op op,
    const struct pool_identity *who, struct monitor_answer *a, int *fd);

/* Why the monitor did not do it, in words; for a status that is not OK. */
const char *pool_why(const struct monitor_answer *a);

/* MONITOR_USER, remembered for a few seconds if there is one. */
struct err pool_find_user(
    struct pool *p, const char *name, struct monitor_answer *a);

/*
 * Have the packet (child_request_write) done as this identity; fds are the
 * content and perhaps a mailbox.  Waits.  ERR_TEMP: no child could be had, or
 * it was lost on the way.
 */
struct err pool_deliver(struct pool *p, const struct pool_identity *who,
    struct view packet, const int *fds, size_t n_fds, struct child_answer *a);

#endif
