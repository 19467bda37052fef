/*
 * Questions to the name service.  It may ask the network, and nothing tells
 * for how long: so processes of their own ask it, a few at most, each one
 * question at a time, and one that does not come back is ended.  The monitor
 * goes on meanwhile.
 *
 * These askers are root, as the monitor is, since modules of the name service
 * may read what only root can.  They have no descriptor but the socket on which
 * the questions come, and end with the monitor.
 *
 * Nothing here waits.
 */
#ifndef LOCAL_NAMES_H
#define LOCAL_NAMES_H

#include "lib/run/sandbox.h"
#include "local/wire.h"

#include <poll.h>

/* Processes, and questions that may wait for one. */
enum { NAMES_ASKERS_MAX = 32, NAMES_QUESTIONS_MAX = 256 };

/* What a question was about, for who asked it: given back with the answer. */
struct names_question {
	uint32_t number;
	struct monitor_request request; /* its name is looked up */
	bool with_groups;
};

struct names_answer {
	struct monitor_answer user;
	struct sandbox_ids ids; /* of a user that is OK; with_groups only */
};

struct names;

/* An asker has limit_ms for an answer; a question waits for its turn twice as
 * long at most.  Users that were found are remembered for remember_ms. */
struct names *names_new(int64_t limit_ms, int64_t remember_ms);
/* Ends the askers; who waits for children sees their ends. */
void names_free(struct names *n);

/* False if too many wait already. */
bool names_ask(struct names *n, const struct names_question *q);
/* The next question that was answered: by the name service, or MONITOR_SLOW if
 * it took too long, MONITOR_BUSY if its turn never came. */
bool names_next(
    struct names *n, struct names_question *q, struct names_answer *a);

/* True if the user was found a moment ago: *a says as whom. */
bool names_recall(
    const struct names *n, const char *name, struct monitor_answer *a);

/* What to poll; how many there are, NAMES_ASKERS_MAX at most. */
size_t names_poll(const struct names *n, struct pollfd *fds);
/* For how long, in ms; -1 is for ever. */
int names_timeout(const struct names *n);
/* Behind the poll of fds, as names_poll had them: take answers, end who is
 * late, ask what waits. */
void names_work(struct names *n, const struct pollfd *fds);
/* A child of this process was reaped.  False: it was no asker. */
bool names_take_end(struct names *n, pid_t pid);

#endif
