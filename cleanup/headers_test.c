/* What of a message is sent: dropped, completed and added headers. */
#include "cleanup/testing.h"

#include "lib/base/unit.h"

#define ID_LINE "Message-Id: <20231114221320.4F2A000000001@mx.here.example>\r\n"
#define DATE_LINE "Date: Tue, 14 Nov 2023 22:13:20 +0000 (UTC)\r\n"
#define ALL_LINES ID_LINE DATE_LINE "From: me@here.example\r\n"
#define FULL "From: a@b.example\r\nDate: x\r\nMessage-Id: <m>\r\n"

static const struct {
	const char *context, *in, *out;
} cases[] = {
	/* Nothing is done for others. */
	{ "remote", "A: b\r\n\r\nbody\r\n", "A: b\r\n\r\nbody\r\n" },
	{ "remote", "\r\nbody\r\n", "\r\nbody\r\n" },
	{ "remote", "To: you\r\n\r\n", "To: you\r\n\r\n" },
	/* Ours get what is missing, in this order, behind what is there. */
	{ "local", "A: b\r\n\r\nbody\r\n",
	    "A: b\r\n" ALL_LINES "\r\nbody\r\n" },
	{ "local", FULL "\r\nbody\r\n", FULL "\r\nbody\r\n" },
	{ "local", "\r\nbody\r\n", ALL_LINES "\r\nbody\r\n" },
	{ "local", "", ALL_LINES "\r\n" },
	{ "local", "Date: x\r\n\r\n",
	    "Date: x\r\n" ID_LINE "From: me@here.example\r\n\r\n" },
	/* A copy sent on needs its own. */
	{ "local", FULL "Resent-To: c@d.example\r\n\r\n",
	    FULL "Resent-To: c@d.example\r\n"
		 "Resent-" ID_LINE "Resent-" DATE_LINE
		 "Resent-From: me@here.example\r\n\r\n" },
	/* Dropped, with their folds, wherever they stand. */
	{ "remote",
	    "Bcc: x@y.example,\r\n\tz@y.example\r\nA: b\r\n\r\nBcc: c\r\n",
	    "A: b\r\n\r\nBcc: c\r\n" },
	{ "remote", "A: b\r\nBCC : x\r\nB: c\r\n\r\n", "A: b\r\nB: c\r\n\r\n" },
	{ "remote", "Return-Path: <>\r\nContent-Length: 7\r\nA: b\r\n\r\n",
	    "A: b\r\n\r\n" },
	{ "remote", "Bcc: x\r\n\r\nbody\r\n", "\r\nbody\r\n" },
	{ "remote", "A: b\r\nBcc: x\r\n", "A: b\r\n\r\n" },
	{ "remote", "Bcc: x\r\n", "" },
	/* Residue of a mailbox. */
	{ "remote", "From me Mon Jan 1\r\nA: b\r\n\r\n", "A: b\r\n\r\n" },
	{ "remote", ">From me Mon Jan 1\r\nA: b\r\n\r\nFrom you\r\n",
	    "A: b\r\n\r\nFrom you\r\n" },
	/* A body that begins without an empty line gets one. */
	{ "remote", "A: b\r\nno header\r\nC: d\r\n",
	    "A: b\r\n\r\nno header\r\nC: d\r\n" },
	{ "remote", "no header\r\n", "\r\nno header\r\n" },
	{ "remote", " folded\r\nA: b\r\n", "\r\n folded\r\nA: b\r\n" },
	{ "remote", ": b\r\n\r\n", "\r\n: b\r\n\r\n" },
	{ "remote", ".\r\n", "\r\n.\r\n" },
	{ "remote", "A: b\r\n", "A: b\r\n\r\n" },
	{ "remote", "", "" },
	/* Addresses of ours are completed, the rest of a header stays. */
	{ "local", FULL "To: you, \"A, B\" <he>,\r\n she@x.example (c)\r\n\r\n",
	    FULL "To: you@here.example, \"A, B\" <he@here.example>,\r\n"
		 " she@x.example (c)\r\n\r\n" },
	{ "remote", FULL "To: you\r\n\r\n", FULL "To: you\r\n\r\n" },
	{ "local", FULL "Subject: you, he\r\n\r\n",
	    FULL "Subject: you, he\r\n\r\n" },
	{ "local", FULL "To: undisclosed:;\r\n\r\n",
	    FULL "To: undisclosed:;\r\n\r\n" },
};

