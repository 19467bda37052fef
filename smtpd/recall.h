/*
 * What `state` remembers for all processes: see lib/ipc/messages.h.  It may be
 * down, and what it knows may be lost at any time: who asks must be right
 * without it.  Questions wait.
 */
#ifndef SMTPD_RECALL_H
#define SMTPD_RECALL_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/ipc/messages.h"
#include "smtpd/smtpd.h"

/* *found and *value; ERR_TEMP if nobody can be asked. */
struct err recall_get(struct smtpd *smtpd, enum state_store store,
    struct view key, struct str *value, bool *found);
/* Until then, s since 1970; 0: forget it.  What cannot be told is logged. */
void recall_put(struct smtpd *smtpd, enum state_store store, struct view key,
    struct view value, int64_t until);

/*
 * The same if `old` is what is kept ("": nothing), so that nothing comes between
 * what was read and what is written, of another process or another host.  *done;
 * or *is: what is kept instead.  Waits.
 */
struct recall_swap {
	struct view key, old, value;
	int64_t until;
};
struct err recall_swap(struct smtpd *smtpd, enum state_store store,
    const struct recall_swap *ask, bool *done, struct str *is);

/* Add to a counter unless it would pass the limit; *taken: it was added, *count:
 * what there was before. */
struct recall_count {
	struct view key;
	int64_t amount, window, limit;
};
struct err recall_count(struct smtpd *smtpd, const struct recall_count *ask,
    int64_t *count, bool *taken);

/* Can mail for this address be delivered?  Once; VERIFY_TODO is "ask again". */
struct err recall_verify(struct smtpd *smtpd, struct view address,
    enum verify_status *status, struct str *text);

#endif
