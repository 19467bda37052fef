/* The set of hashes: what is in it and what is not, while it grows and splits;
 * what a member costs. */
#include "lib/base/hset.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/unit.h"

#include <malloc.h>

START_TEST(a_set_of_zeros_is_empty)
{
	struct hset s = { 0 };

	ck_assert(!hset_has(&s, VIEW("")));
	hset_clear(&s);
	ck_assert(hset_add(&s, VIEW("")));
	ck_assert(hset_has(&s, VIEW("")));
	hset_clear(&s);
	ck_assert(!hset_has(&s, VIEW("")));
	ck_assert_uint_eq(s.n, 0);
}
END_TEST

START_TEST(texts_are_bytes)
{
	static const struct view texts[] = { VIEW(""), VIEW("a"), VIEW("A"),
		VIEW("a\0"), VIEW("a\0b"), VIEW("12345678"), VIEW("123456789") };
	struct hset s = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		ck_assert(!hset_has(&s, texts[i]));
		ck_assert(hset_add(&s, texts[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		ck_assert(hset_has(&s, texts[i]));
		ck_assert(!hset_add(&s, texts[i]));
	}
	ck_assert_uint_eq(s.n, ARRAY_LEN(texts));
	hset_clear(&s);
}
END_TEST

enum { MANY = 100000 };

static struct view
nth(struct str *text, int i)
{
	str_reset(text);
	str_addf(text, "user%d@example.com", i);
	return str_view(text);
}

START_TEST(many_are_each_there_once)
{
	struct hset s = { 0 };
	struct str text = STR_EMPTY;

	for (int i = 0; i < MANY; i++) {
		ck_assert(!hset_has(&s, nth(&text, i)));
		ck_assert(hset_add(&s, str_view(&text)));
		ck_assert(!hset_add(&s, nth(&text, i / 2)));
	}
	ck_assert_uint_eq(s.n, MANY);
	for (int i = 0; i < MANY; i++)
		ck_assert(hset_has(&s, nth(&text, i)));
	ck_assert(!hset_has(&s, nth(&text, MANY)));
	hset_clear(&s);
	str_clear(&text);
}
END_TEST

/* Sanitizers have a heap of their own that does not count. */
START_TEST(a_member_costs_little)
{
	struct mallinfo2 before = mallinfo2(), after;
	struct hset s = { 0 };
	struct str text = STR_EMPTY;

	for (int i = 0; i < MANY; i++)
		hset_add(&s, nth(&text, i));
	after = mallinfo2();
	ck_assert_uint_le(after.uordblks + after.hblkhd,
	    before.uordblks + before.hblkhd + 28 * (size_t)MANY);
	hset_clear(&s);
	str_clear(&text);
}
END_TEST

UNIT_MAIN("hset", { a_set_of_zeros_is_empty, 1 }, { texts_are_bytes, 1 },
    { many_are_each_there_once, 1 }, { a_member_costs_little, 1 })
