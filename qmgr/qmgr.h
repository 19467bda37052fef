/*
 * qmgr owns the queue: every message in it, where each recipient goes, when it
 * is tried, and what became of it.  One process, one loop; a fiber for each
 * delivery in flight and each message that is read.
 *
 *	message	one queue file that is being worked on
 *	rcpt	a recipient whose outcome is open
 *	destination	a transport and a next hop: how many deliveries at once
 *	job	the recipients of one message for one destination
 *	deferred	a message that waits for its time: 64 bytes, no file
 */
#ifndef QMGR_QMGR_H
#define QMGR_QMGR_H

#include "lib/base/htable.h"
#include "lib/base/list.h"
#include "lib/conf/conf.h"
#include "lib/conf/master_cf.h"
#include "lib/ipc/client.h"
#include "lib/ipc/messages.h"
#include "lib/ipc/server.h"
#include "lib/mail/queue_file.h"
#include "lib/mail/queue_id.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"

struct job;
struct waiting;

/* The disk may be well again. */
enum { DISK_RETRY_MS = 10000 };

/* 56 bytes and the addresses: about 130. */
struct rcpt {
	struct list node; /* in its job, or in the message's list to route */
	int64_t number;
	unsigned notify;
	char *address, *original, *orcpt; /* one block, in `text` */
	char text[];
};

/* No destination's hash: they are odd. */
enum { WHERE_SEVERAL = 2 };

enum message_act {
	ACT_NONE,
	ACT_DELETE,
	ACT_HOLD,
	ACT_REQUEUE, /* once more through pickup and cleanup */
	ACT_RELEASE, /* not held after all */
	ACT_EXPIRE,  /* return to sender now */
};

/* About 720 bytes in all, with one recipient, its job, the envelope's short
 * strings and the entry by ID (measured: message_test). */
struct message {
	struct list node;         /* among all that are worked on */
	struct queue_id id;
	const char *queue;        /* the folder its file stands in */
	int64_t arrival_us, active_us, size, flags, ret;
	const char *sender, *envid, *client_name, *client_addr, *protocol, *helo;
	const char *filter;       /* transport:nexthop for all of it, or "" */
	struct view layout;
	char *texts;              /* all of these, in one block */
	struct list jobs;         /* its own, in all destinations */
	int64_t n_rcpts;          /* in the file */
	int64_t n_open;           /* read, and without an outcome */
	int64_t n_read;           /* numbers below this were read */
	int64_t rcpts_at;         /* where to read on; -1: all were read */
	int64_t journal_end;      /* -1: not known yet */
	struct str unwritten;     /* records that could not be written yet */
	struct wait_queue journal_free; /* one writer at a time */
	struct list unrouted;     /* struct rcpt */
	unsigned char *decided;   /* bit per recipient; NULL: none before */
	bool was_deferred;        /* of this round: some wait for another try */
	bool put_back;            /* of this round: some wait for room there */
	bool is_called;           /* from a line: there is room for it */
	uint32_t where;           /* of its recipients; 0: none was placed */
	bool has_journal, writing;
	bool needs_failure, needs_success; /* reports that are due */
	bool must_report;         /* journal says so: earlier rounds too */
	bool warned, expired, finishing;
	bool was_unanswered;      /* an agent may still be at work */
	size_t users;             /* fibers and jobs that hold it */
	enum message_act act;     /* asked for while it was in flight */
	int64_t last_due;
	char *site; /* the domain of what was deferred; "": several */
};

/* What is known of a destination that may start something: see turn.c. */
enum turn {
	TURN_DEAD,       /* to be deferred */
	TURN_NEW,        /* has not answered yet, or not lately; has no slot */
	TURN_NEW_MORE,   /* the same, and has slots already */
	TURN_KNOWN,      /* answers; has no slot */
	TURN_KNOWN_MORE, /* has some, up to the initial concurrency */
	TURN_KNOWN_MANY, /* has more */
	TURN_ALONE,      /* nobody else has a slot */
	TURNS
};

struct transport {
	struct list node;
	char *name;
	struct ipc_service service;
	bool is_worker;           /* serves one delivery at a time */
	int64_t n_busy, process_limit;
	int64_t destination_limit, recipient_limit, initial;
	int64_t rate_delay_ms;
	int64_t failed_cohort_limit;
	int64_t slot_cost, slot_loan, slot_discount, minimum_slots;
	int64_t dead_until;       /* nobody answers at its socket */
	char *dead_reason;
	int64_t lost_at;          /* an agent was lost; 0: none since one answered */
	bool deferred_by_conf;    /* in defer_transports */
	struct htable destinations; /* by name */
	struct list ready[TURNS]; /* destinations that may start something */
	unsigned standing;        /* bit per list: there may be some in it */
	uint64_t n_ready;         /* counts who came to stand there */
	int64_t n_unproven;       /* busy for who has not answered yet */
	struct timer retry;
};

