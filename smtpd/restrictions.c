/*
 * The restrictions, one function each, and the table that names them.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/dsn.h"
#include "lib/mail/verify_sender.h"
#include "smtpd/access_run.h"
#include "smtpd/rcpt_class.h"
#include "smtpd/reply.h"

enum { DNS_TIMEOUT = 60 };

/* --- those that decide by themselves --- */

static enum access_verdict
permit(struct access *a, const struct access_item *item)
{
	(void)a, (void)item;
	return ACCESS_OK;
}

static enum access_verdict
reject(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_refuse(a, access_stage_subject(a->stage),
	    a->s->smtpd->conf->reject_code, "5.7.1", "Access denied");
}

static enum access_verdict
defer(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_refuse(a, access_stage_subject(a->stage),
	    a->s->smtpd->conf->defer_code, "4.3.2", "Try again later");
}

static enum access_verdict
defer_if_permit(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_defer_if_permit(a, access_stage_subject(a->stage), 450,
	    "4.7.0", "defer_if_permit requested");
}

static enum access_verdict
defer_if_reject(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_defer_if_reject(a, access_stage_subject(a->stage), 450,
	    "4.7.0", "defer_if_reject requested");
}

/* --- clients --- */

static enum access_verdict
permit_mynetworks(struct access *a, const struct access_item *item)
{
	(void)item;
	if (a->s->client.trust_failed)
		return access_lookup_failed(a, view_of(a->s->client.label),
		    err_make(ERR_TEMP, "mynetworks cannot be asked"));
	return a->s->client.is_trusted ? ACCESS_OK : ACCESS_DUNNO;
}

static enum access_verdict
permit_inet_interfaces(struct access *a, const struct access_item *item)
{
	struct dns_addr client;

	(void)item;
	if (!dns_addr_parse(view_of(a->s->client.addr), &client))
		return ACCESS_DUNNO;
	for (size_t i = 0; i < a->s->smtpd->n_own; i++)
		if (dns_addr_eq(&client, &a->s->smtpd->own[i]))
			return ACCESS_OK;
	return ACCESS_DUNNO;
}

/* Nobody has logged in: AUTH is not offered yet. */
static enum access_verdict
permit_sasl_authenticated(struct access *a, const struct access_item *item)
{
	(void)a, (void)item;
	return ACCESS_DUNNO;
}

static enum access_verdict
reject_unauth_pipelining(struct access *a, const struct access_item *item)
{
	(void)item;
	if (!a->s->pipelined_badly)
		return ACCESS_DUNNO;
	return access_refuse(a, access_stage_subject(a->stage), 503, "5.5.0",
	    "Improper use of SMTP command pipelining");
}

static enum access_verdict
reject_unknown_client(struct access *a, const struct access_item *item)
{
	const struct client *c = &a->s->client;

	(void)item;
	if (strcmp(c->name, "unknown") != 0)
		return ACCESS_DUNNO;
	return access_refuse(a, SUBJECT_NONE,
	    dns_status_is_temp(c->name_status)
		? 450
		: a->s->smtpd->conf->unknown_client_reject_code,
	    "4.7.25", "Client host rejected: cannot find your hostname, [%s]",
	    c->addr);
}

static enum access_verdict
reject_unknown_reverse(struct access *a, const struct access_item *item)
{
	const struct client *c = &a->s->client;

	(void)item;
	if (strcmp(c->reverse, "unknown") != 0)
		return ACCESS_DUNNO;
	return access_refuse(a, SUBJECT_NONE,
	    dns_status_is_temp(c->reverse_status)
		? 450
		: a->s->smtpd->conf->unknown_client_reject_code,
	    "4.7.25",
	    "Client host rejected: cannot find your reverse hostname, [%s]",
	    c->addr);
}

/* --- HELO --- */

static bool
is_literal(struct view name)
{
	struct view ip;
	bool is_ipv6;

	return addr_parse_literal(name, &ip, &is_ipv6);
}

