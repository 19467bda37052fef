/*
 * message_reject_characters and message_strip_characters: bytes that a message
 * must not have, or loses, when it arrives: before header and body checks.
 */
#ifndef CLEANUP_CHARACTERS_H
#define CLEANUP_CHARACTERS_H

#include "lib/base/err.h"
#include "lib/base/view.h"

#include <stdbool.h>

enum { CHARACTER_REJECT = 1 << 0, CHARACTER_STRIP = 1 << 1 };

struct characters {
	unsigned char what[256]; /* enum above, by byte */
	bool is_any;
};

/* The values, in which \a \b \f \n \r \t \v \\ and \ddd (octal) stand for bytes;
 * those that end lines are left out.  ERR_PERM for another escape. */
struct err characters_learn(
    struct characters *c, struct view rejected, struct view stripped);

/*
 * Take out of content what is to be taken out: in place, `bytes` must be memory
 * of the caller's; returns what is left.  *bad is the rest of the line with the
 * first byte that is refused, from the beginning of this piece or line on;
 * left alone if there is none.
 */
struct view characters_take(
    const struct characters *c, struct view bytes, struct view *bad);

#endif
