/* Waiting for descriptors, each test on a fiber and without a loop. */
#include "lib/run/io.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/unit.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/un.h>
#include <unistd.h>

enum { ON_FIBER, PLAIN, WAYS, LONG_MS = 20000, SHORT_MS = 20 };

static void
run_test(void *arg)
{
	void (*const *test)(void) = arg;

	(*test)();
	loop_stop();
}

static void
in_way(int way, void (*test)(void))
{
	if (way == PLAIN) {
		test();
		return;
	}
	loop_init();
	fiber_spawn("test", run_test, &test);
	loop_run();
	ck_assert_uint_eq(fiber_count(), 0);
	loop_clear();
}

static int ends[2];

static void
open_pair(void)
{
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}

static void
close_pair(void)
{
	io_close(ends[0]);
	io_close(ends[1]);
	io_close(-1);
}

static void
read_something(void)
{
	char text[100];
	size_t got;

	open_pair();
	ck_assert_int_eq(
	    io_read(ends[0], text, sizeof(text), &got, deadline_in_ms(SHORT_MS))
		.kind,
	    ERR_TIME);
	ck_assert_int_eq(write(ends[1], "abc", 3), 3);
	ck_assert(!err_is(io_read(
	    ends[0], text, sizeof(text), &got, deadline_in_ms(LONG_MS))));
	ck_assert_uint_eq(got, 3);
	/* Data and the end at once: both must come. */
	ck_assert_int_eq(write(ends[1], "de", 2), 2);
	shutdown(ends[1], SHUT_WR);
	ck_assert(
	    !err_is(io_read(ends[0], text, 2, &got, deadline_in_ms(LONG_MS))));
	ck_assert_uint_eq(got, 2);
	ck_assert(
	    !err_is(io_read(ends[0], text, 2, &got, deadline_in_ms(LONG_MS))));
	ck_assert_uint_eq(got, 0);
	ck_assert(!err_is(io_wait(ends[0], IO_READ, deadline_in_ms(LONG_MS))));
	close_pair();
	ck_assert_int_eq(
	    io_read(ends[0], text, 2, &got, deadline_in_ms(LONG_MS)).kind,
	    ERR_TEMP);
}

START_TEST(read_waits_for_data_end_or_deadline)
{
	in_way(_i, read_something);
}
END_TEST

enum { MUCH = 3 << 20 };

static size_t
take_all(size_t want)
{
	static char bytes[65536];
	size_t sum = 0;

	while (sum < want) {
		size_t got;
		struct err e = io_read(ends[1], bytes, sizeof(bytes), &got,
		    deadline_in_ms(LONG_MS));

		if (err_is(e) || got == 0)
			break;
		sum += got;
	}
	return sum;
}

static size_t n_taken;

static void
take_on_fiber(void *arg)
{
	(void)arg;
	n_taken = take_all(MUCH);
}

static void *
take_on_thread(void *arg)
{
	static char bytes[65536];
	struct pollfd p = { ends[1], POLLIN, 0 };

	while (n_taken < MUCH && poll(&p, 1, LONG_MS) > 0) {
		ssize_t n = read(ends[1], bytes, sizeof(bytes));

		if (n <= 0)
			break;
		n_taken += (size_t)n;
	}
	return arg;
}

static void
write_much(void)
{
	char *much = xcalloc(1, MUCH);
	pthread_t thread;
	struct err e;

	open_pair();
	e = io_write_all(
	    ends[0], view_make(much, MUCH), deadline_in_ms(SHORT_MS));
	ck_assert_int_eq(e.kind, ERR_TIME);
	close_pair();
	open_pair();
	n_taken = 0;
	if (loop_is_on())
		fiber_spawn("take", take_on_fiber, NULL);
	else
		ck_assert_int_eq(
		    pthread_create(&thread, NULL, take_on_thread, NULL), 0);
	e = io_write_all(
	    ends[0], view_make(much, MUCH), deadline_in_ms(LONG_MS));
	ck_assert_msg(!err_is(e), "%s", e.text);
	if (loop_is_on())
		while (n_taken < MUCH)
			fiber_sleep(1);
	else
		pthread_join(thread, NULL);
	ck_assert_uint_eq(n_taken, MUCH);
	close(ends[1]);
	ends[1] = -1;
	signal(SIGPIPE, SIG_IGN);
	e = io_write_all(ends[0], VIEW("x"), deadline_in_ms(LONG_MS));
	ck_assert_int_eq(e.kind, ERR_GONE);
	close_pair();
	free(much);
}

START_TEST(write_waits_for_room)
{
	in_way(_i, write_much);
}
END_TEST

static int
listen_at(struct sockaddr *addr, socklen_t *len, int backlog)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, addr, *len), 0);
	*len = sizeof(struct sockaddr_un);
	getsockname(fd, addr, len);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

