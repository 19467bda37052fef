/*
 * showq: tells whoever connects what is in the queue, and hangs up.  One fiber
 * a client; files are read on threads, and not faster than the client takes
 * the list.
 */
#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/mail/queue_list.h"
#include "lib/run/fiber.h"
#include "lib/run/io.h"
#include "lib/run/loop.h"
#include "lib/run/offload.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Any user of the machine may ask, and leave the list half read: of one there
 * are a few, of all so many that the administrator gets his list as well. */
enum {
	CLIENTS_MAX = 100,
	CLIENTS_OF_UID_MAX = 20,
	CLIENTS_OF_ROOT_MAX = 20,
	CLIENT_TIMEOUT = 3600,
};

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
	struct list clients;
	bool draining;
} showq;

struct client {
	struct list node;
	uid_t uid;
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
	struct client *c = arg;
	int64_t deadline = deadline_in(CLIENT_TIMEOUT);
	struct err e = ERR_OK;

	while (c->more && !err_is(e)) {
		offload(read_step, c);
		e = io_write_all(c->fd, str_view(&c->out), deadline);
		str_reset(&c->out);
	}
	if (err_is(e) && e.kind != ERR_GONE)
		log_warn("client: %s", e.text);
	io_close(c->fd);
	str_clear(&c->out);
	queue_lister_free(c->lister);
	list_remove(&c->node);
	free(c);
	showq.n_clients--;
	if (showq.draining && showq.n_clients == 0)
		loop_stop();
}

static bool
is_room_for(uid_t uid)
{
	int64_t n = 0;

	LIST_EACH(it, after, &showq.clients)
		n += LIST_ITEM(it, struct client, node)->uid == uid;
	if (uid == 0)
		return n < CLIENTS_OF_ROOT_MAX;
	return n < CLIENTS_OF_UID_MAX && showq.n_clients < CLIENTS_MAX;
}

static void
on_client(int fd, void *owner)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);
	struct client *c;

	(void)owner;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    !is_room_for(cred.uid)) {
		log_warn("too many clients: one of uid %ld is put out",
		    (long)cred.uid);
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct client){ .uid = cred.uid,
		.fd = fd,
		.out = STR_EMPTY,
		.lister = queue_lister_new(),
		.more = true };
	list_append(&showq.clients, &c->node);
	showq.n_clients++;
	fiber_spawn("client", serve, c);
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
	list_init(&showq.clients);
	loop_init();
	for (size_t i = 0; i < d.n_listeners; i++)
		daemon_listen(&d, i, on_client, NULL);
	daemon_on_drain(&d, on_drain, NULL);
	return daemon_run(&d);
}
