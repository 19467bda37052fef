/*
 * Enhanced status codes (RFC 3463): "4.4.1", alone and in front of texts.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include "lib/base/view.h"

struct dsn_status {
	uint8_t class;		  /* 2, 4 or 5; 0 is none */
	uint16_t subject, detail; /* 0 to 999 */
};

/* Room for "5.999.999" and the NUL. */
enum { DSN_STATUS_SIZE = 12 };

#define DSN_STATUS(c, s, d) ((struct dsn_status){ (c), (s), (d) })

/* Parse the code at the front of text, which must end there or be followed by
 * white space; *rest (may be NULL) is what follows the blanks.  False if
 * there is none. */
bool dsn_parse(struct view text, struct dsn_status *status, struct view *rest);
/* True if all of the text is a code. */
bool dsn_is_valid(struct view text);
/* "4.4.1" in buffer. */
struct view dsn_format(
    struct dsn_status status, char buffer[static DSN_STATUS_SIZE]);
/* The code as a NUL terminated string in a buffer of the caller's. */
const char *dsn_text(
    struct dsn_status status, char buffer[static DSN_STATUS_SIZE]);

/* A text with the code that stood before it. */
struct dsn_split {
	struct dsn_status status;
	struct view text;
};

/* Split text; if no code stands there, the status is the default. */
struct dsn_split dsn_split(struct view text, struct dsn_status otherwise);

/* What a reply code means without an enhanced one: 2.0.0, 4.0.0, 5.0.0; 5.5.0
 * for anything else. */
struct dsn_status dsn_for_reply(int code);
/* The status if its class agrees with the reply code, else dsn_for_reply. */
struct dsn_status dsn_agree(struct dsn_status status, int code);

/* What a command's exit status means (sysexits.h): status and text; an unknown
 * one is 5.3.0 "unknown mail system error".  Never 2.x.x; do not ask for 0. */
struct dsn_status dsn_for_exit(int exit_status, const char **text);

#endif
