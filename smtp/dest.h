/*
 * Next hops as configuration and transport maps write them:
 *
 *	host  host:port  [host]  [host]:port  [1.2.3.4]:port  [IPv6:::1]:port
 *	inet:any-of-these  unix:path
 *
 * and lists of them with commas or white space between, tried in this order.
 */
#ifndef SMTP_DEST_H
#define SMTP_DEST_H

#include "lib/base/err.h"
#include "lib/base/view.h"
#include "smtp/settings.h"

enum { DEST_NAME_MAX = 255, DEST_PATH_MAX = 1024 };

struct dest {
	bool is_unix;
	bool no_mx;	 /* [ ] around it, an address, LMTP, no DNS */
	bool is_address; /* the host is an IP address */
	bool is_default_port;
	/* Host, address or path; a string. */
	char name[DEST_PATH_MAX];
	uint16_t port;
};

/* Cut the next one off a list.  False at the end.  ERR_PERM in *e if it makes
 * no sense; the text says which and why. */
bool dest_next(
    const struct settings *s, struct view *list, struct dest *d, struct err *e);
/* One next hop. */
struct err dest_parse(
    const struct settings *s, struct view text, struct dest *d);

#endif
