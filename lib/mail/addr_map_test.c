/* Tables from addresses to addresses. */
#include "lib/mail/addr_map.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static struct conf *conf;
static struct addr_site site;

static void
open_site(const char *more)
{
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "cleanup",
		.process_name = "cleanup" };
	struct str text = STR_EMPTY;

	str_printf(&text,
	    "mydestination = here.example\nmyorigin = origin.example\n"
	    "inet_interfaces = 127.0.0.1\n"
	    "recipient_delimiter = +-\n%s",
	    more);
	ck_assert(!err_is(
	    conf_load_text(&source, str_view(&text), "main.cf", &conf)));
	ck_assert(!err_is(addr_site_open(&site, conf)));
	str_clear(&text);
}

static void
close_site(void)
{
	addr_site_close(&site);
	conf_free(conf);
}

/* All results, with their extension, separated by blanks. */
static struct err
look_up(const char *table, const char *address, struct str *out)
{
	struct addr_map map;
	struct addr_hit hit;
	struct str one = STR_EMPTY;
	bool found;
	struct err e;

	str_reset(out);
	ck_assert(!err_is(
	    addr_map_open(&map, conf, "test_maps", table, "canonical")));
	e = addr_map_find(&map, &site, view_of(address), &hit, &found);
	while (found && addr_hit_next(&hit, &one)) {
		addr_add_extension(&one, str_view(&hit.extension));
		str_addf(out, "%s%s", out->len > 0 ? " " : "", one.ptr);
	}
	addr_hit_clear(&hit);
	addr_map_close(&map);
	str_clear(&one);
	return e;
}

static const struct {
	const char *table, *address, *results;
} cases[] = {
	{ "inline:{a@x.test=b@y.test}", "a@x.test", "b@y.test" },
	{ "inline:{a@x.test=b@y.test}", "A@X.Test", "b@y.test" },
	{ "inline:{a@x.test=b@y.test}", "b@x.test", "" },
	{ "inline:{a@x.test=b@y.test}", "", "" },
	/* The extension goes over, with its own delimiter. */
	{ "inline:{a@x.test=b@y.test}", "a+e@x.test", "b+e@y.test" },
	{ "inline:{a@x.test=b@y.test}", "a-e+f@x.test", "b-e+f@y.test" },
	{ "inline:{a+e@x.test=b@y.test}", "a+e@x.test", "b@y.test" },
	{ "inline:{a+e@x.test=b@y.test, a@x.test=c@y.test}", "a+e@x.test",
	    "b@y.test" },
	{ "inline:{{a@x.test=b@y.test, c}}", "a+e@x.test", "b+e@y.test c+e" },
	/* A name alone: only where the domain is ours. */
	{ "inline:{a=b}", "a@here.example", "b" },
	{ "inline:{a=b}", "a@origin.example", "b" },
	{ "inline:{a=b}", "a@[127.0.0.1]", "b" },
	{ "inline:{a=b}", "a@x.test", "" },
	{ "inline:{a=b}", "a+e@here.example", "b+e" },
	{ "inline:{a+e=c, a=b}", "a+e@here.example", "c" },
	{ "inline:{a=b, @here.example=c}", "a+e@here.example", "b+e" },
	{ "inline:{a=b}", "a", "b" },
	/* A whole domain: the extension is part of what matched. */
	{ "inline:{@x.test=b@y.test}", "a+e@x.test", "b@y.test" },
	{ "inline:{@x.test=@y.test}", "a+e@x.test", "a+e@y.test" },
	{ "inline:{a@x.test=@y.test}", "a+e@x.test", "a+e@y.test" },
	{ "inline:{@x.test=@y.test}", "a b@x.test", "a b@y.test" },
	/* Patterns see the whole address, and nothing else. */
	{ "regexp:{{/^(.*)\\+(.*)@x/ $2@$1.test}}", "a+e@x.test", "e@a.test" },
	{ "regexp:{{/^a@x/ no}}", "a+e@x.test", "" },
	{ "regexp:{{/^@x/ no}}", "a@x.test", "" },
	{ "static:s@x.test", "any+e@where.test", "s@x.test" },
	/* What needs quotes is a key with them. */
	{ "inline:{{\"a b\"@x.test=c}}", "a b@x.test", "c" },
	/* Lists: commas, blanks, names, comments, groups. */
	{ "inline:{{a@x.test=b c  d}}", "a@x.test", "b c d" },
	{ "inline:{{a@x.test=b@x c, d}}", "a@x.test", "b@x c d" },
	{ "inline:{{a@x.test=B C <d@x>, (e) f@x}}", "a@x.test", "d@x f@x" },
	{ "inline:{{a@x.test=g: b@x, c@x;}}", "a@x.test", "b@x c@x" },
	{ "inline:{{a@x.test=\"b c\" d}}", "a@x.test", "b c d" },
	{ "inline:{{a@x.test=\"b c\"@x}}", "a@x.test", "b c@x" },
	{ "inline:{{a@x.test=\"b, c\"@x,d}}", "a@x.test", "b, c@x d" },
	{ "inline:{{a@x.test=,, b@x ,}}", "a@x.test", "b@x" },
	{ "inline:{{a@x.test=<>}}", "a@x.test", "" },
};

