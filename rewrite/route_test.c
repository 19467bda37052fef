/* Where mail goes: classes, routes in addresses, maps. */
#include "rewrite/route.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#define MAIN_CF                                               \
	"compatibility_level = 3.6\n"                         \
	"myhostname = mx.example.test\n"                      \
	"inet_interfaces = 127.0.0.1\n"                       \
	"proxy_interfaces = 192.0.2.77\n"                     \
	"recipient_delimiter = +\n"                           \
	"relay_domains = rel.test, inline:{{table.test=x}}\n" \
	"virtual_alias_domains = va.test\n"                   \
	"virtual_mailbox_domains = vm.test\n"

struct row {
	const char *settings, *sender, *address;
	/* "CLASS TRANSPORT|NEXTHOP|RECIPIENT", '*' after the class if there is
	 * a route in it; "4" or "5" and the text for an error. */
	const char *way;
};

static const struct row rows[] = {
	{ "", "", "joe", "local local|mx.example.test|joe@mx.example.test" },
	{ "", "", "Joe@MX.example.TEST",
	    "local local|mx.example.test|Joe@MX.example.TEST" },
	{ "", "", "joe@localhost",
	    "local local|mx.example.test|joe@localhost" },
	{ "", "", "joe@localhost.",
	    "local local|mx.example.test|joe@localhost" },
	{ "", "", "joe@[127.0.0.1]",
	    "local local|mx.example.test|joe@[127.0.0.1]" },
	{ "", "", "joe@[192.0.2.77]",
	    "local local|mx.example.test|joe@[192.0.2.77]" },
	{ "", "", "joe@[192.0.2.78]",
	    "default smtp|[192.0.2.78]|joe@[192.0.2.78]" },
	{ "", "", "postmaster",
	    "local local|mx.example.test|postmaster@mx.example.test" },
	{ "", "", "",
	    "local local|mx.example.test|MAILER-DAEMON@mx.example.test" },
	{ "", "", "@localhost",
	    "local local|mx.example.test|MAILER-DAEMON@localhost" },
	{ "empty_address_recipient = a@far.test", "", "",
	    "default smtp|far.test|a@far.test" },
	{ "", "", "double-bounce@localhost",
	    "local discard|2.0.0 undeliverable postmaster notification "
	    "discarded|double-bounce@localhost" },
	{ "", "", "double-bounce@far.test",
	    "default smtp|far.test|double-bounce@far.test" },
	{ "local_transport = lmtp:unix:private/x", "", "joe",
	    "local lmtp|unix:private/x|joe@mx.example.test" },
	{ "local_transport = local", "", "joe@localhost",
	    "local local|localhost|joe@localhost" },
	{ "local_transport = :x", "", "joe",
	    "4local_transport specifies no transport" },
	/* classes */
	{ "", "", "joe@va.test",
	    "alias error|5.1.1 User unknown in virtual "
	    "alias table|joe@va.test" },
	{ "show_user_unknown_table_name = no", "", "joe@va.test",
	    "alias error|5.1.1 User unknown|joe@va.test" },
	{ "transport_maps = static:smtp:x", "", "joe@va.test",
	    "alias error|5.1.1 User unknown in virtual alias table|"
	    "joe@va.test" },
	{ "", "", "joe@sub.va.test",
	    "default smtp|sub.va.test|joe@sub.va.test" },
	{ "", "", "joe@VM.test", "mailbox virtual|vm.test|joe@VM.test" },
	{ "", "", "joe@rel.test", "relay relay|rel.test|joe@rel.test" },
	{ "", "", "joe@sub.rel.test",
	    "relay relay|sub.rel.test|joe@sub.rel.test" },
	{ "parent_domain_matches_subdomains =", "", "joe@sub.rel.test",
	    "default smtp|sub.rel.test|joe@sub.rel.test" },
	{ "", "", "joe@table.test", "relay relay|table.test|joe@table.test" },
	{ "", "", "joe@far.test", "default smtp|far.test|joe@far.test" },
	{ "default_transport = error:5.1.2 nowhere", "", "joe@far.test",
	    "default error|5.1.2 nowhere|joe@far.test" },
	/* local first, then in the order of the classes */
	{ "mydestination = va.test, vm.test", "", "joe@vm.test",
	    "local local|mx.example.test|joe@vm.test" },
	{ "virtual_mailbox_domains = va.test", "", "joe@va.test",
	    "alias error|5.1.1 User unknown in virtual alias table|"
	    "joe@va.test" },
	/* relayhost */
	{ "relayhost = [hub]:26", "", "joe@far.test",
	    "default smtp|[hub]:26|joe@far.test" },
	{ "relayhost = [hub]", "", "joe@rel.test",
	    "relay relay|[hub]|joe@rel.test" },
	{ "relayhost = [hub]", "", "joe@vm.test",
	    "mailbox virtual|vm.test|joe@vm.test" },
	{ "relayhost = [hub]\ndefault_transport = smtp:[gate]", "",
	    "joe@far.test", "default smtp|[gate]|joe@far.test" },
	{ "relayhost = [hub]\nsender_dependent_relayhost_maps = "
	  "inline:{{a@b.c=[mine]:587}, {@d.e=DUNNO}, {<>=[null]}}",
	    "a@b.c", "joe@far.test", "default smtp|[mine]:587|joe@far.test" },
	{ "relayhost = [hub]\nsender_dependent_relayhost_maps = "
	  "inline:{{a@b.c=[mine]:587}, {@d.e=DUNNO}, {<>=[null]}}",
	    "x@d.e", "joe@far.test", "default smtp|[hub]|joe@far.test" },
	{ "relayhost = [hub]\nsender_dependent_relayhost_maps = "
	  "inline:{{a@b.c=[mine]:587}, {@d.e=DUNNO}, {<>=[null]}}",
	    "", "joe@far.test", "default smtp|[null]|joe@far.test" },
	{ "sender_dependent_relayhost_maps = inline:{{bob=[bobs]}}",
	    "bob+x@mx.example.test", "joe@far.test",
	    "default smtp|[bobs]|joe@far.test" },
	{ "sender_dependent_default_transport_maps = "
	  "inline:{{@b.c=slow:}, {@d.e=slow:[s]}}",
	    "a@b.c", "joe@far.test", "default slow|far.test|joe@far.test" },
	{ "sender_dependent_default_transport_maps = "
	  "inline:{{@b.c=slow:}, {@d.e=slow:[s]}}",
	    "a@d.e", "joe@far.test", "default slow|[s]|joe@far.test" },
	{ "sender_dependent_default_transport_maps = inline:{{@b.c=slow:}}",
	    "a@b.c", "joe@rel.test", "relay relay|rel.test|joe@rel.test" },
	/* routes in the local part */
	{ "", "", "joe%far.test@localhost",
	    "default* smtp|far.test|joe@far.test" },
	{ "", "", "joe%far.test%localhost@localhost",
	    "default* smtp|far.test|joe@far.test" },
	{ "", "", "far.test!joe@localhost",
	    "default* smtp|far.test|joe@far.test" },
	{ "", "", "joe@far.test@localhost",
	    "default* smtp|far.test|joe@far.test" },
	{ "resolve_dequoted_address = no", "", "joe@far.test@localhost",
	    "local local|mx.example.test|joe@far.test@localhost" },
	{ "resolve_dequoted_address = no", "", "joe%far.test@localhost",
	    "default* smtp|far.test|joe@far.test" },
	{ "resolve_dequoted_address = no", "", "joe x%far.test@localhost",
	    "local local|mx.example.test|joe x%far.test@localhost" },
	{ "allow_percent_hack = no", "", "joe%far.test@localhost",
	    "local local|mx.example.test|joe%far.test@localhost" },
	{ "", "", "joe%x@far.test", "default* smtp|far.test|joe%x@far.test" },
	{ "", "", "x!joe@rel.test", "relay* relay|rel.test|x!joe@rel.test" },
	{ "", "", "a@b@rel.test", "relay* relay|rel.test|a@b@rel.test" },
	/* what no mail can go to */
	{ "", "", "joe@", "55.1.3 bad address syntax" },
	{ "resolve_null_domain = yes", "", "joe@",
	    "local local|mx.example.test|joe@mx.example.test" },
	{ "", "", "joe@192.0.2.1", "55.1.3 bad address syntax" },
	{ "resolve_numeric_domain = yes", "", "joe@192.0.2.1",
	    "default smtp|[192.0.2.1]|joe@[192.0.2.1]" },
	{ "resolve_numeric_domain = yes", "", "joe@127.0.0.1",
	    "local local|mx.example.test|joe@[127.0.0.1]" },
	{ "", "", "joe@a..b", "55.1.3 bad address syntax" },
	{ "", "", "joe@-a.b", "55.1.3 bad address syntax" },
	{ "", "", "joe@a b", "55.1.3 bad address syntax" },
	{ "", "", "joe@[1.2.3]", "55.1.3 bad address syntax" },
	{ "", "", "-joe@far.test", "55.1.3 bad address syntax" },
	{ "allow_min_user = yes", "", "-joe@far.test",
	    "default smtp|far.test|-joe@far.test" },
	/* maps */
	{ "transport_maps = inline:{{joe@localhost=smtp:[h]}}", "",
	    "joe+x@localhost", "local smtp|[h]|joe+x@localhost" },
	{ "transport_maps = inline:{{far.test=:[h]:10025}}", "", "joe@far.test",
	    "default smtp|[h]:10025|joe@far.test" },
	{ "relayhost = [hub]\ntransport_maps = inline:{{far.test=smtp:}}", "",
	    "joe@far.test", "default smtp|far.test|joe@far.test" },
	{ "transport_maps = fail:x", "", "joe@far.test", "4transport_maps: " },
	{ "relocated_maps = inline:{{@far.test=new@x.y}}", "", "joe@far.test",
	    "default error|5.1.6 User has moved to new@x.y|joe@far.test" },
	{ "relocated_maps = inline:{{joe=new@x.y}}", "", "joe+e@localhost",
	    "local error|5.1.6 User has moved to new@x.y|joe+e@localhost" },
	{ "relocated_maps = inline:{{joe=new@x.y}}", "", "joe@far.test",
	    "default smtp|far.test|joe@far.test" },
	{ "mydestination = fail:x", "", "joe@far.test", "4mydestination: " },
	{ "relay_domains = fail:x", "", "joe@far.test", "4relay_domains: " },
	{ "relay_domains = fail:x", "", "joe@localhost",
	    "local local|mx.example.test|joe@localhost" },
	{ "sender_dependent_relayhost_maps = fail:x", "", "joe@far.test",
	    "4sender_dependent_relayhost_maps: " },
	/* internationalised names */
	{ "relay_domains = b\xc3\xbc"
	  "cher.test",
	    "", "joe@xn--bcher-kva.test",
	    "relay relay|xn--bcher-kva.test|joe@xn--bcher-kva.test" },
	{ "relay_domains = xn--bcher-kva.test", "",
	    "joe@B\xc3\x9c"
	    "cher.test",
	    "relay relay|xn--bcher-kva.test|joe@B\xc3\x9c"
	    "cher.test" },
};

