/* What a submission may say of itself, and what not. */
#include "cleanup/check.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"
#include "lib/mail/addr.h"
#include "lib/mail/esmtp.h"

static struct ipc_submit
good(const char *origin)
{
	return (struct ipc_submit){ .queue_id = VIEW("4F2A000000001"),
		.origin = view_of(origin),
		.context = VIEW("remote"),
		.sender = VIEW("a@example.org"),
		.full_name = VIEW("A Name"),
		.envid = VIEW("QQ123"),
		.client_name = VIEW("host.example"),
		.client_addr = VIEW("192.0.2.1"),
		.protocol = VIEW("ESMTP"),
		.helo = VIEW("host.example"),
		.sasl_method = VIEW_EMPTY,
		.sasl_username = VIEW_EMPTY,
		.arrival_us = 1 };
}

static const struct {
	size_t at; /* of a view in it */
	struct view value;
} bad[] = {
#define AT(field) offsetof(struct ipc_submit, field)
	{ AT(queue_id), VIEW("") },
	{ AT(queue_id), VIEW("../../etc/passwd") },
	{ AT(queue_id), VIEW("4F2A/0000001") },
	{ AT(queue_id), VIEW("4F2A000000001\n") },
	{ AT(origin), VIEW("qmgr") },
	{ AT(origin), VIEW("") },
	{ AT(context), VIEW("root") },
	{ AT(full_name), VIEW("A\r\nBcc: all@example.org") },
	{ AT(envid), VIEW("x\nFinal-Recipient: rfc822; a@b") },
	{ AT(client_name), VIEW("a\0b") },
	{ AT(client_addr), VIEW("192.0.2.1\r\nDATA") },
	{ AT(protocol), VIEW("ESMTP\n") },
	{ AT(helo), VIEW("x\x1b[2J") },
	{ AT(helo), VIEW("x\x7f") },
	{ AT(sasl_method), VIEW("\t") },
	{ AT(sasl_username), VIEW("a\nb") },
};

START_TEST(attack_90_what_breaks_lines_or_paths_is_refused)
{
	struct ipc_submit s = good("smtpd");

	memcpy((char *)&s + bad[_i].at, &bad[_i].value, sizeof(struct view));
	ck_assert(err_is(check_submit(&s, false)));
}
END_TEST

START_TEST(attack_90_numbers_out_of_bounds_are_refused)
{
	struct ipc_submit s = good("pickup");

	s.arrival_us = 0;
	ck_assert(err_is(check_submit(&s, false)));
	s = good("pickup");
	s.ret = ESMTP_RET_HDRS + 1;
	ck_assert(err_is(check_submit(&s, false)));
	s.ret = -1;
	ck_assert(err_is(check_submit(&s, false)));
	s = good("pickup");
	s.arrival_us = INT64_MAX;
	ck_assert(!err_is(check_submit(&s, false)));
	ck_assert_int_le(s.arrival_us, clock_wall_us());
}
END_TEST

START_TEST(attack_90_smtpd_is_not_taken_for_another)
{
	static const char *const others[] = { "pickup", "bounce", "local" };

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct ipc_submit s = good(others[i]);

		ck_assert(!err_is(check_submit(&s, false)));
		ck_assert(err_is(check_submit(&s, true)));
	}
}
END_TEST

START_TEST(attack_90_flags_of_local_submission_are_not_smtpds)
{
	struct ipc_submit s = good("smtpd");

	s.flags = INT64_MAX;
	ck_assert(!err_is(check_submit(&s, true)));
	ck_assert_int_eq(
	    s.flags & (SUBMIT_PROBE | SUBMIT_REQUEUED | SUBMIT_DSN_TRACE), 0);
	ck_assert_int_ne(s.flags & SUBMIT_SMTPUTF8, 0);
	ck_assert_int_eq(check_flags(&s, SUBMIT_PROBE | SUBMIT_NUL),
	    SUBMIT_NUL);
	s = good("pickup");
	s.flags = INT64_MAX;
	ck_assert(!err_is(check_submit(&s, false)));
	ck_assert_int_ne(s.flags & SUBMIT_PROBE, 0);
	/* What a user's own probe finds teaches nobody. */
	ck_assert_int_eq(check_flags(&s, SUBMIT_VERIFY), 0);
	s = good("state");
	ck_assert_int_eq(
	    check_flags(&s, SUBMIT_VERIFY | SUBMIT_PROBE | SUBMIT_REQUEUED),
	    SUBMIT_VERIFY | SUBMIT_PROBE);
	ck_assert_int_eq(s.flags >> 13, 0);
}
END_TEST

START_TEST(recipients_are_one_line_each)
{
	struct ipc_rcpt r = { .address = VIEW("a@b"),
		.original = VIEW("a@b"),
		.orcpt = VIEW("rfc822;a@b"),
		.notify = -1 };

	ck_assert(!err_is(check_rcpt(&r)));
	ck_assert_int_eq(r.notify,
	    ESMTP_NOTIFY_NEVER | ESMTP_NOTIFY_SUCCESS | ESMTP_NOTIFY_FAILURE |
		ESMTP_NOTIFY_DELAY);
	r.original = VIEW("a@b\n");
	ck_assert(err_is(check_rcpt(&r)));
	r.original = VIEW("a@b");
	r.orcpt = VIEW("rfc822;a@b\0x");
	ck_assert(err_is(check_rcpt(&r)));
}
END_TEST

UNIT_MAIN("check",
    { attack_90_what_breaks_lines_or_paths_is_refused, ARRAY_LEN(bad) },
    { attack_90_numbers_out_of_bounds_are_refused, 1 },
    { attack_90_smtpd_is_not_taken_for_another, 1 },
    { attack_90_flags_of_local_submission_are_not_smtpds, 1 },
    { recipients_are_one_line_each, 1 })
