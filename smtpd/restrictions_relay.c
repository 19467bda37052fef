/*
 * Restrictions on relaying: mail for us, for those whose mail we keep, and for
 * anybody else.
 */
#include "lib/mail/addr.h"
#include "smtpd/access_run.h"
#include "smtpd/lookup.h"
#include "smtpd/rcpt_class.h"

enum access_verdict
access_check_destination(struct access *a)
{
	struct smtpd *smtpd = a->s->smtpd;
	struct rcpt_route *r;
	struct err e;
	bool fine;

	/* Without an @ it is completed with $myorigin, which is not
	 * necessarily a domain of ours; rewrite says. */
	e = rcpt_route_take(
	    smtpd, access_address(a, SUBJECT_SENDER), a->recipient, &r);
	if (err_is(e))
		return access_lookup_failed(a, a->recipient, e);
	fine = rcpt_is_authorised(r) &&
	    (smtpd->conf->allow_untrusted_routing ||
		!rcpt_has_route(smtpd, a->recipient));
	rcpt_route_give(r);
	return fine ? ACCESS_OK : ACCESS_DUNNO;
}

enum access_verdict
permit_auth_destination(struct access *a, const struct access_item *item)
{
	enum access_verdict v;

	if (a->recipient.len == 0)
		return ACCESS_DUNNO;
	v = access_check_destination(a);
	return v == ACCESS_OK
	    ? access_permit(a, item->name, SUBJECT_RECIPIENT, "")
	    : v;
}

static enum access_verdict
deny_relay(
    struct access *a, enum access_subject subject, int64_t code, const char *dsn)
{
	enum access_verdict v;
	struct str name = STR_EMPTY;

	if (a->recipient.len == 0)
		return ACCESS_DUNNO;
	v = access_check_destination(a);
	if (v != ACCESS_DUNNO)
		return v == ACCESS_OK ? ACCESS_DUNNO : v;
	if (subject != SUBJECT_NONE)
		return access_refuse(
		    a, subject, code, dsn, "Relay access denied");
	access_add_subject(&name, a, SUBJECT_RECIPIENT);
	v = access_refuse(
	    a, SUBJECT_NONE, code, dsn, "<%s>: Relay access denied", name.ptr);
	str_clear(&name);
	return v;
}

enum access_verdict
reject_unauth_destination(struct access *a, const struct access_item *item)
{
	(void)item;
	return deny_relay(a, SUBJECT_NONE,
	    a->s->smtpd->conf->relay_domains_reject_code, "5.7.1");
}

enum access_verdict
defer_unauth_destination(struct access *a, const struct access_item *item)
{
	int64_t code = a->s->smtpd->conf->relay_domains_reject_code;

	(void)item;
	return deny_relay(
	    a, SUBJECT_NONE, code >= 500 ? code - 100 : code, "4.7.1");
}

/* The old one: it permits what it does not refuse. */
enum access_verdict
check_relay_domains(struct access *a, const struct access_item *item)
{
	enum access_verdict v = deny_relay(a, SUBJECT_RECIPIENT,
	    a->s->smtpd->conf->relay_domains_reject_code, "5.7.1");

	return v == ACCESS_DUNNO && a->recipient.len > 0 && !access_is_warning(a)
	    ? access_permit(a, item->name, SUBJECT_RECIPIENT, "")
	    : v;
}

/* --- backup MX --- */

static enum access_verdict
mx_not_known(struct access *a, const char *what, const char *name)
{
	return access_defer_if_reject(a, SUBJECT_RECIPIENT, 450, "4.4.4",
	    "Unable to look up %s%s: Host not found, try again", what, name);
}

static bool
has_own_address(const struct smtpd *smtpd, const struct dns_addr_list *addrs)
{
	for (size_t i = 0; i < addrs->n; i++)
		for (size_t k = 0; k < smtpd->n_own; k++)
			if (dns_addr_eq(&addrs->addrs[i], &smtpd->own[k]))
				return true;
	return false;
}

