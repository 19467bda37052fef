/*
 * What comes in: datagrams of records, one line each, as lib/base/log.c sends
 * them: level digit, space, wall clock in us, space, pid, space, tag, space,
 * text, newline.  Who sends may have been taken over, so each field is
 * checked.
 */
#ifndef LOG_RECORD_H
#define LOG_RECORD_H

#include "lib/base/log.h"

enum {
	RECORD_TAG_MAX = 63,
	/* Of the text: a line and the word for its level. */
	RECORD_TEXT_MAX = LOG_LINE_MAX + 16,
};

struct record {
	enum log_level level;
	int64_t wall_us;
	int64_t pid;
	/* Printable, without blanks; brackets and colons are '_'. */
	char tag[RECORD_TAG_MAX + 1];
	struct view text; /* any bytes but newlines; see record_add_text */
};

/*
 * Cut the next record off the datagram; false at its end.  *good is false, and
 * *r not to be used, if the line is no record.  Borrows from the datagram.
 */
bool record_next(struct view *datagram, struct record *r, bool *good);

/* Append the text, cleaned and cut. */
void record_add_text(struct str *out, const struct record *r);

#endif
