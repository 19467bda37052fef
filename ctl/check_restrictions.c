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
enum { GUARD_LISTS_MAX = 100, CLASSES_DEEP = 20, CLASSES_MAX = 10000 };

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

bool
check_restriction_has_table(struct view name)
{
	const struct restriction *r = find(name);

	return r != NULL && r->arg == ACCESS_ARG_TABLE;
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

/* --- words --- */

/* What a policy server's braces may have beside its endpoint. */
static bool
is_policy_setting(struct view word)
{
	static const char *const names[] = { "default_action",
		"policy_context", "timeout", "max_idle", "max_ttl",
		"retry_delay", "request_limit", "try_limit" };
	size_t equals = view_find(word, '=');
	struct view name = view_trim(view_first(word, equals));

	for (size_t i = 0; equals != VIEW_NPOS && i < ARRAY_LEN(names); i++)
		if (view_eq(name, view_of(names[i])))
			return true;
	return false;
}

static bool
is_policy(struct view text)
{
	struct view word;

	if (!conf_list_next(&text, &word) ||
	    !(view_starts(word, VIEW("inet:")) ||
		view_starts(word, VIEW("unix:"))))
		return false;
	while (conf_list_next(&text, &word))
		if (!is_policy_setting(word))
			return false;
	return true;
}

/* "d.d.d.d", each a number or "[n;n..n]". */
static bool
is_dnslist_filter(struct view text)
{
	size_t dots = 0;
	bool in_brackets = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '[' || c == ']') {
			if (in_brackets == (c == '['))
				return false;
			in_brackets = c == '[';
		} else if (c == '.' && !in_brackets) {
			dots++;
		} else if (!ascii_is_digit(c) &&
		    !(in_brackets && (c == ';' || c == '.'))) {
			return false;
		}
	}
	return dots == 3 && !in_brackets;
}

static bool
is_dnslist(struct view text)
{
	size_t equals = view_find(text, '=');

	return view_find(view_first(text, equals), '.') != VIEW_NPOS &&
	    (equals == VIEW_NPOS ||
		is_dnslist_filter(view_skip(text, equals + 1)));
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
		return is_dnslist(text);
	case ACCESS_ARG_POLICY:
		return is_policy(text);
	case ACCESS_ARG_NUMBER:
		return view_to_uint(text, 10, &number);
	case ACCESS_ARG_NONE:
		break;
	}
	return true;
}

/* What is wrong with this name or with its argument, which is cut off *rest;
 * false: nothing. */
static bool
find_fault(
    struct check *c, struct view name, struct view *rest, struct str *fault)
{
	const struct restriction *r = find(name);
	struct view argument, left = *rest;

	str_reset(fault);
	if (r == NULL) {
		/* A bare table is a check of what the list is about. */
		if (!check_is_table(name) && !is_class(c, name))
			str_printf(fault, "unknown restriction \"%.*s\"",
			    VIEW_ARGS(name));
	} else if (r->arg == ACCESS_ARG_NONE) {
		/* The next word is a name. */
	} else if (!conf_list_next(&left, &argument) ||
	    (find(argument) != NULL && r->arg != ACCESS_ARG_NUMBER)) {
		str_printf(
		    fault, "restriction %s without its argument", r->name);
	} else {
		if (!is_argument(r->arg, argument))
			str_printf(fault,
			    "restriction %s: \"%.*s\" is no argument for it",
			    r->name, VIEW_ARGS(argument));
		*rest = left;
	}
	return fault->len > 0;
}

void
check_restriction_words(
    struct check *c, const struct check_place *at, struct view words)
{
	struct str fault = STR_EMPTY;
	struct view rest = words, name;

	while (conf_list_next(&rest, &name))
		if (find_fault(c, name, &rest, &fault))
			check_tell(c, CHECK_ERROR, at,
			    "%s: smtpd will answer 451", fault.ptr);
	str_clear(&fault);
}

bool
check_restriction_words_are_good(struct check *c, struct view words)
{
	struct str fault = STR_EMPTY;
	struct view rest = words, name;
	bool good = true;

	while (good && conf_list_next(&rest, &name))
		good = !find_fault(c, name, &rest, &fault);
	str_clear(&fault);
	return good;
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
		check_restriction_words(c, at, value);
}

/* --- classes --- */

/* True if the class of this name leads to `first`; *left: how many may still be
 * looked at, since many may name many. */
static bool
leads_to(struct check *c, const char *class, struct view first, unsigned deep,
    unsigned *left)
{
	struct str value = STR_EMPTY;
	struct view rest = VIEW_EMPTY, word;
	bool yes = false;

	if (deep < CLASSES_DEEP && *left > 0 &&
	    check_value_of(c, class, &value)) {
		rest = str_view(&value);
		(*left)--;
	}
	while (!yes && conf_list_next(&rest, &word)) {
		char *name = xstrndup(word.ptr, word.len);

		yes = is_class(c, word) &&
		    (view_eq(word, first) ||
			leads_to(c, name, first, deep + 1, left));
		free(name);
	}
	str_clear(&value);
	return yes;
}

