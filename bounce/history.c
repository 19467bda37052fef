/*
 * What became of a message's recipients, read from its journal.  The last
 * record of a recipient counts; what an earlier report of the same kind has
 * told is not told again.
 */
#include "bounce/report.h"

#include "lib/base/mem.h"
#include "lib/mail/esmtp.h"

#include <stdlib.h>

static void
note_range(struct history *h, int64_t first, int64_t count, int32_t which)
{
	int64_t n = h->file.preamble.n_rcpts;

	if (first < 0 || count < 0 || first > n || count > n - first)
		return;
	for (int64_t i = first; i < first + count; i++)
		h->by_rcpt[i] = which;
}

static void
note_outcome(struct history *h, struct view record)
{
	struct ipc_journal_outcome o;
	bool more;

	if (err_is(
		ipc_list_next(&record, IPC_IN(journal_outcome, &o), &more)) ||
	    !more || h->n_outcomes >= INT32_MAX)
		return;
	if (h->n_outcomes % 64 == 0)
		h->outcomes = xreallocarray(
		    h->outcomes, h->n_outcomes + 64, sizeof(*h->outcomes));
	h->outcomes[h->n_outcomes] = o;
	note_range(h, o.first, o.count, (int32_t)h->n_outcomes++);
}

/* A report of this kind was made: all final outcomes so far are told. */
static void
forget_told(struct history *h, enum report_kind kind)
{
	if (kind == REPORT_DELAY)
		return;
	for (int64_t i = 0; i < h->file.preamble.n_rcpts; i++) {
		int64_t status;

		if (h->by_rcpt[i] < 0)
			continue;
		status = h->outcomes[h->by_rcpt[i]].status;
		if ((status == OUTCOME_BOUNCED) == (kind == REPORT_FAILURE) &&
		    status != OUTCOME_DEFERRED)
			h->by_rcpt[i] = -1;
	}
}

struct err
history_read(struct history *h, int fd, enum report_kind kind)
{
	enum journal_kind record_kind;
	struct view record;
	struct err e;

	*h = (struct history){ .by_rcpt = NULL };
	h->journal.memory = STR_EMPTY;
	e = queue_file_read(&h->file, fd);
	if (!err_is(e))
		e = queue_file_check_rcpts(&h->file);
	if (!err_is(e))
		e = queue_journal_read(&h->file, &h->journal);
	if (err_is(e))
		return e;
	h->by_rcpt = xreallocarray(
	    NULL, (size_t)h->file.preamble.n_rcpts + 1, sizeof(*h->by_rcpt));
	for (int64_t i = 0; i < h->file.preamble.n_rcpts; i++)
		h->by_rcpt[i] = -1;
	while (queue_journal_next(&h->journal, &record_kind, &record)) {
		struct ipc_journal_report r;
		struct view copy = record;
		bool more;

		if (record_kind == JOURNAL_OUTCOME)
			note_outcome(h, record);
		else if (record_kind == JOURNAL_REPORT &&
		    !err_is(ipc_list_next(
			&copy, IPC_IN(journal_report, &r), &more)) &&
		    more && r.kind == (int64_t)kind)
			forget_told(h, kind);
	}
	return ERR_OK;
}

void
history_clear(struct history *h)
{
	queue_file_clear(&h->file);
	queue_journal_clear(&h->journal);
	free(h->by_rcpt);
	free(h->outcomes);
}

/* RFC 3461 4.1; without NOTIFY failures and delays are told. */
static bool
is_due(const struct history *h, enum report_kind kind, const struct subject *s)
{
	int64_t notify = s->rcpt.notify;
	int64_t status = s->outcome.status;

	if (kind == REPORT_TRACE ||
	    (h->file.preamble.flags & SUBMIT_DSN_TRACE) != 0)
		return kind == REPORT_TRACE ||
		    (kind == REPORT_FAILURE && status == OUTCOME_BOUNCED);
	if ((notify & ESMTP_NOTIFY_NEVER) != 0)
		return false;
	if (kind == REPORT_FAILURE)
		return status == OUTCOME_BOUNCED &&
		    (notify == 0 || (notify & ESMTP_NOTIFY_FAILURE) != 0);
	if (kind == REPORT_DELAY)
		return status == OUTCOME_DEFERRED &&
		    (notify == 0 || (notify & ESMTP_NOTIFY_DELAY) != 0);
	/* A server that has DSN took the request over with the message (RFC
	 * 3461 5.2.2): it will tell. */
	if (status == OUTCOME_SENT && s->outcome.remote.len > 0)
		return false;
	return status != OUTCOME_BOUNCED && status != OUTCOME_DEFERRED &&
	    (notify & ESMTP_NOTIFY_SUCCESS) != 0;
}

struct err
history_each(struct history *h, enum report_kind kind,
    struct err (*tell)(const struct subject *s, void *arg), void *arg,
    int64_t *n)
{
	struct str memory = STR_EMPTY;
	struct view list;
	int64_t at = 0;
	struct err e;

	*n = 0;
	for (;;) {
		struct subject s;
		bool more = true;

		e = queue_file_read_rcpts(&h->file, &at, &memory, &list);
		if (err_is(e) || list.len == 0)
			break;
		while (!err_is(e) && more) {
			int32_t which;

			e = ipc_list_next(&list, IPC_IN(rcpt, &s.rcpt), &more);
			if (err_is(e) || !more || s.rcpt.number < 0 ||
			    s.rcpt.number >= h->file.preamble.n_rcpts)
				continue;
			which = h->by_rcpt[s.rcpt.number];
			if (which < 0)
				continue;
			s.outcome = h->outcomes[which];
			if (!is_due(h, kind, &s))
				continue;
			(*n)++;
			if (tell != NULL)
				e = tell(&s, arg);
		}
		if (err_is(e))
			break;
	}
	str_clear(&memory);
	return e;
}
