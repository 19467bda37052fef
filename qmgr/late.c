/*
 * Late outcomes: an agent was asked by a qmgr that is no more, and tells us
 * what became of it, with the descriptor of the queue file that it was given.
 * They go into the file's journal; whoever opens the message next knows them.
 *
 * An agent may have been taken over.  Such a descriptor cannot be had but from
 * a qmgr (the smtp identity can open no file), but one for a message says
 * nothing of which recipients it was given for: another agent may have the
 * rest.  So each request carries a seal over the message and its recipients,
 * made with a key that only qmgr knows and that outlives the process, and the
 * outcomes must be of exactly these.  So nothing can be said late that could
 * not have been said in time.
 */
#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/testpoint.h"
#include "lib/run/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- seals --- */

static uint64_t key[2];

void
seal_open(int fd)
{
	if (pread(fd, key, sizeof(key), 0) == (ssize_t)sizeof(key))
		return;
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key) ||
	    pwrite(fd, key, sizeof(key), 0) != (ssize_t)sizeof(key))
		die_temp("write pid/qmgr.lock: %s", strerror(errno));
}

void
seal_begin(struct str *sealed, struct view id)
{
	str_set(sealed, id);
	str_add_byte(sealed, '\0');
}

void
seal_add(struct str *sealed, int64_t number)
{
	str_add(sealed, view_make((const char *)&number, sizeof(number)));
}

struct seal
seal_end(const struct str *sealed)
{
	uint64_t mac = hash_mac(key, str_view(sealed));
	struct seal seal;

	memcpy(seal.bytes, &mac, sizeof(mac));
	return seal;
}

/* Was it made for just these recipients?  ERR_PERM: no, or malformed. */
static struct err
check_seal(const struct ipc_late_delivered *late)
{
	struct str sealed = STR_EMPTY;
	struct view list = late->outcomes;
	struct ipc_outcome o;
	struct seal seal;
	bool more;
	struct err e;

	seal_begin(&sealed, late->queue_id);
	while (!err_is(e = ipc_list_next(&list, IPC_IN(outcome, &o), &more)) &&
	    more)
		seal_add(&sealed, o.number);
	seal = seal_end(&sealed);
	str_clear(&sealed);
	if (!err_is(e) && !view_eq(late->seal, seal_view(&seal)))
		e = err_make(ERR_PERM, "not what was asked for");
	return e;
}

/* --- the journal --- */

struct late {
	const struct ipc_late_delivered *ask;
	const char *queue; /* where the file was found */
	unsigned char *decided;
	int64_t n_rcpts;
	struct str records;
	int64_t n_taken;
	struct err error;
};

static bool
is_same_file(const char *path, const struct stat *given)
{
	struct stat st;

	return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_dev == given->st_dev &&
	    st.st_ino == given->st_ino;
}

