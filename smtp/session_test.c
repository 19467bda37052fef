/*
 * Unit tests of sessions and transactions: what the server says, what the
 * client says, and what becomes of the recipients.  RFC numbers stand beside
 * the rules.
 */
#include "smtp/deliver.h"

#include "lib/base/unit.h"
#include "lib/mail/esmtp.h"
#include "smtp/script.h"

#define HELLO \
	"220 mx.test ESMTP\r\n|250-mx.test\r\n250-8BITMIME\r\n250 SIZE\r\n|"
#define PIPE                                                               \
	"220 mx.test ESMTP\r\n|250-mx.test\r\n250-8BITMIME\r\n250-DSN\r\n" \
	"250-SMTPUTF8\r\n250 PIPELINING\r\n|"
#define LMTP "220 mx.test LMTP\r\n|250-mx.test\r\n250 PIPELINING\r\n|"
#define FROM "MAIL FROM:<s@y.test>"
#define CONTENT "A: b\r\n\r\n.x\r\n"
#define BODY "A: b\r\n\r\n..x\r\n.\r\n"

enum {
	IS_LMTP = 1,
	XFORWARD = 2,
	UTF8 = 4,
	BIT8 = 8,
	PROBE = 16,
	SUCCESS = 32,
	OLD = 64,
	NO_CONVERT = 128,
	SOFT = 256,
	AT_DATA = 512
};

