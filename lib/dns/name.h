/*
 * Names of the DNS as text: valid or not, reverse names of addresses.  A name
 * has no dot at its end here, and is at most DNS_NAME_MAX bytes.
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include "lib/base/str.h"
#include "lib/base/view.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* RFC 1035 2.3.4: 255 bytes on the wire are 253 of text. */
enum { DNS_NAME_MAX = 253, DNS_LABEL_MAX = 63, DNS_NAME_SIZE = 256 };

/*
 * A name that may be asked for or told on: letters, digits, hyphens and
 * underscores in labels of 1 to 63 bytes that do not begin or end with a
 * hyphen.  A dot at the end is allowed, text of any other kind is not: no
 * escapes, no spaces, nothing above 127.
 */
bool dns_name_is_valid(struct view name);
/* The same, and some label is not all digits, so that nobody takes it for an
 * address. */
bool dns_hostname_is_valid(struct view name);
/* Without the dot at the end. */
struct view dns_name_bare(struct view name);

/* An IPv4 or IPv6 address. */
struct dns_addr {
	int family;	   /* AF_INET or AF_INET6 */
	uint8_t bytes[16]; /* the first 4 for AF_INET; network order */
};

/* "192.0.2.1", "2001:db8::1"; no brackets, no scope.  False if it is none. */
bool dns_addr_parse(struct view text, struct dns_addr *addr);
/* IPv4 addresses mapped into IPv6 become IPv4. False for other families. */
bool dns_addr_of_sockaddr(const struct sockaddr *sa, struct dns_addr *addr);
/* Returns the length used of *ss.  The port is in host order. */
socklen_t dns_addr_to_sockaddr(
    const struct dns_addr *addr, uint16_t port, struct sockaddr_storage *ss);
bool dns_addr_eq(const struct dns_addr *a, const struct dns_addr *b);
size_t dns_addr_len(const struct dns_addr *addr);

enum { DNS_ADDR_TEXT_SIZE = 46, DNS_REVERSE_SIZE = 74 };

void dns_addr_text(const struct dns_addr *addr, char text[DNS_ADDR_TEXT_SIZE]);
/* "1.2.0.192.in-addr.arpa" (RFC 1035 3.5), nibbles under ip6.arpa (RFC 3596
 * 2.5). */
void dns_reverse_name(const struct dns_addr *addr, char name[DNS_REVERSE_SIZE]);

#endif
