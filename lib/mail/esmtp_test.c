#include "lib/mail/esmtp.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

enum {
	ALL = ESMTP_SIZE | ESMTP_8BITMIME | ESMTP_SMTPUTF8 | ESMTP_DSN |
	    ESMTP_AUTH | ESMTP_REQUIRETLS,
};

static const struct {
	const char *text;
	unsigned offers;
	const char *error; /* "" if it is fine */
} mails[] = {
	{ "", 0, "" },
	{ "  ", 0, "" },
	{ "SIZE=1000", ALL, "" },
	{ "size=0 body=8bitmime", ALL, "" },
	{ "SIZE=99999999999999999999", ALL, "" },
	{ "SIZE=999999999999999999999", ALL,
	    "501 5.5.4 Bad message size syntax" },
	{ "SIZE=-1", ALL, "501 5.5.4 Bad message size syntax" },
	{ "SIZE=", ALL, "501 5.5.4 Bad message size syntax" },
	{ "SIZE", ALL, "501 5.5.4 Bad message size syntax" },
	{ "SIZE=1 SIZE=1", ALL, "501 5.5.4 Duplicate SIZE parameter" },
	{ "SIZE=1", ESMTP_DSN, "555 5.5.4 Unsupported option: SIZE=1" },
	{ "BODY=BINARYMIME", ALL, "501 5.5.4 Bad BODY parameter value" },
	{ "BODY=BINARYMIME", ALL | ESMTP_BINARYMIME, "" },
	{ "BODY=9BIT", ALL, "501 5.5.4 Bad BODY parameter value" },
	{ "SMTPUTF8 REQUIRETLS", ALL, "" },
	{ "SMTPUTF8=1", ALL, "501 5.5.4 SMTPUTF8 takes no value" },
	{ "REQUIRETLS=", ALL, "501 5.5.4 REQUIRETLS takes no value" },
	{ "RET=HDRS ENVID=a+2Bb", ALL, "" },
	{ "RET=NONE", ALL, "501 5.5.4 Bad RET parameter syntax" },
	{ "ENVID=a+0Ab", ALL, "501 5.5.4 Bad ENVID parameter syntax" },
	{ "ENVID=a+00", ALL, "501 5.5.4 Bad ENVID parameter syntax" },
	{ "AUTH=<>", ALL, "" },
	{ "AUTH=a+40b", ALL, "" },
	{ "AUTH=", ALL, "501 5.5.4 Bad AUTH parameter syntax" },
	{ "FOO", ALL, "555 5.5.4 Unsupported option: FOO" },
	{ "F\x1b[2J\x80O=1", ALL, "555 5.5.4 Unsupported option: F?[2J?O=1" },
	{ "=x", ALL, "555 5.5.4 Unsupported option: =x" },
	{ "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX=1", ALL,
	    "555 5.5.4 Unsupported option: "
	    "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX=1" },
#define X10 "XXXXXXXXXX"
	{ X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 "X=1", ALL,
	    "555 5.5.4 Unsupported option: "
	    X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 },
	{ "NOTIFY=NEVER", ALL, "555 5.5.4 Unsupported option: NOTIFY=NEVER" },
};

START_TEST(esmtp_parse_mail_answers_each_mistake)
{
	struct esmtp_mail mail;
	struct err e =
	    esmtp_parse_mail(view_of(mails[_i].text), mails[_i].offers, &mail);

	ck_assert_str_eq(e.text, mails[_i].error);
	ck_assert_int_eq(err_is(e), mails[_i].error[0] != '\0');
}
END_TEST

START_TEST(esmtp_parse_mail_fills_the_struct)
{
	struct view text = VIEW("SIZE=12 BODY=7BIT RET=FULL ENVID=e+20x "
				"AUTH=u+3D SMTPUTF8 REQUIRETLS");
	struct esmtp_mail m;

	ck_assert(!err_is(esmtp_parse_mail(VIEW(""), 0, &m)));
	ck_assert_int_eq(m.size, -1);
	ck_assert(!m.has_auth && !m.is_smtputf8 && m.envid.len == 0);
	ck_assert(!err_is(esmtp_parse_mail(text, ALL, &m)));
	ck_assert_int_eq(m.size, 12);
	ck_assert_int_eq(m.body, ESMTP_BODY_7BIT);
	ck_assert_int_eq(m.ret, ESMTP_RET_FULL);
	ck_assert(m.is_smtputf8 && m.is_requiretls && m.has_auth);
	ck_assert(view_eq(m.envid, VIEW("e+20x")));
	ck_assert(view_eq(m.auth, VIEW("u+3D")));
	ck_assert(esmtp_has_smtputf8(text));
	ck_assert(!esmtp_has_smtputf8(VIEW("XSMTPUTF8 SMTPUTF8=")));
	ck_assert(!err_is(
	    esmtp_parse_mail(VIEW("SIZE=18446744073709551616"), ALL, &m)));
	ck_assert_int_eq(m.size, INT64_MAX);
}
END_TEST

