/*
 * What Content-Type and Content-Transfer-Encoding say of a part (RFC 2045 5, 6),
 * as far as the structure of a message depends on it.  What is malformed is
 * read as far as it goes: who sends it decides nothing but its own fate.
 */
#ifndef MAIL_MIME_TYPE_H
#define MAIL_MIME_TYPE_H

#include "lib/base/str.h"

#include <stdbool.h>

enum mime_kind {
	MIME_TEXT,	/* text/plain: what a part is that says nothing */
	MIME_MULTIPART, /* has parts, if it has a boundary too */
	MIME_DIGEST,	/* multipart/digest: its parts are messages */
	MIME_MESSAGE,	/* message/rfc822, message/global */
	MIME_FRAGMENT,	/* message/partial, message/external-body */
	MIME_LEAF,	/* all else */
};

enum mime_encoding {
	MIME_7BIT,
	MIME_8BIT,
	MIME_BINARY,
	MIME_CODED, /* quoted-printable, base64 */
};

/*
 * Read the body of a Content-Type header, folded or not.  *boundary is set to
 * the value of its first boundary parameter, quotes and comments gone, at most
 * `max` bytes of it; *has_boundary is false if there is none.
 */
enum mime_kind mime_read_type(
    struct view body, size_t max, struct str *boundary, bool *has_boundary);

/* MIME_7BIT for what is not known. */
enum mime_encoding mime_read_encoding(struct view body);

/* What bytes an encoding leaves in the text: 7bit, 8bit or binary. */
enum mime_encoding mime_domain(enum mime_encoding encoding);

#endif
