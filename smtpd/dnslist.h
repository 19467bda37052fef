/*
 * A DNS list as restrictions name it: "list.example",
 * "list.example=127.0.0.[2;4..10]".  Parsing and matching only; who asks is
 * restrictions_dnslist.c.
 */
#ifndef SMTPD_DNSLIST_H
#define SMTPD_DNSLIST_H

#include "lib/dns/name.h"

struct dnslist {
	char *text; /* as written: what rbl_reply_maps are asked for */
	char *domain;
	bool has_filter;
	/* Which numbers each of the four parts may be, a bit for each. */
	uint8_t parts[4][32];
};

/* NULL if it is none: no domain, or a filter that is not four parts, each a
 * number or numbers and ranges in brackets. */
struct dnslist *dnslist_parse(struct view text);
/* NULL is allowed. */
void dnslist_free(struct dnslist *l);
/* Does this answer (an IPv4 address) mean "listed"? */
bool dnslist_matches(const struct dnslist *l, const uint8_t addr[4]);
/* "4.3.2.1.list.example": what is asked about a client; about a name it is the
 * name and the domain. */
void dnslist_name_of_addr(
    const struct dnslist *l, const struct dns_addr *addr, struct str *name);
/* False if the name cannot be asked about. */
bool dnslist_name_of_name(
    const struct dnslist *l, struct view domain, struct str *name);

#endif
