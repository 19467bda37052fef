/* How many log lines a client may cause. */
#include "smtpd/quiet.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#include <stdio.h>

#define EHLO "EHLO client.test\r\n" STANDIN_LATER
#define REFUSED "RCPT TO:<x@elsewhere.test>\r\n" STANDIN_LATER
#define FROM "MAIL FROM:<a@b.test>\r\n" STANDIN_LATER
#define MESSAGE                                                            \
	FROM "RCPT TO:<user@local.test>\r\n" STANDIN_LATER                 \
	     "DATA\r\n" STANDIN_LATER "x\r\n.\r\n" STANDIN_LATER
#define QUIT "QUIT\r\n"

/* Lines of the log with this in them. */
static size_t
count(const char *log, const char *what)
{
	size_t n = 0;

	for (const char *at = strstr(log, what); at != NULL;
	     at = strstr(at + 1, what))
		n++;
	return n;
}

START_TEST(attack_83_lines_about_a_client_are_bounded_and_counted)
{
	const char *log;

	standin_open("smtpd_client_log_limit = 10\n");
	for (int i = 0; i < 30; i++)
		standin_talk("192.0.2.1", EHLO FROM REFUSED REFUSED QUIT);
	/* Another client's are another number. */
	standin_talk("192.0.2.2", EHLO FROM REFUSED QUIT);
	quiet_clear(&standin.smtpd->quiet);
	log = standin_log();
	ck_assert_uint_eq(count(log, "[192.0.2.1]"), 21);
	ck_assert_uint_eq(count(log, "reject: RCPT from "), 11);
	ck_assert_uint_eq(count(log, "\nconnect from "), 5);
	ck_assert_uint_eq(count(log, "Log line limit exceeded: 100 left out "),
	    1);
	ck_assert_ptr_nonnull(strstr(log,
	    " for service smtp: connect=25 reject=50 disconnect=25\n"));
	standin_close();
}
END_TEST

/* So that a program that bans by refusals sees them. */
START_TEST(attack_83_refusals_are_not_hidden_behind_connections)
{
	const char *log;

	standin_open("smtpd_client_log_limit = 10\n");
	for (int i = 0; i < 30; i++)
		standin_talk("192.0.2.1", QUIT);
	standin_log();
	standin_talk("192.0.2.1", EHLO FROM REFUSED REFUSED QUIT);
	log = standin_log();
	ck_assert_uint_eq(count(log, "reject: RCPT from "), 2);
	ck_assert_uint_eq(count(log, "connect"), 0);
	standin_close();
}
END_TEST

START_TEST(session_with_a_message_is_always_told)
{
	const char *log;

	standin_open("smtpd_client_log_limit = 10\n");
	for (int i = 0; i < 30; i++)
		standin_talk("192.0.2.1", EHLO MESSAGE QUIT);
	log = standin_log();
	ck_assert_uint_eq(count(log, "connect from "), 60);
	ck_assert_uint_eq(count(log, "QID: client="), 30);
	/* And what is accepted after too many other lines. */
	for (int i = 0; i < 30; i++)
		standin_talk("192.0.2.1", QUIT);
	standin_log();
	standin_talk("192.0.2.1", EHLO MESSAGE QUIT);
	log = standin_log();
	ck_assert_uint_eq(count(log, "QID: client="), 1);
	ck_assert_uint_eq(count(log, "disconnect from "), 1);
	standin_close();
}
END_TEST

START_TEST(own_networks_and_no_limit_are_told_all)
{
	standin_open(_i == 0 ? "smtpd_client_log_limit = 10\n"
			     : "smtpd_client_log_limit = 0\n");
	for (int i = 0; i < 30; i++)
		standin_talk(_i == 0 ? "127.0.0.1" : "192.0.2.1", QUIT);
	ck_assert_uint_eq(count(standin_log(), "connect from "), 60);
	standin_close();
}
END_TEST

START_TEST(memory_of_clients_is_bounded)
{
	char address[32];

	standin_open("smtpd_client_log_limit = 1\n");
	for (int i = 0; i < QUIET_CLIENTS_MAX + 20; i++) {
		snprintf(address, sizeof(address), "192.0.%d.%d", i / 256,
		    i % 256);
		standin_talk(address, QUIT);
	}
	ck_assert_uint_eq(standin.smtpd->quiet.n, QUIET_CLIENTS_MAX);
	/* What an entry had left out is told when it goes. */
	ck_assert_uint_eq(
	    count(standin_log(), "Log line limit exceeded: 1 left out"), 20);
	standin_close();
}
END_TEST

UNIT_MAIN("quiet",
    { attack_83_lines_about_a_client_are_bounded_and_counted, 1 },
    { attack_83_refusals_are_not_hidden_behind_connections, 1 },
    { session_with_a_message_is_always_told, 1 },
    { own_networks_and_no_limit_are_told_all, 2 },
    { memory_of_clients_is_bounded, 1 })
