/*
 * The end of a connection on which the peer may still be sending.  Closed with
 * unread bytes, or hit by some later, TCP answers with a reset, and that may
 * destroy what was said last before the peer has read it (RFC 9112 9.6 tells
 * the same of HTTP).  So our side is closed first, and what comes is dropped
 * until the peer has closed its own, for a few seconds and some megabytes at
 * most.  No session and no fiber is held meanwhile.
 */
#ifndef RUN_LINGER_H
#define RUN_LINGER_H

#include <stddef.h>

enum {
	LINGER_MS = 5000,
	LINGER_BYTES = 4 << 20,
	/* Of a process; one more, and the oldest is closed as it is. */
	LINGER_MOST = 200,
};

/* Takes a connected socket for which all has been said.  Without a loop, and
 * for what is no socket, it is closed at once. */
void linger_take(int fd);
/* How many there are. */
size_t linger_count(void);
/* Called, on the loop's stack, whenever the last one has gone.  NULL: no more. */
void linger_on_none(void (*none_left)(void));
/* Close them all as they are (the process leaves, tests). */
void linger_close_all(void);

#endif
