/*
 * The $names in texts that the configuration has for clients: replies of DNS
 * lists, footers.
 */
#ifndef SMTPD_MACROS_H
#define SMTPD_MACROS_H

#include "smtpd/session.h"

/* Values that had to be made; they stay where they are.  Zero is empty. */
struct macro_memory {
	char **texts;
	size_t n;
};

void macro_memory_clear(struct macro_memory *memory);

/*
 * The value of a name such as client_address or sender_domain.  `recipient` is
 * empty if there is none.  The value borrows from the session or from
 * *memory.  False: there is no such name.
 */
bool macro_find(const struct session *s, struct view recipient,
    struct view name, struct macro_memory *memory, struct view *value);

#endif
