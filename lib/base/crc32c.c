/*
 * CRC-32C: see crc32c.h.  The instruction takes three cycles, but one can begin
 * in each: so three stretches of a block run side by side, and are joined by a
 * multiplication modulo the polynomial.
 */
#include "lib/base/crc32c.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#endif
#define HAVE_INSTRUCTION 1
#define INSTRUCTION __attribute__((target("sse4.2")))
#define STEP_BYTE(crc, byte) _mm_crc32_u8(crc, byte)
#define STEP_WORD(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#elif defined(__aarch64__) && __BYTE_ORDER == __LITTLE_ENDIAN
#include <arm_acle.h>
#include <sys/auxv.h>
#define HAVE_INSTRUCTION 1
#define INSTRUCTION __attribute__((target("+crc")))
#define STEP_BYTE(crc, byte) __crc32cb(crc, byte)
#define STEP_WORD(crc, word) __crc32cd(crc, word)
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#else
#define HAVE_INSTRUCTION 0
#endif

/* Bits are reflected: bit 31 is the coefficient of x^0. */
#define POLYNOMIAL UINT32_C(0x82f63b78)
#define ONE (UINT32_C(1) << 31)

enum { WORD = 8 };

/* --- tables --- */

/* tables[n][b]: the byte b, and n bytes of zero behind it. */
static uint32_t tables[WORD][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void
fill_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (POLYNOMIAL & (0 - (c & 1)));
		tables[0][i] = c;
	}
	for (int n = 1; n < WORD; n++)
		for (size_t i = 0; i < 256; i++) {
			uint32_t c = tables[n - 1][i];

			tables[n][i] = c >> 8 ^ tables[0][c & 0xff];
		}
}

static uint64_t
load_word(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

uint32_t
crc32c_by_tables(uint32_t crc, struct view v)
{
	const char *p = v.ptr, *end;

	pthread_once(&tables_once, fill_tables);
	if (v.len == 0)
		return crc;
	end = p + v.len;
	crc = ~crc;
	for (; end - p >= WORD; p += WORD) {
		uint64_t word = load_word(p) ^ crc;

		crc = 0;
		for (int n = WORD - 1; n >= 0; n--, word >>= 8)
			crc ^= tables[n][word & 0xff];
	}
	for (; p < end; p++)
		crc = tables[0][(crc ^ (unsigned char)*p) & 0xff] ^ crc >> 8;
	return ~crc;
}

/* --- the instruction --- */

#if HAVE_INSTRUCTION

enum { STRETCH = 4096 };

/* x^(8 * STRETCH) and its square: what a stretch (two) of zeros behind it does
 * to a checksum. */
static uint32_t behind_one, behind_two;
static bool has_instruction;
static pthread_once_t fast_once = PTHREAD_ONCE_INIT;

/* a * b modulo the polynomial. */
static uint32_t
multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (uint32_t bit = ONE; bit != 0; bit >>= 1) {
		product ^= b & (0 - (uint32_t)((a & bit) != 0));
		b = b >> 1 ^ (POLYNOMIAL & (0 - (b & 1)));
	}
	return product;
}

/*
 * The C library (glibc 2.33) has asked the processor at the start already.  The
 * compiler's own functions ask again, a dozen times before main, even of a
 * program that only links them; each is 20 us where a hypervisor answers.
 */
static void
prepare(void)
{
#if defined(__x86_64__) && defined(CPU_FEATURE_PRESENT)
	has_instruction = CPU_FEATURE_PRESENT(SSE4_2);
#elif defined(__x86_64__)
	__builtin_cpu_init();
	has_instruction = __builtin_cpu_supports("sse4.2") != 0;
#else
	has_instruction = (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#endif
	/* By squaring: STRETCH is a power of two. */
	behind_one = ONE >> 1;
	for (size_t bits = 8 * STRETCH; bits > 1; bits /= 2)
		behind_one = multiply(behind_one, behind_one);
	behind_two = multiply(behind_one, behind_one);
}

INSTRUCTION static uint32_t
step_block(uint32_t crc, const char *p)
{
	uint32_t second = 0, third = 0;

	for (const char *end = p + STRETCH; p < end; p += WORD) {
		crc = STEP_WORD(crc, load_word(p));
		second = STEP_WORD(second, load_word(p + STRETCH));
		third = STEP_WORD(third, load_word(p + 2 * STRETCH));
	}
	return multiply(crc, behind_two) ^ multiply(second, behind_one) ^
	    third;
}

INSTRUCTION static uint32_t
by_instruction(uint32_t crc, struct view v)
{
	const char *p = v.ptr, *end = v.ptr + v.len;

	crc = ~crc;
	for (; end - p >= 3 * STRETCH; p += 3 * STRETCH)
		crc = step_block(crc, p);
	for (; end - p >= WORD; p += WORD)
		crc = STEP_WORD(crc, load_word(p));
	for (; p < end; p++)
		crc = STEP_BYTE(crc, (unsigned char)*p);
	return ~crc;
}

bool
crc32c_is_fast(void)
{
	pthread_once(&fast_once, prepare);
	return has_instruction;
}

uint32_t
crc32c(uint32_t crc, struct view v)
{
	/* Nothing may stand nowhere. */
	if (v.len == 0)
		return crc;
	return crc32c_is_fast() ? by_instruction(crc, v)
				: crc32c_by_tables(crc, v);
}

#else

bool
crc32c_is_fast(void)
{
	return false;
}

uint32_t
crc32c(uint32_t crc, struct view v)
{
	return crc32c_by_tables(crc, v);
}

#endif
