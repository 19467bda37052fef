#include "lib/mail/received.h"

#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <time.h>

#define DATE "Sat, 21 Nov 2026 20:58:26 +0000 (UTC)\r\n"

static struct received
sample(void)
{
	setenv("TZ", "UTC0", 1);
	tzset();
	return (struct received){
		.helo = VIEW("mail.example.org"),
		.client_name = VIEW("unknown"),
		.client_addr = VIEW("192.0.2.1"),
		.myhostname = VIEW("mx.example.test"),
		.mail_name = VIEW("Postfix"),
		.protocol = VIEW("ESMTP"),
		.queue_id = VIEW("4FCE7A944A5"),
		.wall = 1795294706,
	};
}

START_TEST(received_has_postfix_form)
{
	struct str out = STR_EMPTY;
	struct received r = sample();

	received_add_smtp(&out, &r);
	ck_assert_str_eq(out.ptr,
	    "Received: from mail.example.org (unknown [192.0.2.1])\r\n"
	    "\tby mx.example.test (Postfix) with ESMTP id 4FCE7A944A5;\r\n"
	    "\t" DATE);
	str_reset(&out);
	r.recipient = VIEW("a b@example.test");
	r.client_addr = VIEW("2001:db8::1");
	r.sasl_user = VIEW("joe@example.org");
	r.tls = VIEW("TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
		     "(256/256 bits)");
	r.tls_details = VIEW("key-exchange X25519 server-signature RSA-PSS "
			     "(2048 bits) server-digest SHA256");
	received_add_smtp(&out, &r);
	ck_assert_str_eq(out.ptr,
	    "Received: from mail.example.org (unknown [IPv6:2001:db8::1])\r\n"
	    "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
	    "(256/256 bits)\r\n"
	    "\t key-exchange X25519 server-signature RSA-PSS (2048 bits) "
	    "server-digest SHA256)\r\n"
	    "\t(No client certificate requested)\r\n"
	    "\t(Authenticated sender: joe@example.org)\r\n"
	    "\tby mx.example.test (Postfix) with ESMTP id 4FCE7A944A5\r\n"
	    "\tfor <\"a b\"@example.test>; " DATE);
	str_reset(&out);
	r = sample();
	received_add_local(&out, &r, 1000);
	received_add_local(&out, &r, -1);
	ck_assert_str_eq(out.ptr,
	    "Received: by mx.example.test (Postfix, from userid 1000)\r\n"
	    "\tid 4FCE7A944A5; " DATE
	    "Received: by mx.example.test (Postfix)\r\n"
	    "\tid 4FCE7A944A5; " DATE);
	str_clear(&out);
}
END_TEST

static const struct {
	const char *value, *name, *comment;
} cleanings[] = {
	{ "a.b", "a.b", "a.b" },
	{ "[1.2.3.4]", "[1.2.3.4]", "[1.2.3.4]" },
	{ "a) (b", "a???b", "a? ?b" },
	{ "a (b) c", "a??b??c", "a (b) c" },
	{ "x\r\nBcc: y", "x??Bcc:?y", "x??Bcc: y" },
	{ "a\\", "a?", "a?" },
	{ "<\"a;b\"@c>", "??a?b??c?", "<\"a;b\"@c>" },
	{ "\xc3\xa4", "\xc3\xa4", "\xc3\xa4" },
	{ "\xe4\x1b", "??", "??" },
	{ "a\xc2\x85z", "a?z", "a?z" },
	{ "${x}%s", "${x}%s", "${x}%s" },
};

START_TEST(received_values_cannot_leave_their_place)
{
	struct str out = STR_EMPTY;

	received_clean_name(&out, view_of(cleanings[_i].value));
	ck_assert_str_eq(out.ptr, cleanings[_i].name);
	str_reset(&out);
	received_clean_comment(&out, view_of(cleanings[_i].value));
	ck_assert_str_eq(out.ptr, cleanings[_i].comment);
	str_clear(&out);
}
END_TEST

START_TEST(received_is_one_header_whatever_the_values)
{
	struct view evil = VIEW("x\r\n\r\n.\r\n)(\\\"<>;y\n");
	struct str out = STR_EMPTY;
	struct received r = sample();
	size_t lines = 0;

	r.helo = r.client_name = r.client_addr = r.tls = r.tls_details =
	    r.cert_subject = r.cert_issuer = r.sasl_user = r.myhostname =
		r.mail_name = r.protocol = r.queue_id = r.recipient = evil;
	r.cert = RECEIVED_CERT_VERIFIED;
	received_add_smtp(&out, &r);
	for (size_t i = 0; i < out.len; i++) {
		if (out.ptr[i] != '\n')
			continue;
		ck_assert_int_eq(out.ptr[i - 1], '\r');
		ck_assert(i + 1 == out.len || out.ptr[i + 1] == '\t');
		lines++;
	}
	ck_assert_uint_eq(lines, 7);
	str_clear(&out);
}
END_TEST

START_TEST(received_protocol_names)
{
	ck_assert_str_eq(received_protocol(false, true, true, false), "SMTP");
	ck_assert_str_eq(received_protocol(true, false, false, false), "ESMTP");
	ck_assert_str_eq(received_protocol(true, true, false, false), "ESMTPS");
	ck_assert_str_eq(received_protocol(true, false, true, false), "ESMTPA");
	ck_assert_str_eq(
	    received_protocol(true, true, true, true), "UTF8SMTPSA");
}
END_TEST

UNIT_MAIN("received", { received_has_postfix_form, 1 },
    { received_values_cannot_leave_their_place, ARRAY_LEN(cleanings) },
    { received_is_one_header_whatever_the_values, 1 },
    { received_protocol_names, 1 })