static enum access_verdict
reject_invalid_helo(struct access *a, const struct access_item *item)
{
	(void)item;
	if (a->s->helo == NULL || is_literal(view_of(a->s->helo)) ||
	    dns_name_is_valid(view_of(a->s->helo)))
		return ACCESS_DUNNO;
	return access_refuse(a, SUBJECT_HELO,
	    a->s->smtpd->conf->invalid_hostname_reject_code, "5.5.2",
	    "Invalid name");
}

/* A name that says where it is: with a dot inside. */
static bool
is_fqdn(struct view name)
{
	return dns_name_is_valid(name) &&
	    view_find(dns_name_bare(name), '.') != VIEW_NPOS;
}

static enum access_verdict
reject_non_fqdn_helo(struct access *a, const struct access_item *item)
{
	(void)item;
	if (a->s->helo == NULL || is_literal(view_of(a->s->helo)) ||
	    is_fqdn(view_of(a->s->helo)))
		return ACCESS_DUNNO;
	return access_refuse(a, SUBJECT_HELO,
	    a->s->smtpd->conf->non_fqdn_reject_code, "5.5.2",
	    "need fully-qualified hostname");
}

/* A name that has an address, or a mail host: what a domain needs to have mail.
 * DNS_OK, or why not. */
static enum dns_status
domain_status(struct access *a, struct view domain, bool *null_mx)
{
	struct dns_client *dns = &a->s->smtpd->dns;
	int64_t limit = a->s->smtpd->conf->ipc_timeout;
	struct dns_mx_list mx;
	struct dns_addr_list addrs;
	enum dns_status status =
	    dns_lookup_mx(dns, domain, 0, &mx,
		deadline_in_shorter(DNS_TIMEOUT, limit));

	*null_mx = status == DNS_OK && mx.null_mx;
	dns_mx_list_clear(&mx);
	if (status != DNS_NODATA)
		return status;
	status = dns_lookup_addrs(dns, domain, DNS_NATIVE, &addrs,
	    deadline_in_shorter(DNS_TIMEOUT, limit));
	dns_addr_list_clear(&addrs);
	return status;
}

static enum access_verdict
reject_unknown_helo(struct access *a, const struct access_item *item)
{
	const struct conf *conf = a->s->smtpd->conf;
	enum dns_status status;
	bool null_mx;

	(void)item;
	if (a->s->helo == NULL || is_literal(view_of(a->s->helo)))
		return ACCESS_DUNNO;
	status = domain_status(a, view_of(a->s->helo), &null_mx);
	if (status == DNS_OK)
		return ACCESS_DUNNO;
	if (dns_status_is_temp(status))
		return access_defer_if_permit(
		    a, SUBJECT_HELO, 450, "4.7.1", "Host not found");
	return access_refuse(a, SUBJECT_HELO,
	    conf->unknown_hostname_reject_code, "4.7.1", "Host not found");
}

/* --- addresses --- */

/* The address in question; empty if there is none (yet). */
static struct view
address_of(const struct access *a, enum access_subject subject)
{
	if (subject == SUBJECT_RECIPIENT)
		return a->recipient;
	return a->s->t != NULL ? str_view(&a->s->t->sender) : VIEW_EMPTY;
}

static enum access_verdict
check_fqdn(struct access *a, enum access_subject subject)
{
	struct view address = address_of(a, subject);
	struct view domain = addr_domain(address);

	if (address.len == 0 || is_literal(domain) || is_fqdn(domain) ||
	    !view_is_ascii(domain))
		return ACCESS_DUNNO;
	/* RFC 5321 4.5.1. */
	if (view_eq_case(address, VIEW("postmaster")))
		return ACCESS_DUNNO;
	return access_refuse(a, subject,
	    a->s->smtpd->conf->non_fqdn_reject_code, "5.5.2",
	    "need fully-qualified address");
}

