/*
 * The message as sendmail(1) gets it on standard input: lines that may end in
 * LF or CRLF, a header that may not be one, a lone dot that may be the end.
 * Makes content of it as the queue holds it, and with -t finds the recipients
 * in the header.  Pieces may be of any size.
 */
#ifndef SENDMAIL_INPUT_H
#define SENDMAIL_INPUT_H

#include "lib/base/err.h"
#include "lib/mail/content.h"

#include <stdbool.h>

enum input_flags {
	INPUT_DOT_ENDS = 1 << 0, /* not -i */
	INPUT_EXTRACT = 1 << 1,	 /* -t */
	/* sendmail_fix_line_endings; neither is "always" */
	INPUT_FIX_STRICT = 1 << 2,
	INPUT_FIX_NEVER = 1 << 3,
};

enum input_place { INPUT_START, INPUT_HEADER, INPUT_BODY };

struct input {
	bool has_ended; /* a lone dot was seen: nothing more is wanted */
	bool has_from;	/* From: or Resent-From: */
	/* -t: internal addresses, each ended by a NUL.  If there is any Resent-
	 * header only those of Resent- headers count. */
	struct str rcpts, resent_rcpts;
	bool is_resent;
	struct err failure; /* a header that cannot be used */
	/* private */
	unsigned flags;
	enum input_place place;
	bool decoding, long_line, at_line_start;
	struct content_in decoder;
	struct str line;  /* of the header, or a body's that begins with a dot:
			   * not complete */
	struct str field; /* the header that lines are added to */
};

/* Longest line of a header that is looked at, and header that recipients are
 * taken from, in bytes. */
enum { INPUT_LINE_MAX = 1 << 17, INPUT_FIELD_MAX = 1 << 22 };

void input_init(struct input *in, unsigned flags);
void input_clear(struct input *in);
/* Appends content to out: at most some bytes more than twice the piece and
 * INPUT_LINE_MAX. */
void input_feed(struct input *in, struct view piece, struct str *out);
/* There is no more. */
void input_finish(struct input *in, struct str *out);
/* The recipients that count: see above. */
struct view input_recipients(const struct input *in);

#endif
