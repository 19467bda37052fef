/*
 * Messages in memory: made from a notice or read from their file, recipients
 * in batches, so that memory does not depend on how many a message has.
 */
#include "qmgr/qmgr.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/mail/addr.h"
#include "lib/mail/addr_log.h"
#include "lib/mail/queue_disk.h"
#include "lib/run/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPENING_LOOK_MS = 10 };

/* IDs whose files message_open is reading, or that were claimed: nobody else
 * begins with them.  The value, a bool, becomes true if a notice came. */
static struct htable opening;

struct message *
message_find(struct view id)
{
	return htable_find(&qmgr.by_id, id);
}

bool
message_claim(struct view id)
{
	static bool noticed;

	if (message_find(id) != NULL || htable_find(&opening, id) != NULL)
		return false;
	htable_set(&opening, id, &noticed);
	return true;
}

void
message_unclaim(struct view id)
{
	htable_remove(&opening, id);
}

static struct message *
message_new(const char *queue, struct view id)
{
	struct message *m = xcalloc(1, sizeof(*m));

	memcpy(m->id.text, id.ptr, id.len);
	m->queue = queue;
	m->active_us = clock_wall_us();
	m->rcpts_at = -1;
	m->journal_end = -1;
	m->unwritten = STR_EMPTY;
	wait_queue_init(&m->journal_free);
	list_init(&m->unrouted);
	list_init(&m->jobs);
	list_append(&qmgr.messages, &m->node);
	htable_set(&qmgr.by_id, id, m);
	qmgr.n_messages++;
	return m;
}

void
message_free(struct message *m)
{
	LIST_EACH(it, after, &m->unrouted)
		rcpt_free(LIST_ITEM(it, struct rcpt, node));
	htable_remove(&qmgr.by_id, queue_id_view(&m->id));
	list_remove(&m->node);
	qmgr.n_messages--;
	free(m->texts);
	free(m->decided);
	free(m->site);
	str_clear(&m->unwritten);
	free(m);
	flow_update();
}

static struct rcpt *
rcpt_new(const struct ipc_rcpt *from)
{
	size_t len = from->address.len + from->original.len +
	    from->orcpt.len + 3;
	struct rcpt *r = xmalloc(sizeof(*r) + len);
	char *at = r->text;

	list_init(&r->node);
	r->number = from->number;
	r->notify = (unsigned)from->notify;
	r->address = memcpy(at, from->address.ptr, from->address.len);
	at += from->address.len;
	*at++ = '\0';
	r->original = memcpy(at, from->original.ptr, from->original.len);
	at += from->original.len;
	*at++ = '\0';
	r->orcpt = memcpy(at, from->orcpt.ptr, from->orcpt.len);
	at[from->orcpt.len] = '\0';
	qmgr.n_rcpts++;
	return r;
}

void
rcpt_free(struct rcpt *r)
{
	list_remove(&r->node);
	qmgr.n_rcpts--;
	free(r);
	if (qmgr.n_rcpts < qmgr.conf->qmgr_message_recipient_limit)
		wait_queue_wake_one(&qmgr.room_for_rcpts);
}

struct rcpt *
rcpt_readdress(struct rcpt *old, struct view address)
{
	struct ipc_rcpt from = { old->number, address, view_of(old->original),
		view_of(old->orcpt), old->notify };
	struct rcpt *r = rcpt_new(&from);

	list_append(&old->node, &r->node);
	rcpt_free(old);
	return r;
}

static bool
is_decided(const struct message *m, int64_t number)
{
	return m->decided != NULL &&
	    (m->decided[number / 8] >> (number % 8) & 1) != 0;
}

/* Recipients of one batch that are still open.  ERR_PERM: malformed. */
static struct err
take_rcpts(struct message *m, struct view list)
{
	struct ipc_rcpt from;
	bool more;
	struct err e;

	for (;;) {
		e = ipc_list_next(&list, IPC_IN(rcpt, &from), &more);
		if (err_is(e) || !more)
			return e;
		if (from.address.len > ADDR_MAX ||
		    from.original.len > ADDR_MAX ||
		    from.orcpt.len > ADDR_MAX ||
		    memchr(from.address.ptr, '\0', from.address.len) != NULL ||
		    from.number != m->n_read || from.number >= m->n_rcpts)
			return err_make(ERR_PERM, "bad recipient");
		m->n_read++;
		if (is_decided(m, from.number))
			continue;
		list_append(&m->unrouted, &rcpt_new(&from)->node);
		m->n_open++;
	}
}

