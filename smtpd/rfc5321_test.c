/*
 * RFC 5321, what it asks of a server, by section.  Each row is a session and
 * what must be among its replies, in this order (a line each); "!" before one:
 * it must not be there.
 */
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#include <stdio.h>
#include <stdlib.h>

#define L STANDIN_LATER
#define EHLO "EHLO me.example\r\n" L
#define HELO "HELO me.example\r\n" L
#define MAIL "MAIL FROM:<a@b.example>\r\n" L
#define RCPT "RCPT TO:<user@local.test>\r\n" L
#define DATA "DATA\r\n" L
#define BODY "Subject: x\r\n\r\nx\r\n.\r\n" L
#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789a"
#define L64 L63 "b"
#define D255 L63 "." L63 "." L63 "." L63

static const struct {
	const char *section, *conf, *says, *hears;
} rows[] = {
	/* Commands and keywords in any case, also without white space where
	 * none is needed, with it at the end of the line. */
	{ "2.4", "",
	    "eHlO x\r\n" L "mAiL fRoM:<a@b.example>\r\n" L
	    "rcpt to:<user@local.test>\r\n" L "dAtA\r\n" L BODY "qUiT\r\n",
	    "250 2.1.0\n250 2.1.5\n354 \n250 2.0.0 Ok: queued\n221 " },
	{ "4.1.1", "", "EHLO x  \r\n" L "NOOP \t\r\n" L "QUIT \r\n",
	    "250 CHUNKING\n250 2.0.0\n221 " },
	/* The greeting comes first and is 220. */
	{ "3.1", "", "QUIT\r\n", "220 mx.example.test " },
	/* A server that takes no mail says 554, then 503 to all but QUIT. */
	{ "3.1",
	    "smtpd_delay_reject = no\n"
	    "smtpd_client_restrictions = reject\n",
	    EHLO "NOOP\r\n" L MAIL "QUIT\r\n",
	    "554 5.7.1 \n503 5.7.0 \n503 5.7.0 \n503 5.7.0 \n221 " },
	/* EHLO is answered by extensions, HELO by one line. */
	{ "3.2", "", EHLO, "250-mx.example.test\n250 CHUNKING" },
	{ "3.2", "", HELO "QUIT\r\n", "250 mx.example.test\n221 " },
	/* One transaction: MAIL, RCPT, DATA, in this order. */
	{ "3.3", "", EHLO MAIL RCPT DATA BODY,
	    "250 2.1.0 \n250 2.1.5 \n354 \n250 2.0.0 Ok: queued as" },
	{ "3.3", "", EHLO RCPT, "503 " },
	{ "3.3", "", EHLO DATA, "503 " },
	{ "3.3", "", EHLO MAIL MAIL, "250 2.1.0 \n503 5.5.1 " },
	{ "3.3", "", EHLO MAIL "RCPT TO:<no@local.test>\r\n" L DATA,
	    "550 \n554 5.5.1 Error: no valid recipients" },
	/* At the end of a message all is forgotten. */
	{ "3.3", "", EHLO MAIL RCPT DATA BODY DATA,
	    "250 2.0.0 Ok: queued\n503 5.5.1 Error: need RCPT command" },
	{ "3.3", "", EHLO MAIL RCPT DATA BODY RCPT,
	    "250 2.0.0 Ok: queued\n503 5.5.1 Error: need MAIL command" },
	/* A recipient that is not there: 550. */
	{ "3.3", "", EHLO MAIL "RCPT TO:<no@local.test>\r\n", "550 5.1.1 " },
	/* VRFY is normal: 250, 252 or 550; what is no address 501. */
	{ "3.5.1", "", EHLO "VRFY user@local.test\r\n", "252 2.0.0 " },
	{ "3.5.1", "", EHLO "VRFY no@local.test\r\n", "550 5.1.1 " },
	{ "3.5.2", "", EHLO "EXPN list\r\n", "502 " },
	/* Source routes are recognised and not followed. */
	{ "3.6.1", "",
	    EHLO MAIL "RCPT TO:<@a.test,@b.test:user@local.test>\r\n",
	    "250 2.1.5 " },
	{ "3.6.1", "", EHLO "MAIL FROM:<@x.test:a@b.example>\r\n",
	    "250 2.1.0" },
	/* No relay for everybody. */
	{ "3.6.2", "", EHLO MAIL "RCPT TO:<a@elsewhere.test>\r\n",
	    "454 4.7.1 <a@elsewhere.test>: Relay access denied" },
	/* Not closed before QUIT is answered; nor after an error. */
	{ "3.8", "", EHLO "XYZZY\r\n" L "NOOP\r\n" L "QUIT\r\n",
	    "500 \n250 2.0.0 Ok\n221 " },
	/* A timeout is told: 421. */
	{ "3.8", "smtpd_timeout = 1s\n", EHLO STANDIN_SILENCE,
	    "421 4.4.2 mx.example.test " },
	/* Parameters where there are none: 501. */
	{ "4.1.1", "",
	    EHLO "RSET x\r\n" L "QUIT x\r\n" L MAIL
	    "RCPT TO:<user@local.test>\r\n" L "DATA x\r\n" L "QUIT\r\n",
	    "501 \n501 \n250 2.1.0\n250 2.1.5\n501 \n221 " },
	/* EHLO with a domain, an address literal; without argument 501. */
	{ "4.1.1.1", "", "EHLO [192.0.2.1]\r\n", "250 CHUNKING" },
	{ "4.1.1.1", "", "EHLO [IPv6:2001:db8::1]\r\n", "250 CHUNKING" },
	{ "4.1.1.1", "", "EHLO\r\n", "501 Syntax: EHLO hostname" },
	{ "4.1.1.1", "", "HELO\r\n", "501 Syntax: HELO hostname" },
	/* A parameter that was not offered: 555. */
	{ "4.1.1.11", "", EHLO "MAIL FROM:<a@b.example> FOO=BAR\r\n",
	    "555 5.5.4 " },
	{ "4.1.1.11", "", EHLO MAIL "RCPT TO:<user@local.test> FOO\r\n",
	    "555 5.5.4 " },
	{ "4.1.1.2", "",
	    EHLO "MAIL\r\n" L "MAIL FROM\r\n" L "MAIL FROM:\r\n" L
		 "MAIL TO:<a@b>\r\n",
	    "501 \n501 \n501 \n501 " },
	{ "4.1.1.3", "",
	    EHLO MAIL "RCPT\r\n" L "RCPT TO:\r\n" L "RCPT TO:<>\r\n" L
		      "RCPT FROM:<user@local.test>\r\n",
	    "501 \n501 \n501 5.1.3 \n501 " },
	/* RSET clears, and is 250 also before EHLO. */
	{ "4.1.1.5", "", "RSET\r\n" L EHLO MAIL RCPT "RSET\r\n" L DATA,
	    "250 2.0.0 Ok\n250 2.1.5 \n250 2.0.0 Ok\n503 " },
	/* HELP and NOOP, with and without argument; NOOP changes nothing. */
	{ "4.1.1.8", "", "HELP\r\n" L "HELP MAIL\r\n", "214 \n214 " },
	{ "4.1.1.9", "", EHLO MAIL "NOOP\r\n" L "NOOP what ever\r\n" L RCPT,
	    "250 2.0.0 \n250 2.0.0 \n250 2.1.5 " },
	{ "4.1.1.10", "", EHLO MAIL RCPT "QUIT\r\n", "221 2.0.0 " },
	/* Local parts: quoted, with the quotes' escapes; literals. */
	{ "4.1.2", "", EHLO "MAIL FROM:<\"a b\"@c.example>\r\n", "250 2.1.0 " },
	{ "4.1.2", "", EHLO "MAIL FROM:<\"a\\\"b\"@c.example>\r\n",
	    "250 2.1.0 " },
	{ "4.1.2", "", EHLO MAIL "RCPT TO:<\"user\"@local.test>\r\n",
	    "250 2.1.5 " },
	{ "4.1.2", "", EHLO MAIL "RCPT TO:<a@b@c.example>\r\n", "501 5.1.3 " },
	{ "4.1.3", "", EHLO "MAIL FROM:<a@[192.0.2.1]>\r\n", "250 2.1.0 " },
	{ "4.1.3", "", EHLO "MAIL FROM:<a@[IPv6:2001:db8::1]>\r\n",
	    "250 2.1.0 " },
	{ "4.1.3", "", EHLO "MAIL FROM:<a@[300.0.2.1]>\r\n", "501 5.1.7 " },
	/* EHLO in the middle clears as RSET does; a bad one changes
	 * nothing. */
	{ "4.1.4", "", EHLO MAIL RCPT EHLO DATA, "250 2.1.5 \n503 " },
	{ "4.1.4", "", EHLO MAIL RCPT "EHLO\r\n" L DATA BODY,
	    "250 2.1.5 \n501 \n354 \n250 2.0.0 Ok: queued" },
	/* NOOP, HELP, VRFY, RSET, EXPN at any time, also before EHLO. */
	{ "4.1.4", "",
	    "NOOP\r\n" L "HELP\r\n" L "VRFY user\r\n" L "RSET\r\n" L
	    "EXPN x\r\n" L EHLO,
	    "250 2.0.0 \n214 \n252 \n250 2.0.0 \n502 \n250 CHUNKING" },
	/* The name in HELO is not what mail is refused for. */
	{ "4.1.4", "", "EHLO no_such..name-\r\n" L MAIL,
	    "250 CHUNKING\n250 2.1.0 " },
	/* Unknown commands 500, known ones that are not there 502. */
	{ "4.2.4", "", EHLO "FOO\r\n" L "EXPN x\r\n" L "TURN\r\n",
	    "500 5.5.2 \n502 5.5.1 \n502 5.5.1 " },
	/* After the end of data: 250 or the reason why not. */
	{ "4.2.5", "message_size_limit = 100\n",
	    EHLO MAIL RCPT DATA
	    "123456789012345678901234567890123456789012345678901234567890\r\n"
	    "123456789012345678901234567890123456789012345678901234567890\r\n"
	    ".\r\n" L "NOOP\r\n",
	    "354 \n552 5.3.4 \n250 2.0.0 Ok" },
	/* What every server must know. */
	{ "4.5.1", "",
	    "EHLO x\r\n" L "HELO x\r\n" L MAIL RCPT DATA BODY "RSET\r\n" L
	    "NOOP\r\n" L "VRFY x\r\n" L "QUIT\r\n",
	    "!500 \n!502 " },
	/* postmaster, in any case, without domain, whoever asks. */
	{ "4.5.1", "smtpd_client_restrictions = reject\n",
	    EHLO MAIL "RCPT TO:<postmaster>\r\n" L "RCPT TO:<PostMaster>\r\n",
	    "250 2.1.5 \n250 2.1.5 " },
	{ "4.5.1", "", EHLO MAIL "RCPT TO:<postmaster@local.test>\r\n",
	    "250 2.1.5 " },
	/* Sizes that must do. */
	{ "4.5.3.1.1", "local_recipient_maps =\n",
	    EHLO MAIL "RCPT TO:<" L64 "@local.test>\r\n", "250 2.1.5 " },
	{ "4.5.3.1.2", "", EHLO "MAIL FROM:<a@" D255 ">\r\n", "250 2.1.0 " },
	{ "4.5.3.1.4", "", EHLO "NOOP " L63 L63 L63 L63 L63 L63 L63 L63 "\r\n",
	    "250 2.0.0 " },
	/* The null reverse path. */
	{ "4.5.5", "", EHLO "MAIL FROM:<>\r\n" L RCPT,
	    "250 2.1.0 \n250 2.1.5" },
	/* VRFY tells no more than RCPT. */
	{ "7.3", "", EHLO "VRFY a@elsewhere.test\r\n", "!250 2" },
};

