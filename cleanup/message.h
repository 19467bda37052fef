/*
 * One message on its way into the queue: envelope, recipients, content, and
 * what of the content will be sent in which order.
 */
#ifndef CLEANUP_MESSAGE_H
#define CLEANUP_MESSAGE_H

#include "lib/base/hset.h"
#include "lib/base/htable.h"
#include "lib/conf/conf.h"
#include "lib/ipc/client.h"
#include "lib/ipc/server.h"
#include "lib/mail/completion.h"
#include "lib/mail/downgrade.h"
#include "lib/mail/header.h"
#include "lib/mail/queue_file.h"

#include <sys/uio.h>

enum {
	/* The part of the header that is looked at; what is beyond is left
	 * alone. */
	CLEANUP_HEADER_MAX = 1 << 20,
	/* What all messages may hold together of headers and of content that
	 * is not written yet.  Beyond it each is looked at no further than this
	 * and written in smaller steps: clients that send a header and then
	 * nothing cannot fill the memory. */
	CLEANUP_HELD_MAX = 32 << 20,
	CLEANUP_HEADER_MIN = 32 * 1024,
	CLEANUP_WRITE_SMALL = 32 * 1024,
	/* Streamed content is written when it is as much, up to where such a
	 * step ends in the file, or when it came in as many frames. */
	CLEANUP_WRITE_STEP = 512 * 1024,
	/* Files up to this size are synced together. */
	CLEANUP_TOGETHER_MAX = 256 * 1024,
	CLEANUP_WRITE_FRAMES = 32,
	/* Content is read back in such steps, with others' turns between. */
	CLEANUP_READ_STEP = 64 * 1024,
	/* Recipients that are many are written when they are as much. */
	CLEANUP_RCPTS_STEP = 64 * 1024,
};

struct mapping;

/* How it ended, for the answer. */
struct verdict {
	int code;
	const char *reply; /* with its enhanced code; a literal */
};

struct cleanup {
	const struct conf *conf;
	struct mapping *mapping;
	struct ipc_service qmgr, rewrite;
	struct completion completion;
	/* As qmgr told: where new mail goes, and how long replies are held. */
	bool room, from_obsolete;
	int64_t delay_ms;
	int64_t held;               /* by all messages: see CLEANUP_HELD_MAX */
	/* Headers that are dropped, a bit per id; HEADER_OTHER: some of these, by
	 * lower-case name. */
	uint64_t drops;
	struct htable drop_others;
	struct checks *checks;
};

/* A range of the content. */
struct range {
	int64_t at, len;
};

/* A range of the message as it is sent. */
struct piece {
	bool added;     /* of `added`, else of the content */
	int64_t at, len;
};

/*
 * What access control, header and body checks want done with a message.  Once
 * code is set it is refused.
 */
struct orders {
	int code;          /* 0: go on */
	struct str reason; /* with its enhanced code */
	bool hold, discard;
	bool no_more_checks;
	struct str filter, redirect; /* empty: none */
	struct str bcc, rcpts;       /* more: lists of rcpt messages */
};

struct message {
	struct cleanup *cleanup;
	struct ipc_submit submit;   /* borrows from the request's frame */
	struct ipc_frame *keep;     /* the frame of a spooled submit */
	const char *queue;          /* active, incoming, hold */

	/* A list of rcpt messages, rewritten: all of them while they are few,
	 * else those that are not written yet; where the others are says the
	 * preamble. */
	struct str rcpts;
	int64_t n_rcpts;
	size_t last_rcpt_at;        /* in `rcpts` */
	struct str first_rcpt, last_rcpt; /* of those that were written */
	bool keeps_rcpts;           /* they are only to be shown: never written */
	struct hset seen;           /* recipients, for duplicates */
	bool has_all_rcpts;
	struct verdict refusal;     /* code 0: not refused */
	bool is_logged;             /* why an address map failed */
	struct str sender;

