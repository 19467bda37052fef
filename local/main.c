/*
 * local and virtual, one program under two names: delivery to mailboxes.  The
 * process that master starts makes a privileged monitor first, and then gives
 * up everything itself (wire.h says who does what).
 */
#include "local/explain.h"
#include "local/front.h"
#include "local/monitor.h"

#include <string.h>

/* The front: no files at all.  The monitor was made before and keeps what it
 * has. */
static const struct sandbox_role front_role = {
	.name = "local",
	.identity = IDENTITY_QUEUE,
	.calls = CALLS_STREAM | CALLS_ACCEPT | CALLS_CONNECT | CALLS_FILE_READ,
};

static const struct ipc_handler handlers[] = {
	{ ipc_deliver_type, front_handle, 0 },
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
		    : INT64_MAX,
		.names_ms = MONITOR_NAMES_MS,
		.remember_ms = MONITOR_REMEMBER_MS,
		.names_order = "/etc/nsswitch.conf",
		.users = "/etc/passwd" };
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
	static struct front front;
	struct monitor_site site;
	struct daemon d;
	int status;

	daemon_start(&d, is_virtual ? "virtual" : "local", argc, argv);
	if (daemon_is_to_explain(&d)) {
		front_open(&front, &d, -1);
		status = explain_run(&front, d.n_args, d.args);
		front_close(&front);
		return status;
	}
	describe_site(&d, is_virtual, &site);
	front_open(&front, &d, monitor_start(&site));
	daemon_drop(&d, &front_role);
	daemon_watch_tables(&d, front_tables_changed, &front);
	daemon_finish_orphaned(&d);
	status = daemon_serve_ipc(&d, handlers, &front);
	front_close(&front);
	return status;
}
