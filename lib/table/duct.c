/* Connections to servers with a simple protocol: see duct.h. */
#include "lib/table/duct.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/table/dbtls.h"
#include "lib/table/dbwait.h"
#include "lib/table/module.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Bytes that may come for one question. */
enum { DUCT_IN_MAX = 4 << 20 };

struct duct {
	int fd;
	SSL *ssl; /* NULL: in the clear */
	int64_t deadline;
	struct str in;
	size_t used; /* of in */
};

static bool
say(char *why, const char *what, const char *text)
{
	snprintf(why, MODULE_WHY_MAX, "%s: %s", what, text);
	return false;
}

static bool
finish_connect(int fd, int64_t deadline, char *why)
{
	int code = 0;
	socklen_t size = sizeof(code);

	if (!dbwait(fd, POLLOUT, deadline))
		return say(why, "connect", "timeout");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		code = errno;
	return code == 0 || say(why, "connect", strerror(code));
}

static int
connect_to(const struct sockaddr *addr, socklen_t len, int64_t deadline,
    char *why)
{
	int on = 1;
	int fd = socket(addr->sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		say(why, "socket", strerror(errno));
		return -1;
	}
	if (addr->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, addr, len) == 0)
		return fd;
	if (errno != EINPROGRESS)
		say(why, "connect", strerror(errno));
	else if (finish_connect(fd, deadline, why))
		return fd;
	close(fd);
	return -1;
}

static int
connect_unix(const char *path, int64_t deadline, char *why)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof(addr.sun_path)) {
		say(why, "connect", "the path is too long");
		return -1;
	}
	memcpy(addr.sun_path, path, len + 1);
	return connect_to(
	    (struct sockaddr *)&addr, sizeof(addr), deadline, why);
}

static int
connect_inet(const struct dbhost *host, unsigned port, int64_t deadline,
    char *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all;
	char service[16];
	int fd = -1, rc;

	snprintf(service, sizeof(service), "%u",
	    host->port == 0 ? port : host->port);
	rc = getaddrinfo(host->name.ptr, service, &hints, &all);
	if (rc != 0) {
		say(why, "find address", gai_strerror(rc));
		return -1;
	}
	for (struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next)
		fd = connect_to(a->ai_addr, a->ai_addrlen, deadline, why);
	freeaddrinfo(all);
	return fd;
}

struct duct *
duct_connect(
    const struct dbhost *host, unsigned port, int timeout_ms, char *why)
{
	int64_t deadline = deadline_in_ms(timeout_ms);
	struct duct *w;
	int fd;

	if (host->is_socket)
		fd = connect_unix(host->name.ptr, deadline, why);
	else
		fd = connect_inet(host, port, deadline, why);
	if (fd < 0)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	w->deadline = deadline;
	str_init(&w->in);
	return w;
}

void
duct_close(struct duct *w)
{
	if (w->ssl != NULL) {
		/* It is told, and not waited for. */
		ERR_clear_error();
		if (SSL_is_init_finished(w->ssl))
			SSL_shutdown(w->ssl);
		SSL_free(w->ssl);
	}
	close(w->fd);
	str_clear(&w->in);
	free(w);
}

/* --- bytes, in the clear or not --- */

enum flow {
	FLOW_WENT,
	FLOW_ENDED,
	FLOW_READ, /* to be tried again when there is something to read */
	FLOW_WRITE,
	FLOW_FAILED,
};

static enum flow
flow_of_tls(const struct duct *w, int rc, char *why)
{
	switch (SSL_get_error(w->ssl, rc)) {
	case SSL_ERROR_NONE:
		return FLOW_WENT;
	case SSL_ERROR_WANT_READ:
		return FLOW_READ;
	case SSL_ERROR_WANT_WRITE:
		return FLOW_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return FLOW_ENDED;
	default:
		say(why, "TLS", dbtls_reason(w->ssl));
		return FLOW_FAILED;
	}
}

static enum flow
flow_of_socket(ssize_t n, enum flow again, const char *what, char *why)
{
	if (n > 0)
		return FLOW_WENT;
	if (n == 0)
		return FLOW_ENDED;
	if (errno == EAGAIN || errno == EINTR)
		return again;
	say(why, what, strerror(errno));
	return FLOW_FAILED;
}

