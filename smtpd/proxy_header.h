/*
 * The header with which a proxy in front of us begins a connection that it
 * passes on: haproxy's PROXY protocol, versions 1 (a line) and 2 (binary).
 */
#ifndef SMTPD_PROXY_HEADER_H
#define SMTPD_PROXY_HEADER_H

#include "lib/base/view.h"
#include "lib/dns/name.h"

/* The most that a header has: additions of version 2 (names and certificates
 * of TLS) are small in what is in use.  Postfix takes 536 bytes of either. */
enum { PROXY_LINE_MAX = 536, PROXY_HEADER_MAX = 4096 };

struct proxy_end {
	struct dns_addr addr;
	uint16_t port;
};

struct proxy_header {
	size_t len; /* bytes to consume */
	/* The proxy speaks for itself (LOCAL), or does not know for whom
	 * (UNKNOWN): the ends are those of the connection. */
	bool is_local;
	struct proxy_end client, server;
};

enum proxy_verdict {
	PROXY_DONE,
	PROXY_MORE, /* so far it is the beginning of a header */
	PROXY_BAD,
};

/*
 * Look at what has come.  With `is_all` nothing more will: it is not "more".
 * PROXY_MORE never comes for PROXY_HEADER_MAX bytes.  If bad, *why is a text
 * that lives for ever.
 */
enum proxy_verdict proxy_header_parse(
    struct view bytes, bool is_all, struct proxy_header *h, const char **why);

#endif
