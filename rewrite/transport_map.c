/* transport(5): see transport_map.h. */
#include "rewrite/transport_map.h"

struct err
transport_map_find(struct find *f, struct table_list *list,
    bool parents_match_subdomains, struct str *value, bool *found)
{
	struct err e;

	*found = false;
	if (table_list_is_empty(list))
		return ERR_OK;
	e = find_whole(f, list, value, found);
	if (!err_is(e) && !*found)
		e = find_domains(
		    f, list, parents_match_subdomains, value, found);
	if (!err_is(e) && !*found)
		e = table_list_find(list, VIEW("*"), TABLE_FIXED, value, found);
	return e;
}

void
transport_split(struct view entry, struct view *transport, struct view *nexthop)
{
	size_t colon = view_find(entry, ':');

	*transport = view_trim(view_first(entry, colon));
	*nexthop = colon == VIEW_NPOS ? VIEW_EMPTY
				      : view_trim(view_skip(entry, colon + 1));
}

void
transport_map_apply(struct view entry, struct view domain,
    struct str *transport, struct str *nexthop)
{
	struct view channel, host;

	transport_split(entry, &channel, &host);
	if (channel.len > 0)
		str_set(transport, channel);
	if (host.len > 0)
		str_set(nexthop, host);
	else if (channel.len == 0)
		return;
	else if (view_eq(channel, VIEW("error")) ||
	    view_eq(channel, VIEW("retry")))
		str_set(nexthop, VIEW("Address is undeliverable"));
	else
		str_set(nexthop, domain);
}
