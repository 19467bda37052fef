/* Unit tests of next hops. */
#include "smtp/dest.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct settings smtp = {
	.default_port = "smtp",
	.known_tcp_ports = "lmtp=24, smtp = 25, smtps=submissions=465",
};
static const struct settings lmtp = {
	.is_lmtp = true,
	.default_port = "24",
	.known_tcp_ports = "lmtp=24, smtp=25",
};

static const struct {
	const struct settings *set;
	const char *text;
	const char *name; /* NULL: an error */
	int port;
	bool no_mx, is_address, is_unix;
} cases[] = {
	{ &smtp, "example.org", "example.org", 25, false, false, false },
	{ &smtp, "example.org.", "example.org", 25, false, false, false },
	{ &smtp, "example.org:26", "example.org", 26, false, false, false },
	{ &smtp, "example.org:smtps", "example.org", 465, false, false, false },
	{ &smtp, "example.org:SUBMISSIONS", "example.org", 465, false, false,
	    false },
	{ &smtp, "[example.org]", "example.org", 25, true, false, false },
	{ &smtp, "[example.org]:587", "example.org", 587, true, false, false },
	{ &smtp, "[1.2.3.4]", "1.2.3.4", 25, true, true, false },
	{ &smtp, "1.2.3.4:99", "1.2.3.4", 99, true, true, false },
	{ &smtp, "[::1]:99", "::1", 99, true, true, false },
	{ &smtp, "[IPv6:::1]", "::1", 25, true, true, false },
	{ &smtp, "[ipv6:2001:db8::1]:99", "2001:db8::1", 99, true, true,
	    false },
	{ &smtp, "::1", "::1", 25, true, true, false },
	{ &smtp, "inet:[h]:1", "h", 1, true, false, false },
	{ &smtp, "unix:private/x", "private/x", 0, true, false, true },
	{ &lmtp, "host", "host", 24, true, false, false },
	{ &lmtp, "inet:host:lmtp", "host", 24, true, false, false },
	{ &lmtp, "unix:/run/lmtp", "/run/lmtp", 0, true, false, true },
	{ &smtp, "", NULL, 0, false, false, false },
	{ &smtp, "[]", NULL, 0, false, false, false },
	{ &smtp, "[h", NULL, 0, false, false, false },
	{ &smtp, "[h]x", NULL, 0, false, false, false },
	{ &smtp, "[h]:", NULL, 0, false, false, false },
	{ &smtp, ":25", NULL, 0, false, false, false },
	{ &smtp, "h:", NULL, 0, false, false, false },
	{ &smtp, "h:0", NULL, 0, false, false, false },
	{ &smtp, "h:65536", NULL, 0, false, false, false },
	{ &smtp, "h:nowhere", NULL, 0, false, false, false },
	{ &smtp, "h:25:25", NULL, 0, false, false, false },
	{ &smtp, "a b", NULL, 0, false, false, false },
	{ &smtp, "a/b", NULL, 0, false, false, false },
	{ &smtp, "unix:", NULL, 0, false, false, false },
};

START_TEST(dest_parse_takes_every_form)
{
	struct dest d;
	struct err e = dest_parse(cases[_i].set, view_of(cases[_i].text), &d);

	ck_assert_msg(err_is(e) == (cases[_i].name == NULL), "%s: %s",
	    cases[_i].text, e.text);
	if (err_is(e))
		return;
	ck_assert_str_eq(d.name, cases[_i].name);
	ck_assert_int_eq(d.port, cases[_i].port);
	ck_assert_int_eq(d.no_mx, cases[_i].no_mx);
	ck_assert_int_eq(d.is_address, cases[_i].is_address);
	ck_assert_int_eq(d.is_unix, cases[_i].is_unix);
}
END_TEST

START_TEST(dest_next_walks_a_list)
{
	struct view list = VIEW("a, [b]:26\tc:bad,,unix:d ");
	const char *names[] = { "a", "b", NULL, "d" };
	struct dest d;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		ck_assert(dest_next(&smtp, &list, &d, &e));
		ck_assert(err_is(e) == (names[i] == NULL));
		if (names[i] != NULL)
			ck_assert_str_eq(d.name, names[i]);
	}
	ck_assert(!dest_next(&smtp, &list, &d, &e));
}
END_TEST

UNIT_MAIN("dest", { dest_parse_takes_every_form, ARRAY_LEN(cases) },
    { dest_next_walks_a_list, 1 })
