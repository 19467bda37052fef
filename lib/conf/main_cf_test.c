#include "lib/conf/main_cf.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct {
	const char *text;
	const char *value; /* of x; NULL: not defined */
	int line;
} cases[] = {
	{ "x = 1", "1", 1 },
	{ "x=1\n", "1", 1 },
	{ "  \n\n# c\n\t# d\n x = no\nx = 1", "1", 6 },
	{ "x =\n", "", 1 },
	{ "x\t=\ta  b \n", "a  b", 1 },
	{ "x = a # b", "a # b", 1 },
	{ "x = a = b", "a = b", 1 },
	{ "x = a\n  b", "a  b", 1 },
	{ "x = a\n# c\n\n \n  b\n#d", "a  b", 1 },
	{ "x =\n  a,\n\tb", "a,\tb", 1 },
	{ "x = 1\nx = 2", "2", 2 },
	{ "x = 1\r\n", "1", 1 },
	{ "y = 1", NULL, 0 },
	{ "# x = 1", NULL, 0 },
	{ "", NULL, 0 },
};

START_TEST(definitions_are_found_with_their_line)
{
	const struct main_cf_def *def;
	struct main_cf cf;
	struct err e;

	main_cf_init(&cf);
	e = main_cf_read_text(&cf, view_of(cases[_i].text), "f");
	ck_assert_msg(!err_is(e), "%s", e.text);
	def = main_cf_find(&cf, VIEW("x"));
	ck_assert_int_eq(def != NULL, cases[_i].value != NULL);
	if (def != NULL) {
		ck_assert_str_eq(def->value, cases[_i].value);
		ck_assert_int_eq(def->line, cases[_i].line);
		ck_assert_str_eq(def->file, "f");
	}
	main_cf_clear(&cf);
}
END_TEST

static size_t
count(struct list *list)
{
	size_t n = 0;

	LIST_EACH (it, after, list)
		n++;
	return n;
}

START_TEST(only_a_changed_duplicate_is_told)
{
	struct main_cf cf;

	main_cf_init(&cf);
	ck_assert(!err_is(main_cf_read_text(&cf, VIEW("x = 1\nx = 1\n"), "f")));
	ck_assert_uint_eq(count(&cf.warnings), 0);
	ck_assert(!err_is(main_cf_read_text(&cf, VIEW("\nx = 2\n"), "g")));
	ck_assert_uint_eq(count(&cf.warnings), 1);
	ck_assert_str_eq(
	    LIST_ITEM(list_first(&cf.warnings), struct main_cf_warning, node)
		->text,
	    "g, line 2: overriding earlier entry: x=1");
	main_cf_clear(&cf);
}
END_TEST

START_TEST(limits_are_errors_with_their_place)
{
	struct str text = STR_EMPTY;
	struct main_cf cf;
	struct err e;

	main_cf_init(&cf);
	e = main_cf_read_text(&cf, view_make("a=1\nx=\0y", 9), "f");
	ck_assert_str_eq(e.text, "f, line 2: has a zero byte");
	str_add_text(&text, "x = ");
	while (str_view(&text).len <= MAIN_CF_LINE_MAX)
		str_add_text(&text, "0123456789");
	e = main_cf_read_text(&cf, str_view(&text), "f");
	ck_assert_int_eq(e.kind, ERR_PERM);
	str_reset(&text);
	for (int i = 0; i <= MAIN_CF_DEFS_MAX; i++)
		str_addf(&text, "x%d=\n", i);
	e = main_cf_read_text(&cf, str_view(&text), "f");
	ck_assert_int_eq(e.kind, ERR_PERM);
	ck_assert_uint_eq(cf.n_defs, MAIN_CF_DEFS_MAX);
	str_clear(&text);
	main_cf_clear(&cf);
}
END_TEST

UNIT_MAIN("main_cf",
    { definitions_are_found_with_their_line, ARRAY_LEN(cases) },
    { only_a_changed_duplicate_is_told, 1 },
    { limits_are_errors_with_their_place, 1 })
