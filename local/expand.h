/*
 * Alias expansion: from one name to the set of addresses and mailboxes that
 * it stands for, nested aliases included, each once.
 */
#ifndef LOCAL_EXPAND_H
#define LOCAL_EXPAND_H

#include "lib/base/hset.h"
#include "lib/conf/conf.h"
#include "lib/table/match.h"
#include "lib/table/table.h"

enum {
	/* Members and nested aliases of one expansion. */
	EXPAND_MAX = 2000000,
	/* Mailboxes among them, which stay in memory. */
	EXPAND_MAILBOXES_MAX = 100000,
	/* How many others are gathered before they are handed on. */
	EXPAND_HELD = 1000,
};

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

struct expansion;

/* Takes the members of a large expansion that are no mailboxes, while it goes
 * on; they are forgotten then.  An error ends it.  May wait. */
typedef struct err expand_take_fn(void *arg, struct expansion *x);

struct expansion {
	/* Those that were not handed on. */
	struct expand_member *members;
	size_t n, room, n_mailboxes;
	size_t n_taken; /* those that were */
	expand_take_fn *take;
	void *arg;
	size_t most, most_mailboxes; /* EXPAND_MAX, EXPAND_MAILBOXES_MAX */
	char *alias; /* the name that was found */
	/* The alias has what cannot be delivered yet: a command, a file, an
	 * include; or NULL. */
	const char *unsupported;
	struct hset seen;
	struct str pending; /* aliases that are still to be read, each ended
			     * by NUL */
};

/*
 * Look the local part (lower case) up, first whole, then without extension,
 * and expand.  *found is false if it is no alias.  ERR_TEMP: a table failed, or
 * it is too large.  The caller has called expansion_init, and clears x, always.
 * In memory are the right side that is read, 28 bytes for each member, and what
 * is not handed on.  Lets other fibers run now and then.
 */
struct err expand_alias(const struct expand_site *site, struct view local,
    struct expansion *x, bool *found);
/* Without `take` (NULL) all members stay. */
void expansion_init(struct expansion *x, expand_take_fn *take, void *arg);
void expansion_clear(struct expansion *x);

/* The sender for mail to this alias: owner-NAME if there is such an alias; the
 * string stays as it is if there is none.  ERR_TEMP: a table failed. */
struct err expand_owner(
    const struct expand_site *site, const char *alias, struct str *sender);

/* Is the domain (or, if empty, $myorigin) our own? */
struct err expand_is_local(
    const struct expand_site *site, struct view domain, bool *yes);

#endif
