#include "lib/mail/addrlist.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

/* expect: each address as "internal|spec|phrase|flags", flags of A(ngle)
 * N(ull) G(roup) B(ad), with newlines between. */
static const struct {
	const char *text, *expect;
} cases[] = {
	{ "", "" },
	{ " , ,, ", "" },
	{ "a@b", "a@b|a@b||" },
	{ "a@b, c@d", "a@b|a@b||\nc@d|c@d||" },
	{ "Joe <a@b>", "a@b|a@b|Joe|A" },
	{ "\"Joe, Jr.\" <a@b>, x", "a@b|a@b|\"Joe, Jr.\"|A\nx|x||" },
	{ "=?utf-8?q?J=2C?= Smith <a@b>", "a@b|a@b|=?utf-8?q?J=2C?= Smith|A" },
	{ "a@b (Joe, <x@y>)", "a@b|a@b||" },
	{ "(c1) a (c2) @ (c3) b . c (c4)", "a@b.c|a (c2) @ (c3) b . c||" },
	{ "(a (b (c) d) e) x@y", "x@y|x@y||" },
	{ "(a \\) b) x@y", "x@y|x@y||" },
	{ "(open x@y", "" },
	{ "\"a b\"@c", "a b@c|\"a b\"@c||" },
	{ "\"a\\\"b\"@c", "a\"b@c|\"a\\\"b\"@c||" },
	{ "\"a@b\"@c", "a@b@c|\"a@b\"@c||" },
	{ "\"a@b\"", "a@b|\"a@b\"||B" },
	{ "<>",
	    "||"
	    "|AN" },
	{ "<(c)>",
	    "||"
	    "|AN" },
	{ "<@a,@b:c@d>", "c@d|@a,@b:c@d||A" },
	{ "@a:c@d", "c@d|c@d||" },
	{ "Group: a@b, C <c@d>;, e@f", "a@b|a@b||G\nc@d|c@d|C|AG\ne@f|e@f||" },
	{ "undisclosed-recipients:;", "" },
	{ "g1: g2: a@b;; c@d", "a@b|a@b||G\nc@d|c@d||" },
	{ "a@b c@d", "a@b|a@b||\nc@d|c@d||" },
	{ "a@b\r\n c@d", "a@b|a@b||\nc@d|c@d||" },
	{ "<a@b> <c@d>", "a@b|a@b||A\nc@d|c@d||A" },
	{ "a@b; c@d", "a@b|a@b||\nc@d|c@d||" },
	{ "a@b <c@d>", "c@d|c@d|a@b|A" },
	{ "Joe a@b", "a@b|a@b||" },
	{ "a@b Joe", "a@b|a@b||" },
	{ "joe", "joe|joe||" },
	{ "joe  smith", "joe smith|joe  smith||" },
	{ "joe (x) smith, y", "joe smith|joe (x) smith||\ny|y||" },
	{ "<a@b", "a@b|a@b||A" },
	{ "<a@b, c@d", "a@b|a@b||A\nc@d|c@d||" },
	{ "<<a@b>>", "a@b|a@b||A" },
	{ "<a b@c>", "ab@c|a b@c||A" },
	{ "a@", "a@|a@||B" },
	{ "@b", "@b|@b||B" },
	{ "a@b@c", "a@b@c|a@b@c||B" },
	{ "<a@b@c>", "a@b@c|a@b@c||AB" },
	{ "a@[127.0.0.1]", "a@[127.0.0.1]|a@[127.0.0.1]||" },
	{ "a@[IPv6:::1], b", "a@[IPv6:::1]|a@[IPv6:::1]||\nb|b||" },
	{ "a\\,b@c", "a,b@c|a\\,b@c||" },
	{ "a\x01@b", "a\x01@b|a\x01@b||B" },
	{ "\"a\r\n b\"@c", "a b@c|\"a\r\n b\"@c||" },
	{ "\"unclosed", "unclosed|\"unclosed||" },
	{ "\\", "\\|\\||" },
	{ "a@b:c@d", "a@b|a@b||\nc@d|c@d||" },
	{ "mailto:a@b", "a@b|a@b||G" },
	{ "h!u", "h!u|h!u||" },
	{ "u%h@g", "u%h@g|u%h@g||" },
	{ "\xc3\xa4@\xc3\xb6", "\xc3\xa4@\xc3\xb6|\xc3\xa4@\xc3\xb6||" },
	{ "a@b> , )c@d]", "a@b|a@b||\nc@d|c@d||" },
};

