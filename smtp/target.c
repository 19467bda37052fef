/* From a next hop to addresses: see target.h. */
#include "smtp/target.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { PORT_SMTP = 25 };

void
target_add_addr(struct str *out, const struct target *t)
{
	char text[DNS_ADDR_TEXT_SIZE];

	if (t->is_unix) {
		str_addf(out, "[%s]", t->path);
		return;
	}
	dns_addr_text(&t->addr, text);
	str_addf(out, "[%s]:%u", text, t->port);
}

void
target_add_key(struct str *out, const struct target *t)
{
	target_add_addr(out, t);
}

void
targets_clear(struct targets *ts)
{
	free(ts->list);
	*ts = (struct targets){ 0 };
}

static uint64_t
shuffle_number(const struct dns_addr *addr)
{
	static uint64_t counter;
	struct {
		uint64_t counter;
		int64_t now;
		struct dns_addr addr;
	} seed = { counter++, clock_us(), *addr };

	return hash_bytes(view_make(&seed, sizeof(seed)));
}

static struct target *
add_target(struct targets *ts, const char *host, uint16_t port, int preference)
{
	struct target *t;

	if (ts->n >= TARGET_ADDRS_MAX)
		return NULL;
	ts->list = xreallocarray(ts->list, ts->n + 1, sizeof(*ts->list));
	t = &ts->list[ts->n++];
	*t = (struct target){ .port = port, .preference = preference };
	snprintf(t->host, sizeof(t->host), "%s", host);
	return t;
}

/* Add a host's addresses.  False with the reason if it has none. */
static bool
add_host(struct targets *ts, const struct settings *s, struct dns_client *dns,
    const char *host, const struct dest *d, int preference, struct why *why,
    int64_t deadline)
{
	struct dns_addr_list addrs;
	unsigned flags = (s->lookup_native ? DNS_NATIVE : 0) |
	    (s->use_ipv4 ? DNS_IPV4 : 0) | (s->use_ipv6 ? DNS_IPV6 : 0);
	enum dns_status status =
	    dns_lookup_addrs(dns, view_of(host), flags, &addrs, deadline);

	for (size_t i = 0; i < addrs.n; i++) {
		struct target *t = add_target(ts, host, d->port, preference);

		if (t == NULL)
			break;
		t->addr = addrs.addrs[i];
		t->shuffle = s->randomize ? shuffle_number(&t->addr) : i;
	}
	if (addrs.n == 0 && dns_status_is_temp(status))
		why_set(why, DSN_STATUS(4, 4, 3), "%s", addrs.reason);
	else if (addrs.n == 0)
		why_set(why, DSN_STATUS(5, 4, 4), "%s", addrs.reason);
	status = addrs.n > 0 ? DNS_OK : status;
	dns_addr_list_clear(&addrs);
	return status == DNS_OK;
}

/* All hosts of an MX list that are worth asking for. */
static bool
add_mx_hosts(struct targets *ts, const struct settings *s,
    struct dns_client *dns, const struct dns_mx_list *mx, const struct dest *d,
    struct why *why, int64_t deadline)
{
	bool is_temp = false;

	for (size_t i = 0; i < mx->n && i < TARGET_MX_HOSTS_MAX; i++) {
		struct why one = WHY_EMPTY;

		if (!add_host(ts, s, dns, mx->mx[i].host, d,
			mx->mx[i].preference, &one, deadline) &&
		    !is_temp) {
			is_temp = one.status.class == 4;
			why_copy(why, &one);
		}
		why_clear(&one);
	}
	if (ts->n == 0 && !is_temp && s->defer_if_no_mx_address)
		why->status.class = 4;
	return ts->n > 0;
}

/* The mail hosts of a domain; without MX its own address. */
static bool
add_domain(struct targets *ts, const struct settings *s, struct dns_client *dns,
    const struct dest *d, struct why *why, int64_t deadline)
{
	struct dns_mx_list mx;
	enum dns_status status =
	    dns_lookup_mx(dns, view_of(d->name), 0, &mx, deadline);
	bool ok = false;

	if (status == DNS_OK && mx.null_mx)
		why_set(why, DSN_STATUS(5, 1, 10),
		    "Domain %s does not accept mail (nullMX)", d->name);
	else if (status == DNS_OK)
		ok = add_mx_hosts(ts, s, dns, &mx, d, why, deadline);
	else if (status == DNS_NODATA)
		ok = add_host(ts, s, dns, d->name, d, 0, why, deadline);
	else if (dns_status_is_temp(status))
		why_set(why, DSN_STATUS(4, 4, 3), "%s", mx.reason);
	else
		why_set(why, DSN_STATUS(5, 4, 4), "%s", mx.reason);
	dns_mx_list_clear(&mx);
	return ok;
}

