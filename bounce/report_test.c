/* Reports: whom they tell of, what they say, and that they stay in form. */
#include "bounce/testing.h"

#include "lib/base/unit.h"
#include "lib/mail/esmtp.h"

#define HOST "myhostname = mx.here.example\nmyorigin = here.example\n"

static struct queue_sample
sample(void)
{
	return (struct queue_sample){ .n_rcpts = 3,
		.content = VIEW("Subject: hello\r\nX: y\r\n\r\nthe body\r\n"),
		.added = VIEW("Received: from a\r\n"),
		.layout = VIEW_EMPTY,
		.sender = VIEW("sender@example.com") };
}

static void
outcome(struct str *file, int64_t first, int64_t count, enum outcome status,
    const char *dsn, struct view text, const char *remote)
{
	struct ipc_journal_outcome o = { first, count, status, 1, view_of(dsn),
		text, VIEW("relay"), view_of(remote) };

	queue_journal_add(file, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &o));
}

/* Lines end in CRLF, are not too long, hold no controls, and the parts are
 * three. */
static void
check_form(struct view report)
{
	struct view rest = report, line, boundary;
	size_t at = view_find_text(report, VIEW("boundary=\""));
	int parts = 0, ends = 0;

	ck_assert(at != VIEW_NPOS);
	boundary = view_skip(report, at + 10);
	boundary = view_first(boundary, view_find(boundary, '"'));
	ck_assert_int_le(boundary.len, 70);
	while (rest.len > 0) {
		size_t n = view_find_text(rest, VIEW("\r\n"));

		ck_assert(n != VIEW_NPOS && n <= 998);
		line = view_first(rest, n);
		for (size_t i = 0; i < line.len; i++)
			ck_assert(line.ptr[i] == '\t' ||
			    (unsigned char)line.ptr[i] >= 32);
		rest = view_skip(rest, n + 2);
		if (line.len < boundary.len + 2 ||
		    !view_starts(line, VIEW("--")) ||
		    !view_eq(view_sub(line, 2, boundary.len), boundary))
			continue;
		line = view_skip(line, boundary.len + 2);
		parts += line.len == 0;
		ends += view_eq(line, VIEW("--"));
		ck_assert(line.len == 0 || rest.len == 0);
	}
	ck_assert_int_eq(parts, 3);
	ck_assert_int_eq(ends, 1);
}

static void
expect(const struct sink *s, const char *text)
{
	ck_assert_msg(strstr(s->pending.ptr, text) != NULL, "%s\n\n%s", text,
	    s->pending.ptr);
}

static void
expect_not(const struct sink *s, const char *text)
{
	ck_assert_msg(strstr(s->pending.ptr, text) == NULL, "%s\n\n%s", text,
	    s->pending.ptr);
}

/* The report must be there for n recipients. */
static void
report(struct sink *sink, const char *lines, const struct str *file,
    enum report_kind kind, int64_t n)
{
	struct conf *conf = test_conf(lines);
	int64_t found;
	struct err e;

	sink_init(sink);
	e = test_report(conf, str_view(file), kind, sink, &found);
	ck_assert_msg(!err_is(e), "%s", e.text);
	ck_assert_int_eq(found, n);
	check_form(str_view(&sink->pending));
	conf_free(conf);
}

/* So much of the message itself is in it. */
static size_t
original_len(const struct sink *s)
{
	const char *from = strstr(s->pending.ptr, "Return-Path: <");
	const char *to = strstr(from, "\r\n--");

	from = strstr(from, "\r\n") + 2;
	return to < from ? 0 : (size_t)(to - from);
}

static void
build(struct str *file, const struct queue_sample *s)
{
	struct queue_preamble p;

	queue_sample_build(file, s, &p);
}

