/* What is remembered of a client that passed: see screen_run.h. */
#include "lib/base/mem.h"
#include "smtpd/screen_run.h"

#include <inttypes.h>

bool
screen_stamps_read(struct view value, struct screen_stamps *stamps)
{
	struct view rest = value, field;

	for (size_t i = 0; i < SCREEN_TESTS; i++) {
		uint64_t n;

		if (!view_field(&rest, ';', &field) || field.len > 18 ||
		    !view_to_uint(field, 10, &n))
			return false;
		stamps->until[i] = (int64_t)n;
	}
	return rest.ptr == NULL;
}

void
screen_stamps_write(struct str *value, const struct screen_stamps *stamps)
{
	str_reset(value);
	for (size_t i = 0; i < SCREEN_TESTS; i++)
		str_addf(
		    value, "%s%" PRId64, i > 0 ? ";" : "", stamps->until[i]);
}
