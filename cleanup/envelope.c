/*
 * Sender and recipients: completed to full addresses, mapped and expanded,
 * duplicates dropped.
 */
#include "cleanup/check.h"
#include "cleanup/mapping.h"

#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/esmtp.h"

/* New mail gets blind copies; what Barid itself wrote or sends on does not, or
 * copies would beget copies; nor what had them when it came first. */
static bool
wants_bcc(const struct message *m)
{
	return (m->flags & (SUBMIT_NO_MAPPINGS | SUBMIT_REQUEUED)) == 0 &&
	    (view_eq(m->submit.origin, VIEW("smtpd")) ||
		view_eq(m->submit.origin, VIEW("pickup")));
}

/* --- recipients --- */

/*
 * Two recipients are the same if nothing of them differs that matters later:
 * the address, what it was before (if anybody is told), and whom to tell what.
 * Letters count in no case.
 */
static bool
is_duplicate(struct message *m, const struct ipc_rcpt *rcpt)
{
	const struct conf *conf = m->cleanup->conf;
	int64_t limit = conf->duplicate_filter_limit;
	struct str key = STR_EMPTY;
	bool known;

	str_add(&key, rcpt->orcpt);
	str_add_byte(&key, '\n');
	str_add_int(&key, rcpt->notify);
	str_add_byte(&key, '\n');
	if (conf->enable_original_recipient)
		str_add(&key, rcpt->original);
	str_add_byte(&key, '\n');
	str_add(&key, rcpt->address);
	str_lower(&key);
	/* When it remembers no more it still knows those. */
	if (limit == 0 || (int64_t)m->seen.n < limit)
		known = !hset_add(&m->seen, str_view(&key));
	else
		known = hset_has(&m->seen, str_view(&key));
	str_clear(&key);
	return known;
}

static void
list_rcpt(struct message *m, struct ipc_rcpt rcpt)
{
	rcpt.number = m->n_rcpts++;
	m->last_rcpt_at = m->rcpts.len;
	ipc_list_add(&m->rcpts, ipc_rcpt_type(), &rcpt);
	if (m->n_rcpts > QUEUE_RCPTS_INLINE &&
	    m->rcpts.len >= CLEANUP_RCPTS_STEP && !m->keeps_rcpts)
		rcpts_write(m);
}

struct view
envelope_first_rcpt(const struct message *m)
{
	return m->first_rcpt.len > 0 ? str_view(&m->first_rcpt)
				     : str_view(&m->rcpts);
}

struct view
envelope_last_rcpt(const struct message *m)
{
	return m->rcpts.len > 0
	    ? view_skip(str_view(&m->rcpts), m->last_rcpt_at)
	    : str_view(&m->last_rcpt);
}

/* What all members of an expansion share. */
struct member {
	struct message *m;
	struct ipc_rcpt rcpt;
	bool is_told; /* that it was expanded */
};

/*
 * Who asked to be told of success hears that the alias was expanded, and no
 * more (RFC 3461 5.2.7.3): the alias is a recipient whose end is known.  The
 * same bytes again, should the message be submitted again.
 */
static void
tell_expanded(struct member *one)
{
	struct message *m = one->m;
	struct ipc_journal_outcome o = { .first = m->n_rcpts,
		.count = 1,
		.status = OUTCOME_EXPANDED,
		.at_us = m->submit.arrival_us,
		.dsn = VIEW("2.0.0"),
		.text = VIEW("alias expanded"),
		.relay = VIEW("none"),
		.remote = VIEW_EMPTY };

	if ((one->rcpt.notify & ESMTP_NOTIFY_SUCCESS) == 0)
		return;
	if (!one->is_told && !is_duplicate(m, &one->rcpt)) {
		list_rcpt(m, one->rcpt);
		queue_journal_add(&m->journal, JOURNAL_OUTCOME,
		    IPC_OUT(journal_outcome, &o));
	}
	one->is_told = true;
	one->rcpt.notify &= ~(int64_t)ESMTP_NOTIFY_SUCCESS;
	if (one->rcpt.notify == 0)
		one->rcpt.notify = ESMTP_NOTIFY_NEVER;
}

static struct err
put_rcpt(void *arg, struct view address, bool is_alias)
{
	struct member *one = arg;
	struct message *m = one->m;
	struct ipc_rcpt rcpt;

	if (is_alias)
		tell_expanded(one);
	rcpt = one->rcpt;
	rcpt.address = address;
	/* What qmgr would not take must not be queued. */
	if (address.len > ADDR_MAX)
		return err_make(ERR_PERM, "recipient too long");
	if (m->preamble.rcpts_len + (int64_t)m->rcpts.len > CHECK_RCPTS_MAX)
		return err_make(ERR_PERM, "too many recipients");
	if (!is_duplicate(m, &rcpt))
		list_rcpt(m, rcpt);
	/* A disk that is full will not take those that follow. */
	return m->failure;
}

