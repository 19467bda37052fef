#include "lib/base/surplus.h"

int64_t surplus_after_ms = 600000;

void
surplus_note(struct surplus *s, size_t left)
{
	if (left < s->least)
		s->least = left;
}

size_t
surplus_due(struct surplus *s, size_t left, int64_t now_ms)
{
	size_t n = s->since_ms == 0 ? 0 : s->least < left ? s->least : left;

	if (s->since_ms != 0 && now_ms - s->since_ms < surplus_after_ms)
		return 0;
	s->least = left - n;
	s->since_ms = now_ms;
	return n;
}