static enum access_verdict
reject_non_fqdn_sender(struct access *a, const struct access_item *item)
{
	(void)item;
	return check_fqdn(a, SUBJECT_SENDER);
}

static enum access_verdict
reject_non_fqdn_recipient(struct access *a, const struct access_item *item)
{
	(void)item;
	return check_fqdn(a, SUBJECT_RECIPIENT);
}

/* Mail domains that nobody but the DNS could know. */
static enum access_verdict
check_domain(struct access *a, enum access_subject subject)
{
	const struct conf *conf = a->s->smtpd->conf;
	struct view address = address_of(a, subject);
	struct view domain = addr_domain(address);
	bool is_sender = subject == SUBJECT_SENDER;
	struct rcpt_route *r;
	enum dns_status status;
	bool null_mx, is_ours;
	struct err e;

	if (domain.len == 0 || is_literal(domain))
		return ACCESS_DUNNO;
	e = rcpt_route_take(a->s->smtpd, VIEW_EMPTY, address, &r);
	if (err_is(e))
		return access_lookup_failed(a, address, e);
	is_ours = rcpt_is_authorised(r);
	rcpt_route_give(r);
	if (is_ours)
		return ACCESS_DUNNO;
	status = domain_status(a, domain, &null_mx);
	/* RFC 7505 4.2: such a domain can have sent nothing either. */
	if (null_mx)
		return access_refuse(a, subject, is_sender ? 550 : 556,
		    is_sender ? "5.7.27" : "5.1.10",
		    "Domain %.*s does not accept mail (nullMX)",
		    VIEW_ARGS(domain));
	if (status == DNS_OK)
		return ACCESS_DUNNO;
	if (dns_status_is_temp(status))
		return access_defer_if_permit(a, subject, 450,
		    is_sender ? "4.1.8" : "4.1.2", "Domain not found");
	return access_refuse(a, subject, conf->unknown_address_reject_code,
	    is_sender ? "4.1.8" : "4.1.2", "Domain not found");
}

static enum access_verdict
reject_unknown_sender(struct access *a, const struct access_item *item)
{
	(void)item;
	return check_domain(a, SUBJECT_SENDER);
}

static enum access_verdict
reject_unknown_recipient(struct access *a, const struct access_item *item)
{
	(void)item;
	return check_domain(a, SUBJECT_RECIPIENT);
}

/* --- relaying --- */

/* ACCESS_OK: the recipient is one that we have mail for. */
static enum access_verdict
check_destination(struct access *a)
{
	struct smtpd *smtpd = a->s->smtpd;
	struct rcpt_route *r;
	struct err e;
	bool fine;

	/* Without an @ it is completed with $myorigin, which is not
	 * necessarily a domain of ours; rewrite says. */
	e = rcpt_route_take(
	    smtpd, address_of(a, SUBJECT_SENDER), a->recipient, &r);
	if (err_is(e))
		return access_lookup_failed(a, a->recipient, e);
	fine = rcpt_is_authorised(r) &&
	    (smtpd->conf->allow_untrusted_routing ||
		!rcpt_has_route(smtpd, a->recipient));
	rcpt_route_give(r);
	return fine ? ACCESS_OK : ACCESS_DUNNO;
}

static enum access_verdict
permit_auth_destination(struct access *a, const struct access_item *item)
{
	(void)item;
	return a->recipient.len > 0 ? check_destination(a) : ACCESS_DUNNO;
}

static enum access_verdict
deny_relay(struct access *a, int64_t code, const char *dsn)
{
	enum access_verdict v;
	struct str name = STR_EMPTY;

	if (a->recipient.len == 0)
		return ACCESS_DUNNO;
	v = check_destination(a);
	if (v != ACCESS_DUNNO)
		return v == ACCESS_OK ? ACCESS_DUNNO : v;
	access_add_subject(&name, a, SUBJECT_RECIPIENT);
	v = access_refuse(
	    a, SUBJECT_NONE, code, dsn, "<%s>: Relay access denied", name.ptr);
	str_clear(&name);
	return v;
}

