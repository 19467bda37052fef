/*
 * Restrictions on names: the client's own, and what it says in HELO.
 */
#include "lib/mail/addr.h"
#include "smtpd/access_run.h"
#include "smtpd/lookup.h"

/* --- clients --- */

/* A client without a name: for good, or as far as can be found out. */
static enum access_verdict
refuse_nameless(struct access *a, enum dns_status status, const char *dsn,
    const char *what)
{
	const struct client *c = &a->s->client;

	return access_refuse(a, SUBJECT_NONE,
	    dns_status_is_temp(status)
		? 450
		: a->s->smtpd->conf->unknown_client_reject_code,
	    dsn, "Client host rejected: cannot find your %s, [%s]", what,
	    c->addr);
}

static bool
is_unknown(const char *name)
{
	return strcmp(name, "unknown") == 0;
}

enum access_verdict
reject_unknown_client(struct access *a, const struct access_item *item)
{
	const struct client *c = &a->s->client;

	(void)item;
	return is_unknown(c->name) ? refuse_nameless(a,
					 (enum dns_status)c->name_status,
					 "4.7.25", "hostname")
				   : ACCESS_DUNNO;
}

enum access_verdict
reject_unknown_reverse(struct access *a, const struct access_item *item)
{
	const struct client *c = &a->s->client;

	(void)item;
	return is_unknown(c->reverse) ? refuse_nameless(a,
					    (enum dns_status)c->reverse_status,
					    "4.7.1", "reverse hostname")
				      : ACCESS_DUNNO;
}

/* It has a name, and the name has no address: whether it is the client's own
 * is another question. */
enum access_verdict
reject_unknown_forward(struct access *a, const struct access_item *item)
{
	const struct client *c = &a->s->client;
	struct dns_addr_list addrs;
	enum dns_status status;

	(void)item;
	if (!is_unknown(c->name))
		return ACCESS_DUNNO;
	if (is_unknown(c->reverse))
		return refuse_nameless(a, (enum dns_status)c->reverse_status,
		    "4.7.1", "reverse hostname");
	status = lookup_addrs(
	    a->s->smtpd, view_of(c->reverse), true, &addrs);
	dns_addr_list_clear(&addrs);
	return status == DNS_OK ? ACCESS_DUNNO
				: refuse_nameless(a, status, "4.7.25",
				      "forward hostname");
}

/* --- HELO --- */

static enum access_verdict
refuse_helo(struct access *a, int64_t code, const char *dsn, const char *text)
{
	return access_refuse(a, SUBJECT_HELO, code, dsn, "%s", text);
}

/* "[192.0.2.1]".  *v is set if it is decided by that: brackets hold an
 * address, or are a mistake. */
static bool
is_literal(struct access *a, struct view name, enum access_verdict *v)
{
	const struct conf *conf = a->s->smtpd->conf;
	struct view ip;
	bool is_ipv6;

	if (!view_starts(name, VIEW("[")))
		return false;
	*v = addr_parse_literal(name, &ip, &is_ipv6)
	    ? ACCESS_DUNNO
	    : refuse_helo(a, conf->invalid_hostname_reject_code, "5.5.2",
		  "invalid ip address");
	return true;
}

/* An address without brackets is against RFC 5321, and harmless. */
static bool
is_address(struct view name)
{
	struct dns_addr addr;

	return dns_addr_parse(name, &addr);
}

enum access_verdict
reject_invalid_helo(struct access *a, const struct access_item *item)
{
	struct view name;
	enum access_verdict v;

	(void)item;
	if (a->s->helo == NULL)
		return ACCESS_DUNNO;
	name = view_of(a->s->helo);
	if (is_literal(a, name, &v))
		return v;
	if (is_address(name) || dns_hostname_is_valid(name))
		return ACCESS_DUNNO;
	return refuse_helo(a, a->s->smtpd->conf->invalid_hostname_reject_code,
	    "5.5.2", "Invalid name");
}

enum access_verdict
reject_non_fqdn_helo(struct access *a, const struct access_item *item)
{
	struct view name;
	enum access_verdict v;

	(void)item;
	if (a->s->helo == NULL)
		return ACCESS_DUNNO;
	name = view_of(a->s->helo);
	if (is_literal(a, name, &v))
		return v;
	/* A name that says where it is: with a dot inside. */
	if (dns_hostname_is_valid(name) &&
	    view_find(dns_name_bare(name), '.') != VIEW_NPOS)
		return ACCESS_DUNNO;
	return refuse_helo(a, a->s->smtpd->conf->non_fqdn_reject_code, "5.5.2",
	    "need fully-qualified hostname");
}

/* A name with an address, or with mail hosts. */
enum access_verdict
reject_unknown_helo(struct access *a, const struct access_item *item)
{
	const struct conf *conf = a->s->smtpd->conf;
	struct dns_addr_list addrs;
	struct dns_mx_list mx;
	enum dns_status status, by_mx;
	enum access_verdict v;
	struct view name;

	(void)item;
	if (a->s->helo == NULL)
		return ACCESS_DUNNO;
	name = view_of(a->s->helo);
	if (is_literal(a, name, &v))
		return v;
	if (is_address(name))
		return refuse_helo(a, conf->unknown_hostname_reject_code,
		    "4.7.1", "Host not found");
	status = lookup_addrs(a->s->smtpd, name, true, &addrs);
	dns_addr_list_clear(&addrs);
	if (status == DNS_OK)
		return ACCESS_DUNNO;
	by_mx = lookup_mx(a->s->smtpd, name, &mx);
	dns_mx_list_clear(&mx);
	if (by_mx == DNS_OK)
		return ACCESS_DUNNO;
	if (dns_status_is_temp(status) || dns_status_is_temp(by_mx))
		return access_not_known(a,
		    conf->unknown_helo_hostname_tempfail_action, SUBJECT_HELO,
		    "4.7.1", "Host not found");
	return refuse_helo(a, conf->unknown_hostname_reject_code, "4.7.1",
	    "Host not found");
}