static const char *const class_names[] = {
	[IPC_CLASS_LOCAL] = "local",
	[IPC_CLASS_VIRTUAL_ALIAS] = "alias",
	[IPC_CLASS_VIRTUAL_MAILBOX] = "mailbox",
	[IPC_CLASS_RELAY] = "relay",
	[IPC_CLASS_DEFAULT] = "default",
};

static struct conf *
load(const char *settings)
{
	struct conf_source source = { .dir = "/nowhere" };
	struct str text = STR_EMPTY;
	struct conf *conf;
	struct err e;

	str_printf(&text, MAIN_CF "%s\n", settings);
	e = conf_load_text(&source, str_view(&text), "main.cf", &conf);
	ck_assert_msg(!err_is(e), "%s", e.text);
	str_clear(&text);
	return conf;
}

static void
describe(const struct route *route, struct str *out)
{
	if (err_is(route->why)) {
		bool temp = route->why.kind == ERR_TEMP;

		str_printf(out, "%c%s", temp ? '4' : '5', route->why.text);
		ck_assert_str_eq(
		    route->transport.ptr, temp ? "retry" : "error");
		ck_assert_uint_gt(route->nexthop.len, 0);
		return;
	}
	str_printf(out, "%s%s %s|%s|%s", class_names[route->class],
	    route->is_routed ? "*" : "", route->transport.ptr,
	    route->nexthop.ptr, route->recipient.ptr);
}

