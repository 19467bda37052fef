/*
 * A dial that was taken over, or is out of order, for the tests: in its place,
 * with its account and its whole sandbox.  The end of the endpoint's path,
 * lie-NAME, says what is passed in place of a connection.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"
#include "lib/run/fiber.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG = 60000 };

static const struct sandbox_role dial_role = {
	.name = "dial",
	.identity = IDENTITY_OWNER,
	.root = ROOT_NONE,
	.calls = CALLS_BASE | CALLS_STREAM | CALLS_CONNECT | CALLS_INET |
	    CALLS_ACCEPT | CALLS_FILE_READ,
};

#define EVIL "x\r\nInjected: yes\n\x1b[2J\x7f\xff \0end"

/* What is passed with "connected"; a pair is a socket of its own each time. */
static struct {
	const char *name;
	int fd;
} things[] = {
	{ "null", -1 },
	{ "folder", -1 },
	{ "file", -1 },
	{ "pipe", -1 },
	{ "datagrams", -1 },
	{ "packets", -1 },
	{ "listener", -1 },
	{ "unconnected", -1 },
	{ "silent", -1 },
	{ "nothing", -1 },
};

static int
first_of_pair(int type)
{
	int ends[2];

	/* Blocking, and the other end stays open, and silent. */
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0 ? -1
								     : ends[0];
}

static int
make_listener(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(fd, 1) < 0)
		die_temp("listen: %m");
	return fd;
}

static void
make_things(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		die_temp("pipe: %m");
	things[0].fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	things[1].fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	things[2].fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	things[3].fd = ends[0];
	things[4].fd = first_of_pair(SOCK_DGRAM);
	things[5].fd = first_of_pair(SOCK_SEQPACKET);
	things[6].fd = make_listener();
	things[7].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	things[8].fd = first_of_pair(SOCK_STREAM);
}

static void
answer(struct ipc_request *r, int64_t status, struct view text, int fd)
{
	struct ipc_dialled a = { .status = status,
		.text = text,
		.socket = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3) };

	ipc_reply(r, IPC_OUT(dialled, &a));
}

static void
answer_long(struct ipc_request *r)
{
	struct str text = STR_EMPTY;

	memset(str_reserve(&text, LONG), 'x', LONG);
	str_grew(&text, LONG);
	answer(r, ERR_TEMP, str_view(&text), -1);
	str_clear(&text);
}

static void
answer_other(struct ipc_request *r)
{
	struct ipc_rewritten a = { .address = VIEW(EVIL) };

	ipc_reply(r, IPC_OUT(rewritten, &a));
}

static void
lie(struct ipc_request *r, struct view name)
{
	for (size_t i = 0; i < ARRAY_LEN(things); i++)
		if (view_eq(name, view_of(things[i].name)))
			answer(r, ERR_NONE, VIEW_EMPTY, things[i].fd);
	if (view_eq(name, VIEW("evil")))
		answer(r, ERR_PERM, VIEW(EVIL), -1);
	else if (view_eq(name, VIEW("odd")))
		answer(r, INT64_MIN, VIEW_EMPTY, things[8].fd);
	else if (view_eq(name, VIEW("long")))
		answer_long(r);
	else if (view_eq(name, VIEW("other")))
		answer_other(r);
	else if (view_eq(name, VIEW("hang")))
		while (!err_is(fiber_sleep(60 * 1000)))
			;
	else if (view_eq(name, VIEW("die")))
		raise(SIGKILL);
}

static void
answer_dial(struct ipc_request *r)
{
	struct ipc_dial ask;
	struct view name;

	if (!ipc_request_read(r, IPC_IN(dial, &ask)))
		return;
	name = ask.endpoint;
	while (name.len > 0 && !view_starts(name, VIEW("lie-")))
		name = view_skip(name, 1);
	name = view_skip(name, name.len > 0 ? 4 : 0);
	log_info("lie %.*s", VIEW_ARGS(name));
	log_flush();
	lie(r, name);
}

int
main(int argc, char **argv)
{
	static const struct ipc_handler handlers[] = {
		{ ipc_dial_type, answer_dial, 0 },
		{ NULL, NULL, 0 },
	};
	struct daemon d;

	daemon_start(&d, "dial", argc, argv);
	make_things();
	daemon_drop(&d, &dial_role);
	return daemon_serve_ipc(&d, handlers, NULL);
}
