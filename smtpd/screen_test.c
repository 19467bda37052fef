/* The screen: what is remembered, and the tests after the greeting. */
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/screen_run.h"
#include "smtpd/standin.h"

#include <string.h>

#define ON                                                       \
	"smtpd_screen_enable = yes\npostscreen_greet_banner =\n" \
	"postscreen_access_list = permit_mynetworks, inline:{ "  \
	"192.0.2.66=reject }\n"
#define DEEP                                         \
	"postscreen_pipelining_enable = yes\n"       \
	"postscreen_non_smtp_command_enable = yes\n" \
	"postscreen_bare_newline_enable = yes\n"
#define EHLO "EHLO me.example\r\n" STANDIN_LATER
#define MAIL "MAIL FROM:<a@b.example>\r\n" STANDIN_LATER
#define RCPT "RCPT TO:<user@local.test>\r\n" STANDIN_LATER
#define NOOP "NOOP\r\n" STANDIN_LATER
#define QUIT "QUIT\r\n"

static const struct {
	const char *text;
	bool ok;
} stamps[] = {
	{ "0;0;0;0;0", true },
	{ "1;1700000000;0;3;4", true },
	{ "1;2;3;4", false },
	{ "1;2;3;4;5;6", false },
	{ "1;2;3;4;", false },
	{ "-1;2;3;4;5", false },
	{ "1;2;3;4;1111111111111111111", false },
	{ "1; 2;3;4;5", false },
	{ "", false },
	{ ";;;;", false },
};

START_TEST(stamps_that_are_read_are_those_that_were_written)
{
	struct str out = STR_EMPTY;
	struct screen_stamps s;
	bool ok = screen_stamps_read(view_of(stamps[_i].text), &s);

	ck_assert_msg(ok == stamps[_i].ok, "%s", stamps[_i].text);
	if (!ok)
		return;
	screen_stamps_write(&out, &s);
	ck_assert_str_eq(out.ptr, stamps[_i].text);
	str_clear(&out);
}
END_TEST

static const struct {
	const char *bytes, *shown;
} shows[] = {
	{ "EHLO x\r\n", "EHLO x\\r\\n" },
	{ "a\tb\\", "a\\tb\\\\" },
	{ "\a\b\v\f", "\\a\\b\\v\\f" },
	{ "\x1b[2J\xff", "\\033[2J\\377" },
};

START_TEST(foreign_bytes_are_shown_as_c_has_them)
{
	struct str out = STR_EMPTY;
	char many[200];

	screen_add_shown(&out, view_of(shows[_i].bytes));
	ck_assert_str_eq(out.ptr, shows[_i].shown);
	str_reset(&out);
	memset(many, 'x', sizeof(many));
	screen_add_shown(&out, view_make(many, sizeof(many)));
	ck_assert_uint_eq(out.len, 100);
	str_clear(&out);
}
END_TEST

