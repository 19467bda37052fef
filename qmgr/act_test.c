/* What administrators ask, of messages at rest and in flight. */
#include "qmgr/others.h"

#include "lib/base/mem.h"

/* As postsuper asks; how many it was done to. */
static int
act(const char *action, const char *queues)
{
	struct str ids = STR_EMPTY;
	struct ipc_queue_id id = { VIEW(ID) };
	struct ipc_queue_act ask = { .action = view_of(action),
		.queues = view_of(queues) };
	struct ipc_queue_acted answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e;
	bool more;
	int n = 0;

	ipc_list_add(&ids, ipc_queue_id_type(), &id);
	ask.ids = str_view(&ids);
	e = ipc_call(&qmgr_service, IPC_OUT(queue_act, &ask),
	    IPC_IN(queue_acted, &answer), &keep, deadline_in(5));
	ck_assert_msg(!err_is(e), "%s", e.text);
	while (
	    !err_is(ipc_list_next(&answer.ids, IPC_IN(queue_id, &id), &more)) &&
	    more)
		n++;
	if (answer.status != ERR_NONE)
		n = -1;
	ipc_keep_clear(&keep);
	str_clear(&ids);
	return n;
}

#define ALL "hold incoming active deferred"

static void
at_rest(void)
{
	test_put("deferred", ID, "a@x.example", VIEW_EMPTY);
	deferred_add(VIEW(ID), clock_wall() + 100, "x.example");
	ck_assert_int_eq(act("nonsense", ALL), -1);
	ck_assert_int_eq(act("hold", "active"), 0);
	ck_assert_int_eq(act("release", ALL), 0);
	ck_assert_int_eq(act("hold", ALL), 1);
	ck_assert(test_file_is_in("hold", ID));
	ck_assert(!deferred_has(VIEW(ID)));
	ck_assert_int_eq(act("hold", ALL), 0);
	ck_assert_int_eq(act("release", ALL), 1);
	ck_assert(test_file_is_in("deferred", ID));
	ck_assert(deferred_has(VIEW(ID)));
	ck_assert_int_eq(act("delete", ALL), 1);
	ck_assert(!test_file_is_in("deferred", ID));
	ck_assert(!deferred_has(VIEW(ID)));
	ck_assert_int_eq(act("delete", ALL), 0);
	ck_assert_int_eq(others.n_delivered, 0);
}

START_TEST(a_message_at_rest_is_dealt_with_at_once)
{
	open_all("");
	test_run(at_rest);
	test_close();
}
END_TEST

/* Twenty recipients of one user, five deliveries at once: fifteen wait. */
static void
begin_twenty(void)
{
	struct str rcpts = STR_EMPTY;

	for (int i = 0; i < 20; i++)
		str_addf(&rcpts, "user+%d@x.example ", i);
	test_put("active", ID, rcpts.ptr, VIEW_EMPTY);
	others.hold_back = true;
	ck_assert(message_open("active", VIEW(ID)));
	TEST_WAIT_FOR(others.n_delivered == 5);
	str_clear(&rcpts);
}

static void
delete_in_flight(void)
{
	begin_twenty();
	ck_assert_int_eq(act("delete", ALL), 1);
	ck_assert_int_eq(qmgr.n_rcpts, 5);
	ck_assert(test_file_is_in("active", ID));
	others.hold_back = false;
	expect_gone();
	ck_assert_int_eq(others.n_delivered, 5);
	ck_assert_int_eq(others.n_reports[REPORT_FAILURE], 0);
}

static void
hold_in_flight(void)
{
	struct str journal = STR_EMPTY;
	int n = 0;

	begin_twenty();
	ck_assert_int_eq(act("hold", ALL), 1);
	others.hold_back = false;
	TEST_WAIT_FOR(qmgr.n_messages == 0);
	ck_assert(test_file_is_in("hold", ID));
	ck_assert_int_eq(others.n_delivered, 5);
	test_journal("hold", ID, &journal);
	for (const char *at = journal.ptr; (at = strstr(at, "sent")) != NULL;
	     at++)
		n++;
	ck_assert_int_eq(n, 5);
	/* Who has it does not get it again. */
	ck_assert_int_eq(act("release", ALL), 1);
	deferred_remove(VIEW(ID));
	ck_assert(message_open("deferred", VIEW(ID)));
	expect_gone();
	ck_assert_int_eq(others.n_delivered, 20);
	str_clear(&journal);
}

static void
take_a_hold_back(void)
{
	begin_twenty();
	ck_assert_int_eq(act("hold", ALL), 1);
	ck_assert_int_eq(act("release", ALL), 1);
	others.hold_back = false;
	TEST_WAIT_FOR(qmgr.n_messages == 0);
	ck_assert(test_file_is_in("deferred", ID));
	ck_assert(deferred_has(VIEW(ID)));
}

static void
requeue_in_flight(void)
{
	struct str journal = STR_EMPTY;

	begin_twenty();
	ck_assert_int_eq(act("requeue", ALL), 1);
	ck_assert(test_file_is_in("active", ID));
	others.hold_back = false;
	TEST_WAIT_FOR(qmgr.n_messages == 0);
	ck_assert(test_file_is_in("maildrop", ID));
	ck_assert(!deferred_has(VIEW(ID)));
	ck_assert_int_eq(others.n_delivered, 5);
	/* Who has it will not get it again. */
	test_journal("maildrop", ID, &journal);
	ck_assert_ptr_nonnull(strstr(journal.ptr, "sent"));
	str_clear(&journal);
}

