/* The client's side of `resolve`: see dns.h. */
#include "lib/dns/dns.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct cached_peer {
	struct list node; /* in peers_by_age, oldest first */
	char key[DNS_ADDR_TEXT_SIZE];
	int64_t until;
	struct dns_peer peer;
};

void
dns_client_init(struct dns_client *c, struct ipc_service *resolve)
{
	*c = (struct dns_client){ .resolve = resolve };
	htable_init(&c->peers);
	list_init(&c->peers_by_age);
}

void
dns_client_clear(struct dns_client *c)
{
	htable_clear(&c->peers, free);
	list_init(&c->peers_by_age);
	c->n_peers = 0;
}

/* --- questions --- */

static void
copy_text(char *to, size_t size, struct view text)
{
	text = view_first(text, size - 1);
	memcpy(to, text.ptr, text.len);
	to[text.len] = '\0';
}

/* False if the message makes no sense. */
static bool
read_answer(const struct ipc_dns_answer *m, struct dns_answer *out)
{
	struct view rest = m->records;
	struct ipc_dns_record r;
	bool more;

	out->status = dns_status_of(m->status);
	out->secure = m->secure != 0;
	out->ttl = m->ttl < 0 ? 0 : m->ttl > DNS_TTL_MAX ? DNS_TTL_MAX : m->ttl;
	copy_text(out->reason, sizeof(out->reason), m->text);
	copy_text(out->name, sizeof(out->name), m->name);
	for (;;) {
		if (err_is(ipc_list_next(&rest, IPC_IN(dns_record, &r), &more)))
			return false;
		if (!more)
			break;
		if (r.type < 0 || r.type > UINT16_MAX || r.preference < 0 ||
		    r.preference > UINT16_MAX ||
		    !dns_answer_add(
			out, (int)r.type, (int)r.preference, r.data))
			return false;
	}
	return out->status != DNS_OK || out->n_records > 0;
}

/* Ask, and take what is said as the answer to name and type. */
static void
ask(struct dns_client *c, const struct ipc_type *ask_type, const void *message,
    struct view name, int type, struct dns_answer *out, int64_t deadline)
{
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_dns_answer answer;
	struct err e = ipc_call(c->resolve, ask_type, message,
	    IPC_IN(dns_answer, &answer), &keep, deadline);

	if (!err_is(e) && !read_answer(&answer, out))
		e = err_make(ERR_TEMP, "answer of resolve makes no sense");
	if (err_is(e)) {
		dns_answer_fail(out, DNS_TEMP, name, type);
		snprintf(out->reason, sizeof(out->reason), "%s", e.text);
	}
	ipc_keep_clear(&keep);
}

enum dns_status
dns_lookup(struct dns_client *c, struct view name, int type, unsigned flags,
    struct dns_answer *out, int64_t deadline)
{
	struct ipc_dns_ask q = { .name = dns_name_bare(name),
		.type = type,
		.validate = (flags & DNS_VALIDATE) != 0 };

	dns_answer_init(out);
	if (!dns_name_is_valid(name))
		dns_answer_fail(out, DNS_INVALID, name, type);
	else
		ask(c, IPC_OUT(dns_ask, &q), q.name, type, out, deadline);
	return out->status;
}

/* --- mail hosts --- */

static bool
is_null_mx(const struct dns_answer *a)
{
	return a->n_records == 1 && a->records[0].len == 0;
}

static void
take_mx(const struct dns_answer *a, struct dns_mx_list *out)
{
	out->mx =
	    xcalloc(a->n_records > 0 ? a->n_records : 1, sizeof(out->mx[0]));
	for (size_t i = 0; i < a->n_records; i++) {
		struct view host = dns_record_data(a, i);
		struct dns_mx *mx = &out->mx[out->n];

		/* The root beside real hosts is a mistake (RFC 7505 3). */
		if (a->records[i].type != DNS_TYPE_MX ||
		    !dns_hostname_is_valid(host))
			continue;
		mx->preference = (uint16_t)a->records[i].preference;
		copy_text(mx->host, sizeof(mx->host), dns_name_bare(host));
		out->n++;
	}
}

enum dns_status
dns_lookup_mx(struct dns_client *c, struct view domain, unsigned flags,
    struct dns_mx_list *out, int64_t deadline)
{
	struct dns_answer a;

	*out = (struct dns_mx_list){ .null_mx = false };
	dns_lookup(c, domain, DNS_TYPE_MX, flags, &a, deadline);
	out->status = a.status;
	out->secure = a.secure;
	out->ttl = a.ttl;
	memcpy(out->name, a.name, sizeof(out->name));
	memcpy(out->reason, a.reason, sizeof(out->reason));
	if (a.status == DNS_OK) {
		out->null_mx = is_null_mx(&a);
		take_mx(&a, out);
		if (out->n == 0 && !out->null_mx) {
			out->status = DNS_INVALID;
			dns_status_reason(
			    out->reason, DNS_INVALID, domain, DNS_TYPE_MX);
		}
	}
	dns_answer_clear(&a);
	return out->status;
}

void
dns_mx_list_clear(struct dns_mx_list *l)
{
	free(l->mx);
	*l = (struct dns_mx_list){ .null_mx = false };
}

/* --- addresses --- */

static bool
addr_of_record(const struct dns_answer *a, size_t i, struct dns_addr *addr)
{
	struct view data = dns_record_data(a, i);
	bool is_v4 = a->records[i].type == DNS_TYPE_A;

	*addr = (struct dns_addr){ .family = is_v4 ? AF_INET : AF_INET6 };
	if ((!is_v4 && a->records[i].type != DNS_TYPE_AAAA) ||
	    data.len != dns_addr_len(addr))
		return false;
	memcpy(addr->bytes, data.ptr, data.len);
	return true;
}

