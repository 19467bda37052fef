/* DNS lists: how they are written, and what they say. */
#include "smtpd/dnslist.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct {
	const char *text, *domain; /* NULL: no list */
} lists[] = {
	{ "bl.example", "bl.example" },
	{ "bl.example.", "bl.example" },
	{ "bl.example=127.0.0.2", "bl.example" },
	{ "bl.example=127.0.0.[2;4..10]", "bl.example" },
	{ "bl.example=[127].[0..255].[0].[1;2;3]", "bl.example" },
	{ "", NULL },
	{ "=127.0.0.2", NULL },
	{ "bl..example", NULL },
	{ "bl.example=", NULL },
	{ "bl.example=127.0.0", NULL },
	{ "bl.example=127.0.0.", NULL },
	{ "bl.example=127.0.0.2.", NULL },
	{ "bl.example=127.0.0.2.3", NULL },
	{ "bl.example=127.0.0.256", NULL },
	{ "bl.example=127.0.0.0256", NULL },
	{ "bl.example=127.0.0.[", NULL },
	{ "bl.example=127.0.0.[]", NULL },
	{ "bl.example=127.0.0.[2", NULL },
	{ "bl.example=127.0.0.[2;]", NULL },
	{ "bl.example=127.0.0.[2..]", NULL },
	{ "bl.example=127.0.0.[2..4", NULL },
	{ "bl.example=127.0.0.[4..2]", NULL },
	{ "bl.example=127.0.0.[2,3]", NULL },
	{ "bl.example=127.0.0.[2.3]", NULL },
	{ "bl.example=127.0.0.-1", NULL },
	{ "bl.example=127.0.0. 2", NULL },
};

START_TEST(a_list_is_a_domain_and_perhaps_a_filter)
{
	struct dnslist *l = dnslist_parse(view_of(lists[_i].text));

	ck_assert_msg(
	    (l != NULL) == (lists[_i].domain != NULL), "%s", lists[_i].text);
	if (l != NULL)
		ck_assert_str_eq(l->domain, lists[_i].domain);
	dnslist_free(l);
}
END_TEST

static const struct {
	const char *filter;
	uint8_t addr[4];
	bool listed;
} matches[] = {
	{ "", { 127, 0, 0, 2 }, true },
	{ "", { 192, 0, 2, 1 }, true },
	{ "=127.0.0.2", { 127, 0, 0, 2 }, true },
	{ "=127.0.0.2", { 127, 0, 0, 3 }, false },
	{ "=127.0.0.2", { 127, 0, 1, 2 }, false },
	{ "=127.0.0.[2;4..10]", { 127, 0, 0, 2 }, true },
	{ "=127.0.0.[2;4..10]", { 127, 0, 0, 3 }, false },
	{ "=127.0.0.[2;4..10]", { 127, 0, 0, 4 }, true },
	{ "=127.0.0.[2;4..10]", { 127, 0, 0, 10 }, true },
	{ "=127.0.0.[2;4..10]", { 127, 0, 0, 11 }, false },
	{ "=[0..255].[0..255].[0..255].[255]", { 1, 2, 3, 255 }, true },
	{ "=[0..255].[0..255].[0..255].[255]", { 1, 2, 3, 254 }, false },
};

START_TEST(an_answer_counts_if_it_passes_the_filter)
{
	struct str text = STR_EMPTY;
	struct dnslist *l;

	str_printf(&text, "bl.example%s", matches[_i].filter);
	l = dnslist_parse(str_view(&text));
	ck_assert_ptr_nonnull(l);
	ck_assert_int_eq(
	    dnslist_matches(l, matches[_i].addr), matches[_i].listed);
	dnslist_free(l);
	str_clear(&text);
}
END_TEST

static const struct {
	const char *addr, *name;
} names[] = {
	{ "192.0.2.1", "1.2.0.192.bl.example" },
	{ "2001:db8::1",
	    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	    "bl.example" },
};

START_TEST(an_address_is_asked_about_backwards)
{
	struct dnslist *l = dnslist_parse(VIEW("bl.example"));
	struct str name = STR_EMPTY;
	struct dns_addr addr;

	ck_assert(dns_addr_parse(view_of(names[_i].addr), &addr));
	dnslist_name_of_addr(l, &addr, &name);
	ck_assert_str_eq(name.ptr, names[_i].name);
	str_clear(&name);
	dnslist_free(l);
}
END_TEST

START_TEST(a_name_that_is_none_is_not_asked_about)
{
	struct dnslist *l = dnslist_parse(VIEW("bl.example"));
	struct str name = STR_EMPTY, longest = STR_EMPTY;

	ck_assert(dnslist_name_of_name(l, VIEW("b.example"), &name));
	ck_assert_str_eq(name.ptr, "b.example.bl.example");
	ck_assert(!dnslist_name_of_name(l, VIEW(""), &name));
	ck_assert(!dnslist_name_of_name(l, VIEW("[192.0.2.1]"), &name));
	ck_assert(!dnslist_name_of_name(l, VIEW("192.0.2.1"), &name));
	ck_assert(!dnslist_name_of_name(l, VIEW("a b"), &name));
	for (int i = 0; i < 62; i++)
		str_add_text(&longest, "a23.");
	str_add_text(&longest, "com");
	ck_assert(!dnslist_name_of_name(l, str_view(&longest), &name));
	str_clear(&longest);
	str_clear(&name);
	dnslist_free(l);
}
END_TEST

UNIT_MAIN("dnslist",
    { a_list_is_a_domain_and_perhaps_a_filter, ARRAY_LEN(lists) },
    { an_answer_counts_if_it_passes_the_filter, ARRAY_LEN(matches) },
    { an_address_is_asked_about_backwards, ARRAY_LEN(names) },
    { a_name_that_is_none_is_not_asked_about, 1 })
