/*
 * The table of restrictions, and those that decide by themselves.
 */
#include "lib/run/fiber.h"
#include "smtpd/access_run.h"

/* --- verdicts --- */

static enum access_verdict
permit(struct access *a, const struct access_item *item)
{
	return access_permit(a, item->name, a->subject, "");
}

static enum access_verdict
reject(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_refuse(a, a->subject, a->s->smtpd->conf->reject_code,
	    "5.7.1", "Access denied");
}

static enum access_verdict
defer(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_refuse(a, a->subject, a->s->smtpd->conf->defer_code,
	    "4.3.2", "Try again later");
}

static enum access_verdict
defer_if_permit(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_defer_if_permit(
	    a, a->subject, 450, "4.7.0", "defer_if_permit requested");
}

static enum access_verdict
defer_if_reject(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_defer_if_reject(
	    a, a->subject, 450, "4.7.0", "defer_if_reject requested");
}

static enum access_verdict
do_sleep(struct access *a, const struct access_item *item)
{
	int64_t seconds =
	    item->number < 3600 ? item->number : 3600;

	(void)a;
	if (seconds > 0 && err_is(fiber_sleep(seconds * 1000)))
		a->s->ending = SESSION_LOST;
	return ACCESS_DUNNO;
}

/* --- clients --- */

static enum access_verdict
permit_mynetworks(struct access *a, const struct access_item *item)
{
	if (a->s->client.trust_failed)
		return access_lookup_failed(a, view_of(a->s->client.label),
		    err_make(ERR_TEMP, "mynetworks cannot be asked"));
	return a->s->client.is_trusted
	    ? access_permit(a, item->name, SUBJECT_CLIENT, "")
	    : ACCESS_DUNNO;
}

static enum access_verdict
permit_inet_interfaces(struct access *a, const struct access_item *item)
{
	struct dns_addr client;

	if (!dns_addr_parse(view_of(a->s->client.addr), &client))
		return ACCESS_DUNNO;
	for (size_t i = 0; i < a->s->smtpd->n_interfaces; i++)
		if (dns_addr_eq(&client, &a->s->smtpd->own[i]))
			return access_permit(
			    a, item->name, SUBJECT_CLIENT, "");
	return ACCESS_DUNNO;
}

static enum access_verdict
permit_sasl_authenticated(struct access *a, const struct access_item *item)
{
	return a->s->login.username != NULL
	    ? access_permit(a, item->name, SUBJECT_CLIENT, "")
	    : ACCESS_DUNNO;
}

/* Nobody shows a certificate before there is TLS. */
static enum access_verdict
permit_tls_clientcerts(struct access *a, const struct access_item *item)
{
	(void)a, (void)item;
	return ACCESS_DUNNO;
}

/* HELO with an address and no name: the oldest of the old. */
static enum access_verdict
permit_naked_ip_address(struct access *a, const struct access_item *item)
{
	struct dns_addr addr;

	return a->s->helo != NULL &&
		dns_addr_parse(view_of(a->s->helo), &addr)
	    ? access_permit(a, item->name, SUBJECT_HELO, "")
	    : ACCESS_DUNNO;
}

/* --- sessions --- */

static enum access_verdict
reject_unauth_pipelining(struct access *a, const struct access_item *item)
{
	(void)item;
	if (!a->s->pipelined_badly)
		return ACCESS_DUNNO;
	return access_refuse(a, a->subject, 503, "5.5.0",
	    "Improper use of SMTP command pipelining");
}

/* No session is encrypted before there is TLS. */
static enum access_verdict
reject_plaintext_session(struct access *a, const struct access_item *item)
{
	(void)item;
	return access_refuse(a, SUBJECT_NONE,
	    a->s->smtpd->conf->plaintext_reject_code, "4.7.1",
	    "Session encryption is required");
}