static void
take_addrs(const struct dns_answer *a, struct dns_addr_list *out)
{
	out->addrs =
	    xcalloc(a->n_records > 0 ? a->n_records : 1, sizeof(out->addrs[0]));
	for (size_t i = 0; i < a->n_records; i++)
		if (addr_of_record(a, i, &out->addrs[out->n]))
			out->n++;
}

static void
take_literal(const struct dns_addr *addr, struct dns_addr_list *out)
{
	out->addrs = xcalloc(1, sizeof(out->addrs[0]));
	out->addrs[0] = *addr;
	out->n = 1;
	out->status = DNS_OK;
	out->ttl = DNS_TTL_MAX;
	dns_addr_text(addr, out->name);
}

enum dns_status
dns_lookup_addrs(struct dns_client *c, struct view host, unsigned flags,
    struct dns_addr_list *out, int64_t deadline)
{
	struct ipc_host_ask q = { .name = dns_name_bare(host),
		.native = (flags & DNS_NATIVE) != 0,
		.validate = (flags & DNS_VALIDATE) != 0,
		.families = ((flags & DNS_IPV4) != 0 ? 1 : 0) |
		    ((flags & DNS_IPV6) != 0 ? 2 : 0) };
	struct dns_answer a;
	struct dns_addr literal;

	*out = (struct dns_addr_list){ .n = 0 };
	if (dns_addr_parse(host, &literal)) {
		take_literal(&literal, out);
		return DNS_OK;
	}
	dns_answer_init(&a);
	if (!dns_hostname_is_valid(host))
		dns_answer_fail(&a, DNS_INVALID, host, DNS_TYPE_A);
	else
		ask(c, IPC_OUT(host_ask, &q), q.name, DNS_TYPE_A, &a, deadline);
	out->status = a.status;
	out->secure = a.secure;
	out->ttl = a.ttl;
	memcpy(out->name, a.name, sizeof(out->name));
	memcpy(out->reason, a.reason, sizeof(out->reason));
	if (a.status == DNS_OK)
		take_addrs(&a, out);
	if (out->status == DNS_OK && out->n == 0)
		out->status = DNS_TEMP;
	dns_answer_clear(&a);
	return out->status;
}

void
dns_addr_list_clear(struct dns_addr_list *l)
{
	free(l->addrs);
	*l = (struct dns_addr_list){ .n = 0 };
}

/* --- clients' names --- */

static void
peer_drop(struct dns_client *c, struct cached_peer *p)
{
	list_remove(&p->node);
	htable_remove(&c->peers, view_of(p->key));
	c->n_peers--;
	free(p);
}

static bool
peer_is_cached(struct dns_client *c, const char *key, struct dns_peer *out)
{
	struct cached_peer *p = htable_find(&c->peers, view_of(key));

	if (p == NULL)
		return false;
	if (p->until <= clock_ms()) {
		peer_drop(c, p);
		return false;
	}
	*out = p->peer;
	return true;
}

static void
peer_cache(struct dns_client *c, const char *key, const struct dns_peer *peer,
    int64_t ttl)
{
	struct cached_peer *p = htable_find(&c->peers, view_of(key));

	/* Another fiber may have asked the same meanwhile. */
	if (p != NULL)
		peer_drop(c, p);
	if (c->n_peers >= DNS_PEERS_MAX)
		peer_drop(c,
		    LIST_ITEM(list_first(&c->peers_by_age), struct cached_peer,
			node));
	if (ttl < DNS_PEER_TTL_MIN)
		ttl = DNS_PEER_TTL_MIN;
	if (ttl > DNS_PEER_TTL_MAX)
		ttl = DNS_PEER_TTL_MAX;
	p = xcalloc(1, sizeof(*p));
	copy_text(p->key, sizeof(p->key), view_of(key));
	p->peer = *peer;
	p->until = deadline_in(ttl);
	list_append(&c->peers_by_age, &p->node);
	htable_set(&c->peers, view_of(p->key), p);
	c->n_peers++;
}

static void
set_peer_name(char name[DNS_NAME_SIZE], struct view text)
{
	copy_text(name, DNS_NAME_SIZE,
	    dns_hostname_is_valid(text) ? dns_name_bare(text)
					: VIEW("unknown"));
}

void
dns_peer_name(struct dns_client *c, const struct sockaddr *client,
    struct dns_peer *out, int64_t deadline)
{
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_peer_named named;
	char key[DNS_ADDR_TEXT_SIZE];
	struct dns_addr addr;
	struct err e;

	*out = (struct dns_peer){ DNS_TEMP, DNS_TEMP, "unknown", "unknown" };
	if (!dns_addr_of_sockaddr(client, &addr)) {
		out->status = out->reverse_status = DNS_INVALID;
		return;
	}
	dns_addr_text(&addr, key);
	if (peer_is_cached(c, key, out))
		return;
	e = ipc_call(c->resolve,
	    IPC_OUT(peer_name, &((struct ipc_peer_name){ view_of(key) })),
	    IPC_IN(peer_named, &named), &keep, deadline);
	if (!err_is(e)) {
		out->status = dns_status_of(named.status);
		out->reverse_status = dns_status_of(named.reverse_status);
		set_peer_name(out->name, named.name);
		set_peer_name(out->reverse, named.reverse);
		if (!dns_status_is_temp(out->status))
			peer_cache(c, key, out, named.ttl);
	}
	ipc_keep_clear(&keep);
}
