/* Sessions as clients and operators see them: transcripts. */
#include "smtpd/session.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#define GREETING "220 mx.example.test ESMTP Barid\n"
#define EHLO_REPLY                  \
	"250-mx.example.test\n"     \
	"250-PIPELINING\n"          \
	"250-SIZE 10240000\n"       \
	"250-VRFY\n"                \
	"250-ETRN\n"                \
	"250-ENHANCEDSTATUSCODES\n" \
	"250-8BITMIME\n"            \
	"250-DSN\n"                 \
	"250-SMTPUTF8\n"            \
	"250 CHUNKING\n"
#define L STANDIN_LATER
#define EHLO "EHLO me.example\r\n" L
#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define RCPT "RCPT TO:<user@local.test>\r\n"
#define ENVELOPE "250 2.1.0 Ok\n250 2.1.5 Ok\n"
#define GO_AHEAD "354 End data with <CR><LF>.<CR><LF>\n"
#define QUEUED "250 2.0.0 Ok: queued as QID\n"
#define BYE "221 2.0.0 Bye\n"
#define C "client.example[192.0.2.1]"

static const struct {
	const char *conf, *client, *says, *hears, *log;
} talks[] = {
	{ "", "192.0.2.1",
	    EHLO MAIL RCPT "DATA\r\n" L
			   "Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n",
	    GREETING EHLO_REPLY ENVELOPE GO_AHEAD QUEUED BYE,
	    "connect from " C "\n"
	    "QID: client=" C "\n"
	    "disconnect from " C " ehlo=1 mail=1 rcpt=1 data=1 quit=1 "
	    "commands=5\n" },
	{ "", "192.0.2.1", "QUIT\r\n", GREETING BYE,
	    "connect from " C "\n"
	    "disconnect from " C " quit=1 commands=1\n" },
	{ "", "192.0.2.1", "", GREETING,
	    "connect from " C "\n"
	    "NOQUEUE: lost connection after CONNECT from " C "\n"
	    "disconnect from " C " commands=0/0\n" },
	{ "", "192.0.2.1", EHLO MAIL RCPT "RSET\r\n" L,
	    GREETING EHLO_REPLY ENVELOPE "250 2.0.0 Ok\n",
	    "connect from " C "\n"
	    "QID: client=" C "\n"
	    "NOQUEUE: lost connection after RSET from " C "\n"
	    "disconnect from " C " ehlo=1 mail=1 rcpt=1 rset=1 "
	    "commands=4\n" },
	/* Neither content nor what is no command is logged, of none but those. */
	{ "debug_peer_list = 192.0.2.0/29\n", "192.0.2.1",
	    "HELO x\r\n" L "auth plain c2VjcmV0\r\n" L "c2VjcmV0\r\n" L
	    "\r\n" L MAIL L RCPT L "DATA\r\n" L "To: x\r\nabc",
	    GREETING "250 mx.example.test\n"
		     "502 5.5.1 Error: command not implemented\n"
		     "500 5.5.2 Error: command not recognized\n"
		     "500 5.5.2 Error: bad syntax\n" ENVELOPE GO_AHEAD,
	    "connect from " C "\n"
	    "debug: > " C ": 220 mx.example.test ESMTP Barid\n"
	    "debug: < " C ": HELO x\n"
	    "debug: > " C ": 250 mx.example.test\n"
	    "debug: < " C ": auth plain ...\n"
	    "debug: > " C ": 502 5.5.1 Error: command not implemented\n"
	    "debug: < " C ": (a line that is no command)\n"
	    "debug: > " C ": 500 5.5.2 Error: command not recognized\n"
	    "debug: < " C ": \n"
	    "debug: > " C ": 500 5.5.2 Error: bad syntax\n"
	    "debug: < " C ": MAIL FROM:<a@b.example>\n"
	    "debug: > " C ": 250 2.1.0 Ok\n"
	    "debug: < " C ": RCPT TO:<user@local.test>\n"
	    "QID: client=" C "\n"
	    "debug: > " C ": 250 2.1.5 Ok\n"
	    "debug: < " C ": DATA\n"
	    "debug: > " C ": 354 End data with <CR><LF>.<CR><LF>\n"
	    "QID: lost connection after DATA (10 bytes) from " C "\n"
	    "disconnect from " C " helo=1 auth=0/1 mail=1 rcpt=1 data=0/1 "
	    "unknown=0/2 commands=3/7\n" },
	{ "debug_peer_list = example, 192.0.2.2\ndebug_peer_level = 1\n",
	    "192.0.2.1", "QUIT\r\n", GREETING BYE,
	    "connect from " C "\n"
	    "debug: > " C ": 220 mx.example.test ESMTP Barid\n"
	    "debug: < " C ": QUIT\n"
	    "debug: > " C ": 221 2.0.0 Bye\n"
	    "disconnect from " C " quit=1 commands=1\n" },
	{ "debug_peer_list = example.test, 192.0.2.2\n", "192.0.2.1",
	    "QUIT\r\n", GREETING BYE,
	    "connect from " C "\n"
	    "disconnect from " C " quit=1 commands=1\n" },
	{ "", "192.0.2.1", EHLO MAIL RCPT "DATA\r\n" L "To: x\r\nabc",
	    GREETING EHLO_REPLY ENVELOPE GO_AHEAD,
	    "connect from " C "\n"
	    "QID: client=" C "\n"
	    "QID: lost connection after DATA (10 bytes) from " C "\n"
	    "disconnect from " C " ehlo=1 mail=1 rcpt=1 data=0/1 "
	    "commands=3/4\n" },
	{ "smtpd_timeout = 1s\n", "192.0.2.1", EHLO STANDIN_SILENCE,
	    GREETING EHLO_REPLY
	    "421 4.4.2 mx.example.test Error: timeout exceeded\n",
	    "connect from " C "\n"
	    "NOQUEUE: timeout after EHLO from " C "\n"
	    "disconnect from " C " ehlo=1 commands=1\n" },
	{ "smtpd_hard_error_limit = 3\n", "192.0.2.1",
	    "X\r\n" L "Y\r\n" L "RCPT\r\n" L "Z\r\n",
	    GREETING "500 5.5.2 Error: command not recognized\n"
		     "500 5.5.2 Error: command not recognized\n"
		     "503 5.5.1 Error: need MAIL command\n"
		     "421 4.7.0 mx.example.test Error: too many errors\n",
	    "connect from " C "\n"
	    "NOQUEUE: too many errors after RCPT from " C "\n"
	    "disconnect from " C " rcpt=0/1 unknown=0/2 commands=0/3\n" },
	/* Junk that leads nowhere becomes an error. */
	{ "smtpd_junk_command_limit = 2\nsmtpd_hard_error_limit = 1\n",
	    "192.0.2.1",
	    "EHLO x\r\n" L "NOOP\r\n" L "NOOP\r\n" L "NOOP\r\n" L "NOOP\r\n",
	    GREETING EHLO_REPLY
	    "250 2.0.0 Ok\n250 2.0.0 Ok\n250 2.0.0 Ok\n"
	    "421 4.7.0 mx.example.test Error: too many errors\n",
	    NULL },
	/* So do chunks of nothing (attack 17). */
	{ "smtpd_junk_command_limit = 2\nsmtpd_hard_error_limit = 1\n",
	    "192.0.2.1",
	    EHLO MAIL RCPT "BDAT 0\r\nBDAT 0\r\nBDAT 0\r\nBDAT 1 LAST\r\nx",
	    GREETING EHLO_REPLY ENVELOPE
	    "250 2.0.0 Ok: 0 bytes\n250 2.0.0 Ok: 0 bytes\n"
	    "250 2.0.0 Ok: 0 bytes\n"
	    "421 4.7.0 mx.example.test Error: too many errors\n",
	    NULL },
	/* Early talkers. */
	{ "", "192.0.2.1", "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
	    GREETING "221 2.7.0 Error: I can break rules, too. Goodbye.\n",
	    "connect from " C "\n"
	    "warning: non-SMTP command from " C ": GET / HTTP/1.0\n"
	    "disconnect from " C " unknown=0/1 commands=0/1\n" },
	{ "", "192.0.2.1", "Subject: hello\r\n",
	    GREETING "221 2.7.0 Error: I can break rules, too. Goodbye.\n",
	    NULL },
	{ "", "192.0.2.1", "\x16\x03\x01\x02\r\n",
	    GREETING "221 2.7.0 Error: I can break rules, too. Goodbye.\n",
	    NULL },
	{ "smtpd_forbidden_commands =\n", "192.0.2.1", "GET / HTTP\r\n",
	    GREETING "500 5.5.2 Error: command not recognized\n", NULL },
	/* Ahead of a reply that must be awaited: RFC 2920 3.1. */
	{ "", "192.0.2.1", "EHLO x\r\nMAIL FROM:<>\r\n",
	    GREETING "554 5.5.0 Error: SMTP protocol synchronization\n",
	    "connect from " C "\n"
	    "improper command pipelining after EHLO from " C
	    ": MAIL FROM:<>\\x0D\\x0A\n"
	    "disconnect from " C " ehlo=0/1 commands=0/1\n" },
	{ "", "192.0.2.1", "HELO x\r\n" L "MAIL FROM:<>\r\nRSET\r\n",
	    GREETING "250 mx.example.test\n"
		     "554 5.5.0 Error: SMTP protocol synchronization\n",
	    NULL },
	{ "", "192.0.2.1", EHLO MAIL RCPT "DATA\r\nSubject: x\r\n",
	    GREETING EHLO_REPLY ENVELOPE
	    "554 5.5.0 Error: SMTP protocol synchronization\n",
	    NULL },
	{ "smtpd_forbid_unauth_pipelining = no\n", "192.0.2.1",
	    "EHLO x\r\n" MAIL RCPT "DATA\r\nx\r\n.\r\nQUIT\r\n",
	    GREETING EHLO_REPLY ENVELOPE GO_AHEAD QUEUED BYE, NULL },
	/* Replies of a group come together, also with errors in it. */
	{ "", "192.0.2.1",
	    EHLO MAIL "RCPT TO:<no@local.test>\r\n" RCPT "DATA\r\n" L
		      "x\r\n.\r\n" L "QUIT\r\n",
	    GREETING EHLO_REPLY
	    "250 2.1.0 Ok\n"
	    "550 5.1.1 <no@local.test>: Recipient address rejected: "
	    "User unknown in local recipient table\n"
	    "250 2.1.5 Ok\n" GO_AHEAD QUEUED BYE,
	    "connect from " C "\n"
	    "NOQUEUE: reject: RCPT from " C ": 550 5.1.1 <no@local.test>: "
	    "Recipient address rejected: User unknown in local recipient "
	    "table; from=<a@b.example> to=<no@local.test> proto=ESMTP "
	    "helo=<me.example>\n"
	    "QID: client=" C "\n"
	    "disconnect from " C " ehlo=1 mail=1 rcpt=1/2 data=1 quit=1 "
	    "commands=5/6\n" },
	/* Malformed commands. */
	{ "", "192.0.2.1", "\r\n", GREETING "500 5.5.2 Error: bad syntax\n",
	    NULL },
	{ "", "192.0.2.1", "HELO \xff\r\n",
	    GREETING "500 5.5.2 Error: bad UTF-8 syntax\n", NULL },
	{ "smtputf8_enable = no\n", "192.0.2.1", "HELO \xc3\xa9.example\r\n",
	    GREETING "500 5.5.2 Error: bad syntax\n", NULL },
	{ "", "192.0.2.1", "HELO a\rb\r\n",
	    GREETING "500 5.5.2 Error: bad syntax\n", NULL },
	/* 502 for what is not offered. */
	{ "", "192.0.2.1", EHLO "STARTTLS\r\n" L "AUTH PLAIN\r\n" L,
	    GREETING EHLO_REPLY "502 5.5.1 Error: command not implemented\n"
				"502 5.5.1 Error: command not implemented\n",
	    NULL },
	/* EHLO without some of it. */
	{ "smtpd_discard_ehlo_keywords = chunking, dsn etrn\n"
	  "disable_vrfy_command = yes\nmessage_size_limit = 0\n"
	  "smtputf8_enable = no\n",
	    "192.0.2.1", EHLO "VRFY user\r\n",
	    GREETING "250-mx.example.test\n250-PIPELINING\n250-SIZE\n"
		     "250-ENHANCEDSTATUSCODES\n250 8BITMIME\n"
		     "502 5.5.1 VRFY command is disabled\n",
	    NULL },
	/* A map's words instead of those. */
	{ "smtpd_discard_ehlo_keywords = size\n"
	  "smtpd_discard_ehlo_keyword_address_maps = cidr:{"
	  "{192.0.2.0/24 chunking, dsn etrn, vrfy, smtputf8, nosuch}}\n",
	    "192.0.2.1", EHLO "MAIL FROM:<a@b.example> RET=HDRS\r\n",
	    GREETING "250-mx.example.test\n250-PIPELINING\n"
		     "250-SIZE 10240000\n"
		     "250-ENHANCEDSTATUSCODES\n250 8BITMIME\n"
		     "555 5.5.4 Unsupported option: RET=HDRS\n",
	    "connect from client.example[192.0.2.1]\n"
	    "warning: smtpd_discard_ehlo_keyword_address_maps: nosuch is no "
	    "keyword\n"
	    "NOQUEUE: lost connection after MAIL from "
	    "client.example[192.0.2.1]\n"
	    "disconnect from client.example[192.0.2.1] ehlo=1 mail=0/1 "
	    "commands=1/2\n" },
	{ "smtpd_discard_ehlo_keywords = chunking, dsn etrn, vrfy, smtputf8\n"
	  "smtpd_discard_ehlo_keyword_address_maps = fail:x\n",
	    "192.0.2.1", EHLO,
	    GREETING "250-mx.example.test\n250-PIPELINING\n"
		     "250-SIZE 10240000\n"
		     "250-ENHANCEDSTATUSCODES\n250 8BITMIME\n",
	    NULL },
	{ "", "192.0.2.1", EHLO "HELP\r\n",
	    GREETING EHLO_REPLY "214 2.0.0 Commands: BDAT DATA EHLO ETRN HELO "
				"HELP MAIL NOOP QUIT RCPT RSET VRFY\n",
	    NULL },
	{ "smtpd_noop_commands = PING, x-ping\n", "192.0.2.1",
	    "EHLO a\r\n" L "ping x\r\n", GREETING EHLO_REPLY "250 2.0.0 Ok\n",
	    NULL },
	/* Names of clients. */
	{ "", "192.0.2.9", "QUIT\r\n", GREETING BYE,
	    "connect from unknown[192.0.2.9]\n"
	    "disconnect from unknown[192.0.2.9] quit=1 commands=1\n" },
	{ "", "192.0.2.8", "QUIT\r\n", GREETING BYE,
	    "warning: hostname liar.example does not resolve to address "
	    "192.0.2.8\n"
	    "connect from unknown[192.0.2.8]\n"
	    "disconnect from unknown[192.0.2.8] quit=1 commands=1\n" },
	{ "smtpd_peername_lookup = no\nsmtpd_client_port_logging = yes\n",
	    "2001:db8::1", "QUIT\r\n", GREETING BYE,
	    "connect from unknown[2001:db8::1]:2525\n"
	    "disconnect from unknown[2001:db8::1]:2525 quit=1 commands=1\n" },
	/* ETRN. */
	{ "", "192.0.2.1",
	    EHLO "ETRN relay.test\r\n" L "ETRN @x.relay.test\r\n" L
		 "ETRN other.test\r\n" L "ETRN\r\n" L "ETRN a b\r\n" L
		 "ETRN <x>\r\n" L MAIL L "ETRN relay.test\r\n",
	    GREETING EHLO_REPLY
	    "250 Queuing started\n"
	    "250 Queuing started\n"
	    "459 <other.test>: service unavailable\n"
	    "500 Syntax: ETRN domain\n500 Syntax: ETRN domain\n"
	    "501 Error: invalid parameter syntax\n250 2.1.0 Ok\n"
	    "503 Error: MAIL transaction in progress\n",
	    NULL },
	/* VRFY says no more than RCPT would. */
	{ "", "192.0.2.1",
	    EHLO "VRFY user\r\n" L "VRFY <user@local.test>\r\n" L
		 "VRFY no@local.test\r\n" L "VRFY x@elsewhere.test\r\n" L
		 "VRFY\r\n" L "VRFY <a b>\r\n",
	    GREETING EHLO_REPLY
	    "252 2.0.0 user\n"
	    "252 2.0.0 <user@local.test>\n"
	    "550 5.1.1 <no@local.test>: Recipient address rejected: User "
	    "unknown in local recipient table\n"
	    "454 4.7.1 <x@elsewhere.test>: Relay access denied\n"
	    "501 5.5.4 Syntax: VRFY address\n"
	    "501 5.1.3 Bad recipient address syntax\n",
	    NULL },
	/* soft_bounce. */
	{ "soft_bounce = yes\n", "192.0.2.1", "RCPT\r\n",
	    GREETING "403 4.5.1 Error: need MAIL command\n", NULL },
	/* The helo that is required. */
	{ "smtpd_helo_required = yes\n", "192.0.2.1",
	    MAIL L "HELO\r\n" L "HELO x\r\n" L MAIL,
	    GREETING
	    "503 5.5.1 Error: send HELO/EHLO first\n"
	    "501 Syntax: HELO hostname\n250 mx.example.test\n250 2.1.0 Ok\n",
	    NULL },
};

