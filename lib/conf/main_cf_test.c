#include "lib/conf/main_cf.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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
	struct str text = STR_EMPTY;
	struct main_cf cf;

	main_cf_init(&cf);
	ck_assert(!err_is(main_cf_read_text(&cf, VIEW("x = 1\nx = 1\n"), "f")));
	ck_assert_uint_eq(count(&cf.warnings), 0);
	/* One file may set what another did. */
	ck_assert(!err_is(main_cf_read_text(&cf, VIEW("x = 2\n"), "g")));
	ck_assert_uint_eq(count(&cf.warnings), 0);
	ck_assert(!err_is(
	    main_cf_read_text(&cf, VIEW("x = 2\n\nx = 3\n"), "h")));
	ck_assert_uint_eq(count(&cf.warnings), 1);
	main_cf_describe(
	    LIST_ITEM(list_first(&cf.warnings), struct main_cf_warning, node),
	    &text);
	ck_assert_str_eq(
	    text.ptr, "h, line 3: overriding earlier entry: x=2");
	str_clear(&text);
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

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert(f != NULL);
	fputs(text, f);
	fclose(f);
}

static void
remove_file(const char *dir, const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(remove(path), 0);
}

START_TEST(drop_in_files_are_read_in_the_order_of_their_names)
{
	char dir[] = "/tmp/main_cf_test.XXXXXX";
	char folder[100];
	const struct main_cf_def *def;
	struct main_cf cf;

	ck_assert(mkdtemp(dir) != NULL);
	write_file(dir, "main.cf", "a = main\nb = main\nc = main\n");
	main_cf_init(&cf);
	ck_assert(!err_is(main_cf_read_dir(&cf, dir)));
	ck_assert_uint_eq(cf.n_defs, 3);
	main_cf_clear(&cf);
	snprintf(folder, sizeof(folder), "%s/" MAIN_CF_DROP_INS, dir);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	write_file(folder, "9.cf", "b = nine\n");
	write_file(folder, "10.cf", "\nb = ten\nc = ten\n");
	write_file(folder, ".hidden.cf", "a = no\n");
	write_file(folder, "a.cf~", "a = no\n");
	ck_assert(!err_is(main_cf_read_dir(&cf, dir)));
	ck_assert_str_eq(main_cf_find(&cf, VIEW("a"))->value, "main");
	ck_assert_str_eq(main_cf_find(&cf, VIEW("b"))->value, "nine");
	def = main_cf_find(&cf, VIEW("c"));
	ck_assert_str_eq(def->value, "ten");
	ck_assert_int_eq(def->line, 3);
	ck_assert(view_ends(view_of(def->file), VIEW("/main.cf.d/10.cf")));
	ck_assert_uint_eq(count(&cf.warnings), 0);
	main_cf_clear(&cf);
	remove_file(folder, "9.cf");
	remove_file(folder, "10.cf");
	remove_file(folder, ".hidden.cf");
	remove_file(folder, "a.cf~");
	remove_file(dir, MAIN_CF_DROP_INS);
	remove_file(dir, "main.cf");
	remove_file("/", dir + 1);
}
END_TEST

UNIT_MAIN("main_cf",
    { definitions_are_found_with_their_line, ARRAY_LEN(cases) },
    { only_a_changed_duplicate_is_told, 1 },
    { limits_are_errors_with_their_place, 1 },
    { drop_in_files_are_read_in_the_order_of_their_names, 1 })