static enum flow
send_once(struct duct *w, struct view bytes, size_t *n, char *why)
{
	ssize_t sent;

	if (w->ssl != NULL) {
		ERR_clear_error();
		return flow_of_tls(
		    w, SSL_write_ex(w->ssl, bytes.ptr, bytes.len, n), why);
	}
	sent = send(w->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
	*n = sent > 0 ? (size_t)sent : 0;
	return flow_of_socket(sent, FLOW_WRITE, "send", why);
}

static enum flow
read_once(struct duct *w, char *buffer, size_t room, size_t *n, char *why)
{
	ssize_t got;

	if (w->ssl != NULL) {
		ERR_clear_error();
		return flow_of_tls(
		    w, SSL_read_ex(w->ssl, buffer, room, n), why);
	}
	got = recv(w->fd, buffer, room, 0);
	*n = got > 0 ? (size_t)got : 0;
	return flow_of_socket(got, FLOW_READ, "read", why);
}

/* False: it is over, or there is no more time. */
static bool
go_on(const struct duct *w, enum flow flow, const char *what, char *why)
{
	switch (flow) {
	case FLOW_READ:
	case FLOW_WRITE:
		return dbwait(w->fd, flow == FLOW_READ ? POLLIN : POLLOUT,
			   w->deadline) ||
		    say(why, what, "timeout");
	case FLOW_ENDED:
		return say(why, what, "the connection was closed");
	case FLOW_FAILED:
		return false;
	case FLOW_WENT:
		break;
	}
	return true;
}

bool
duct_start_tls(struct duct *w, const struct dbtls *t,
    const struct dbhost *host, char *why)
{
	enum flow flow;

	w->ssl = dbtls_begin(t, w->fd, host->name.ptr, why);
	if (w->ssl == NULL)
		return false;
	do {
		ERR_clear_error();
		flow = flow_of_tls(w, SSL_do_handshake(w->ssl), why);
		if (!go_on(w, flow, "TLS", why))
			return false;
	} while (flow != FLOW_WENT);
	return true;
}

/* Nothing came unasked; what TLS says to itself is none of that. */
static bool
is_silent(struct duct *w, char *why)
{
	struct pollfd p = { w->fd, POLLIN, 0 };
	char byte;
	size_t n;

	if (w->ssl == NULL)
		return poll(&p, 1, 0) == 0;
	ERR_clear_error();
	return flow_of_tls(w, SSL_peek_ex(w->ssl, &byte, 1, &n), why) ==
	    FLOW_READ;
}

bool
duct_begin(struct duct *w, int timeout_ms, char *why)
{
	w->deadline = deadline_in_ms(timeout_ms);
	if (w->in.len > w->used || !is_silent(w, why))
		return say(why, "ask", "the connection was closed");
	str_reset(&w->in);
	w->used = 0;
	return true;
}

bool
duct_send(struct duct *w, struct view bytes, char *why)
{
	while (bytes.len > 0) {
		size_t n = 0;
		enum flow flow = send_once(w, bytes, &n, why);

		if (!go_on(w, flow, "send", why))
			return false;
		bytes = view_skip(bytes, n);
	}
	return true;
}

static bool
read_more(struct duct *w, char *why)
{
	enum flow flow;

	if (w->in.len > DUCT_IN_MAX)
		return say(why, "read", "the reply is too long");
	do {
		size_t n = 0;

		flow = read_once(w, str_reserve(&w->in, 4096), 4096, &n, why);
		str_grew(&w->in, n);
		if (!go_on(w, flow, "read", why))
			return false;
	} while (flow != FLOW_WENT);
	return true;
}

bool
duct_read_line(struct duct *w, size_t max, struct view *line, char *why)
{
	for (;;) {
		struct view rest = view_skip(str_view(&w->in), w->used);
		size_t end = view_find(rest, '\n');

		if (end != VIEW_NPOS && end <= max) {
			*line = view_first(rest, end);
			w->used += end + 1;
			if (end > 0 && line->ptr[end - 1] == '\r')
				line->len--;
			return true;
		}
		if (rest.len > max)
			return say(why, "read", "a line is too long");
		if (!read_more(w, why))
			return false;
	}
}

bool
duct_read_n(struct duct *w, size_t n, struct view *bytes, char *why)
{
	while (w->in.len - w->used < n)
		if (!read_more(w, why))
			return false;
	*bytes = view_sub(str_view(&w->in), w->used, n);
	w->used += n;
	return true;
}
