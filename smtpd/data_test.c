/* Content: smuggling, chunks, sizes, memory, what cleanup says. */
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#include <stdio.h>

#define L STANDIN_LATER
#define START                                                 \
	"EHLO me.example\r\n" L "MAIL FROM:<a@b.example>\r\n" \
	"RCPT TO:<user@local.test>\r\n"
#define DATA START "DATA\r\n" L
#define SECOND                                  \
	"MAIL FROM:<evil@b.example>\r\n"        \
	"RCPT TO:<user@local.test>\r\nDATA\r\n" \
	"smuggled\r\n.\r\n"

static const char *
replies_after(const char *heard, const char *text)
{
	const char *at = strstr(heard, text);

	ck_assert_msg(at != NULL, "%s", heard);
	return at + strlen(text);
}

/* The end of data in its false forms: what follows is content (attacks 1 to 5).
 * In loose mode some do end it, and what follows is pipelined commands. */
static const char *const false_ends[] = {
	"x\n.\n",
	"x\n.\r\n",
	"x\r\n.\n",
	"x\r.\r",
	"x\r\r\n.\r\r\n",
	"x\r\n.\r",
	"x\n\r.\n\r",
	"x\r\n.\r\r\n",
	"x\r\n\r.\r\n",
	"x\r.\r\n",
	"x\r\n\0.\r\n",
	"x\r\n.\0\r\n",
	"x\n\n.\r\n",
};

START_TEST(only_crlf_dot_crlf_ends_a_message)
{
	struct str text = STR_EMPTY;
	const char *heard;

	standin_open("smtpd_forbid_bare_newline_exclusions =\n");
	str_add_text(&text, DATA);
	str_add(&text,
	    _i == 10	   ? VIEW("x\r\n\0.\r\n")
		: _i == 11 ? VIEW("x\r\n.\0\r\n")
			   : view_of(false_ends[_i]));
	str_add_text(&text, SECOND "QUIT\r\n");
	heard = standin_talk_bytes("192.0.2.1", str_view(&text));
	/* One message, which holds the second's commands as text. */
	ck_assert_uint_eq(standin.n_messages, 1);
	ck_assert_ptr_nonnull(
	    strstr(replies_after(heard, "queued as QID\n"), "221 2.0.0 Bye"));
	ck_assert_ptr_nonnull(memmem(standin.messages[0].content.ptr,
	    standin.messages[0].content.len, "MAIL FROM:<evil", 15));
	str_clear(&text);
	standin_close();
}
END_TEST

/* No CR or LF but in CRLF leaves us (attack 9). */
START_TEST(what_is_queued_has_no_bare_cr_or_lf)
{
	const struct str *c;

	standin_open("");
	standin_talk("192.0.2.1", DATA "a\rb\nc\r\r\nd\n\re\r\n\r\r\r\n.\r\n");
	ck_assert_uint_eq(standin.n_messages, 1);
	c = &standin.messages[0].content;
	for (size_t i = 0; i < c->len; i++) {
		if (c->ptr[i] == '\r')
			ck_assert(c->ptr[i + 1] == '\n');
		if (c->ptr[i] == '\n')
			ck_assert(i > 0 && c->ptr[i - 1] == '\r');
	}
	ck_assert_int_ne(standin.messages[0].flags & SUBMIT_BARE_LF, 0);
	ck_assert_int_ne(standin.messages[0].flags & SUBMIT_BARE_CR, 0);
	standin_close();
}
END_TEST

/* Whether it comes as a whole or byte by byte, is kept, streamed or goes to
 * postdrop; and nothing else is changed. */
static const struct {
	const char *first, *queued;
} firsts[] = {
	{ " blank", "\r\n\r\n blank" },
	{ "\ttab", "\r\n\r\n\ttab" },
	{ ". dot", "\r\n\r\n dot" },
	{ ".. dots", "\n. dots" },
	{ "X: header", "\nX: header" },
};

