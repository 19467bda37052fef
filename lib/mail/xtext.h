/*
 * xtext (RFC 3461 section 4): printable ASCII as it is, but for '+' and '=',
 * anything else as +XX.  Used by ENVID, ORCPT, AUTH, XCLIENT and XFORWARD.
 */
#ifndef MAIL_XTEXT_H
#define MAIL_XTEXT_H

#include "lib/base/str.h"

enum xtext_flags {
	XTEXT_UTF8 = 1 << 0, /* UTF-8 may stand in it uncoded and coded */
};

/* Append v coded; bytes above 127 stay as they are with XTEXT_UTF8. */
void xtext_encode(struct str *out, struct view v, unsigned flags);
/*
 * Append v decoded.  False, with nothing appended, if it is not xtext or hides
 * what could break a line or a record: NUL, any other control character, or
 * bytes above 127 that are not allowed UTF-8.
 */
bool xtext_decode(struct str *out, struct view v, unsigned flags);
/* Whether xtext_decode would succeed; allocates nothing. */
bool xtext_is_valid(struct view v, unsigned flags);

#endif