START_TEST(a_failure_is_told_to_people_and_machines)
{
	struct queue_sample s = sample();
	struct str file = STR_EMPTY;
	struct sink sink;

	build(&file, &s);
	outcome(&file, 0, 1, OUTCOME_SENT, "2.0.0", VIEW("fine"), "");
	outcome(&file, 1, 1, OUTCOME_BOUNCED, "5.1.1",
	    VIEW("host r.example said: 550 no such user"), "r.example");
	outcome(&file, 2, 1, OUTCOME_DEFERRED, "4.4.1", VIEW("later"), "");
	report(&sink, HOST, &file, REPORT_FAILURE, 1);
	ck_assert_int_eq(view_find_text(str_view(&sink.pending),
			     VIEW("Received: by mx.here.example (")),
	    0);
	expect(&sink,
	    "From: Mail Delivery System <MAILER-DAEMON@here.example>\r\n");
	expect(&sink, "To: sender@example.com\r\n");
	expect(&sink, "Auto-Submitted: auto-replied\r\n");
	expect(&sink, "report-type=delivery-status;");
	expect(&sink,
	    "\r\n<user1@example.org>: host r.example said: 550 no "
	    "such user\r\n");
	expect(&sink, "\r\nReporting-MTA: dns; mx.here.example\r\n");
	expect(&sink, "\r\nOriginal-Envelope-Id: env-1\r\n");
	expect(&sink,
	    "\r\n\r\n"
	    "Original-Recipient: rfc822; user1@example.org\r\n"
	    "Final-Recipient: rfc822; user1@example.org\r\n"
	    "Action: failed\r\nStatus: 5.1.1\r\n"
	    "Remote-MTA: dns; r.example\r\n"
	    "Diagnostic-Code: smtp; 550 no such "
	    "user\r\n");
	expect(&sink,
	    "Content-Type: message/rfc822\r\n\r\n"
	    "Return-Path: <sender@example.com>\r\n"
	    "Received: from a\r\nSubject: hello\r\nX: y\r\n\r\n"
	    "the body\r\n\r\n--REPORT.");
	expect_not(&sink, "user0");
	expect_not(&sink, "user2");
	expect_not(&sink, "8bit");
	sink_clear(&sink);
	str_clear(&file);
}
END_TEST

START_TEST(a_delay_and_a_success_have_the_header_only)
{
	struct queue_sample s = sample();
	struct str file = STR_EMPTY;
	struct sink sink;

	s.notify = ESMTP_NOTIFY_DELAY | ESMTP_NOTIFY_SUCCESS;
	build(&file, &s);
	outcome(&file, 0, 1, OUTCOME_SENT, "2.0.0", VIEW("fine"), "");
	outcome(&file, 1, 1, OUTCOME_BOUNCED, "5.1.1", VIEW("no"), "");
	outcome(&file, 2, 1, OUTCOME_DEFERRED, "4.4.1", VIEW("later"), "");
	report(&sink, HOST, &file, REPORT_DELAY, 1);
	expect(&sink, "Action: delayed\r\nStatus: 4.4.1\r\n");
	expect(&sink, "Will-Retry-Until: ");
	expect(&sink, "Content-Type: text/rfc822-headers\r\n");
	expect(&sink, "Subject: hello\r\nX: y\r\n\r\n--REPORT.");
	expect_not(&sink, "the body");
	sink_clear(&sink);
	report(&sink, HOST, &file, REPORT_SUCCESS, 1);
	expect(&sink, "Action: delivered\r\nStatus: 2.0.0\r\n");
	expect_not(&sink, "the body");
	sink_clear(&sink);
	/* Failures were not asked for. */
	report(&sink, HOST, &file, REPORT_FAILURE, 0);
	sink_clear(&sink);
	str_clear(&file);
}
END_TEST

START_TEST(a_large_message_is_not_returned_whole)
{
	struct queue_sample s = sample();
	struct str file = STR_EMPTY;
	struct sink sink;

	build(&file, &s);
	outcome(&file, 0, 3, OUTCOME_BOUNCED, "5.1.1", VIEW("no"), "");
	report(
	    &sink, HOST "bounce_size_limit = 30\n", &file, REPORT_FAILURE, 3);
	expect(&sink, "text/rfc822-headers");
	expect_not(&sink, "the body");
	sink_clear(&sink);
	str_clear(&file);
}
END_TEST

/* Attack 13: the header of a large message may be all of it.  Whatever the
 * limit cuts, the report stays in form. */
START_TEST(a_large_header_is_not_returned_whole)
{
	struct queue_sample s = sample();
	struct str file = STR_EMPTY, lines = STR_EMPTY;
	struct sink sink;

	s.content = VIEW("Subject: hello\r\n\tworld\r\nY: z\r\n");
	build(&file, &s);
	outcome(&file, 0, 3, OUTCOME_BOUNCED, "5.1.1", VIEW("no"), "");
	str_printf(&lines, HOST "bounce_size_limit = %d\n", _i + 1);
	report(&sink, lines.ptr, &file, REPORT_FAILURE, 3);
	ck_assert_uint_le(original_len(&sink), _i + 2);
	ck_assert_int_eq(
	    strstr(sink.pending.ptr, "hello\r\n\tworld") != NULL, _i >= 40);
	sink_clear(&sink);
	str_clear(&lines);
	str_clear(&file);
}
END_TEST

