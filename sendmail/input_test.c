#include "sendmail/input.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <string.h>

/* rcpts: what -t finds, with commas between. */
static const struct {
	const char *text, *content, *rcpts;
	unsigned flags;
} cases[] = {
	{ "To: a@b\n\nhi\n", "To: a@b\r\n\r\nhi\r\n", "a@b",
	    INPUT_EXTRACT | INPUT_DOT_ENDS },
	/* line ends */
	{ "To: a@b\r\n\r\nhi\r\n", "To: a@b\r\n\r\nhi\r\n", "a@b",
	    INPUT_EXTRACT },
	{ "S: x\r\r\n\r\nhi\r\r\r\n", "S: x\r\n\r\nhi\r\n", "", 0 },
	{ "S: x\n\nno end", "S: x\r\n\r\nno end\r\n", "", 0 },
	{ "S: x\n\na\rb\n", "S: x\r\n\r\na b\r\n", "", 0 },
	{ "", "", "", 0 },
	/* the end */
	{ "S: x\n\na\n.\nb\n", "S: x\r\n\r\na\r\n", "", INPUT_DOT_ENDS },
	{ "S: x\n\na\n.\r\nb\n", "S: x\r\n\r\na\r\n", "", INPUT_DOT_ENDS },
	{ "S: x\n\na\n.\nb\n", "S: x\r\n\r\na\r\n.\r\nb\r\n", "", 0 },
	{ "S: x\n\na\n..\n.b\n", "S: x\r\n\r\na\r\n..\r\n.b\r\n", "",
	    INPUT_DOT_ENDS },
	{ "S: x\n\na\n.", "S: x\r\n\r\na\r\n", "", INPUT_DOT_ENDS },
	{ "S: x\n.\nb\n", "S: x\r\n", "", INPUT_DOT_ENDS },
	{ ".\n", "", "", INPUT_DOT_ENDS },
	/* what mailboxes put before it */
	{ "From x\n>From y\n>>From z\nS: x\n\nFrom a\n",
	    "S: x\r\n\r\nFrom a\r\n", "", 0 },
	{ "S: x\nFrom y\n\n", "S: x\r\n\r\nFrom y\r\n\r\n", "", 0 },
	/* no header */
	{ "hello\nworld\n", "\r\nhello\r\nworld\r\n", "", 0 },
	{ " S: x\n\nb\n", "\r\n S: x\r\n\r\nb\r\n", "", 0 },
	{ "S: x\nnot one\nT: y\n", "S: x\r\n\r\nnot one\r\nT: y\r\n", "", 0 },
	{ "\nbody\n", "\r\nbody\r\n", "", 0 },
	{ "S: x\n folded\n\tmore\n\nb\n",
	    "S: x\r\n folded\r\n\tmore\r\n\r\nb\r\n", "", 0 },
	/* recipients */
	{ "To: A <a@b>, c@d\nCc: g: e@f, h;\nBcc:\n i@j\n\n", NULL,
	    "a@b,c@d,e@f,h,i@j", INPUT_EXTRACT },
	{ "To: a@b\nResent-To: c@d\nCc: e@f\n\n", NULL, "c@d", INPUT_EXTRACT },
	{ "To: a@b\nResent-From: c@d\n\n", NULL, "", INPUT_EXTRACT },
	{ "To: a@b\n\nCc: c@d\n", NULL, "a@b", INPUT_EXTRACT },
	{ "To: a@b\n\n", NULL, "", 0 },
	{ "To: <>, undisclosed:;\n\n", NULL, "", INPUT_EXTRACT },
	{ "To: a@b", NULL, "a@b", INPUT_EXTRACT },
	/* sendmail_fix_line_endings */
	{ "S: x\n\na\r\n", "S: x\r\n\r\na\r\n", "", INPUT_FIX_NEVER },
	{ "S: x\n\na\r\r\n", "S: x\r\n\r\na \r\n", "", INPUT_FIX_STRICT },
	{ "S: x\r\n\r\na\r\r\n", "S: x\r\n\r\na\r\n", "", INPUT_FIX_STRICT },
	/* eight bits and none */
	{ "S: \xe4\n\n\xff\xfe\n", "S: \xe4\r\n\r\n\xff\xfe\r\n", "", 0 },
};

