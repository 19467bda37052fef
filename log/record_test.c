/* Records of log lines: what is one, what is none. */
#include "log/record.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#define LONG_TAG "0123456789012345678901234567890123456789012345678901234567890"

static const struct {
	const char *line;
	bool good;
	const char *tag, *text;
} lines[] = {
	{ "1 1700000000000000 42 postfix/smtpd hello world\n", true,
	    "postfix/smtpd", "hello world" },
	{ "0 0 0 t \n", true, "t", "" },
	{ "4 1 1 t  two  spaces \n", true, "t", " two  spaces " },
	{ "1 1 1 a[b]:c x\n", true, "a_b__c", "x" },
	{ "1 1 1 " LONG_TAG "62 x\n", true, LONG_TAG "62", "x" },
	{ "1 1 1 " LONG_TAG "623 x\n", false, "", "" },
	{ "5 1 1 t level\n", false, "", "" },
	{ "-1 1 1 t level\n", false, "", "" },
	{ "x 1 1 t level\n", false, "", "" },
	{ "1 -1 1 t time\n", false, "", "" },
	{ "1 99999999999999999999 1 t time\n", false, "", "" },
	{ "1 1 -1 t pid\n", false, "", "" },
	{ "1 1 1  empty tag\n", false, "", "" },
	{ "1 1 1 t\n", false, "", "" },
	{ "1 1 1 \xc3\xa4 x\n", false, "", "" },
	{ "\n", false, "", "" },
	{ "1 1 1 t no newline", false, "", "" },
};

START_TEST(a_line_is_a_record_if_each_field_is)
{
	struct view datagram = view_of(lines[_i].line);
	struct str text = STR_EMPTY;
	struct record r;
	bool good;

	ck_assert(record_next(&datagram, &r, &good));
	ck_assert_msg(good == lines[_i].good, "%s", lines[_i].line);
	if (good) {
		ck_assert_str_eq(r.tag, lines[_i].tag);
		record_add_text(&text, &r);
		ck_assert_str_eq(text.ptr, lines[_i].text);
	}
	ck_assert(!record_next(&datagram, &r, &good));
	str_clear(&text);
}
END_TEST

START_TEST(a_bad_line_does_not_spoil_those_around_it)
{
	struct view datagram = VIEW("1 1 1 t one\nbad\n2 2 2 t two\ncut");
	bool goods[4], good;
	struct record r;
	size_t n = 0;

	while (record_next(&datagram, &r, &good))
		goods[n++] = good;
	ck_assert_uint_eq(n, 4);
	ck_assert(goods[0] && !goods[1] && goods[2] && !goods[3]);
}
END_TEST

START_TEST(text_comes_out_clean_and_bounded)
{
	struct str text = STR_EMPTY, line = STR_EMPTY;
	struct record r = { .level = LOG_LEVEL_INFO };

	r.text = VIEW("a\x1b[31m\xff \xc3\xa4\r");
	record_add_text(&text, &r);
	ck_assert_str_eq(text.ptr, "a\\x1B[31m\\xFF \xc3\xa4\\x0D");
	for (int i = 0; i < 5000; i++)
		str_add_byte(&line, i % 2 == 0 ? 'x' : 'y');
	str_reset(&text);
	r.text = str_view(&line);
	record_add_text(&text, &r);
	ck_assert_uint_eq(text.len, RECORD_TEXT_MAX);
	str_clear(&text);
	str_clear(&line);
}
END_TEST

UNIT_MAIN("log/record",
    { a_line_is_a_record_if_each_field_is, ARRAY_LEN(lines) },
    { a_bad_line_does_not_spoil_those_around_it, 1 },
    { text_comes_out_clean_and_bounded, 1 })
