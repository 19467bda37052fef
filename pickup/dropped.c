#include "pickup/dropped.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/mail/addr.h"
#include "lib/mail/drop.h"
#include "lib/mail/esmtp.h"
#include "lib/mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/* A file without its end, that nobody holds, is litter of a crash after
	 * that many seconds. */
	LITTER_AGE = 600,
	RCPTS_MAX = 100 * 1000 * 1000,
};

static void
init(struct dropped *d, int fd)
{
	*d = (struct dropped){ .fd = fd, .memory = STR_EMPTY };
	d->file.memory = STR_EMPTY;
}

/* No byte that could end a line or a field later. */
static bool
is_clean(struct view v, size_t max)
{
	if (v.len > max)
		return false;
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.ptr[i] < ' ' || v.ptr[i] == 0x7f)
			return false;
	return true;
}

static struct err
check_envelope(const struct queue_file *q)
{
	const struct ipc_envelope *e = &q->envelope;

	if (!is_clean(e->sender, ADDR_MAX))
		return err_make(ERR_PERM, "malformed sender");
	if (!is_clean(e->full_name, DROP_NAME_MAX))
		return err_make(ERR_PERM, "malformed full name");
	if (!is_clean(e->envid, ESMTP_ENVID_MAX) || e->ret < ESMTP_RET_NONE ||
	    e->ret > ESMTP_RET_HDRS)
		return err_make(ERR_PERM, "malformed DSN request");
	/* Each takes bytes: a larger number would only cost memory. */
	if (q->preamble.n_rcpts == 0 || q->preamble.n_rcpts > RCPTS_MAX ||
	    q->preamble.n_rcpts > q->preamble.rcpts_len)
		return err_make(ERR_PERM, "no recipients, or too many");
	return ERR_OK;
}

static void
mark_decided(struct dropped *d, const struct ipc_journal_outcome *o)
{
	int64_t n = d->file.preamble.n_rcpts;

	if (o->status == OUTCOME_DEFERRED || o->first < 0 || o->count < 0 ||
	    o->first > n || o->count > n - o->first)
		return;
	if (d->decided == NULL)
		d->decided = xcalloc((size_t)n / 8 + 1, 1);
	for (int64_t i = o->first; i < o->first + o->count; i++) {
		unsigned char bit = (unsigned char)(1 << i % 8);

		d->n_decided += (d->decided[i / 8] & bit) == 0;
		d->decided[i / 8] |= bit;
	}
}

/* What cleanup wrote has the name that it had in the queue; a submitter's file
 * is another's, or says where it is from. */
static bool
is_requeued(const struct dropped *d, uid_t trusted)
{
	const struct ipc_envelope *e = &d->file.envelope;

	return d->owner == trusted && !view_eq(e->origin, VIEW("sendmail")) &&
	    queue_id_is_valid(e->queue_id);
}

/* Of a message that was in the queue before. */
static struct err
read_journal(struct dropped *d)
{
	struct queue_journal j;
	struct ipc_journal_outcome o;
	enum journal_kind kind;
	struct view record;
	bool more;
	struct err e = queue_journal_read(&d->file, &j);

	while (!err_is(e) && queue_journal_next(&j, &kind, &record))
		if (kind == JOURNAL_OUTCOME &&
		    !err_is(ipc_list_next(
			&record, IPC_IN(journal_outcome, &o), &more)) &&
		    more)
			mark_decided(d, &o);
	d->journal_end = j.good_end;
	queue_journal_clear(&j);
	return e;
}

static bool
is_young(const struct stat *st)
{
	return st->st_mtime >= clock_wall() - LITTER_AGE;
}

/* One that was just created has no lock yet; ours would be in the way of its
 * writer, who gives up if he cannot have it. */
static bool
is_being_created(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == 0 && is_young(&st);
}

