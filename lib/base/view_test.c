/* Borrowed strings: searching, cutting, numbers, UTF-8. */
#include "lib/base/view.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#define ck_assert_view_eq(v, text)                                           \
	ck_assert_msg(view_eq((v), view_of(text)), "\"%.*s\" is not \"%s\"", \
	    VIEW_ARGS(v), (text))

static const struct {
	const char *a, *b;
	bool same, same_case, starts, starts_case, ends, ends_case;
} pairs[] = {
	{ "", "", true, true, true, true, true, true },
	{ "a", "", false, false, true, true, true, true },
	{ "", "a", false, false, false, false, false, false },
	{ "abc", "abc", true, true, true, true, true, true },
	{ "abc", "ABC", false, true, false, true, false, true },
	{ "abc", "ab", false, false, true, true, false, false },
	{ "abc", "Ab", false, false, false, true, false, false },
	{ "abc", "bc", false, false, false, false, true, true },
	{ "abc", "bC", false, false, false, false, false, true },
	/* 0x20 apart, but no letters. */
	{ "[", "{", false, false, false, false, false, false },
	{ "@", "`", false, false, false, false, false, false },
	/* Letters in Latin-1 are bytes here. */
	{ "\xc4", "\xe4", false, false, false, false, false, false },
};

START_TEST(views_compare_by_bytes_or_by_ascii_letters)
{
	struct view a = view_of(pairs[_i].a), b = view_of(pairs[_i].b);

	ck_assert_int_eq(view_eq(a, b), pairs[_i].same);
	ck_assert_int_eq(view_eq_case(a, b), pairs[_i].same_case);
	ck_assert_int_eq(view_starts(a, b), pairs[_i].starts);
	ck_assert_int_eq(view_starts_case(a, b), pairs[_i].starts_case);
	ck_assert_int_eq(view_ends(a, b), pairs[_i].ends);
	ck_assert_int_eq(view_ends_case(a, b), pairs[_i].ends_case);
}
END_TEST

START_TEST(view_cmp_orders_by_unsigned_bytes_then_length)
{
	static const char *const sorted[] = { "", "A", "a", "aa", "ab", "b",
		"\x7f", "\x80", "\xff" };

	for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
		for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
			int order =
			    view_cmp(view_of(sorted[i]), view_of(sorted[j]));

			ck_assert_int_eq(order < 0, i < j);
			ck_assert_int_eq(order == 0, i == j);
		}
	ck_assert(view_eq(view_make("a\0b", 3), VIEW("a\0b")));
	ck_assert(!view_eq(view_make("a\0b", 3), VIEW("a\0c")));
}
END_TEST

START_TEST(searches_tell_the_place_or_npos)
{
	struct view v = VIEW("one two\0one");

	ck_assert_uint_eq(view_find(v, 'o'), 0);
	ck_assert_uint_eq(view_find(v, '\0'), 7);
	ck_assert_uint_eq(view_find(v, 'x'), VIEW_NPOS);
	ck_assert_uint_eq(view_find(VIEW_EMPTY, 'x'), VIEW_NPOS);
	ck_assert_uint_eq(view_find(view_make(NULL, 0), 'x'), VIEW_NPOS);
	ck_assert_uint_eq(view_find_last(v, 'o'), 8);
	ck_assert_uint_eq(view_find_last(v, 'x'), VIEW_NPOS);
	ck_assert_uint_eq(view_find_any(v, "wt"), 4);
	/* A NUL in the view is no member of the set that ends in one. */
	ck_assert_uint_eq(view_find_any(VIEW("\0a"), "a"), 1);
	ck_assert_uint_eq(view_find_any(v, ""), VIEW_NPOS);
	ck_assert_uint_eq(view_find_text(v, VIEW("two")), 4);
	ck_assert_uint_eq(view_find_text(v, VIEW("o\0o")), 6);
	ck_assert_uint_eq(view_find_text(v, VIEW("onex")), VIEW_NPOS);
	ck_assert_uint_eq(view_find_text(v, VIEW_EMPTY), 0);
	ck_assert_uint_eq(view_find_text(VIEW("on"), VIEW("one")), VIEW_NPOS);
}
END_TEST

