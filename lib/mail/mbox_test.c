#include "lib/mail/mbox.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <time.h>

enum { F = MBOX_QUOTE_FROM, D = MBOX_QUOTE_DOT, B = MBOX_BLANK_END };

static const struct {
	const char *content;
	unsigned flags;
	const char *eol, *file;
} cases[] = {
	{ "", 0, "", "" },
	{ "", B, "", "\n" },
	{ "a\r\nb\r\n", 0, "", "a\nb\n" },
	{ "a\r\nb\r\n", F | D | B, "", "a\nb\n\n" },
	{ "a\r\nb\r\n", 0, "\r\n", "a\r\nb\r\n" },
	{ "a\r\n\r\n\r\n", 0, "", "a\n\n\n" },
	{ "From x\r\n", F, "", ">From x\n" },
	{ "From x\r\n", 0, "", "From x\n" },
	{ "a\r\nFrom \r\nFrom\r\n>From x\r\nFrfrom \r\n", F, "",
	    "a\n>From \nFrom\n>From x\nFrfrom \n" },
	{ ".\r\n..\r\na.\r\n", D, "", "..\n...\na.\n" },
	{ ".\r\nFrom .\r\nFr.\r\n", D | F, "", "..\n>From .\nFr.\n" },
	{ "From", F, "", "From\n" },
	{ "From ", F, "", ">From \n" },
	{ "a\rb\r", 0, "", "a\rb\r\n" },
	{ "a\nb", 0, "", "a\nb\n" },
	{ "a\r\r\n\r\r\n", 0, "", "a\r\n\r\n" },
};

START_TEST(mbox_filter_converts_alike_at_every_split)
{
	struct view in = view_of(cases[_i].content);
	struct str out = STR_EMPTY;

	for (size_t a = 0; a <= in.len; a++) {
		for (size_t b = a; b <= in.len; b++) {
			struct mbox_filter f;

			str_reset(&out);
			mbox_filter_init(
			    &f, cases[_i].flags, view_of(cases[_i].eol));
			mbox_filter_feed(&f, view_first(in, a), &out);
			mbox_filter_feed(&f, view_sub(in, a, b - a), &out);
			mbox_filter_feed(&f, view_skip(in, b), &out);
			mbox_filter_finish(&f, &out);
			ck_assert_str_eq(out.ptr, cases[_i].file);
		}
	}
	str_clear(&out);
}
END_TEST

START_TEST(mbox_from_lines)
{
	struct str out = STR_EMPTY;

	setenv("TZ", "UTC0", 1);
	tzset();
	mbox_add_from_line(&out, VIEW("a b@c"), 1795294706);
	ck_assert_str_eq(out.ptr, "From \"a b\"@c  Sat Nov 21 20:58:26 2026\n");
	str_reset(&out);
	mbox_add_from_line(&out, VIEW_EMPTY, 1795294706);
	ck_assert_str_eq(
	    out.ptr, "From MAILER-DAEMON  Sat Nov 21 20:58:26 2026\n");
	str_reset(&out);
	mbox_add_from_line(&out, VIEW("a\nFrom b@c\nX"), 0);
	ck_assert_uint_eq(view_find(str_view(&out), '\n'), out.len - 1);
	str_clear(&out);
}
END_TEST

UNIT_MAIN("mbox",
    { mbox_filter_converts_alike_at_every_split, ARRAY_LEN(cases) },
    { mbox_from_lines, 1 })