static const struct {
	const char *says;
	size_t rcpts;
	int flags;
	const char *content; /* NULL: CONTENT */
	const char *hears;   /* NULL: do not look */
	/* A letter for each recipient (enum outcome: s d b x r), the status
	 * and text of the first. */
	const char *ends, *dsn, *text;
} cases[] = {
	/* One recipient, no pipelining. */
	{ HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n|250 2.0.0 queued\r\n|", 1, 0,
	    NULL,
	    "EHLO me.test\r\n" FROM
	    " SIZE=12\r\nRCPT TO:<a0@x.test>\r\nDATA\r\n" BODY "QUIT\r\n",
	    "s", "2.0.0", "250 2.0.0 queued" },
	/* RFC 2920: one group. */
	{ PIPE
	    "250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n|250 2.6.0 x\r\n|",
	    2, 0, NULL,
	    "EHLO me.test\r\n" FROM
	    "\r\nRCPT TO:<a0@x.test> ORCPT=rfc822;a0@x.test\r\n"
	    "RCPT TO:<a1@x.test> ORCPT=rfc822;a1@x.test\r\nDATA\r\n" BODY
	    "QUIT\r\n",
	    "sb", "2.6.0", "250 2.6.0 x" },
	/* RFC 2920 3.1: DATA accepted, nobody was. */
	{ PIPE "250 ok\r\n550-5.1.1 no\r\n550 5.1.1 one\r\n354 go\r\n|"
	       "554 no recipients\r\n|",
	    1, 0, NULL,
	    "EHLO me.test\r\n" FROM
	    "\r\nRCPT TO:<a0@x.test> ORCPT=rfc822;a0@x.test\r\nDATA\r\n"
	    ".\r\nQUIT\r\n",
	    "b", "5.1.1",
	    "host mx.test[192.0.2.1] said: 550-5.1.1 no 550 5.1.1 one "
	    "(in reply to RCPT TO command)" },
	/* MAIL refused: the pipelined rest means nothing. */
	{ PIPE "451 4.3.0 later\r\n503 no\r\n503 no\r\n|", 1, 0, NULL, NULL,
	    "d", "4.3.0",
	    "host mx.test[192.0.2.1] said: 451 4.3.0 later "
	    "(in reply to MAIL FROM command)" },
	/* ... but not if it is taken for something: no end of a content. */
	{ PIPE "451 4.3.0 later\r\n250 ok\r\n354 go\r\n|250 ok\r\n|", 1, 0, NULL,
	    "EHLO me.test\r\n" FROM
	    "\r\nRCPT TO:<a0@x.test> ORCPT=rfc822;a0@x.test\r\nDATA\r\n",
	    "d", "4.3.0", NULL },
	/* A reply to RCPT that is none: nothing of it is sent. */
	{ PIPE "250 ok\r\n354 go\r\n250 ok\r\n354 go\r\n|250 ok\r\n|", 2, 0,
	    NULL,
	    "EHLO me.test\r\n" FROM
	    "\r\nRCPT TO:<a0@x.test> ORCPT=rfc822;a0@x.test\r\n"
	    "RCPT TO:<a1@x.test> ORCPT=rfc822;a1@x.test\r\nDATA\r\n",
	    "dd", "4.5.0", NULL },
	{ PIPE "250 ok\r\n354 go\r\n550 no\r\n354 go\r\n|250 ok\r\n|", 2, 0,
	    NULL, NULL, "dd", "4.5.0",
	    "host mx.test[192.0.2.1] said: 354 go (in reply to RCPT TO "
	    "command)" },
	/* A reply too many in a group: who was refused is not known. */
	{ PIPE "250 ok\r\n250 ok\r\n550 5.1.1 a0\r\n250 a1\r\n354 go\r\n|", 2,
	    0, NULL,
	    "EHLO me.test\r\n" FROM
	    "\r\nRCPT TO:<a0@x.test> ORCPT=rfc822;a0@x.test\r\n"
	    "RCPT TO:<a1@x.test> ORCPT=rfc822;a1@x.test\r\nDATA\r\n",
	    "dd", "4.5.0", "host mx.test[192.0.2.1] is out of step" },
	{ PIPE "250 ok\r\n250 a0\r\n250 ok\r\n550 5.1.1 a1\r\n354 go\r\n|", 2,
	    0, NULL, NULL, "dd", "4.5.0",
	    "host mx.test[192.0.2.1] is out of step" },
	{ PIPE "250 ok\r\n550 5.1.1 a0\r\n550 5.1.1 a0\r\n250 a1\r\n"
	       "|^354 go\r\n|",
	    2, 0, NULL, NULL, "dd", "4.5.0",
	    "host mx.test[192.0.2.1] is out of step" },
	/* A goodbye after the last of them is none. */
	{ PIPE "250 ok\r\n550 5.1.1 a0\r\n550 5.1.1 a1\r\n"
	       "554 5.5.1 none\r\n421 4.3.2 bye\r\n|",
	    2, 0, NULL, NULL, "bb", "5.1.1", NULL },
	/* What was said before the connection was lost, was. */
	{ PIPE "250 ok\r\n550 5.1.1 a0\r\n|", 2, 0, NULL, NULL, "bd",
	    "5.1.1", NULL },
	/* MAIL refused without pipelining: nothing more is said. */
	{ HELLO "550 5.7.1 no\r\n|", 2, 0, NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nQUIT\r\n", "bb", "5.7.1",
	    NULL },
	/* No EHLO there. */
	{ "220 hi\r\n|500 what\r\n|250 mx\r\n|250 ok\r\n|250 ok\r\n|"
	  "354 go\r\n|250 ok\r\n|",
	    1, 0, NULL,
	    "EHLO me.test\r\nHELO me.test\r\n" FROM
	    "\r\nRCPT TO:<a0@x.test>\r\nDATA\r\n" BODY "QUIT\r\n",
	    "s", "2.0.0", "250 ok" },
	{ "220 hi\r\n|250 mx\r\n|250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n|",
	    1, OLD, NULL,
	    "HELO me.test\r\n" FROM "\r\nRCPT TO:<a0@x.test>\r\nDATA\r\n" BODY
	    "QUIT\r\n",
	    "s", "2.0.0", "250 ok" },
	/* The server's loss in each phase. */
	{ "", 1, 0, NULL, "", "d", "4.4.2",
	    "lost connection with mx.test[192.0.2.1] while receiving the "
	    "initial server greeting" },
	{ "220 hi\r\n|", 1, 0, NULL, NULL, "d", "4.4.2",
	    "lost connection with mx.test[192.0.2.1] while performing the "
	    "EHLO handshake" },
	{ HELLO, 1, 0, NULL, NULL, "d", "4.4.2",
	    "lost connection with mx.test[192.0.2.1] while sending MAIL "
	    "FROM" },
	{ HELLO "250 ok\r\n|", 1, 0, NULL, NULL, "d", "4.4.2",
	    "lost connection with mx.test[192.0.2.1] while sending RCPT TO" },
	{ HELLO "250 ok\r\n|250 ok\r\n|", 1, 0, NULL, NULL, "d", "4.4.2",
	    "lost connection with mx.test[192.0.2.1] while sending DATA "
	    "command" },
	{ HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n|", 1, 0, NULL, NULL, "d",
	    "4.4.2",
	    "lost connection with mx.test[192.0.2.1] while sending end of "
	    "data -- message may be sent more than once" },
	/* A refused RCPT stays refused when the connection is lost. */
	{ HELLO "250 ok\r\n|550 no\r\n|250 ok\r\n|354 go\r\n|", 2, 0, NULL,
	    NULL, "bd", "5.0.0", NULL },
	/* Greetings. */
	{ "554 5.7.1 go away\r\n|", 1, 0, NULL, "QUIT\r\n", "d", "4.7.1",
	    "host mx.test[192.0.2.1] refused to talk to me: 554 5.7.1 go "
	    "away" },
	{ "421 4.3.2 busy\r\n|", 1, 0, NULL, "QUIT\r\n", "d", "4.3.2",
	    "host mx.test[192.0.2.1] refused to talk to me: 421 4.3.2 "
	    "busy" },
	{ "hello\r\n|", 1, 0, NULL, "", "d", "4.5.0", NULL },
	/* RFC 5321 6.3: our own name. */
	{ "220 me.test ESMTP\r\n|", 1, 0, NULL, NULL, "b", "5.4.6",
	    "mail for x.test loops back to myself" },
	{ "220 x ESMTP\r\n|250 ME.test\r\n|", 1, 0, NULL, NULL, "b", "5.4.6",
	    "mail for x.test loops back to myself" },
	/* 421 to anything: it is a refusal for now. */
	{ HELLO "250 ok\r\n|421 4.3.2 bye\r\n|", 2, 0, NULL, NULL, "dd",
	    "4.3.2",
	    "host mx.test[192.0.2.1] said: 421 4.3.2 bye (in reply to RCPT "
	    "TO command)" },
	{ HELLO "250 ok\r\n|250 ok\r\n|421 4.3.2 bye\r\n|", 1, 0, NULL, NULL,
	    "d", "4.3.2",
	    "host mx.test[192.0.2.1] said: 421 4.3.2 bye (in reply to DATA "
	    "command)" },
	{ HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n|421 4.3.2 bye\r\n|", 1, 0,
	    NULL, NULL, "d", "4.3.2",
	    "host mx.test[192.0.2.1] said: 421 4.3.2 bye (in reply to end of "
	    "DATA command)" },
	/* The end of data: one reply for all. */
	{ HELLO
	    "250 ok\r\n|250 ok\r\n|250 ok\r\n|354 go\r\n|554 5.6.0 bad\r\n|",
	    2, 0, NULL, NULL, "bb", "5.6.0",
	    "host mx.test[192.0.2.1] said: 554 5.6.0 bad (in reply to end of "
	    "DATA command)" },
	/* 250 to DATA: out of step, nothing is sent. */
	{ HELLO "250 ok\r\n|250 ok\r\n|250 sure\r\n|", 1, 0, NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nRCPT TO:<a0@x.test>\r\n"
	    "DATA\r\n",
	    "d", "4.5.0", NULL },
	/* A reply too many must not become the reply to the content. */
	{ HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n250 queued\r\n|", 1, 0, NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nRCPT TO:<a0@x.test>\r\n"
	    "DATA\r\n",
	    "d", "4.5.0",
	    "host mx.test[192.0.2.1] sent a reply before the command" },
	/* ... even if it came after what was read. */
	{ HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n|^250 queued\r\n|", 1, 0,
	    NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nRCPT TO:<a0@x.test>\r\n"
	    "DATA\r\n",
	    "d", "4.5.0",
	    "host mx.test[192.0.2.1] sent a reply before the command" },
	{ "220 x\r\n|250-x\r\n250 XFORWARD NAME\r\n|^550 5.7.1 no\r\n|", 1,
	    XFORWARD, NULL, "EHLO me.test\r\n", "d", "4.7.1", NULL },
	{ "220 hi\r\n|250 mx.test\r\n250 ok\r\n|", 1, 0, NULL,
	    "EHLO me.test\r\n", "d", "4.5.0", NULL },
	/* Nor one to the hello: all after it would be taken for another's. */
	{ "220 hi\r\n250 mx.test\r\n|250 mx.test\r\n|", 1, 0, NULL, "", "d",
	    "4.5.0",
	    "host mx.test[192.0.2.1] sent a reply before the command" },
	{ "220 hi\r\n550 5.7.1 no\r\n|", 1, 0, NULL, "", "d", "4.7.1",
	    "host mx.test[192.0.2.1] said: 550 5.7.1 no (in reply to EHLO "
	    "command)" },
	/* A server that refuses the content before it saw any. */
	{ HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n550 5.7.1 no\r\n|", 1, 0, NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nRCPT TO:<a0@x.test>\r\n"
	    "DATA\r\n",
	    "b", "5.7.1",
	    "host mx.test[192.0.2.1] said: 550 5.7.1 no (in reply to end of "
	    "DATA command)" },
	{ "220 x\r\n|250 x\r\n421 4.3.2 bye\r\n|", 1, 0, NULL,
	    "EHLO me.test\r\n", "d", "4.3.2",
	    "host mx.test[192.0.2.1] said: 421 4.3.2 bye (in reply to MAIL "
	    "FROM command)" },
	/* Codes that change, NUL, no code. */
	{ HELLO "250-a\r\n550 b\r\n|", 1, 0, NULL, NULL, "d", "4.5.0", NULL },
	{ HELLO "250 \rx\r\n|", 1, 0, NULL, NULL, "d", "4.5.0", NULL },
	/* RFC 5321 4.5.3.1.10: too many recipients come again. */
	{ HELLO "250 ok\r\n|250 ok\r\n|452 4.5.3 many\r\n|552 many\r\n|"
		"354 go\r\n|250 one\r\n|250 ok\r\n|250 ok\r\n|250 ok\r\n|"
		"354 go\r\n|250 two\r\n|",
	    3, 0, NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nRCPT TO:<a0@x.test>\r\n"
	    "RCPT TO:<a1@x.test>\r\nRCPT TO:<a2@x.test>\r\nDATA\r\n" BODY FROM
	    " SIZE=12\r\nRCPT TO:<a1@x.test>\r\nRCPT TO:<a2@x.test>\r\n"
	    "DATA\r\n" BODY "QUIT\r\n",
	    "sss", "2.0.0", "250 one" },
	/* Not without progress; not for a full mailbox. */
	{ HELLO "250 ok\r\n|452 4.5.3 many\r\n|452 4.5.3 many\r\n|", 2, 0, NULL,
	    NULL, "dd", "4.5.3", NULL },
	{ HELLO "250 ok\r\n|250 ok\r\n|552 5.2.2 full\r\n|354 go\r\n|"
		"250 one\r\n|",
	    2, 0, NULL, NULL, "sb", "2.0.0", NULL },
	/* RFC 2033 4.2: a reply for each. */
	{ LMTP "250 ok\r\n250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n|"
	       "250 2.1.5 a\r\n|452 4.2.2 full\r\n550 5.2.0 c\r\n|",
	    4, IS_LMTP, NULL,
	    "LHLO me.test\r\n" FROM "\r\nRCPT TO:<a0@x.test>\r\n"
	    "RCPT TO:<a1@x.test>\r\nRCPT TO:<a2@x.test>\r\n"
	    "RCPT TO:<a3@x.test>\r\nDATA\r\n" BODY "QUIT\r\n",
	    "sdbb", "2.1.5", "250 2.1.5 a" },
	/* One reply too many is not about the next transaction. */
	{ LMTP "250 ok\r\n250 ok\r\n452 4.5.3 many\r\n354 go\r\n|"
	       "250 2.1.5 a\r\n|^550 5.2.0 b\r\n|"
	       "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n|",
	    2, IS_LMTP, NULL,
	    "LHLO me.test\r\n" FROM "\r\nRCPT TO:<a0@x.test>\r\n"
	    "RCPT TO:<a1@x.test>\r\nDATA\r\n" BODY,
	    "sd", "2.1.5", "250 2.1.5 a" },
	/* Lost after the first: the others come again. */
	{ LMTP "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n|"
	       "250 2.1.5 a\r\n|",
	    3, IS_LMTP, NULL, NULL, "sdd", "2.1.5", NULL },
	/* Content for nobody gets no reply (RFC 2033 4.2): it is not sent. */
	{ LMTP "250 ok\r\n550 5.1.1 no\r\n354 go\r\n|", 1, IS_LMTP, NULL,
	    "LHLO me.test\r\n" FROM "\r\nRCPT TO:<a0@x.test>\r\nDATA\r\n",
	    "b", "5.1.1", NULL },
	{ "220 x\r\n|502 no LHLO\r\n|", 1, IS_LMTP, NULL,
	    "LHLO me.test\r\nQUIT\r\n", "b", "5.0.0",
	    "host mx.test[192.0.2.1] refused to talk to me: 502 no LHLO" },
	/* RFC 3030: BDAT, nothing stuffed. */
	{ "220 x\r\n|250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n|"
	  "250 ok\r\n250 ok\r\n|250 2.0.0 got it\r\n|",
	    1, 0, NULL,
	    "EHLO me.test\r\n" FROM "\r\nRCPT TO:<a0@x.test>\r\n"
	    "BDAT 12 LAST\r\n" CONTENT "QUIT\r\n",
	    "s", "2.0.0", "250 2.0.0 got it" },
	{ "220 x\r\n|250-x\r\n250 CHUNKING\r\n|250 ok\r\n|250 ok\r\n|"
	  "552 5.3.4 large\r\n|",
	    1, 0, NULL, NULL, "b", "5.3.4",
	    "host mx.test[192.0.2.1] said: 552 5.3.4 large (in reply to BDAT "
	    "command)" },
	/* RFC 1870 6.1: not even tried. */
	{ "220 x\r\n|250-x\r\n250 SIZE 11\r\n|", 1, 0, NULL,
	    "EHLO me.test\r\nQUIT\r\n", "b", "5.3.4",
	    "message size 12 exceeds size limit 11 of server "
	    "mx.test[192.0.2.1]" },
	/* RFC 6531 3.1. */
	{ HELLO, 1, UTF8 | BIT8, "A: \xc3\xa4\r\n\r\nb\r\n",
	    "EHLO me.test\r\nQUIT\r\n", "b", "5.6.7",
	    "SMTPUTF8 is required, but was not offered by host "
	    "mx.test[192.0.2.1]" },
	{ HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n|", 1, UTF8 | BIT8,
	    "A: b\r\n\r\n\xc3\xa4\r\n",
	    "EHLO me.test\r\n" FROM " SIZE=12 BODY=8BITMIME\r\n"
	    "RCPT TO:<a0@x.test>\r\nDATA\r\nA: b\r\n\r\n\xc3\xa4\r\n.\r\n"
	    "QUIT\r\n",
	    "s", "2.0.0", NULL },
	{ PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n|", 1,
	    UTF8 | BIT8 | SUCCESS, NULL,
	    "EHLO me.test\r\n" FROM " BODY=8BITMIME SMTPUTF8\r\n"
	    "RCPT TO:<a0@x.test> NOTIFY=SUCCESS ORCPT=rfc822;a0@x.test\r\n"
	    "DATA\r\n" BODY "QUIT\r\n",
	    "s", "2.0.0", NULL },
	/* RFC 3461 5.2.2: relayed to where nobody will report. */
	{ HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n|", 1, SUCCESS,
	    NULL, NULL, "r", "2.0.0", NULL },
	/* RFC 6152 3: 8-bit content for an old server. */
	{ "220 x\r\n|250 x\r\n|250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n|", 1,
	    BIT8,
	    "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	    ".=\xc3\xa4 \r\n",
	    "EHLO me.test\r\n" FROM "\r\nRCPT TO:<a0@x.test>\r\nDATA\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "..=3D=C3=A4=20\r\n.\r\nQUIT\r\n",
	    "s", "2.0.0", NULL },
	{ "220 x\r\n|250 x\r\n|250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n|", 1,
	    BIT8 | NO_CONVERT,
	    "Content-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n",
	    "EHLO me.test\r\n" FROM "\r\nRCPT TO:<a0@x.test>\r\nDATA\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n.\r\n"
	    "QUIT\r\n",
	    "s", "2.0.0", NULL },
	/* A probe stops before the content. */
	{ HELLO "250 ok\r\n|250 2.1.5 a\r\n|550 5.1.1 b\r\n|", 2, PROBE, NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nRCPT TO:<a0@x.test>\r\n"
	    "RCPT TO:<a1@x.test>\r\nQUIT\r\n",
	    "sb", "2.1.5", "250 2.1.5 a" },
	/* Or at DATA. */
	{ HELLO "250 ok\r\n|250 2.1.5 a\r\n|550 5.1.1 b\r\n|354 go\r\n|", 2,
	    PROBE | AT_DATA, NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nRCPT TO:<a0@x.test>\r\n"
	    "RCPT TO:<a1@x.test>\r\nDATA\r\n",
	    "sb", "2.0.0", "354 go" },
	{ HELLO "250 ok\r\n|250 2.1.5 a\r\n|554 5.7.1 no\r\n|", 1,
	    PROBE | AT_DATA, NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nRCPT TO:<a0@x.test>\r\n"
	    "DATA\r\nQUIT\r\n",
	    "b", "5.7.1", NULL },
	{ HELLO "250 ok\r\n|550 5.1.1 no\r\n|", 1, PROBE | AT_DATA, NULL,
	    "EHLO me.test\r\n" FROM " SIZE=12\r\nRCPT TO:<a0@x.test>\r\n"
	    "QUIT\r\n",
	    "b", "5.1.1", NULL },
	/* XFORWARD. */
	{ "220 x\r\n|250-x\r\n250 XFORWARD NAME ADDR PROTO HELO IDENT "
	  "SOURCE\r\n|"
	  "250 ok\r\n|250 ok\r\n|250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n|",
	    1, XFORWARD, NULL,
	    "EHLO me.test\r\nXFORWARD NAME=c.test ADDR=IPV6:2001:db8::1\r\n"
	    "XFORWARD PROTO=ESMTP HELO=a+20b IDENT=4F2A SOURCE=REMOTE\r\n" FROM
	    "\r\nRCPT TO:<a0@x.test>\r\nDATA\r\n" BODY "QUIT\r\n",
	    "s", "2.0.0", NULL },
	/* What must never go out (bare CR, bare LF), and a missing end. */
	{ HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n|", 1, 0,
	    "a\n.\nb\r.\rc",
	    "EHLO me.test\r\n" FROM " SIZE=9\r\nRCPT TO:<a0@x.test>\r\n"
	    "DATA\r\na\r\n..\r\nb . c\r\n.\r\nQUIT\r\n",
	    "s", "2.0.0", NULL },
	/* BDAT is not for such content. */
	{ "220 x\r\n|250-x\r\n250 CHUNKING\r\n|250 ok\r\n|250 ok\r\n|"
	  "354 go\r\n|250 ok\r\n|",
	    1, 0, "a\n.\r\n",
	    "EHLO me.test\r\n" FROM "\r\nRCPT TO:<a0@x.test>\r\nDATA\r\n"
	    "a\r\n..\r\n.\r\nQUIT\r\n",
	    "s", "2.0.0", NULL },
	/* soft_bounce. */
	{ HELLO "250 ok\r\n|550 5.1.1 no\r\n|", 1, SOFT, NULL, NULL, "d",
	    "4.1.1", NULL },
};

