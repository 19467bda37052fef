/*
 * Questions to a server: in one loop with it, and from a process without a
 * loop to one that was forked.  Servers that leave, come back, say what was
 * not asked, or say nothing.
 */
#include "lib/ipc/client.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/ipc/server.h"
#include "lib/run/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG_MS = 20000 };

static char path[64];
static struct ipc_service service;

static struct {
	struct ipc_server server;
	struct loop_listener listener;
	struct wait_queue gate;
	size_t n_told, n_asked;
	int refuse_next; /* connections that end at the first question */
	int raw;	 /* the last connection that is not served */
} there;

/* --- the server --- */

static void
answer_rewrite(struct ipc_request *r)
{
	struct ipc_rewrite ask;
	struct ipc_rewritten answer;

	there.n_asked++;
	if (!ipc_request_read(r, IPC_IN(rewrite, &ask)))
		return;
	answer.address = ask.address;
	ipc_reply(r, IPC_OUT(rewritten, &answer));
}

static void
answer_slowly(struct ipc_request *r)
{
	struct ipc_result answer = { .text = VIEW("late") };

	wait_queue_for(&there.gate, DEADLINE_NEVER);
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
	close(ask.file);
}

static void
answer_dial(struct ipc_request *r)
{
	struct ipc_dialled answer = { .socket = open("/dev/null", O_RDWR) };

	ipc_reply(r, IPC_OUT(dialled, &answer));
}

static void
take_told(struct ipc_request *r)
{
	(void)r;
	there.n_told++;
}

static void
tell_count(struct ipc_request *r)
{
	struct ipc_anvil_count answer = { .count = (int64_t)there.n_told };

	ipc_reply(r, IPC_OUT(anvil_count, &answer));
}

/* Says at once what becomes of it if the content begins with '!'. */
static void
answer_submit(struct ipc_request *r)
{
	struct ipc_submitted answer = { .code = 0 };
	struct ipc_content content;
	struct ipc_frame *f;
	bool end = false, early = false;

	while (
	    !end && !err_is(ipc_request_next(r, &f, deadline_in_ms(LONG_MS)))) {
		end = ipc_frame_is(f, ipc_submit_end_type());
		if (!end &&
		    !err_is(ipc_frame_read(f, IPC_IN(content, &content)))) {
			answer.code += (int64_t)content.bytes.len;
			if (content.bytes.ptr[0] == '!' && !early) {
				early = true;
				ipc_reply(r, IPC_OUT(submitted, &answer));
			}
		}
		ipc_frame_free(f);
	}
	if (end && !early)
		ipc_reply(r, IPC_OUT(submitted, &answer));
}

static const struct ipc_handler handlers[] = {
	{ ipc_rewrite_type, answer_rewrite, IPC_INLINE },
	{ ipc_flush_type, answer_slowly, 0 },
	{ ipc_report_type, answer_report, IPC_INLINE },
	{ ipc_dial_type, answer_dial, IPC_INLINE },
	{ ipc_queue_id_type, take_told, IPC_INLINE },
	{ ipc_anvil_type, tell_count, IPC_INLINE },
	{ ipc_submit_type, answer_submit, 0 },
	{ NULL, NULL, 0 },
};

static int
listen_there(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, path, sizeof(path));
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 10), 0);
	return fd;
}

static void
on_client(struct loop_listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (there.refuse_next > 0) {
		there.refuse_next--;
		close(fd);
	} else if (there.raw == 0) {
		there.raw = fd;
	} else {
		ipc_server_accept(&there.server, fd);
	}
}

static void
run_test(void *arg)
{
	void (*const *test)(void) = arg;

	(*test)();
	ipc_service_clear(&service);
	while (there.server.n_peers > 0)
		fiber_sleep(1);
	loop_stop();
}

static void
in_loop(void (*test)(void))
{
	log_set_stderr(false);
	snprintf(
	    path, sizeof(path), "/tmp/ipc-client-test.%ld", (long)getpid());
	loop_init();
	there.raw = -1;
	there.n_asked = there.n_told = 0;
	wait_queue_init(&there.gate);
	ipc_server_init(&there.server, handlers, NULL);
	there.listener =
	    (struct loop_listener){ .fd = listen_there(), .ready = on_client };
	loop_add_listener(&there.listener);
	ipc_service_init(&service, path);
	fiber_spawn("test", run_test, &test);
	loop_run();
	loop_remove_listener(&there.listener);
	close(there.listener.fd);
	unlink(path);
	loop_clear();
}

