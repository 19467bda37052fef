/*
 * Content between the wire and the queue.  In the queue every line ends in
 * CRLF, there is no other CR or LF, and no dot-stuffing.
 *
 * The decoder takes pieces of any size, of a DATA stream, of BDAT chunks, or
 * of local submission (lines ended by LF).  The encoder makes a DATA stream
 * of queue content.  Neither allocates but for what it appends to out, which
 * is at most twice the piece and a few bytes; neither waits.
 */
#ifndef MAIL_CONTENT_H
#define MAIL_CONTENT_H

#include "lib/base/str.h"
#include "lib/mail/header.h"

/* How content arrives. */
enum content_kind {
	CONTENT_DATA,  /* SMTP DATA: dot-stuffed, ends with CRLF.CRLF */
	CONTENT_CHUNK, /* BDAT: ends when the caller says */
	CONTENT_LOCAL, /* local: lines end in LF; CRs before it are dropped,
			* up to 64 */
};

/* What was seen. */
enum content_flags {
	CONTENT_BARE_LF = 1 << 0,
	CONTENT_BARE_CR = 1 << 1, /* became a space */
	CONTENT_8BIT = 1 << 2,
	CONTENT_NUL = 1 << 3,
	CONTENT_8BIT_HEADER = 1 << 4, /* in the primary header */
	CONTENT_NO_EOL = 1 << 5,      /* the last line was not ended */
};

struct content_in {
	uint64_t out_len;      /* bytes of content so far */
	uint64_t longest_line; /* bytes without line end */
	unsigned flags;	       /* enum content_flags */
	bool has_ended;	       /* DATA: the end was seen */
	/* Of the content as it goes out; complete once it has ended. */
	struct header_scan header;
	/* private */
	uint64_t line_len;
	enum content_kind kind;
	unsigned pending_cr;
	bool is_loose, at_start, after_crlf, only_dot;
};

/*
 * is_loose (smtpd_forbid_bare_newline = no or note): a line of one dot ends
 * DATA whatever its own and the last line's end are.  Otherwise only
 * CRLF.CRLF does; a line ended by LF alone is a line of the content.
 * To refuse bare LF or CR look at the flags when the content has ended.
 */
void content_in_init(
    struct content_in *c, enum content_kind kind, bool is_loose);
/*
 * Decode the next piece, appending to out; returns how many bytes of it were
 * taken, all but when has_ended became true: what follows then is not content.
 * out == NULL only measures (content that will be refused anyway).
 */
size_t content_in_feed(
    struct content_in *c, struct view piece, struct str *out);
/*
 * One step of the same, for who copies nothing that stays as it is: the lines
 * at the front of the piece that do, in *whole; if there are none, the next
 * bytes decoded, appended to out, which may be NULL.  Returns how many bytes
 * were taken; 0 only at the end.
 */
size_t content_in_step(struct content_in *c, struct view piece,
    struct view *whole, struct str *out);
/* CHUNK and LOCAL, at the end of content: completes the last line.  Local
 * content that ends with a lone "." is the caller's business.  A DATA stream
 * ends by itself; one that has not ended is not complete and never will be. */
void content_in_finish(struct content_in *c, struct str *out);

struct content_out {
	/* private */
	uint64_t line_len;
	size_t limit;
	bool at_start, pending_cr;
};

/* Lines over line_limit bytes are folded with CRLF and a space, outside of
 * UTF-8 sequences (smtp_line_length_limit); 0 is no limit, and 1
 * to 15 are taken as 16. */
void content_out_init(struct content_out *c, size_t line_limit);
/* Encode the next piece: stuffs dots, folds.  A bare LF becomes CRLF and a
 * bare CR a space, should there be any: what goes out has none. */
void content_out_feed(
    struct content_out *c, struct view piece, struct str *out);
/* Ends the last line if need be, then the end of data: ".CRLF". */
void content_out_finish(struct content_out *c, struct str *out);

#endif
