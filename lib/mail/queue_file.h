/*
 * A queue file: append-only, one message.
 *
 *	preamble	fixed size: where the parts are, what is known of the
 *			content (so that no agent scans for it)
 *	recipients	here only if there are more than QUEUE_RCPTS_INLINE
 *	content		as accepted: every line end CRLF, not dot-stuffed
 *	envelope	sender, attributes, layout
 *	recipients	here otherwise
 *	headers		lines that cleanup added or rewrote, for the layout
 *	commit mark	with the length up to here and a checksum
 *	journal		records with length and checksum; a torn tail is no damage
 *
 * The preamble is written last, in one write, and then the mode notes that it
 * is there (the owner may execute the file); all that is synced before anybody
 * hears of it.  So a file that has neither was never acknowledged: it is litter of
 * a crash (or still being written: then it has a lock).  One whose mode speaks of
 * a preamble that reads as zeros, or that has it but is cut or has no mark, was
 * damaged.  The layout says which ranges of the file, in which order, make up the
 * message as it is sent.
 *
 * These functions make system calls on files and so block: in a process with a
 * loop call them by offload where that matters.
 */
#ifndef MAIL_QUEUE_FILE_H
#define MAIL_QUEUE_FILE_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/ipc/messages.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum {
	QUEUE_MODE = 0600,
	QUEUE_PREAMBLE_LEN = 128,
	QUEUE_MARK_LEN = 24,
	QUEUE_RCPTS_INLINE = 1000,
	/* Larger envelopes (attributes, layout) are not read. */
	QUEUE_ENVELOPE_MAX = 16 << 20,
	QUEUE_JOURNAL_REWRITE = 65536,
	/* Content is compared with its checksum whenever a file is opened, up
	 * to this size: more would be read for nothing at each attempt for a
	 * host that does not answer. */
	QUEUE_CHECK_BODY_MAX = 16 << 20,
};

/* What the preamble notes of the content, beside enum submit_flags. */
struct queue_preamble {
	int64_t flags;         /* enum submit_flags */
	int64_t arrival_us;
	int64_t content_at, content_len;
	int64_t envelope_at, envelope_len;
	int64_t rcpts_at, rcpts_len, n_rcpts;
	int64_t commit_len;    /* where the journal begins */
	int64_t longest_line;
	int64_t size;          /* of the message as sent: the layout's sum */
	int64_t rcpts_sum;     /* queue_rcpts_sum of all recipients */
	/* queue_body_sum of all between content_at and envelope_at: content and
	 * added headers.  0: none, in a file of an older version. */
	int64_t body_sum;
};

#define QUEUE_ENVELOPE(F)  \
	F(STR, queue_id)   \
	F(STR, origin)     \
	F(STR, context)    \
	F(STR, sender)     \
	F(STR, full_name)  \
	F(STR, envid)      \
	F(INT, ret)        \
	F(STR, client_name)   \
	F(STR, client_addr)   \
	F(INT, client_port)   \
	F(STR, protocol)      \
	F(STR, helo)          \
	F(STR, sasl_method)   \
	F(STR, sasl_username) \
	F(STR, filter)        /* transport:nexthop for all of it, or empty */ \
	F(STR, layout)
IPC_DECLARE(envelope, QUEUE_ENVELOPE)

/* --- layout --- */

/* Append a range of the file. */
void queue_layout_add(struct str *layout, int64_t at, int64_t len);
/* Cut the next range off the front.  False at the end. */
bool queue_layout_next(struct view *layout, int64_t *at, int64_t *len);
/* Sum of the ranges; -1 if it is no layout, or a range is outside of
 * [0, file_len). */
int64_t queue_layout_size(struct view layout, int64_t file_len);

/*
 * Reading a message by its layout, in pieces of at most sizeof(buf), from a
 * descriptor whose offset is never moved.
 */
struct queue_content {
	int fd;
	struct view layout; /* what is left of it */
	int64_t at, len;    /* what is left of the range */
	char *buf;          /* QUEUE_CONTENT_BUF bytes, owned */
};

enum { QUEUE_CONTENT_BUF = 65536 };

/* The layout must stay.  Starts over with another init after clear. */
void queue_content_init(struct queue_content *c, int fd, struct view layout);
/* The next piece, valid until the next call; empty at the end.  ERR_TEMP if
 * the read fails, ERR_PERM if the file is shorter than the layout says. */
struct err queue_content_next(struct queue_content *c, struct view *piece);
void queue_content_clear(struct queue_content *c);

/* --- writing, by cleanup --- */

/* The checksum of the recipients' bytes. */
int64_t queue_rcpts_sum(struct view rcpts);
/* What the preamble notes of the CRC-32C of content and added headers. */
int64_t queue_body_sum(uint32_t crc);
/* After the preamble, before the sync: note in the mode, which was this, that it
 * is there. */
