/*
 * Text 64 bytes at a time, for loops over long runs of lines: where a byte
 * stands in them is one word, its lowest bit for the first.  SSE2 is part of
 * every x86-64; elsewhere (or with BLOCK_PLAIN) it is done by words.
 */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(BLOCK_PLAIN)
#include <emmintrin.h>
#define BLOCK_SSE2 1
#else
#include <endian.h>
#define BLOCK_SSE2 0
#endif

enum { BLOCK_LEN = 64 };

#if BLOCK_SSE2

/* Not an array: each has a register. */
struct block {
	__m128i a, b, c, d;
};

/* What was seen in several blocks. */
struct block_seen {
	__m128i any;   /* bits of any byte */
	__m128i least; /* the least byte of each column */
};

static inline __m128i
block_load_part(const char *from)
{
	return _mm_loadu_si128((const __m128i *)(const void *)from);
}

static inline void
block_store_part(char *to, __m128i part)
{
	_mm_storeu_si128((__m128i *)(void *)to, part);
}

static inline uint64_t
block_find_in_part(__m128i part, __m128i all)
{
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(part, all));
}

/* The BLOCK_LEN bytes there. */
static inline struct block
block_load(const char *from)
{
	return (struct block){ .a = block_load_part(from),
		.b = block_load_part(from + 16),
		.c = block_load_part(from + 32),
		.d = block_load_part(from + 48) };
}

static inline void
block_store(char *to, struct block b)
{
	block_store_part(to, b.a);
	block_store_part(to + 16, b.b);
	block_store_part(to + 32, b.c);
	block_store_part(to + 48, b.d);
}

/* Where c stands. */
static inline uint64_t
block_find(struct block b, char c)
{
	__m128i all = _mm_set1_epi8(c);

	return block_find_in_part(b.a, all) |
	    block_find_in_part(b.b, all) << 16 |
	    block_find_in_part(b.c, all) << 32 |
	    block_find_in_part(b.d, all) << 48;
}

/* Of no bytes yet. */
static inline struct block_seen
block_seen_none(void)
{
	return (struct block_seen){ .any = _mm_setzero_si128(),
		.least = _mm_set1_epi8(-1) };
}

static inline void
block_see(struct block_seen *s, struct block b)
{
	s->any = _mm_or_si128(s->any,
	    _mm_or_si128(_mm_or_si128(b.a, b.b), _mm_or_si128(b.c, b.d)));
	s->least = _mm_min_epu8(s->least,
	    _mm_min_epu8(_mm_min_epu8(b.a, b.b), _mm_min_epu8(b.c, b.d)));
}

static inline bool
block_seen_8bit(struct block_seen s)
{
	return _mm_movemask_epi8(s.any) != 0;
}

static inline bool
block_seen_nul(struct block_seen s)
{
	return block_find_in_part(s.least, _mm_setzero_si128()) != 0;
}

#else

enum { BLOCK_WORDS = BLOCK_LEN / 8 };

#define BLOCK_ONES UINT64_C(0x0101010101010101)
#define BLOCK_HIGH (BLOCK_ONES << 7)

struct block {
	uint64_t words[BLOCK_WORDS]; /* the first byte is the lowest */
};

struct block_seen {
	uint64_t any, nul; /* the high bits of bytes */
};

static inline struct block
block_load(const char *from)
{
	struct block b;

	memcpy(b.words, from, sizeof(b.words));
	for (int i = 0; i < BLOCK_WORDS; i++)
		b.words[i] = le64toh(b.words[i]);
	return b;
}

static inline void
block_store(char *to, struct block b)
{
	for (int i = 0; i < BLOCK_WORDS; i++)
		b.words[i] = htole64(b.words[i]);
	memcpy(to, b.words, sizeof(b.words));
}

/* The high bit of each byte that is 0, and no other: nothing carries from one
 * byte to the next. */
static inline uint64_t
block_zeros(uint64_t word)
{
	return ~(((word & ~BLOCK_HIGH) + ~BLOCK_HIGH) | word) & BLOCK_HIGH;
}

static inline uint64_t
block_find(struct block b, char c)
{
	uint64_t bits = 0, all = BLOCK_ONES * (unsigned char)c;

	for (int i = BLOCK_WORDS - 1; i >= 0; i--) {
		uint64_t zeros = block_zeros(b.words[i] ^ all) >> 7;

		/* Bit 8k goes to bit 56 + k. */
		bits = bits << 8 | zeros * UINT64_C(0x0102040810204080) >> 56;
	}
	return bits;
}

static inline struct block_seen
block_seen_none(void)
{
	return (struct block_seen){ .any = 0, .nul = 0 };
}

static inline void
block_see(struct block_seen *s, struct block b)
{
	for (int i = 0; i < BLOCK_WORDS; i++) {
		s->any |= b.words[i];
		s->nul |= block_zeros(b.words[i]);
	}
}

static inline bool
block_seen_8bit(struct block_seen s)
{
	return (s.any & BLOCK_HIGH) != 0;
}

static inline bool
block_seen_nul(struct block_seen s)
{
	return s.nul != 0;
}

#endif

#endif