static void
log_active(const struct message *m)
{
	struct str sender = STR_EMPTY;

	addr_log_add(&sender, view_of(m->sender));
	log_info("%s: from=<%s>, size=%" PRId64 ", nrcpt=%" PRId64
		 " (queue active)",
	    m->id.text, sender.ptr, m->size, m->n_rcpts);
	str_clear(&sender);
}

void
message_use(struct message *m)
{
	m->users++;
}

bool
message_stops(const struct message *m)
{
	return m->act == ACT_DELETE || m->act == ACT_HOLD ||
	    m->act == ACT_REQUEUE || m->act == ACT_RELEASE;
}

void
message_await(struct view id)
{
	while (htable_find(&opening, id) != NULL)
		fiber_sleep(OPENING_LOOK_MS);
}

static void
finish_fiber(void *arg)
{
	message_finish(arg);
	work_end();
}

void
message_unuse(struct message *m)
{
	m->users--;
	if (m->users > 0 || m->finishing)
		return;
	m->finishing = true;
	work_begin();
	fiber_spawn("finish", finish_fiber, m);
}

static void
route_fiber(void *arg)
{
	struct message *m = arg;

	route_message(m);
	message_unuse(m);
}

/* In a fiber only if it has to wait: see route_message. */
static void
begin(struct message *m)
{
	message_use(m);
	fiber_spawn("route", route_fiber, m);
}

struct opening {
	char queue[16];
	struct queue_id id;
};

static void
open_fiber(void *arg)
{
	struct opening *o = arg;

	message_open(o->queue, queue_id_view(&o->id));
	free(o);
}

