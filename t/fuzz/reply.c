/*
 * Replies of a server, and the enhanced codes in them: what is kept is bounded,
 * may be logged and sent on, and is the same however often a code is taken
 * apart and put together.
 */
#include "lib/mail/dsn.h"
#include "lib/mail/reply.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_clean(struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		assert((unsigned char)v.ptr[i] >= 32 && v.ptr[i] != 127);
}

static void
check_status(struct view text, int code)
{
	static const struct dsn_status none = { 5, 0, 0 };
	struct dsn_status status, again;
	char buffer[DSN_STATUS_SIZE];
	struct view rest, shown;

	if (dsn_parse(text, &status, &rest)) {
		assert(status.class == 2 || status.class == 4 ||
		    status.class == 5);
		assert(status.subject < 1000 && status.detail < 1000);
		shown = dsn_format(status, buffer);
		assert(dsn_is_valid(shown));
		assert(dsn_parse(shown, &again, NULL));
		assert(again.class == status.class &&
		    again.subject == status.subject &&
		    again.detail == status.detail);
		assert(rest.ptr + rest.len == text.ptr + text.len);
		assert(dsn_split(text, none).text.len == rest.len);
	} else {
		assert(!dsn_is_valid(text));
		assert(view_eq(dsn_split(text, none).text, text));
	}
	assert(
	    dsn_agree(dsn_split(text, none).status, code).class == code / 100);
}

static void
check_done(const struct reply *r, struct str *out)
{
	struct view lines = str_view(&r->text), text;

	assert(r->code >= 200 && r->code <= 599);
	assert(r->status.class == r->code / 100 || !r->has_status);
	while (reply_next_line(&lines, &text))
		if (r->code / 100 != 3)
			check_status(text, r->code);
	str_reset(out);
	reply_add_line(out, r);
	check_clean(str_view(out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = view_make(data, size);
	struct str out = STR_EMPTY;
	struct err e = ERR_OK;
	struct view line;
	struct reply r;

	reply_init(&r);
	while (!err_is(e) && view_field(&rest, '\n', &line)) {
		if (r.is_done)
			reply_reset(&r);
		e = reply_feed(&r, line);
		assert(r.text.len <= REPLY_TEXT_MAX);
		assert(view_is_utf8(str_view(&r.text)));
		if (r.is_done)
			check_done(&r, &out);
	}
	if (err_is(e))
		check_clean(view_of(e.text));
	reply_clear(&r);
	str_clear(&out);
	return 0;
}