/* By virtual aliases, if there are any. */
static struct err
expand(struct message *m, const struct ipc_rcpt *rcpt)
{
	struct member one = { m, *rcpt, false };

	if ((m->flags & SUBMIT_NO_MAPPINGS) != 0 ||
	    addr_map_is_empty(&m->cleanup->mapping->virtual_alias))
		return put_rcpt(&one, rcpt->address, false);
	return mapping_expand(m, rcpt->address, put_rcpt, &one);
}

/* The address completed, then mapped. */
static struct err
settle(struct message *m, enum mapping_class class, struct view given,
    struct str *address)
{
	struct err e = envelope_complete(m->cleanup, "local", given, address);

	if (!err_is(e) && class == MAPPING_ENVELOPE_RCPT)
		e = envelope_reverse(m->cleanup, address);
	if (!err_is(e))
		e = mapping_apply(m, class, address);
	if (!err_is(e) && address->len > ADDR_MAX)
		e = err_make(ERR_PERM, "address too long");
	return e;
}

struct err
envelope_add_bcc(struct message *m, struct view address)
{
	struct str full = STR_EMPTY;
	struct ipc_rcpt rcpt = { .orcpt = VIEW_EMPTY,
		.notify = ESMTP_NOTIFY_NEVER };
	struct err e = settle(m, MAPPING_ENVELOPE_RCPT, address, &full);

	rcpt.address = rcpt.original = str_view(&full);
	if (!err_is(e) && full.len > 0 && addr_is_sane(str_view(&full)))
		e = expand(m, &rcpt);
	str_clear(&full);
	return e;
}

static struct err
add_bcc_of(
    struct message *m, const struct addr_map *map, struct view address)
{
	struct str bcc = STR_EMPTY;
	struct err e = ERR_OK;

	if (addr_map_is_empty(map) || !wants_bcc(m))
		return e;
	e = mapping_find_bcc(m, map, address, &bcc);
	if (!err_is(e) && bcc.len > 0)
		e = envelope_add_bcc(m, str_view(&bcc));
	str_clear(&bcc);
	return e;
}

static struct err
add_rcpt(struct message *m, struct ipc_rcpt *rcpt)
{
	struct str address = STR_EMPTY;
	struct err e;

	if (rcpt->address.len == 0)
		rcpt->address =
		    view_of(m->cleanup->conf->empty_address_recipient);
	e = settle(m, MAPPING_ENVELOPE_RCPT, rcpt->address, &address);
	if (rcpt->original.len == 0)
		rcpt->original = rcpt->address;
	rcpt->address = str_view(&address);
	if (!err_is(e))
		e = expand(m, rcpt);
	if (!err_is(e))
		e = add_bcc_of(m, &m->cleanup->mapping->rcpt_bcc,
		    str_view(&address));
	str_clear(&address);
	return e;
}

struct err
envelope_add_rcpts(struct message *m, struct view list)
{
	struct ipc_rcpt rcpt;
	bool more;
	struct err e;

	for (;;) {
		e = ipc_list_next(&list, IPC_IN(rcpt, &rcpt), &more);
		if (err_is(e) || !more)
			return e;
		e = check_rcpt(&rcpt);
		if (!err_is(e))
			e = add_rcpt(m, &rcpt);
		if (err_is(e))
			return e;
	}
}

struct err
envelope_end_rcpts(struct message *m)
{
	const char *bcc = m->cleanup->conf->always_bcc;
	struct str address = STR_EMPTY;
	struct err e = ERR_OK;

	if (m->has_all_rcpts || m->n_rcpts == 0)
		return e;
	m->has_all_rcpts = true;
	if (bcc[0] == '\0' || !wants_bcc(m))
		return e;
	addr_to_internal(&address, view_of(bcc));
	e = envelope_add_bcc(m, str_view(&address));
	str_clear(&address);
	return e;
}

/* --- sender --- */

struct err
envelope_set_sender(struct message *m)
{
	struct err e;

	if (!addr_is_sane(m->submit.sender))
		return err_make(ERR_PERM, "bad sender");
	e = settle(
	    m, MAPPING_ENVELOPE_SENDER, m->submit.sender, &m->sender);
	if (err_is(e))
		return e;
	return add_bcc_of(
	    m, &m->cleanup->mapping->sender_bcc, str_view(&m->sender));
}
