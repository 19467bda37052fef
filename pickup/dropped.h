/*
 * A message in maildrop as pickup reads it.  Whoever submitted it owns the
 * file, so nothing in it is taken on trust: lengths, addresses and names are
 * looked at again, claims about where it came from are not read at all, and
 * the content is made into what the queue may hold.
 */
#ifndef PICKUP_DROPPED_H
#define PICKUP_DROPPED_H

#include "lib/mail/content.h"
#include "lib/mail/queue_file.h"

#include <sys/types.h>

struct dropped {
	int fd;
	uid_t owner;
	int64_t arrival_us; /* when it was complete: the file's time */
	struct queue_file file;
	/* It was in the queue before (postsuper -r), and so is our own. */
	bool is_requeued;
	/* Recipients that have their outcome already; one bit each, NULL if
	 * none. */
	unsigned char *decided;
	int64_t n_decided;
	int64_t journal_end;

	struct queue_content reader;
	struct content_in decoder;
	int64_t rcpts_at; /* where the next batch begins */
	int64_t n_rcpts;  /* given out so far */
	struct str memory;
};

/* How much a recipient list of one batch may have, in bytes. */
enum { DROPPED_RCPTS_MAX = 65536 };

/*
 * Open maildrop/NAME and look at all but content and recipients.
 * ERR_GONE: it vanished, or is still being written, or moved to here; *litter is
 * true if it never will be complete.  ERR_PERM: damaged or not acceptable.  ERR_TEMP.
 * `trusted` is the uid whose journals count.  Blocks.
 */
struct err dropped_open(struct dropped *d, const char *path, uid_t trusted,
    bool *litter);
/* The same, of a descriptor, which becomes its own. */
struct err dropped_read(struct dropped *d, int fd, uid_t trusted,
    bool *litter);
/* The part of it that looks at what is in the file. */
struct err dropped_examine(struct dropped *d, uid_t trusted, bool *litter);
/* Always called. */
void dropped_close(struct dropped *d);

/* The next recipients that have no outcome yet, as a list of rcpt messages,
 * appended; *more is false when that was all.  ERR_PERM: malformed.  Blocks. */
struct err dropped_next_rcpts(struct dropped *d, struct str *list, bool *more);
/* The next piece of content, appended; *more is false at its end.  Blocks. */
struct err dropped_next_content(struct dropped *d, struct str *out,
    bool *more);
/* What was seen of content so far, as enum submit_flags. */
int64_t dropped_flags(const struct dropped *d);

#endif