/* The last line that the client hears, and a part of the log. */
static const struct {
	const char *conf, *client, *says, *hears, *log;
} rows[] = {
	{ ON DEEP, "192.0.2.1", EHLO MAIL RCPT QUIT, "250 2.1.5 Ok",
	    "PASS NEW [192.0.2.1]:2525\n" },
	{ ON DEEP, "127.0.0.1", EHLO MAIL RCPT QUIT, "250 2.1.5 Ok",
	    "ALLOWLISTED [127.0.0.1]:2525\n" },
	{ ON DEEP, "192.0.2.66", EHLO MAIL RCPT QUIT, "250 2.1.5 Ok",
	    "DENYLISTED [192.0.2.66]:2525\n" },
	{ ON "postscreen_denylist_action = enforce\n", "192.0.2.66",
	    EHLO MAIL RCPT QUIT, "550 5.3.2 Service currently unavailable",
	    "NOQUEUE: reject: RCPT from [192.0.2.66]:2525: 550 5.3.2 Service "
	    "currently unavailable; from=<a@b.example>, to=<user@local.test>, "
	    "proto=ESMTP, helo=<me.example>\n" },
	{ ON "postscreen_denylist_action = drop\nrespectful_logging = no\n",
	    "192.0.2.66", EHLO, "521 5.3.2 Service currently unavailable",
	    "BLACKLISTED [192.0.2.66]:2525\n" },
	{ ON DEEP, "192.0.2.1",
	    "EHLO me.example\r\nMAIL FROM:<a@b.example>\r\n"
	    "RCPT TO:<user@local.test>\r\n" STANDIN_LATER QUIT,
	    "550 5.5.1 Protocol error",
	    "COMMAND PIPELINING from [192.0.2.1]:2525 after EHLO: MAIL "
	    "FROM:<a@b.example>\\r\\nRCPT TO:<user@local.test>\\r\\n" },
	{ ON DEEP "postscreen_pipelining_action = drop\n", "192.0.2.1",
	    "EHLO me.example\r\nMAIL FROM:<a@b.example>\r\n",
	    "521 5.5.1 Protocol error", "DISCONNECT [192.0.2.1]:2525\n" },
	{ ON DEEP, "192.0.2.1", "Subject: hello\r\n",
	    "521 5.7.0 Error: I can break rules, too. Goodbye.",
	    "NON-SMTP COMMAND from [192.0.2.1]:2525 after CONNECT: Subject: "
	    "hello\n" },
	{ ON DEEP "postscreen_bare_newline_action = enforce\n", "192.0.2.1",
	    "EHLO me.example\n" STANDIN_LATER MAIL RCPT QUIT,
	    "550 5.5.1 Protocol error",
	    "BARE NEWLINE from [192.0.2.1]:2525 after EHLO me.example\n" },
	/* Ignored: the client is served, but the others' time counts alone. */
	{ ON DEEP "postscreen_bare_newline_action = ignore\n"
		  "smtpd_forbid_bare_newline = no\n",
	    "192.0.2.1", "EHLO me.example\n" STANDIN_LATER MAIL RCPT QUIT,
	    "250 2.1.5 Ok", "PASS NEW [192.0.2.1]:2525\n" },
	/* A client at the tests has limits of its own. */
	{ ON DEEP "postscreen_command_count_limit = 2\n", "192.0.2.1",
	    EHLO NOOP NOOP QUIT,
	    "421 mx.example.test Service unavailable - try again later\n",
	    "COMMAND COUNT LIMIT from [192.0.2.1]:2525 after NOOP\n" },
	{ ON DEEP "postscreen_command_time_limit = 10s\n", "192.0.2.1",
	    EHLO STANDIN_SILENCE,
	    "421 4.4.2 mx.example.test Error: timeout exceeded\n",
	    "COMMAND TIME LIMIT from [192.0.2.1]:2525 after EHLO\n" },
	{ ON DEEP "postscreen_helo_required = yes\n", "192.0.2.1", MAIL QUIT,
	    "503 5.5.1 Error: send HELO/EHLO first\n", "" },
	{ ON DEEP "postscreen_disable_vrfy_command = yes\n"
		  "postscreen_reject_footer = \\c, so $client_port\n",
	    "192.0.2.1", "VRFY user\r\n" QUIT,
	    "502 5.5.1 VRFY command is disabled, so 2525\n", "" },
	{ ON DEEP "postscreen_discard_ehlo_keywords = vrfy, size\n",
	    "192.0.2.1", EHLO QUIT,
	    "250-mx.example.test\n250-ETRN\n250-ENHANCEDSTATUSCODES\n", "" },
	/* What it said before it was refused still counts for the log; who is
	 * refused is not told of restrictions, nor heard of by any. */
	{ ON DEEP "smtpd_helo_restrictions = reject\n", "192.0.2.1",
	    EHLO MAIL
	    "NOOP\r\nRCPT TO:<user@local.test>\r\n" STANDIN_LATER
	    "DATA\r\n" STANDIN_LATER QUIT,
	    "550 5.5.1 Protocol error\n554 5.5.1 Error: no valid recipients\n",
	    "550 5.5.1 Protocol error; from=<a@b.example>, "
	    "to=<user@local.test>, proto=ESMTP, helo=<me.example>\n"
	    "DATA without valid RCPT from [192.0.2.1]:2525\n" },
	/* The last test that failed is what it hears. */
	{ ON "postscreen_denylist_action = enforce\n", "192.0.2.66",
	    EHLO "MAIL FROM:<a@b.example>\r\nRCPT TO:<user@local.test>\r\n"
	    QUIT,
	    "250 2.1.0 Ok\n550 5.5.1 Protocol error\n221 2.0.0 Bye\n",
	    "COMMAND PIPELINING from [192.0.2.66]:2525 after MAIL" },
	/* Nothing is left to be tested. */
	{ ON, "192.0.2.1", EHLO MAIL RCPT QUIT, "250 2.1.5 Ok",
	    "PASS OLD [192.0.2.1]:2525\n" },
};

START_TEST(a_client_is_tested_like_this)
{
	const char *heard, *log;

	standin_open(rows[_i].conf);
	heard = standin_talk(rows[_i].client, rows[_i].says);
	ck_assert_msg(
	    strstr(heard, rows[_i].hears) != NULL, "heard: %s", heard);
	log = standin_log();
	ck_assert_msg(strstr(log, rows[_i].log) != NULL, "log: %s", log);
	standin_close();
}
END_TEST

