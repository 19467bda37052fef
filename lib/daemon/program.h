/*
 * What is known of each program that a master.cf may name: its kind, and
 * how many processes a service of it has.  Services that Postfix's files list
 * and Barid does not need are accepted and left alone.
 */
#ifndef DAEMON_PROGRAM_H
#define DAEMON_PROGRAM_H

#include "lib/conf/master_cf.h"

#include <stdbool.h>

enum program_kind {
	PROGRAM_SESSIONS, /* some processes, each with many sessions */
	PROGRAM_ALONE,    /* exactly one process, there from the start */
	PROGRAM_WORKER,   /* a process per client, as many as are busy */
	PROGRAM_NONE,     /* accepted; nothing runs: others do the work */
	PROGRAM_LATER,    /* known, not there yet: said at start */
	PROGRAM_FOREIGN,  /* unknown: a worker of somebody else's */
};

struct program {
	const char *command; /* as in master.cf */
	const char *file;    /* below the daemon directory */
	enum program_kind kind;
	int processes_min;   /* sessions: at least */
	int processes_max;   /* 0 is no bound */
	bool clients;        /* its sessions are clients, to be bounded; not
			      * our own processes */
	int processes;       /* sessions: where the configuration has no number;
			      * 0 is one per processor */
};

/* Never NULL: an unknown command is PROGRAM_FOREIGN. */
const struct program *program_find(const char *command);

/* A service that is built in, and to which qmgr delivers. */
bool program_is_builtin_transport(struct view name);

/*
 * Whether a parameter that is made of a name and this suffix (lib/conf/rows.h)
 * counts whatever master.cf says: the numbers of processes and sessions are
 * those of a program ("smtpd_processes"), the others may be those of a service
 * that is built in ("relay_delivery_slot_cost").
 */
bool program_has_setting(struct view name, const char *suffix);

/* Add the services of ours that an imported master.cf does not list. */
struct err program_add_builtin(struct master_cf *cf, bool chroot_default);

/*
 * A service of postscreen hands its clients to one of smtpd in Postfix (of this
 * name, type pass); here it serves them itself.  So what that one's line says of
 * its sessions, options and limit, counts for this one too.
 */
void program_join_screened(
    struct master_cf *cf, const char *smtpd_service_name);

#endif
