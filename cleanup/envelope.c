/*
 * Sender and recipients: completed to full addresses, duplicates dropped.
 */
#include "cleanup/check.h"
#include "cleanup/message.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"

struct err
envelope_set_sender(struct message *m)
{
	struct err e;

	if (!addr_is_sane(m->submit.sender))
		return err_make(ERR_PERM, "bad sender");
	e = envelope_complete(m->cleanup, "local", m->submit.sender,
	    &m->sender);
	if (!err_is(e) && m->sender.len > ADDR_MAX)
		e = err_make(ERR_PERM, "sender too long");
	return e;
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

	/* What qmgr would not take must not be queued. */
	for (;;) {
		e = ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more);
		if (err_is(e) || !more)
			break;
		e = check_rcpt(&rcpt);
		if (!err_is(e) && m->rcpts.len > CHECK_RCPTS_MAX)
			e = err_make(ERR_PERM, "too many recipients");
		if (err_is(e))
			break;
		if (rcpt.address.len == 0)
			rcpt.address = view_of(
			    m->cleanup->conf->empty_address_recipient);
		e = envelope_complete(m->cleanup, "local", rcpt.address,
		    &address);
		if (!err_is(e) && address.len > ADDR_MAX)
			e = err_make(ERR_PERM, "recipient too long");
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
