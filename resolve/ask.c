/*
 * Questions of other processes: see ask.h.  Each runs on a fiber; what it asks
 * is checked again, since the other side may be taken over.
 */
#include "resolve/ask.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdio.h>

enum { FAMILY_V4 = 1, FAMILY_V6 = 2, HOSTS_TTL = 60 };

static void
reply_answer(struct ipc_request *r, const struct dns_answer *a)
{
	struct ipc_dns_answer m = { .status = a->status,
		.text = view_of(a->reason),
		.secure = a->secure,
		.ttl = a->ttl,
		.name = view_of(a->name) };
	struct str list = STR_EMPTY;

	for (size_t i = 0; i < a->n_records; i++) {
		struct ipc_dns_record record = { a->records[i].type,
			a->records[i].preference, dns_record_data(a, i) };

		ipc_list_add(&list, IPC_OUT(dns_record, &record));
	}
	m.records = str_view(&list);
	ipc_reply(r, IPC_OUT(dns_answer, &m));
	str_clear(&list);
}

static void
answer_dns(struct ipc_request *r)
{
	struct resolver *resolver = ipc_request_owner(r);
	struct ipc_dns_ask m;
	struct dns_answer a;

	if (!ipc_request_read(r, IPC_IN(dns_ask, &m)))
		return;
	if (!dns_name_is_valid(m.name) || m.type < 1 || m.type > UINT16_MAX) {
		dns_answer_init(&a);
		dns_answer_fail(
		    &a, DNS_INVALID, m.name, (int)(m.type & 0xffff));
	} else {
		engine_take(resolver->engine,
		    engine_ask(
			resolver->engine, m.validate != 0, m.name, (int)m.type),
		    &a, DEADLINE_NEVER);
	}
	reply_answer(r, &a);
	dns_answer_clear(&a);
}

/* --- addresses of a host --- */

static bool
family_wanted(int64_t families, int family)
{
	return families == 0 ||
	    (families & (family == AF_INET ? FAMILY_V4 : FAMILY_V6)) != 0;
}

static bool
answer_from_hosts(const struct hosts *h, struct view name, int64_t families,
    struct dns_answer *a)
{
	const struct hosts_entry *e = hosts_find(h, name);

	for (size_t i = 0; e != NULL && i < e->n; i++) {
		const struct dns_addr *addr = &e->addrs[i];

		if (family_wanted(families, addr->family))
			dns_answer_add(a,
			    addr->family == AF_INET ? DNS_TYPE_A
						    : DNS_TYPE_AAAA,
			    0, view_make(addr->bytes, dns_addr_len(addr)));
	}
	if (a->n_records == 0)
		return false;
	a->status = DNS_OK;
	a->ttl = HOSTS_TTL;
	snprintf(a->name, sizeof(a->name), "%.*s",
	    VIEW_ARGS(view_first(dns_name_bare(name), DNS_NAME_MAX)));
	return true;
}

/* Of two failures the one that may change, then the one that says more. */
static enum dns_status
worse_of(enum dns_status a, enum dns_status b)
{
	static const int rank[] = { [DNS_OK] = 0,
		[DNS_NXDOMAIN] = 1,
		[DNS_NODATA] = 2,
		[DNS_INVALID] = 3,
		[DNS_BOGUS] = 4,
		[DNS_TEMP] = 5 };

	return rank[a] > rank[b] ? a : b;
}

/* Adds what `more` has to `a`; one family that has addresses is enough. */
static void
merge_answers(
    struct dns_answer *a, const struct dns_answer *more, struct view name)
{
	if (a->status != DNS_OK && more->status != DNS_OK) {
		dns_answer_fail(
		    a, worse_of(a->status, more->status), name, DNS_TYPE_A);
		return;
	}
	if (more->status != DNS_OK)
		return;
	if (a->status != DNS_OK || more->ttl < a->ttl)
		a->ttl = more->ttl;
	a->secure = more->secure && (a->status != DNS_OK || a->secure);
	a->status = DNS_OK;
	memcpy(a->name, more->name, sizeof(a->name));
	for (size_t i = 0; i < more->n_records; i++)
		if (!dns_answer_add(
			a, more->records[i].type, 0, dns_record_data(more, i)))
			break;
}

/* Both families are asked at once. */
static void
ask_addrs(struct engine *e, bool validate, struct view name, int64_t families,
    struct dns_answer *out, int64_t deadline)
{
	struct engine_question *q6 = NULL, *q4 = NULL;
	struct dns_answer a4;

	if (family_wanted(families, AF_INET6))
		q6 = engine_ask(e, validate, name, DNS_TYPE_AAAA);
	if (family_wanted(families, AF_INET))
		q4 = engine_ask(e, validate, name, DNS_TYPE_A);
	if (q6 != NULL)
		engine_take(e, q6, out, deadline);
	if (q4 != NULL && q6 == NULL) {
		engine_take(e, q4, out, deadline);
	} else if (q4 != NULL) {
		engine_take(e, q4, &a4, deadline);
		merge_answers(out, &a4, name);
		dns_answer_clear(&a4);
	}
}

