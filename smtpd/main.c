/*
 * smtpd: speaks SMTP to clients.  It decides whose mail is taken and for whom;
 * what becomes of a message is cleanup's.
 */
#include "smtpd/smtpd.h"

#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "lib/run/io.h"
#include "smtpd/explain.h"
#include "smtpd/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct sandbox_path smtpd_paths[] = {
	{ "private", false },
	{ "public", false },
	{ NULL, false },
};

static const struct sandbox_role smtpd_role = {
	.name = "smtpd",
	.identity = IDENTITY_SMTPD,
	.root = ROOT_QUEUE,
	.calls = CALLS_STREAM | CALLS_CONNECT | CALLS_ACCEPT,
	.paths = smtpd_paths,
};

static struct smtpd smtpd;

static void
serve_client(struct daemon_client *c)
{
	session_run(c->owner, c->fd, (struct sockaddr *)&c->addr);
}

/* New clients go to our successor; those that were here have had their time. */
static void
on_leave(void *owner)
{
	sessions_leave(owner);
}

/* --- standard input --- */

/* The descriptor blocks, as the caller had it: he has it after us.  So it is
 * asked whether there is something, that the time is limited. */
static ssize_t
read_stdin(void *state, int fd, void *buf, size_t room, int *wait_for)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)state;
	*wait_for = IO_READ;
	if (poll(&p, 1, 0) == 0) {
		log_flush();
		errno = EAGAIN;
		return -1;
	}
	return read(fd, buf, room);
}

/* Standard output blocks, unless it is the same thing as standard input; then
 * to wait for that one is right. */
static ssize_t
write_stdout(void *state, int fd, const void *buf, size_t len, int *wait_for)
{
	(void)state, (void)fd;
	*wait_for = IO_WRITE;
	return write(STDOUT_FILENO, buf, len);
}

static const struct stream_transport standard_io = { read_stdin, write_stdout,
	NULL };

/* What was asked for by `sendmail -bs`: one client, whom we know. */
static int
serve_standard_input(const struct daemon *d)
{
	int flags = fcntl(STDIN_FILENO, F_GETFL);
	struct stream io;

	if (d->n_args != 1 || strcmp(d->args[0], "-S") != 0)
		die_usage("usage: smtpd -S");
	stream_init(&io, STDIN_FILENO);
	if (flags >= 0)
		fcntl(STDIN_FILENO, F_SETFL, flags);
	stream_set_transport(&io, &standard_io, NULL);
	session_run_stream(&smtpd, &io, NULL);
	log_drain();
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	struct daemon d;
	bool explains;

	daemon_start(&d, "smtpd", argc, argv);
	smtpd.service = d.service;
	smtpd.slot = d.slot;
	explains = daemon_is_to_explain(&d);
	smtpd.stand_alone = !d.managed && !explains;
	smtpd.is_screened = strcmp(
	    slash != NULL ? slash + 1 : argv[0], "postscreen") == 0;
	if (smtpd.stand_alone)
		daemon_log_as_command();
	daemon_service(&d, d.conf->cleanup_service_name, &smtpd.cleanup);
	daemon_service(&d, "rewrite", &smtpd.rewrite);
	smtpd.completion = (struct completion){ .conf = d.conf,
		.rewrite = &smtpd.rewrite };
	daemon_service(&d, "resolve", &smtpd.resolve);
	daemon_service(&d, "anvil", &smtpd.anvil_service);
	daemon_service(&d, "qmgr", &smtpd.qmgr);
	daemon_service(&d, "state", &smtpd.state);
	daemon_service(&d, "dial", &smtpd.dial);
	dns_client_init(&smtpd.dns, &smtpd.resolve);
	anvil_init(&smtpd.anvil, &smtpd.anvil_service);
	if (explains) {
		explain_open(&smtpd, d.conf, d.n_args, d.args);
		daemon_drop(&d, &smtpd_role);
		return explain_run(&smtpd);
	}
	smtpd_open(&smtpd, d.conf);
	if (smtpd.stand_alone)
		return serve_standard_input(&d);
	daemon_drop(&d, &smtpd_role);
	daemon_watch_tables(&d, smtpd_tables_changed, &smtpd);
	daemon_on_leave(&d, on_leave, &smtpd);
	return daemon_serve_sessions(&d, serve_client, &smtpd);
}
