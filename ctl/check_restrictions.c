/* The lists of restrictions of smtpd: names, arguments, protection of relays. */
#include "ctl/check.h"

#include "lib/base/mem.h"
#include "lib/conf/restrictions.h"
#include "lib/conf/values.h"

#include <stdlib.h>

static const struct restriction {
	const char *name;
	enum access_arg arg;
	unsigned flags;
} restrictions[] = {
#define RESTRICTION(name, run, arg, flags, subject, type) { name, arg, flags },
#include "lib/conf/restrictions.h"
};

/* Lists that are looked at for a guard: classes may name each other. */
enum { GUARD_LISTS_MAX = 100 };

static const char *const lists[] = { "smtpd_client_restrictions",
	"smtpd_helo_restrictions", "smtpd_sender_restrictions",
	"smtpd_relay_restrictions", "smtpd_recipient_restrictions",
	"smtpd_data_restrictions", "smtpd_end_of_data_restrictions",
	"smtpd_etrn_restrictions" };

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
is_argument(enum access_arg arg, struct view text)
{
	uint64_t number;

	switch (arg) {
	case ACCESS_ARG_TABLE:
		return check_is_table(text) ||
		    view_find(text, ':') != VIEW_NPOS;
	case ACCESS_ARG_DNSLIST:
		return view_find(text, '.') != VIEW_NPOS;
	case ACCESS_ARG_POLICY:
		return view_find(text, ':') != VIEW_NPOS;
	case ACCESS_ARG_NUMBER:
		return view_to_uint(text, 10, &number);
	case ACCESS_ARG_NONE:
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
	if (r->arg == ACCESS_ARG_NONE)
		return;
	if (!conf_list_next(&left, &argument) ||
	    !is_argument(r->arg, argument)) {
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

static bool guards_relay(struct check *c, const char *list, unsigned *left);

/* A word that is no restriction: does the class of this name guard? */
static bool
is_guarding_class(struct check *c, struct view name, unsigned *left)
{
	char *list = xstrndup(name.ptr, name.len);
	bool yes = is_class(c, name) && guards_relay(c, list, left);

	free(list);
	return yes;
}

/* As access_list_guards_relay of smtpd, which does not start otherwise. */
static bool
guards_relay(struct check *c, const char *list, unsigned *left)
{
	struct str value = STR_EMPTY;
	struct view rest = VIEW_EMPTY, name, argument;
	bool yes = false, ends = *left == 0;

	if (!ends && check_value_of(c, list, &value)) {
		rest = str_view(&value);
		(*left)--;
	}
	while (!yes && !ends && conf_list_next(&rest, &name)) {
		const struct restriction *r = find(name);

		if (r == NULL)
			yes = is_guarding_class(c, name, left);
		else if ((r->flags & ACCESS_WARNS) != 0 ||
		    r->arg != ACCESS_ARG_NONE)
			(void)conf_list_next(&rest, &argument);
		else
			yes = (r->flags & ACCESS_GUARDS) != 0;
		ends = r != NULL && (r->flags & ACCESS_ENDS) != 0;
	}
	str_clear(&value);
	return yes;
}

void
check_restrictions(struct check *c)
{
	struct check_place at = check_place_of(c, "smtpd_relay_restrictions");
	unsigned relay = GUARD_LISTS_MAX, recipient = GUARD_LISTS_MAX;

	check_each_value(c, visit);
	if (!guards_relay(c, "smtpd_relay_restrictions", &relay) &&
	    !guards_relay(c, "smtpd_recipient_restrictions", &recipient))
		check_tell(c, CHECK_ERROR, &at,
		    "neither this nor smtpd_recipient_restrictions has "
		    "reject_unauth_destination, defer_unauth_destination, "
		    "reject, defer or defer_if_permit: smtpd will not start");
}
