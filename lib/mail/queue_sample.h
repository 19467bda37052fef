/* Queue files for tests, made in memory. */
#ifndef MAIL_QUEUE_SAMPLE_H
#define MAIL_QUEUE_SAMPLE_H

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
		.sasl_username = VIEW_EMPTY };

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

#endif