START_TEST(a_session_is_heard_and_logged_like_this)
{
	standin_open(talks[_i].conf);
	ck_assert_str_eq(
	    standin_talk(talks[_i].client, talks[_i].says), talks[_i].hears);
	if (talks[_i].log != NULL)
		ck_assert_str_eq(standin_log(), talks[_i].log);
	standin_close();
}
END_TEST

/* A command line of this many bytes. */
static const char *
talk_with_line(size_t len)
{
	static struct str text = { str_nothing, 0, 0 };

	str_reset(&text);
	str_add_text(&text, "NOOP ");
	while (text.len < len)
		str_add_byte(&text, 'x');
	str_add_text(&text, "\r\n" L "QUIT\r\n");
	return standin_talk("192.0.2.1", text.ptr);
}

START_TEST(lines_up_to_the_limit_are_read_and_longer_ones_refused)
{
	standin_open("");
	ck_assert_str_eq(talk_with_line(2048), GREETING "250 2.0.0 Ok\n" BYE);
	ck_assert_str_eq(talk_with_line(2049),
	    GREETING "500 5.5.2 Error: line too long\n" BYE);
	ck_assert_str_eq(talk_with_line(100000),
	    GREETING "500 5.5.2 Error: line too long\n" BYE);
	/* Nobody reads on for ever. */
	ck_assert_str_eq(talk_with_line(4 << 20), GREETING);
	standin_close();
}
END_TEST

