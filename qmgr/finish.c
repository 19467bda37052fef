/*
 * The end of a round, when no recipient in memory is open any more: reports are
 * made, the file is removed, or waits for another try.
 */
#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/testpoint.h"
#include "lib/mail/addr_log.h"
#include "lib/mail/queue_disk.h"
#include "lib/mail/queue_rewrite.h"
#include "lib/run/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REPORT_TIMEOUT = 3600 };

static bool
is_past_lifetime(const struct message *m)
{
	int64_t limit = m->sender[0] == '\0' ?
	    qmgr.conf->bounce_queue_lifetime :
	    qmgr.conf->maximal_queue_lifetime;

	return clock_wall_us() - m->arrival_us > limit * 1000000;
}

bool
message_is_too_old(const struct message *m)
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
	/* It goes into the journal and the log. */
	if (!err_is(e) && answer.text.len > 0 && !queue_id_is_valid(answer.text))
		e = err_make(ERR_TEMP, "bounce gave no queue ID");
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
		if (message_is_too_old(m))
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
