/*
 * The front's side of the monitor and the children: a few children are kept,
 * each for the identity that it was asked for.
 */
#ifndef LOCAL_POOL_H
#define LOCAL_POOL_H

#include "local/wire.h"

#include <sys/types.h>

enum { POOL_CHILDREN_MAX = 4, POOL_USERS_MAX = 32 };

/* By name if that is not empty (local), else by numbers (virtual). */
struct pool_identity {
	const char *name;
	uid_t uid;
	gid_t gid;
};

struct pool_child {
	int fd; /* -1: none */
	char name[WIRE_NAME_MAX];
	uid_t uid;
	gid_t gid;
	uint64_t used;
};

/* What the monitor said of a user, for some seconds. */
struct pool_user {
	char name[WIRE_NAME_MAX];
	int64_t until_ms;
	struct monitor_answer answer;
};

struct pool {
	int monitor;  /* its socket; ours */
	bool is_lost; /* the monitor left: nothing can be done any more */
	struct pool_child children[POOL_CHILDREN_MAX];
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
