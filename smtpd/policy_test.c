/* Policy servers: what they are asked, and what becomes of their answers. */
#include "smtpd/policy.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "smtpd/standin.h"

#define L STANDIN_LATER
#define EHLO "EHLO me.example\r\n" L
#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define RCPT "RCPT TO:<user@local.test>\r\n"

/* --- answers as text --- */

static const struct {
	const char *text, *action; /* NULL: not the protocol */
} replies[] = {
	{ "action=DUNNO\n\n", "DUNNO" },
	{ "action=550 5.7.1 no\r\n\r\n", "550 5.7.1 no" },
	{ " action = OK \n\n", "OK" },
	{ "later=thing\naction=OK\nmore=\n\n", "OK" },
	{ "action=a=b\n\n", "a=b" },
	{ "\n", NULL },
	{ "x=y\n\n", NULL },
	{ "action=\n\n", NULL },
	{ "action=OK\naction=REJECT\n\n", NULL },
	{ "action=OK\naction=OK\n\n", NULL },
	{ "ACTION=OK\n\n", NULL },
	{ "250 Ok\n\n", NULL },
	{ "=OK\n\n", NULL },
	{ "action=O\001K\n\n", NULL },
	{ "action=OK\177\n\n", NULL },
	{ "action=OK", NULL },
	{ "action=OK\n", NULL },
	{ "", NULL },
};

START_TEST(an_answer_is_one_action)
{
	struct view rest = view_of(replies[_i].text), line;
	struct policy_reply r;
	struct err e = ERR_OK;

	policy_reply_init(&r);
	while (!err_is(e) && !r.is_done && view_find(rest, '\n') != VIEW_NPOS &&
	    view_field(&rest, '\n', &line))
		e = policy_reply_feed(&r, line);
	ck_assert_int_eq(
	    r.is_done && !err_is(e), replies[_i].action != NULL);
	if (replies[_i].action != NULL)
		ck_assert_str_eq(r.action.ptr, replies[_i].action);
	policy_reply_clear(&r);
}
END_TEST

START_TEST(an_answer_has_so_many_lines)
{
	struct policy_reply r;

	policy_reply_init(&r);
	for (int i = 0; i < POLICY_LINES_MAX; i++)
		ck_assert(!err_is(policy_reply_feed(&r, VIEW("x=y"))));
	ck_assert(err_is(policy_reply_feed(&r, VIEW("x=y"))));
	policy_reply_clear(&r);
}
END_TEST

/* --- sessions --- */

#define POLICY(more)                                              \
	"smtpd_recipient_restrictions = check_policy_service { "  \
	"unix:private/policy, timeout=20ms, retry_delay=1ms" more \
	" }, permit\n"
#define CONFIG_ERROR                                                 \
	"451 4.3.5 <user@local.test>: Recipient address rejected: " \
	"Server configuration problem"

