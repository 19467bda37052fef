/* Calls over one socket: the other side is a thread. */
#include "local/caller.h"

#include "lib/base/clock.h"
#include "lib/base/unit.h"
#include "local/wire.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CALLS = 50, STEP = 10 };

static struct caller caller;
static int theirs;
static pthread_t thread;
static int n_right, n_ended;
static struct err last;

/* Takes STEP requests, answers them from the last to the first. */
static void *
answer_backwards(void *arg)
{
	(void)arg;
	for (int i = 0; i < CALLS; i += STEP) {
		uint32_t numbers[STEP];
		char packets[STEP][8];

		for (int k = 0; k < STEP; k++) {
			int fds[WIRE_FDS_MAX];
			size_t len;

			ck_assert(!err_is(wire_receive(theirs, &numbers[k],
			    packets[k], sizeof(packets[k]), &len, fds)));
			ck_assert_uint_eq(len, 4);
			ck_assert_int_ge(fds[0], 0);
			close(fds[0]);
		}
		for (int k = STEP - 1; k >= 0; k--) {
			int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

			ck_assert(!err_is(wire_send(theirs, numbers[k],
			    view_make(packets[k], 4), &fd, 1)));
			/* An answer to nobody is passed over. */
			ck_assert(!err_is(
			    wire_send(theirs, 0, VIEW("lie"), NULL, 0)));
			close(fd);
		}
	}
	return NULL;
}

static struct err
call(const char *text, char got[static 8])
{
	struct caller_answer a = { .buf = got, .room = 8 };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct err e = caller_ask(&caller, view_of(text), &null, 1, &a,
	    deadline_in(20));

	close(null);
	if (!err_is(e)) {
		ck_assert_int_ge(a.fd, 0);
		close(a.fd);
		ck_assert_uint_eq(a.len, 4);
	}
	return e;
}

static void
call_fiber(void *arg)
{
	int me = (int)(intptr_t)arg;
	char text[8], got[8] = "";
	struct err e;

	snprintf(text, sizeof(text), "%04d", me);
	e = call(text, got);
	n_right += !err_is(e) && memcmp(text, got, 4) == 0;
	last = e;
	if (++n_ended == CALLS)
		loop_stop();
}

static void
begin(void *(*other)(void *))
{
	int pair[2];

	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	theirs = pair[1];
	caller_init(&caller);
	caller_take_socket(&caller, pair[0]);
	n_right = n_ended = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, other, NULL), 0);
}

static void
run_calls(void)
{
	loop_init();
	for (int i = 0; i < CALLS; i++)
		fiber_spawn("call", call_fiber, (void *)(intptr_t)i);
	loop_run();
	pthread_join(thread, NULL);
	caller_close(&caller);
	loop_clear();
}

START_TEST(answers_in_any_order_reach_their_calls)
{
	begin(answer_backwards);
	run_calls();
	close(theirs);
	ck_assert_int_eq(n_right, CALLS);
}
END_TEST

/* Reads a few and leaves. */
static void *
leave(void *arg)
{
	(void)arg;
	for (int k = 0; k < 3; k++) {
		int fds[WIRE_FDS_MAX];
		char packet[8];
		uint32_t number;
		size_t len;

		ck_assert(!err_is(wire_receive(
		    theirs, &number, packet, sizeof(packet), &len, fds)));
		close(fds[0]);
	}
	close(theirs);
	return NULL;
}

START_TEST(all_calls_end_when_the_other_side_leaves)
{
	begin(leave);
	run_calls();
	ck_assert_int_eq(n_right, 0);
	ck_assert_int_eq(last.kind, ERR_GONE);
	ck_assert(!caller_is_open(&caller));
}
END_TEST

static void *
answer_too_much(void *arg)
{
	int fds[WIRE_FDS_MAX];
	char packet[8];
	uint32_t number;
	size_t len;

	(void)arg;
	ck_assert(!err_is(wire_receive(
	    theirs, &number, packet, sizeof(packet), &len, fds)));
	close(fds[0]);
	ck_assert(!err_is(
	    wire_send(theirs, number, VIEW("more than eight"), NULL, 0)));
	return NULL;
}

START_TEST(an_answer_that_is_too_long_is_refused)
{
	char got[8] = "";
	struct err e;

	begin(answer_too_much);
	e = call("0000", got);
	pthread_join(thread, NULL);
	ck_assert_int_eq(e.kind, ERR_PERM);
	ck_assert_uint_eq(caller.n_calls, 0);
	caller_close(&caller);
	close(theirs);
}
END_TEST

static void
impatient(void *arg)
{
	char got[8];
	struct caller_answer a = { .buf = got, .room = sizeof(got) };

	(void)arg;
	last = caller_ask(
	    &caller, VIEW("0000"), NULL, 0, &a, deadline_in_ms(20));
	loop_stop();
}

static void *
say_nothing(void *arg)
{
	return arg;
}

START_TEST(a_call_has_its_deadline)
{
	begin(say_nothing);
	loop_init();
	fiber_spawn("impatient", impatient, NULL);
	loop_run();
	pthread_join(thread, NULL);
	ck_assert_int_eq(last.kind, ERR_TIME);
	ck_assert_uint_eq(caller.n_calls, 0);
	ck_assert(caller_is_open(&caller));
	caller_close(&caller);
	loop_clear();
	close(theirs);
}
END_TEST

UNIT_MAIN("local/caller", { answers_in_any_order_reach_their_calls, 1 },
    { all_calls_end_when_the_other_side_leaves, 1 },
    { an_answer_that_is_too_long_is_refused, 1 },
    { a_call_has_its_deadline, 1 })
