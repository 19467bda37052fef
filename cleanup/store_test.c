/* The queue file with few and with many recipients, before and behind the
 * content: what is read back is what was listed, whatever was ordered when. */
#define TESTING_WITH_STORE
#include "cleanup/testing.h"

#include "lib/base/unit.h"
#include "lib/mail/queue_id.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTENT "Subject: x\r\n\r\nbody\r\n"

static struct cleanup cleanup;
static struct message message;
static char folder[] = "/tmp/store-test.XXXXXX";

static void
open_all(const char *lines)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("active", 0700), 0);
	test_cleanup_init(&cleanup, lines);
	test_message_init(&message, &cleanup, "local", VIEW_EMPTY);
	message.submit.origin = VIEW("smtpd");
}

static void
close_all(void)
{
	char path[64];

	snprintf(path, sizeof(path), "active/%.*s",
	    VIEW_ARGS(message.submit.queue_id));
	unlink(path);
	rmdir("active");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	str_clear(&message.tail);
	str_clear(&message.end);
	store_clear(&message);
	test_message_clear(&message);
	test_cleanup_clear(&cleanup);
}

static void
add_rcpts(int from, int to)
{
	char text[32];

	for (int i = from; i < to; i++) {
		struct ipc_rcpt r = { .orcpt = VIEW_EMPTY,
			.original = VIEW_EMPTY };

		snprintf(text, sizeof(text), "r%d@x.example", i);
		r.address = view_of(text);
		ck_assert(!err_is(test_add_rcpt(&message, &r)));
	}
}

/* Each number in its place, the addresses those of add_rcpts but for the last
 * `other`. */
static void
check_rcpts(struct queue_file *q, int n, int other)
{
	struct str memory = STR_EMPTY;
	struct view list;
	struct ipc_rcpt rcpt;
	char text[32];
	int64_t at = 0;
	bool more;
	int i = 0;

	ck_assert_int_eq(q->preamble.n_rcpts, n);
	ck_assert(!err_is(queue_file_check_rcpts(q)));
	for (;;) {
		ck_assert(!err_is(
		    queue_file_read_rcpts(q, &at, &memory, &list)));
		if (list.len == 0)
			break;
		while (!err_is(ipc_list_next(
			   &list, IPC_IN(rcpt, &rcpt), &more)) &&
		    more) {
			snprintf(text, sizeof(text), "r%d@x.example", i);
			ck_assert_int_eq(rcpt.number, i++);
			ck_assert(i > n - other ||
			    view_eq(rcpt.address, view_of(text)));
		}
	}
	ck_assert_int_eq(i, n);
	str_clear(&memory);
}

static void
check_content(struct queue_file *q)
{
	struct queue_content content;
	struct view piece;

	ck_assert(!err_is(queue_file_check_body(q, INT64_MAX)));
	queue_content_init(&content, q->fd, q->envelope.layout);
	ck_assert(!err_is(queue_content_next(&content, &piece)));
	ck_assert(view_eq(piece, VIEW(CONTENT)));
	queue_content_clear(&content);
}

/* What is in the file, and nothing behind it. */
static void
check_file(int n, int other)
{
	struct queue_file q;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "active/%.*s",
	    VIEW_ARGS(message.submit.queue_id));
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert(!err_is(queue_file_read(&q, fd)));
	check_rcpts(&q, n, other);
	check_content(&q);
	ck_assert_int_eq(q.file_len, q.preamble.commit_len);
	queue_file_clear(&q);
	close(fd);
}