	bool converts;              /* as it arrives: see convert.c */
	struct downgrade down;
	struct str converted;
	struct view content;        /* whole in memory */
	/* Streamed: not written yet, in the frames that it came in. */
	struct ipc_frame *frames[CLEANUP_WRITE_FRAMES];
	struct iovec pending[CLEANUP_WRITE_FRAMES];
	size_t n_pending, pending_len;
	int64_t held;               /* of the cleanup's `held` */
	bool is_head_cut;           /* what follows in `head` would not fit */
	struct str head;            /* streamed: the first bytes, for headers */
	struct header_scan head_scan;
	int64_t content_len;
	int fd;                     /* the queue file while it is written */
	const char *created_in;     /* the folder */
	bool created, too_large;
	bool is_again;              /* SUBMIT_AGAIN: see again.c */
	int64_t flags;

	struct orders orders;
	struct view header;         /* what of the content is looked at */
	struct view window;         /* what was read back last, and from where */
	int64_t window_at;
	bool is_copied;             /* to `added`: it had too many pieces */
	struct str added;
	struct piece *pieces;
	size_t n_pieces;
	struct queue_preamble preamble;
	uint32_t sum; /* of the content that is written */
	struct str layout, tail;
	struct str end;             /* of the tail, if recipients are before it */
	/* What is known already of recipients: the beginning of the journal. */
	struct str journal;
	struct str message_id;
	struct err failure;         /* of the disk */
	bool no_space;
};

/* --- submit.c --- */
void message_init(struct message *m, struct cleanup *c);
void message_clear(struct message *m);
/* Headers and checks, once all of the content is there: what of it is sent.
 * False, and the verdict: refused, or it cannot be told now. */
bool message_process_content(struct message *m, struct verdict *v);

/* --- envelope.c --- */
/* The sender: completed and mapped.  A sender's blind copy is added. */
struct err envelope_set_sender(struct message *m);
/*
 * Add a list of recipients: completed, mapped, expanded, with their blind
 * copies, without duplicates.  ERR_TEMP if that cannot be done now (m->refusal
 * may say what to answer), ERR_PERM if the list is malformed.
 */
struct err envelope_add_rcpts(struct message *m, struct view list);
/* A blind copy: nobody is told what becomes of it. */
struct err envelope_add_bcc(struct message *m, struct view address);
/* The first recipient as it was listed, and the last; there are some. */
struct view envelope_first_rcpt(const struct message *m);
struct view envelope_last_rcpt(const struct message *m);
/* After the last recipient: always_bcc.  Once; later calls do nothing. */
struct err envelope_end_rcpts(struct message *m);

/* --- complete.c --- */
/* Complete an address ($myorigin and so on) unless it is complete. */
struct err envelope_complete(struct cleanup *c, const char *context,
    struct view address, struct str *out);

/* --- header_addresses.c --- */
/* Is a header with this flag of enum header_flags looked at at all? */
bool header_addresses_apply(const struct message *m, unsigned flags);
/* Complete and map the addresses of a header; *changed if that made another
 * text of it, which is then at the end of m->added. */
struct err header_addresses_rewrite(
    struct message *m, const struct header *h, bool *changed);
/* Does this message get the headers that it lacks?  Mail of our own clients
 * does, and if the site has a domain for others, theirs. */
bool header_addresses_are_local(const struct message *m);
/* --- orders.c --- */
void orders_init(struct orders *o);
void orders_clear(struct orders *o);
/* What submit and submit_end say. */
void orders_take(struct orders *o, int64_t hold, struct view filter,
    struct view redirect);
