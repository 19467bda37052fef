/* The loop: timers in their order, watches and listeners that remove each
 * other while they are reported, hooks. */
#include "lib/run/loop.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMERS = 500 };

static struct timer timers[TIMERS];
static int64_t last_at;
static size_t n_fired, n_ready;

static void
check_order(struct timer *t)
{
	ck_assert_int_ge(t->at, last_at);
	ck_assert_int_le(t->at, loop_now());
	ck_assert_uint_eq(t->place, 0);
	last_at = t->at;
	n_fired++;
}

static void
stop(struct timer *t)
{
	(void)t;
	loop_stop();
}

START_TEST(timers_fire_in_their_order_but_for_the_cancelled)
{
	struct timer end = { .place = 0 };
	int64_t now = clock_ms();

	n_ready = 0;
	loop_init();
	for (size_t i = 0; i < TIMERS; i++)
		timer_set(
		    &timers[i], now + (int64_t)(i * 7919 % 50), check_order);
	/* Set anew, sooner and later. */
	for (size_t i = 0; i < TIMERS; i += 3)
		timer_set(
		    &timers[i], now + (int64_t)(i * 31 % 60), check_order);
	for (size_t i = 0; i < TIMERS; i += 5)
		timer_cancel(&timers[i]);
	timer_cancel(&timers[0]);
	timer_set(&end, now + 100, stop);
	loop_run();
	ck_assert_uint_eq(n_fired, TIMERS - TIMERS / 5);
	loop_clear();
}
END_TEST

/* --- watches --- */

static struct loop_watch watches[2];

static void
remove_both(struct loop_watch *w, uint32_t events)
{
	(void)w;
	ck_assert_uint_eq(events & EPOLLIN, EPOLLIN);
	n_ready++;
	loop_remove_watch(&watches[0]);
	loop_remove_watch(&watches[1]);
}

START_TEST(what_is_removed_is_not_reported_any_more)
{
	struct timer end = { .place = 0 };

	n_ready = 0;
	loop_init();
	for (size_t i = 0; i < ARRAY_LEN(watches); i++) {
		watches[i] = (struct loop_watch){ .fd = eventfd(1, 0),
			.events = EPOLLIN,
			.ready = remove_both };
		loop_add_watch(&watches[i]);
	}
	timer_set(&end, clock_ms() + 20, stop);
	loop_run();
	ck_assert_uint_eq(n_ready, 1);
	loop_clear();
	close(watches[0].fd);
	close(watches[1].fd);
}
END_TEST

static void
turn_to_writing(struct loop_watch *w, uint32_t events)
{
	if (++n_ready == 1) {
		ck_assert_uint_eq(events, EPOLLIN);
		loop_change_watch(w, EPOLLOUT);
	} else {
		ck_assert_uint_eq(events, EPOLLOUT);
		loop_remove_watch(w);
		loop_stop();
	}
}

START_TEST(watch_changes_what_it_waits_for)
{
	int ends[2];

	n_ready = 0;
	loop_init();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	watches[0] = (struct loop_watch){
		.fd = ends[0], .events = EPOLLIN, .ready = turn_to_writing
	};
	loop_add_watch(&watches[0]);
	loop_run();
	ck_assert_uint_eq(n_ready, 2);
	loop_clear();
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* --- listeners --- */

static struct loop_listener listener;

static void
accept_one(struct loop_listener *l)
{
	int fd = accept(l->fd, NULL, NULL);

	ck_assert_int_ge(fd, 0);
	close(fd);
	n_ready++;
	loop_pause_listener(l, true);
}

static void
resume(struct timer *t)
{
	(void)t;
	ck_assert_uint_eq(n_ready, 1);
	loop_pause_listener(&listener, false);
}

START_TEST(paused_listener_lets_clients_wait)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timer later = { .place = 0 }, end = { .place = 0 };
	socklen_t len = sizeof(sa_family_t);
	int clients[2];

	n_ready = 0;
	loop_init();
	listener = (struct loop_listener){ .ready = accept_one,
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) };
	/* The kernel finds an abstract name. */
	ck_assert_int_eq(bind(listener.fd, (struct sockaddr *)&addr, len), 0);
	len = sizeof(addr);
	getsockname(listener.fd, (struct sockaddr *)&addr, &len);
	ck_assert_int_eq(listen(listener.fd, 5), 0);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		ck_assert_int_eq(
		    connect(clients[i], (struct sockaddr *)&addr, len), 0);
	}
	loop_add_listener(&listener);
	timer_set(&later, clock_ms() + 20, resume);
	timer_set(&end, clock_ms() + 40, stop);
	loop_run();
	ck_assert_uint_eq(n_ready, 2);
	loop_remove_listener(&listener);
	loop_clear();
	close(listener.fd);
	close(clients[0]);
	close(clients[1]);
}
END_TEST

static size_t n_hooked;

static void
count_turn(struct loop_hook *h)
{
	if (++n_hooked == 3) {
		loop_remove_hook(h);
		loop_stop();
	}
}

static void
nothing(struct timer *t)
{
	(void)t;
}

START_TEST(hook_runs_in_each_turn)
{
	struct loop_hook h = { .run = count_turn };
	struct timer two[2] = { { .place = 0 }, { .place = 0 } };

	n_ready = 0;
	loop_init();
	loop_add_hook(&h);
	timer_set(&two[0], clock_ms() + 5, nothing);
	timer_set(&two[1], clock_ms() + 10, nothing);
	loop_run();
	ck_assert_uint_eq(n_hooked, 3);
	loop_clear();
}
END_TEST

UNIT_MAIN("loop", { timers_fire_in_their_order_but_for_the_cancelled, 1 },
    { what_is_removed_is_not_reported_any_more, 1 },
    { watch_changes_what_it_waits_for, 1 },
    { paused_listener_lets_clients_wait, 1 }, { hook_runs_in_each_turn, 1 })