static void
run(struct input *in, struct view text, size_t step, unsigned flags,
    struct str *out)
{
	input_init(in, flags);
	while (text.len > 0) {
		input_feed(in, view_first(text, step), out);
		text = view_skip(text, view_first(text, step).len);
	}
	input_finish(in, out);
}

static void
list(const struct input *in, struct str *out)
{
	struct view rest = input_recipients(in), one;

	while (rest.len > 0 && view_field(&rest, '\0', &one))
		str_addf(
		    out, "%s%.*s", out->len > 0 ? "," : "", VIEW_ARGS(one));
}

START_TEST(input_makes_the_same_of_pieces_of_any_size)
{
	struct view text = view_of(cases[_i].text);

	for (size_t step = 1; step <= text.len + 1; step++) {
		struct str out = STR_EMPTY, rcpts = STR_EMPTY;
		struct input in;

		run(&in, text, step, cases[_i].flags, &out);
		list(&in, &rcpts);
		if (cases[_i].content != NULL)
			ck_assert_str_eq(out.ptr, cases[_i].content);
		ck_assert_str_eq(rcpts.ptr, cases[_i].rcpts);
		ck_assert_int_eq(in.failure.kind, ERR_NONE);
		input_clear(&in);
		str_clear(&out);
		str_clear(&rcpts);
	}
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} addresses[] = {
	{ "To: a@@b\n\n", false },
	{ "To: @b\n\n", false },
	{ "To: a\001@b\n\n", false },
	{ "To: \"a b\"@c\n\n", true },
	{ "Subject: @b\n\n", true },
};

START_TEST(input_refuses_recipients_that_are_none)
{
	struct str out = STR_EMPTY;
	struct input in;

	run(&in, view_of(addresses[_i].text), 100, INPUT_EXTRACT, &out);
	ck_assert_int_eq(!err_is(in.failure), addresses[_i].ok);
	input_clear(&in);
	str_clear(&out);
}
END_TEST

START_TEST(input_notes_from)
{
	static const char *const texts[] = { "From: a\n\n", "from : a\n\n",
		"Resent-From: a\n\n", "X: a\nFrom: b" };
	struct str out = STR_EMPTY;
	struct input in;

	for (size_t i = 0; i < 4; i++) {
		run(&in, view_of(texts[i]), 100, 0, &out);
		ck_assert(in.has_from);
		input_clear(&in);
	}
	run(&in, VIEW("X: a\n\nFrom: b\n"), 100, 0, &out);
	ck_assert(!in.has_from);
	input_clear(&in);
	str_clear(&out);
}
END_TEST

START_TEST(input_takes_lines_of_any_length)
{
	static const char *const heads[] = { "X: ", "nohead ", "To: " };

	for (size_t h = 0; h < 3; h++) {
		struct str text = STR_EMPTY, out = STR_EMPTY;
		size_t n = 3 * INPUT_LINE_MAX;
		struct input in;

		str_add_text(&text, heads[h]);
		for (size_t i = 0; i < n; i++)
			str_add_byte(&text, 'x');
		str_add_text(&text, "\nY: z\n\nb\n");
		for (size_t step = 1000; step < 1000000; step *= 10) {
			str_reset(&out);
			run(&in, str_view(&text), step, 0, &out);
			ck_assert(view_ends(
			    str_view(&out), VIEW("\r\nY: z\r\n\r\nb\r\n")));
			ck_assert_uint_ge(out.len, text.len);
			ck_assert_uint_le(out.len, text.len + 10);
			input_clear(&in);
		}
		str_clear(&text);
		str_clear(&out);
	}
}
END_TEST

UNIT_MAIN("input",
    { input_makes_the_same_of_pieces_of_any_size, ARRAY_LEN(cases) },
    { input_refuses_recipients_that_are_none, ARRAY_LEN(addresses) },
    { input_notes_from, 1 }, { input_takes_lines_of_any_length, 1 })
