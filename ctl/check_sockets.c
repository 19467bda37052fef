/* Other software that the configuration names: does it answer? */
#include "ctl/check.h"

#include "lib/base/mem.h"
#include "lib/conf/each.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_WAIT_MS = 3000, NAME_MAX_LEN = 255 };

static struct htable seen;

/* False with errno if it cannot be connected to. */
static bool
connects(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, sa, len) == 0)
		return true;
	/* A full queue of a Unix socket: somebody is there. */
	if (errno == EAGAIN)
		return true;
	if (errno != EINPROGRESS)
		return false;
	if (poll(&p, 1, CONNECT_WAIT_MS) != 1) {
		errno = ETIMEDOUT;
		return false;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		return false;
	errno = error;
	return error == 0;
}

static bool
try_address(int family, const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;
	bool ok;

	if (fd < 0)
		return false;
	ok = connects(fd, sa, len);
	error = errno;
	(void)close(fd);
	errno = error;
	return ok;
}

static const char *
try_unix(struct check *c, struct view path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct str full = STR_EMPTY;
	const char *why = NULL;

	if (path.len > 0 && path.ptr[0] != '/' && c->conf != NULL)
		str_addf(&full, "%s/", c->conf->queue_directory);
	str_add(&full, path);
	if (full.len >= sizeof(sa.sun_path))
		why = "the path is too long";
	else {
		memcpy(sa.sun_path, full.ptr, full.len + 1);
		if (!try_address(
			AF_UNIX, (const struct sockaddr *)&sa, sizeof(sa)))
			why = strerror(errno);
	}
	str_clear(&full);
	return why;
}

/* "host:port", "[address]:port", "port" */
static const char *
try_inet(struct view text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	size_t colon = view_find_last(text, ':');
	struct view host = VIEW("localhost"), port = text;
	char h[NAME_MAX_LEN + 1], p[NAME_MAX_LEN + 1];
	const char *why = "no address";
	int code;

	if (colon != VIEW_NPOS) {
		host = view_first(text, colon);
		port = view_skip(text, colon + 1);
	}
	if (host.len > 1 && host.ptr[0] == '[' && view_ends(host, VIEW("]")))
		host = view_sub(host, 1, host.len - 2);
	if (host.len > NAME_MAX_LEN || port.len > NAME_MAX_LEN || port.len == 0)
		return "not host:port";
	memcpy(h, host.ptr, host.len);
	h[host.len] = '\0';
	memcpy(p, port.ptr, port.len);
	p[port.len] = '\0';
	code = getaddrinfo(host.len == 0 ? "localhost" : h, p, &hints, &all);
	if (code != 0)
		return gai_strerror(code);
	for (const struct addrinfo *a = all; a != NULL; a = a->ai_next) {
		if (try_address(a->ai_family, a->ai_addr, a->ai_addrlen)) {
			why = NULL;
			break;
		}
		why = strerror(errno);
	}
	freeaddrinfo(all);
	return why;
}

struct looking {
	struct check *c;
	const struct check_place *at;
};

/* "unix:path", "inet:host:port" */
static void
try_once(struct looking *l, struct view endpoint)
{
	const char *why;

	if (htable_set(&seen, endpoint, l) != NULL)
		return;
	why = view_starts(endpoint, VIEW("unix:"))
	    ? try_unix(l->c, view_skip(endpoint, 5))
	    : try_inet(view_skip(endpoint, 5));
	if (why != NULL)
		check_tell(l->c, CHECK_WARNING, l->at, "connect to %.*s: %s",
		    VIEW_ARGS(endpoint), why);
}

/* "host:port" */
static void
try_table(struct looking *l, struct view address)
{
	struct str endpoint = STR_EMPTY;

	str_printf(&endpoint, "inet:%.*s", VIEW_ARGS(address));
	try_once(l, str_view(&endpoint));
	str_clear(&endpoint);
}

/* The endpoint, then ":name". */
static void
try_socketmap(struct looking *l, struct view text)
{
	try_once(l, view_first(text, view_find_last(text, ':')));
}

static void
try_endpoint(void *arg, struct view word)
{
	struct looking *l = arg;
	struct view endpoint;
	size_t at;

	/* Tables that are servers. */
	word = check_table_spec(word);
	if (view_starts(word, VIEW("tcp:")))
		try_table(l, view_skip(word, 4));
	else if (view_starts(word, VIEW("socketmap:")))
		try_socketmap(l, view_skip(word, 10));
	/* "lmtp:unix:private/x" */
	if (check_is_table(word))
		return;
	if ((at = view_find_text(word, VIEW("unix:"))) != VIEW_NPOS ||
	    (at = view_find_text(word, VIEW("inet:"))) != VIEW_NPOS)
		endpoint = view_skip(word, at);
	else
		return;
	if (at > 0 && word.ptr[at - 1] != ':')
		return;
	try_once(l, endpoint);
}

static void
visit(struct check *c, const struct check_place *at, struct view value)
{
	struct looking l = { c, at };

	if (at->file != NULL)
		conf_each_word(value, try_endpoint, &l);
}

void
check_sockets(struct check *c)
{
	struct check_place at = check_place_of(c, "smtpd_sasl_path");
	struct str type = STR_EMPTY, path = STR_EMPTY;
	const char *why = NULL;

	htable_init(&seen);
	check_each_value(c, visit);
	if (at.file != NULL && check_value_of(c, "smtpd_sasl_type", &type) &&
	    strcmp(type.ptr, "dovecot") == 0 &&
	    check_value_of(c, "smtpd_sasl_path", &path)) {
		if (view_starts(str_view(&path), VIEW("inet:")))
			why = try_inet(view_skip(str_view(&path), 5));
		else
			why = try_unix(c, str_view(&path));
		if (why != NULL)
			check_tell(c, CHECK_WARNING, &at, "connect to %s: %s",
			    path.ptr, why);
	}
	htable_clear(&seen, NULL);
	str_clear(&type);
	str_clear(&path);
}
