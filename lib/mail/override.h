/*
 * receive_override_options: steps that are left out for mail that a service
 * takes, since another one does them, or did.
 */
#ifndef MAIL_OVERRIDE_H
#define MAIL_OVERRIDE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct override {
	bool no_unknown_recipient_checks; /* for smtpd itself */
	bool no_milters;
	int64_t flags; /* for cleanup: of enum submit_flags */
};

/* ERR_PERM, and the text names it, for an unknown word. */
struct err override_parse(const char *value, struct override *o);

#endif
