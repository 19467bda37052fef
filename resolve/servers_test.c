#include "resolve/servers.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <string.h>

static const struct {
	const char *text;
	size_t n;
	const char *first;
} files[] = {
	{ "nameserver 192.0.2.1\n", 1, "192.0.2.1" },
	{ "# nameserver 192.0.2.9\nsearch a.test\nnameserver\t2001:db8::1\r\n"
	  "nameserver 192.0.2.2 # two\nnameserver 192.0.2.3\n"
	  "nameserver 192.0.2.4\n",
	    3, "2001:db8::1" },
	{ "nameserver fe80::1%eth0\n", 1, "fe80::1%eth0" },
	{ "nameserver fe80::1%e@5\nnameserver 192.0.2.1@5353\n", 1,
	    "127.0.0.1" },
	{ "nameserver example.org\nnameserver\nnameservers 192.0.2.1", 1,
	    "127.0.0.1" },
	{ "", 1, "127.0.0.1" },
};

START_TEST(resolv_conf_names_the_servers)
{
	struct servers s;

	servers_parse(view_of(files[_i].text), &s);
	ck_assert_uint_eq(s.n, files[_i].n);
	ck_assert_str_eq(s.server[0], files[_i].first);
}
END_TEST

static const struct {
	const char *text, *server;
} given[] = {
	{ "127.0.0.1:5353", "127.0.0.1@5353" },
	{ "127.0.0.1", "127.0.0.1@53" },
	{ "[::1]:5353", "::1@5353" },
	{ "[::1]", "::1@53" },
	{ "::1", "::1@53" },
	{ "127.0.0.1:0", NULL },
	{ "127.0.0.1:65536", NULL },
	{ "127.0.0.1:", NULL },
	{ "localhost:53", NULL },
	{ ":53", NULL },
	{ "[::1", NULL },
	{ "", NULL },
};

START_TEST(a_test_server_has_an_address_and_a_port)
{
	struct servers s;
	struct err e = servers_parse_test(view_of(given[_i].text), &s);

	ck_assert_int_eq(!err_is(e), given[_i].server != NULL);
	if (given[_i].server != NULL)
		ck_assert_str_eq(s.server[0], given[_i].server);
}
END_TEST

UNIT_MAIN("servers", { resolv_conf_names_the_servers, ARRAY_LEN(files) },
    { a_test_server_has_an_address_and_a_port, ARRAY_LEN(given) })
