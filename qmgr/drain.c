/*
 * Leaving.  What is not in flight is on disk and can be left at any moment; but
 * a delivery whose outcome nobody hears would be made again by the successor.
 */
#include "qmgr/qmgr.h"

#include "lib/base/log.h"
#include "lib/daemon/daemon.h"

/* As long as an agent without a qmgr goes on with its transaction. */
enum { DRAIN_MS = 30000 };

static struct timer limit;

static void
on_limit(struct timer *t)
{
	(void)t;
	log_warn("leaving with %zu deliveries under way", qmgr.n_working);
	loop_stop();
}

void
drain_start(void *unused)
{
	(void)unused;
	qmgr.draining = true;
	ipc_server_drain(daemon_ipc_server());
	timer_set(&limit, loop_now() + DRAIN_MS, on_limit);
	/* Who waits for room shall see that there is no going on. */
	wait_queue_wake_all(&qmgr.room_for_rcpts);
	if (qmgr.n_working == 0)
		loop_stop();
}

void
work_begin(void)
{
	qmgr.n_working++;
}

void
work_end(void)
{
	qmgr.n_working--;
	if (qmgr.draining && qmgr.n_working == 0)
		loop_stop();
}