/* By its name as well, and not before that is known. */
START_TEST(a_client_is_looked_for_on_the_lists_once)
{
	standin_open("mynetworks = fail:x\n"
		     "smtpd_client_event_limit_exceptions =\n"
		     "smtpd_forbid_bare_newline_exclusions =\n");
	standin_talk("192.0.2.1", "QUIT\r\n");
	ck_assert_str_eq(standin_log(),
	    "warning: " C ": mynetworks: Application error\n"
	    "connect from " C "\n"
	    "disconnect from " C " quit=1 commands=1\n");
	standin_close();
}
END_TEST

START_TEST(who_comes_too_often_is_told_so)
{
	standin_open("smtpd_client_connection_rate_limit = 5\n"
		     "smtpd_client_message_rate_limit = 7\n"
		     "smtpd_client_recipient_rate_limit = 8\n");
	standin.anvil_count = 51;
	ck_assert_str_eq(standin_talk("192.0.2.1", "QUIT\r\n"),
	    "421 4.7.0 mx.example.test Error: too many connections from "
	    "192.0.2.1\n");
	ck_assert_str_eq(standin_log(),
	    "connect from " C "\n"
	    "warning: Connection concurrency limit exceeded: 51 from " C
	    " for service smtp\n"
	    "disconnect from " C " commands=0/0\n");
	standin.anvil_count = 1;
	standin.anvil_rate = 6;
	ck_assert_str_eq(standin_talk("192.0.2.1", "QUIT\r\n"),
	    "421 4.7.0 mx.example.test Error: too many connections from "
	    "192.0.2.1\n");
	ck_assert_ptr_nonnull(strstr(standin_log(),
	    "warning: Connection rate limit exceeded: 6 from " C
	    " for service smtp\n"));
	/* Those of our own networks are not counted. */
	standin.n_events = 0;
	ck_assert_str_eq(standin_talk("127.0.0.1", "QUIT\r\n"), GREETING BYE);
	ck_assert_uint_eq(standin.n_events, 0);
	standin_close();
}
END_TEST

