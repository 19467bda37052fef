#include "local/content.h"

#include "lib/base/mem.h"
#include "local/testing.h"

static char window[CONTENT_WINDOW];

START_TEST(pieces_come_in_the_order_of_the_layout)
{
	struct str body = STR_EMPTY, got = STR_EMPTY, want = STR_EMPTY;
	struct testing_message m;
	struct content c;
	struct view piece;

	for (int i = 0; i < (_i == 0 ? 3 : 40000); i++)
		str_addf(&body, "line %d\r\n", i);
	m = testing_message(VIEW("Subject: x\r\n\r\n"), str_view(&body));
	str_add(&want, VIEW("Subject: x\r\n\r\n"));
	str_add(&want, str_view(&body));
	ck_assert(!err_is(content_open(&c, m.fd, str_view(&m.layout), window)));
	ck_assert_int_eq(c.size, (int64_t)want.len);
	for (int round = 0; round < 2; round++) {
		str_reset(&got);
		while (!err_is(content_next(&c, &piece)) && piece.len > 0)
			str_add(&got, piece);
		ck_assert(view_eq(str_view(&got), str_view(&want)));
		content_rewind(&c);
	}
	testing_message_clear(&m);
	str_clear(&body);
	str_clear(&got);
	str_clear(&want);
}
END_TEST

START_TEST(bad_descriptors_and_layouts_are_refused)
{
	struct testing_message m =
	    testing_message(VIEW("A: b\r\n\r\n"), VIEW("x\r\n"));
	struct str layout = STR_EMPTY;
	struct content c;
	int pair[2], fd = open("/dev/null", O_RDONLY);

	ck_assert(err_is(content_open(&c, fd, str_view(&m.layout), window)));
	ck_assert_int_eq(pipe(pair), 0);
	ck_assert(
	    err_is(content_open(&c, pair[0], str_view(&m.layout), window)));
	queue_layout_add(&layout, 0, 1000);
	ck_assert(err_is(content_open(&c, m.fd, str_view(&layout), window)));
	str_reset(&layout);
	queue_layout_add(&layout, -5, 5);
	ck_assert(err_is(content_open(&c, m.fd, str_view(&layout), window)));
	str_cut(&layout, 7);
	ck_assert(err_is(content_open(&c, m.fd, str_view(&layout), window)));
	close(fd);
	close(pair[0]);
	close(pair[1]);
	str_clear(&layout);
	testing_message_clear(&m);
}
END_TEST

static const struct {
	const char *header;
	bool yes;
} loops[] = {
	{ "Delivered-To: a@b\r\n\r\n", true },
	{ "X: y\r\ndelivered-to:A@B  \r\n\r\n", true },
	{ "Delivered-To: c@d\r\nDelivered-To: a@b\r\n\r\n", true },
	{ "Delivered-To: aa@b\r\n\r\n", false },
	{ "X-Delivered-To: a@b\r\n\r\n", false },
	{ "X: y\r\n Delivered-To: a@b\r\n\r\n", false },
	{ "X: y\r\n\r\nDelivered-To: a@b\r\n\r\n", false },
	{ "no header\r\nDelivered-To: a@b\r\n\r\n", false },
	{ "Delivered-To: a@b", true },
	{ "", false },
};

START_TEST(delivered_to_is_found_in_the_header_alone)
{
	struct testing_message m =
	    testing_message(view_of(loops[_i].header), VIEW(""));
	struct content c;
	bool yes;

	ck_assert(!err_is(content_open(&c, m.fd, str_view(&m.layout), window)));
	ck_assert(!err_is(content_was_delivered_to(&c, VIEW("a@b"), &yes)));
	ck_assert_msg(yes == loops[_i].yes, "%s", loops[_i].header);
	testing_message_clear(&m);
}
END_TEST

START_TEST(delivered_to_is_found_behind_a_window_of_header)
{
	struct str header = STR_EMPTY;
	struct testing_message m;
	struct content c;
	bool yes;

	str_add_text(&header, "X: ");
	for (int i = 0; i < 200000; i++)
		str_add_byte(&header, 'x');
	str_add_text(&header, "\r\n");
	for (int i = 0; i < _i; i++)
		str_add_byte(&header, 'D');
	str_add_text(&header, ": y\r\nDelivered-To: a@b\r\n\r\n");
	m = testing_message(str_view(&header), VIEW("x\r\n"));
	ck_assert(!err_is(content_open(&c, m.fd, str_view(&m.layout), window)));
	ck_assert(!err_is(content_was_delivered_to(&c, VIEW("a@b"), &yes)));
	ck_assert(yes);
	testing_message_clear(&m);
	str_clear(&header);
}
END_TEST

UNIT_MAIN("local/content", { pieces_come_in_the_order_of_the_layout, 2 },
    { bad_descriptors_and_layouts_are_refused, 1 },
    { delivered_to_is_found_in_the_header_alone, ARRAY_LEN(loops) },
    { delivered_to_is_found_behind_a_window_of_header, 30 })