/* --- the asking side --- */

static struct err
ask_rewrite(const char *address)
{
	struct ipc_rewrite ask = { VIEW("local"), view_of(address) };
	struct ipc_rewritten answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call(&service, IPC_OUT(rewrite, &ask),
	    IPC_IN(rewritten, &answer), &keep, deadline_in_ms(LONG_MS));

	if (!err_is(e))
		ck_assert(view_eq(answer.address, ask.address));
	ipc_keep_clear(&keep);
	return e;
}

static void
check_answers(void)
{
	struct err e = ask_rewrite("a@example.org");

	ck_assert_msg(!err_is(e), "%s", e.text);
}

static struct err
ask_slow(int64_t ms)
{
	struct ipc_flush ask = { VIEW("all"), VIEW("") };
	struct ipc_result answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call_once(&service, IPC_OUT(flush, &ask),
	    IPC_IN(result, &answer), &keep, deadline_in_ms(ms));

	ipc_keep_clear(&keep);
	return e;
}

static size_t n_left;

static void
many_main(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		check_answers();
	n_left--;
}

static void
ask_many(void)
{
	there.server.hello.processes = 4;
	n_left = 100;
	for (int i = 0; i < 100; i++)
		fiber_spawn("asker", many_main, NULL);
	while (n_left > 0)
		fiber_sleep(1);
	ck_assert_uint_ge(service.n_links, 1);
	ck_assert_uint_le(service.n_links, 4);
	ck_assert_uint_eq(there.n_asked, 2000);
}

START_TEST(many_fibers_share_few_connections)
{
	in_loop(ask_many);
}
END_TEST

static void
answer_late(void)
{
	struct err e = ask_slow(20);

	ck_assert_int_eq(e.kind, ERR_TIME);
	wait_queue_wake_all(&there.gate);
	fiber_sleep(20);
	/* Nobody waits for that answer, and it harms nobody. */
	ck_assert_uint_eq(service.n_links, 1);
	check_answers();
	ck_assert_uint_eq(service.n_links, 1);
}

START_TEST(late_answer_is_passed_over)
{
	in_loop(answer_late);
}
END_TEST

static void
lose_connection(void)
{
	struct err e;

	/* Both are asked, and lost, before the third connection. */
	there.refuse_next = 1;
	check_answers();
	there.refuse_next = 2;
	ipc_service_clear(&service);
	e = ask_rewrite("a");
	ck_assert_int_eq(e.kind, ERR_GONE);
	check_answers();
}

START_TEST(question_is_asked_once_more_if_the_connection_is_lost)
{
	in_loop(lose_connection);
}
END_TEST

/* A connection that says nothing, though others would. */
static void
ask_the_mute(void)
{
	struct err e;

	there.raw = 0;
	e = ask_slow(20);
	ck_assert_int_eq(e.kind, ERR_TIME);
	fiber_sleep(1);
	check_answers();
	close(there.raw);
}

START_TEST(connection_that_is_silent_is_given_up)
{
	in_loop(ask_the_mute);
}
END_TEST

/* A server that does not read: who tells it something neither waits nor keeps
 * all of it, and who asks waits no longer than he wanted to. */
static void
tell_the_deaf(void)
{
	static char text[32768];
	struct ipc_content content = { view_make(text, sizeof(text)) };
	struct err e = ERR_OK;
	size_t n = 0;

	there.raw = 0;
	while (n < 1000 && !err_is(e)) {
		e = ipc_tell(&service, IPC_OUT(content, &content),
		    deadline_in_ms(LONG_MS));
		n++;
		fiber_yield();
	}
	ck_assert_int_eq(e.kind, ERR_TEMP);
	/* IPC_OUT_MAX, and what the socket takes. */
	ck_assert_uint_lt(n * sizeof(text), 8 * IPC_OUT_MAX);
	e = ask_slow(20);
	ck_assert_int_eq(e.kind, ERR_TIME);
	close(there.raw);
}

