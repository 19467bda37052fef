/* Completing addresses. */
#include "lib/mail/address.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#define MAIN_CF                          \
	"compatibility_level = 3.6\n"    \
	"myhostname = mx.example.test\n" \
	"remote_header_rewrite_domain = domain.invalid\n"

static const struct {
	const char *settings;
	enum address_context context;
	const char *address, *full;
} cases[] = {
	{ "", ADDRESS_LOCAL, "", "" },
	{ "", ADDRESS_LOCAL, "@", "" },
	{ "", ADDRESS_LOCAL, "joe", "joe@mx.example.test" },
	{ "", ADDRESS_LOCAL, "joe doe", "joe doe@mx.example.test" },
	{ "", ADDRESS_REMOTE, "joe", "joe@domain.invalid" },
	{ "remote_header_rewrite_domain =", ADDRESS_REMOTE, "joe", "joe" },
	{ "append_at_myorigin = no", ADDRESS_LOCAL, "joe", "joe" },
	{ "myorigin = example.test", ADDRESS_LOCAL, "joe", "joe@example.test" },
	{ "", ADDRESS_LOCAL, "joe@pc", "joe@pc" },
	{ "append_dot_mydomain = yes", ADDRESS_LOCAL, "joe@pc",
	    "joe@pc.example.test" },
	{ "append_dot_mydomain = yes", ADDRESS_REMOTE, "joe@pc",
	    "joe@pc.domain.invalid" },
	{ "append_dot_mydomain = yes", ADDRESS_LOCAL, "joe@pc.", "joe@pc" },
	{ "append_dot_mydomain = yes", ADDRESS_LOCAL, "joe@", "joe@" },
	{ "append_dot_mydomain = yes", ADDRESS_LOCAL, "joe@[192.0.2.1]",
	    "joe@[192.0.2.1]" },
	{ "append_dot_mydomain = yes", ADDRESS_LOCAL, "joe@[IPv6:::1]",
	    "joe@[IPv6:::1]" },
	{ "", ADDRESS_LOCAL, "joe@a.b.", "joe@a.b" },
	{ "", ADDRESS_LOCAL, "joe@a..", "joe@a.." },
	{ "", ADDRESS_LOCAL, "joe@.", "joe@." },
	{ "", ADDRESS_LOCAL, "a!b!c", "b!c@a" },
	{ "", ADDRESS_LOCAL, "a!b@c", "a!b@c" },
	{ "swap_bangpath = no", ADDRESS_LOCAL, "a!b", "a!b@mx.example.test" },
	{ "", ADDRESS_LOCAL, "a%b%c", "a%b@c" },
	{ "allow_percent_hack = no", ADDRESS_LOCAL, "a%b",
	    "a%b@mx.example.test" },
	{ "", ADDRESS_LOCAL, "@a.b,@c:joe@d", "joe@d" },
	{ "", ADDRESS_LOCAL, "@a.b:joe", "joe@mx.example.test" },
	{ "", ADDRESS_LOCAL, "@a b:joe@d", "@a b:joe@d" },
	{ "", ADDRESS_LOCAL, "@a:", "@a:" },
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

START_TEST(an_address_is_completed_as_the_parameters_say)
{
	struct conf *conf = load(cases[_i].settings);
	struct str out = STR_EMPTY;

	address_complete(
	    conf, cases[_i].context, view_of(cases[_i].address), &out);
	ck_assert_str_eq(out.ptr, cases[_i].full);
	str_clear(&out);
	conf_free(conf);
}
END_TEST

START_TEST(an_address_that_is_too_long_stays_as_it_is)
{
	struct conf *conf = load("");
	struct str in = STR_EMPTY, out = STR_EMPTY;

	while (in.len <= ADDRESS_LEN_MAX)
		str_add_byte(&in, 'x');
	address_complete(conf, ADDRESS_LOCAL, str_view(&in), &out);
	ck_assert_str_eq(out.ptr, in.ptr);
	str_clear(&in);
	str_clear(&out);
	conf_free(conf);
}
END_TEST

UNIT_MAIN("rewrite/address",
    { an_address_is_completed_as_the_parameters_say, ARRAY_LEN(cases) },
    { an_address_that_is_too_long_stays_as_it_is, 1 })
