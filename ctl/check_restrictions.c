/* The lists of restrictions of smtpd: names, arguments, protection of relays. */
#include "ctl/check.h"

#include "lib/base/mem.h"
#include "lib/conf/values.h"

/* What stands behind the name. */
enum argument { NONE, TABLE, DOMAIN, ENDPOINT, NUMBER };

#define HOSTS(name)                                                 \
	{ name "_mx_access", TABLE }, { name "_ns_access", TABLE }, \
	{                                                           \
		name "_a_access", TABLE                             \
	}

/* Those of smtpd/restrictions.c; t/036 compares. */
static const struct restriction {
	const char *name;
	enum argument argument;
} restrictions[] = {
	{ "permit", NONE },
	{ "reject", NONE },
	{ "defer", NONE },
	{ "warn_if_reject", NONE },
	{ "defer_if_permit", NONE },
	{ "defer_if_reject", NONE },
	{ "sleep", NUMBER },
	{ "permit_mynetworks", NONE },
	{ "permit_inet_interfaces", NONE },
	{ "permit_sasl_authenticated", NONE },
	{ "permit_tls_clientcerts", NONE },
	{ "permit_tls_all_clientcerts", NONE },
	{ "reject_unknown_client_hostname", NONE },
	{ "reject_unknown_reverse_client_hostname", NONE },
	{ "reject_unknown_forward_client_hostname", NONE },
	{ "reject_plaintext_session", NONE },
	{ "reject_unauth_pipelining", NONE },
	{ "reject_invalid_helo_hostname", NONE },
	{ "reject_non_fqdn_helo_hostname", NONE },
	{ "reject_unknown_helo_hostname", NONE },
	{ "reject_non_fqdn_sender", NONE },
	{ "reject_non_fqdn_recipient", NONE },
	{ "reject_unknown_sender_domain", NONE },
	{ "reject_unknown_recipient_domain", NONE },
	{ "reject_unlisted_sender", NONE },
	{ "reject_unlisted_recipient", NONE },
	{ "reject_unverified_sender", NONE },
	{ "reject_unverified_recipient", NONE },
	{ "reject_multi_recipient_bounce", NONE },
	{ "permit_auth_destination", NONE },
	{ "permit_mx_backup", NONE },
	{ "reject_unauth_destination", NONE },
	{ "defer_unauth_destination", NONE },
	{ "reject_sender_login_mismatch", NONE },
	{ "reject_known_sender_login_mismatch", NONE },
	{ "reject_authenticated_sender_login_mismatch", NONE },
	{ "reject_unauthenticated_sender_login_mismatch", NONE },
	{ "check_client_access", TABLE },
	{ "check_reverse_client_hostname_access", TABLE },
	{ "check_helo_access", TABLE },
	{ "check_sender_access", TABLE },
	{ "check_recipient_access", TABLE },
	{ "check_etrn_access", TABLE },
	{ "check_ccert_access", TABLE },
	{ "check_address_map", TABLE },
	{ "check_sasl_access", TABLE },
	HOSTS("check_client"),
	HOSTS("check_reverse_client_hostname"),
	HOSTS("check_helo"),
	HOSTS("check_sender"),
	HOSTS("check_recipient"),
	{ "reject_rbl_client", DOMAIN },
	{ "reject_rhsbl_client", DOMAIN },
	{ "reject_rhsbl_reverse_client", DOMAIN },
	{ "reject_rhsbl_helo", DOMAIN },
	{ "reject_rhsbl_sender", DOMAIN },
	{ "reject_rhsbl_recipient", DOMAIN },
	{ "permit_dnswl_client", DOMAIN },
	{ "permit_rhswl_client", DOMAIN },
	{ "check_policy_service", ENDPOINT },
	{ "check_greylist", NONE },
	{ "reject_unknown_client", NONE },
	{ "reject_invalid_hostname", NONE },
	{ "reject_non_fqdn_hostname", NONE },
	{ "reject_unknown_hostname", NONE },
	{ "reject_unknown_address", NONE },
	{ "check_relay_domains", NONE },
	{ "check_recipient_maps", NONE },
	{ "permit_naked_ip_address", NONE },
	{ "reject_maps_rbl", NONE },
};

