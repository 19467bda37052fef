/*
 * A server in a loop, and peers that speak to it byte by byte over a
 * socketpair: what is wrong ends that peer's connection and nothing else.
 */
#include "lib/ipc/server.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/log.h"
#include "lib/base/unit.h"
#include "lib/run/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG_MS = 20000 };

/* --- the service --- */

static struct {
	struct ipc_server server;
	size_t n_told;
	struct wait_queue gate; /* `flush` waits here */
} service;

static void
answer_rewrite(struct ipc_request *r)
{
	struct ipc_rewrite ask;
	struct ipc_rewritten answer;

	if (!ipc_request_read(r, IPC_IN(rewrite, &ask)))
		return;
	answer.address = ask.address;
	ipc_reply(r, IPC_OUT(rewritten, &answer));
}

static void
take_queued(struct ipc_request *r)
{
	struct ipc_queue_id told;
	struct ipc_result answer = { .text = VIEW("nobody asked") };

	if (!ipc_request_read(r, IPC_IN(queue_id, &told)))
		return;
	service.n_told++;
	ipc_reply(r, IPC_OUT(result, &answer));
}

static void
answer_report(struct ipc_request *r)
{
	struct ipc_report ask;
	struct ipc_result answer = { .status = 0 };
	char text[8];
	ssize_t n;

	if (!ipc_request_read(r, IPC_IN(report, &ask)))
		return;
	n = pread(ask.file, text, sizeof(text), 0);
	answer.text = view_make(text, n < 0 ? 0 : (size_t)n);
	ipc_reply(r, IPC_OUT(result, &answer));
	if (ask.file >= 0)
		close(ask.file);
}

static void
answer_dial(struct ipc_request *r)
{
	struct ipc_dialled answer = { .socket = open("/dev/null", O_RDWR) };

	ipc_reply(r, IPC_OUT(dialled, &answer));
}

static void
answer_flush(struct ipc_request *r)
{
	struct ipc_result answer = { .text = VIEW("flushed") };

	wait_queue_for(&service.gate, DEADLINE_NEVER);
	ipc_reply(r, IPC_OUT(result, &answer));
}

/* Leaves without looking at what else came. */
static void
answer_table(struct ipc_request *r)
{
	struct ipc_table_answer answer = { .status = 0 };

	wait_queue_for(&service.gate, DEADLINE_NEVER);
	ipc_reply(r, IPC_OUT(table_answer, &answer));
}

static uint32_t
add_to_sum(uint32_t sum, struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		sum = sum * 31 + (unsigned char)v.ptr[i] + 1;
	return sum;
}

static void
answer_submit(struct ipc_request *r)
{
	struct ipc_submitted answer = { .code = 0 };
	struct ipc_content content;
	struct ipc_frame *f;
	uint32_t sum = 0;

	while (!err_is(ipc_request_next(r, &f, deadline_in_ms(LONG_MS)))) {
		bool end = ipc_frame_is(f, ipc_submit_end_type());

		if (!end &&
		    !err_is(ipc_frame_read(f, IPC_IN(content, &content)))) {
			answer.code += (int64_t)content.bytes.len;
			sum = add_to_sum(sum, content.bytes);
		}
		ipc_frame_free(f);
		if (!end)
			continue;
		answer.status = sum;
		ipc_reply(r, IPC_OUT(submitted, &answer));
		return;
	}
}

static const struct ipc_handler handlers[] = {
	{ ipc_rewrite_type, answer_rewrite, IPC_INLINE },
	{ ipc_queue_id_type, take_queued, IPC_INLINE },
	{ ipc_report_type, answer_report, 0 },
	{ ipc_dial_type, answer_dial, 0 },
	{ ipc_flush_type, answer_flush, 0 },
	{ ipc_table_ask_type, answer_table, 0 },
	{ ipc_submit_type, answer_submit, 0 },
	{ NULL, NULL, 0 },
};

static bool
not_route(const struct ipc_server *s, uid_t uid, const struct ipc_type *type)
{
	(void)s, (void)uid;
	return type != ipc_dial_type();
}

/* --- a peer --- */

struct raw {
	int fd;
	struct str in;
};