static void
requeue_at_rest(void)
{
	test_put("deferred", ID, "a@x.example", VIEW_EMPTY);
	deferred_add(VIEW(ID), clock_wall() + 100, NULL);
	ck_assert_int_eq(act("requeue", ALL), 1);
	ck_assert(test_file_is_in("maildrop", ID));
	ck_assert(!deferred_has(VIEW(ID)));
	ck_assert_int_eq(act("requeue", ALL), 0);
	test_put("hold", ID, "a@x.example", VIEW_EMPTY);
	/* Never over what is there. */
	ck_assert_int_eq(act("requeue", ALL), 0);
	ck_assert(test_file_is_in("hold", ID));
}

/* The last delivery is under way: nothing is left to be held. */
static void
hold_the_last(void)
{
	test_put("active", ID, "a@x.example", VIEW_EMPTY);
	others.hold_back = true;
	ck_assert(message_open("active", VIEW(ID)));
	TEST_WAIT_FOR(others.n_delivered == 1);
	ck_assert_int_eq(act("hold", ALL), 1);
	others.hold_back = false;
	expect_gone();
	ck_assert(!test_file_is_in("hold", ID));
}

static void
expire_in_flight(void)
{
	test_put("active", ID, "defer@x.example", VIEW_EMPTY);
	others.hold_back = true;
	ck_assert(message_open("active", VIEW(ID)));
	TEST_WAIT_FOR(others.n_delivered == 1);
	ck_assert_int_eq(act("expire", ALL), 1);
	others.hold_back = false;
	expect_gone();
	ck_assert_int_eq(others.n_reports[REPORT_FAILURE], 1);
}

static void
expire_at_rest(void)
{
	test_put("deferred", ID, "a@x.example b@y.example", VIEW_EMPTY);
	ck_assert_int_eq(act("expire", ALL), 1);
	ck_assert(message_open("deferred", VIEW(ID)));
	expect_gone();
	ck_assert_int_eq(others.n_delivered, 0);
	ck_assert_int_eq(others.n_reports[REPORT_FAILURE], 1);
}

/* One after the other, whatever is under way. */
static void
delete_while_it_is_opened(void)
{
	test_put("incoming", ID, "a@x.example", VIEW_EMPTY);
	test_put("active", "0123A000000002", "a@x.example", VIEW_EMPTY);
	for (int i = 0; i < 50; i++) {
		struct queue_id id = { ID };

		if (i % 2 == 0)
			message_open("incoming", queue_id_view(&id));
		act(i % 4 < 2 ? "hold" : "release", ALL);
	}
	act("delete", ALL);
	TEST_WAIT_FOR(qmgr.n_messages == 0);
	ck_assert(!test_file_is_in("active", ID));
	ck_assert(!test_file_is_in("incoming", ID));
}

static void
open_meanwhile(void *arg)
{
	bool *done = arg;

	/* act_run has begun, and waits for a thread. */
	while (qmgr.n_working == 0)
		fiber_yield();
	ck_assert(!message_claim(VIEW(ID)));
	ck_assert(!message_open("deferred", VIEW(ID)));
	*done = true;
}

/* While a file is moved somebody begins to open it: it is held, not delivered
 * as well. */
static void
open_while_it_is_held(void)
{
	for (int i = 0; i < 20; i++) {
		bool done = false;

		test_put("deferred", ID, "a@x.example", VIEW_EMPTY);
		fiber_spawn("opener", open_meanwhile, &done);
		ck_assert_int_eq(act("hold", "deferred"), 1);
		TEST_WAIT_FOR(done && qmgr.n_messages == 0);
		ck_assert_int_eq(others.n_delivered, 0);
		ck_assert_int_eq(act("delete", "hold"), 1);
	}
}

/* What comes due while an administrator's act is under way is not forgotten. */
static void
come_due_while_it_is_claimed(void)
{
	deferred_start();
	test_put("deferred", ID, "a@x.example", VIEW_EMPTY);
	ck_assert(message_claim(VIEW(ID)));
	deferred_add(VIEW(ID), clock_wall(), NULL);
	TEST_WAIT_FOR(!deferred_has(VIEW(ID)));
	fiber_sleep(30);
	message_unclaim(VIEW(ID));
	TEST_WAIT_FOR(!test_file_is_in("deferred", ID));
	expect_gone();
	ck_assert_int_eq(others.n_delivered, 1);
}

static void
leave(void)
{
	begin_twenty();
	drain_start(NULL);
	message_open("active", VIEW("0123A000000002"));
	ck_assert_int_eq(qmgr.n_working, 5);
	others.hold_back = false;
	TEST_WAIT_FOR(qmgr.n_working == 0);
	/* No sixth was begun, and what was done is written. */
	ck_assert_int_eq(others.n_delivered, 5);
	ck_assert(test_file_is_in("active", ID));
}

static const struct {
	const char *name;
	void (*run)(void);
} acts[] = {
	{ "delete", delete_in_flight },
	{ "hold", hold_in_flight },
	{ "hold, release", take_a_hold_back },
	{ "hold the last", hold_the_last },
	{ "requeue", requeue_in_flight },
	{ "requeue at rest", requeue_at_rest },
	{ "expire", expire_in_flight },
	{ "expire at rest", expire_at_rest },
	{ "delete while opened", delete_while_it_is_opened },
	{ "open while held", open_while_it_is_held },
	{ "due while claimed", come_due_while_it_is_claimed },
	{ "leave", leave },
};

START_TEST(a_message_in_flight_is_dealt_with_after_it)
{
	open_all("default_destination_recipient_limit = 1\n"
		 "recipient_delimiter = +\n"
		 "default_destination_concurrency_limit = 5\n");
	test_run(acts[_i].run);
	test_close();
}
END_TEST

UNIT_MAIN("act", { a_message_at_rest_is_dealt_with_at_once, 1 },
    { a_message_in_flight_is_dealt_with_after_it, ARRAY_LEN(acts) })
