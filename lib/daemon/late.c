/* Outcomes that nobody was there to hear: see late.h. */
#include "lib/daemon/late.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "lib/run/fiber.h"

#include <fcntl.h>
#include <unistd.h>

enum {
	WITH_MASTER_MS = 300 * 1000,
	/* It may be started anew; if not, nobody will ever ask. */
	ORPHANED_MS = 10 * 1000,
	FIRST_PAUSE_MS = 100,
	LONGEST_PAUSE_MS = 2000,
};

/* One for all fibers. */
static struct ipc_service qmgr;

static bool
has_final(struct view outcomes)
{
	struct ipc_outcome o;
	bool more;

	while (!err_is(ipc_list_next(&outcomes, IPC_IN(outcome, &o), &more)) &&
	    more)
		if (o.status != OUTCOME_DEFERRED)
			return true;
	return false;
}

/* ERR_PERM: it will not take them. */
static struct err
tell(const struct ipc_deliver *ask, struct view outcomes, int64_t deadline)
{
	struct ipc_late_delivered late = {
		.file = fcntl(ask->file, F_DUPFD_CLOEXEC, 3),
		.queue_id = ask->queue_id,
		.seal = ask->seal,
		.outcomes = outcomes,
	};
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_result answer;
	struct err e;

	if (late.file < 0)
		return err_sys(ERR_TEMP, "duplicate descriptor");
	e = ipc_call_once(&qmgr, IPC_OUT(late_delivered, &late),
	    IPC_IN(result, &answer), &keep, deadline);
	if (!err_is(e) && answer.status != ERR_NONE)
		e = err_make(answer.status == ERR_PERM ? ERR_PERM : ERR_TEMP,
		    "%.*s", VIEW_ARGS(view_first(answer.text, 150)));
	ipc_keep_clear(&keep);
	return e;
}

void
late_report(const struct ipc_deliver *ask, struct view outcomes)
{
	int64_t began = clock_ms(), pause = FIRST_PAUSE_MS;
	struct err e;

	if (!has_final(outcomes))
		return;
	if (qmgr.path[0] == '\0')
		daemon_service(NULL, "qmgr", &qmgr);
	for (;;) {
		int64_t limit =
		    daemon_is_orphaned() ? ORPHANED_MS : WITH_MASTER_MS;

		e = tell(ask, outcomes, began + limit);
		if (!err_is(e) || e.kind == ERR_PERM ||
		    clock_ms() + pause > began + limit ||
		    err_is(fiber_sleep(pause)))
			break;
		if (pause < LONGEST_PAUSE_MS)
			pause *= 2;
	}
	if (err_is(e))
		log_warn("%.*s: late outcomes: %s", VIEW_ARGS(ask->queue_id),
		    e.text);
	/* A worker would keep the connection for nothing. */
	if (!loop_is_on())
		ipc_service_clear(&qmgr);
}