static const struct {
	const char *text;
	bool is_smtputf8;
	const char *error;
	unsigned notify;
	const char *decoded;
} rcpts[] = {
	{ "NOTIFY=NEVER", 0, "", ESMTP_NOTIFY_NEVER, "" },
	{ "notify=success,Delay", 0, "",
	    ESMTP_NOTIFY_SUCCESS | ESMTP_NOTIFY_DELAY, "" },
	{ "NOTIFY=NEVER,DELAY", 0, "501 5.5.4 Bad NOTIFY parameter syntax", 0,
	    "" },
	{ "NOTIFY=DELAY,DELAY", 0, "501 5.5.4 Bad NOTIFY parameter syntax", 0,
	    "" },
	{ "NOTIFY=DELAY,", 0, "501 5.5.4 Bad NOTIFY parameter syntax", 0, "" },
	{ "NOTIFY=", 0, "501 5.5.4 Bad NOTIFY parameter syntax", 0, "" },
	{ "ORCPT=rfc822;a+2Bb@c", 0, "", 0, "a+b@c" },
	{ "ORCPT=a+2Bb@c", 0, "501 5.5.4 Bad ORCPT parameter syntax", 0, "" },
	{ "ORCPT=rfc822;", 0, "501 5.5.4 Bad ORCPT parameter syntax", 0, "" },
	{ "ORCPT=;a@b", 0, "501 5.5.4 Bad ORCPT parameter syntax", 0, "" },
	{ "ORCPT=rfc822;a+0D+0AX", 0, "501 5.5.4 Bad ORCPT parameter syntax", 0,
	    "" },
	{ "ORCPT=rf\xc3\xa4;a", 1, "501 5.5.4 Bad ORCPT parameter syntax", 0,
	    "" },
	{ "ORCPT=utf-8;\xc3\xa4@c", 0, "501 5.5.4 Bad ORCPT parameter syntax",
	    0, "" },
	{ "ORCPT=utf-8;\xc3\xa4@c", 1, "", 0, "\xc3\xa4@c" },
	{ "ORCPT=utf-8;\\x{E4}\\x{1F4E8}\\x{20AC}@c", 0, "", 0,
	    "\xc3\xa4\xf0\x9f\x93\xa8\xe2\x82\xac@c" },
	{ "SIZE=1", 0, "555 5.5.4 Unsupported option: SIZE=1", 0, "" },
};

START_TEST(esmtp_parse_rcpt_judges_notify_and_orcpt)
{
	struct str s = STR_EMPTY;
	struct esmtp_rcpt r;
	struct err e = esmtp_parse_rcpt(
	    view_of(rcpts[_i].text), ALL, rcpts[_i].is_smtputf8, &r);

	ck_assert_str_eq(e.text, rcpts[_i].error);
	ck_assert_uint_eq(r.notify, rcpts[_i].notify);
	if (r.orcpt.len > 0)
		ck_assert(esmtp_decode_orcpt(&s, r.orcpt));
	ck_assert_str_eq(s.ptr, rcpts[_i].decoded);
	str_clear(&s);
}
END_TEST

START_TEST(esmtp_notify_and_orcpt_round_trip)
{
	static const char *const addresses[] = { "a@b", "\"a b+c=\"@d",
		"\xc3\xa4+\xf0\x9f\x93\xa8@\xe2\x82\xac.org", "x\\y" };
	struct str s = STR_EMPTY;
	struct str back = STR_EMPTY;

	for (unsigned mask = 1; mask < 16; mask++) {
		str_reset(&s);
		esmtp_add_notify(&s, mask);
		if (mask == 1 || !(mask & 1))
			ck_assert_uint_eq(
			    esmtp_parse_notify(str_view(&s)), mask);
	}
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		str_reset(&s);
		str_reset(&back);
		esmtp_add_orcpt(&s, view_of(addresses[i]));
		ck_assert(esmtp_orcpt_is_valid(str_view(&s), false));
		ck_assert(esmtp_decode_orcpt(&back, str_view(&s)));
		ck_assert_str_eq(back.ptr, addresses[i]);
	}
	/* No address has it, and if one did: no control goes out. */
	str_reset(&s);
	esmtp_add_orcpt(&s, VIEW("\xc3\xa4\x7f"));
	ck_assert_str_eq(s.ptr, "utf-8;\\x{E4}\\x{7F}");
	str_reset(&back);
	ck_assert(!esmtp_decode_orcpt(&back, VIEW("utf-8;\\x{0A}")));
	ck_assert(!esmtp_decode_orcpt(&back, VIEW("utf-8;\\x{D800}")));
	ck_assert(!esmtp_decode_orcpt(&back, VIEW("utf-8;\\x{110000}")));
	ck_assert(!esmtp_decode_orcpt(&back, VIEW("utf-8;\\x{41")));
	str_clear(&s);
	str_clear(&back);
}
END_TEST

UNIT_MAIN("esmtp", { esmtp_parse_mail_answers_each_mistake, ARRAY_LEN(mails) },
    { esmtp_parse_mail_fills_the_struct, 1 },
    { esmtp_parse_rcpt_judges_notify_and_orcpt, ARRAY_LEN(rcpts) },
    { esmtp_notify_and_orcpt_round_trip, 1 })
