/* Owned strings: growing, ending in a NUL, owning nothing when empty. */
#include "lib/base/str.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

/* What must hold after every call. */
static void
check_str(const struct str *s, struct view expected)
{
	ck_assert_uint_eq(s->len, expected.len);
	ck_assert(view_eq(str_view(s), expected));
	ck_assert_int_eq(s->ptr[s->len], '\0');
	ck_assert(s->room > s->len || s->room == 0);
	/* Shared by all that own nothing: never written to. */
	ck_assert_int_eq(str_nothing[0], '\0');
}

START_TEST(an_empty_string_prints_and_owns_nothing)
{
	struct str s = STR_EMPTY, t;

	check_str(&s, VIEW(""));
	str_init(&t);
	check_str(&t, VIEW(""));
	str_reset(&s);
	str_cut(&s, 5);
	str_drop_front(&s, 5);
	str_lower(&s);
	str_add(&s, VIEW_EMPTY);
	str_add(&s, view_make(NULL, 0));
	str_grew(&s, 0);
	check_str(&s, VIEW(""));
	ck_assert_uint_eq(s.room, 0);
	str_clear(&s);
	str_clear(&s);
	check_str(&s, VIEW(""));
}
END_TEST

START_TEST(adding_appends_any_byte)
{
	struct str s = STR_EMPTY;

	str_add(&s, VIEW("a\0b"));
	check_str(&s, VIEW("a\0b"));
	str_add_text(&s, "cd");
	str_add_byte(&s, '\0');
	str_add_byte(&s, '\xff');
	check_str(&s, VIEW("a\0bcd\0\xff"));
	str_addf(&s, "%d-%s", 42, "x");
	check_str(&s,
	    VIEW("a\0bcd\0\xff"
		 "42-x"));
	str_addf(&s, "%s", "");
	check_str(&s,
	    VIEW("a\0bcd\0\xff"
		 "42-x"));
	str_clear(&s);
}
END_TEST

static const size_t sizes[] = { 1, 62, 63, 64, 65, 127, 128, 1000, 100000 };

START_TEST(growing_keeps_what_was_there)
{
	struct str s = STR_EMPTY;
	char *room;

	str_add_text(&s, "head");
	room = str_reserve(&s, sizes[_i]);
	check_str(&s, VIEW("head"));
	memset(room, 'x', sizes[_i]);
	str_grew(&s, sizes[_i]);
	ck_assert_uint_eq(s.len, 4 + sizes[_i]);
	ck_assert_int_eq(s.ptr[s.len], '\0');
	ck_assert(view_starts(str_view(&s), VIEW("headx")));
	for (size_t i = 0; i < sizes[_i]; i++)
		str_add_byte(&s, 'y');
	ck_assert_uint_eq(s.len, 4 + 2 * sizes[_i]);
	ck_assert_uint_eq(view_find(str_view(&s), 'y'), 4 + sizes[_i]);
	ck_assert_uint_eq(strlen(s.ptr), s.len);
	str_clear(&s);
}
END_TEST

START_TEST(str_addf_prints_at_each_length)
{
	/* Around the first allocation's end. */
	for (int n = 0; n < 200; n++) {
		struct str s = STR_EMPTY;

		str_addf(&s, "%*s", n, "");
		ck_assert_uint_eq(s.len, (size_t)n);
		ck_assert_uint_eq(strlen(s.ptr), (size_t)n);
		str_clear(&s);
	}
}
END_TEST

static const struct {
	int64_t n;
	const char *text;
} numbers[] = {
	{ 0, "0" },
	{ 7, "7" },
	{ -1, "-1" },
	{ 1796087548282734, "1796087548282734" },
	{ INT64_MAX, "9223372036854775807" },
	{ INT64_MIN, "-9223372036854775808" },
};

START_TEST(numbers_are_decimal)
{
	struct str s = STR_EMPTY;

	str_add_text(&s, "n=");
	str_add_int(&s, numbers[_i].n);
	ck_assert_str_eq(s.ptr + 2, numbers[_i].text);
	str_clear(&s);
}
END_TEST

START_TEST(set_and_printf_replace)
{
	struct str s = STR_EMPTY;

	str_printf(&s, "%s", "longer than what follows");
	str_set(&s, VIEW("ab"));
	check_str(&s, VIEW("ab"));
	str_printf(&s, "%c", 'z');
	check_str(&s, VIEW("z"));
	str_set(&s, VIEW_EMPTY);
	check_str(&s, VIEW(""));
	str_clear(&s);
}
END_TEST

static const struct {
	size_t cut, drop;
	const char *after_cut, *after_drop;
} cuts[] = {
	{ 0, 0, "", "abcdef" },
	{ 3, 2, "abc", "cdef" },
	{ 6, 6, "abcdef", "" },
	{ 7, 7, "abcdef", "" },
	{ (size_t)-1, (size_t)-1, "abcdef", "" },
};

START_TEST(cut_and_drop_front_take_from_the_ends)
{
	struct str s = STR_EMPTY;

	str_set(&s, VIEW("abcdef"));
	str_cut(&s, cuts[_i].cut);
	check_str(&s, view_of(cuts[_i].after_cut));
	str_set(&s, VIEW("abcdef"));
	str_drop_front(&s, cuts[_i].drop);
	check_str(&s, view_of(cuts[_i].after_drop));
	str_clear(&s);
}
END_TEST

START_TEST(lower_is_ascii_only)
{
	struct str s = STR_EMPTY;

	str_set(&s, VIEW("AZaz09@[\xc4\0B"));
	str_lower(&s);
	check_str(&s, VIEW("azaz09@[\xc4\0b"));
	str_clear(&s);
}
END_TEST

START_TEST(release_gives_the_memory_away)
{
	struct str s = STR_EMPTY;
	char *text = str_release(&s);

	ck_assert_str_eq(text, "");
	free(text);
	str_set(&s, VIEW("mine"));
	text = str_release(&s);
	ck_assert_str_eq(text, "mine");
	check_str(&s, VIEW(""));
	str_add_text(&s, "again");
	check_str(&s, VIEW("again"));
	str_clear(&s);
	free(text);
}
END_TEST

UNIT_MAIN("str", { an_empty_string_prints_and_owns_nothing, 1 },
    { adding_appends_any_byte, 1 },
    { growing_keeps_what_was_there, ARRAY_LEN(sizes) },
    { str_addf_prints_at_each_length, 1 }, { numbers_are_decimal, ARRAY_LEN(numbers) },
    { set_and_printf_replace, 1 },
    { cut_and_drop_front_take_from_the_ends, ARRAY_LEN(cuts) },
    { lower_is_ascii_only, 1 }, { release_gives_the_memory_away, 1 })
