/*
 * 8-bit MIME content for a server without 8BITMIME (RFC 6152 3): each part that
 * says "Content-Transfer-Encoding: 8bit" (or binary) becomes
 * quoted-printable, and multiparts around it say 7bit.  Parts that do not say
 * what they are stay as they are, and so do headers.
 *
 * Pieces of any size in, lines out.  Memory is bounded: a header block over
 * DOWNGRADE_HEADER_MAX, or parts deeper than DOWNGRADE_DEPTH_MAX, end the
 * conversion; what follows passes through.
 */
#ifndef MAIL_DOWNGRADE_H
#define MAIL_DOWNGRADE_H

#include "lib/base/str.h"

#include <stdbool.h>

enum {
	DOWNGRADE_HEADER_MAX = 128 * 1024,
	DOWNGRADE_DEPTH_MAX = 20,
	DOWNGRADE_BOUNDARY_MAX = 200,
	DOWNGRADE_LINE_MAX = 4096,
};

enum downgrade_state {
	DOWNGRADE_HEADER,
	DOWNGRADE_PLAIN, /* a body that stays */
	DOWNGRADE_QP,	 /* a body that is encoded */
	DOWNGRADE_OVER,	 /* given up: all passes */
};

struct downgrade {
	enum downgrade_state state;
	struct str line;   /* begun, not ended */
	struct str header; /* of the part that is being read */
	bool is_mid_line;  /* the line's beginning was passed on */
	unsigned column;   /* of the line being encoded */
	char *boundaries[DOWNGRADE_DEPTH_MAX]; /* NULL or owned */
	unsigned depth;
};

void downgrade_init(struct downgrade *d);
void downgrade_clear(struct downgrade *d);
/* Appends what can be told of the piece; at most some four times its size and
 * what was held back. */
void downgrade_feed(struct downgrade *d, struct view piece, struct str *out);
/* The content has ended. */
void downgrade_finish(struct downgrade *d, struct str *out);

#endif
