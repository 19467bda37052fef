/*
 * bounce makes reports of a queue file and its journal; so one of ours is made
 * of the user's, with the refusal in its journal, and is gone again when the
 * report is queued.  It stands in corrupt meanwhile: whoever finds it after a
 * crash finds the original in maildrop as well.
 */
#include "pickup/refuse.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/run/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_TIMEOUT = 3600, COPY_STEP = 65536 };

struct copying {
	struct dropped *d;
	const struct queue_id *id;
	struct view dsn, text;
	int fd; /* read-only, for bounce */
	struct err error;
};

static bool
is_decided(const struct dropped *d, int64_t number)
{
	return d->decided != NULL &&
	    (d->decided[number / 8] >> number % 8 & 1) != 0;
}

/* All that were open got the same end. */
static void
make_journal(struct copying *c, struct str *out)
{
	int64_t n = c->d->file.preamble.n_rcpts;
	struct ipc_journal_outcome o = { .status = OUTCOME_BOUNCED,
		.at_us = clock_wall_us(),
		.dsn = c->dsn,
		.text = c->text,
		.relay = VIEW("none") };

	for (int64_t i = 0; i < n; i = o.first + o.count) {
		o.first = i;
		o.count = 1;
		if (is_decided(c->d, i))
			continue;
		/* Most often that is the range of all. */
		if (c->d->decided == NULL)
			o.count = n;
		while (o.first + o.count < n &&
		    !is_decided(c->d, o.first + o.count))
			o.count++;
		queue_journal_add(
		    out, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &o));
	}
}

static struct err
copy_bytes(struct copying *c, int to)
{
	int64_t left = c->d->file.preamble.commit_len, at = 0;
	char *buf = xmalloc(COPY_STEP);
	struct err e = ERR_OK;

	while (left > 0 && !err_is(e)) {
		size_t want = left < COPY_STEP ? (size_t)left : COPY_STEP;
		ssize_t n = pread(c->d->fd, buf, want, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			e = err_sys(ERR_TEMP, "read queue file");
			break;
		}
		e = queue_write_at(to, view_make(buf, (size_t)n), at);
		at += n;
		left -= n;
	}
	free(buf);
	return e;
}

/* On a thread. */
static void
make_copy(void *arg)
{
	struct copying *c = arg;
	struct view id = queue_id_view(c->id);
	struct str journal = STR_EMPTY;
	int64_t end = c->d->file.preamble.commit_len;
	int fd;

	c->error = queue_create("corrupt", id, &fd);
	if (err_is(c->error))
		return;
	make_journal(c, &journal);
	c->error = copy_bytes(c, fd);
	if (!err_is(c->error))
		c->error = queue_journal_append(fd, str_view(&journal), &end);
	close(fd);
	str_clear(&journal);
	if (err_is(c->error))
		return;
	c->fd = open(queue_path_of("corrupt", id).text,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (c->fd < 0)
		c->error = err_sys(ERR_TEMP, "open copy");
}

static void
remove_copy(void *arg)
{
	struct copying *c = arg;
	struct queue_path path = queue_path_of("corrupt", queue_id_view(c->id));

	if (unlink(path.text) < 0 && errno != ENOENT)
		log_warn("remove %s: %s", path.text, strerror(errno));
}

/* The descriptor goes with the question.  *report is the report's ID, if one
 * was due. */
static struct err
ask_for_report(struct pickup *p, struct ipc_report ask, struct str *report)
{
	struct ipc_result answer;
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct err e = ipc_call_once(&p->bounce, IPC_OUT(report, &ask),
	    IPC_IN(result, &answer), &keep, deadline_in(REPORT_TIMEOUT));

	if (!err_is(e) && answer.status != ERR_NONE)
		e = err_make(ERR_TEMP, "%.*s", VIEW_ARGS(answer.text));
	if (!err_is(e))
		str_set(report, answer.text);
	ipc_keep_clear(&keep);
	return e;
}

struct err
refuse_message(struct pickup *p, struct dropped *d, const struct queue_id *id,
    struct view reply)
{
	struct copying c = { .d = d, .id = id, .fd = -1, .error = ERR_OK };
	struct str report = STR_EMPTY;
	struct view rest = reply;
	struct err e;

	if (!view_token(&rest, " ", &c.dsn) || c.dsn.len > 11 ||
	    c.dsn.ptr[0] != '5')
		c.dsn = VIEW("5.6.0");
	c.text = view_trim(rest);
	offload(make_copy, &c);
	e = c.error;
	if (!err_is(e))
		e = ask_for_report(p,
		    (struct ipc_report){ .file = c.fd,
			.queue_id = queue_id_view(id),
			.kind = REPORT_FAILURE },
		    &report);
	offload(remove_copy, &c);
	if (err_is(e))
		e = err_make(ERR_TEMP, "%s: report: %s", id->text, e.text);
	else
		log_info("%s: status=bounced (%.*s), report %s", id->text,
		    VIEW_ARGS(c.text), report.len > 0 ? report.ptr : "none");
	str_clear(&report);
	return e;
}

/* A report that was queued, to be noted in the journal. */
struct note {
	const char *path;
	struct str record;
	int64_t *journal_end;
};

/* On a thread.  What cannot be noted is told once more if we come here again. */
static void
write_note(void *arg)
{
	struct note *n = arg;
	int fd = open(n->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct err e = fd < 0 ? err_sys(ERR_TEMP, "open")
			      : queue_journal_append(
				    fd, str_view(&n->record), n->journal_end);

	if (err_is(e))
		log_warn("%s: note the report: %s", n->path, e.text);
	if (fd >= 0)
		close(fd);
}

static void
note_report(
    struct dropped *d, const char *path, enum report_kind kind, struct view id)
{
	struct note n = { .path = path,
		.record = STR_EMPTY,
		.journal_end = &d->journal_end };
	struct ipc_journal_report r = { .kind = kind,
		.at_us = clock_wall_us(),
		.id = id };

	queue_journal_add(
	    &n.record, JOURNAL_REPORT, IPC_OUT(journal_report, &r));
	TEST_POINT("pickup-report");
	offload(write_note, &n);
	TEST_POINT("pickup-reported");
	str_clear(&n.record);
}

/* Of one kind, if it is due. */
static struct err
report_ends(struct pickup *p, struct dropped *d, const char *path,
    enum report_kind kind)
{
	struct str report = STR_EMPTY;
	struct ipc_report ask = { .queue_id = d->file.envelope.queue_id,
		.kind = kind,
		.file = fcntl(d->fd, F_DUPFD_CLOEXEC, 0) };
	struct err e = ask.file < 0
	    ? err_sys(ERR_TEMP, "duplicate descriptor")
	    : ask_for_report(p, ask, &report);

	if (!err_is(e) && report.len > 0)
		note_report(d, path, kind, str_view(&report));
	str_clear(&report);
	return err_is(e)
	    ? err_make(ERR_TEMP, "%.*s: report: %s", VIEW_ARGS(ask.queue_id),
		  e.text)
	    : e;
}

struct err
requeued_report(struct pickup *p, struct dropped *d, const char *path)
{
	bool traces = (d->file.preamble.flags & SUBMIT_DSN_TRACE) != 0;
	struct err e = report_ends(p, d, path, REPORT_FAILURE);

	return err_is(e) ? e : report_ends(p, d, path,
				   traces ? REPORT_TRACE : REPORT_SUCCESS);
}
