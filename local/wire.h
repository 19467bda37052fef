/*
 * The requests inside one delivery service.  Four kinds of process make it up:
 *
 *	front	talks to qmgr, looks tables up, plans; no privileges, no files
 *	monitor	root; does five fixed things for the front and nothing else
 *	asker	root; asks the name service for the monitor (names.h)
 *	child	one per identity that mail is delivered as; writes mailboxes
 *
 * The front asks the monitor by struct monitor_request for a child, and then
 * talks to the child by itself, over sequenced-packet sockets: one packet a
 * request, one an answer.  Each begins with struct wire_head, whose number ties
 * an answer to its request, since a child works on several at once.  Who reads
 * trusts nothing that it reads.
 */
#ifndef LOCAL_WIRE_H
#define LOCAL_WIRE_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#include <stdint.h>

enum {
	WIRE_NAME_MAX = 256,  /* of a user, NUL included */
	WIRE_PATH_MAX = 1024, /* base and path each, NUL included */
	WIRE_LOOP_MAX = 2200, /* an address in external form */
	WIRE_HEAD_MAX = 16384,
	WIRE_LAYOUT_MAX = 65536,
	WIRE_TEXT_MAX = 512,
	WIRE_FDS_MAX = 2,
	WIRE_MAGIC = 0x42724432,
};

struct wire_head {
	uint32_t magic, number;
};

/* --- front to monitor --- */

enum monitor_op {
	MONITOR_USER = 1, /* who is `name`? */
	MONITOR_CHILD,	  /* a child for `name`, or for uid and gid if empty */
	MONITOR_MBOX,	/* create the missing mailbox of `name` in the spool */
	MONITOR_LOCK,	/* create the lock file of that mailbox */
	MONITOR_UNLOCK, /* remove it */
};

struct monitor_request {
	uint32_t op;
	uint32_t uid, gid;
	char name[WIRE_NAME_MAX];
};

enum monitor_status {
	MONITOR_OK = 1,
	MONITOR_UNKNOWN, /* no such user */
	MONITOR_REFUSED, /* against the rules: uid 0, a bad name */
	MONITOR_EXISTS,	 /* the mailbox, or a lock that is not stale */
	MONITOR_FAILED,	 /* `error` is the errno */
	MONITOR_SLOW,	 /* the name service did not answer in time */
	MONITOR_BUSY,	 /* too many questions to it, or children */
	MONITOR_DIED,	 /* who asked it did, of its answer */
	MONITOR_GROUPS,	 /* the user is in too many groups */
};

/* CHILD and MBOX carry a descriptor if OK. */
struct monitor_answer {
	uint32_t status;
	uint32_t uid, gid;
	int32_t error;
	char home[WIRE_PATH_MAX];
};

/* True if the bytes are a request whose name ends inside it. */
bool monitor_request_read(struct view packet, struct monitor_request *r);

/* --- front to child --- */

enum child_kind { CHILD_MAILDIR = 1, CHILD_MBOX };

enum child_flags {
	CHILD_IN_SPOOL = 1 << 0, /* the monitor creates and locks for us */
	CHILD_LOCKED = 1 << 1,	 /* it has made the lock file */
	CHILD_HAS_MBOX = 1 << 2, /* it has made the mailbox: a descriptor */
};

/* The head of the packet; what the lengths count stands behind it, in this
 * order, each ended by a NUL that is counted (head and layout: not). */
struct child_request {
	uint32_t kind, flags;
	uint32_t base_len, path_len, loop_len, head_len, layout_len;
};

/* A request taken apart; borrows from the packet. */
struct child_job {
	enum child_kind kind;
	unsigned flags;
	const char *base; /* an absolute path */
	const char *path; /* below it: no "/" first, no ".." */
	const char *loop; /* the address that must not stand in a Delivered-To;
			     * may be empty */
	struct view head; /* lines that go before the content, ended by LF */
	struct view layout; /* of the content (lib/mail/queue_file.h) */
};

/* Appends the packet.  ERR_PERM if something is too long or not as above. */
struct err child_request_write(struct str *packet, const struct child_job *job);
/* ERR_PERM: not a request of ours. */
struct err child_request_read(struct view packet, struct child_job *job);
/* The largest packet. */
enum {
	CHILD_REQUEST_MAX = sizeof(struct child_request) + 2 * WIRE_PATH_MAX +
	    WIRE_LOOP_MAX + WIRE_HEAD_MAX + WIRE_LAYOUT_MAX
};

enum child_status {
	CHILD_DONE = 1,
	CHILD_TEMP,
	CHILD_PERM,
	CHILD_NEEDS_MBOX, /* nothing was done: ask the monitor, come again */
	CHILD_NEEDS_LOCK,
};

struct child_answer {
	uint32_t status;
	char dsn[12];
	char text[WIRE_TEXT_MAX];
};

bool child_answer_read(struct view packet, struct child_answer *a);

/* --- packets --- */

/* The largest answer. */
enum { WIRE_ANSWER_MAX = sizeof(struct monitor_answer) };

/* Send one with n descriptors (which stay ours).  ERR_GONE if nobody is
 * there; ERR_TIME if a non-blocking socket is full. */
struct err wire_send(
    int fd, uint32_t number, struct view packet, const int *fds, size_t n);
/*
 * Receive one of at most room bytes.  Descriptors that came are put into fds
 * (the rest is -1), close-on-exec; more than WIRE_FDS_MAX, or a packet that is
 * cut or has no head: ERR_PERM and all closed.  ERR_GONE at the end; ERR_TIME
 * if a non-blocking socket has none, or after the time that wire_limit_wait
 * set.
 */
struct err wire_receive(int fd, uint32_t *number, void *buf, size_t room,
    size_t *len, int fds[static WIRE_FDS_MAX]);
/* From now on wire_receive waits that long on this socket, in ms; 0: for
 * ever. */
struct err wire_limit_wait(int fd, int64_t ms);

#endif
