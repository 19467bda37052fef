/* Lines in the order of their times: see order.h. */
#include "log/order.h"

#include "lib/base/mem.h"

#include <stdlib.h>

void
order_init(struct order *o, struct sink *sink)
{
	*o = (struct order){ .sink = sink, .texts = STR_EMPTY };
}

void
order_clear(struct order *o)
{
	free(o->lines);
	str_clear(&o->texts);
	order_init(o, o->sink);
}

void
order_add(struct order *o, const struct record *r)
{
	struct held_line *l;

	if (o->n >= ORDER_LINES_MAX || o->texts.len >= ORDER_BYTES_MAX)
		order_release(o, INT64_MAX);
	if (o->n == o->room) {
		o->room = o->room > 0 ? o->room * 2 : 64;
		o->lines = xreallocarray(o->lines, o->room, sizeof(*o->lines));
	}
	l = &o->lines[o->n++];
	l->record = *r;
	l->text_at = o->texts.len;
	l->number = o->next_number++;
	str_add(&o->texts, r->text);
}

static int
by_time(const void *a, const void *b)
{
	const struct held_line *x = a, *y = b;

	if (x->record.wall_us != y->record.wall_us)
		return x->record.wall_us < y->record.wall_us ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void
order_release(struct order *o, int64_t until_us)
{
	struct str kept = STR_EMPTY;
	size_t n = 0;

	if (o->n == 0)
		return;
	qsort(o->lines, o->n, sizeof(*o->lines), by_time);
	for (size_t i = 0; i < o->n; i++) {
		struct held_line *l = &o->lines[i];

		l->record.text = view_sub(str_view(&o->texts), l->text_at,
		    l->record.text.len);
		if (l->record.wall_us <= until_us ||
		    l->record.wall_us - ORDER_AHEAD_US > until_us) {
			sink_add(o->sink, &l->record);
			continue;
		}
		l->text_at = kept.len;
		str_add(&kept, l->record.text);
		o->lines[n++] = *l;
	}
	o->n = n;
	str_clear(&o->texts);
	o->texts = kept;
}
