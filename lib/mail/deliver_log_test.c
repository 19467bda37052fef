/* Unit tests of the delivery agents' log line. */
#include "lib/mail/deliver_log.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/ipc/messages.h"

#include <string.h>

static const struct {
	int64_t us, resolution;
	const char *text;
} delays[] = {
	{ 0, 2, "0" },
	{ -5, 2, "0" },
	{ 4999, 2, "0" },
	{ 5000, 2, "0.01" },
	{ 5600, 3, "0.006" },
	{ 5600, 6, "0.0056" },
	{ 560000, 2, "0.56" },
	{ 100000, 2, "0.1" },
	{ 999900, 2, "1" },
	{ 5780000, 2, "5.8" },
	{ 9960000, 2, "10" },
	{ 10400000, 2, "10" },
	{ 58600000, 2, "59" },
	{ 100000000, 2, "100" },
	{ 12345678900000, 6, "12345679" },
	{ 560000, 0, "1" },
	{ 56, 6, "0.000056" },
	{ 5, 6, "0.000005" },
	{ INT64_MAX, 0, "1152921504607" },
};

START_TEST(a_delay_has_two_significant_digits)
{
	struct str out = STR_EMPTY;

	deliver_log_delay(&out, delays[_i].us, delays[_i].resolution);
	ck_assert_str_eq(out.ptr, delays[_i].text);
	str_clear(&out);
}
END_TEST

static const struct {
	struct deliver_line line;
	const char *text;
} lines[] = {
	{ { .queue_id = VIEW("4F2A"),
	      .recipient = VIEW("a b@x.test"),
	      .original = VIEW("al@x.test"),
	      .relay = VIEW("h[1.2.3.4]:25"),
	      .conn_use = 2,
	      .times = { 1000000, 1100000, 1110000, 1310000, 1560000 },
	      .dsn = VIEW("2.0.0"),
	      .status = OUTCOME_SENT,
	      .text = VIEW("250 Ok") },
	    "4F2A: to=<\"a b\"@x.test>, orig_to=<al@x.test>, "
	    "relay=h[1.2.3.4]:25, conn_use=2, delay=0.56, "
	    "delays=0.1/0.01/0.2/0.25, dsn=2.0.0, status=sent (250 Ok)" },
	{ { .queue_id = VIEW("4F2A"),
	      .recipient = VIEW("a@x.test"),
	      .original = VIEW("A@X.test"),
	      .relay = VIEW("none"),
	      .conn_use = 1,
	      .times = { 1000000, 0, 1000000, 31000000, 31000000 },
	      .dsn = VIEW("4.4.1"),
	      .status = OUTCOME_DEFERRED,
	      .text = VIEW("connect to h[1.2.3.4]:25: Connection refused") },
	    "4F2A: to=<a@x.test>, relay=none, delay=30, delays=0/0/30/0, "
	    "dsn=4.4.1, status=deferred (connect to h[1.2.3.4]:25: "
	    "Connection refused)" },
	{ { .queue_id = VIEW("4F2A"),
	      .recipient = VIEW("a@x.test"),
	      .original = VIEW(""),
	      .relay = VIEW("local"),
	      .times = { 1000000, 1000000, 1000000, 0, 1200000 },
	      .dsn = VIEW("2.0.0"),
	      .status = OUTCOME_EXPANDED,
	      .text = VIEW("forwarded as 4F2B") },
	    "4F2A: to=<a@x.test>, relay=local, delay=0.2, "
	    "delays=0/0/0/0.2, dsn=2.0.0, status=sent (forwarded as 4F2B)" },
	{ { .queue_id = VIEW("4F2A"),
	      .recipient = VIEW("a@x.test"),
	      .original = VIEW(""),
	      .relay = VIEW("none"),
	      .is_probe = true,
	      .times = { 0, 0, 0, 0, 0 },
	      .dsn = VIEW("5.1.1"),
	      .status = OUTCOME_BOUNCED,
	      .text = VIEW("no") },
	    "4F2A: to=<a@x.test>, relay=none, delay=0, delays=0/0/0/0, "
	    "dsn=5.1.1, status=undeliverable (no)" },
	/* Attack 90: times of a program that was taken over. */
	{ { .queue_id = VIEW("4F2A"),
	      .recipient = VIEW("a@x.test"),
	      .original = VIEW(""),
	      .relay = VIEW("none"),
	      .times = { INT64_MIN, INT64_MAX, INT64_MAX, 1, 2 },
	      .dsn = VIEW("4.0.0"),
	      .status = OUTCOME_DEFERRED,
	      .text = VIEW("no") },
	    "4F2A: to=<a@x.test>, relay=none, delay=0, delays=0/0/0/0, "
	    "dsn=4.0.0, status=deferred (no)" },
};

START_TEST(a_line_has_the_known_shape)
{
	struct str out = STR_EMPTY;

	deliver_log_format(&out, &lines[_i].line, 2);
	ck_assert_str_eq(out.ptr, lines[_i].text);
	str_clear(&out);
}
END_TEST

/* A line is cut at LOG_LINE_MAX: what counts must come before. */
START_TEST(status_is_seen_behind_the_longest_addresses)
{
	static char bytes[1000];
	struct deliver_line line = lines[0].line;
	struct str out = STR_EMPTY, cut = STR_EMPTY;

	memset(bytes, 1, sizeof(bytes));
	line.recipient = view_make(bytes, sizeof(bytes));
	line.original = view_make(bytes, sizeof(bytes) - 1);
	line.relay = line.text = line.recipient;
	deliver_log_format(&out, &line, 2);
	log_clean(&cut, str_view(&out), LOG_LINE_MAX);
	ck_assert_ptr_nonnull(strstr(cut.ptr, ", status=sent (\\x01"));
	str_clear(&out);
	str_clear(&cut);
}
END_TEST

UNIT_MAIN("deliver_log",
    { a_delay_has_two_significant_digits, ARRAY_LEN(delays) },
    { a_line_has_the_known_shape, ARRAY_LEN(lines) },
    { status_is_seen_behind_the_longest_addresses, 1 })
