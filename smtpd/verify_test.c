/* What clients hear of addresses that are verified. */
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#include <string.h>

#define HELLO "EHLO me.example\r\n" STANDIN_LATER
#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define RCPT "RCPT TO:<user@local.test>\r\n"
#define BOTH                                                                  \
	"smtpd_recipient_restrictions = reject_unverified_recipient\n"        \
	"smtpd_sender_restrictions = reject_unverified_sender\n"
#define RECIPIENT "smtpd_recipient_restrictions = reject_unverified_recipient\n"
#define SENDER "smtpd_sender_restrictions = reject_unverified_sender\n"

static const struct {
	const char *conf;
	enum verify_status status;
	const char *text, *hears;
} rows[] = {
	{ BOTH, VERIFY_OK, "250 ok", "250 2.1.5 Ok\n" },
	{ RECIPIENT, VERIFY_BOUNCE, "host x said: 550 no",
	    "450 4.1.1 <user@local.test>: Recipient address rejected: "
	    "unverified address: host x said: 550 no\n" },
	{ RECIPIENT "unverified_recipient_reject_code = 550\n", VERIFY_BOUNCE,
	    "host x said: 550 no",
	    "550 5.1.1 <user@local.test>: Recipient address rejected: "
	    "undeliverable address: host x said: 550 no\n" },
	{ RECIPIENT "unverified_recipient_reject_reason = nobody\n",
	    VERIFY_BOUNCE, "host x said: 550 no",
	    "450 4.1.1 <user@local.test>: Recipient address rejected: "
	    "unverified address: nobody\n" },
	{ RECIPIENT "unverified_recipient_reject_reason = nobody\n"
		    "unverified_recipient_reject_code = 550\n",
	    VERIFY_BOUNCE, "host x said: 550 no",
	    "550 5.1.1 <user@local.test>: Recipient address rejected: "
	    "undeliverable address: nobody\n" },
	{ RECIPIENT, VERIFY_DEFER, "connect to x: refused",
	    "450 4.1.1 <user@local.test>: Recipient address rejected: "
	    "unverified address: connect to x: refused\n" },
	{ RECIPIENT "unverified_recipient_defer_code = 451\n", VERIFY_DEFER,
	    "t", "451 4.1.1 <user@local.test>: Recipient address rejected: "
		 "unverified address: t\n" },
	{ RECIPIENT "unverified_recipient_tempfail_action = permit\n",
	    VERIFY_DEFER, "t", "250 2.1.5 Ok\n" },
	/* A refusal that follows outweighs a doubt ... */
	{ "smtpd_recipient_restrictions = reject_unverified_recipient, "
	  "reject\n",
	    VERIFY_DEFER, "t", "554 5.7.1 <user@local.test>: Recipient address "
			       "rejected: Access denied\n" },
	/* ... not so one that is said at once. */
	{ "smtpd_recipient_restrictions = reject_unverified_recipient, "
	  "reject\nunverified_recipient_tempfail_action = defer\n",
	    VERIFY_DEFER, "t",
	    "450 4.1.1 <user@local.test>: Recipient address rejected: "
	    "unverified address: t\n" },
	{ SENDER, VERIFY_BOUNCE, "no",
	    "450 4.1.7 <a@b.example>: Sender address rejected: unverified "
	    "address: no\n" },
	{ SENDER "unverified_sender_reject_code = 550\n", VERIFY_BOUNCE, "no",
	    "550 5.1.7 <a@b.example>: Sender address rejected: undeliverable "
	    "address: no\n" },
	/* What another host said cannot end our line. */
	{ RECIPIENT, VERIFY_BOUNCE, "a\r\n250 ok",
	    "450 4.1.1 <user@local.test>: Recipient address rejected: "
	    "unverified address: a??250 ok\n" },
};

static const char *
last_line(const char *text)
{
	const char *end = text + strlen(text);

	ck_assert_ptr_ne(end, text);
	for (end--; end > text && end[-1] != '\n'; end--)
		;
	return end;
}

START_TEST(a_client_hears_what_the_probe_found)
{
	standin_open(rows[_i].conf);
	standin.verify_status = (int)rows[_i].status;
	standin.verify_text = rows[_i].text;
	ck_assert_str_eq(
	    last_line(standin_talk("192.0.2.1", HELLO MAIL RCPT)),
	    rows[_i].hears);
	standin_close();
}
END_TEST

START_TEST(it_is_asked_for_as_often_as_is_set)
{
	standin_open(RECIPIENT "address_verify_poll_count = 4\n");
	standin.conf->address_verify_poll_delay = 0;
	standin.verify_after = 3;
	ck_assert_str_eq(last_line(standin_talk("192.0.2.1", HELLO MAIL RCPT)),
	    "250 2.1.5 Ok\n");
	ck_assert_uint_eq(standin.n_verified, 4);
	standin.verify_after = 100;
	ck_assert_str_eq(last_line(standin_talk("192.0.2.1", HELLO MAIL RCPT)),
	    "450 4.1.1 <user@local.test>: Recipient address rejected: "
	    "unverified address: Address verification in progress\n");
	ck_assert_uint_eq(standin.n_verified, 8);
	standin_close();
}
END_TEST

START_TEST(without_state_mail_waits_and_is_never_let_in_or_refused_for_good)
{
	standin_open(BOTH "unverified_recipient_reject_code = 550\n");
	standin.state_is_down = true;
	ck_assert_str_eq(last_line(standin_talk("192.0.2.1", HELLO MAIL RCPT)),
	    "450 4.1.7 <a@b.example>: Sender address rejected: "
	    "unverified address: Address verification problem\n");
	standin_close();
}
END_TEST

START_TEST(the_sender_of_probes_is_let_in_and_the_null_sender_not_asked_for)
{
	standin_open(BOTH "address_verify_sender_ttl = 10000d\n"
			  "mydestination = local.test\n"
			  "myorigin = local.test\n");
	standin.verify_status = VERIFY_BOUNCE;
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1",
				 HELLO "MAIL FROM:<>\r\n"
				       "RCPT TO:<double-bounce1@local.test>\r\n"
				       "RCPT TO:<double-bounce@local.test>\r\n"),
	    "250 2.1.0 Ok\n250 2.1.5 Ok\n4"));
	ck_assert_uint_eq(standin.n_verified, 1);
	standin_close();
}
END_TEST

UNIT_MAIN("verify", { a_client_hears_what_the_probe_found, ARRAY_LEN(rows) },
    { it_is_asked_for_as_often_as_is_set, 1 },
    { without_state_mail_waits_and_is_never_let_in_or_refused_for_good, 1 },
    { the_sender_of_probes_is_let_in_and_the_null_sender_not_asked_for, 1 })
