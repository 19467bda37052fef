#include "lib/mail/header.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/unit.h"

START_TEST(header_table_is_sorted_and_finds_itself)
{
	for (int id = 1; id < HEADER_N; id++) {
		const char *name = header_name((enum header_id)id);
		struct str upper = STR_EMPTY;

		ck_assert_str_ne(name, "");
		for (const char *p = name; *p != '\0'; p++)
			str_add_byte(&upper, ascii_upper(*p));
		ck_assert_int_eq(header_find_id(str_view(&upper)), id);
		str_clear(&upper);
	}
	ck_assert_int_eq(header_find_id(VIEW("X-Foo")), HEADER_OTHER);
	ck_assert_int_eq(header_find_id(VIEW("")), HEADER_OTHER);
	ck_assert_int_eq(header_find_id(VIEW("T")), HEADER_OTHER);
	ck_assert_int_eq(header_find_id(VIEW("Too")), HEADER_OTHER);
	ck_assert(header_flags(HEADER_BCC) & HEADER_DROP);
}
END_TEST

static const struct {
	const char *line;
	size_t len;
} names[] = {
	{ "A: b", 1 },
	{ "A:", 1 },
	{ "A : b", 1 },
	{ "A \t: b", 1 },
	{ "A b: c", 0 },
	{ ": b", 0 },
	{ " A: b", 0 },
	{ "A", 0 },
	{ "", 0 },
	{ "\xc3\xa4: b", 0 },
	{ "A\x7f: b", 0 },
	{ ">From x", 0 },
	{ "X-Foo_1!:y", 8 },
};

START_TEST(header_name_len_tells_names)
{
	ck_assert_uint_eq(
	    header_name_len(view_of(names[_i].line)), names[_i].len);
}
END_TEST

/* The blocks: F(ield) with name=body, M(box line), E(nd), N(ot), O (EOF),
 * then what the body begins with. */
static const struct {
	const char *text, *expect;
} blocks[] = {
	{ "", "O" },
	{ "\r\nbody", "E" },
	{ "\nbody", "E" },
	{ "To: a\r\n\r\nx", "FTo=a E" },
	{ "To: a\n\nx", "FTo=a E" },
	{ "To: a", "FTo=a O" },
	{ "To: a\r\n", "FTo=a O" },
	{ "To : a\r\n b\r\n\tc\r\nX:y\r\n\r\n", "FTo=a\r\n b\r\n\tc FX=y E" },
	{ "To:\r\n a\r\n\r\n", "FTo=\r\n a E" },
	{ "To: a\r\n b", "FTo=a\r\n b O" },
	{ "From x y\r\n>>From z\r\nA: b\r\n\r\n", "M M FA=b E" },
	{ "A: b\r\nFrom x: y\r\n\r\n", "FA=b N" },
	{ "From: a\r\n\r\n", "FFrom=a E" },
	{ "Fro: a\r\n\r\n", "FFro=a E" },
	{ ">: a\r\n>>x: b\r\n\r\n", "F>=a F>>x=b E" },
	{ "From\r\n", "N" },
	{ "From", "N" },
	{ ">Fro m\r\n", "N" },
	{ " folded first\r\nA: b\r\n", "N" },
	{ "\t\r\n", "N" },
	{ "hello world\r\n", "N" },
	{ "hello", "N" },
	{ "A: b\r\nhello world\r\n", "FA=b N" },
	{ "A: b\r\n \r\n c\r\n\r\n", "FA=b\r\n \r\n c E" },
	{ ":x\r\n", "N" },
	{ "A: b\r\n\rx\r\n", "FA=b N" },
	{ "A: b\r\n\r", "FA=b N" },
	{ "\xc3\xa4: b\r\n", "N" },
	{ "A: \xc3\xa4\r\n.\r\n", "FA=\xc3\xa4 N" },
	{ "From x\r\n folded\r\n", "M N" },
};

static enum header_what
walk(struct view text, struct str *out, struct header_scan *totals)
{
	static const char letters[] = "FMENO";
	struct header_iter it;
	enum header_what what;
	struct header h;

	*totals = (struct header_scan){ .end = HEADER_EOF };
	header_iter_init(&it, text);
	do {
		what = header_next(&it, &h);
		if (out->len > 0)
			str_add_byte(out, ' ');
		str_add_byte(out, letters[what]);
		ck_assert_ptr_eq(h.text.ptr, text.ptr + h.offset);
		if (what == HEADER_FIELD) {
			str_addf(out, "%.*s=%.*s", VIEW_ARGS(h.name),
			    VIEW_ARGS(h.body));
			totals->fields++;
			if (h.text.len > totals->longest)
				totals->longest = h.text.len;
		}
	} while (what == HEADER_FIELD || what == HEADER_FROM_LINE);
	totals->header_len = h.offset;
	totals->body_at = h.offset + h.text.len;
	return what;
}

