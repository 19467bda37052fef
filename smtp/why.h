/*
 * Why something did not work, in the words that the log and a report will
 * have: an enhanced status code and a text.
 */
#ifndef SMTP_WHY_H
#define SMTP_WHY_H

#include "lib/base/str.h"
#include "lib/mail/dsn.h"

#include <stdbool.h>

enum { WHY_TEXT_MAX = 2000 };

struct why {
	struct dsn_status status; /* class 4: try again; 5: for good; 0: none */
	struct str text;
	bool is_remote; /* the other side said it */
	bool is_logged; /* as a line of its own */
};

#define WHY_EMPTY ((struct why){ .text = STR_EMPTY })

void why_clear(struct why *w);
/* Replace what was there; a text over WHY_TEXT_MAX is cut. */
void why_set(struct why *w, struct dsn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void why_copy(struct why *to, const struct why *from);

static inline bool
why_is_set(const struct why *w)
{
	return w->status.class != 0;
}

#endif
