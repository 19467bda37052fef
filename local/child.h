/*
 * The process that delivers as one identity: it has dropped everything else
 * for good, and answers struct child_request after struct child_request until
 * its socket ends or nothing came for a while.
 *
 * Its threads all do the same: take a request from the socket, write the
 * mailbox, answer.  There are as many as there was work for at once.
 */
#ifndef LOCAL_CHILD_H
#define LOCAL_CHILD_H

#include "lib/run/sandbox.h"
#include "local/content.h"
#include "local/wire.h"

#include <sys/types.h>

/* What the configuration says for all mailboxes of the service. */
struct child_site {
	const char *host;   /* in names of maildir files; cleaned */
	int64_t size_limit; /* bytes; 0 is none */
	int64_t lock_attempts;
	int64_t lock_delay;	 /* s */
	int64_t stale_lock_time; /* s */
	int64_t idle;		 /* s; 0 is for ever */
	bool lock_fcntl, lock_flock, lock_dot;
	bool strict_ownership;
	bool unprivileged; /* all identities are one */
};

/* Becomes the identity (or tells whoever asks that it could not), serves, and
 * exits. */
_Noreturn void child_run(
    const struct child_site *site, const struct sandbox_ids *who, int fd);

/* --- for the two kinds of mailboxes --- */

struct maildirs;

/* What one thread has. */
struct child {
	const struct child_site *site;
	uid_t uid;
	struct maildirs *maildirs; /* shared by the threads */
	struct str out;		   /* what is gathered for a write */
	char *window;
};

void child_init(struct child *c, const struct child_site *site, uid_t uid,
    struct maildirs *maildirs);
void child_clear(struct child *c);
/* Do one job; content is a descriptor of the queue file, mbox -1 or one that
 * the monitor made.  Both stay the caller's. */
void child_deliver(struct child *c, const struct child_job *job, int content,
    int mbox, struct child_answer *a);

/* Fill the answer in: a status, a DSN code and a reason, cleaned and cut. */
void child_answer_set(struct child_answer *a, enum child_status status,
    const char *dsn, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same from errno: no space is 4.2.2, the size limit 5.2.2, and anything
 * else `dsn`, which says by its class whether it is final. */
void child_answer_errno(struct child_answer *a, const char *dsn,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Write head and content to fd; flags are enum mbox_flags.  False with the
 * answer filled in. `what` is "maildir" or the like, for the reason. */
bool child_write(struct child *c, const struct child_job *job,
    struct content *content, int fd, unsigned flags, struct child_answer *a);

void maildir_deliver(struct child *c, const struct child_job *job,
    struct content *content, struct child_answer *a);
struct maildirs *maildirs_new(void);
void maildirs_free(struct maildirs *m);
void mbox_deliver(struct child *c, const struct child_job *job,
    struct content *content, int mbox, struct child_answer *a);

#endif
