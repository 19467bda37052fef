/* Addresses in log lines: see addr_log.h. */
#include "lib/mail/addr_log.h"

#include "lib/base/log.h"
#include "lib/mail/addr.h"

#include <stdint.h>

enum { HEAD_MAX = 200, TAIL_MAX = ADDR_LOG_MAX - HEAD_MAX - 3 };

/* Where a character begins, at or behind this place of what was cleaned: not
 * in the middle of UTF-8, nor of \xNN. */
static size_t
next_start(struct view clean, size_t at)
{
	while (at < clean.len && ((unsigned char)clean.ptr[at] & 0xc0) == 0x80)
		at++;
	for (size_t back = 1; back <= 3; back++)
		if (back <= at && clean.ptr[at - back] == '\\' &&
		    view_starts(view_skip(clean, at - back), VIEW("\\x")))
			return at - back + 4;
	return at;
}

void
addr_log_add(struct str *out, struct view internal)
{
	struct str external = STR_EMPTY, clean = STR_EMPTY;
	struct view all;

	addr_to_external(&external, internal);
	log_clean(&clean, str_view(&external), SIZE_MAX);
	all = str_view(&clean);
	if (all.len <= ADDR_LOG_MAX) {
		str_add(out, all);
	} else {
		log_clean(out, str_view(&external), HEAD_MAX);
		str_add_text(out, "...");
		str_add(out,
		    view_skip(all, next_start(all, all.len - TAIL_MAX)));
	}
	str_clear(&external);
	str_clear(&clean);
}
