/*
 * The headers that we write ourselves into a message that lacks them, and the
 * quoting of names.  Lines end in CRLF.
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include "lib/base/str.h"

/* header_from_format. */
enum compose_from_format {
	COMPOSE_FROM_STANDARD, /* name <address> */
	COMPOSE_FROM_OBSOLETE, /* address (name) */
};

/* Append a display name: as it is if it is atoms and blanks, else quoted; as
 * RFC 2047 encoded words if it is not ASCII (charset is what its bytes are
 * in, "utf-8").  Control characters become spaces. */
void compose_add_phrase(struct str *out, struct view name, struct view charset);
/* Append a name as a comment, in its parentheses. */
void compose_add_comment(
    struct str *out, struct view name, struct view charset);
/* Append "From: ..."; field is "From" or "Resent-From"; the address is in
 * internal form; the name may be empty. */
void compose_add_from(struct str *out, const char *field, struct view address,
    struct view name, struct view charset, enum compose_from_format format);
/* Append "<20261121205826.4FCE7A944A5@host>", or "<LONGID@host>" for a long
 * queue ID. */
void compose_add_message_id(struct str *out, struct view queue_id,
    bool is_long_id, struct view myhostname, int64_t wall);

#endif