static int64_t
message_flags(int flags)
{
	return ((flags & UTF8) != 0 ? SUBMIT_SMTPUTF8 : 0) |
	    ((flags & BIT8) != 0 ? SUBMIT_EIGHT_BIT : 0) |
	    ((flags & PROBE) != 0 ? SUBMIT_PROBE : 0);
}

/* What deliver.c does around one server. */
static void
run_case(struct delivery *d, struct session *s)
{
	bool is_ready = session_greet(s, "x.test", &d->why);

	if (is_ready)
		ck_assert(deliver_through(d, s));
	else
		delivery_refuse_all(d, RCPT_TODO, s, &d->why);
	delivery_give_up(d);
	session_quit(s);
}

START_TEST(a_session_does_as_the_rfcs_say)
{
	const char *letters = "sdbxr";
	struct script script = { .says = view_of(cases[_i].says) };
	struct settings set;
	struct script_message m;
	struct delivery d;
	char dsn[DSN_STATUS_SIZE];

	script_settings(&set);
	set.is_lmtp = (cases[_i].flags & IS_LMTP) != 0;
	set.send_xforward = (cases[_i].flags & XFORWARD) != 0;
	set.convert_8bit = (cases[_i].flags & NO_CONVERT) == 0;
	set.always_ehlo = (cases[_i].flags & OLD) == 0;
	set.soft_bounce = (cases[_i].flags & SOFT) != 0;
	set.probe_data = (cases[_i].flags & AT_DATA) != 0;
	script_message(&m,
	    view_of(cases[_i].content != NULL ? cases[_i].content : CONTENT),
	    cases[_i].rcpts);
	m.ask.flags = message_flags(cases[_i].flags);
	ck_assert(!err_is(delivery_init(&d, &set, &m.ask)));
	if ((cases[_i].flags & SUCCESS) != 0)
		d.rcpts[0].ask.notify = ESMTP_NOTIFY_SUCCESS;
	run_case(&d, script_session(&script, &set));
	if (cases[_i].hears != NULL)
		ck_assert_str_eq(script.heard.ptr, cases[_i].hears);
	ck_assert_uint_eq(d.n_todo, 0);
	for (size_t i = 0; i < d.n_rcpts; i++)
		ck_assert_msg(letters[d.rcpts[i].outcome] == cases[_i].ends[i],
		    "case %d: recipient %zu is %c: %s", _i, i,
		    letters[d.rcpts[i].outcome], d.rcpts[i].why.text.ptr);
	ck_assert_str_eq(dsn_text(d.rcpts[0].why.status, dsn), cases[_i].dsn);
	if (cases[_i].text != NULL)
		ck_assert_str_eq(d.rcpts[0].why.text.ptr, cases[_i].text);
	str_clear(&script.heard);
	delivery_clear(&d);
	script_message_clear(&m);
}
END_TEST

