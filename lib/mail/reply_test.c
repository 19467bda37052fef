#include "lib/mail/reply.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

/* Lines end in \n; expect is "code status text", or "error". */
static const struct {
	const char *lines, *expect;
} cases[] = {
	{ "250 2.1.0 Ok\n", "250 2.1.0 250 2.1.0 Ok" },
	{ "250 2.1.0 Ok\r\n", "250 2.1.0 250 2.1.0 Ok" },
	{ "250\n", "250 2.0.0 250" },
	{ "250 \n", "250 2.0.0 250 " },
	{ "550 5.7.2\n", "550 5.7.2 550 5.7.2" },
	{ "550 4.7.2 x\n", "550 5.0.0 550 4.7.2 x" },
	{ "450 x\n", "450 4.0.0 450 x" },
	{ "354 go\n", "354 5.5.0 354 go" },
	{ "550-5.1.1 a\n550 5.1.1 b\n", "550 5.1.1 550-5.1.1 a 550 5.1.1 b" },
	{ "250-a\n251 b\n", "error" },
	{ "250-a\nb\n", "error" },
	{ "25 x\n", "error" },
	{ "2500 x\n", "error" },
	{ "150 x\n", "error" },
	{ "600 x\n", "error" },
	{ "+25 x\n", "error" },
	{ "\n", "error" },
	{ "250+x\n", "error" },
	{ "250 a\rb\n", "error" },
	{ "250 a\x1b[31mb\x7f\n", "250 2.0.0 250 a [31mb " },
	{ "250 \xc3\xa4\n", "250 2.0.0 250 \xc3\xa4" },
	{ "250 \xe4\n", "250 2.0.0 250 ?" },
	{ "250 a\xc2\x85z\n", "250 2.0.0 250 a z" },
};

static struct err
feed_all(struct reply *r, struct view text)
{
	struct err e = ERR_OK;
	struct view line;

	while (!err_is(e) && !r->is_done && text.len > 0) {
		size_t end = view_find(text, '\n');

		line = view_first(text, end);
		text = view_skip(text, end == VIEW_NPOS ? end : end + 1);
		e = reply_feed(r, line);
	}
	return e;
}

START_TEST(reply_feed_takes_replies_and_refuses_the_rest)
{
	char buffer[DSN_STATUS_SIZE];
	struct str out = STR_EMPTY;
	struct reply r;
	struct err e;

	reply_init(&r);
	e = feed_all(&r, view_of(cases[_i].lines));
	if (err_is(e)) {
		ck_assert_int_eq(e.kind, ERR_TEMP);
		ck_assert(!r.is_done);
		str_add_text(&out, "error");
	} else {
		ck_assert(r.is_done);
		str_addf(&out, "%d %s ", r.code, dsn_text(r.status, buffer));
		reply_add_line(&out, &r);
	}
	ck_assert_str_eq(out.ptr, cases[_i].expect);
	reply_clear(&r);
	str_clear(&out);
}
END_TEST

START_TEST(reply_feed_bounds_lines_and_text)
{
	struct str line = STR_EMPTY;
	struct reply r;

	reply_init(&r);
	ck_assert(err_is(reply_feed(&r, view_make("250 a\0b", 7))));
	str_add_text(&line, "250-");
	while (line.len < REPLY_LINE_MAX)
		str_add_text(&line, "\xc3\xa4");
	for (int i = 0; i < REPLY_LINES_MAX; i++)
		ck_assert(!err_is(reply_feed(&r, str_view(&line))));
	ck_assert_uint_le(r.text.len, REPLY_TEXT_MAX);
	ck_assert(view_is_utf8(str_view(&r.text)));
	ck_assert(err_is(reply_feed(&r, VIEW("250 ok"))));
	reply_reset(&r);
	ck_assert(!err_is(reply_feed(&r, VIEW("250 ok"))));
	ck_assert(r.is_done && r.lines == 1);
	reply_reset(&r);
	str_add_byte(&line, 'x');
	ck_assert(err_is(reply_feed(&r, str_view(&line))));
	reply_clear(&r);
	str_clear(&line);
}
END_TEST

START_TEST(reply_next_line_gives_the_texts)
{
	struct view rest, text;
	struct reply r;

	reply_init(&r);
	feed_all(&r, VIEW("250-host\r\n250-SIZE 10\r\n250 DSN\r\n"));
	rest = str_view(&r.text);
	ck_assert(reply_next_line(&rest, &text));
	ck_assert(view_eq(text, VIEW("host")));
	ck_assert(reply_next_line(&rest, &text));
	ck_assert(view_eq(text, VIEW("SIZE 10")));
	ck_assert(reply_next_line(&rest, &text));
	ck_assert(view_eq(text, VIEW("DSN")));
	ck_assert(!reply_next_line(&rest, &text));
	reply_clear(&r);
}
END_TEST

UNIT_MAIN("reply",
    { reply_feed_takes_replies_and_refuses_the_rest, ARRAY_LEN(cases) },
    { reply_feed_bounds_lines_and_text, 1 },
    { reply_next_line_gives_the_texts, 1 })
