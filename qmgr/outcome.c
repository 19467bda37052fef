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
#include "lib/daemon/daemon.h"
#include "lib/mail/addr.h"
#include "lib/mail/addr_log.h"
#include "lib/mail/deliver_log.h"
#include "lib/mail/dsn.h"
#include "lib/mail/esmtp.h"
#include "lib/mail/queue_disk.h"
#include "lib/mail/queue_rewrite.h"
#include "lib/run/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REPORT_TIMEOUT = 3600, PROBE_TIMEOUT = 10 };

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

static bool
is_past_lifetime(const struct message *m)
{
	int64_t limit = m->sender[0] == '\0' ?
	    qmgr.conf->bounce_queue_lifetime :
	    qmgr.conf->maximal_queue_lifetime;

	return clock_wall_us() - m->arrival_us > limit * 1000000;
}

/* Too old to wait any longer: the last reason becomes the final one. */
static bool
is_too_old(const struct message *m)
{
	return m->expired || is_past_lifetime(m);
}

static void
log_expired(struct message *m)
{
	struct str sender = STR_EMPTY;

	addr_log_add(&sender, view_of(m->sender));
	log_info("%s: from=<%s>, status=%s, returned to sender", m->id.text,
	    sender.ptr, m->expired ? "force-expired" : "expired");
	str_clear(&sender);
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
	if (v.status == OUTCOME_DEFERRED && is_too_old(m)) {
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
	close_range_record(o);
	if (o->records.len > 0 && !ends_clean(o->message)) {
		TEST_POINT("qmgr-outcome");
		outcomes_write(o->message, str_view(&o->records));
		TEST_POINT("qmgr-outcome-written");
	}
	str_clear(&o->records);
	str_clear(&o->memory);
}

/* --- the end of a round --- */

static struct err
open_to_read(const struct message *m, int *fd)
{
	struct queue_path path = queue_path_of(m->queue, queue_id_view(&m->id));

	*fd = open(path.text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? err_sys(ERR_TEMP, "open %s", path.text) : ERR_OK;
}

/* Have one report made; its ID goes into the journal.  False: try later. */
static bool
make_report(struct message *m, enum report_kind kind)
{
	struct ipc_report ask = { .queue_id = queue_id_view(&m->id),
		.kind = kind };
	struct ipc_result answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_journal_report record = { .kind = kind,
		.at_us = clock_wall_us() };
	struct str bytes = STR_EMPTY;
	struct err e = open_to_read(m, &ask.file);
	bool ok;

	if (!err_is(e))
		e = ipc_call_once(&qmgr.bounce, IPC_OUT(report, &ask),
		    IPC_IN(result, &answer), &keep,
		    deadline_in(REPORT_TIMEOUT));
	if (!err_is(e) && answer.status != ERR_NONE)
		e = err_make(answer.status == ERR_PERM ? ERR_PERM : ERR_TEMP,
		    "%.*s", VIEW_ARGS(answer.text));
	ok = !err_is(e);
	if (e.kind == ERR_PERM && is_past_lifetime(m)) {
		/* Nothing will change that. */
		log_warn("%s: report: %s: given up", m->id.text, e.text);
		ok = true;
	} else if (ok) {
		record.id = answer.text;
		queue_journal_add(&bytes, JOURNAL_REPORT,
		    IPC_OUT(journal_report, &record));
		TEST_POINT("qmgr-report");
		outcomes_write(m, str_view(&bytes));
		TEST_POINT("qmgr-reported");
	} else {
		log_warn("%s: report: %s", m->id.text, e.text);
	}
	str_clear(&bytes);
	ipc_keep_clear(&keep);
	return ok;
}

struct removal {
	struct queue_path path;
	struct err error;
};

static void
remove_file(void *arg)
{
	struct removal *x = arg;

	x->error = ERR_OK;
	if (unlink(x->path.text) < 0 && errno != ENOENT)
		x->error = err_sys(ERR_TEMP, "remove %s", x->path.text);
}

/* The file stays for now: a successor must not deliver it again.  What became
 * of each recipient was not written if nobody was to hear of it. */
static void
write_done(struct message *m)
{
	struct ipc_journal_outcome all = { .count = m->n_rcpts,
		.status = OUTCOME_SENT,
		.at_us = clock_wall_us(),
		.dsn = VIEW("2.0.0"),
		.text = VIEW("done, but could not be removed"),
		.relay = VIEW_EMPTY,
		.remote = VIEW_EMPTY };
	struct str record = STR_EMPTY;

	queue_journal_add(
	    &record, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &all));
	outcomes_write(m, str_view(&record));
	str_clear(&record);
}

/* Until it is gone: a file that stays would be found, and delivered again. */
static void
message_remove(struct message *m)
{
	struct removal x = { .path = queue_path_of(m->queue,
				 queue_id_view(&m->id)) };

	TEST_POINT("qmgr-remove");
	for (;;) {
		offload_brief(remove_file, &x);
		if (!err_is(x.error))
			break;
		log_warn("%s: %s", m->id.text, x.error.text);
		if (!m->has_journal)
			write_done(m);
		else if (m->unwritten.len > 0)
			outcomes_write(m, VIEW_EMPTY);
		fiber_sleep(DISK_RETRY_MS);
	}
	TEST_POINT("qmgr-removed");
	log_info("%s: removed", m->id.text);
	message_free(m);
}

/* --- waiting for another try --- */

/* Twice the age at each try, within the bounds; some of them a little later,
 * so that what failed together does not come back together. */
static int64_t
next_due(const struct message *m)
{
	int64_t now = clock_wall();
	int64_t age = now - m->arrival_us / 1000000;
	int64_t low = qmgr.conf->minimal_backoff_time;
	int64_t high = qmgr.conf->maximal_backoff_time;
	int64_t delay = age;

	if (delay < low)
		delay = low;
	delay += (int64_t)(hash_bytes(queue_id_view(&m->id)) %
	    (uint64_t)(delay / 10 + 1));
	if (delay > high)
		delay = high;
	return now + delay;
}

struct moving {
	struct message *m;
	int64_t due;
	struct err error;
};

/* A journal that has grown is made short again; no delivery is under way. */
static void
shorten_journal(struct message *m)
{
	bool done;
	struct err e;

	if (m->journal_end <= QUEUE_JOURNAL_REWRITE)
		return;
	e = queue_rewrite(m->queue, queue_id_view(&m->id), &done,
	    &m->journal_end);
	if (err_is(e))
		log_warn("%s: %s", m->id.text, e.text);
}

/* The file's time is when it is due, as monitoring scripts of Postfix expect;
 * it is also what a new start reads. */
static void
move_to_deferred(void *arg)
{
	struct moving *x = arg;
	struct message *m = x->m;
	struct view id = queue_id_view(&m->id);
	struct queue_path from = queue_path_of(m->queue, id);
	struct queue_path to = queue_path_of("deferred", id);
	struct timespec times[2] = { { .tv_sec = x->due },
		{ .tv_sec = x->due } };

	shorten_journal(m);
	if (utimensat(AT_FDCWD, from.text, times, AT_SYMLINK_NOFOLLOW) < 0)
		x->error = err_sys(ERR_TEMP, "set time of %s", from.text);
	if (strcmp(m->queue, "deferred") == 0)
		return;
	queue_make_folder(id);
	TEST_POINT("qmgr-move");
	if (queue_move(from.text, to.text) == 0)
		m->queue = "deferred";
	else
		x->error =
		    err_sys(ERR_TEMP, "rename %s to %s", from.text, to.text);
	TEST_POINT("qmgr-moved");
}

static void
warn_of_delay(struct message *m)
{
	int64_t after = qmgr.conf->delay_warning_time;

	if (after <= 0 || m->warned || m->sender[0] == '\0' ||
	    clock_wall_us() - m->arrival_us < after * 1000000)
		return;
	if (make_report(m, REPORT_DELAY))
		m->warned = true;
}

/* What is known must be on disk before the message is forgotten, or it would be
 * delivered again to who has it; a full disk has room again some day. */
static void
write_what_is_left(struct message *m)
{
	while (m->unwritten.len > 0 && m->act != ACT_DELETE) {
		fiber_sleep(DISK_RETRY_MS);
		outcomes_write(m, VIEW_EMPTY);
	}
}

/* Until when nothing has to be done with it but try again: it becomes too old,
 * or its sender is to be warned. */
static int64_t
must_open(const struct message *m)
{
	int64_t arrival = m->arrival_us / 1000000;
	int64_t end = arrival +
	    (m->sender[0] == '\0' ? qmgr.conf->bounce_queue_lifetime :
				    qmgr.conf->maximal_queue_lifetime);
	int64_t warning = arrival + qmgr.conf->delay_warning_time;

	if (m->expired)
		return 0;
	if (qmgr.conf->delay_warning_time > 0 && !m->warned &&
	    m->sender[0] != '\0' && warning < end)
		return warning;
	return end;
}

static void
note_answered(const struct message *m)
{
	if (!m->was_unanswered)
		deferred_set_answered(queue_id_view(&m->id));
}

/* All that is open waits for room: the file stays as it is. */
static bool
line_up(struct message *m)
{
	struct destination *d = destination_find_where(m->where);
	bool has_reason = strcmp(m->queue, "deferred") == 0;

	if (!m->put_back || m->was_deferred || m->act != ACT_NONE ||
	    d == NULL)
		return false;
	destination_line_up(d, queue_id_view(&m->id),
	    has_reason ? must_open(m) : 0);
	note_answered(m);
	message_free(m);
	destination_call_next(d);
	return true;
}

static void
message_defer(struct message *m)
{
	struct moving x = { .m = m, .due = next_due(m) };

	warn_of_delay(m);
	write_what_is_left(m);
	if (line_up(m))
		return;
	offload(move_to_deferred, &x);
	if (err_is(x.error))
		log_warn("%s: %s", m->id.text, x.error.text);
	if (m->act != ACT_NONE) {
		act_perform(m);
		return;
	}
	deferred_add_tried(queue_id_view(&m->id), x.due, m->site, m->where,
	    must_open(m));
	note_answered(m);
	message_free(m);
}

/* Something of it is undecided. */
static bool
is_unfinished(const struct message *m)
{
	return m->was_deferred || m->put_back || m->rcpts_at >= 0;
}

/* The reports that are due after this round.  What the journal says of earlier
 * ones is only asked for at the end: nearly always it was told.  False: they
 * could not be made. */
static bool
make_reports(struct message *m)
{
	bool ok = true;

	if (!m->must_report && is_unfinished(m))
		return true;
	if (m->needs_failure) {
		if (is_too_old(m))
			log_expired(m);
		ok = make_report(m, REPORT_FAILURE);
	}
	if (ok && m->needs_success)
		ok = make_report(m, (m->flags & SUBMIT_DSN_TRACE) != 0 ?
			REPORT_TRACE : REPORT_SUCCESS);
	return ok;
}

/* The recipients that are still in the file.  True: there are some, and this
 * is not the end. */
static bool
go_on(struct message *m)
{
	m->finishing = false;
	message_use(m);
	while (qmgr.n_rcpts >= qmgr.conf->qmgr_message_recipient_limit &&
	    !message_stops(m) && !qmgr.draining)
		wait_queue_for(&qmgr.room_for_rcpts, DEADLINE_NEVER);
	if (!message_stops(m) && !qmgr.draining)
		message_read_more(m);
	/* Who waits behind us may find room too. */
	if (qmgr.n_rcpts < qmgr.conf->qmgr_message_recipient_limit)
		wait_queue_wake_one(&qmgr.room_for_rcpts);
	if (m->n_open > 0) {
		route_message(m);
		message_unuse(m);
		return true;
	}
	m->users--;
	m->finishing = true;
	return false;
}

void
message_finish(struct message *m)
{
	bool reported;

	if (m->rcpts_at >= 0 && !message_stops(m) && go_on(m))
		return;
	if (qmgr.draining && m->rcpts_at >= 0)
		return; /* the successor goes on */
	/* Each step waits, and the administrator may ask meanwhile. */
	reported = m->act == ACT_DELETE || make_reports(m);
	if (m->act == ACT_DELETE)
		act_perform(m);
	else if (reported && !is_unfinished(m))
		message_remove(m);
	else
		message_defer(m);
}