/* One row's lines: each is in the replies after the one before. */
static void
check(const char *section, const char *heard, struct view wanted)
{
	struct view rest = view_of(heard), line;

	while (view_field(&wanted, '\n', &line)) {
		bool must_not = view_starts(line, VIEW("!"));
		size_t at;

		if (must_not)
			line = view_skip(line, 1);
		at = view_find_text(rest, line);
		ck_assert_msg((at == VIEW_NPOS) == must_not,
		    "RFC 5321 %s: \"%.*s\" in:\n%s", section, VIEW_ARGS(line),
		    heard);
		if (!must_not)
			rest = view_skip(rest, at + line.len);
	}
}

START_TEST(the_server_does_what_rfc5321_asks)
{
	standin_open(rows[_i].conf);
	check(rows[_i].section, standin_talk("192.0.2.1", rows[_i].says),
	    view_of(rows[_i].hears));
	standin_close();
}
END_TEST

/* 2.4: the local part's case is its host's business. */
START_TEST(section_2_4_the_case_of_local_parts_is_kept)
{
	standin_open("");
	standin_talk("192.0.2.1",
	    EHLO "MAIL FROM:<AbC@b.example>\r\n" L
		 "RCPT TO:<USER@Local.Test>\r\n" L DATA BODY);
	ck_assert_uint_eq(standin.n_messages, 1);
	ck_assert_str_eq(standin.messages[0].sender.ptr, "AbC@b.example");
	ck_assert_str_eq(standin.messages[0].rcpts.ptr, "USER@Local.Test\n");
	standin_close();
}
END_TEST

