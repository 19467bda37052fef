/*
 * From the sockets to the lines that are held: takes datagrams, checks them,
 * and tells who sends what is no record.
 */
#ifndef LOG_RECEIVE_H
#define LOG_RECEIVE_H

#include "log/order.h"

#include <stdbool.h>
#include <sys/types.h>

enum {
	RECEIVE_DATAGRAM_MAX = 65536,
	RECEIVE_BATCH = 64, /* datagrams, before the loop turns */
};

/* Who writes under which names.  Else a program that was taken over could
 * write the lines of all others. */
struct receiver_rule {
	uid_t uid;
	const char *programs[10]; /* the last words of its tags; ends in NULL */
};

struct receiver {
	struct order *order;
	const struct receiver_rule *rules; /* of a uid that has none: any tag */
	size_t n_rules;
	uint64_t bad;		  /* records that were none, not told yet */
	int64_t bad_pid, bad_uid; /* the last who sent one */
	int64_t told_at;	  /* ms */
};

/* Let the kernel say who sends: the pid in a record is only a claim. */
void receive_prepare(int fd);

/*
 * Take what waits on the socket, at most RECEIVE_BATCH datagrams and no more
 * than the sink has room for.  False if something may be left.
 */
bool receive_datagrams(struct receiver *r, int fd);

/* One datagram of this process; pid 0 if the kernel did not say.  A tag that is
 * another's becomes the sender's own, with "!" behind it. */
void receive_one(
    struct receiver *r, struct view datagram, int64_t pid, int64_t uid);

#endif