/* All that may come together. */
static const struct {
	int before;         /* recipients before the content */
	bool is_streamed;   /* content, and so placed when it comes */
	const char *bcc;    /* ordered then */
	int more;           /* recipients ordered then */
	const char *redirect;
	int n, other;       /* in the end, and at the end */
} cases[] = {
	{ 1, false, NULL, 0, NULL, 1, 0 },
	{ 1, true, NULL, 0, NULL, 1, 0 },
	{ 1000, false, NULL, 0, NULL, 1000, 0 },
	{ 1001, false, NULL, 0, NULL, 1001, 0 },
	{ 5000, false, NULL, 0, NULL, 5000, 0 },
	{ 5000, true, NULL, 0, NULL, 5000, 0 },
	{ 3, true, "c@x.example", 0, NULL, 4, 1 },
	{ 5000, false, "c@x.example", 0, NULL, 5001, 1 },
	{ 5000, true, "c@x.example", 0, NULL, 5001, 1 },
	{ 5000, true, "c@x.example", 3000, NULL, 8001, 1 },
	{ 3, true, NULL, 5000, NULL, 5003, 0 },
	{ 3, false, NULL, 5000, NULL, 5003, 0 },
	{ 900, true, NULL, 200, NULL, 1100, 0 },
	{ 5000, true, "many@x.example", 0, NULL, 6500, 1500 },
	{ 5000, false, NULL, 0, "c@x.example", 1, 1 },
	{ 5000, true, "d@x.example", 9, "c@x.example", 1, 1 },
	{ 3, true, NULL, 2000, "c@x.example", 1, 1 },
};

static void
add_ordered(int from, int to)
{
	struct ipc_rcpt r = { .orcpt = VIEW_EMPTY, .original = VIEW_EMPTY };
	char text[32];

	for (int i = from; i < to; i++) {
		snprintf(text, sizeof(text), "r%d@x.example", i);
		r.address = view_of(text);
		ipc_list_add(&message.orders.rcpts, ipc_rcpt_type(), &r);
	}
}

START_TEST(recipients_are_in_the_file_however_many_and_when)
{
	struct str conf = STR_EMPTY;

	str_add_text(&conf, "virtual_alias_expansion_limit = 2000\n"
			    "duplicate_filter_limit = 10\n"
			    "virtual_alias_maps = inline:{ {many@x.example =");
	for (int i = 0; i < 1500; i++)
		str_addf(&conf, " m%d@x.example", i);
	str_add_text(&conf, "} }\n");
	open_all(conf.ptr);
	str_clear(&conf);
	add_rcpts(0, cases[_i].before);
	if (cases[_i].is_streamed) {
		store_take_copy(&message, VIEW(CONTENT));
	} else {
		message.content = VIEW(CONTENT);
		message.content_len = (int64_t)message.content.len;
	}
	pieces_keep_rest(&message, 0);
	add_ordered(cases[_i].before, cases[_i].before + cases[_i].more);
	if (cases[_i].bcc != NULL)
		orders_add_bcc(&message.orders, view_of(cases[_i].bcc));
	if (cases[_i].redirect != NULL)
		str_set(
		    &message.orders.redirect, view_of(cases[_i].redirect));
	ck_assert(!err_is(orders_apply(&message)));
	ck_assert(!err_is(store_commit(&message)));
	check_file(cases[_i].n, cases[_i].other);
	close_all();
}
END_TEST

/* What is in the file, by the reader of queue files. */
static void
check_long_content(struct view want)
{
	struct queue_content content;
	struct queue_file q;
	struct view piece;
	char path[64];

	snprintf(path, sizeof(path), "active/%.*s",
	    VIEW_ARGS(message.submit.queue_id));
	ck_assert(!err_is(queue_file_read(&q, open(path, O_RDONLY))));
	ck_assert(!err_is(queue_file_check_body(&q, INT64_MAX)));
	queue_content_init(&content, q.fd, q.envelope.layout);
	do {
		ck_assert(!err_is(queue_content_next(&content, &piece)));
		ck_assert(view_eq(piece, view_first(want, piece.len)));
		want = view_skip(want, piece.len);
	} while (piece.len > 0);
	ck_assert_uint_eq(want.len, 0);
	queue_content_clear(&content);
	close(q.fd);
	queue_file_clear(&q);
}

/* Parts of any size, some longer than what is written at once, some so short
 * that there is place for no more of them. */
