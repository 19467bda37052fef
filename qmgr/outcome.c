/*
 * What became of recipients.  While a message may still be removed as a whole
 * nothing is written: design.md section 5, rule 2 asks only that every outcome
 * is durable before the file goes, and a mailbox or another server is durable.
 * What must outlive this process (a report that is due, a recipient that is
 * done while others are not) goes into the file's journal.
 */
#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/mail/addr.h"
#include "lib/mail/addr_log.h"
#include "lib/mail/deliver_log.h"
#include "lib/mail/dsn.h"
#include "lib/mail/esmtp.h"
#include "lib/run/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBE_TIMEOUT = 10 };

void
outcome_log(struct message *m, const struct rcpt *r, const struct verdict *v)
{
	int64_t now = clock_wall_us();
	struct deliver_line line = {
		.queue_id = queue_id_view(&m->id),
		.recipient = view_of(r->address),
		.original = view_of(r->original),
		.relay = v->relay,
		.times = { .arrival_us = m->arrival_us,
		    .active_us = m->active_us, .handoff_us = now,
		    .done_us = now },
		.dsn = v->dsn,
		.status = v->status,
		.is_probe = (m->flags & SUBMIT_PROBE) != 0,
		.text = v->text,
	};

	deliver_log(&line, qmgr.conf->delay_logging_resolution_limit);
}

/* --- gathering --- */

void
outcomes_init(struct outcomes *o, struct message *m)
{
	*o = (struct outcomes){ .message = m, .records = STR_EMPTY,
		.memory = STR_EMPTY };
}

/* The range that is open becomes a record. */
static void
close_range_record(struct outcomes *o)
{
	if (!o->has_open)
		return;
	queue_journal_add(&o->records, JOURNAL_OUTCOME,
	    IPC_OUT(journal_outcome, &o->open));
	o->has_open = false;
}

static bool
same_reason(const struct ipc_journal_outcome *a, const struct verdict *v)
{
	return a->status == (int64_t)v->status && view_eq(a->dsn, v->dsn) &&
	    view_eq(a->text, v->text) && view_eq(a->relay, v->relay) &&
	    view_eq(a->remote, v->remote);
}

static struct view
keep_view(struct str *memory, struct view v, size_t max)
{
	size_t at = memory->len;

	str_add(memory, view_first(v, max));
	return view_skip(str_view(memory), at);
}

static void
open_range(struct outcomes *o, int64_t number, const struct verdict *v)
{
	close_range_record(o);
	str_reset(&o->memory);
	/* So that nothing moves while the views are taken. */
	str_reserve(&o->memory, v->dsn.len + v->text.len + v->relay.len +
		v->remote.len);
	o->open = (struct ipc_journal_outcome){ .first = number, .count = 1,
		.status = v->status, .at_us = clock_wall_us() };
	o->open.dsn = keep_view(&o->memory, v->dsn, OUTCOME_NAME_MAX);
	o->open.text = keep_view(&o->memory, v->text, OUTCOME_TEXT_MAX);
	o->open.relay = keep_view(&o->memory, v->relay, OUTCOME_NAME_MAX);
	o->open.remote = keep_view(&o->memory, v->remote, OUTCOME_NAME_MAX);
	o->has_open = true;
}

/* Is a report due for this outcome? (RFC 3461 4.1; the default asks for
 * failures and delays.) */
static bool
wants_report(const struct message *m, const struct rcpt *r,
    const struct verdict *v)
{
	if ((m->flags & SUBMIT_DSN_TRACE) != 0)
		return true;
	if (v->status == OUTCOME_BOUNCED)
		return (r->notify & ESMTP_NOTIFY_NEVER) == 0 &&
		    (r->notify == 0 ||
			(r->notify & ESMTP_NOTIFY_FAILURE) != 0);
	return (r->notify & ESMTP_NOTIFY_SUCCESS) != 0;
}

/* soft_bounce: an operator's test mode; nothing is returned for good.  `dsn`
 * is where the softened code is kept. */
static void
soften(struct verdict *v, char dsn[static DSN_STATUS_SIZE])
{
	if (!qmgr.conf->soft_bounce || v->status != OUTCOME_BOUNCED)
		return;
	v->status = OUTCOME_DEFERRED;
	if (v->dsn.len < DSN_STATUS_SIZE && view_starts(v->dsn, VIEW("5"))) {
		memcpy(dsn, v->dsn.ptr, v->dsn.len);
		dsn[0] = '4';
		v->dsn = view_make(dsn, v->dsn.len);
	}
}

/* Where deferred mail of this message goes, so that a flush of one site finds
 * it; "" once there are several. */
static void
note_site(struct message *m, struct view domain)
{
	if (m->site == NULL)
		m->site = xstrndup(domain.ptr, domain.len);
	else if (!view_eq_case(view_of(m->site), domain))
		m->site[0] = '\0';
}

/* Who probes for an address hears what became of it, and nobody else does: it
 * is neither tried again nor reported. */
