/* Who has more than its share of the sessions of a service, and how often it
 * looks whether that is so still. */
#include "lib/daemon/control.h"
#include "lib/daemon/state.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static struct control_page page;
static struct daemon first_of_two = { .process = 1, .processes = 2 };

/* The other one has n sessions, and is there. */
static void
other_has(uint32_t n)
{
	page.sessions[1] = n + 1;
}

START_TEST(without_a_page_nobody_has_too_many)
{
	ck_assert(!share_count(&first_of_two, 1000, 0).is_over);
}
END_TEST

START_TEST(more_than_a_tenth_above_the_average_are_too_many)
{
	daemon_state.page = &page;
	ck_assert(!share_count(&first_of_two, 1000, 0).is_over);
	ck_assert_uint_eq(page.sessions[0], 1001);
	other_has(900);
	ck_assert(!share_count(&first_of_two, 1000, 0).is_over);
	other_has(800);
	ck_assert(share_count(&first_of_two, 1000, 0).is_over);
	other_has(0);
	ck_assert(share_count(&first_of_two, 1, 0).is_over);
	ck_assert(!share_count(&first_of_two, 8, 4).is_over);
	ck_assert(share_count(&first_of_two, 9, 4).is_over);
	ck_assert(!share_count(&first_of_two, 0, 0).is_over);
}
END_TEST

START_TEST(while_nothing_happens_it_looks_more_and_more_seldom)
{
	int64_t expected[] = { 20, 40, 80, 160, 320, 500, 500 };

	daemon_state.page = &page;
	other_has(0);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		struct share_verdict v = share_count(&first_of_two, 5, 0);

		ck_assert(v.is_over);
		ck_assert_int_eq(v.is_news, i == 0);
		ck_assert_int_eq(v.again_ms, expected[i]);
		ck_assert_int_eq(page.rests[0], i > 0);
	}
	other_has(1);
	ck_assert_int_eq(share_count(&first_of_two, 5, 0).again_ms, 20);
	ck_assert_int_eq(page.rests[0], 0);
	other_has(5);
	ck_assert(!share_count(&first_of_two, 5, 0).is_over);
	ck_assert_int_eq(page.rests[0], 0);
}
END_TEST

/* Else a client that comes now would wait until it looks again. */
START_TEST(one_of_them_accepts_always)
{
	daemon_state.page = &page;
	other_has(0);
	page.rests[1] = 1;
	ck_assert(!share_count(&first_of_two, 100, 0).is_over);
	ck_assert_int_eq(page.rests[0], 0);
	page.rests[1] = 0;
	ck_assert(share_count(&first_of_two, 100, 0).is_over);
}
END_TEST

UNIT_MAIN("share", { without_a_page_nobody_has_too_many, 1 },
    { more_than_a_tenth_above_the_average_are_too_many, 1 },
    { while_nothing_happens_it_looks_more_and_more_seldom, 1 },
    { one_of_them_accepts_always, 1 })
