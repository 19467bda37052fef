/* The scheduler, with deliveries that only the test ends. */
#include "qmgr/testing.h"

#include "lib/base/mem.h"

enum { IN_FLIGHT_MAX = 200 };

/* In place of deliver.c: what was started, until finish() is called. */
static struct {
	struct message *message;
	struct destination *destination;
	int64_t n_rcpts;
} in_flight[IN_FLIGHT_MAX];
static size_t n_in_flight;

void
deliver_start(struct job *job)
{
	int64_t limit = job->destination->transport->recipient_limit;
	struct list *it;
	int64_t n = 0;

	ck_assert(n_in_flight < IN_FLIGHT_MAX);
	while ((it = list_first(&job->rcpts)) != NULL && n < limit) {
		rcpt_free(LIST_ITEM(it, struct rcpt, node));
		job->message->n_open--;
		job->n_rcpts--;
		n++;
	}
	ck_assert_int_gt(n, 0);
	in_flight[n_in_flight].message = job->message;
	in_flight[n_in_flight].destination = job->destination;
	in_flight[n_in_flight++].n_rcpts = n;
	message_use(job->message);
}

/* The oldest delivery ends. */
static struct message *
finish(bool ok)
{
	struct message *m = in_flight[0].message;
	struct destination *d = in_flight[0].destination;

	ck_assert(n_in_flight > 0);
	memmove(in_flight, in_flight + 1, --n_in_flight * sizeof(in_flight[0]));
	if (ok)
		destination_succeeded(d);
	else
		destination_failed(d, "no answer");
	m->users--;
	schedule_done(d);
	return m;
}

static void
add_rcpt(struct destination *d, struct message *m, int64_t number,
    const char *sender)
{
	struct rcpt *r = xcalloc(1, sizeof(*r) + 1);

	list_init(&r->node);
	r->number = number;
	r->address = r->original = r->orcpt = r->text;
	qmgr.n_rcpts++;
	m->n_open++;
	schedule_add_from(d, m, r, sender);
}

/* A message of n recipients for one destination. */
static struct message *
add(struct destination *d, int64_t n)
{
	struct message *m = xcalloc(1, sizeof(*m));

	snprintf(m->id.text, sizeof(m->id.text), "ABCDEF0001");
	m->layout = VIEW_EMPTY;
	m->unwritten = STR_EMPTY;
	list_append(&qmgr.messages, &m->node);
	list_init(&m->unrouted);
	list_init(&m->jobs);
	m->sender = "";
	m->queue = "active";
	m->arrival_us = clock_wall_us();
	wait_queue_init(&m->journal_free);
	/* Never finished by itself. */
	message_use(m);
	for (int64_t i = 0; i < n; i++)
		add_rcpt(d, m, i, NULL);
	return m;
}

static struct destination *
destination(const char *nexthop)
{
	return destination_find(transport_find(VIEW("smtp")), view_of(nexthop));
}

START_TEST(a_window_grows_with_success_and_shrinks_with_failure)
{
	struct destination *d;

	test_open("default_destination_concurrency_limit = 20\n"
		  "default_destination_recipient_limit = 1\n");
	d = destination("a.example");
	add(d, 1000);
	schedule_run(d->transport);
	ck_assert_int_eq(n_in_flight, 5);
	for (int i = 0; i < 200; i++)
		finish(true);
	ck_assert_int_eq(d->window, 20);
	ck_assert_int_eq(n_in_flight, 20);
	ck_assert_int_eq(d->busy, 20);
	/* Failures, then one success so that no cohort fills. */
	for (int i = 0; i < 10; i++)
		finish(false);
	ck_assert_int_eq(d->window, 10);
	finish(true);
	ck_assert_int_eq(d->window, 11);
	test_close();
}
END_TEST

static struct destination *
destination_of(const char *transport, const char *address)
{
	return destination_of_rcpt(transport_find(view_of(transport)),
	    VIEW("a.example"), view_of(address));
}