/* An incomplete file: is somebody at work on it? */
static bool
is_litter(int fd, const struct stat *st)
{
	return !is_young(st) && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

struct err
dropped_examine(struct dropped *d, uid_t trusted, bool *litter)
{
	struct stat st;
	struct err e;

	if (is_being_created(d->fd))
		return err_make(ERR_GONE, "is being created");
	/* Whoever writes it has it locked until it is safe. */
	if (flock(d->fd, LOCK_SH | LOCK_NB) < 0)
		return err_make(ERR_GONE, "is still being written");
	e = queue_file_read(&d->file, d->fd);
	if (e.kind == ERR_GONE && fstat(d->fd, &st) == 0)
		*litter = is_litter(d->fd, &st);
	if (!err_is(e))
		e = check_envelope(&d->file);
	if (!err_is(e))
		e = queue_file_check_rcpts(&d->file);
	if (!err_is(e))
		e = queue_file_check_body(&d->file, QUEUE_CHECK_BODY_MAX);
	d->is_requeued = !err_is(e) && is_requeued(d, trusted);
	if (d->is_requeued)
		e = read_journal(d);
	if (err_is(e))
		return e;
	/* An agent that lost its qmgr may still be delivering it. */
	if (d->is_requeued && flock(d->fd, LOCK_EX | LOCK_NB) < 0)
		return err_make(ERR_GONE, "is still being delivered");
	queue_content_init(&d->reader, d->fd, d->file.envelope.layout);
	content_in_init(&d->decoder, CONTENT_CHUNK, false);
	return ERR_OK;
}

struct err
dropped_read(struct dropped *d, int fd, uid_t trusted, bool *litter)
{
	struct stat st;

	init(d, fd);
	*litter = false;
	if (fstat(fd, &st) < 0)
		return err_sys(ERR_TEMP, "fstat");
	if (!S_ISREG(st.st_mode))
		return err_make(ERR_PERM, "not a regular file");
	d->owner = st.st_uid;
	/* The queue's own move to here is a link and an unlink on some file
	 * systems; after a crash between them its other name counts. */
	if (st.st_nlink == 2 && st.st_uid == trusted)
		return err_make(ERR_GONE, "has its old name still");
	if (st.st_nlink != 1)
		return err_make(ERR_PERM, "has %ld links", (long)st.st_nlink);
	d->arrival_us =
	    st.st_mtim.tv_sec * INT64_C(1000000) + st.st_mtim.tv_nsec / 1000;
	return dropped_examine(d, trusted, litter);
}

struct err
dropped_open(struct dropped *d, const char *path, uid_t trusted, bool *litter)
{
	int fd = open(
	    path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	init(d, -1);
	*litter = false;
	if (fd < 0 && errno == ENOENT)
		return err_sys(ERR_GONE, "open");
	/* A symbolic link or a device will be one tomorrow. */
	if (fd < 0)
		return err_sys(
		    errno == ELOOP || errno == ENXIO ? ERR_PERM : ERR_TEMP,
		    "open");
	return dropped_read(d, fd, trusted, litter);
}

void
dropped_close(struct dropped *d)
{
	queue_content_clear(&d->reader);
	queue_file_clear(&d->file);
	str_clear(&d->memory);
	free(d->decided);
	d->decided = NULL;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static struct err
add_rcpt(struct dropped *d, const struct ipc_rcpt *from, struct str *list)
{
	const unsigned known = ESMTP_NOTIFY_NEVER | ESMTP_NOTIFY_SUCCESS |
	    ESMTP_NOTIFY_FAILURE | ESMTP_NOTIFY_DELAY;
	struct ipc_rcpt rcpt = { .number = d->n_rcpts,
		.address = from->address,
		.notify = from->notify & (int64_t)known };

	if (from->address.len == 0 || !is_clean(from->address, ADDR_MAX))
		return err_make(ERR_PERM, "malformed recipient");
	if (from->number < 0 || from->number >= d->file.preamble.n_rcpts)
		return err_make(ERR_PERM, "malformed recipients");
	if (d->decided != NULL &&
	    (d->decided[from->number / 8] >> from->number % 8 & 1) != 0)
		return ERR_OK;
	/* The queue looked at them before. */
	if (d->is_requeued && is_clean(from->original, ADDR_MAX) &&
	    is_clean(from->orcpt, ADDR_MAX)) {
		rcpt.original = from->original;
		rcpt.orcpt = from->orcpt;
	}
	ipc_list_add(list, ipc_rcpt_type(), &rcpt);
	d->n_rcpts++;
	return ERR_OK;
}

struct err
dropped_next_rcpts(struct dropped *d, struct str *list, bool *more)
{
	struct view batch;
	struct ipc_rcpt rcpt;
	bool one;
	struct err e =
	    queue_file_read_rcpts(&d->file, &d->rcpts_at, &d->memory, &batch);

	while (!err_is(e) && batch.len > 0) {
		e = ipc_list_next(&batch, IPC_IN(rcpt, &rcpt), &one);
		if (!err_is(e) && one)
			e = add_rcpt(d, &rcpt, list);
	}
	*more = d->rcpts_at < d->file.preamble.rcpts_len;
	return e;
}

struct err
dropped_next_content(struct dropped *d, struct str *out, bool *more)
{
	struct view piece;
	struct err e = queue_content_next(&d->reader, &piece);

	*more = piece.len > 0;
	if (err_is(e))
		return e;
	if (piece.len > 0)
		content_in_feed(&d->decoder, piece, out);
	else
		content_in_finish(&d->decoder, out);
	return ERR_OK;
}

int64_t
dropped_flags(const struct dropped *d)
{
	static const struct {
		unsigned seen;
		int64_t flag;
	} rows[] = {
		{ CONTENT_8BIT, SUBMIT_EIGHT_BIT },
		{ CONTENT_NUL, SUBMIT_NUL },
		{ CONTENT_BARE_CR, SUBMIT_BARE_CR },
		{ CONTENT_BARE_LF, SUBMIT_BARE_LF },
	};
	int64_t flags = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((d->decoder.flags & rows[i].seen) != 0)
			flags |= rows[i].flag;
	return flags;
}
