/* What routing is done by, opened before the drop: see route.h. */
#include "lib/table/type.h"
#include "lib/table/words.h"
#include "rewrite/route.h"

static bool
parents_match(const struct conf *conf, const char *parameter)
{
	struct view rest = view_of(conf->parent_domain_matches_subdomains);
	struct view word;

	while (view_token(&rest, WORDS_SEPARATORS, &word))
		if (view_eq_case(word, view_of(parameter)))
			return true;
	return false;
}

/* Errors gather: the first is kept, and nothing is opened after it. */
struct opener {
	struct err e;
};

static void
open_match(struct opener *o, const char *parameter, const char *value,
    unsigned flags, struct match_list **list)
{
	*list = NULL;
	if (err_is(o->e))
		return;
	o->e = match_list_open(view_of(value), flags | MATCH_OPEN_LATER, list);
	if (err_is(o->e))
		o->e = err_within(o->e, "%s", parameter);
}

static void
open_tables(struct opener *o, const char *parameter, const char *value,
    struct table_list **list)
{
	*list = NULL;
	if (err_is(o->e))
		return;
	o->e = table_list_open(view_of(value), TABLE_OPEN_LATER, list);
	if (err_is(o->e))
		o->e = err_within(o->e, "%s", parameter);
}

struct err
router_init(struct router *r, const struct conf *conf)
{
	struct opener o = { ERR_OK };

	*r = (struct router){ .conf = conf };
	htable_init(&r->warned);
	own_init(&r->own, conf);
	r->transport_parents = parents_match(conf, "transport_maps");
	open_match(
	    &o, "mydestination", conf->mydestination, MATCH_WHOLE, &r->local);
	open_match(&o, "virtual_alias_domains", conf->virtual_alias_domains,
	    MATCH_WHOLE, &r->aliased);
	open_match(&o, "virtual_mailbox_domains", conf->virtual_mailbox_domains,
	    MATCH_WHOLE, &r->hosted);
	open_match(&o, "relay_domains", conf->relay_domains,
	    parents_match(conf, "relay_domains") ? MATCH_PARENTS : 0,
	    &r->relayed);
	open_tables(&o, "transport_maps", conf->transport_maps, &r->transports);
	open_tables(&o, "relocated_maps", conf->relocated_maps, &r->relocated);
	open_tables(&o, "sender_dependent_relayhost_maps",
	    conf->sender_dependent_relayhost_maps, &r->sender_relays);
	open_tables(&o, "sender_dependent_default_transport_maps",
	    conf->sender_dependent_default_transport_maps,
	    &r->sender_transports);
	if (err_is(o.e))
		router_clear(r);
	return o.e;
}

void
router_clear(struct router *r)
{
	match_list_close(r->local);
	match_list_close(r->aliased);
	match_list_close(r->hosted);
	match_list_close(r->relayed);
	table_list_close(r->transports);
	table_list_close(r->relocated);
	table_list_close(r->sender_relays);
	table_list_close(r->sender_transports);
	own_clear(&r->own);
	htable_clear(&r->warned, NULL);
	*r = (struct router){ .conf = NULL };
}

bool
router_has_changed(const struct router *r)
{
	return match_list_has_changed(r->local) ||
	    match_list_has_changed(r->aliased) ||
	    match_list_has_changed(r->hosted) ||
	    match_list_has_changed(r->relayed) ||
	    table_list_has_changed(r->transports) ||
	    table_list_has_changed(r->relocated) ||
	    table_list_has_changed(r->sender_relays) ||
	    table_list_has_changed(r->sender_transports);
}

/* A file of words may have a table among them: it is taken for one. */
static bool
value_may_wait(const char *value)
{
	struct view rest = view_of(value), word;

	while (words_next(&rest, &word)) {
		while (view_starts(word, VIEW("!")))
			word = view_skip(word, 1);
		if (view_starts(word, VIEW("/")) || table_spec_is_remote(word))
			return true;
	}
	return false;
}

bool
router_may_wait(const struct router *r)
{
	const struct conf *conf = r->conf;

	return value_may_wait(conf->mydestination) ||
	    value_may_wait(conf->virtual_alias_domains) ||
	    value_may_wait(conf->virtual_mailbox_domains) ||
	    value_may_wait(conf->relay_domains) ||
	    value_may_wait(conf->transport_maps) ||
	    value_may_wait(conf->relocated_maps) ||
	    value_may_wait(conf->srs_exclude_domains) ||
	    value_may_wait(conf->sender_dependent_relayhost_maps) ||
	    value_may_wait(conf->sender_dependent_default_transport_maps);
}

struct err
router_lists(struct match_list *list, const struct domain *d, bool *yes)
{
	struct err e = ERR_OK;

	*yes = false;
	for (size_t i = 0; !*yes && !err_is(e) && i < d->n; i++)
		e = match_list_matches(list, str_view(&d->forms[i]), yes);
	return e;
}

struct err
router_is_local(const struct router *r, const struct domain *d, bool *yes)
{
	struct err e = router_lists(r->local, d, yes);

	if (err_is(e))
		return err_within(e, "mydestination");
	*yes = *yes || own_has_literal(&r->own, str_view(&d->forms[0]));
	return e;
}
