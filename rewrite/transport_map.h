/*
 * transport(5): an address leads to "transport:nexthop", which replaces what
 * its class gives, wholly or in part.
 */
#ifndef REWRITE_TRANSPORT_MAP_H
#define REWRITE_TRANSPORT_MAP_H

#include "lib/mail/find.h"

/* Look the address up: whole, domain, parents, "*".  *value is the entry as it
 * stands in the table. */
struct err transport_map_find(struct find *f, struct table_list *list,
    bool parents_match_subdomains, struct str *value, bool *found);

/*
 * Apply an entry.  An empty transport keeps the transport, and the next hop
 * unless there is one; a transport without a next hop gets the default one:
 * the domain, or a text for error and retry.
 */
void transport_map_apply(struct view entry, struct view domain,
    struct str *transport, struct str *nexthop);

/* Split "transport:nexthop"; either may be empty. */
void transport_split(
    struct view entry, struct view *transport, struct view *nexthop);

#endif
