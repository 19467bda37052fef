#include "lib/mail/addr.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

enum { N = ADDR_NULL, U = ADDR_UTF8, S = ADDR_STRICT };

static const struct {
	const char *text;
	unsigned flags;
	bool ok;
	const char *internal, *rest;
} paths[] = {
	{ "<a@example.org>", 0, true, "a@example.org", "" },
	{ "<a@example.org>  SIZE=1", S, true, "a@example.org", "SIZE=1" },
	{ "a@example.org SIZE=1", 0, true, "a@example.org", "SIZE=1" },
	{ "a@example.org", S, false, "", "" },
	{ " <a@example.org>", 0, true, "a@example.org", "" },
	{ " <a@example.org>", S, false, "", "" },
	{ "< a@example.org >", 0, true, "a@example.org", "" },
	{ "<>", N, true, "", "" },
	{ "<> BODY=8BITMIME", N | S, true, "", "BODY=8BITMIME" },
	{ "<>", 0, false, "", "" },
	{ "", N, false, "", "" },
	{ "  ", N, false, "", "" },
	{ "<a@b@c>", 0, false, "", "" },
	{ "<a@b>x", 0, false, "", "" },
	{ "<a b@c>", 0, false, "", "" },
	{ "<a@b", 0, false, "", "" },
	{ "<\"a@b>", 0, false, "", "" },
	{ "<postmaster>", 0, true, "postmaster", "" },
	{ "<Postmaster>", S, true, "Postmaster", "" },
	{ "<@x.org,@y.org:a@b.org>", S, true, "a@b.org", "" },
	{ "<@x.org>", 0, false, "", "" },
	{ "<@x.org:>", 0, false, "", "" },
	{ "<@x(:a@b>", 0, false, "", "" },
	{ "<\"a b\"@c.org>", S, true, "a b@c.org", "" },
	{ "<\"a\\\"b\\\\\"@c.org>", S, true, "a\"b\\@c.org", "" },
	{ "<\"a@b\"@c.org>", S, true, "a@b@c.org", "" },
	{ "<\"a@b\">", 0, false, "", "" },
	{ "<a\\@b>", 0, false, "", "" },
	{ "<a\\@b@c>", 0, true, "a@b@c", "" },
	{ "<a\\@b@c>", S, false, "", "" },
	{ "<a.\"b c\"@d>", 0, true, "a.b c@d", "" },
	{ "<a.\"b c\"@d>", S, false, "", "" },
	{ "<\"\"@c.org>", 0, false, "", "" },
	{ "<@c.org>", 0, false, "", "" },
	{ "<a@>", 0, false, "", "" },
	{ "<a@.>", 0, false, "", "" },
	{ "<a@b.>", 0, true, "a@b", "" },
	{ "<a@b.>", S, false, "", "" },
	{ "<a@b..c>", 0, false, "", "" },
	{ "<a@-b_c.d>", 0, true, "a@-b_c.d", "" },
	{ "<a@b$c>", 0, false, "", "" },
	{ "<.a..b.@c>", 0, true, ".a..b.@c", "" },
	{ "<a..b@c>", S, false, "", "" },
	{ "<\"|sh\"@c>", 0, true, "|sh@c", "" },
	{ "<|sh@c>", 0, true, "|sh@c", "" },
	{ "<../../x@c>", 0, true, "../../x@c", "" },
	{ "<-oQ@c>", 0, true, "-oQ@c", "" },
	{ "<a%b@c>", 0, true, "a%b@c", "" },
	{ "<b!a>", 0, true, "b!a", "" },
	{ "<a@[192.0.2.1]>", S, true, "a@[192.0.2.1]", "" },
	{ "<a@[192.0.2.256]>", 0, false, "", "" },
	{ "<a@[192.0.2.1>", 0, false, "", "" },
	{ "<a@[]>", 0, false, "", "" },
	{ "<a@[IPv6:2001:db8::1]>", S, true, "a@[IPv6:2001:db8::1]", "" },
	{ "<a@[ipv6:::ffff:192.0.2.1]>", 0, true, "a@[ipv6:::ffff:192.0.2.1]",
	    "" },
	{ "<a@[IPv6:fe80::1%eth0]>", 0, false, "", "" },
	{ "<a@[2001:db8::1]>", 0, false, "", "" },
	{ "<a@[x-tag:foo]>", 0, false, "", "" },
	{ "<a\r@b>", 0, false, "", "" },
	{ "<\"a\n\"@b>", 0, false, "", "" },
	{ "<\"a\x1b\"@b>", 0, false, "", "" },
	{ "<a\x7f@b>", 0, false, "", "" },
	{ "<a,b@c>", 0, false, "", "" },
	{ "<a(x)@c>", 0, false, "", "" },
	{ "<a<b@c>", 0, false, "", "" },
	{ "<\xc3\xa4@\xc3\xb6.org>", U, true, "\xc3\xa4@\xc3\xb6.org", "" },
	{ "<\xc3\xa4@b.org>", 0, false, "", "" },
	{ "<\xc3@b.org>", U, false, "", "" },
	{ "<\xc0\xaf@b.org>", U, false, "", "" },
	{ "<a\xc2\x85@b.org>", U, false, "", "" },
	{ "<a\xe2\x80\xae@b.org>", U, false, "", "" },
	{ "<a\xe2\x80\xa8@b.org>", U, false, "", "" },
	{ "<a\xe2\x81\xa6@b.org>", U, false, "", "" },
};