/* 3.8, 4.1.1.4: without its end a message is none. */
START_TEST(section_3_8_a_lost_connection_leaves_nothing)
{
	standin_open("");
	standin_talk(
	    "192.0.2.1", EHLO MAIL RCPT DATA "Subject: x\r\n\r\nx\r\n");
	standin_talk("192.0.2.1", EHLO MAIL RCPT "BDAT 10 LAST\r\n12345");
	ck_assert_uint_eq(standin.n_messages, 0);
	standin_close();
}
END_TEST

/* 4.1.1.4, 4.4: the trace header comes first, the content is as it came. */
START_TEST(section_4_4_a_received_header_is_put_before_all)
{
	const char *content;

	standin_open("");
	standin_talk("192.0.2.1",
	    EHLO MAIL RCPT DATA
	    "Received: older\r\nSubject: x\r\n\r\nx\r\n.\r\n");
	ck_assert_uint_eq(standin.n_messages, 1);
	content = standin.messages[0].content.ptr;
	ck_assert_ptr_eq(strstr(content,
			     "Received: from me.example "
			     "(client.example [192.0.2.1])\r\n"
			     "\tby mx.example.test (Barid) with "
			     "ESMTP id "),
	    content);
	ck_assert_ptr_nonnull(strstr(content, "\r\n\tfor <user@local.test>; "));
	ck_assert_ptr_nonnull(
	    strstr(content, ")\r\nReceived: older\r\nSubject: x\r\n\r\nx\r\n"));
	standin_close();
}
END_TEST

