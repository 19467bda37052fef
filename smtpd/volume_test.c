/* Limits of how much mail. */
#include "smtpd/volume.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#include <string.h>

#define EHLO "EHLO me.example\r\n" STANDIN_LATER
#define LOGIN "XCLIENT LOGIN=alice\r\n" STANDIN_LATER EHLO
#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define RCPT "RCPT TO:<user@local.test>\r\n"
#define RSET "RSET\r\n"
#define XCLIENT_OK                                                        \
	"smtpd_authorized_xclient_hosts = 192.0.2.0/24\n"                \
	"smtpd_sasl_auth_enable = yes\n"

static const struct {
	const char *text;
	bool ok;
} values[] = {
	{ "10 20", true },
	{ " 0,0 ", true },
	{ "10", false },
	{ "10 20 30", false },
	{ "-1 5", false },
	{ "many 5", false },
	{ "", false },
	{ "99999999999999999999 1", false },
};

START_TEST(limits_of_ones_own_are_two_numbers)
{
	int64_t a, b;

	ck_assert_msg(volume_read_limits(view_of(values[_i].text), &a, &b) ==
		values[_i].ok,
	    "%s", values[_i].text);
}
END_TEST

/* How many "250 2.1.5" the client hears, what else, and what the log says. */
static const struct {
	const char *conf, *says;
	int accepted;
	const char *hears, *log;
} rows[] = {
	{ "", EHLO MAIL RCPT RCPT RCPT, 3, "", "" },
	{ "volume_limit_client_recipients = 2\n", EHLO MAIL RCPT RCPT RCPT, 2,
	    "450 4.7.1 Error: too much mail",
	    "volume limit exceeded: 3 recipients in 3600s of client 192.0.2.1 "
	    "(limit 2), client=client.example[192.0.2.1], action=defer\n" },
	{ "volume_limit_client_messages = 2\n",
	    EHLO MAIL RCPT RCPT RCPT RSET MAIL RCPT RSET MAIL RCPT, 4,
	    "450 4.7.1 Error: too much mail",
	    "volume limit exceeded: 3 messages in 3600s of client" },
	{ "volume_limit_sender_domain_messages = 1\n"
	  "volume_limit_action = reject\n",
	    EHLO MAIL RCPT RSET MAIL RCPT RSET
		 "MAIL FROM:<a@c.example>\r\n" RCPT,
	    2, "550 5.7.1 Error: too much mail", "of domain b.example" },
	{ XCLIENT_OK "volume_limit_login_messages = 1\n"
		     "volume_limit_login_recipients = 9\n",
	    EHLO LOGIN MAIL RCPT RSET MAIL RCPT, 1,
	    "450 4.7.1 Error: too much mail", "2 messages" },
	/* Nobody has logged in: that limit is nobody's. */
	{ "volume_limit_login_messages = 1\n",
	    EHLO MAIL RCPT RSET MAIL RCPT, 2, "", "" },
	{ "volume_limit_client_messages = 1\n"
	  "volume_limit_exceptions = 192.0.2.1\n",
	    EHLO MAIL RCPT RSET MAIL RCPT, 2, "", "" },
	{ "volume_limit_client_messages = 1\n"
	  "volume_limit_maps = inline:{ {client:192.0.2.1 = 2 0} }\n",
	    EHLO MAIL RCPT RSET MAIL RCPT RSET MAIL RCPT, 2,
	    "450 4.7.1 Error: too much mail", "(limit 2)" },
	{ "volume_limit_client_messages = 1\n"
	  "volume_limit_maps = fail:x\n",
	    EHLO MAIL RCPT, 0, "451 4.3.0", "" },
	{ "volume_limit_maps = inline:{ {client:192.0.2.1 = some} }\n",
	    EHLO MAIL RCPT, 0, "451 4.3.0", "bad value \"some\"" },
};

START_TEST(so_much_is_taken)
{
	const char *heard, *log;
	int accepted = 0;

	standin_open(rows[_i].conf);
	heard = standin_talk("192.0.2.1", rows[_i].says);
	for (const char *p = heard; (p = strstr(p, "250 2.1.5")) != NULL; p++)
		accepted++;
	ck_assert_msg(accepted == rows[_i].accepted, "%d: %s", accepted, heard);
	ck_assert_msg(strstr(heard, rows[_i].hears) != NULL, "%s", heard);
	log = standin_log();
	ck_assert_msg(strstr(log, rows[_i].log) != NULL, "%s", log);
	standin_close();
}
END_TEST

START_TEST(what_is_above_is_held_where_that_is_wanted)
{
	standin_open("volume_limit_client_messages = 1\n"
		     "volume_limit_action = hold\n");
	for (int i = 0; i < 2; i++)
		standin_talk("192.0.2.1",
		    EHLO MAIL RCPT RCPT "DATA\r\n" STANDIN_LATER
					"Subject: x\r\n\r\nx\r\n.\r\n"
			STANDIN_LATER "QUIT\r\n");
	ck_assert_uint_eq(standin.n_messages, 2);
	ck_assert_int_eq(standin.messages[0].hold, 0);
	ck_assert_int_eq(standin.messages[1].hold, 1);
	standin_close();
}
END_TEST

START_TEST(without_state_mail_waits)
{
	standin_open("volume_limit_client_messages = 1\n");
	standin.state_is_down = true;
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1", EHLO MAIL RCPT),
	    "451 4.3.0 Error: volume limits cannot be checked"));
	standin_close();
}
END_TEST

UNIT_MAIN("volume", { limits_of_ones_own_are_two_numbers, ARRAY_LEN(values) },
    { so_much_is_taken, ARRAY_LEN(rows) },
    { what_is_above_is_held_where_that_is_wanted, 1 },
    { without_state_mail_waits, 1 })
