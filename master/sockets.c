/*
 * The sockets of services.  master alone opens them, and keeps them open while
 * processes come and go, so that no client is ever refused.
 */
#include "master/service.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096 };

/* The socket that `old` holds at this address becomes ours. */
static bool
take_old_socket(struct service *old, const char *address, int *fd)
{
	for (size_t i = 0; old != NULL && i < old->n_sockets; i++) {
		struct service_socket *k = &old->sockets[i];

		if (k->fd < 0 || strcmp(k->address, address) != 0)
			continue;
		if (k->watching) {
			loop_remove_watch(&k->watch);
			k->watching = false;
		}
		*fd = k->fd;
		k->fd = -1;
		return true;
	}
	return false;
}

static struct err
add_socket(struct service *s, const char *address, int fd)
{
	struct service_socket *k;

	if (s->n_sockets == SERVICE_SOCKETS_MAX) {
		close(fd);
		return err_make(ERR_PERM, "%s: more than %d addresses",
		    s->cf->name, SERVICE_SOCKETS_MAX);
	}
	k = &s->sockets[s->n_sockets++];
	*k = (struct service_socket){ .address = xstrdup(address), .fd = fd,
		.service = s };
	return ERR_OK;
}

static struct err
listen_unix(struct service *s, struct service *old, const char *path, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (take_old_socket(old, path, &fd))
		return add_socket(s, path, fd);
	if (strlen(path) >= sizeof(addr.sun_path))
		return err_make(ERR_PERM, "%s: path too long", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(ERR_TEMP, "socket");
	unlink(path);
	/* The folder's mode says who may connect: see privileges. */
	umask(0);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG) < 0)) {
		struct err e = err_sys(ERR_TEMP, "listen on %s", path);

		umask(077);
		close(fd);
		return e;
	}
	umask(077);
	return add_socket(s, path, fd);
}

static struct err
listen_unix_both(struct service *s, struct service *old, int type)
{
	char path[108];
	struct err e;

	snprintf(path, sizeof(path), "private/%s", s->cf->name);
	e = listen_unix(s, old, path, type);
	if (err_is(e) || s->cf->is_private)
		return e;
	snprintf(path, sizeof(path), "public/%s", s->cf->name);
	return listen_unix(s, old, path, type);
}

static struct err
listen_inet(struct service *s, struct service *old, const struct addrinfo *ai)
{
	char host[64], port[16], address[96];
	int one = 1;
	int fd;

	getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port,
	    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(address, sizeof(address), "[%s]:%s", host, port);
	if (take_old_socket(old, address, &fd))
		return add_socket(s, address, fd);
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd < 0)
		return err_sys(ERR_TEMP, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, LISTEN_BACKLOG) < 0) {
		struct err e = err_sys(ERR_TEMP, "listen on %s port %s", host,
		    port);

		close(fd);
		return e;
	}
	return add_socket(s, address, fd);
}

static int
wanted_family(const struct conf *conf)
{
	bool v4 = strstr(conf->inet_protocols, "ipv4") != NULL ||
	    strcmp(conf->inet_protocols, "all") == 0;
	bool v6 = strstr(conf->inet_protocols, "ipv6") != NULL ||
	    strcmp(conf->inet_protocols, "all") == 0;

	return v4 && v6 ? AF_UNSPEC : v6 ? AF_INET6 : AF_INET;
}

/* All addresses of one host (NULL: any). */
static struct err
listen_host(struct service *s, struct service *old, const char *host)
{
	struct addrinfo hints = { .ai_family = wanted_family(master.conf),
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *list;
	struct err e = ERR_OK;
	int code = getaddrinfo(host, s->cf->port, &hints, &list);
	size_t before = s->n_sockets;

	if (code != 0)
		return err_make(ERR_PERM, "%s, line %d: %s: %s", s->cf->file,
		    s->cf->line, s->cf->name, gai_strerror(code));
	for (struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		struct err one = listen_inet(s, old, ai);

		/* A kernel without IPv6 is no mistake if IPv4 is there. */
		if (err_is(one) && !(errno == EAFNOSUPPORT && host == NULL))
			e = one;
	}
	freeaddrinfo(list);
	if (!err_is(e) && s->n_sockets == before)
		e = err_make(ERR_TEMP, "%s: no address to listen on",
		    s->cf->name);
	return e;
}

/* The service's own host, else each of inet_interfaces. */
static struct err
listen_inet_all(struct service *s, struct service *old)
{
	struct view rest = view_of(master.conf->inet_interfaces), item;

	if (s->cf->host != NULL)
		return listen_host(s, old, s->cf->host);
	if (view_eq_case(view_trim(rest), VIEW("all")))
		return listen_host(s, old, NULL);
	if (view_eq_case(view_trim(rest), VIEW("loopback-only")))
		rest = VIEW("localhost");
	while (view_token(&rest, ", \t\r\n", &item)) {
		char *host = xstrndup(item.ptr, item.len);
		size_t len = strlen(host);
		struct err e;

		if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
			host[len - 1] = '\0';
			memmove(host, host + 1, len - 1);
		}
		e = listen_host(s, old, host);
		free(host);
		if (err_is(e))
			return e;
	}
	return ERR_OK;
}

struct err
service_open_sockets(struct service *s, struct service *old)
{
	switch (s->cf->type) {
	case MASTER_INET:
		return listen_inet_all(s, old);
	case MASTER_UNIX:
		return listen_unix_both(s, old, SOCK_STREAM);
	case MASTER_UNIX_DGRAM:
		return listen_unix_both(s, old, SOCK_DGRAM);
	case MASTER_FIFO:
	case MASTER_PASS:
		/* Both are triggers of old files: a socket takes their place. */
		return listen_unix_both(s, old, SOCK_STREAM);
	}
	return ERR_OK;
}

void
service_watch_sockets(struct service *s, bool on,
    void (*ready)(struct loop_watch *w, uint32_t events))
{
	for (size_t i = 0; i < s->n_sockets; i++) {
		struct service_socket *k = &s->sockets[i];

		if (k->watching == on || k->fd < 0)
			continue;
		k->watching = on;
		if (on) {
			k->watch = (struct loop_watch){ .fd = k->fd,
				.events = EPOLLIN, .ready = ready,
				.arg = s };
			loop_add_watch(&k->watch);
		} else {
			loop_remove_watch(&k->watch);
		}
	}
}

void
service_close_sockets(struct service *s)
{
	service_watch_sockets(s, false, NULL);
	for (size_t i = 0; i < s->n_sockets; i++) {
		struct service_socket *k = &s->sockets[i];

		if (k->fd >= 0) {
			close(k->fd);
			if (k->address[0] != '[')
				unlink(k->address);
		}
		free(k->address);
	}
	s->n_sockets = 0;
}
