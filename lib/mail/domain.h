/*
 * A domain in all the ways that a table may have it: as it was given in lower
 * case, and for internationalised names (RFC 5890) with A-labels (xn--...) and
 * with U-labels.
 */
#ifndef MAIL_DOMAIN_H
#define MAIL_DOMAIN_H

#include "lib/base/str.h"

#include <stdbool.h>

enum { DOMAIN_FORMS_MAX = 3, DOMAIN_LEN_MAX = 1024 };

struct domain {
	/* The first is the given one; no two are equal. */
	struct str forms[DOMAIN_FORMS_MAX];
	size_t n;
	size_t ascii; /* which form is all ASCII; else 0 */
};

/* In a fiber a name that is not plain ASCII is converted on a thread, which
 * the fiber waits for. */
void domain_init(struct domain *d, struct view name);
void domain_clear(struct domain *d);

/* The form that DNS knows, else the given one. */
struct view domain_ascii(const struct domain *d);

/* Is it one that can have mail: a host's name (RFC 5321 2.3.5, underscores
 * allowed) that is not all digits and dots, or an address literal? */
bool domain_is_valid(const struct domain *d);
/* The same of a name that is ASCII, in any case. */
bool domain_text_is_valid(struct view ascii);

#endif
