/*
 * A message's content on its way to `cleanup`.  While it is small it is
 * collected in memory, and goes whole, with the envelope, in one frame; else
 * it streams over a conversation of its own.
 */
#ifndef SMTPD_COLLECT_H
#define SMTPD_COLLECT_H

#include "smtpd/session.h"

/* What is to be said at the end. */
struct collect_result {
	bool ok;
	int code;
	struct str text; /* with its enhanced code */
};

/* Begin, with our own header: after the last recipient. */
struct collect *collect_new(struct session *s, enum content_kind kind);
/*
 * Feed bytes from the client; returns how many were taken (all but when DATA
 * has ended).  Never fails: what goes wrong shows at the end.  Does not wait,
 * so collect_settle must follow, which may wait for cleanup.
 */
size_t collect_feed(struct session *s, struct collect *c, struct view bytes);
void collect_settle(struct session *s, struct collect *c);
bool collect_has_ended(const struct collect *c);
/* Our own header lines, while no content has come; the collect's. */
struct view collect_added(const struct collect *c);
/* A line ended in LF alone. */
bool collect_saw_bare_lf(const struct collect *c);
/* The last chunk is there (BDAT). */
void collect_end_chunks(struct collect *c);
/* Bytes of content, without our header. */
int64_t collect_size(const struct collect *c);
/* Larger than message_size_limit: what still comes is dropped. */
bool collect_is_too_large(const struct collect *c);
/* Hand over what there is and hear whether it is queued. */
void collect_submit(
    struct session *s, struct collect *c, struct collect_result *result);
/* NULL is allowed. */
void collect_free(struct session *s, struct collect *c);

#endif
