/*
 * Alias expansion: from one name to the set of addresses and mailboxes that
 * it stands for, nested aliases included, each once.
 */
#ifndef LOCAL_EXPAND_H
#define LOCAL_EXPAND_H

#include "lib/base/htable.h"
#include "lib/conf/conf.h"
#include "lib/table/match.h"
#include "lib/table/table.h"

/* Members and nested aliases of one expansion. */
enum { EXPAND_MAX = 100000 };

struct expand_site {
	const struct conf *conf;
	struct table_list *aliases;
	struct match_list *local_domains; /* mydestination */
};

struct expand_member {
	char *address;	 /* internal form, with domain */
	bool is_mailbox; /* the mailbox of the address' user, no more aliases */
	bool is_local;	 /* in our own domains, and no alias */
};

struct expansion {
	struct expand_member *members;
	size_t n, room;
	char *alias; /* the name that was found */
	/* The alias has what cannot be delivered yet: a command, a file, an
	 * include; or NULL. */
	const char *unsupported;
	struct htable seen;
	struct str *pending; /* right sides still to be read */
	size_t n_pending, n_seen;
};

/*
 * Look the local part (lower case) up, first whole, then without extension,
 * and expand.  *found is false if it is no alias.  ERR_TEMP: a table failed, or
 * it is too large.  The caller clears x, always.
 */
struct err expand_alias(const struct expand_site *site, struct view local,
    struct expansion *x, bool *found);
void expansion_clear(struct expansion *x);

/* The sender for mail to this alias: owner-NAME if there is such an alias; the
 * string stays as it is if there is none.  ERR_TEMP: a table failed. */
struct err expand_owner(
    const struct expand_site *site, const char *alias, struct str *sender);

/* Is the domain (or, if empty, $myorigin) our own? */
struct err expand_is_local(
    const struct expand_site *site, struct view domain, bool *yes);

#endif