START_TEST(what_was_told_is_not_told_again)
{
	struct queue_sample s = sample();
	struct str file = STR_EMPTY;
	struct sink sink;

	build(&file, &s);
	outcome(&file, 0, 1, OUTCOME_BOUNCED, "5.1.1", VIEW("first"), "");
	queue_sample_report(&file, REPORT_FAILURE, "X");
	report(&sink, HOST, &file, REPORT_FAILURE, 0);
	sink_clear(&sink);
	outcome(&file, 1, 1, OUTCOME_DEFERRED, "4.1.1", VIEW("second"), "");
	outcome(&file, 1, 1, OUTCOME_BOUNCED, "5.1.1", VIEW("third"), "");
	/* A report of another kind has told nothing of this. */
	queue_sample_report(&file, REPORT_DELAY, "Y");
	report(&sink, HOST, &file, REPORT_FAILURE, 1);
	expect(&sink, "third");
	expect_not(&sink, "first");
	expect_not(&sink, "second");
	sink_clear(&sink);
	str_clear(&file);
}
END_TEST

static const struct {
	int64_t notify;
	enum outcome status;
	enum report_kind kind;
	int64_t n;
} asked[] = {
	{ 0, OUTCOME_BOUNCED, REPORT_FAILURE, 3 },
	{ 0, OUTCOME_DEFERRED, REPORT_DELAY, 3 },
	{ 0, OUTCOME_SENT, REPORT_SUCCESS, 0 },
	{ 0, OUTCOME_SENT, REPORT_FAILURE, 0 },
	{ ESMTP_NOTIFY_NEVER, OUTCOME_BOUNCED, REPORT_FAILURE, 0 },
	{ ESMTP_NOTIFY_NEVER, OUTCOME_DEFERRED, REPORT_DELAY, 0 },
	{ ESMTP_NOTIFY_NEVER, OUTCOME_SENT, REPORT_SUCCESS, 0 },
	{ ESMTP_NOTIFY_SUCCESS, OUTCOME_SENT, REPORT_SUCCESS, 3 },
	{ ESMTP_NOTIFY_SUCCESS, OUTCOME_RELAYED, REPORT_SUCCESS, 3 },
	{ ESMTP_NOTIFY_SUCCESS, OUTCOME_EXPANDED, REPORT_SUCCESS, 3 },
	{ ESMTP_NOTIFY_SUCCESS, OUTCOME_BOUNCED, REPORT_FAILURE, 0 },
	{ ESMTP_NOTIFY_FAILURE, OUTCOME_BOUNCED, REPORT_FAILURE, 3 },
	{ ESMTP_NOTIFY_FAILURE, OUTCOME_DEFERRED, REPORT_DELAY, 0 },
	{ ESMTP_NOTIFY_DELAY, OUTCOME_DEFERRED, REPORT_DELAY, 3 },
};

/* RFC 3461 4.1. */
START_TEST(senders_hear_what_they_asked_for)
{
	struct queue_sample s = sample();
	struct str file = STR_EMPTY;
	struct sink sink;

	s.notify = asked[_i].notify;
	build(&file, &s);
	outcome(&file, 0, 3, asked[_i].status, "", VIEW("x"), "");
	report(&sink, HOST, &file, asked[_i].kind, asked[_i].n);
	sink_clear(&sink);
	str_clear(&file);
}
END_TEST

START_TEST(nothing_foreign_ends_a_line)
{
	struct queue_sample s = sample();
	struct str file = STR_EMPTY, word = STR_EMPTY;
	struct sink sink;

	s.sender = VIEW("a\r\nBcc: x@y.example");
	build(&file, &s);
	outcome(&file, 0, 1, OUTCOME_BOUNCED, "5\r\nX: y",
	    VIEW("one\r\n\r\n--REPORT\r\nInjected: 1\r\n\0\033[31m\xff"),
	    "r\r\nInjected: 2");
	for (int i = 0; i < 3000; i++)
		str_add_byte(&word, 'w');
	outcome(&file, 1, 1, OUTCOME_BOUNCED, "5.0.0", str_view(&word), "");
	str_reset(&word);
	for (int i = 0; i < 500; i++)
		str_add_text(&word, "two words ");
	outcome(&file, 2, 1, OUTCOME_BOUNCED, "5.0.0", str_view(&word), "r");
	report(&sink, HOST, &file, REPORT_FAILURE, 3);
	expect_not(&sink, "\r\nInjected");
	expect_not(&sink, "\r\nBcc");
	expect_not(&sink, "\r\nX: y\r\nRemote");
	expect(&sink, "Status: 5.0.0\r\n");
	sink_clear(&sink);
	str_clear(&file);
	str_clear(&word);
}
END_TEST

