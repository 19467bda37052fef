/*
 * The structure of a message (RFC 2045, 2046), while it streams past: header
 * blocks of the message itself, of its parts and of messages within it, and the
 * lines of bodies.  Nothing is decoded.
 *
 * Give it pieces of any size by mime_take and fetch events by mime_next until
 * that returns false; after mime_finish the last ones come, MIME_END at the
 * very end.  Each byte of the input lies in exactly one event with a range, in
 * order, whatever the input is: malformed structure only means that less is
 * told apart.
 *
 * As in Postfix: a delimiter line is one that begins with "--" and the boundary
 * of a multipart that is open, the innermost first; a line that is no header
 * ends a header block; a header ends where the next line does not begin with a
 * blank.  Memory is bounded by the limits; time is linear but for delimiter
 * lines, which are compared with each open boundary.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "lib/mail/header.h"
#include "lib/mail/mime_type.h"

enum mime_class {
	MIME_PRIMARY, /* the message's own header */
	MIME_PART,    /* of a part of a multipart */
	MIME_NESTED,  /* of a message in message/rfc822 */
};

enum mime_what {
	MIME_HEADER,	  /* a header field, its folded lines included */
	MIME_FROM_LINE,	  /* a "From " line before the primary header */
	MIME_HEADERS_END, /* the block has ended; the range is the empty line,
			   * or empty if there was none */
	MIME_LINE,	  /* a body's line, or a chunk of a long one */
	MIME_FAULTY,	  /* a fault; has no range */
	MIME_END,
};

/* What is wrong with a message; each kind is told once. */
enum mime_fault {
	MIME_FAULT_NESTING = 1 << 0,
	MIME_FAULT_8BIT_HEADER = 1 << 1,
	MIME_FAULT_8BIT_BODY = 1 << 2, /* in a body that claims 7bit */
	/* A multipart or message/... that says it is coded, a fragment of a
	 * message that is not 7bit (RFC 2045 6.4, RFC 2046 5.2.2.1). */
	MIME_FAULT_DOMAIN = 1 << 3,
};

struct mime_limits {
	size_t header_size; /* a field: what exceeds it is not in its text */
	size_t boundary;    /* bytes of a boundary that count */
	size_t line;	    /* longer lines come in chunks of so much */
	unsigned nesting;   /* multiparts in multiparts */
	bool is_flat;	    /* look at the primary header only */
};

struct mime_event {
	enum mime_what what;
	enum mime_class class; /* of HEADER, HEADERS_END */
	enum mime_fault fault;
	/* Which bytes of the input. */
	uint64_t at, len;
	/*
	 * HEADER: all of it, lines joined by "\n", none at the end.  LINE and
	 * FROM_LINE: without the line's end.  FAULTY: what was being looked at.
	 * Valid until the next call.
	 */
	struct view text;
	struct view name, body; /* HEADER: in text; body without blanks before */
	enum header_id id;
	/* HEADER: text is not what is there: cut, or it has no blanks before
	 * its colon, as it should be. */
	bool is_changed;
	/* LINE: the line's end is in the range; HEADERS_END: a body follows. */
	bool is_ended;
	uint64_t offset; /* LINE: of text in this part's body */
};

struct mime_stage {
	struct str boundary;
	enum mime_kind parts; /* what its parts are that say nothing */
};

struct mime {
	/* private */
	struct mime_limits limits;
	struct view in;	 /* what was given and not looked at */
	struct str held; /* a line whose end has not come */
	size_t held_used; /* of it, by the line that was told */
	uint64_t at;	  /* of held, or of in if that is empty */
	bool is_finished, is_over;
	/* The line that is being looked at. */
	struct view line;
	uint64_t line_at, line_len;
	bool has_line, line_starts, line_ended, is_mid_line;
	/* The header that is being put together. */
	struct str field;
	uint64_t field_at, field_len;
	size_t name_len;
	bool has_field, field_changed;
	bool is_examined; /* the field, else the line, was */
	/* Where we are. */
	bool in_header, seen_field;
	enum mime_class class;
	enum mime_kind kind;
	enum mime_encoding encoding;
	uint64_t body_offset;
	struct mime_stage *stages;
	unsigned depth, room;
	unsigned faults, told; /* enum mime_fault */
	struct str boundary;   /* a scratch */
};

void mime_init(struct mime *m, const struct mime_limits *limits);
void mime_clear(struct mime *m);
/* The piece must stay until mime_next returned false. */
void mime_take(struct mime *m, struct view piece);
/* No more pieces. */
void mime_finish(struct mime *m);
bool mime_next(struct mime *m, struct mime_event *event);

/* The rest is one body, and more than `size` of it has passed. */
bool mime_is_flat_from(const struct mime *m, uint64_t size);
/* What was taken and is in no event yet, if it is the beginning of a line and
 * no header before it; else false. */
bool mime_find_unread(const struct mime *m, struct view *unread);
/* Where the next event begins. */
uint64_t mime_offset(const struct mime *m);
/* All faults so far. */
unsigned mime_faults(const struct mime *m);
/* Enhanced code and text ("5.6.0 MIME nesting exceeds safety limit") of the
 * first of these; without the code for logs. */
const char *mime_fault_reply(unsigned faults);
const char *mime_fault_text(enum mime_fault fault);

#endif