START_TEST(cutting_stays_inside)
{
	struct view v = VIEW("abcdef");

	ck_assert_view_eq(view_skip(v, 0), "abcdef");
	ck_assert_view_eq(view_skip(v, 2), "cdef");
	ck_assert_view_eq(view_skip(v, 6), "");
	ck_assert_view_eq(view_skip(v, 7), "");
	ck_assert_view_eq(view_skip(v, VIEW_NPOS), "");
	ck_assert_view_eq(view_first(v, 2), "ab");
	ck_assert_view_eq(view_first(v, 99), "abcdef");
	ck_assert_view_eq(view_first(v, VIEW_NPOS), "abcdef");
	ck_assert_view_eq(view_sub(v, 2, 2), "cd");
	ck_assert_view_eq(view_sub(v, 5, 9), "f");
	ck_assert_view_eq(view_sub(v, 9, VIEW_NPOS), "");
	/* Nothing at all is a view too. */
	ck_assert_uint_eq(view_skip(view_make(NULL, 0), 3).len, 0);
	ck_assert_uint_eq(view_trim(view_make(NULL, 0)).len, 0);
}
END_TEST

static const struct {
	const char *text, *both, *left, *right;
} trims[] = {
	{ "", "", "", "" },
	{ "a", "a", "a", "a" },
	{ " \t\r\n\v\fa b\n ", "a b", "a b\n ", " \t\r\n\v\fa b" },
	{ "  ", "", "", "" },
	{ "\xa0"
	  "a",
	    "\xa0"
	    "a",
	    "\xa0"
	    "a",
	    "\xa0"
	    "a" },
};

START_TEST(trim_takes_ascii_white_space)
{
	struct view v = view_of(trims[_i].text);

	ck_assert_view_eq(view_trim(v), trims[_i].both);
	ck_assert_view_eq(view_trim_left(v), trims[_i].left);
	ck_assert_view_eq(view_trim_right(v), trims[_i].right);
}
END_TEST

static const struct {
	const char *text;
	const char *tokens[5]; /* between ", " */
	const char *fields[5]; /* between ',' */
} lists[] = {
	{ "", { NULL }, { "", NULL } },
	{ "a", { "a", NULL }, { "a", NULL } },
	{ "a,b", { "a", "b", NULL }, { "a", "b", NULL } },
	{ " a , b,", { "a", "b", NULL }, { " a ", " b", "", NULL } },
	{ ",,", { NULL }, { "", "", "", NULL } },
};

START_TEST(tokens_skip_separators_and_fields_count_them)
{
	struct view rest = view_of(lists[_i].text), part;
	size_t n = 0;

	for (; view_token(&rest, ", ", &part); n++) {
		ck_assert_ptr_nonnull(lists[_i].tokens[n]);
		ck_assert_view_eq(part, lists[_i].tokens[n]);
	}
	ck_assert_ptr_null(lists[_i].tokens[n]);
	ck_assert_uint_eq(part.len, 0);

	rest = view_of(lists[_i].text);
	for (n = 0; view_field(&rest, ',', &part); n++) {
		ck_assert_ptr_nonnull(lists[_i].fields[n]);
		ck_assert_view_eq(part, lists[_i].fields[n]);
	}
	ck_assert_ptr_null(lists[_i].fields[n]);
	/* And the end stays the end. */
	ck_assert(!view_field(&rest, ',', &part));
	ck_assert(!view_token(&rest, ",", &part));
}
END_TEST

static const struct {
	const char *text;
	bool ok;
	int64_t number;
} integers[] = {
	{ "0", true, 0 },
	{ "-0", true, 0 },
	{ "+7", true, 7 },
	{ "007", true, 7 },
	{ "9223372036854775807", true, INT64_MAX },
	{ "9223372036854775808", false, 0 },
	{ "-9223372036854775808", true, INT64_MIN },
	{ "-9223372036854775809", false, 0 },
	{ "99999999999999999999999", false, 0 },
	{ "", false, 0 },
	{ "-", false, 0 },
	{ "+-1", false, 0 },
	{ " 1", false, 0 },
	{ "1 ", false, 0 },
	{ "1a", false, 0 },
	{ "0x1", false, 0 },
};

