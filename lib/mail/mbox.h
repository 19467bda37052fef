/*
 * Content as files and commands here get it: lines ended by LF (or what a
 * pipe's eol= says), and the mbox format's From_ line and quoting.
 */
#ifndef MAIL_MBOX_H
#define MAIL_MBOX_H

#include "lib/base/str.h"

enum mbox_flags {
	MBOX_QUOTE_FROM = 1 << 0, /* '>' before "From " at a line's start */
	MBOX_QUOTE_DOT = 1 << 1,  /* '.' before a '.' there (pipe's flag .) */
	MBOX_BLANK_END = 1 << 2,  /* an empty line at the end (pipe's flag B,
				   * mbox files) */
};

struct mbox_filter {
	/* private */
	struct view eol;
	unsigned flags;
	unsigned char matched;
	bool has_cr, at_start;
};

/* Append "From sender  Sat Nov 21 20:58:26 2026\n"; the null sender is
 * MAILER-DAEMON.  sender is in internal form, written in external. */
void mbox_add_from_line(struct str *out, struct view sender, int64_t wall);

/* eol is borrowed for as long as the filter lives; empty is LF. */
void mbox_filter_init(struct mbox_filter *f, unsigned flags, struct view eol);
/* Convert a piece of queue content (CRLF), of any size, appending to out. */
void mbox_filter_feed(
    struct mbox_filter *f, struct view piece, struct str *out);
/* The content is complete: ends an unended line, adds the empty line. */
void mbox_filter_finish(struct mbox_filter *f, struct str *out);

#endif