/* 4.4: two recipients do not learn of each other. */
START_TEST(section_4_4_several_recipients_are_not_told)
{
	standin_open("");
	standin_talk("192.0.2.1",
	    EHLO MAIL RCPT "RCPT TO:<other@local.test>\r\n" L DATA BODY);
	ck_assert_ptr_null(strstr(standin.messages[0].content.ptr, "for <"));
	ck_assert_str_eq(standin.messages[0].rcpts.ptr,
	    "user@local.test\nother@local.test\n");
	standin_close();
}
END_TEST

/* 4.5.2: one dot more at the front of a line, and it is taken off. */
START_TEST(section_4_5_2_dots_are_transparent)
{
	standin_open("");
	standin_talk(
	    "192.0.2.1", EHLO MAIL RCPT DATA "\r\n..\r\n...x\r\n.y\r\n.\r\n");
	ck_assert_uint_eq(standin.n_messages, 1);
	ck_assert_ptr_nonnull(strstr(
	    standin.messages[0].content.ptr, "\r\n\r\n.\r\n..x\r\ny\r\n"));
	standin_close();
}
END_TEST

/* 4.5.3.1.6 and .7: lines of 1000 bytes, messages of 64 KiB at least. */
START_TEST(section_4_5_3_1_long_lines_and_large_messages_are_taken)
{
	struct str text = STR_EMPTY;

	standin_open("");
	str_add_text(&text, EHLO MAIL RCPT DATA);
	for (size_t n = 0; n < 200; n++) {
		for (size_t i = 0; i < 998; i++)
			str_add_byte(&text, 'x');
		str_add_text(&text, "\r\n");
	}
	str_add_text(&text, ".\r\n");
	ck_assert_ptr_nonnull(strstr(
	    standin_talk("192.0.2.1", text.ptr), "250 2.0.0 Ok: queued"));
	ck_assert_uint_gt(standin.messages[0].content.len, 200000);
	str_clear(&text);
	standin_close();
}
END_TEST

