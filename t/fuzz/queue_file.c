/*
 * Reading queue files: arbitrary bytes as a file, with the checksums put right
 * if the first byte is odd, so that what stands behind them is reached.  All
 * that can be read is read; nothing crashes, and no more comes out than is in.
 */
#include "lib/mail/queue_file.h"
#include "lib/mail/queue_rewrite.h"
#include "lib/mail/queue_sample.h"

#include <assert.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
read_journal(struct queue_file *q)
{
	struct queue_journal j;
	enum journal_kind kind;
	struct view record;

	if (!err_is(queue_journal_read(q, &j))) {
		while (queue_journal_next(&j, &kind, &record)) {
			struct ipc_journal_outcome o;
			bool more;

			ipc_list_next(
			    &record, IPC_IN(journal_outcome, &o), &more);
		}
		assert(j.good_end <= q->file_len);
	}
	queue_journal_clear(&j);
}

/* The input as the parts of a file that is whole. */
static void
build(struct str *out, struct view v)
{
	struct view head = view_first(v, 64);
	struct queue_sample s = { .n_rcpts = 1 + (int64_t)(v.len % 5),
		.content = v,
		.added = head,
		.layout = VIEW_EMPTY,
		.sender = view_first(v, 30) };
	struct queue_preamble p;

	queue_sample_build(out, &s, &p);
	/* Bytes at will, under a good checksum of the preamble. */
	if (v.len > 16) {
		memcpy((char *)&p +
			(size_t)(unsigned char)v.ptr[0] % (sizeof(p) - 8) / 8 *
			    8,
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
	int fd;

	if (size < 1)
		return 0;
	if (data[0] % 2 == 1)
		build(&bytes, view_make(data + 1, size - 1));
	else
		str_add(&bytes, view_make(data + 1, size - 1));
	fd = queue_sample_file(str_view(&bytes));
	if (!err_is(queue_file_read(&q, fd))) {
		queue_file_check_rcpts(&q);
		read_rcpts(&q);
		read_content(&q);
		read_journal(&q);
		queue_file_clear(&q);
	}
	close(fd);
	str_clear(&bytes);
	return 0;
}