static void
answer_host(struct ipc_request *r)
{
	struct resolver *resolver = ipc_request_owner(r);
	struct ipc_host_ask m;
	struct dns_answer a;

	if (!ipc_request_read(r, IPC_IN(host_ask, &m)))
		return;
	dns_answer_init(&a);
	if ((m.families & (FAMILY_V4 | FAMILY_V6)) == 0)
		m.families = 0;
	if (!dns_hostname_is_valid(m.name))
		dns_answer_fail(&a, DNS_INVALID, m.name, DNS_TYPE_A);
	else if (m.native == 0 ||
	    !answer_from_hosts(&resolver->hosts, m.name, m.families, &a))
		ask_addrs(resolver->engine, m.validate != 0, m.name, m.families,
		    &a, deadline_in_ms(ENGINE_WAIT_MS));
	reply_answer(r, &a);
	dns_answer_clear(&a);
}

/* --- the name of a client --- */

struct peer_search {
	struct resolver *resolver;
	struct dns_addr addr;
	int64_t deadline;
	enum dns_status status, reverse_status;
	int64_t ttl;
	char reverse[DNS_NAME_SIZE];
};

static void
lower_ttl(struct peer_search *s, int64_t ttl)
{
	if (ttl < s->ttl)
		s->ttl = ttl;
}

/* The name that the address claims: /etc/hosts, then PTR. */
static void
find_reverse(struct peer_search *s)
{
	const char *native = hosts_find_name(&s->resolver->hosts, &s->addr);
	struct engine *e = s->resolver->engine;
	char question[DNS_REVERSE_SIZE];
	struct dns_answer a;

	s->reverse_status = DNS_OK;
	if (native != NULL) {
		snprintf(s->reverse, sizeof(s->reverse), "%s", native);
		lower_ttl(s, HOSTS_TTL);
		return;
	}
	dns_reverse_name(&s->addr, question);
	engine_take(e, engine_ask(e, false, view_of(question), DNS_TYPE_PTR),
	    &a, s->deadline);
	s->reverse_status = a.status;
	lower_ttl(s, a.ttl);
	if (a.status == DNS_OK) {
		struct view name = dns_record_data(&a, 0);

		/* A name that looks like an address would be taken for one. */
		if (dns_hostname_is_valid(name))
			snprintf(s->reverse, sizeof(s->reverse), "%.*s",
			    VIEW_ARGS(view_first(name, DNS_NAME_MAX)));
		else
			s->reverse_status = DNS_INVALID;
	}
	dns_answer_clear(&a);
}

static bool
answer_has(const struct dns_answer *a, const struct dns_addr *addr)
{
	struct view bytes = view_make(addr->bytes, dns_addr_len(addr));

	for (size_t i = 0; i < a->n_records; i++)
		if (view_eq(dns_record_data(a, i), bytes))
			return true;
	return false;
}

/* Does the name say the same of the address?  A client cannot choose its
 * address, but anyone can claim any name. */
static void
confirm(struct peer_search *s)
{
	struct engine *e = s->resolver->engine;
	struct view name = view_of(s->reverse);
	struct dns_answer a;
	char text[DNS_ADDR_TEXT_SIZE];

	if (hosts_has(&s->resolver->hosts, name, &s->addr)) {
		s->status = DNS_OK;
		return;
	}
	engine_take(e,
	    engine_ask(e, false, name,
		s->addr.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA),
	    &a, s->deadline);
	lower_ttl(s, a.ttl);
	s->status = a.status;
	if (a.status == DNS_OK && !answer_has(&a, &s->addr)) {
		dns_addr_text(&s->addr, text);
		log_info("warning: hostname %s does not resolve to address %s",
		    s->reverse, text);
		s->status = DNS_INVALID;
	}
	dns_answer_clear(&a);
}

static void
answer_peer(struct ipc_request *r)
{
	struct peer_search s = { .resolver = ipc_request_owner(r),
		.ttl = DNS_TTL_MAX,
		.deadline = deadline_in_ms(ENGINE_WAIT_MS) };
	struct ipc_peer_name m;
	struct ipc_peer_named named;

	if (!ipc_request_read(r, IPC_IN(peer_name, &m)))
		return;
	if (dns_addr_parse(m.address, &s.addr))
		find_reverse(&s);
	else
		s.reverse_status = DNS_INVALID;
	s.status = s.reverse_status;
	if (s.status == DNS_OK)
		confirm(&s);
	named = (struct ipc_peer_named){ .status = s.status,
		.name =
		    s.status == DNS_OK ? view_of(s.reverse) : VIEW("unknown"),
		.reverse = s.reverse_status == DNS_OK ? view_of(s.reverse)
						      : VIEW("unknown"),
		.reverse_status = s.reverse_status,
		.ttl = s.ttl };
	ipc_reply(r, IPC_OUT(peer_named, &named));
}

const struct ipc_handler ask_handlers[] = {
	{ ipc_dns_ask_type, answer_dns, 0 },
	{ ipc_host_ask_type, answer_host, 0 },
	{ ipc_peer_name_type, answer_peer, 0 },
	{ NULL, NULL, 0 },
};