static struct raw
raw_new(void)
{
	struct raw r = { .in = STR_EMPTY };
	int ends[2];

	ck_assert_int_eq(
	    socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
	    0);
	r.fd = ends[0];
	ipc_server_accept(&service.server, ends[1]);
	return r;
}

static void
raw_free(struct raw *r)
{
	io_close(r->fd);
	str_clear(&r->in);
}

static void
raw_send(struct raw *r, struct view v)
{
	struct err e = io_write_all(r->fd, v, deadline_in_ms(LONG_MS));

	ck_assert_msg(!err_is(e), "%s", e.text);
}

static void
raw_send_fds(struct raw *r, struct view v, const int *fds, size_t n)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 253)];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)v.ptr, v.len };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(sizeof(int) * n) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(h), fds, sizeof(int) * n);
	ck_assert_int_eq(sendmsg(r->fd, &m, MSG_NOSIGNAL), (ssize_t)v.len);
}

static struct str
frame_of(uint32_t number, const struct ipc_type *type, const void *message)
{
	struct str out = STR_EMPTY;
	int fd;

	ck_assert(!err_is(ipc_encode(&out, number, type, message, &fd)));
	return out;
}

static void
raw_say(struct raw *r, uint32_t number, const struct ipc_type *type,
    const void *message)
{
	struct str out = frame_of(number, type, message);

	raw_send(r, str_view(&out));
	str_clear(&out);
}

/* The next frame, hellos passed over; false at the end. */
static bool
raw_next(struct raw *r, struct ipc_frame *f)
{
	for (;;) {
		struct ipc_header *h = &f->header;
		static char bytes[65536];
		bool complete;
		size_t got = 0;
		struct err e;

		ck_assert(
		    !err_is(ipc_decode_header(str_view(&r->in), h, &complete)));
		if (complete) {
			f->bytes = STR_EMPTY;
			str_set(&f->bytes,
			    view_first(str_view(&r->in), h->frame_len));
			str_drop_front(&r->in, h->frame_len);
			ipc_decode_header(str_view(&f->bytes), h, &complete);
			f->fd = -1;
			if (!ipc_frame_is(f, ipc_hello_type()))
				return true;
			str_clear(&f->bytes);
			continue;
		}
		e = io_read(
		    r->fd, bytes, sizeof(bytes), &got, deadline_in_ms(LONG_MS));
		ck_assert_msg(
		    e.kind == ERR_NONE || e.kind == ERR_GONE, "%s", e.text);
		if (err_is(e) || got == 0)
			return false;
		str_add(&r->in, view_make(bytes, got));
	}
}

static void
check_ended(struct raw *r)
{
	struct ipc_frame f;
	bool more = raw_next(r, &f);

	ck_assert(!more);
}

static void
check_served(struct raw *r, uint32_t number)
{
	struct ipc_rewrite ask = { VIEW("local"), VIEW("a@example.org") };
	struct ipc_rewritten answer;
	struct ipc_frame f;

	raw_say(r, number, IPC_OUT(rewrite, &ask));
	ck_assert(raw_next(r, &f));
	ck_assert_uint_eq(f.header.number, number);
	ck_assert(
	    !err_is(ipc_decode(&f.header, IPC_IN(rewritten, &answer), -1)));
	ck_assert(view_eq(answer.address, ask.address));
	str_clear(&f.bytes);
}

static size_t
n_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
run_test(void *arg)
{
	void (*const *test)(void) = arg;

	(*test)();
	loop_stop();
}

/* Runs it on a fiber; afterwards nothing may be left. */
static void
in_loop(void (*test)(void))
{
	size_t before = n_descriptors();

	log_set_stderr(false);
	loop_init();
	service.n_told = 0;
	wait_queue_init(&service.gate);
	ipc_server_init(&service.server, handlers, NULL);
	service.server.may_send = not_route;
	fiber_spawn("test", run_test, &test);
	loop_run();
	ck_assert_uint_eq(service.server.n_peers, 0);
	ck_assert_uint_eq(service.server.n_open, 0);
	loop_clear();
	ck_assert_uint_eq(n_descriptors(), before);
}

