/*
 * Asking another process.  A service is reached by the path of its socket; short
 * questions of all fibers share a few connections to it, each with a number,
 * one connection for each of its processes when there is enough to do.
 *
 *	e = ipc_call(&rewrite, IPC_OUT(route, &ask), IPC_IN(routed, &answer),
 *	    &keep, deadline);
 *
 * Without a loop the same call blocks.
 */
#ifndef IPC_CLIENT_H
#define IPC_CLIENT_H

#include "lib/base/err.h"
#include "lib/base/list.h"
#include "lib/ipc/conn.h"
#include "lib/ipc/messages.h"

#include <stdbool.h>

enum { IPC_LINKS_MAX = 16, IPC_PATH_MAX = 108 };

struct ipc_service {
	char path[IPC_PATH_MAX];
	struct list links;      /* shared connections */
	struct list idle_talks; /* dedicated ones, between two uses */
	size_t n_links, n_idle_talks;
	int64_t n_processes;    /* as the service says, at least 1 */
	int64_t generation;     /* as it says: new tables, new answers */
	uint32_t next_number;
	bool connecting;
	struct wait_queue connected;
	/* Frames with number 0: what the server says unasked.  May be NULL. */
	void (*notice)(struct ipc_service *s, struct ipc_frame *f);
	/* A shared connection is new: what its other end must hear before any
	 * question goes by ipc_conn_send, number 0.  Must not wait.  May be
	 * NULL. */
	void (*greet)(struct ipc_service *s, struct ipc_conn *c);
	/* A shared connection was lost; must not wait.  May be NULL. */
	void (*lost)(struct ipc_service *s);
	void *owner;
};

/* `path` as seen after the drop, e.g. "private/rewrite".  At most
 * IPC_PATH_MAX - 1 bytes, else it dies. */
void ipc_service_init(struct ipc_service *s, const char *path);
/* Closes all; no call may be open. */
void ipc_service_clear(struct ipc_service *s);
/* There is a shared connection when this is OK; a new one was greeted. */
struct err ipc_connect(struct ipc_service *s, int64_t deadline);

/* An answer's memory: strings of the message read borrow from it.  Starts as
 * IPC_KEEP_EMPTY, may be used for several calls, and is cleared at the end. */
struct ipc_keep {
	struct ipc_frame *frame;
};

#define IPC_KEEP_EMPTY ((struct ipc_keep){ NULL })
void ipc_keep_clear(struct ipc_keep *k);

/*
 * Ask and wait for the answer.  A question is asked once more if the
 * connection is lost before the answer; so ask only what may be asked twice.
 * A descriptor in it is the call's, whatever comes of it.
 * Waits when too much is unsent.  ERR_TEMP, ERR_TIME, ERR_GONE: no answer, or
 * not one of ours; ERR_PERM: the question is too large for a frame.  After
 * ERR_TIME a connection on which nothing came meanwhile is given up.
 */
struct err ipc_call(struct ipc_service *s, const struct ipc_type *ask_type,
    const void *ask, const struct ipc_type *answer_type, void *answer,
    struct ipc_keep *keep, int64_t deadline);

/* The same, asked once only: for what must not be done twice. */
struct err ipc_call_once(struct ipc_service *s,
    const struct ipc_type *ask_type, const void *ask,
    const struct ipc_type *answer_type, void *answer, struct ipc_keep *keep,
    int64_t deadline);

/* Send without waiting for an answer (number 0); connects if there is no
 * connection.  ERR_TEMP if there can be none now, or too much is unsent since the
 * other end does not read.  Without a loop it has left
 * when the call returns. */
struct err ipc_tell(struct ipc_service *s, const struct ipc_type *type,
    const void *message, int64_t deadline);

/*
 * A conversation on a connection of its own: several frames there, one answer
 * back.  For content, and for workers, which serve one thing at a time.
 */
struct ipc_talk {
	struct ipc_service *service;
	struct ipc_link *link;
	struct ipc_question *question; /* its answer may come at any time */
	uint32_t number;
	bool clean; /* nothing is open: may be used again */
};

struct err ipc_talk_begin(struct ipc_service *s, struct ipc_talk *t,
    int64_t deadline);
/* Waits when too much is unsent.  A descriptor is the call's, as above. */
struct err ipc_talk_send(struct ipc_talk *t, const struct ipc_type *type,
    const void *message, int64_t deadline);
/* The same in two steps, for bytes that must not be there after a wait: send
 * without waiting; wait until little is unsent. */
struct err ipc_talk_send_now(
    struct ipc_talk *t, const struct ipc_type *type, const void *message);
struct err ipc_talk_wait(struct ipc_talk *t, int64_t deadline);
/* Wait for the answer.  May be called once per conversation. */
struct err ipc_talk_answer(struct ipc_talk *t, const struct ipc_type *type,
    void *answer, struct ipc_keep *keep, int64_t deadline);
/* Always called; keeps the connection for later if nothing is open on it. */
void ipc_talk_end(struct ipc_talk *t);
/* Closes dedicated connections that are idle. */
void ipc_service_drop_idle(struct ipc_service *s);

#endif
