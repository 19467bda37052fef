/*
 * Every restriction of smtpd, a row each: for smtpd, which runs them, and for
 * "barid check".  Included with RESTRICTION defined to what should become of a
 * row; the rows have no include guard for that reason.
 *
 *	RESTRICTION(name, run, arg, flags, subject, type)
 *
 * run, subject, type: smtpd/access_run.h.
 */
#ifndef CONF_RESTRICTIONS_H
#define CONF_RESTRICTIONS_H

enum access_flags {
	ACCESS_GUARDS = 1 << 0, /* mail for other hosts does not pass it */
	ACCESS_WARNS = 1 << 1,	/* the next only warns */
	ACCESS_ENDS = 1 << 2,	/* what follows is never reached */
	ACCESS_OLD = 1 << 3,	/* a name of old releases: warned of */
	ACCESS_SASL = 1 << 4,	/* passed over without smtpd_sasl_auth_enable */
};

/* What stands behind a restriction's name. */
enum access_arg {
	ACCESS_ARG_NONE,
	ACCESS_ARG_TABLE,
	ACCESS_ARG_DNSLIST,
	ACCESS_ARG_POLICY,
	ACCESS_ARG_NUMBER,
};

#endif

/* clang-format off */
#ifndef RESTRICTION
#define RESTRICTION(name, run, arg, flags, subject, type)
#endif
#define FLAGGED(name, run, flags) \
	RESTRICTION(name, run, ACCESS_ARG_NONE, flags, 0, 0)
#define PLAIN(name, run) FLAGGED(name, run, 0)
#define TABLE(name, subject) \
	RESTRICTION(name, access_check_table, ACCESS_ARG_TABLE, 0, subject, 0)
#define HOST(name, subject, type) \
	RESTRICTION(name, access_check_hosts, ACCESS_ARG_TABLE, 0, subject, type)
#define HOSTS(name, subject) \
	HOST(name "_mx_access", subject, DNS_TYPE_MX) \
	HOST(name "_ns_access", subject, DNS_TYPE_NS) \
	HOST(name "_a_access", subject, DNS_TYPE_A)
#define DNSLIST(name, run, subject) \
	RESTRICTION(name, run, ACCESS_ARG_DNSLIST, 0, subject, 0)

FLAGGED("permit", permit, ACCESS_ENDS)
FLAGGED("reject", reject, ACCESS_GUARDS)
FLAGGED("defer", defer, ACCESS_GUARDS)
FLAGGED("warn_if_reject", NULL, ACCESS_WARNS)
FLAGGED("defer_if_permit", defer_if_permit, ACCESS_GUARDS)
PLAIN("defer_if_reject", defer_if_reject)
RESTRICTION("sleep", do_sleep, ACCESS_ARG_NUMBER, 0, 0, 0)
/* Clients. */
PLAIN("permit_mynetworks", permit_mynetworks)
PLAIN("permit_inet_interfaces", permit_inet_interfaces)
PLAIN("permit_sasl_authenticated", permit_sasl_authenticated)
PLAIN("permit_tls_clientcerts", permit_tls_clientcerts)
PLAIN("permit_tls_all_clientcerts", permit_tls_clientcerts)
PLAIN("reject_unknown_client_hostname", reject_unknown_client)
PLAIN("reject_unknown_reverse_client_hostname", reject_unknown_reverse)
PLAIN("reject_unknown_forward_client_hostname", reject_unknown_forward)
PLAIN("reject_plaintext_session", reject_plaintext_session)
PLAIN("reject_unauth_pipelining", reject_unauth_pipelining)
/* HELO. */
PLAIN("reject_invalid_helo_hostname", reject_invalid_helo)
PLAIN("reject_non_fqdn_helo_hostname", reject_non_fqdn_helo)
PLAIN("reject_unknown_helo_hostname", reject_unknown_helo)
/* Addresses. */
PLAIN("reject_non_fqdn_sender", reject_non_fqdn_sender)
PLAIN("reject_non_fqdn_recipient", reject_non_fqdn_recipient)
PLAIN("reject_unknown_sender_domain", reject_unknown_sender)
PLAIN("reject_unknown_recipient_domain", reject_unknown_recipient)
PLAIN("reject_unlisted_sender", reject_unlisted_sender)
PLAIN("reject_unlisted_recipient", reject_unlisted_recipient)
PLAIN("reject_unverified_sender", access_unverified_sender)
PLAIN("reject_unverified_recipient", access_unverified_recipient)
PLAIN("check_greylist", access_check_greylist)
PLAIN("reject_multi_recipient_bounce", reject_multi_recipient_bounce)
/* Relaying. */
PLAIN("permit_auth_destination", permit_auth_destination)
PLAIN("permit_mx_backup", permit_mx_backup)
FLAGGED("reject_unauth_destination", reject_unauth_destination,
    ACCESS_GUARDS)