static void
send_first(size_t i, const char *client, size_t read_max, bool no_memory)
{
	struct str text = STR_EMPTY, tail = STR_EMPTY;
	struct view got;

	standin_open("");
	standin.read_max = read_max;
	if (no_memory)
		standin.smtpd->collected =
		    standin.conf->smtpd_collect_memory_limit;
	str_printf(&text, DATA "%s", firsts[i].first);
	str_set(&tail, view_of(firsts[i].queued));
	for (int n = 0; n < 200; n++) {
		str_add_text(&text, " b");
		str_add_text(&tail, " b");
	}
	str_add_text(&text, "\r\n.\r\n");
	str_add_text(&tail, "\r\n");
	standin_talk(client, text.ptr);
	ck_assert_uint_eq(standin.n_messages, 1);
	ck_assert_int_eq(standin.messages[0].streamed, no_memory);
	got = str_view(&standin.messages[0].content);
	if (tail.ptr[0] == '\n')
		ck_assert_ptr_null(memmem(got.ptr, got.len, "\r\n\r\n", 4));
	ck_assert_msg(view_ends(got, str_view(&tail)), "%.*s", VIEW_ARGS(got));
	standin.smtpd->collected = 0;
	standin_close();
	str_clear(&text);
	str_clear(&tail);
}

START_TEST(a_first_line_never_continues_our_header)
{
	for (size_t read_max = 0; read_max < 4; read_max++) {
		send_first(_i, "192.0.2.1", read_max, false);
		send_first(_i, "192.0.2.1", read_max, true);
		send_first(_i, NULL, read_max, false);
	}
}
END_TEST

static const struct {
	const char *mode, *client, *says, *hears, *notes;
	size_t messages;
} bare[] = {
	{ "no", "192.0.2.1", DATA "x\n.\nQUIT\r\n", "221", "quit=1", 1 },
	{ "note", "192.0.2.1", DATA "x\n.\nQUIT\r\n", "221", "notes=bare_lf",
	    1 },
	{ "normalize", "192.0.2.1", DATA "x\ny\r\n.\r\nQUIT\r\n",
	    "queued as QID\n221", "notes=bare_lf", 1 },
	{ "yes", "192.0.2.1", DATA "x\ny\r\n.\r\nQUIT\n", "queued as QID\n221",
	    "notes=bare_lf", 1 },
	{ "reject", "192.0.2.1", DATA "x\ny\r\n.\r\nQUIT\r\n",
	    "550 5.5.2 mx.example.test Error: bare <LF> received\n221",
	    "QID: reject: END-OF-MESSAGE from client.example[192.0.2.1]: "
	    "bare <LF> received; from=<a@b.example> proto=ESMTP "
	    "helo=<me.example>\n",
	    0 },
	{ "reject", "192.0.2.1", "EHLO x\n",
	    "550 5.5.2 mx.example.test Error: bare <LF> received\n",
	    "NOQUEUE: reject: CONNECT from", 0 },
	{ "reject", "192.0.2.1", START "BDAT 4 LAST\r\nx\ny\nQUIT\r\n",
	    "550 5.5.2 mx.example.test Error: bare <LF> received\n221",
	    "notes=bare_lf", 0 },
	/* Clients that may. */
	{ "reject", "127.0.0.1", DATA "x\n.\nQUIT\n", "queued as QID\n221",
	    "notes=bare_lf", 1 },
	{ "normalize", "127.0.0.1", DATA "x\n.\nQUIT\n", "queued as QID\n221",
	    "notes=bare_lf", 1 },
};

START_TEST(bare_line_ends_are_treated_as_configured)
{
	char conf[80];
	const char *heard;

	snprintf(conf, sizeof(conf), "smtpd_forbid_bare_newline = %s\n",
	    bare[_i].mode);
	standin_open(conf);
	heard = standin_talk(bare[_i].client, bare[_i].says);
	ck_assert_msg(strstr(heard, bare[_i].hears) != NULL, "%s", heard);
	ck_assert_uint_eq(standin.n_messages, bare[_i].messages);
	heard = standin_log();
	ck_assert_msg(strstr(heard, bare[_i].notes) != NULL, "%s", heard);
	standin_close();
}
END_TEST

/* --- BDAT, RFC 3030 --- */

