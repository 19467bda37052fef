/* Queue files: see queue_file.h.  All numbers are big-endian, 8 bytes. */
#include "lib/mail/queue_file.h"

#include "lib/base/crc32c.h"
#include "lib/base/mem.h"
#include "lib/mail/queue_id.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

IPC_DEFINE(envelope, QUEUE_ENVELOPE)
IPC_DEFINE(journal_outcome, JOURNAL_OUTCOME_ROWS)
IPC_DEFINE(journal_report, JOURNAL_REPORT_ROWS)
IPC_DEFINE(journal_state, JOURNAL_STATE_ROWS)

static const char preamble_magic[8] = "BARIDQ1\n";
static const char mark_magic[8] = "BARIDEND";

enum { PREAMBLE_NUMBERS = 14, RANGE_LEN = 16, JOURNAL_HEAD = 9,
	JOURNAL_RECORD_MAX = 65536, JOURNAL_MAX = 64 << 20,
	/* No recipient is written in less. */
	RCPT_BYTES_MIN = 64 };

/* --- numbers and checksums --- */

static void
put_u64(char *to, uint64_t n)
{
	n = htobe64(n);
	memcpy(to, &n, sizeof(n));
}

static uint64_t
get_u64(const char *from)
{
	uint64_t n;

	memcpy(&n, from, sizeof(n));
	return be64toh(n);
}

static void
put_u32(char *to, uint32_t n)
{
	n = htobe32(n);
	memcpy(to, &n, sizeof(n));
}

static uint32_t
get_u32(const char *from)
{
	uint32_t n;

	memcpy(&n, from, sizeof(n));
	return be32toh(n);
}

int64_t
queue_rcpts_sum(struct view rcpts)
{
	return crc32c(0, rcpts);
}

/* Told from a file of before there was one. */
#define BODY_SUM_THERE (INT64_C(1) << 32)

int64_t
queue_body_sum(uint32_t crc)
{
	return BODY_SUM_THERE | crc;
}

/* --- layout --- */

void
queue_layout_add(struct str *layout, int64_t at, int64_t len)
{
	char b[RANGE_LEN];

	if (len == 0)
		return;
	put_u64(b, (uint64_t)at);
	put_u64(b + 8, (uint64_t)len);
	str_add(layout, view_make(b, sizeof(b)));
}

bool
queue_layout_next(struct view *layout, int64_t *at, int64_t *len)
{
	if (layout->len < RANGE_LEN)
		return false;
	*at = (int64_t)get_u64(layout->ptr);
	*len = (int64_t)get_u64(layout->ptr + 8);
	*layout = view_skip(*layout, RANGE_LEN);
	return true;
}

int64_t
queue_layout_size(struct view layout, int64_t file_len)
{
	int64_t sum = 0, at, len;

	if (layout.len % RANGE_LEN != 0)
		return -1;
	while (queue_layout_next(&layout, &at, &len))
		if (at < 0 || len < 0 || at > file_len ||
		    len > file_len - at ||
		    __builtin_add_overflow(sum, len, &sum))
			return -1;
	return sum;
}

/* pread that goes on after short reads.  ERR_PERM at the end of the file. */
static struct err
read_at(int fd, char *buf, size_t len, int64_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, buf, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(ERR_TEMP, "read queue file");
		if (n == 0)
			return err_make(ERR_PERM, "read queue file: too short");
		buf += n;
		len -= (size_t)n;
		at += n;
	}
	return ERR_OK;
}

void
queue_content_init(struct queue_content *c, int fd, struct view layout)
{
	*c = (struct queue_content){ .fd = fd, .layout = layout };
}

struct err
queue_content_next(struct queue_content *c, struct view *piece)
{
	size_t n;
	struct err e;

	*piece = VIEW_EMPTY;
	if (c->buf == NULL)
		c->buf = xmalloc(QUEUE_CONTENT_BUF);
	while (c->len == 0)
		if (!queue_layout_next(&c->layout, &c->at, &c->len))
			return ERR_OK;
	if (c->at < 0 || c->len < 0)
		return err_make(ERR_PERM, "read queue file: bad layout");
	n = c->len < QUEUE_CONTENT_BUF ? (size_t)c->len : QUEUE_CONTENT_BUF;
	e = read_at(c->fd, c->buf, n, c->at);
	if (err_is(e))
		return e;
	c->at += (int64_t)n;
	c->len -= (int64_t)n;
	*piece = view_make(c->buf, n);
	return ERR_OK;
}