/* A report has one addressee (RFC 5321 4.5.5). */
static enum access_verdict
reject_multi_recipient_bounce(struct access *a, const struct access_item *item)
{
	const struct transaction *t = a->s->t;
	/* At RCPT the one in question is not among those accepted. */
	size_t others = a->stage <= ACCESS_RECIPIENT ? 1 : 0;

	(void)item;
	if (t == NULL || t->sender.len > 0 || t->n_rcpts + others <= 1)
		return ACCESS_DUNNO;
	return access_refuse(a, a->subject,
	    a->s->smtpd->conf->multi_recipient_bounce_reject_code, "5.5.3",
	    "Multi-recipient bounce");
}

/* --- the table --- */

#define PLAIN(name, run) { name, run, ACCESS_ARG_NONE, 0, 0, 0 }
#define FLAGGED(name, run, flags) { name, run, ACCESS_ARG_NONE, flags, 0, 0 }
#define TABLE(name, subject) \
	{ name, access_check_table, ACCESS_ARG_TABLE, 0, subject, 0 }
#define HOSTS(name, subject)                                              \
	{ name "_mx_access", access_check_hosts, ACCESS_ARG_TABLE, 0,     \
	    subject, DNS_TYPE_MX },                                       \
	{ name "_ns_access", access_check_hosts, ACCESS_ARG_TABLE, 0,     \
	    subject, DNS_TYPE_NS },                                       \
	{                                                                 \
		name "_a_access", access_check_hosts, ACCESS_ARG_TABLE, 0, \
		    subject, DNS_TYPE_A                                   \
	}
#define DNSLIST(name, run, subject) \
	{ name, run, ACCESS_ARG_DNSLIST, 0, subject, 0 }