static const struct {
	const char *conf, *says; /* says NULL: nobody is there */
	bool hangs_up;
	const char *hears;
} rows[] = {
	{ POLICY(""), "action=DUNNO\n\n", false, "250 2.1.5 Ok" },
	{ POLICY(""), "action=OK\n\n", false, "250 2.1.5 Ok" },
	{ POLICY(""), "action=OK\n\n", true, "250 2.1.5 Ok" },
	{ POLICY(""), "action=REJECT\n\n", false,
	    "554 5.7.1 <user@local.test>: Recipient address rejected: Access "
	    "denied" },
	{ POLICY(""), "action=450 4.7.1 greylisted\n\n", false,
	    "450 4.7.1 <user@local.test>: Recipient address rejected: "
	    "greylisted" },
	{ POLICY(""), "action=DEFER_IF_PERMIT 4.2.0 wait\n\n", false,
	    "450 4.2.0 <user@local.test>: Recipient address rejected: wait" },
	{ POLICY(""), "action=reject_unauth_destination\n\n", false,
	    "250 2.1.5 Ok" },
	{ POLICY(""), "action=no_such_thing\n\n", false,
	    "451 4.3.5 Server configuration error" },
	{ POLICY(""), "action=check_client_access hash:/etc/x\n\n", false,
	    "451 4.3.5 Server configuration error" },
	{ POLICY(""), "action=PREPEND X: y\n\n", false, "250 2.1.5 Ok" },
	/* Nobody, nothing, not enough, too much, lies. */
	{ POLICY(""), NULL, false, CONFIG_ERROR },
	{ POLICY(""), "", false, CONFIG_ERROR },
	{ POLICY(""), "", true, CONFIG_ERROR },
	{ POLICY(""), "action=OK", true, CONFIG_ERROR },
	{ POLICY(""), "action=OK\n", false, CONFIG_ERROR },
	{ POLICY(""), "action=OK\naction=OK\n\n", false, CONFIG_ERROR },
	{ POLICY(""), "\n\n", false, CONFIG_ERROR },
	{ POLICY(""), "250 Ok\r\n", false, CONFIG_ERROR },
	/* What happens then is chosen for all, or for one. */
	{ "smtpd_policy_service_default_action = DUNNO\n" POLICY(""), NULL,
	    false, "250 2.1.5 Ok" },
	{ POLICY(", default_action=DUNNO"), NULL, false, "250 2.1.5 Ok" },
	{ POLICY(", { default_action = 450 4.7.1 come again }"), NULL, false,
	    "450 4.7.1 <user@local.test>: Recipient address rejected: come "
	    "again" },
	/* Settings that are none. */
	{ POLICY(", timeouts=10"), "action=OK\n\n", false,
	    "451 4.3.5 Server configuration error" },
	{ POLICY(", timeout=soon"), "action=OK\n\n", false,
	    "451 4.3.5 Server configuration error" },
	{ "smtpd_recipient_restrictions = check_policy_service /some/where\n",
	    "action=OK\n\n", false, "451 4.3.5 Server configuration error" },
	{ "smtpd_recipient_restrictions = check_policy_service\n",
	    "action=OK\n\n", false, "451 4.3.5 Server configuration error" },
	/* With a warning before it, what failed is no reason for a 5xx. */
	{ "smtpd_recipient_restrictions = warn_if_reject check_policy_service "
	  "{ unix:x, timeout=20ms, retry_delay=1ms }, reject\n",
	    NULL, false, "451 4.3.5 Server configuration error" },
};

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

START_TEST(a_server_decides_or_its_default_does)
{
	const char *heard;

	standin_open(rows[_i].conf);
	standin.policy_says = rows[_i].says;
	standin.policy_hangs_up = rows[_i].hangs_up;
	heard = standin_talk("192.0.2.1", EHLO MAIL RCPT);
	ck_assert_msg(view_eq(last_line(heard), view_of(rows[_i].hears)),
	    "%s\nand not: %s\n%s", heard, rows[_i].hears, standin_log());
	standin_close();
}
END_TEST

/* Every attribute is there, in this order. */
START_TEST(a_server_is_told_all)
{
	static const char *const wanted[] = { "request=smtpd_access_policy\n",
		"protocol_state=RCPT\n", "protocol_name=ESMTP\n",
		"client_address=192.0.2.1\n", "client_name=client.example\n",
		"client_port=2525\n", "reverse_client_name=client.example\n",
		"server_address=\n", "server_port=\n",
		"helo_name=me.example\n", "sender=a@b.example\n",
		"recipient=user@local.test\n", "recipient_count=0\n",
		"queue_id=\n", "instance=", "size=77\n", "etrn_domain=\n",
		"stress=\n", "sasl_method=\n", "sasl_username=\n",
		"sasl_sender=\n", "ccert_subject=\n", "ccert_issuer=\n",
		"ccert_fingerprint=\n", "ccert_pubkey_fingerprint=\n",
		"encryption_protocol=\n", "encryption_cipher=\n",
		"encryption_keysize=0\n", "policy_context=mine\n",
		"compatibility_level=3.6\n", "mail_version=" };
	const char *at;

	standin_open(POLICY(", policy_context=mine"));
	standin.policy_says = "action=DUNNO\n\n";
	standin_talk(
	    "192.0.2.1", EHLO "MAIL FROM:<a@b.example> SIZE=77\r\n" RCPT);
	at = standin.policy_heard.ptr;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		ck_assert_msg(
		    strncmp(at, wanted[i], strlen(wanted[i])) == 0,
		    "%s and not %s", at, wanted[i]);
		at = strchr(at, '\n') + 1;
	}
	ck_assert_str_eq(at, "\n");
	standin_close();
}
END_TEST

