/*
 * Addresses in headers: completed by the context that the message came in, then
 * mapped.
 */
#include "cleanup/mapping.h"

#include "lib/mail/header_addresses.h"

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

struct field {
	struct message *m;
	enum mapping_class class;
};

static struct err
become(void *arg, struct view address, struct str *after)
{
	const struct field *f = arg;
	struct err e = envelope_complete(f->m->cleanup,
	    is_remote(f->m) ? "remote" : "local", address, after);

	return err_is(e) ? e : mapping_apply(f->m, f->class, after);
}

struct err
header_addresses_rewrite(
    struct message *m, const struct header *h, bool *changed)
{
	struct field f = { m,
		(h->flags & HEADER_SENDER_ADDR) != 0 ? MAPPING_HEADER_SENDER
						     : MAPPING_HEADER_RCPT };

	return header_rewrite_addresses(h,
	    m->cleanup->conf->header_address_token_limit, become, &f,
	    &m->added, changed);
}
