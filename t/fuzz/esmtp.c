/* MAIL and RCPT parameters: the reply can be sent as it is, and what was
 * accepted decodes. */
#include "lib/mail/esmtp.h"
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_make(data, size);
	struct str out = STR_EMPTY;
	struct esmtp_mail mail;
	struct esmtp_rcpt rcpt;
	struct err e = esmtp_parse_mail(text, ~0u, &mail);

	if (err_is(e)) {
		check_reply(e);
	} else {
		assert(mail.size >= -1);
		assert(mail.envid.len <= ESMTP_ENVID_MAX);
		assert(xtext_decode(&out, mail.envid, 0));
	}
	for (int utf8 = 0; utf8 < 2; utf8++) {
		e = esmtp_parse_rcpt(text, ~0u, utf8, &rcpt);
		str_reset(&out);
		if (err_is(e))
			check_reply(e);
		else if (rcpt.orcpt.len > 0 &&
		    esmtp_decode_orcpt(&out, rcpt.orcpt))
			assert(view_find(str_view(&out), '\n') == VIEW_NPOS);
	}
	str_reset(&out);
	esmtp_add_orcpt(&out, text);
	str_clear(&out);
	return 0;
}
