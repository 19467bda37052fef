/*
 * Submission of a message through postdrop(1), the set-gid command that alone
 * may write in maildrop: for sendmail, and for smtpd on standard input.
 *
 * What goes to postdrop is a stream of frames (lib/ipc/type.h): `more_rcpts`
 * and `content` in any order and number, then one `drop_commit`.  Content has
 * CRLF line ends.  Back come one `drop_begun`, as soon as there is a file, and
 * one `drop_done`.  Where the stream ends early nothing is submitted.
 */
#ifndef MAIL_DROP_H
#define MAIL_DROP_H

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/ipc/messages.h"

#include <stdbool.h>
#include <sys/types.h>

#define DROP_COMMIT(F)   \
	F(STR, sender)   \
	F(STR, full_name)\
	F(STR, context)  /* local or remote */ \
	F(STR, envid)    /* decoded */ \
	F(INT, ret)      /* enum esmtp_ret */ \
	F(INT, flags)    /* of enum submit_flags: DROP_FLAGS */
IPC_DECLARE(drop_commit, DROP_COMMIT)
#define DROP_BEGUN(F)   \
	F(STR, queue_id)
IPC_DECLARE(drop_begun, DROP_BEGUN)
#define DROP_DONE(F)    \
	F(INT, status)  /* enum err_kind */ \
	F(STR, text)    \
	F(STR, queue_id)
IPC_DECLARE(drop_done, DROP_DONE)

enum {
	/* What a submitter may say of a message. */
	DROP_FLAGS = SUBMIT_SMTPUTF8 | SUBMIT_BODY_8BITMIME |
	    SUBMIT_DSN_TRACE | SUBMIT_PROBE,
	DROP_NAME_MAX = 500,            /* bytes of a full name */
	DROP_RCPTS_MAX = 64 << 20,      /* bytes of the list of recipients */
	DROP_CONTENT_STEP = 32768,      /* bytes in a frame */
};

/*
 * Does what postdrop does with all the frames of a message, for who needs no
 * set-gid program.  False if postdrop is to do it; else *result, and the name
 * in *queue_id.
 */
typedef bool drop_whole(void *arg, struct view frames, struct str *queue_id,
    struct err *result);

struct drop {
	pid_t pid;       /* postdrop; 0 if there is none */
	int fd;          /* to and from it */
	struct str out;  /* frames that were not sent */
	struct str in;   /* frames that came back */
	size_t in_at;    /* where the next one begins */
	struct str rcpts;
	struct err failure;
	/* drop_open_late */
	char *path;
	const char *dir;
	drop_whole *whole;
	void *arg;
};

/* Start `path`, for the configuration in dir (NULL: the default). ERR_TEMP. */
struct err drop_open(struct drop *d, const char *path, const char *dir);
/*
 * The same, but started when it is needed: a message that is small goes to
 * `whole` first.  dir is borrowed until drop_close; errors show at the end.
 */
void drop_open_late(struct drop *d, const char *path, const char *dir,
    drop_whole *whole, void *arg);
/* The message's name in maildrop, before it is there; waits.  The text of an
 * error is fit for the user. */
struct err drop_read_name(struct drop *d, struct str *queue_id);
/* Internal form; notify is enum esmtp_notify; orcpt is decoded ("rfc822;a@b"),
 * or empty.  Errors show at the end. */
void drop_add_rcpt(struct drop *d, struct view address, unsigned notify,
    struct view orcpt);
void drop_add_content(struct drop *d, struct view bytes);
/*
 * The end: the message is safe on disk once this returns without an error, and
 * its name in maildrop is in *queue_id.  Waits.  The text of an error is fit
 * for the user.
 */
struct err drop_finish(struct drop *d, const struct ipc_drop_commit *commit,
    struct str *queue_id);
/* Always called; what was not finished is not submitted. */
void drop_close(struct drop *d);

#endif