void
queue_content_clear(struct queue_content *c)
{
	free(c->buf);
	c->buf = NULL;
}

/* --- writing --- */

struct err
queue_create(const char *queue, struct view id, int *fd)
{
	struct queue_path path = queue_path_of(queue, id);
	struct stat st;
	struct err e;

	*fd = open(path.text,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, QUEUE_MODE);
	if (*fd < 0)
		return err_sys(ERR_TEMP, "create %s", path.text);
	if (flock(*fd, LOCK_EX | LOCK_NB) < 0)
		e = err_sys(ERR_TEMP, "lock %s", path.text);
	/* Between open and lock qmgr may have taken it for litter of a crash
	 * and removed it; with the lock it cannot any more. */
	else if (fstat(*fd, &st) < 0 || st.st_nlink == 0)
		e = err_make(ERR_TEMP, "create %s: removed meanwhile",
		    path.text);
	else
		return ERR_OK;
	unlink(path.text);
	close(*fd);
	*fd = -1;
	return e;
}

void
queue_build_preamble(char out[QUEUE_PREAMBLE_LEN],
    const struct queue_preamble *p)
{
	const int64_t numbers[PREAMBLE_NUMBERS] = { p->flags, p->arrival_us,
		p->content_at, p->content_len, p->envelope_at,
		p->envelope_len, p->rcpts_at, p->rcpts_len, p->n_rcpts,
		p->commit_len, p->longest_line, p->size, p->rcpts_sum,
		p->body_sum };

	memset(out, 0, QUEUE_PREAMBLE_LEN);
	memcpy(out, preamble_magic, sizeof(preamble_magic));
	for (size_t i = 0; i < PREAMBLE_NUMBERS; i++)
		put_u64(out + 8 + i * 8, (uint64_t)numbers[i]);
	put_u32(out + QUEUE_PREAMBLE_LEN - 4,
	    crc32c(0, view_make(out, QUEUE_PREAMBLE_LEN - 4)));
}

static bool
parse_preamble(const char in[QUEUE_PREAMBLE_LEN], struct queue_preamble *p)
{
	int64_t *const numbers[PREAMBLE_NUMBERS] = { &p->flags, &p->arrival_us,
		&p->content_at, &p->content_len, &p->envelope_at,
		&p->envelope_len, &p->rcpts_at, &p->rcpts_len, &p->n_rcpts,
		&p->commit_len, &p->longest_line, &p->size, &p->rcpts_sum,
		&p->body_sum };

	if (memcmp(in, preamble_magic, sizeof(preamble_magic)) != 0 ||
	    get_u32(in + QUEUE_PREAMBLE_LEN - 4) !=
		crc32c(0, view_make(in, QUEUE_PREAMBLE_LEN - 4)))
		return false;
	for (size_t i = 0; i < PREAMBLE_NUMBERS; i++) {
		*numbers[i] = (int64_t)get_u64(in + 8 + i * 8);
		if (*numbers[i] < 0)
			return false;
	}
	return true;
}

/* Mark: magic, length of all before the journal, checksum of the envelope. */
static void
build_mark(char out[QUEUE_MARK_LEN], int64_t commit_len, uint32_t crc)
{
	memcpy(out, mark_magic, sizeof(mark_magic));
	put_u64(out + 8, (uint64_t)commit_len);
	put_u32(out + 16, crc);
	put_u32(out + 20, crc32c(0, view_make(out, 20)));
}

