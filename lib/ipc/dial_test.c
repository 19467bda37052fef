/* What a dial that was taken over may pass, and what is taken of it. */
#include "lib/ipc/dial.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int
pass_pair(int flags)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, flags, 0, ends), 0);
	/* The other end stays: it ends with the test. */
	return ends[0];
}

static int
pass_connected(void)
{
	return pass_pair(SOCK_STREAM);
}

static int
pass_datagrams(void)
{
	return pass_pair(SOCK_DGRAM);
}

static int
pass_packets(void)
{
	return pass_pair(SOCK_SEQPACKET);
}

static int
pass_nothing(void)
{
	return -1;
}

static int
pass_null(void)
{
	return open("/dev/null", O_RDWR);
}

static int
pass_folder(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}

static int
pass_file(void)
{
	return open("/proc/self/exe", O_RDONLY);
}

static int
pass_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	return ends[0];
}

static int
pass_unconnected(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
pass_listener(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

static const struct {
	const char *name;
	int (*pass)(void);
	int64_t status;
	bool ok;
} cases[] = {
	{ "a connection", pass_connected, ERR_NONE, true },
	{ "a connection, and that there is none", pass_connected, ERR_TEMP,
	    false },
	{ "a connection, and an odd status", pass_connected, -77, false },
	{ "datagrams", pass_datagrams, ERR_NONE, false },
	{ "packets", pass_packets, ERR_NONE, false },
	{ "nothing", pass_nothing, ERR_NONE, false },
	{ "nothing, and why", pass_nothing, ERR_TEMP, false },
	{ "/dev/null", pass_null, ERR_NONE, false },
	{ "a folder", pass_folder, ERR_NONE, false },
	{ "a file", pass_file, ERR_NONE, false },
	{ "a pipe", pass_pipe, ERR_NONE, false },
	{ "a socket that is not connected", pass_unconnected, ERR_NONE, false },
	{ "a listener", pass_listener, ERR_NONE, false },
};

START_TEST(dial_take_has_only_connections)
{
	struct ipc_dialled answer = { .status = cases[_i].status,
		.text = VIEW("why"),
		.socket = cases[_i].pass() };
	int fd = -1;
	struct err e;

	log_set_stderr(true);
	e = ipc_dial_take(&answer, &fd);
	ck_assert_msg(err_is(e) != cases[_i].ok, "%s", cases[_i].name);
	if (cases[_i].ok) {
		ck_assert_int_eq(fd, answer.socket);
		/* Whatever it was: a read of it must not hold up the others. */
		ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	} else {
		ck_assert_int_eq(fd, -1);
		ck_assert_int_eq(e.kind, ERR_TEMP);
		if (answer.socket >= 0)
			ck_assert_msg(
			    fcntl(answer.socket, F_GETFD) < 0 && errno == EBADF,
			    "%s stays open", cases[_i].name);
	}
}
END_TEST

UNIT_MAIN("dial", { dial_take_has_only_connections, ARRAY_LEN(cases) })
