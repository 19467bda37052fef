/* A destination's share of the memory, and who stands in line for it. */
#include "qmgr/others.h"

#include "lib/base/mem.h"

#include <sys/stat.h>

enum { MANY = 120, LIMIT = 100 };

static const char *
id_of(int n)
{
	static char id[16];

	snprintf(id, sizeof(id), "%05XA%08X", n * 4096 + 1, n);
	return id;
}

static int
count_in(const char *queue)
{
	int n = 0;

	for (int i = 0; i < MANY; i++)
		n += test_file_is_in(queue, id_of(i));
	return n;
}

static void
open_crowd(void)
{
	for (int i = 0; i < MANY; i++) {
		test_put("active", id_of(i), "a@slow.example", VIEW_EMPTY);
		message_open("active", view_of(id_of(i)));
		/* Never all of them, and never many more than its share. */
		ck_assert_int_lt((int64_t)qmgr.n_messages, LIMIT / 2);
	}
}

static void
expect_all_done(void)
{
	TEST_WAIT_FOR(qmgr.n_messages == 0 && deferred_count() == 0);
	ck_assert_int_eq(count_in("active"), 0);
	ck_assert_int_eq(qmgr.n_rcpts, 0);
	ck_assert_int_eq(qmgr.n_crowded, 0);
	ck_assert_int_eq(qmgr.n_working, 0);
}

/* A slow host has a crowd: another's mail goes through as ever, and nobody who
 * hands mail in is held up. */
static void
a_crowd(void)
{
	deferred_start();
	others.hold_back = true;
	others.only = "slow.example";
	open_crowd();
	ck_assert_int_gt((int64_t)deferred_count(), MANY - LIMIT / 2);
	ck_assert_int_gt(qmgr.n_crowded, 0);
	ck_assert(qmgr.room);
	ck_assert_int_eq(qmgr.delay_ms, 0);
	test_put("active", ID, "b@well.example", VIEW_EMPTY);
	ck_assert(message_open("active", VIEW(ID)));
	TEST_WAIT_FOR(!test_file_is_in("active", ID));
	others.hold_back = false;
	expect_all_done();
	ck_assert_int_eq(others.n_delivered, MANY + 1);
}

/* What stands in line can be deleted, held, and asked for. */
static void
acts_in_line(void)
{
	struct view last;

	deferred_start();
	others.hold_back = true;
	open_crowd();
	last = view_of(id_of(MANY - 1));
	TEST_WAIT_FOR(deferred_has(last));
	deferred_remove(last);
	ck_assert(!deferred_has(last));
	unlink(queue_path_of("active", last).text);
	ck_assert(deferred_flush_id(view_of(id_of(MANY - 2))));
	ck_assert(deferred_has(view_of(id_of(MANY - 2))) ||
	    message_find(view_of(id_of(MANY - 2))) != NULL);
	ck_assert_int_ge((int64_t)deferred_flush(VIEW_EMPTY), 0);
	others.hold_back = false;
	expect_all_done();
	ck_assert_int_eq(others.n_delivered, MANY - 1);
}

/* All that is in memory goes away: the line moves on. */
static void
the_crowd_is_deleted(void)
{
	deferred_start();
	others.hold_back = true;
	open_crowd();
	LIST_EACH (it, after, &qmgr.messages) {
		struct message *m = LIST_ITEM(it, struct message, node);

		m->act = ACT_DELETE;
		schedule_drop(m);
	}
	others.hold_back = false;
	expect_all_done();
}

static struct timespec
time_of(int n)
{
	struct stat st;

	ck_assert_int_eq(
	    stat(queue_path_of("deferred", view_of(id_of(n))).text, &st), 0);
	return st.st_mtim;
}

static bool
is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* The line of a host that turns out dead gets its reason; later it is tried
 * with few, and the files of the rest are left alone. */
static void
a_dead_host(void)
{
	struct destination *d;
	int64_t tried;
	struct timespec before[MANY];
	int n_touched = 0;

	deferred_start();
	others.dead = "slow.example";
	open_crowd();
	TEST_WAIT_FOR(qmgr.n_messages == 0 && count_in("deferred") == MANY &&
	    deferred_count() == MANY);
	ck_assert_int_eq(qmgr.n_crowded, 0);
	d = destination_find(
	    transport_find(VIEW("smtp")), VIEW("slow.example"));
	ck_assert_int_gt(d->dead_until, loop_now());
	/* Due while it is dead. */
	tried = others.n_delivered;
	deferred_flush(VIEW_EMPTY);
	fiber_sleep(100);
	ck_assert_int_eq(others.n_delivered, tried);
	ck_assert_int_eq((int64_t)deferred_count(), MANY);
	/* Its time is over: a few try. */
	for (int i = 0; i < MANY; i++)
		before[i] = time_of(i);
	schedule_forget_dead();
	deferred_flush(VIEW_EMPTY);
	TEST_WAIT_FOR(d->dead_until > loop_now() && d->n_in_line == 0 &&
	    d->n_opening == 0 && qmgr.n_messages == 0);
	ck_assert_int_gt(others.n_delivered, tried);
	ck_assert_int_le(others.n_delivered, tried + 10);
	ck_assert_int_eq((int64_t)deferred_count(), MANY);
	ck_assert_int_eq(count_in("deferred"), MANY);
	for (int i = 0; i < MANY; i++)
		n_touched += !is_same_time(before[i], time_of(i));
	/* Those that tried, and others that were being opened. */
	ck_assert_int_le(n_touched, MANY / 3);
	/* It lives again. */
	others.dead = NULL;
	schedule_forget_dead();
	deferred_flush(VIEW_EMPTY);
	TEST_WAIT_FOR(count_in("deferred") == 0);
	expect_all_done();
}

static const struct {
	const char *name;
	void (*run)(void);
} runs[] = {
	{ "crowd", a_crowd },
	{ "acts in line", acts_in_line },
	{ "crowd deleted", the_crowd_is_deleted },
	{ "dead host", a_dead_host },
};

START_TEST(attack_82_one_slow_or_dead_host_among_others)
{
	open_all("qmgr_message_active_limit = 100\n"
		 "in_flow_delay = 1s\n");
	test_run(runs[_i].run);
	test_close();
}
END_TEST

UNIT_MAIN(
    "due", { attack_82_one_slow_or_dead_host_among_others, ARRAY_LEN(runs) })