START_TEST(an_address_goes_where_the_parameters_say)
{
	struct conf *conf = load(rows[_i].settings);
	struct str way = STR_EMPTY;
	struct router router;
	struct route route;

	ck_assert(!err_is(router_init(&router, conf)));
	route_init(&route);
	route_find(&router, view_of(rows[_i].sender), view_of(rows[_i].address),
	    &route);
	describe(&route, &way);
	/* Of an error with a table's own words only the beginning. */
	if (view_ends(view_of(rows[_i].way), VIEW(": ")))
		str_cut(&way, strlen(rows[_i].way));
	ck_assert_str_eq(way.ptr, rows[_i].way);
	str_clear(&way);
	route_clear(&route);
	router_clear(&router);
	conf_free(conf);
}
END_TEST

START_TEST(an_address_without_end_is_refused)
{
	struct conf *conf = load("");
	struct str address = STR_EMPTY;
	struct router router;
	struct route route;

	ck_assert(!err_is(router_init(&router, conf)));
	route_init(&route);
	for (int i = 0; i < 200; i++)
		str_add_text(&address, "%localhost");
	route_find(&router, VIEW_EMPTY, str_view(&address), &route);
	ck_assert_int_eq(route.why.kind, ERR_PERM);
	while (address.len < 70000)
		str_add_text(&address, "%localhost");
	route_find(&router, VIEW_EMPTY, str_view(&address), &route);
	ck_assert_int_eq(route.why.kind, ERR_PERM);
	str_clear(&address);
	route_clear(&route);
	router_clear(&router);
	conf_free(conf);
}
END_TEST