static void
tell_probe(struct message *m, struct rcpt *r, const struct verdict *v)
{
	struct str text = STR_EMPTY;
	struct ipc_verify_told told = { .address = view_of(r->original),
		.status = v->status == OUTCOME_BOUNCED ? VERIFY_BOUNCE
		    : v->status == OUTCOME_DEFERRED    ? VERIFY_DEFER
						       : VERIFY_OK };
	struct err e;

	str_set(&text, view_first(v->text, OUTCOME_TEXT_MAX));
	told.text = str_view(&text);
	e = ipc_tell(&qmgr.state, IPC_OUT(verify_told, &told),
	    deadline_in(PROBE_TIMEOUT));
	if (err_is(e))
		log_warn("%s: tell state: %s", m->id.text, e.text);
	str_clear(&text);
	m->n_open--;
	rcpt_free(r);
}

void
outcomes_add(struct outcomes *o, struct rcpt *r, const struct verdict *given)
{
	struct message *m = o->message;
	struct verdict v = *given;
	char dsn[DSN_STATUS_SIZE];

	if ((m->flags & SUBMIT_VERIFY) != 0) {
		tell_probe(m, r, &v);
		return;
	}
	soften(&v, dsn);
	if (v.status == OUTCOME_DEFERRED && message_is_too_old(m)) {
		v.status = OUTCOME_BOUNCED;
		if (v.dsn.len == 0 || v.dsn.ptr[0] != '4')
			v.dsn = VIEW("4.4.7");
	}
	if (v.status == OUTCOME_DEFERRED) {
		m->was_deferred = true;
		note_site(m, addr_domain(view_of(r->address)));
	} else if (wants_report(m, r, &v)) {
		if (v.status == OUTCOME_BOUNCED)
			m->needs_failure = true;
		else
			m->needs_success = true;
		m->must_report = true;
	}
	if (o->has_open && same_reason(&o->open, &v) &&
	    o->open.first + o->open.count == r->number)
		o->open.count++;
	else
		open_range(o, r->number, &v);
	m->n_open--;
	rcpt_free(r);
}

void
outcomes_put_back(struct message *m, struct rcpt *r)
{
	m->put_back = true;
	note_site(m, addr_domain(view_of(r->address)));
	m->n_open--;
	rcpt_free(r);
}

/* --- writing --- */

struct append {
	struct message *m;
	struct view records;
	struct err error;
	bool sync;
};

static void
append_records(void *arg)
{
	struct append *a = arg;
	struct message *m = a->m;
	struct queue_path path = queue_path_of(m->queue, queue_id_view(&m->id));
	int fd = open(path.text, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int64_t end;

	if (fd < 0) {
		/* Removed by hand: there is nobody to write for. */
		a->error = err_sys(errno == ENOENT ? ERR_GONE : ERR_TEMP,
		    "open %s", path.text);
		return;
	}
	/* Fresh from a notice: there is no journal yet. */
	if (m->journal_end < 0 && fstat(fd, &st) == 0)
		m->journal_end = st.st_size;
	end = m->journal_end;
	if (end < 0)
		a->error = err_sys(ERR_TEMP, "fstat %s", path.text);
	else
		a->error = queue_journal_append(fd, a->records, &end);
	if (!err_is(a->error) && a->sync && fdatasync(fd) < 0)
		a->error = err_sys(ERR_TEMP, "sync %s", path.text);
	/* After a sync that failed, the next one may say that all is well though
	 * these bytes are not on disk: they are written again, in the same
	 * place. */
	if (!err_is(a->error))
		m->journal_end = end;
	close(fd);
}

bool
outcomes_write(struct message *m, struct view records)
{
	struct append a = { .m = m, .sync = qmgr.conf->queue_sync_outcomes };

	/* Deliveries to several destinations end at the same time. */
	while (m->writing)
		wait_queue_for(&m->journal_free, DEADLINE_NEVER);
	m->writing = true;
	str_add(&m->unwritten, records);
	a.records = str_view(&m->unwritten);
	if (a.records.len > 0)
		offload(append_records, &a);
	if (!err_is(a.error) || a.error.kind == ERR_GONE)
		str_clear(&m->unwritten);
	if (err_is(a.error))
		log_warn("%s: %s", m->id.text, a.error.text);
	m->has_journal = true;
	m->writing = false;
	wait_queue_wake_one(&m->journal_free);
	return !err_is(a.error);
}

/* Nothing of this message has to be remembered: it will be removed at once. */
static bool
ends_clean(const struct message *m)
{
	return m->n_open == 0 && m->rcpts_at < 0 && !m->was_deferred &&
	    !m->put_back &&
	    !m->must_report && !m->needs_failure && !m->needs_success &&
	    !m->has_journal;
}

void
outcomes_flush(struct outcomes *o)
{
	if (!ends_clean(o->message))
		close_range_record(o);
	else
		str_reset(&o->records);
	if (o->records.len > 0) {
		TEST_POINT("qmgr-outcome");
		outcomes_write(o->message, str_view(&o->records));
		TEST_POINT("qmgr-outcome-written");
	}
	str_clear(&o->records);
	str_clear(&o->memory);
}
