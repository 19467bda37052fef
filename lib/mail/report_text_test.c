#include "lib/mail/report_text.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdlib.h>

#define HEAD "failure_template = <<E\nSubject: s\n\n"

static const struct {
	const char *file;
	const char *error; /* part of it; NULL: none */
} cases[] = {
	{ "", NULL },
	{ "# only\n\n", NULL },
	{ HEAD "text\nE\n", NULL },
	{ HEAD "text\n\n# text too\nE\n\ndelay_template=<<X\n\na\nX", NULL },
	{ HEAD "text\n E\nE \n", NULL },
	{ "x\n", "f, line 1: needs NAME_template" },
	{ "\nfailure_template = text\n", "f, line 2: needs" },
	{ "failure_template = <<\n", "needs a word" },
	{ "other_template = <<E\n", "is none of failure_template" },
	{ HEAD "text\n", "has no end" },
	{ HEAD "E\n", "has no text" },
	{ "failure_template = <<E\ntext\nE\n", "line 2: needs NAME: VALUE" },
	{ "failure_template = <<E\nX-Foo: 1\n\na\nE\n", "is none of Charset" },
	{ "failure_template = <<E\nSubject:\n\na\nE\n", "has no value" },
	{ "failure_template = <<E\nSubject: a\rb\n\na\nE\n", "control" },
};

START_TEST(a_template_file_is_read_or_its_line_told)
{
	struct report_texts texts;
	struct err e = report_texts_load("", &texts);

	ck_assert(!err_is(e));
	e = report_texts_parse(&texts, view_of(cases[_i].file), "f");
	if (cases[_i].error == NULL)
		ck_assert_msg(!err_is(e), "%s: %s", cases[_i].file, e.text);
	else
		ck_assert_msg(e.kind == ERR_PERM &&
			strstr(e.text, cases[_i].error) != NULL,
		    "%s: %s", cases[_i].file, e.text);
	report_texts_clear(&texts);
}
END_TEST

START_TEST(what_a_template_does_not_say_stays_built_in)
{
	struct report_texts texts;

	ck_assert(!err_is(report_texts_load("", &texts)));
	ck_assert(!err_is(report_texts_parse(&texts,
	    VIEW("delay_template = <<E\nSubject: late\n\n\nhello\nE\n"), "f")));
	ck_assert_str_eq(texts.of[REPORT_TEXT_DELAY].subject, "late");
	ck_assert_str_eq(texts.of[REPORT_TEXT_DELAY].text, "\nhello\n");
	ck_assert_str_eq(texts.of[REPORT_TEXT_DELAY].charset, "us-ascii");
	ck_assert_str_eq(texts.of[REPORT_TEXT_FAILURE].subject,
	    "Undelivered Mail Returned to Sender");
	report_texts_clear(&texts);
}
END_TEST

static const struct {
	const char *text, *result; /* NULL: an error */
} macros[] = {
	{ "at $myhostname.\n", "at mx.example.\n" },
	{ "$bounce_queue_lifetime_days d, ${bounce_queue_lifetime_hours} h",
	    "5 d, 120 h" },
	{ "$$5 ${relayhost?yes}", "$5 " },
	{ "$nosuch", NULL },
	{ "$myhostname_days", NULL },
};

START_TEST(names_and_times_are_expanded)
{
	struct conf_source source = { .dir = "/" };
	struct report_text text = { .text = xstrdup(macros[_i].text) };
	struct str out = STR_EMPTY;
	struct conf *conf;
	struct err e;

	ck_assert(!err_is(conf_load_text(&source,
	    VIEW("myhostname = mx.example\nbounce_queue_lifetime = 5\n"),
	    "main.cf", &conf)));
	e = report_text_expand(conf, &text, &out);
	if (macros[_i].result == NULL)
		ck_assert_int_eq(e.kind, ERR_PERM);
	else
		ck_assert_str_eq(out.ptr, macros[_i].result);
	free(text.text);
	str_clear(&out);
	conf_free(conf);
}
END_TEST

UNIT_MAIN("report_text",
    { a_template_file_is_read_or_its_line_told, ARRAY_LEN(cases) },
    { what_a_template_does_not_say_stays_built_in, 1 },
    { names_and_times_are_expanded, ARRAY_LEN(macros) })
