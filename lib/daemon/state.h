/* What the files of this folder share about the one daemon that a process is.
 * Nobody else includes this. */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include "lib/daemon/daemon.h"
#include "lib/run/loop.h"

enum { DAEMON_LOOKUP_TIMEOUT = 100 };

struct daemon_state {
	bool chroot, debugger, draining, told_change;
	bool managed;
	bool finishes; /* what it was asked for, after master's death */
	void (*greet)(struct ipc_server *s, struct ipc_conn *c);
	int64_t started;
	int reserve_fd; /* given up to refuse a client when none is left */
	struct control_page *page;
	struct loop_watch control;
	void (*reload)(void *owner);
	void *reload_owner;
	void (*drain)(void *owner);
	void *drain_owner;
	void (*leave)(void *owner);
	void *leave_owner;
	void (*wakeup)(void *owner);
	void *wakeup_owner;
};

extern struct daemon_state daemon_state;

/* Adds what runs once a turn of the loop. */
void daemon_add_hooks(void);
/* Tells master something; lost if master is gone. */
void daemon_tell_master(enum control_verb verb, uint32_t value);

/* --- share.c --- */

struct share_verdict {
	bool is_over;     /* accept nothing for now */
	bool is_news;     /* since the last time something has changed */
	int64_t again_ms; /* look again then, if it is over */
};

/* Maps the page of session counts; before the drop. */
void daemon_open_page(struct daemon *d);
/* Sets this process's count, n, and says whether it is `slack` and a tenth more
 * than the average of all. */
struct share_verdict share_count(struct daemon *d, uint32_t n, uint32_t slack);

#endif
