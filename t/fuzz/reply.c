/* Replies of a server: what is kept is bounded and may be logged. */
#include "lib/mail/reply.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = view_make(data, size);
	struct str out = STR_EMPTY;
	struct view line, lines, text;
	struct err e = ERR_OK;
	struct reply r;

	reply_init(&r);
	while (!err_is(e) && view_field(&rest, '\n', &line)) {
		if (r.is_done)
			reply_reset(&r);
		e = reply_feed(&r, line);
		assert(r.text.len <= REPLY_TEXT_MAX);
		assert(view_is_utf8(str_view(&r.text)));
		if (!r.is_done)
			continue;
		assert(r.code >= 200 && r.code <= 599);
		assert(r.status.class == r.code / 100 || !r.has_status);
		lines = str_view(&r.text);
		while (reply_next_line(&lines, &text))
			;
		str_reset(&out);
		reply_add_line(&out, &r);
		for (size_t i = 0; i < out.len; i++)
			assert((unsigned char)out.ptr[i] >= 32 &&
			    out.ptr[i] != 127);
	}
	reply_clear(&r);
	str_clear(&out);
	return 0;
}