static enum access_verdict
reject_unauth_destination(struct access *a, const struct access_item *item)
{
	(void)item;
	return deny_relay(
	    a, a->s->smtpd->conf->relay_domains_reject_code, "5.7.1");
}

static enum access_verdict
defer_unauth_destination(struct access *a, const struct access_item *item)
{
	(void)item;
	return deny_relay(a, 454, "4.7.1");
}

/* --- recipients that exist --- */

static enum access_verdict
refuse_unlisted(
    struct access *a, enum access_subject subject, const struct rcpt_route *r)
{
	const struct conf *conf = a->s->smtpd->conf;
	const struct {
		int64_t code;
		const char *table;
	} by_class[] = {
		[IPC_CLASS_LOCAL] = { conf->unknown_local_recipient_reject_code,
		    " in local recipient table" },
		[IPC_CLASS_VIRTUAL_ALIAS] = { conf->unknown_virtual_alias_reject_code,
		    " in virtual alias table" },
		[IPC_CLASS_VIRTUAL_MAILBOX] = { conf->unknown_virtual_mailbox_reject_code,
		    " in virtual mailbox table" },
		[IPC_CLASS_RELAY] = { conf->unknown_relay_recipient_reject_code,
		    " in relay recipient table" },
		[IPC_CLASS_DEFAULT] = { 550, "" },
	};
	bool is_retry = view_eq(str_view(&r->transport), VIEW("retry"));
	const char *dsn = subject != SUBJECT_SENDER ? "5.1.1" :
	    r->class == IPC_CLASS_VIRTUAL_ALIAS	    ? "5.1.7" :
						      "5.1.0";

	/* "User unknown" of aliases is told with the code of their class. */
	if ((is_retry || view_eq(str_view(&r->transport), VIEW("error"))) &&
	    (r->class != IPC_CLASS_VIRTUAL_ALIAS ||
		!view_starts(str_view(&r->nexthop),
		    VIEW("5.1.1 User unknown")))) {
		struct dsn_split why = dsn_split(str_view(&r->nexthop),
		    DSN_STATUS(5, 1, 1));
		char buffer[DSN_STATUS_SIZE];

		/* Of a recipient; of a sender there is but one for all. */
		if (subject == SUBJECT_SENDER && why.status.subject == 1 &&
		    why.status.detail != 2)
			why.status.detail = 7;

		return access_refuse(a, subject, is_retry ? 450 : 550,
		    dsn_text(why.status, buffer), "%.*s", VIEW_ARGS(why.text));
	}
	return access_refuse(a, subject, by_class[r->class].code, dsn,
	    "User unknown%s",
	    conf->show_user_unknown_table_name ? by_class[r->class].table : "");
}

enum access_verdict
access_check_listed(struct access *a, enum access_subject subject)
{
	struct smtpd *smtpd = a->s->smtpd;
	struct view address = address_of(a, subject);
	enum access_verdict v = ACCESS_DUNNO;
	struct rcpt_route *r;
	bool known = true;
	struct err e;

	/* Who probes us back asks for the sender of our probes. */
	if (address.len == 0 ||
	    verify_sender_is(smtpd->conf, clock_wall(), address))
		return v;
	if (subject == SUBJECT_SENDER)
		a->sender_is_listed = true;
	else
		a->recipient_is_listed = true;
	e = rcpt_route_take(smtpd,
	    subject == SUBJECT_SENDER ? VIEW_EMPTY
				      : address_of(a, SUBJECT_SENDER),
	    address, &r);
	if (err_is(e))
		return access_lookup_failed(a, address, e);
	e = rcpt_is_known(smtpd, r, subject == SUBJECT_SENDER, &known);
	if (err_is(e))
		v = access_lookup_failed(a, address, e);
	else if (!known)
		v = refuse_unlisted(a, subject, r);
	rcpt_route_give(r);
	return v;
}