static const struct {
	const char *says, *hears; /* after the greeting and EHLO */
	size_t messages;
} chunks[] = {
	{ START "BDAT 7 LAST\r\nabc\r\nd\nQUIT\r\n",
	    "250 2.0.0 Ok: 7 bytes queued as QID\n221 2.0.0 Bye\n", 1 },
	/* RFC 3030 4.2: pipelined chunks. */
	{ START "BDAT 3\r\nabcBDAT 2\r\n\r\nBDAT 0 LAST\r\nQUIT\r\n",
	    "250 2.0.0 Ok: 3 bytes\n250 2.0.0 Ok: 2 bytes\n"
	    "250 2.0.0 Ok: 0 bytes queued as QID\n221 2.0.0 Bye\n",
	    1 },
	/* Dots are content; the last line is ended for it. */
	{ START "BDAT 6 LAST\r\n\r\n.\r\n.QUIT\r\n",
	    "250 2.0.0 Ok: 6 bytes queued as QID\n221 2.0.0 Bye\n", 1 },
	{ START "BDAT 0 LAST\r\nQUIT\r\n",
	    "250 2.0.0 Ok: 0 bytes queued as QID\n221 2.0.0 Bye\n", 1 },
	/* No transaction, no recipient: read, and refused. */
	{ "EHLO x\r\n" L "BDAT 5 LAST\r\nQUIT\nNOOP\r\n",
	    "503 5.5.1 Error: need RCPT command\n250 2.0.0 Ok\n", 0 },
	{ "EHLO x\r\n" L "MAIL FROM:<>\r\nBDAT 5 LAST\r\nQUIT\nNOOP\r\n",
	    "554 5.5.1 Error: no valid recipients\n250 2.0.0 Ok\n", 0 },
	/* After an error all is dropped until RSET; no way to DATA. */
	{ START "BDAT 99999999\r\n", "", 0 },
	{ "EHLO x\r\n" L "MAIL FROM:<>\r\nBDAT 1\r\nxRCPT TO:<user@local.test>"
	  "\r\nBDAT 3 LAST\r\nabcDATA\r\n" L "RSET\r\nQUIT\r\n",
	    "554 5.5.1 Error: no valid recipients\n"
	    "503 5.5.1 Error: RCPT after BDAT\n"
	    "551 5.0.0 Discarded 3 bytes after earlier error\n"
	    "503 5.5.1 Error: need RCPT command\n250 2.0.0 Ok\n221 2.0.0 Bye\n",
	    0 },
	{ START "BDAT 2\r\nabDATA\r\n" L "RCPT TO:<user@local.test>\r\n"
		"MAIL FROM:<>\r\nBDAT 1 LAST\r\ncQUIT\r\n",
	    "250 2.0.0 Ok: 2 bytes\n503 5.5.1 Error: DATA after BDAT\n"
	    "503 5.5.1 Error: RCPT after BDAT\n"
	    "503 5.5.1 Error: nested MAIL command\n"
	    "250 2.0.0 Ok: 1 bytes queued as QID\n221 2.0.0 Bye\n",
	    1 },
	/* After the last chunk there is no transaction. */
	{ START "BDAT 1 LAST\r\nxBDAT 1 LAST\r\nxQUIT\r\n",
	    "250 2.0.0 Ok: 1 bytes queued as QID\n"
	    "503 5.5.1 Error: need RCPT command\n221 2.0.0 Bye\n",
	    1 },
	/* A length that is none: what follows cannot be told. */
	{ START "BDAT\r\nQUIT\r\n", "521 5.5.4 Syntax: BDAT count [LAST]\n",
	    0 },
	{ START "BDAT x\r\nQUIT\r\n", "521 5.5.4 Syntax: BDAT count [LAST]\n",
	    0 },
	{ START "BDAT -1\r\nQUIT\r\n", "521 5.5.4 Syntax: BDAT count [LAST]\n",
	    0 },
	{ START "BDAT 1 LAST x\r\n", "521 5.5.4 Syntax: BDAT count [LAST]\n",
	    0 },
	{ START "BDAT 1 FIRST\r\n", "521 5.5.4 Syntax: BDAT count [LAST]\n",
	    0 },
	{ START "BDAT 123456789012345678901\r\n",
	    "521 5.5.4 Syntax: BDAT count [LAST]\n", 0 },
	{ START "BDAT 9223372036854775808\r\nx",
	    "552 5.3.4 Chunk exceeds message size limit\n", 0 },
	{ START "BDAT 18446744073709551615 LAST\r\nx",
	    "552 5.3.4 Chunk exceeds message size limit\n", 0 },
	/* EHLO in the middle. */
	{ START "BDAT 1\r\nxEHLO y\r\n" L "BDAT 1 LAST\r\nx",
	    "250 CHUNKING\n503 5.5.1 Error: need RCPT command\n", 0 },
};