static void
list_all(struct view text, struct str *out)
{
	struct str internal = STR_EMPTY;
	struct addrlist_item item;
	struct addrlist l;

	addrlist_init(&l, text);
	while (addrlist_next(&l, &item, &internal)) {
		if (out->len > 0)
			str_add_byte(out, '\n');
		str_addf(out, "%s|%.*s|%.*s|%s%s%s%s", internal.ptr,
		    VIEW_ARGS(item.spec), VIEW_ARGS(item.phrase),
		    item.flags & ADDRLIST_ANGLE ? "A" : "",
		    item.flags & ADDRLIST_NULL ? "N" : "",
		    item.flags & ADDRLIST_GROUP ? "G" : "",
		    item.flags & ADDRLIST_BAD ? "B" : "");
	}
	str_clear(&internal);
}

START_TEST(addrlist_next_finds_each_address)
{
	struct str out = STR_EMPTY;

	list_all(view_of(cases[_i].text), &out);
	ck_assert_msg(strcmp(out.ptr, cases[_i].expect) == 0,
	    "%s:\n%s\nnot\n%s", cases[_i].text, out.ptr, cases[_i].expect);
	str_clear(&out);
}
END_TEST

static const char *const floods[] = { "(", "a@b,", "g:", "<", "<@a,", "@a,",
	"\"", "\\", "[", "a ", "a@b ", ";", "(a)", ".@", "()<", "g:a@b;" };

/* 10^6 of each: what is linear ends at once. */
START_TEST(addrlist_next_takes_linear_time)
{
	struct str text = STR_EMPTY;
	struct str internal = STR_EMPTY;
	struct addrlist_item item;
	int64_t began = clock_ms();
	struct addrlist l;
	size_t n = 0;

	for (size_t i = 0; i < 1000000; i++)
		str_add_text(&text, floods[_i]);
	addrlist_init(&l, str_view(&text));
	while (addrlist_next(&l, &item, &internal))
		n++;
	ck_assert_uint_le(n, 1000001);
	ck_assert_int_lt(clock_ms() - began, 20000);
	if (strcmp(floods[_i], "a@b,") == 0)
		ck_assert_uint_eq(n, 1000000);
	str_clear(&text);
	str_clear(&internal);
}
END_TEST

START_TEST(addrlist_next_marks_long_addresses)
{
	struct str text = STR_EMPTY;
	struct str internal = STR_EMPTY;
	struct addrlist_item item;
	struct addrlist l;

	for (size_t i = 0; i < 70000; i++)
		str_add_byte(&text, 'a');
	str_add_text(&text, "@b, c@d");
	addrlist_init(&l, str_view(&text));
	ck_assert(addrlist_next(&l, &item, &internal));
	ck_assert_uint_eq(item.flags, ADDRLIST_BAD);
	ck_assert_uint_eq(item.spec.len, 70002);
	ck_assert(addrlist_next(&l, &item, &internal));
	ck_assert_str_eq(internal.ptr, "c@d");
	ck_assert(!addrlist_next(&l, &item, &internal));
	str_clear(&text);
	str_clear(&internal);
}
END_TEST

UNIT_MAIN("addrlist", { addrlist_next_finds_each_address, ARRAY_LEN(cases) },
    { addrlist_next_takes_linear_time, ARRAY_LEN(floods) },
    { addrlist_next_marks_long_addresses, 1 })