START_TEST(eight_bits_are_declared_where_they_are)
{
	struct queue_sample s = sample();
	struct str file = STR_EMPTY;
	struct sink sink;

	s.flags = SUBMIT_EIGHT_BIT;
	build(&file, &s);
	outcome(&file, 0, 1, OUTCOME_BOUNCED, "5.0.0", VIEW("gr\303\274n"), "");
	report(&sink, HOST, &file, REPORT_FAILURE, 1);
	/* All around, and the message's part; the text has none. */
	expect(&sink,
	    "MIME-Version: 1.0\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n");
	expect(&sink, "message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n");
	expect(&sink, "charset=us-ascii\r\n\r\n");
	expect(&sink, "gr??n");
	sink_clear(&sink);
	/* RFC 6533. */
	s.flags = SUBMIT_SMTPUTF8;
	s.sender = VIEW("gr\303\274n@example.com");
	build(&file, &s);
	outcome(&file, 0, 1, OUTCOME_BOUNCED, "5.0.0", VIEW("gr\303\274n"), "");
	report(&sink, HOST, &file, REPORT_FAILURE, 1);
	expect(&sink, "report-type=global-delivery-status;");
	expect(&sink,
	    "message/global-delivery-status\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n");
	expect(&sink, "Content-Type: message/global\r\n");
	expect(&sink, "To: gr\303\274n@example.com\r\n");
	expect(&sink, "Final-Recipient: utf-8; user0@example.org\r\n");
	sink_clear(&sink);
	str_clear(&file);
}
END_TEST

/* Long words, a long name of this host: characters and the boundary stay whole
 * (RFC 2046 5.1.1). */
START_TEST(what_is_long_is_cut_where_it_may_be)
{
	struct str file = STR_EMPTY, text = STR_EMPTY;
	struct queue_sample s = sample();
	struct sink sink;

	s.flags = SUBMIT_SMTPUTF8;
	build(&file, &s);
	str_add_text(&text, "x");
	for (int i = 0; i < 900; i++)
		str_add_text(&text, "\xc3\xa4");
	outcome(&file, 0, 3, OUTCOME_BOUNCED, "5.0.0", str_view(&text), "");
	report(&sink,
	    "myhostname = a-long-name-of-a-mail-server-for-which-nobody."
	    "made-room.department.university.example\n",
	    &file, REPORT_FAILURE, 3);
	ck_assert(view_is_utf8(str_view(&sink.pending)));
	for (struct view rest = str_view(&sink.pending), line;
	     view_field(&rest, '\n', &line);)
		ck_assert(view_is_utf8(line));
	sink_clear(&sink);
	str_clear(&text);
	str_clear(&file);
}
END_TEST

START_TEST(a_report_on_a_list_is_bounded)
{
	struct queue_sample s = sample();
	struct str file = STR_EMPTY;
	struct sink sink;

	s.n_rcpts = 5000;
	build(&file, &s);
	outcome(&file, 0, 5000, OUTCOME_BOUNCED, "5.0.0", VIEW("no"), "");
	report(&sink, HOST, &file, REPORT_FAILURE, 5000);
	expect(&sink, "\r\n4000 more recipients are not listed.\r\n");
	expect(&sink, "Final-Recipient: rfc822; user999@example.org\r\n");
	expect_not(&sink, "user1000@");
	sink_clear(&sink);
	str_clear(&file);
}
END_TEST

