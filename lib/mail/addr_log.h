/*
 * Addresses in log lines.  An address may have a kilobyte, each byte of which
 * may become four, and a line is cut at LOG_LINE_MAX: what stands behind two
 * of them (status=, nrcpt=) must still be there.
 */
#ifndef MAIL_ADDR_LOG_H
#define MAIL_ADDR_LOG_H

#include "lib/base/str.h"

/* The longest that mail can have (RFC 5321 4.5.3.1: 64, 1, 255), and quotes. */
enum { ADDR_LOG_MAX = 350 };

/* Append it in external form and cleaned.  One that is longer than
 * ADDR_LOG_MAX is told by its beginning and its end, with "..." between. */
void addr_log_add(struct str *out, struct view internal);

#endif
