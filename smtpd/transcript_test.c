/* Transcripts for the postmaster: when, and what is in them. */
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"
#include "smtpd/transcript.h"

#include <string.h>

#define L STANDIN_LATER
#define EHLO "EHLO me.example\r\n" L
#define MAIL "MAIL FROM:<a@b.example>\r\n" L
#define RCPT "RCPT TO:<user@local.test>\r\n" L
#define QUIT "QUIT\r\n"
#define X100                                                 \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *line, *shown;
} lines[] = {
	{ "EHLO x", " In:  EHLO x\r\n" },
	{ "", " In:  \r\n" },
	{ "a  b", " In:  a  b\r\n" },
	{ "\x1b[2J\xff", " In:  ?[2J?\r\n" },
	{ "NOOP " X100, " In:  NOOP\r\n     " X100 "\r\n" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbb "
	  "cccccccccccccccccccc ddd",
	    " In:  aaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n"
	    "     cccccccccccccccccccc ddd\r\n" },
};

START_TEST(a_line_is_clean_and_folded)
{
	struct str out = STR_EMPTY;

	transcript_add_line(&out, "In:  ", view_of(lines[_i].line));
	ck_assert_str_eq(out.ptr, lines[_i].shown);
	str_clear(&out);
}
END_TEST

/* What the postmaster is told of a session, if that is a class; and what must
 * be in it. */
static const struct {
	const char *says, *class, *has;
} rows[] = {
	{ EHLO "FOO\r\n" L QUIT, "protocol",
	    " In:  FOO\r\n Out: 500 5.5.2 Error: command not recognized\r\n"
	    " In:  QUIT\r\n Out: 221 2.0.0 Bye\r\n\r\n\r\n"
	    "For other details, see the local mail logfile\r\n" },
	{ "RCPT TO:<x>\r\n" L "FOO\r\n", "protocol",
	    "\r\n\r\nSession aborted, reason: lost connection\r\n\r\nFor " },
	{ EHLO MAIL "RCPT TO:<x@elsewhere.test>\r\n" L QUIT, "policy",
	    "Out: 454 4.7.1 <x@elsewhere.test>: Relay access denied\r\n" },
	{ EHLO "MAIL FROM:<a@b.example> SIZE=999999999\r\n" L QUIT, "policy",
	    "Out: 552 5.3.4 Message size exceeds fixed limit\r\n" },
	{ EHLO MAIL "RCPT TO:<x@broken.test>\r\n" L QUIT, "data",
	    "Temporary lookup failure" },
	{ EHLO MAIL "RCPT TO:<no@local.test>\r\n" L QUIT, NULL, NULL },
	{ EHLO MAIL RCPT "DATA\r\n" L "x\r\n.\r\n" L QUIT, NULL, NULL },
	{ EHLO "ETRN no.test\r\n" L QUIT, NULL, NULL },
};

static const char *const classes[] = { "policy", "protocol", "resource",
	"software", "data", "bounce" };

/* The last message that cleanup got, if it is a transcript. */
static const char *
notice_of(const char *says)
{
	const struct standin_message *m;

	standin_forget_messages();
	standin_talk("192.0.2.1", says);
	if (standin.n_messages == 0)
		return NULL;
	m = &standin.messages[standin.n_messages - 1];
	if (strstr(m->content.ptr, "Transcript of session") == NULL)
		return NULL;
	ck_assert_str_eq(m->sender.ptr, "double-bounce@mx.example.test");
	ck_assert_str_eq(m->rcpts.ptr, "chief@local.test\n");
	ck_assert_str_eq(m->context, "local");
	return m->content.ptr;
}

static void
open_class(const char *class, const char *more)
{
	char conf[400];

	snprintf(conf, sizeof(conf),
	    "notify_classes = %s\nerror_notice_recipient = chief@local.test\n"
	    "%s",
	    class, more);
	standin_open(conf);
}

