/* Error values: kinds from errno, texts that fit. */
#include "lib/base/err.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

START_TEST(an_error_has_its_kind_and_text)
{
	struct err e = err_make(ERR_PERM, "parse %s: %d", "x", 7);

	ck_assert_int_eq(e.kind, ERR_PERM);
	ck_assert_str_eq(e.text, "parse x: 7");
	ck_assert(err_is(e));
	ck_assert(!err_is(ERR_OK));
	ck_assert_str_eq(ERR_OK.text, "");
}
END_TEST

static const struct {
	int error;
	enum err_kind kind;
} kinds[] = {
	{ ETIMEDOUT, ERR_TIME },
	{ EPIPE, ERR_GONE },
	{ ECONNRESET, ERR_GONE },
	{ ECONNABORTED, ERR_GONE },
	{ ECONNREFUSED, ERR_TEMP },
	{ EACCES, ERR_TEMP },
	{ ENOSPC, ERR_TEMP },
};

START_TEST(err_io_chooses_the_kind_by_errno)
{
	char expected[200];
	struct err e;

	errno = kinds[_i].error;
	e = err_io("read %s", "peer");
	ck_assert_int_eq(errno, kinds[_i].error);
	ck_assert_int_eq(e.kind, kinds[_i].kind);
	snprintf(expected, sizeof(expected), "read peer: %s",
	    strerror(kinds[_i].error));
	ck_assert_str_eq(e.text, expected);
}
END_TEST

START_TEST(err_sys_says_why_and_keeps_errno)
{
	struct err e;

	errno = EACCES;
	e = err_sys(ERR_TEMP, "open %s", "incoming/4F2A");
	ck_assert_int_eq(e.kind, ERR_TEMP);
	ck_assert_str_eq(e.text, "open incoming/4F2A: Permission denied");
	ck_assert_int_eq(errno, EACCES);
}
END_TEST

START_TEST(err_within_puts_the_outer_first)
{
	struct err e = err_make(ERR_TIME, "no answer");

	e = err_within(e, "ask %s", "cleanup");
	ck_assert_int_eq(e.kind, ERR_TIME);
	ck_assert_str_eq(e.text, "ask cleanup: no answer");
}
END_TEST

/* Around the room that is left for ": " and one byte more. */
static const int lengths[] = { 0, 1, 190, 195, 196, 197, 198, 199, 200, 500 };

START_TEST(texts_are_cut_to_fit)
{
	struct err e;
	size_t len;

	errno = ENOENT;
	e = err_sys(ERR_TEMP, "%*s", lengths[_i], "");
	len = strlen(e.text);
	ck_assert_uint_lt(len, sizeof(e.text));
	if (lengths[_i] < (int)sizeof(e.text) - 30)
		ck_assert_ptr_nonnull(strstr(e.text, strerror(ENOENT)));
	e = err_within(e, "%*s", lengths[_i], "");
	ck_assert_uint_lt(strlen(e.text), sizeof(e.text));
	/* Never a separator with nothing behind it. */
	len = strlen(e.text);
	ck_assert(len < 2 || strcmp(e.text + len - 2, ": ") != 0);
}
END_TEST

UNIT_MAIN("err", { an_error_has_its_kind_and_text, 1 },
    { err_io_chooses_the_kind_by_errno, ARRAY_LEN(kinds) },
    { err_sys_says_why_and_keeps_errno, 1 },
    { err_within_puts_the_outer_first, 1 },
    { texts_are_cut_to_fit, ARRAY_LEN(lengths) })
