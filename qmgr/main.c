/*
 * qmgr: owns the queue, schedules every delivery, records every outcome.
 */
#include "qmgr/qmgr.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/mail/queue_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

struct qmgr qmgr = {
	.messages = { &qmgr.messages, &qmgr.messages },
	.transports = { &qmgr.transports, &qmgr.transports },
	.room = true,
};

static const struct sandbox_path paths[] = {
	{ "active", true },
	{ "incoming", true },
	{ "deferred", true },
	{ "hold", true },
	{ "maildrop", true },
	{ "corrupt", true },
	{ NULL, false },
};

static const struct sandbox_role qmgr_role = {
	.name = "qmgr",
	.identity = IDENTITY_QUEUE,
	.root = ROOT_NONE,
	.calls = CALLS_THREAD | CALLS_STREAM | CALLS_CONNECT | CALLS_ACCEPT |
	    CALLS_QUEUE | CALLS_FILE_READ,
	.paths = paths,
};

static void
take_notice(struct ipc_request *r)
{
	struct ipc_queued notice;

	if (ipc_request_read(r, IPC_IN(queued, &notice)))
		message_take_notice(&notice);
}

static const struct ipc_handler handlers[] = {
	{ ipc_queued_type, take_notice, IPC_INLINE },
	{ ipc_queue_act_type, act_run, 0 },
	{ ipc_flush_type, flush_run, 0 },
	{ ipc_late_delivered_type, late_run, 0 },
	{ NULL, NULL, 0 },
};

/* One qmgr at a time: a successor waits for its predecessor's end.  The file
 * holds what the one has to know of the other. */
static void
lock_queue(void)
{
	int fd = open("pid/qmgr.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	    0600);

	if (fd < 0)
		die_temp("open pid/qmgr.lock: %s", strerror(errno));
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			die_temp("lock pid/qmgr.lock: %s", strerror(errno));
	seal_open(fd);
}

/* The programs behind the transports. */
static void
read_services(struct daemon *d)
{
	struct str path = STR_EMPTY;
	struct err e;

	master_cf_init(&qmgr.master_cf);
	str_printf(&path, "%s/master.cf", d->dir);
	e = master_cf_read_file(&qmgr.master_cf, path.ptr, false);
	if (err_is(e))
		die_temp("%s", e.text);
	str_clear(&path);
}

int
main(int argc, char **argv)
{
	struct daemon d;

	daemon_start(&d, "qmgr", argc, argv);
	qmgr.conf = d.conf;
	qmgr.daemon = &d;
	wait_queue_init(&qmgr.room_for_rcpts);
	read_services(&d);
	lock_queue();
	daemon_service(&d, "rewrite", &qmgr.rewrite);
	daemon_service(&d, "bounce", &qmgr.bounce);
	daemon_service(&d, "state", &qmgr.state);
	queue_disk_learn();
	daemon_drop(&d, &qmgr_role);
	daemon_on_drain(&d, drain_start, NULL);
	daemon_greet_peers(flow_greet);
	loop_init();
	deferred_start();
	scan_start();
	return daemon_serve_ipc(&d, handlers, &qmgr);
}
