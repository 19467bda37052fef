/* Front processes that come and go, and an anvil that does: over sockets. */
#include "anvil/answer.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/run/fiber.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BENCH_FIBERS = 50, BENCH_EVENTS = 400 };

static struct rig {
	struct anvil_service anvil;
	struct ipc_server server;
	struct loop_watch listener;
	char path[64];
	void (*test)(void);
} rig;

struct front {
	struct ipc_service service;
	struct anvil anvil;
};

static void
on_listener(struct loop_watch *w, uint32_t events)
{
	(void)events;
	ipc_server_accept(&rig.server,
	    accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

static void
start_anvil(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	counts_init(&rig.anvil.counts, 60);
	ipc_server_init(&rig.server, anvil_handlers, &rig.anvil);
	memcpy(a.sun_path, rig.path, strlen(rig.path) + 1);
	unlink(rig.path);
	ck_assert_int_eq(bind(fd, (void *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 10), 0);
	rig.listener = (struct loop_watch){
		.fd = fd, .events = EPOLLIN, .ready = on_listener
	};
	loop_add_watch(&rig.listener);
}

/* All that it counted goes with it. */
static void
stop_anvil(void)
{
	loop_remove_watch(&rig.listener);
	close(rig.listener.fd);
	ipc_server_drain(&rig.server);
	/* Connections end when their last answer is on its way. */
	for (int i = 0; rig.server.n_peers > 0 && i < 2000; i++)
		fiber_sleep(1);
	ck_assert_uint_eq(rig.server.n_peers, 0);
	counts_clear(&rig.anvil.counts);
}

static void
test_main(void *arg)
{
	(void)arg;
	rig.test();
	loop_stop();
}

static void
run_rig(void (*test)(void))
{
	snprintf(
	    rig.path, sizeof(rig.path), "/tmp/anvil-test-%ld", (long)getpid());
	loop_init();
	start_anvil();
	rig.test = test;
	fiber_spawn("test", test_main, NULL);
	loop_run();
	unlink(rig.path);
}

static void
front_start(struct front *f)
{
	ipc_service_init(&f->service, rig.path);
	anvil_init(&f->anvil, &f->service);
}

static void
front_crash(struct front *f)
{
	anvil_clear(&f->anvil);
	ipc_service_clear(&f->service);
}

static struct anvil_numbers
client_connects(struct front *f, const char *client)
{
	struct anvil_numbers n;
	struct err e = anvil_connect(
	    &f->anvil, VIEW("smtp"), view_of(client), &n, deadline_in(10));

	ck_assert_msg(!err_is(e), "%s", e.text);
	return n;
}

static void
client_leaves(struct front *f, const char *client)
{
	anvil_disconnect(
	    &f->anvil, VIEW("smtp"), view_of(client), deadline_in(10));
}

static void
come_and_go(void)
{
	struct front a, b;
	struct anvil_numbers n;

	front_start(&a);
	front_start(&b);
	ck_assert_int_eq(client_connects(&a, "192.0.2.1").count, 1);
	ck_assert_int_eq(client_connects(&b, "192.0.2.1").count, 2);
	ck_assert_int_eq(client_connects(&b, "192.0.2.1").rate, 3);
	client_leaves(&b, "192.0.2.1");
	ck_assert_int_eq(client_connects(&b, "192.0.2.1").count, 3);
	ck_assert(!err_is(anvil_event(&a.anvil, VIEW("smtp"), VIEW("192.0.2.1"),
	    ANVIL_NEWTLS, &n, deadline_in(10))));
	ck_assert_int_eq(n.rate, 1);
	front_crash(&b);
	while (rig.server.n_peers > 1)
		fiber_sleep(1);
	ck_assert_int_eq(client_connects(&a, "192.0.2.1").count, 2);
	front_crash(&a);
	while (rig.server.n_peers > 0)
		fiber_sleep(1);
	front_start(&a);
	ck_assert_int_eq(client_connects(&a, "192.0.2.1").count, 1);
	front_crash(&a);
}

START_TEST(counts_end_with_the_process_that_made_them)
{
	run_rig(come_and_go);
}
END_TEST

static void
restart(void)
{
	struct front a, b;

	front_start(&a);
	front_start(&b);
	for (int i = 0; i < 3; i++)
		client_connects(&a, "192.0.2.1");
	client_connects(&a, "192.0.2.2");
	client_connects(&b, "192.0.2.1");
	stop_anvil();
	fiber_sleep(10);
	start_anvil();
	/* One tells its own again with its next question, the other when one
	 * of its clients leaves. */
	ck_assert_int_eq(client_connects(&a, "192.0.2.1").count, 4);
	client_leaves(&b, "192.0.2.1");
	ck_assert_int_eq(client_connects(&b, "192.0.2.1").count, 5);
	ck_assert_int_eq(client_connects(&b, "192.0.2.2").count, 2);
	ck_assert_int_eq(client_connects(&b, "192.0.2.3").rate, 1);
	front_crash(&a);
	front_crash(&b);
}

START_TEST(open_connections_survive_the_restart_of_anvil)
{
	run_rig(restart);
}
END_TEST

static void
without(void)
{
	struct front a;
	struct anvil_numbers n;

	front_start(&a);
	client_connects(&a, "192.0.2.1");
	stop_anvil();
	unlink(rig.path);
	fiber_sleep(10);
	ck_assert(err_is(anvil_connect(&a.anvil, VIEW("smtp"),
	    VIEW("192.0.2.1"), &n, deadline_in_ms(50))));
	ck_assert_int_eq(n.count, 0);
	client_leaves(&a, "192.0.2.1");
	start_anvil();
	ck_assert_int_eq(client_connects(&a, "192.0.2.1").count, 1);
	front_crash(&a);
}

START_TEST(without_anvil_there_is_an_error_and_no_count)
{
	run_rig(without);
}
END_TEST

static int bench_left;

static void
bench_fiber(void *arg)
{
	for (int i = 0; i < BENCH_EVENTS; i++) {
		client_connects(arg, "192.0.2.1");
		client_leaves(arg, "192.0.2.1");
	}
	bench_left--;
}

static void
bench(void)
{
	static struct front a;
	int64_t began = clock_us();

	front_start(&a);
	bench_left = BENCH_FIBERS;
	for (int i = 0; i < BENCH_FIBERS; i++)
		fiber_spawn("bench", bench_fiber, &a);
	while (bench_left > 0)
		fiber_sleep(1);
	printf("connect and disconnect pairs a second: %lld\n",
	    (long long)BENCH_FIBERS * BENCH_EVENTS * 1000000 /
		(clock_us() - began));
	ck_assert_int_eq(client_connects(&a, "192.0.2.1").count, 1);
}

START_TEST(many_clients_at_once_are_counted_right)
{
	run_rig(bench);
}
END_TEST

UNIT_MAIN("anvil", { counts_end_with_the_process_that_made_them, 1 },
    { open_connections_survive_the_restart_of_anvil, 1 },
    { without_anvil_there_is_an_error_and_no_count, 1 },
    { many_clients_at_once_are_counted_right, 1 })
