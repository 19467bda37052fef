/* The right sides of aliases: no member is longer than what it came from, and
 * none is empty but for the marks. */
#include "local/alias.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t value_len, n;
};

static bool
look(void *arg, enum alias_kind kind, struct view text)
{
	struct seen *s = arg;

	assert(kind <= ALIAS_BAD);
	assert(text.len <= s->value_len);
	assert(kind != ALIAS_ADDRESS || text.len > 0);
	s->n++;
	return s->n < 1000;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen s = { size, 0 };

	alias_each(view_make(data, size), look, &s);
	assert(s.n <= 1000);
	return 0;
}
