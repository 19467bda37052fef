/* xtext: what decodes is clean, and coded again decodes to the same. */
#include "lib/mail/xtext.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_make(data, size);

	for (unsigned flags = 0; flags <= XTEXT_UTF8; flags++) {
		struct str plain = STR_EMPTY;
		struct str coded = STR_EMPTY;
		struct str again = STR_EMPTY;
		bool ok = xtext_decode(&plain, text, flags);

		assert(ok == xtext_is_valid(text, flags));
		assert(ok || plain.len == 0);
		for (size_t i = 0; i < plain.len; i++)
			assert((unsigned char)plain.ptr[i] >= 32);
		xtext_encode(&coded, str_view(&plain), flags);
		assert(xtext_decode(&again, str_view(&coded), flags));
		assert(view_eq(str_view(&plain), str_view(&again)));
		str_clear(&plain);
		str_clear(&coded);
		str_clear(&again);
	}
	return 0;
}
