/*
 * Where recipients go: `rewrite` is asked, and its answers are kept for some
 * seconds, since mail comes in bursts to the same places.
 */
#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <stdlib.h>
#include <string.h>

enum { ROUTE_TIMEOUT = 100, CACHE_MAX = 20000, CACHE_MS = 5000,
	CACHE_CLEAR_MS = 60000,
	TRANSPORT_NAME_MAX = 64 };

struct route {
	int64_t until;
	int64_t status;
	char *transport, *nexthop, *recipient, *text;
	char *sender; /* to send on with; or empty */
};

static struct htable cache;
static int64_t cache_generation, cache_cleared_at;

static void
route_free(void *p)
{
	struct route *r = p;

	free(r->transport);
	free(r->nexthop);
	free(r->recipient);
	free(r->text);
	free(r->sender);
	free(r);
}

/* What the recipient was before aliases, where that matters: mail that is sent
 * on may get another sender. */
static struct view
original_of(const struct message *m, const struct rcpt *r)
{
	struct view original = view_of(r->original);

	if (qmgr.conf->srs_domain[0] == '\0' || m->sender[0] == '\0' ||
	    (m->flags & SUBMIT_VERIFY) != 0 ||
	    addr_eq(original, view_of(r->address)))
		return VIEW_EMPTY;
	return original;
}

/* FILTER, content_filter: all of it goes there, but for what only asks. */
static bool
has_filter(const struct message *m)
{
	return m->filter != NULL && m->filter[0] != '\0' &&
	    (m->flags & SUBMIT_PROBE) == 0;
}

/* The answer may depend on the sender. */
static void
make_key(struct str *key, const struct message *m, const struct rcpt *r)
{
	const struct conf *conf = qmgr.conf;
	struct view original = original_of(m, r);

	str_set(key, view_of(r->address));
	if ((m->flags & SUBMIT_VERIFY) != 0)
		str_add_text(key, " probe");
	if (original.len > 0) {
		str_add_byte(key, '\0');
		str_add(key, original);
	}
	if (original.len > 0 ||
	    conf->sender_dependent_relayhost_maps[0] != '\0' ||
	    conf->sender_dependent_default_transport_maps[0] != '\0') {
		str_add_byte(key, '\0');
		str_add_text(key, m->sender);
	}
	if (has_filter(m)) {
		str_add_byte(key, '\0');
		str_add_byte(key, '\0');
		str_add_text(key, m->filter);
	}
}

static struct route *
keep_route(struct view key, const struct ipc_routed *a)
{
	struct route *r = xcalloc(1, sizeof(*r)), *old;

	r->until = loop_now() + CACHE_MS;
	r->status = a->status;
	r->transport = xstrndup(a->transport.ptr, a->transport.len);
	r->nexthop = xstrndup(a->nexthop.ptr, a->nexthop.len);
	r->recipient = xstrndup(a->recipient.ptr, a->recipient.len);
	r->text = xstrndup(a->text.ptr, a->text.len);
	r->sender = xstrndup(a->sender.ptr, a->sender.len);
	/* Most are never asked for again: they are not kept until there is no
	 * room. */
	if (cache.n_entries >= CACHE_MAX ||
	    loop_now() - cache_cleared_at >= CACHE_CLEAR_MS) {
		htable_clear(&cache, route_free);
		cache_cleared_at = loop_now();
	}
	old = htable_set(&cache, key, r);
	if (old != NULL)
		route_free(old);
	return r;
}

/* Without a next hop in the filter each recipient's domain is one, unless the
 * site has another. */
static void
make_filter_route(
    const struct message *m, const struct rcpt *rcpt, struct ipc_routed *a)
{
	struct view filter = view_of(m->filter);
	size_t colon = view_find(filter, ':');

	*a = (struct ipc_routed){ .status = ERR_NONE,
		.text = VIEW_EMPTY,
		.transport = view_first(filter, colon),
		.nexthop = VIEW_EMPTY,
		.recipient = view_of(rcpt->address) };
	if (colon != VIEW_NPOS)
		a->nexthop = view_skip(filter, colon + 1);
	if (a->nexthop.len == 0)
		a->nexthop = view_of(qmgr.conf->default_filter_nexthop);
	if (a->nexthop.len == 0)
		a->nexthop = addr_domain(a->recipient);
	if (a->nexthop.len == 0)
		a->nexthop = view_of(qmgr.conf->myhostname);
}