START_TEST(rates_of_messages_and_recipients_have_their_own_limits)
{
	standin_open("smtpd_client_message_rate_limit = 7\n"
		     "smtpd_client_recipient_rate_limit = 8\n");
	standin.anvil_rate = 8;
	ck_assert_str_eq(standin_talk("192.0.2.1", EHLO MAIL),
	    GREETING EHLO_REPLY
	    "450 4.7.1 Error: too much mail from 192.0.2.1\n");
	standin.anvil_rate = 9;
	standin_close();
	standin_open("smtpd_client_recipient_rate_limit = 8\n");
	standin.anvil_rate = 9;
	ck_assert_str_eq(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    GREETING EHLO_REPLY
	    "250 2.1.0 Ok\n"
	    "450 4.7.1 Error: too many recipients from 192.0.2.1\n");
	standin_close();
}
END_TEST

START_TEST(a_process_that_leaves_says_so_between_two_transactions)
{
	standin_open("");
	standin.smtpd->leaving = true;
	ck_assert_str_eq(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    GREETING "421 4.3.2 mx.example.test Service not available, "
		     "closing connection\n");
	standin_close();
}
END_TEST

START_TEST(the_sender_of_standard_input_is_not_checked)
{
	standin_open("smtpd_client_restrictions = reject\n");
	ck_assert_str_eq(
	    standin_talk(NULL,
		"EHLO x\r\n" MAIL "RCPT TO:<a@elsewhere.test>\r\nDATA\r\n"
		"x\r\n.\r\nQUIT\r\n"),
	    GREETING EHLO_REPLY ENVELOPE GO_AHEAD QUEUED BYE);
	ck_assert_str_eq(standin.messages[0].context, "local");
	ck_assert_uint_eq(standin.n_frames, 0);
	standin_close();
}
END_TEST

