/* Sender and recipients. */
#include "cleanup/testing.h"

#include "lib/base/unit.h"
#include "lib/mail/addr.h"

static struct cleanup cleanup;
static struct message message;

static void
open_message(const char *lines)
{
	test_cleanup_init(&cleanup, lines);
	test_message_init(&message, &cleanup, "remote", VIEW_EMPTY);
}

static void
close_message(void)
{
	test_message_clear(&message);
	test_cleanup_clear(&cleanup);
}

static struct err
add(struct view address)
{
	struct ipc_rcpt r = { 0, address, VIEW_EMPTY, VIEW_EMPTY, 0 };

	return test_add_rcpt(&message, &r);
}

/* All that were taken, "number:address original". */
static void
taken(struct str *out)
{
	struct view rest = str_view(&message.rcpts);
	struct ipc_rcpt r;
	bool more;

	str_reset(out);
	while (!err_is(ipc_list_next(&rest, IPC_IN(rcpt, &r), &more)) && more)
		str_addf(out, "%d:%.*s ", (int)r.number, VIEW_ARGS(r.address));
}

START_TEST(recipients_are_completed_and_taken_once)
{
	struct str out = STR_EMPTY;

	open_message("");
	ck_assert(!err_is(add(VIEW("a@x.example"))));
	ck_assert(!err_is(add(VIEW("b"))));
	ck_assert(!err_is(add(VIEW("a@X.Example"))));
	ck_assert(!err_is(add(VIEW("A@x.example"))));
	ck_assert(!err_is(add(VIEW("b@here.example"))));
	ck_assert(!err_is(add(VIEW(""))));
	taken(&out);
	ck_assert_str_eq(out.ptr,
	    "0:a@x.example 1:b@here.example 2:b@here.example "
	    "3:MAILER-DAEMON@here.example ");
	ck_assert_int_eq(message.n_rcpts, 4);
	str_clear(&out);
	close_message();
}
END_TEST

START_TEST(beyond_its_limit_the_filter_lets_all_through)
{
	open_message("duplicate_filter_limit = 1\n");
	for (int i = 0; i < 3; i++) {
		ck_assert(!err_is(add(VIEW("a@x.example"))));
		ck_assert(!err_is(add(VIEW("b@x.example"))));
	}
	ck_assert_int_eq(message.n_rcpts, 4);
	close_message();
}
END_TEST

/* qmgr would put the whole message aside. */
START_TEST(what_no_address_has_is_refused)
{
	static const struct view bad[] = {
		{ "a\0b@x.example", 13 },
		{ "a\r\nb@x.example", 14 },
		{ "a\nb@x.example", 13 },
		{ "a\177@x.example", 12 },
	};
	struct str long_one = STR_EMPTY;

	open_message("");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_int_eq(add(bad[i]).kind, ERR_PERM);
		message.submit.sender = bad[i];
		ck_assert_int_eq(envelope_set_sender(&message).kind, ERR_PERM);
	}
	while (long_one.len < ADDR_MAX - 3)
		str_add_byte(&long_one, 'a');
	/* Too long when it is complete. */
	ck_assert_int_eq(add(str_view(&long_one)).kind, ERR_PERM);
	message.submit.sender = str_view(&long_one);
	ck_assert_int_eq(envelope_set_sender(&message).kind, ERR_PERM);
	while (long_one.len <= ADDR_MAX)
		str_add_byte(&long_one, 'a');
	ck_assert_int_eq(add(str_view(&long_one)).kind, ERR_PERM);
	ck_assert_int_eq(message.n_rcpts, 0);
	str_clear(&long_one);
	close_message();
}
END_TEST

START_TEST(rewrite_that_is_down_means_later)
{
	open_message("");
	ck_assert_int_eq(add(VIEW("down")).kind, ERR_TEMP);
	ck_assert_int_eq(
	    envelope_add_rcpts(&message, VIEW("garbage")).kind, ERR_PERM);
	close_message();
}
END_TEST

UNIT_MAIN("envelope", { recipients_are_completed_and_taken_once, 1 },
    { beyond_its_limit_the_filter_lets_all_through, 1 },
    { what_no_address_has_is_refused, 1 },
    { rewrite_that_is_down_means_later, 1 })