void
queue_build_tail(struct str *tail, struct queue_preamble *p,
    const struct ipc_envelope *envelope, struct view rcpts, struct view added)
{
	int64_t base = p->content_at + p->content_len;
	bool late = p->rcpts_at >= base;
	char mark[QUEUE_MARK_LEN];
	struct view env;

	str_reset(tail);
	str_add(tail, added);
	p->envelope_at = base + (int64_t)tail->len;
	ipc_list_add(tail, ipc_envelope_type(), envelope);
	p->envelope_len = base + (int64_t)tail->len - p->envelope_at;
	env = view_sub(str_view(tail), added.len, (size_t)p->envelope_len);
	if (p->rcpts_at == 0) {
		p->rcpts_at = base + (int64_t)tail->len;
		p->rcpts_len = (int64_t)rcpts.len;
		p->rcpts_sum = queue_rcpts_sum(rcpts);
	}
	p->commit_len = base + (int64_t)tail->len +
	    (late ? p->rcpts_len : (int64_t)rcpts.len) + QUEUE_MARK_LEN;
	build_mark(mark, p->commit_len, crc32c(0, env));
	str_add(tail, rcpts);
	str_add(tail, view_make(mark, sizeof(mark)));
	p->size = queue_layout_size(envelope->layout, p->commit_len);
	assert(p->size >= 0);
}

struct err
queue_write_at(int fd, struct view v, int64_t at)
{
	while (v.len > 0) {
		ssize_t n = pwrite(fd, v.ptr, v.len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(ERR_TEMP, "write queue file");
		v = view_skip(v, (size_t)n);
		at += n;
	}
	return ERR_OK;
}

struct err
queue_write_parts_at(int fd, const struct iovec *parts, size_t n, int64_t at)
{
	ssize_t did = pwritev(fd, parts, (int)n, at);
	size_t done = did > 0 ? (size_t)did : 0;
	struct err e = ERR_OK;

	/* A short write says little; another says why. */
	for (size_t i = 0; i < n && !err_is(e); i++) {
		struct view v = view_make(parts[i].iov_base, parts[i].iov_len);

		if (done < v.len)
			e = queue_write_at(
			    fd, view_skip(v, done), at + (int64_t)done);
		done -= done < v.len ? done : v.len;
		at += (int64_t)v.len;
	}
	return e;
}

struct err
queue_note_commit(int fd, mode_t mode)
{
	if (fchmod(fd, (mode & 0777) | S_IXUSR) < 0)
		return err_sys(ERR_TEMP, "change mode of queue file");
	return ERR_OK;
}

/* --- reading --- */

static bool
range_fits(int64_t at, int64_t len, int64_t end)
{
	return at >= QUEUE_PREAMBLE_LEN && at <= end && len <= end - at;
}

static struct err
read_mark(struct queue_file *q, uint32_t *crc)
{
	char mark[QUEUE_MARK_LEN];
	struct queue_preamble *p = &q->preamble;
	int64_t end = p->commit_len - QUEUE_MARK_LEN;
	struct err e;

	if (p->commit_len > q->file_len)
		return err_make(ERR_PERM, "queue file: cut off");
	if (!range_fits(p->content_at, p->content_len, end) ||
	    !range_fits(p->envelope_at, p->envelope_len, end) ||
	    !range_fits(p->rcpts_at, p->rcpts_len, end) ||
	    p->envelope_len > QUEUE_ENVELOPE_MAX ||
	    p->n_rcpts > p->rcpts_len / RCPT_BYTES_MIN)
		return err_make(ERR_PERM, "queue file: damaged preamble");
	e = read_at(q->fd, mark, sizeof(mark), end);
	if (err_is(e))
		return e;
	if (memcmp(mark, mark_magic, sizeof(mark_magic)) != 0)
		return err_make(ERR_PERM, "queue file: no commit mark");
	if (get_u32(mark + 20) != crc32c(0, view_make(mark, 20)) ||
	    (int64_t)get_u64(mark + 8) != p->commit_len)
		return err_make(ERR_PERM, "queue file: damaged commit mark");
	*crc = get_u32(mark + 16);
	return ERR_OK;
}

static struct err
read_envelope(struct queue_file *q, uint32_t crc)
{
	struct queue_preamble *p = &q->preamble;
	char *to = str_reserve(&q->memory, (size_t)p->envelope_len);
	struct err e = read_at(q->fd, to, (size_t)p->envelope_len,
	    p->envelope_at);
	struct view v;
	bool more;

	if (err_is(e))
		return e;
	str_grew(&q->memory, (size_t)p->envelope_len);
	v = str_view(&q->memory);
	if (crc32c(0, v) != crc)
		return err_make(ERR_PERM, "queue file: damaged envelope");
	e = ipc_list_next(&v, IPC_IN(envelope, &q->envelope), &more);
	if (err_is(e) || !more)
		return err_make(ERR_PERM, "queue file: %s", e.text);
	if (queue_layout_size(q->envelope.layout, p->commit_len) != p->size)
		return err_make(ERR_PERM, "queue file: damaged layout");
	return ERR_OK;
}

static bool
is_zero(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != '\0')
			return false;
	return true;
}

