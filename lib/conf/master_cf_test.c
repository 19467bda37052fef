#include "lib/conf/master_cf.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

static struct master_cf cf;

static struct err
read_text(const char *text)
{
	master_cf_init(&cf);
	return master_cf_read_text(&cf, view_of(text), "master.cf", false);
}

static const char stock[] =
    "# comment\n"
    "smtp      inet  n       -       y       -       -       smtpd\n"
    "  -o a=b -o { c = d e }\n"
    "# inside\n"
    "  -v { x y } -oe=f\n"
    "pickup    unix  n       -       -       60      1       pickup\n"
    "qmgr      fifo  -       n       n       300?    0       qmgr\n"
    "[::1]:submission inet n - n - 10 smtpd\n"
    "127.0.0.1:65535 inet n - n - - smtpd\n"
    "log unix-dgram n - n - 1 postlogd\n"
    "mail pass - - n - - smtpd\n"
    "drop unix - n n - 5 pipe flags=q user=vmail argv=/bin/x -o y ${sender}\n";

START_TEST(columns_and_defaults_are_read)
{
	struct master_service *s;

	ck_assert(!err_is(read_text(stock)));
	ck_assert_uint_eq(cf.n_services, 8);
	s = master_cf_find(&cf, VIEW("smtp"), MASTER_INET);
	ck_assert_ptr_nonnull(s);
	ck_assert(!s->is_private && s->unprivileged && s->chroot);
	ck_assert(s->host == NULL && s->wakeup == 0 && s->limit == -1);
	ck_assert_str_eq(s->port, "smtp");
	ck_assert_str_eq(s->command, "smtpd");
	ck_assert_int_eq(s->line, 2);
	s = master_cf_find(&cf, VIEW("pickup"), MASTER_UNIX);
	ck_assert(!s->is_private && !s->chroot && s->limit == 1);
	ck_assert(s->wakeup == 60 && !s->wakeup_if_used);
	s = master_cf_find(&cf, VIEW("qmgr"), MASTER_FIFO);
	ck_assert(s->is_private && !s->unprivileged && s->limit == 0);
	ck_assert(s->wakeup == 300 && s->wakeup_if_used);
	s = master_cf_find(&cf, VIEW("[::1]:submission"), MASTER_INET);
	ck_assert_str_eq(s->host, "::1");
	ck_assert_str_eq(s->port, "submission");
	s = master_cf_find(&cf, VIEW("127.0.0.1:65535"), MASTER_INET);
	ck_assert_str_eq(s->host, "127.0.0.1");
	ck_assert_ptr_null(master_cf_find(&cf, VIEW("smtp"), MASTER_UNIX));
	master_cf_clear(&cf);
}
END_TEST

static void
list_overrides(const struct master_service *s, struct str *out)
{
	struct view name, value;
	size_t at = 1;

	while (master_service_next_override(s, &at, &name, &value))
		str_addf(out, "%.*s=%.*s;", VIEW_ARGS(name), VIEW_ARGS(value));
}

START_TEST(arguments_keep_what_braces_hold)
{
	static const char *const argv[] = { "smtpd", "-o", "a=b", "-o",
		"c = d e", "-v", "x y", "-oe=f" };
	struct master_service *s;
	struct str told = STR_EMPTY;

	ck_assert(!err_is(read_text(stock)));
	s = master_cf_find(&cf, VIEW("smtp"), MASTER_INET);
	ck_assert_uint_eq(s->argc, ARRAY_LEN(argv));
	for (size_t i = 0; i < s->argc; i++)
		ck_assert_str_eq(s->argv[i], argv[i]);
	ck_assert_ptr_null(s->argv[s->argc]);
	/* "x y" is no option: what follows is not ours. */
	list_overrides(s, &told);
	ck_assert_str_eq(told.ptr, "a=b;c=d e;");
	str_reset(&told);
	s = master_cf_find(&cf, VIEW("drop"), MASTER_UNIX);
	list_overrides(s, &told);
	ck_assert_str_eq(told.ptr, "");
	str_clear(&told);
	master_cf_clear(&cf);
}
END_TEST

START_TEST(the_last_duplicate_wins)
{
	ck_assert(!err_is(read_text("a unix - - n - 1 x\n"
				    "a fifo - - n - 2 x\n"
				    "a unix - - n - 3 y\n")));
	ck_assert_uint_eq(cf.n_services, 2);
	ck_assert_int_eq(master_cf_find(&cf, VIEW("a"), MASTER_UNIX)->limit, 3);
	ck_assert(!list_is_empty(&cf.warnings));
	ck_assert(
	    !err_is(master_cf_add_builtin(&cf, "a unix - - n - 4 z", false)));
	ck_assert(
	    !err_is(master_cf_add_builtin(&cf, "b unix - - - - - z", true)));
	ck_assert_int_eq(master_cf_find(&cf, VIEW("a"), MASTER_UNIX)->limit, 3);
	ck_assert(master_cf_find(&cf, VIEW("b"), MASTER_UNIX)->chroot);
	master_cf_clear(&cf);
}
END_TEST

static const struct {
	const char *text, *error;
} bad[] = {
	{ "a unix - - n -", "master.cf, line 1: 6 fields, needs 8" },
	{ "a foo - - n - - x", "bad type field \"foo\"" },
	{ "a unix x - n - - x", "bad private field \"x\"" },
	{ "a unix - Y n - - x", "bad unprivileged field" },
	{ "a unix - - 1 - - x", "bad chroot field" },
	{ "a unix - - n -1 - x", "bad wakeup field" },
	{ "a unix - - n 1?? - x", "bad wakeup field" },
	{ "a unix - - n - 1? x", "bad process_limit field" },
	{ "a unix - - n - 9999999999 x", "bad process_limit field" },
	{ "../a unix - - n - - x", "bad service field" },
	{ "a/b unix - - n - - x", "bad service field" },
	{ "h: inet n - n - - x", "bad service field" },
	{ "[::1 inet n - n - - x", "bad service field" },
	{ "\n65561 inet n - n - - x",
	    "master.cf, line 2: bad service field \"65561\", allowed ports" },
	{ "127.0.0.1:65536 inet n - n - - x", "bad service field" },
	{ "[::1]:99999999999999999999 inet n - n - - x", "bad service field" },
	{ "\na unix - - n - - x -o", "line 2: -o without name=value" },
	{ "a unix - - n - - x -o b", "missing '='" },
	{ "a unix - - n - - x -o {b}", "missing '='" },
	{ "a unix - - n - - x {b", "missing '}'" },
	{ "a unix - - n - - x {b}c", "syntax error after '}'" },
};

START_TEST(bad_services_are_refused)
{
	struct err e = read_text(bad[_i].text);

	ck_assert_int_eq(e.kind, ERR_PERM);
	ck_assert_msg(strstr(e.text, bad[_i].error) != NULL, "%s", e.text);
	master_cf_clear(&cf);
}
END_TEST

UNIT_MAIN("master_cf", { columns_and_defaults_are_read, 1 },
    { arguments_keep_what_braces_hold, 1 }, { the_last_duplicate_wins, 1 },
    { bad_services_are_refused, ARRAY_LEN(bad) })
