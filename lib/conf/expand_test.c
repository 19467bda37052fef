#include "lib/conf/expand.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct {
	const char *name, *value;
} names[] = {
	{ "host", "vm.localdomain" },
	{ "domain", "localdomain" },
	{ "twice", "$host $host" },
	{ "empty", "" },
	{ "loop", "x$loop" },
	{ "ping", "$pong" },
	{ "pong", "${ping}" },
	{ "evil", "a;`b`" },
	{ "b0", "$b1$b1$b1$b1$b1$b1$b1$b1$b1$b1" },
	{ "b1", "$b2$b2$b2$b2$b2$b2$b2$b2$b2$b2" },
	{ "b2", "$b3$b3$b3$b3$b3$b3$b3$b3$b3$b3" },
	{ "b3", "$b4$b4$b4$b4$b4$b4$b4$b4$b4$b4" },
	{ "b4", "$b5$b5$b5$b5$b5$b5$b5$b5$b5$b5" },
	{ "b5", "$empty$empty$empty$empty$empty$empty" },
};

static bool
look_up(void *arg, struct view name, struct view *value)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (view_eq(name, view_of(names[i].name))) {
			*value = view_of(names[i].value);
			return true;
		}
	return false;
}

/* What Postfix 3.7's postconf -x makes of the same text, but for the names
 * and the numbers that it cannot hold. */
static const struct {
	const char *text;
	const char *result; /* NULL: an error */
} cases[] = {
	{ "", "" }, { "plain, {text}", "plain, {text}" }, { "$nosuch-x", "-x" },
	{ "$host.x", "vm.localdomain.x" },
	{ "$twice", "vm.localdomain vm.localdomain" },
	{ "${ host }", "vm.localdomain" }, { "$(host)", "vm.localdomain" },
	{ "$(host?x)", "x" }, { "$(host?{a}:{b})|", "a|" },
	{ "$(host?(a))|", "(a)|" }, { "${host?{ a b }}|", "a b |" },
	{ "${host? a b }|", "a b |" }, { "${nosuch:{ a b }}|", "a b |" },
	{ "${host?{a}:{b}}", "a" }, { "${nosuch?{a}:{b}}", "b" },
	{ "${empty?{a}:{b}}", "b" }, { "${nosuch ? {a} : {b}}", "b" },
	{ "${host?x:y}", "x:y" }, { "${nosuch?x:y}", "" },
	{ "${nosuch:x?y}", "x?y" }, { "${empty:x}", "x" },
	{ "${host : x}|", "|" }, { "${host?{a{b}c}}", "a{b}c" },
	{ "${host?a{b}c}", "a{b}c" }, { "${host?{a}:b}", "a" },
	{ "${nosuch?{a}:b}", "b" }, { "${nosuch?{a}: b }|", "b |" },
	{ "${host?{a} :{b}}", "a" }, { "${host?}x", "x" },
	{ "${nosuch:}x", "x" }, { "${nosuch:{a} }|", "a|" },
	{ "x{$domain}y", "x{localdomain}y" }, { "$$x", "$x" }, { "$$$$", "$$" },
	{ "${{1} == {01} ? {t} : {f}}", "t" }, { "${{1} == {01}}", "true" },
	{ "${{1} == {02}}", "" }, { "${{1} == {02}:y}", "y" },
	{ "${{1} == {01}?y}", "y" }, { "${{a} == {b}?x:y}", "" },
	{ "${{1} == {1} ? a : b}", "a : b" },
	{ "${{a} < {b} ? {t} : {f}}", "t" },
	{ "${{10} > {9} ? {t} : {f}}", "t" },
	{ "${{10} > {9x} ? {t} : {f}}", "f" },
	{ "${{9} <= {9} ? {t} : {f}}", "t" },
	{ "${{9} >= {10} ? {t} : {f}}", "f" },
	{ "${{} == {} ? {t} : {f}}", "t" }, { "${{a}=={a}?{t}:{f}}", "t" },
	{ "${{ a } == {a} ? {t} : {f}}", "f" },
	{ "${{{a}} == {{a}} ? {t} : {f}}", "t" },
	{ "${{a} == {a} ? {t}}|", "t|" }, { "${{a} == {b} ? {t}}|", "|" },
	{ "${{$host} != {} ? {$domain} : {f}}", "localdomain" },
	{ "${{3.6} <level {3.10} ? {t} : {f}}", "t" },
	{ "${{3.6} >=level {3.6} ? {t} : {f}}", "t" },
	{ "${{3} ==level {3.0} ? {t} : {f}}", "t" },
	{ "${{3.6.1} >level {3.6} ? {t} : {f}}", "t" },
	{ "${{3.6} !=level {3.7} ? {t} : {f}}", "t" },
	{ "${{3.6} <=level {3.5} ? {t} : {f}}", "f" },
	{ "${{99999999999999999999} < {100000000000000000000} ? {t} : {f}}",
	    "t" },
	{ "$", NULL }, { "a$", NULL }, { "$-x", NULL }, { "${", NULL },
	{ "${host", NULL }, { "$(host", NULL }, { "${}x", NULL },
	{ "$()x", NULL }, { "${a.b}", NULL }, { "${a-b}", NULL },
	{ "${host?{a}b}", NULL }, { "${nosuch:{a}b}", NULL },
	{ "${host?{a}:{b}c}", NULL }, { "${nosuch?{a}{b}}", NULL },
	{ "${host?{a", NULL }, { "${{a} ~ {b} ? {t} : {f}}", NULL },
	{ "${{a} = {b} ? {t} : {f}}", NULL },
	{ "${{a} == b ? {t} : {f}}", NULL }, { "${{a} == {b} x}", NULL },
	{ "${{x} ==level {3.0} ? {t} : {f}}", NULL },
	{ "${{} <level {3.0}}", NULL }, { "${{1.2.3.4} <level {3.0}}", NULL },
	{ "${{3.} <level {3.0}}", NULL }, { "$loop", NULL }, { "$ping", NULL },
	{ "$b0", NULL }, /* empty, but only after a million steps */
};

