/*
 * Sender and recipients: completed to full addresses, duplicates dropped.
 * Most addresses are complete as they come; `rewrite` is asked for the others.
 */
#include "cleanup/message.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"

enum { REWRITE_TIMEOUT = 100 };

/* True if nothing could be added or swapped: one @, a domain with a dot in
 * it and none at its end, no % or ! before it. */
static bool
is_complete(struct view address)
{
	struct view local = addr_local(address);
	struct view domain = addr_domain(address);

	if (address.len == 0)
		return true;
	return domain.len > 0 && local.len > 0 &&
	    view_find(domain, '.') != VIEW_NPOS &&
	    domain.ptr[domain.len - 1] != '.' &&
	    view_find_any(local, "%!@:") == VIEW_NPOS;
}

struct err
envelope_complete(struct cleanup *c, const char *context, struct view address,
    struct str *out)
{
	struct ipc_rewrite ask = { view_of(context), address };
	struct ipc_rewritten answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ERR_OK;

	if (is_complete(address)) {
		str_set(out, address);
		return e;
	}
	e = ipc_call(&c->rewrite, IPC_OUT(rewrite, &ask),
	    IPC_IN(rewritten, &answer), &keep, deadline_in(REWRITE_TIMEOUT));
	if (!err_is(e))
		str_set(out, answer.address);
	ipc_keep_clear(&keep);
	return e;
}

struct err
envelope_set_sender(struct message *m)
{
	return envelope_complete(m->cleanup, "local", m->submit.sender,
	    &m->sender);
}

/* The key by which two recipients are the same: domain in lower case. */
static bool
is_duplicate(struct message *m, struct view address, struct view original)
{
	struct view local = addr_local(address);
	struct str key = STR_EMPTY, domain = STR_EMPTY;
	int64_t limit = m->cleanup->conf->duplicate_filter_limit;
	bool known;

	str_add(&domain, addr_domain(address));
	str_lower(&domain);
	str_add(&key, local);
	str_add_byte(&key, '@');
	str_add(&key, str_view(&domain));
	str_add_byte(&key, '\0');
	str_add(&key, original);
	known = htable_find(&m->seen, str_view(&key)) != NULL;
	if (!known && (limit == 0 || (int64_t)m->seen.n_entries < limit))
		htable_set(&m->seen, str_view(&key), m);
	str_clear(&key);
	str_clear(&domain);
	return known;
}

struct err
envelope_add_rcpts(struct message *m, struct view list)
{
	struct ipc_rcpt rcpt;
	struct str address = STR_EMPTY;
	bool more;
	struct err e;

	for (;;) {
		e = ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more);
		if (err_is(e) || !more)
			break;
		if (rcpt.address.len > ADDR_MAX ||
		    rcpt.original.len > ADDR_MAX ||
		    rcpt.orcpt.len > ADDR_MAX) {
			e = err_make(ERR_PERM, "recipient too long");
			break;
		}
		e = envelope_complete(m->cleanup, "local", rcpt.address,
		    &address);
		if (err_is(e))
			break;
		rcpt.address = str_view(&address);
		if (rcpt.original.len == 0)
			rcpt.original = rcpt.address;
		if (is_duplicate(m, rcpt.address, VIEW_EMPTY))
			continue;
		rcpt.number = m->n_rcpts++;
		ipc_list_add(&m->rcpts, ipc_rcpt_type(), &rcpt);
	}
	str_clear(&address);
	return e;
}