/* Nobody waits for somebody else's mailbox. */
START_TEST(with_one_recipient_a_delivery_users_are_destinations)
{
	struct destination *d;

	test_open("recipient_delimiter = +\n"
		  "slow_destination_recipient_limit = 1\n");
	d = destination_of("local", "joe@a.example");
	ck_assert_str_eq(d->name, "joe@a.example");
	ck_assert_str_eq(d->nexthop, "a.example");
	ck_assert_ptr_eq(destination_of("local", "Joe+x@a.example"), d);
	ck_assert_ptr_ne(destination_of("local", "ann@a.example"), d);
	ck_assert_ptr_eq(destination_find_where(d->where), d);
	ck_assert_ptr_ne(destination_of("slow", "joe@a.example"),
	    destination_of("slow", "ann@a.example"));
	ck_assert_ptr_eq(destination_of("smtp", "joe@a.example"),
	    destination_of("smtp", "ann@a.example"));
	ck_assert_str_eq(
	    destination_of("smtp", "joe@a.example")->name, "a.example");
	test_close();
}
END_TEST

START_TEST(recipients_with_another_sender_are_another_delivery)
{
	static const char *const senders[] = { "srs@here.example", NULL, "",
		NULL, "srs@here.example" };
	struct destination *d;
	struct message *m;

	test_open("default_destination_recipient_limit = 50\n");
	d = destination("a.example");
	m = add(d, 0);
	for (size_t i = 0; i < ARRAY_LEN(senders); i++) {
		add_rcpt(d, m, (int64_t)i, senders[i]);
		/* Whatever its sender is. */
		ck_assert(schedule_has(d, m));
	}
	schedule_run(d->transport);
	ck_assert_int_eq(n_in_flight, 2);
	ck_assert_int_eq(in_flight[0].n_rcpts, 2);
	ck_assert_int_eq(in_flight[1].n_rcpts, 3);
	finish(true);
	finish(true);
	test_close();
}
END_TEST

START_TEST(an_idle_destination_does_not_grow)
{
	struct destination *d;

	test_open("");
	d = destination("a.example");
	for (int i = 0; i < 100; i++) {
		add(d, 1);
		schedule_run(d->transport);
		finish(true);
	}
	ck_assert_int_le(d->window, 7);
	test_close();
}
END_TEST

START_TEST(a_failed_cohort_makes_a_destination_dead)
{
	struct destination *d, *other;

	test_open("default_destination_recipient_limit = 1\n");
	d = destination("dead.example");
	other = destination("well.example");
	add(d, 100);
	add(other, 100);
	schedule_run(d->transport);
	ck_assert_int_eq(n_in_flight, 10);
	for (int i = 0; i < 10; i++) {
		bool bad = in_flight[0].destination == d;

		finish(!bad);
	}
	ck_assert_int_gt(d->dead_until, loop_now());
	ck_assert_int_eq(d->n_jobs, 0);
	ck_assert_int_eq(d->busy, 0);
	ck_assert_int_eq(other->dead_until, 0);
	ck_assert_int_gt(other->busy, 0);
	/* Tried again after a flush. */
	schedule_forget_dead();
	add(d, 10);
	schedule_run(d->transport);
	ck_assert_int_eq(d->busy, 5);
	test_close();
}
END_TEST

START_TEST(destinations_take_turns)
{
	struct destination *d[4];
	char name[] = "a.example";
	int seen[4] = { 0 };

	test_open("default_destination_recipient_limit = 1\n"
		  "default_session_limit = 4\n");
	for (int i = 0; i < 4; i++) {
		name[0] = (char)('a' + i);
		d[i] = destination(name);
		add(d[i], i == 0 ? 10000 : 20);
	}
	schedule_run(d[0]->transport);
	ck_assert_int_eq(n_in_flight, 4);
	for (int i = 0; i < 80; i++) {
		for (int k = 0; k < 4; k++)
			seen[k] += in_flight[0].destination == d[k];
		finish(true);
		ck_assert_int_eq(n_in_flight, 4);
	}
	for (int k = 0; k < 4; k++)
		ck_assert_int_eq(seen[k], 20);
	test_close();
}
END_TEST

