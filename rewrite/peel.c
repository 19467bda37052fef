/* Peeling local domains off: see peel.h. */
#include "rewrite/peel.h"

#include "lib/mail/addr.h"
#include "lib/mail/address.h"

/* Each round takes at least one operator away. */
enum { PEEL_ROUNDS_MAX = 100 };

struct peeling {
	const struct router *r;
	struct str ours; /* the last local domain, with its @ */
	bool is_local, is_routed, again;
};

static struct err
is_local_name(const struct router *r, struct view name, bool *yes)
{
	struct domain d;
	struct err e;

	if (name.len > 1 && view_ends(name, VIEW(".")))
		name.len--;
	domain_init(&d, name);
	e = router_is_local(r, &d, yes);
	domain_clear(&d);
	return e;
}

/* Has the local part operators that are to be looked at?  The internal form
 * has lost its quotes: with resolve_dequoted_address = no, one that needs
 * quotes has none. */
static bool
has_route(const struct conf *conf, struct view local)
{
	struct str external = STR_EMPTY;
	bool quoted = false;

	if (!conf->resolve_dequoted_address) {
		addr_to_external(&external, local);
		quoted = view_starts(str_view(&external), VIEW("\"")) ||
		    view_find(local, '@') != VIEW_NPOS;
		str_clear(&external);
	}
	return !quoted &&
	    (view_find(local, '@') != VIEW_NPOS ||
		(conf->swap_bangpath && view_find(local, '!') != VIEW_NPOS) ||
		(conf->allow_percent_hack &&
		    view_find(local, '%') != VIEW_NPOS));
}

/* Take one local domain off, into p->ours with its @; or find that it is not
 * ours. */
static struct err
peel_domain(struct peeling *p, struct str *address)
{
	size_t at;
	struct err e;

	p->is_local = true;
	address_cut_dot(address);
	if (p->r->conf->resolve_null_domain &&
	    view_ends(str_view(address), VIEW("@")))
		str_cut(address, address->len - 1);
	at = view_find_last(str_view(address), '@');
	if (at == VIEW_NPOS)
		return ERR_OK;
	/* "user@" has no domain to look at. */
	if (at + 1 < address->len) {
		e = is_local_name(
		    p->r, view_skip(str_view(address), at + 1), &p->is_local);
		if (err_is(e) || !p->is_local)
			return e;
	}
	str_set(&p->ours, view_skip(str_view(address), at));
	str_cut(address, at);
	return ERR_OK;
}

/* One round.  *again if there is more to peel. */
static struct err
peel_once(struct peeling *p, struct str *address)
{
	const struct conf *conf = p->r->conf;
	struct str next = STR_EMPTY;
	struct err e = peel_domain(p, address);

	p->again = false;
	if (err_is(e) || !p->is_local)
		return e;
	if (address->len == 0) {
		str_set(address, view_of(conf->empty_address_recipient));
		p->again = view_find(str_view(address), '@') != VIEW_NPOS;
	} else if (has_route(conf, str_view(address))) {
		address_complete(conf, ADDRESS_LOCAL, str_view(address), &next);
		str_set(address, str_view(&next));
		p->is_routed = p->again = true;
	}
	str_clear(&next);
	return ERR_OK;
}

/* A route behind a foreign domain is not followed, but whoever asks must know:
 * the other side may follow it. */
static bool
has_foreign_route(struct view address)
{
	return view_find_any(addr_local(address), "@!%") != VIEW_NPOS;
}

struct err
peel_address(const struct router *r, struct str *address, bool *is_local,
    bool *is_routed)
{
	struct peeling p = { .r = r, .ours = STR_EMPTY, .again = true };
	struct err e = ERR_OK;

	for (int i = 0; p.again && !err_is(e); i++) {
		if (i == PEEL_ROUNDS_MAX)
			e = err_make(ERR_PERM, PEEL_BAD_ADDRESS);
		else
			e = peel_once(&p, address);
	}
	if (p.is_local && p.ours.len > 0)
		str_add(address, str_view(&p.ours));
	else if (p.is_local)
		str_addf(address, "@%s", r->conf->myhostname);
	*is_local = p.is_local;
	*is_routed = p.is_routed ||
	    (!p.is_local && has_foreign_route(str_view(address)));
	str_clear(&p.ours);
	return e;
}
