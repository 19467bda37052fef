/* Outcomes that come when nobody waits for them any more, and agents that do
 * not come back. */
#include "qmgr/others.h"

#include "lib/base/mem.h"

#include <sys/file.h>

#define PATH "active/" ID
#define OTHER_ID "0123A000000002"
#define RCPTS "a@x.example b@x.example c@x.example"

enum descriptor {
	OF_THE_FILE,
	OF_NOTHING,
	OF_ANOTHER,    /* message, which is there too */
	OF_AN_OLD_ONE, /* the name means another file now */
	OF_A_PIPE,
	FOR_WRITING,
	OF_A_LINKED_ONE, /* the name is a link to it */
	OF_A_LOCKED_ONE, /* somebody has the file for himself */
};

/* Statuses by number of the recipients that the request was for (a to c: 0 to
 * 2); "-" was not asked for. */
static const struct {
	enum descriptor descriptor;
	const char *queue;
	const char *asked, *told; /* s: sent, d: deferred, b: bounced */
	enum err_kind answer;
	const char *journal;
} cases[] = {
	{ OF_THE_FILE, "active", "***", "sdb", ERR_NONE,
	    "0+1:sent 2+1:bounced" },
	{ OF_THE_FILE, "incoming", "***", "sss", ERR_NONE,
	    "0+1:sent 1+1:sent 2+1:sent" },
	{ OF_THE_FILE, "deferred", "-*-", "-s-", ERR_NONE, "1+1:sent" },
	{ OF_THE_FILE, "hold", "*--", "s--", ERR_NONE, "0+1:sent" },
	{ OF_THE_FILE, "active", "***", "ddd", ERR_NONE, "" },
	/* What another agent was asked for, or more. */
	{ OF_THE_FILE, "active", "*--", "-s-", ERR_PERM, "" },
	{ OF_THE_FILE, "active", "*--", "ss-", ERR_PERM, "" },
	{ OF_THE_FILE, "active", "***", "ss-", ERR_PERM, "" },
	{ OF_THE_FILE, "active", "---*", "---s", ERR_PERM, "" },
	/* Descriptors that are not what was given. */
	{ OF_NOTHING, "active", "***", "sss", ERR_PERM, "" },
	{ OF_ANOTHER, "active", "***", "sss", ERR_PERM, "" },
	{ OF_AN_OLD_ONE, "active", "***", "sss", ERR_PERM, "" },
	{ OF_A_PIPE, "active", "***", "sss", ERR_PERM, "" },
	{ FOR_WRITING, "active", "***", "sss", ERR_PERM, "" },
	{ OF_A_LINKED_ONE, "active", "***", "sss", ERR_PERM, "" },
	{ OF_A_LOCKED_ONE, "active", "***", "sss", ERR_TEMP, "" },
};
static int way;

static struct seal
seal_for(const char *id, const char *asked)
{
	struct str sealed = STR_EMPTY;
	struct seal seal;

	seal_begin(&sealed, view_of(id));
	for (int64_t i = 0; asked[i] != '\0'; i++)
		if (asked[i] != '-')
			seal_add(&sealed, i);
	seal = seal_end(&sealed);
	str_clear(&sealed);
	return seal;
}

static enum err_kind
tell(const char *id, struct view seal, const char *told, int fd)
{
	struct str list = STR_EMPTY;
	struct ipc_late_delivered late = {
		.file = fd, .queue_id = view_of(id), .seal = seal
	};
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_result answer;
	struct err e;

	for (int64_t i = 0; told[i] != '\0'; i++) {
		struct ipc_outcome o = { .number = i,
			.status = told[i] == 's' ? OUTCOME_SENT
			    : told[i] == 'b'	 ? OUTCOME_BOUNCED
						 : OUTCOME_DEFERRED,
			.dsn = VIEW("2.0.0"),
			.text = VIEW("late"),
			.relay = VIEW("r"),
			.remote = VIEW_EMPTY };

		if (told[i] != '-')
			ipc_list_add(&list, ipc_outcome_type(), &o);
	}
	late.outcomes = str_view(&list);
	e = ipc_call_once(&qmgr_service, IPC_OUT(late_delivered, &late),
	    IPC_IN(result, &answer), &keep, deadline_in(10));
	ck_assert_msg(!err_is(e), "%s", e.text);
	ipc_keep_clear(&keep);
	str_clear(&list);
	return (enum err_kind)answer.status;
}

