/* MAIL and RCPT: addresses, parameters; XCLIENT and XFORWARD. */
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/mail/esmtp.h"
#include "smtpd/standin.h"

#define L STANDIN_LATER
#define EHLO "EHLO me.example\r\n" L
#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define RCPT "RCPT TO:<user@local.test>\r\n"
#define DATA "DATA\r\n" L "x\r\n.\r\n"

static struct view
last_line(const char *heard)
{
	struct view v = view_of(heard);
	size_t at;

	if (v.len > 0)
		v.len--;
	at = view_find_last(v, '\n');
	return at == VIEW_NPOS ? v : view_skip(v, at + 1);
}

static const struct {
	const char *conf, *says, *hears;
} lines[] = {
	{ "", MAIL, "250 2.1.0 Ok" },
	{ "", "MAIL FROM:a@b.example\r\n", "250 2.1.0 Ok" },
	{ "strict_rfc821_envelopes = yes\n", "MAIL FROM:a@b.example\r\n",
	    "501 5.1.7 Bad sender address syntax" },
	{ "", "MAIL FROM: <a@b.example>\r\n", "250 2.1.0 Ok" },
	/* Many clients say it with a blank. */
	{ "strict_rfc821_envelopes = yes\n", "MAIL FROM: <a@b.example>\r\n",
	    "250 2.1.0 Ok" },
	{ "", "MAIL FROM:<a b@c>\r\n", "501 5.1.7 Bad sender address syntax" },
	{ "", "MAIL FROM:<a@b.example>x\r\n",
	    "501 5.1.7 Bad sender address syntax" },
	/* What no route leads to. */
	{ "", "MAIL FROM:<a@-b.example>\r\n",
	    "501 5.1.7 Bad sender address syntax" },
	{ "", "MAIL FROM:<a@192.0.2.1>\r\n",
	    "501 5.1.7 Bad sender address syntax" },
	{ "resolve_numeric_domain = yes\n", "MAIL FROM:<a@192.0.2.1>\r\n",
	    "250 2.1.0 Ok" },
	{ "", "MAIL FROM:<a@[192.0.2.1]>\r\n", "250 2.1.0 Ok" },
	{ "", "MAIL FROM:<a@b_c.example>\r\n", "250 2.1.0 Ok" },
	{ "", "MAIL FROM:<-a@b.example>\r\n",
	    "501 5.1.7 Bad sender address syntax" },
	{ "allow_min_user = yes\n", "MAIL FROM:<-a@b.example>\r\n",
	    "250 2.1.0 Ok" },
	{ "smtpd_recipient_restrictions = reject\n",
	    MAIL "RCPT TO:<-a@local.test>\r\n",
	    "501 5.1.3 Bad recipient address syntax" },
	{ "", "VRFY a@123\r\n", "501 5.1.3 Bad recipient address syntax" },
	/* RFC 1870. */
	{ "", "MAIL FROM:<> SIZE=1000\r\n", "250 2.1.0 Ok" },
	{ "", "MAIL FROM:<> SIZE=\r\n", "501 5.5.4 Bad message size syntax" },
	{ "", "MAIL FROM:<> SIZE=-1\r\n", "501 5.5.4 Bad message size syntax" },
	{ "", "MAIL FROM:<> SIZE=10240001\r\n",
	    "552 5.3.4 Message size exceeds fixed limit" },
	{ "message_size_limit = 0\n", "MAIL FROM:<> SIZE=10240001\r\n",
	    "250 2.1.0 Ok" },
	/* RFC 6152, 3030. */
	{ "", "MAIL FROM:<> BODY=8BITMIME\r\n", "250 2.1.0 Ok" },
	{ "", "MAIL FROM:<> BODY=7BIT\r\n", "250 2.1.0 Ok" },
	{ "", "MAIL FROM:<> BODY=BINARYMIME\r\n",
	    "501 5.5.4 Bad BODY parameter value" },
	{ "smtpd_discard_ehlo_keywords = 8bitmime\n",
	    "MAIL FROM:<> BODY=8BITMIME\r\n",
	    "555 5.5.4 Unsupported option: BODY=8BITMIME" },
	/* RFC 6531. */
	{ "", "MAIL FROM:<\xc3\xa9@b.example> SMTPUTF8\r\n", "250 2.1.0 Ok" },
	{ "", "MAIL FROM:<\xc3\xa9@b.example>\r\n",
	    "553 5.6.7 Must declare SMTPUTF8 to send unicode address" },
	{ "", MAIL "RCPT TO:<\xc3\xa9@local.test>\r\n",
	    "553 5.6.7 Must declare SMTPUTF8 to send unicode address" },
	{ "local_recipient_maps =\n",
	    "MAIL FROM:<> SMTPUTF8\r\n"
	    "RCPT TO:<\xc3\xa9@local.test>\r\n",
	    "250 2.1.5 Ok" },
	{ "smtputf8_enable = no\n", "MAIL FROM:<> SMTPUTF8\r\n",
	    "555 5.5.4 Unsupported option: SMTPUTF8" },
	{ "", "MAIL FROM:<\xe2\x80\xae@b.example> SMTPUTF8\r\n",
	    "501 5.1.7 Bad sender address syntax" },
	{ "", "VRFY \xc3\xa9@local.test SMTPUTF8\r\n",
	    "550 5.1.1 <\xc3\xa9@local.test>: Recipient address rejected: "
	    "User unknown in local recipient table" },
	{ "", "VRFY \xc3\xa9@local.test\r\n",
	    "553 5.6.7 Must declare SMTPUTF8 to send unicode address" },
	/* Replies have it only for who declared it (RFC 6531 3.7.4). */
	{ "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname\n",
	    "HELO \xc3\xa9\r\n" L MAIL L RCPT,
	    "504 5.5.2 <?\?>: Helo command rejected: "
	    "need fully-qualified hostname" },
	{ "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname\n",
	    "EHLO \xc3\xa9\r\n" L "MAIL FROM:<> SMTPUTF8\r\n" RCPT,
	    "504 5.5.2 <\xc3\xa9>: Helo command rejected: "
	    "need fully-qualified hostname" },
	{ "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname\n",
	    "EHLO \xc3\xa9\r\n" L "MAIL FROM:<> SMTPUTF8\r\nRSET\r\n" MAIL RCPT,
	    "504 5.5.2 <?\?>: Helo command rejected: "
	    "need fully-qualified hostname" },
	{ "smtpd_delay_reject = no\nsmtpd_sender_restrictions = "
	  "reject_unlisted_sender\n",
	    "MAIL FROM:<\xc3\xa9@local.test> SMTPUTF8\r\n",
	    "550 5.1.0 <\xc3\xa9@local.test>: Sender address rejected: "
	    "User unknown in local recipient table" },
	/* RFC 3461. */
	{ "", "MAIL FROM:<> RET=HDRS ENVID=x+2By\r\n", "250 2.1.0 Ok" },
	{ "", "MAIL FROM:<> RET=NO\r\n", "501 5.5.4 Bad RET parameter syntax" },
	{ "", "MAIL FROM:<> ENVID=x+00y\r\n",
	    "501 5.5.4 Bad ENVID parameter syntax" },
	{ "",
	    MAIL "RCPT TO:<user@local.test> NOTIFY=SUCCESS,DELAY "
		 "ORCPT=rfc822;o@r.example\r\n",
	    "250 2.1.5 Ok" },
	{ "", MAIL "RCPT TO:<user@local.test> NOTIFY=NEVER,DELAY\r\n",
	    "501 5.5.4 Bad NOTIFY parameter syntax" },
	{ "", MAIL "RCPT TO:<user@local.test> ORCPT=x\r\n",
	    "501 5.5.4 Bad ORCPT parameter syntax" },
	{ "", MAIL "RCPT TO:<user@local.test> NOTIFY=DELAY NOTIFY=DELAY\r\n",
	    "501 5.5.4 Duplicate NOTIFY parameter" },
	{ "smtpd_discard_ehlo_keywords = dsn\n", "MAIL FROM:<> RET=HDRS\r\n",
	    "555 5.5.4 Unsupported option: RET=HDRS" },
	/* Long, odd and hostile addresses (attacks 35 to 39, 41). */
	{ "local_recipient_maps =\n",
	    MAIL "RCPT TO:<\"a|b/../c\"@local.test>"
		 "\r\n",
	    "250 2.1.5 Ok" },
	{ "", MAIL "RCPT TO:<\"\"@local.test>\r\n",
	    "501 5.1.3 Bad recipient address syntax" },
	{ "", MAIL "RCPT TO:<x@[IPv6:fe80::1%eth0]>\r\n",
	    "501 5.1.3 Bad recipient address syntax" },
	{ "", MAIL "RCPT TO:<%s%n${x}@local.test>\r\n",
	    "454 4.7.1 <%s%n${x}@local.test>: Relay access denied" },
	{ "allow_percent_hack = no\n", MAIL "RCPT TO:<%s%n${x}@local.test>\r\n",
	    "550 5.1.1 <%s%n${x}@local.test>: Recipient address rejected: "
	    "User unknown in local recipient table" },
};

