/* Classes of recipients: see rcpt_class.h. */
#include "smtpd/rcpt_class.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/trace.h"
#include "lib/mail/addr.h"
#include "lib/mail/find.h"
#include "lib/mail/srs.h"

#include <stdlib.h>

enum { CACHE_MAX = 4096, CACHE_TTL_MS = 5000, ROUTE_TIMEOUT = 100 };

/* --- the cache --- */

static void
route_free(struct rcpt_route *r)
{
	str_clear(&r->key);
	str_clear(&r->transport);
	str_clear(&r->nexthop);
	str_clear(&r->recipient);
	free(r);
}

void
rcpt_route_give(struct rcpt_route *r)
{
	if (r != NULL && --r->users == 0 && r->is_dead)
		route_free(r);
}

static void
cache_drop(struct rcpt_cache *c, struct rcpt_route *r)
{
	htable_remove(&c->entries, str_view(&r->key));
	list_remove(&r->node);
	c->n--;
	r->is_dead = true;
	if (r->users == 0)
		route_free(r);
}

void
rcpt_cache_clear(struct smtpd *smtpd)
{
	struct list *it;

	while ((it = list_first(&smtpd->cache.by_age)) != NULL)
		cache_drop(
		    &smtpd->cache, LIST_ITEM(it, struct rcpt_route, node));
	htable_clear(&smtpd->cache.entries, NULL);
}

static struct rcpt_route *
cache_find(struct smtpd *smtpd, struct view key)
{
	struct rcpt_cache *c = &smtpd->cache;
	struct rcpt_route *r;

	/* Its tables are new: so are its answers. */
	if (c->generation != smtpd->rewrite.generation) {
		rcpt_cache_clear(smtpd);
		c->generation = smtpd->rewrite.generation;
	}
	r = htable_find(&c->entries, key);
	if (r == NULL || r->until > clock_ms())
		return r;
	cache_drop(c, r);
	return NULL;
}

/* What nobody asks for again would stay until there is no room. */
static void
drop_old(struct rcpt_cache *c)
{
	int64_t now = clock_ms();
	struct list *it;

	while ((it = list_first(&c->by_age)) != NULL) {
		struct rcpt_route *r = LIST_ITEM(it, struct rcpt_route, node);

		if (r->until > now)
			break;
		cache_drop(c, r);
	}
}

static void
cache_add(struct rcpt_cache *c, struct rcpt_route *r)
{
	struct rcpt_route *old;

	drop_old(c);
	old = htable_find(&c->entries, str_view(&r->key));
	/* Another session may have asked the same meanwhile. */
	if (old != NULL)
		cache_drop(c, old);
	else if (c->n >= CACHE_MAX)
		cache_drop(c,
		    LIST_ITEM(list_first(&c->by_age), struct rcpt_route, node));
	r->until = deadline_in_ms(CACHE_TTL_MS);
	list_append(&c->by_age, &r->node);
	htable_set(&c->entries, str_view(&r->key), r);
	c->n++;
}

/* --- asking --- */

static int64_t
ask_deadline(const struct smtpd *smtpd)
{
	return deadline_in_shorter(ROUTE_TIMEOUT, smtpd->conf->ipc_timeout);
}

static struct err
ask(struct smtpd *smtpd, struct view sender, struct view address,
    struct rcpt_route *r)
{
	struct str full = STR_EMPTY;
	struct ipc_routed answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e =
	    completion_find(&smtpd->completion, "local", address, &full);
	struct ipc_route question = { sender, str_view(&full), 0, VIEW_EMPTY };

