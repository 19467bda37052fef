/*
 * showq: tells whoever connects what is in the queue, and hangs up.  One fiber
 * a client; files are read on threads, and not faster than the client takes
 * the list.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "lib/mail/queue_list.h"
#include "lib/run/fiber.h"
#include "lib/run/io.h"
#include "lib/run/loop.h"
#include "lib/run/offload.h"

#include <stdlib.h>
#include <unistd.h>

enum { CLIENTS_MAX = 100, CLIENT_TIMEOUT = 3600 };

static const struct sandbox_path paths[] = {
	{ "maildrop", false },
	{ "active", false },
	{ "incoming", false },
	{ "deferred", false },
	{ "hold", false },
	{ NULL, false },
};

static const struct sandbox_role showq_role = {
	.name = "showq",
	.identity = IDENTITY_QUEUE,
	.root = ROOT_NONE,
	.calls = CALLS_THREAD | CALLS_STREAM | CALLS_ACCEPT | CALLS_FILE_READ,
	.paths = paths,
};

static struct {
	int64_t n_clients;
	bool draining;
} showq;

struct client {
	int fd;
	struct queue_lister *lister;
	struct str out;
	bool more;
};

/* On a thread. */
static void
read_step(void *arg)
{
	struct client *c = arg;

	c->more = queue_lister_step(c->lister, &c->out);
}

static void
serve(void *arg)
{
	struct client c = { .fd = (int)(intptr_t)arg,
		.out = STR_EMPTY,
		.lister = queue_lister_new(),
		.more = true };
	int64_t deadline = deadline_in(CLIENT_TIMEOUT);
	struct err e = ERR_OK;

	while (c.more && !err_is(e)) {
		offload(read_step, &c);
		e = io_write_all(c.fd, str_view(&c.out), deadline);
		str_reset(&c.out);
	}
	if (err_is(e) && e.kind != ERR_GONE)
		log_warn("client: %s", e.text);
	io_close(c.fd);
	str_clear(&c.out);
	queue_lister_free(c.lister);
	showq.n_clients--;
	if (showq.draining && showq.n_clients == 0)
		loop_stop();
}

static void
on_client(int fd, void *owner)
{
	(void)owner;
	if (showq.n_clients >= CLIENTS_MAX) {
		log_warn("more than %d clients", CLIENTS_MAX);
		close(fd);
		return;
	}
	showq.n_clients++;
	fiber_spawn("client", serve, (void *)(intptr_t)fd);
}

static void
on_drain(void *owner)
{
	(void)owner;
	showq.draining = true;
	if (showq.n_clients == 0)
		loop_stop();
}

int
main(int argc, char **argv)
{
	struct daemon d;

	daemon_start(&d, "showq", argc, argv);
	daemon_drop(&d, &showq_role);
	loop_init();
	for (size_t i = 0; i < d.n_listeners; i++)
		daemon_listen(&d, i, on_client, NULL);
	daemon_on_drain(&d, on_drain, NULL);
	return daemon_run(&d);
}
