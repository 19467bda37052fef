/* Queue files for tests, made in memory. */
#ifndef MAIL_QUEUE_SAMPLE_H
#define MAIL_QUEUE_SAMPLE_H

#include "lib/base/crc32c.h"
#include "lib/mail/queue_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct queue_sample {
	int64_t n_rcpts;
	struct view content, added;
	struct view layout; /* empty: added text, then the content */
	int64_t notify, flags;
	struct view sender;
};

static inline void
queue_sample_rcpts(struct str *out, int64_t n, int64_t notify)
{
	struct str address = STR_EMPTY;

	for (int64_t i = 0; i < n; i++) {
		struct ipc_rcpt r = {
			.number = i, .orcpt = VIEW_EMPTY, .notify = notify
		};

		str_printf(&address, "user%" PRId64 "@example.org", i);
		r.address = r.original = str_view(&address);
		ipc_list_add(out, ipc_rcpt_type(), &r);
	}
	str_clear(&address);
}

/* The bytes of the whole file.  Over QUEUE_RCPTS_INLINE recipients stand
 * before the content. */
static inline void
queue_sample_build(
    struct str *out, const struct queue_sample *s, struct queue_preamble *p)
{
	struct str rcpts = STR_EMPTY, tail = STR_EMPTY, layout = STR_EMPTY;
	bool early = s->n_rcpts > QUEUE_RCPTS_INLINE;
	char head[QUEUE_PREAMBLE_LEN];
	struct ipc_envelope env = { .queue_id = VIEW("4F2A000000001"),
		.origin = VIEW("smtpd"),
		.context = VIEW("remote"),
		.sender = s->sender,
		.full_name = VIEW_EMPTY,
		.envid = VIEW("env-1"),
		.client_name = VIEW("c.example.com"),
		.client_addr = VIEW("192.0.2.1"),
		.client_port = 2525,
		.protocol = VIEW("ESMTP"),
		.helo = VIEW("c"),
		.sasl_method = VIEW_EMPTY,
		.sasl_username = VIEW_EMPTY,
		.filter = VIEW_EMPTY };

	queue_sample_rcpts(&rcpts, s->n_rcpts, s->notify);
	*p = (struct queue_preamble){ .flags = s->flags,
		.arrival_us = INT64_C(1700000000000000),
		.content_at = QUEUE_PREAMBLE_LEN,
		.n_rcpts = s->n_rcpts,
		.content_len = (int64_t)s->content.len };
	if (early) {
		p->rcpts_at = QUEUE_PREAMBLE_LEN;
		p->rcpts_len = (int64_t)rcpts.len;
		p->rcpts_sum = queue_rcpts_sum(str_view(&rcpts));
		p->content_at += p->rcpts_len;
	}
	str_add(&layout, s->layout);
	if (layout.len == 0) {
		queue_layout_add(&layout, p->content_at + p->content_len,
		    (int64_t)s->added.len);
		queue_layout_add(&layout, p->content_at, p->content_len);
	}
	env.layout = str_view(&layout);
	queue_build_tail(
	    &tail, p, &env, early ? VIEW_EMPTY : str_view(&rcpts), s->added);
	p->body_sum = queue_body_sum(
	    crc32c(crc32c(0, s->content), s->added));
	queue_build_preamble(head, p);
	str_reset(out);
	str_add(out, view_make(head, sizeof(head)));
	if (early)
		str_add(out, str_view(&rcpts));
	str_add(out, s->content);
	str_add(out, str_view(&tail));
	str_clear(&rcpts);
	str_clear(&tail);
	str_clear(&layout);
}

/* An anonymous file with these bytes. */
static inline int
queue_sample_file(struct view bytes)
{
	int fd = memfd_create("queue", MFD_CLOEXEC);

	if (fd < 0 || err_is(queue_write_at(fd, bytes, 0)))
		abort();
	return fd;
}

/* Append an outcome record. */
static inline void
queue_sample_outcome(struct str *out, int64_t first, int64_t count,
    enum outcome status, const char *dsn, const char *text)
{
	struct ipc_journal_outcome o = { .first = first,
		.count = count,
		.status = status,
		.at_us = INT64_C(1700000000000001),
		.dsn = view_of(dsn),
		.text = view_of(text),
		.relay = VIEW("none"),
		.remote = VIEW_EMPTY };