static const struct {
	const char *lines, *sender;
	enum report_kind kind;
	const char *from, *to; /* NULL: nobody */
	const char *copy;
} whom[] = {
	{ "", "a@b.example", REPORT_FAILURE, "", "a@b.example", NULL },
	{ "", "a@b.example", REPORT_DELAY, "", "a@b.example", NULL },
	/* A bounce is not bounced. */
	{ "", "", REPORT_FAILURE, NULL, NULL, NULL },
	{ "notify_classes = 2bounce\n", "", REPORT_FAILURE,
	    "double-bounce@mx.here.example", "postmaster", NULL },
	{ "notify_classes = 2bounce\n", "", REPORT_DELAY, NULL, NULL, NULL },
	{ "notify_classes = 2bounce\n", "", REPORT_SUCCESS, NULL, NULL, NULL },
	/* And that not either. */
	{ "notify_classes = 2bounce, bounce\n", "double-bounce@mx.here.example",
	    REPORT_FAILURE, NULL, NULL, "postmaster" },
	{ "notify_classes = 2bounce\n", "Double-Bounce@MX.here.example",
	    REPORT_FAILURE, NULL, NULL, NULL },
	{ "", "double-bounce@b.example", REPORT_FAILURE, "",
	    "double-bounce@b.example", NULL },
	{ "notify_classes = bounce\n", "a@b.example", REPORT_FAILURE, "",
	    "a@b.example", "postmaster" },
	{ "notify_classes = delay\n", "a@b.example", REPORT_FAILURE, "",
	    "a@b.example", NULL },
	{ "notify_classes = delay\ndelay_notice_recipient = x\n", "a@b.example",
	    REPORT_DELAY, "", "a@b.example", "x" },
};

START_TEST(a_template_gives_the_words)
{
	struct queue_sample s = sample();
	char path[] = "/tmp/report_test.XXXXXX";
	struct str file = STR_EMPTY, lines = STR_EMPTY;
	struct sink sink;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	ck_assert(f != NULL);
	fputs("failure_template = <<END\nCharset: utf-8\n"
	      "From: Post <post@there.example>\nSubject: Sorry\n\n"
	      "Sch\xc3\xb6n, $myhostname.\n\nBye\nEND\n",
	    f);
	fclose(f);
	str_printf(&lines, HOST "bounce_template_file = %s\n", path);
	build(&file, &s);
	outcome(&file, 1, 1, OUTCOME_BOUNCED, "5.1.1", VIEW("no"), "");
	report(&sink, lines.ptr, &file, REPORT_FAILURE, 1);
	expect(&sink, "\r\nFrom: Post <post@there.example>\r\n");
	expect(&sink, "\r\nSubject: Sorry\r\n");
	expect(&sink,
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n"
	    "Sch\xc3\xb6n, mx.here.example.\r\n\r\nBye\r\n\r\n<user1@");
	unlink(path);
	sink_clear(&sink);
	str_clear(&file);
	str_clear(&lines);
}
END_TEST

START_TEST(reports_go_to_who_may_have_them)
{
	struct str lines = STR_EMPTY, memory = STR_EMPTY;
	struct addressee to;
	struct conf *conf;
	bool any;

	str_printf(&lines, HOST "%s", whom[_i].lines);
	conf = test_conf(lines.ptr);
	any = addressee_find(
	    conf, view_of(whom[_i].sender), whom[_i].kind, &memory, &to);
	ck_assert_int_eq(any, whom[_i].to != NULL);
	if (any) {
		ck_assert(view_eq(to.sender, view_of(whom[_i].from)));
		ck_assert(view_eq(to.recipient, view_of(whom[_i].to)));
	}
	any = addressee_find_copy(conf, whom[_i].kind, &memory, &to);
	ck_assert_int_eq(any, whom[_i].copy != NULL);
	if (any) {
		ck_assert(to.is_postmaster_copy);
		ck_assert(view_eq(to.recipient, view_of(whom[_i].copy)));
	}
	str_clear(&lines);
	str_clear(&memory);
	conf_free(conf);
}
END_TEST

UNIT_MAIN("report", { a_failure_is_told_to_people_and_machines, 1 },
    { a_template_gives_the_words, 1 },
    { a_delay_and_a_success_have_the_header_only, 1 },
    { a_large_message_is_not_returned_whole, 1 },
    { a_large_header_is_not_returned_whole, 60 },
    { what_was_told_is_not_told_again, 1 },
    { senders_hear_what_they_asked_for, ARRAY_LEN(asked) },
    { nothing_foreign_ends_a_line, 1 },
    { eight_bits_are_declared_where_they_are, 1 },
    { what_is_long_is_cut_where_it_may_be, 1 },
    { a_report_on_a_list_is_bounded, 1 },
    { reports_go_to_who_may_have_them, ARRAY_LEN(whom) })
