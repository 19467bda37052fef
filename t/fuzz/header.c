/* Header blocks: the iterator and the scanner agree, in pieces of any size,
 * and the fields follow each other without gaps. */
#include "lib/mail/header.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_scanner(struct view text, size_t step, enum header_what what,
    const struct header *last, uint64_t fields)
{
	struct header_scan s;

	header_scan_init(&s);
	for (size_t at = 0; at < text.len; at += step)
		header_scan_feed(&s, view_sub(text, at, step));
	header_scan_finish(&s);
	assert(s.end == what);
	assert(s.header_len == last->offset);
	assert(s.body_at == last->offset + last->text.len);
	assert(s.fields == fields);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_make(data, size);
	struct header_iter it;
	enum header_what what;
	uint64_t fields = 0;
	size_t offset = 0;
	struct header h;
	char buffer[32];

	header_iter_init(&it, text);
	for (;;) {
		what = header_next(&it, &h);
		assert(h.offset == offset);
		if (what != HEADER_FIELD && what != HEADER_FROM_LINE)
			break;
		offset += h.text.len;
		fields += what == HEADER_FIELD;
		if (what == HEADER_FIELD)
			assert(h.name.len > 0 && h.name.ptr == h.text.ptr &&
			    header_unfold(h.body, buffer, sizeof(buffer)).len <=
				sizeof(buffer));
	}
	check_scanner(text, size + 1, what, &h, fields);
	check_scanner(text, 1, what, &h, fields);
	check_scanner(text, 7, what, &h, fields);
	return 0;
}
