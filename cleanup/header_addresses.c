/*
 * Addresses in headers: completed by the context that the message came in, then
 * mapped.  Only their bytes are replaced; names, comments and folds stay.
 */
#include "cleanup/mapping.h"

#include "lib/mail/addr.h"
#include "lib/mail/addrlist.h"
#include "lib/run/fiber.h"

/* Addresses after which others get their turn. */
enum { TURN = 256 };

static bool
is_remote(const struct message *m)
{
	return !view_eq(m->submit.context, VIEW("local"));
}

bool
header_addresses_are_local(const struct message *m)
{
	return !is_remote(m) ||
	    m->cleanup->conf->remote_header_rewrite_domain[0] != '\0';
}

bool
header_addresses_apply(const struct message *m, unsigned flags)
{
	return (flags & (HEADER_SENDER_ADDR | HEADER_RCPT_ADDR)) != 0 &&
	    header_addresses_are_local(m);
}

/* One address; *after is what it becomes. */
static struct err
rewrite_one(struct message *m, enum mapping_class class, struct view address,
    struct str *after)
{
	struct err e = envelope_complete(m->cleanup,
	    is_remote(m) ? "remote" : "local", address, after);

	return err_is(e) ? e : mapping_apply(m, class, after);
}

struct err
header_addresses_rewrite(
    struct message *m, const struct header *h, bool *changed)
{
	enum mapping_class class = (h->flags & HEADER_SENDER_ADDR) != 0
	    ? MAPPING_HEADER_SENDER
	    : MAPPING_HEADER_RCPT;
	struct addrlist list;
	struct addrlist_item item;
	struct str address = STR_EMPTY, after = STR_EMPTY;
	size_t copied = 0, n = 0;
	size_t body_at = (size_t)(h->body.ptr - h->text.ptr);
	struct err e = ERR_OK;

	*changed = false;
	addrlist_init(&list, h->body);
	while (!err_is(e) && addrlist_next(&list, &item, &address)) {
		size_t at = body_at + (size_t)(item.spec.ptr - h->body.ptr);

		if ((item.flags & (ADDRLIST_NULL | ADDRLIST_BAD)) != 0)
			continue;
		if (++n % TURN == 0 && fiber_self() != NULL)
			e = fiber_yield();
		if (!err_is(e))
			e = rewrite_one(m, class, str_view(&address), &after);
		if (err_is(e) || view_eq(str_view(&after), str_view(&address)))
			continue;
		str_add(&m->added, view_sub(h->text, copied, at - copied));
		addr_to_external(&m->added, str_view(&after));
		copied = at + item.spec.len;
		*changed = true;
	}
	if (*changed)
		str_add(&m->added, view_skip(h->text, copied));
	str_clear(&address);
	str_clear(&after);
	return e;
}
