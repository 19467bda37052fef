/* Unit tests of the blocks; built once more with BLOCK_PLAIN. */
#include "lib/base/block.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdlib.h>

/* Neighbours in every bit, so that what carries or is compared with a sign
 * shows. */
static const unsigned char bytes[] = { 0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff, '\t',
	'\n', 0x0b, '\f', '\r', 0x0e, '.', '/', 0x8a, 0x8d };

static void
fill(char *text, size_t len, unsigned *seed)
{
	for (size_t i = 0; i < len; i++)
		text[i] = (char)bytes[(size_t)rand_r(seed) % ARRAY_LEN(bytes)];
}

static uint64_t
find_slowly(const char *text, char c)
{
	uint64_t bits = 0;

	for (int i = 0; i < BLOCK_LEN; i++)
		if (text[i] == c)
			bits |= UINT64_C(1) << i;
	return bits;
}

START_TEST(each_byte_is_found_where_it_stands)
{
	char text[2 * BLOCK_LEN];
	unsigned seed = 1;

	for (int turn = 0; turn < 200; turn++) {
		fill(text, sizeof(text), &seed);
		for (size_t at = 0; at < BLOCK_LEN; at++) {
			struct block b = block_load(text + at);

			for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
				ck_assert_uint_eq(
				    block_find(b, (char)bytes[i]),
				    find_slowly(text + at, (char)bytes[i]));
		}
	}
}
END_TEST

START_TEST(each_of_all_bytes_is_told_from_each)
{
	char text[BLOCK_LEN];

	for (int have = 0; have < 256; have++) {
		struct block b;

		memset(text, have, sizeof(text));
		b = block_load(text);
		for (int want = 0; want < 256; want++)
			ck_assert_uint_eq(block_find(b, (char)want),
			    have == want ? UINT64_MAX : 0);
	}
}
END_TEST

START_TEST(what_is_stored_is_what_was_loaded)
{
	char text[2 * BLOCK_LEN], copy[2 * BLOCK_LEN + 2];
	unsigned seed = 2;

	fill(text, sizeof(text), &seed);
	for (size_t at = 0; at < BLOCK_LEN; at++) {
		memset(copy, 'x', sizeof(copy));
		block_store(copy + at + 1, block_load(text + at));
		ck_assert_mem_eq(copy + at + 1, text + at, BLOCK_LEN);
		ck_assert_int_eq(copy[at], 'x');
		ck_assert_int_eq(copy[at + 1 + BLOCK_LEN], 'x');
	}
}
END_TEST

/* One byte of this among others, at each place of either of two blocks. */
static void
check_seen(unsigned char odd, unsigned char other)
{
	char text[2 * BLOCK_LEN];

	for (size_t at = 0; at < sizeof(text); at++) {
		struct block_seen s = block_seen_none();

		memset(text, other, sizeof(text));
		text[at] = (char)odd;
		block_see(&s, block_load(text));
		block_see(&s, block_load(text + BLOCK_LEN));
		ck_assert_int_eq(block_seen_nul(s), odd == 0 || other == 0);
		ck_assert_int_eq(
		    block_seen_8bit(s), odd > 127 || other > 127);
	}
}

START_TEST(nul_and_8bit_bytes_are_seen)
{
	struct block_seen none = block_seen_none();

	ck_assert(!block_seen_nul(none));
	ck_assert(!block_seen_8bit(none));
	for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
		for (size_t k = 0; k < ARRAY_LEN(bytes); k++)
			check_seen(bytes[i], bytes[k]);
}
END_TEST

UNIT_MAIN("block", { each_byte_is_found_where_it_stands, 1 },
    { each_of_all_bytes_is_told_from_each, 1 },
    { what_is_stored_is_what_was_loaded, 1 },
    { nul_and_8bit_bytes_are_seen, 1 })