static int
open_given(const char *path)
{
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_SH | LOCK_NB), 0);
	return fd;
}

static int
make_descriptor(enum descriptor kind, const char *path, int *also)
{
	int ends[2];

	*also = -1;
	switch (kind) {
	case OF_THE_FILE:
		break;
	case OF_NOTHING:
		return -1;
	case OF_ANOTHER:
		test_put("active", OTHER_ID, RCPTS, VIEW_EMPTY);
		return open_given("active/" OTHER_ID);
	case OF_AN_OLD_ONE:
		*also = open_given(path);
		ck_assert_int_eq(unlink(path), 0);
		test_put("active", ID, RCPTS, VIEW_EMPTY);
		return dup(*also);
	case OF_A_PIPE:
		ck_assert_int_eq(pipe(ends), 0);
		*also = ends[1];
		return ends[0];
	case FOR_WRITING:
		return open(path, O_RDWR);
	case OF_A_LINKED_ONE:
		ck_assert_int_eq(rename(path, "hold/x"), 0);
		ck_assert_int_eq(symlink("../hold/x", path), 0);
		return open_given(path);
	case OF_A_LOCKED_ONE:
		*also = open(path, O_RDWR);
		ck_assert_int_eq(flock(*also, LOCK_EX | LOCK_NB), 0);
		return open(path, O_RDONLY);
	}
	return open_given(path);
}

static void
tell_one(void)
{
	const char *queue = cases[way].queue;
	struct seal seal = seal_for(ID, cases[way].asked);
	struct str text = STR_EMPTY;
	bool is_held = strcmp(queue, "hold") == 0;
	int fd, also;

	test_put(queue, ID, RCPTS, VIEW_EMPTY);
	fd = make_descriptor(
	    cases[way].descriptor, queue_path_of(queue, VIEW(ID)).text, &also);
	ck_assert_int_eq(
	    tell(ID, seal_view(&seal), cases[way].told, fd), cases[way].answer);
	test_journal(queue, ID, &text);
	ck_assert_str_eq(text.ptr, cases[way].journal);
	if (cases[way].answer == ERR_NONE)
		ck_assert_int_eq(deferred_has(VIEW(ID)), !is_held);
	if (also >= 0)
		close(also);
	/* Given back, whatever came of it. */
	ck_assert(message_claim(VIEW(ID)));
	message_unclaim(VIEW(ID));
	ck_assert_int_eq(qmgr.n_working, 0);
	str_clear(&text);
}

START_TEST(only_what_was_asked_for_is_taken)
{
	way = _i;
	open_all("");
	test_run(tell_one);
	test_close();
}
END_TEST

