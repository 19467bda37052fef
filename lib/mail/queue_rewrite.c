/* Rewriting queue files: see queue_rewrite.h. */
#include "lib/mail/queue_rewrite.h"

#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/mail/queue_disk.h"
#include "lib/mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_SUFFIX ".new"

struct rewriting {
	struct queue_path old, made;
	int from, to;
	struct queue_file file;
	struct queue_journal journal;
	int32_t *last; /* of each recipient: the record that counts; -1: none */
	struct str records;
};

bool
queue_rewrite_is_due(const struct queue_preamble *p, int64_t journal_len)
{
	return journal_len > QUEUE_JOURNAL_REWRITE &&
	    journal_len / 2 > p->envelope_len + p->rcpts_len;
}

bool
queue_rewrite_is_litter(struct view name)
{
	return view_ends(name, VIEW(NEW_SUFFIX)) &&
	    queue_id_is_valid(
		view_first(name, name.len - sizeof(NEW_SUFFIX) + 1));
}

/* --- what still counts --- */

static bool
decode_outcome(
    struct view record, int64_t n_rcpts, struct ipc_journal_outcome *o)
{
	bool more;

	return !err_is(
		   ipc_list_next(&record, IPC_IN(journal_outcome, o), &more)) &&
	    more && o->first >= 0 && o->count >= 0 && o->first <= n_rcpts &&
	    o->count <= n_rcpts - o->first;
}

static void
find_last(struct rewriting *w)
{
	int64_t n_rcpts = w->file.preamble.n_rcpts;
	struct queue_journal j = w->journal;
	enum journal_kind kind;
	struct view record;

	w->last = xreallocarray(NULL, (size_t)n_rcpts + 1, sizeof(*w->last));
	for (int64_t i = 0; i < n_rcpts; i++)
		w->last[i] = -1;
	for (int32_t k = 0; queue_journal_next(&j, &kind, &record); k++) {
		struct ipc_journal_outcome o;

		if (kind != JOURNAL_OUTCOME ||
		    !decode_outcome(record, n_rcpts, &o))
			continue;
		for (int64_t i = o.first; i < o.first + o.count; i++)
			w->last[i] = k;
	}
}

/* The recipients for which this record is the last word. */
static void
keep_outcome(struct rewriting *w, int32_t k, struct view record)
{
	struct ipc_journal_outcome o;
	int64_t end;

	if (!decode_outcome(record, w->file.preamble.n_rcpts, &o))
		return;
	end = o.first + o.count;
	while (o.first < end) {
		if (w->last[o.first] != k) {
			o.first++;
			continue;
		}
		for (o.count = 0;
		     o.first + o.count < end && w->last[o.first + o.count] == k;
		     o.count++)
			;
		queue_journal_add(
		    &w->records, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &o));
		o.first += o.count;
	}
}

/* States repeat too; the last of each name counts. */
static bool
comes_again(const struct queue_journal *after, struct view record)
{
	struct queue_journal j = *after;
	struct ipc_journal_state a, b;
	enum journal_kind kind;
	struct view other;
	bool more;

	if (err_is(ipc_list_next(&record, IPC_IN(journal_state, &a), &more)) ||
	    !more)
		return true;
	while (queue_journal_next(&j, &kind, &other))
		if (kind == JOURNAL_STATE &&
		    !err_is(ipc_list_next(
			&other, IPC_IN(journal_state, &b), &more)) &&
		    more && view_eq(a.what, b.what))
			return true;
	return false;
}

/* In the old order: which outcomes a report has told is told by what stands
 * before it. */
static void
gather(struct rewriting *w)
{
	struct queue_journal j = w->journal;
	enum journal_kind kind;
	struct view record;

	find_last(w);
	for (int32_t k = 0; queue_journal_next(&j, &kind, &record); k++) {
		struct ipc_journal_report r;
		struct ipc_journal_state s;
		struct view rest = record;
		bool more;

		if (kind == JOURNAL_OUTCOME)
			keep_outcome(w, k, record);
		else if (kind == JOURNAL_REPORT &&
		    !err_is(ipc_list_next(
			&rest, IPC_IN(journal_report, &r), &more)) &&
		    more)
			queue_journal_add(
			    &w->records, kind, IPC_OUT(journal_report, &r));
		else if (kind == JOURNAL_STATE && !comes_again(&j, record) &&
		    !err_is(ipc_list_next(
			&rest, IPC_IN(journal_state, &s), &more)) &&
		    more)
			queue_journal_add(
			    &w->records, kind, IPC_OUT(journal_state, &s));
	}
}