/* A session that was used before and is closed: nothing has happened. */
START_TEST(a_stale_session_is_passed_over_silently)
{
	struct script script = { .says = view_of(HELLO) };
	struct settings set;
	struct script_message m;
	struct delivery d;
	struct session *s;

	script_settings(&set);
	script_message(&m, VIEW(CONTENT), 2);
	ck_assert(!err_is(delivery_init(&d, &set, &m.ask)));
	s = script_session(&script, &set);
	ck_assert(session_greet(s, "x.test", &d.why));
	s->uses = 1;
	ck_assert(!deliver_through(&d, s));
	ck_assert_uint_eq(d.n_todo, 2);
	ck_assert(d.rcpts[0].state == RCPT_TODO);
	ck_assert(!why_is_set(&d.rcpts[0].why));
	session_free(s);
	str_clear(&script.heard);
	delivery_clear(&d);
	script_message_clear(&m);
}
END_TEST

/* RFC 2920 3.1: never more commands ahead than sockets' buffers take. */
START_TEST(a_group_of_commands_is_bounded)
{
	enum { N = 500 };
	struct str says = STR_EMPTY;
	struct script script = { 0 };
	struct settings set;
	struct script_message m;
	struct delivery d;
	size_t replies = 0;

	/* One piece a reply: the client reads as late as it can. */
	str_add_text(&says, PIPE);
	for (size_t i = 0; i < N + 1; i++)
		str_add_text(&says, "250 ok\r\n|");
	str_add_text(&says, "354 go\r\n|250 done\r\n|");
	script.says = str_view(&says);
	script_settings(&set);
	script_message(&m, VIEW(CONTENT), N);
	ck_assert(!err_is(delivery_init(&d, &set, &m.ask)));
	run_case(&d, script_session(&script, &set));
	for (size_t i = 0; i < N; i++)
		replies += d.rcpts[i].outcome == OUTCOME_SENT;
	ck_assert_uint_eq(replies, N);
	ck_assert_uint_gt(script.burst_max, SESSION_WINDOW / 2);
	ck_assert_uint_le(script.burst_max, SESSION_WINDOW);
	str_clear(&says);
	str_clear(&script.heard);
	delivery_clear(&d);
	script_message_clear(&m);
}
END_TEST

