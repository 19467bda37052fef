/* A connection by dial: see dial.h. */
#include "lib/ipc/dial.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/run/io.h"

#include <netinet/in.h>
#include <unistd.h>

/* What dial may take beyond the limit that it was told. */
enum { DIAL_REST_MS = 10 * 1000 };

static bool
has_option(int fd, int option, int wanted)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 &&
	    value == wanted;
}

static bool
is_connected_stream(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return has_option(fd, SO_TYPE, SOCK_STREAM) &&
	    has_option(fd, SO_ACCEPTCONN, 0) &&
	    getpeername(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    (ss.ss_family == AF_UNIX || ss.ss_family == AF_INET ||
		ss.ss_family == AF_INET6);
}

struct err
ipc_dial_take(const struct ipc_dialled *answer, int *fd)
{
	if (answer->status != ERR_NONE) {
		if (answer->socket >= 0)
			close(answer->socket);
		return err_make(ERR_TEMP, "%.*s", VIEW_ARGS(answer->text));
	}
	if (answer->socket < 0)
		return err_make(ERR_TEMP, "no connection");
	if (!is_connected_stream(answer->socket)) {
		log_warn("dial gave a descriptor that is no connection");
		close(answer->socket);
		return err_make(ERR_TEMP, "no connection");
	}
	io_set_nonblocking(answer->socket);
	*fd = answer->socket;
	return ERR_OK;
}

struct err
ipc_dial_connect(
    struct ipc_service *dial, struct view endpoint, int64_t limit_ms, int *fd)
{
	struct ipc_keep keep = IPC_KEEP_EMPTY;
	struct ipc_dialled answer = { .socket = -1 };
	struct ipc_dial ask = { .endpoint = endpoint, .timeout_ms = limit_ms };
	struct err e =
	    ipc_call(dial, IPC_OUT(dial, &ask), IPC_IN(dialled, &answer), &keep,
		deadline_in_ms(limit_ms + DIAL_REST_MS));

	if (!err_is(e))
		e = ipc_dial_take(&answer, fd);
	ipc_keep_clear(&keep);
	return e;
}