#define ALONE_QUEUED "250 2.0.0 Ok: queued as QID\n"
#define ALONE_EHLO GREETING EHLO_REPLY

/* What is said on standard input, and what of it is submitted. */
static const struct {
	const char *conf, *says, *hears;
	size_t n_messages;
	const char *sender, *rcpts, *body; /* of the last */
} alone[] = {
	{ "", EHLO MAIL RCPT "DATA\r\nS: x\r\n\r\n..a\r\n.\r\nQUIT\r\n",
	    ALONE_EHLO ENVELOPE GO_AHEAD QUEUED BYE, 1, "a@b.example",
	    "user@local.test\n", "S: x\r\n\r\n.a\r\n" },
	/* Two in one session, by either way of content. */
	{ "",
	    EHLO MAIL RCPT "DATA\r\nx\r\n.\r\n"
			   "MAIL FROM:<> BODY=8BITMIME RET=HDRS ENVID=e\r\n"
			   "RCPT TO:<nobody@local.test> NOTIFY=NEVER "
			   "ORCPT=rfc822;o@p.example\r\n"
			   "RCPT TO:<x>\r\nBDAT 3\r\na\r\nBDAT 5 LAST\r\n"
			   "..b\r\nQUIT\r\n",
	    ALONE_EHLO ENVELOPE GO_AHEAD QUEUED
	    "250 2.1.0 Ok\n250 2.1.5 Ok\n250 2.1.5 Ok\n"
	    "250 2.0.0 Ok: 3 bytes\n"
	    "250 2.0.0 Ok: 5 bytes queued as QID\n" BYE,
	    2, "", "nobody@local.test notify=1 orcpt=rfc822;o@p.example\nx\n",
	    "a\r\n..b\r\n" },
	/* What was begun and not ended is nothing. */
	{ "", EHLO MAIL RCPT "RSET\r\n" MAIL RCPT "DATA\r\nx\r\n",
	    ALONE_EHLO ENVELOPE "250 2.0.0 Ok\n" ENVELOPE GO_AHEAD, 0, NULL,
	    NULL, NULL },
	{ "message_size_limit = 10\n",
	    "HELO x\r\n" MAIL RCPT "DATA\r\n012345678\r\n.\r\n" MAIL RCPT
	    "BDAT 11 LAST\r\n012345678\r\nRSET\r\n"
	    "MAIL FROM:<a@b.example> SIZE=11\r\nQUIT\r\n",
	    GREETING "250 mx.example.test\n" ENVELOPE GO_AHEAD
		     "552 5.3.4 Error: message file too big\n" ENVELOPE
		     "552 5.3.4 Chunk exceeds message size limit\n"
		     "250 2.0.0 Ok\n"
		     "552 5.3.4 Message size exceeds fixed limit\n" BYE,
	    0, NULL, NULL, NULL },
	/* No limits, no services, nothing that is only for servers. */
	{ "smtpd_hard_error_limit = 1\nsmtpd_recipient_limit = 1\n",
	    "HELO x\r\nFOO\r\nRCPT TO:<a>\r\nMAIL FROM:a@@b\r\n" MAIL
	    "RCPT TO:<>\r\nDATA\r\n" RCPT RCPT "DATA\r\n.\r\n"
	    "ETRN local.test\r\nVRFY x\r\nXCLIENT ADDR=192.0.2.1\r\n"
	    "QUIT\r\n",
	    GREETING "250 mx.example.test\n"
		     "500 5.5.2 Error: command not recognized\n"
		     "503 5.5.1 Error: need MAIL command\n"
		     "501 5.1.7 Bad sender address syntax\n"
		     "250 2.1.0 Ok\n"
		     "501 5.1.3 Bad recipient address syntax\n"
		     "554 5.5.1 Error: no valid recipients\n"
		     "250 2.1.5 Ok\n250 2.1.5 Ok\n" GO_AHEAD QUEUED
		     "458 Unable to queue messages\n"
		     "252 2.0.0 x\n"
		     "550 5.7.0 Error: insufficient authorization\n" BYE,
	    1, "a@b.example", "user@local.test\nuser@local.test\n", "" },
};

