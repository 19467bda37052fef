/* Counters over a sliding time: see count.h. */
#include "state/count.h"

#include <inttypes.h>

/* More than anybody sends; sums do not overflow. */
#define COUNT_MAX (INT64_C(1) << 40)

static bool
take(struct view *rest, int64_t low, int64_t high, int64_t *number)
{
	struct view field;
	uint64_t n;

	if (!view_field(rest, ':', &field) || field.len > 18 ||
	    !view_to_uint(field, 10, &n) || (int64_t)n < low ||
	    (int64_t)n > high)
		return false;
	*number = (int64_t)n;
	return true;
}

bool
count_read(struct view value, struct count *c)
{
	struct view rest = value;

	return take(&rest, 1, COUNT_MAX, &c->window) &&
	    take(&rest, 0, COUNT_MAX, &c->start) &&
	    take(&rest, 0, COUNT_MAX, &c->now) &&
	    take(&rest, 0, COUNT_MAX, &c->before) && rest.ptr == NULL;
}

void
count_write(struct str *value, const struct count *c)
{
	str_printf(value, "%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64,
	    c->window, c->start, c->now, c->before);
}

void
count_move(struct count *c, int64_t window, int64_t now)
{
	int64_t start = now - now % window;

	if (c->window == window && c->start == start)
		return;
	/* The clock went back: what was counted stays in this window. */
	if (c->window == window && c->start > start) {
		c->start = start;
		return;
	}
	c->before =
	    c->window == window && c->start == start - window ? c->now : 0;
	c->now = 0;
	c->window = window;
	c->start = start;
}

int64_t
count_total(const struct count *c, int64_t now)
{
	int64_t left = c->window - (now - c->start);

	if (left <= 0)
		return c->now;
	if (left > c->window)
		left = c->window;
	return c->now +
	    (int64_t)(((__int128)c->before * left + c->window - 1) / c->window);
}
