/*
 * Content: decoding comes to the same however the input is split, gives only
 * lines ended by CRLF, and what is encoded again decodes to the same.  The
 * first byte chooses the mode and the split.
 */
#include "lib/mail/content.h"
#include "lib/mail/mbox.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
decode(struct content_in *c, enum content_kind kind, bool loose, struct view in,
    size_t step, struct str *out)
{
	size_t taken = 0;

	content_in_init(c, kind, loose);
	while (taken < in.len && !c->has_ended)
		taken += content_in_feed(c, view_sub(in, taken, step), out);
	content_in_finish(c, out);
	return taken;
}

static void
check_clean(struct view v)
{
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] == '\r')
			assert(i + 1 < v.len && v.ptr[i + 1] == '\n');
		if (v.ptr[i] == '\n')
			assert(i > 0 && v.ptr[i - 1] == '\r');
	}
}

static void
encode(struct view in, size_t limit, size_t step, struct str *out)
{
	struct content_out c;

	content_out_init(&c, limit);
	for (size_t at = 0; at < in.len; at += step)
		content_out_feed(&c, view_sub(in, at, step), out);
	content_out_finish(&c, out);
}

static void
check_encoder(struct view content, size_t step)
{
	struct str wire = STR_EMPTY, again = STR_EMPTY, folded = STR_EMPTY;
	struct content_in c;

	encode(content, 0, step, &wire);
	assert(decode(&c, CONTENT_DATA, false, str_view(&wire), step, &again) ==
	    wire.len);
	assert(c.has_ended && !(c.flags & (CONTENT_BARE_LF | CONTENT_BARE_CR)));
	check_clean(str_view(&wire));
	str_reset(&again);
	encode(content, 20, step, &folded);
	encode(content, 20, content.len + 1, &again);
	assert(view_eq(str_view(&folded), str_view(&again)));
	str_reset(&again);
	decode(&c, CONTENT_DATA, true, str_view(&folded), step, &again);
	assert(c.has_ended && c.longest_line <= 20);
	str_clear(&wire);
	str_clear(&again);
	str_clear(&folded);
}

static void
check_mbox(struct view content, size_t step)
{
	struct str whole = STR_EMPTY, pieces = STR_EMPTY;
	struct mbox_filter f;

	mbox_filter_init(&f, 7, VIEW_EMPTY);
	mbox_filter_feed(&f, content, &whole);
	mbox_filter_finish(&f, &whole);
	mbox_filter_init(&f, 7, VIEW_EMPTY);
	for (size_t at = 0; at < content.len; at += step)
		mbox_filter_feed(&f, view_sub(content, at, step), &pieces);
	mbox_filter_finish(&f, &pieces);
	assert(view_eq(str_view(&whole), str_view(&pieces)));
	assert(view_find_text(str_view(&whole), VIEW("\nFrom ")) == VIEW_NPOS);
	str_clear(&whole);
	str_clear(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str whole = STR_EMPTY, pieces = STR_EMPTY, back = STR_EMPTY;
	enum content_kind kind;
	struct content_in a, b;
	struct view in;
	size_t step, n;
	bool loose;

	if (size == 0)
		return 0;
	kind = (enum content_kind)(data[0] % 3);
	loose = data[0] & 4;
	step = 1 + (data[0] >> 3);
	in = view_make(data + 1, size - 1);
	n = decode(&a, kind, loose, in, in.len + 1, &whole);
	assert(decode(&b, kind, loose, in, step, &pieces) == n);
	assert(view_eq(str_view(&whole), str_view(&pieces)));
	assert(a.flags == b.flags && a.longest_line == b.longest_line &&
	    a.out_len == whole.len && b.out_len == whole.len &&
	    a.header.body_at == b.header.body_at &&
	    a.header.end == b.header.end);
	if (a.has_ended) {
		check_clean(str_view(&whole));
		str_reset(&pieces);
		encode(str_view(&whole), 0, step, &pieces);
		decode(&b, CONTENT_DATA, loose, str_view(&pieces), step, &back);
		assert(view_eq(str_view(&whole), str_view(&back)));
	}
	check_encoder(in, step);
	check_mbox(in, step);
	str_clear(&whole);
	str_clear(&pieces);
	str_clear(&back);
	return 0;
}