START_TEST(chunks_are_taken_and_refused_like_this)
{
	const char *heard;
	size_t len, want = strlen(chunks[_i].hears);

	standin_open("");
	heard = standin_talk("192.0.2.1", chunks[_i].says);
	len = strlen(heard);
	ck_assert_msg(
	    len >= want && strcmp(heard + len - want, chunks[_i].hears) == 0,
	    "%s", heard);
	ck_assert_uint_eq(standin.n_messages, chunks[_i].messages);
	standin_close();
}
END_TEST

START_TEST(a_million_tiny_chunks_are_one_message)
{
	struct str text = STR_EMPTY;
	const int n = 100000;

	standin_open("");
	str_add_text(&text, START);
	for (int i = 0; i < n; i++)
		str_add_text(&text, "BDAT 1\r\nx");
	str_add_text(&text, "BDAT 2 LAST\r\n\r\n");
	standin_talk("192.0.2.1", text.ptr);
	ck_assert_uint_eq(standin.n_messages, 1);
	ck_assert_uint_gt(standin.messages[0].content.len, (size_t)n);
	ck_assert(standin.messages[0].streamed);
	str_clear(&text);
	standin_close();
}
END_TEST

/* --- sizes --- */

/* A message with so many bytes of content; returns the replies. */
static const char *
talk_with_body(const char *client, size_t len, const char *rcpts)
{
	static struct str text = { str_nothing, 0, 0 };
	size_t left = len;

	str_reset(&text);
	str_add_text(
	    &text, "EHLO me.example\r\n" L "MAIL FROM:<a@b.example>\r\n");
	str_add_text(&text, rcpts);
	str_add_text(&text, "DATA\r\n" L);
	while (left > 0) {
		size_t line = left > 80 ? 78 : left;

		/* 78 bytes with the line end, or what is left. */
		for (size_t i = 0; i + 2 < line; i += 26)
			str_add(&text,
			    view_first(VIEW("abcdefghijklmnopqrstuvwxyz"),
				line - 2 - i));
		str_add_text(&text, "\r\n");
		left -= line;
	}
	str_add_text(&text, ".\r\nQUIT\r\n");
	return standin_talk(client, text.ptr);
}

static const size_t sizes[] = { 2, 100, 32767, 32768, 60000, 62000, 63000,
	63500, 63700, 63800, 63900, 64000, 64200, 65000, 65536, 70000, 98304,
	131072, 1000000 };

START_TEST(small_messages_go_whole_and_large_ones_stream)
{
	const struct standin_message *m;
	const char *body;

	standin_open("");
	ck_assert_ptr_nonnull(strstr(talk_with_body("192.0.2.1", sizes[_i],
					 "RCPT TO:<user@local.test>\r\n"),
	    "queued as QID\n221"));
	ck_assert_uint_eq(standin.n_messages, 1);
	m = &standin.messages[0];
	ck_assert_msg(m->streamed == (sizes[_i] > 63500) ||
		(sizes[_i] > 62000 && sizes[_i] < 65000),
	    "%zu: %d", sizes[_i], m->streamed);
	body = strstr(m->content.ptr, ")\r\n");
	body = strstr(body + 3, ")\r\n");
	ck_assert_ptr_nonnull(body);
	ck_assert_uint_eq(
	    m->content.len - (size_t)(body + 3 - m->content.ptr), sizes[_i]);
	ck_assert_uint_le(standin.largest_frame, 65536);
	standin_close();
}
END_TEST

START_TEST(a_thousand_long_recipients_are_sent_in_parts)
{
	struct str rcpts = STR_EMPTY;
	size_t lines = 0;

	standin_open("local_recipient_maps =\n");
	for (int i = 0; i < 1000; i++) {
		str_addf(&rcpts, "RCPT TO:<r%d", i);
		for (int n = 0; n < 600; n++)
			str_add_byte(&rcpts, 'x');
		str_add_text(&rcpts, "@local.test>\r\n");
	}
	ck_assert_ptr_nonnull(
	    strstr(talk_with_body("192.0.2.1", 100000, rcpts.ptr),
		"queued as QID\n221"));
	ck_assert_uint_eq(standin.n_messages, 1);
	ck_assert(standin.messages[0].streamed);
	for (size_t i = 0; i < standin.messages[0].rcpts.len; i++)
		lines += standin.messages[0].rcpts.ptr[i] == '\n';
	ck_assert_uint_eq(lines, 1000);
	ck_assert_uint_le(standin.largest_frame, 65536);
	str_clear(&rcpts);
	standin_close();
}
END_TEST