START_TEST(expansion_does_what_main_cf_says)
{
	struct conf_macros macros = { look_up, NULL, .recurse = true };
	struct str out = STR_EMPTY;
	struct err e = conf_expand(&out, view_of(cases[_i].text), &macros);

	if (cases[_i].result == NULL)
		ck_assert_msg(
		    e.kind == ERR_PERM, "%s gives %s", cases[_i].text, out.ptr);
	else
		ck_assert_msg(
		    !err_is(e) && strcmp(out.ptr, cases[_i].result) == 0,
		    "%s gives %s %s", cases[_i].text, out.ptr, e.text);
	str_clear(&out);
}
END_TEST

START_TEST(foreign_values_are_not_expanded_but_filtered)
{
	struct conf_macros macros = { look_up, NULL, .filter = "ab;" };
	struct str out = STR_EMPTY;

	ck_assert(!err_is(conf_expand(&out, VIEW("`$evil` $loop"), &macros)));
	ck_assert_str_eq(out.ptr, "`a;_b_` ______");
	str_clear(&out);
}
END_TEST

START_TEST(strict_expansion_refuses_undefined_names)
{
	struct conf_macros macros = { look_up, NULL, .strict = true };
	struct str out = STR_EMPTY;

	ck_assert_int_eq(
	    conf_expand(&out, VIEW("$nosuch"), &macros).kind, ERR_PERM);
	ck_assert(!err_is(conf_expand(&out, VIEW("${nosuch?x}"), &macros)));
	str_clear(&out);
}
END_TEST

START_TEST(the_result_is_bounded)
{
	struct conf_macros macros = { look_up, NULL, .recurse = true };
	struct str text = STR_EMPTY, out = STR_EMPTY;

	for (int i = 0; i < 300; i++)
		str_add_text(&text, "${host?{");
	str_add_text(&text, "x");
	for (int i = 0; i < 300; i++)
		str_add_text(&text, "}}");
	ck_assert_int_eq(
	    conf_expand(&out, str_view(&text), &macros).kind, ERR_PERM);
	str_reset(&text);
	for (int i = 0; i < 90000; i++)
		str_add_text(&text, "$host");
	ck_assert_int_eq(
	    conf_expand(&out, str_view(&text), &macros).kind, ERR_PERM);
	str_clear(&text);
	str_clear(&out);
}
END_TEST

static void
gather(void *arg, struct view name)
{
	str_addf(arg, "%.*s ", VIEW_ARGS(name));
}

START_TEST(all_names_of_a_text_are_told)
{
	struct str told = STR_EMPTY;

	conf_expand_names(
	    VIEW("$a ${b?{$c}:{$d}} ${{$e} == {$f} ? {$g} : {$h}} $$i"), gather,
	    &told);
	ck_assert_str_eq(told.ptr, "a b c d e f g h ");
	str_clear(&told);
}
END_TEST

UNIT_MAIN("expand", { expansion_does_what_main_cf_says, ARRAY_LEN(cases) },
    { foreign_values_are_not_expanded_but_filtered, 1 },
    { strict_expansion_refuses_undefined_names, 1 },
    { the_result_is_bounded, 1 }, { all_names_of_a_text_are_told, 1 })