START_TEST(what_was_ignored_is_tested_again_the_next_time)
{
	const char *value;
	struct screen_stamps s;

	standin_open(ON DEEP "postscreen_bare_newline_action = ignore\n"
			     "smtpd_forbid_bare_newline = no\n");
	standin_talk(
	    "192.0.2.1", "EHLO me.example\n" STANDIN_LATER MAIL RCPT QUIT);
	value = standin_state(STATE_SCREEN, "192.0.2.1");
	ck_assert_ptr_nonnull(value);
	ck_assert(screen_stamps_read(view_of(value), &s));
	ck_assert_int_gt(s.until[SCREEN_PIPELINING], 0);
	ck_assert_int_eq(s.until[SCREEN_BARE_NEWLINE], 0);
	ck_assert_int_eq(s.until[SCREEN_PREGREET], 0);
	standin_close();
}
END_TEST

START_TEST(who_passed_is_offered_pipelining_and_not_tested)
{
	standin_open(ON DEEP);
	ck_assert_ptr_null(strstr(
	    standin_talk("192.0.2.1", EHLO MAIL RCPT QUIT), "PIPELINING"));
	standin_log();
	ck_assert_ptr_nonnull(strstr(
	    standin_talk("192.0.2.1", EHLO MAIL RCPT QUIT), "PIPELINING"));
	ck_assert_ptr_nonnull(
	    strstr(standin_log(), "PASS OLD [192.0.2.1]:2525\n"));
	/* Damaged: as if nothing were known. */
	standin_set_state(STATE_SCREEN, "192.0.2.1", "9999999999;x");
	ck_assert_ptr_null(strstr(
	    standin_talk("192.0.2.1", EHLO MAIL RCPT QUIT), "PIPELINING"));
	standin_close();
}
END_TEST

START_TEST(without_state_each_client_is_new_and_is_served)
{
	standin_open(ON DEEP);
	standin.state_is_down = true;
	for (int i = 0; i < 2; i++) {
		ck_assert_ptr_nonnull(
		    strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT QUIT),
			"250 2.1.5 Ok"));
		ck_assert_ptr_nonnull(
		    strstr(standin_log(), "PASS NEW [192.0.2.1]:2525\n"));
	}
	standin_close();
}
END_TEST

START_TEST(so_many_are_tested_at_a_time_and_others_come_later)
{
	standin_open(ON DEEP "postscreen_pre_queue_limit = 2\n");
	standin_talk("192.0.2.1", EHLO MAIL RCPT QUIT);
	ck_assert_int_eq(standin.smtpd->n_tested, 0);
	standin.smtpd->n_tested = 2;
	ck_assert_str_eq(standin_talk("192.0.2.2", EHLO QUIT),
	    "421 4.3.2 All screening ports are busy\n");
	ck_assert_ptr_nonnull(strstr(standin_log(),
	    "reject: connect from [192.0.2.2]:2525: all screening ports busy\n"
	    "DISCONNECT [192.0.2.2]:2525\n"));
	/* Who is known needs no place, nor takes one. */
	ck_assert_ptr_nonnull(strstr(
	    standin_talk("192.0.2.1", EHLO MAIL RCPT QUIT), "250 2.1.5 Ok"));
	ck_assert_int_eq(standin.smtpd->n_tested, 2);
	standin.smtpd->n_tested = 1;
	standin_talk("192.0.2.2", EHLO QUIT);
	ck_assert_int_eq(standin.smtpd->n_tested, 1);
	standin_close();
}
END_TEST

/* Attack: a table that fails must not let anybody in, nor keep anybody out. */
START_TEST(a_list_that_fails_says_nothing)
{
	standin_open(ON DEEP
	    "postscreen_access_list = fail:x, inline:{ 192.0.2.66=reject }\n"
	    "postscreen_denylist_action = enforce\n");
	ck_assert_ptr_nonnull(strstr(
	    standin_talk("192.0.2.1", EHLO MAIL RCPT QUIT), "250 2.1.5 Ok"));
	ck_assert_ptr_nonnull(strstr(
	    standin_talk("192.0.2.66", EHLO MAIL RCPT QUIT), "550 5.3.2"));
	standin_close();
}
END_TEST

UNIT_MAIN("screen",
    { stamps_that_are_read_are_those_that_were_written, ARRAY_LEN(stamps) },
    { foreign_bytes_are_shown_as_c_has_them, ARRAY_LEN(shows) },
    { a_client_is_tested_like_this, ARRAY_LEN(rows) },
    { what_was_ignored_is_tested_again_the_next_time, 1 },
    { who_passed_is_offered_pipelining_and_not_tested, 1 },
    { without_state_each_client_is_new_and_is_served, 1 },
    { so_many_are_tested_at_a_time_and_others_come_later, 1 },
    { a_list_that_fails_says_nothing, 1 })
