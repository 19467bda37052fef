/* Envelope paths: what is accepted survives the way to the external form and
 * back, and no control character gets through. */
#include "lib/mail/addr.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_accepted(const struct addr *a)
{
	struct str internal = STR_EMPTY;
	struct str external = STR_EMPTY;
	struct str back = STR_EMPTY;
	struct view user, extension;

	addr_add_internal(&internal, a);
	for (size_t i = 0; i < internal.len; i++)
		assert((unsigned char)internal.ptr[i] >= 32 &&
		    internal.ptr[i] != 127);
	assert(internal.len <= ADDR_MAX);
	assert(view_eq(addr_domain(str_view(&internal)), a->domain));
	addr_to_external(&external, str_view(&internal));
	addr_to_internal(&back, str_view(&external));
	assert(view_eq(str_view(&back), str_view(&internal)));
	addr_split_extension(addr_local(str_view(&internal)), VIEW("+-"), true,
	    &user, &extension);
	if (external.len <= ADDR_MAX) {
		struct addr again;
		struct str path = STR_EMPTY;
		struct err e;

		str_addf(&path, "<%s>", external.ptr);
		e = addr_parse_path(
		    str_view(&path), ADDR_UTF8 | ADDR_NULL, &again, NULL);
		assert(!err_is(e));
		str_clear(&path);
	}
	str_clear(&internal);
	str_clear(&external);
	str_clear(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = view_make(data, size);
	struct str out = STR_EMPTY;

	for (unsigned flags = 0; flags < 8; flags++) {
		struct view rest;
		struct addr a;
		struct err e = addr_parse_path(text, flags, &a, &rest);

		if (!err_is(e))
			check_accepted(&a);
	}
	addr_to_external(&out, text);
	assert(view_find(str_view(&out), '\n') == VIEW_NPOS);
	addr_to_internal(&out, text);
	str_clear(&out);
	return 0;
}
