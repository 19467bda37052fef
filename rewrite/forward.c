/* Mail that is sent on: see forward.h. */
#include "rewrite/forward.h"

#include "lib/mail/addr.h"
#include "lib/mail/address.h"

/* Is the domain one whose mail ends, or is turned, here? */
static struct err
is_ours(const struct router *r, struct view name, bool relayed_too, bool *yes)
{
	struct match_list *lists[] = { r->aliased, r->hosted,
		relayed_too ? r->relayed : NULL };
	struct domain d;
	struct err e;

	domain_init(&d, name);
	e = router_is_local(r, &d, yes);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (!err_is(e) && !*yes && lists[i] != NULL)
			e = router_lists(lists[i], &d, yes);
	domain_clear(&d);
	return e;
}

struct err
forward_sender(const struct router *r, const struct srs *srs,
    const struct route *route, struct view sender, struct view original,
    int64_t now, struct str *out)
{
	struct str full = STR_EMPTY;
	bool ours = false, was_ours = false, rewritten = false;
	struct err e = ERR_OK;

	str_reset(out);
	if (!srs_is_on(srs) || route->class != IPC_CLASS_DEFAULT ||
	    original.len == 0 || sender.len == 0)
		return e;
	address_complete(r->conf, ADDRESS_LOCAL, original, &full);
	e = is_ours(r, addr_domain(str_view(&full)), true, &was_ours);
	if (!err_is(e) && was_ours)
		e = is_ours(r, addr_domain(sender), false, &ours);
	if (!err_is(e) && was_ours && !ours)
		e = srs_forward(srs, sender, now, out, &rewritten);
	if (!rewritten)
		str_reset(out);
	str_clear(&full);
	return e;
}
