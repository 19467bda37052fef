/*
 * Access control when what it asks fails: lists of restrictions, made by a
 * generator, whose tables, policy servers and DNS answers fail one by one.  A
 * message that a working world would have refused is not let through, and one
 * that it would have taken is not refused for good.
 */
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#include <stdio.h>

#define L STANDIN_LATER
#define SAYS                                                               \
	"EHLO me.example\r\n" L "MAIL FROM:<a@b.example>\r\nRCPT TO:<user@" \
	"local.test>\r\n"

enum { LISTS = 60, ITEMS = 7, CALLS_MAX = 60 };

/* A restriction, and the same when what it asks fails. */
static const struct {
	const char *works, *fails;
} pool[] = {
	/* They refuse. */
	{ "check_sender_access inline:{ a@b.example=REJECT }",
	    "check_sender_access fail:x" },
	{ "check_client_access inline:{ {192.0.2=450 4.7.1 later} }",
	    "check_client_access fail:x" },
	{ "check_helo_access pcre:{{/./ REJECT}}", "check_helo_access fail:x" },
	{ "check_sender_mx_access inline:{ 192.0.2.5=REJECT }",
	    "check_sender_mx_access fail:x" },
	{ "check_sender_ns_access inline:{ ns.example=REJECT }",
	    "check_sender_ns_access fail:x" },
	{ "check_sender_a_access inline:{ 192.0.2.5=REJECT }",
	    "check_sender_a_access fail:x" },
	{ "reject_rbl_client listed.example", "reject_rbl_client slow.example" },
	{ "reject_rhsbl_sender listed.example",
	    "reject_rhsbl_sender slow.example" },
	{ "reject_rhsbl_helo listed.example", "reject_rhsbl_helo slow.example" },
	{ "check_policy_service { unix:says-no, timeout=1s, "
	  "retry_delay=1ms }",
	    "check_policy_service { unix:gone, timeout=1s, retry_delay=1ms }" },
	{ "reject_unverified_sender", NULL },
	{ "class_no", "class_broken" },
	{ "reject_unlisted_sender", NULL },
	{ "reject", NULL },
	{ "defer_if_permit", NULL },
	/* They permit. */
	{ "check_sender_access inline:{ a@b.example=OK }",
	    "check_sender_access fail:x" },
	{ "check_recipient_access inline:{ user@=permit }",
	    "check_recipient_access fail:x" },
	{ "permit_dnswl_client listed.example",
	    "permit_dnswl_client slow.example" },
	{ "permit_rhswl_client listed.example",
	    "permit_rhswl_client slow.example" },
	{ "permit_auth_destination", NULL },
	{ "permit_mx_backup", NULL },
	{ "class_yes", "class_broken" },
	/* They say nothing, or only warn. */
	{ "check_sender_access inline:{ x=REJECT }",
	    "check_sender_access fail:x" },
	{ "check_sender_mx_access inline:{ x=REJECT }",
	    "check_sender_mx_access fail:x" },
	{ "check_recipient_mx_access inline:{ x=REJECT }",
	    "check_recipient_mx_access fail:x" },
	{ "reject_rbl_client unlisted.example",
	    "reject_rbl_client slow.example" },
	{ "reject_unknown_sender_domain", NULL },
	{ "reject_unknown_helo_hostname", NULL },
	{ "reject_unlisted_recipient", NULL },
	{ "reject_unauth_destination", NULL },
	{ "defer_if_reject", NULL },
	{ "warn_if_reject check_sender_access inline:{ a@b.example=REJECT }",
	    "warn_if_reject check_sender_access fail:x" },
	{ "warn_if_reject check_sender_access inline:{ a@b.example=OK }",
	    "warn_if_reject check_sender_access fail:x" },
	{ "warn_if_reject reject_rbl_client listed.example",
	    "warn_if_reject reject_rbl_client slow.example" },
	{ "check_policy_service { unix:says-nothing, timeout=1s, "
	  "retry_delay=1ms }",
	    "check_policy_service { unix:gone, timeout=1s, retry_delay=1ms }" },
};

static const char common[] =
    "smtpd_client_event_limit_exceptions = 0.0.0.0/0\n"
    "smtpd_restriction_classes = class_no class_yes class_broken\n"
    "class_no = check_sender_access inline:{ a@b.example=reject }\n"
    "class_yes = check_sender_access inline:{ a@b.example=permit }\n"
    "class_broken = check_sender_access fail:x\n"
    "unknown_address_reject_code = 550\nunknown_hostname_reject_code = 550\n"
    "unverified_sender_reject_code = 550\n"
    "smtpd_relay_restrictions = permit_auth_destination, reject\n"
    "smtpd_recipient_restrictions =";

/* Always the same numbers. */
static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* The code of RCPT's reply. */
static int
reply_to_rcpt(void)
{
	const char *heard = standin_talk("192.0.2.1", SAYS);
	const char *at = strstr(heard, "250 2.1.0 Ok\n");

	int64_t code;

	ck_assert_msg(at != NULL &&
		view_to_int(view_make(at + strlen("250 2.1.0 Ok\n"), 3), &code),
	    "%s", heard);
	return (int)code;
}

static void
open_list(const size_t items[ITEMS], size_t broken)
{
	struct str conf = STR_EMPTY;

	str_add_text(&conf, common);
	for (size_t i = 0; i < ITEMS; i++)
		str_addf(&conf, " %s,",
		    i == broken ? pool[items[i]].fails : pool[items[i]].works);
	str_add_text(&conf, " permit\n");
	standin_open(conf.ptr);
	str_clear(&conf);
	standin.policy_by_path = true;
}

static void
check(const size_t items[ITEMS], int good, int bad, const char *what, size_t n)
{
	struct str list = STR_EMPTY;

	for (size_t i = 0; i < ITEMS; i++)
		str_addf(&list, "%s, ", pool[items[i]].works);
	ck_assert_msg(!(good >= 400 && bad < 400),
	    "%s%s %zu fails: %d lets through what %d had refused", list.ptr,
	    what, n, bad, good);
	ck_assert_msg(!(good < 500 && bad >= 500),
	    "%s%s %zu fails: %d is for good, %d was not", list.ptr, what, n,
	    bad, good);
	str_clear(&list);
}

START_TEST(no_failure_opens_or_closes_for_good)
{
	uint32_t state = (uint32_t)_i + 1;
	size_t items[ITEMS], n_calls;
	int good;

	standin_no_log();
	for (size_t i = 0; i < ITEMS; i++)
		items[i] = next_random(&state) % ARRAY_LEN(pool);
	open_list(items, ITEMS);
	good = reply_to_rcpt();
	n_calls = standin.n_calls;
	/* Each question to another process, the client's name aside: without
	 * one a client is "unknown", which is a name too. */
	for (size_t n = 2; n <= n_calls && n < CALLS_MAX; n++) {
		standin_forget_answers();
		standin.fail_at = n;
		check(items, good, reply_to_rcpt(), "question", n);
	}
	standin_close();
	for (size_t i = 0; i < ITEMS; i++) {
		if (pool[items[i]].fails == NULL)
			continue;
		open_list(items, i);
		check(items, good, reply_to_rcpt(), "item", i);
		standin_close();
	}
}
END_TEST

UNIT_MAIN("failure", { no_failure_opens_or_closes_for_good, LISTS })