struct err
queue_file_read(struct queue_file *q, int fd)
{
	char preamble[QUEUE_PREAMBLE_LEN];
	uint32_t crc = 0;
	struct stat st;
	struct err e;

	*q = (struct queue_file){ .fd = fd, .memory = STR_EMPTY };
	if (fstat(fd, &st) < 0)
		return err_sys(ERR_TEMP, "fstat queue file");
	if (!S_ISREG(st.st_mode))
		return err_make(ERR_PERM, "queue file: not a regular file");
	q->file_len = st.st_size;
	if (st.st_size < QUEUE_PREAMBLE_LEN) {
		/* Nothing was written, or a file system lost it. */
		return err_make(st.st_size == 0 ? ERR_GONE : ERR_PERM,
		    "queue file: not complete");
	}
	e = read_at(fd, preamble, sizeof(preamble), 0);
	if (err_is(e))
		return e;
	/* A hole where the preamble will be: it is written last, and before the
	 * mode says so.  If that does, it was there. */
	if (is_zero(preamble, sizeof(preamble)))
		return (st.st_mode & S_IXUSR) == 0
		    ? err_make(ERR_GONE, "queue file: not complete")
		    : err_make(ERR_PERM, "queue file: lost its preamble");
	if (!parse_preamble(preamble, &q->preamble))
		return err_make(ERR_PERM, "queue file: damaged preamble");
	e = read_mark(q, &crc);
	if (!err_is(e))
		e = read_envelope(q, crc);
	if (err_is(e))
		queue_file_clear(q);
	return e;
}

void
queue_file_clear(struct queue_file *q)
{
	str_clear(&q->memory);
}

enum { RCPTS_BATCH = 65536 };

/* The part of v that is whole messages. */
static struct view
whole_rcpts(struct view v)
{
	struct view rest = v;
	struct ipc_rcpt rcpt;
	bool more = true;

	for (;;) {
		struct view before = rest;

		if (err_is(ipc_list_next(&rest, IPC_IN(rcpt, &rcpt), &more)) ||
		    !more)
			return view_first(v, (size_t)(before.ptr - v.ptr));
	}
}

struct err
queue_file_read_rcpts(struct queue_file *q, int64_t *at, struct str *memory,
    struct view *list)
{
	int64_t left = q->preamble.rcpts_len - *at;
	size_t n = left < RCPTS_BATCH ? (size_t)left : RCPTS_BATCH;
	struct err e;

	*list = VIEW_EMPTY;
	str_reset(memory);
	if (left <= 0)
		return ERR_OK;
	e = read_at(q->fd, str_reserve(memory, n), n,
	    q->preamble.rcpts_at + *at);
	if (err_is(e))
		return e;
	str_grew(memory, n);
	*list = whole_rcpts(str_view(memory));
	if (list->len == 0)
		return err_make(ERR_PERM, "queue file: damaged recipients");
	*at += (int64_t)list->len;
	return ERR_OK;
}

static struct err
sum_range(const struct queue_file *q, int64_t at, int64_t left, uint32_t *sum)
{
	char *buf = xmalloc(RCPTS_BATCH);
	struct err e = ERR_OK;

	*sum = 0;
	while (left > 0 && !err_is(e)) {
		size_t n = left < RCPTS_BATCH ? (size_t)left : RCPTS_BATCH;

		e = read_at(q->fd, buf, n, at);
		if (!err_is(e))
			*sum = crc32c(*sum, view_make(buf, n));
		at += (int64_t)n;
		left -= (int64_t)n;
	}
	free(buf);
	return e;
}