/* Large content through a server that says no in the middle and closes. */
START_TEST(last_words_are_read_when_sending_fails)
{
	struct script script = {
		.says = view_of(HELLO
		    "250 ok\r\n|250 ok\r\n|354 go\r\n|552 5.3.4 large\r\n|"),
		.write_max = 50000
	};
	struct str content = STR_EMPTY;
	struct settings set;
	struct script_message m;
	struct delivery d;

	while (content.len < 300000)
		str_add_text(&content, "0123456789012345678901234567890\r\n");
	script_settings(&set);
	script_message(&m, str_view(&content), 1);
	ck_assert(!err_is(delivery_init(&d, &set, &m.ask)));
	run_case(&d, script_session(&script, &set));
	ck_assert_int_eq(d.rcpts[0].outcome, OUTCOME_BOUNCED);
	ck_assert_str_eq(d.rcpts[0].why.text.ptr,
	    "host mx.test[192.0.2.1] said: 552 5.3.4 large (in reply to end "
	    "of DATA command)");
	str_clear(&content);
	str_clear(&script.heard);
	delivery_clear(&d);
	script_message_clear(&m);
}
END_TEST

/* What cannot be a message is not sent as an empty one. */
START_TEST(a_delivery_needs_a_file_with_its_layout)
{
	struct settings set;
	struct script_message m;
	struct delivery d;

	script_settings(&set);
	script_message(&m, VIEW(CONTENT), 1);
	m.ask.layout = VIEW("x");
	ck_assert_int_eq(delivery_init(&d, &set, &m.ask).kind, ERR_PERM);
	delivery_clear(&d);
	m.ask.layout = str_view(&m.layout);
	m.ask.file = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(delivery_init(&d, &set, &m.ask).kind, ERR_PERM);
	delivery_clear(&d);
	m.ask.file = -1;
	ck_assert_int_eq(delivery_init(&d, &set, &m.ask).kind, ERR_PERM);
	delivery_clear(&d);
	script_message_clear(&m);
}
END_TEST

