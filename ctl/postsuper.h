/*
 * postsuper(1): what the administrator does to messages in the queue, and to
 * the queue's folders.
 */
#ifndef CTL_POSTSUPER_H
#define CTL_POSTSUPER_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/ipc/client.h"
#include "lib/mail/queue_id.h"

#include <stdbool.h>
#include <sys/types.h>

/* Queues, as bits, in this order. */
enum super_queue {
	SUPER_MAILDROP = 1 << 0,
	SUPER_INCOMING = 1 << 1,
	SUPER_ACTIVE = 1 << 2,
	SUPER_DEFERRED = 1 << 3,
	SUPER_HOLD = 1 << 4,
	SUPER_CORRUPT = 1 << 5,
};
enum { SUPER_QUEUES = 6 };
extern const char *const super_queue_names[SUPER_QUEUES];

/* One kind of action: -d, -e, -f, -h, -H, -r. */
struct super_action {
	char option;
	const char *steps[2]; /* of qmgr's actions; the second may be NULL */
	const char *done;     /* "removed" */
	const char *total;    /* "Deleted" */
	unsigned queues;      /* where it looks unless told */
};
extern const struct super_action super_actions[];
extern const size_t super_n_actions;

struct super {
	bool running;          /* qmgr is, and is asked */
	struct ipc_service qmgr;
	uid_t owner;           /* of the queue */
	gid_t group;
	int64_t totals[8];     /* by action */
};

/* Tell the terminal and the log. */
void super_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
void super_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- postsuper_act.c --- */
/* Do this to these messages in the queues `mask`, a batch at a time. */
struct err super_act_on_ids(struct super *s, const struct super_action *a,
    unsigned mask, const struct queue_id *ids, size_t n);
/* To all that is there. */
struct err super_act_on_all(struct super *s, const struct super_action *a,
    unsigned mask);
enum { SUPER_BATCH = 500 };

/* --- postsuper_check.c --- */
/* Call visit for each file with a queue ID's name, its path in hand. */
void super_each_file(unsigned mask,
    void (*visit)(void *arg, const char *queue, const char *path,
	struct view id),
    void *arg);
/* -p: remove what a crash left half written. */
void super_purge(unsigned mask);
/* -s: each file where it belongs. */
void super_check_structure(struct super *s, unsigned mask);

#endif