static void
tell_what_is_known(void)
{
	struct str journal = STR_EMPTY, text = STR_EMPTY;
	struct seal seal = seal_for(ID, "***");

	queue_sample_outcome(&journal, 0, 1, OUTCOME_BOUNCED, "5.0.0", "no");
	queue_sample_outcome(&journal, 1, 1, OUTCOME_DEFERRED, "4.0.0", "-");
	test_put("active", ID, RCPTS, str_view(&journal));
	ck_assert_int_eq(
	    tell(ID, seal_view(&seal), "ssd", open_given(PATH)), ERR_NONE);
	test_journal("active", ID, &text);
	ck_assert_str_eq(text.ptr, "0+1:bounced 1+1:deferred 1+1:sent");
	/* Once more: nothing new. */
	ck_assert_int_eq(
	    tell(ID, seal_view(&seal), "ssd", open_given(PATH)), ERR_NONE);
	test_journal("active", ID, &text);
	ck_assert_str_eq(text.ptr, "0+1:bounced 1+1:deferred 1+1:sent");
	/* Only c is still delivered to. */
	ck_assert(message_open("active", VIEW(ID)));
	expect_gone();
	ck_assert_int_eq(others.n_rcpts[0], 0);
	ck_assert_int_eq(others.n_rcpts[1], 0);
	ck_assert_int_eq(others.n_rcpts[2], 1);
	/* And now there is no such message. */
	ck_assert_int_eq(tell(ID, seal_view(&seal), "ssd", -1), ERR_PERM);
	str_clear(&journal);
	str_clear(&text);
}

START_TEST(a_decided_recipient_stays_as_it_is)
{
	open_all("");
	test_run(tell_what_is_known);
	test_close();
}
END_TEST

static void
wait_for_the_agent(void)
{
	struct seal seal = seal_for(ID, "***");
	int fd;

	test_put("active", ID, RCPTS, VIEW_EMPTY);
	fd = open_given(PATH);
	/* The descriptor says that it is being delivered. */
	deferred_start();
	ck_assert(!message_open("active", VIEW(ID)));
	ck_assert(deferred_has(VIEW(ID)));
	ck_assert_int_eq(tell(ID, seal_view(&seal), "sss", fd), ERR_NONE);
	TEST_WAIT_FOR(!test_file_is_in("active", ID));
	expect_gone();
	ck_assert_int_eq(others.n_delivered, 0);
	qmgr.draining = true;
	deferred_wake();
	TEST_WAIT_FOR(fiber_count() == 1);
}

START_TEST(a_message_that_is_wholly_delivered_goes)
{
	open_all("");
	test_run(wait_for_the_agent);
	test_close();
}
END_TEST

static void
tell_in_mid_delivery(void)
{
	struct seal given, wrong;

	test_put("active", ID, RCPTS, VIEW_EMPTY);
	others.hold_back = true;
	ck_assert(message_open("active", VIEW(ID)));
	TEST_WAIT_FOR(others.n_delivered == 1);
	given = others.seal;
	/* What went with the request fits; but the message is in memory. */
	ck_assert_int_eq(
	    tell(ID, seal_view(&given), "sss", open_given(PATH)), ERR_TEMP);
	wrong = given;
	wrong.bytes[0] ^= 1;
	ck_assert_int_eq(
	    tell(ID, seal_view(&wrong), "sss", open_given(PATH)), ERR_PERM);
	ck_assert_int_eq(
	    tell(ID, VIEW_EMPTY, "sss", open_given(PATH)), ERR_PERM);
	others.hold_back = false;
	expect_gone();
}

START_TEST(a_message_in_memory_is_not_touched)
{
	open_all("");
	test_run(tell_in_mid_delivery);
	test_close();
}
END_TEST

static void
bounce_softly(void)
{
	struct seal seal = seal_for(ID, "***");
	struct str text = STR_EMPTY;

	test_put("active", ID, RCPTS, VIEW_EMPTY);
	ck_assert_int_eq(
	    tell(ID, seal_view(&seal), "bsb", open_given(PATH)), ERR_NONE);
	test_journal("active", ID, &text);
	ck_assert_str_eq(text.ptr, "1+1:sent");
	str_clear(&text);
}

START_TEST(soft_bounce_holds_for_late_ones_too)
{
	open_all("soft_bounce = yes\n");
	test_run(bounce_softly);
	test_close();
}
END_TEST