START_TEST(the_postmaster_is_told_of_errors_of_a_class_that_is_on)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		const char *notice;

		open_class(classes[i], "");
		notice = notice_of(rows[_i].says);
		if (rows[_i].class == NULL ||
		    strcmp(rows[_i].class, classes[i]) != 0) {
			ck_assert_msg(notice == NULL, "%s", classes[i]);
		} else {
			ck_assert_msg(notice != NULL, "%s", classes[i]);
			ck_assert_msg(
			    strstr(notice, rows[_i].has) != NULL, "%s", notice);
		}
		standin_close();
	}
}
END_TEST

START_TEST(a_notice_is_a_message_with_the_whole_dialogue)
{
	const char *notice, *body;

	open_class("protocol", "smtpd_client_port_logging = yes\n");
	notice = notice_of(EHLO "FOO\r\n" L QUIT);
	ck_assert_ptr_nonnull(notice);
	ck_assert_ptr_nonnull(strstr(notice,
	    "\r\nFrom: Mail Delivery System <MAILER-DAEMON>\r\n"
	    "To: Postmaster <chief@local.test>\r\n"
	    "Subject: Barid SMTP server: errors from "
	    "client.example[192.0.2.1]:2525\r\n\r\n"));
	body = strstr(notice, "\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(body,
	    "\r\n\r\nTranscript of session follows.\r\n\r\n"
	    " Out: 220 mx.example.test ESMTP Barid\r\n"
	    " In:  EHLO me.example\r\n Out: 250-mx.example.test\r\n"
	    " Out: 250-PIPELINING\r\n"));
	standin_close();
}
END_TEST

/* Attack: what a client says before it knows that there is no login. */
START_TEST(passwords_are_in_no_transcript)
{
	const char *notice;

	open_class("protocol", "");
	notice = notice_of(EHLO "AUTH LOGIN c2VjcmV0\r\n" L "c2VjcmV0\r\n" L
				"auth plain c2VjcmV0\r\n" L "c2VjcmV0 x\r\n" L
				"NOOP\r\n" L "c2Vj\r\n" L QUIT);
	ck_assert_ptr_nonnull(notice);
	ck_assert_ptr_null(strstr(notice, "c2VjcmV0"));
	ck_assert_ptr_nonnull(strstr(notice, " In:  AUTH LOGIN ...\r\n"));
	ck_assert_ptr_nonnull(strstr(notice, " In:  AUTH plain ...\r\n"));
	ck_assert_ptr_nonnull(strstr(notice, " In:  ...\r\n"));
	/* After another command it is none. */
	ck_assert_ptr_nonnull(strstr(notice, " In:  c2Vj\r\n"));
	standin_close();
}
END_TEST

/* Attack: a client that never ends must not fill our memory. */
START_TEST(a_transcript_is_bounded)
{
	struct str says = STR_EMPTY;
	const char *notice;

	open_class("protocol",
	    "smtpd_hard_error_limit = 100000\nsmtpd_error_sleep_time = 0\n"
	    "smtpd_history_flush_threshold = 1000000\n");
	str_add_text(&says, EHLO "FIRST\r\n" L);
	for (int i = 0; i < 2000; i++)
		str_add_text(&says, "NOOP " X100 X100 X100 "\r\n" L);
	str_add_text(&says, "LAST\r\n" L QUIT);
	notice = notice_of(says.ptr);
	ck_assert_ptr_nonnull(notice);
	ck_assert_uint_lt(strlen(notice), 20000);
	ck_assert_ptr_nonnull(strstr(notice, " In:  FIRST\r\n"));
	ck_assert_ptr_nonnull(strstr(notice, " In:  LAST\r\n"));
	ck_assert_ptr_nonnull(strstr(notice, " lines)\r\n"));
	str_clear(&says);
	standin_close();
}
END_TEST

