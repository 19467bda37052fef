#include "lib/dns/name.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#define L63 "a123456789012345678901234567890123456789012345678901234567890bc"

static const struct {
	const char *text;
	bool name, host;
} names[] = {
	{ "example.org", true, true },
	{ "example.org.", true, true },
	{ "_25._tcp.mx.example.org", true, true },
	{ "a", true, true },
	{ "1.2.3.4", true, false },
	{ "12345", true, false },
	{ "1.2.3.4a", true, true },
	{ "", false, false },
	{ ".", false, false },
	{ "..", false, false },
	{ ".a", false, false },
	{ "a..b", false, false },
	{ "a..", false, false },
	{ "-a.b", false, false },
	{ "a-.b", false, false },
	{ "a-b.c", true, true },
	{ "a b", false, false },
	{ "a\tb", false, false },
	{ "a\\046b", false, false },
	{ "a/b", false, false },
	{ "[1.2.3.4]", false, false },
	{ "b\xc3\xbc"
	  "cher.example",
	    false, false },
	{ L63 ".org", true, true },
	{ "x" L63 ".org", false, false },
	{ L63 "." L63 "." L63 "." L63, false, false },
	{ L63 "." L63 "." L63 ".a123456789012345678901234567890123456789"
	      "012345678901234567890",
	    true, true },
};

START_TEST(names_are_letters_digits_hyphens_and_underscores)
{
	struct view v = view_of(names[_i].text);

	ck_assert_msg(dns_name_is_valid(v) == names[_i].name, "%s", v.ptr);
	ck_assert_msg(dns_hostname_is_valid(v) == names[_i].host, "%s", v.ptr);
}
END_TEST

static const struct {
	const char *text, *reverse;
} addrs[] = {
	{ "192.0.2.1", "1.2.0.192.in-addr.arpa" },
	{ "255.255.255.255", "255.255.255.255.in-addr.arpa" },
	{ "0.10.99.100", "100.99.10.0.in-addr.arpa" },
	{ "2001:db8::1",
	    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "8.b.d.0.1.0.0.2.ip6.arpa" },
	{ "::",
	    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "0.0.0.0.ip6.arpa" },
};

START_TEST(addresses_have_reverse_names)
{
	struct sockaddr_storage ss;
	struct dns_addr a, b;
	char text[DNS_ADDR_TEXT_SIZE], name[DNS_REVERSE_SIZE];

	ck_assert(dns_addr_parse(view_of(addrs[_i].text), &a));
	dns_reverse_name(&a, name);
	ck_assert_str_eq(name, addrs[_i].reverse);
	ck_assert(dns_name_is_valid(view_of(name)));
	dns_addr_text(&a, text);
	ck_assert_str_eq(text, addrs[_i].text);
	dns_addr_to_sockaddr(&a, 25, &ss);
	ck_assert(dns_addr_of_sockaddr((void *)&ss, &b));
	ck_assert(dns_addr_eq(&a, &b));
}
END_TEST

static const char *const no_addrs[] = { "", "1.2.3", "1.2.3.4.5", "01.2.3.4x",
	"256.1.1.1", ":::", "fe80::1%eth0", "[::1]", "1.2.3.4 ", "a.b.c.d",
	"1:2:3:4:5:6:7:8:9",
	"11111111111111111111111111111111111111111111111" };

START_TEST(other_text_is_no_address)
{
	struct dns_addr a;

	ck_assert_msg(
	    !dns_addr_parse(view_of(no_addrs[_i]), &a), "%s", no_addrs[_i]);
	ck_assert(!dns_addr_parse(VIEW("1.2.3.4\0"), &a));
}
END_TEST

START_TEST(mapped_addresses_are_ipv4)
{
	struct sockaddr_storage ss;
	struct dns_addr a, b;

	ck_assert(dns_addr_parse(VIEW("::ffff:192.0.2.1"), &a));
	dns_addr_to_sockaddr(&a, 25, &ss);
	ck_assert(dns_addr_of_sockaddr((void *)&ss, &b));
	ck_assert_int_eq(b.family, AF_INET);
	ss.ss_family = AF_UNIX;
	ck_assert(!dns_addr_of_sockaddr((void *)&ss, &b));
}
END_TEST

UNIT_MAIN("name",
    { names_are_letters_digits_hyphens_and_underscores, ARRAY_LEN(names) },
    { addresses_have_reverse_names, ARRAY_LEN(addrs) },
    { other_text_is_no_address, ARRAY_LEN(no_addrs) },
    { mapped_addresses_are_ipv4, 1 })