START_TEST(addresses_lead_where_their_table_says)
{
	struct str out = STR_EMPTY;

	open_site("");
	ck_assert(
	    !err_is(look_up(cases[_i].table, cases[_i].address, &out)));
	ck_assert_str_eq(out.ptr, cases[_i].results);
	str_clear(&out);
	close_site();
}
END_TEST

START_TEST(no_extension_goes_over_if_the_site_wants_none)
{
	struct str out = STR_EMPTY;

	open_site("propagate_unmatched_extensions = virtual\n");
	ck_assert(!err_is(
	    look_up("inline:{a@x.test=b@y.test}", "a+e@x.test", &out)));
	ck_assert_str_eq(out.ptr, "b@y.test");
	ck_assert(
	    !err_is(look_up("inline:{a@x.test=@y.test}", "a+e@x.test", &out)));
	ck_assert_str_eq(out.ptr, "a@y.test");
	str_clear(&out);
	close_site();
}
END_TEST

START_TEST(what_fails_is_never_not_found)
{
	static const char *const tables[] = { "fail:x", "inline:{a@x.test=}",
		"inline:{b@y.test=c} fail:x", "fail:x inline:{a@x.test=c}",
		"hash:/nonexistent/x" };
	struct str out = STR_EMPTY;

	open_site("");
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		ck_assert_msg(
		    look_up(tables[i], "a@x.test", &out).kind == ERR_TEMP, "%s",
		    tables[i]);
	/* What is found before that is found. */
	ck_assert(!err_is(
	    look_up("inline:{a@x.test=c} fail:x", "a@x.test", &out)));
	ck_assert_str_eq(out.ptr, "c");
	str_clear(&out);
	close_site();
}
END_TEST

START_TEST(an_own_domain_that_cannot_be_told_is_an_error)
{
	struct str out = STR_EMPTY;

	open_site("mydestination = fail:x\n");
	ck_assert_int_eq(
	    look_up("inline:{a=b}", "a@x.test", &out).kind, ERR_TEMP);
	ck_assert(
	    !err_is(look_up("inline:{a@x.test=b}", "a@x.test", &out)));
	str_clear(&out);
	close_site();
}
END_TEST

UNIT_MAIN("addr_map",
    { addresses_lead_where_their_table_says, (int)ARRAY_LEN(cases) },
    { no_extension_goes_over_if_the_site_wants_none, 1 },
    { what_fails_is_never_not_found, 1 },
    { an_own_domain_that_cannot_be_told_is_an_error, 1 })