START_TEST(a_long_session_is_told_in_parts)
{
	open_class("protocol", "smtpd_history_flush_threshold = 3\n");
	standin_talk("192.0.2.1",
	    "HELO x\r\n" L "FOO\r\n" L MAIL "RSET\r\n" L MAIL "RSET\r\n" L
	    "BAR\r\n" L QUIT);
	ck_assert_uint_eq(standin.n_messages, 2);
	ck_assert_ptr_null(strstr(standin.messages[1].content.ptr, "In:  FOO"));
	ck_assert_ptr_nonnull(
	    strstr(standin.messages[1].content.ptr, "In:  BAR"));
	standin_close();
}
END_TEST

/* It may take long to send one: the client knows that its message is queued. */
START_TEST(a_reply_does_not_wait_for_a_notice)
{
	size_t queued;

	open_class("protocol", "smtpd_history_flush_threshold = 3\n");
	standin_talk("192.0.2.1",
	    EHLO "FOO\r\n" L MAIL RCPT "DATA\r\n" L "x\r\n.\r\n" L QUIT);
	queued = view_find_text(standin_heard(), VIEW("queued as"));
	ck_assert_uint_eq(standin.n_messages, 2);
	ck_assert_uint_ne(queued, VIEW_NPOS);
	ck_assert_uint_gt(standin.messages[1].n_heard, queued);
	standin_close();
}
END_TEST

/* A class that is on by default. */
START_TEST(the_postmaster_is_told_that_there_is_no_room)
{
	struct str says = STR_EMPTY;
	const char *notice;

	open_class("resource, software",
	    "smtpd_collect_memory_limit = 65536\nlocal_recipient_maps =\n"
	    "smtpd_hard_error_limit = 5000\n");
	str_add_text(&says, EHLO MAIL);
	for (int i = 0; i < 900; i++)
		str_addf(&says,
		    "RCPT TO:<recipient%d.with.a.long.name.to.be.counted"
		    "@local.test>\r\n",
		    i);
	notice = notice_of(says.ptr);
	ck_assert_ptr_nonnull(notice);
	ck_assert_ptr_nonnull(strstr(notice,
	    " Out: 452 4.3.1 Insufficient system storage\r\n"));
	str_clear(&says);
	standin_close();
}
END_TEST

/* What it says from then on is heard by the screen alone. */
START_TEST(a_client_that_the_screen_found_out_has_a_whole_transcript)
{
	const char *notice;

	open_class("protocol",
	    "smtpd_screen_enable = yes\npostscreen_greet_banner =\n"
	    "postscreen_bare_newline_enable = yes\n"
	    "postscreen_bare_newline_action = enforce\n");
	notice = notice_of("EHLO me.example\n" L MAIL RCPT QUIT);
	ck_assert_ptr_nonnull(notice);
	ck_assert_ptr_nonnull(strstr(notice,
	    " In:  RCPT TO:<user@local.test>\r\n"
	    " Out: 550 5.5.1 Protocol error\r\n"));
	standin_close();
}
END_TEST

START_TEST(a_notice_that_cannot_be_sent_is_logged)
{
	open_class("protocol", "");
	standin.cleanup_is_down = true;
	standin_talk("192.0.2.1", EHLO "FOO\r\n" L QUIT);
	ck_assert_uint_eq(standin.n_messages, 0);
	ck_assert_ptr_nonnull(
	    strstr(standin_log(), "warning: postmaster notify: "));
	standin_close();
}
END_TEST

UNIT_MAIN("transcript", { a_line_is_clean_and_folded, ARRAY_LEN(lines) },
    { the_postmaster_is_told_of_errors_of_a_class_that_is_on, ARRAY_LEN(rows) },
    { a_notice_is_a_message_with_the_whole_dialogue, 1 },
    { passwords_are_in_no_transcript, 1 }, { a_transcript_is_bounded, 1 },
    { a_long_session_is_told_in_parts, 1 },
    { a_reply_does_not_wait_for_a_notice, 1 },
    { the_postmaster_is_told_that_there_is_no_room, 1 },
    { a_client_that_the_screen_found_out_has_a_whole_transcript, 1 },
    { a_notice_that_cannot_be_sent_is_logged, 1 })