static void
connect_tcp(void)
{
	union {
		struct sockaddr_un room;
		struct sockaddr_in in;
		struct sockaddr any;
	} a = { .in = { .sin_family = AF_INET } };
	socklen_t len = sizeof(a.in);
	int listener, fd;
	struct err e;

	a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = listen_at(&a.any, &len, 5);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	e = io_connect(fd, &a.any, len, deadline_in_ms(LONG_MS));
	ck_assert_msg(!err_is(e), "%s", e.text);
	io_close(fd);
	close(listener);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	e = io_connect(fd, &a.any, len, deadline_in_ms(LONG_MS));
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert_ptr_nonnull(strstr(e.text, "refused"));
	io_close(fd);
}

START_TEST(connect_tells_what_became_of_it)
{
	in_way(_i, connect_tcp);
}
END_TEST

static int full_listener;

static void
accept_later(struct timer *t)
{
	(void)t;
	close(accept(full_listener, NULL, NULL));
}

static void *
accept_on_thread(void *arg)
{
	usleep(SHORT_MS * 1000);
	close(accept(full_listener, NULL, NULL));
	return arg;
}

static void
connect_full(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct sockaddr *addr = (struct sockaddr *)&a;
	socklen_t len = sizeof(sa_family_t);
	struct timer later = { .place = 0 };
	pthread_t thread;
	struct err e;
	int fds[3];

	full_listener = listen_at(addr, &len, 0);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert(
	    !err_is(io_connect(fds[0], addr, len, deadline_in_ms(LONG_MS))));
	e = io_connect(fds[1], addr, len, deadline_in_ms(SHORT_MS));
	ck_assert_int_eq(e.kind, ERR_TIME);
	if (loop_is_on())
		timer_set(&later, clock_ms() + SHORT_MS, accept_later);
	else
		ck_assert_int_eq(
		    pthread_create(&thread, NULL, accept_on_thread, NULL), 0);
	e = io_connect(fds[2], addr, len, deadline_in_ms(LONG_MS));
	ck_assert_msg(!err_is(e), "%s", e.text);
	if (!loop_is_on())
		pthread_join(thread, NULL);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		io_close(fds[i]);
	close(full_listener);
}

START_TEST(connect_to_a_full_backlog_is_tried_again)
{
	in_way(_i, connect_full);
}
END_TEST

/* --- on fibers only --- */

static struct err waited[2];
static int n_over;

static void
wait_to_read(void *arg)
{
	(void)arg;
	waited[0] = io_wait(ends[0], IO_READ, deadline_in_ms(LONG_MS));
	n_over++;
}

static void
wait_to_write(void *arg)
{
	(void)arg;
	waited[1] = io_wait(ends[0], IO_WRITE, deadline_in_ms(LONG_MS));
	n_over++;
}

static void
cancel_wait(void)
{
	struct fiber *f;

	open_pair();
	n_over = 0;
	f = fiber_spawn("wait", wait_to_read, NULL);
	fiber_sleep(2);
	fiber_cancel(f);
	fiber_sleep(2);
	ck_assert_int_eq(n_over, 1);
	ck_assert_int_eq(waited[0].kind, ERR_GONE);
	/* Another fiber waits for the same afterwards, two at a time. */
	fiber_spawn("wait", wait_to_read, NULL);
	fiber_sleep(2);
	fiber_spawn("wait", wait_to_write, NULL);
	fiber_sleep(2);
	ck_assert_int_eq(n_over, 2);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	fiber_sleep(2);
	ck_assert_int_eq(n_over, 3);
	ck_assert(!err_is(waited[0]) && !err_is(waited[1]));
	close_pair();
}

START_TEST(wait_is_cancelled_and_the_descriptor_still_good)
{
	in_way(ON_FIBER, cancel_wait);
}
END_TEST

static void
reuse_number(void)
{
	char text[10];
	size_t got;
	int was;

	for (int i = 0; i < 10; i++) {
		open_pair();
		was = ends[0];
		ck_assert_int_eq(
		    io_read(ends[0], text, 1, &got, deadline_in_ms(1)).kind,
		    ERR_TIME);
		close(ends[1]);
		ck_assert(!err_is(
		    io_read(ends[0], text, 1, &got, deadline_in_ms(LONG_MS))));
		io_close(ends[0]);
		open_pair();
		ck_assert_int_eq(ends[0], was);
		/* What its forerunner reported is forgotten. */
		ck_assert_int_eq(
		    io_wait(ends[0], IO_READ, deadline_in_ms(1)).kind,
		    ERR_TIME);
		close_pair();
	}
}

START_TEST(number_that_is_used_again_starts_afresh)
{
	in_way(ON_FIBER, reuse_number);
}
END_TEST

UNIT_MAIN("io", { read_waits_for_data_end_or_deadline, WAYS },
    { write_waits_for_room, WAYS }, { connect_tells_what_became_of_it, WAYS },
    { connect_to_a_full_backlog_is_tried_again, WAYS },
    { wait_is_cancelled_and_the_descriptor_still_good, 1 },
    { number_that_is_used_again_starts_afresh, 1 })
