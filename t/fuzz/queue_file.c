/*
 * Reading queue files.  The first byte chooses what the rest is: arbitrary
 * bytes as a file; bytes whose checksums are put right, so that what stands
 * behind them is reached; or the parts of a file that is whole, with few
 * recipients or with many (then they stand before the content).  All that can
 * be read is read; nothing crashes, and no more comes out than is in.
 */
#include "lib/mail/queue_file.h"
#include "lib/mail/queue_rewrite.h"
#include "lib/mail/queue_sample.h"

#include <assert.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MANY = QUEUE_RCPTS_INLINE + 3, JOURNAL_HEAD = 9 };

/* --- reading --- */

static void
read_rcpts(struct queue_file *q)
{
	struct str memory = STR_EMPTY;
	struct view list;
	int64_t at = 0, n = 0;

	while (!err_is(queue_file_read_rcpts(q, &at, &memory, &list)) &&
	    list.len > 0) {
		struct ipc_rcpt r;
		bool more = true;

		while (!err_is(ipc_list_next(&list, IPC_IN(rcpt, &r), &more)) &&
		    more)
			n++;
		assert(at <= q->preamble.rcpts_len);
	}
	assert(n <= q->file_len);
	str_clear(&memory);
}

static void
read_content(struct queue_file *q)
{
	struct queue_content c;
	struct view piece;
	int64_t n = 0;

	queue_content_init(&c, q->fd, q->envelope.layout);
	/* A layout may name a range again and again. */
	while (n < 1 << 22 && !err_is(queue_content_next(&c, &piece)) &&
	    piece.len > 0)
		n += (int64_t)piece.len;
	assert(n <= q->preamble.size);
	queue_content_clear(&c);
}

static void
read_record(enum journal_kind kind, struct view record)
{
	struct ipc_journal_outcome o;
	struct ipc_journal_report r;
	struct ipc_journal_state s;
	bool more;

	switch (kind) {
	case JOURNAL_OUTCOME:
		ipc_list_next(&record, IPC_IN(journal_outcome, &o), &more);
		break;
	case JOURNAL_REPORT:
		ipc_list_next(&record, IPC_IN(journal_report, &r), &more);
		break;
	case JOURNAL_STATE:
		ipc_list_next(&record, IPC_IN(journal_state, &s), &more);
		break;
	}
}

/* What is behind the last whole record is cut by the next, which is then
 * read. */
static void
append(struct queue_file *q, struct queue_journal *j)
{
	struct ipc_journal_state s = { VIEW("fuzzed"), 1, 2 };
	struct str record = STR_EMPTY;
	int64_t end = j->good_end;
	struct queue_journal again;
	enum journal_kind kind;
	struct view message, last = VIEW_EMPTY;
	struct stat st;

	queue_journal_add(&record, JOURNAL_STATE, IPC_OUT(journal_state, &s));
	assert(!err_is(queue_journal_append(q->fd, str_view(&record), &end)));
	assert(end == j->good_end + (int64_t)record.len);
	assert(fstat(q->fd, &st) == 0 && st.st_size == end);
	q->file_len = end;
	assert(!err_is(queue_journal_read(q, &again)));
	while (queue_journal_next(&again, &kind, &message))
		last = message;
	assert(again.good_end == end);
	assert(view_eq(last, view_skip(str_view(&record), JOURNAL_HEAD)));
	queue_journal_clear(&again);
	str_clear(&record);
}

static void
read_journal(struct queue_file *q)
{
	struct queue_journal j;
	enum journal_kind kind;
	struct view record;

	if (!err_is(queue_journal_read(q, &j))) {
		while (queue_journal_next(&j, &kind, &record))
			read_record(kind, record);
		assert(j.good_end >= q->preamble.commit_len &&
		    j.good_end <= q->file_len);
		append(q, &j);
	}
	queue_journal_clear(&j);
}

/* --- making --- */

/* The input as the parts of a file that is whole. */
static void
build(struct str *out, struct view v, bool are_many)
{
	struct view head = view_first(v, 64);
	struct queue_sample s = {
		.n_rcpts = are_many ? MANY : 1 + (int64_t)(v.len % 5),
		.content = v,
		.added = head,
		.layout = VIEW_EMPTY,
		.sender = view_first(v, 30)
	};
	struct queue_preamble p;

	queue_sample_build(out, &s, &p);
	/* Bytes at will, under a good checksum of the preamble. */
	if (v.len > 16) {
		memcpy((char *)&p +
			(size_t)(unsigned char)v.ptr[0] % sizeof(p) / 8 * 8,
		    v.ptr + 1, 8);
		if (v.ptr[9] % 2 == 0)
			queue_build_preamble(out->ptr, &p);
	}
	queue_sample_outcome(
	    out, 0, (int64_t)v.len, OUTCOME_BOUNCED, "5.0.0", "text");
	str_add(out, v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = STR_EMPTY;
	struct queue_file q;
	struct view rest;
	int fd;

	if (size < 1)
		return 0;
	rest = view_make(data + 1, size - 1);
	if (data[0] % 2 == 1)
		build(&bytes, rest, data[0] % 8 == 7);
	else
		str_add(&bytes, rest);
	if (data[0] % 4 == 2)
		queue_sample_repair(&bytes);
	fd = queue_sample_file(str_view(&bytes));
	if (!err_is(queue_file_read(&q, fd))) {
		(void)queue_file_check_rcpts(&q);
		read_rcpts(&q);
		read_content(&q);
		read_journal(&q);
		queue_file_clear(&q);
	}
	close(fd);
	str_clear(&bytes);
	return 0;
}