START_TEST(server_that_does_not_read_is_not_told_without_bound)
{
	in_loop(tell_the_deaf);
}
END_TEST

/* Another kind of message, with the number of the question. */
static void
answer_wrongly(void *arg)
{
	static const char frame[] = "\0\0\0\x12\0\0\0\0\x01\x07"
				    "nonsens";
	char question[256];

	(void)arg;
	while (there.raw == 0 ||
	    recv(there.raw, question, sizeof(question), 0) <= 0)
		fiber_sleep(1);
	ck_assert_int_eq(write(there.raw, frame, sizeof(frame)),
	    (ssize_t)sizeof(frame));
}

static void
hear_another_answer(void)
{
	struct err e;

	there.raw = 0;
	fiber_spawn("liar", answer_wrongly, NULL);
	e = ask_slow(LONG_MS);
	ck_assert_int_eq(e.kind, ERR_TEMP);
	close(there.raw);
}

START_TEST(answer_that_is_none_is_no_refusal)
{
	in_loop(hear_another_answer);
}
END_TEST

static void
slow_main(void *arg)
{
	*(struct err *)arg = ask_slow(LONG_MS);
	n_left--;
}

/* A server that takes questions and then leaves, or says nonsense. */
static struct view nonsense;

static void
hear_nonsense(void)
{
	struct err e[5];
	static char text[4096];

	there.raw = 0;
	n_left = ARRAY_LEN(e);
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		fiber_spawn("slow", slow_main, &e[i]);
	while (there.raw == 0)
		fiber_sleep(1);
	fiber_sleep(5);
	ck_assert_int_gt(read(there.raw, text, sizeof(text)), 0);
	if (nonsense.len > 0)
		ck_assert_int_eq(write(there.raw, nonsense.ptr, nonsense.len),
		    (ssize_t)nonsense.len);
	else
		close(there.raw);
	while (n_left > 0)
		fiber_sleep(1);
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		ck_assert(err_is(e[i]) && e[i].kind != ERR_TIME);
	if (nonsense.len > 0)
		close(there.raw);
	check_answers();
}

static const struct view nonsenses[] = {
	VIEW(""),
	VIEW("garbage"),
	VIEW("\xff\xff\xff\xff"),
	/* an answer to no question */
	VIEW("\0\0\0\x11\0\x7f\0\0\1\6result\0"),
};

START_TEST(all_questions_fail_when_the_server_goes)
{
	nonsense = nonsenses[_i];
	in_loop(hear_nonsense);
}
END_TEST

static void
pass_descriptors(void)
{
	struct ipc_report report = { .queue_id = VIEW("A") };
	struct ipc_dial dial = { .endpoint = VIEW("unix:/x") };
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_dialled dialled;
	struct ipc_result result;

	for (int i = 0; i < 20; i++) {
		/* The second time by the connection after a lost one. */
		there.refuse_next = i % 2;
		if (there.refuse_next > 0)
			ipc_service_clear(&service);
		report.file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
		ck_assert(!err_is(ipc_call(&service, IPC_OUT(report, &report),
		    IPC_IN(result, &result), &keep, deadline_in_ms(LONG_MS))));
		ck_assert_uint_gt(result.text.len, 0);
		ck_assert(!err_is(ipc_call(&service, IPC_OUT(dial, &dial),
		    IPC_IN(dialled, &dialled), &keep,
		    deadline_in_ms(LONG_MS))));
		ck_assert_int_ge(dialled.socket, 0);
		ck_assert_int_eq(fcntl(dialled.socket, F_GETFD), FD_CLOEXEC);
		close(dialled.socket);
	}
	ipc_keep_clear(&keep);
	/* Nothing is left open: the next number is low. */
	report.file = open("/dev/null", O_RDONLY);
	ck_assert_int_lt(report.file, 300);
	close(report.file);
}

START_TEST(descriptors_go_both_ways_and_survive_a_lost_connection)
{
	in_loop(pass_descriptors);
}
END_TEST

