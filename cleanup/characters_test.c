#include "cleanup/characters.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/unit.h"

static const struct {
	const char *rejected, *stripped;
	struct view in, out;
	const char *bad; /* NULL: taken */
} cases[] = {
	{ "", "", VIEW("a\0b\r\n"), VIEW("a\0b\r\n"), NULL },
	{ "\\0", "", VIEW("ab\r\ncd\r\n"), VIEW("ab\r\ncd\r\n"), NULL },
	{ "\\0", "", VIEW("ab\r\nc\0d\r\nef"), VIEW_EMPTY, "c" },
	{ "x", "", VIEW("ax"), VIEW_EMPTY, "ax" },
	{ "", "\\0", VIEW("a\0\0b\r\n\0"), VIEW("ab\r\n"), NULL },
	{ "", "\\000\\t", VIEW("\ta\0b\t"), VIEW("ab"), NULL },
	/* First what is refused, also if it would be taken out. */
	{ "\\0", "\\0", VIEW("\0x\r\n"), VIEW_EMPTY, "" },
	{ "", "\\a\\b\\f\\v\\\\\\177\\377", VIEW("1\a\b\f\v\\\177\3772"),
	    VIEW("12"), NULL },
	/* Lines end as they do. */
	{ "\\n\\r", "\\r\\n", VIEW("a\r\nb\r\n"), VIEW("a\r\nb\r\n"), NULL },
	{ "", "a-", VIEW("a-b"), VIEW("b"), NULL },
	{ "", "\\0011", VIEW("1\0012"), VIEW("2"), NULL },
};

START_TEST(bytes_are_refused_or_taken_out)
{
	struct characters c;
	struct view bad = { NULL, 0 }, left;
	struct str text = STR_EMPTY;

	ck_assert(!err_is(characters_learn(&c, view_of(cases[_i].rejected),
	    view_of(cases[_i].stripped))));
	str_add(&text, cases[_i].in);
	left = characters_take(&c, str_view(&text), &bad);
	if (cases[_i].bad != NULL) {
		ck_assert_ptr_nonnull(bad.ptr);
		ck_assert_int_eq(
		    strncmp(bad.ptr, cases[_i].bad, strlen(cases[_i].bad)), 0);
	} else {
		ck_assert_ptr_null(bad.ptr);
		ck_assert(view_eq(left, cases[_i].out));
	}
	str_clear(&text);
}
END_TEST

static const char *const wrong[] = { "\\", "\\x41", "\\8", "a\\400", "\\A" };

START_TEST(other_escapes_are_mistakes)
{
	struct characters c;

	ck_assert(
	    err_is(characters_learn(&c, view_of(wrong[_i]), VIEW_EMPTY)));
	ck_assert(
	    err_is(characters_learn(&c, VIEW_EMPTY, view_of(wrong[_i]))));
}
END_TEST

UNIT_MAIN("characters", { bytes_are_refused_or_taken_out, ARRAY_LEN(cases) },
    { other_escapes_are_mistakes, ARRAY_LEN(wrong) })
