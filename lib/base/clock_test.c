/* Clocks go forward; deadlines saturate. */
#include "lib/base/clock.h"

#include "lib/base/unit.h"

#include <limits.h>
#include <time.h>

START_TEST(the_clocks_agree_with_themselves)
{
	int64_t us = clock_us(), ms = clock_ms(), again = clock_us();
	int64_t wall = clock_wall(), wall_us = clock_wall_us();

	ck_assert_int_le(us / 1000, ms);
	ck_assert_int_le(ms, again / 1000);
	ck_assert_int_le(wall, wall_us / 1000000);
	ck_assert_int_le(wall_us / 1000000 - wall, 60);
	ck_assert_int_ge(wall + 60, time(NULL));
}
END_TEST

START_TEST(a_deadline_is_that_far_away)
{
	int64_t before = clock_ms();
	int64_t s = deadline_in(10), ms = deadline_in_ms(250);
	int64_t after = clock_ms();

	ck_assert_int_ge(s, before + 10000);
	ck_assert_int_le(s, after + 10000);
	ck_assert_int_ge(ms, before + 250);
	ck_assert_int_le(ms, after + 250);
}
END_TEST

START_TEST(no_limit_and_too_far_are_never)
{
	ck_assert_int_eq(deadline_in(0), DEADLINE_NEVER);
	ck_assert_int_eq(deadline_in(-1), DEADLINE_NEVER);
	ck_assert_int_eq(deadline_in(INT64_MAX), DEADLINE_NEVER);
	ck_assert_int_eq(deadline_in(INT64_MAX / 1000), DEADLINE_NEVER);
	ck_assert_int_eq(deadline_in_ms(INT64_MAX), DEADLINE_NEVER);
	ck_assert_int_lt(deadline_in_ms(0), DEADLINE_NEVER);
}
END_TEST

START_TEST(deadline_left_is_what_poll_takes)
{
	int64_t now = clock_ms();
	int left = deadline_left(now + 5000);

	ck_assert_int_eq(deadline_left(DEADLINE_NEVER), -1);
	ck_assert_int_eq(deadline_left(now - 1), 0);
	ck_assert_int_eq(deadline_left(0), 0);
	ck_assert_int_eq(deadline_left(INT64_MIN), 0);
	ck_assert_int_eq(deadline_left(DEADLINE_NEVER - 1), INT_MAX);
	ck_assert_int_le(left, 5000);
	ck_assert_int_gt(left, 0);
}
END_TEST

UNIT_MAIN("clock", { the_clocks_agree_with_themselves, 1 },
    { a_deadline_is_that_far_away, 1 }, { no_limit_and_too_far_are_never, 1 },
    { deadline_left_is_what_poll_takes, 1 })