/* Never NULL; valid until the next wait. */
static struct route *
find_route(const struct message *m, const struct rcpt *rcpt)
{
	struct str key = STR_EMPTY;
	struct ipc_route ask = { view_of(m->sender), view_of(rcpt->address),
		(m->flags & SUBMIT_VERIFY) != 0, original_of(m, rcpt) };
	struct ipc_routed answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct route *r;
	struct err e = ERR_OK;

	make_key(&key, m, rcpt);
	if (qmgr.rewrite.generation != cache_generation) {
		cache_generation = qmgr.rewrite.generation;
		htable_clear(&cache, route_free);
	}
	r = htable_find(&cache, str_view(&key));
	if (r != NULL && r->until > loop_now()) {
		str_clear(&key);
		return r;
	}
	if (has_filter(m))
		make_filter_route(m, rcpt, &answer);
	else
		e = ipc_call(&qmgr.rewrite, IPC_OUT(route, &ask),
		    IPC_IN(routed, &answer), &keep,
		    deadline_in_shorter(ROUTE_TIMEOUT, qmgr.conf->ipc_timeout));
	if (err_is(e))
		answer = (struct ipc_routed){ .status = ERR_TEMP,
			.text = view_of("address resolution is not available"),
			.transport = VIEW_EMPTY, .nexthop = VIEW_EMPTY,
			.recipient = VIEW_EMPTY,
			.sender = VIEW_EMPTY };
	if (err_is(e))
		log_warn("%s: %s", m->id.text, e.text);
	r = keep_route(str_view(&key), &answer);
	if (err_is(e) || answer.status == ERR_TEMP)
		r->until = 0;
	ipc_keep_clear(&keep);
	str_clear(&key);
	return r;
}

/* The transports that need no agent: the next hop is the text. */
static bool
decide_here(struct message *m, struct rcpt *rcpt, const struct route *r,
    struct outcomes *o)
{
	static const struct {
		const char *transport;
		enum outcome status;
		const char *dsn, *text;
	} rows[] = {
		{ "error", OUTCOME_BOUNCED, "5.0.0", "undeliverable" },
		{ "retry", OUTCOME_DEFERRED, "4.0.0", "try again later" },
		{ "discard", OUTCOME_SENT, "2.0.0", "discarded" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct verdict v = { .status = rows[i].status,
			.dsn = view_of(rows[i].dsn),
			.text = view_of(r->nexthop[0] != '\0' ? r->nexthop :
								rows[i].text),
			.relay = VIEW("none") };

		if (strcmp(r->transport, rows[i].transport) != 0)
			continue;
		/* "5.1.2 text": the code is the text's own. */
		if (v.text.len > 5 && ascii_is_digit(v.text.ptr[0]) &&
		    v.text.ptr[1] == '.') {
			size_t space = view_find(v.text, ' ');

			v.dsn = view_first(v.text, space);
			v.text = view_trim(view_skip(v.text, v.dsn.len));
		}
		outcome_log(m, rcpt, &v);
		outcomes_add(o, rcpt, &v);
		return true;
	}
	return false;
}

/* A recipient that rewrite could not place. */
static void
decide_unroutable(struct message *m, struct rcpt *rcpt, const struct route *r,
    struct outcomes *o)
{
	bool temp = r->status != ERR_PERM;
	struct verdict v = {
		.status = temp ? OUTCOME_DEFERRED : OUTCOME_BOUNCED,
		.dsn = temp ? VIEW("4.3.0") : VIEW("5.1.3"),
		.text = view_of(r->text),
		.relay = VIEW("none"),
	};

