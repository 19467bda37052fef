#include "lib/conf/netlist.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool
match(const struct netlist *list, const char *addr)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, addr, &in.sin_addr) == 1)
		return netlist_match(list, (struct sockaddr *)&in);
	ck_assert_int_eq(inet_pton(AF_INET6, addr, &in6.sin6_addr), 1);
	return netlist_match(list, (struct sockaddr *)&in6);
}

static const struct {
	const char *list, *addr;
	bool yes;
} cases[] = {
	{ "127.0.0.0/8", "127.1.2.3", true },
	{ "127.0.0.0/8", "128.0.0.1", false },
	{ "127.0.0.0/8", "::1", false },
	{ "127.0.0.0/8", "::ffff:127.0.0.1", true },
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "192.0.2.4/30", "192.0.2.7", true },
	{ "192.0.2.4/30", "192.0.2.8", false },
	{ "0.0.0.0/0", "8.8.8.8", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "[::]/0", "8.8.8.8", false },
	{ "[::]/0", "2001:db8::1", true },
	{ "[::1]/128", "::1", true },
	{ "[::1]", "::1", true },
	{ "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
	{ "[2001:db8::/32]", "2001:db8::1", true },
	{ "!10.1.2.3, 10.0.0.0/8", "10.1.2.3", false },
	{ "!10.1.2.3, 10.0.0.0/8", "10.1.2.4", true },
	{ "10.0.0.0/8 !10.1.2.3", "10.1.2.3", true },
	{ "", "10.1.2.3", false },
};

START_TEST(networks_match_addresses)
{
	struct netlist list;
	struct err e;

	netlist_init(&list);
	e = netlist_parse(&list, view_of(cases[_i].list));
	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert_msg(match(&list, cases[_i].addr) == cases[_i].yes, "%s %s",
	    cases[_i].list, cases[_i].addr);
	netlist_clear(&list);
}
END_TEST

static const char *const bad[] = { "127.0.0.1/8", "1.2.3", "1.2.3.4/33", "[::1",
	"::1]", "[::1]/129", "2001:db8::1/32", "1.2.3.4/", "1.2.3.4/x", "host",
	"1.2.3.4/-1", "!", "[]", "hash:/x", "/f", "1.2.3.4/8/8" };

START_TEST(bad_networks_are_named)
{
	struct netlist list;
	struct str item = STR_EMPTY;
	struct err e;

	netlist_init(&list);
	e = netlist_parse(&list, view_of(bad[_i]));
	str_printf(&item, "network \"%s\": ", bad[_i]);
	ck_assert_int_eq(e.kind, ERR_PERM);
	ck_assert_msg(strstr(e.text, item.ptr) == e.text, "%s", e.text);
	str_clear(&item);
	netlist_clear(&list);
}
END_TEST

START_TEST(tables_are_told_from_networks)
{
	ck_assert(netlist_is_network(VIEW("10.0.0.0/8")));
	ck_assert(netlist_is_network(VIEW("![::1]")));
	ck_assert(netlist_is_network(VIEW("fe80::/10")));
	ck_assert(!netlist_is_network(VIEW("hash:/etc/nets")));
	ck_assert(!netlist_is_network(VIEW("/etc/nets")));
	ck_assert(!netlist_is_network(VIEW("!cidr:/etc/nets")));
}
END_TEST

UNIT_MAIN("netlist", { networks_match_addresses, ARRAY_LEN(cases) },
    { bad_networks_are_named, ARRAY_LEN(bad) },
    { tables_are_told_from_networks, 1 })
