/* Connecting to an endpoint: see connect.h. */
#include "dial/connect.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/run/io.h"

#include <errno.h>
#include <sys/un.h>

/* The shortest time for one of several addresses, in ms. */
enum { SHARE_MS_MIN = 1000 };

static struct err
connect_to(
    const struct sockaddr *addr, socklen_t len, int64_t deadline, int *fd)
{
	struct err e;
	int s = socket(
	    addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (s < 0)
		return err_sys(ERR_TEMP, "socket");
	e = io_connect(s, addr, len, deadline);
	if (err_is(e)) {
		int saved = errno;

		io_close(s);
		errno = saved;
		return e;
	}
	/* It is somebody else's from now on. */
	io_forget(s);
	*fd = s;
	return ERR_OK;
}

static struct err
connect_path(const char *path, int64_t deadline, int *fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_make(ERR_TEMP, "the path is too long");
	memcpy(addr.sun_path, path, strlen(path));
	return connect_to((struct sockaddr *)&addr, sizeof(addr), deadline, fd);
}

/* A path with a slash at its front may have been written for a server with a
 * changed root: the queue directory, where we are. */
static struct err
connect_unix(const struct endpoint *e, int64_t deadline, int *fd)
{
	const char *below = e->path.ptr + strspn(e->path.ptr, "/");
	struct err why;

	errno = 0;
	why = connect_path(e->path.ptr, deadline, fd);
	if (err_is(why) && errno == ENOENT && below != e->path.ptr &&
	    *below != '\0' && !err_is(connect_path(below, deadline, fd)))
		return ERR_OK;
	return why;
}

/* --- inet --- */

/* "localhost" needs no asking (RFC 6761 6.3). */
static bool
add_loopback(const struct endpoint *e, struct dns_addr_list *list)
{
	static const char *const texts[] = { "127.0.0.1", "::1" };

	if (!view_eq(str_view(&e->host), VIEW("localhost")))
		return false;
	*list = (struct dns_addr_list){ .status = DNS_OK };
	list->addrs = xcalloc(ARRAY_LEN(texts), sizeof(*list->addrs));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (dns_addr_parse(view_of(texts[i]), &list->addrs[list->n]))
			list->n++;
	return true;
}

/* When to give this address up: the time left, shared with those after it. */
static int64_t
share_of(int64_t deadline, size_t left)
{
	int64_t ms = deadline_left(deadline) / (int64_t)left;
	int64_t share = deadline_in_ms(ms > SHARE_MS_MIN ? ms : SHARE_MS_MIN);

	return share < deadline ? share : deadline;
}

static struct err
connect_inet(
    const struct endpoint *e, struct dns_client *dns, int64_t deadline, int *fd)
{
	struct err why = err_make(ERR_TEMP, "no address");
	struct dns_addr_list list;
	size_t n;

	if (!add_loopback(e, &list))
		dns_lookup_addrs(
		    dns, str_view(&e->host), DNS_NATIVE, &list, deadline);
	if (list.status != DNS_OK)
		why = err_make(ERR_TEMP, "%s", list.reason);
	n = list.n < CONNECT_ADDRESSES_MAX ? list.n : CONNECT_ADDRESSES_MAX;
	for (size_t i = 0; i < n && err_is(why); i++) {
		struct sockaddr_storage ss;
		socklen_t len =
		    dns_addr_to_sockaddr(&list.addrs[i], e->port, &ss);

		why = connect_to(
		    (struct sockaddr *)&ss, len, share_of(deadline, n - i), fd);
		if (why.kind == ERR_GONE)
			break;
	}
	dns_addr_list_clear(&list);
	return why;
}

struct err
connect_endpoint(
    const struct endpoint *e, struct dns_client *dns, int64_t deadline, int *fd)
{
	struct str text = STR_EMPTY;
	struct err why;

	*fd = -1;
	why = e->is_unix ? connect_unix(e, deadline, fd)
			 : connect_inet(e, dns, deadline, fd);
	if (err_is(why)) {
		endpoint_add_text(&text, e);
		why = err_within(why, "%s", text.ptr);
		str_clear(&text);
	}
	return why;
}