struct destination {
	struct list ready;        /* on a list of its transport, or on none */
	uint64_t ready_at;        /* its number there: who came first */
	struct transport *transport;
	char *name;               /* the next hop, or a user there */
	char *nexthop;
	uint32_t where;           /* hash of transport and name: what waiting
				   * messages keep */
	struct waiting *line_first, *line_last; /* who waits for a share */
	size_t n_in_line;
	int64_t n_opening;        /* messages of its line, or due */
	struct list jobs;         /* in the order of arrival */
	size_t n_jobs;
	int64_t busy, n_unproven;
	int64_t busy_since, heard_at; /* loop_now; 0: not since it failed */
	int64_t window;
	double success, failure;  /* fractions of a step: hysteresis */
	double failed_cohorts;
	int64_t dead_until;
	char *dead_reason;
	int64_t not_before;       /* rate delay */
	struct timer wake;
	int64_t last_used;
};

struct job {
	struct list node;         /* in its destination, or deferred */
	struct list of_message;
	struct destination *destination;
	struct message *message;
	char *sender; /* of this delivery (SRS); NULL: the message's */
	struct list rcpts;
	int64_t n_rcpts;
	/* Pre-emption: deliveries made, slots lent to others. */
	int64_t n_done, slots_used;
};

struct qmgr {
	const struct conf *conf;
	struct daemon *daemon;
	struct master_cf master_cf;
	struct list messages;
	struct htable by_id;      /* struct message, by queue ID */
	size_t n_messages;
	int64_t n_crowded;        /* jobs of destinations with a line */
	struct htable by_where;   /* struct destination */
	int64_t n_rcpts;          /* of all messages, in memory */
	struct list transports;
	struct ipc_service rewrite, bounce, state;
	bool room;                /* as last told to cleanup */
	int64_t delay_ms;
	struct wait_queue room_for_rcpts;
	size_t n_working;         /* what a leaving qmgr waits for */
	bool draining;
};

extern struct qmgr qmgr;

/* --- message.c --- */
/* A message that cleanup has just committed; in memory without reading. */
void message_take_notice(const struct ipc_queued *notice);
/* Read a queue file and begin with it; in a fiber.  Damaged files go to
 * corrupt/. False if it is not to be worked on now. */
bool message_open(const char *queue, struct view id);
enum message_open {
	/* It was called from a destination's line. */
	MESSAGE_CALLED = 1 << 0,
	/* Every agent has answered: a lock that one of them still has is
	 * passed over, so that who keeps a descriptor keeps no message. */
	MESSAGE_ANSWERED = 1 << 1,
};
bool message_open_as(const char *queue, struct view id, unsigned how);
/* Read more recipients if there is room; begins with them. */
void message_read_more(struct message *m);
void message_use(struct message *m);
/* The last one finishes what is to be finished. */
void message_unuse(struct message *m);
struct message *message_find(struct view id);
void message_free(struct message *m);
void rcpt_free(struct rcpt *r);
/* The same recipient with another address, in its place on its list; the old one
 * is freed. */
struct rcpt *rcpt_readdress(struct rcpt *old, struct view address);
/* True if it was asked for that it is not delivered any further. */
bool message_stops(const struct message *m);
/* Wait until the file is not being read by message_open. */
void message_await(struct view id);
/* Keep the file from being read by message_open, and from the administrator's
 * acts, until it is given back.  False if it is being worked on. */
bool message_claim(struct view id);
void message_unclaim(struct view id);
/* Tell cleanup whether there is room, and how long to hold replies. */
void flow_update(void);
/* The same to one that has just connected. */
void flow_greet(struct ipc_server *s, struct ipc_conn *c);
/* Move a file that cannot be read out of the way. */
void message_set_aside(const char *queue, struct view id, const char *why);

/* --- route.c --- */
/* Ask where each of the message's unrouted recipients goes, and put them into
 * jobs; in a fiber. */
void route_message(struct message *m);

/* --- schedule.c --- */
struct transport *transport_find(struct view name);
struct destination *destination_find(struct transport *t,
    struct view nexthop);
/* The one of this recipient: the next hop or, if a delivery of the transport has
 * one recipient, that user there, whatever the extension. */
struct destination *destination_of_rcpt(
    struct transport *t, struct view nexthop, struct view address);
/* By its hash; NULL: there is none now. */
struct destination *destination_find_where(uint32_t where);
/* Give a recipient to the message's job there. */
void schedule_add(struct destination *d, struct message *m, struct rcpt *r);
/* The same with another sender than the message's; NULL or empty is that. */
void schedule_add_from(struct destination *d, struct message *m,
    struct rcpt *r, const char *sender);
/* The message has a job there, or had one just now. */
bool schedule_has(const struct destination *d, const struct message *m);
/* Start what may start. */
void schedule_run(struct transport *t);
/* A delivery there has ended, after its outcomes were taken. */
void schedule_done(struct destination *d);
/* How a delivery there went. */
void destination_succeeded(struct destination *d);
void destination_failed(struct destination *d, const char *reason);
void transport_failed(struct transport *t, const char *reason);
/* Forget that destinations were dead: a flush. */
void schedule_forget_dead(void);
/* Drop the recipients that wait for a delivery: they stay undecided.  False if
 * there were none. */
