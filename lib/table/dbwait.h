/*
 * Waiting for databases, wherever that is: on a fiber, which parks, so that its
 * process goes on with other questions; or on a thread of offload or in a command,
 * which polls.  A table may be asked in either place (table_may_park).
 */
#ifndef TABLE_DBWAIT_H
#define TABLE_DBWAIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Until fd can be read (POLLIN) or written (POLLOUT), or has failed; it may
 * return too early.  False past the deadline, or if the fiber was cancelled.  The
 * descriptor may be anybody's, and be closed by whom it belongs to: nothing of
 * it is kept.
 */
bool dbwait(int fd, short events, int64_t deadline);

#endif