static void
no_server(void)
{
	struct ipc_report report = { .queue_id = VIEW("A") };
	struct ipc_result result;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e;

	unlink(path);
	ck_assert_int_eq(ask_rewrite("a").kind, ERR_TEMP);
	report.file = open("/dev/null", O_RDONLY);
	e = ipc_call(&service, IPC_OUT(report, &report),
	    IPC_IN(result, &result), &keep, deadline_in_ms(LONG_MS));
	ck_assert_int_eq(e.kind, ERR_TEMP);
	/* The descriptor was the call's. */
	ck_assert_int_eq(fcntl(report.file, F_GETFD), -1);
}

START_TEST(no_server_is_a_temporary_error)
{
	in_loop(no_server);
}
END_TEST

static void
submit(struct view content, int n, int64_t code)
{
	struct ipc_talk t;
	struct ipc_submit ask = { .content = VIEW("") };
	struct ipc_content more = { content };
	struct ipc_submit_end end = { .commit = 1 };
	struct ipc_submitted answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	int64_t deadline = deadline_in_ms(LONG_MS);
	struct err e = ipc_talk_begin(&service, &t, deadline);

	ck_assert_msg(!err_is(e), "%s", e.text);
	e = ipc_talk_send(&t, IPC_OUT(submit, &ask), deadline);
	for (int i = 0; i < n && !err_is(e); i++) {
		e = ipc_talk_send(&t, IPC_OUT(content, &more), deadline);
		if (i == 0)
			fiber_sleep(10);
	}
	if (!err_is(e))
		e = ipc_talk_send(&t, IPC_OUT(submit_end, &end), deadline);
	if (!err_is(e))
		e = ipc_talk_answer(
		    &t, IPC_IN(submitted, &answer), &keep, deadline);
	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert_int_eq(answer.code, code);
	ipc_keep_clear(&keep);
	ipc_talk_end(&t);
}

static char big[50000];

static void
talk(void)
{
	struct ipc_talk t;

	memset(big, 'x', sizeof(big));
	submit(VIEW("abc"), 3, 9);
	ck_assert_uint_eq(service.n_idle_talks, 1);
	submit(view_make(big, sizeof(big)), 100, 5000000);
	ck_assert_uint_eq(service.n_idle_talks, 1);
	/* An answer before the end of the question. */
	submit(VIEW("!bc"), 3, 3);
	submit(VIEW("abc"), 1, 3);
	/* Begun and left. */
	ck_assert(!err_is(ipc_talk_begin(&service, &t, DEADLINE_NEVER)));
	ipc_talk_end(&t);
	ck_assert_uint_eq(service.n_idle_talks, 1);
	/* An idle one whose server has left is not used. */
	ipc_server_drain(&there.server);
	fiber_sleep(10);
	there.server.draining = false;
	submit(VIEW("abc"), 1, 3);
}

START_TEST(conversation_has_its_own_connection)
{
	in_loop(talk);
}
END_TEST

static void
cancelled_main(void *arg)
{
	(void)arg;
	ck_assert_int_eq(ask_slow(LONG_MS).kind, ERR_GONE);
	n_left--;
}

static void
cancel(void)
{
	struct fiber *f;

	n_left = 1;
	f = fiber_spawn("cancelled", cancelled_main, NULL);
	fiber_sleep(10);
	fiber_cancel(f);
	while (n_left > 0)
		fiber_sleep(1);
	wait_queue_wake_all(&there.gate);
	check_answers();
}

START_TEST(cancelled_fiber_leaves_its_question)
{
	in_loop(cancel);
}
END_TEST

/* --- without a loop --- */

static void
count_told(int64_t n)
{
	struct ipc_anvil ask = { VIEW(""), VIEW(""), VIEW("") };
	struct ipc_anvil_count answer = { 0 };
	struct ipc_keep keep = IPC_KEEP_EMPTY;

	ck_assert(!err_is(ipc_call(&service, IPC_OUT(anvil, &ask),
	    IPC_IN(anvil_count, &answer), &keep, deadline_in_ms(LONG_MS))));
	ck_assert_int_eq(answer.count, n);
	ipc_keep_clear(&keep);
}