START_TEST(an_envelope_is_answered_like_this)
{
	struct str script = STR_EMPTY;
	const char *heard;

	standin_open(lines[_i].conf);
	str_add_text(&script, EHLO);
	str_add_text(&script, lines[_i].says);
	heard = standin_talk("192.0.2.1", script.ptr);
	ck_assert_msg(view_eq(last_line(heard), view_of(lines[_i].hears)),
	    "%s\nand not: %s", heard, lines[_i].hears);
	str_clear(&script);
	standin_close();
}
END_TEST

START_TEST(the_envelope_goes_to_cleanup_as_it_was_given)
{
	const struct standin_message *m;

	standin_open("");
	standin_talk("192.0.2.1",
	    EHLO
	    "MAIL FROM:<\"a b\"@c.example> BODY=8BITMIME RET=HDRS ENVID=x+2By "
	    "SIZE=100\r\nRCPT TO:<user@local.test> NOTIFY=SUCCESS,DELAY "
	    "ORCPT=rfc822;o+2Br@x.example\r\n"
	    "RCPT TO:<@route.test:other@local.test>\r\n" DATA);
	ck_assert_uint_eq(standin.n_messages, 1);
	m = &standin.messages[0];
	ck_assert_str_eq(m->sender.ptr, "a b@c.example");
	ck_assert_str_eq(m->rcpts.ptr,
	    "user@local.test notify=10 orcpt=rfc822;o+r@x.example\n"
	    "other@local.test\n");
	ck_assert_str_eq(m->envid.ptr, "x+y");
	ck_assert_int_eq(m->ret, ESMTP_RET_HDRS);
	ck_assert_int_eq(m->flags, SUBMIT_BODY_8BITMIME);
	ck_assert_str_eq(m->client_name, "client.example");
	ck_assert_str_eq(m->client_addr, "192.0.2.1");
	ck_assert_str_eq(m->helo, "me.example");
	ck_assert_str_eq(m->protocol, "ESMTP");
	standin_close();
}
END_TEST