	if (!err_is(e))
		e = ipc_call(&smtpd->rewrite, IPC_OUT(route, &question),
		    IPC_IN(routed, &answer), &keep, ask_deadline(smtpd));
	if (!err_is(e) && answer.status != ERR_NONE &&
	    answer.status != ERR_PERM)
		e = err_make(ERR_TEMP, "%.*s", VIEW_ARGS(answer.text));
	if (!err_is(e) &&
	    (answer.address_class < IPC_CLASS_LOCAL ||
		answer.address_class > IPC_CLASS_DEFAULT))
		e = err_make(ERR_TEMP, "unknown class of address");
	if (!err_is(e) && !addr_is_sane(answer.recipient))
		e = err_make(ERR_TEMP, "rewrite: its answer is no address");
	if (!err_is(e)) {
		r->class = (enum ipc_class)answer.address_class;
		str_set(&r->transport, answer.transport);
		str_set(&r->nexthop, answer.nexthop);
		str_set(&r->recipient,
		    answer.recipient.len > 0 ? answer.recipient
					     : str_view(&full));
		TRACE("address", { "address", str_view(&r->recipient) },
		    { "class", ipc_class_name(r->class) },
		    { "transport", str_view(&r->transport) },
		    { "nexthop", str_view(&r->nexthop) });
	}
	ipc_keep_clear(&keep);
	str_clear(&full);
	if (err_is(e) && e.kind != ERR_TEMP)
		e.kind = ERR_TEMP;
	return e;
}

/* The sender counts only where transports depend on it. */
static void
make_key(const struct smtpd *smtpd, struct view sender, struct view address,
    struct str *key)
{
	const struct conf *conf = smtpd->conf;

	if (conf->sender_dependent_default_transport_maps[0] != '\0') {
		str_add(key, sender);
		str_add_byte(key, '\0');
	}
	str_add(key, address);
}

struct err
rcpt_route_take(struct smtpd *smtpd, struct view sender, struct view address,
    struct rcpt_route **out)
{
	struct str key = STR_EMPTY;
	struct rcpt_route *r;
	struct err e = ERR_OK;

	make_key(smtpd, sender, address, &key);
	r = cache_find(smtpd, str_view(&key));
	if (r == NULL) {
		r = xcalloc(1, sizeof(*r));
		str_init(&r->transport);
		str_init(&r->nexthop);
		str_init(&r->recipient);
		r->key = key;
		str_init(&key);
		list_init(&r->node);
		e = ask(smtpd, sender, address, r);
		if (err_is(e)) {
			route_free(r);
			*out = NULL;
			return e;
		}
		cache_add(&smtpd->cache, r);
	}
	str_clear(&key);
	r->users++;
	*out = r;
	return e;
}

/* --- recipients --- */

/* One address in one list of maps, whole, without extension, by its local
 * part if it is of this host, and by its domain. */
static struct err
find_in(struct smtpd *smtpd, struct table_list *list, struct view address,
    bool is_local, bool *found)
{
	struct view local = addr_local(address), user, extension;
	struct view domain = view_skip(address, local.len);
	struct str key = STR_EMPTY, value = STR_EMPTY;
	bool extended = addr_split_extension(local,
	    view_of(smtpd->conf->recipient_delimiter),
	    smtpd->conf->owner_request_special, &user, &extension);
	struct err e = ERR_OK;

	*found = false;
	if (table_list_is_empty(list))
		return e;
	/* The short keys first: they are those of users and aliases. */
	if (is_local)
		e = table_list_find(list, user, TABLE_FIXED, &value, found);
	if (!err_is(e) && !*found && is_local && extended)
		e = table_list_find(list, local, TABLE_FIXED, &value, found);
	if (!err_is(e) && !*found)
		e = table_list_find(list, address, TABLE_ALL, &value, found);
	if (!err_is(e) && !*found && extended) {
		str_set(&key, user);
		str_add(&key, domain);
		e = table_list_find(
		    list, str_view(&key), TABLE_FIXED, &value, found);
	}
	if (!err_is(e) && !*found && domain.len > 1)
		e = table_list_find(list, domain, TABLE_FIXED, &value, found);
	str_clear(&key);
	str_clear(&value);
	return e;
}

/* One of the maps by which cleanup makes another address of it. */
static struct err
find_mapped(struct smtpd *smtpd, struct table_list *list, struct view address,
    bool is_local, bool *found)
{
	struct view name = addr_domain(address);
	struct str value = STR_EMPTY;
	struct domain d;
	struct find f;
	struct err e;

	*found = false;
	if (table_list_is_empty(list))
		return ERR_OK;
	domain_init(&d, name);
	find_init(&f, smtpd->conf, address, name.len > 0 ? &d : NULL);
	e = find_address(&f, list, is_local, &value, found);
	if (!err_is(e) && *found && value.len == 0)
		e = err_make(ERR_TEMP,
		    "lookup of %.*s returns an empty string result",
		    VIEW_ARGS(address));
	domain_clear(&d);
	str_clear(&value);
	return e;
}