const struct access_row access_rows[] = {
	FLAGGED("permit", permit, ACCESS_ENDS),
	FLAGGED("reject", reject, ACCESS_GUARDS),
	FLAGGED("defer", defer, ACCESS_GUARDS),
	FLAGGED("warn_if_reject", NULL, ACCESS_WARNS),
	FLAGGED("defer_if_permit", defer_if_permit, ACCESS_GUARDS),
	PLAIN("defer_if_reject", defer_if_reject),
	{ "sleep", do_sleep, ACCESS_ARG_NUMBER, 0, 0, 0 },
	/* Clients. */
	PLAIN("permit_mynetworks", permit_mynetworks),
	PLAIN("permit_inet_interfaces", permit_inet_interfaces),
	PLAIN("permit_sasl_authenticated", permit_sasl_authenticated),
	PLAIN("permit_tls_clientcerts", permit_tls_clientcerts),
	PLAIN("permit_tls_all_clientcerts", permit_tls_clientcerts),
	PLAIN("reject_unknown_client_hostname", reject_unknown_client),
	PLAIN("reject_unknown_reverse_client_hostname", reject_unknown_reverse),
	PLAIN("reject_unknown_forward_client_hostname", reject_unknown_forward),
	PLAIN("reject_plaintext_session", reject_plaintext_session),
	PLAIN("reject_unauth_pipelining", reject_unauth_pipelining),
	/* HELO. */
	PLAIN("reject_invalid_helo_hostname", reject_invalid_helo),
	PLAIN("reject_non_fqdn_helo_hostname", reject_non_fqdn_helo),
	PLAIN("reject_unknown_helo_hostname", reject_unknown_helo),
	/* Addresses. */
	PLAIN("reject_non_fqdn_sender", reject_non_fqdn_sender),
	PLAIN("reject_non_fqdn_recipient", reject_non_fqdn_recipient),
	PLAIN("reject_unknown_sender_domain", reject_unknown_sender),
	PLAIN("reject_unknown_recipient_domain", reject_unknown_recipient),
	PLAIN("reject_unlisted_sender", reject_unlisted_sender),
	PLAIN("reject_unlisted_recipient", reject_unlisted_recipient),
	PLAIN("reject_unverified_sender", access_unverified_sender),
	PLAIN("reject_unverified_recipient", access_unverified_recipient),
	PLAIN("check_greylist", access_check_greylist),
	PLAIN("reject_multi_recipient_bounce", reject_multi_recipient_bounce),
	/* Relaying. */
	PLAIN("permit_auth_destination", permit_auth_destination),
	PLAIN("permit_mx_backup", permit_mx_backup),
	FLAGGED("reject_unauth_destination", reject_unauth_destination,
	    ACCESS_GUARDS),
	FLAGGED("defer_unauth_destination", defer_unauth_destination,
	    ACCESS_GUARDS),
	/* Who may send as whom. */
	FLAGGED("reject_sender_login_mismatch", reject_sender_login,
	    ACCESS_SASL),
	FLAGGED("reject_known_sender_login_mismatch",
	    reject_known_sender_login, ACCESS_SASL),
	FLAGGED("reject_authenticated_sender_login_mismatch",
	    reject_auth_sender_login, ACCESS_SASL),
	FLAGGED("reject_unauthenticated_sender_login_mismatch",
	    reject_unauth_sender_login, ACCESS_SASL),
	/* Tables. */
	TABLE("check_client_access", SUBJECT_CLIENT),
	TABLE("check_reverse_client_hostname_access", SUBJECT_REVERSE),
	TABLE("check_helo_access", SUBJECT_HELO),
	TABLE("check_sender_access", SUBJECT_SENDER),
	TABLE("check_recipient_access", SUBJECT_RECIPIENT),
	TABLE("check_etrn_access", SUBJECT_ETRN),
	TABLE("check_ccert_access", SUBJECT_CERTIFICATE),
	TABLE("check_address_map", SUBJECT_CLIENT),
	{ "check_sasl_access", access_check_table, ACCESS_ARG_TABLE,
	    ACCESS_SASL, SUBJECT_LOGIN, 0 },
	HOSTS("check_client", SUBJECT_CLIENT),
	HOSTS("check_reverse_client_hostname", SUBJECT_REVERSE),
	HOSTS("check_helo", SUBJECT_HELO),
	HOSTS("check_sender", SUBJECT_SENDER),
	HOSTS("check_recipient", SUBJECT_RECIPIENT),
	/* DNS lists. */
	DNSLIST("reject_rbl_client", access_reject_dnslist, SUBJECT_NONE),
	DNSLIST("reject_rhsbl_client", access_reject_dnslist, SUBJECT_CLIENT),
	DNSLIST("reject_rhsbl_reverse_client", access_reject_dnslist,
	    SUBJECT_REVERSE),
	DNSLIST("reject_rhsbl_helo", access_reject_dnslist, SUBJECT_HELO),
	DNSLIST("reject_rhsbl_sender", access_reject_dnslist, SUBJECT_SENDER),
	DNSLIST("reject_rhsbl_recipient", access_reject_dnslist,
	    SUBJECT_RECIPIENT),
	DNSLIST("permit_dnswl_client", access_permit_dnslist, SUBJECT_NONE),
	DNSLIST("permit_rhswl_client", access_permit_dnslist, SUBJECT_CLIENT),
	/* Other software. */
	{ "check_policy_service", access_check_policy, ACCESS_ARG_POLICY, 0, 0,
	    0 },
	/* Names of old releases. */
	PLAIN("reject_unknown_client", reject_unknown_client),
	PLAIN("reject_invalid_hostname", reject_invalid_helo),
	PLAIN("reject_non_fqdn_hostname", reject_non_fqdn_helo),
	PLAIN("reject_unknown_hostname", reject_unknown_helo),
	PLAIN("reject_unknown_address", reject_unknown_sender),
	FLAGGED("check_relay_domains", check_relay_domains,
	    ACCESS_GUARDS | ACCESS_OLD),
	FLAGGED("check_recipient_maps", reject_unlisted_recipient, ACCESS_OLD),
	FLAGGED("permit_naked_ip_address", permit_naked_ip_address, ACCESS_OLD),
	FLAGGED("reject_maps_rbl", access_reject_maps_rbl, ACCESS_OLD),
	{ NULL, NULL, ACCESS_ARG_NONE, 0, 0, 0 },
};

const struct access_row *
access_row_find(struct view name)
{
	for (const struct access_row *r = access_rows; r->name != NULL; r++)
		if (view_eq_case(name, view_of(r->name)))
			return r;
	return NULL;
}