START_TEST(without_memory_content_streams_and_recipients_wait)
{
	struct str rcpts = STR_EMPTY;

	standin_open("smtpd_collect_memory_limit = 65536\n"
		     "local_recipient_maps =\n"
		     "smtpd_hard_error_limit = 5000\n");
	str_add_text(&rcpts, "RCPT TO:<user@local.test>\r\n");
	ck_assert_ptr_nonnull(
	    strstr(talk_with_body("192.0.2.1", 60000, rcpts.ptr),
		"queued as QID\n221"));
	for (int i = 0; i < 900; i++)
		str_addf(&rcpts,
		    "RCPT TO:<recipient%d.with.a.long.name.to.be."
		    "counted@local.test>\r\n",
		    i);
	ck_assert_ptr_nonnull(
	    strstr(talk_with_body("192.0.2.1", 60000, rcpts.ptr),
		"452 4.3.1 Insufficient system storage\n"));
	ck_assert_uint_eq(standin.n_messages, 2);
	ck_assert(standin.messages[1].streamed);
	str_clear(&rcpts);
	standin_close();
}
END_TEST

/* Who uses up the memory does so for himself. */
START_TEST(long_lists_of_some_keep_nobody_out)
{
	int64_t limit;

	standin_open("");
	limit = standin.conf->smtpd_collect_memory_limit;
	standin.smtpd->collected = limit;
	ck_assert_ptr_nonnull(
	    strstr(talk_with_body(
		       "192.0.2.1", 1000, "RCPT TO:<user@local.test>\r\n"),
		"queued as QID\n221"));
	ck_assert_uint_eq(standin.n_messages, 1);
	ck_assert(standin.messages[0].streamed);
	ck_assert_int_eq(standin.smtpd->collected, limit);
	standin.smtpd->collected = 0;
	standin_close();
}
END_TEST

START_TEST(a_message_over_the_limit_is_read_and_refused)
{
	standin_open("message_size_limit = 70000\n");
	ck_assert_ptr_nonnull(strstr(
	    talk_with_body("192.0.2.1", 70001, "RCPT TO:<user@local.test>\r\n"),
	    "552 5.3.4 Error: message file too big\n221"));
	ck_assert_ptr_nonnull(strstr(talk_with_body("192.0.2.1", 1000000,
					 "RCPT TO:<user@local.test>\r\n"),
	    "552 5.3.4 Error: message file too big\n221"));
	ck_assert_uint_eq(standin.n_messages, 0);
	ck_assert_ptr_nonnull(strstr(
	    talk_with_body("192.0.2.1", 70000, "RCPT TO:<user@local.test>\r\n"),
	    "queued as QID\n221"));
	ck_assert_ptr_nonnull(
	    strstr(standin_talk("192.0.2.1",
		       "EHLO x\r\n" L "MAIL FROM:<> SIZE=70001\r\n"
		       "MAIL FROM:<> SIZE=99999999999999999999\r\n"
		       "MAIL FROM:<> SIZE=70000\r\n"),
		"552 5.3.4 Message size exceeds fixed limit\n"
		"552 5.3.4 Message size exceeds fixed limit\n250 2.1.0 Ok\n"));
	standin_close();
}
END_TEST

/* Without end: the client cannot hold us for ever. */
START_TEST(a_message_without_end_is_cut_off)
{
	const char *heard;

	standin_open("message_size_limit = 1000\n");
	heard = talk_with_body(
	    "192.0.2.1", 80 << 20, "RCPT TO:<user@local.test>\r\n");
	ck_assert_ptr_nonnull(strstr(heard,
	    "354 End data with <CR><LF>.<CR><LF>\n"
	    "552 5.3.4 Error: message file too big\n"));
	ck_assert_ptr_null(strstr(heard, "221"));
	standin_close();
}
END_TEST

/* --- cleanup's answers --- */

static const struct {
	int code;
	const char *reply, *hears;
} answers[] = {
	{ 250, "2.0.0 Ok", "250 2.0.0 Ok: queued as QID\n" },
	{ 452, "4.3.1 Insufficient system storage",
	    "452 4.3.1 Insufficient system storage\n" },
	{ 554, "5.4.0 Error: too many hops",
	    "554 5.4.0 Error: too many hops\n" },
	{ 550, "5.7.1 no\r\n250 yes", "550 5.7.1 no??250 yes\n" },
	/* One that was taken over cannot speak for us. */
	{ 251, "2.0.0 Ok", "451 4.3.0 Error: queue file write error\n" },
	{ 354, "go on", "451 4.3.0 Error: queue file write error\n" },
	{ 0, "", "250 2.0.0 Ok: queued as QID\n" },
	{ 99999, "x", "451 4.3.0 Error: queue file write error\n" },
};