/* --- the new file --- */

static struct err
copy_all_before(struct rewriting *w)
{
	struct str layout = STR_EMPTY;
	struct queue_content content;
	struct view piece;
	int64_t at = 0;
	struct err e;

	queue_layout_add(&layout, 0, w->file.preamble.commit_len);
	queue_content_init(&content, w->from, str_view(&layout));
	for (;;) {
		e = queue_content_next(&content, &piece);
		if (err_is(e) || piece.len == 0)
			break;
		e = queue_write_at(w->to, piece, at);
		if (err_is(e))
			break;
		at += (int64_t)piece.len;
	}
	queue_content_clear(&content);
	str_clear(&layout);
	return e;
}

/* The new one takes the old one's time, which says when it is due, and then
 * its place. */
static struct err
replace_old(struct rewriting *w)
{
	struct stat st;

	if (fstat(w->from, &st) == 0) {
		const struct timespec times[2] = { st.st_atim, st.st_mtim };

		futimens(w->to, times);
		/* It says that there is a preamble. */
		if (fchmod(w->to, st.st_mode & 0777) < 0)
			return err_sys(
			    ERR_TEMP, "change mode of %s", w->made.text);
	}
	if (fsync(w->to) < 0)
		return err_sys(ERR_TEMP, "sync %s", w->made.text);
	TEST_POINT("qmgr-rewritten");
	if (rename(w->made.text, w->old.text) < 0)
		return err_sys(ERR_TEMP, "rename %s", w->made.text);
	TEST_POINT("qmgr-replaced");
	/* The old one lives until it is closed: its name leads somewhere even
	 * if the power fails here. */
	queue_sync_name(w->old.text);
	return ERR_OK;
}

/* Not inlined: its errors would make the caller's frame too large. */
__attribute__((noinline)) static struct err
write_new(struct rewriting *w)
{
	struct err e;

	w->to = open(w->made.text,
	    O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (w->to < 0)
		return err_sys(ERR_TEMP, "create %s", w->made.text);
	e = copy_all_before(w);
	if (!err_is(e))
		e = queue_write_at(
		    w->to, str_view(&w->records), w->file.preamble.commit_len);
	if (!err_is(e))
		e = replace_old(w);
	if (err_is(e))
		unlink(w->made.text);
	close(w->to);
	return e;
}

static struct err
open_old(struct rewriting *w)
{
	struct err e;

	w->from = open(w->old.text, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (w->from < 0)
		return err_sys(ERR_TEMP, "open %s", w->old.text);
	if (flock(w->from, LOCK_EX | LOCK_NB) < 0)
		return err_sys(ERR_TEMP, "lock %s", w->old.text);
	e = queue_file_read(&w->file, w->from);
	if (!err_is(e))
		e = queue_journal_read(&w->file, &w->journal);
	return e;
}

static struct err
rewrite(struct rewriting *w, bool *done, int64_t *journal_end)
{
	const struct queue_preamble *p = &w->file.preamble;
	int64_t len = w->file.file_len - p->commit_len;
	struct err e;

	if (!queue_rewrite_is_due(p, len))
		return ERR_OK;
	gather(w);
	if ((int64_t)w->records.len > len / 2)
		return ERR_OK;
	e = write_new(w);
	*done = !err_is(e);
	*journal_end = p->commit_len + (int64_t)w->records.len;
	return e;
}

struct err
queue_rewrite(
    const char *queue, struct view id, bool *done, int64_t *journal_end)
{
	struct rewriting *w = xcalloc(1, sizeof(*w));
	struct err e;

	*done = false;
	w->old = queue_path_of(queue, id);
	snprintf(w->made.text, sizeof(w->made.text), "%.*s" NEW_SUFFIX,
	    (int)(sizeof(w->made.text) - sizeof(NEW_SUFFIX)), w->old.text);
	w->records = w->file.memory = w->journal.memory = STR_EMPTY;
	e = open_old(w);
	if (!err_is(e))
		e = rewrite(w, done, journal_end);
	queue_journal_clear(&w->journal);
	queue_file_clear(&w->file);
	str_clear(&w->records);
	free(w->last);
	if (w->from >= 0)
		close(w->from);
	free(w);
	return e;
}
