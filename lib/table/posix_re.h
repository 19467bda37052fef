/*
 * POSIX regular expressions (IEEE Std 1003.1, XBD 9) in the syntax of PCRE2,
 * with which regexp: tables are matched: a matcher whose time, depth and
 * memory can be limited.  What matches is the same; where several ways to
 * match exist, the first and not the longest decides what $1 is.
 */
#ifndef TABLE_POSIX_RE_H
#define TABLE_POSIX_RE_H

#include "lib/base/err.h"
#include "lib/base/str.h"

/* Append the pattern to out.  extended: egrep's syntax, else grep's; newline:
 * "[^a]" does not match a newline.  ERR_PERM for bad syntax. */
struct err posix_re_translate(
    struct view pattern, bool extended, bool newline, struct str *out);

#endif