static bool
is_self(const struct settings *s, const struct target *t)
{
	struct sockaddr_storage ss;

	dns_addr_to_sockaddr(&t->addr, t->port, &ss);
	return settings_is_own(s, (const struct sockaddr *)&ss);
}

bool
targets_cut_self(struct targets *ts, const struct settings *s)
{
	int limit = INT32_MAX;
	size_t n = 0;

	for (size_t i = 0; i < ts->n; i++)
		if (ts->list[i].preference < limit && is_self(s, &ts->list[i]))
			limit = ts->list[i].preference;
	for (size_t i = 0; i < ts->n; i++)
		if (ts->list[i].preference < limit)
			ts->list[n++] = ts->list[i];
	ts->n = n;
	return n > 0;
}

static int
rank(const struct target *t, char preference)
{
	if (preference == 'a')
		return 0;
	return (t->addr.family == AF_INET) == (preference == '4') ? 0 : 1;
}

/* qsort_r: the preference of a family is the extra argument. */
static int
compare(const void *pa, const void *pb, void *preference)
{
	const struct target *a = pa, *b = pb;
	int ra = rank(a, *(const char *)preference);
	int rb = rank(b, *(const char *)preference);

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	if (ra != rb)
		return ra - rb;
	return a->shuffle < b->shuffle ? -1 : a->shuffle > b->shuffle;
}

void
targets_sort(struct targets *ts, const struct settings *s)
{
	char preference = s->preference;

	if (ts->n > 1)
		qsort_r(
		    ts->list, ts->n, sizeof(*ts->list), compare, &preference);
	ts->best_preference = ts->n > 0 ? ts->list[0].preference : 0;
}

void
targets_limit(struct targets *ts, const struct settings *s)
{
	size_t limit = (size_t)s->mx_address_limit, same = 0;

	if (s->mx_address_limit <= 0 || ts->n <= limit)
		return;
	while (same < limit &&
	    ts->list[same].addr.family == ts->list[0].addr.family)
		same++;
	/* One address of the other family keeps a place, so that a broken
	 * IPv6 does not use up all attempts. */
	for (size_t i = limit;
	     s->balance && limit > 1 && same == limit && i < ts->n; i++) {
		if (ts->list[i].addr.family == ts->list[0].addr.family)
			continue;
		ts->list[limit - 1] = ts->list[i];
		break;
	}
	ts->n = limit;
}

static bool
find_unix(struct targets *ts, const struct settings *s, const struct dest *d)
{
	struct target *t = add_target(ts, s->myhostname, 0, 0);

	t->is_unix = true;
	t->path = d->name;
	return true;
}

static bool
find_address(struct targets *ts, const struct settings *s, const struct dest *d,
    struct why *why)
{
	struct target *t = add_target(ts, d->name, d->port, 0);

	if (dns_addr_parse(view_of(d->name), &t->addr) &&
	    (t->addr.family == AF_INET ? s->use_ipv4 : s->use_ipv6))
		return true;
	why_set(why, DSN_STATUS(5, 4, 4),
	    "address [%s] is of a family that inet_protocols does not have",
	    d->name);
	return false;
}

bool
targets_find(struct targets *ts, const struct settings *s,
    struct dns_client *dns, const struct dest *d, struct why *why,
    int64_t deadline)
{
	bool ok;
	/* Another port is another server, even on this machine. */
	bool may_loop = !s->is_lmtp &&
	    (d->port == PORT_SMTP || (d->is_default_port && !d->no_mx));

	*ts = (struct targets){ 0 };
	if (d->is_unix)
		return find_unix(ts, s, d);
	if (d->is_address)
		ok = find_address(ts, s, d, why);
	else if (d->no_mx)
		ok = add_host(ts, s, dns, d->name, d, 0, why, deadline);
	else
		ok = add_domain(ts, s, dns, d, why, deadline);
	if (ok && may_loop && !targets_cut_self(ts, s)) {
		why_set(why, DSN_STATUS(5, 4, 6),
		    "mail for %s loops back to myself", d->name);
		ok = false;
	}
	if (!ok) {
		targets_clear(ts);
		return false;
	}
	for (size_t i = 0; i < ts->n; i++)
		ts->list[i].may_loop = may_loop;
	targets_sort(ts, s);
	targets_limit(ts, s);
	return true;
}
