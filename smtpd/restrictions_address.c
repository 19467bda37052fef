/*
 * Restrictions on addresses: whether they are complete, whether their domains
 * are there, and whether we know them.
 */
#include "lib/base/clock.h"
#include "lib/mail/addr.h"
#include "lib/mail/dsn.h"
#include "lib/mail/verify_sender.h"
#include "smtpd/access_run.h"
#include "smtpd/lookup.h"
#include "smtpd/rcpt_class.h"

static bool
is_literal(struct view name)
{
	struct view ip;
	bool is_ipv6;

	return addr_parse_literal(name, &ip, &is_ipv6);
}

/* A name that says where it is: with a dot inside. */
static bool
is_fqdn(struct view name)
{
	return dns_name_is_valid(name) &&
	    view_find(dns_name_bare(name), '.') != VIEW_NPOS;
}

static enum access_verdict
check_fqdn(struct access *a, enum access_subject subject)
{
	struct view address = access_address(a, subject);
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

enum access_verdict
reject_non_fqdn_sender(struct access *a, const struct access_item *item)
{
	(void)item;
	return check_fqdn(a, SUBJECT_SENDER);
}

enum access_verdict
reject_non_fqdn_recipient(struct access *a, const struct access_item *item)
{
	(void)item;
	return check_fqdn(a, SUBJECT_RECIPIENT);
}

/* A name that has an address, or a mail host: what a domain needs to have mail.
 * DNS_OK, or why not. */
static enum dns_status
domain_status(struct access *a, struct view domain, bool *null_mx)
{
	struct dns_mx_list mx;
	struct dns_addr_list addrs;
	enum dns_status status = lookup_mx(a->s->smtpd, domain, &mx);

	*null_mx = status == DNS_OK && mx.null_mx;
	dns_mx_list_clear(&mx);
	if (status != DNS_NODATA)
		return status;
	status = lookup_addrs(a->s->smtpd, domain, true, &addrs);
	dns_addr_list_clear(&addrs);
	return status;
}

/* Mail domains that nobody but the DNS could know. */
static enum access_verdict
check_domain(struct access *a, enum access_subject subject)
{
	const struct conf *conf = a->s->smtpd->conf;
	struct view address = access_address(a, subject);
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
	/* What is relayed has its own mail host elsewhere. */
	is_ours = rcpt_is_authorised(r) && r->class != IPC_CLASS_RELAY;
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
		return access_not_known(a,
		    conf->unknown_address_tempfail_action, subject,
		    is_sender ? "4.1.8" : "4.1.2", "Domain not found");
	return access_refuse(a, subject, conf->unknown_address_reject_code,
	    is_sender ? "4.1.8" : "4.1.2", "Domain not found");
}

enum access_verdict
reject_unknown_sender(struct access *a, const struct access_item *item)
{
	(void)item;
	return check_domain(a, SUBJECT_SENDER);
}

enum access_verdict
reject_unknown_recipient(struct access *a, const struct access_item *item)
{
	(void)item;
	return check_domain(a, SUBJECT_RECIPIENT);
}

/* --- addresses that exist --- */

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
	struct view address = access_address(a, subject);
	enum access_verdict v = ACCESS_DUNNO;
	struct rcpt_route *r;
	bool known = true;
	struct err e;

	/* Who probes us back asks for the sender of our probes. */
	if (address.len == 0 ||
	    verify_sender_is(smtpd->conf, clock_wall(), address))
		return v;
	/* Who was only warned of was not refused: that is still to come. */
	if (subject == SUBJECT_SENDER)
		a->sender_is_listed = !access_is_warning(a);
	else
		a->recipient_is_listed = !access_is_warning(a);
	e = rcpt_route_take(smtpd,
	    subject == SUBJECT_SENDER ? VIEW_EMPTY
				      : access_address(a, SUBJECT_SENDER),
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

enum access_verdict
reject_unlisted_sender(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_check_listed(a, SUBJECT_SENDER);
}

enum access_verdict
reject_unlisted_recipient(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_check_listed(a, SUBJECT_RECIPIENT);
}