/* 4.5.3.1.8 and .10: 100 recipients at least, then 452. */
START_TEST(section_4_5_3_1_10_too_many_recipients_are_452)
{
	struct str text = STR_EMPTY;
	const char *heard;

	standin_open("local_recipient_maps =\nsmtpd_recipient_limit = 100\n");
	str_add_text(&text, EHLO MAIL);
	for (int n = 0; n < 101; n++)
		str_addf(&text, "RCPT TO:<u%d@local.test>\r\n", n);
	str_add_text(&text, L "DATA\r\n" L BODY);
	heard = standin_talk("192.0.2.1", text.ptr);
	ck_assert_ptr_nonnull(strstr(heard,
	    "250 2.1.5 Ok\n452 4.5.3 Error: "
	    "too many recipients\n354 "));
	ck_assert_ptr_nonnull(strstr(heard, "250 2.0.0 Ok: queued"));
	str_clear(&text);
	standin_close();
}
END_TEST

/* 4.5.3.2.7: a server waits five minutes at least. */
START_TEST(section_4_5_3_2_7_the_default_timeout_is_five_minutes)
{
	standin_open("smtpd_timeout = ${stress?{10}:{300}}s\n");
	ck_assert_int_ge(standin.conf->smtpd_timeout, 300);
	standin_close();
}
END_TEST

/* 4.2: each line is three digits, a hyphen or space, text; at most 512. */
START_TEST(section_4_2_replies_are_well_formed)
{
	const char *heard;
	struct view rest, line;

	standin_open("");
	heard = standin_talk("192.0.2.1",
	    EHLO MAIL RCPT
	    "RCPT TO:<" L64 "@" D255 ">\r\n" L "FOO\r\n" L "HELP\r\n" L
	    "VRFY " L64 L64 L64 L64 L64 L64 L64 L64 L64 L64 "@local.test\r\n" L
	    "RCPT TO:<" L64 L64 L64 L64 L64 L64 L64 L64 L64 L64 "@local.test>"
	    "\r\n" L DATA BODY "QUIT\r\n");
	rest = view_of(heard);
	while (view_field(&rest, '\n', &line)) {
		if (line.len == 0)
			continue;
		ck_assert_msg(line.len >= 4 && line.len <= 510 &&
			line.ptr[0] >= '2' && line.ptr[0] <= '5' &&
			ascii_is_digit(line.ptr[1]) &&
			ascii_is_digit(line.ptr[2]) &&
			(line.ptr[3] == ' ' || line.ptr[3] == '-'),
		    "%.*s", VIEW_ARGS(line));
	}
	standin_close();
}
END_TEST

UNIT_MAIN("rfc5321", { the_server_does_what_rfc5321_asks, ARRAY_LEN(rows) },
    { section_2_4_the_case_of_local_parts_is_kept, 1 },
    { section_3_8_a_lost_connection_leaves_nothing, 1 },
    { section_4_4_a_received_header_is_put_before_all, 1 },
    { section_4_4_several_recipients_are_not_told, 1 },
    { section_4_5_2_dots_are_transparent, 1 },
    { section_4_5_3_1_long_lines_and_large_messages_are_taken, 1 },
    { section_4_5_3_1_10_too_many_recipients_are_452, 1 },
    { section_4_5_3_2_7_the_default_timeout_is_five_minutes, 1 },
    { section_4_2_replies_are_well_formed, 1 })