START_TEST(what_is_said_on_standard_input_goes_to_postdrop)
{
	const struct standin_message *m;

	standin_open(alone[_i].conf);
	standin.cleanup_is_down = true;
	standin.rewrite_is_down = standin.resolve_is_down = true;
	ck_assert_str_eq(standin_talk(NULL, alone[_i].says), alone[_i].hears);
	ck_assert_uint_eq(standin.n_messages, alone[_i].n_messages);
	ck_assert_uint_eq(standin.n_frames, 0);
	if (alone[_i].n_messages > 0) {
		struct view body;

		m = &standin.messages[standin.n_messages - 1];
		body = str_view(&m->content);
		ck_assert_str_eq(m->sender.ptr, alone[_i].sender);
		ck_assert_str_eq(m->rcpts.ptr, alone[_i].rcpts);
		ck_assert(view_ends(body, view_of(alone[_i].body)));
		ck_assert(view_starts(body,
			      VIEW("Received: from me.example (localhost "
				   "[127.0.0.1])\r\n")) ||
		    view_starts(body, VIEW("Received: from x (localhost")));
		ck_assert(
		    view_find_text(body, VIEW("id ABCDEF012345")) != VIEW_NPOS);
	}
	standin_close();
}
END_TEST

START_TEST(what_postdrop_says_is_told_to_the_user)
{
	standin_open("");
	standin.postdrop_is_down = true;
	ck_assert_ptr_nonnull(
	    strstr(standin_talk(NULL, "HELO x\r\n" MAIL RCPT "QUIT\r\n"),
		"250 2.1.0 Ok\n451 4.3.0 Error: execute "));
	standin.postdrop_is_down = false;
	standin.postdrop_refusal = "queue\nfull";
	standin.postdrop_kind = ERR_TEMP;
	ck_assert_str_eq(
	    standin_talk(NULL, "HELO x\r\n" MAIL RCPT "DATA\r\n.\r\nQUIT\r\n"),
	    GREETING "250 mx.example.test\n" ENVELOPE GO_AHEAD
		     "451 4.3.0 Error: queue?full\n" BYE);
	standin.postdrop_refusal = "no";
	standin.postdrop_kind = ERR_PERM;
	ck_assert_str_eq(
	    standin_talk(NULL, "HELO x\r\n" MAIL RCPT "DATA\r\n.\r\nQUIT\r\n"),
	    GREETING "250 mx.example.test\n" ENVELOPE GO_AHEAD
		     "554 5.3.0 Error: no\n" BYE);
	ck_assert_uint_eq(standin.n_messages, 0);
	standin_close();
}
END_TEST

UNIT_MAIN("session",
    { a_session_is_heard_and_logged_like_this, ARRAY_LEN(talks) },
    { lines_up_to_the_limit_are_read_and_longer_ones_refused, 1 },
    { a_client_is_looked_for_on_the_lists_once, 1 },
    { who_comes_too_often_is_told_so, 1 },
    { rates_of_messages_and_recipients_have_their_own_limits, 1 },
    { a_process_that_leaves_says_so_between_two_transactions, 1 },
    { the_sender_of_standard_input_is_not_checked, 1 },
    { what_is_said_on_standard_input_goes_to_postdrop, ARRAY_LEN(alone) },
    { what_postdrop_says_is_told_to_the_user, 1 })
