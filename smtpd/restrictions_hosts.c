/*
 * check_*_{mx,ns,a}_access: the hosts behind a domain, by name and by address,
 * in an access table.  Such a table may only refuse: whoever owns a domain
 * chooses its hosts.
 */
#include "lib/base/log.h"
#include "lib/mail/addr.h"
#include "smtpd/access_run.h"
#include "smtpd/lookup.h"

/* One domain and its hosts, asked one after the other. */
struct hosts {
	struct access *a;
	const struct access_item *item;
	struct access_search q;
	struct err failure; /* of the table */
	bool is_unknown;    /* a lookup failed for now */
};

/* --- asking the table --- */

static bool
is_decided(const struct hosts *h)
{
	return h->q.found || err_is(h->failure);
}

static void
check_addr(struct hosts *h, const struct dns_addr *addr)
{
	char text[DNS_ADDR_TEXT_SIZE];

	dns_addr_text(addr, text);
	h->failure = access_find_addr(&h->q, view_of(text));
}

static void
check_addrs(struct hosts *h, struct view host)
{
	struct dns_addr_list addrs;
	enum dns_status status =
	    lookup_addrs(h->a->s->smtpd, host, true, &addrs);

	if (dns_status_is_temp(status)) {
		log_warn("Unable to look up host %.*s: %s", VIEW_ARGS(host),
		    addrs.reason);
		h->is_unknown = true;
	}
	for (size_t i = 0; i < addrs.n && !is_decided(h); i++)
		check_addr(h, &addrs.addrs[i]);
	dns_addr_list_clear(&addrs);
}

/* A host by its name, then by its addresses. */
static void
check_host(struct hosts *h, struct view host)
{
	h->failure = access_find_domain(h->a, &h->q, host);
	if (!is_decided(h))
		check_addrs(h, host);
}

static void
note_failure(
    struct hosts *h, const char *type, struct view domain, const char *why)
{
	log_warn("Unable to look up %s host for %.*s: %s", type,
	    VIEW_ARGS(domain), why);
	h->is_unknown = true;
}

/* --- the hosts of a domain --- */

/* A domain without MX is its own mail host (RFC 5321 5.1); some name servers
 * say of one that it is not there. */
static void
check_mx(struct hosts *h, struct view domain)
{
	struct dns_mx_list mx;

	lookup_mx(h->a->s->smtpd, domain, &mx);
	if (mx.status == DNS_NODATA || mx.status == DNS_NXDOMAIN)
		check_host(h, domain);
	else if (dns_status_is_temp(mx.status))
		note_failure(h, "MX", domain, mx.reason);
	for (size_t i = 0; i < mx.n && !is_decided(h); i++)
		check_host(h, view_of(mx.mx[i].host));
	dns_mx_list_clear(&mx);
}

/* The name servers of the zone that the domain is in: of the domain, else of
 * the nearest parent that has some. */
static void
check_ns(struct hosts *h, struct view domain)
{
	struct dns_answer answer;
	enum dns_status status;
	bool more;

	do {
		size_t dot = view_find(domain, '.');

		status = lookup_records(
		    h->a->s->smtpd, domain, DNS_TYPE_NS, &answer);
		for (size_t i = 0; i < answer.n_records && !is_decided(h); i++)
			if (answer.records[i].type == DNS_TYPE_NS)
				check_host(h, dns_record_data(&answer, i));
		if (dns_status_is_temp(status))
			note_failure(h, "NS", domain, answer.reason);
		more = (status == DNS_NODATA || status == DNS_NXDOMAIN) &&
		    dot != VIEW_NPOS;
		dns_answer_clear(&answer);
		if (more)
			domain = view_skip(domain, dot + 1);
	} while (more && view_find(domain, '.') != VIEW_NPOS);
}

static void
check_domain(struct hosts *h, struct view domain)
{
	struct dns_addr addr;
	struct view ip;
	bool is_ipv6;

	/* An address stands for itself. */
	if (addr_parse_literal(domain, &ip, &is_ipv6)) {
		if (h->item->row->type != DNS_TYPE_NS &&
		    dns_addr_parse(ip, &addr))
			check_addr(h, &addr);
		return;
	}
	if (!dns_hostname_is_valid(domain))
		return;
	domain = dns_name_bare(domain);
	if (h->item->row->type == DNS_TYPE_MX)
		check_mx(h, domain);
	else if (h->item->row->type == DNS_TYPE_NS)
		check_ns(h, domain);
	else
		check_addrs(h, domain);
}

/* --- the restriction --- */

static struct view
name_of(const char *name)
{
	return name != NULL && strcmp(name, "unknown") != 0 ? view_of(name)
							    : VIEW_EMPTY;
}

/* Empty if there is none. */
static struct view
domain_of(const struct access *a, enum access_subject subject)
{
	const struct session *s = a->s;
	struct view address = access_address(a, subject);
	struct view domain = addr_domain(address);

	if (subject == SUBJECT_CLIENT)
		return name_of(s->client.name);
	if (subject == SUBJECT_REVERSE)
		return name_of(s->client.reverse);
	if (subject == SUBJECT_HELO)
		return s->helo != NULL ? view_of(s->helo) : VIEW_EMPTY;
	return address.len > 0 && domain.len == 0
	    ? view_of(s->smtpd->conf->myorigin)
	    : domain;
}

enum access_verdict
access_check_hosts(struct access *a, const struct access_item *item)
{
	enum access_subject subject = (enum access_subject)item->row->subject;
	struct view table = table_spec(item->table);
	struct hosts h = { .a = a,
		.item = item,
		.q = { .table = item->table, .value = STR_EMPTY },
		.failure = ERR_OK };
	enum access_verdict v = ACCESS_DUNNO;

	check_domain(&h, domain_of(a, subject));
	if (err_is(h.failure))
		v = access_table_failed(a, subject, table, h.failure);
	else if (h.q.found)
		v = access_act(a, subject, str_view(&h.q.value), table.ptr);
	else if (h.is_unknown)
		v = access_not_known(a,
		    a->s->smtpd->conf->smtpd_dns_tempfail_action, subject,
		    "4.7.1", "DNS lookup failure");
	str_clear(&h.q.value);
	if (v != ACCESS_OK || access_is_discarded(a))
		return v;
	return access_forbid_ok(a, item);
}