struct err queue_note_commit(int fd, mode_t mode);
/* Create queue/ID (O_EXCL) with an exclusive lock, for writing. */
struct err queue_create(const char *queue, struct view id, int *fd);
/* The bytes after content (or the whole file if content_in_memory): envelope,
 * recipients if they were not written before, added headers, mark.  `p` has
 * content and, if written before, rcpts (with their sum) filled in; the rest
 * is set here.  Recipients that were written behind content stand where they
 * would stand by this; the mark at the end of `tail` is then to be written at
 * p->commit_len - QUEUE_MARK_LEN.
 * `added` is written first; the envelope's layout may point into it at
 * p->content_at + p->content_len onwards. */
void queue_build_tail(struct str *tail, struct queue_preamble *p,
    const struct ipc_envelope *envelope, struct view rcpts,
    struct view added);
void queue_build_preamble(char out[QUEUE_PREAMBLE_LEN],
    const struct queue_preamble *p);
/* Write all at this offset. */
struct err queue_write_at(int fd, struct view v, int64_t at);
struct err queue_write_parts_at(
    int fd, const struct iovec *parts, size_t n, int64_t at);

/* --- reading --- */

struct queue_file {
	int fd; /* borrowed */
	struct queue_preamble preamble;
	struct ipc_envelope envelope;
	struct str memory; /* what envelope borrows from */
	int64_t file_len;
};

/* Read preamble, mark and envelope.  ERR_GONE: nothing was committed and nobody
 * was told so; ERR_PERM: damaged; ERR_TEMP: cannot be read now. */
struct err queue_file_read(struct queue_file *q, int fd);
void queue_file_clear(struct queue_file *q);

/* Recipients in batches: `at` starts as 0 and is where to go on, an offset
 * within the recipients' bytes; *memory holds at most ~64 KiB of them and
 * *list is the part that is whole.  *list is empty at the end. */
struct err queue_file_read_rcpts(struct queue_file *q, int64_t *at,
    struct str *memory, struct view *list);
/* Compare the checksum of all recipients, before any of them is acted upon.
 * ERR_PERM if they are damaged. */
struct err queue_file_check_rcpts(const struct queue_file *q);

/* Compare the checksum of content and added headers, unless they have none, or
 * are longer than `most`.  ERR_PERM if they are damaged. */
struct err queue_file_check_body(const struct queue_file *q, int64_t most);

/* --- journal --- */

enum journal_kind {
	JOURNAL_OUTCOME = 'O',
	JOURNAL_REPORT = 'B',
	JOURNAL_STATE = 'S',
};

/* A range of recipients that share a reason. */
#define JOURNAL_OUTCOME_ROWS(F) \
	F(INT, first)     \
	F(INT, count)     \
	F(INT, status)    /* enum outcome */ \
	F(INT, at_us)     \
	F(STR, dsn)       \
	F(STR, text)      \
	F(STR, relay)     \
	F(STR, remote)
IPC_DECLARE(journal_outcome, JOURNAL_OUTCOME_ROWS)
/* A report was queued (or need not be): `id` may be empty. */
#define JOURNAL_REPORT_ROWS(F) \
	F(INT, kind)      /* enum report_kind */ \
	F(INT, at_us)     \
	F(STR, id)
IPC_DECLARE(journal_report, JOURNAL_REPORT_ROWS)
/* `what` is warned, held, released, expired, requeued, attempt (due_us is the
 * next one). */
#define JOURNAL_STATE_ROWS(F) \
	F(STR, what)      \
	F(INT, at_us)     \
	F(INT, due_us)
IPC_DECLARE(journal_state, JOURNAL_STATE_ROWS)

/* Append a record's bytes to out, to be written by queue_journal_append. */
void queue_journal_add(struct str *out, enum journal_kind kind,
    const struct ipc_type *type, const void *message);
/* Write records at the journal's end, which is at *end (updated).  One write;
 * what a crash or a failed one left behind it is cut.  One caller at a time. */
struct err queue_journal_append(int fd, struct view records, int64_t *end);

struct queue_journal {
	struct str memory;
	struct view rest;
	int64_t good_end; /* file offset behind the last whole record */
};

/* Read the journal of a file that was read.  A torn tail ends it. */
struct err queue_journal_read(struct queue_file *q, struct queue_journal *j);
/* The next record; false at the end.  Decode by ipc_list_next with the kind's
 * type. */
bool queue_journal_next(struct queue_journal *j, enum journal_kind *kind,
    struct view *message);
void queue_journal_clear(struct queue_journal *j);

#endif
