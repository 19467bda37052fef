/*
 * What a server offers: the reply to EHLO or LHLO (RFC 5321 4.1.1.1).
 */
#ifndef SMTP_PEER_H
#define SMTP_PEER_H

#include "lib/mail/reply.h"

#include <stdbool.h>
#include <stdint.h>

enum peer_offer {
	PEER_PIPELINING = 1 << 0, /* RFC 2920 */
	PEER_SIZE = 1 << 1,	  /* RFC 1870 */
	PEER_8BITMIME = 1 << 2,	  /* RFC 6152 */
	PEER_SMTPUTF8 = 1 << 3,	  /* RFC 6531 */
	PEER_DSN = 1 << 4,	  /* RFC 3461 */
	PEER_CHUNKING = 1 << 5,	  /* RFC 3030 */
	PEER_STARTTLS = 1 << 6,	  /* RFC 3207 */
	PEER_AUTH = 1 << 7,	  /* RFC 4954 */
	PEER_XFORWARD = 1 << 8,
	PEER_ENHANCED = 1 << 9, /* RFC 2034 */
};

/* Attributes of XFORWARD that the server takes. */
enum peer_forward {
	PEER_FORWARD_NAME = 1 << 0,
	PEER_FORWARD_ADDR = 1 << 1,
	PEER_FORWARD_PROTO = 1 << 2,
	PEER_FORWARD_HELO = 1 << 3,
	PEER_FORWARD_IDENT = 1 << 4,
	PEER_FORWARD_SOURCE = 1 << 5,
};

struct peer {
	unsigned offers;   /* enum peer_offer */
	unsigned forwards; /* enum peer_forward */
	int64_t size_max;  /* 0: not said */
};

/* Read the reply; keywords of the list `discard` (case does not matter) are
 * passed over. */
void peer_read_hello(
    struct peer *p, const struct reply *r, struct view discard);
/* The name by which the server calls itself: the first word of a greeting's
 * or a hello's first line. */
struct view peer_name(const struct reply *r);

#endif