static const char *const lists[] = { "smtpd_client_restrictions",
	"smtpd_helo_restrictions", "smtpd_sender_restrictions",
	"smtpd_relay_restrictions", "smtpd_recipient_restrictions",
	"smtpd_data_restrictions", "smtpd_end_of_data_restrictions",
	"smtpd_etrn_restrictions" };

/* One of these must be in the relay or the recipient list. */
static const char *const guards[] = { "reject", "defer", "defer_if_permit",
	"reject_unauth_destination", "defer_unauth_destination",
	"check_relay_domains" };

static const struct restriction *
find(struct view name)
{
	for (size_t i = 0; i < ARRAY_LEN(restrictions); i++)
		if (view_eq_case(name, view_of(restrictions[i].name)))
			return &restrictions[i];
	return NULL;
}

static bool
is_class(struct check *c, struct view name)
{
	struct str classes = STR_EMPTY;
	struct view rest, item;
	bool yes = false;

	if (check_value_of(c, "smtpd_restriction_classes", &classes)) {
		rest = str_view(&classes);
		while (!yes && conf_list_next(&rest, &item))
			yes = view_eq(item, name);
	}
	str_clear(&classes);
	return yes;
}

static bool
is_argument(enum argument kind, struct view text)
{
	uint64_t number;

	switch (kind) {
	case TABLE:
		return check_is_table(text) ||
		    view_find(text, ':') != VIEW_NPOS;
	case DOMAIN:
		return view_find(text, '.') != VIEW_NPOS;
	case ENDPOINT:
		return view_find(text, ':') != VIEW_NPOS;
	case NUMBER:
		return view_to_uint(text, 10, &number);
	case NONE:
		break;
	}
	return true;
}

static void
check_name(struct check *c, const struct check_place *at, struct view name,
    struct view *rest)
{
	const struct restriction *r = find(name);
	struct view argument, left = *rest;

	if (r == NULL) {
		/* A bare table is a check of what the list is about. */
		if (!check_is_table(name) && !is_class(c, name))
			check_tell(c, CHECK_ERROR, at,
			    "unknown restriction \"%.*s\": smtpd will answer "
			    "451",
			    VIEW_ARGS(name));
		return;
	}
	if (r->argument == NONE)
		return;
	if (!conf_list_next(&left, &argument) ||
	    !is_argument(r->argument, argument)) {
		check_tell(c, CHECK_ERROR, at,
		    "restriction %s without its argument: smtpd will answer "
		    "451",
		    r->name);
		return;
	}
	*rest = left;
}

static void
check_list(struct check *c, const struct check_place *at, struct view value)
{
	struct view rest = value, name;

	while (conf_list_next(&rest, &name))
		check_name(c, at, name, &rest);
}

static bool
is_list(struct check *c, const char *parameter)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (strcmp(parameter, lists[i]) == 0)
			return true;
	return is_class(c, view_of(parameter));
}

static void
visit(struct check *c, const struct check_place *at, struct view value)
{
	if (is_list(c, at->parameter))
		check_list(c, at, value);
}

static bool
has_guard(struct check *c, const char *parameter)
{
	struct str value = STR_EMPTY;
	struct view rest, name;
	bool yes = false;

	if (check_value_of(c, parameter, &value)) {
		rest = str_view(&value);
		while (!yes && conf_list_next(&rest, &name))
			for (size_t i = 0; i < ARRAY_LEN(guards); i++)
				yes = yes ||
				    view_eq_case(name, view_of(guards[i])) ||
				    is_class(c, name);
	}
	str_clear(&value);
	return yes;
}

void
check_restrictions(struct check *c)
{
	struct check_place at = check_place_of(c, "smtpd_relay_restrictions");

	check_each_value(c, visit);
	if (!has_guard(c, "smtpd_relay_restrictions") &&
	    !has_guard(c, "smtpd_recipient_restrictions"))
		check_tell(c, CHECK_ERROR, &at,
		    "neither this nor smtpd_recipient_restrictions has "
		    "reject_unauth_destination, defer_unauth_destination, "
		    "reject, defer or defer_if_permit: smtpd will not accept "
		    "mail");
}
