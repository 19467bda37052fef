/*
 * 8-bit content to 7 bits.  The first byte is the size of the pieces: the
 * result must not depend on it.
 */
#include "lib/mail/downgrade.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
convert(struct view in, size_t step, struct str *out)
{
	struct downgrade d;

	downgrade_init(&d);
	while (in.len > 0) {
		downgrade_feed(&d, view_first(in, step), out);
		in = view_skip(in, step);
		assert(d.line.len <= DOWNGRADE_LINE_MAX);
		assert(d.header.len <= DOWNGRADE_HEADER_MAX);
	}
	downgrade_finish(&d, out);
	downgrade_clear(&d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str whole = STR_EMPTY, pieces = STR_EMPTY;
	struct view in;

	if (size < 1)
		return 0;
	in = view_make(data + 1, size - 1);
	convert(in, in.len + 1, &whole);
	convert(in, 1 + data[0] % 100, &pieces);
	assert(view_eq(str_view(&whole), str_view(&pieces)));
	str_clear(&whole);
	str_clear(&pieces);
	return 0;
}
