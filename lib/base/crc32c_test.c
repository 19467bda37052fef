/* Unit tests of the checksum. */
#include "lib/base/crc32c.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <stdlib.h>

static char ones[32], ascending[32];

/* RFC 3720 appendix B.4, the numbers as they are. */
static const struct {
	struct view bytes;
	uint32_t sum;
} known[] = {
	{ { "", 0 }, 0 },
	{ { NULL, 0 }, 0 },
	{ { "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	      32 },
	    0x8a9136aa },
	{ { ones, 32 }, 0x62a8ab43 },
	{ { ascending, 32 }, 0x46dd794e },
	{ { "123456789", 9 }, 0xe3069283 },
};

START_TEST(sums_are_those_of_the_rfc)
{
	memset(ones, 0xff, sizeof(ones));
	for (size_t i = 0; i < sizeof(ascending); i++)
		ascending[i] = (char)i;
	ck_assert_uint_eq(crc32c(0, known[_i].bytes), known[_i].sum);
	ck_assert_uint_eq(crc32c_by_tables(0, known[_i].bytes), known[_i].sum);
}
END_TEST

/* One byte at a time, by the definition. */
static uint32_t
slowly(struct view v)
{
	uint32_t c = ~UINT32_C(0);

	for (size_t i = 0; i < v.len; i++) {
		c ^= (unsigned char)v.ptr[i];
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (0x82f63b78 & (0 - (c & 1)));
	}
	return ~c;
}

static const size_t lengths[] = { 1, 7, 8, 9, 4095, 4096, 12287, 12288, 12289,
	24576, 24577, 65536, 100003 };

START_TEST(both_ways_agree_for_each_length_and_place)
{
	size_t len = lengths[_i];
	char *bytes = xmalloc(len + 8);

	srandom((unsigned)len);
	for (size_t i = 0; i < len + 8; i++)
		bytes[i] = (char)random();
	for (size_t at = 0; at < 8; at++) {
		struct view v = view_make(bytes + at, len);
		uint32_t sum = slowly(v);

		ck_assert_uint_eq(crc32c(0, v), sum);
		ck_assert_uint_eq(crc32c_by_tables(0, v), sum);
	}
	free(bytes);
}
END_TEST

START_TEST(sum_of_parts_is_that_of_the_whole)
{
	enum { LEN = 40000 };
	char *bytes = xmalloc(LEN);
	struct view all = view_make(bytes, LEN);

	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	for (size_t cut = 0; cut <= LEN; cut += 997) {
		uint32_t sum = crc32c(0, view_first(all, cut));

		ck_assert_uint_eq(
		    crc32c(sum, view_skip(all, cut)), crc32c(0, all));
	}
	free(bytes);
}
END_TEST

UNIT_MAIN("crc32c", { sums_are_those_of_the_rfc, ARRAY_LEN(known) },
    { both_ways_agree_for_each_length_and_place, ARRAY_LEN(lengths) },
    { sum_of_parts_is_that_of_the_whole, 1 })