START_TEST(the_key_outlives_the_process)
{
	char path[] = "/tmp/late-key.XXXXXX";
	int fd = mkstemp(path);
	struct seal zero = seal_for(ID, "*"), first, second;

	unlink(path);
	seal_open(fd);
	first = seal_for(ID, "*");
	ck_assert_mem_ne(&zero, &first, sizeof(zero));
	seal_open(fd);
	second = seal_for(ID, "*");
	ck_assert_mem_eq(&first, &second, sizeof(first));
	/* Cut off by a crash: another one. */
	ck_assert_int_eq(ftruncate(fd, 8), 0);
	seal_open(fd);
	second = seal_for(ID, "*");
	ck_assert_mem_ne(&first, &second, sizeof(first));
	close(fd);
}
END_TEST

/* --- agents that die --- */

static void
lose_agents(void)
{
	struct transport *t;

	test_put("active", ID, RCPTS, VIEW_EMPTY);
	test_put("active", OTHER_ID, RCPTS, VIEW_EMPTY);
	others.agent_dies = true;
	ck_assert(message_open("active", VIEW(ID)));
	expect_deferred("0+3:deferred");
	t = transport_find(VIEW("smtp"));
	ck_assert_int_eq(t->dead_until, 0);
	fiber_sleep(5);
	ck_assert(message_open("active", VIEW(OTHER_ID)));
	TEST_WAIT_FOR(qmgr.n_messages == 0);
	ck_assert_int_gt(t->dead_until, loop_now());
	ck_assert_int_eq(others.n_delivered, 2);
}

START_TEST(the_second_agent_lost_in_a_row_stands_for_the_transport)
{
	open_all("");
	test_run(lose_agents);
	test_close();
}
END_TEST

static void
lose_one_agent(void)
{
	struct transport *t;

	test_put("active", ID, RCPTS, VIEW_EMPTY);
	test_put("active", OTHER_ID, RCPTS, VIEW_EMPTY);
	others.agent_dies = true;
	ck_assert(message_open("active", VIEW(ID)));
	expect_deferred("0+3:deferred");
	t = transport_find(VIEW("smtp"));
	ck_assert_int_gt(t->lost_at, 0);
	fiber_sleep(5);
	others.agent_dies = false;
	ck_assert(message_open("active", VIEW(OTHER_ID)));
	TEST_WAIT_FOR(qmgr.n_messages == 0);
	ck_assert_int_eq(t->dead_until, 0);
	ck_assert_int_eq(t->lost_at, 0);
	ck_assert(!test_file_is_in("active", OTHER_ID));
}

START_TEST(an_answer_makes_one_lost_agent_good)
{
	open_all("");
	test_run(lose_one_agent);
	test_close();
}
END_TEST

/* --- reports that nobody takes --- */

static void
be_refused_a_report(void)
{
	test_put("active", ID, "bounce@x.example", VIEW_EMPTY);
	others.report_is_refused = true;
	ck_assert(message_open("active", VIEW(ID)));
	if (way == 0)
		expect_deferred("0+1:bounced");
	else
		expect_gone();
	ck_assert_int_eq(others.n_reports[REPORT_FAILURE], 1);
}

START_TEST(a_report_that_is_refused_is_given_up_in_the_end)
{
	way = _i;
	open_all(way == 0 ? "" : "maximal_queue_lifetime = 0\n");
	test_run(be_refused_a_report);
	test_close();
}
END_TEST

UNIT_MAIN("late", { only_what_was_asked_for_is_taken, ARRAY_LEN(cases) },
    { a_decided_recipient_stays_as_it_is, 1 },
    { a_message_that_is_wholly_delivered_goes, 1 },
    { a_message_in_memory_is_not_touched, 1 },
    { soft_bounce_holds_for_late_ones_too, 1 },
    { the_key_outlives_the_process, 1 },
    { the_second_agent_lost_in_a_row_stands_for_the_transport, 1 },
    { an_answer_makes_one_lost_agent_good, 1 },
    { a_report_that_is_refused_is_given_up_in_the_end, 2 })
