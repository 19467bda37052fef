/* Mail that would come back: aliases that lead to themselves, hosts that are
 * this one. */
#include "ctl/check.h"
#include "ctl/table_line.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/table/table.h"

#include <stdlib.h>

enum { HOPS_MAX = 100, TOLD_MAX = 20 };

/* --- aliases --- */

struct aliases {
	struct check *c;
	struct check_place at;
	struct table_list *maps;
	/* Addresses that were followed, each with the number of the walk that did:
	 * once, however many lead there. */
	struct htable followed;
	size_t n_walks, n_told;
	/* The entry that is at hand. */
	struct view spec, key, value;
};

/* As cleanup finds it, but for extensions: the address, then its domain.  True
 * if it becomes one other address. */
static bool
find_next(struct aliases *a, struct view address, struct str *next)
{
	struct str domain = STR_EMPTY, value = STR_EMPTY;
	struct view to;
	bool found = false;

	str_printf(&domain, "@%.*s", VIEW_ARGS(addr_domain(address)));
	if (err_is(table_list_find(a->maps, address, TABLE_ALL, &value, &found)))
		found = false;
	else if (!found &&
	    err_is(table_list_find(
		a->maps, str_view(&domain), TABLE_ALL, &value, &found)))
		found = false;
	to = view_trim(str_view(&value));
	found = found && to.len > 0 && view_find_any(to, ", \t\"") == VIEW_NPOS;
	str_reset(next);
	if (found && to.ptr[0] == '@')
		str_add(next, addr_local(address));
	if (found)
		str_add(next, to);
	str_lower(next);
	str_clear(&domain);
	str_clear(&value);
	return found && view_find(str_view(next), '@') != VIEW_NPOS;
}

static void
tell_circle(struct aliases *a, struct view circle)
{
	struct check_place at = a->at;
	struct str file = STR_EMPTY;
	size_t line;

	a->n_told++;
	if (table_line_find(a->spec, a->key, a->value, &line, &file) ==
	    TABLE_LINE_FOUND) {
		at.file = file.ptr;
		at.line = (int)line;
	}
	check_tell(a->c, CHECK_ERROR, &at, "%.*s leads back to itself: %.*s",
	    VIEW_ARGS(view_first(circle, view_find(circle, ' '))),
	    VIEW_ARGS(circle));
	str_clear(&file);
}

/* The part of a walk that begins with this address. */
static struct view
part_from(struct view walk, struct view address)
{
	struct view rest = walk, one;

	while (view_token(&rest, " ", &one))
		if (view_eq(one, address))
			return view_skip(walk, (size_t)(one.ptr - walk.ptr));
	return walk;
}

/* Follow; who comes to an address of the same walk is in a circle, unless that
 * becomes itself, where aliases end.  Another walk has told what it met. */
static void
follow(struct aliases *a, struct view first)
{
	struct str now = STR_EMPTY, next = STR_EMPTY, walk = STR_EMPTY;
	void *number = (void *)(uintptr_t)++a->n_walks;
	void *before;

	str_set(&now, first);
	for (size_t i = 0; i < HOPS_MAX; i++) {
		before = htable_find(&a->followed, str_view(&now));
		if (before == number)
			tell_circle(
			    a, part_from(str_view(&walk), str_view(&now)));
		if (before != NULL)
			break;
		htable_set(&a->followed, str_view(&now), number);
		str_addf(&walk, "%s%s", i > 0 ? " " : "", now.ptr);
		if (!find_next(a, str_view(&now), &next) ||
		    view_eq(str_view(&next), str_view(&now)))
			break;
		str_set(&now, str_view(&next));
	}
	str_clear(&now);
	str_clear(&next);
	str_clear(&walk);
}

static bool
follow_key(void *arg, struct view key, struct view value)
{
	struct aliases *a = arg;
	struct str address = STR_EMPTY;

	a->key = key;
	a->value = value;
	if (view_find(key, '@') != VIEW_NPOS) {
		/* Anybody of a domain. */
		if (key.ptr[0] == '@')
			str_add_text(&address, "user");
		str_add(&address, key);
		str_lower(&address);
		follow(a, str_view(&address));
	}
	str_clear(&address);
	return a->n_told < TOLD_MAX;
}

static bool
cannot_be_asked(struct view value)
{
	struct view rest = value, word;

	while (conf_list_next(&rest, &word))
		if (table_wants_server(check_table_spec(word)) ||
		    check_is_special(word))
			return true;
	return false;
}

