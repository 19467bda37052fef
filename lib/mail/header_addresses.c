/* Addresses in headers: see header_addresses.h. */
#include "lib/mail/header_addresses.h"

#include "lib/mail/addr.h"
#include "lib/mail/addrlist.h"
#include "lib/run/fiber.h"

/* Addresses after which others get their turn. */
enum { TURN = 256 };

static struct err
let_others_run(size_t n)
{
	return n % TURN == 0 ? fiber_yield() : ERR_OK;
}

struct err
header_rewrite_addresses(const struct header *h, header_address_fn *become,
    void *arg, struct str *out, bool *changed)
{
	struct addrlist list;
	struct addrlist_item item;
	struct str address = STR_EMPTY, after = STR_EMPTY;
	size_t copied = 0, n = 0, from = out->len;
	size_t body_at = (size_t)(h->body.ptr - h->text.ptr);
	struct err e = ERR_OK;

	*changed = false;
	addrlist_init(&list, h->body);
	while (!err_is(e) && addrlist_next(&list, &item, &address)) {
		size_t at = body_at + (size_t)(item.spec.ptr - h->body.ptr);

		if ((item.flags & (ADDRLIST_NULL | ADDRLIST_BAD)) != 0)
			continue;
		e = let_others_run(++n);
		if (!err_is(e))
			e = become(arg, str_view(&address), &after);
		if (err_is(e) || view_eq(str_view(&after), str_view(&address)))
			continue;
		str_add(out, view_sub(h->text, copied, at - copied));
		addr_to_external(out, str_view(&after));
		copied = at + item.spec.len;
		*changed = true;
	}
	if (err_is(e))
		*changed = false;
	if (*changed)
		str_add(out, view_skip(h->text, copied));
	else
		str_cut(out, from);
	str_clear(&address);
	str_clear(&after);
	return e;
}
