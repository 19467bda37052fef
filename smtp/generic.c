/* Addresses that are valid elsewhere: see generic.h. */
#include "smtp/generic.h"

#include "lib/base/log.h"
#include "lib/mail/addr.h"
#include "lib/mail/address.h"
#include "lib/mail/header_addresses.h"

/* What is looked at of a header; cleanup has bounded each line of it. */
enum { HEAD_MAX = 1 << 20 };

struct err
generic_open(struct settings *set, const struct conf *conf, bool is_lmtp)
{
	struct err e = addr_map_open(&set->generic, conf,
	    is_lmtp ? "lmtp_generic_maps" : "smtp_generic_maps",
	    is_lmtp ? conf->lmtp_generic_maps : conf->smtp_generic_maps,
	    "generic");

	set->site = (struct addr_site){ .conf = conf };
	if (err_is(e) || !generic_is_on(set))
		return e;
	return addr_site_open(&set->site, conf);
}

void
generic_close(struct settings *set)
{
	addr_map_close(&set->generic);
	if (set->site.conf != NULL)
		addr_site_close(&set->site);
}

bool
generic_has_changed(const struct settings *set)
{
	return addr_map_has_changed(&set->generic) ||
	    addr_site_has_changed(&set->site);
}

/* Once: what it becomes is not looked for again. */
static struct err
map_address(
    const struct settings *set, struct view address, struct str *after)
{
	struct str one = STR_EMPTY;
	struct addr_hit hit;
	bool found;
	struct err e =
	    addr_map_find(&set->generic, &set->site, address, &hit, &found);

	str_set(after, address);
	if (!err_is(e) && found && addr_hit_next(&hit, &one)) {
		address_complete(
		    set->site.conf, ADDRESS_LOCAL, str_view(&one), after);
		addr_add_extension(after, str_view(&hit.extension));
		if (addr_hit_next(&hit, &one))
			log_warn("multi-valued %s entry for %.*s",
			    set->generic.name, VIEW_ARGS(address));
		if (!addr_is_sane(str_view(after))) {
			log_warn("%s entry for %.*s is no address",
			    set->generic.name, VIEW_ARGS(address));
			str_set(after, address);
		}
	}
	addr_hit_clear(&hit);
	str_clear(&one);
	return e;
}

struct err
generic_map_envelope(struct delivery *d)
{
	struct err e;

	if (!generic_is_on(d->set))
		return ERR_OK;
	e = map_address(d->set, d->ask.sender, &d->mapped_sender);
	d->sender = str_view(&d->mapped_sender);
	for (size_t i = 0; i < d->n_rcpts && !err_is(e); i++) {
		struct rcpt *r = &d->rcpts[i];

		e = map_address(d->set, r->ask.address, &r->mapped);
		r->address = str_view(&r->mapped);
	}
	return e;
}

/* --- the header --- */

void
generic_header_init(struct generic_header *g, const struct settings *set)
{
	*g = (struct generic_header){ .set = set,
		.head = STR_EMPTY,
		.is_done = !generic_is_on(set) };
	header_scan_init(&g->scan);
}

void
generic_header_clear(struct generic_header *g)
{
	str_clear(&g->head);
}

static struct err
become(void *arg, struct view address, struct str *after)
{
	return map_address(arg, address, after);
}

static struct err
put_field(struct generic_header *g, const struct header *h, struct str *out)
{
	bool changed = false;
	struct err e = ERR_OK;

	if ((h->flags & (HEADER_SENDER_ADDR | HEADER_RCPT_ADDR)) != 0)
		e = header_rewrite_addresses(
		    h, HEADER_TOKENS_ALL, become, (void *)(uintptr_t)g->set,
		    out, &changed);
	if (!changed)
		str_add(out, h->text);
	return e;
}

/* All that was kept.  A last field that may go on beyond it stays as it is. */
static struct err
put_head(struct generic_header *g, bool is_whole, struct str *out)
{
	struct view head = str_view(&g->head);
	struct header_iter it;
	enum header_what what;
	struct header h;
	struct err e = ERR_OK;

	g->is_done = true;
	header_iter_init(&it, head);
	for (;;) {
		what = header_next(&it, &h);
		if (what != HEADER_FIELD && what != HEADER_FROM_LINE)
			break;
		if (what == HEADER_FROM_LINE ||
		    (!is_whole && h.offset + h.text.len == head.len))
			str_add(out, h.text);
		else
			e = put_field(g, &h, out);
		if (err_is(e))
			return e;
	}
	str_add(out, view_skip(head, h.offset));
	str_clear(&g->head);
	return e;
}

struct err
generic_header_feed(
    struct generic_header *g, struct view piece, struct str *out)
{
	bool is_whole;

	if (g->is_done) {
		str_add(out, piece);
		return ERR_OK;
	}
	is_whole = header_scan_feed(&g->scan, piece);
	str_add(&g->head, piece);
	if (!is_whole && g->head.len < HEAD_MAX)
		return ERR_OK;
	return put_head(g, is_whole, out);
}

struct err
generic_header_finish(struct generic_header *g, struct str *out)
{
	return g->is_done ? ERR_OK : put_head(g, true, out);
}