START_TEST(the_message_is_sent_as_it_should_be)
{
	struct cleanup c;
	struct message m;
	struct verdict v;
	struct str out = STR_EMPTY;

	setenv("TZ", "UTC", 1);
	test_cleanup_init(&c, "myhostname = mx.here.example\n");
	test_message_init(&m, &c, cases[_i].context, view_of(cases[_i].in));
	ck_assert(headers_process(&m, m.content, &v));
	test_message_result(&m, &out);
	ck_assert_str_eq(out.ptr, cases[_i].out);
	str_clear(&out);
	test_message_clear(&m);
	test_cleanup_clear(&c);
}
END_TEST

START_TEST(what_is_dropped_is_told_by_name)
{
	struct cleanup c;
	struct message m;
	struct verdict v;
	struct str out = STR_EMPTY;

	test_cleanup_init(&c, "");
	headers_drop(&c, VIEW("X-Secret"));
	headers_drop(&c, VIEW("SUBJECT"));
	test_message_init(&m, &c, "remote",
	    VIEW("x-secret: a\r\nX-Secrets: b\r\nSubject: c\r\n\r\n"));
	ck_assert(headers_process(&m, m.content, &v));
	test_message_result(&m, &out);
	ck_assert_str_eq(out.ptr, "X-Secrets: b\r\n\r\n");
	str_clear(&out);
	test_message_clear(&m);
	test_cleanup_clear(&c);
}
END_TEST

START_TEST(a_loop_ends)
{
	struct cleanup c;
	struct message m;
	struct verdict v;
	struct str in = STR_EMPTY;

	test_cleanup_init(&c, "hopcount_limit = 3\n");
	for (int n = 1; n <= 5; n++) {
		str_add_text(&in, "Received: from a by b\r\n");
		test_message_init(&m, &c, "remote", str_view(&in));
		ck_assert_int_eq(headers_process(&m, m.content, &v), n <= 3);
		if (n > 3)
			ck_assert_int_eq(v.code, 554);
		test_message_clear(&m);
		/* What was released from the queue was counted before. */
		test_message_init(&m, &c, "remote", str_view(&in));
		m.submit.flags = SUBMIT_REQUEUED;
		ck_assert(headers_process(&m, m.content, &v));
		test_message_clear(&m);
	}
	str_clear(&in);
	test_cleanup_clear(&c);
}
END_TEST

START_TEST(rewrite_that_is_down_means_later)
{
	struct cleanup c;
	struct message m;
	struct verdict v;

	test_cleanup_init(&c, "");
	test_message_init(&m, &c, "local", VIEW("To: down\r\n\r\n"));
	ck_assert(!headers_process(&m, m.content, &v));
	ck_assert_int_eq(v.code, 451);
	test_message_clear(&m);
	test_cleanup_clear(&c);
}
END_TEST

START_TEST(the_message_id_is_known)
{
	struct cleanup c;
	struct message m;
	struct verdict v;

	test_cleanup_init(&c, "");
	test_message_init(&m, &c, "remote",
	    VIEW("Message-ID:\r\n  <one@x>\r\nMessage-Id: <two@x>\r\n\r\n"));
	ck_assert(headers_process(&m, m.content, &v));
	ck_assert_str_eq(m.message_id.ptr, "<one@x>");
	test_message_clear(&m);
	test_cleanup_clear(&c);
}
END_TEST

