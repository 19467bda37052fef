#include "sendmail/options.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/ipc/messages.h"
#include "lib/mail/esmtp.h"

#include <string.h>

enum { ARGS_MAX = 12 };

/* mode -1: refused. */
static const struct {
	const char *args[ARGS_MAX];
	int mode;
	int n_rcpts;
	bool extract, dot_ends;
	const char *sender;
} cases[] = {
	{ { "sendmail", "a@b" }, MODE_SUBMIT, 1, false, true, NULL },
	{ { "/usr/lib/sendmail", "-oi", "-t" }, MODE_SUBMIT, 0, true, false,
	    NULL },
	{ { "sendmail", "-tif", "x@y", "a" }, MODE_SUBMIT, 1, true, false,
	    "x@y" },
	{ { "sendmail", "-fx@y", "--", "-a" }, MODE_SUBMIT, 1, false, true,
	    "x@y" },
	{ { "sendmail", "-r", "", "a" }, MODE_SUBMIT, 1, false, true, "" },
	{ { "sendmail", "-om", "-oem", "-odb", "-o7", "-m", "-U", "-c", "-x",
	      "a" },
	    MODE_SUBMIT, 1, false, true, NULL },
	{ { "sendmail", "-h", "3", "-L", "tag", "-e", "p", "a" }, MODE_SUBMIT,
	    1, false, true, NULL },
	{ { "sendmail", "-bp" }, MODE_LIST, 0, false, true, NULL },
	{ { "mailq" }, MODE_LIST, 0, false, true, NULL },
	{ { "mailq", "-bm", "a" }, MODE_SUBMIT, 1, false, true, NULL },
	{ { "newaliases" }, MODE_ALIASES, 0, false, true, NULL },
	{ { "newaliases", "-bp" }, MODE_LIST, 0, false, true, NULL },
	{ { "sendmail", "-I" }, MODE_ALIASES, 0, false, true, NULL },
	{ { "sendmail", "-bi" }, MODE_ALIASES, 0, false, true, NULL },
	{ { "sendmail", "-bd" }, MODE_DAEMON, 0, false, true, NULL },
	{ { "sendmail", "-bd", "-q5m" }, MODE_DAEMON, 0, false, true, NULL },
	{ { "sendmail", "-bs" }, MODE_SMTP, 0, false, true, NULL },
	{ { "sendmail", "-bv", "a" }, MODE_PROBE, 1, false, true, NULL },
	{ { "sendmail", "-bv", "-t" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-bh" }, MODE_NOTHING, 0, false, true, NULL },
	{ { "sendmail", "-bz" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-q" }, MODE_FLUSH, 0, false, true, NULL },
	{ { "sendmail", "-q30m" }, MODE_SUBMIT, 0, false, true, NULL },
	{ { "sendmail", "-qIABC" }, MODE_FLUSH_ID, 0, false, true, NULL },
	{ { "sendmail", "-qRx.y" }, MODE_FLUSH_SITE, 0, false, true, NULL },
	{ { "sendmail", "-qSx" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-qI" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-n", "a" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-XV", "a" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-X", "log", "a" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-oA" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-B", "9BIT", "a" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-B8BITMIME", "a" }, MODE_SUBMIT, 1, false, true,
	    NULL },
	{ { "sendmail", "-f" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-Z" }, -1, 0, false, true, NULL },
	{ { "sendmail", "-Ac", "-Am", "a" }, MODE_SUBMIT, 1, false, true,
	    NULL },
};

static struct err
parse(const char *const *args, struct options *o)
{
	int n = 0;

	while (n < ARGS_MAX && args[n] != NULL)
		n++;
	return options_parse(o, n, (char **)(uintptr_t)args);
}

START_TEST(options_are_taken_as_ever)
{
	struct options o;
	struct err e = parse(cases[_i].args, &o);

	ck_assert_msg(err_is(e) == (cases[_i].mode < 0), "%s", e.text);
	if (err_is(e))
		return;
	ck_assert_int_eq((int)o.mode, cases[_i].mode);
	ck_assert_int_eq(o.n_rcpts, cases[_i].n_rcpts);
	ck_assert_int_eq(o.extract, cases[_i].extract);
	ck_assert_int_eq(o.dot_ends, cases[_i].dot_ends);
	if (cases[_i].sender == NULL)
		ck_assert_ptr_null(o.sender);
	else
		ck_assert_str_eq(o.sender, cases[_i].sender);
}
END_TEST

START_TEST(options_for_dsn_are_checked)
{
	static const char *const good[ARGS_MAX] = { "sendmail", "-N",
		"success,Failure", "-RHDRS", "-Vabc", "-Osmtputf8=YES", "a" };
	static const char *const bad[ARGS_MAX] = { "sendmail", "-N", "often",
		"-Rsome", "-Va\001", "a" };
	struct options o;

	ck_assert(!err_is(parse(good, &o)));
	ck_assert_uint_eq(
	    o.notify, ESMTP_NOTIFY_SUCCESS | ESMTP_NOTIFY_FAILURE);
	ck_assert_int_eq(o.ret, ESMTP_RET_HDRS);
	ck_assert_str_eq(o.envid, "abc");
	ck_assert_int_eq(o.flags, SUBMIT_SMTPUTF8);
	ck_assert_ptr_null(o.warning);
	ck_assert(!err_is(parse(bad, &o)));
	ck_assert_uint_eq(o.notify, 0);
	ck_assert_int_eq(o.ret, 0);
	ck_assert_str_eq(o.envid, "");
	ck_assert_ptr_nonnull(o.warning);
}
END_TEST

UNIT_MAIN("options", { options_are_taken_as_ever, ARRAY_LEN(cases) },
    { options_for_dsn_are_checked, 1 })