START_TEST(addr_parse_path_accepts_what_it_should_and_nothing_else)
{
	struct str internal = STR_EMPTY;
	struct view rest;
	struct addr a;
	struct err e = addr_parse_path(
	    view_of(paths[_i].text), paths[_i].flags, &a, &rest);

	ck_assert_msg(
	    err_is(e) != paths[_i].ok, "%s: %s", paths[_i].text, e.text);
	if (paths[_i].ok) {
		addr_add_internal(&internal, &a);
		ck_assert_str_eq(internal.ptr, paths[_i].internal);
		ck_assert(view_eq(rest, view_of(paths[_i].rest)));
	} else {
		ck_assert_int_eq(e.kind, ERR_PERM);
	}
	str_clear(&internal);
}
END_TEST

START_TEST(addr_parse_path_bounds_lengths_and_refuses_nul)
{
	struct str s = STR_EMPTY;
	struct addr a;

	str_add_byte(&s, '<');
	while (s.len < ADDR_MAX - 1)
		str_add_byte(&s, 'a');
	str_add_text(&s, "@b>");
	ck_assert_uint_eq(s.len, ADDR_MAX + 2);
	ck_assert(!err_is(addr_parse_path(str_view(&s), 0, &a, NULL)));
	s.ptr[s.len - 1] = 'b';
	str_add_byte(&s, '>');
	ck_assert(err_is(addr_parse_path(str_view(&s), 0, &a, NULL)));
	while (s.len < 100000)
		str_add_byte(&s, '"');
	ck_assert(err_is(addr_parse_path(str_view(&s), 0, &a, NULL)));
	ck_assert(
	    err_is(addr_parse_path(view_make("<a\0b@c>", 7), 0, &a, NULL)));
	ck_assert(err_is(addr_parse_path(VIEW("<a@b> X"), 0, &a, NULL)));
	ck_assert(err_is(addr_parse_path(VIEW("<a@b"), 0, &a, NULL)));
	str_clear(&s);
}
END_TEST

START_TEST(addr_parse_path_tells_what_it_saw)
{
	struct addr a;

	addr_parse_path(VIEW("<@r:\"x\"@[127.0.0.1]>"), 0, &a, NULL);
	ck_assert_uint_eq(
	    a.flags, ADDR_HAD_ROUTE | ADDR_IS_QUOTED | ADDR_IS_LITERAL);
	ck_assert(view_eq(a.text, VIEW("\"x\"@[127.0.0.1]")));
	ck_assert(view_eq(a.local, VIEW("\"x\"")));
	ck_assert(view_eq(a.domain, VIEW("[127.0.0.1]")));
	addr_parse_path(VIEW("<\xc3\xa4>"), U, &a, NULL);
	ck_assert_uint_eq(a.flags, ADDR_IS_UTF8);
	addr_parse_path(VIEW("<>"), N, &a, NULL);
	ck_assert_uint_eq(a.flags, ADDR_IS_NULL);
}
END_TEST

static const struct {
	const char *internal, *external;
	bool is_inverse;
} forms[] = {
	{ "", "", true },
	{ "a", "a", true },
	{ "a@b", "a@b", true },
	{ "a b@c", "\"a b\"@c", true },
	{ "a\"b\\@c", "\"a\\\"b\\\\\"@c", true },
	{ "a@b@c", "\"a@b\"@c", true },
	{ ".a@c", "\".a\"@c", true },
	{ "a..b@c", "\"a..b\"@c", true },
	{ "@c", "\"\"@c", true },
	{ "a,b@c", "\"a,b\"@c", true },
	{ "\xc3\xa4@c", "\xc3\xa4@c", true },
	{ "a\nb@c", "\"a?b\"@c", false },
	{ "a@b\r\nX: c", "a@b??X:?c", false },
	{ "a@[IPv6:::1]", "a@[IPv6:::1]", true },
};

