#include "state/count.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct {
	const char *text;
	bool ok;
} values[] = {
	{ "3600:7200:5:6", true },
	{ "1:0:0:0", true },
	{ "0:0:0:0", false },
	{ "3600:7200:5", false },
	{ "3600:7200:5:6:7", false },
	{ "3600:7200:-5:6", false },
	{ "3600:7200:5:", false },
	{ "3600:7200:5:99999999999999999999", false },
	{ "3600:7200:5:99999999999999", false },
	{ "x", false },
	{ "", false },
};

START_TEST(a_value_is_four_numbers_within_bounds)
{
	struct str out = STR_EMPTY;
	struct count c;
	bool ok = count_read(view_of(values[_i].text), &c);

	ck_assert_msg(ok == values[_i].ok, "%s", values[_i].text);
	if (!ok)
		return;
	count_write(&out, &c);
	ck_assert_str_eq(out.ptr, values[_i].text);
	str_clear(&out);
}
END_TEST

START_TEST(what_was_before_counts_by_the_share_that_is_still_within)
{
	struct count c = { .window = 0 };

	count_move(&c, 100, 1000);
	c.now = 40;
	ck_assert_int_eq(count_total(&c, 1000), 40);
	ck_assert_int_eq(count_total(&c, 1099), 40);
	count_move(&c, 100, 1100);
	ck_assert_int_eq(c.before, 40);
	ck_assert_int_eq(count_total(&c, 1100), 40);
	ck_assert_int_eq(count_total(&c, 1150), 20);
	ck_assert_int_eq(count_total(&c, 1199), 1);
	c.now = 7;
	ck_assert_int_eq(count_total(&c, 1150), 27);
	count_move(&c, 100, 1200);
	ck_assert_int_eq(c.before, 7);
	/* Two windows later nothing is left. */
	count_move(&c, 100, 1400);
	ck_assert_int_eq(count_total(&c, 1400), 0);
}
END_TEST

START_TEST(another_length_begins_anew_and_an_earlier_clock_does_not)
{
	struct count c = { .window = 0 };

	count_move(&c, 100, 1000);
	c.now = 40;
	count_move(&c, 100, 500);
	ck_assert_int_eq(count_total(&c, 500), 40);
	count_move(&c, 50, 500);
	ck_assert_int_eq(count_total(&c, 500), 0);
}
END_TEST

UNIT_MAIN("count", { a_value_is_four_numbers_within_bounds, ARRAY_LEN(values) },
    { what_was_before_counts_by_the_share_that_is_still_within, 1 },
    { another_length_begins_anew_and_an_earlier_clock_does_not, 1 })
