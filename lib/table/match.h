/*
 * Match lists: parameter values such as mydestination, relay_domains or
 * mynetworks.  Words are separated by commas or white space, braces group:
 *
 *	name		the name itself, letters in any case
 *	.name		every name below it
 *	10.0.0.0/8, [2001:db8::]/32, 192.0.2.1, [::1]
 *			networks and addresses (match_list_matches_addr)
 *	/file/name	the words in that file, as if they stood here
 *	type:table	the name is a key of the table, whatever the value
 *	!word		stops the search: what matches the word is not matched
 *
 * The first word that matches decides.  A table that fails is an error, never
 * "no".
 */
#ifndef TABLE_MATCH_H
#define TABLE_MATCH_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/table/net.h"

#include <stdbool.h>

struct match_list;

/* Whom match_list_has_client looks for: borrows name and address. */
struct match_client {
	struct view name;    /* in lower case */
	struct str folded;   /* holds it, if it was not */
	struct view address; /* as text, without brackets */
	struct net net;	     /* family 0: that is no address */
};

enum {
	/* "example.org" matches "a.example.org" too: for parameters that
	 * parent_domain_matches_subdomains lists.  Tables are then asked for
	 * "a.example.org", "example.org", "org"; without the flag for
	 * "a.example.org", ".example.org", ".org". */
	MATCH_PARENTS = 1 << 0,
	/* Names are strings, not domains: no ".name", no networks, and tables
	 * are asked for the name alone. */
	MATCH_WHOLE = 1 << 1,
	/* As TABLE_OPEN_LATER: a file or table that cannot be opened makes
	 * each question that comes to it ERR_TEMP. */
	MATCH_OPEN_LATER = 1 << 2,
};

/*
 * Parse a value ($names already expanded).  Files are read and tables opened
 * now, before privileges go.  ERR_PERM for a word that cannot be (a network
 * with host bits set, an unknown table type); ERR_TEMP for a file that cannot
 * be read.
 */
struct err match_list_open(
    struct view value, unsigned flags, struct match_list **out);

/* Is the name (a domain, a user, a string) on the list?  A name that is an
 * address is matched by network words too.  ERR_TEMP if a table failed.  NULL
 * is an empty list. */
struct err match_list_matches(
    struct match_list *l, struct view name, bool *yes);

/*
 * Is this client on the list, by name ("unknown" or empty if it has none) or
 * by address ("192.0.2.1", "2001:db8::1", brackets and an "IPv6:" allowed)?
 * For each word first the name, then the address, as namadr_list does.
 * Tables are asked for the name, its parents, and the address.
 */
struct err match_list_matches_client(
    struct match_list *l, struct view name, struct view address, bool *yes);
/* The same for several lists: name and address are made ready once. */
void match_client_init(
    struct match_client *c, struct view name, struct view address);
void match_client_clear(struct match_client *c);
struct err match_list_has_client(
    struct match_list *l, const struct match_client *c, bool *yes);
/* By address alone. */
struct err match_list_matches_addr(
    struct match_list *l, struct view address, bool *yes);

/* NULL is allowed. */
void match_list_close(struct match_list *l);
bool match_list_is_empty(const struct match_list *l);
/* Any file or table in it: as table_has_changed, table_was_replaced. */
bool match_list_has_changed(const struct match_list *l);
bool match_list_was_replaced(const struct match_list *l);

#endif