/* Until the server has noticed. */
static void
wait_no_peers(void)
{
	int64_t deadline = deadline_in_ms(LONG_MS);

	while (service.server.n_peers > 0) {
		ck_assert_int_gt(deadline_left(deadline), 0);
		fiber_sleep(1);
	}
}

/* --- what is wrong --- */

#define REWRITE_HEAD "\0\0\0\1\7rewrite"

static const struct view wrong[] = {
	VIEW("garbage garbage garbage"),
	VIEW("\xff\xff\xff\xff"),
	VIEW("\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	VIEW("GET / HTTP/1.0\r\n\r\n"),
	/* undecodable attributes */
	VIEW("\0\0\0\x15\0" REWRITE_HEAD "S\4te"),
	/* nothing in it */
	VIEW("\0\0\0\x12\0" REWRITE_HEAD "\0"),
	/* a message that it does not take, one that there is not */
	VIEW("\0\0\0\x10\0\0\0\0\1\5route\0"),
	VIEW("\0\0\0\x10\0\0\0\0\1\5nouns\0"),
	/* one that this uid may not send */
	VIEW("\0\0\0\xf\0\0\0\0\1\4dial\0"),
	/* a descriptor that is missing, two of them */
	VIEW("\0\0\0\x12\1" REWRITE_HEAD "\0"),
	VIEW("\0\0\0\x12\2" REWRITE_HEAD "\0"),
};

static int row;

static void
say_wrong(void)
{
	struct raw good = raw_new(), bad = raw_new();

	check_served(&good, 1);
	raw_send(&bad, wrong[row]);
	check_ended(&bad);
	check_served(&good, 2);
	raw_free(&good);
	raw_free(&bad);
	/* And one that leaves in the middle. */
	bad = raw_new();
	raw_send(&bad, view_first(wrong[row], 3));
	raw_free(&bad);
	wait_no_peers();
}

START_TEST(wrong_bytes_end_that_connection_only)
{
	row = _i;
	in_loop(say_wrong);
}
END_TEST

static void
send_undeclared(void)
{
	struct ipc_rewrite ask = { VIEW("local"), VIEW("a") };
	struct str frame = frame_of(1, IPC_OUT(rewrite, &ask));
	struct raw r = raw_new();
	struct ipc_frame f;

	raw_send_fds(&r, str_view(&frame), &r.fd, 1);
	while (raw_next(&r, &f))
		str_clear(&f.bytes);
	raw_free(&r);
	str_clear(&frame);
	wait_no_peers();
}

START_TEST(undeclared_descriptors_are_closed_and_end_it)
{
	in_loop(send_undeclared);
}
END_TEST

/* Attack 89: half a frame, and with it what the kernel lets through. */
static void
flood_descriptors(void)
{
	struct raw r = raw_new(), good = raw_new();
	size_t before = n_descriptors();
	int fds[253];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = r.fd;
	raw_send_fds(&r, VIEW("\0"), fds, 253);
	check_ended(&r);
	/* The server's end of r. */
	ck_assert_uint_eq(n_descriptors(), before - 1);
	raw_free(&r);
	check_served(&good, 1);
	raw_free(&good);
	wait_no_peers();
}

START_TEST(attack_89_flood_of_descriptors_ends_it)
{
	in_loop(flood_descriptors);
}
END_TEST

/* A service none of whose messages has a descriptor. */
static void
send_needless(void)
{
	static const struct ipc_handler none[] = {
		{ ipc_rewrite_type, answer_rewrite, IPC_INLINE },
		{ NULL, NULL, 0 },
	};
	struct raw r;

	ipc_server_init(&service.server, none, NULL);
	r = raw_new();
	raw_send_fds(&r, VIEW("\0"), &r.fd, 1);
	check_ended(&r);
	raw_free(&r);
	wait_no_peers();
}

START_TEST(attack_89_who_expects_no_descriptor_takes_none)
{
	in_loop(send_needless);
}
END_TEST

/* --- what holds a connection --- */

static const struct view owing[] = {
	VIEW(""),
	VIEW("\0"),
	VIEW("\0\0\xff\0 the rest never comes"),
};

static void
owe(void)
{
	struct ipc_flush ask = { VIEW("all"), VIEW("") };
	struct raw bad, idle, busy;
	struct ipc_frame f;

	service.server.stall_ms = 100;
	bad = raw_new();
	idle = raw_new();
	busy = raw_new();
	raw_send(&bad, owing[row]);
	/* Who was served, or waits for us, owes nothing. */
	check_served(&idle, 1);
	raw_say(&busy, 1, IPC_OUT(flush, &ask));
	check_ended(&bad);
	fiber_sleep(300);
	check_served(&idle, 2);
	wait_queue_wake_all(&service.gate);
	ck_assert(raw_next(&busy, &f));
	str_clear(&f.bytes);
	raw_free(&bad);
	raw_free(&idle);
	raw_free(&busy);
	wait_no_peers();
}

START_TEST(attack_89_half_a_frame_holds_no_connection_for_ever)
{
	row = _i;
	in_loop(owe);
}
END_TEST

/* A frame a byte at a time moves nothing. */
static void
drip(void)
{
	struct raw r;
	char byte = 0;
	ssize_t n = 1;

	service.server.stall_ms = 200;
	r = raw_new();
	check_served(&r, 1);
	raw_send(&r, VIEW("\0\0\xff\0"));
	for (int i = 0; i < 5000 && n == 1; i++) {
		n = send(r.fd, &byte, 1, MSG_NOSIGNAL);
		fiber_sleep(5);
	}
	ck_assert_int_lt(n, 0);
	raw_free(&r);
	wait_no_peers();
}

START_TEST(attack_89_a_byte_now_and_then_is_half_a_frame)
{
	in_loop(drip);
}
END_TEST

static size_t
three(const struct ipc_server *s, uid_t uid)
{
	(void)s, (void)uid;
	return 3;
}

static void
connect_often(void)
{
	struct raw r[3], more;

	service.server.most_of = three;
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = raw_new();
	for (int i = 0; i < 5; i++) {
		more = raw_new();
		check_ended(&more);
		raw_free(&more);
	}
	check_served(&r[2], 1);
	raw_free(&r[0]);
	while (service.server.n_peers > 2)
		fiber_sleep(1);
	r[0] = raw_new();
	check_served(&r[0], 1);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		raw_free(&r[i]);
	wait_no_peers();
}

START_TEST(attack_89_one_uid_has_only_so_many_connections)
{
	in_loop(connect_often);
}
END_TEST

static void
pass_descriptor(void)
{
	struct ipc_report ask = { .file = -1, .queue_id = VIEW("A") };
	struct ipc_result answer;
	struct str frame;
	struct ipc_frame f;
	struct raw r = raw_new();
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ask.file = open("/proc/self/comm", O_RDONLY);
	frame = frame_of(5, IPC_OUT(report, &ask));
	raw_send_fds(&r, str_view(&frame), &ask.file, 1);
	ck_assert(raw_next(&r, &f));
	ck_assert(!err_is(ipc_decode(&f.header, IPC_IN(result, &answer), -1)));
	ck_assert_uint_gt(answer.text.len, 0);
	str_clear(&f.bytes);
	str_clear(&frame);
	close(ask.file);
	close(ends[0]);
	close(ends[1]);
	raw_free(&r);
	wait_no_peers();
}

START_TEST(declared_descriptor_arrives)
{
	in_loop(pass_descriptor);
}
END_TEST

/* --- what is hard --- */

static void
tell_and_leave(void)
{
	struct ipc_queue_id told = { VIEW("ABCDEF") };
	struct raw r = raw_new();
	struct str frame = frame_of(0, IPC_OUT(queue_id, &told));

	for (int i = 0; i < 500; i++)
		raw_send(&r, str_view(&frame));
	raw_free(&r);
	str_clear(&frame);
	wait_no_peers();
	ck_assert_uint_eq(service.n_told, 500);
}

START_TEST(what_was_told_before_leaving_counts)
{
	in_loop(tell_and_leave);
}
END_TEST

static void
tell_while_full(void)
{
	struct ipc_flush ask = { VIEW("all"), VIEW("") };
	struct ipc_queue_id told = { VIEW("ABCDEF") };
	struct raw r = raw_new();

	for (uint32_t i = 1; i <= IPC_OPEN_MAX; i++)
		raw_say(&r, i, IPC_OUT(flush, &ask));
	for (int i = 0; i < 100; i++)
		raw_say(&r, 0, IPC_OUT(queue_id, &told));
	raw_free(&r);
	fiber_sleep(20);
	ck_assert_uint_eq(service.server.n_open, IPC_OPEN_MAX);
	ck_assert_uint_eq(service.n_told, 0);
	wait_queue_wake_all(&service.gate);
	wait_no_peers();
	ck_assert_uint_eq(service.n_told, 100);
}

START_TEST(what_was_told_counts_though_nothing_could_be_read)
{
	in_loop(tell_while_full);
}
END_TEST

static void
ask_without_reading(void)
{
	struct str big = STR_EMPTY, frame;
	struct ipc_rewrite ask = { VIEW("local"), VIEW_EMPTY };
	struct raw r = raw_new(), good = raw_new();
	size_t sent = 0, at = 0, answers = 0;
	struct ipc_frame f;

	str_reserve(&big, 60000);
	memset(big.ptr, 'x', 60000);
	str_grew(&big, 60000);
	ask.address = str_view(&big);
	frame = frame_of(7, IPC_OUT(rewrite, &ask));
	for (;;) {
		ssize_t n =
		    send(r.fd, frame.ptr + at, frame.len - at, MSG_NOSIGNAL);

		if (n < 0) {
			ck_assert_int_eq(errno, EAGAIN);
			if (err_is(
				io_wait(r.fd, IO_WRITE, deadline_in_ms(200))))
				break;
			continue;
		}
		at += (size_t)n;
		if (at == frame.len) {
			at = 0;
			sent++;
			ck_assert_uint_lt(sent, 1000);
		}
	}
	check_served(&good, 1);
	while (answers < sent && raw_next(&r, &f)) {
		str_clear(&f.bytes);
		answers++;
	}
	ck_assert_uint_eq(answers, sent);
	raw_free(&good);
	raw_free(&r);
	str_clear(&frame);
	str_clear(&big);
	wait_no_peers();
}

START_TEST(peer_that_only_asks_is_read_no_further)
{
	in_loop(ask_without_reading);
}
END_TEST

static void
fill_inbox(void)
{
	struct ipc_table_ask ask = { VIEW("hash:x"), VIEW("key") };
	struct raw r = raw_new();
	struct ipc_frame f;

	for (int i = 0; i < IPC_INBOX_MAX + 1; i++)
		raw_say(&r, 3, IPC_OUT(table_ask, &ask));
	fiber_sleep(20);
	wait_queue_wake_all(&service.gate);
	ck_assert(raw_next(&r, &f));
	str_clear(&f.bytes);
	check_served(&r, 4);
	raw_free(&r);
	wait_no_peers();
}

/* Frames for questions that do not read them: a bounded number for all. */
static void
fill_inboxes(void)
{
	struct ipc_table_ask ask = { VIEW("hash:x"), VIEW("key") };
	struct raw r = raw_new();

	for (uint32_t i = 1; i <= 10; i++)
		raw_say(&r, i, IPC_OUT(table_ask, &ask));
	fiber_sleep(20);
	for (uint32_t i = 0; i < 4 * IPC_INBOX_MAX; i++)
		raw_say(&r, 1 + i % 10, IPC_OUT(table_ask, &ask));
	/* Too much to read: it is paused. */
	raw_say(&r, 11, IPC_OUT(table_ask, &ask));
	fiber_sleep(20);
	ck_assert_uint_eq(service.server.n_open, 10);
	raw_free(&r);
	for (int i = 0; i < 100; i++) {
		wait_queue_wake_all(&service.gate);
		fiber_sleep(1);
	}
	wait_no_peers();
}

START_TEST(attack_89_unread_frames_of_a_connection_are_few)
{
	in_loop(fill_inboxes);
}
END_TEST

START_TEST(question_that_leaves_its_inbox_full_stops_nobody)
{
	in_loop(fill_inbox);
}
END_TEST

static void
submit_two(void)
{
	struct ipc_submit submit = { .content = VIEW("") };
	struct ipc_content content = { VIEW("0123456789") };
	struct ipc_submit_end end = { .commit = 1 };
	struct ipc_submitted answer;
	struct raw r = raw_new();
	struct ipc_frame f;

	raw_say(&r, 1, IPC_OUT(submit, &submit));
	raw_say(&r, 2, IPC_OUT(submit, &submit));
	for (int i = 0; i < 100; i++)
		raw_say(&r, i % 4 == 0 ? 2 : 1, IPC_OUT(content, &content));
	check_served(&r, 9);
	raw_say(&r, 2, IPC_OUT(submit_end, &end));
	ck_assert(raw_next(&r, &f));
	ck_assert_uint_eq(f.header.number, 2);
	ck_assert(
	    !err_is(ipc_decode(&f.header, IPC_IN(submitted, &answer), -1)));
	ck_assert_int_eq(answer.code, 250);
	str_clear(&f.bytes);
	raw_say(&r, 1, IPC_OUT(submit_end, &end));
	ck_assert(raw_next(&r, &f));
	ck_assert(
	    !err_is(ipc_decode(&f.header, IPC_IN(submitted, &answer), -1)));
	ck_assert_int_eq(answer.code, 750);
	str_clear(&f.bytes);
	/* One that leaves in mid-conversation. */
	raw_say(&r, 5, IPC_OUT(submit, &submit));
	raw_free(&r);
	wait_no_peers();
}

START_TEST(conversations_share_a_connection)
{
	in_loop(submit_two);
}
END_TEST

/* Content in frames of these sizes... */
static const size_t sizes[] = { 3, 65000, 16384, 16300, 0, 20, 40000, 40001,
	65400, 65400, 65400, 1, 30000, 65450, 5 };

/* ...that come in steps of so many bytes; 0: as a connection sends them. */
static const size_t steps[] = { 0, 1 << 20, 65536, 64, 4097, 70001 };

static size_t step;

static void
keep_answer(struct ipc_conn *c, struct ipc_frame *f)
{
	if (ipc_frame_is(f, ipc_submitted_type()))
		str_set(c->owner, str_view(&f->bytes));
	ipc_frame_free(f);
}

static void
ignore_end(struct ipc_conn *c, struct err why)
{
	(void)c, (void)why;
}

static void
send_in_steps(struct raw *r, const struct str *all)
{
	for (size_t at = 0; at < all->len; at += step) {
		raw_send(r, view_sub(str_view(all), at, step));
		if (step > 4096)
			fiber_sleep(1);
	}
}

static void
submit_large(void)
{
	static const struct ipc_conn_events events = { keep_answer,
		ignore_end };
	struct ipc_submit submit = { .whole = 0 };
	struct ipc_submit_end end = { .commit = 1 };
	struct ipc_submitted answer;
	struct str bytes = STR_EMPTY, all = STR_EMPTY, said = STR_EMPTY;
	struct raw r = raw_new();
	struct ipc_conn *c =
	    step == 0 ? ipc_conn_new(dup(r.fd), &events, &said) : NULL;
	struct ipc_frame f = { .bytes = STR_EMPTY };
	uint32_t sum = 0;
	int64_t len = 0;
	bool complete;
	int fd;

	for (int i = 0; i < 65536; i++)
		str_add_byte(&bytes, (char)(i * 7 + i / 256));
#define SAY(type, message)                                                 \
	(c != NULL ? ipc_conn_send(c, 7, IPC_OUT(type, message)) :         \
			   ipc_encode(&all, 7, IPC_OUT(type, message), &fd))
	ck_assert(!err_is(SAY(submit, &submit)));
	for (int turn = 0; turn < 5; turn++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			struct ipc_content content = { view_first(
			    str_view(&bytes), sizes[i]) };

			ck_assert(!err_is(SAY(content, &content)));
			sum = add_to_sum(sum, content.bytes);
			len += (int64_t)sizes[i];
			if (c != NULL && i % 4 == 0)
				ck_assert(!err_is(ipc_conn_wait_unsent(
				    c, 1000, deadline_in_ms(LONG_MS))));
		}
	ck_assert(!err_is(SAY(submit_end, &end)));
#undef SAY
	if (c == NULL) {
		send_in_steps(&r, &all);
		ck_assert(raw_next(&r, &f));
	} else {
		while (said.len == 0)
			fiber_sleep(1);
		f.bytes = said;
	}
	ck_assert(
	    !err_is(ipc_decode_header(str_view(&f.bytes), &f.header, &complete)));
	ck_assert(
	    !err_is(ipc_decode(&f.header, IPC_IN(submitted, &answer), -1)));
	ck_assert_int_eq(answer.code, len);
	ck_assert_int_eq(answer.status, sum);
	str_clear(&f.bytes);
	str_clear(&bytes);
	str_clear(&all);
	ipc_conn_free(c);
	raw_free(&r);
	wait_no_peers();
}

START_TEST(large_frames_arrive_whole_in_whatever_steps)
{
	step = steps[_i];
	in_loop(submit_large);
}
END_TEST

static void
drain_with_open(void)
{
	struct ipc_flush ask = { VIEW("all"), VIEW("") };
	struct raw busy = raw_new(), idle = raw_new();
	struct ipc_frame f;

	raw_say(&busy, 1, IPC_OUT(flush, &ask));
	fiber_sleep(10);
	ipc_server_drain(&service.server);
	check_ended(&idle);
	wait_queue_wake_all(&service.gate);
	ck_assert(raw_next(&busy, &f));
	ck_assert(ipc_frame_is(&f, ipc_result_type()));
	str_clear(&f.bytes);
	check_ended(&busy);
	wait_no_peers();
	raw_free(&busy);
	raw_free(&idle);
}

START_TEST(last_answers_are_sent_when_the_server_drains)
{
	in_loop(drain_with_open);
}
END_TEST

static void
half_close(void)
{
	struct ipc_flush ask = { VIEW("all"), VIEW("") };
	struct raw r = raw_new(), good = raw_new();

	raw_say(&r, 1, IPC_OUT(flush, &ask));
	shutdown(r.fd, SHUT_WR);
	fiber_sleep(10);
	shutdown(r.fd, SHUT_RD);
	wait_queue_wake_all(&service.gate);
	check_served(&good, 1);
	raw_free(&r);
	raw_free(&good);
	wait_no_peers();
}

START_TEST(half_closed_peer_is_gone)
{
	in_loop(half_close);
}
END_TEST

static bool
nobody(const struct ipc_server *s, uid_t uid)
{
	(void)s, (void)uid;
	return false;
}

static void
connect_forbidden(void)
{
	struct raw r;

	service.server.may_connect = nobody;
	r = raw_new();
	check_ended(&r);
	raw_free(&r);
}

START_TEST(uid_that_may_not_connect_is_not_served)
{
	in_loop(connect_forbidden);
}
END_TEST

UNIT_MAIN("ipc server",
    { wrong_bytes_end_that_connection_only, (int)ARRAY_LEN(wrong) },
    { undeclared_descriptors_are_closed_and_end_it, 1 },
    { attack_89_flood_of_descriptors_ends_it, 1 },
    { attack_89_who_expects_no_descriptor_takes_none, 1 },
    { attack_89_half_a_frame_holds_no_connection_for_ever,
	(int)ARRAY_LEN(owing) },
    { attack_89_a_byte_now_and_then_is_half_a_frame, 1 },
    { attack_89_one_uid_has_only_so_many_connections, 1 },
    { attack_89_unread_frames_of_a_connection_are_few, 1 },
    { declared_descriptor_arrives, 1 },
    { what_was_told_before_leaving_counts, 1 },
    { what_was_told_counts_though_nothing_could_be_read, 1 },
    { peer_that_only_asks_is_read_no_further, 1 },
    { question_that_leaves_its_inbox_full_stops_nobody, 1 },
    { conversations_share_a_connection, 1 },
    { large_frames_arrive_whole_in_whatever_steps, ARRAY_LEN(steps) },
    { last_answers_are_sent_when_the_server_drains, 1 },
    { half_closed_peer_is_gone, 1 },
    { uid_that_may_not_connect_is_not_served, 1 })
