/*
 * The replies of an SMTP or LMTP server (RFC 5321 4.2), line by line.  What
 * is kept is bounded and clean: it can be logged and put into a report as it
 * is.
 */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/mail/dsn.h"

enum {
	REPLY_LINE_MAX = 2048, /* bytes; RFC 5321 4.5.3.1.5 asks for 512 */
	REPLY_LINES_MAX = 200,
	REPLY_TEXT_MAX = 16384, /* bytes kept; what is more is dropped */
};

struct reply {
	int code; /* 200 to 599; 0 before the first line */
	/* From the last line if it agrees with the code, else by the code. */
	struct dsn_status status;
	bool has_status; /* the server said it */
	bool is_done;
	unsigned lines;
	struct str text; /* whole lines, cleaned, with '\n' between */
};

void reply_init(struct reply *r);
void reply_clear(struct reply *r);
/* Ready for the next reply; keeps the memory. */
void reply_reset(struct reply *r);

/*
 * Take one line, without its line end (a CR at the end is dropped).
 * r->is_done after the last.  ERR_TEMP if the server does not speak SMTP: no
 * code, a code that changes, bad separator, NUL or CR in the line, a line over
 * REPLY_LINE_MAX, too many lines; the connection should be closed then.
 */
struct err reply_feed(struct reply *r, struct view line);

/* The text of each line without code: start with rest = str_view(&r->text).
 * False at the end. */
bool reply_next_line(struct view *rest, struct view *text);
/* Append the whole reply on one line: lines joined by a space. */
void reply_add_line(struct str *out, const struct reply *r);

#endif