static void
add_silent(int first, int n)
{
	for (int i = first; i < first + n; i++) {
		char name[40];
		struct destination *d;

		snprintf(name, sizeof(name), "silent%d.example", i);
		d = destination(name);
		for (int k = 0; k < 8; k++)
			add(d, 1);
		schedule_run(d->transport);
	}
}

/* Who does not answer keeps no slot from who does, nor from a newcomer. */
START_TEST(silent_destinations_leave_slots_to_others)
{
	struct destination *well, *fresh;

	test_open("default_session_limit = 160\n");
	well = destination("well.example");
	add(well, 1);
	schedule_run(well->transport);
	finish(true);
	add_silent(0, 60);
	ck_assert_int_lt(n_in_flight, 120);
	fresh = destination("fresh.example");
	add(fresh, 1);
	add(well, 1);
	schedule_run(well->transport);
	ck_assert_int_eq(fresh->busy, 1);
	ck_assert_int_eq(well->busy, 1);
	/* More than there are slots: who is known to answer still has some. */
	add_silent(60, 130);
	ck_assert_int_lt(n_in_flight, 160);
	for (int i = 0; i < 10; i++)
		add(well, 1);
	schedule_run(well->transport);
	ck_assert_int_ge(well->busy, well->transport->initial);
	test_close();
}
END_TEST

/* Destinations that answered once, and then no more. */
START_TEST(who_falls_silent_leaves_slots_to_others)
{
	struct destination *d, *well;

	test_open("default_session_limit = 160\n"
		  "initial_destination_concurrency = 10\n");
	well = destination("well.example");
	add(well, 1);
	schedule_run(well->transport);
	finish(true);
	for (int i = 0; i < 20; i++) {
		char name[40];

		snprintf(name, sizeof(name), "silent%d.example", i);
		d = destination(name);
		turn_heard(d);
		for (int k = 0; k < 20; k++)
			add(d, 1);
		schedule_run(d->transport);
	}
	ck_assert_int_lt(n_in_flight, 160);
	add(well, 1);
	schedule_run(well->transport);
	ck_assert_int_eq(well->busy, 1);
	test_close();
}
END_TEST

/* A limit that one destination uses alone is not cut by much. */
START_TEST(a_single_destination_may_use_nearly_all_slots)
{
	struct destination *d;

	test_open("default_session_limit = 20\n"
		  "initial_destination_concurrency = 20\n");
	d = destination("a.example");
	for (int i = 0; i < 30; i++)
		add(d, 1);
	schedule_run(d->transport);
	ck_assert_int_ge(d->busy, 19);
	test_close();
}
END_TEST

/* Single mails behind a bulk job of 100,000: each is started within a few
 * deliveries, and the bulk job still gets most of them. */
START_TEST(a_bulk_job_does_not_starve_single_mail)
{
	struct destination *d;
	struct message *bulk;
	int64_t bulk_done = 0, single_done = 0, waited = 0, longest = 0;

	test_open("default_destination_concurrency_limit = 5\n"
		  "default_destination_recipient_limit = 50\n");
	d = destination("a.example");
	bulk = add(d, 100000);
	schedule_run(d->transport);
	for (int i = 0; i < 1500; i++) {
		/* A single message arrives every ten deliveries. */
		if (i % 10 == 0) {
			ck_assert_int_le(d->n_jobs, 5);
			add(d, 1);
			waited = 0;
		}
		if (finish(true) == bulk)
			bulk_done++;
		else
			single_done++;
		if (d->n_jobs > 1 && ++waited > longest)
			longest = waited;
	}
	ck_assert_int_ge(single_done, 148);
	ck_assert_int_ge(bulk_done, 1300);
	ck_assert_int_le(longest, 10);
	test_close();
}
END_TEST