/* Serves `n` connections, one after the other. */
static pid_t
fork_server(int n)
{
	int listener = listen_there();
	pid_t pid = fork();

	if (pid != 0) {
		close(listener);
		return pid;
	}
	log_set_stderr(false);
	ipc_server_init(&there.server, handlers, NULL);
	for (int i = 0; i < n; i++) {
		struct pollfd p = { listener, POLLIN, 0 };
		int fd;

		poll(&p, 1, LONG_MS);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			_exit(1);
		ipc_serve_plain(&there.server, fd);
	}
	_exit(0);
}

static void
check_left(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(same_calls_block_without_a_loop)
{
	struct ipc_queue_id told = { VIEW("ABC") };
	struct ipc_report report = { .queue_id = VIEW("A") };
	struct ipc_result result;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	pid_t pid;

	snprintf(
	    path, sizeof(path), "/tmp/ipc-client-test.%ld", (long)getpid());
	pid = fork_server(3);
	ipc_service_init(&service, path);
	check_answers();
	report.file = open("/proc/self/comm", O_RDONLY);
	ck_assert(!err_is(ipc_call(&service, IPC_OUT(report, &report),
	    IPC_IN(result, &result), &keep, deadline_in_ms(LONG_MS))));
	ck_assert_uint_gt(result.text.len, 0);
	ipc_keep_clear(&keep);
	ipc_service_clear(&service);
	memset(big, 'x', sizeof(big));
	submit(view_make(big, sizeof(big)), 100, 5000000);
	submit(VIEW("abc"), 2, 6);
	ipc_service_clear(&service);
	/* What is told has left, whatever comes. */
	for (int i = 0; i < 100; i++)
		ck_assert(!err_is(ipc_tell(&service, IPC_OUT(queue_id, &told),
		    deadline_in_ms(LONG_MS))));
	count_told(100);
	ipc_service_clear(&service);
	check_left(pid);
	ck_assert_int_eq(ask_rewrite("a").kind, ERR_TEMP);
	unlink(path);
}
END_TEST

START_TEST(told_without_a_loop_arrives_though_the_teller_leaves)
{
	struct ipc_queue_id told = { VIEW("ABC") };
	pid_t pid;

	snprintf(
	    path, sizeof(path), "/tmp/ipc-client-test.%ld", (long)getpid());
	pid = fork_server(2);
	ipc_service_init(&service, path);
	for (int i = 0; i < 10; i++)
		ck_assert(!err_is(ipc_tell(&service, IPC_OUT(queue_id, &told),
		    deadline_in_ms(LONG_MS))));
	ipc_service_clear(&service);
	count_told(10);
	ipc_service_clear(&service);
	check_left(pid);
	unlink(path);
}
END_TEST

START_TEST(killed_server_is_asked_again_without_a_loop)
{
	pid_t pid;

	snprintf(
	    path, sizeof(path), "/tmp/ipc-client-test.%ld", (long)getpid());
	pid = fork_server(1);
	ipc_service_init(&service, path);
	check_answers();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = fork_server(2);
	check_answers();
	ipc_service_clear(&service);
	submit(VIEW("abc"), 2, 6);
	ipc_service_clear(&service);
	check_left(pid);
	unlink(path);
}
END_TEST

UNIT_MAIN("ipc client", { many_fibers_share_few_connections, 1 },
    { late_answer_is_passed_over, 1 },
    { question_is_asked_once_more_if_the_connection_is_lost, 1 },
    { connection_that_is_silent_is_given_up, 1 },
    { server_that_does_not_read_is_not_told_without_bound, 1 },
    { answer_that_is_none_is_no_refusal, 1 },
    { all_questions_fail_when_the_server_goes, (int)ARRAY_LEN(nonsenses) },
    { descriptors_go_both_ways_and_survive_a_lost_connection, 1 },
    { no_server_is_a_temporary_error, 1 },
    { conversation_has_its_own_connection, 1 },
    { cancelled_fiber_leaves_its_question, 1 },
    { same_calls_block_without_a_loop, 1 },
    { told_without_a_loop_arrives_though_the_teller_leaves, 1 },
    { killed_server_is_asked_again_without_a_loop, 1 })
