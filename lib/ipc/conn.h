/*
 * One connection between two processes: frames out, frames in, descriptors
 * beside them.  It lives on the loop (callbacks, no fiber of its own) or, in a
 * process without one, blocks.
 *
 * What is sent is gathered and leaves when the loop's turn ends, or at once
 * without a loop; a long string leaves at once from where it stands, as far as
 * the socket takes it.  One bad frame ends the connection, never the process.
 */
#ifndef IPC_CONN_H
#define IPC_CONN_H

#include "lib/base/err.h"
#include "lib/base/list.h"
#include "lib/base/str.h"
#include "lib/ipc/type.h"
#include "lib/run/fiber.h"
#include "lib/run/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct ipc_conn;

/* A frame that came in.  Strings decoded from it borrow from `bytes`. */
struct ipc_frame {
	struct list node;
	struct str bytes;
	struct ipc_header header; /* borrows from bytes */
	int fd;                   /* -1 if none came; closed by free */
};

void ipc_frame_free(struct ipc_frame *f);
/* Close the descriptor of a message that will not be sent, if it has one. */
void ipc_close_fd(const struct ipc_type *type, const void *message);
/* Decode as this message; a descriptor goes over to the message. */
struct err ipc_frame_read(struct ipc_frame *f, const struct ipc_type *type,
    void *message);
bool ipc_frame_is(const struct ipc_frame *f, const struct ipc_type *type);

struct ipc_conn_events {
	/* A frame came; it is the callee's.  On the loop's stack: no waiting,
	 * and the connection must not be freed from here. */
	void (*frame)(struct ipc_conn *c, struct ipc_frame *f);
	/* The connection is over; the callee frees it, now or later.  Called
	 * once, never from within a call of the owner's. */
	void (*gone)(struct ipc_conn *c, struct err why);
};

/*
 * A frame has one descriptor at most, and it comes with the frame's first byte:
 * more than a few that wait for their frames are a flood.
 */
enum { IPC_OUT_MAX = 1 << 20, IPC_FDS_MAX = 4 };

struct ipc_conn {
	struct loop_watch watch;
	const struct ipc_conn_events *events;
	void *owner;
	struct str in;
	size_t in_at;
	struct ipc_frame *large; /* the bytes go there until it is whole */
	size_t expected_len;	 /* of the next frame, if the last was large */
	int fds_in[IPC_FDS_MAX];
	size_t n_fds_in;
	size_t fds_in_max;   /* fewer, if none is ever expected */
	uint64_t n_frames;   /* that came */
	uint64_t n_moved;    /* grows with these, and with what is sent */
	struct str out;
	size_t out_at;
	struct {
		size_t at; /* the frame's start in out */
		int fd;
	} *fds_out;
	size_t n_fds_out, fds_out_room;
	struct list dirty;          /* has something to send this turn */
	struct wait_queue room;     /* fibers that wait until out is short */
	struct timer retry;         /* too many descriptors in flight */
	bool paused, resumed, over;
	bool holds;   /* ipc_conn_hold_when_full */
	bool leaving; /* ipc_conn_leave */
	bool broken;  /* nothing can be sent: read what is there, then end */
	bool watched;
};

/* Takes the descriptor.  Registers with the loop if there is one. */
struct ipc_conn *ipc_conn_new(int fd, const struct ipc_conn_events *events,
    void *owner);
/* Closes; frames that were not sent are dropped. */
void ipc_conn_free(struct ipc_conn *c);

/*
 * Send one message.  An FD field's descriptor becomes the connection's and is
 * closed when sent.  Does not wait; ERR_GONE if the connection is over,
 * ERR_PERM if the message is too large.
 */
struct err ipc_conn_send(struct ipc_conn *c, uint32_t number,
    const struct ipc_type *type, const void *message);
/* Less than IPC_OUT_MAX bytes are unsent. */
bool ipc_conn_has_room(const struct ipc_conn *c);
/* Wait until less than max bytes are unsent, at most IPC_OUT_MAX; without a
 * loop, until all is sent. */
struct err ipc_conn_wait_unsent(
    struct ipc_conn *c, size_t max, int64_t deadline);
/* Read nothing while IPC_OUT_MAX bytes or more are unsent: for the side that
 * answers, so that a peer that only asks cannot fill our memory.  The side
 * that asks must always read, or both might wait for each other. */
void ipc_conn_hold_when_full(struct ipc_conn *c);
/* What the peer sends on this connection never has a descriptor. */
void ipc_conn_refuse_fds(struct ipc_conn *c);
/* Is it the peer's turn?  Half a frame is there, or something that it does not
 * read; n_moved says whether that is still so. */
bool ipc_conn_is_owed(const struct ipc_conn *c);
/* With a loop: over, now; gone is called from the loop. */
void ipc_conn_abort(struct ipc_conn *c, struct err why);
/* With a loop: read nothing more; gone is called once all is sent. */
void ipc_conn_leave(struct ipc_conn *c);
/* Stop and go on reading: back-pressure on the peer. */
void ipc_conn_pause(struct ipc_conn *c, bool paused);

/* Without a loop: send all. */
struct err ipc_conn_flush(struct ipc_conn *c, int64_t deadline);
/* Without a loop: send all; then wait for the next frame. */
struct err ipc_conn_next(struct ipc_conn *c, struct ipc_frame **f,
    int64_t deadline);

#endif