bool schedule_drop(struct message *m);
/* Defer the recipients of jobs that wait for a dead one; does not wait. */
void destination_defer_all(struct destination *d, const char *dsn,
    const char *reason);

/* --- turn.c --- */
void turn_init(struct transport *t);
/* It may start something. */
void turn_ready(struct destination *d);
/* The one whose turn it is, taken off its list.  NULL: there is none, or no
 * slot for those that there are. */
struct destination *turn_next(struct transport *t);
void turn_take_slot(struct destination *d);
void turn_give_slot(struct destination *d);
/* It has answered. */
void turn_heard(struct destination *d);

/* --- late.c --- */
/* What a request was for: begin with the message, add the recipients' numbers
 * in their order, end. */
struct seal {
	char bytes[8];
};
/* Read the key that is kept there, or make it; before the drop. */
void seal_open(int fd);
void seal_begin(struct str *sealed, struct view id);
void seal_add(struct str *sealed, int64_t number);
struct seal seal_end(const struct str *sealed);
static inline struct view
seal_view(const struct seal *s)
{
	return view_make(s->bytes, sizeof(s->bytes));
}
/* The handler of late_delivered; in a fiber. */
void late_run(struct ipc_request *r);

/* --- deliver.c --- */
/* Take up to the limit's number of recipients off the job, and deliver. */
void deliver_start(struct job *job);

/* --- outcome.c --- */
/* One recipient is decided, or has to wait.  Frees it.  Logs nothing. */
struct verdict {
	enum outcome status;
	struct view dsn, text, relay, remote;
};
/* What the journal keeps of a reason, and of a name. */
enum { OUTCOME_TEXT_MAX = 2000, OUTCOME_NAME_MAX = 300 };
/* Outcomes are gathered here and written at once by outcome_flush. */
struct outcomes {
	struct message *message;
	struct str records;
	struct ipc_journal_outcome open; /* a range that may grow */
	struct str memory;               /* what `open` borrows from */
	bool has_open;
};
void outcomes_init(struct outcomes *o, struct message *m);
void outcomes_add(struct outcomes *o, struct rcpt *r, const struct verdict *v);
/* It waits for room at its destination.  Frees it. */
void outcomes_put_back(struct message *m, struct rcpt *r);
/* Write what has to be on disk.  In a fiber. */
void outcomes_flush(struct outcomes *o);
/* Log an outcome that no agent logged (error, retry, discard, dead). */
void outcome_log(struct message *m, const struct rcpt *r,
    const struct verdict *v);
/* Append records to the message's journal; what cannot be written now is kept
 * and goes with the next.  In a fiber. */
bool outcomes_write(struct message *m, struct view records);

/* --- finish.c --- */
/* Too old to wait any longer: the last reason becomes the final one. */
bool message_is_too_old(const struct message *m);
/* No recipient is open any more: report, remove, or defer.  In a fiber. */
void message_finish(struct message *m);

/* --- deferred.c --- */
/* The file waits in deferred/ until then; a time that was known is replaced. */
void deferred_add(struct view id, int64_t due_s, const char *site);
/* The same; it has a reason, and need not be tried at this destination before
 * `must_s` if that is known to be dead. */
void deferred_add_tried(struct view id, int64_t due_s, const char *site,
    uint32_t where, int64_t must_s);
/* Of one that was added, or lined up: its deliveries were all answered. */
void deferred_set_answered(struct view id);
void deferred_remove(struct view id);
bool deferred_has(struct view id);
/* Make all, or those that went to this site, or one, due now. */
size_t deferred_flush(struct view site);
bool deferred_flush_id(struct view id);
size_t deferred_count(void);
/* Starts the fibers that look after due messages and read the folders. */
void deferred_start(void);

/* --- due.c --- */
/* Look for what is due now. */
void deferred_wake(void);
/* It has as many messages in memory as it may have. */
bool destination_is_full(const struct destination *d);
/* The message waits for room there, its file where it is. `must_s` as in
 * deferred_add_tried; 0: it has no reason yet. */
void destination_line_up(struct destination *d, struct view id,
    int64_t must_s);
/* There may be room for the next in its line. */
void destination_call_next(struct destination *d);

/* --- scan.c --- */
/* Read active and incoming: now, when this is called again, and at times. */
void scan_start(void);

/* --- drain.c --- */
/* Nothing new is begun; the process leaves when the deliveries under way, and
 * what is to be written of them, have ended, or after half a minute. */
void drain_start(void *unused);
void work_begin(void);
void work_end(void);

/* --- act.c --- */
void act_run(struct ipc_request *r);
void flush_run(struct ipc_request *r);
/* Do what was asked for while the message was in flight; frees it. */
void act_perform(struct message *m);

#endif