/* The value of an attribute in the last question. */
static const char *
asked(const char *name)
{
	static char value[256];
	const char *at = standin.policy_heard.ptr, *found = NULL;
	size_t len = strlen(name);

	for (; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1)
		if (strncmp(at, name, len) == 0 && at[len] == '=')
			found = at + len + 1;
	ck_assert_ptr_nonnull(found);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(found, "\n"), found);
	return value;
}

START_TEST(at_the_end_it_hears_what_there_is)
{
	standin_open("smtpd_end_of_data_restrictions = check_policy_service "
		     "{ unix:x, timeout=1s }\n");
	standin.policy_says = "action=DUNNO\n\n";
	standin_talk("192.0.2.1",
	    EHLO MAIL RCPT "RCPT TO:<other@local.test>\r\nDATA\r\n" L
			   "0123456789\r\n.\r\n");
	ck_assert_str_eq(asked("protocol_state"), "END-OF-MESSAGE");
	ck_assert_str_eq(asked("recipient"), "");
	ck_assert_str_eq(asked("recipient_count"), "2");
	ck_assert_str_eq(asked("size"), "12");
	ck_assert_str_ne(asked("queue_id"), "");
	standin_close();
}
END_TEST

START_TEST(what_clients_send_ends_no_line)
{
	standin_open(POLICY("") "smtputf8_enable = no\n");
	standin.policy_says = "action=DUNNO\n\n";
	standin_talk("192.0.2.1",
	    "EHLO a\x0b"
	    "b=c\r\n" L MAIL RCPT);
	ck_assert_str_eq(asked("helo_name"), "a?b=c");
	standin_close();
}
END_TEST

/* The same message has one name, another message another. */
START_TEST(an_instance_is_one_message)
{
	char first[256];

	standin_open(POLICY(""));
	standin.policy_says = "action=DUNNO\n\n";
	standin_talk("192.0.2.1", EHLO MAIL RCPT);
	snprintf(first, sizeof(first), "%s", asked("instance"));
	standin_talk("192.0.2.1", EHLO MAIL RCPT RCPT);
	ck_assert_str_ne(asked("instance"), first);
	snprintf(first, sizeof(first), "%s", asked("instance"));
	standin_talk("192.0.2.1", EHLO MAIL "RSET\r\n" MAIL RCPT);
	ck_assert_str_ne(asked("instance"), first);
	standin_close();
}
END_TEST

START_TEST(it_is_tried_so_often)
{
	standin_open(POLICY(", try_limit=3"));
	standin.policy_says = "nonsense\n\n";
	standin_talk("192.0.2.1", EHLO MAIL RCPT);
	ck_assert_uint_eq(standin.n_policy, 3);
	standin_close();
}
END_TEST

UNIT_MAIN("policy", { an_answer_is_one_action, ARRAY_LEN(replies) },
    { an_answer_has_so_many_lines, 1 },
    { a_server_decides_or_its_default_does, ARRAY_LEN(rows) },
    { a_server_is_told_all, 1 },
    { at_the_end_it_hears_what_there_is, 1 },
    { what_clients_send_ends_no_line, 1 },
    { an_instance_is_one_message, 1 }, { it_is_tried_so_often, 1 })
