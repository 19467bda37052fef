/*
 * pickup: messages from maildrop to cleanup, several at once.
 */
#ifndef PICKUP_PICKUP_H
#define PICKUP_PICKUP_H

#include "lib/base/htable.h"
#include "lib/conf/conf.h"
#include "lib/ipc/client.h"
#include "lib/mail/queue_id.h"
#include "lib/run/fiber.h"

#include <stdbool.h>
#include <sys/types.h>

struct pickup {
	const struct conf *conf;
	struct ipc_service cleanup, bounce;
	int slot;
	uid_t own_uid;
	int64_t override_flags; /* receive_override_options */
	bool autodetect_utf8; /* smtputf8_autodetect_classes has sendmail */
	/* Names that are worked on, or wait after a failure: struct entry. */
	struct htable entries;
	int64_t n_running;
	int64_t n_soon; /* of the entries: those looked at again soon */
	struct wait_queue room;
	struct wait wanted; /* somebody says there is something */
	bool draining;	    /* begin nothing; leave when nothing runs */
};

/* --- scan.c --- */
/* Starts looking: now, when somebody says so, and every minute. */
void scan_start(struct pickup *p);
/* There is something of this name; look at all if it is none. */
void scan_hint(struct pickup *p, struct view name);
/* Begin nothing more; the loop stops when what runs has ended. */
void scan_drain(struct pickup *p);

/* --- submit.c --- */
enum submit_end {
	SUBMIT_DONE,  /* the file is gone */
	SUBMIT_LATER, /* try again */
	SUBMIT_BUSY,  /* a process of ours has it still: try again soon */
	SUBMIT_TAKEN, /* cleanup has it, but the file could not be removed */
};
/* Submit one file of maildrop; in a fiber. */
enum submit_end submit_file(struct pickup *p, struct view name);
/* Only remove it: it was submitted before.  SUBMIT_DONE or SUBMIT_TAKEN. */
enum submit_end submit_remove(struct view name);

#endif