START_TEST(utf8_mail_is_marked)
{
	standin_open("");
	standin_talk("192.0.2.1",
	    EHLO "MAIL FROM:<\xc3\xa9@c.example> "
		 "SMTPUTF8\r\n" RCPT DATA);
	ck_assert_int_eq(standin.messages[0].flags, SUBMIT_SMTPUTF8);
	ck_assert_ptr_nonnull(
	    strstr(standin.messages[0].content.ptr, " with UTF8SMTP id "));
	standin_close();
}
END_TEST

START_TEST(long_queue_ids_are_used_if_asked_for)
{
	standin_open("enable_long_queue_ids = yes\n");
	standin_talk("192.0.2.1", EHLO MAIL RCPT DATA);
	ck_assert_uint_ge(strlen(standin.messages[0].queue_id), 12);
	ck_assert_int_eq(standin.messages[0].queue_id[10], 'z');
	standin_close();
}
END_TEST

/* Nothing of a client's reaches the log or a reply as a line of its own
 * (attack 85). */
START_TEST(nobody_writes_lines_into_the_log)
{
	const char *log;

	standin_open("");
	standin_talk("192.0.2.1",
	    "EHLO a\x1b[31m\r\n" L "MAIL FROM:<a\x07@b>\r\n" L
	    "FOO\x1b\x9b\r\n" L "HELO \"quote\"\r\n");
	log = standin_log();
	for (const char *p = log; *p != '\0'; p++)
		ck_assert((unsigned char)*p >= 32 || *p == '\n');
	standin_close();
}
END_TEST

