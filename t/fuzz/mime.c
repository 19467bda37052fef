/*
 * MIME structure: whatever the content, its bytes lie in the events' ranges
 * without a gap, pieces of any size give the same events, and limits hold.  The
 * first byte chooses the limits, the second the pieces.
 */
#include "lib/mail/mime.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_event(const struct mime *m, const struct mime_event *ev)
{
	const struct mime_limits *l = &m->limits;

	assert(m->depth <= l->nesting);
	for (unsigned i = 0; i < m->depth; i++)
		assert(m->stages[i].boundary.len <= l->boundary);
	if (ev->what == MIME_HEADER) {
		assert(ev->text.len <= l->header_size + l->line + 1);
		assert(ev->name.ptr[ev->name.len] == ':');
		assert(ev->name.len > 0 && ev->name.len < ev->text.len);
		assert(ev->len >= ev->text.len);
	} else if (ev->what == MIME_LINE) {
		assert(ev->text.len <= l->line);
		assert(view_find(ev->text, '\n') == VIEW_NPOS);
	} else if (ev->what == MIME_FAULTY) {
		assert((mime_faults(m) & ev->fault) != 0);
	}
}

/* All events as text. */
static void
run(const struct mime_limits *limits, struct view text, size_t step,
    struct str *out)
{
	struct mime m;
	struct mime_event ev = { .what = MIME_LINE };
	uint64_t at = 0;
	unsigned told = 0;

	mime_init(&m, limits);
	for (size_t from = 0;; from += step) {
		if (from < text.len)
			mime_take(&m, view_sub(text, from, step));
		else
			mime_finish(&m);
		while (mime_next(&m, &ev)) {
			check_event(&m, &ev);
			if (ev.what == MIME_FAULTY) {
				assert((told & ev.fault) == 0);
				told |= ev.fault;
			} else {
				assert(ev.at == at);
				at += ev.len;
			}
			str_addf(out, "%d %d %u %llu %llu %d%d %llu ",
			    (int)ev.what, (int)ev.class, (unsigned)ev.fault,
			    (unsigned long long)ev.at,
			    (unsigned long long)ev.len, ev.is_changed, ev.is_ended,
			    (unsigned long long)ev.offset);
			str_add(out, ev.text);
			str_add_byte(out, '\n');
		}
		if (from >= text.len)
			break;
	}
	assert(ev.what == MIME_END && at == text.len);
	mime_clear(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mime_limits limits[] = {
		{ .header_size = 102400, .boundary = 2048, .line = 2048,
		    .nesting = 100 },
		{ .header_size = 40, .boundary = 8, .line = 16, .nesting = 2 },
		{ .header_size = 200, .boundary = 70, .line = 64, .nesting = 5,
		    .is_flat = true },
		{ .header_size = 1, .boundary = 1, .line = 1, .nesting = 1 },
	};
	const struct mime_limits *l;
	struct str a = STR_EMPTY, b = STR_EMPTY;
	struct view text;

	if (size < 2)
		return 0;
	l = &limits[data[0] % 4];
	text = view_make(data + 2, size - 2);
	run(l, text, text.len + 1, &a);
	run(l, text, (size_t)data[1] % 40 + 1, &b);
	assert(view_eq(str_view(&a), str_view(&b)));
	str_clear(&a);
	str_clear(&b);
	return 0;
}