/* The descriptor must be as we give them, of the file that has this name. */
static struct err
find_file(struct late *x)
{
	static const char *const queues[] = { "active", "incoming", "deferred",
		"hold" };
	int mode = fcntl(x->ask->file, F_GETFL);
	struct stat st;

	if (mode < 0 || (mode & (O_ACCMODE | O_PATH)) != O_RDONLY ||
	    fstat(x->ask->file, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != geteuid())
		return err_make(ERR_PERM, "not a descriptor of ours");
	/* Else somebody writes it, and may replace it. */
	if (flock(x->ask->file, LOCK_SH | LOCK_NB) < 0)
		return err_sys(ERR_TEMP, "lock");
	for (size_t i = 0; i < ARRAY_LEN(queues); i++) {
		struct queue_path path =
		    queue_path_of(queues[i], x->ask->queue_id);

		if (is_same_file(path.text, &st)) {
			x->queue = queues[i];
			return ERR_OK;
		}
	}
	return err_make(ERR_PERM, "no such message");
}

static bool
is_decided(const struct late *x, int64_t number)
{
	return (x->decided[number / 8] >> number % 8 & 1) != 0;
}

static void
mark(struct late *x, int64_t first, int64_t count)
{
	if (first < 0 || count < 0 || first > x->n_rcpts ||
	    count > x->n_rcpts - first)
		return;
	for (int64_t n = first; n < first + count; n++)
		x->decided[n / 8] |= (unsigned char)(1 << n % 8);
}

static struct err
read_decided(struct late *x, struct queue_file *file, int64_t *end)
{
	struct queue_journal j;
	struct ipc_journal_outcome o;
	enum journal_kind kind;
	struct view record;
	bool more;
	struct err e = queue_journal_read(file, &j);

	if (err_is(e))
		return e;
	x->n_rcpts = file->preamble.n_rcpts;
	x->decided = xcalloc((size_t)x->n_rcpts / 8 + 1, 1);
	while (queue_journal_next(&j, &kind, &record))
		if (kind == JOURNAL_OUTCOME &&
		    !err_is(ipc_list_next(
			&record, IPC_IN(journal_outcome, &o), &more)) &&
		    more && o.status != OUTCOME_DEFERRED)
			mark(x, o.first, o.count);
	*end = j.good_end;
	queue_journal_clear(&j);
	return ERR_OK;
}

/* Only what is final: who was deferred is tried again in any case. */
static bool
counts(const struct ipc_outcome *o)
{
	return o->status == OUTCOME_SENT || o->status == OUTCOME_EXPANDED ||
	    o->status == OUTCOME_RELAYED ||
	    (o->status == OUTCOME_BOUNCED && !qmgr.conf->soft_bounce);
}

static struct err
make_records(struct late *x)
{
	struct view list = x->ask->outcomes;
	struct ipc_outcome o;
	bool more;
	struct err e;

	while (!err_is(e = ipc_list_next(&list, IPC_IN(outcome, &o), &more)) &&
	    more) {
		struct ipc_journal_outcome record = { .first = o.number,
			.count = 1,
			.status = o.status,
			.at_us = clock_wall_us(),
			.dsn = view_first(o.dsn, OUTCOME_NAME_MAX),
			.text = view_first(o.text, OUTCOME_TEXT_MAX),
			.relay = view_first(o.relay, OUTCOME_NAME_MAX),
			.remote = view_first(o.remote, OUTCOME_NAME_MAX) };

		if (o.number < 0 || o.number >= x->n_rcpts)
			return err_make(ERR_PERM, "no such recipient");
		if (!counts(&o) || is_decided(x, o.number))
			continue;
		mark(x, o.number, 1);
		queue_journal_add(&x->records, JOURNAL_OUTCOME,
		    IPC_OUT(journal_outcome, &record));
		x->n_taken++;
	}
	return e;
}

static struct err
append(struct late *x, int64_t end)
{
	struct queue_path path = queue_path_of(x->queue, x->ask->queue_id);
	int fd = open(path.text, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct err e;

	if (fd < 0)
		return err_sys(ERR_TEMP, "open %s", path.text);
	TEST_POINT("qmgr-late");
	e = queue_journal_append(fd, str_view(&x->records), &end);
	if (!err_is(e) && fdatasync(fd) < 0)
		e = err_sys(ERR_TEMP, "sync %s", path.text);
	TEST_POINT("qmgr-late-written");
	close(fd);
	return e;
}

/* On a thread. */
static void
take(void *arg)
{
	struct late *x = arg;
	struct queue_file file = { .memory = STR_EMPTY };
	int64_t end = 0;

	x->error = find_file(x);
	if (err_is(x->error))
		return;
	x->error = queue_file_read(&file, x->ask->file);
	if (!err_is(x->error))
		x->error = read_decided(x, &file, &end);
	if (!err_is(x->error))
		x->error = make_records(x);
	if (!err_is(x->error) && x->n_taken > 0)
		x->error = append(x, end);
	queue_file_clear(&file);
}

enum { LOOK_AGAIN_S = 1 };

/* Nobody else may work on the message: it is claimed, and the shared lock keeps
 * a rewriting of the file off. */
static struct err
take_claimed(const struct ipc_late_delivered *ask)
{
	struct late x = { .ask = ask, .records = STR_EMPTY };

	offload(take, &x);
	if (!err_is(x.error))
		log_info("%.*s: late outcomes of %d recipients taken",
		    VIEW_ARGS(ask->queue_id), (int)x.n_taken);
	/* Who wanted to open it meanwhile was sent away. */
	if (x.queue != NULL && strcmp(x.queue, "hold") != 0 &&
	    (x.n_taken > 0 || !deferred_has(ask->queue_id)))
		deferred_add(ask->queue_id, clock_wall() + LOOK_AGAIN_S, NULL);
	str_clear(&x.records);
	free(x.decided);
	return x.error;
}

void
late_run(struct ipc_request *r)
{
	struct ipc_late_delivered ask = { .file = -1 };
	struct ipc_result answer;
	struct err e;

	if (!ipc_request_read(r, IPC_IN(late_delivered, &ask)))
		return;
	work_begin();
	if (!queue_id_is_valid(ask.queue_id))
		e = err_make(ERR_PERM, "bad queue ID");
	else
		e = check_seal(&ask);
	if (!err_is(e) && !message_claim(ask.queue_id))
		e = err_make(ERR_TEMP, "message is being worked on");
	else if (!err_is(e)) {
		e = take_claimed(&ask);
		message_unclaim(ask.queue_id);
	}
	if (ask.file >= 0)
		close(ask.file);
	/* The agent says so itself, if it is honest; TEMP it tries again. */
	if (e.kind == ERR_PERM)
		log_warn("%.*s: late outcomes refused: %s",
		    VIEW_ARGS(view_first(ask.queue_id, QUEUE_ID_MAX)), e.text);
	answer = (struct ipc_result){ e.kind, view_of(e.text) };
	ipc_reply(r, IPC_OUT(result, &answer));
	work_end();
}
