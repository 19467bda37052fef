/*
 * Dropping privileges for good.  A role is a constant next to a daemon's main:
 * who it is, what it may still do.  priv_drop runs in the exec'd process while
 * it has one thread, after everything was opened, and does in this order:
 * Landlock rule descriptors, limits, chroot, bounding and ambient sets,
 * setgroups/setresgid/setresuid, check that root cannot be had back, capset
 * empty, not dumpable, no_new_privs, Landlock, seccomp.
 *
 * A layer that fails for another reason than an old kernel ends the process
 * with its name.  A call that is in none of the role's sets kills the process
 * by SIGSYS; builds with BARID_CHECKS print the call's number first.
 *
 * Behind the drop do not call what opens files in the C library: getpw*,
 * getaddrinfo, dlopen, sysconf(_SC_NPROCESSORS_ONLN).  TZ is set, so that times
 * stay local; a process is its own tgkill's only target.
 */
#ifndef RUN_SANDBOX_H
#define RUN_SANDBOX_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Who a process is after the drop.  In an ordinary user's instance all are
 * that user. */
enum sandbox_identity {
	IDENTITY_QUEUE,   /* $mail_owner: pickup, cleanup, qmgr, bounce, showq */
	IDENTITY_SMTPD,   /* $mail_owner with "-smtpd", and so on */
	IDENTITY_SMTP,
	IDENTITY_REWRITE,
	IDENTITY_LOOKUP,
	IDENTITY_RESOLVE,
	IDENTITY_ANVIL,
	IDENTITY_AUTH,
	IDENTITY_KEYS,
	IDENTITY_LOG,
	IDENTITY_OWNER,   /* dial: $mail_owner with its supplementary groups */
	IDENTITY_ROOT,    /* monitors that run users' commands: stay as they are */
	IDENTITY_COUNT,
};

/* Named sets of system calls; base, thread and stream-like ones are in
 * sandbox.c with the calls they stand for. */
enum sandbox_calls {
	CALLS_BASE = 1 << 0,      /* memory, clock, signals, exit; always in */
	CALLS_THREAD = 1 << 1,    /* start threads (offload) */
	CALLS_STREAM = 1 << 2,    /* read, write, epoll, sockets already open */
	CALLS_CONNECT = 1 << 3,   /* socket(AF_UNIX), connect */
	CALLS_INET = 1 << 4,      /* socket(AF_INET, AF_INET6), connect, bind */
	CALLS_ACCEPT = 1 << 5,
	CALLS_FILE_READ = 1 << 6, /* openat read-only, fstat, pread, getdents */
	CALLS_QUEUE = 1 << 7,     /* create, write, sync, rename, unlink, flock */
	CALLS_MAILBOX = 1 << 8,   /* as queue, with mkdir, fchmod, fcntl locks */
	CALLS_RESOLVER = 1 << 9,  /* what libunbound needs beyond INET */
	CALLS_DATABASE = 1 << 10, /* clients of databases: what they try, and
				   * can do without, fails and kills not */
};

enum sandbox_root {
	ROOT_NONE,   /* no changed root */
	ROOT_QUEUE,  /* the queue directory */
	ROOT_EMPTY,  /* an empty directory: the queue directory's "empty", which
		      * must be root's and writable by no one else */
};

struct sandbox_path {
	const char *path;   /* relative to the queue directory, or absolute */
	bool write;
};

struct sandbox_role {
	const char *name;
	enum sandbox_identity identity;
	enum sandbox_root root;
	unsigned calls;                     /* enum sandbox_calls */
	/* What Landlock leaves; ends in a NULL path.  NULL: no files at all.
	 * A relative path must exist, an absolute one that does not is passed
	 * over.  For descriptors that are open already no path is needed, nor
	 * to connect to a socket. */
	const struct sandbox_path *paths;
	bool has_children; /* runs users' commands: none of the layers that a
			    * command would inherit (IDENTITY_ROOT only) */
	int64_t file_size_max; /* RLIMIT_FSIZE; 0: no limit */
};

enum { SANDBOX_GROUPS_MAX = 64 };

struct sandbox_ids {
	uid_t uid;
	gid_t gid;
	gid_t groups[SANDBOX_GROUPS_MAX]; /* supplementary */
	int n_groups;
};

/* Facts that the role does not know. */
struct sandbox_site {
	const char *queue_directory;
	const char *mail_owner;
	const char *setgid_group;
	bool unprivileged;
	bool chroot; /* asked for in master.cf: ROOT_QUEUE at least */
};

/* The uid and gid of an identity: looked up by name; before the drop only.
 * Unprivileged: the caller's own.  ERR_TEMP if an account is missing. */
struct err sandbox_find_identity(const struct sandbox_site *site,
    enum sandbox_identity who, uid_t *uid, gid_t *gid);
/* The account's name ("barid-smtpd"). */
void sandbox_account_name(const struct sandbox_site *site,
    enum sandbox_identity who, char *buf, size_t size);

/* Drop, or die naming the layer.  IDENTITY_ROOT: limits, capabilities and
 * dumpable only, nothing that a child inherits. */
void priv_drop(const struct sandbox_role *role,
    const struct sandbox_site *site);

/* The layers in force in this process, as words ("uid chroot caps nnp
 * landlock:4 seccomp limits"), for status and tests. */
const char *sandbox_layers(void);

/* The groups of the account of that name whose gid is in *ids.  Asks the name
 * service, and waits for it.  ERR_PERM: they are more than SANDBOX_GROUPS_MAX. */
struct err sandbox_find_groups(const char *name, struct sandbox_ids *ids);

/* For a child of a monitor that runs no command and is about to touch a
 * mailbox as its owner: setgroups, setresgid, setresuid for good, then
 * no_new_privs and the seccomp sets given.  uid 0 is refused. */
struct err sandbox_become_user(const struct sandbox_ids *ids, unsigned calls);

#endif