static const char *
queue_name(struct view v)
{
	static const char *const names[] = { "active", "incoming", "deferred",
		"hold" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (view_eq(v, view_of(names[i])))
			return names[i];
	return NULL;
}

static void
open_later(const char *queue, struct view id)
{
	struct opening *o = xcalloc(1, sizeof(*o));

	memcpy(o->queue, queue, strlen(queue) + 1);
	memcpy(o->id.text, id.ptr, id.len);
	fiber_spawn("open", open_fiber, o);
}

/* What is kept of an envelope: one block for all of them. */
enum { N_TEXTS = 8 };

static void
keep_texts(struct message *m, const struct view texts[N_TEXTS])
{
	const char **const to[N_TEXTS] = { &m->sender, &m->envid,
		&m->client_name, &m->client_addr, &m->protocol, &m->helo,
		&m->filter, &m->layout.ptr };
	size_t len = 0;
	char *at;

	for (size_t i = 0; i < N_TEXTS; i++)
		len += texts[i].len + 1;
	at = m->texts = xmalloc(len);
	for (size_t i = 0; i < N_TEXTS; i++) {
		*to[i] = at;
		if (texts[i].len > 0)
			memcpy(at, texts[i].ptr, texts[i].len);
		at += texts[i].len;
		*at++ = '\0';
	}
	m->layout.len = texts[N_TEXTS - 1].len;
}

/* All that the notice says.  False: its recipients are not what they should
 * be. */
static bool
fill_from_notice(struct message *m, const struct ipc_queued *n)
{
	m->arrival_us = n->arrival_us;
	m->size = n->size;
	m->flags = n->flags;
	m->ret = n->ret;
	keep_texts(m,
	    (const struct view[]){ n->sender, n->envid, n->client_name,
		n->client_addr, n->protocol, n->helo, n->filter, n->layout });
	m->n_rcpts = n->n_rcpts;
	return !err_is(take_rcpts(m, n->rcpts)) && m->n_read == m->n_rcpts;
}

static bool
note_while_opening(struct view id)
{
	bool *noticed = htable_find(&opening, id);

	if (noticed != NULL)
		*noticed = true;
	return noticed != NULL;
}

void
message_take_notice(const struct ipc_queued *n)
{
	bool is_active = view_eq(n->queue, VIEW("active"));
	const char *queue = is_active ? "active" : "incoming";
	struct message *m;

	if (!queue_id_is_valid(n->queue_id) || qmgr.draining ||
	    n->arrival_us < 0 || n->size < 0 || n->n_rcpts < 0 ||
	    (!is_active && !view_eq(n->queue, VIEW("incoming"))) ||
	    message_find(n->queue_id) != NULL ||
	    note_while_opening(n->queue_id))
		return;
	if (!is_active && !qmgr.room &&
	    (int64_t)qmgr.n_messages >= qmgr.conf->qmgr_message_active_limit)
		return; /* that is why it is there: see scan.c */
	/* One that waits has this ID: read_file looks whether it is the same. */
	if (n->rcpts.len == 0 || !is_active || deferred_has(n->queue_id)) {
		open_later(queue, n->queue_id);
		return;
	}
	m = message_new(queue, n->queue_id);
	if (!fill_from_notice(m, n)) {
		log_warn("%s: notice with bad recipients", m->id.text);
		message_free(m);
		open_later(queue, n->queue_id);
		return;
	}
	log_active(m);
	begin(m);
	flow_update();
}

/* --- reading --- */

struct reading {
	struct message *m;
	const char *queue;
	struct view id;
	struct queue_file file;
	struct queue_journal journal;
	struct str memory;
	struct view list;
	int fd;
	struct err error;
	bool busy, noticed;
	bool all_answered; /* MESSAGE_ANSWERED */
	bool has_namesake; /* perhaps: one that waits has the same ID */
};

enum { BUSY_RETRY_S = 5, YOUNG_S = 2 };

/* What is no file of ours is not read: a link, a FIFO (which must not hold us
 * either), what another user could change.  That somebody else's is not
 * readable may be a mistake of who restored a backup: it waits. */
static struct err
open_file(const char *path, int *fd)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return err_sys(errno == ENOENT ? ERR_GONE :
			errno == ELOOP || errno == ENXIO ? ERR_PERM : ERR_TEMP,
		    "open %s", path);
	if (fstat(*fd, &st) < 0)
		return err_sys(ERR_TEMP, "fstat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_make(ERR_PERM, "not a regular file");
	if (st.st_uid != geteuid())
		return err_make(ERR_PERM, "owned by uid %ld", (long)st.st_uid);
	return ERR_OK;
}

static bool
is_young(int fd)
{
	struct stat st;
	int64_t age;

	if (fstat(fd, &st) < 0)
		return true;
	age = clock_wall() - st.st_ctim.tv_sec;
	return age > -YOUNG_S && age <= YOUNG_S;
}

/* A writer creates the file, then locks it: between the two it looks like litter
 * of a crash, and a lock of ours would be in the writer's way. */
static bool
is_being_created(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == 0 && is_young(fd);
}

/* On a thread. */
static void
read_file(void *arg)
{
	struct reading *r = arg;
	struct queue_path path = queue_path_of(r->queue, r->id);

	r->error = open_file(path.text, &r->fd);
	/* Made by a program that was taken over; the other one must not be
	 * forgotten when its time comes while this one is delivered. */
	if (!err_is(r->error) && r->has_namesake &&
	    faccessat(AT_FDCWD, queue_path_of("deferred", r->id).text, F_OK,
		AT_SYMLINK_NOFOLLOW) == 0)
		r->error = err_make(ERR_PERM, "another message has its ID");
	if (err_is(r->error))
		return;
	if (is_being_created(r->fd)) {
		r->busy = true;
		r->error = err_make(ERR_TEMP, "%s: not yet locked", path.text);
		return;
	}
	/* Still being written, or delivered for a qmgr that is no more. */
	if (flock(r->fd, LOCK_EX | LOCK_NB) < 0 &&
	    !(r->all_answered && flock(r->fd, LOCK_SH | LOCK_NB) == 0)) {
		r->busy = errno == EWOULDBLOCK;
		r->error = err_sys(ERR_TEMP, "lock %s", path.text);
		return;
	}
	queue_drop_other_names(r->queue, r->id, r->fd);
	r->error = queue_file_read(&r->file, r->fd);
	/* What a dead writer left: who submits it again may be about to use it. */
	if (r->error.kind == ERR_GONE && is_young(r->fd))
		r->busy = true;
	if (!err_is(r->error) && r->file.preamble.n_rcpts == 0)
		r->error = err_make(ERR_PERM, "queue file: no recipients");
	if (!err_is(r->error))
		r->error = queue_file_check_rcpts(&r->file);
	if (!err_is(r->error))
		r->error =
		    queue_file_check_body(&r->file, QUEUE_CHECK_BODY_MAX);
	if (!err_is(r->error))
		r->error = queue_journal_read(&r->file, &r->journal);
}

/* On a thread; our own deliveries may hold shared locks: no lock here. */
static void
read_file_again(void *arg)
{
	struct reading *r = arg;
	struct queue_path path = queue_path_of(r->queue, r->id);

	r->fd = open(path.text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	r->error = r->fd < 0 ? err_sys(ERR_TEMP, "open %s", path.text) :
			       queue_file_read(&r->file, r->fd);
}

static void
mark_decided(struct message *m, int64_t first, int64_t count)
{
	if (first < 0 || count < 0 || first > m->n_rcpts ||
	    count > m->n_rcpts - first)
		return;
	if (m->decided == NULL)
		m->decided = xcalloc((size_t)m->n_rcpts / 8 + 1, 1);
	for (int64_t n = first; n < first + count; n++)
		m->decided[n / 8] |= (unsigned char)(1 << n % 8);
}

static void
take_outcome(struct message *m, struct view record)
{
	struct ipc_journal_outcome o;
	bool more;

	if (err_is(ipc_list_next(&record, IPC_IN(journal_outcome, &o),
		&more)) ||
	    !more)
		return;
	if (o.status == OUTCOME_DEFERRED)
		return;
	mark_decided(m, o.first, o.count);
	if (o.status == OUTCOME_BOUNCED)
		m->needs_failure = true;
	else
		m->needs_success = true;
}

static void
take_report(struct message *m, struct view record)
{
	struct ipc_journal_report r;
	bool more;

	if (err_is(ipc_list_next(&record, IPC_IN(journal_report, &r),
		&more)) ||
	    !more)
		return;
	if (r.kind == REPORT_FAILURE)
		m->needs_failure = false;
	else if (r.kind == REPORT_SUCCESS)
		m->needs_success = false;
	else if (r.kind == REPORT_DELAY)
		m->warned = true;
}

static void
take_state(struct message *m, struct view record)
{
	struct ipc_journal_state s;
	bool more;

	if (err_is(ipc_list_next(&record, IPC_IN(journal_state, &s), &more)) ||
	    !more)
		return;
	if (view_eq(s.what, VIEW("expired")))
		m->expired = true;
	else if (view_eq(s.what, VIEW("attempt")))
		m->last_due = s.due_us / 1000000;
}

static void
take_journal(struct message *m, struct queue_journal *j)
{
	enum journal_kind kind;
	struct view record;

	while (queue_journal_next(j, &kind, &record)) {
		m->has_journal = true;
		if (kind == JOURNAL_OUTCOME)
			take_outcome(m, record);
		else if (kind == JOURNAL_REPORT)
			take_report(m, record);
		else if (kind == JOURNAL_STATE)
			take_state(m, record);
	}
	m->journal_end = j->good_end;
}

static void
take_envelope(struct message *m, const struct queue_file *q)
{
	const struct ipc_envelope *e = &q->envelope;

	m->arrival_us = q->preamble.arrival_us;
	m->size = q->preamble.size;
	m->flags = q->preamble.flags;
	m->n_rcpts = q->preamble.n_rcpts;
	m->ret = e->ret;
	keep_texts(m,
	    (const struct view[]){ e->sender, e->envid, e->client_name,
		e->client_addr, e->protocol, e->helo, e->filter, e->layout });
	m->rcpts_at = 0;
}

static void
read_batch(void *arg)
{
	struct reading *r = arg;

	r->error = queue_file_read_rcpts(&r->file, &r->m->rcpts_at,
	    &r->memory, &r->list);
}

/* Batches until there is something to do, or nothing left. */
static struct err
read_rcpts(struct reading *r)
{
	struct message *m = r->m;

	while (m->rcpts_at >= 0 && m->n_open == 0) {
		offload(read_batch, r);
		if (!err_is(r->error))
			r->error = take_rcpts(m, r->list);
		if (err_is(r->error))
			return r->error;
		if (m->rcpts_at >= r->file.preamble.rcpts_len)
			m->rcpts_at = -1;
	}
	if (m->rcpts_at < 0 && m->n_read != m->n_rcpts)
		return err_make(ERR_PERM, "queue file: recipients are missing");
	return ERR_OK;
}

static void
reading_clear(struct reading *r)
{
	queue_file_clear(&r->file);
	queue_journal_clear(&r->journal);
	str_clear(&r->memory);
	if (r->fd >= 0)
		close(r->fd);
}

static void
reading_init(struct reading *r, const char *queue, struct view id)
{
	*r = (struct reading){ .queue = queue, .id = id, .fd = -1,
		.memory = STR_EMPTY };
	r->file.memory = STR_EMPTY;
	r->journal.memory = STR_EMPTY;
}

void
message_set_aside(const char *queue, struct view id, const char *why)
{
	struct queue_path from = queue_path_of(queue, id);
	struct queue_path to = queue_path_of("corrupt", id);

	/* Never over another one; what is not a file may have to stay: our
	 * sandbox lets us make no others. */
	if (queue_move(from.text, to.text) == 0)
		log_error("%s: %s: moved to %s", from.text, why, to.text);
	else
		log_error("%s: %s: left there: rename to %s: %s", from.text,
		    why, to.text, strerror(errno));
}

/* What cannot be read now is tried later; what never can is put aside. */
static void
reading_failed(struct reading *r)
{
	struct queue_path path = queue_path_of(r->queue, r->id);

	bool is_new = strcmp(r->queue, "deferred") != 0;

	if (r->busy) {
		deferred_add(r->id,
		    clock_wall() + (r->noticed ? 1 : BUSY_RETRY_S), NULL);
	} else if (r->error.kind == ERR_PERM ||
	    (r->error.kind == ERR_GONE && r->fd >= 0 && !is_new)) {
		message_set_aside(r->queue, r->id, r->error.text);
	} else if (r->error.kind == ERR_GONE && r->fd >= 0) {
		/* Not complete and nobody writes it: litter of a crash.  It was
		 * never acknowledged. */
		log_info("%s: removed: %s", path.text, r->error.text);
		unlink(path.text);
	} else if (r->error.kind == ERR_TEMP) {
		log_warn("%s", r->error.text);
		deferred_add(r->id,
		    clock_wall() + qmgr.conf->minimal_backoff_time, NULL);
	}
}

/* True if the message is there, and its first open recipients. */
static bool
open_message(struct reading *r)
{
	offload(read_file, r);
	if (err_is(r->error))
		return false;
	r->m = message_new(r->queue, r->id);
	take_envelope(r->m, &r->file);
	take_journal(r->m, &r->journal);
	r->error = read_rcpts(r);
	if (!err_is(r->error))
		return true;
	message_free(r->m);
	return false;
}

bool
message_open_as(const char *queue, struct view id, unsigned how)
{
	struct reading *r;
	struct queue_id own = { "" };
	bool ok;

	if (qmgr.draining || message_find(id) != NULL ||
	    htable_find(&opening, id) != NULL)
		return false;
	r = xmalloc(sizeof(*r));
	memcpy(own.text, id.ptr, id.len);
	htable_set(&opening, id, &r->noticed);
	reading_init(r, queue_name(view_of(queue)), queue_id_view(&own));
	r->all_answered = (how & MESSAGE_ANSWERED) != 0;
	r->has_namesake =
	    strcmp(queue, "deferred") != 0 && deferred_has(r->id);
	ok = open_message(r);
	if (ok) {
		r->m->is_called = (how & MESSAGE_CALLED) != 0;
		log_active(r->m);
		begin(r->m);
		flow_update();
	} else {
		reading_failed(r);
	}
	htable_remove(&opening, r->id);
	reading_clear(r);
	free(r);
	return ok;
}

bool
message_open(const char *queue, struct view id)
{
	return message_open_as(queue, id, 0);
}

void
message_read_more(struct message *m)
{
	struct reading *r = xmalloc(sizeof(*r));

	reading_init(r, m->queue, queue_id_view(&m->id));
	r->m = m;
	offload(read_file_again, r);
	if (!err_is(r->error))
		r->error = read_rcpts(r);
	if (err_is(r->error)) {
		/* What is left is tried in the next round. */
		log_warn("%s: %s", m->id.text, r->error.text);
		m->was_deferred = true;
		m->rcpts_at = -1;
	}
	reading_clear(r);
	free(r);
}

/* --- flow --- */

void
flow_update(void)
{
	int64_t limit = qmgr.conf->qmgr_message_active_limit;
	int64_t n = (int64_t)qmgr.n_messages;
	bool room = n < (qmgr.room ? limit * 9 / 10 : limit / 2);
	int64_t full = qmgr.conf->in_flow_delay_ms;
	/* From a quarter of the limit on, in steps: no word for each message. */
	/* One destination's crowd is no reason to hold up all others' mail. */
	int64_t behind = n - qmgr.n_crowded;
	int64_t delay =
	    behind < limit / 4 ? 0 : full * (behind * 4 / limit) / 4;
	struct ipc_flow flow = { delay < full ? delay : full, room };

	if (room == qmgr.room && flow.delay_ms == qmgr.delay_ms)
		return;
	if (room && !qmgr.room)
		scan_start();
	qmgr.room = room;
	qmgr.delay_ms = flow.delay_ms;
	ipc_server_tell_all(daemon_ipc_server(), IPC_OUT(flow, &flow));
}

void
flow_greet(struct ipc_server *s, struct ipc_conn *c)
{
	struct ipc_flow flow = { qmgr.delay_ms, qmgr.room };

	(void)s;
	/* As everybody assumes: there is room. */
	if (!qmgr.room || qmgr.delay_ms > 0)
		ipc_conn_send(c, 0, IPC_OUT(flow, &flow));
}
