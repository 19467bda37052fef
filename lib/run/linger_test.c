/* Connections that are closed on our side: over TCP, both sides here. */
#include "lib/run/linger.h"

#include "lib/base/clock.h"
#include "lib/base/unit.h"
#include "lib/run/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection over loopback: [0] is ours, [1] the peer's. */
static void
connect_pair(int pair[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(l, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(listen(l, 1), 0);
	ck_assert_int_eq(getsockname(l, (struct sockaddr *)&addr, &len), 0);
	pair[1] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(pair[1], (struct sockaddr *)&addr, len), 0);
	pair[0] = accept(l, NULL, NULL);
	ck_assert_int_ge(pair[0], 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	close(l);
}

static int peer;
static size_t to_send, sent;
static ssize_t last;
static int last_errno;

static void
turn(struct timer *t)
{
	static char junk[65536];

	while (sent < to_send) {
		ssize_t n = send(peer, junk, sizeof(junk), MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else
			to_send = 0;
	}
	if (sent >= to_send) {
		loop_stop();
		return;
	}
	timer_set(t, clock_ms() + 1, turn);
}

/* The peer sends so much, then reads. */
static void
talk(size_t bytes)
{
	struct timer t = { .place = 0 };
	char buf[64];
	int pair[2];

	loop_init();
	connect_pair(pair);
	peer = pair[1];
	to_send = bytes;
	sent = 0;
	ck_assert_int_eq(send(peer, "early", 5, 0), 5);
	ck_assert_int_eq(send(pair[0], "421 x\r\n", 7, 0), 7);
	linger_take(pair[0]);
	ck_assert_uint_eq(linger_count(), 1);
	timer_set(&t, clock_ms() + 1, turn);
	loop_run();
	timer_cancel(&t);
	ck_assert_int_eq(recv(peer, buf, sizeof(buf), 0), 7);
	last = recv(peer, buf, sizeof(buf), 0);
	last_errno = errno;
}

START_TEST(peer_that_was_sending_reads_the_last_words_and_the_end)
{
	talk(1 << 20);
	ck_assert_uint_ge(sent, 1 << 20);
	ck_assert_msg(last == 0, "%s", strerror(last_errno));
	ck_assert_uint_eq(linger_count(), 1);
	close(peer);
	linger_close_all();
	ck_assert_uint_eq(linger_count(), 0);
	loop_clear();
}
END_TEST

START_TEST(peer_that_sends_without_end_is_cut_off)
{
	talk(1 << 30);
	ck_assert_uint_lt(sent, 64 << 20);
	ck_assert_uint_eq(linger_count(), 0);
	close(peer);
	loop_clear();
}
END_TEST

static bool is_none;

static void
none_left(void)
{
	is_none = true;
	loop_stop();
}

START_TEST(end_comes_with_the_peers)
{
	int pair[2];

	loop_init();
	connect_pair(pair);
	linger_on_none(none_left);
	linger_take(pair[0]);
	close(pair[1]);
	loop_run();
	ck_assert(is_none);
	ck_assert_uint_eq(linger_count(), 0);
	linger_on_none(NULL);
	loop_clear();
}
END_TEST

/* Or a process that is to leave would wait for a client that does nothing. */
START_TEST(silent_peer_is_not_waited_for_long)
{
	int64_t begun = clock_ms();
	int pair[2];

	loop_init();
	connect_pair(pair);
	linger_on_none(none_left);
	linger_take(pair[0]);
	loop_run();
	ck_assert_uint_eq(linger_count(), 0);
	ck_assert_int_ge(clock_ms() - begun, LINGER_MS);
	linger_on_none(NULL);
	close(pair[1]);
	loop_clear();
}
END_TEST

START_TEST(no_more_than_so_many_at_once)
{
	static int pairs[LINGER_MOST + 1][2];

	loop_init();
	for (size_t i = 0; i <= LINGER_MOST; i++) {
		connect_pair(pairs[i]);
		ck_assert_int_eq(send(pairs[i][1], "x", 1, 0), 1);
		linger_take(pairs[i][0]);
	}
	ck_assert_uint_eq(linger_count(), LINGER_MOST);
	/* The first one was closed as it was: a reset. */
	ck_assert_int_eq(send(pairs[0][1], "x", 1, MSG_NOSIGNAL), -1);
	ck_assert_int_eq(send(pairs[1][1], "x", 1, MSG_NOSIGNAL), 1);
	linger_close_all();
	for (size_t i = 0; i <= LINGER_MOST; i++)
		close(pairs[i][1]);
	loop_clear();
}
END_TEST

START_TEST(without_a_loop_it_is_closed)
{
	int pair[2];
	char byte;

	connect_pair(pair);
	linger_take(pair[0]);
	ck_assert_uint_eq(linger_count(), 0);
	ck_assert_int_eq(recv(pair[1], &byte, 1, 0), 0);
	close(pair[1]);
}
END_TEST

UNIT_MAIN("linger",
    { peer_that_was_sending_reads_the_last_words_and_the_end, 1 },
    { peer_that_sends_without_end_is_cut_off, 1 },
    { end_comes_with_the_peers, 1 },
    { silent_peer_is_not_waited_for_long, 1 },
    { no_more_than_so_many_at_once, 1 },
    { without_a_loop_it_is_closed, 1 })