static void
check_class(struct check *c, const char *class)
{
	struct check_place at = check_place_of(c, class);
	struct str value = STR_EMPTY;
	unsigned left = CLASSES_MAX;

	if (!check_value_of(c, class, &value) ||
	    view_trim(str_view(&value)).len == 0) {
		if (at.file == NULL)
			at = check_place_of(c, "smtpd_restriction_classes");
		check_tell(c, CHECK_ERROR, &at,
		    "restriction class %s has no definition: smtpd will answer "
		    "451",
		    class);
	} else if (leads_to(c, class, view_of(class), 0, &left)) {
		check_tell(c, CHECK_ERROR, &at,
		    "the restriction class leads back to itself: smtpd will "
		    "answer 451");
	}
	str_clear(&value);
}

static void
check_classes(struct check *c)
{
	struct str classes = STR_EMPTY;
	struct view rest, word;

	if (check_value_of(c, "smtpd_restriction_classes", &classes)) {
		rest = str_view(&classes);
		while (conf_list_next(&rest, &word)) {
			char *name = xstrndup(word.ptr, word.len);

			check_class(c, name);
			free(name);
		}
	}
	str_clear(&classes);
}

/* --- the guard against relaying --- */

/* A list as a service has it; `s` NULL: as main.cf has it. */
static bool
find_list(struct check *c, const struct master_service *s, const char *list,
    struct str *value)
{
	struct view name, raw;
	bool found = false;
	size_t at = 1;

	while (s != NULL && master_service_next_override(s, &at, &name, &raw)) {
		if (!view_eq(name, view_of(list)))
			continue;
		str_reset(value);
		/* The last one counts. */
		found = !err_is(names_expand(&c->names, raw, value));
	}
	return found || check_value_of(c, list, value);
}

struct guard {
	struct check *c;
	const struct master_service *service;
	unsigned left; /* lists that may still be looked at */
};

static bool guards_relay(struct guard *g, const char *list);

/* A word that is no restriction: does the class of this name guard? */
static bool
is_guarding_class(struct guard *g, struct view name)
{
	char *list = xstrndup(name.ptr, name.len);
	bool yes = is_class(g->c, name) && guards_relay(g, list);

	free(list);
	return yes;
}

/* As access_list_guards_relay of smtpd, which does not start otherwise. */
static bool
guards_relay(struct guard *g, const char *list)
{
	struct str value = STR_EMPTY;
	struct view rest = VIEW_EMPTY, name, argument;
	bool yes = false, ends = g->left == 0;

	if (!ends && find_list(g->c, g->service, list, &value)) {
		rest = str_view(&value);
		g->left--;
	}
	while (!yes && !ends && conf_list_next(&rest, &name)) {
		const struct restriction *r = find(name);

		if (r == NULL)
			yes = is_guarding_class(g, name);
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

static bool
is_guarded(struct check *c, const struct master_service *s)
{
	struct guard relay = { c, s, GUARD_LISTS_MAX };
	struct guard recipient = relay;

	return guards_relay(&relay, "smtpd_relay_restrictions") ||
	    guards_relay(&recipient, "smtpd_recipient_restrictions");
}

static void
tell_unguarded(struct check *c, const struct check_place *at)
{
	check_tell(c, CHECK_ERROR, at,
	    "neither this nor smtpd_recipient_restrictions has "
	    "reject_unauth_destination, defer_unauth_destination, reject, "
	    "defer or defer_if_permit: smtpd will not start");
}

/* Does this line say something of the two lists? */
static bool
has_own_lists(const struct master_service *s)
{
	struct view name, value;
	size_t at = 1;

	while (master_service_next_override(s, &at, &name, &value))
		if (view_eq(name, VIEW("smtpd_relay_restrictions")) ||
		    view_eq(name, VIEW("smtpd_recipient_restrictions")))
			return true;
	return false;
}

static void
check_service_guard(struct check *c, const struct master_service *s)
{
	struct check_place at = { s->file, s->line,
		"smtpd_relay_restrictions", NULL };
	struct str service = STR_EMPTY;

	str_printf(&service, "%s/%s", s->name, master_type_name(s->type));
	at.service = service.ptr;
	if (!is_guarded(c, s))
		tell_unguarded(c, &at);
	str_clear(&service);
}

/* Where each service has lists of its own, those of main.cf are nobody's. */
static void
check_guards(struct check *c)
{
	struct check_place at = check_place_of(c, "smtpd_relay_restrictions");
	bool common = !c->has_master;

	LIST_EACH (it, after, &c->master.services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);

		if (strcmp(s->command, "smtpd") != 0 &&
		    strcmp(s->command, "postscreen") != 0)
			continue;
		if (has_own_lists(s))
			check_service_guard(c, s);
		else
			common = true;
	}
	if (common && !is_guarded(c, NULL))
		tell_unguarded(c, &at);
}

void
check_restrictions(struct check *c)
{
	check_each_value(c, visit);
	check_classes(c);
	check_guards(c);
}
