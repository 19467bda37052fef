#include "lib/mail/xtext.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct {
	const char *coded, *plain;
	unsigned flags;
	bool ok, is_canonical;
} cases[] = {
	{ "", "", 0, true, true },
	{ "abc", "abc", 0, true, true },
	{ "a+2Bb", "a+b", 0, true, true },
	{ "a+3Db", "a=b", 0, true, true },
	{ "a+20b", "a b", 0, true, true },
	{ "a+2bb", "a+b", 0, true, false },
	{ "+41", "A", 0, true, false },
	{ "a=b", "", 0, false, false },
	{ "a b", "", 0, false, false },
	{ "a+", "", 0, false, false },
	{ "a+2", "", 0, false, false },
	{ "a+2G", "", 0, false, false },
	{ "a++2B", "", 0, false, false },
	{ "+00", "", 0, false, false },
	{ "+0A", "", 0, false, false },
	{ "a+0D+0AX:", "", 0, false, false },
	{ "+7F", "", 0, false, false },
	{ "+1B", "", 0, false, false },
	{ "+C3+A4", "", 0, false, false },
	{ "+C3+A4", "\xc3\xa4", XTEXT_UTF8, true, false },
	{ "\xc3\xa4", "\xc3\xa4", XTEXT_UTF8, true, true },
	{ "\xc3\xa4", "", 0, false, false },
	{ "+C3", "", XTEXT_UTF8, false, false },
	{ "+C0+AF", "", XTEXT_UTF8, false, false },
};

START_TEST(xtext_decodes_and_encodes)
{
	struct view coded = view_of(cases[_i].coded);
	struct str s = STR_EMPTY;
	bool ok;

	str_add_text(&s, "x");
	ok = xtext_decode(&s, coded, cases[_i].flags);
	ck_assert_msg(ok == cases[_i].ok, "%s", cases[_i].coded);
	ck_assert(xtext_is_valid(coded, cases[_i].flags) == ok);
	ck_assert_str_eq(s.ptr + 1, cases[_i].plain);
	str_reset(&s);
	xtext_encode(&s, view_of(cases[_i].plain), cases[_i].flags);
	if (cases[_i].is_canonical)
		ck_assert_str_eq(s.ptr, cases[_i].coded);
	str_clear(&s);
}
END_TEST

START_TEST(xtext_is_valid_carries_utf8_over_its_windows)
{
	struct str s = STR_EMPTY;

	for (size_t lead = 0; lead < 70; lead++) {
		str_reset(&s);
		for (size_t i = 0; i < lead; i++)
			str_add_byte(&s, 'a');
		for (size_t i = 0; i < 40; i++)
			str_add_text(&s, "\xf0\x9f\x93\xa8");
		ck_assert(xtext_is_valid(str_view(&s), XTEXT_UTF8));
		str_cut(&s, s.len - 1);
		ck_assert(!xtext_is_valid(str_view(&s), XTEXT_UTF8));
	}
	str_clear(&s);
}
END_TEST

UNIT_MAIN("xtext", { xtext_decodes_and_encodes, ARRAY_LEN(cases) },
    { xtext_is_valid_carries_utf8_over_its_windows, 1 })
