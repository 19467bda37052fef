/*
 * local and virtual, one program under two names: delivery to mailboxes.  The
 * process that master starts makes a privileged monitor first, and then gives
 * up everything itself (wire.h says who does what).
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "local/front.h"
#include "local/monitor.h"

#include <string.h>

enum { TABLES_CHECK_MS = 5000 };

static struct daemon worker;
static struct front front;

/* The front: no files at all.  The monitor was made before and keeps what it
 * has. */
static const struct sandbox_role front_role = {
	.name = "local",
	.identity = IDENTITY_QUEUE,
	.calls = CALLS_STREAM | CALLS_ACCEPT | CALLS_CONNECT | CALLS_FILE_READ,
};

/* A table that was replaced is opened, and a monitor that is lost is started,
 * by our successor. */
static void
leave_if_worn_out(void)
{
	static int64_t checked_ms;

	if (front.pool.is_lost) {
		log_warn("monitor is lost -- restarting");
		daemon_worker_leave(&worker);
		return;
	}
	if (clock_ms() - checked_ms < TABLES_CHECK_MS)
		return;
	checked_ms = clock_ms();
	if (!front_tables_changed(&front))
		return;
	log_info("table has changed -- restarting");
	daemon_worker_leave(&worker);
}

static void
handle_deliver(struct ipc_request *r)
{
	front_handle(r);
	leave_if_worn_out();
}

static const struct ipc_handler handlers[] = {
	{ ipc_deliver_type, handle_deliver, 0 },
	{ NULL, NULL, 0 },
};

/* What the monitor knows for ever. */
static void
describe_site(
    const struct daemon *d, bool is_virtual, struct monitor_site *site)
{
	const struct conf *conf = d->conf;
	const char *spool = conf->mail_spool_directory;
	size_t len = strlen(spool);

	*site = (struct monitor_site){ .minimum_uid = is_virtual
		    ? conf->virtual_minimum_uid
		    : INT64_MAX };
	front_child_site(d,
	    is_virtual ? conf->virtual_mailbox_lock
		       : conf->mailbox_delivery_lock,
	    is_virtual ? conf->virtual_mailbox_limit : conf->mailbox_size_limit,
	    &site->child);
	if (!is_virtual && len > 0 && spool[len - 1] != '/')
		site->spool = spool;
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];
	bool is_virtual = strcmp(name, "virtual") == 0;
	struct monitor_site site;

	daemon_start(&worker, is_virtual ? "virtual" : "local", argc, argv);
	describe_site(&worker, is_virtual, &site);
	front_open(&front, &worker, monitor_start(&site));
	daemon_drop(&worker, &front_role);
	return daemon_serve_worker(&worker, handlers, &front);
}
