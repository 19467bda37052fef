/* Envelope paths: what is accepted survives the way to the external form and
 * back, and no control character gets through. */
#include "lib/mail/addr.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* However it is split, nothing is lost, and no half is empty. */
static void
check_extension(struct view local)
{
	static const struct view sets[] = { VIEW("+"), VIEW("+-"), VIEW("-") };
	struct view user, extension;

	for (size_t i = 0; i < 6; i++) {
		bool yes = addr_split_extension(
		    local, sets[i % 3], i < 3, &user, &extension);

		if (yes)
			assert(user.len > 0 &&
			    user.len + 1 + extension.len == local.len &&
			    user.ptr == local.ptr &&
			    view_find(sets[i % 3], user.ptr[user.len]) !=
				VIEW_NPOS);
		else
			assert(view_eq(user, local));
	}
}

static void
check_accepted(const struct addr *a)
{
	struct str internal = STR_EMPTY;
	struct str external = STR_EMPTY;
	struct str back = STR_EMPTY;

	addr_add_internal(&internal, a);
	for (size_t i = 0; i < internal.len; i++)
		assert((unsigned char)internal.ptr[i] >= 32 &&
		    internal.ptr[i] != 127);
	assert(internal.len <= ADDR_MAX);
	assert(view_eq(addr_domain(str_view(&internal)), a->domain));
	addr_to_external(&external, str_view(&internal));
	addr_to_internal(&back, str_view(&external));
	assert(view_eq(str_view(&back), str_view(&internal)));
	assert(addr_eq(str_view(&back), str_view(&internal)));
	check_extension(addr_local(str_view(&internal)));
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
	str_reset(&out);
	addr_to_internal(&out, text);
	assert(view_find_any(str_view(&out), "\r\n") == VIEW_NPOS);
	check_extension(text);
	str_clear(&out);
	return 0;
}