FLAGGED("defer_unauth_destination", defer_unauth_destination,
    ACCESS_GUARDS)
/* Who may send as whom. */
FLAGGED("reject_sender_login_mismatch", reject_sender_login,
    ACCESS_SASL)
FLAGGED("reject_known_sender_login_mismatch",
    reject_known_sender_login, ACCESS_SASL)
FLAGGED("reject_authenticated_sender_login_mismatch",
    reject_auth_sender_login, ACCESS_SASL)
FLAGGED("reject_unauthenticated_sender_login_mismatch",
    reject_unauth_sender_login, ACCESS_SASL)
/* Tables. */
TABLE("check_client_access", SUBJECT_CLIENT)
TABLE("check_reverse_client_hostname_access", SUBJECT_REVERSE)
TABLE("check_helo_access", SUBJECT_HELO)
TABLE("check_sender_access", SUBJECT_SENDER)
TABLE("check_recipient_access", SUBJECT_RECIPIENT)
TABLE("check_etrn_access", SUBJECT_ETRN)
TABLE("check_ccert_access", SUBJECT_CERTIFICATE)
TABLE("check_address_map", SUBJECT_CLIENT)
RESTRICTION("check_sasl_access", access_check_table, ACCESS_ARG_TABLE,
    ACCESS_SASL, SUBJECT_LOGIN, 0)
HOSTS("check_client", SUBJECT_CLIENT)
HOSTS("check_reverse_client_hostname", SUBJECT_REVERSE)
HOSTS("check_helo", SUBJECT_HELO)
HOSTS("check_sender", SUBJECT_SENDER)
HOSTS("check_recipient", SUBJECT_RECIPIENT)
/* DNS lists. */
DNSLIST("reject_rbl_client", access_reject_dnslist, SUBJECT_NONE)
DNSLIST("reject_rhsbl_client", access_reject_dnslist, SUBJECT_CLIENT)
DNSLIST("reject_rhsbl_reverse_client", access_reject_dnslist,
    SUBJECT_REVERSE)
DNSLIST("reject_rhsbl_helo", access_reject_dnslist, SUBJECT_HELO)
DNSLIST("reject_rhsbl_sender", access_reject_dnslist, SUBJECT_SENDER)
DNSLIST("reject_rhsbl_recipient", access_reject_dnslist,
    SUBJECT_RECIPIENT)
DNSLIST("permit_dnswl_client", access_permit_dnslist, SUBJECT_NONE)
DNSLIST("permit_rhswl_client", access_permit_dnslist, SUBJECT_CLIENT)
/* Other software. */
RESTRICTION("check_policy_service", access_check_policy, ACCESS_ARG_POLICY, 0, 0, 0)
/* Names of old releases. */
PLAIN("reject_unknown_client", reject_unknown_client)
PLAIN("reject_invalid_hostname", reject_invalid_helo)
PLAIN("reject_non_fqdn_hostname", reject_non_fqdn_helo)
PLAIN("reject_unknown_hostname", reject_unknown_helo)
PLAIN("reject_unknown_address", reject_unknown_sender)
FLAGGED("check_relay_domains", check_relay_domains,
    ACCESS_GUARDS | ACCESS_OLD)
FLAGGED("check_recipient_maps", reject_unlisted_recipient, ACCESS_OLD)
FLAGGED("permit_naked_ip_address", permit_naked_ip_address, ACCESS_OLD)
FLAGGED("reject_maps_rbl", access_reject_maps_rbl, ACCESS_OLD)

#undef RESTRICTION
#undef FLAGGED
#undef PLAIN
#undef TABLE
#undef HOST
#undef HOSTS
#undef DNSLIST
/* clang-format on */
