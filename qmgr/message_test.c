/* Whole messages: from the queue through routing and delivery to their end,
 * with the other services played on the same loop. */
#include "qmgr/others.h"

#include "lib/base/mem.h"

#include <malloc.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#define PATH "active/" ID

/* --- from a file --- */

static const struct {
	const char *rcpts;
	const char *journal; /* if deferred, else NULL */
	int64_t delivered, failures;
} ways[] = {
	{ "a@x.example", NULL, 1, 0 },
	{ "a@x.example b@x.example c@y.example", NULL, 2, 0 },
	{ "a@x.example defer@x.example", "0+1:sent 1+1:deferred", 1, 0 },
	{ "bounce@x.example", NULL, 1, 1 },
	/* Who failed is told now, not when all is over. */
	{ "bounce@x.example defer@x.example", "0+1:bounced 1+1:deferred B0", 1,
	    1 },
	{ "a@x.example a@x.example defer@x.example", "0+2:sent 2+1:deferred", 1,
	    0 },
	{ "a@error.example", NULL, 0, 1 },
	{ "a@slip.example", "0+1:deferred", 0, 0 },
};
static int way;

static void
go_a_way(void)
{
	test_put("active", ID, ways[way].rcpts, VIEW_EMPTY);
	ck_assert(message_open("active", VIEW(ID)));
	/* Not twice at a time. */
	ck_assert(!message_open("active", VIEW(ID)));
	if (ways[way].journal == NULL)
		expect_gone();
	else
		expect_deferred(ways[way].journal);
	ck_assert_int_eq(others.n_delivered, ways[way].delivered);
	ck_assert_int_eq(others.n_reports[REPORT_FAILURE], ways[way].failures);
}

START_TEST(a_message_goes_its_way)
{
	way = _i;
	open_all("");
	test_run(go_a_way);
	test_close();
}
END_TEST

/* --- what the journal says --- */

static void
go_on_after_a_journal(void)
{
	struct str journal = STR_EMPTY;

	queue_sample_outcome(&journal, 0, 1, OUTCOME_SENT, "2.0.0", "ok");
	queue_sample_outcome(&journal, 2, 1, OUTCOME_BOUNCED, "5.0.0", "no");
	queue_sample_outcome(&journal, 1, 1, OUTCOME_DEFERRED, "4.0.0", "-");
	queue_sample_report(&journal, REPORT_FAILURE, "X");
	test_put("deferred", ID,
	    "a@x.example b@x.example c@x.example d@x.example",
	    str_view(&journal));
	ck_assert(message_open("deferred", VIEW(ID)));
	expect_gone();
	ck_assert_int_eq(others.n_rcpts[0], 0);
	ck_assert_int_eq(others.n_rcpts[1], 1);
	ck_assert_int_eq(others.n_rcpts[2], 0);
	ck_assert_int_eq(others.n_rcpts[3], 1);
	ck_assert_int_eq(others.n_reports[REPORT_FAILURE], 0);
	str_clear(&journal);
}

START_TEST(who_is_decided_is_not_tried_again)
{
	open_all("");
	test_run(go_on_after_a_journal);
	test_close();
}
END_TEST

static void
only_a_report_is_missing(void)
{
	struct str journal = STR_EMPTY;

	queue_sample_outcome(&journal, 0, 1, OUTCOME_BOUNCED, "5.0.0", "no");
	test_put("active", ID, "a@x.example", str_view(&journal));
	others.bounce_is_down = true;
	ck_assert(message_open("active", VIEW(ID)));
	expect_deferred("0+1:bounced");
	others.bounce_is_down = false;
	deferred_remove(VIEW(ID));
	ck_assert(message_open("deferred", VIEW(ID)));
	expect_gone();
	ck_assert_int_eq(others.n_delivered, 0);
	ck_assert_int_eq(others.n_reports[REPORT_FAILURE], 2);
	str_clear(&journal);
}

START_TEST(a_report_that_cannot_be_made_waits)
{
	open_all("");
	test_run(only_a_report_is_missing);
	test_close();
}
END_TEST

/* --- many recipients --- */

static void
many_recipients(void)
{
	struct str rcpts = STR_EMPTY;

	for (int i = 0; i < 3000; i++)
		str_addf(&rcpts, "user%d@x%d.example ", i, i % 7);
	test_put("active", ID, rcpts.ptr, VIEW_EMPTY);
	ck_assert(message_open("active", VIEW(ID)));
	/* Batches, as there is room. */
	ck_assert_int_lt(qmgr.n_rcpts, 1000);
	expect_gone();
	ck_assert_int_ge(others.n_delivered, 60);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(others.n_rcpts[i], 375);
	str_clear(&rcpts);
}

