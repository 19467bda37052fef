#include "anvil/count.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdio.h>

static struct counts counts;

static struct anvil_numbers
event(struct count_peer *p, const char *client, enum anvil_event what,
    int64_t now)
{
	return count_event(p, VIEW("smtp"), view_of(client), what, now);
}

START_TEST(connections_are_counted_over_all_peers)
{
	struct count_peer *a, *b;

	counts_init(&counts, 60);
	a = count_peer_new(&counts);
	b = count_peer_new(&counts);
	ck_assert_int_eq(event(a, "192.0.2.1", ANVIL_CONNECT, 1000).count, 1);
	ck_assert_int_eq(event(b, "192.0.2.1", ANVIL_CONNECT, 1000).count, 2);
	ck_assert_int_eq(event(b, "192.0.2.2", ANVIL_CONNECT, 1000).count, 1);
	count_disconnect(a, VIEW("smtp"), VIEW("192.0.2.1"), 1000);
	/* Only what was told can be taken back. */
	count_disconnect(a, VIEW("smtp"), VIEW("192.0.2.1"), 1000);
	count_disconnect(a, VIEW("smtp"), VIEW("192.0.2.9"), 1000);
	ck_assert_int_eq(event(b, "192.0.2.1", ANVIL_CONNECT, 1000).count, 2);
	/* Another service has counts of its own. */
	ck_assert_int_eq(count_event(a, VIEW("submission"), VIEW("192.0.2.1"),
			     ANVIL_CONNECT, 1000)
			     .count,
	    1);
	count_peer_free(a);
	count_peer_free(b);
	counts_clear(&counts);
}
END_TEST

START_TEST(a_peer_that_goes_leaves_nothing_open)
{
	struct count_peer *a, *b;

	counts_init(&counts, 60);
	a = count_peer_new(&counts);
	b = count_peer_new(&counts);
	for (int i = 0; i < 10; i++)
		event(a, "192.0.2.1", ANVIL_CONNECT, 1000);
	ck_assert_int_eq(event(b, "192.0.2.1", ANVIL_CONNECT, 1000).count, 11);
	count_peer_free(a);
	ck_assert_int_eq(event(b, "192.0.2.1", ANVIL_CONNECT, 1000).count, 2);
	count_peer_free(b);
	counts_clear(&counts);
}
END_TEST

START_TEST(what_is_restated_replaces_what_was_told)
{
	struct count_peer *a;

	counts_init(&counts, 60);
	a = count_peer_new(&counts);
	count_restate(a, VIEW("smtp"), VIEW("192.0.2.1"), 7, 1000);
	ck_assert_int_eq(event(a, "192.0.2.1", ANVIL_CONNECT, 1000).count, 8);
	count_restate(a, VIEW("smtp"), VIEW("192.0.2.1"), 3, 1000);
	ck_assert_int_eq(event(a, "192.0.2.1", ANVIL_MESSAGE, 1000).count, 3);
	count_restate(a, VIEW("smtp"), VIEW("192.0.2.1"), -5, 1000);
	count_restate(a, VIEW("smtp"), VIEW("192.0.2.1"), INT64_MAX, 1000);
	ck_assert_int_eq(event(a, "192.0.2.1", ANVIL_MESSAGE, 1000).count, 3);
	count_restate(a, VIEW("smtp"), VIEW("192.0.2.1"), 0, 1000);
	ck_assert_int_eq(event(a, "192.0.2.1", ANVIL_MESSAGE, 1000).count, 0);
	count_peer_free(a);
	counts_clear(&counts);
}
END_TEST

START_TEST(rates_begin_again_with_each_time_unit)
{
	struct count_peer *a;

	counts_init(&counts, 60);
	a = count_peer_new(&counts);
	for (int i = 1; i <= 5; i++)
		ck_assert_int_eq(
		    event(a, "192.0.2.1", ANVIL_MESSAGE, 100000 + i).rate, i);
	ck_assert_int_eq(event(a, "192.0.2.1", ANVIL_AUTH, 100010).rate, 1);
	ck_assert_int_eq(event(a, "192.0.2.1", ANVIL_MESSAGE, 160000).rate, 6);
	ck_assert_int_eq(event(a, "192.0.2.1", ANVIL_MESSAGE, 160001).rate, 1);
	count_peer_free(a);
	counts_clear(&counts);
}
END_TEST