	queue_journal_add(out, JOURNAL_OUTCOME, IPC_OUT(journal_outcome, &o));
}

static inline void
queue_sample_report(struct str *out, enum report_kind kind, const char *id)
{
	struct ipc_journal_report r = {
		.kind = kind, .at_us = 1, .id = view_of(id)
	};

	queue_journal_add(out, JOURNAL_REPORT, IPC_OUT(journal_report, &r));
}

/* --- for fuzzing --- */

static inline int64_t
queue_sample_number(const char *bytes)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | (unsigned char)bytes[i];
	return (int64_t)n;
}

static inline void
queue_sample_put(char *to, uint64_t n, int len)
{
	for (int i = len - 1; i >= 0; i--) {
		to[i] = (char)(n & 0xff);
		n >>= 8;
	}
}

static inline uint32_t
queue_sample_crc(struct view v)
{
	return crc32c(0, v);
}

/* A range of the file; what is outside of it is not checked either. */
static inline struct view
queue_sample_range(const struct str *file, int64_t at, int64_t len)
{
	if (at < 0 || len < 0 || at > (int64_t)file->len ||
	    len > (int64_t)file->len - at)
		return VIEW_EMPTY;
	return view_make(file->ptr + at, (size_t)len);
}

static inline void
queue_sample_repair_mark(struct str *file, const struct queue_preamble *p)
{
	int64_t at = p->commit_len < 0 ? -1 : p->commit_len - QUEUE_MARK_LEN;
	char *mark;

	if (queue_sample_range(file, at, QUEUE_MARK_LEN).len == 0)
		return;
	mark = file->ptr + at;
	memcpy(mark, "BARIDEND", 8);
	queue_sample_put(mark + 8, (uint64_t)p->commit_len, 8);
	queue_sample_put(mark + 16,
	    queue_sample_crc(
		queue_sample_range(file, p->envelope_at, p->envelope_len)),
	    4);
	queue_sample_put(mark + 20, queue_sample_crc(view_make(mark, 20)), 4);
}

static inline void
queue_sample_repair_journal(struct str *file, int64_t at)
{
	enum { head_len = 9 };

	while (queue_sample_range(file, at, head_len).len > 0) {
		char *head = file->ptr + at;
		size_t len = (size_t)queue_sample_number(head) >> 32;

		if (len > file->len - (size_t)at - head_len)
			len %= file->len - (size_t)at - head_len + 1;
		queue_sample_put(head, len, 4);
		queue_sample_put(head + 4,
		    queue_sample_crc(view_make(head + 8, len + 1)), 4);
		at += (int64_t)(head_len + len);
	}
}

/* For fuzzing: put checksums, magic numbers and what must agree with other
 * numbers right, whatever else the bytes are. */
static inline void
queue_sample_repair(struct str *file)
{
	struct queue_preamble p = { 0 };
	int64_t *const numbers[] = { &p.flags, &p.arrival_us, &p.content_at,
		&p.content_len, &p.envelope_at, &p.envelope_len, &p.rcpts_at,
		&p.rcpts_len, &p.n_rcpts, &p.commit_len, &p.longest_line,
		&p.size };
	struct ipc_envelope env;
	int64_t len;
	struct view v;
	bool more;

	if (file->len < QUEUE_PREAMBLE_LEN)
		return;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = queue_sample_number(file->ptr + 8 + i * 8);
	queue_sample_repair_mark(file, &p);
	p.rcpts_sum =
	    queue_rcpts_sum(queue_sample_range(file, p.rcpts_at, p.rcpts_len));
	v = queue_sample_range(file, p.envelope_at, p.envelope_len);
	if (!err_is(ipc_list_next(&v, IPC_IN(envelope, &env), &more)) && more)
		p.size = queue_layout_size(env.layout, p.commit_len);
	p.body_sum = queue_body_sum(queue_sample_crc(queue_sample_range(
	    file, p.content_at,
	    __builtin_sub_overflow(p.envelope_at, p.content_at, &len) ? -1
								      : len)));
	queue_build_preamble(file->ptr, &p);
	queue_sample_repair_journal(file, p.commit_len);
}

#endif
