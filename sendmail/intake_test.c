#include "sendmail/intake.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/mail/addr.h"

#include <string.h>

static struct str got = { str_nothing, 0, 0 };

static struct err
take(struct intake *in, struct view bytes)
{
	(void)in;
	str_add(&got, bytes);
	return ERR_OK;
}

static void
add_rcpt(
    struct str *out, const char *address, const char *orcpt, int64_t notify)
{
	struct str list = STR_EMPTY;
	struct ipc_rcpt rcpt = { .number = 77,
		.address = view_of(address),
		.original = VIEW("forged"),
		.orcpt = view_of(orcpt),
		.notify = notify };
	struct ipc_more_rcpts frame;
	int fd;

	ipc_list_add(&list, ipc_rcpt_type(), &rcpt);
	frame.rcpts = str_view(&list);
	ipc_encode(out, 0, IPC_OUT(more_rcpts, &frame), &fd);
	str_clear(&list);
}

static void
add_rcpts(struct str *out, const char *address, int64_t notify)
{
	add_rcpt(out, address, "rfc822;x", notify);
}

static void
add_content(struct str *out, const char *text)
{
	struct ipc_content frame = { view_of(text) };
	int fd;

	ipc_encode(out, 0, IPC_OUT(content, &frame), &fd);
}

static void
add_commit(struct str *out, const struct ipc_drop_commit *c)
{
	int fd;

	ipc_encode(out, 0, IPC_OUT(drop_commit, c), &fd);
}

static const struct ipc_drop_commit good = { .sender = VIEW("s@t"),
	.full_name = VIEW("S T"),
	.context = VIEW("local"),
	.envid = VIEW("id"),
	.ret = 1,
	.flags = SUBMIT_SMTPUTF8 };

static struct err
feed(struct intake *in, const struct str *stream, size_t step)
{
	struct view rest = str_view(stream);
	struct err e = ERR_OK;

	str_reset(&got);
	intake_init(in, 100, take);
	while (rest.len > 0 && !err_is(e)) {
		e = intake_feed(in, view_first(rest, step));
		rest = view_skip(rest, view_first(rest, step).len);
	}
	return e;
}

START_TEST(intake_takes_a_stream_in_pieces_of_any_size)
{
	struct str stream = STR_EMPTY;

	add_content(&stream, "Subject: x\r\n");
	add_rcpts(&stream, "a@b", 1);
	add_content(&stream, "\r\nhi\r\n");
	add_rcpts(&stream, "c@d", 0);
	add_commit(&stream, &good);
	for (size_t step = 1; step <= stream.len; step++) {
		struct intake in;
		struct ipc_rcpt rcpt;
		struct view list;
		bool more;
		struct err e = feed(&in, &stream, step);

		ck_assert_msg(!err_is(e), "%s", e.text);
		ck_assert(in.committed);
		ck_assert_str_eq(got.ptr, "Subject: x\r\n\r\nhi\r\n");
		ck_assert_int_eq(in.n_rcpts, 2);
		ck_assert(view_eq(in.commit.sender, VIEW("s@t")));
		/* Number and first address are not the caller's to say. */
		list = str_view(&in.rcpts);
		ck_assert(
		    !err_is(ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more)));
		ck_assert(more && rcpt.number == 0 && rcpt.original.len == 0 &&
		    view_eq(rcpt.orcpt, VIEW("rfc822;x")) && rcpt.notify == 1);
		intake_clear(&in);
	}
	str_clear(&stream);
}
END_TEST

/* attacks 91: lengths, types, newlines, flags. */
static const struct {
	const char *rcpt;
	int64_t notify;
	struct ipc_drop_commit commit;
	const char *why;
} bad[] = {
	{ "a\nb@c", 0, good, "recipient" },
	{ "a\rb@c", 0, good, "recipient" },
	{ "", 0, good, "recipient" },
	{ "a@b", 1 << 9, good, "request" },
	{ "a@b", 0, { .sender = VIEW("a\nb"), .context = VIEW("local") },
	    "sender" },
	{ "a@b", 0, { .full_name = VIEW("a\nb"), .context = VIEW("local") },
	    "full name" },
	{ "a@b", 0, { .envid = VIEW("a\nb"), .context = VIEW("local") },
	    "request" },
	{ "a@b", 0, { .context = VIEW("trusted") }, "request" },
	{ "a@b", 0, { .context = VIEW("local"), .flags = SUBMIT_REQUEUED },
	    "request" },
	{ "a@b", 0, { .context = VIEW("local"), .ret = 3 }, "request" },
	{ NULL, 0, good, "no recipients" },
};

START_TEST(intake_refuses_what_is_not_clean)
{
	struct str stream = STR_EMPTY;
	struct intake in;
	struct err e;

	if (bad[_i].rcpt != NULL)
		add_rcpts(&stream, bad[_i].rcpt, bad[_i].notify);
	add_commit(&stream, &bad[_i].commit);
	e = feed(&in, &stream, 7);
	ck_assert_int_eq(e.kind, ERR_PERM);
	ck_assert_msg(strstr(e.text, bad[_i].why) != NULL, "%s", e.text);
	ck_assert(!in.committed);
	intake_clear(&in);
	str_clear(&stream);
}
END_TEST

START_TEST(intake_refuses_a_first_address_that_is_not_clean)
{
	struct str stream = STR_EMPTY;
	struct intake in;

	add_rcpt(&stream, "a@b", "rfc822;a\nb", 0);
	ck_assert_str_eq(
	    feed(&in, &stream, 1000).text, "malformed original recipient");
	intake_clear(&in);
	str_clear(&stream);
}
END_TEST

START_TEST(intake_refuses_too_much)
{
	struct str stream = STR_EMPTY, longer = STR_EMPTY;
	struct intake in;

	for (int i = 0; i < 101; i++)
		str_add_byte(&longer, 'x');
	add_content(&stream, longer.ptr);
	ck_assert_str_eq(feed(&in, &stream, 1000).text, "message file too big");
	intake_clear(&in);
	str_reset(&stream);
	for (int i = 0; i < ADDR_MAX; i++)
		str_add_byte(&longer, 'x');
	add_rcpts(&stream, longer.ptr, 0);
	ck_assert(err_is(feed(&in, &stream, 5000)));
	intake_clear(&in);
	str_clear(&stream);
	str_clear(&longer);
}
END_TEST

START_TEST(intake_refuses_what_follows_the_end)
{
	struct str stream = STR_EMPTY;

	add_rcpts(&stream, "a@b", 0);
	add_commit(&stream, &good);
	add_commit(&stream, &good);
	for (size_t step = 1; step <= stream.len; step += 13) {
		struct intake in;

		ck_assert(err_is(feed(&in, &stream, step)));
		intake_clear(&in);
	}
	str_clear(&stream);
}
END_TEST

START_TEST(intake_refuses_other_messages)
{
	struct ipc_result other = { 0, VIEW("x") };
	struct str stream = STR_EMPTY;
	struct intake in;
	int fd;

	ipc_encode(&stream, 0, IPC_OUT(result, &other), &fd);
	ck_assert(err_is(feed(&in, &stream, 100)));
	intake_clear(&in);
	str_clear(&stream);
}
END_TEST

UNIT_MAIN("intake", { intake_takes_a_stream_in_pieces_of_any_size, 1 },
    { intake_refuses_what_is_not_clean, ARRAY_LEN(bad) },
    { intake_refuses_a_first_address_that_is_not_clean, 1 },
    { intake_refuses_too_much, 1 }, { intake_refuses_what_follows_the_end, 1 },
    { intake_refuses_other_messages, 1 })