/* A file that is shorter than its layout says: half a message is no message. */
START_TEST(a_damaged_file_ends_the_session)
{
	struct script script = {
		.says = view_of(
		    HELLO "250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n|")
	};
	struct settings set;
	struct script_message m;
	struct delivery d;

	script_settings(&set);
	script_message(&m, VIEW(CONTENT), 1);
	queue_layout_add(&m.layout, 0, 1000);
	m.ask.layout = str_view(&m.layout);
	ck_assert_int_eq(ftruncate(m.ask.file, 1000), 0);
	ck_assert(!err_is(delivery_init(&d, &set, &m.ask)));
	ck_assert_int_eq(ftruncate(d.ask.file, sizeof(CONTENT) - 1), 0);
	run_case(&d, script_session(&script, &set));
	ck_assert_int_eq(d.rcpts[0].outcome, OUTCOME_DEFERRED);
	ck_assert(view_find_text(str_view(&script.heard), VIEW("\r\n.\r\n")) ==
	    VIEW_NPOS);
	str_clear(&script.heard);
	delivery_clear(&d);
	script_message_clear(&m);
}
END_TEST

START_TEST(an_answer_always_fits_a_frame)
{
	enum { N = 600 };
	struct str says = STR_EMPTY, outcomes = STR_EMPTY, frame = STR_EMPTY;
	struct script script = { 0 };
	struct settings set;
	struct script_message m;
	struct ipc_delivered answer = { 0 };
	struct delivery d;
	int fd;

	str_add_text(&says, PIPE "250 ok\r\n|");
	for (size_t i = 0; i < N; i++) {
		str_add_text(&says, "550 5.1.1 ");
		for (size_t k = 0; k < 150; k++)
			str_add_text(&says, "unknown ");
		str_add_text(&says, "\r\n|");
	}
	script.says = str_view(&says);
	script_settings(&set);
	script_message(&m, VIEW(CONTENT), N);
	ck_assert(!err_is(delivery_init(&d, &set, &m.ask)));
	run_case(&d, script_session(&script, &set));
	delivery_answer(&d, &answer, &outcomes);
	ck_assert(
	    !err_is(ipc_encode(&frame, 1, IPC_OUT(delivered, &answer), &fd)));
	str_clear(&frame);
	str_clear(&outcomes);
	str_clear(&says);
	str_clear(&script.heard);
	delivery_clear(&d);
	script_message_clear(&m);
}
END_TEST

UNIT_MAIN("session", { a_session_does_as_the_rfcs_say, ARRAY_LEN(cases) },
    { a_stale_session_is_passed_over_silently, 1 },
    { a_group_of_commands_is_bounded, 1 },
    { last_words_are_read_when_sending_fails, 1 },
    { a_delivery_needs_a_file_with_its_layout, 1 },
    { a_damaged_file_ends_the_session, 1 },
    { an_answer_always_fits_a_frame, 1 })
