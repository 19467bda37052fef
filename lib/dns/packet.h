/*
 * Reading a DNS message (RFC 1035 4.1).  Nothing here waits, allocates or
 * trusts: every length is checked against the packet, every name is bounded in
 * bytes and in pointers followed.  What is read borrows from the packet.
 *
 *	e = dns_packet_open(&p, bytes);
 *	e = dns_packet_next(&p, &rr, &more);   as long as more
 */
#ifndef DNS_PACKET_H
#define DNS_PACKET_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/dns/name.h"

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_TLSA = 52,
};

enum { DNS_CLASS_IN = 1 };

enum dns_rcode {
	DNS_RCODE_OK = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_REFUSED = 5,
};

enum dns_section {
	DNS_SECTION_ANSWER,
	DNS_SECTION_AUTHORITY,
	DNS_SECTION_ADDITIONAL,
};

/* A name as the packet has it. */
struct dns_name {
	char text[DNS_NAME_SIZE]; /* labels with dots between; "" is the root */
	size_t len;
	/* A label holds a dot, a space, a control or 8-bit character: the text
	 * is not the name, and equals none. */
	bool odd;
};

bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);
struct view dns_name_view(const struct dns_name *name);

struct dns_packet {
	struct view bytes;
	uint16_t id;
	bool is_answer, truncated, authentic;
	enum dns_rcode rcode;
	uint16_t left[3]; /* records not read yet, by enum dns_section */
	size_t at;
	uint16_t n_questions; /* passed over: the resolver compared them */
};

/* One record.  Which members are set depends on `type`; `rdata` always is. */
struct dns_rr {
	enum dns_section section;
	struct dns_name owner;
	uint16_t type, class;
	uint32_t ttl; /* seconds; RFC 2181 8: 0 if the top bit was set */
	struct view rdata;
	struct dns_addr addr;	/* A, AAAA */
	struct dns_name target; /* CNAME, PTR, NS, MX, SRV, mname of SOA */
	uint16_t preference;	/* MX; the priority of SRV */
	uint16_t weight, port;	/* SRV */
	uint32_t minimum;	/* SOA (RFC 2308 4) */
};

/* The header and the questions.  ERR_TEMP if the packet is malformed: it was
 * garbled, or the server is, and either may end. */
struct err dns_packet_open(struct dns_packet *p, struct view bytes);
/* The next record of any section; *more is false after the last.  ERR_TEMP if
 * it is malformed, rdata of the types above included. */
struct err dns_packet_next(struct dns_packet *p, struct dns_rr *rr, bool *more);

/* Append the strings of a TXT record without their bounds (RFC 7208 3.3 and
 * others join them).  The record was read by dns_packet_next. */
void dns_txt_join(const struct dns_rr *rr, struct str *out);

#endif