/* The filter to pass it to: none if it is redirected, as with Postfix. */
struct view orders_filter(const struct orders *o);
void orders_add_bcc(struct orders *o, struct view address);
/* Refused, unless it was already; the reason has an enhanced code. */
void orders_refuse(struct orders *o, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Recipients and folder as they are wanted, when all is known. */
struct err orders_apply(struct message *m);

/* --- pieces.c --- */
/* A part of the content is sent as it is. */
void pieces_keep(struct message *m, int64_t at, int64_t len);
/* All that follows is. */
void pieces_keep_rest(struct message *m, int64_t at);
/* The text since `from` of m->added goes in here. */
void pieces_add_own(struct message *m, size_t from);
/* The same for new text: see header_add_lines. */
void pieces_add_lines(struct message *m, struct view text, bool is_header);
/* Append a part of the content, wherever it is; m->failure if it cannot be
 * read. */
void pieces_read(
    struct message *m, int64_t at, int64_t len, struct str *out);

/* Who is meant by a recipient that is a sender of ours (SRS): *address becomes
 * that, or stays.  ERR_TEMP if that cannot be found out now. */
struct err envelope_reverse(struct cleanup *c, struct str *address);

/* --- headers.c --- */
/* What was seen on the way through the header. */
struct seen {
	bool others;
	bool from, date, message_id, to, resent_from, resent_date, resent_id;
	bool is_resent;
	int64_t hops;
};

/* Headers of this name are to be dropped. */
void headers_drop(struct cleanup *c, struct view name);
/* One field: kept, dropped or rewritten.  `where` it stands in the content;
 * NULL if it does not. */
struct err headers_take(struct message *m, const struct header *h,
    const struct range *where, struct seen *seen);
/* The same for a header whose lines are joined by LF. */
struct err headers_take_text(struct message *m, struct view text,
    const struct range *where, struct seen *seen);
/* The header has ended: add what is missing.  False, and the verdict: refused.
 */
bool headers_end(
    struct message *m, const struct seen *seen, struct verdict *verdict);
/* There was no empty line: the body begins with one. */
void headers_end_without_line(struct message *m);
/* Go through the header block `head`; make the pieces.  Returns false, and
 * the verdict, for what is refused. */
bool headers_process(struct message *m, struct view head,
    struct verdict *verdict);

/* --- again.c --- */
/* For one that is submitted again, once it is known which queue would have it:
 * the queue where it is.  ERR_TEMP where it is beyond our reach. */
struct err again_find(struct message *m);
/* On a thread: its name is taken.  By the same message, or by nothing that is
 * whole: then m->fd is a file to write to.  Else ERR_TEMP. */
struct err again_open(struct message *m, struct view preamble);

/* --- convert.c --- */
/* Sets m->converts if this message's content is to be. */
void convert_begin(struct message *m);
/* What becomes of the next piece, until the next call.  All of it is then in
 * m->converted. */
struct view convert_take(struct message *m, struct view bytes, bool is_last);
void convert_clear(struct message *m);

/* --- store.c --- */
/* Content that comes in parts and is in memory that does not stay. */
void store_take_copy(struct message *m, struct view bytes);
/* Content that comes in parts; bytes are in the frame, which it takes. */
void store_take_content(
    struct message *m, struct view bytes, struct ipc_frame *frame);
/* Write what is missing and sync: the message is safe when this returns. */
struct err store_commit(struct message *m);
/* Remove what was written of a message that will not be. */
void store_cancel(struct message *m);
/* Free what was not written. */
void store_clear(struct message *m);
/* Write all that came, so that pieces_read finds it. */
void store_flush(struct message *m);
/* On a thread: the file, unless there is one.  The preamble is the whole
 * message's, for one that is submitted again; else empty. */
void store_create(struct message *m, struct view preamble);
/* The first failure of the disk counts; by errno. */
void store_fail(struct message *m, struct err e);
/* Where the envelope ends, once content has its place and all of it is known:
 * nothing of it may change from then on. */
int64_t store_find_end(struct message *m);
/* Is there space for one more message? */
bool store_has_space(struct cleanup *c);

/* --- rcpts.c --- */
/* Write the recipients in m->rcpts, which is empty then.  Waits; m->failure if
 * it cannot be done. */
void rcpts_write(struct message *m);
/* Were they written behind the content? */
bool rcpts_are_late(const struct message *m);

/* --- submit.c --- */
void submit_run(struct ipc_request *r);

#endif
