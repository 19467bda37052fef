/*
 * cleanup: turns a received message into a queue file.  It owns the header's
 * rules and the durable commit; where mail goes, and when, is qmgr's.
 */
#include "cleanup/checks.h"
#include "cleanup/explain.h"
#include "cleanup/mapping.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/mail/queue_disk.h"

static const struct sandbox_path paths[] = {
	{ "active", true },
	{ "incoming", true },
	{ "hold", true },
	{ NULL, false },
};

static const struct sandbox_role cleanup_role = {
	.name = "cleanup",
	.identity = IDENTITY_QUEUE,
	.root = ROOT_NONE,
	.calls = CALLS_THREAD | CALLS_STREAM | CALLS_CONNECT | CALLS_ACCEPT |
	    CALLS_QUEUE,
	.paths = paths,
};

static const struct ipc_handler handlers[] = {
	{ ipc_submit_type, submit_run, 0 },
	{ NULL, NULL, 0 },
};

/* qmgr says how it fares. */
static void
on_notice(struct ipc_service *s, struct ipc_frame *f)
{
	struct cleanup *c = s->owner;
	struct ipc_flow flow;

	if (!ipc_frame_is(f, ipc_flow_type()) ||
	    err_is(ipc_frame_read(f, IPC_IN(flow, &flow))))
		return;
	c->room = flow.room != 0;
	c->delay_ms = flow.delay_ms;
	if (c->delay_ms > c->conf->in_flow_delay_ms)
		c->delay_ms = c->conf->in_flow_delay_ms;
}

static void
learn_drop_headers(struct cleanup *c)
{
	struct view rest = view_of(c->conf->message_drop_headers), name;

	while (conf_list_next(&rest, &name))
		headers_drop(c, name);
}

static bool
tables_changed(void *owner)
{
	const struct cleanup *c = owner;

	return mapping_has_changed(c->mapping) ||
	    checks_have_changed(c->checks);
}

int
main(int argc, char **argv)
{
	static struct mapping mapping;
	static struct checks checks;
	static struct cleanup cleanup = { .room = true,
		.mapping = &mapping,
		.checks = &checks };
	struct daemon d;
	bool explains;
	struct err e;

	daemon_start(&d, "cleanup", argc, argv);
	explains = daemon_is_to_explain(&d);
	cleanup.conf = d.conf;
	cleanup.from_obsolete =
	    strcmp(d.conf->header_from_format, "obsolete") == 0;
	learn_drop_headers(&cleanup);
	daemon_service(&d, "qmgr", &cleanup.qmgr);
	cleanup.qmgr.owner = &cleanup;
	cleanup.qmgr.notice = on_notice;
	daemon_service(&d, "rewrite", &cleanup.rewrite);
	cleanup.completion = (struct completion){ .conf = d.conf,
		.rewrite = &cleanup.rewrite };
	queue_disk_learn();
	e = mapping_open(&mapping, d.conf);
	if (!err_is(e))
		e = checks_open(&checks, d.conf);
	if (err_is(e))
		die_temp("parameter %s", e.text);
	if (explains) {
		int status = explain_run(&cleanup, d.n_args, d.args);

		mapping_close(&mapping);
		checks_close(&checks);
		return status;
	}
	daemon_drop(&d, &cleanup_role);
	daemon_watch_tables(&d, tables_changed, &cleanup);
	return daemon_serve_ipc(&d, handlers, &cleanup);
}
