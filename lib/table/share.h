/*
 * What several hosts remember together, in a Redis: for the caches of `state`
 * that are "redis:..." instead of a file of this host.  The parameters are those
 * of a redis: table, and key_prefix.
 *
 * Each question is one command or one script, so that nothing of another host
 * comes in between; all that are asked together are sent together, and their
 * answers are read in that order.  An entry ends by the server's clock.  In the
 * server a value stands behind the number of its format, "1 "; what has another
 * one is as if it were not there.
 *
 * Blocking: on a thread of offload, or in a command.
 */
#ifndef TABLE_SHARE_H
#define TABLE_SHARE_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct share;

enum share_verb {
	SHARE_GET,
	SHARE_PUT,   /* whatever is there */
	SHARE_SWAP,  /* if `old` is what is there; "" is nothing */
	SHARE_COUNT, /* add to a counter over a sliding time, up to a limit */
	SHARE_VERBS,
};

enum {
	SHARE_KEY_MAX = 2100, /* without the prefix */
	SHARE_VALUE_MAX = 8192,
	SHARE_LIFE_MAX = 10 * 366 * 86400, /* s */
	SHARE_WINDOW_MAX = 366 * 86400,
	/* So many questions at once. */
	SHARE_BATCH_MAX = 50,
};

/* Of counters: sums stay what a script can hold. */
#define SHARE_COUNT_MAX (INT64_C(1) << 40)

struct share_question {
	enum share_verb verb;
	struct view key, old, value;
	int64_t life;	       /* s; 0 removes it */
	int64_t window;	       /* of a counter, s */
	int64_t amount, limit; /* of a counter */
	/* The answer. */
	struct err e;	    /* ERR_TEMP: nobody has answered */
	bool done;	    /* found; or it was done */
	struct str *answer; /* what is there, of GET, and of SWAP not done */
	int64_t count;	    /* how many there were before */
	int phase;	    /* share.c's own */
};

/* Is that a table of this kind ("redis:...")? */
bool share_is(struct view spec);
/* Nothing is connected yet.  ERR_PERM, ERR_TEMP: the parameters are of no use. */
struct err share_open(struct view spec, struct share **out);
void share_close(struct share *s);

/* A question within its bounds. */
bool share_is_sane(const struct share_question *q);
/*
 * Ask all of them, SHARE_BATCH_MAX at most; the time for all together is the
 * `timeout` of the parameters.  Where a connection is lost they are asked once more,
 * or of the next server, but not what was sent and must not be done twice
 * (SHARE_COUNT).
 */
void share_ask(struct share *s, struct share_question *const *all, size_t n);

#endif
