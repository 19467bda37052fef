/* Address lists: each item lies in the text, after the one before. */
#include "lib/mail/addrlist.h"
#include "lib/mail/addr.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_make(data, size);
	struct str internal = STR_EMPTY;
	struct addrlist_item item;
	struct addrlist l;
	const char *last = text.ptr;

	addrlist_init(&l, text);
	while (addrlist_next(&l, &item, &internal)) {
		assert(item.spec.ptr >= last);
		last = item.spec.ptr + item.spec.len;
		assert(last <= text.ptr + text.len);
		assert(item.spec.len > 0 || (item.flags & ADDRLIST_NULL));
		assert(internal.len <= ADDR_MAX);
		if (item.flags & ADDRLIST_BAD)
			continue;
		assert(view_find(str_view(&internal), '\n') == VIEW_NPOS);
		assert(view_find(str_view(&internal), '\0') == VIEW_NPOS);
	}
	str_clear(&internal);
	return 0;
}