START_TEST(recipients_are_read_in_batches)
{
	open_all("qmgr_message_recipient_limit = 100\n");
	test_run(many_recipients);
	test_close();
}
END_TEST

/* --- age --- */

static void
grow_old(void)
{
	test_put("active", ID, "defer@x.example", VIEW_EMPTY);
	fiber_sleep(1200);
	ck_assert(message_open("active", VIEW(ID)));
	expect_gone();
	ck_assert_int_eq(others.n_reports[REPORT_FAILURE], 1);
}

START_TEST(what_is_too_old_is_returned)
{
	open_all("maximal_queue_lifetime = 1s\n");
	test_run(grow_old);
	test_close();
}
END_TEST

static void
be_soft(void)
{
	test_put("active", ID, "bounce@x.example a@error.example", VIEW_EMPTY);
	ck_assert(message_open("active", VIEW(ID)));
	expect_deferred("1+1:deferred 0+1:deferred");
	ck_assert_int_eq(others.n_reports[REPORT_FAILURE], 0);
}

START_TEST(soft_bounce_returns_nothing)
{
	open_all("soft_bounce = yes\n");
	test_run(be_soft);
	test_close();
}
END_TEST

static void
be_dumb(void)
{
	others.agent_is_dumb = true;
	test_put("active", ID, "a@x.example", VIEW_EMPTY);
	ck_assert(message_open("active", VIEW(ID)));
	expect_deferred("0+1:deferred");
}

START_TEST(an_agent_without_an_outcome_means_later)
{
	open_all("");
	test_run(be_dumb);
	test_close();
}
END_TEST

/* --- damage --- */

static void
meet_damage(void)
{
	int fd;

	test_put("active", ID, "a@x.example", VIEW_EMPTY);
	ck_assert_int_eq(truncate(PATH, 300), 0);
	ck_assert(!message_open("active", VIEW(ID)));
	ck_assert(test_file_is_in("corrupt", ID));
	ck_assert_int_eq(unlink("corrupt/" ID), 0);
	/* A flipped bit in a recipient. */
	test_put("active", ID, "victim@x.example", VIEW_EMPTY);
	fd = open(PATH, O_RDWR);
	for (off_t at = 0; at < 1000; at++) {
		char text[6];

		if (pread(fd, text, 6, at) == 6 &&
		    memcmp(text, "victim", 6) == 0 &&
		    pwrite(fd, "w", 1, at) != 1)
			ck_abort();
	}
	close(fd);
	ck_assert(!message_open("active", VIEW(ID)));
	ck_assert(test_file_is_in("corrupt", ID));
	/* Litter of a crash; but as long as its writer may not have come to lock
	 * it, it is left alone, and looked at again. */
	close(open(PATH, O_RDWR | O_CREAT, 0600));
	ck_assert(!message_open("active", VIEW(ID)));
	ck_assert(test_file_is_in("active", ID));
	ck_assert(deferred_has(VIEW(ID)));
	TEST_WAIT_FOR((message_open("active", VIEW(ID)),
	    !test_file_is_in("active", ID)));
	/* Being written: left alone. */
	fd = open(PATH, O_RDWR | O_CREAT, 0600);
	flock(fd, LOCK_EX);
	ck_assert(!message_open("active", VIEW(ID)));
	ck_assert(test_file_is_in("active", ID));
	close(fd);
	ck_assert_int_eq(others.n_delivered, 0);
	ck_assert_int_eq(qmgr.n_messages, 0);
}

