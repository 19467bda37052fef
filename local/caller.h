/*
 * The front's end of a socket to the monitor or to a child.  Many calls may be
 * under way on it; each is ended by the packet that has its number (wire.h).
 * Without a loop there is one at a time, and the process waits for it.
 */
#ifndef LOCAL_CALLER_H
#define LOCAL_CALLER_H

#include "lib/base/err.h"
#include "lib/base/list.h"
#include "lib/base/view.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"

#include <stdint.h>

struct caller {
	struct loop_watch watch; /* its fd is the socket; -1: none */
	bool is_watched;
	uint32_t last_number;
	size_t n_calls; /* answers that are waited for */
	struct list calls;
	struct wait_queue room; /* for those that the socket is too full for */
};

/* Without a socket. */
void caller_init(struct caller *c);
/* Takes a sequenced-packet socket. */
void caller_take_socket(struct caller *c, int fd);
/* Calls under way end with ERR_GONE. */
void caller_close(struct caller *c);
bool caller_is_open(const struct caller *c);

/* Where an answer goes. */
struct caller_answer {
	void *buf;
	size_t room, len;
	int fd; /* the descriptor that came with it, the caller's to close; -1 */
};

/*
 * Send the packet with n descriptors (which stay ours) and wait for its
 * answer.  ERR_GONE: the other side left, and the socket is closed; ERR_TIME:
 * no answer within the deadline, though it may yet do what it was asked;
 * ERR_PERM: an answer that is too long.
 */
struct err caller_ask(struct caller *c, struct view packet, const int *fds,
    size_t n, struct caller_answer *a, int64_t deadline);

#endif