/* --- XCLIENT --- */

#define XCLIENTS "smtpd_authorized_xclient_hosts = 127.0.0.1\n"
#define XFORWARDS "smtpd_authorized_xforward_hosts = 127.0.0.1\n"
#define BANNER "220 mx.example.test ESMTP Barid"

static const struct {
	const char *says, *hears;
} xclients[] = {
	{ "XCLIENT NAME=other.example ADDR=198.51.100.1\r\n", BANNER },
	{ "XCLIENT ADDR=IPV6:2001:db8::9 PORT=99\r\n", BANNER },
	{ "XCLIENT NAME=[UNAVAILABLE] REVERSE_NAME=[TEMPUNAVAIL] "
	  "ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] HELO=[UNAVAILABLE] "
	  "DESTADDR=192.0.2.2 DESTPORT=25 PROTO=ESMTP\r\n",
	    BANNER },
	{ "XCLIENT\r\n", "501 5.5.4 Syntax: XCLIENT attribute=value..." },
	{ "XCLIENT x\r\n", "501 5.5.4 Error: attribute=value expected" },
	{ "XCLIENT =x\r\n", "501 5.5.4 Error: attribute=value expected" },
	{ "XCLIENT NAME=+00\r\n", "501 5.5.4 Error: attribute=value expected" },
	{ "XCLIENT LOGIN=x\r\n", BANNER },
	{ "XCLIENT LOGON=x\r\n",
	    "501 5.5.4 Bad XCLIENT attribute name: LOGON" },
	{ "XCLIENT ADDR=300.0.0.1\r\n",
	    "501 5.5.4 Bad ADDR syntax: 300.0.0.1" },
	{ "XCLIENT ADDR=2001:db8::1\r\n",
	    "501 5.5.4 Bad ADDR syntax: 2001:db8::1" },
	{ "XCLIENT PORT=65536\r\n", "501 5.5.4 Bad PORT syntax: 65536" },
	{ "XCLIENT PROTO=HTTP\r\n", "501 5.5.4 Bad PROTO syntax: HTTP" },
	{ "XCLIENT NAME=a+20b\r\n", "501 5.5.4 Bad NAME syntax: a b" },
};

START_TEST(xclient_is_answered_like_this)
{
	struct str script = STR_EMPTY;
	const char *heard;

	standin_open(XCLIENTS);
	str_add_text(&script, EHLO);
	str_add_text(&script, xclients[_i].says);
	heard = standin_talk("127.0.0.1", script.ptr);
	ck_assert_ptr_nonnull(strstr(heard,
	    "\n250-XCLIENT NAME ADDR PROTO "
	    "HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT\n"));
	ck_assert_msg(view_eq(last_line(heard), view_of(xclients[_i].hears)),
	    "%s\nand not: %s", heard, xclients[_i].hears);
	str_clear(&script);
	standin_close();
}
END_TEST

