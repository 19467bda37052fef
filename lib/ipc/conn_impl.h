/*
 * What the three parts of a connection have in common: what leaves
 * (conn_out.c), what comes (conn_in.c), and the connection's life on the loop
 * and without one (conn.c).  For nobody else.
 */
#ifndef IPC_CONN_IMPL_H
#define IPC_CONN_IMPL_H

#include "lib/ipc/conn.h"

enum {
	/* A buffer that is larger is not kept while nothing is in it. */
	CONN_KEPT_MAX = 4096,
	/* A frame as large as this is read to its place, a string sent from
	 * its own. */
	CONN_LARGE_MIN = 16384,
};

static inline size_t
conn_unsent(const struct ipc_conn *c)
{
	return c->out.len - c->out_at;
}

/* --- conn.c --- */

/* What the loop is to report, after a change of what is to be sent or read. */
void conn_set_watch(struct ipc_conn *c);
/* There is something to do for it at the end of this turn. */
void conn_make_dirty(struct ipc_conn *c);

/* --- conn_out.c --- */

/* Sends what the socket takes.  False, with errno, if the connection broke. */
bool conn_out_flush(struct ipc_conn *c);
/* The peer takes nothing more: what is left is dropped. */
void conn_out_drop(struct ipc_conn *c);

/* --- conn_in.c --- */

/* One recvmsg.  ERR_GONE at the end; *would_block instead of EAGAIN. */
struct err conn_receive(struct ipc_conn *c, bool *would_block);
/* The next whole frame, or NULL. */
struct err conn_cut_frame(struct ipc_conn *c, struct ipc_frame **frame);

#endif
