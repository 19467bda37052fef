/*
 * Headers: what the known ones are, going through a header block, and finding
 * where the block ends while content still arrives.  Lines may end in LF or
 * CRLF.  Nothing is copied.  And how a text becomes lines of a message.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "lib/base/str.h"

enum header_id {
	HEADER_OTHER,
	HEADER_APPARENTLY_TO,
	HEADER_AUTHENTICATION_RESULTS,
	HEADER_AUTO_SUBMITTED,
	HEADER_BCC,
	HEADER_CC,
	HEADER_CONTENT_DESCRIPTION,
	HEADER_CONTENT_DISPOSITION,
	HEADER_CONTENT_ID,
	HEADER_CONTENT_LENGTH,
	HEADER_CONTENT_TRANSFER_ENCODING,
	HEADER_CONTENT_TYPE,
	HEADER_DATE,
	HEADER_DELIVERED_TO,
	HEADER_DISPOSITION_NOTIFICATION_TO,
	HEADER_ERRORS_TO,
	HEADER_FROM,
	HEADER_IN_REPLY_TO,
	HEADER_LIST_ID,
	HEADER_LIST_UNSUBSCRIBE,
	HEADER_MAIL_FOLLOWUP_TO,
	HEADER_MAIL_REPLY_TO,
	HEADER_MESSAGE_ID,
	HEADER_MIME_VERSION,
	HEADER_PRECEDENCE,
	HEADER_RECEIVED,
	HEADER_REFERENCES,
	HEADER_REPLY_TO,
	HEADER_RESENT_BCC,
	HEADER_RESENT_CC,
	HEADER_RESENT_DATE,
	HEADER_RESENT_FROM,
	HEADER_RESENT_MESSAGE_ID,
	HEADER_RESENT_REPLY_TO,
	HEADER_RESENT_SENDER,
	HEADER_RESENT_TO,
	HEADER_RETURN_PATH,
	HEADER_RETURN_RECEIPT_TO,
	HEADER_SENDER,
	HEADER_SUBJECT,
	HEADER_TLS_REQUIRED,
	HEADER_TO,
	HEADER_X_ORIGINAL_TO,
	HEADER_N,
};

enum header_flags {
	/* The body is an address list that is rewritten as a sender's. */
	HEADER_SENDER_ADDR = 1 << 0,
	/* ... as a recipient's. */
	HEADER_RCPT_ADDR = 1 << 1,
	/* sendmail -t takes recipients from it. */
	HEADER_EXTRACT = 1 << 2,
	HEADER_RESENT = 1 << 3, /* Resent-anything */
	HEADER_MIME = 1 << 4,	/* MIME-Version, Content-anything */
	/* In message_drop_headers by default. */
	HEADER_DROP = 1 << 5,
	/* RFC 5322 3.6: at most once. */
	HEADER_ONCE = 1 << 6,
};

/* The id of a name (any case); HEADER_OTHER if it is none of the known. */
enum header_id header_find_id(struct view name);
/* The usual spelling; "" of HEADER_OTHER. */
const char *header_name(enum header_id id);
/* enum header_flags. */
unsigned header_flags(enum header_id id);

/* The length of the field name if this line begins a header field (name of
 * visible ASCII, blanks allowed before the colon), else 0. */
size_t header_name_len(struct view line);

/* "From " or ">From ": residue of an mbox. */
bool header_is_from_line(struct view line);

struct header {
	struct view text; /* all of it: folds and the last line end too */
	struct view name; /* without blanks before the colon */
	struct view body; /* after the colon: leading blanks and the last line
			   * end not in it, folds are */
	size_t offset;	  /* of text in the block */
	enum header_id id;
	unsigned flags; /* enum header_flags */
};

enum header_what {
	HEADER_FIELD,	  /* a header */
	HEADER_FROM_LINE, /* a "From " or ">From " line before all headers, in
			   * text: mbox residue */
	HEADER_END,	  /* the empty line, in text; the body follows it */
	HEADER_NOT,	  /* a line that is no header: the body begins there */
	HEADER_EOF,	  /* the text ended without an empty line */
};

struct header_iter {
	struct view text;
	size_t at; /* where the next item begins; the body's begin at the end */
	bool seen_field;
};

void header_iter_init(struct header_iter *it, struct view text);
/* The next item.  After END, NOT and EOF it gives the same again.  A folded
 * line that is the very first is NOT. */
enum header_what header_next(struct header_iter *it, struct header *h);
/* The first header of this id in the block; false if there is none. */
bool header_find(struct view text, enum header_id id, struct header *h);

/*
 * Append-free unfolding: at most room bytes of the body with each CRLF or LF
 * dropped, and white space trimmed at both ends.  The result borrows from the
 * body if there is none in it, else from buffer.
 */
struct view header_unfold(struct view body, char *buffer, size_t room);

/*
 * Append a text whose lines end in LF, the last one not, with the line ends of
 * mail.  Those after the first are folded if it is a header, so that it stays
 * one.  A CR in it becomes a blank.
 */
void header_add_lines(struct str *out, struct view text, bool is_header);

/*
 * The incremental scanner: fed with pieces of any size, says where the header
 * block ends.  It keeps no bytes.
 */
struct header_scan {
	uint64_t header_len; /* bytes of header so far, the empty line not in */
	uint64_t body_at;    /* when ended: offset of the body */
	uint64_t fields;     /* headers begun */
	uint64_t longest;    /* bytes of the longest header */
	enum header_what end; /* END, NOT, EOF; HEADER_FIELD while going on */
	bool has_8bit;	      /* a header has a byte above 127 */
	/* private */
	uint64_t seen, line_at, field_at;
	unsigned char state, matched;
};

void header_scan_init(struct header_scan *s);
/* True once the end is known; then the rest of the pieces is not looked at.
 * When the end is HEADER_NOT, body_at lies before bytes that were already
 * fed: the line must be told apart first, which takes up to the whole name. */
bool header_scan_feed(struct header_scan *s, struct view piece);
/* The content is complete. */
void header_scan_finish(struct header_scan *s);

#endif