START_TEST(after_xclient_the_client_is_another)
{
	const char *heard;

	standin_open(XCLIENTS);
	heard = standin_talk("127.0.0.1",
	    EHLO
	    "XCLIENT NAME=other.example ADDR=198.51.100.1 HELO=his.example "
	    "PROTO=ESMTP\r\n" L MAIL "RCPT TO:<x@elsewhere.test>\r\n" RCPT
	    "DATA\r\n" L "x\r\n.\r\nEHLO x\r\n" L "XCLIENT ADDR=127.0.0.1\r\n");
	/* Not ours any more, so no relay, and no way back. */
	ck_assert_ptr_nonnull(
	    strstr(heard, "454 4.7.1 <x@elsewhere.test>: Relay access denied"));
	ck_assert(view_eq(last_line(heard),
	    VIEW("550 5.7.0 Error: insufficient authorization")));
	ck_assert_str_eq(standin.messages[0].client_name, "other.example");
	ck_assert_str_eq(standin.messages[0].helo, "his.example");
	heard = standin_log();
	ck_assert_ptr_nonnull(strstr(heard,
	    "QID: client=other.example"
	    "[198.51.100.1]\n"));
	ck_assert_ptr_nonnull(
	    strstr(heard, "from other.example[198.51.100.1]: 454 4.7.1"));
	standin_close();
}
END_TEST

START_TEST(xclient_and_xforward_are_for_those_who_may)
{
	standin_open(XCLIENTS XFORWARDS);
	ck_assert(view_eq(last_line(standin_talk(
			      "192.0.2.1", EHLO "XCLIENT ADDR=127.0.0.1\r\n")),
	    VIEW("550 5.7.0 Error: insufficient authorization")));
	ck_assert(view_eq(last_line(standin_talk(
			      "192.0.2.1", EHLO "XFORWARD ADDR=127.0.0.1\r\n")),
	    VIEW("550 5.7.0 Error: insufficient authorization")));
	standin_close();
}
END_TEST

/* --- XFORWARD --- */

START_TEST(xforward_tells_of_the_first_client)
{
	const struct standin_message *m;
	const char *log;

	standin_open(XFORWARDS);
	ck_assert_ptr_nonnull(strstr(
	    standin_talk("127.0.0.1",
		EHLO
		"XFORWARD NAME=first.example ADDR=198.51.100.7 PORT=4321\r\n" L
		"XFORWARD PROTO=ESMTPSA HELO=first IDENT=ABC123 "
		"SOURCE=REMOTE\r\n" L MAIL RCPT DATA MAIL RCPT DATA),
	    "250 CHUNKING\n250 2.0.0 Ok\n250 2.0.0 Ok\n250 2.1.0 Ok\n"));
	ck_assert_uint_eq(standin.n_messages, 2);
	m = &standin.messages[0];
	ck_assert_str_eq(m->client_name, "first.example");
	ck_assert_str_eq(m->client_addr, "198.51.100.7");
	ck_assert_str_eq(m->helo, "first");
	ck_assert_str_eq(m->protocol, "ESMTPSA");
	log = standin_log();
	ck_assert_msg(strstr(log,
			  "QID: client=localhost[127.0.0.1], "
			  "orig_queue_id=ABC123, "
			  "orig_client=first.example[198.51.100.7]\n"
			  "QID: client=localhost[127.0.0.1]\n") != NULL,
	    "%s", log);
	/* For one message only. */
	ck_assert_str_eq(standin.messages[1].client_name, "localhost");
	standin_close();
}
END_TEST

UNIT_MAIN("envelope", { an_envelope_is_answered_like_this, ARRAY_LEN(lines) },
    { the_envelope_goes_to_cleanup_as_it_was_given, 1 },
    { utf8_mail_is_marked, 1 }, { long_queue_ids_are_used_if_asked_for, 1 },
    { nobody_writes_lines_into_the_log, 1 },
    { xclient_is_answered_like_this, ARRAY_LEN(xclients) },
    { after_xclient_the_client_is_another, 1 },
    { xclient_and_xforward_are_for_those_who_may, 1 },
    { xforward_tells_of_the_first_client, 1 })
