#include "lib/mail/dsn.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static const struct {
	const char *text;
	bool ok, is_valid;
	const char *shown, *rest;
} cases[] = {
	{ "4.4.1", true, true, "4.4.1", "" },
	{ "5.7.2", true, true, "5.7.2", "" },
	{ "2.0.0 Ok", true, false, "2.0.0", "Ok" },
	{ "5.999.999  x y", true, false, "5.999.999", "x y" },
	{ "5.1.1 ", true, false, "5.1.1", "" },
	{ "3.1.1", false, false, "", "" },
	{ "5.1", false, false, "", "" },
	{ "5.1.", false, false, "", "" },
	{ "5.1.1x", false, false, "", "" },
	{ "5.1.1.1", false, false, "", "" },
	{ "5.1000.1", false, false, "", "" },
	{ "5.1.99999999999", false, false, "", "" },
	{ "5..1", false, false, "", "" },
	{ " 5.1.1", false, false, "", "" },
	{ "55.1.1", false, false, "", "" },
	{ "", false, false, "", "" },
	{ "no", false, false, "", "" },
};

START_TEST(dsn_parse_takes_codes_only)
{
	struct view text = view_of(cases[_i].text);
	char buffer[DSN_STATUS_SIZE];
	struct dsn_split split = dsn_split(text, DSN_STATUS(4, 0, 0));
	struct dsn_status status;
	struct view rest;

	ck_assert(dsn_parse(text, &status, &rest) == cases[_i].ok);
	ck_assert(dsn_is_valid(text) == cases[_i].is_valid);
	if (cases[_i].ok) {
		ck_assert_str_eq(dsn_text(status, buffer), cases[_i].shown);
		ck_assert(view_eq(rest, view_of(cases[_i].rest)));
		ck_assert(view_eq(split.text, rest));
	} else {
		ck_assert_str_eq(dsn_text(split.status, buffer), "4.0.0");
		ck_assert(view_eq(split.text, text));
	}
}
END_TEST

START_TEST(dsn_agrees_with_replies)
{
	char buffer[DSN_STATUS_SIZE];
	struct dsn_status s = DSN_STATUS(5, 1, 1);

	ck_assert_str_eq(dsn_text(dsn_agree(s, 550), buffer), "5.1.1");
	ck_assert_str_eq(dsn_text(dsn_agree(s, 450), buffer), "4.0.0");
	ck_assert_str_eq(dsn_text(dsn_agree(s, 250), buffer), "2.0.0");
	ck_assert_str_eq(dsn_text(dsn_for_reply(354), buffer), "5.5.0");
	ck_assert_str_eq(dsn_text(dsn_for_reply(0), buffer), "5.5.0");
	ck_assert_str_eq(dsn_text(dsn_for_reply(-500), buffer), "5.5.0");
	ck_assert_str_eq(dsn_text(dsn_for_reply(2000), buffer), "5.5.0");
}
END_TEST

static const struct {
	int exit_status;
	const char *status;
} exits[] = {
	{ 64, "5.3.0" },
	{ 65, "5.6.0" },
	{ 66, "5.3.0" },
	{ 67, "5.1.1" },
	{ 68, "5.1.2" },
	{ 69, "5.3.0" },
	{ 70, "5.3.0" },
	{ 71, "4.3.0" },
	{ 72, "5.3.0" },
	{ 73, "5.2.0" },
	{ 74, "5.3.0" },
	{ 75, "4.3.0" },
	{ 76, "5.5.0" },
	{ 77, "5.7.0" },
	{ 78, "5.3.5" },
	{ 1, "5.3.0" },
	{ 255, "5.3.0" },
};

START_TEST(dsn_for_exit_knows_sysexits)
{
	char buffer[DSN_STATUS_SIZE];
	const char *text;

	ck_assert_str_eq(
	    dsn_text(dsn_for_exit(exits[_i].exit_status, &text), buffer),
	    exits[_i].status);
	ck_assert_str_ne(text, "");
}
END_TEST

UNIT_MAIN("dsn", { dsn_parse_takes_codes_only, ARRAY_LEN(cases) },
    { dsn_agrees_with_replies, 1 },
    { dsn_for_exit_knows_sysexits, ARRAY_LEN(exits) })