START_TEST(header_next_and_the_scanner_agree_at_every_split)
{
	struct view text = view_of(blocks[_i].text);
	struct str out = STR_EMPTY;
	struct header_scan want;
	enum header_what what = walk(text, &out, &want);

	ck_assert_str_eq(out.ptr, blocks[_i].expect);
	for (size_t a = 0; a <= text.len; a++) {
		for (size_t b = a; b <= text.len; b++) {
			struct header_scan s;

			header_scan_init(&s);
			header_scan_feed(&s, view_first(text, a));
			header_scan_feed(&s, view_sub(text, a, b - a));
			header_scan_feed(&s, view_skip(text, b));
			header_scan_finish(&s);
			ck_assert_int_eq(s.end, what);
			ck_assert_uint_eq(s.header_len, want.header_len);
			ck_assert_uint_eq(s.body_at, want.body_at);
			ck_assert_uint_eq(s.fields, want.fields);
			ck_assert_uint_eq(s.longest, want.longest);
		}
	}
	str_clear(&out);
}
END_TEST

START_TEST(header_find_and_unfold)
{
	struct view text = VIEW("A: b\r\nTo: x,\r\n  y \r\nto: z\r\n\r\nCc: q");
	char buffer[8];
	struct header h;

	ck_assert(header_find(text, HEADER_TO, &h));
	ck_assert(view_eq(
	    header_unfold(h.body, buffer, sizeof(buffer)), VIEW("x,  y")));
	ck_assert(view_eq(header_unfold(h.body, buffer, 2), VIEW("x,")));
	ck_assert(!header_find(text, HEADER_CC, &h));
}
END_TEST

static const struct {
	const char *text;
	bool is_header;
	const char *lines;
} added[] = {
	{ "", true, "\r\n" },
	{ "A: b", true, "A: b\r\n" },
	{ "A: b", false, "A: b\r\n" },
	{ "A: b\nC: d", true, "A: b\r\n\tC: d\r\n" },
	{ "A: b\nC: d", false, "A: b\r\nC: d\r\n" },
	{ "A: b\n c\n\td", true, "A: b\r\n c\r\n\td\r\n" },
	{ "A: b\n\nc", true, "A: b\r\n\t\r\n\tc\r\n" },
	/* Tables of other systems have it. */
	{ "A: b\r\n\rc\r", true, "A: b \r\n\t c \r\n" },
	{ "a\rb\r", false, "a b \r\n" },
};

START_TEST(header_add_lines_keeps_one_header_one)
{
	struct str out = STR_EMPTY;

	str_add_text(&out, "x\ry");
	header_add_lines(&out, view_of(added[_i].text), added[_i].is_header);
	ck_assert(view_starts(str_view(&out), VIEW("x\ry")));
	ck_assert_str_eq(out.ptr + 3, added[_i].lines);
	str_clear(&out);
}
END_TEST

START_TEST(header_next_stands_many_and_long_headers)
{
	struct str text = STR_EMPTY;
	struct header_iter it;
	struct header h;
	size_t n = 0;

	for (size_t i = 0; i < 100000; i++)
		str_add_text(&text, "A: b\r\n");
	str_add_text(&text, "Long:");
	for (size_t i = 0; i < 500000; i++)
		str_add_text(&text, " x\r\n");
	header_iter_init(&it, str_view(&text));
	while (header_next(&it, &h) == HEADER_FIELD)
		n++;
	ck_assert_uint_eq(n, 100001);
	str_clear(&text);
}
END_TEST

UNIT_MAIN("header", { header_table_is_sorted_and_finds_itself, 1 },
    { header_name_len_tells_names, ARRAY_LEN(names) },
    { header_next_and_the_scanner_agree_at_every_split, ARRAY_LEN(blocks) },
    { header_find_and_unfold, 1 },
    { header_add_lines_keeps_one_header_one, ARRAY_LEN(added) },
    { header_next_stands_many_and_long_headers, 1 })