	outcome_log(m, rcpt, &v);
	outcomes_add(o, rcpt, &v);
}

/* It names a socket: a table's slip of the pen must not lead elsewhere. */
static bool
is_transport_name(const char *name)
{
	size_t len = 0;

	while (ascii_is_alnum(name[len]) || name[len] == '-' ||
	    name[len] == '_' || name[len] == '.')
		len++;
	return len > 0 && len <= TRANSPORT_NAME_MAX && name[len] == '\0' &&
	    name[0] != '.';
}

/* Where all of its recipients go that were placed in this round. */
static void
note_where(struct message *m, const struct destination *d)
{
	if (m->where == 0)
		m->where = d->where;
	else if (m->where != d->where)
		m->where = WHERE_SEVERAL;
}

/* Not more for that destination than its share.  A list, of which recipients
 * are still in the file, is one message in memory whatever it has. */
static bool
must_wait(const struct message *m, const struct destination *d)
{
	return m->rcpts_at < 0 && !m->is_called && destination_is_full(d) &&
	    !schedule_has(d, m);
}

/* Transports that have got something to do. */
struct touched {
	struct transport *transports[8];
	size_t n;
};

static void
run_touched(struct touched *t)
{
	for (size_t i = 0; i < t->n; i++)
		schedule_run(t->transports[i]);
	t->n = 0;
}

/* They are run when all recipients are placed: else the first of them would
 * leave alone, and the others in a copy of their own. */
static void
touch(struct touched *t, struct transport *transport)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->transports[i] == transport)
			return;
	if (t->n == ARRAY_LEN(t->transports))
		run_touched(t);
	t->transports[t->n++] = transport;
}

/* A probe for what an alias made several addresses of: mail for it would be
 * taken, and nobody wants to know what becomes of it behind that. */
static bool
is_answered(struct message *m, struct rcpt *rcpt, struct outcomes *o)
{
	struct verdict v = { .status = OUTCOME_SENT,
		.dsn = VIEW("2.0.0"),
		.text = VIEW("aliased to multiple recipients"),
		.relay = VIEW("none") };

	if ((m->flags & SUBMIT_VERIFY) == 0 || m->n_rcpts < 2)
		return false;
	outcome_log(m, rcpt, &v);
	outcomes_add(o, rcpt, &v);
	return true;
}

static void
route_one(struct message *m, struct rcpt *rcpt, struct outcomes *o,
    struct touched *touched)
{
	struct route *r = find_route(m, rcpt);
	struct destination *d;
	struct transport *t;

	/* Asked for while we waited. */
	if (message_stops(m) || is_answered(m, rcpt, o))
		return;
	/* "user%host@here" is user@host: a route of ours is followed. */
	if (r->status == ERR_NONE && r->recipient[0] != '\0' &&
	    strcmp(r->recipient, rcpt->address) != 0)
		rcpt = rcpt_readdress(rcpt, view_of(r->recipient));
	if (r->status == ERR_NONE && !is_transport_name(r->transport)) {
		struct verdict v = { .status = OUTCOME_DEFERRED,
			.dsn = VIEW("4.3.5"),
			.text = VIEW("mail transport has an impossible name"),
			.relay = VIEW("none") };

		log_warn("%s: transport \"%s\" has an impossible name",
		    m->id.text, r->transport);
		outcome_log(m, rcpt, &v);
		outcomes_add(o, rcpt, &v);
		return;
	}
	if (r->status != ERR_NONE) {
		decide_unroutable(m, rcpt, r, o);
		return;
	}
	if (decide_here(m, rcpt, r, o))
		return;
	t = transport_find(view_of(r->transport));
	d = destination_of_rcpt(
	    t, view_of(r->nexthop), view_of(rcpt->address));
	if (m->expired) {
		struct verdict v = { .status = OUTCOME_DEFERRED,
			.dsn = VIEW("4.4.7"),
			.text = VIEW("delivery time expired"),
			.relay = VIEW("none") };

		outcomes_add(o, rcpt, &v);
		return;
	}
	note_where(m, d);
	if (must_wait(m, d)) {
		outcomes_put_back(m, rcpt);
		return;
	}
	schedule_add_from(d, m, rcpt, r->sender);
	touch(touched, t);
}

/*
 * Ask for all of them before the first is placed.  What follows does not wait
 * then, so that nobody else's turn comes between two recipients of one site,
 * and starts a delivery with those that are placed so far.
 */
static void
ask_ahead(struct message *m)
{
	if (m->unrouted.next == m->unrouted.prev)
		return;
	LIST_EACH (it, after, &m->unrouted) {
		struct route *r =
		    find_route(m, LIST_ITEM(it, struct rcpt, node));

		/* Not kept, so that asking ahead is of no use. */
		if (r->until == 0 || message_stops(m))
			return;
	}
}

void
route_message(struct message *m)
{
	struct touched touched = { .n = 0 };
	struct outcomes o;
	struct list *it;

	ask_ahead(m);
	outcomes_init(&o, m);
	while (!message_stops(m) && (it = list_first(&m->unrouted)) != NULL)
		route_one(m, LIST_ITEM(it, struct rcpt, node), &o, &touched);
	run_touched(&touched);
	outcomes_flush(&o);
}
