/* Addresses in headers are replaced, and what is beyond the limit goes. */
#include "lib/mail/header_addresses.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static struct err
become(void *arg, struct view address, struct str *after)
{
	int *n = arg;

	++*n;
	str_set(after, view_eq(address, VIEW("c@a")) ? VIEW("d@b") : address);
	return ERR_OK;
}

static const struct {
	const char *text;
	int64_t most;
	const char *want; /* NULL: stays as it is */
	int n;		  /* addresses that were looked at */
} cases[] = {
	{ "To: c@a, x@a\r\n", HEADER_TOKENS_ALL, "To: d@b, x@a\r\n", 2 },
	{ "To: x@a, y@a\r\n", HEADER_TOKENS_ALL, NULL, 2 },
	{ "To: c@a, x@a\r\n", 7, "To: d@b, x@a\r\n", 2 },
	{ "To: c@a, x@a,\r\n", 7, "To: d@b, x@a\r\n", 2 },
	{ "To: c@a, x@a\r\n", 4, "To: d@b,\r\n", 1 },
	{ "To: c@a, x@a\r\n", 3, "To: d@b\r\n", 1 },
	{ "To: c@a,\r\n\tx@a\r\n", 3, "To: d@b\r\n", 1 },
	{ "To: x@a, c@a\r\n", 3, NULL, 1 },
	{ "To: \r\n \r\n", 1, NULL, 0 },
	/* Each of these is one. */
	{ "To: \"q, \\\" (w\" <c@a>, x@a\r\n", 6,
	    "To: \"q, \\\" (w\" <d@b>\r\n", 1 },
	{ "To: c@a (x (y) \\) z), x@a\r\n", 4, "To: d@b (x (y) \\) z)\r\n", 1 },
	{ "To: x@[1 \\] 2], c@a, y\r\n", 7, "To: x@[1 \\] 2], d@b\r\n", 1 },
	{ "To: c@a, a\\ b, y\r\n", 5, "To: d@b, a\\ b\r\n", 2 },
	{ "To: c@a, x!y%z, w\r\n", 7, "To: d@b, x!y\r\n", 2 },
	{ "To: c@a, (never ends\r\n", 5, "To: d@b, (never ends\r\n", 1 },
	{ "To: c@a, \"never ends\r\n", 4, "To: d@b,\r\n", 1 },
};

START_TEST(as_many_tokens_are_looked_at_as_may_be)
{
	struct view text = view_of(cases[_i].text);
	struct str out = STR_EMPTY;
	struct header_iter it;
	struct header h;
	bool changed;
	int n = 0;

	header_iter_init(&it, text);
	ck_assert_int_eq(header_next(&it, &h), HEADER_FIELD);
	str_add_text(&out, "before");
	ck_assert(!err_is(header_rewrite_addresses(
	    &h, cases[_i].most, become, &n, &out, &changed)));
	ck_assert_int_eq(changed, cases[_i].want != NULL);
	ck_assert_str_eq(out.ptr + 6, changed ? cases[_i].want : "");
	ck_assert_int_eq(n, cases[_i].n);
	str_clear(&out);
}
END_TEST

UNIT_MAIN("header_addresses",
    { as_many_tokens_are_looked_at_as_may_be, ARRAY_LEN(cases) })