/* Dropped and kept ones by turns: what is sent has few pieces all the same. */
START_TEST(many_pieces_become_one)
{
	struct cleanup c;
	struct message m;
	struct verdict v;
	struct str in = STR_EMPTY, wanted = STR_EMPTY, out = STR_EMPTY;

	setenv("TZ", "UTC", 1);
	test_cleanup_init(&c, "myhostname = mx.here.example\n");
	for (int n = 0; n < _i * 100; n++) {
		str_addf(&in, "X-%d: a\r\n b\r\nBcc: c\r\nTo: d\r\n", n);
		str_addf(&wanted, "X-%d: a\r\n b\r\nTo: d@here.example\r\n",
		    n);
	}
	str_add_text(&in, "\r\nbody\r\n");
	str_add_text(&wanted, ALL_LINES "\r\nbody\r\n");
	test_message_init(&m, &c, "local", str_view(&in));
	ck_assert(headers_process(&m, m.content, &v));
	ck_assert_uint_le(m.n_pieces, 256);
	test_message_result(&m, &out);
	ck_assert_str_eq(out.ptr, wanted.ptr);
	test_message_clear(&m);
	str_clear(&in);
	str_clear(&wanted);
	str_clear(&out);
	test_cleanup_clear(&c);
}
END_TEST

/* Looked at only in part: wherever the part ends, nothing of the content is
 * lost or doubled, and no line is torn. */
START_TEST(a_header_longer_than_what_is_looked_at_stays)
{
	static const char in[] = "A: b\r\nBcc: x\r\nLong: aaaa\r\n bbbb\r\n"
				 "Bcc: y\r\nLast: c\r\n\r\nbody\r\n";
	struct view content = view_of(in);
	struct cleanup c;
	struct message m;
	struct verdict v;
	struct str out = STR_EMPTY;

	test_cleanup_init(&c, "");
	for (size_t n = 0; n < content.len; n++) {
		test_message_init(&m, &c, "remote", content);
		ck_assert(headers_process(&m, view_first(content, n), &v));
		test_message_result(&m, &out);
		ck_assert_msg(
		    view_ends(str_view(&out), VIEW("Last: c\r\n\r\nbody\r\n")),
		    "%zu: %s", n, out.ptr);
		ck_assert_msg(view_find_text(str_view(&out),
				  VIEW("Long: aaaa\r\n bbbb\r\n")) != VIEW_NPOS,
		    "%zu: %s", n, out.ptr);
		/* Nothing was put in; one letter may be no header at all. */
		ck_assert_int_le(out.len, content.len + 2 * (n == 1));
		test_message_clear(&m);
	}
	str_clear(&out);
	test_cleanup_clear(&c);
}
END_TEST

START_TEST(a_header_over_the_limit_loses_its_end)
{
	struct cleanup c;
	struct message m;
	struct verdict v;
	struct str out = STR_EMPTY;

	test_cleanup_init(&c, "header_size_limit = 20\n");
	test_message_init(&m, &c, "remote",
	    VIEW("A: 3456789\r\n 0123456789\r\n gone\r\n too\r\nB: c\r\n"
		 "Bcc: 789\r\n 0123456789\r\n gone\r\n\r\nbody\r\n"));
	ck_assert(headers_process(&m, m.content, &v));
	test_message_result(&m, &out);
	ck_assert_str_eq(out.ptr,
	    "A: 3456789\r\n 0123456789\r\nB: c\r\n\r\nbody\r\n");
	test_message_clear(&m);
	str_clear(&out);
	test_cleanup_clear(&c);
}
END_TEST

UNIT_MAIN("headers", { the_message_is_sent_as_it_should_be, ARRAY_LEN(cases) },
    { what_is_dropped_is_told_by_name, 1 },
    { a_loop_ends, 1 }, { rewrite_that_is_down_means_later, 1 },
    { the_message_id_is_known, 1 }, { many_pieces_become_one, 10 },
    { a_header_longer_than_what_is_looked_at_stays, 1 },
    { a_header_over_the_limit_loses_its_end, 1 })
