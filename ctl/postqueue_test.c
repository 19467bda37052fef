#include "ctl/postqueue.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Fields with '|' for NUL. */
#define HEAD "protocol|mail_queue_list_protocol||"
#define MESSAGE(queue, id, expires, sender)                              \
	"queue_name|" queue "|queue_id|" id "|time|1795294706|size|270|" \
	"forced_expire|" expires "|sender|" sender "|"
#define RCPT(to, reason)                                              \
	"original_recipient|" to "|recipient|" to "|log_class|delay|" \
	"reason|" reason "|"

static const struct {
	const char *stream;
	bool long_ids;
	const char *text, *json;
} cases[] = {
	{ HEAD "|", false, "Mail queue is empty\n", "" },
	{ HEAD MESSAGE("deferred", "52450A94318", "0", "a@b.test")
		RCPT("x@far.test",
		    "connect to 127.0.0.1[127.0.0.1]:2626: "
		    "Connection refused") "||",
	    false,
	    "-Queue ID-  --Size-- ----Arrival Time---- "
	    "-Sender/Recipient-------\n"
	    "52450A94318     270 Sat Nov 21 20:58:26  a@b.test\n"
	    "                    (connect to 127.0.0.1[127.0.0.1]:2626: "
	    "Connection refused)\n"
	    "                                         x@far.test\n\n"
	    "-- 0 Kbytes in 1 Request.\n",
	    "{\"queue_name\": \"deferred\", \"queue_id\": \"52450A94318\", "
	    "\"arrival_time\": 1795294706, \"message_size\": 270, "
	    "\"forced_expire\": false, \"sender\": \"a@b.test\", "
	    "\"recipients\": [{\"orig_address\": \"x@far.test\", "
	    "\"address\": \"x@far.test\", \"delay_reason\": \"connect to "
	    "127.0.0.1[127.0.0.1]:2626: Connection refused\"}]}\n" },
	{ HEAD MESSAGE("hold", "ABCDEF", "1", "") RCPT("a", "why")
		RCPT("b", "why") RCPT("c", "") RCPT("d", "no") "|" MESSAGE(
		    "active", "ABCDE1", "0", "s") "||",
	    false,
	    "-Queue ID-  --Size-- ----Arrival Time---- "
	    "-Sender/Recipient-------\n"
	    "ABCDEF!#        270 Sat Nov 21 20:58:26  MAILER-DAEMON\n"
	    "                                                           "
	    "              (why)\n"
	    "                                         a\n"
	    "                                         b\n"
	    "                                                          "
	    "(reason unavailable)\n"
	    "                                         c\n"
	    "                                                           "
	    "               (no)\n"
	    "                                         d\n\n"
	    "ABCDE1*         270 Sat Nov 21 20:58:26  s\n\n"
	    "-- 0 Kbytes in 2 Requests.\n",
	    NULL },
	{ HEAD MESSAGE("active", "4jX4Nj4jyGz1cbpb", "0", "s")
		RCPT("r", "") "||",
	    true,
	    "----Queue ID----- --Size-- ---Arrival Time---- "
	    "--Sender/Recipient------\n"
	    "4jX4Nj4jyGz1cbpb*      270 Sat Nov 21 20:58:26 s\n"
	    "                                               r\n\n"
	    "-- 0 Kbytes in 1 Request.\n",
	    NULL },
	/* attacks 85: nothing moves a cursor or ends a line */
	{ HEAD MESSAGE(
	      "active", "ABCDEF", "0", "a\033[2J\n\"\\\xe2\x80\xae\xff") "||",
	    false,
	    "-Queue ID-  --Size-- ----Arrival Time---- "
	    "-Sender/Recipient-------\n"
	    "ABCDEF*         270 Sat Nov 21 20:58:26  a?[2J?\"\\????\n\n"
	    "-- 0 Kbytes in 1 Request.\n",
	    "{\"queue_name\": \"active\", \"queue_id\": \"ABCDEF\", "
	    "\"arrival_time\": 1795294706, \"message_size\": 270, "
	    "\"forced_expire\": false, \"sender\": \"a?[2J?\\\"\\\\????\", "
	    "\"recipients\": []}\n" },
};

static struct err
run(struct print *p, const char *text, size_t step)
{
	struct str bytes = STR_EMPTY;
	struct view rest;
	struct err e = ERR_OK;

	str_add_text(&bytes, text);
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.ptr[i] == '|')
			bytes.ptr[i] = '\0';
	rest = str_view(&bytes);
	while (rest.len > 0 && !err_is(e)) {
		e = print_feed(p, view_first(rest, step));
		rest = view_skip(rest, view_first(rest, step).len);
	}
	print_finish(p);
	str_clear(&bytes);
	return e;
}

START_TEST(postqueue_prints_as_ever)
{
	setenv("TZ", "UTC0", 1);
	tzset();
	for (size_t step = 1; step < 300; step += 7) {
		struct print p;

		print_init(&p, PRINT_TEXT, cases[_i].long_ids);
		ck_assert(!err_is(run(&p, cases[_i].stream, step)));
		ck_assert(p.reader.has_ended);
		ck_assert_str_eq(p.out.ptr, cases[_i].text);
		print_clear(&p);
		if (cases[_i].json == NULL)
			continue;
		print_init(&p, PRINT_JSON, false);
		ck_assert(!err_is(run(&p, cases[_i].stream, step)));
		ck_assert_str_eq(p.out.ptr, cases[_i].json);
		print_clear(&p);
	}
}
END_TEST

static const char *const bad[] = {
	"protocol|other||",
	"queue_name|x|",
	HEAD "queue_id|x|",
	HEAD "queue_name|x||",
	HEAD MESSAGE("a", "b", "x", "s"),
	HEAD MESSAGE("a", "b", "0", "s") "recipient|x|",
	HEAD MESSAGE("a", "b", "0", "s") "original_recipient|x||",
};

START_TEST(postqueue_refuses_what_is_no_listing)
{
	struct print p;

	print_init(&p, PRINT_TEXT, false);
	ck_assert_int_eq(run(&p, bad[_i], 5).kind, ERR_PERM);
	print_clear(&p);
}
END_TEST

START_TEST(postqueue_bounds_a_field)
{
	struct str text = STR_EMPTY;
	struct print p;

	str_add_text(&text, "protocol");
	for (int i = 0; i < 20000; i++)
		str_add_byte(&text, 'x');
	print_init(&p, PRINT_TEXT, false);
	ck_assert_int_eq(run(&p, text.ptr, 1000).kind, ERR_PERM);
	print_clear(&p);
	str_clear(&text);
}
END_TEST

UNIT_MAIN("postqueue", { postqueue_prints_as_ever, ARRAY_LEN(cases) },
    { postqueue_refuses_what_is_no_listing, ARRAY_LEN(bad) },
    { postqueue_bounds_a_field, 1 })