/* ACCESS_OK: this host is among the mail hosts. */
static enum access_verdict
check_own_mx(struct access *a, const struct dns_mx_list *mx)
{
	struct smtpd *smtpd = a->s->smtpd;
	const char *unknown = NULL;
	bool mine = false;

	for (size_t i = 0; i < mx->n; i++)
		if (view_eq_case(view_of(mx->mx[i].host),
			view_of(smtpd->conf->myhostname)))
			return ACCESS_OK;
	for (size_t i = 0; i < mx->n && !mine; i++) {
		struct dns_addr_list addrs;
		enum dns_status status = lookup_addrs(
		    smtpd, view_of(mx->mx[i].host), true, &addrs);

		mine = has_own_address(smtpd, &addrs);
		if (dns_status_is_temp(status))
			unknown = mx->mx[i].host;
		dns_addr_list_clear(&addrs);
	}
	if (mine)
		return ACCESS_OK;
	return unknown != NULL
	    ? mx_not_known(a, "mail exchanger host ", unknown)
	    : ACCESS_DUNNO;
}

/* ACCESS_OK: every address of this host is in permit_mx_backup_networks. */
static enum access_verdict
check_host_networks(struct access *a, const char *host)
{
	struct match_list *networks =
	    a->s->smtpd->access_shared->mx_backup_networks;
	struct dns_addr_list addrs;
	enum dns_status status =
	    lookup_addrs(a->s->smtpd, view_of(host), true, &addrs);
	bool yes = status == DNS_OK;
	struct err e = ERR_OK;

	for (size_t i = 0; i < addrs.n && yes && !err_is(e); i++) {
		char text[DNS_ADDR_TEXT_SIZE];

		dns_addr_text(&addrs.addrs[i], text);
		e = match_list_matches_addr(networks, view_of(text), &yes);
	}
	dns_addr_list_clear(&addrs);
	if (err_is(e))
		return access_lookup_failed(
		    a, VIEW("permit_mx_backup_networks"), e);
	if (dns_status_is_temp(status))
		return mx_not_known(a, "mail exchanger host ", host);
	return yes ? ACCESS_OK : ACCESS_DUNNO;
}

/* Those that the domain wants to have its mail most. */
static enum access_verdict
check_primary_mx(struct access *a, const struct dns_mx_list *mx)
{
	enum access_verdict v = ACCESS_OK;

	for (size_t i = 0; i < mx->n && v == ACCESS_OK &&
	     mx->mx[i].preference == mx->mx[0].preference;
	     i++)
		v = check_host_networks(a, mx->mx[i].host);
	return v;
}

enum access_verdict
permit_mx_backup(struct access *a, const struct access_item *item)
{
	struct smtpd *smtpd = a->s->smtpd;
	struct view domain = addr_domain(a->recipient);
	struct dns_mx_list mx;
	enum access_verdict v;

	if (a->recipient.len == 0)
		return ACCESS_DUNNO;
	v = access_check_destination(a);
	if (v == ACCESS_OK)
		return access_permit(a, item->name, SUBJECT_RECIPIENT, "");
	if (v == ACCESS_REFUSED || !dns_hostname_is_valid(domain) ||
	    rcpt_has_route(smtpd, a->recipient))
		return v;
	lookup_mx(smtpd, domain, &mx);
	if (dns_status_is_temp(mx.status))
		v = mx_not_known(a, "mail exchanger information", "");
	else if (mx.status == DNS_OK && mx.n > 0)
		v = check_own_mx(a, &mx);
	if (v == ACCESS_OK &&
	    !match_list_is_empty(smtpd->access_shared->mx_backup_networks))
		v = check_primary_mx(a, &mx);
	dns_mx_list_clear(&mx);
	return v == ACCESS_OK
	    ? access_permit(a, item->name, SUBJECT_RECIPIENT, "")
	    : v;
}