START_TEST(the_client_hears_what_cleanup_says)
{
	standin_open("");
	standin.submit_code = answers[_i].code;
	standin.submit_reply = answers[_i].reply;
	ck_assert_ptr_nonnull(strstr(
	    talk_with_body("192.0.2.1", 100, "RCPT TO:<user@local.test>\r\n"),
	    answers[_i].hears));
	ck_assert_ptr_nonnull(strstr(talk_with_body("192.0.2.1", 100000,
					 "RCPT TO:<user@local.test>\r\n"),
	    answers[_i].hears));
	standin_close();
}
END_TEST

START_TEST(without_cleanup_mail_is_told_to_come_again)
{
	standin_open("");
	standin.cleanup_is_down = true;
	ck_assert_ptr_nonnull(strstr(
	    talk_with_body("192.0.2.1", 100, "RCPT TO:<user@local.test>\r\n"),
	    "451 4.3.0 Error: queue file write error\n221"));
	ck_assert_ptr_nonnull(strstr(talk_with_body("192.0.2.1", 500000,
					 "RCPT TO:<user@local.test>\r\n"),
	    "451 4.3.0 Error: queue file write error\n221"));
	standin_close();
}
END_TEST

/* The second message of a session gets all checks anew (attack 21). */
START_TEST(a_second_message_is_checked_like_the_first)
{
	standin_open("smtpd_end_of_data_restrictions = "
		     "check_sender_access inline:{ bad@b.example=REJECT }\n");
	ck_assert_ptr_nonnull(strstr(
	    standin_talk("192.0.2.1",
		DATA "x\r\n.\r\n"
		     "MAIL FROM:<bad@b.example>\r\n"
		     "RCPT TO:<user@local.test>\r\nDATA\r\n" L "x\r\n.\r\n"
		     "RCPT TO:<user@local.test>\r\nDATA\r\n" L "QUIT\r\n"),
	    "queued as QID\n250 2.1.0 Ok\n250 2.1.5 Ok\n"
	    "354 End data with <CR><LF>.<CR><LF>\n"
	    "554 5.7.1 <bad@b.example>: Sender address rejected: "
	    "Access denied\n503 5.5.1 Error: need MAIL command\n"
	    "503 5.5.1 Error: need RCPT command\n221"));
	ck_assert_uint_eq(standin.n_messages, 1);
	standin_close();
}
END_TEST

/* A chunk may take long: the replies before it do not wait for it. */
START_TEST(replies_are_sent_before_a_chunk_is_awaited)
{
	standin_open("");
	ck_assert_ptr_nonnull(
	    strstr(standin_talk("192.0.2.1", START "BDAT 100\r\nabc"),
		"250 2.1.0 Ok\n250 2.1.5 Ok\n"));
	ck_assert_uint_eq(standin.n_messages, 0);
	standin_close();
}
END_TEST

UNIT_MAIN("data", { only_crlf_dot_crlf_ends_a_message, ARRAY_LEN(false_ends) },
    { what_is_queued_has_no_bare_cr_or_lf, 1 },
    { a_first_line_never_continues_our_header, ARRAY_LEN(firsts) },
    { bare_line_ends_are_treated_as_configured, ARRAY_LEN(bare) },
    { chunks_are_taken_and_refused_like_this, ARRAY_LEN(chunks) },
    { a_million_tiny_chunks_are_one_message, 1 },
    { replies_are_sent_before_a_chunk_is_awaited, 1 },
    { small_messages_go_whole_and_large_ones_stream, ARRAY_LEN(sizes) },
    { a_thousand_long_recipients_are_sent_in_parts, 1 },
    { without_memory_content_streams_and_recipients_wait, 1 },
    { long_lists_of_some_keep_nobody_out, 1 },
    { a_message_over_the_limit_is_read_and_refused, 1 },
    { a_message_without_end_is_cut_off, 1 },
    { the_client_hears_what_cleanup_says, ARRAY_LEN(answers) },
    { without_cleanup_mail_is_told_to_come_again, 1 },
    { a_second_message_is_checked_like_the_first, 1 })
