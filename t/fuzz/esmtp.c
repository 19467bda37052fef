/* MAIL and RCPT parameters: the reply can be sent as it is, what was accepted
 * decodes to text without controls, and what is written for the next server
 * reads as the same. */
#include "lib/mail/esmtp.h"

#include "lib/base/mem.h"
#include "lib/mail/xtext.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_reply(struct err e)
{
	assert(strlen(e.text) > 10 && e.text[3] == ' ');
	for (const char *p = e.text; *p != '\0'; p++)
		assert(*p >= 32 && *p < 127);
}

static void
check_clean(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		assert((unsigned char)v.ptr[i] >= 32 && v.ptr[i] != 127);
}

static void
read_mail(struct view text, unsigned offers)
{
	struct str out = STR_EMPTY;
	struct esmtp_mail mail;
	struct err e = esmtp_parse_mail(text, offers, &mail);

	if (err_is(e)) {
		check_reply(e);
		return;
	}
	assert(mail.size >= -1);
	assert(!mail.is_smtputf8 || esmtp_has_smtputf8(text));
	assert(mail.envid.len <= ESMTP_ENVID_MAX);
	assert(xtext_decode(&out, mail.envid, 0));
	check_clean(str_view(&out));
	assert(offers != 0 || view_trim(text).len == 0);
	str_clear(&out);
}

static void
read_rcpt(struct view text, unsigned offers, bool utf8)
{
	struct str out = STR_EMPTY;
	struct esmtp_rcpt rcpt;
	struct err e = esmtp_parse_rcpt(text, offers, utf8, &rcpt);

	if (err_is(e)) {
		check_reply(e);
		return;
	}
	esmtp_add_notify(&out, rcpt.notify);
	if (rcpt.notify != 0)
		assert(esmtp_parse_notify(str_view(&out)) == rcpt.notify);
	str_reset(&out);
	if (rcpt.orcpt.len > 0) {
		assert(esmtp_orcpt_is_valid(rcpt.orcpt, utf8));
		if (esmtp_decode_orcpt(&out, rcpt.orcpt))
			check_clean(str_view(&out));
		else
			assert(out.len == 0);
	}
	str_clear(&out);
}

/* An address as ORCPT, and back. */
static void
write_orcpt(struct view text)
{
	struct str out = STR_EMPTY, back = STR_EMPTY;

	esmtp_add_orcpt(&out, text);
	assert(view_is_ascii(str_view(&out)));
	check_clean(str_view(&out));
	if (esmtp_orcpt_is_valid(str_view(&out), false) &&
	    esmtp_decode_orcpt(&back, str_view(&out)))
		assert(view_eq(str_view(&back), text) || !view_is_utf8(text));
	str_clear(&out);
	str_clear(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned offers[] = { ~0u, 0, ESMTP_DSN,
		ESMTP_SMTPUTF8 | ESMTP_8BITMIME };
	struct view text = view_make(data, size);

	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		read_mail(text, offers[i]);
		read_rcpt(text, offers[i], false);
		read_rcpt(text, offers[i], true);
	}
	write_orcpt(text);
	return 0;
}