static enum access_verdict
reject_unlisted_sender(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_check_listed(a, SUBJECT_SENDER);
}

static enum access_verdict
reject_unlisted_recipient(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_check_listed(a, SUBJECT_RECIPIENT);
}

/* --- the table --- */

#define TABLE(name, subject)                                          \
	{                                                             \
		name, access_check_table, ACCESS_TAKES_TABLE, subject \
	}

const struct access_row access_rows[] = {
	{ "permit", permit, ACCESS_ENDS, 0 },
	{ "reject", reject, ACCESS_GUARDS, 0 },
	{ "defer", defer, ACCESS_GUARDS, 0 },
	{ "warn_if_reject", NULL, ACCESS_WARNS, 0 },
	{ "defer_if_permit", defer_if_permit, ACCESS_GUARDS, 0 },
	{ "defer_if_reject", defer_if_reject, 0, 0 },
	{ "permit_mynetworks", permit_mynetworks, 0, 0 },
	{ "permit_inet_interfaces", permit_inet_interfaces, 0, 0 },
	{ "permit_sasl_authenticated", permit_sasl_authenticated, 0, 0 },
	{ "permit_auth_destination", permit_auth_destination, 0, 0 },
	{ "reject_unauth_destination", reject_unauth_destination, ACCESS_GUARDS,
	    0 },
	{ "defer_unauth_destination", defer_unauth_destination, ACCESS_GUARDS,
	    0 },
	{ "reject_unlisted_sender", reject_unlisted_sender, 0, 0 },
	{ "reject_unlisted_recipient", reject_unlisted_recipient, 0, 0 },
	{ "reject_unauth_pipelining", reject_unauth_pipelining, 0, 0 },
	{ "reject_non_fqdn_helo_hostname", reject_non_fqdn_helo, 0, 0 },
	{ "reject_non_fqdn_hostname", reject_non_fqdn_helo, 0, 0 },
	{ "reject_non_fqdn_sender", reject_non_fqdn_sender, 0, 0 },
	{ "reject_non_fqdn_recipient", reject_non_fqdn_recipient, 0, 0 },
	{ "reject_invalid_helo_hostname", reject_invalid_helo, 0, 0 },
	{ "reject_invalid_hostname", reject_invalid_helo, 0, 0 },
	{ "reject_unknown_helo_hostname", reject_unknown_helo, 0, 0 },
	{ "reject_unknown_hostname", reject_unknown_helo, 0, 0 },
	{ "reject_unknown_sender_domain", reject_unknown_sender, 0, 0 },
	{ "reject_unknown_recipient_domain", reject_unknown_recipient, 0, 0 },
	{ "reject_unknown_client_hostname", reject_unknown_client, 0, 0 },
	{ "reject_unknown_client", reject_unknown_client, 0, 0 },
	{ "reject_unknown_reverse_client_hostname", reject_unknown_reverse, 0,
	    0 },
	{ "reject_unverified_sender", access_unverified_sender, 0, 0 },
	{ "reject_unverified_recipient", access_unverified_recipient, 0, 0 },
	TABLE("check_client_access", SUBJECT_CLIENT),
	TABLE("check_helo_access", SUBJECT_HELO),
	TABLE("check_sender_access", SUBJECT_SENDER),
	TABLE("check_recipient_access", SUBJECT_RECIPIENT),
	TABLE("check_etrn_access", SUBJECT_ETRN),
	TABLE("check_address_map", SUBJECT_CLIENT),
	{ NULL, NULL, 0, 0 },
};

const struct access_row *
access_row_find(struct view name)
{
	for (const struct access_row *r = access_rows; r->name != NULL; r++)
		if (view_eq_case(name, view_of(r->name)))
			return r;
	return NULL;
}
