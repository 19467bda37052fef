/* transport(5): keys in their order, results with empty halves. */
#include "rewrite/transport_map.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/mail/addr.h"

static const struct {
	const char *table;
	bool parents;
	const char *address, *value; /* NULL: not found */
} keys[] = {
	/* From the most special to the least. */
	{ "{ {u+e@a.b=1}, {u@a.b=2}, {a.b=3}, {.b=4}, {*=5} }", false,
	    "u+e@a.b", "1" },
	{ "{ {u@a.b=2}, {a.b=3}, {.b=4}, {*=5} }", false, "u+e@a.b", "2" },
	{ "{ {a.b=3}, {.b=4}, {*=5} }", false, "u+e@a.b", "3" },
	{ "{ {.b=4}, {*=5} }", false, "u+e@a.b", "4" },
	{ "{ {*=5} }", false, "u+e@a.b", "5" },
	{ "{ {x=1} }", false, "u+e@a.b", NULL },
	/* A parent is not the domain itself, and the other way round. */
	{ "{ {.a.b=1} }", false, "u@a.b", NULL },
	{ "{ {b=1} }", false, "u@a.b", NULL },
	{ "{ {b=1} }", true, "u@a.b", "1" },
	{ "{ {.b=1} }", true, "u@a.b", NULL },
	{ "{ {.c.d=1} }", false, "u@a.b.c.d", "1" },
	/* Letters in any case. */
	{ "{ {user@example.org=1} }", false, "User@Example.ORG", "1" },
	{ "{ {[192.0.2.1]=1}, {.2.1]=2} }", false, "u@[192.0.2.1]", "1" },
	{ "{ {.2.1]=2} }", false, "u@[192.0.2.1]", NULL },
	/* Internationalised names in either form. */
	{ "{ {xn--bcher-kva.test=1} }", false,
	    "u@b\xc3\xbc"
	    "cher.test",
	    "1" },
	{ "{ {b\xc3\xbc"
	  "cher.test=1} }",
	    false, "u@xn--bcher-kva.test", "1" },
	{ "{ {b\xc3\xbc"
	  "cher.test=1} }",
	    false,
	    "u@B\xc3\x9c"
	    "CHER.test",
	    "1" },
	/* No extension is cut off these. */
	{ "{ {owner@a.b=1}, {a.b=2} }", false, "postmaster@a.b", "2" },
};

START_TEST(the_most_special_key_wins)
{
	struct conf_source source = { .dir = "/nowhere" };
	struct str spec = STR_EMPTY, value = STR_EMPTY;
	struct view address = view_of(keys[_i].address);
	struct table_list *list;
	struct domain domain;
	struct conf *conf;
	struct find f;
	bool found;

	ck_assert(!err_is(conf_load_text(
	    &source, VIEW("recipient_delimiter = +\n"), "main.cf", &conf)));
	str_printf(&spec, "inline:%s", keys[_i].table);
	ck_assert(!err_is(table_list_open(str_view(&spec), 0, &list)));
	domain_init(&domain, addr_domain(address));
	find_init(&f, conf, address, &domain);
	ck_assert(!err_is(
	    transport_map_find(&f, list, keys[_i].parents, &value, &found)));
	ck_assert_msg(found == (keys[_i].value != NULL), "%s", spec.ptr);
	if (found)
		ck_assert_str_eq(value.ptr, keys[_i].value);
	domain_clear(&domain);
	table_list_close(list);
	str_clear(&spec);
	str_clear(&value);
	conf_free(conf);
}
END_TEST

START_TEST(patterns_see_whole_addresses_only)
{
	struct conf_source source = { .dir = "/nowhere" };
	static const struct {
		const char *rule;
		bool found;
	} rules[] = {
		{ "/^u\\+e@a\\.b$/", true },
		{ "/^u@a\\.b$/", false },
		{ "/^a\\.b$/", false },
		{ "/^\\*$/", false },
	};
	struct str spec = STR_EMPTY, value = STR_EMPTY;
	struct table_list *list;
	struct domain domain;
	struct conf *conf;
	struct find f;
	bool found;

	ck_assert(!err_is(conf_load_text(
	    &source, VIEW("recipient_delimiter = +\n"), "main.cf", &conf)));
	domain_init(&domain, VIEW("a.b"));
	find_init(&f, conf, VIEW("u+e@a.b"), &domain);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		str_printf(&spec, "regexp:{{%s x:y}}", rules[i].rule);
		ck_assert(!err_is(table_list_open(str_view(&spec), 0, &list)));
		ck_assert(!err_is(
		    transport_map_find(&f, list, false, &value, &found)));
		ck_assert_msg(found == rules[i].found, "%s", spec.ptr);
		table_list_close(list);
	}
	domain_clear(&domain);
	str_clear(&spec);
	str_clear(&value);
	conf_free(conf);
}
END_TEST

START_TEST(a_table_that_fails_ends_the_search)
{
	struct conf_source source = { .dir = "/nowhere" };
	struct str value = STR_EMPTY;
	struct table_list *list;
	struct domain domain;
	struct conf *conf;
	struct find f;
	bool found;

	ck_assert(!err_is(conf_load_text(&source, VIEW(""), "main.cf", &conf)));
	ck_assert(
	    !err_is(table_list_open(VIEW("fail:x, static:smtp:"), 0, &list)));
	domain_init(&domain, VIEW("a.b"));
	find_init(&f, conf, VIEW("u@a.b"), &domain);
	ck_assert_int_eq(
	    transport_map_find(&f, list, false, &value, &found).kind, ERR_TEMP);
	ck_assert(!found);
	domain_clear(&domain);
	table_list_close(list);
	str_clear(&value);
	conf_free(conf);
}
END_TEST

static const struct {
	const char *entry, *transport, *nexthop;
} entries[] = {
	{ "", "old", "hop" },
	{ ":", "old", "hop" },
	{ ":[h]:26", "old", "[h]:26" },
	{ "smtp:", "smtp", "domain.test" },
	{ "smtp", "smtp", "domain.test" },
	{ "smtp:[h]:26", "smtp", "[h]:26" },
	{ "smtp:h1, h2", "smtp", "h1, h2" },
	{ "lmtp:unix:/path", "lmtp", "unix:/path" },
	{ "error:5.1.2 gone", "error", "5.1.2 gone" },
	{ "error:", "error", "Address is undeliverable" },
	{ "retry:", "retry", "Address is undeliverable" },
	{ " local : host ", "local", "host" },
};

START_TEST(an_entry_replaces_what_it_names)
{
	struct str transport = STR_EMPTY, nexthop = STR_EMPTY;

	str_set(&transport, VIEW("old"));
	str_set(&nexthop, VIEW("hop"));
	transport_map_apply(view_of(entries[_i].entry), VIEW("domain.test"),
	    &transport, &nexthop);
	ck_assert_str_eq(transport.ptr, entries[_i].transport);
	ck_assert_str_eq(nexthop.ptr, entries[_i].nexthop);
	str_clear(&transport);
	str_clear(&nexthop);
}
END_TEST

UNIT_MAIN("rewrite/transport_map",
    { the_most_special_key_wins, ARRAY_LEN(keys) },
    { patterns_see_whole_addresses_only, 1 },
    { a_table_that_fails_ends_the_search, 1 },
    { an_entry_replaces_what_it_names, ARRAY_LEN(entries) })