/* The maps that must know a recipient of this class; NULL if any is fine. */
static struct table_list *
maps_of(struct smtpd *smtpd, enum ipc_class class)
{
	switch (class) {
	case IPC_CLASS_LOCAL:
		return smtpd->maps.local;
	case IPC_CLASS_VIRTUAL_MAILBOX:
		return smtpd->maps.virtual_mailbox;
	case IPC_CLASS_RELAY:
		return smtpd->maps.relay;
	case IPC_CLASS_VIRTUAL_ALIAS:
	case IPC_CLASS_DEFAULT:
		break;
	}
	return NULL;
}

/* A sender of ours that mail comes back to: rewrite says whether we made it. */
static struct err
find_srs(struct smtpd *smtpd, struct view address, bool *known)
{
	struct ipc_srs_ask ask = { address };
	struct ipc_srs_told answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call(&smtpd->rewrite, IPC_OUT(srs_ask, &ask),
	    IPC_IN(srs_told, &answer), &keep, ask_deadline(smtpd));

	if (!err_is(e) && answer.status != ERR_NONE &&
	    answer.status != ERR_PERM)
		e = err_make(ERR_TEMP, "%.*s", VIEW_ARGS(answer.text));
	*known = !err_is(e) && answer.status == ERR_NONE;
	if (err_is(e) && e.kind != ERR_TEMP)
		e.kind = ERR_TEMP;
	ipc_keep_clear(&keep);
	return e;
}

static bool
leads_nowhere(const struct rcpt_route *r)
{
	return view_eq(str_view(&r->transport), VIEW("error")) ||
	    view_eq(str_view(&r->transport), VIEW("retry"));
}

static struct err
look_up(struct smtpd *smtpd, const struct rcpt_route *r, bool is_sender,
    bool *known)
{
	struct table_list *aliases[] = { smtpd->maps.recipient_canonical,
		is_sender ? smtpd->maps.sender_canonical : NULL,
		smtpd->maps.canonical, smtpd->maps.virtual_alias };
	struct table_list *own = maps_of(smtpd, r->class);
	struct view address = str_view(&r->recipient);
	bool is_local = r->class == IPC_CLASS_LOCAL ||
	    view_eq_case(addr_domain(address), view_of(smtpd->conf->myorigin));
	struct err e = ERR_OK;

	*known = false;
	if (srs_looks_ours(smtpd->conf, address))
		return find_srs(smtpd, address, known);
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		e = find_mapped(smtpd, aliases[i], address, is_local, known);
		if (err_is(e) || *known)
			return e;
	}
	if (leads_nowhere(r) || r->class == IPC_CLASS_VIRTUAL_ALIAS)
		return e;
	if (table_list_is_empty(own)) {
		*known = true;
		return e;
	}
	return find_in(smtpd, own, address, r->class == IPC_CLASS_LOCAL, known);
}

struct err
rcpt_is_known(
    struct smtpd *smtpd, struct rcpt_route *r, bool is_sender, bool *known)
{
	struct err e = ERR_OK;

	if (is_sender && !table_list_is_empty(smtpd->maps.sender_canonical))
		return look_up(smtpd, r, true, known);

	if (r->known == RCPT_NOT_ASKED) {
		e = look_up(smtpd, r, false, known);
		if (err_is(e))
			return e;
		r->known = *known ? RCPT_KNOWN : RCPT_UNKNOWN;
	}
	*known = r->known == RCPT_KNOWN;
	return e;
}

bool
rcpt_is_authorised(const struct rcpt_route *r)
{
	return r->class != IPC_CLASS_DEFAULT;
}

bool
rcpt_has_route(const struct smtpd *smtpd, struct view address)
{
	const struct conf *conf = smtpd->conf;
	struct view local = addr_local(address);

	return view_find(local, '@') != VIEW_NPOS ||
	    (conf->allow_percent_hack && view_find(local, '%') != VIEW_NPOS) ||
	    (conf->swap_bangpath && view_find(local, '!') != VIEW_NPOS);
}