START_TEST(streamed_content_is_in_the_file_however_it_came)
{
	static const size_t most[] = { 60000, 60000, 3 * CLEANUP_WRITE_STEP,
		CLEANUP_WRITE_STEP, 9000, 100 };
	size_t len = most[_i] < 1000 ? 100000 : 5 * CLEANUP_WRITE_STEP;
	struct str text = STR_EMPTY;
	struct view rest;

	str_add_text(&text, "Subject: x\r\n\r\n");
	while (text.len < len)
		str_addf(&text, "line %zu\r\n", text.len);
	srandom((unsigned)_i);
	open_all("");
	/* With recipients before it, it begins elsewhere. */
	add_rcpts(0, _i == 1 ? 5000 : 1);
	for (rest = str_view(&text); rest.len > 0;) {
		struct view part = view_first(
		    rest, (size_t)random() % most[_i] + 1);

		store_take_content(&message, part, NULL);
		ck_assert_uint_lt(message.pending_len, CLEANUP_WRITE_STEP);
		rest = view_skip(rest, part.len);
	}
	pieces_keep_rest(&message, 0);
	ck_assert(!err_is(orders_apply(&message)));
	ck_assert(!err_is(store_commit(&message)));
	check_long_content(str_view(&text));
	close_all();
	str_clear(&text);
}
END_TEST

START_TEST(what_follows_the_content_is_one_write_for_few)
{
	open_all("");
	add_rcpts(0, 3);
	message.content = VIEW(CONTENT);
	message.content_len = (int64_t)message.content.len;
	pieces_keep_rest(&message, 0);
	ck_assert(!err_is(store_commit(&message)));
	ck_assert_uint_eq(message.end.len, 0);
	check_file(3, 0);
	close_all();
}
END_TEST

START_TEST(few_are_not_written_before_there_is_content)
{
	open_all("");
	add_rcpts(0, 1000);
	ck_assert(!message.created);
	add_rcpts(1000, 3000);
	ck_assert(message.created);
	ck_assert_uint_lt(message.rcpts.len, 2 * CLEANUP_RCPTS_STEP);
	store_cancel(&message);
	ck_assert_int_lt(access("active/4F2A000000001", F_OK), 0);
	close_all();
}
END_TEST

START_TEST(the_first_and_the_last_are_known_wherever_they_are)
{
	struct ipc_rcpt rcpt;
	struct view list;
	bool more;

	open_all("");
	add_rcpts(0, 5000);
	list = envelope_first_rcpt(&message);
	ck_assert(!err_is(ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more)));
	ck_assert(view_eq(rcpt.address, VIEW("r0@x.example")));
	list = envelope_last_rcpt(&message);
	ck_assert(!err_is(ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more)));
	ck_assert(view_eq(rcpt.address, VIEW("r4999@x.example")));
	rcpts_write(&message);
	list = envelope_last_rcpt(&message);
	ck_assert(!err_is(ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more)));
	ck_assert(view_eq(rcpt.address, VIEW("r4999@x.example")));
	store_cancel(&message);
	close_all();
}
END_TEST

/* The disk refuses: nothing more is gathered, and nothing is queued. */
START_TEST(what_cannot_be_written_ends_it)
{
	struct ipc_rcpt r = { .address = VIEW("z@x.example"),
		.original = VIEW_EMPTY,
		.orcpt = VIEW_EMPTY };

	open_all("");
	add_rcpts(0, 1000);
	message.queue = "nosuch";
	for (int i = 0; i < 1000 && !err_is(message.failure); i++) {
		struct str name = STR_EMPTY;

		str_addf(&name, "z%d@x.example", i);
		r.address = str_view(&name);
		(void)test_add_rcpt(&message, &r);
		str_clear(&name);
	}
	ck_assert(err_is(message.failure));
	r.address = VIEW("z@x.example");
	ck_assert_int_eq(
	    test_add_rcpt(&message, &r).kind, message.failure.kind);
	ck_assert(err_is(store_commit(&message)));
	close_all();
}
END_TEST

UNIT_MAIN("store",
    { recipients_are_in_the_file_however_many_and_when, ARRAY_LEN(cases) },
    { streamed_content_is_in_the_file_however_it_came, 6 },
    { what_follows_the_content_is_one_write_for_few, 1 },
    { few_are_not_written_before_there_is_content, 1 },
    { the_first_and_the_last_are_known_wherever_they_are, 1 },
    { what_cannot_be_written_ends_it, 1 })