static struct err
answer_remote(struct view spec, struct view key, struct str *value, bool *found)
{
	(void)spec;
	(void)key;
	(void)value;
	*found = false;
	return ERR_OK;
}

static const struct {
	const char *settings;
	bool may_wait;
} waits[] = {
	{ "", false },
	{ "transport_maps = inline:{{a=b}}", false },
	{ "transport_maps = inline:{{a=b}}, proxy:ldap:/x", true },
	{ "relay_domains = !unix:passwd.byname", true },
	{ "mydestination = /etc/hosts", true },
	{ "virtual_mailbox_domains = unionmap:{static:x, pgsql:/y}", true },
};

START_TEST(a_router_knows_whether_its_tables_are_far)
{
	struct router router;
	struct conf *conf;

	table_set_remote(answer_remote);
	conf = load(waits[_i].settings);
	ck_assert(!err_is(router_init(&router, conf)));
	ck_assert(router_may_wait(&router) == waits[_i].may_wait);
	router_clear(&router);
	conf_free(conf);
	table_set_remote(NULL);
}
END_TEST

UNIT_MAIN("rewrite/route",
    { an_address_goes_where_the_parameters_say, ARRAY_LEN(rows) },
    { an_address_without_end_is_refused, 1 },
    { a_router_knows_whether_its_tables_are_far, ARRAY_LEN(waits) })