static void
check_aliases(struct check *c, const char *parameter)
{
	struct aliases a = { .c = c, .at = check_place_of(c, parameter) };
	struct str value = STR_EMPTY;
	struct view rest, word;

	htable_init(&a.followed);
	check_listen(c, &a.at);
	/* Databases are not asked: there may be nobody to answer. */
	if (check_value_of(c, parameter, &value) && value.len > 0 &&
	    !cannot_be_asked(str_view(&value)) &&
	    !err_is(table_list_open(str_view(&value), 0, &a.maps))) {
		rest = str_view(&value);
		while (conf_list_next(&rest, &word)) {
			a.spec = check_table_spec(word);
			check_each_pair(a.spec, follow_key, &a);
		}
	}
	check_listen(c, NULL);
	table_list_close(a.maps);
	htable_clear(&a.followed, NULL);
	str_clear(&value);
}

/* --- this host --- */

static bool
is_this_host(struct check *c, struct view host)
{
	static const char *const local[] = { "localhost", "127.0.0.1", "::1" };
	static const char *const parameters[] = { "myhostname",
		"inet_interfaces", "proxy_interfaces" };
	struct str value = STR_EMPTY;
	struct view rest, word;
	bool yes = false;

	for (size_t i = 0; i < ARRAY_LEN(local); i++)
		yes = yes || view_eq_case(host, view_of(local[i]));
	for (size_t i = 0; !yes && i < ARRAY_LEN(parameters); i++) {
		if (!check_value_of(c, parameters[i], &value))
			continue;
		rest = str_view(&value);
		while (conf_list_next(&rest, &word))
			yes = yes || view_eq_case(host, word);
	}
	str_clear(&value);
	return yes;
}

/* Our own service that listens there: "smtp" is 25. */
static const struct master_service *
find_listener(const struct check *c, struct view port)
{
	LIST_EACH (it, after, &c->master.services) {
		const struct master_service *s =
		    LIST_ITEM(it, struct master_service, node);
		struct view own;

		if (s->type != MASTER_INET ||
		    (strcmp(s->command, "smtpd") != 0 &&
			strcmp(s->command, "postscreen") != 0))
			continue;
		own = view_of(s->port);
		if (view_eq(own, VIEW("smtp")))
			own = VIEW("25");
		if (view_eq(own, port))
			return s;
	}
	return NULL;
}

/* "[host]:port", "host:port", "host" */
static void
split_nexthop(struct view text, struct view *host, struct view *port)
{
	size_t close;

	*port = VIEW("25");
	if (text.len > 0 && text.ptr[0] == '[') {
		close = view_find(text, ']');
		*host = view_sub(text, 1, close == VIEW_NPOS ? text.len - 1
							      : close - 1);
		text = view_skip(text, close == VIEW_NPOS ? text.len
							   : close + 1);
	} else {
		*host = view_first(text, view_find(text, ':'));
		text = view_skip(text, host->len);
	}
	if (text.len > 1)
		*port = view_skip(text, 1);
	if (view_starts(*host, VIEW("IPv6:")))
		*host = view_skip(*host, 5);
	if (view_eq(*port, VIEW("smtp")))
		*port = VIEW("25");
}

/* `has_transport`: "TRANSPORT:NEXTHOP", else a next hop alone. */
static void
check_nexthop(struct check *c, const char *parameter, bool has_transport)
{
	struct check_place at = check_place_of(c, parameter);
	const struct master_service *s, *transport;
	struct str value = STR_EMPTY;
	struct view text, host, port;

	if (at.file == NULL || !check_value_of(c, parameter, &value))
		goto out;
	text = view_trim(str_view(&value));
	if (has_transport) {
		size_t colon = view_find(text, ':');

		transport = master_cf_find(
		    &c->master, view_first(text, colon), MASTER_UNIX);
		if (transport != NULL && strcmp(transport->command, "smtp") != 0)
			goto out;
		text = colon == VIEW_NPOS ? VIEW_EMPTY
					  : view_skip(text, colon + 1);
	}
	split_nexthop(text, &host, &port);
	s = host.len > 0 ? find_listener(c, port) : NULL;
	if (s != NULL && is_this_host(c, host))
		check_tell(c, CHECK_ERROR, &at,
		    "mail comes back to this host's own service %s/%s",
		    s->name, master_type_name(s->type));
out:
	str_clear(&value);
}

void
check_loops(struct check *c)
{
	check_aliases(c, "virtual_alias_maps");
	check_nexthop(c, "relayhost", false);
	check_nexthop(c, "default_transport", true);
	check_nexthop(c, "relay_transport", true);
}
