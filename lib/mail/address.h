/*
 * The full form of an address that was written short: "joe" becomes
 * joe@$myorigin, "joe@pc" joe@pc.$mydomain.  Also old ways to write a route:
 * "host!joe", "joe%host" without an @, "@a,@b:joe@c".
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "lib/base/str.h"
#include "lib/conf/conf.h"

enum address_context {
	ADDRESS_LOCAL,	/* $myorigin, $mydomain */
	ADDRESS_REMOTE, /* $remote_header_rewrite_domain; none if empty */
};

/* Longest address that is looked at; a longer one stays as it is. */
enum { ADDRESS_LEN_MAX = 4096 };

/* Set *out to the full form of this address, both in internal form.  The
 * empty one, and "@", are empty. */
void address_complete(const struct conf *conf, enum address_context context,
    struct view address, struct str *out);

/* Cut one dot at the end off ("example.org."), but not of ".." and "@.". */
void address_cut_dot(struct str *address);

#endif
