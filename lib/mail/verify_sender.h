/*
 * Who address probes come from.  With address_verify_sender_ttl the local part
 * ends in a number that changes with time, so that nobody else's mail to it is
 * taken for long.
 */
#ifndef MAIL_VERIFY_SENDER_H
#define MAIL_VERIFY_SENDER_H

#include "lib/base/str.h"
#include "lib/conf/conf.h"

#include <stdbool.h>

/* In internal form; "" is the null sender. */
void verify_sender_make(const struct conf *conf, int64_t now, struct str *out);
/* Is it one that probes have now, or had a moment ago? */
bool verify_sender_is(
    const struct conf *conf, int64_t now, struct view address);

#endif
