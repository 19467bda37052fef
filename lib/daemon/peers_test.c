/* Who may talk to whom, with made-up accounts. */
#include "lib/daemon/peers.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

enum { UID_BASE = 5000 };

/* In place of lib/run/sandbox.c: no account has to exist. */
struct err
sandbox_find_identity(const struct sandbox_site *site,
    enum sandbox_identity who, uid_t *uid, gid_t *gid)
{
	(void)site;
	*uid = who == IDENTITY_ROOT ? 0 : UID_BASE + who;
	*gid = *uid;
	return ERR_OK;
}

static const struct {
	const char *program;
	uid_t from;
	const struct ipc_type *(*message)(void);
	bool may_connect, may_send;
} cases[] = {
	/* What each is there for. */
	{ "cleanup", UID_BASE + IDENTITY_SMTPD, ipc_submit_type, true, true },
	{ "cleanup", UID_BASE + IDENTITY_QUEUE, ipc_content_type, true, true },
	{ "cleanup", 0, ipc_submit_type, true, true },
	{ "qmgr", UID_BASE + IDENTITY_QUEUE, ipc_queued_type, true, true },
	{ "qmgr", 0, ipc_queue_act_type, true, true },
	{ "qmgr", UID_BASE + IDENTITY_SMTP, ipc_late_delivered_type, true,
	    true },
	{ "qmgr", UID_BASE + IDENTITY_QUEUE, ipc_late_delivered_type, true,
	    true },
	{ "smtp", UID_BASE + IDENTITY_QUEUE, ipc_deliver_type, true, true },
	{ "local", UID_BASE + IDENTITY_QUEUE, ipc_deliver_type, true, true },
	{ "bounce", UID_BASE + IDENTITY_QUEUE, ipc_report_type, true, true },
	{ "resolve", UID_BASE + IDENTITY_SMTP, ipc_dns_ask_type, true, true },
	{ "lookup", UID_BASE + IDENTITY_REWRITE, ipc_table_ask_type, true,
	    true },
	{ "lookup", UID_BASE + IDENTITY_QUEUE, ipc_share_ask_type, true, true },
	/* A process that was taken over asks for what is not its own. */
	{ "lookup", UID_BASE + IDENTITY_SMTPD, ipc_share_ask_type, true,
	    false },
	{ "lookup", UID_BASE + IDENTITY_SMTP, ipc_share_ask_type, true, false },
	{ "qmgr", UID_BASE + IDENTITY_SMTPD, ipc_queued_type, true, false },
	{ "qmgr", UID_BASE + IDENTITY_SMTP, ipc_queued_type, true, false },
	{ "qmgr", UID_BASE + IDENTITY_SMTPD, ipc_late_delivered_type, true,
	    false },
	{ "qmgr", UID_BASE + IDENTITY_SMTPD, ipc_queue_act_type, true, false },
	{ "qmgr", UID_BASE + IDENTITY_QUEUE, ipc_queue_act_type, true, false },
	{ "cleanup", UID_BASE + IDENTITY_SMTP, ipc_submit_type, false, false },
	{ "cleanup", UID_BASE + IDENTITY_RESOLVE, ipc_submit_type, false,
	    false },
	{ "smtp", UID_BASE + IDENTITY_SMTPD, ipc_deliver_type, false, false },
	{ "local", UID_BASE + IDENTITY_SMTPD, ipc_deliver_type, false, false },
	{ "local", UID_BASE + IDENTITY_SMTP, ipc_deliver_type, false, false },
	{ "bounce", UID_BASE + IDENTITY_SMTPD, ipc_report_type, false, false },
	{ "lookup", UID_BASE + IDENTITY_RESOLVE, ipc_table_ask_type, false,
	    false },
	{ "dial", UID_BASE + IDENTITY_REWRITE, ipc_dial_type, false, false },
	{ "anvil", UID_BASE + IDENTITY_SMTP, ipc_anvil_type, false, false },
	/* Any user of the machine. */
	{ "cleanup", 1000, ipc_submit_type, false, false },
	{ "local", 1000, ipc_deliver_type, false, false },
	{ "qmgr", 1000, ipc_queue_act_type, true, false },
	{ "qmgr", 1000, ipc_queued_type, true, false },
	/* A program that nobody asks. */
	{ "pickup", UID_BASE + IDENTITY_QUEUE, ipc_submit_type, false, false },
};

START_TEST(the_table_says_who_may_send_what)
{
	const struct sandbox_site site = { .mail_owner = "barid" };

	ck_assert(!err_is(peers_resolve(&site, cases[_i].program)));
	ck_assert_int_eq(
	    peers_may_connect(NULL, cases[_i].from), cases[_i].may_connect);
	ck_assert_int_eq(
	    peers_may_send(NULL, cases[_i].from, cases[_i].message()),
	    cases[_i].may_send);
}
END_TEST

START_TEST(in_an_ordinary_users_instance_all_are_one)
{
	const struct sandbox_site site = { .unprivileged = true };

	ck_assert(!err_is(peers_resolve(&site, "cleanup")));
	ck_assert(peers_may_connect(NULL, 1234));
	ck_assert(peers_may_send(NULL, 1234, ipc_submit_type()));
}
END_TEST

UNIT_MAIN("peers", { the_table_says_who_may_send_what, ARRAY_LEN(cases) },
    { in_an_ordinary_users_instance_all_are_one, 1 })
