/*
 * What access control and checks ordered: who gets the message, and which
 * folder it goes into.
 */
#include "cleanup/message.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"

#include <stdarg.h>

void
orders_init(struct orders *o)
{
	*o = (struct orders){ .reason = STR_EMPTY,
		.filter = STR_EMPTY,
		.redirect = STR_EMPTY,
		.bcc = STR_EMPTY,
		.rcpts = STR_EMPTY };
}

void
orders_clear(struct orders *o)
{
	str_clear(&o->reason);
	str_clear(&o->filter);
	str_clear(&o->redirect);
	str_clear(&o->bcc);
	str_clear(&o->rcpts);
}

void
orders_take(struct orders *o, int64_t hold, struct view filter,
    struct view redirect)
{
	o->hold |= hold != 0;
	if (filter.len > 0)
		str_set(&o->filter, filter);
	if (redirect.len > 0)
		str_set(&o->redirect, redirect);
}

struct view
orders_filter(const struct orders *o)
{
	return o->redirect.len > 0 ? VIEW_EMPTY : str_view(&o->filter);
}

void
orders_add_bcc(struct orders *o, struct view address)
{
	struct ipc_rcpt rcpt = { .address = address,
		.original = VIEW_EMPTY,
		.orcpt = VIEW_EMPTY };

	ipc_list_add(&o->bcc, ipc_rcpt_type(), &rcpt);
}

void
orders_refuse(struct orders *o, int code, const char *format, ...)
{
	va_list ap;

	if (o->code != 0)
		return;
	o->code = code;
	str_reset(&o->reason);
	va_start(ap, format);
	str_vaddf(&o->reason, format, ap);
	va_end(ap);
}

/* The file has no recipients yet, whatever was written before the content,
 * which stays where it is, or comes behind. */
static void
forget_early_rcpts(struct message *m)
{
	struct queue_preamble *p = &m->preamble;

	if (p->rcpts_at != 0 && p->content_at == 0)
		p->content_at = p->rcpts_at + p->rcpts_len;
	p->rcpts_at = p->rcpts_len = p->rcpts_sum = 0;
}

/* One recipient instead of all; reports go as the first one wanted. */
static struct err
redirect(struct message *m)
{
	struct view all = envelope_first_rcpt(m);
	struct ipc_rcpt first;
	struct str list = STR_EMPTY, address = STR_EMPTY;
	bool more;
	struct err e = ipc_list_next(&all, IPC_IN(rcpt, &first), &more);

	if (!err_is(e))
		e = envelope_complete(m->cleanup, "local",
		    str_view(&m->orders.redirect), &address);
	if (!err_is(e) && !addr_is_sane(str_view(&address)))
		e = err_make(ERR_TEMP, "REDIRECT to what is no address");
	if (!err_is(e)) {
		first.address = str_view(&address);
		first.number = 0;
		ipc_list_add(&list, ipc_rcpt_type(), &first);
		str_clear(&m->rcpts);
		m->rcpts = list;
		m->n_rcpts = 1;
		m->last_rcpt_at = 0;
		/* What is known of the others, by their numbers, would be
		 * taken for news of this one. */
		str_clear(&m->journal);
		forget_early_rcpts(m);
	}
	str_clear(&address);
	return e;
}

static struct err
add_bccs(struct message *m)
{
	struct view list = str_view(&m->orders.bcc);
	struct ipc_rcpt rcpt;
	bool more;
	struct err e;

	for (;;) {
		e = ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more);
		if (err_is(e) || !more)
			return e;
		e = envelope_add_bcc(m, rcpt.address);
		if (err_is(e))
			return e;
	}
}

struct err
orders_apply(struct message *m)
{
	const struct orders *o = &m->orders;
	struct err e;

	if (o->hold)
		m->queue = "hold";
	if (o->redirect.len > 0)
		return redirect(m);
	e = envelope_add_rcpts(m, str_view(&o->rcpts));
	return err_is(e) ? e : add_bccs(m);
}