/* Locks what it has created, again and again; ends when it cannot. */
static pid_t
start_writer(void)
{
	pid_t pid;
	int fd = open(PATH, O_RDWR | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		close(fd);
		return pid;
	}
	alarm(60);
	/* The mode that it has: it stays young. */
	while (fchmod(fd, 0600) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		flock(fd, LOCK_UN);
	_exit(1);
}

static void
meet_writer(void)
{
	pid_t pid = start_writer();
	int status;

	for (int i = 0; i < 500; i++)
		ck_assert(!message_open("active", VIEW(ID)));
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

START_TEST(a_writer_that_comes_to_lock_its_file_can)
{
	open_all("");
	test_run(meet_writer);
	test_close();
}
END_TEST

START_TEST(damage_is_put_aside)
{
	open_all("");
	test_run(meet_damage);
	test_close();
}
END_TEST

/* --- notices --- */

static void
fill_notice(struct ipc_queued *n, struct str *rcpts, const char *address)
{
	struct ipc_rcpt r = { 0, view_of(address), view_of(address), VIEW_EMPTY,
		0 };

	ipc_list_add(rcpts, ipc_rcpt_type(), &r);
	*n = (struct ipc_queued){ .queue = VIEW("active"),
		.queue_id = VIEW(ID),
		.arrival_us = clock_wall_us(),
		.sender = VIEW("s@example.com"),
		.envid = VIEW_EMPTY,
		.client_name = VIEW_EMPTY,
		.client_addr = VIEW_EMPTY,
		.protocol = VIEW_EMPTY,
		.helo = VIEW_EMPTY,
		.layout = VIEW_EMPTY,
		.n_rcpts = 1,
		.rcpts = str_view(rcpts) };
}

enum { MANY = 5000 };

static void
take_notices(void)
{
	struct str rcpts = STR_EMPTY;
	struct ipc_queued n;

	fill_notice(&n, &rcpts, "a@x.example");
	/* What is on hold stays there, and a name is no path. */
	n.queue = VIEW("hold");
	message_take_notice(&n);
	n.queue = VIEW("active");
	n.queue_id = VIEW("../../x");
	message_take_notice(&n);
	fiber_sleep(20);
	ck_assert_int_eq(qmgr.n_messages, 0);
	/* Delivered without reading, and nothing is written. */
	n.queue_id = VIEW(ID);
	test_put("active", ID, "a@x.example", VIEW_EMPTY);
	others.hold_back = true;
	message_take_notice(&n);
	message_take_notice(&n);
	ck_assert(!message_open("active", VIEW(ID)));
	TEST_WAIT_FOR(others.n_delivered == 1);
	ck_assert_int_eq(qmgr.n_messages, 1);
	others.hold_back = false;
	expect_gone();
	ck_assert_int_eq(others.n_delivered, 1);
	/* One that does not say what the file says is not believed. */
	test_put("active", ID, "a@x.example b@x.example", VIEW_EMPTY);
	n.n_rcpts = 2;
	message_take_notice(&n);
	TEST_WAIT_FOR(others.n_delivered == 2);
	expect_gone();
	ck_assert_int_eq(others.n_rcpts[1], 1);
	/* Without room what is in incoming stays until it is scanned. */
	qmgr.room = false;
	qmgr.n_messages += MANY * 10;
	n.queue = VIEW("incoming");
	test_put("incoming", ID, "a@x.example", VIEW_EMPTY);
	message_take_notice(&n);
	fiber_sleep(20);
	ck_assert_int_eq(others.n_delivered, 2);
	qmgr.n_messages -= MANY * 10;
	qmgr.room = true;
	n.rcpts = VIEW_EMPTY;
	message_take_notice(&n);
	TEST_WAIT_FOR(others.n_delivered == 3);
	TEST_WAIT_FOR(!test_file_is_in("incoming", ID));
	str_clear(&rcpts);
}

START_TEST(a_notice_spares_the_reading)
{
	open_all("");
	test_run(take_notices);
	test_close();
}
END_TEST

/* --- attack 90: agents and submitters that were taken over --- */

static void
keep_descriptor(void)
{
	int fd;

	test_put("active", ID, "defer@x.example", VIEW_EMPTY);
	ck_assert(message_open("active", VIEW(ID)));
	TEST_WAIT_FOR(test_file_is_in("deferred", ID) && qmgr.n_messages == 0);
	/* It has answered, and holds its lock all the same. */
	fd = open(queue_path_of("deferred", VIEW(ID)).text, O_RDONLY);
	ck_assert_int_eq(flock(fd, LOCK_SH), 0);
	ck_assert(!message_open("deferred", VIEW(ID)));
	deferred_remove(VIEW(ID));
	ck_assert(message_open_as(
	    "deferred", VIEW(ID), MESSAGE_ANSWERED));
	TEST_WAIT_FOR(others.n_delivered == 2 && qmgr.n_messages == 0);
	deferred_start();
	ck_assert(deferred_flush_id(VIEW(ID)));
	TEST_WAIT_FOR(others.n_delivered == 3 && qmgr.n_messages == 0);
	/* One that died in the middle may have a child that goes on. */
	others.agent_dies = true;
	ck_assert(deferred_flush_id(VIEW(ID)));
	TEST_WAIT_FOR(others.n_delivered >= 4 && qmgr.n_messages == 0 &&
	    deferred_has(VIEW(ID)));
	others.agent_dies = false;
	others.n_delivered = 0;
	ck_assert(deferred_flush_id(VIEW(ID)));
	fiber_sleep(100);
	ck_assert_int_eq(others.n_delivered, 0);
	close(fd);
	qmgr.draining = true;
	deferred_wake();
}

START_TEST(attack_90_who_keeps_a_descriptor_does_not_keep_the_message)
{
	open_all("");
	test_run(keep_descriptor);
	test_close();
}
END_TEST

static void
take_name(void)
{
	struct str rcpts = STR_EMPTY;
	struct ipc_queued n;

	test_put("active", ID, "defer@x.example", VIEW_EMPTY);
	ck_assert(message_open("active", VIEW(ID)));
	TEST_WAIT_FOR(test_file_is_in("deferred", ID) && qmgr.n_messages == 0);
	others.n_delivered = 0;
	fill_notice(&n, &rcpts, "a@x.example");
	test_put("active", ID, "a@x.example", VIEW_EMPTY);
	message_take_notice(&n);
	TEST_WAIT_FOR(test_file_is_in("corrupt", ID));
	ck_assert_int_eq(others.n_delivered, 0);
	ck_assert(deferred_has(VIEW(ID)));
	ck_assert(test_file_is_in("deferred", ID));
	str_clear(&rcpts);
}

START_TEST(attack_90_an_id_of_one_that_waits_is_not_taken)
{
	open_all("");
	test_run(take_name);
	test_close();
}
END_TEST

/* --- two destinations that end at the same time --- */

static void
end_together(void)
{
	struct str text = STR_EMPTY;
	int n = 0;

	test_put("active", ID,
	    "a@a.example b@b.example c@c.example d@d.example e@e.example "
	    "defer@f.example",
	    VIEW_EMPTY);
	others.hold_back = true;
	ck_assert(message_open("active", VIEW(ID)));
	TEST_WAIT_FOR(others.n_delivered == 6);
	others.hold_back = false;
	TEST_WAIT_FOR(qmgr.n_messages == 0);
	test_journal("deferred", ID, &text);
	for (const char *at = text.ptr; (at = strchr(at, ':')) != NULL; at++)
		n++;
	ck_assert_int_eq(n, 6);
	ck_assert_ptr_nonnull(strstr(text.ptr, "5+1:deferred"));
	str_clear(&text);
}

START_TEST(deliveries_that_end_together_are_all_written)
{
	open_all("");
	test_run(end_together);
	test_close();
}
END_TEST

/* --- what a message costs --- */

static void
measure(void)
{
	struct mallinfo2 before = mallinfo2(), after;
	struct str rcpts = STR_EMPTY;
	struct ipc_queued n;
	size_t bytes;

	fill_notice(&n, &rcpts, "some.user@domain.example.org");
	for (int64_t i = 0; i < MANY; i++) {
		char id[QUEUE_ID_MAX];

		snprintf(id, sizeof(id), "%05X%09llX", (unsigned)i,
		    (unsigned long long)i);
		n.queue_id = view_of(id);
		message_take_notice(&n);
	}
	/* All are to wait for a delivery. */
	qmgr.draining = true;
	TEST_WAIT_FOR(others.n_routed > 0 && fiber_count() == 1);
	ck_assert_int_eq(qmgr.n_messages, MANY);
	after = mallinfo2();
	bytes = (after.uordblks - before.uordblks) / MANY;
	if (getenv("MEASURE") != NULL)
		fprintf(
		    stderr, "%zu bytes a message of one recipient\n", bytes);
#ifndef BARID_CHECKS
	ck_assert_int_le(bytes, 1100);
#endif
	str_clear(&rcpts);
}

START_TEST(a_message_takes_about_a_kilobyte)
{
	/* None has to stand in line. */
	open_all("qmgr_message_active_limit = 100000\n");
	test_run(measure);
	test_close();
}
END_TEST

UNIT_MAIN("message", { a_message_takes_about_a_kilobyte, 1 },
    { a_message_goes_its_way, ARRAY_LEN(ways) },
    { who_is_decided_is_not_tried_again, 1 },
    { a_report_that_cannot_be_made_waits, 1 },
    { recipients_are_read_in_batches, 1 }, { what_is_too_old_is_returned, 1 },
    { soft_bounce_returns_nothing, 1 },
    { an_agent_without_an_outcome_means_later, 1 }, { damage_is_put_aside, 1 },
    { a_writer_that_comes_to_lock_its_file_can, 1 },
    { a_notice_spares_the_reading, 1 },
    { attack_90_who_keeps_a_descriptor_does_not_keep_the_message, 1 },
    { attack_90_an_id_of_one_that_waits_is_not_taken, 1 },
    { deliveries_that_end_together_are_all_written, 1 })
