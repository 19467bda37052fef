#include "smtp/checks.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#define HEAD "From: a@x.example\r\nTo: b@x.example\r\n"
#define PARTS "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static const char rules[] =
    "smtp_header_checks = regexp:{ {/^X-([A-Z]+): *(.*)$$/ $$1 $$2}\n"
    " {/^X-(REPLACE|PREPEND):$$/ $$1} }\n"
    "smtp_mime_header_checks = regexp:{{/^Content-Description/ IGNORE}}\n"
    "smtp_nested_header_checks = regexp:{{/^Subject/ PREPEND X-In: 1}}\n"
    "smtp_body_checks = regexp:{ {/^drop/ STRIP} {/^twice/ PREPEND once}\n"
    " {/needle/ REPLACE pin} }\n"
    "body_checks_size_limit = 60\n";

static const struct {
	const char *lines, *in, *out;
} cases[] = {
	{ rules, HEAD "\r\nbody\r\n", NULL },
	{ rules, "", NULL },
	{ rules, HEAD, NULL },
	{ rules, HEAD "\r\nno end", NULL },
	{ rules, "no header\r\n", NULL },
	{ rules, HEAD "X-WARN: w\r\nX-INFO: i\r\nX-DUNNO: d\r\nX-OK: o\r\n\r\n",
	    NULL },
	/* What is not for an agent does nothing. */
	{ rules,
	    HEAD "X-REJECT: r\r\nX-HOLD: h\r\nX-DISCARD: d\r\n"
		 "X-REDIRECT: a@b\r\nX-FILTER: a:b\r\nX-BCC: a@b\r\n\r\n",
	    NULL },
	{ rules, HEAD "X-IGNORE: x\r\n\r\nb\r\n", HEAD "\r\nb\r\n" },
	{ rules, HEAD "X-STRIP: x\r\n\r\nb\r\n", HEAD "\r\nb\r\n" },
	{ rules, HEAD "X-REPLACE: A: b\r\n\r\nb\r\n", HEAD "A: b\r\n\r\nb\r\n" },
	{ rules, HEAD "X-REPLACE: no header\r\nX-REPLACE:\r\n\r\nb\r\n", NULL },
	{ rules, HEAD "X-REPLACE: A: b\r\n\tc\r\n d\r\n\r\nb\r\n",
	    HEAD "A: b\r\n\tc\r\n d\r\n\r\nb\r\n" },
	{ rules, HEAD "X-PREPEND: A: b\r\n\r\nb\r\n",
	    HEAD "A: b\r\nX-PREPEND: A: b\r\n\r\nb\r\n" },
	{ rules, HEAD "\r\ndrop\r\na\r\ndropped\r\ntwice\r\na needle\r\n",
	    HEAD "\r\na\r\nonce\r\ntwice\r\npin\r\n" },
	/* So much of a body, and no more. */
	{ rules,
	    HEAD "\r\n0123456789012345678901234567890123456789012345678901234567"
		 "\r\ndrop\r\ndrop\r\n",
	    NULL },
	{ rules,
	    HEAD PARTS "--b\r\nContent-Description: x\r\n fold\r\n\r\ndrop\r\n"
		       "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n"
		       "\r\ndrop\r\n--b--\r\nend",
	    HEAD PARTS "--b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
		       "X-In: 1\r\nSubject: x\r\n\r\n--b--\r\nend" },
	{ rules, HEAD PARTS "--b\r\nA: b\r\n--b\r\nC: d\r\n e\r\n", NULL },
	/* Nothing is asked after the header, which ends in the middle. */
	{ "smtp_header_checks = static:WARN\n",
	    HEAD PARTS "--b\r\nA: b\r\n folded\r\nC: d\r\n\r\ntext\r\n--b--\r\n",
	    NULL },
	{ "smtp_body_checks = static:INFO\n",
	    "From x\r\n" HEAD PARTS "--b\r\nA: b\r\n folded\r\n\r\n\r\nt", NULL },
};

static struct err
run(const struct settings *set, struct view in, size_t step, struct str *out)
{
	struct checking c;
	struct err e = ERR_OK;

	str_reset(out);
	checking_init(&c, set, VIEW("4F2A"));
	for (size_t at = 0; at < in.len && !err_is(e); at += step)
		e = checking_feed(&c, view_sub(in, at, step), out);
	if (!err_is(e))
		e = checking_finish(&c, out);
	checking_clear(&c);
	return e;
}

static struct conf *
load(struct settings *set, const char *lines)
{
	struct conf_source source = { .dir = "/nonexistent",
		.service_name = "smtp",
		.process_name = "smtp" };
	struct conf *conf;

	*set = (struct settings){ .is_lmtp = false };
	ck_assert(!err_is(
	    conf_load_text(&source, view_of(lines), "main.cf", &conf)));
	ck_assert(!err_is(checks_open(set, conf, false)));
	return conf;
}

START_TEST(content_is_changed_as_the_rules_say)
{
	struct view in = view_of(cases[_i].in);
	const char *wanted =
	    cases[_i].out != NULL ? cases[_i].out : cases[_i].in;
	struct settings set;
	struct conf *conf = load(&set, cases[_i].lines);
	struct str out = STR_EMPTY;

	for (size_t step = 1; step <= in.len + 1; step++) {
		ck_assert(!err_is(run(&set, in, step, &out)));
		ck_assert_msg(strcmp(out.ptr, wanted) == 0,
		    "step %zu: \"%s\", not \"%s\"", step, out.ptr, wanted);
	}
	str_clear(&out);
	checks_close(&set);
	conf_free(conf);
}
END_TEST

START_TEST(a_table_that_fails_is_later)
{
	static const char *const lines[] = { "smtp_header_checks = fail:x\n",
		"smtp_body_checks = fail:x\n",
		"smtp_nested_header_checks = fail:x\n" };
	struct settings set;
	struct conf *conf = load(&set, lines[_i]);
	struct str out = STR_EMPTY;

	ck_assert(err_is(run(&set,
	    VIEW("A: b\r\nContent-Type: message/rfc822\r\n\r\nC: d\r\n\r\nx\r\n"),
	    100, &out)));
	str_clear(&out);
	checks_close(&set);
	conf_free(conf);
}
END_TEST

START_TEST(without_tables_nothing_is_looked_at)
{
	struct settings set;
	struct conf *conf = load(&set, "lmtp_header_checks = fail:x\n");
	struct str out = STR_EMPTY;

	ck_assert(!checks_are_on(&set));
	ck_assert(!err_is(run(&set, VIEW("A: b\r\n\r\nx"), 3, &out)));
	ck_assert_str_eq(out.ptr, "A: b\r\n\r\nx");
	str_clear(&out);
	checks_close(&set);
	conf_free(conf);
}
END_TEST

UNIT_MAIN("checks",
    { content_is_changed_as_the_rules_say, ARRAY_LEN(cases) },
    { a_table_that_fails_is_later, 3 },
    { without_tables_nothing_is_looked_at, 1 })
