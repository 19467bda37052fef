/*
 * Between master and its children: fixed descriptors, and small fixed records
 * over a sequenced-packet socket.  When master dies the child reads the end of
 * that socket and leaves.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <stdint.h>

enum {
	CONTROL_FD = 3,      /* records to and from master */
	CONTROL_PAGE_FD = 4, /* struct control_page, shared by a service */
	CONTROL_LISTEN_FD = 5, /* the first of the listening sockets */
	CONTROL_PROCESSES_MAX = 64,
};

/* Sessions that each process of a service has: each writes its own. */
struct control_page {
	uint32_t sessions[CONTROL_PROCESSES_MAX];
	/* It accepts nothing, since it has too many, and looks seldom whether
	 * that has changed: others may not leave new ones to it. */
	uint32_t rests[CONTROL_PROCESSES_MAX];
};

enum control_verb {
	/* to master */
	CONTROL_SERVING = 1, /* start is over, privileges are dropped */
	CONTROL_TAKEN,       /* a worker has a client */
	CONTROL_IDLE,        /* a worker is free again */
	CONTROL_CHANGED,     /* a table of ours changed: replace me */
	CONTROL_USED_UP,     /* served its number of sessions: replace me */
	CONTROL_NO_PROGRAM,  /* the fork could not become it: errno */
	/* from master */
	CONTROL_DRAIN,       /* accept nothing, leave when the last session ends */
	CONTROL_RELOAD,      /* read the configuration again (qmgr, log) */
	CONTROL_LEAVE,       /* after DRAIN: drain_time is over, end sessions */
	CONTROL_WAKEUP,      /* the wakeup column's time has come */
};

struct control_record {
	uint32_t verb;
	uint32_t value;
};

#endif
