/*
 * Lists of addresses as headers and sendmail's command line have them (RFC
 * 5322 3.4, with the obsolete forms and the usual mistakes).  An iterator that
 * says where each address stands, so that who rewrites replaces those bytes
 * and leaves names, comments, folds and encoded words as they are.  Takes time
 * linear in the text and no recursion, whatever is nested how deep.
 */
#ifndef MAIL_ADDRLIST_H
#define MAIL_ADDRLIST_H

#include "lib/base/str.h"

struct addrlist {
	struct view text;
	size_t at;
	size_t plain_end; /* inside an element without <>, where it ends */
	bool in_group;
};

enum addrlist_flags {
	ADDRLIST_ANGLE = 1 << 0, /* stood in <> */
	ADDRLIST_NULL = 1 << 1,	 /* <> with nothing in it */
	ADDRLIST_GROUP = 1 << 2, /* member of a group */
	/* Not usable as an address: control characters, longer than ADDR_MAX,
	 * nothing before or after the @, two of them.  Leave it as it is. */
	ADDRLIST_BAD = 1 << 3,
};

struct addrlist_item {
	struct view spec;   /* the address in the text, in <> its route too */
	struct view phrase; /* the name before <>, raw; may be empty */
	unsigned flags;	    /* enum addrlist_flags */
};

/* text is a header's body or an argument; folds may be in it. */
void addrlist_init(struct addrlist *l, struct view text);
/*
 * The next address; false at the end.  *internal is set to its internal form:
 * quotes, comments, folds and source route gone (it may be without domain).
 * Empty groups and empty elements yield nothing.  "a@x b@y" (comma forgotten)
 * yields both; words without any @ and <> yield one address of words joined
 * by a space.
 */
bool addrlist_next(
    struct addrlist *l, struct addrlist_item *item, struct str *internal);

#endif
