#include "resolve/hosts.h"

#include "lib/base/unit.h"

static struct dns_addr
addr(const char *text)
{
	struct dns_addr a;

	ck_assert(dns_addr_parse(view_of(text), &a));
	return a;
}

#define ADDR(text) (&((struct dns_addr[]){ addr(text) })[0])

START_TEST(names_and_addresses_are_found)
{
	struct hosts h;

	hosts_parse(&h,
	    VIEW("# comment\n127.0.0.1\tlocalhost loop # rest\n"
		 "127.0.0.1 box\n192.0.2.1 One.Test one\r\n"
		 "2001:db8::1 one.test\n\nnonsense\n1.2.3 bad\n"
		 "192.0.2.2\n192.0.2.3 bad!name good.test 1.2.3.4\n"
		 "192.0.2.4 last.test"));
	ck_assert_str_eq(hosts_find_name(&h, ADDR("127.0.0.1")), "localhost");
	ck_assert_str_eq(hosts_find_name(&h, ADDR("::1")), "localhost");
	ck_assert_str_eq(hosts_find_name(&h, ADDR("192.0.2.1")), "One.Test");
	ck_assert_str_eq(hosts_find_name(&h, ADDR("192.0.2.3")), "good.test");
	ck_assert_ptr_null(hosts_find_name(&h, ADDR("192.0.2.2")));
	ck_assert_uint_eq(hosts_find(&h, VIEW("ONE.test."))->n, 2);
	ck_assert_ptr_null(hosts_find(&h, VIEW("bad!name")));
	ck_assert_ptr_null(hosts_find(&h, VIEW("1.2.3.4")));
	ck_assert(hosts_has(&h, VIEW("box"), ADDR("127.0.0.1")));
	ck_assert(hosts_has(&h, VIEW("last.test"), ADDR("192.0.2.4")));
	ck_assert(!hosts_has(&h, VIEW("one"), ADDR("2001:db8::1")));
	hosts_clear(&h);
}
END_TEST

START_TEST(without_a_file_this_machine_is_localhost)
{
	struct hosts h;

	hosts_parse(&h, VIEW(""));
	ck_assert_str_eq(hosts_find_name(&h, ADDR("127.0.0.1")), "localhost");
	ck_assert(hosts_has(&h, VIEW("localhost"), ADDR("::1")));
	hosts_clear(&h);
}
END_TEST

START_TEST(addresses_of_one_name_are_bounded)
{
	struct str s = STR_EMPTY;
	struct hosts h;

	for (int i = 0; i < 200; i++)
		str_addf(&s, "10.0.0.%d many.test\n", i);
	hosts_parse(&h, str_view(&s));
	ck_assert_uint_eq(
	    hosts_find(&h, VIEW("many.test"))->n, HOSTS_ADDRS_MAX);
	hosts_clear(&h);
	str_clear(&s);
}
END_TEST

UNIT_MAIN("hosts", { names_and_addresses_are_found, 1 },
    { without_a_file_this_machine_is_localhost, 1 },
    { addresses_of_one_name_are_bounded, 1 })
