/* What is spare for a while may go. */
#include "lib/base/surplus.h"

#include "lib/base/unit.h"

START_TEST(only_what_was_never_needed_may_go)
{
	struct surplus s = { 0 };
	int64_t now = 1000;

	ck_assert_uint_eq(surplus_due(&s, 10, now), 0);
	surplus_note(&s, 7);
	surplus_note(&s, 4);
	surplus_note(&s, 8);
	ck_assert_uint_eq(surplus_due(&s, 10, now + surplus_after_ms - 1), 0);
	now += surplus_after_ms;
	ck_assert_uint_eq(surplus_due(&s, 10, now), 4);
	/* Of the six that are left all may be needed. */
	ck_assert_uint_eq(surplus_due(&s, 6, now + 1), 0);
	surplus_note(&s, 0);
	now += surplus_after_ms;
	ck_assert_uint_eq(surplus_due(&s, 6, now), 0);
	now += surplus_after_ms;
	ck_assert_uint_eq(surplus_due(&s, 6, now), 6);
	now += surplus_after_ms;
	ck_assert_uint_eq(surplus_due(&s, 0, now), 0);
	/* Some went that nobody told of. */
	now += surplus_after_ms;
	ck_assert_uint_eq(surplus_due(&s, 9, now), 0);
	now += surplus_after_ms;
	ck_assert_uint_eq(surplus_due(&s, 5, now), 5);
	ck_assert_uint_eq(s.least, 0);
}
END_TEST

UNIT_MAIN("surplus", { only_what_was_never_needed_may_go, 1 })