struct err
queue_file_check_rcpts(const struct queue_file *q)
{
	const struct queue_preamble *p = &q->preamble;
	uint32_t sum;
	struct err e = sum_range(q, p->rcpts_at, p->rcpts_len, &sum);

	if (!err_is(e) && sum != (uint64_t)p->rcpts_sum)
		e = err_make(ERR_PERM, "queue file: damaged recipients");
	return e;
}

struct err
queue_file_check_body(const struct queue_file *q, int64_t most)
{
	const struct queue_preamble *p = &q->preamble;
	int64_t len = p->envelope_at - p->content_at;
	uint32_t sum;
	struct err e;

	if (p->body_sum == 0 || len > most)
		return ERR_OK;
	if (len < p->content_len)
		return err_make(ERR_PERM, "queue file: damaged preamble");
	e = sum_range(q, p->content_at, len, &sum);
	if (!err_is(e) && queue_body_sum(sum) != p->body_sum)
		e = err_make(ERR_PERM, "queue file: damaged content");
	return e;
}

/* --- journal --- */

void
queue_journal_add(struct str *out, enum journal_kind kind,
    const struct ipc_type *type, const void *message)
{
	size_t start = out->len;
	char head[JOURNAL_HEAD] = { 0 };

	str_add(out, view_make(head, sizeof(head)));
	ipc_list_add(out, type, message);
	put_u32(head, (uint32_t)(out->len - start - JOURNAL_HEAD));
	head[8] = (char)kind;
	out->ptr[start + 8] = (char)kind;
	put_u32(head + 4, crc32c(0, view_skip(str_view(out), start + 8)));
	memcpy(out->ptr + start, head, sizeof(head));
}

struct err
queue_journal_append(int fd, struct view records, int64_t *end)
{
	struct stat st;
	struct err e;

	/* A torn tail of a crash goes before anything is written behind it. */
	if (fstat(fd, &st) < 0 ||
	    (st.st_size > *end && ftruncate(fd, *end) < 0))
		return err_sys(ERR_TEMP, "cut journal");
	e = queue_write_at(fd, records, *end);
	if (err_is(e)) {
		/* A torn tail is passed over by readers anyway. */
		if (ftruncate(fd, *end) < 0)
			return err_within(e, "cut journal");
		return e;
	}
	*end += (int64_t)records.len;
	return ERR_OK;
}

struct err
queue_journal_read(struct queue_file *q, struct queue_journal *j)
{
	int64_t len = q->file_len - q->preamble.commit_len;
	struct err e;

	*j = (struct queue_journal){ .memory = STR_EMPTY,
		.good_end = q->preamble.commit_len };
	if (len <= 0)
		return ERR_OK;
	if (len > JOURNAL_MAX)
		return err_make(ERR_PERM, "queue file: journal too large");
	e = read_at(q->fd, str_reserve(&j->memory, (size_t)len), (size_t)len,
	    q->preamble.commit_len);
	if (err_is(e))
		return e;
	str_grew(&j->memory, (size_t)len);
	j->rest = str_view(&j->memory);
	return ERR_OK;
}

bool
queue_journal_next(struct queue_journal *j, enum journal_kind *kind,
    struct view *message)
{
	size_t len;

	if (j->rest.len < JOURNAL_HEAD)
		return false;
	len = get_u32(j->rest.ptr);
	if (len > JOURNAL_RECORD_MAX || len > j->rest.len - JOURNAL_HEAD)
		return false;
	if (crc32c(0, view_sub(j->rest, 8, len + 1)) !=
	    get_u32(j->rest.ptr + 4))
		return false;
	*kind = (enum journal_kind)j->rest.ptr[8];
	*message = view_sub(j->rest, JOURNAL_HEAD, len);
	j->rest = view_skip(j->rest, JOURNAL_HEAD + len);
	j->good_end += (int64_t)(JOURNAL_HEAD + len);
	return true;
}

void
queue_journal_clear(struct queue_journal *j)
{
	str_clear(&j->memory);
}
