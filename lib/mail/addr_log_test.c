/* Unit tests of addresses in log lines. */
#include "lib/mail/addr_log.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <string.h>

/* `unit` so many times, then `end`. */
static struct view
made(struct str *s, const char *unit, size_t times, const char *end)
{
	str_reset(s);
	for (size_t i = 0; i < times; i++)
		str_add_text(s, unit);
	str_add_text(s, end);
	return str_view(s);
}

START_TEST(address_that_mail_can_have_is_whole)
{
	struct str in = STR_EMPTY, out = STR_EMPTY;

	addr_log_add(&out, made(&in, "x", 64, "@example.test"));
	ck_assert_str_eq(out.ptr, in.ptr);
	str_reset(&out);
	addr_log_add(&out, VIEW("a b@example.test"));
	ck_assert_str_eq(out.ptr, "\"a b\"@example.test");
	str_reset(&out);
	addr_log_add(&out, made(&in, "x", ADDR_LOG_MAX - 2, "@d"));
	ck_assert_str_eq(out.ptr, in.ptr);
	str_clear(&in);
	str_clear(&out);
}
END_TEST

static const struct {
	const char *unit;
	size_t times;
} longer[] = { { "x", 1000 }, { "\xc3\xa9", 500 }, { "\x01", 1000 },
	{ "\xff", 300 }, { "\\x", 400 }, { "a\x7f", 400 } };

START_TEST(longer_one_shows_both_its_ends)
{
	for (size_t skew = 0; skew < 5; skew++) {
		struct str in = STR_EMPTY, out = STR_EMPTY, again = STR_EMPTY;

		str_add_text(&out, "to=");
		made(&in, longer[_i].unit, longer[_i].times, "@example.test");
		for (size_t i = 0; i < skew; i++)
			str_add_byte(&in, 'y');
		addr_log_add(&out, str_view(&in));
		ck_assert_uint_le(out.len, ADDR_LOG_MAX + 3);
		ck_assert_uint_ge(out.len, ADDR_LOG_MAX - 10);
		ck_assert(view_ends(str_view(&out),
		    view_skip(str_view(&in), in.len - 13 - skew)));
		ck_assert_ptr_nonnull(strstr(out.ptr, "..."));
		/* Nothing of it was cut in two. */
		log_clean(&again, str_view(&out), SIZE_MAX);
		ck_assert_str_eq(again.ptr, out.ptr);
		str_clear(&in);
		str_clear(&out);
		str_clear(&again);
	}
}
END_TEST

UNIT_MAIN("addr_log", { address_that_mail_can_have_is_whole, 1 },
    { longer_one_shows_both_its_ends, ARRAY_LEN(longer) })
