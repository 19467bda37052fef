/* Steps of a decision, as text and as JSON. */
#include "lib/base/trace.h"

#include "lib/base/unit.h"

#include <string.h>
#include <unistd.h>

static size_t n_evaluated;

static struct view
evaluate(const char *text)
{
	n_evaluated++;
	return view_of(text);
}

static const struct {
	enum trace_form form;
	const char *value, *expected;
} rows[] = {
	{ TRACE_OFF, "a", "" },
	{ TRACE_TEXT, "a", "step: key=a\n" },
	{ TRACE_TEXT, "", "step: key=\"\"\n" },
	{ TRACE_TEXT, "a b\n", "step: key=\"a b\\u000a\"\n" },
	{ TRACE_TEXT, "\xff", "step: key=\"\\u00ff\"\n" },
	{ TRACE_JSON, "a", "{\"step\":\"step\",\"key\":\"a\"}\n" },
	{ TRACE_JSON, "\"\\\x7f",
	    "{\"step\":\"step\",\"key\":\"\\\"\\\\\\u007f\"}\n" },
	{ TRACE_JSON, "\xc3\xa4", "{\"step\":\"step\",\"key\":\"\xc3\xa4\"}\n" },
};

START_TEST(a_step_is_a_line_of_its_form)
{
	char got[200] = "";
	int fds[2], saved = dup(STDOUT_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe(fds), 0);
	fflush(stdout);
	dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
	trace_form = rows[_i].form;
	n_evaluated = 0;
	TRACE("step", { "key", evaluate(rows[_i].value) },
	    { "left_out", { NULL, 0 } });
	trace_form = TRACE_OFF;
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	n = read(fds[0], got, sizeof(got) - 1);
	close(fds[0]);
	ck_assert_int_ge(n, 0);
	ck_assert_str_eq(got, rows[_i].expected);
	/* Nothing is made for nobody. */
	ck_assert_uint_eq(n_evaluated, rows[_i].form == TRACE_OFF ? 0 : 1);
}
END_TEST

START_TEST(a_line_is_told_once_and_only_if_asked)
{
	trace_set_line(7);
	ck_assert_uint_eq(trace_take_line(), 0);
	trace_form = TRACE_TEXT;
	trace_set_line(7);
	ck_assert_uint_eq(trace_take_line(), 7);
	ck_assert_uint_eq(trace_take_line(), 0);
	trace_form = TRACE_OFF;
}
END_TEST

UNIT_MAIN("trace", { a_step_is_a_line_of_its_form, ARRAY_LEN(rows) },
    { a_line_is_told_once_and_only_if_asked, 1 })
