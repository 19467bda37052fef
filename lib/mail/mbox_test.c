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

/* The same as plainly as can be, for lines that end in LF. */
static void
convert_plainly(struct view in, struct str *out)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.ptr[i] != '\r' || i + 1 == in.len ||
		    in.ptr[i + 1] != '\n')
			str_add_byte(out, in.ptr[i]);
	if (in.len > 0 && in.ptr[in.len - 1] != '\n')
		str_add_byte(out, '\n');
}

/* Lines of about this length, now and then with a bare CR. */
static void
add_lines(struct str *text, size_t line, size_t len, unsigned *seed)
{
	str_reset(text);
	while (text->len < len) {
		size_t n = line + (size_t)rand_r(seed) % 3;

		for (size_t i = 0; i < n; i++)
			str_add_byte(text, (char)('a' + i % 26));
		str_add_text(text, (size_t)rand_r(seed) % 8 == 0 ? "\r" : "\r\n");
	}
	str_cut(text, len);
}

/* Lines shorter and longer than what is copied at once, of all lengths of the
 * piece, and at each place in memory. */
START_TEST(mbox_filter_converts_long_text_as_the_plain_one_does)
{
	struct str text = STR_EMPTY, out = STR_EMPTY, want = STR_EMPTY;
	unsigned seed = (unsigned)_i;

	for (size_t len = 0; len < 300; len++) {
		struct mbox_filter f;
		size_t split;

		add_lines(&text, (size_t)_i, len + 16, &seed);
		split = (size_t)rand_r(&seed) % (len + 1);
		for (size_t at = 0; at < 16; at++) {
			struct view in = view_sub(str_view(&text), at, len);

			str_reset(&want);
			convert_plainly(in, &want);
			str_reset(&out);
			mbox_filter_init(&f, 0, VIEW_EMPTY);
			mbox_filter_feed(&f, view_first(in, split), &out);
			mbox_filter_feed(&f, view_skip(in, split), &out);
			mbox_filter_finish(&f, &out);
			ck_assert(view_eq(str_view(&out), str_view(&want)));
		}
	}
	str_clear(&text);
	str_clear(&out);
	str_clear(&want);
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
    { mbox_filter_converts_long_text_as_the_plain_one_does, 140 },
    { mbox_from_lines, 1 })