START_TEST(addr_forms_convert_both_ways)
{
	struct str s = STR_EMPTY;

	addr_to_external(&s, view_of(forms[_i].internal));
	ck_assert_str_eq(s.ptr, forms[_i].external);
	str_reset(&s);
	addr_to_internal(&s, view_of(forms[_i].external));
	if (forms[_i].is_inverse)
		ck_assert_str_eq(s.ptr, forms[_i].internal);
	str_clear(&s);
}
END_TEST

static const struct {
	const char *local, *delimiters;
	bool special, ok;
	const char *user, *extension;
} splits[] = {
	{ "joe+list", "+", true, true, "joe", "list" },
	{ "joe+a+b", "+", true, true, "joe", "a+b" },
	{ "joe-x+y", "+-", true, true, "joe", "x+y" },
	{ "joe+", "+", true, true, "joe", "" },
	{ "+joe", "+", true, false, "+joe", "" },
	{ "joe", "+", true, false, "joe", "" },
	{ "joe+x", "", true, false, "joe+x", "" },
	{ "mailer-daemon", "-", true, false, "mailer-daemon", "" },
	{ "MAILER-DAEMON", "-", true, false, "MAILER-DAEMON", "" },
	{ "double-bounce", "-", true, false, "double-bounce", "" },
	{ "owner-list", "-", true, false, "owner-list", "" },
	{ "owner-list", "-", false, true, "owner", "list" },
	{ "owner+list", "+", true, true, "owner", "list" },
	{ "list-Request", "-", true, false, "list-Request", "" },
	{ "-request", "-", true, false, "-request", "" },
	{ "owner-a+b", "+", true, true, "owner-a", "b" },
};

START_TEST(addr_split_extension_knows_the_special_names)
{
	struct view user, extension;
	bool ok = addr_split_extension(view_of(splits[_i].local),
	    view_of(splits[_i].delimiters), splits[_i].special, &user,
	    &extension);

	ck_assert_msg(ok == splits[_i].ok, "%s", splits[_i].local);
	ck_assert(view_eq(user, view_of(splits[_i].user)));
	ck_assert(view_eq(extension, view_of(splits[_i].extension)));
}
END_TEST

START_TEST(addr_parts_and_equality)
{
	ck_assert(view_eq(addr_domain(VIEW("a@b@C")), VIEW("C")));
	ck_assert(view_eq(addr_local(VIEW("a@b@C")), VIEW("a@b")));
	ck_assert_uint_eq(addr_domain(VIEW("abc")).len, 0);
	ck_assert(addr_eq(VIEW("a@EXAMPLE.org"), VIEW("a@example.ORG")));
	ck_assert(!addr_eq(VIEW("A@example.org"), VIEW("a@example.org")));
	ck_assert(!addr_eq(VIEW("a"), VIEW("a@b")));
}
END_TEST

static const struct {
	const char *given;
	struct view full;
	bool ok;
} completions[] = {
	{ "a", { "a@example.org", 13 }, true },
	{ "a%b", { "a@b.example.org", 15 }, true },
	{ "a", { "", 0 }, false },
	{ "a", { "a\0@b.c", 6 }, false },
	{ "a", { "a\r\nX:@b.c", 9 }, false },
	{ "a", { "a\x7f@b.c", 6 }, false },
};

START_TEST(addr_may_complete_refuses_what_is_no_address)
{
	ck_assert(addr_may_complete(view_of(completions[_i].given),
		      completions[_i].full) == completions[_i].ok);
}
END_TEST

START_TEST(addr_may_complete_bounds_what_is_added)
{
	struct str full = STR_EMPTY;

	while (full.len < 513)
		str_add_byte(&full, 'x');
	ck_assert(addr_may_complete(VIEW("a"), str_view(&full)));
	str_add_byte(&full, 'x');
	ck_assert(!addr_may_complete(VIEW("a"), str_view(&full)));
	ck_assert(addr_is_sane(str_view(&full)));
	while (full.len <= ADDR_MAX)
		str_add_byte(&full, 'x');
	ck_assert(!addr_is_sane(str_view(&full)));
	str_clear(&full);
}
END_TEST

UNIT_MAIN("addr",
    { addr_parse_path_accepts_what_it_should_and_nothing_else,
	ARRAY_LEN(paths) },
    { addr_parse_path_bounds_lengths_and_refuses_nul, 1 },
    { addr_parse_path_tells_what_it_saw, 1 },
    { addr_forms_convert_both_ways, ARRAY_LEN(forms) },
    { addr_split_extension_knows_the_special_names, ARRAY_LEN(splits) },
    { addr_parts_and_equality, 1 },
    { addr_may_complete_refuses_what_is_no_address,
	ARRAY_LEN(completions) },
    { addr_may_complete_bounds_what_is_added, 1 })