/* As many single mails as one likes slow a bulk job by a bounded share. */
START_TEST(single_mail_does_not_starve_a_bulk_job)
{
	struct destination *d;
	struct message *bulk;
	int64_t bulk_done = 0;

	test_open("default_destination_concurrency_limit = 5\n"
		  "default_destination_recipient_limit = 50\n");
	d = destination("a.example");
	bulk = add(d, 100000);
	for (int i = 0; i < 2000; i++)
		add(d, 1);
	schedule_run(d->transport);
	for (int i = 0; i < 1200; i++)
		bulk_done += finish(true) == bulk;
	/* A slot for five deliveries, and three on loan. */
	ck_assert_int_ge(bulk_done, 1200 * 5 / 6 - 10);
	ck_assert_int_lt(bulk_done, 1200);
	test_close();
}
END_TEST

static void
wait_for_rate(void)
{
	struct destination *d = destination("a.example");
	int64_t start = loop_now();

	schedule_run(d->transport);
	for (int i = 0; i < 4; i++) {
		TEST_WAIT_FOR(n_in_flight == 1);
		finish(true);
		ck_assert_int_eq(n_in_flight, 0);
	}
	/* Three pauses. */
	ck_assert_int_ge(clock_ms() - start, 3 * 50 - 5);
}

START_TEST(a_rate_delay_is_kept)
{
	test_open("default_destination_rate_delay = 50ms\n"
		  "default_destination_recipient_limit = 1\n");
	add(destination("a.example"), 100);
	test_run(wait_for_rate);
	test_close();
}
END_TEST

START_TEST(what_waits_can_be_dropped)
{
	struct destination *a, *b;
	struct message *m, *other;

	test_open("default_destination_recipient_limit = 1\n");
	a = destination("a.example");
	b = destination("b.example");
	m = add(a, 100);
	other = add(a, 3);
	for (int i = 0; i < 3; i++)
		add_rcpt(b, m, i, NULL);
	schedule_run(a->transport);
	schedule_drop(m);
	ck_assert_int_eq(m->n_open, 0);
	ck_assert_int_eq(b->n_jobs, 0);
	ck_assert(list_is_empty(&m->jobs));
	while (n_in_flight > 0)
		finish(true);
	ck_assert_int_eq(other->n_open, 0);
	ck_assert_int_eq(a->busy + b->busy, 0);
	ck_assert_int_eq(a->transport->n_busy, 0);
	ck_assert_int_eq(qmgr.n_rcpts, 0);
	ck_assert_int_eq(m->users, 1);
	ck_assert_int_eq(other->users, 1);
	test_close();
}
END_TEST

static void
wait_for_deferral(void)
{
	struct destination *d = destination("a.example");
	struct message *m = add(d, 3);

	m->act = ACT_NONE;
	add_rcpt(d, m, 3, "srs@here.example");
	schedule_run(d->transport);
	TEST_WAIT_FOR(m->n_open == 0 && m->users == 1);
	ck_assert(m->was_deferred);
	ck_assert_int_eq(n_in_flight, 0);
}

START_TEST(a_transport_may_be_deferred_by_configuration)
{
	test_open("defer_transports = lmtp, smtp\n");
	test_run(wait_for_deferral);
	test_close();
}
END_TEST

UNIT_MAIN("schedule",
    { with_one_recipient_a_delivery_users_are_destinations, 1 },
    { a_window_grows_with_success_and_shrinks_with_failure, 1 },
    { recipients_with_another_sender_are_another_delivery, 1 },
    { an_idle_destination_does_not_grow, 1 },
    { a_failed_cohort_makes_a_destination_dead, 1 },
    { destinations_take_turns, 1 },
    { silent_destinations_leave_slots_to_others, 1 },
    { who_falls_silent_leaves_slots_to_others, 1 },
    { a_single_destination_may_use_nearly_all_slots, 1 },
    { a_bulk_job_does_not_starve_single_mail, 1 },
    { single_mail_does_not_starve_a_bulk_job, 1 }, { a_rate_delay_is_kept, 1 },
    { what_waits_can_be_dropped, 1 },
    { a_transport_may_be_deferred_by_configuration, 1 })
