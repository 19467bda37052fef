/* Stacks that are switched: registers, alignment, floating point. */
#include "lib/run/context.h"

#include "lib/base/unit.h"

#include <fenv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { STACK = 256 * 1024 };

static struct context home, away;
static char stack[STACK] __attribute__((aligned(16)));
static uint64_t seen;
static int n_turns;

/* Values that live in preserved registers across each switch. */
static void
wander(void)
{
	uint64_t a = seen, b = a * 3, c = b * 5, d = c * 7, e = d * 9;

	ck_assert_uint_eq((uintptr_t)__builtin_frame_address(0) % 16, 0);
	for (;;) {
		a++, b += 2, c += 3, d += 4, e += 5;
		n_turns++;
		context_switch(&away, &home);
		seen = a ^ b ^ c ^ d ^ e;
	}
}

START_TEST(registers_survive_a_switch_on_both_sides)
{
	uint64_t a = 11, b = 22, c = 33, d = 44, e = 55;
	uint64_t x = 1, y = 3, z = 15, u = 105, v = 945;

	seen = 1;
	n_turns = 0;
	context_make(&away, stack, sizeof(stack), wander);
	for (int i = 1; i <= 100; i++) {
		context_switch(&home, &away);
		a += 1, b += 1, c += 1, d += 1, e += 1;
		if (i > 1)
			ck_assert_uint_eq(seen, x ^ y ^ z ^ u ^ v);
		x += 1, y += 2, z += 3, u += 4, v += 5;
	}
	ck_assert_int_eq(n_turns, 100);
	ck_assert_uint_eq(a + b + c + d + e, 165 + 500);
}
END_TEST

static void
round_up_for_ever(void)
{
	for (;;) {
		fesetround(FE_UPWARD);
		context_switch(&away, &home);
		ck_assert_int_eq(fegetround(), FE_UPWARD);
	}
}

START_TEST(each_stack_has_its_rounding)
{
	context_make(&away, stack, sizeof(stack), round_up_for_ever);
	for (int i = 0; i < 3; i++) {
		context_switch(&home, &away);
		ck_assert_int_eq(fegetround(), FE_TONEAREST);
	}
}
END_TEST

UNIT_MAIN("run/context", { registers_survive_a_switch_on_both_sides, 1 },
    { each_stack_has_its_rounding, 1 })