START_TEST(view_to_int_takes_whole_decimal_numbers_that_fit)
{
	int64_t number = 42;

	ck_assert_int_eq(
	    view_to_int(view_of(integers[_i].text), &number), integers[_i].ok);
	ck_assert_int_eq(number, integers[_i].ok ? integers[_i].number : 42);
}
END_TEST

static const struct {
	const char *text;
	unsigned base;
	bool ok;
	uint64_t number;
} unsigneds[] = {
	{ "18446744073709551615", 10, true, UINT64_MAX },
	{ "18446744073709551616", 10, false, 0 },
	{ "ffffffffffffffff", 16, true, UINT64_MAX },
	{ "10000000000000000", 16, false, 0 },
	{ "DEADbeef", 16, true, 0xdeadbeef },
	{ "777", 8, true, 0777 },
	{ "778", 8, false, 0 },
	{ "a", 10, false, 0 },
	{ "g", 16, false, 0 },
	{ "2", 2, false, 0 },
	{ "+1", 10, false, 0 },
	{ "-1", 10, false, 0 },
	{ "", 16, false, 0 },
};

START_TEST(view_to_uint_takes_digits_of_its_base)
{
	uint64_t number = 42;

	ck_assert_int_eq(view_to_uint(view_of(unsigneds[_i].text),
			     unsigneds[_i].base, &number),
	    unsigneds[_i].ok);
	ck_assert_uint_eq(number, unsigneds[_i].ok ? unsigneds[_i].number : 42);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} utf8[] = {
	{ "", true }, { "plain", true },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xac", true }, { "\xc2\x80", true },
	{ "\xdf\xbf", true }, { "\xe0\xa0\x80", true },
	{ "\xed\x9f\xbf", true }, { "\xee\x80\x80", true },
	{ "\xef\xbf\xbf", true }, { "\xf0\x90\x80\x80", true },
	{ "\xf4\x8f\xbf\xbf", true }, { "\x80", false }, /* no first byte */
	{ "\xc0\x80", false },				 /* overlong */
	{ "\xc1\xbf", false }, { "\xe0\x9f\xbf", false },
	{ "\xf0\x8f\xbf\xbf", false },
	{ "\xed\xa0\x80", false },     /* a surrogate */
	{ "\xf4\x90\x80\x80", false }, /* above U+10FFFF */
	{ "\xf5\x80\x80\x80", false }, { "\xff", false },
	{ "\xc3", false }, /* cut short */
	{ "\xe2\x82", false }, { "\xf0\x9f\x93", false }, { "\xc3(", false },
	{ "\xe2\x82(", false }, { "a\xe4z", false }, /* Latin-1 */
};

START_TEST(view_is_utf8_follows_rfc3629)
{
	struct view v = view_of(utf8[_i].text);

	ck_assert_int_eq(view_is_utf8(v), utf8[_i].ok);
}
END_TEST

START_TEST(view_is_ascii_allows_nul_and_no_high_bit)
{
	ck_assert(view_is_ascii(VIEW("a\0\x7f")));
	ck_assert(!view_is_ascii(VIEW("a\x80")));
	ck_assert(view_is_ascii(VIEW_EMPTY));
}
END_TEST

UNIT_MAIN("view",
    { views_compare_by_bytes_or_by_ascii_letters, ARRAY_LEN(pairs) },
    { view_cmp_orders_by_unsigned_bytes_then_length, 1 },
    { searches_tell_the_place_or_npos, 1 }, { cutting_stays_inside, 1 },
    { trim_takes_ascii_white_space, ARRAY_LEN(trims) },
    { tokens_skip_separators_and_fields_count_them, ARRAY_LEN(lists) },
    { view_to_int_takes_whole_decimal_numbers_that_fit, ARRAY_LEN(integers) },
    { view_to_uint_takes_digits_of_its_base, ARRAY_LEN(unsigneds) },
    { view_is_utf8_follows_rfc3629, ARRAY_LEN(utf8) },
    { view_is_ascii_allows_nul_and_no_high_bit, 1 })
