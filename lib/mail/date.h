/*
 * Dates as headers and mailboxes have them, English whatever the locale, local
 * time by TZ.  Safe in threads and fibers; the text of the last second asked
 * for is kept per thread.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "lib/base/view.h"

enum { DATE_SIZE = 64 };

/* "Sat, 21 Nov 2026 20:58:26 +0000 (UTC)" (RFC 5322 3.3; days below ten are
 * padded by a space, as Postfix has it).  wall is s since 1970, cut to years
 * 1970 to 9999.  Borrows from buffer. */
struct view date_format(int64_t wall, char buffer[static DATE_SIZE]);
/* "Sat Nov 21 20:58:26 2026", the form of ctime, no newline. */
struct view date_format_ctime(int64_t wall, char buffer[static DATE_SIZE]);
/* "20261121205826", UTC. */
struct view date_format_stamp(int64_t wall, char buffer[static DATE_SIZE]);

#endif
