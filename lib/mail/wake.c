/* Waking pickup: see wake.h. */
#include "lib/mail/wake.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
wake_pickup(const char *socket_path, struct view name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	memcpy(addr.sun_path, socket_path,
	    strnlen(socket_path, sizeof(addr.sun_path) - 1));
	/* Whatever comes of it, the message is safe. */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		(void)!send(
		    fd, name.ptr, name.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}
