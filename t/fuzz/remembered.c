/*
 * What `state` keeps is read back from files that anybody may have damaged: each
 * kind of value.  What is taken is within its bounds, and comes out as it went
 * in; what is computed of it does not overflow.
 */
#include "lib/base/mem.h"
#include "lib/table/cache.h"
#include "smtpd/grey.h"
#include "smtpd/screen_run.h"
#include "state/count.h"
#include "state/verify.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_verify(struct view value)
{
	struct str out = STR_EMPTY, again = STR_EMPTY;
	struct verify_entry e, f;

	if (!verify_entry_read(value, &e))
		return;
	assert(e.status >= VERIFY_OK && e.status <= VERIFY_TODO);
	assert(e.probed >= 0 && e.updated >= 0);
	assert(e.text.len <= VERIFY_TEXT_MAX);
	verify_entry_write(&out, &e);
	assert(verify_entry_read(str_view(&out), &f));
	assert(f.status == e.status && f.probed == e.probed &&
	    f.updated == e.updated && view_eq(f.text, e.text));
	verify_entry_write(&again, &f);
	assert(view_eq(str_view(&out), str_view(&again)));
	str_clear(&out);
	str_clear(&again);
}

static void
read_count(struct view value)
{
	static const int64_t times[] = { 0, 1, 1700000000, 4000000000 };
	static const int64_t windows[] = { 1, 60, 3600, 31536000 };
	struct count c;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		for (size_t j = 0; j < ARRAY_LEN(windows); j++) {
			if (!count_read(value, &c))
				return;
			assert(count_total(&c, times[i]) >= 0);
			count_move(&c, windows[j], times[i]);
			assert(c.window == windows[j]);
			assert(c.start <= times[i]);
			assert(times[i] - c.start < windows[j]);
			assert(count_total(&c, times[i]) >= 0);
			assert(count_total(&c, times[i]) <= c.now + c.before);
		}
	}
}

static void
read_stamps(struct view value)
{
	struct str out = STR_EMPTY;
	struct screen_stamps s, t;

	if (!screen_stamps_read(value, &s))
		return;
	screen_stamps_write(&out, &s);
	assert(screen_stamps_read(str_view(&out), &t));
	for (size_t i = 0; i < SCREEN_TESTS; i++)
		assert(s.until[i] >= 0 && s.until[i] == t.until[i]);
	str_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view all = view_make(data, size), value;
	int64_t until, n[2];

	if (cache_split(all, &until, &value)) {
		assert(until >= 0);
		assert(value.len < all.len);
	}
	read_verify(all);
	read_count(all);
	read_stamps(all);
	if (grey_read(all, n))
		assert(n[0] >= 0 && n[1] >= 0);
	return 0;
}
