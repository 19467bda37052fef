/*
 * A report on a message (RFC 3461, 3464): whom it tells about, and how it is
 * written.
 */
#ifndef BOUNCE_REPORT_H
#define BOUNCE_REPORT_H

#include "lib/conf/conf.h"
#include "lib/ipc/client.h"
#include "lib/mail/queue_file.h"
#include "lib/mail/queue_id.h"
#include "lib/mail/report_text.h"

struct bounce {
	const struct conf *conf;
	const struct report_texts *texts;
	struct ipc_service cleanup;
	int slot;
};

/* A recipient that the report tells about. */
struct subject {
	struct ipc_rcpt rcpt;
	struct ipc_journal_outcome outcome;
};

/* One message as its queue file tells it. */
struct history {
	struct queue_file file;
	struct queue_journal journal;
	/* Outcomes by number, into `outcomes`; -1: none. */
	int32_t *by_rcpt;
	struct ipc_journal_outcome *outcomes;
	size_t n_outcomes;
};

/* Read file and journal.  Fails as queue_file_read. */
struct err history_read(struct history *h, int fd, enum report_kind kind);
void history_clear(struct history *h);
/* Call `tell` for each recipient that a report of this kind is due for, in
 * order; the strings are valid during the call.  *n counts them; tell may be
 * NULL. */
struct err history_each(struct history *h, enum report_kind kind,
    struct err (*tell)(const struct subject *s, void *arg), void *arg,
    int64_t *n);

/* Where the text of a report goes: to cleanup, in pieces. */
struct sink {
	struct ipc_talk talk;
	struct str pending;
	int64_t deadline;
};

void sink_init(struct sink *s);
/* Lines end in CRLF by the caller. */
struct err sink_add(struct sink *s, struct view v);
struct err sink_addf(struct sink *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct err sink_flush(struct sink *s);
void sink_clear(struct sink *s);

/* Who gets it. */
struct addressee {
	struct view sender, recipient;
	bool is_postmaster_copy;
};

/* To whom the report on mail of this sender goes.  `memory` is what *to may
 * borrow from.  False: to nobody. */
bool addressee_find(const struct conf *conf, struct view sender,
    enum report_kind kind, struct str *memory, struct addressee *to);
/* The copy that the postmaster gets of a report to a sender, if any. */
bool addressee_find_copy(const struct conf *conf, enum report_kind kind,
    struct str *memory, struct addressee *to);

/* Write the whole report into the sink: at most 1,000 recipients are told of,
 * the others are counted. */
struct err compose_report(struct bounce *b, struct sink *s, struct history *h,
    enum report_kind kind, const struct addressee *to, struct view report_id);

#endif
