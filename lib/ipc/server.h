/*
 * Answering other processes.  A table names the messages that a service takes
 * and the function for each; one fiber a question, or, if the function never
 * waits, none.
 *
 *	static const struct ipc_handler handlers[] = {
 *		{ ipc_route_type, route_answer, IPC_INLINE },
 *		{ NULL, NULL, 0 },
 *	};
 */
#ifndef IPC_SERVER_H
#define IPC_SERVER_H

#include "lib/base/err.h"
#include "lib/base/htable.h"
#include "lib/ipc/conn.h"
#include "lib/ipc/messages.h"

#include <stdbool.h>
#include <sys/types.h>

struct ipc_request;

enum ipc_handler_flags {
	IPC_INLINE = 1 << 0, /* runs on the loop's stack; must not wait */
};

struct ipc_handler {
	const struct ipc_type *(*type)(void);
	/* Answers by ipc_reply, or not at all (a question without a number). */
	void (*run)(struct ipc_request *r);
	unsigned flags;
};

enum {
	IPC_OPEN_MAX = 1000, /* questions of one connection */
	IPC_INBOX_MAX = 16,  /* frames that wait, of one connection */
	IPC_STALL_MS = 100 * 1000,
};

struct ipc_server {
	const struct ipc_handler *handlers;
	/* May this peer connect?  NULL: all may (one uid for all). */
	bool (*may_connect)(const struct ipc_server *s, uid_t uid);
	/* May it send this message?  NULL: as above. */
	bool (*may_send)(const struct ipc_server *s, uid_t uid,
	    const struct ipc_type *type);
	/* How many connections may this uid have at once?  NULL: any number. */
	size_t (*most_of)(const struct ipc_server *s, uid_t uid);
	void *owner;
	struct ipc_hello hello;
	struct list peers;
	struct htable uids; /* of those connected, and how often they are */
	size_t n_peers, n_open;
	/*
	 * Nobody holds a connection by owing us something: one on which no
	 * frame came yet, or half of one is there, or what we said is not read,
	 * ends when that was so for this long.
	 */
	int64_t stall_ms;
	struct timer stall;
	bool draining, takes_fds;
	void (*on_peer_gone)(struct ipc_server *s);
	/* What a new peer hears after hello, unasked: by ipc_conn_send, number
	 * 0.  Must not wait.  May be NULL. */
	void (*greet)(struct ipc_server *s, struct ipc_conn *c);
	/* Without a loop: called before each wait for a message; and a
	 * descriptor that, once readable, ends the serving between two
	 * messages (0: none). */
	void (*plain_idle)(void);
	int plain_leave_fd;
};

void ipc_server_init(struct ipc_server *s, const struct ipc_handler *handlers,
    void *owner);
/* Takes a connected descriptor (of an accept); with a loop only. */
void ipc_server_accept(struct ipc_server *s, int fd);
/* Ends connections on which nothing is open, now and whenever one becomes so. */
void ipc_server_drain(struct ipc_server *s);

/* In a handler: who asks. */
uid_t ipc_request_uid(const struct ipc_request *r);
/* In a handler: decode the question; ends the connection if it is not well
 * formed, and says so. */
bool ipc_request_read(struct ipc_request *r, const struct ipc_type *type,
    void *message);
/* The next frame of the same conversation; the caller frees it.  ERR_GONE if
 * the peer left.  With a fiber, or without a loop. */
struct err ipc_request_next(struct ipc_request *r, struct ipc_frame **f,
    int64_t deadline);
void *ipc_request_owner(struct ipc_request *r);
/* What the service remembers of the peer that asks: NULL until it is set.
 * free_state is called when the connection is over, for whatever reason. */
void *ipc_request_state(const struct ipc_request *r);
void ipc_request_set_state(struct ipc_request *r, void *state,
    void (*free_state)(void *state));
/* In a handler that is IPC_INLINE: what has to wait goes on in `run`, on a fiber of
 * its own; the handler must return then. */
void ipc_request_go_on(
    struct ipc_request *r, void (*run)(struct ipc_request *r));
/* Tells the peer; dropped if it is gone. */
void ipc_reply(struct ipc_request *r, const struct ipc_type *type,
    const void *message);
/* The peer left while we worked. */
bool ipc_request_is_lost(const struct ipc_request *r);
/* Says something unasked (number 0) to all peers. */
void ipc_server_tell_all(struct ipc_server *s, const struct ipc_type *type,
    const void *message);

/* Without a loop: serve this connection until the peer leaves.  Closes it. */
struct err ipc_serve_plain(struct ipc_server *s, int fd);

#endif