START_TEST(idle_clients_are_forgotten_and_memory_is_bounded)
{
	struct count_peer *a;

	counts_init(&counts, 60);
	a = count_peer_new(&counts);
	event(a, "open", ANVIL_CONNECT, 1000);
	for (int i = 0; i < COUNT_ENTRIES_MAX + 50; i++) {
		char text[32];

		snprintf(text, sizeof(text), "c%d", i);
		event(a, text, ANVIL_MESSAGE, 1000);
	}
	ck_assert_uint_eq(counts.entries.n_entries, COUNT_ENTRIES_MAX);
	ck_assert_int_eq(event(a, "open", ANVIL_MESSAGE, 1000).count, 1);
	ck_assert_int_eq(event(a, "c0", ANVIL_MESSAGE, 1000).rate, 1);
	ck_assert_int_eq(event(a, "c100", ANVIL_MESSAGE, 1000).rate, 2);
	for (int i = 0; i < COUNT_ENTRIES_MAX; i++)
		event(a, "again", ANVIL_MESSAGE, 70000);
	ck_assert_uint_eq(counts.entries.n_entries, 2);
	count_peer_free(a);
	counts_clear(&counts);
}
END_TEST

START_TEST(a_peer_can_hold_only_so_much)
{
	struct count_peer *a, *b;

	counts_init(&counts, 60);
	a = count_peer_new(&counts);
	b = count_peer_new(&counts);
	for (int i = 0; i < COUNT_ENTRIES_MAX + 10; i++) {
		char text[32];

		snprintf(text, sizeof(text), "c%d", i);
		event(i % 2 == 0 ? a : b, text, ANVIL_CONNECT, 1000);
	}
	ck_assert_uint_eq(a->open.n_entries, COUNT_PEER_MAX);
	ck_assert_uint_eq(counts.entries.n_entries, COUNT_ENTRIES_MAX);
	ck_assert_int_eq(event(a, "none", ANVIL_CONNECT, 1000).count, 1);
	count_peer_free(a);
	count_peer_free(b);
	counts_clear(&counts);
}
END_TEST

static char lines[10][200];
static int n_lines;

static void
take_line(const char *text, void *arg)
{
	(void)arg;
	ck_assert_int_lt(n_lines, (int)ARRAY_LEN(lines));
	snprintf(lines[n_lines++], sizeof(lines[0]), "%s", text);
}

START_TEST(the_report_has_the_shape_that_analysers_know)
{
	struct count_peer *a;

	setenv("TZ", "UTC", 1);
	counts_init(&counts, 60);
	a = count_peer_new(&counts);
	n_lines = 0;
	for (int i = 0; i < 18; i++)
		event(a, "192.0.2.1", ANVIL_CONNECT, 1000);
	event(a, "192.0.2.2", ANVIL_CONNECT, 1000);
	event(a, "192.0.2.2", ANVIL_MESSAGE, 1000);
	counts.rates[ANVIL_CONNECT].at = 1763759130;
	counts_report(&counts, take_line, NULL);
	ck_assert_int_eq(n_lines, 4);
	ck_assert_str_eq(lines[0],
	    "statistics: max connection rate 18/60s "
	    "for (smtp:192.0.2.1) at Nov 21 21:05:30");
	ck_assert(strncmp(lines[1],
		      "statistics: max connection count 18 for "
		      "(smtp:192.0.2.1) at ",
		      60) == 0);
	ck_assert(strncmp(lines[2],
		      "statistics: max message rate 1/60s for "
		      "(smtp:192.0.2.2) at ",
		      59) == 0);
	ck_assert(
	    strncmp(lines[3], "statistics: max cache size 2 at ", 32) == 0);
	n_lines = 0;
	counts_report(&counts, take_line, NULL);
	ck_assert_int_eq(n_lines, 0);
	count_peer_free(a);
	counts_clear(&counts);
}
END_TEST

UNIT_MAIN("count", { connections_are_counted_over_all_peers, 1 },
    { a_peer_that_goes_leaves_nothing_open, 1 },
    { what_is_restated_replaces_what_was_told, 1 },
    { rates_begin_again_with_each_time_unit, 1 },
    { idle_clients_are_forgotten_and_memory_is_bounded, 1 },
    { a_peer_can_hold_only_so_much, 1 },
    { the_report_has_the_shape_that_analysers_know, 1 })
