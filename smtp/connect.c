/* Connecting to a target: see connect.h. */
#include "smtp/connect.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/ipc/dial.h"
#include "lib/run/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

/* Seconds: where lmtp_connect_timeout leaves it to the system. */
enum { DIAL_TIME = 100 };

/* "connect to H[A]:P: why", without the name of the system call. */
static void
explain(const struct target *t, const struct err *e, struct why *why)
{
	struct str name = STR_EMPTY;
	struct view text = view_of(e->text);

	str_add_text(&name, t->host);
	target_add_addr(&name, t);
	if (e->kind == ERR_TIME)
		text = VIEW("Connection timed out");
	else if (view_starts(text, VIEW("connect: ")))
		text = view_skip(text, sizeof("connect: ") - 1);
	why_set(why, DSN_STATUS(4, 4, 1), "connect to %s: %.*s", name.ptr,
	    VIEW_ARGS(text));
	str_clear(&name);
}

/* smtp_bind_address and smtp_bind_address6. */
static bool
bind_source(
    const struct settings *s, const struct target *t, int fd, struct why *why)
{
	const char *text =
	    t->addr.family == AF_INET ? s->bind_address : s->bind_address6;
	struct sockaddr_storage ss;
	struct dns_addr addr;
	socklen_t len;

	if (text[0] == '\0')
		return true;
	if (dns_addr_parse(view_of(text), &addr) &&
	    addr.family == t->addr.family) {
		len = dns_addr_to_sockaddr(&addr, 0, &ss);
		if (bind(fd, (struct sockaddr *)&ss, len) == 0)
			return true;
	} else {
		errno = EADDRNOTAVAIL;
	}
	if (!s->bind_enforce) {
		log_warn("bind to %s: %m", text);
		return true;
	}
	why_set(why, DSN_STATUS(4, 4, 0), "server configuration error");
	log_warn("bind to %s: %m: no connection without it", text);
	return false;
}

static bool
connect_inet(
    const struct settings *s, const struct target *t, int *out, struct why *why)
{
	struct sockaddr_storage ss;
	socklen_t len = dns_addr_to_sockaddr(&t->addr, t->port, &ss);
	int one = 1, fd;
	struct err e;

	fd = socket(
	    t->addr.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		e = err_sys(ERR_TEMP, "socket");
		explain(t, &e, why);
		return false;
	}
	if (!bind_source(s, t, fd, why)) {
		io_close(fd);
		return false;
	}
	e = io_connect(
	    fd, (struct sockaddr *)&ss, len, deadline_in(s->connect_timeout));
	if (err_is(e)) {
		io_close(fd);
		explain(t, &e, why);
		return false;
	}
	/* Groups of commands are gathered here; what is sent is whole. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
		log_debug("setsockopt: %m");
	*out = fd;
	return true;
}

static bool
connect_unix(const struct settings *s, struct ipc_service *dial,
    const struct target *t, int *out, struct why *why)
{
	struct str endpoint = STR_EMPTY;
	int64_t limit = s->connect_timeout > 0 ? s->connect_timeout : DIAL_TIME;
	struct err e;

	str_addf(&endpoint, "unix:%s", t->path);
	e = ipc_dial_connect(dial, str_view(&endpoint), limit * 1000, out);
	if (err_is(e))
		explain(t, &e, why);
	str_clear(&endpoint);
	return !err_is(e);
}

bool
connect_target(const struct settings *s, struct ipc_service *dial,
    const struct target *t, int *fd, struct why *why)
{
	bool ok = t->is_unix ? connect_unix(s, dial, t, fd, why)
			     : connect_inet(s, t, fd, why);

	/* One line for each attempt, as operators know it. */
	if (!ok && !why->is_logged) {
		log_info("%s", why->text.ptr);
		why->is_logged = true;
	}
	return ok;
}
