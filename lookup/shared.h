/*
 * Questions about what hosts share (lib/table/share.h), gathered: while those of
 * one table are on their way, the next ones come together, and are sent together.
 * So one connection for a table is enough, whatever the way to its server costs.
 */
#ifndef LOOKUP_SHARED_H
#define LOOKUP_SHARED_H

#include "lib/base/err.h"
#include "lib/base/htable.h"
#include "lib/table/share.h"

enum {
	SHARED_QUESTIONS_MAX = 2000, /* open at once, of one table */
};

struct shared {
	struct htable specs; /* struct shared_spec */
};

void shared_init(struct shared *s);
/* No question may be open. */
void shared_clear(struct shared *s);

/*
 * In a fiber only.  Waits until the deadline at most: then the question goes on
 * without its asker.  q->answer is the caller's.  Errors, those of the answer among
 * them, are ERR_TEMP or ERR_TIME.
 */
struct err shared_ask(struct shared *s, struct view spec,
    struct share_question *q, int64_t deadline);

#endif
