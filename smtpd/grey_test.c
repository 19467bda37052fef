/* The greylist. */
#include "smtpd/grey.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#include <string.h>

enum { NOW = 1000000 };

static const struct {
	const char *address, *network;
} networks[] = {
	{ "192.0.2.77", "192.0.2.0/24" },
	{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
	{ "::1", "::/64" },
	{ "unknown", "unknown" },
};

START_TEST(a_client_is_its_network)
{
	struct str out = STR_EMPTY;

	standin_open("");
	grey_add_network(
	    &out, standin.conf, view_of(networks[_i].address));
	ck_assert_str_eq(out.ptr, networks[_i].network);
	str_clear(&out);
	standin_close();
}
END_TEST

static const struct {
	const char *sender, *key;
} senders[] = {
	{ "User@Example.ORG", "user@example.org" },
	{ "bounce-12345-7=u=x.y@list1.test", "bounce-#-#=u=x.y@list1.test" },
	{ "", "" },
	{ "12", "#" },
};

START_TEST(a_number_in_a_sender_is_any)
{
	struct str out = STR_EMPTY;

	grey_add_sender(&out, view_of(senders[_i].sender));
	ck_assert_str_eq(out.ptr, senders[_i].key);
	str_clear(&out);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} values[] = {
	{ "1:0", true },
	{ "1700000000:1700000300", true },
	{ "1", false },
	{ "1:", false },
	{ ":1", false },
	{ "1:2:3", false },
	{ "-1:2", false },
	{ "1:1111111111111111111", false },
	{ "", false },
};

START_TEST(a_value_is_two_numbers)
{
	int64_t n[2];

	ck_assert_msg(grey_read(view_of(values[_i].text), n) == values[_i].ok,
	    "%s", values[_i].text);
}
END_TEST

static int64_t waited;

static enum grey_verdict
ask(const char *client, const char *sender, const char *rcpt, int64_t now)
{
	struct grey_question q = { view_of(client), view_of(sender),
		view_of(rcpt), now };
	struct grey_answer a;
	struct err e = grey_ask(standin.smtpd, &q, &a);

	ck_assert_msg(!err_is(e), "%s", e.text);
	waited = a.waited;
	return a.verdict;
}

START_TEST(who_comes_again_in_time_is_let_in)
{
	standin_open("greylist_delay = 300\n");
	ck_assert_int_eq(ask("192.0.2.1", "a@b", "c@d", NOW), GREY_NEW);
	ck_assert_int_eq(
	    ask("192.0.2.1", "a@b", "c@d", NOW + 299), GREY_EARLY);
	ck_assert_int_eq(waited, 299);
	/* A farm's next server, another case. */
	ck_assert_int_eq(
	    ask("192.0.2.200", "A@B", "C@D", NOW + 300), GREY_PASSES);
	ck_assert_int_eq(
	    ask("192.0.2.1", "a@b", "c@d", NOW + 301), GREY_KNOWN);
	/* Each part of a triplet counts. */
	ck_assert_int_eq(ask("192.0.3.1", "a@b", "c@d", NOW + 301), GREY_NEW);
	ck_assert_int_eq(ask("192.0.2.1", "x@b", "c@d", NOW + 301), GREY_NEW);
	ck_assert_int_eq(ask("192.0.2.1", "a@b", "x@d", NOW + 301), GREY_NEW);
	standin_close();
}
END_TEST

START_TEST(who_came_again_often_is_let_in_at_once)
{
	char sender[20];

	standin_open("greylist_delay = 300\ngreylist_auto_allow_count = 3\n");
	for (int i = 0; i < 3; i++) {
		snprintf(sender, sizeof(sender), "%c@b", 'a' + i);
		ck_assert_int_eq(
		    ask("192.0.2.1", sender, "c@d", NOW), GREY_NEW);
		ck_assert_int_eq(
		    ask("192.0.2.1", sender, "c@d", NOW + 300), GREY_PASSES);
	}
	ck_assert_int_eq(
	    ask("192.0.2.9", "z@b", "c@d", NOW + 301), GREY_ALLOWED);
	ck_assert_int_eq(ask("192.0.3.9", "z@b", "c@d", NOW + 301), GREY_NEW);
	standin_close();
}
END_TEST

START_TEST(a_damaged_entry_is_as_none)
{
	standin_open("greylist_delay = 300\n");
	standin_set_state(STATE_GREY, "n 192.0.2.0/24", "999999");
	standin_set_state(STATE_GREY, "t 192.0.2.0/24 a@b c@d", "x:1");
	ck_assert_int_eq(ask("192.0.2.1", "a@b", "c@d", NOW), GREY_NEW);
	standin_close();
}
END_TEST

/* Another host that shares the greylist comes between question and answer. */
START_TEST(who_was_quicker_is_heard)
{
	standin_open("greylist_delay = 300\ngreylist_auto_allow_count = 3\n");
	/* It has seen it first. */
	standin.state_first = "999000:0";
	ck_assert_int_eq(ask("192.0.2.1", "a@b", "c@d", NOW), GREY_PASSES);
	ck_assert_int_eq(waited, NOW - 999000);
	/* It has seen it at the same time: the first one stays. */
	standin.state_first = "999999:0";
	ck_assert_int_eq(ask("192.0.2.1", "b@b", "c@d", NOW), GREY_EARLY);
	ck_assert_str_eq(
	    standin_state(STATE_GREY, "t 192.0.2.0/24 b@b c@d"), "999999:0");
	/* It has let it in: that counts once. */
	standin.state_first = "999999:1000299";
	ck_assert_int_eq(
	    ask("192.0.2.1", "b@b", "c@d", NOW + 298), GREY_EARLY);
	ck_assert_int_eq(ask("192.0.2.1", "b@b", "c@d", NOW + 299), GREY_KNOWN);
	ck_assert_str_eq(
	    standin_state(STATE_GREY, "n 192.0.2.0/24"), "1:1000000");
	standin_close();
}
END_TEST

/* Attack: what is shared says that it was seen in years to come. */
START_TEST(a_time_to_come_is_damage)
{
	standin_open("greylist_delay = 300\n");
	standin_set_state(
	    STATE_GREY, "t 192.0.2.0/24 a@b c@d", "99999999999:0");
	ck_assert_int_eq(ask("192.0.2.1", "a@b", "c@d", NOW), GREY_NEW);
	ck_assert_int_eq(
	    ask("192.0.2.1", "a@b", "c@d", NOW + 300), GREY_PASSES);
	standin_close();
}
END_TEST

#define EHLO "EHLO me.example\r\n" STANDIN_LATER
#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define GREY "smtpd_recipient_restrictions = check_greylist\n"

static const struct {
	const char *conf, *client, *rcpt, *hears, *log;
} rows[] = {
	{ GREY, "192.0.2.1", "user@local.test",
	    "450 4.2.0 <user@local.test>: Recipient address rejected: "
	    "Greylisted, please try again later",
	    "NOQUEUE: greylist: new: client=client.example[192.0.2.1], "
	    "network=192.0.2.0/24, from=<a@b.example>, to=<user@local.test>, "
	    "waited=0\n" },
	{ GREY "greylist_reject_text = wait\n", "192.0.2.1", "user@local.test",
	    "450 4.2.0 <user@local.test>: Recipient address rejected: wait",
	    "" },
	/* What is refused for good is so at once. */
	{ "smtpd_recipient_restrictions = check_greylist, reject\n",
	    "192.0.2.1", "user@local.test", "554 5.7.1", "" },
	{ GREY, "127.0.0.1", "user@local.test", "250 2.1.5 Ok", "" },
	{ GREY "greylist_client_exceptions = 192.0.2.0/30\n", "192.0.2.1",
	    "user@local.test", "250 2.1.5 Ok", "" },
	{ GREY, "192.0.2.1", "postmaster", "250 2.1.5 Ok", "" },
	{ "", "192.0.2.1", "user@local.test", "250 2.1.5 Ok", "" },
	{ GREY "myorigin = local.test\n", "192.0.2.1",
	    "double-bounce@local.test", "250 2.1.5 Ok", "" },
	{ "smtpd_recipient_restrictions = warn_if_reject check_greylist\n",
	    "192.0.2.1", "user@local.test", "250 2.1.5 Ok",
	    "reject_warning: RCPT from" },
};

START_TEST(a_client_hears_this)
{
	struct str says = STR_EMPTY;
	const char *heard, *log;

	standin_open(rows[_i].conf);
	str_printf(&says, EHLO MAIL "RCPT TO:<%s>\r\n", rows[_i].rcpt);
	heard = standin_talk(rows[_i].client, says.ptr);
	ck_assert_msg(strstr(heard, rows[_i].hears) != NULL, "%s", heard);
	log = standin_log();
	ck_assert_msg(strstr(log, rows[_i].log) != NULL, "%s", log);
	str_clear(&says);
	standin_close();
}
END_TEST

START_TEST(without_state_mail_waits)
{
	standin_open(GREY);
	standin.state_is_down = true;
	ck_assert_ptr_nonnull(strstr(standin_talk("192.0.2.1",
				 EHLO MAIL "RCPT TO:<user@local.test>\r\n"),
	    "451 4.3.0 <greylist>: Temporary lookup failure"));
	standin_close();
}
END_TEST

UNIT_MAIN("grey", { a_client_is_its_network, ARRAY_LEN(networks) },
    { a_number_in_a_sender_is_any, ARRAY_LEN(senders) },
    { a_value_is_two_numbers, ARRAY_LEN(values) },
    { who_comes_again_in_time_is_let_in, 1 },
    { who_came_again_often_is_let_in_at_once, 1 },
    { a_damaged_entry_is_as_none, 1 },
    { who_was_quicker_is_heard, 1 }, { a_time_to_come_is_damage, 1 },
    { a_client_hears_this, ARRAY_LEN(rows) }, { without_state_mail_waits, 1 })
