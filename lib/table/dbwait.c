/* Waiting for databases: see dbwait.h. */
#include "lib/table/dbwait.h"

#include "lib/base/clock.h"
#include "lib/run/fiber.h"
#include "lib/run/io.h"

#include <errno.h>
#include <poll.h>

/* How long one direction is waited for where either will do. */
enum { EITHER_MS = 20 };

static bool
wait_by_poll(int fd, short events, int64_t deadline)
{
	struct pollfd p = { fd, events, 0 };

	for (;;) {
		int left = deadline_left(deadline);
		int n = left == 0 ? 0 : poll(&p, 1, left);

		if (n >= 0 || errno != EINTR)
			return n > 0;
	}
}

bool
dbwait(int fd, short events, int64_t deadline)
{
	bool either = events == (POLLIN | POLLOUT);
	int64_t until = deadline;
	struct err e;

	if (fiber_self() == NULL)
		return wait_by_poll(fd, events, deadline);
	if (deadline_left(deadline) == 0)
		return false;
	if (either && deadline_left(deadline) > EITHER_MS)
		until = deadline_in_ms(EITHER_MS);
	e = io_wait(fd, (events & POLLOUT) != 0 ? IO_WRITE : IO_READ, until);
	io_forget(fd);
	return !err_is(e) || (either && e.kind == ERR_TIME);
}
