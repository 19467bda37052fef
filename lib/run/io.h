/*
 * The one place where a session waits for a descriptor.  With a loop the fiber
 * parks; without one the process polls.  Session code cannot tell.
 */
#ifndef RUN_IO_H
#define RUN_IO_H

#include "lib/base/err.h"
#include "lib/base/view.h"

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { IO_READ = 1, IO_WRITE = 2 };

/*
 * Wait until the descriptor (non-blocking) can be read or written, has failed
 * or was closed by its peer.  With a loop this may return too early, never too
 * late: call it when read or write said EAGAIN, then try again.  One fiber per
 * direction.  ERR_TIME past the deadline, ERR_GONE if cancelled.
 */
struct err io_wait(int fd, int what, int64_t deadline);
/* Forget a descriptor that io_wait has seen; before close, and before it is
 * given away.  Harmless for others. */
void io_forget(int fd);
/* io_forget and close; a negative one is passed over. */
void io_close(int fd);

/* read, write, connect, accept that wait.  io_read gives 0 at the end. */
struct err io_read(int fd, void *buf, size_t room, size_t *got,
    int64_t deadline);
struct err io_write_all(int fd, struct view v, int64_t deadline);
/* The socket must be non-blocking.  A full Unix backlog (EAGAIN) is tried
 * again by timer until the deadline. */
struct err io_connect(int fd, const struct sockaddr *addr, socklen_t len,
    int64_t deadline);

void io_set_nonblocking(int fd);

#endif
